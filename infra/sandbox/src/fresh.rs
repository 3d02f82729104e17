//! An organization that is not connected yet, and the setup pages on 127.0.0.1: everything from the sign-in to a group can be clicked. Time runs as on the wall.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use clients::http::{CALL_TIMEOUT, Transport};
use domain::clock::Clock;
use domain::ids::PersonId;
use http::StatusCode;
use jiff::Timestamp;
use sandbox::house::{Addresses, Ground, House, HouseError};
use sandbox::{Ports, serve_on};
use tokio::net::TcpListener;

/// Where the setup pages are, unless something else is there.
const PORT: u16 = 8080;

/// Where the services are, unless something else is there.
const PORTS: Ports = Ports { webex: 8081, login: 8082, graph: 8083 };

/// How often the functions look for what has become due.
const TICK: Duration = Duration::from_millis(200);

/// The largest body that is handed on.
const LARGEST_BODY: usize = 1024 * 1024;

/// Who works there.
const PEOPLE: [&str; 6] = ["Ada Arndt", "Ben Bellini", "Chloé Costa", "Dario Demir", "Elif Eriksen", "Farid Arndt"];

/// Who has an account on either side, and no externalId that says so.
const APART: [&str; 2] = ["Gwen Garcia", "Hanna Holm"];

/// What a person's own token may do.
const SCOPES: [&str; 6] = [
    "spark:teams_read",
    "spark:teams_write",
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:messages_read",
    "spark:messages_write",
];

/// Why there are no pages.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotServed {
    /// No port, or no output.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The functions could not be wired, or a tenant not be taken in.
    #[error(transparent)]
    House(#[from] HouseError),
}

/// Serves until Ctrl-C.
pub(crate) async fn serve() -> Result<(), NotServed> {
    let ground = Ground::new(Timestamp::now(), 7);
    let (world, clock) = (ground.world.clone(), ground.clock.clone());
    let handle = world.add_tenant("Acme");
    world.withdraw_consent(handle.directory);
    let people: Vec<_> = PEOPLE.iter().map(|name| world.add_person(&handle, name)).collect();
    let apart = APART.map(|name| (world.add_webex_only(&handle, name), world.add_entra_only(&handle, name)));
    let servers = serve_on(&world, PORTS).await?;
    let listener = match TcpListener::bind(("127.0.0.1", PORT)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => TcpListener::bind(("127.0.0.1", 0)).await?,
        bound => bound?,
    };
    let functions = format!("http://{}", listener.local_addr()?);
    let webex = format!("{}/v1", servers.webex);
    let addresses = Addresses { webex: webex.clone(), login: servers.login.clone(), functions: functions.clone() };
    let mut house = House::served(&ground, addresses, world.transport_beside(&servers))?;
    house.deploy(&handle).await?;
    let pages = Router::new().fallback(answer).with_state((house.setup_pages(), functions.clone()));
    let serving = tokio::spawn(async move { axum::serve(listener, pages).await });
    let officer = world.mail_of(handle.officer).unwrap_or_default();
    let token = world.issue_tokens(people[0].person, &SCOPES).access_token;
    let writes = world.issue_tokens(handle.administrator.person, &["identity:people_rw"]).access_token;
    let patch = |person: PersonId, operation: String| {
        format!(
            "curl -s -X PATCH {webex}/identity/scim/{org}/v2/Users/{person} -H 'Authorization: Bearer {writes}' -H 'Content-Type: application/json' \
             -d '{{\"schemas\": [\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"], \"Operations\": [{{\"path\": \"externalId\", {operation}}}]}}'",
            org = handle.org
        )
    };
    let farid = people[PEOPLE.len() - 1];
    let taken = patch(farid.person, "\"op\": \"remove\"".into());
    let given = patch(apart[1].0, format!("\"op\": \"add\", \"value\": \"{}\"", farid.object));
    anstream::println!(
        "The setup pages: {functions}\n\n\
         Sign in with Webex as Full Administrator, connect Webex as Compliance Officer, and authorize at Microsoft as Full Administrator.\n\
         Then switch the integration on, and let Ada Arndt make a team:\n\n\
         curl -s -X POST {webex}/teams -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{{\"name\": \"Lighthouse\"}}'\n\n\
         If creators are asked, this is what she reads; she answers with the message's id and what the button carries:\n\n\
         curl -s '{webex}/messages/direct?personEmail={officer}' -H 'Authorization: Bearer {token}'\n\
         curl -s -X POST {webex}/attachment/actions -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\\n  \
         -d '{{\"type\": \"submit\", \"messageId\": \"...\", \"inputs\": {{\"team\": \"...\", \"group\": \"yes\"}}}}'\n\n\
         An externalId moves from Farid Arndt's account to that of Hanna Holm by these:\n\n\
         {taken}\n{given}\n\n\
         Ctrl-C ends it."
    );
    let (began, at_first) = (Instant::now(), clock.now());
    let mut stop = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            _ = &mut stop => {
                serving.abort();
                return Ok(());
            }
            () = tokio::time::sleep(TICK) => {}
        }
        clock.advance_to(at_first + began.elapsed());
        for tenant in house.listed().await? {
            if !house.tenants().contains(&tenant) {
                house.take_in(tenant).await?;
                anstream::println!("A tenant has connected: {tenant}");
            }
        }
        house.keep_up().await;
    }
}

/// Puts a request of a browser before the function.
async fn answer(
    State((pages, functions)): State<(Arc<dyn Transport>, String)>,
    request: Request,
) -> http::Response<Body> {
    let refused = |status: StatusCode| {
        let mut answer = http::Response::new(Body::empty());
        *answer.status_mut() = status;
        answer
    };
    let (mut parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let path = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let Ok(uri) = format!("{functions}{path}").parse() else { return refused(StatusCode::BAD_REQUEST) };
    parts.uri = uri;
    match pages.send(http::Request::from_parts(parts, body), CALL_TIMEOUT).await {
        Ok(answer) => answer.map(Body::from),
        Err(_) => refused(StatusCode::BAD_GATEWAY),
    }
}
