//! One person, as both services show them now. If their object id moved here from another account,
//! or the names differ, an administrator of the directory confirms whose it is.

use engine::phrases::exclusions::ExclusionWords;
use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::graph::User;
use clients::http::Urgency;
use clients::webex::ScimUser;
use domain::ids::{ObjectId, PersonId};
use domain::membership::{ExclusionReason, Person};
use engine::decision::Decider;
use engine::people::{
    Accounts, Confirmation, Confirmed, ConfirmedBy, IndexedPerson, PersonIndex, Revocation,
    UnconfirmedId, object_of,
};
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::step_up;
use crate::auth::types::{DirectoryRole, ReturnTo, StepUp};
use crate::http::cookies::RequestCookies;
use crate::http::error::{Failure, Service};
use crate::http::extract::{Form, Id, Path, Query};
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, see_other};
use crate::view::layout::Shell;
use crate::view::phrases::date;
use crate::view::phrases::feedback::Feedback;

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    known: &'a IndexedPerson,
    note: Option<Feedback>,
    user: Option<&'a User>,
    waiting: Option<Waiting<'a>>,
    confirmed: Option<Confirmer>,
}

impl PersonPage<'_> {
    fn link(&self) -> PageLink {
        PageLink::Person(self.known.person)
    }

    /// Returns `true` if the missing externalId may be written from here.
    fn can_be_fixed(&self) -> bool {
        self.known.excluded() == Some(ExclusionReason::NotSynchronized)
    }
}

/// An object id that waits for a confirmation.
struct Waiting<'a> {
    hash: String,
    /// The account that had the id before.
    before: Option<IndexedPerson>,
    id_before: Option<PersonId>,
    /// The administrator of the directory who signed in again.
    administrator: Option<&'a StepUp>,
    /// A user who signed in again, but may not confirm.
    user: Option<&'a StepUp>,
}

/// The administrator who confirmed whose the id is.
struct Confirmer {
    by: ConfirmedBy,
    name: Option<String>,
    at: String,
}

/// A person as both services show them now.
struct Seen {
    account: ScimUser,
    /// The user with the account's object id.
    user: Option<User>,
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct PersonQuery {
    did: Option<String>,
}

/// Shows the person.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(Id(person)): Path<Id<PersonId>>,
    Query(query): Query<PersonQuery>,
) -> Result<Response, Failure> {
    // Read from both services, because the index can be a day old.
    let seen = refresh(&app, &admin, person).await?;
    let note = match query.did.as_deref() {
        Some("confirmed") => Some(Feedback::PersonConfirmed),
        Some("revoked") => Some(Feedback::ConfirmationRevoked),
        _ => None,
    };
    render(&app, &admin, &seen, StatusCode::OK, note).await
}

async fn render(
    app: &App,
    admin: &Admin,
    seen: &Seen,
    status: StatusCode,
    note: Option<Feedback>,
) -> Result<Response, Failure> {
    let index = PersonIndex::new(app.store.as_ref(), admin.tenant());
    let person = seen.account.person;
    let known = index.people([person]).await?.remove(&person).ok_or(Failure::NoSuchPerson)?;
    let step_up = admin.step_up(app.clock.now());
    let with_role = |role: DirectoryRole| step_up.filter(|step_up| step_up.role == role);
    let waiting = match index.unconfirmed([person]).await?.pop() {
        Some(unconfirmed) => Some(Waiting {
            hash: unconfirmed.hash(),
            // The account can be deleted. Its id is shown in any case.
            before: index.people(unconfirmed.before).await?.pop_first().map(|(_, known)| known),
            id_before: unconfirmed.before,
            administrator: with_role(DirectoryRole::Administrator),
            user: with_role(DirectoryRole::User),
        }),
        None => None,
    };
    let confirmed = match confirmation(&index, &known).await? {
        Some(Confirmed { by, at, .. }) => {
            let administrator = index.people([by.administrator]).await?.remove(&by.administrator);
            let name = administrator.map(|known| known.name);
            Some(Confirmer { by, name, at: date(at) })
        }
        None => None,
    };
    let page = PersonPage {
        shell: admin.shell(Page::People),
        csrf: admin.csrf(),
        known: &known,
        note,
        user: seen.user.as_ref(),
        waiting,
        confirmed,
    };
    response::page(status, &page)
}

/// A decision about the person.
#[derive(Deserialize)]
pub(crate) struct PersonForm {
    action: Option<String>,
    hash: Option<String>,
}

/// Starts step-up authentication, confirms, or revokes.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    admin: Admin,
    Path(Id(person)): Path<Id<PersonId>>,
    Form(form): Form<PersonForm>,
) -> Result<Response, Failure> {
    match form.action.as_deref() {
        Some("sign-in") => {
            // An unknown person must not send the browser to Microsoft.
            refresh(&app, &admin, person).await?;
            step_up::start(&app, &cookies, &admin, ReturnTo::Person(person)).await
        }
        Some("confirm") => {
            let hash = form.hash.unwrap_or_default();
            confirm(&app, &admin, person, &hash).await
        }
        Some("revoke") => revoke(&app, &admin, person).await,
        _ => Err(Failure::NotAForm),
    }
}

/// Revokes the confirmation, after which only the names count.
async fn revoke(app: &App, admin: &Admin, person: PersonId) -> Result<Response, Failure> {
    // The names may agree by now; and a person of another organization does not exist here.
    let seen = refresh(app, admin, person).await?;
    let (tenant, administrator) = (admin.tenant(), admin.session.person);
    let index = PersonIndex::new(app.store.as_ref(), tenant);
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    match index.revoke(person, by).await? {
        Revocation::Revoked => {
            tracing::info!(
                event = "confirmation_revoked", %tenant, %person, %administrator,
                "An administrator revoked the confirmation of an account."
            );
            Ok(see_other(format!("{}?did=revoked", PageLink::Person(person))))
        }
        Revocation::NotConfirmed => {
            let (status, note) = (StatusCode::CONFLICT, Feedback::RevocationOutOfDate);
            render(app, admin, &seen, status, Some(note)).await
        }
    }
}

/// Confirms that account and user are the same person, if everything is as it was shown.
async fn confirm(
    app: &App,
    admin: &Admin,
    person: PersonId,
    hash: &str,
) -> Result<Response, Failure> {
    // Account and user may have changed since the page was shown.
    let seen = refresh(app, admin, person).await?;
    let now = app.clock.now();
    let step_up = admin.step_up(now).ok_or(Failure::NotFresh)?;
    let index = PersonIndex::new(app.store.as_ref(), admin.tenant());
    let microsoft = step_up.person;
    let by = Decider { actor: &admin.actor(now), now };
    // The hash holds both accounts: only what was seen is confirmed.
    let unconfirmed = index.unconfirmed([person]).await?.pop();
    if let Some(unconfirmed) = unconfirmed.filter(|waiting| waiting.hash() == hash) {
        store_confirmation(app, admin, unconfirmed, microsoft, by).await?;
    }
    let known = index.people([person]).await?.remove(&person).ok_or(Failure::NoSuchPerson)?;
    // Also succeeds if another administrator confirmed just now, or on a repeated request.
    let is_confirmed = confirmation(&index, &known).await?.is_some();
    if known.excluded().is_some() || !is_confirmed {
        let (status, note) = (StatusCode::CONFLICT, Feedback::ConfirmationOutOfDate);
        return render(app, admin, &seen, status, Some(note)).await;
    }
    // The time is now: what was read before the confirmation does not answer this request.
    index.request_syncs(app.queue.as_ref(), &[known], app.clock.now()).await?;
    Ok(see_other(format!("{}?did=confirmed", PageLink::Person(person))))
}

/// Stores a confirmation, and logs it.
pub(crate) async fn store_confirmation(
    app: &App,
    admin: &Admin,
    unconfirmed: UnconfirmedId,
    microsoft: ObjectId,
    by: Decider<'_>,
) -> Result<Confirmation, Failure> {
    let tenant = admin.tenant();
    let index = PersonIndex::new(app.store.as_ref(), tenant);
    let Person { person, object } = unconfirmed.pair;
    let confirmation = index.confirm(unconfirmed, microsoft, by).await?;
    if confirmation == Confirmation::Accepted {
        let administrator = admin.session.person;
        tracing::info!(
            event = "person_confirmed", %tenant, %person, %object, %administrator, %microsoft,
            "An administrator confirmed whose an object id is."
        );
    }
    Ok(confirmation)
}

/// Returns the confirmation that the person's object id is theirs.
async fn confirmation(
    index: &PersonIndex<'_>,
    known: &IndexedPerson,
) -> Result<Option<Confirmed>, Failure> {
    let Some(object) = known.object else {
        return Ok(None);
    };
    let confirmed = index.external_id_holders(object).await?.and_then(|holders| holders.confirmed);
    Ok(confirmed.filter(|confirmed| confirmed.person == known.person))
}

/// Reads a person on both sides, and updates the index.
async fn refresh(app: &App, admin: &Admin, person: PersonId) -> Result<Seen, Failure> {
    let organization = admin.connected()?;
    let (tenant, org) = (organization.tenant, organization.org);
    let directory = admin.directory()?.id;
    let service_account =
        organization.service_account.as_ref().ok_or(Failure::NotConnected(Service::Webex))?.person;
    let (deadline, now) = (app.deadline(), app.clock.now());
    let (webex, graph) = futures::try_join!(
        app.tokens.webex(tenant, service_account, deadline),
        app.tokens.graph(directory, deadline)
    )?;
    // An admin waits for the page, so its calls come before those of cycles.
    let (webex, graph) = (webex.urgent(Urgency::High), graph.urgent(Urgency::High));
    let index = PersonIndex::new(app.store.as_ref(), tenant);
    let Some(account) = app.webex.scim_user(&webex, org, person).await? else {
        // If Webex has deleted the account, the index must not offer it any longer.
        let accounts = Accounts { webex: &app.webex, access: &webex, org };
        index.purge_if_gone::<Failure>(accounts, person, now).await?;
        return Err(Failure::NoSuchPerson);
    };
    let user = match object_of(&account) {
        Some(object) => app.graph.user(&graph, object).await?,
        None => None,
    };
    let users = object_of(&account).map(|object| (object, user.clone()));
    let users: BTreeMap<_, _> = users.into_iter().collect();
    let accounts = std::slice::from_ref(&account);
    index.index_accounts::<Failure>(app.queue.as_ref(), accounts, &users, now).await?;
    Ok(Seen { account, user })
}
