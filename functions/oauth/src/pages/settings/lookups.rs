//! The settings that only a service can check.

use clients::graph::UserKind;
use clients::webex::{Region, WebexId};
use domain::ids::{GroupId, ObjectId, PersonId, RoomId};
use engine::tenant::TenantSnapshot;
use engine::tenant::settings::{AlertRecipient, Folders, ServiceAccountMode, Settings};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::connect::webex::{is_refused, missing_scopes};
use crate::http::error::{Failure, Service};
use crate::pages::settings_form::{Fault, SettingsForm};
use crate::view::phrases::feedback::FIRST_NOTIFICATION;
use crate::view::phrases::settings::Problem;

type Checked<T> = Result<Result<T, Fault>, Failure>;

/// Completes a draft by what only the services know.
pub(crate) async fn complete(
    app: &App,
    admin: &Admin,
    form: &SettingsForm,
    mut settings: Settings,
    stored: &Settings,
    context: Option<TenantSnapshot>,
) -> Result<Result<Settings, Vec<Fault>>, Failure> {
    let has_files_consent = context.is_some_and(|context| context.tenant.files.is_some());
    let mut faults: Vec<_> = folders(&settings, stored, has_files_consent).into_iter().collect();
    let account = admin.organization.service_account.as_ref();
    let missing = account.map(|one| missing_scopes(settings.service_account_mode, &one.scopes));
    // Without an account nothing was granted either.
    let lacks_scopes = missing.is_none_or(|missing| !missing.is_empty());
    if settings.service_account_mode == ServiceAccountMode::Member && lacks_scopes {
        faults.push(Fault::new("account_mode", Problem::ScopesMissing));
    }
    match pilot_group(app, admin, form).await? {
        Ok(group) => settings.pilot_group = group,
        Err(fault) => faults.push(fault),
    }
    match fallback_owner(app, admin, form).await? {
        Ok(owner) => settings.fallback_owner = owner,
        Err(fault) => faults.push(fault),
    }
    match recipient(app, admin, form, stored).await? {
        Ok(alert_recipient) => settings.alert_recipient = alert_recipient,
        Err(fault) => faults.push(fault),
    }
    Ok(if faults.is_empty() { Ok(settings) } else { Err(faults) })
}

/// Returns what keeps spaces from getting folders. Folders that were requested before are not
/// refused because the consent is missing by now, so that the other settings can be saved.
fn folders(requested: &Settings, stored: &Settings, has_files_consent: bool) -> Option<Fault> {
    let problem = match (requested.folders, requested.service_account_mode) {
        (Folders::EachSpace, ServiceAccountMode::Observer) => Problem::FoldersNeedMember,
        (Folders::EachSpace, _) if stored.folders == Folders::No && !has_files_consent => {
            Problem::FoldersNeedConsent
        }
        _ => return None,
    };
    Some(Fault::new("folders", problem))
}

async fn pilot_group(app: &App, admin: &Admin, form: &SettingsForm) -> Checked<Option<GroupId>> {
    const FIELD: &str = "pilot_group";
    if form.pilot_group.is_empty() {
        return Ok(Ok(None));
    }
    // By id only: several groups can have the same name.
    let Ok(group) = form.pilot_group.parse::<GroupId>() else {
        return Ok(Err(Fault::new(FIELD, Problem::NotAGroupId)));
    };
    let access = app.tokens.graph(admin.directory()?.id, app.deadline()).await?;
    Ok(match app.graph.group(&access, group).await? {
        Some(_) => Ok(Some(group)),
        None => Err(Fault::new(FIELD, Problem::NoSuchGroup)),
    })
}

async fn fallback_owner(
    app: &App,
    admin: &Admin,
    form: &SettingsForm,
) -> Checked<Option<ObjectId>> {
    const FIELD: &str = "fallback_owner";
    if form.fallback_owner.is_empty() {
        return Ok(Ok(None));
    }
    let access = app.tokens.graph(admin.directory()?.id, app.deadline()).await?;
    let user = match form.fallback_owner.parse::<ObjectId>() {
        Ok(id) => app.graph.user(&access, id).await?,
        Err(_) => app.graph.user_named(&access, &form.fallback_owner).await?,
    };
    Ok(match user {
        // By default, a directory lets no guest own a group.
        Some(user) if user.kind == UserKind::Member => Ok(Some(user.id)),
        Some(_) => Err(Fault::new(FIELD, Problem::GuestOwner)),
        None => Err(Fault::new(FIELD, Problem::NoSuchOwner)),
    })
}

/// Finds the recipient of notifications. A new one gets a first message at once, which shows that
/// it can be reached.
async fn recipient(
    app: &App,
    admin: &Admin,
    form: &SettingsForm,
    stored: &Settings,
) -> Checked<Option<AlertRecipient>> {
    let organization = &admin.organization;
    let service_account =
        organization.service_account.as_ref().ok_or(Failure::NotConnected(Service::Webex))?;
    let access = || app.tokens.webex(organization.tenant, service_account.person, app.deadline());
    let region = service_account.region.clone();
    let alert_recipient = match form.recipient.as_str() {
        "space" => match space(&form.recipient_space, &region) {
            Some(space) => AlertRecipient::Space(space),
            None => return Ok(Err(Fault::new("recipient_space", Problem::NotASpace))),
        },
        "person" => {
            let access = access().await?;
            let (org, name) = (organization.org, &form.recipient_person);
            // An id can name anyone, so it is looked up in the own organization like an address.
            let user = match name.parse::<PersonId>() {
                Ok(person) => app.webex.scim_user(&access, org, person).await?,
                Err(_) => app.webex.scim_user_by_name(&access, org, name).await?,
            };
            match user {
                Some(user) => AlertRecipient::Person(WebexId::new(region, user.person)),
                None => return Ok(Err(Fault::new("recipient_person", Problem::NoSuchPerson))),
            }
        }
        // No recipient is a choice, too: alerts are on the pages in any case.
        _ => return Ok(Ok(None)),
    };
    if is_same(stored.alert_recipient.as_ref(), &alert_recipient) {
        // A known recipient must not get the first message again with every save.
        return Ok(Ok(stored.alert_recipient.clone()));
    }
    let access = access().await?;
    let text = FIRST_NOTIFICATION;
    let (field, sent) = match &alert_recipient {
        AlertRecipient::Space(space) => {
            ("recipient_space", app.webex.send_to_room(&access, space, text).await)
        }
        AlertRecipient::Person(person) => {
            ("recipient_person", app.webex.send_to_person(&access, person, text).await)
        }
    };
    match sent {
        Ok(_) => Ok(Ok(Some(alert_recipient))),
        sent if is_refused(&sent) => Ok(Err(Fault::new(field, Problem::CannotWrite))),
        // Webex answers 400 for a space that the account cannot see.
        Err(error) if error.status() == Some(400) => {
            Ok(Err(Fault::new(field, Problem::CannotWrite)))
        }
        Err(error) => Err(error.into()),
    }
}

fn is_same(stored: Option<&AlertRecipient>, alert_recipient: &AlertRecipient) -> bool {
    match (stored, alert_recipient) {
        // Without the region: equal ids are the same recipient in any.
        (Some(AlertRecipient::Space(one)), AlertRecipient::Space(other)) => one.id == other.id,
        (Some(AlertRecipient::Person(one)), AlertRecipient::Person(other)) => one.id == other.id,
        _ => false,
    }
}

/// Reads a space from its id, or from the link that Webex copies
/// (`webexteams://im?space=<uuid>`).
fn space(text: &str, region: &Region) -> Option<WebexId<RoomId>> {
    let text = text.rsplit_once("space=").map_or(text, |(_, id)| id);
    if let Ok(id) = text.parse::<RoomId>() {
        return Some(WebexId::new(region.clone(), id));
    }
    // The API shows ids in base64, with their region.
    text.parse().ok()
}
