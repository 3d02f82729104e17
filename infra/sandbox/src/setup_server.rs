//! Serves the setup pages on 127.0.0.1, for an organization that is not connected yet.
//!
//! Time runs as on the wall clock.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use clients::http::{CALL_TIMEOUT, Transport};
use domain::clock::Clock;
use domain::ids::{ObjectId, PersonId};
use http::StatusCode;
use jiff::Timestamp;
use sandbox::local_stack::{Addresses, Backend, LocalStack, LocalStackError};
use sim::{Person, Ports, Servers, TenantHandle, World, serve_on};
use tokio::net::TcpListener;

use crate::command_line::{StopSignal, behind};

/// The interval at which the functions check for due work.
const INTERVAL: Duration = Duration::from_millis(200);

/// The maximum size of a request body.
const MAX_BODY: usize = 1024 * 1024;

/// The people of the organization.
const PEOPLE: [&str; 6] =
    ["Ada Arndt", "Ben Bellini", "Chloé Costa", "Dario Demir", "Elif Eriksen", "Farid Arndt"];

/// People with an account on either side, and no externalId that connects the accounts.
const UNMATCHED: [&str; 2] = ["Gwen Garcia", "Hanna Holm"];

/// The name in the directory of one of them, who has another one in Webex.
const RENAMED: &str = "Hanna Meyer";

/// The scopes of a person's own token.
const SCOPES: [&str; 6] = [
    "spark:teams_read",
    "spark:teams_write",
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:messages_read",
    "spark:messages_write",
];

/// The reason why the setup pages cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupServerError {
    /// A port or the output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The local stack failed.
    #[error(transparent)]
    LocalStack(#[from] LocalStackError),
}

/// The organization's accounts.
struct Organization {
    handle: TenantHandle,
    people: Vec<Person>,
    unmatched: Vec<(PersonId, ObjectId)>,
    renamed: ObjectId,
}

impl Organization {
    fn create(world: &World) -> Self {
        let handle = world.add_tenant("Acme");
        // A simulated tenant has consented already, which is what the pages are to show.
        world.withdraw_consent(handle.directory);
        let people = PEOPLE.iter().map(|name| world.add_person(&handle, name)).collect();
        let both = |name: &&str| {
            (world.add_webex_only(&handle, name), world.add_entra_only(&handle, name))
        };
        let unmatched = UNMATCHED.iter().map(both).collect();
        let renamed = world.add_entra_only(&handle, RENAMED);
        Self { handle, people, unmatched, renamed }
    }
}

/// Serves until it is stopped: the pages on `port`, Webex, Entra and Graph on the next three.
///
/// 0 chooses free ports.
pub(crate) async fn serve(port: u16) -> Result<(), SetupServerError> {
    let mut stop = StopSignal::listen()?;
    let backend = Backend::new(Timestamp::now(), 7);
    let (world, clock) = (backend.world.clone(), backend.clock.clone());
    let organization = Organization::create(&world);
    let ports = ports_behind(port);
    let servers = serve_on(&world, ports).await?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let functions = format!("http://{}", listener.local_addr()?);
    let transport = world.transport_beside(&servers);
    let addresses = addresses(&servers, &functions);
    let mut stack = LocalStack::served_at(&backend, addresses, transport)?;
    stack.deploy(&organization.handle).await?;
    let pages = router(stack.setup_pages(), functions.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, pages).await });
    anstream::println!("{}", guidance(&world, &organization, &servers, &functions));
    let (began, start) = (Instant::now(), clock.now());
    loop {
        tokio::select! {
            stopped = stop.received() => {
                serving.abort();
                return Ok(stopped?);
            }
            () = tokio::time::sleep(INTERVAL) => {}
        }
        // From the start each time, so that rounding does not add up.
        clock.advance_to(start + began.elapsed());
        for tenant in stack.listed_tenants().await? {
            if !stack.tenants().contains(&tenant) {
                stack.start_tenant(tenant).await?;
                anstream::println!("A tenant has connected: {tenant}");
            }
        }
        stack.run_due().await;
    }
}

/// The ports of the services.
pub(crate) fn ports_behind(port: u16) -> Ports {
    Ports { webex: behind(port, 1), login: behind(port, 2), graph: behind(port, 3) }
}

/// The addresses for a browser.
pub(crate) fn addresses(servers: &Servers, functions: &str) -> Addresses {
    Addresses {
        webex: format!("{}/v1", servers.webex),
        login: servers.login.clone(),
        functions: functions.to_owned(),
    }
}

/// The steps for a person in front of the terminal, with commands.
fn guidance(
    world: &World,
    organization: &Organization,
    servers: &Servers,
    functions: &str,
) -> String {
    let Organization { handle, people, unmatched, renamed } = organization;
    let webex = format!("{}/v1", servers.webex);
    let service_account = world.email(handle.service_account).unwrap_or_default();
    let token = world.issue_tokens(people[0].person, &SCOPES).access_token;
    let admin = handle.administrator.person;
    let admin_token = world.issue_tokens(admin, &["identity:people_rw"]).access_token;
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
    let value = format!("\"op\": \"add\", \"value\": \"{renamed}\"");
    let added = patch(unmatched[1].0, value);
    format!(
        "The setup pages: {functions}\n\n\
         1. Sign in with Webex as Full Administrator.\n\
         2. Connect Webex as Compliance Officer, and authorize at Microsoft as Full \
         Administrator.\n\
         3. Turn syncing on, and let Ada Arndt create a team:\n\n\
         curl -s -X POST {webex}/teams -H 'Authorization: Bearer {token}' \
         -H 'Content-Type: application/json' -d '{{\"name\": \"Lighthouse\"}}'\n\n\
         If creators are asked, Ada reads the question with the first command, and answers with \
         the message's ID and the values of a button:\n\n\
         curl -s '{webex}/messages/direct?personEmail={service_account}' \
         -H 'Authorization: Bearer {token}'\n\
         curl -s -X POST {webex}/attachment/actions -H 'Authorization: Bearer {token}' \
         -H 'Content-Type: application/json' \\\n  \
         -d '{{\"type\": \"submit\", \"messageId\": \"...\", \
         \"inputs\": {{\"team\": \"...\", \"group\": \"yes\"}}}}'\n\n\
         This gives Hanna Holm's account the externalId of Hanna Meyer. The names differ, so an \
         administrator confirms it:\n\n\
         {added}\n\n\
         Ctrl-C ends it."
    )
}

/// The setup pages at an address, as a router.
pub(crate) fn router(pages: Arc<dyn Transport>, address: String) -> Router {
    Router::new().fallback(pass_on).with_state((pages, address))
}

/// Passes a browser's request on to the function.
async fn pass_on(
    State((pages, functions)): State<(Arc<dyn Transport>, String)>,
    request: Request,
) -> http::Response<Body> {
    let refused = |status: StatusCode| {
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = status;
        response
    };
    let (mut parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let path = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let Ok(uri) = format!("{functions}{path}").parse() else {
        return refused(StatusCode::BAD_REQUEST);
    };
    parts.uri = uri;
    match pages.send(http::Request::from_parts(parts, body), CALL_TIMEOUT).await {
        Ok(response) => response.map(Body::from),
        Err(_) => refused(StatusCode::BAD_GATEWAY),
    }
}
