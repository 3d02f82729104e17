//! Commands for a shell.

use std::time::Duration;

use bytes::Bytes;
use clients::http::{CALL_TIMEOUT, TransportError};
use serde_json::Value;
use sim::{Servers, TenantHandle, World};

use super::fresh_commands::fresh_commands;
use super::playground::Playground;

/// The lifetime of the tokens in the commands.
const TOKEN_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// The scopes of a person's own token.
const SCOPES: [&str; 4] = [
    "spark:teams_read",
    "spark:teams_write",
    "spark:team_memberships_read",
    "spark:team_memberships_write",
];

/// Commands for the first customer's first linked team, or to get there.
///
/// # Errors
/// If no token can be issued.
pub async fn curl(playground: &Playground, servers: &Servers) -> Result<String, TransportError> {
    let env = &playground.env;
    let (world, customer) = (env.world(), &env.customers[0]);
    if !customer.is_connected() {
        return Ok(fresh_commands(playground, servers));
    }
    let [ana, by_webex, by_graph] = [0, 13, 12].map(|n| &customer.people[n]);
    // At sixty times the speed, a token of hours would end within minutes.
    world.webex_settings(|settings| settings.access_life = TOKEN_LIFE);
    let own = ana.person.map(|person| world.issue_tokens(person, &SCOPES).access_token);
    let own = own.unwrap_or_default();
    let admin = app_token(world, &customer.handle).await?;
    let links = env.links(customer).await;
    let teams = world.teams(customer.handle.org);
    let mut linked = teams.iter().filter_map(|team| Some((*team, links.get(team)?.link.group()?)));
    let no_team = || TransportError::NotSent("there is no linked team".into());
    let (team, group) = linked.next().ok_or_else(no_team)?;
    let object = by_graph.object.map(|object| object.to_string()).unwrap_or_default();
    let mail = by_webex.person.and_then(|person| world.email(person)).unwrap_or_default();
    let (webex, login, graph) = (&servers.webex, &servers.login, &servers.graph);
    let (team, joins_group, joins_team) = (world.team_id(team), &by_graph.name, &by_webex.name);
    Ok(format!(
        r#"# Webex  {webex}/v1      Entra  {login}      Graph  {graph}/v1.0
# Ana Arndt's token, and an app's token. Time is simulated: the page sets its speed.

export WEBEX={webex}/v1 GRAPH={graph}/v1.0 TEAM={team} GROUP={group}
export ANA={own}
export ADMIN={admin}

# List the members of both sides
curl -s "$WEBEX/team/memberships?teamId=$TEAM&max=100" -H "Authorization: Bearer $ANA"
curl -s "$GRAPH/groups/$GROUP/members?\$select=displayName&\$top=100" -H "Authorization: Bearer $ADMIN"
# {joins_group} joins the group: in the team about ten seconds later, after Graph's notification
curl -s -X POST "$GRAPH/groups/$GROUP/members/\$ref" -H "Authorization: Bearer $ADMIN" -H 'Content-Type: application/json' -d '{{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/{object}"}}'
# {joins_team} joins the team: in the group within a second
curl -s -X POST "$WEBEX/team/memberships" -H "Authorization: Bearer $ANA" -H 'Content-Type: application/json' -d "{{\"teamId\": \"$TEAM\", \"personEmail\": \"{mail}\"}}"
# Rename the team
curl -s -X PUT "$WEBEX/teams/$TEAM" -H "Authorization: Bearer $ANA" -H 'Content-Type: application/json' -d '{{"name": "Pier"}}'
# Create a team, which reconciliation finds within a minute; then find its group
curl -s -X POST "$WEBEX/teams" -H "Authorization: Bearer $ANA" -H 'Content-Type: application/json' -d '{{"name": "By hand"}}'
curl -s "$GRAPH/groups?\$select=displayName,uniqueName" -H "Authorization: Bearer $ADMIN"
"#
    ))
}

/// An app's token from Entra, which lives longer than the tokens of the functions.
async fn app_token(world: &World, handle: &TenantHandle) -> Result<String, TransportError> {
    let mut usual = Duration::ZERO;
    world.graph_settings(|settings| {
        usual = std::mem::replace(&mut settings.token_life, TOKEN_LIFE);
    });
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("scope", "https://graph.microsoft.com/.default")
        .append_pair("client_id", &handle.microsoft_app.client_id)
        .append_pair("client_secret", &handle.microsoft_app.client_secret)
        .finish();
    let url = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", handle.directory);
    let request = http::Request::post(url).body(Bytes::from(form));
    let request = request.map_err(|error| TransportError::NotSent(error.to_string()))?;
    let answer = world.transport().send(request, CALL_TIMEOUT).await;
    // At once: the functions' own tokens have to end as usual.
    world.graph_settings(|settings| settings.token_life = usual);
    let body: Value = serde_json::from_slice(answer?.body()).unwrap_or_default();
    let token = body["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| TransportError::NoAnswer(body.to_string()))
}
