//! Commands for a shell about a customer that has not connected yet.

use domain::ids::PersonId;
use sim::Servers;

use super::cast::{Account, RENAMED, UNMATCHED};
use super::playground::Playground;

/// The scopes of a person's own token.
const SCOPES: [&str; 8] = [
    "spark:teams_read",
    "spark:teams_write",
    "spark:team_memberships_read",
    "spark:team_memberships_write",
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:messages_read",
    "spark:messages_write",
];

/// Commands with which the first person creates a team and answers the integration, and an
/// administrator connects accounts.
pub(super) fn fresh_commands(playground: &Playground, servers: &Servers) -> String {
    let env = &playground.env;
    let (world, customer) = (env.world(), &env.customers[0]);
    let handle = &customer.handle;
    let webex = format!("{}/v1", servers.webex);
    let service_account = world.email(handle.service_account).unwrap_or_default();
    let ada = customer.people[0].person.map(|person| world.issue_tokens(person, &SCOPES));
    let token = ada.map(|pair| pair.access_token).unwrap_or_default();
    let admin = handle.administrator.person;
    let admin_token = world.issue_tokens(admin, &["identity:people_rw"]).access_token;
    let named = |one: &&Account, name: &str| one.name == name;
    let renamed = customer.people.iter().find(|one| named(one, RENAMED));
    let renamed = renamed.and_then(|one| one.object);
    let mut unmatched = customer.people.iter().filter(|one| named(one, UNMATCHED[1]));
    let unmatched = unmatched.find_map(|one| one.person);
    let patch = |person: PersonId, operation: String| {
        let body = format!(
            "{{\"schemas\": [\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"], \
             \"Operations\": [{{\"path\": \"externalId\", {operation}}}]}}"
        );
        format!(
            "curl -s -X PATCH {webex}/identity/scim/{}/v2/Users/{person} \
             -H 'Authorization: Bearer {admin_token}' -H 'Content-Type: application/json' \
             -d '{body}'",
            handle.org
        )
    };
    let added = unmatched.zip(renamed).map(|(unmatched, renamed)| {
        patch(unmatched, format!("\"op\": \"add\", \"value\": \"{renamed}\""))
    });
    format!(
        "# Webex  {webex}      Entra  {}      Graph  {}/v1.0\n\n\
         # Ada Arndt creates a team\n\
         curl -s -X POST {webex}/teams -H 'Authorization: Bearer {token}' \
         -H 'Content-Type: application/json' -d '{{\"name\": \"Lighthouse\"}}'\n\
         # If creators are asked, Ada reads the question, and answers with the message's ID and \
         the values of a button\n\
         curl -s '{webex}/messages/direct?personEmail={service_account}' \
         -H 'Authorization: Bearer {token}'\n\
         curl -s -X POST {webex}/attachment/actions -H 'Authorization: Bearer {token}' \
         -H 'Content-Type: application/json' \\\n  \
         -d '{{\"type\": \"submit\", \"messageId\": \"...\", \
         \"inputs\": {{\"team\": \"...\", \"group\": \"yes\"}}}}'\n\
         # Give Hanna Holm's account the externalId of Hanna Meyer. The names differ, so an \
         administrator confirms it\n\
         {}\n",
        servers.login,
        servers.graph,
        added.unwrap_or_default()
    )
}
