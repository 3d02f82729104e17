//! The groups of an offboarding: counted, and deleted after approval.

use super::{Offboarding, OffboardingDeps, OffboardingError, OffboardingFailure, OffboardingStage};
use crate::link::{self, LinkRow};
use crate::safety::removal_counter::GROUP_DELETION_LIMIT;
use crate::stored::readable;
use clients::graph::Deletion;
use clients::http::{Access, ErrorClass};
use domain::ids::GroupId;
use store::table::{Cursor, Query, StoreError};

/// Links per page of deletions: an interrupted pass repeats as many.
const PAGE: usize = 25;

/// Links per page that is only counted.
const COUNTED_PAGE: usize = 500;

/// A page of links.
pub(super) struct LinkPage {
    pub(super) rows: Vec<LinkRow>,
    pub(super) next: Option<Cursor>,
}

/// Reads the next page of links.
pub(super) async fn links(
    offboarding: &Offboarding,
    deps: &OffboardingDeps<'_>,
    limit: usize,
) -> Result<LinkPage, StoreError> {
    let pk = link::partition(offboarding.tenant.tenant);
    let query = Query::Partition { pk, prefix: String::new() };
    let page = deps.store.query(&query, limit, offboarding.cursor.as_ref()).await?;
    let rows = page.items.into_iter().filter_map(readable).collect();
    Ok(LinkPage { rows, next: page.next })
}

/// Counts the links of one page whose group was created for the team.
pub(super) async fn count_page(
    offboarding: &mut Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<(), OffboardingError> {
    let page = links(offboarding, deps, COUNTED_PAGE).await?;
    offboarding.counted +=
        page.rows.iter().filter(|row| row.link.created_group().is_some()).count();
    offboarding.cursor = page.next;
    if offboarding.cursor.is_none() {
        offboarding.stage = stage_for(offboarding.counted);
    }
    Ok(())
}

/// Returns the stage for this number of groups: many need an admin's approval.
fn stage_for(groups: usize) -> OffboardingStage {
    if groups > GROUP_DELETION_LIMIT {
        OffboardingStage::PendingApproval { groups }
    } else {
        OffboardingStage::Groups
    }
}

/// Deletes a group, and reads it afterwards: an answer is not a reading.
async fn delete_group(
    deps: &OffboardingDeps<'_>,
    access: &Access,
    group: GroupId,
) -> Result<Deletion, OffboardingError> {
    let deletion = deps.graph.delete_group(access, group).await?;
    // Replicas learn of the deletion one after another, so either reading confirms it.
    let is_confirmed = deps.graph.group(access, group).await?.is_none()
        || deps.graph.deleted_group(access, group).await?.is_some();
    if is_confirmed { Ok(deletion) } else { Err(OffboardingError::NotConfirmed) }
}

/// Deletes the groups of one page. Adopted groups stay.
pub(super) async fn delete_page(
    offboarding: &mut Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<(), OffboardingError> {
    let page = links(offboarding, deps, PAGE).await?;
    let access = deps.tokens.graph(offboarding.tenant.directory, deps.deadline).await?;
    for row in &page.rows {
        let Some(group) = row.link.created_group() else {
            continue;
        };
        // The cursor stays, so the next pass repeats this page. Deleting twice changes nothing.
        if !deps.has_time() {
            return Ok(());
        }
        let error = match delete_group(deps, &access, group).await {
            Ok(Deletion::Deleted) => {
                offboarding.receipt.groups_deleted += 1;
                continue;
            }
            // A pass that was cut off has deleted it, or a person has.
            Ok(Deletion::NotFound) => continue,
            Err(error) => error,
        };
        let is_left = match &error {
            OffboardingError::NotConfirmed => !offboarding.can_repeat(),
            OffboardingError::Call(call) => call.class() == ErrorClass::Permanent,
            _ => false,
        };
        // One group that cannot be deleted does not keep the others.
        if !is_left {
            return Err(error);
        }
        let (title, said) = (row.link.title.clone(), error.to_string());
        offboarding.receipt.record_failure(OffboardingFailure::Group { title, said });
    }
    (offboarding.cursor, offboarding.repeats) = (page.next, 0);
    if offboarding.cursor.is_none() {
        offboarding.stage = offboarding.after_groups(deps.clock.now());
    }
    Ok(())
}
