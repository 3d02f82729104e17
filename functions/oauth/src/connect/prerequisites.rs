//! The prerequisites as they are right now: every line is asked of the service that knows it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::http::{Access, CallError};
use clients::webex::ScimOrder;
use engine::people::{self, PeopleCounts};
use engine::tenant::organization::{Directory, Organization};
use engine::tenant::settings::ServiceAccountMode;
use http::StatusCode;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::connect::folders::folders_state;
use crate::connect::webex::{is_refused, probe_events};
use crate::http::error::Failure;
use crate::http::page_id::Page;
use crate::http::response;
use crate::view::layout::Shell;
use crate::view::phrases::date;
use crate::view::phrases::folders::FoldersState;
use crate::view::phrases::prerequisites::microsoft as in_microsoft;
use crate::view::phrases::prerequisites::webex::{
    self as in_webex, CountSource, NoAccount, PeopleCount,
};
use crate::view::phrases::prerequisites::{Check, Probe};

/// The most people that are read while no cycle has counted all of them.
const SAMPLE: usize = 100;

#[derive(Template)]
#[template(path = "prerequisites.html")]
struct PrerequisitesPage<'a> {
    shell: Shell<'a>,
    webex: Vec<Check>,
    people: Vec<Check>,
    microsoft: Vec<Check>,
    folders: Vec<Check>,
    next: Page,
    at: String,
}

/// Checks everything and shows the list.
pub(crate) async fn show(State(app): State<Arc<App>>, admin: Admin) -> Result<Response, Failure> {
    let organization = &admin.organization;
    // Side by side: each asks another service, and an admin waits.
    let (webex, microsoft, folders) = futures::join!(
        check_webex(&app, &admin),
        check_microsoft(&app, organization),
        check_folders(&app, organization)
    );
    let WebexChecks { account, people } = webex;
    let page = PrerequisitesPage {
        shell: admin.shell(Page::Prerequisites),
        webex: account,
        people,
        microsoft,
        folders: folders?,
        next: match (&organization.service_account, &organization.directory) {
            (None, _) => Page::Webex,
            (_, None) => Page::Microsoft,
            _ => Page::Settings,
        },
        at: date(app.clock.now()),
    };
    response::page(StatusCode::OK, &page)
}

/// The lines that Webex answers.
struct WebexChecks {
    account: Vec<Check>,
    people: Vec<Check>,
}

async fn check_webex(app: &App, admin: &Admin) -> WebexChecks {
    let organization = &admin.organization;
    let signed_in = in_webex::full_administrator(&admin.session.name);
    let access = match service_account(app, organization).await {
        Ok(access) => access,
        Err(why) => {
            let account = vec![signed_in, in_webex::no_account(why), in_webex::messaging()];
            // The other lines are still true without the account.
            return WebexChecks { account, people: in_webex::people_later() };
        }
    };
    let (events, people) =
        futures::join!(probe_events(app, &access), count_people(app, &access, organization));
    let account = vec![
        signed_in,
        in_webex::compliance_officer(probe(&events)),
        in_webex::read_only_administrator(probe(&people)),
        in_webex::messaging(),
    ];
    let people = match &people {
        Ok(count) => in_webex::people(count),
        Err(_) => in_webex::people_unknown(),
    };
    WebexChecks { account, people }
}

async fn service_account(app: &App, organization: &Organization) -> Result<Access, NoAccount> {
    let service_account = organization.service_account.as_ref().ok_or(NoAccount::NotConnected)?;
    let access =
        app.tokens.webex(organization.tenant, service_account.person, app.deadline()).await;
    access.map_err(|error| {
        tracing::warn!(event = "account_unusable", %error, "The account has no token.");
        if error.is_refusal() { NoAccount::TokensLost } else { NoAccount::Unknown }
    })
}

fn probe<T>(answer: &Result<T, CallError>) -> Probe {
    match answer {
        Ok(_) => Probe::Accepted,
        answer if is_refused(answer) => Probe::Refused,
        Err(error) => {
            tracing::warn!(event = "prerequisite_unknown", %error, "A check got no answer.");
            Probe::Failed
        }
    }
}

/// Counts from the last cycle, or from the first people while there is none. Webex is asked in
/// either case, which shows the role.
async fn count_people(
    app: &App,
    access: &Access,
    organization: &Organization,
) -> Result<PeopleCount, CallError> {
    let page = app.webex.scim_page(access, organization.org, 1, SAMPLE, ScimOrder::ById).await?;
    let people_counts =
        // Without the counts, the sample still shows that the role is there.
        people::people_counts(app.store.as_ref(), organization.tenant).await.ok().flatten();
    // Without a directory, the counts are those of an earlier connection.
    if let Some(of) = people_counts.filter(|_| organization.directory.is_some()) {
        let source = CountSource::Counted { at: date(of.at) };
        return Ok(PeopleCount { people_counts: of.people_counts, source });
    }
    let mut people_counts = PeopleCounts::default();
    // Without users of the directory, no one counts as matched.
    let no_users = Default::default();
    page.users.iter().for_each(|account| people_counts.count(account, &no_users));
    let source = match page.total {
        total if total > page.users.len() => CountSource::Sample { of: page.users.len(), total },
        _ => CountSource::Now,
    };
    Ok(PeopleCount { people_counts, source })
}

async fn check_microsoft(app: &App, organization: &Organization) -> Vec<Check> {
    let cloud = in_microsoft::cloud(&app.login);
    let Some(directory) = &organization.directory else {
        return vec![in_microsoft::groups_later(), cloud];
    };
    let access = match app.tokens.graph(directory.id, app.deadline()).await {
        Ok(access) => access,
        Err(error) => {
            tracing::warn!(event = "no_token", %error, "The directory gives no token.");
            let consent = match error.is_refusal() {
                true => in_microsoft::consent_lost(&directory.name),
                // To authorize again would not end an outage.
                false => in_microsoft::consent_unknown(),
            };
            return vec![consent, cloud];
        }
    };
    let consent = in_microsoft::consent(&directory.name);
    match app.graph.group_settings(&access).await {
        Ok(settings) => {
            let creation = in_microsoft::group_creation(&settings.creation);
            vec![consent, in_microsoft::groups(&settings), creation, cloud]
        }
        Err(error) => {
            let groups = in_microsoft::groups_unread(probe(&Err::<(), _>(error)));
            vec![consent, groups, cloud]
        }
    }
}

/// Checks what only folders need; it is not in the way of people and names.
async fn check_folders(app: &App, organization: &Organization) -> Result<Vec<Check>, Failure> {
    let context = app.tenant_context(organization.tenant).await?;
    if folders_state(app, context.as_ref()).await? == FoldersState::NotOffered {
        return Ok(vec![]);
    }
    let mut checks = vec![in_microsoft::linked_folders()];
    if let Some(context) = &context {
        checks.push(match context.settings.service_account_mode {
            ServiceAccountMode::Member => in_microsoft::account_is_member(),
            ServiceAccountMode::Observer => in_microsoft::account_is_observer(),
        });
    }
    let consent = context.and_then(|context| context.tenant.files);
    checks.push(match (&organization.directory, consent) {
        (None, _) => in_microsoft::files_later(),
        (_, None) => in_microsoft::files_not_granted(),
        (Some(directory), Some(_)) => {
            in_microsoft::files(&directory.name, probe_files(app, directory).await)
        }
    });
    Ok(checks)
}

async fn probe_files(app: &App, directory: &Directory) -> Probe {
    let refused = |error: &dyn std::error::Error| {
        tracing::warn!(event = "files_refused", %error, "Microsoft refused access to files.");
        Probe::Refused
    };
    let access = match app.tokens.files(directory.id, app.deadline()).await {
        Ok(access) => access,
        // Without a consent, Entra refuses the token already.
        Err(error) if error.is_refusal() => return refused(&error),
        Err(error) => {
            tracing::warn!(event = "prerequisite_unknown", %error, "A check got no answer.");
            return Probe::Failed;
        }
    };
    match app.graph.refusal_of_files(&access).await {
        Ok(None) => Probe::Accepted,
        Ok(Some(error)) => refused(&error),
        Err(error) => {
            tracing::warn!(event = "prerequisite_unknown", %error, "A check got no answer.");
            Probe::Failed
        }
    }
}
