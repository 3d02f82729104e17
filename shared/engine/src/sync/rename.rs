//! The name: which rename is due, and making it.

use super::applied::Applied;
use super::look::Look;
use super::read::Reading;
use super::upkeep::wants_inside;
use super::{Sync, SyncError};
use crate::tenant::NameCarriage;
use clients::graph::Renamed;
use clients::http::Class;
use clients::webex::WebexId;
use domain::ids::GroupId;
use domain::membership::Side;
use domain::merge::{NameReading, NameTerms, NameWrite, TeamName};

impl Sync {
    /// The rename that is due, with the naming policy read anew where it is old. Where names are not carried they are only followed.
    pub(super) async fn rename_due(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
    ) -> Result<Option<NameWrite>, SyncError> {
        let (Some(names), Some(group)) = (&look.link.names, &reading.group) else { return Ok(None) };
        let read = NameReading { team: reading.team.name.clone(), group: group.group.display_name.clone() };
        let settings = &look.desk.settings;
        if settings.names == NameCarriage::No {
            let policy = look.desk.rules.as_ref().map(|rules| rules.naming.clone()).unwrap_or_default();
            look.link.names = Some(names.follow(&read, &policy, look.started));
            return Ok(None);
        }
        // Whoever steps inside does it first.
        let inside = look.link.officer.is_inside(look.desk.tenant.officer) || wants_inside(look, reading);
        let mut terms = NameTerms {
            direction: settings.direction,
            last_word: settings.last_word,
            team: if inside { TeamName::CanBeChanged } else { TeamName::CannotBeChanged },
            policy: look.desk.rules.as_ref().map(|rules| rules.naming.clone()).unwrap_or_default(),
            now: look.started,
            retry: look.retry(),
        };
        let (mut next, mut write) = names.compare(&read, &terms);
        if write.is_some() && look.desk.rules.as_ref().is_none_or(|rules| rules.are_stale(look.started)) {
            terms.policy = self.read_rules(look).await?.naming;
            (next, write) = names.compare(&read, &terms);
        }
        look.link.names = Some(next);
        Ok(write)
    }

    /// Makes the rename, and takes what became of it into what is known.
    pub(super) async fn rename(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        group: GroupId,
        write: NameWrite,
        applied: &mut Applied,
    ) {
        let Some(names) = look.link.names.clone() else { return };
        let answer = match &write {
            NameWrite::Team { title, .. } => {
                let team = WebexId::new(look.link.region.clone(), look.link.team);
                self.webex.rename_team(&look.calls.webex, &team, title).await
            }
            NameWrite::Group(name) => match self.graph.rename_group(&look.calls.graph, group, name).await {
                Ok(Renamed::Renamed) => Ok(()),
                Ok(Renamed::NeedsName { suggested }) => {
                    self.graph.rename_group(&look.calls.graph, group, &suggested).await.map(drop)
                }
                Err(error) => Err(error),
            },
        };
        let (to, side) = match &write {
            NameWrite::Team { title, .. } => (title, Side::Team),
            NameWrite::Group(to) => (to, Side::Group),
        };
        match answer {
            Ok(()) => {
                look.report.note(format!("The {side} was renamed to “{to}”."));
                look.link.names = Some(names.after(&write, self.clock.now()));
            }
            Err(_) if side == Side::Team && self.is_archived(look).await.unwrap_or(false) => {
                applied.stop(SyncError::Archived(look.link.team));
            }
            Err(error) if error.class() == Class::Permanent => {
                // Told once, however often it is tried.
                if names.owed.as_ref() != Some(&write) {
                    look.report.note(format!("The {side} could not be renamed to “{to}”: {error}"));
                }
                let raw = reading.group.as_ref().map(|group| group.group.display_name.clone()).unwrap_or_default();
                let read = NameReading { team: reading.team.name.clone(), group: raw };
                look.link.names = Some(names.refused(write, &read, self.clock.now()));
            }
            Err(error) => applied.stop(error),
        }
    }
}
