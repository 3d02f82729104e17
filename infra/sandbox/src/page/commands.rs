//! Commands for a shell that do what the page does.

use std::fmt::Write as _;

use serde_json::{Value, json};
use uuid::Uuid;

use super::disruption::Disruption;
use super::playground::Playground;

/// A request of the page, with its purpose.
struct Command {
    does: &'static str,
    path: &'static str,
    body: Value,
}

fn command(does: &'static str, path: &'static str, body: Value) -> Command {
    Command { does, path, body }
}

/// Commands for everything that the page can do, about the first customer's first linked team.
pub(super) async fn commands(playground: &Playground, address: &str) -> String {
    let slug = playground.env.customers[0].slug;
    let mut text = format!(
        "# The sandbox itself: people's and administrators' acts, disruptions, faults, deliveries, \
         time.\n# {address}/api says what each value means.\n\n\
         page() {{ curl -s -X POST \"{address}/api/$1\" -H 'Content-Type: application/json' -d \
         \"$2\"; echo; }}\n\n\
         # Show everything, and the log after an entry\n\
         curl -s '{address}/api/state?customer={slug}&after=0'\n\
         # Explain the API\n\
         curl -s '{address}/api'\n"
    );
    let acts = acts(playground).await;
    for Command { does, path, body } in
        acts.into_iter().chain(disruptions(slug)).chain(services(slug))
    {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# {does}\npage {path} '{body}'");
    }
    text
}

async fn acts(playground: &Playground) -> Vec<Command> {
    let env = &playground.env;
    let customer = &env.customers[0];
    let links = env.links(customer).await;
    let teams = env.world().teams(customer.handle.org);
    let mut linked = teams.iter().filter_map(|team| Some((*team, links.get(team)?.link.group()?)));
    let act = |does, body| command(does, "actions", body);
    let Some((team, group)) = linked.next() else {
        let create = json!({"action": "create-team", "name": "Pier", "by": customer.people[0].id(),
            "people": [customer.people[1].id()]});
        return vec![act("Create a team", create)];
    };
    let [ana, ben, ines, hugo, jonas] = [0, 1, 8, 7, 9].map(|n| customer.people[n].id());
    let space = |does, what: &str, name: Option<&str>| {
        let mut body = json!({"action": "space", "team": team, "what": what});
        match name {
            Some(name) => body["name"] = name.into(),
            None => body["space"] = team.general_space().0.to_string().into(),
        }
        act(does, body)
    };
    vec![
        act(
            "Create a team",
            json!({"action": "create-team", "name": "Pier", "by": ana, "people": [ben, hugo]}),
        ),
        act(
            "Create a group, which gets no team",
            json!({"action": "create-group", "name": "Quay", "by": ben}),
        ),
        act("Add a person in Webex", json!({"action": "add", "team": team, "person": ines})),
        act(
            "Add a person in Microsoft 365; likewise for the next four, with group or team",
            json!({"action": "add", "group": group, "person": jonas}),
        ),
        act("Remove a person", json!({"action": "remove", "group": group, "person": jonas})),
        act("Make a moderator", json!({"action": "promote", "team": team, "person": ben})),
        act("Make a member again", json!({"action": "demote", "team": team, "person": ben})),
        act("Rename", json!({"action": "rename", "group": group, "name": "Beacon"})),
        act("Archive a team", json!({"action": "archive", "team": team})),
        act("Restore an archived team", json!({"action": "unarchive", "team": team})),
        space("Create a space in the team", "create", Some("Lamp")),
        space(
            "Change a space: rename, delete, take-out, rename-folder, delete-folder, unlink",
            "unlink",
            None,
        ),
        act(
            "Decide about pending removals: apply or discard",
            json!({"action": "decide", "team": team, "decision": "discard"}),
        ),
        act("Request a sync", json!({"action": "sync-now", "team": team})),
        act(
            "Change a group: assigned, dynamic, on-premises, role-assignable, hidden, security, \
             labelled, unlabelled",
            json!({"action": "change-group", "group": group, "kind": "labelled"}),
        ),
        act(
            "Change an account: guest, member, external, internal, recreate-microsoft, \
             recreate-webex, move-webex, sync-id",
            json!({"action": "change-account", "person": jonas, "change": "guest"}),
        ),
        act("Delete a group, or a team", json!({"action": "delete", "group": group})),
        act("Restore a deleted group", json!({"action": "restore", "group": group})),
        act(
            "Press a button of the integration's message to a person",
            json!({"action": "answer-card", "person": ana, "message": Uuid::nil(), "button": 0}),
        ),
    ]
}

fn disruptions(slug: &'static str) -> impl Iterator<Item = Command> {
    Disruption::ALL.into_iter().map(move |disruption| {
        let body = json!({"customer": slug, "disruption": disruption, "switch": "on"});
        command(disruption.description().title, "disruptions", body)
    })
}

/// Commands about the services, time and the story.
fn services(slug: &'static str) -> Vec<Command> {
    let off = json!({"customer": slug, "disruption": "replica-lag", "switch": "off"});
    vec![
        command("End a disruption", "disruptions", off),
        command("Let an hour pass at once", "time", json!({"pass": 3600})),
        command("Set the speed: paused, real, ten, sixty", "time", json!({"speed": "sixty"})),
        command("Play the story; likewise next and stop", "story", json!({"do": "start"})),
        command(
            "Let the next two calls to Graph fail",
            "faults",
            json!({"service": "graph", "times": 2, "failure": {"kind": "status", "status": 503}}),
        ),
        command(
            "Acknowledge the next addition, and lose it",
            "faults",
            json!({"operation": "add-people", "failure": {"kind": "no-effect"}}),
        ),
        command("Remove all faults", "faults/clear", json!({})),
        command(
            "Repeat the last five deliveries",
            "deliveries",
            json!({"do": "repeat", "last": 5}),
        ),
        command("Reverse the waiting deliveries", "deliveries", json!({"do": "reverse"})),
        command(
            "Delay the waiting deliveries",
            "deliveries",
            json!({"do": "delay", "seconds": 60}),
        ),
        command(
            "Change the services' settings",
            "settings",
            json!({"graph": {"replica_lag_ms": 60_000}, "webex": {"deliveries_lost": 50}}),
        ),
        command(
            "Pass a request of your own to the webhook function",
            "webhooks",
            json!({"path": "/nowhere", "headers": {"Content-Type": "text/plain"}, "body": "?"}),
        ),
    ]
}
