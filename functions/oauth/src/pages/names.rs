//! Accounts whose names differ from their users. An administrator of the directory confirms many
//! of them at once, where the names differ for a reason. Those confirmed are listed, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::graph::User;
use clients::http::Urgency;
use clients::webex::ScimUser;
use domain::ids::{ObjectId, PersonId};
use domain::membership::ExclusionReason;
use engine::decision::Decider;
use engine::people::{
    Confirmation, ConfirmedPair, IndexedPerson, PersonIndex, UnconfirmedId, object_of,
};
use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use serde::Deserialize;
use store::table::Cursor;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::{Failure, Service};
use crate::http::extract::{Form, Query};
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, see_other};
use crate::pages::people::excluded;
use crate::pages::person::store_confirmation;
use crate::view::layout::Shell;
use crate::view::phrases::date;
use crate::view::phrases::people::confirmed_in_bulk;

/// The most accounts of one form. Each is read from Webex before it is confirmed.
const MOST: usize = 100;

/// Confirmed accounts on a page.
const SHOWN: usize = 50;

/// Accounts that are read at the same time.
const AT_ONCE: usize = 5;

#[derive(Template)]
#[template(path = "names.html")]
struct NamesPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    note: Option<String>,
    waiting: Vec<UnconfirmedId>,
    next: Option<String>,
    confirmed: Vec<ConfirmedRow>,
    further: Option<String>,
}

/// A confirmed account.
struct ConfirmedRow {
    pair: ConfirmedPair,
    at: String,
}

impl ConfirmedRow {
    fn link(&self) -> PageLink {
        PageLink::Person(self.pair.known.person)
    }
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct NamesQuery {
    /// Number of accounts that were just confirmed.
    confirmed: Option<usize>,
    /// Number of accounts that were chosen.
    of: Option<usize>,
    /// The place where the waiting accounts continue.
    from: Option<String>,
    /// The place where the confirmed ones continue.
    further: Option<String>,
}

/// Lists the accounts that wait for a confirmation, and those that are confirmed.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<NamesQuery>,
) -> Result<Response, Failure> {
    let tenant = admin.connected()?.tenant;
    let index = PersonIndex::new(app.store.as_ref(), tenant);
    let NamesQuery { from, further, .. } = &query;
    let why = Some(ExclusionReason::NamesDiffer);
    let people = excluded(&app, tenant, why, from.clone().map(Cursor)).await;
    let (people, next) = people.map_err(|error| Failure::of_list(error, from.as_deref()))?;
    let waiting = index.unconfirmed(people.iter().map(|known| known.person)).await?;
    let confirmed = index.confirmed(SHOWN, further.clone().map(Cursor).as_ref()).await;
    let (confirmed, after) =
        confirmed.map_err(|error| Failure::of_list(error, further.as_deref()))?;
    let row = |pair: ConfirmedPair| ConfirmedRow { at: date(pair.confirmed.at), pair };
    let page = NamesPage {
        shell: admin.shell(Page::People),
        csrf: admin.csrf(),
        note: query.confirmed.zip(query.of).map(|(done, of)| confirmed_in_bulk(done, of)),
        waiting,
        next: next.map(|next| format!("{}?from={}", Page::Names, next.0)),
        confirmed: confirmed.into_iter().map(row).collect(),
        further: after.map(|after| format!("{}?further={}", Page::Names, after.0)),
    };
    response::page(StatusCode::OK, &page)
}

/// Confirms the accounts that were chosen and are as they were shown.
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let pair = |pair: &str| {
        let (hash, person) = pair.split_once('/')?;
        Some((person.parse().ok()?, hash.to_owned()))
    };
    let pairs = form.iter().filter(|(name, _)| name == "pair").map(|(_, value)| pair(value));
    let shown: Option<BTreeMap<PersonId, String>> = pairs.collect();
    let shown = shown.filter(|shown| shown.len() <= MOST).ok_or(Failure::NotAForm)?;
    let now = app.clock.now();
    let step_up = admin.step_up(now).ok_or(Failure::NotFresh)?;
    let (microsoft, by) = (step_up.person, Decider { actor: &admin.actor(now), now });
    let index = PersonIndex::new(app.store.as_ref(), admin.tenant());
    let found = refresh(&app, &admin, &index, shown.keys().copied()).await?;
    let mut done = vec![];
    for waiting in index.unconfirmed(found).await? {
        let person = waiting.pair.person;
        // A moved id is looked at one by one: someone had it before.
        let is_shown = waiting.before.is_none() && shown.get(&person) == Some(&waiting.hash());
        if is_shown
            && store_confirmation(&app, &admin, waiting, microsoft, by).await?
                == Confirmation::Accepted
        {
            done.push(person);
        }
    }
    let people: Vec<IndexedPerson> = index.people(done).await?.into_values().collect();
    // The time is now: what was read before the confirmation does not answer this request.
    index.request_syncs(app.queue.as_ref(), &people, app.clock.now()).await?;
    let (done, of) = (people.len(), shown.len());
    Ok(see_other(format!("{}?confirmed={done}&of={of}", Page::Names)))
}

/// Reads the accounts and their users, and updates the index. Returns the accounts that exist.
async fn refresh(
    app: &App,
    admin: &Admin,
    index: &PersonIndex<'_>,
    people: impl Iterator<Item = PersonId>,
) -> Result<Vec<PersonId>, Failure> {
    let organization = admin.connected()?;
    let org = organization.org;
    let service_account =
        organization.service_account.as_ref().ok_or(Failure::NotConnected(Service::Webex))?;
    let deadline = app.deadline();
    let (webex, graph) = futures::try_join!(
        app.tokens.webex(organization.tenant, service_account.person, deadline),
        app.tokens.graph(admin.directory()?.id, deadline)
    )?;
    // An admin waits for the page, so its calls come before those of cycles.
    let (webex, graph) = (webex.urgent(Urgency::High), graph.urgent(Urgency::High));
    let read = stream::iter(people).map(|person| app.webex.scim_user(&webex, org, person));
    let accounts: Vec<Option<ScimUser>> = read.buffered(AT_ONCE).try_collect().await?;
    let accounts: Vec<ScimUser> = accounts.into_iter().flatten().collect();
    let objects: Vec<ObjectId> = accounts.iter().filter_map(object_of).collect();
    let mut users: BTreeMap<ObjectId, Option<User>> =
        objects.iter().map(|object| (*object, None)).collect();
    let found = app.graph.users(&graph, &objects).await?;
    users.extend(found.into_iter().map(|user| (user.id, Some(user))));
    let (queue, now) = (app.queue.as_ref(), app.clock.now());
    index.index_accounts::<Failure>(queue, &accounts, &users, now).await?;
    Ok(accounts.into_iter().map(|account| account.person).collect())
}
