//! Suspensions: a tenant that cannot be served waits, is notified once, and resumes.

use clients::webex::WebexId;
use domain::ids::TeamId;
use engine::notify;
use engine::phrases::alerts::message;
use engine::phrases::failures::suspension;
use engine::reconcile;
use engine::tenant;
use engine::tenant::settings::{AlertRecipient, Folders, Settings};
use engine::tenant::suspension::{self, SuspensionReason};
use jiff::SignedDuration;
use sim::{AdminRole, AppRegistration, Fault, MembershipRole, Service};
use store::secrets::Secrets;

use crate::support::{MINUTE, TwoTenants, every_team};

/// Returns an environment that sends alerts to the first person.
pub(super) async fn with_alerts(people: usize) -> TwoTenants {
    let env = TwoTenants::with_people(people).await;
    let first = WebexId::new(Default::default(), env.people[0].person);
    env.save_settings(Settings {
        alert_recipient: Some(AlertRecipient::Person(first)),
        ..every_team()
    })
    .await;
    env
}

/// Returns the alerts about conditions. What the test decides is announced, too.
pub(super) fn alerts(env: &TwoTenants) -> Vec<String> {
    let sent = env.world().cards_to(env.people[0].person).into_iter().map(|card| card.markdown);
    sent.filter(|text| !text.contains("- The operator of this deployment: ")).collect()
}

pub(super) async fn suspension_reason(env: &TwoTenants) -> Option<SuspensionReason> {
    suspension::load(env.store(), env.tenant()).await.unwrap().map(|suspension| suspension.why)
}

/// One person leaves the team, and one joins the group.
pub(super) fn change_both_sides(env: &TwoTenants, team: TeamId) {
    let (group, _) = env.group();
    env.world().remove_from_team(team, env.people[1].person).unwrap();
    env.world().add_member(group, env.people[5].object);
}

pub(super) const SIX_MINUTES: SignedDuration = SignedDuration::from_mins(6);

fn writes_of_the_tenant(env: &TwoTenants) -> usize {
    let theirs = [Some(env.handle.org.0), Some(env.handle.directory.0)];
    let calls = env.world().take_calls();
    let writes =
        calls.iter().filter(|call| theirs.contains(&call.owner) && call.kind == sim::Kind::Write);
    // Alerts are not changes.
    writes.filter(|call| !call.path.starts_with("/v1/messages")).count()
}

/// Asserts that a tenant is suspended with one alert, and resumes with another.
async fn assert_suspends_and_resumes(
    why: SuspensionReason,
    take: impl Fn(&TwoTenants),
    give_back: impl Fn(&TwoTenants),
) {
    let mut env = with_alerts(6).await;
    let team = env.create_team("Still", &env.people[..5]);
    let newcomer = env.world().add_person(&env.other, "Newcomer");
    let theirs = env.world().create_team(env.neighbour.person, "Neighbours");
    env.let_pass(40 * MINUTE).await;
    let before = alerts(&env).len();
    take(&env);
    env.let_pass(2 * SIX_MINUTES).await;
    assert_eq!(suspension_reason(&env).await, Some(why));
    env.world().take_calls();
    change_both_sides(&env, team);
    env.world().add_to_team(theirs, newcomer.person, MembershipRole::Member).unwrap();
    env.let_pass(2 * 60 * MINUTE).await;
    assert_eq!(writes_of_the_tenant(&env), 0, "nothing is written");
    let team_now = env.world().team(team).unwrap();
    assert!(
        team_now.people.contains_key(&env.people[2].person) && env.group().1.members.len() >= 5,
        "no one is removed"
    );
    let neighbours = env.world().groups(env.other.directory).into_values().next().unwrap();
    assert!(neighbours.members.contains(&newcomer.object), "the neighbours go on");
    let sent = alerts(&env);
    assert_eq!(sent.len(), before + 1, "alerted once: {sent:#?}");
    assert!(sent[before].contains(suspension(why)), "{sent:#?}");
    give_back(&env);
    env.let_pass(40 * MINUTE).await;
    assert_eq!(suspension_reason(&env).await, None);
    assert!(env.link_row(team).await.unwrap().link.failure.is_none());
    env.assert_in_sync(team);
    let sent = alerts(&env);
    assert_eq!(sent.len(), before + 2, "alerted again at the end: {sent:#?}");
    assert!(sent[before + 1].contains("works again"));
    assert!(notify::all(env.store(), env.tenant()).await.unwrap().is_empty());
}

#[tokio::test]
async fn lost_compliance_role_suspends_the_tenant() {
    assert_suspends_and_resumes(
        SuspensionReason::ComplianceRoleLost,
        |env| env.world().take_role(env.handle.service_account, AdminRole::ComplianceOfficer),
        |env| env.world().give_role(env.handle.service_account, AdminRole::ComplianceOfficer),
    )
    .await;
}

#[tokio::test]
async fn lost_admin_role_suspends_the_tenant() {
    assert_suspends_and_resumes(
        SuspensionReason::AdministratorRoleLost,
        |env| env.world().take_role(env.handle.service_account, AdminRole::ReadOnlyAdmin),
        |env| env.world().give_role(env.handle.service_account, AdminRole::ReadOnlyAdmin),
    )
    .await;
}

#[tokio::test]
async fn lost_consent_suspends_the_tenant() {
    assert_suspends_and_resumes(
        SuspensionReason::ConsentLost,
        |env| env.world().withdraw_consent(env.handle.directory),
        |env| {
            let roles = ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"];
            env.world().consent(env.handle.directory, &roles);
        },
    )
    .await;
}

#[tokio::test]
async fn signed_out_account_resumes_when_reconnected() {
    let mut env = with_alerts(6).await;
    let team = env.create_team("Signed out", &env.people[..5]);
    env.let_pass(40 * MINUTE).await;
    env.world().revoke_tokens(env.handle.service_account);
    env.let_pass(2 * SIX_MINUTES).await;
    assert_eq!(suspension_reason(&env).await, Some(SuspensionReason::ServiceAccountSignedOut));
    let alerts = notify::all(env.store(), env.tenant()).await.unwrap();
    assert!(alerts.iter().any(|alert| {
        message(&alert.message).contains(suspension(SuspensionReason::ServiceAccountSignedOut))
            && alert.notified_at.is_none()
    }));
    change_both_sides(&env, team);
    let pair = env.world().issue_tokens(env.handle.service_account, sim::SERVICE_ACCOUNT_SCOPES);
    env.save_tokens(pair).await;
    env.let_pass(40 * MINUTE).await;
    assert_eq!(suspension_reason(&env).await, None);
    env.assert_in_sync(team);
}

#[tokio::test]
async fn short_refusal_suspends_no_one() {
    let mut env = with_alerts(6).await;
    let team = env.create_team("Hiccup", &env.people[..5]);
    env.let_pass(40 * MINUTE).await;
    env.world().inject(Fault::status(403).on(Service::Webex).path("/events"));
    env.world().inject(Fault::status(401).on(Service::Graph).path("/groups/delta"));
    env.world().inject(Fault::status(503).on(Service::Webex).path("/identity").times(10));
    change_both_sides(&env, team);
    env.let_pass(3 * SIX_MINUTES).await;
    assert_eq!(suspension_reason(&env).await, None);
    env.assert_in_sync(team);
    assert_eq!(alerts(&env), Vec::<String>::new());
}

pub(super) async fn with_alerts_and_folders(people: usize) -> TwoTenants {
    let env = TwoTenants::with_folders(people).await;
    let first = WebexId::new(Default::default(), env.people[0].person);
    let folders = Folders::EachSpace;
    env.save_settings(Settings {
        alert_recipient: Some(AlertRecipient::Person(first)),
        folders,
        ..every_team()
    })
    .await;
    env
}

async fn files_suspension(env: &TwoTenants) -> Option<SuspensionReason> {
    let snapshot =
        tenant::load_snapshot(env.store(), env.tenant(), &[], env.now()).await.unwrap().unwrap().0;
    let why = snapshot.tenant.files.as_ref().unwrap().lost.as_ref().map(|lost| lost.why);
    assert_eq!(why.is_none(), snapshot.tenant.has_folders(&snapshot.settings));
    why
}

/// Asserts one alert for a lost files access, while people and names stay synced.
async fn assert_only_files_suspended(
    env: &mut TwoTenants,
    why: SuspensionReason,
    give_back: impl AsyncFn(&TwoTenants),
) {
    let team = env.create_team("Going on", &env.people[..5]);
    env.let_pass(40 * MINUTE).await;
    assert_eq!((files_suspension(env).await, suspension_reason(env).await), (Some(why), None));
    let said = alerts(env);
    assert_eq!(said.len(), 1, "alerted once: {said:#?}");
    assert!(
        said[0].contains("People and names still sync") && said[0].contains("/folders"),
        "{said:#?}"
    );
    let report = reconcile::last_report(env.store(), env.tenant()).await.unwrap().unwrap();
    assert_eq!(
        report.failures,
        Vec::<String>::new(),
        "a known suspension is not a failure of each cycle"
    );
    change_both_sides(env, team);
    env.let_pass(20 * MINUTE).await;
    env.assert_in_sync(team);
    give_back(env).await;
    env.let_pass(2 * SIX_MINUTES).await;
    assert_eq!((files_suspension(env).await, suspension_reason(env).await), (None, None));
    assert_eq!(alerts(env).len(), 1);
    assert_eq!(notify::except_suspension(env.store(), env.tenant()).await.unwrap(), []);
}

#[tokio::test]
async fn lost_files_consent_suspends_folders_only() {
    let mut env = with_alerts_and_folders(6).await;
    env.world().remove_app(AppRegistration::Files, env.handle.directory);
    let grant = async |env: &TwoTenants| {
        env.world().consent_to(
            AppRegistration::Files,
            env.handle.directory,
            &["Files.ReadWrite.All"],
        );
    };
    assert_only_files_suspended(&mut env, SuspensionReason::ConsentLost, grant).await;
}

#[tokio::test]
async fn lost_files_permission_suspends_folders_only() {
    let mut env = with_alerts_and_folders(6).await;
    env.let_pass(2 * SIX_MINUTES).await;
    env.world().consent_to(AppRegistration::Files, env.handle.directory, &[]);
    // The current token keeps its roles until it expires.
    env.let_pass(90 * MINUTE).await;
    let grant = async |env: &TwoTenants| {
        env.world().consent_to(
            AppRegistration::Files,
            env.handle.directory,
            &["Files.ReadWrite.All"],
        );
    };
    assert_only_files_suspended(&mut env, SuspensionReason::ConsentLost, grant).await;
}

#[tokio::test]
async fn missing_files_app_suspends_folders_only() {
    let mut env = with_alerts_and_folders(6).await;
    let secrets = env.stack.backend().secrets.clone();
    let secret = secrets.get("sandbox/files-app").await.unwrap().unwrap();
    secrets.delete("sandbox/files-app").await.unwrap();
    let give_back =
        async |_: &TwoTenants| secrets.put("sandbox/files-app", secret.clone()).await.unwrap();
    assert_only_files_suspended(&mut env, SuspensionReason::OwnCredential, give_back).await;
}
