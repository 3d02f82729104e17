//! The links, page by page: the officer leaves the teams, and groups are counted and deleted.

use jiff::SignedDuration;

use super::{Hands, Leaving, LeavingError, Stage};
use crate::link::{self, Closing, Kept, OfficerPlace, PutThere};
use clients::graph::Deletion;
use clients::http::{CALL_TIMEOUT, Class};
use clients::webex::WebexId;
use store::table::{Query, StoreError, from_item};

/// Links in a page of work: a turn that is cut off repeats as many.
const PER_PAGE: usize = 25;

/// Links in a page that is only counted.
const PER_COUNT: usize = 500;

impl Leaving {
    async fn links(
        &self,
        hands: &Hands<'_>,
        limit: usize,
    ) -> Result<(Vec<Kept>, Option<store::table::Cursor>), StoreError> {
        let query = Query::Partition { pk: link::partition(self.tenant.tenant), prefix: String::new() };
        let page = hands.store.query(&query, limit, self.cursor.as_ref()).await?;
        let links = page.items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        Ok((links, page.next))
    }

    /// One page of teams.
    pub(super) async fn leave_teams(&mut self, hands: &Hands<'_>) -> Result<(), LeavingError> {
        let (links, next) = self.links(hands, PER_PAGE).await?;
        for kept in
            links.iter().filter(|kept| matches!(kept.link.officer, OfficerPlace::Inside { by: PutThere::Itself, .. }))
        {
            if !hands.has_time() {
                return Ok(());
            }
            if let Err(error) = self.leave_team(hands, kept).await {
                match &error {
                    LeavingError::Call(call) if call.class() == Class::Permanent => {
                        self.receipt
                            .trouble(format!("The account could not leave the team “{}”: {call}", kept.link.title));
                    }
                    _ => return Err(error),
                }
            }
        }
        self.cursor = next;
        if self.cursor.is_none() {
            self.stage = Stage::Secret;
        }
        Ok(())
    }

    /// Takes the officer out of one team. The link says so, under its lease: should the tenant come back, nobody takes it for a person's doing.
    async fn leave_team(&mut self, hands: &Hands<'_>, kept: &Kept) -> Result<(), LeavingError> {
        let now = hands.clock.now();
        let until = now + SignedDuration::try_from(CALL_TIMEOUT * 3).unwrap_or_default();
        let id = self.tenant.tenant;
        let Some((lease, kept)) = link::take_lease(hands.store, id, kept.link.team, now, until).await? else {
            return Err(LeavingError::LookUnderWay(kept.link.team));
        };
        let access = hands.tokens.webex(id, self.tenant.officer, hands.deadline).await?;
        let room = WebexId::new(kept.link.region.clone(), kept.link.team.general_space());
        let there = match hands.webex.memberships(&access, &room).await {
            Ok(there) => there.into_inner(),
            Err(error)
                if matches!(error.status(), Some(404 | 410)) && hands.webex.room(&access, &room).await?.is_none() =>
            {
                vec![]
            }
            Err(error) => return Err(error.into()),
        };
        let own = there.iter().find(|membership| membership.person == self.tenant.officer);
        if let Some(own) = own {
            hands.webex.remove_membership(&access, &own.id).await?;
            self.receipt.teams_left += 1;
        }
        let mut link = kept.link.clone();
        link.officer = OfficerPlace::NotYet;
        let closing = Closing {
            looked: kept.looked,
            wanted: kept.wanted,
            hinted: kept.hinted,
            next_look: kept.next_look,
            delayed: None,
        };
        match hands.store.write(vec![lease.close(id, &link, &closing)?]).await {
            // A wish for a look came meanwhile: the lease ends by itself, and the next turn finds the officer gone.
            Ok(()) | Err(StoreError::ConditionFailed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// One page of links, of which those with a group that was made for the team are counted.
    pub(super) async fn count_groups(&mut self, hands: &Hands<'_>) -> Result<(), LeavingError> {
        let (links, next) = self.links(hands, PER_COUNT).await?;
        self.counted += links.iter().filter(|kept| kept.link.group_of_our_making().is_some()).count();
        self.cursor = next;
        if self.cursor.is_none() {
            self.stage = self.held(self.counted);
        }
        Ok(())
    }

    /// One page of groups. What was there before it was connected stays.
    pub(super) async fn delete_groups(&mut self, hands: &Hands<'_>) -> Result<(), LeavingError> {
        let (links, next) = self.links(hands, PER_PAGE).await?;
        let access = hands.tokens.graph(self.tenant.directory, hands.deadline).await?;
        for kept in &links {
            let Some(group) = kept.link.group_of_our_making() else { continue };
            if !hands.has_time() {
                return Ok(());
            }
            match hands.graph.delete_group(&access, group).await {
                Ok(Deletion::Deleted) => self.receipt.groups_deleted += 1,
                Ok(Deletion::NotFound) => {}
                Err(error) if error.class() == Class::Permanent => {
                    self.receipt.trouble(format!("The group of “{}” could not be deleted: {error}", kept.link.title));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.cursor = next;
        if self.cursor.is_none() {
            self.stage = self.after_groups(hands.clock.now());
        }
        Ok(())
    }
}
