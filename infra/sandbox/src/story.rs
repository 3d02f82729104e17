//! The story: a team and its group on ordinary days and bad ones, the same at every run.
//!
//! After each step both sides are compared with each other and with the actions of people.

use std::time::Duration;

use domain::clock::Clock;
use domain::membership::Sides;
use engine::decision::Decider;
use engine::tenant::{Folders, Settings};
use jiff::SignedDuration;
use sim::{Call, Fault, Kind, Service};

use crate::story_run::{PATIENCE, StoryError, StoryRun};
use crate::terminal::{counted, summary};

/// The maximum number of writes for a group with all its people.
const CREATION_WRITES: usize = 3;

/// The maximum number of calls to Graph during the throttling storm: one per end of a backoff.
const STORM_CALLS: usize = 4;

/// Plays all steps.
pub(crate) async fn play(run: &mut StoryRun) -> Result<(), StoryError> {
    run.terminal.line(
        "★ moderator or owner   ● member   · neither; each person has the same place on both sides",
    )?;
    creation(run).await?;
    promotion(run).await?;
    changes_in_webex(run).await?;
    changes_in_microsoft_365(run).await?;
    names(run).await?;
    throttling(run).await?;
    deletion(run).await?;
    lag(run).await?;
    folders(run).await?;
    run.print_verdict()
}

async fn creation(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open(
        "A team of 45",
        "Ada Arndt has created the team “Lighthouse” in Webex and added 44 people. Its group \
         appears.",
    )?;
    let calls = run.close().await?;
    let writes = count(&calls, Service::Graph, Kind::Write);
    run.check(writes <= CREATION_WRITES, || format!("the group took {writes} writes"))
}

async fn promotion(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open("A promotion", "In Webex, Ben Arndt becomes a moderator.")?;
    run.promote_in_webex(1)?;
    run.close().await.map(drop)
}

async fn changes_in_webex(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open("A join and a leave in Webex", "One person joins the team, another leaves it.")?;
    run.join_in_webex(45)?;
    run.leave_in_webex(7)?;
    run.close().await.map(drop)
}

async fn changes_in_microsoft_365(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open(
        "A join and a leave in Microsoft 365",
        "An owner adds one person to the group in Outlook and removes another. Graph's \
         notification names the group.",
    )?;
    run.join_in_microsoft_365(46);
    run.leave_in_microsoft_365(8);
    run.close().await.map(drop)
}

async fn names(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open(
        "A rename under a naming policy",
        "The directory now requires names like GRP_[GroupName]. The team is renamed to “Beacon”: \
         the group gets the name with the prefix, the team keeps it without.",
    )?;
    let directory = run.company.handle.directory;
    let (setting, policy) = ("PrefixSuffixNamingRequirement", "GRP_[GroupName]");
    run.world().set_group_setting(directory, setting, policy);
    run.world().rename_team(run.company.team, "Beacon");
    run.company.expected.name = "Beacon".into();
    run.company.expected.prefix = "GRP_";
    run.close().await?;

    run.open(
        "A rename in Microsoft 365",
        "Ada Arndt renames the group to “Harbour” in Microsoft 365, which makes it “GRP_Harbour”: \
         the team gets the name without the prefix.",
    )?;
    if let Some(group) = run.company.expected.group {
        run.world().rename_group(group, run.company.people[0].ids.object, "Harbour");
    }
    run.company.expected.name = "Harbour".into();
    run.close().await.map(drop)
}

async fn throttling(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open(
        "A throttling storm",
        "For five and a half minutes Graph answers every call with 429 and Retry-After: 120, while \
         three people join the team.",
    )?;
    run.world().inject(Fault::throttled("120").on(Service::Graph).times(u32::MAX));
    for person in [47, 48, 49] {
        run.join_in_webex(person)?;
        run.pass(SignedDuration::from_secs(100)).await;
    }
    run.pass(SignedDuration::from_secs(30)).await;
    run.world().clear_faults();
    let calls = run.take_calls();
    run.terminal.line(&format!("  During the storm: {}. Then it is over.\n", summary(&calls)))?;
    let to_graph = calls.iter().filter(|call| call.service == Service::Graph).count();
    let problem = || format!("{to_graph} calls to Graph during the storm");
    run.check(to_graph <= STORM_CALLS, problem)?;
    run.close().await.map(drop)
}

async fn deletion(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open(
        "The group is deleted",
        "The group is deleted in Microsoft 365, while the team still exists. It is restored once: \
         the same ID, the same people.",
    )?;
    if let Some(group) = run.company.expected.group {
        run.world().delete_group(group);
    }
    let calls = run.close().await?;
    let restored = calls.iter().filter(|call| call.path.ends_with("/restore")).count();
    run.check(restored == 1, || format!("restored {restored} times"))
}

async fn lag(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open(
        "Late replicas",
        "From now on Graph's replicas show each write up to ten minutes late, each of them at a \
         different time. Within ten minutes fourteen people join, leave or are promoted, on both \
         sides.",
    )?;
    run.world().graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    for n in 0..14 {
        match n {
            0 | 4 | 8 | 12 => run.join_in_webex(50 + n / 4)?,
            1 | 5 | 9 | 13 => run.join_in_microsoft_365(54 + n / 4),
            2 => run.leave_in_webex(10)?,
            6 => run.leave_in_microsoft_365(11),
            10 => run.leave_in_webex(12)?,
            3 => run.leave_in_microsoft_365(13),
            7 => run.promote_in_webex(20)?,
            _ => run.promote_in_microsoft_365(21),
        }
        run.pass(SignedDuration::from_secs(43)).await;
    }
    run.close().await?;
    // By then all replicas agree, so every further write would be one too many.
    run.pass(PATIENCE).await;
    let calls = run.take_calls();
    let writes = calls.iter().filter(|call| call.kind == Kind::Write).count();
    let writes = counted(writes, "write");
    run.terminal.line(&format!("  The following hour without actions: {writes}."))?;
    run.world().graph_settings(|settings| settings.replica_lag = Duration::ZERO);
    run.check_changes()?;
    run.check_both_sides()
}

async fn folders(run: &mut StoryRun) -> Result<(), StoryError> {
    run.open(
        "Folders",
        "An administrator grants access to files, and Ada Arndt creates a space in the team. Each \
         space gets a folder in the group's site.",
    )?;
    let backend = run.stack.backend().clone();
    let (store, tenant) = (backend.store.as_ref(), run.stack.tenants()[0]);
    run.stack.consent_to_files(tenant, &run.company.handle).await?;
    let (before, version) = engine::tenant::settings::load(store, tenant).await?;
    let settings = Settings { folders: Folders::EachSpace, ..before.clone() };
    let by = Decider::operator(backend.clock.now());
    engine::tenant::settings::save(store, tenant, &settings, (&before, version), by).await?;
    engine::reconcile::request_sync_of_every_link(store, tenant, backend.clock.now()).await?;
    let (team, ada) = (run.company.team, run.company.people[0].ids.person);
    let tides = run.world().create_room(ada, "Tides", Some(team));
    let both = |name: &str| Sides { team: name.to_owned(), group: name.to_owned() };
    run.company.expected.spaces =
        vec![(team.general_space(), both("Harbour")), (tides, both("Tides"))];
    run.close().await?;

    run.open(
        "A space and a folder get other names",
        "The space is renamed to a title that SharePoint does not allow, and the other folder is \
         renamed in SharePoint: it remains the space's folder, under its new name.",
    )?;
    run.world().rename_room(tides, "Tides: neap/spring");
    let general = run.world().room(team.general_space()).and_then(|room| room.folder);
    if let (Some(group), Some(folder)) = (run.company.expected.group, general) {
        run.world().rename_drive_folder(group, &folder.item, "For everyone");
    }
    let [(_, general), (_, tides)] = &mut run.company.expected.spaces[..] else {
        return Ok(());
    };
    general.group = "For everyone".into();
    *tides = Sides { team: "Tides: neap/spring".into(), group: "Tides- neap-spring".into() };
    run.close().await.map(drop)
}

fn count(calls: &[Call], service: Service, kind: Kind) -> usize {
    calls.iter().filter(|call| call.service == service && call.kind == kind).count()
}
