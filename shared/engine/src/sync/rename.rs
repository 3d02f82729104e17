//! Names: says which rename is due, and makes it.

use super::directory_rules::read_rules;
use super::maintain::{is_archived, should_join};
use super::types::{Reading, Recorded, SyncRecord, SyncRun};
use super::{Deps, SyncError};
use crate::codes::Note;
use crate::link::{Link, RenameRefusal};
use crate::tenant::NameSync;
use clients::graph::Renamed;
use clients::http::{CallError, ErrorClass};
use clients::webex::WebexId;
use domain::ids::GroupId;
use domain::membership::Side;
use domain::merge::{NameReading, NameState, NameTerms, NameWrite, TeamName, display_name};

/// Names after comparison, and the rename that follows.
pub(super) struct NamePlan {
    pub(super) names: Option<NameState>,
    pub(super) rename: Option<NameWrite>,
}

/// Compares the names of both sides, if both were read. Where names are not synced, they are only
/// followed.
pub(super) async fn plan_rename(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
) -> Result<NamePlan, SyncError> {
    let is_complete = reading.group.is_some() && reading.contradicted.is_none();
    let Some(names) = link.names.as_ref().filter(|_| is_complete) else {
        return Ok(NamePlan { names: link.names.clone(), rename: None });
    };
    let read = names_of(reading);
    if read.team.trim().is_empty() || read.group.trim().is_empty() {
        // A name that a service does not say is no new name.
        return Ok(NamePlan { names: link.names.clone(), rename: None });
    }
    let settings = &run.context.settings;
    let rules = run.context.rules.as_ref();
    let policy = rules.map(|rules| rules.naming.clone()).unwrap_or_default();
    if settings.names == NameSync::No {
        let names = names.follow(&read, &policy, run.started);
        return Ok(NamePlan { names: Some(names), rename: None });
    }
    // Only a member can rename a team, and the service account joins before it does.
    let account = run.context.tenant.service_account;
    let is_member = link.service_account.is_member(account) || should_join(run, reading);
    let mut terms = NameTerms {
        direction: settings.direction,
        last_word: settings.last_word,
        team: if is_member { TeamName::CanBeChanged } else { TeamName::CannotBeChanged },
        policy,
        now: run.started,
        retry: run.retry(),
    };
    let (mut next, mut rename) = names.compare(&read, &terms);
    // The naming policy decides what a group may be called, so a rename needs a fresh one.
    if rename.is_some() && rules.is_none_or(|rules| rules.are_stale(run.started)) {
        terms.policy = read_rules(deps, run).await?.naming;
        (next, rename) = names.compare(&read, &terms);
    }
    Ok(NamePlan { names: Some(next), rename })
}

/// Renames one side, and records the outcome. An error ends the work of the run.
pub(super) async fn rename(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    group: GroupId,
    write: NameWrite,
) -> Recorded<()> {
    let mut record = SyncRecord::of(link.clone());
    let Some(names) = link.names.clone() else { return Recorded { record, result: Ok(()) } };
    let (to, side) = match &write {
        NameWrite::Team { title, .. } => (title.clone(), Side::Team),
        NameWrite::Group(to) => (to.clone(), Side::Group),
    };
    let mut result = Ok(());
    match send_rename(deps, run, link, group, &write).await {
        Ok(()) => {
            record.report.notes.push(Note::Renamed { side, to });
            record.link.names = Some(names.after(&write, deps.clock.now()));
        }
        // If that question fails as well, the first error is the one to show.
        Err(_) if side == Side::Team && is_archived(deps, run, link).await.unwrap_or(false) => {
            result = Err(SyncError::Archived(link.team));
        }
        Err(error) if error.class() == ErrorClass::Permanent => {
            // Noted once, however often the same rename is tried.
            let said = error.to_string();
            let refusal = RenameRefusal { side, to: to.clone(), said: said.clone() };
            record.link.rename_refused = Some(refusal);
            if names.deferred.as_ref() != Some(&write) {
                record.report.notes.push(Note::RenameRefused { side, to, said });
            }
            let now = deps.clock.now();
            record.link.names = Some(names.refused(write, &names_of(reading), now));
        }
        Err(error) => result = Err(error.into()),
    }
    Recorded { record, result }
}

async fn send_rename(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    group: GroupId,
    write: &NameWrite,
) -> Result<(), CallError> {
    let access = run.access;
    match write {
        NameWrite::Team { title, .. } => {
            let team = WebexId::new(link.region.clone(), link.team);
            deps.webex.rename_team(&access.webex, &team, title).await
        }
        NameWrite::Group(name) => {
            // Cut where the name of a new group is cut.
            let name = display_name(name);
            match deps.graph.rename_group(&access.graph, group, name).await? {
                Renamed::Renamed => Ok(()),
                // A naming policy decorates the name.
                Renamed::NeedsName { suggested } => {
                    // Not asked a third time: the next reading shows which name the group has.
                    deps.graph.rename_group(&access.graph, group, &suggested).await.map(drop)
                }
            }
        }
    }
}

fn names_of(reading: &Reading) -> NameReading {
    NameReading { team: reading.team.name.clone(), group: reading.group_name() }
}
