//! The settings.

mod lookups;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::decision::Decider;
use engine::notify::{self, AlertKey};
use engine::reconcile;
use engine::tenant::organization::Directory;
use engine::tenant::settings::{self, Folders, Running, Settings, TeamDeleted};
use http::StatusCode;
use serde::Deserialize;
use store::table::StoreError;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::proof::{Fields, Proof};
use crate::connect::folders::folders_state;
use crate::http::error::Failure;
use crate::http::extract::{Form, Query};
use crate::http::page_id::Page;
use crate::http::response::{self, see_other};
use crate::pages::settings_form::{Choice, Fault, SettingsForm};
use crate::view::layout::Shell;
use crate::view::phrases::folders::FoldersState;
use crate::view::phrases::settings::{Difference, Problem, differences};

/// Tries to switch off against other saves.
const TRIES: usize = 5;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    directory: &'a Directory,
    form: SettingsForm,
    folders: FoldersState,
    faults: Vec<Fault>,
    /// The changes that another administrator saved meanwhile.
    differences: Vec<Difference>,
    is_saved: bool,
}

impl<'a> SettingsPage<'a> {
    fn new(admin: &'a Admin, form: SettingsForm, folders: FoldersState) -> Result<Self, Failure> {
        Ok(Self {
            shell: admin.shell(Page::Settings),
            csrf: admin.csrf(),
            directory: admin.directory()?,
            form,
            folders,
            faults: vec![],
            differences: vec![],
            is_saved: false,
        })
    }

    fn fault(&self, field: &str) -> Option<Problem> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.problem)
    }
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct SettingsQuery {
    saved: Option<String>,
}

/// Shows the stored settings.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<SettingsQuery>,
) -> Result<Response, Failure> {
    let tenant = admin.connected()?.tenant;
    let (settings, version) = settings::load(app.store.as_ref(), tenant).await?;
    let context = app.tenant_context(tenant).await?;
    let folders = folders_state(&app, context.as_ref()).await?;
    let form = SettingsForm::of(&settings, version);
    let page = SettingsPage::new(&admin, form, folders)?;
    response::page(StatusCode::OK, &SettingsPage { is_saved: query.saved.is_some(), ..page })
}

/// Saves the form, unless something is wrong with it or it was filled in over older settings.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(form): Form<SettingsForm>,
) -> Result<Response, Failure> {
    let tenant = admin.connected()?.tenant;
    // Before the form is checked: nothing in it may keep an admin from stopping all writes.
    if form.switch == "off" {
        return switch_off(&app, &admin).await;
    }
    let store = app.store.as_ref();
    let form = form.trimmed();
    let (stored, version) = settings::load(store, tenant).await?;
    let context = app.tenant_context(tenant).await?;
    let folders = folders_state(&app, context.as_ref()).await?;
    let seen = form.version();
    let page = SettingsPage::new(&admin, form, folders)?;
    let draft = match page.form.draft(&stored, app.clock.now()) {
        Ok(draft) => draft,
        Err(faults) => return refused(SettingsPage { faults, ..page }),
    };
    // Before the lookups, which send a message to a new recipient.
    if seen != version {
        let differences = differences(&stored, &draft);
        return outdated(page, version.0.to_string(), differences);
    }
    let requested =
        match lookups::complete(&app, &admin, &page.form, draft, &stored, context).await? {
            Ok(requested) => requested,
            Err(faults) => return refused(SettingsPage { faults, ..page }),
        };
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    match settings::save(store, tenant, &requested, (&stored, seen), by).await {
        Ok(()) => {}
        // Another admin saved while the services were asked.
        Err(StoreError::ConditionFailed) => {
            let (stored, version) = settings::load(store, tenant).await?;
            let differences = differences(&stored, &requested);
            return outdated(page, version.0.to_string(), differences);
        }
        Err(error) => return Err(error.into()),
    }
    // After the save: a sync before it would still follow the old settings.
    apply(&app, &admin, &stored, &requested).await?;
    Ok(see_other(format!("{}?saved", Page::Settings)))
}

/// Returns the proof that saving a form needs: by what it allows that is not allowed yet.
pub(crate) fn proof(stored: &Settings, form: &Fields) -> Proof {
    let get = |name| form.get(name).trim();
    let limits = &stored.removal_limits;
    let loosens = [
        ("link_people", limits.link_people),
        ("link_percent", limits.link_percent),
        ("tenant_people", limits.tenant_people),
        ("tenant_percent", limits.tenant_percent),
    ];
    let loosens = loosens
        .iter()
        // What is no number is refused with the form, after the proof.
        .any(|(name, stored)| get(name).parse::<usize>().is_ok_and(|number| number > *stored));
    let deletes = stored.on_team_deleted == TeamDeleted::KeepGroup
        && get("on_team_deleted") == TeamDeleted::DeleteGroup.value();
    let goes_live = stored.running == Running::Preview && get("running") == Running::Live.value();
    match get("switch") {
        // Nothing may keep an admin from stopping all writes.
        "off" => Proof::Role,
        _ if deletes => Proof::DirectoryAdministrator,
        _ if loosens || goes_live => Proof::WebexSignIn,
        _ => Proof::Role,
    }
}

fn refused(page: SettingsPage<'_>) -> Result<Response, Failure> {
    response::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Shows the form again over the settings that are stored by now.
fn outdated(
    mut page: SettingsPage<'_>,
    version: String,
    differences: Vec<Difference>,
) -> Result<Response, Failure> {
    page.form.version = version;
    page.differences = differences;
    response::page(StatusCode::CONFLICT, &page)
}

/// Lets saved settings take effect.
async fn apply(
    app: &App,
    admin: &Admin,
    stored: &Settings,
    requested: &Settings,
) -> Result<(), Failure> {
    let (store, tenant) = (app.store.as_ref(), admin.tenant());
    if requested.folders == Folders::No && stored.folders != Folders::No {
        // Without folders, a lost consent to files is no longer worth an alert.
        store.write(vec![notify::withdraw(tenant, AlertKey::FilesConsentLost)]).await?;
    }
    if needs_syncs(stored, requested) {
        reconcile::request_sync_of_every_link(store, tenant, app.clock.now()).await?;
        reconcile::request_full_cycle(store, tenant).await?;
    }
    let person = admin.session.person;
    let changed: Vec<_> = differences(stored, requested).into_iter().map(|one| one.label).collect();
    tracing::info!(event = "settings_saved", %tenant, %person, ?changed, "Settings were saved.");
    Ok(())
}

/// Stops all writes, even if another administrator is saving right now. Links stay.
async fn switch_off(app: &App, admin: &Admin) -> Result<Response, Failure> {
    let (store, tenant, now) = (app.store.as_ref(), admin.tenant(), app.clock.now());
    let by = Decider { actor: &admin.actor(now), now };
    for _ in 0..TRIES {
        let (stored, version) = settings::load(store, tenant).await?;
        let off = Settings { switched_on_at: None, ..stored.clone() };
        match settings::save(store, tenant, &off, (&stored, version), by).await {
            // Another admin saved. Their settings stay, and are switched off.
            Err(StoreError::ConditionFailed) => {}
            saved => {
                saved?;
                let person = admin.session.person;
                tracing::info!(event = "switched_off", %tenant, %person, "Sync was switched off.");
                return Ok(see_other(Page::Home));
            }
        }
    }
    Err(Failure::Changed(Page::Home))
}

/// Returns `true` if links that are in sync may not be under the new settings.
fn needs_syncs(stored: &Settings, requested: &Settings) -> bool {
    let rules = |settings: &Settings| {
        let &Settings {
            running,
            direction,
            last_word,
            names,
            service_account_mode,
            fallback_owner,
            removal_limits,
            folders,
            ..
        } = settings;
        let is_on = settings.switched_on_at.is_some();
        (
            is_on,
            running,
            direction,
            last_word,
            names,
            service_account_mode,
            fallback_owner,
            removal_limits,
            folders,
        )
    };
    // While it is off nothing syncs, and switching it on is a change itself.
    requested.switched_on_at.is_some() && rules(stored) != rules(requested)
}
