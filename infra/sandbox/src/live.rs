//! After the story: both services on 127.0.0.1, for anybody with curl, and the functions keeping them in step. The simulated clock goes on from where the story
//! ended, at the speed of the wall clock; only what a function would sleep is skipped.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use sandbox::{Kind, Ports, Service, TenantHandle, World, serve_on};
use serde_json::Value;
use shared::clock::Clock;
use shared::http::{CALL_TIMEOUT, TransportError};
use shared::round::last_report;

use crate::show::{in_numbers, writes};
use crate::story::{Stopped, Story};

/// Where the services are, unless something else is there.
const PORTS: Ports = Ports { webex: 8081, login: 8082, graph: 8083 };

/// How often the functions look for what has become due.
const TICK: Duration = Duration::from_millis(100);

/// How long the tokens for trying things out work.
const TOKEN_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// What a person's own token may do.
const SCOPES: [&str; 4] =
    ["spark:teams_read", "spark:teams_write", "spark:team_memberships_read", "spark:team_memberships_write"];

/// Serves until Ctrl-C.
pub(crate) async fn serve(mut story: Story) -> Result<(), Stopped> {
    let world = story.house.ground().world.clone();
    let clock = story.house.ground().clock.clone();
    let servers = serve_on(&world, PORTS).await?;
    let names = story.company.names();
    let examples = examples(&story, &world, &servers).await?;
    story.page.line(&examples)?;
    world.take_calls();
    let (began, at_first) = (Instant::now(), clock.now());
    let mut last_round = clock.now();
    let mut stop = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            _ = &mut stop => return Ok(()),
            () = tokio::time::sleep(TICK) => {}
        }
        clock.advance_to(at_first + began.elapsed());
        let time = clock.now().strftime("%H:%M:%S").to_string();
        // What came over HTTP came before this step of the functions.
        for line in writes(&world.take_calls(), &names) {
            story.page.line(&format!("{time}  you      {line}"))?;
        }
        story.house.keep_up().await;
        let calls = world.take_calls();
        let lines = writes(&calls, &names);
        for line in &lines {
            story.page.good(&format!("{time}  carried  {line}"))?;
        }
        if let Some(line) = found_by_a_round(&story, &mut last_round).await {
            story.page.line(&format!("{time}  round    {line}"))?;
        }
        if lines.is_empty() && calls.iter().any(|call| call.service == Service::Graph && call.kind == Kind::Read) {
            story.page.line(&format!("{time}  looked   {}: nothing to do", in_numbers(&calls)))?;
        }
    }
}

/// What the first tenant's last round found, where it is a new one and found anything.
async fn found_by_a_round(story: &Story, last: &mut Timestamp) -> Option<String> {
    let tenant = *story.house.tenants().first()?;
    let report = last_report(story.house.ground().store.as_ref(), tenant).await.ok()??;
    if report.began <= *last {
        return None;
    }
    *last = report.began;
    let found: Vec<String> = [
        (report.spaces, "spaces with changed memberships"),
        (report.groups, "changed groups"),
        (report.due, "looks due"),
        (report.can_take_part, "people who can take part now"),
        (report.repaired, "webhooks and subscriptions mended"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{what}: {count}"))
    .chain(report.standstill.map(|why| why.line().to_owned()))
    .chain(report.troubles)
    .collect();
    (!found.is_empty()).then(|| found.join(", "))
}

/// What can be tried, to be copied into a shell.
async fn examples(story: &Story, world: &World, servers: &sandbox::Servers) -> Result<String, Stopped> {
    let company = &story.company;
    world.webex_settings(|settings| settings.access_life = TOKEN_LIFE);
    let ada = world.issue_tokens(company.people[0].ids.person, &SCOPES).access_token;
    let admin = administrators_token(world, &company.handle).await?;
    let team = world.team_id(company.team);
    let group = company.want.group.map(|group| group.to_string()).unwrap_or_default();
    let [joins_in_graph, joins_in_webex] = [&company.people[58], &company.people[59]];
    let (webex, login, graph) = (&servers.webex, &servers.login, &servers.graph);
    Ok(format!(
        r#"
Both sides are open now, and kept in step in real time. Ctrl-C ends it.

  Webex  {webex}/v1      Entra  {login}      Graph  {graph}/v1.0

In another terminal (Ada Arndt's own token, and an administrator's app token):

export WEBEX={webex}/v1 GRAPH={graph}/v1.0 TEAM={team} GROUP={group}
export ADA={ada}
export ADMIN={admin}

# Look at both sides
curl -s "$WEBEX/team/memberships?teamId=$TEAM&max=100" -H "Authorization: Bearer $ADA"
curl -s "$GRAPH/groups/$GROUP/members?\$select=displayName&\$top=100" -H "Authorization: Bearer $ADMIN"
# {by_graph} joins the group: in the team after Graph's notification, some ten seconds later
curl -s -X POST "$GRAPH/groups/$GROUP/members/\$ref" -H "Authorization: Bearer $ADMIN" -H 'Content-Type: application/json' -d '{{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/{object}"}}'
# {by_webex} joins the team: in the group within a second
curl -s -X POST "$WEBEX/team/memberships" -H "Authorization: Bearer $ADA" -H 'Content-Type: application/json' -d "{{\"teamId\": \"$TEAM\", \"personEmail\": \"{mail}\"}}"
# Rename the team
curl -s -X PUT "$WEBEX/teams/$TEAM" -H "Authorization: Bearer $ADA" -H 'Content-Type: application/json' -d '{{"name": "Pier"}}'
# A new team: the next round finds it, within a minute; then look for its group
curl -s -X POST "$WEBEX/teams" -H "Authorization: Bearer $ADA" -H 'Content-Type: application/json' -d '{{"name": "By hand"}}'
curl -s "$GRAPH/groups?\$select=displayName,uniqueName" -H "Authorization: Bearer $ADMIN"
"#,
        by_graph = joins_in_graph.name,
        by_webex = joins_in_webex.name,
        object = joins_in_graph.ids.object,
        mail = world.mail_of(joins_in_webex.ids.person).unwrap_or_default(),
    ))
}

/// An app's token from Entra, which lives longer than those of the functions.
async fn administrators_token(world: &World, handle: &TenantHandle) -> Result<String, Stopped> {
    let mut usual = Duration::ZERO;
    world.graph_settings(|settings| usual = std::mem::replace(&mut settings.token_life, TOKEN_LIFE));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("scope", "https://graph.microsoft.com/.default")
        .append_pair("client_id", &handle.microsoft_app.client_id)
        .append_pair("client_secret", &handle.microsoft_app.client_secret)
        .finish();
    let url = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", handle.directory);
    let request = http::Request::post(url).body(Bytes::from(form));
    let request = request.map_err(|error| TransportError::NotSent(error.to_string()))?;
    let answer = world.transport().send(request, CALL_TIMEOUT).await?;
    world.graph_settings(|settings| settings.token_life = usual);
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let token = body["access_token"].as_str().map(str::to_owned);
    Ok(token.ok_or_else(|| TransportError::NoAnswer(body.to_string()))?)
}
