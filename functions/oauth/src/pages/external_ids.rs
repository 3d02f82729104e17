//! Writing the externalId of accounts that have none. Where exactly one user has the account's
//! name, their object id is offered, shown beside the account, and written after a grant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::graph::{User, UserKind};
use clients::http::Urgency;
use clients::webex::Prompt;
use domain::ids::{DirectoryId, ObjectId, PersonId};
use domain::membership::{ExclusionReason, Person};
use engine::activity::Decision;
use engine::decision::Decider;
use engine::people::{self, IndexedPerson, PersonIndex};
use http::StatusCode;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use store::table::{Condition, EXPIRES_AT, Key, Write, from_item, to_item};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::login::{self, Grant};
use crate::auth::redirect_flow::{self, Begun, Reason, redirect_page};
use crate::auth::role::{FULL_ADMINISTRATOR, USER_ADMINISTRATOR};
use crate::auth::session::Session;
use crate::auth::types::Purpose;
use crate::http::cookies::RequestCookies;
use crate::http::error::{Failure, Service};
use crate::http::extract::{Form, Query};
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, see_other};
use crate::pages::write_external_ids;
use crate::view::layout::Shell;
use crate::view::phrases::people::WriteOutcome;

/// The scopes that writing needs, and that show whose grant it is. Nothing else asks for the
/// second one.
const SCOPES: [&str; 2] = ["spark:people_read", "identity:people_rw"];

/// The most accounts of one grant. Two or three calls for each stay near Webex's limit of 300 a
/// minute.
const MOST: usize = 100;

/// Retention of the outcomes.
const RETENTION: SignedDuration = SignedDuration::from_hours(1);

/// The offer for an account without an externalId.
#[derive(Clone, Debug)]
pub(crate) enum IdOffer {
    /// Writing the object id of this user, who has the account's name.
    Write(User),
    /// Nothing, because another account has this user's object id.
    Taken(User),
}

#[derive(Template)]
#[template(path = "external-ids.html")]
struct OfferPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    rows: Vec<OfferRow>,
    /// Names of selected people for whom nothing is offered by now.
    others: Vec<String>,
    further: usize,
}

/// An account and the user whose id would be written.
struct OfferRow {
    known: IndexedPerson,
    user: User,
}

#[derive(Template)]
#[template(path = "external-ids-written.html")]
struct WrittenPage<'a> {
    shell: Shell<'a>,
    written: Vec<Written>,
}

impl WrittenPage<'_> {
    fn successes(&self) -> usize {
        self.written.iter().filter(|one| one.outcome.has_external_id()).count()
    }

    fn can_retry(&self) -> bool {
        self.written.iter().any(|one| one.outcome.can_retry())
    }
}

/// The outcome for one account.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Written {
    person: PersonId,
    name: String,
    outcome: WriteOutcome,
}

impl Written {
    fn link(&self) -> PageLink {
        PageLink::Person(self.person)
    }
}

/// The outcomes of a session's last grant.
#[derive(Serialize, Deserialize)]
struct LastWritten {
    written: Vec<Written>,
}

fn key(session: &Session) -> Key {
    // By session: only the person who made the grant sees its outcomes.
    Key::new(format!("FIXED#{}", session.hash), "-")
}

/// Returns what is offered for these people. Nothing is, until all people were counted: before
/// that, another account could have an id unnoticed.
pub(crate) async fn offers(
    app: &App,
    admin: &Admin,
    people: &[IndexedPerson],
) -> Result<BTreeMap<PersonId, IdOffer>, Failure> {
    let tenant = admin.connected()?.tenant;
    let store = app.store.as_ref();
    let is_missing =
        |known: &&IndexedPerson| known.excluded() == Some(ExclusionReason::NotSynchronized);
    let missing = people.iter().filter(is_missing);
    let by_name: BTreeMap<String, PersonId> =
        // Both services compare names without case.
        missing.map(|known| (known.user_name.to_lowercase(), known.person)).collect();
    if by_name.is_empty() || people::people_counts(store, tenant).await?.is_none() {
        return Ok(BTreeMap::new());
    }
    let users = users_by_name(app, admin.directory()?.id, &by_name).await;
    let mut found: BTreeMap<PersonId, Vec<User>> = BTreeMap::new();
    // A guest's name can be made to look like a member's.
    for user in users.into_iter().filter(|user| user.kind == UserKind::Member) {
        if let Some(person) = by_name.get(&user.user_principal_name.to_lowercase()) {
            found.entry(*person).or_default().push(user);
        }
    }
    let objects: BTreeSet<ObjectId> = found.values().flatten().map(|user| user.id).collect();
    let taken = PersonIndex::new(store, tenant).holders_of(objects).await?;
    let offers = found.into_iter().filter_map(|(person, users)| {
        // Of several users with the name, no one can say which is meant.
        let [user] = <[User; 1]>::try_from(users).ok()?;
        let is_taken = taken.contains_key(&user.id);
        Some((person, if is_taken { IdOffer::Taken(user) } else { IdOffer::Write(user) }))
    });
    Ok(offers.collect())
}

/// Returns no users if the directory does not answer: the list is worth more than its offers.
async fn users_by_name(
    app: &App,
    directory: DirectoryId,
    by_name: &BTreeMap<String, PersonId>,
) -> Vec<User> {
    let names: Vec<String> = by_name.keys().cloned().collect();
    let users = async {
        let access = app.tokens.graph(directory, app.deadline()).await;
        // An admin waits for the page, so its calls come before those of cycles.
        let access = access.map_err(|error| error.to_string())?.urgent(Urgency::High);
        app.graph.users_named(&access, &names).await.map_err(|error| error.to_string())
    };
    users.await.unwrap_or_else(|error| {
        tracing::warn!(event = "users_not_read", error, "Users could not be read by name.");
        vec![]
    })
}

/// Shows the selected accounts beside their users; without a selection, the last outcomes.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let tenant = admin.connected()?.tenant;
    let ids = query.iter().filter(|(name, _)| name == "person");
    let selected: BTreeSet<PersonId> = ids.filter_map(|(_, id)| id.parse().ok()).collect();
    if selected.is_empty() {
        return show_written(&app, &admin).await;
    }
    let further = selected.len().saturating_sub(MOST);
    let index = PersonIndex::new(app.store.as_ref(), tenant);
    let people = index.people(selected.into_iter().take(MOST)).await?;
    let people = people.into_values().collect::<Vec<_>>();
    if people.is_empty() {
        return Err(Failure::NoSuchPerson);
    }
    let mut offers = offers(&app, &admin, &people).await?;
    let (mut rows, mut others) = (vec![], vec![]);
    for known in people {
        match offers.remove(&known.person) {
            // Offered again from both services: what the address says is only a selection.
            Some(IdOffer::Write(user)) => rows.push(OfferRow { known, user }),
            _ => others.push(known.name),
        }
    }
    rows.sort_by_cached_key(|row| row.known.name.to_lowercase());
    let (shell, csrf) = (admin.shell(Page::People), admin.csrf());
    response::page(StatusCode::OK, &OfferPage { shell, csrf, rows, others, further })
}

async fn show_written(app: &App, admin: &Admin) -> Result<Response, Failure> {
    let last = app.store.get(&key(&admin.session)).await?;
    let last = last.map(from_item::<LastWritten>).transpose()?;
    let written = last.map(|last| last.written).unwrap_or_default();
    response::page(StatusCode::OK, &WrittenPage { shell: admin.shell(Page::People), written })
}

/// Sends the browser to Webex for a grant to write what was shown.
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    admin: Admin,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let tenant = admin.connected()?.tenant;
    // Without a count of everyone, another account could have the id unnoticed.
    if people::people_counts(app.store.as_ref(), tenant).await?.is_none() {
        return Err(Failure::Changed(Page::People));
    }
    let pair = |pair: &str| {
        let (object, person) = pair.split_once('/')?;
        Some(Person { object: object.parse().ok()?, person: person.parse().ok()? })
    };
    let pairs = form.iter().filter(|(name, _)| name == "pair");
    // A set: a pair that is sent twice is written once.
    let pairs: Option<BTreeSet<Person>> = pairs.map(|(_, ids)| pair(ids)).collect();
    let pairs: Vec<Person> = pairs.ok_or(Failure::NotAForm)?.into_iter().collect();
    // The page offers no more, so such a form is not ours.
    if pairs.is_empty() || pairs.len() > MOST {
        return Err(Failure::NotAForm);
    }
    // People of another organization do not exist here.
    let index = PersonIndex::new(app.store.as_ref(), tenant);
    if index.people(pairs.iter().map(|pair| pair.person)).await?.is_empty() {
        return Err(Failure::NoSuchPerson);
    }
    let purpose = Purpose::ExternalIds { pairs };
    let begun = redirect_flow::begin(&app, &cookies, purpose, &admin.session).await?;
    let Begun { flow, cookie } = begun;
    let url = login::webex_url(&app, &flow, &SCOPES, Prompt::Any).await?;
    redirect_page(&admin, Service::Webex, Reason::Grant, &url, &cookie)
}

/// Uses the grant, once; its token is not stored.
pub(crate) async fn finish(
    app: &App,
    admin: &Admin,
    pairs: &[Person],
    grant: Grant,
) -> Result<Response, Failure> {
    let organization = admin.connected()?;
    let Grant { pair, account, deadline } = grant;
    if account.org != Some(organization.org) {
        return Err(Failure::GrantOfAnotherOrganization);
    }
    // Known before the first write, so that not every account fails one by one.
    if ![FULL_ADMINISTRATOR, USER_ADMINISTRATOR].iter().any(|role| account.has_role(role)) {
        return Err(Failure::MayNotChangePeople);
    }
    let (store, session) = (app.store.as_ref(), &admin.session);
    let index = PersonIndex::new(store, organization.tenant);
    let known = index.people(pairs.iter().map(|pair| pair.person)).await?;
    // The grant may reach other organizations' people; these pages do not.
    let is_own = |pair: &&Person| known.contains_key(&pair.person);
    let pairs: Vec<Person> = pairs.iter().filter(is_own).copied().collect();
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    let people = pairs.iter().take(Decision::MOST_NAMED).copied().collect();
    let decision = Decision::ExternalIdsWritten { people, total: pairs.len() };
    // Before the first write at Webex, which cannot be in one transaction with the record.
    by.record(store, organization.tenant, decision).await?;
    let outcomes = write_external_ids::write(app, admin, &pairs, pair.access, deadline).await?;
    let written = outcomes.into_iter().map(|(Person { person, .. }, outcome)| {
        let name = known.get(&person).map(|known| known.name.clone());
        Written { person, name: name.unwrap_or_else(|| person.to_string()), outcome }
    });
    let mut item = to_item(&key(session), &LastWritten { written: written.collect() })?;
    let end = (app.clock.now() + RETENTION).as_second();
    item.insert(EXPIRES_AT.into(), AttributeValue::N(end.to_string()));
    // The outcomes of the session's next grant replace these.
    store.write(vec![Write::Put(item, Condition::Any)]).await?;
    // A redirect, so that a reload does not bring the used code again.
    Ok(see_other(Page::ExternalIds))
}
