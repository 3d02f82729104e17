//! Responses of both services to the clients' calls.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use clients::graph::{Bind, Credential, DeltaFrom, Entra, Graph, NewGroup, Relation};
use clients::http::{Access, CallError, CallFailure, ErrorClass};
use clients::webex::{MembershipRole, ScimOrder, SpacesFrom, Webex, WebexId, WebhookOwner};
use domain::clock::SimulatedClock;
use domain::ids::{DirectoryId, GroupId, ObjectId, OrgId, PersonId, RoomId, TeamId};
use http::{HeaderMap, HeaderValue, Method, Request};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use uuid::Uuid;

use crate::answers::Script;
use crate::{deadline, noon};

const TOKEN: &str = "the-token-that-no-one-may-see";
const GRAPH: &str = "https://graph.microsoft.com/v1.0";
const WEBEX: &str = "https://webexapis.com/v1";
const LOGIN: &str = "https://login.microsoftonline.com";

/// The longest wait, whatever a service says.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// More calls than any operation makes without progress.
const MOST_CALLS: usize = 64;

fn access() -> Access {
    Access::with_token(SecretString::from(TOKEN), deadline())
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number << 96 | 0x4000_8000_0000_0000_0000)
}

/// Asserts the rules of every request: to this service only, and with one token.
fn assert_own_request(request: &Request<Bytes>, base: &str, carries_token: bool) {
    let uri = request.uri().to_string();
    let host = base.split('/').nth(2).unwrap();
    assert_eq!(request.uri().host(), Some(host), "{uri}");
    assert_eq!(request.uri().scheme_str(), Some("https"), "{uri}");
    assert!(!uri.contains(TOKEN), "{uri}");
    let tokens: Vec<_> = request.headers().get_all("authorization").iter().collect();
    assert_eq!(tokens.len(), usize::from(carries_token), "{uri}");
    if request.method() == Method::DELETE && uri.contains("/members/") {
        assert!(uri.ends_with("/$ref"), "{uri}");
    }
}

/// Asserts the rules of every error: one log line without the token, and a wait of a day at most.
fn assert_loggable(error: &CallError) {
    let text = error.to_string();
    assert!(!text.contains(TOKEN), "{text}");
    assert!(text.chars().count() < 1_000, "{} characters: {text}", text.chars().count());
    assert!(!text.contains(['\n', '\r']), "{text:?}");
    if let ErrorClass::ThrottledUntil(until) = error.class() {
        assert!(until <= noon() + A_DAY + SignedDuration::from_mins(1), "{until}");
    }
}

/// Returns `true` if a response contains the token, as only fuzzing produces: errors may then
/// repeat it.
fn contains_token(answer: &[u8]) -> bool {
    answer.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes())
}

/// Calls a service that answers as the text says.
struct Answering<'a> {
    text: &'a [u8],
    base: &'static str,
    carries_token: bool,
}

impl Answering<'_> {
    fn to<T, E: Display>(
        &self,
        call: impl AsyncFnOnce(Arc<Script>) -> Result<T, E>,
        error: impl Fn(&E) -> &CallError,
    ) -> Option<T> {
        let script = Arc::new(Script::read(self.text));
        let came = crate::run(call(script.clone()));
        let asked = script.asked();
        assert!(
            asked.len() <= MOST_CALLS + self.text.iter().filter(|byte| **byte == 0).count(),
            "{} calls",
            asked.len()
        );
        asked.iter().for_each(|request| assert_own_request(request, self.base, self.carries_token));
        came.inspect_err(|refused| assert_loggable(error(refused))).ok()
    }
}

fn webex(script: Arc<Script>) -> Webex {
    Webex::new(WEBEX, script, Arc::new(SimulatedClock::starting_at(noon()))).unwrap()
}

fn graph(script: Arc<Script>) -> Graph {
    Graph::new(GRAPH, script, Arc::new(SimulatedClock::starting_at(noon()))).unwrap()
}

/// Checks the creation of a group and the addition of its members.
fn check_writes(answering: &Answering<'_>, access: &Access, group: GroupId, people: &[ObjectId]) {
    let new = NewGroup {
        display_name: "Golf".into(),
        mail_nickname: "golf".into(),
        description: None,
        owners: people[..1].to_vec(),
        members: people[..2].to_vec(),
    };
    answering.to(
        async |script| graph(script).upsert_group(access, "webex-team-1", &new).await,
        |error| error,
    );
    let binds: Vec<_> =
        people.iter().map(|person| Bind { person: *person, relation: Relation::Member }).collect();
    answering.to(
        async |script| {
            let bound = graph(script).bind(access, group, &binds).await;
            let known = bound.outcomes.len() + bound.unknown.len();
            assert!(bound.stopped.is_some() || known == binds.len(), "every outcome is known");
            bound.stopped.map_or(Ok(()), Err)
        },
        |error| error,
    );
}

/// Checks any responses of Graph and Entra to all calls.
pub fn graph_answers(text: &[u8]) {
    if contains_token(text) {
        return;
    }
    let answering = Answering { text, base: GRAPH, carries_token: true };
    let access = access();
    let (group, people): (GroupId, Vec<ObjectId>) =
        (GroupId(id(1)), (1..=20).map(|n| ObjectId(id(n))).collect());
    macro_rules! call {
        ($($method:ident($($argument:expr),*)),+ $(,)?) => {$(
            answering.to(
                async |script| graph(script).$method(&access $(, $argument)*).await,
                |error| error,
            );
        )+};
    }
    call!(
        users(&people),
        users_named(&["a'b@example.com".into(), "c@example.com".into()]),
        user_named("a@example.com"),
        groups_of(people[0]),
        is_member(people[0], group),
        group(group),
        group_settings(),
        directory_profile(),
        subscriptions(),
        deleted_group(group),
        group_drive(group),
        remove_member(group, people[0]),
        rename_group(group, "Golf"),
        groups_beginning("Go'lf"),
        delta(DeltaFrom::Now),
    );
    if let Some(Some(reading)) =
        answering.to(async |script| graph(script).read_group(&access, group).await, |error| error)
    {
        assert!(reading.group.is_none_or(|group| group.id.to_string().len() == 36));
        for listing in [reading.members.get(), reading.owners.get()] {
            assert!(listing.windows(2).all(|two| two[0].id < two[1].id), "no one twice");
        }
    }
    check_writes(&answering, &access, group, &people);
    let answering = Answering { base: LOGIN, carries_token: false, ..answering };
    let credential = Credential::Secret("secret".into());
    let token = async |script: Arc<Script>| {
        let clock = Arc::new(SimulatedClock::starting_at(noon()));
        let entra = Entra::new(LOGIN, GRAPH, script, clock).unwrap();
        entra.token(DirectoryId(id(3)), "client", &credential, deadline()).await
    };
    answering.to(token, |error| &error.call);
}

/// Checks any responses of Webex to all calls.
pub fn webex_answers(text: &[u8]) {
    if contains_token(text) {
        return;
    }
    let answering = Answering { text, base: WEBEX, carries_token: true };
    let access = access();
    let (org, person) = (OrgId(id(1)), PersonId(id(2)));
    let team = WebexId::new(Default::default(), TeamId(id(3)));
    let (room, account) = (
        WebexId::<RoomId>::new(Default::default(), RoomId(id(4))),
        WebexId::new(Default::default(), person),
    );
    macro_rules! call {
        ($($method:ident($($argument:expr),*)),+ $(,)?) => {$(
            answering.to(
                async |script| webex(script).$method(&access $(, $argument)*).await,
                |error| error,
            );
        )+};
    }
    call!(
        team(&team),
        room(&room),
        rooms_of_team(&team),
        person(&account),
        me(),
        memberships_of(&account),
        spaces_of(&SpacesFrom::First(account.clone())),
        membership_in(&room, &account),
        add_membership(&room, &account, MembershipRole::Member),
        join(&room, &account),
        membership_events(None, noon() - A_DAY, noon()),
        webhooks(WebhookOwner::Org),
        linked_folder(&room),
        scim_page(org, 1, 100, ScimOrder::NewestFirst),
        scim_user(org, person),
        scim_user_by_name(org, "a\"b\\c@example.com"),
        attachment_action("action"),
        send_to_person(&account, "text"),
    );
    let memberships =
        answering.to(async |script| webex(script).memberships(&access, &room).await, |error| error);
    for one in memberships.iter().flat_map(|all| &all.get().members) {
        assert!(!one.id.to_string().contains(['/', '?', '#', '%', '.']), "{}", one.id);
    }
    let answering = Answering { carries_token: false, ..answering };
    let secret = SecretString::from("secret");
    answering.to(
        async |script| webex(script).refresh("client", &secret, &secret, deadline()).await,
        |error| error,
    );
}

/// Checks any `Retry-After`: a day at most, from any time, in a header or a batch.
pub fn retry_after(text: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(text) else {
        return;
    };
    if contains_token(text) {
        return;
    }
    let headers: HeaderMap = [(http::header::RETRY_AFTER, value)].into_iter().collect();
    for now in [noon(), Timestamp::UNIX_EPOCH, Timestamp::MIN, Timestamp::MAX] {
        if let Some(pause) = clients::http::retry_after(&headers, now) {
            assert!(pause <= A_DAY.unsigned_abs(), "{pause:?} from {now}");
        }
    }
    let head = [
        b"429\nRetry-After: ".as_slice(),
        text,
        b"\nRateLimit-Limit: 20\nRateLimit-Remaining: 0\nRateLimit-Reset: ",
        text,
        b"\n\n",
    ]
    .concat();
    if head.contains(&0) {
        return;
    }
    let script = Arc::new(Script::read(&head));
    let graph = Graph::new(GRAPH, script, Arc::new(SimulatedClock::starting_at(noon()))).unwrap();
    let access = access();
    let error = crate::run(graph.group(&access, GroupId(id(1)))).unwrap_err();
    assert!(matches!(error.failure, CallFailure::Throttled { status: 429, .. }), "{error}");
    assert_loggable(&error);
    assert!(
        access
            .nearly_spent_until()
            .is_none_or(|until| until <= noon() + SignedDuration::from_mins(10))
    );
}
