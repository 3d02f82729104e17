//! Resolves the people of a reading: from the index, and by look-ups where the index does not know
//! them.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{ApiAccess, Reading, ResolvedPeople, SyncDepth, SyncRun, TenantContext};
use super::{Deps, SyncError};
use crate::link::Who;
use crate::people::{Accounts, IndexedPerson, PersonIndex, object_of};
use clients::graph::{User, UserKind};
use clients::webex::ScimUser;
use domain::ids::{ObjectId, PersonId};
use domain::membership::{Eligibility, ExclusionReason};

/// People that one run looks up one by one; the others wait for the next run or the people scan.
pub(super) const LOOKUPS: usize = 50;

/// The same while an administrator waits for a page.
const LOOKUPS_DRY_RUN: usize = 20;

/// Eligibility of people whose membership of the team cannot be read, in this run.
const UNREADABLE: Eligibility =
    Eligibility::Excluded { reason: ExclusionReason::MembershipUnreadable };

/// Resolves everyone of a reading. Stored people cost nothing.
pub(super) async fn resolve(
    deps: &Deps,
    run: &SyncRun<'_>,
    reading: &Reading,
) -> Result<ResolvedPeople, SyncError> {
    let mut resolver = Resolver {
        deps,
        run,
        reading,
        index: PersonIndex::new(deps.store.as_ref(), run.tenant()),
        lookups_left: match run.depth {
            // A preview must leave the quota to what changes something.
            SyncDepth::DryRun => LOOKUPS_DRY_RUN,
            SyncDepth::Quick | SyncDepth::Full => LOOKUPS,
        },
        resolved: ResolvedPeople::default(),
    };
    let known = resolver.add_stored();
    resolver.add_team(&known.team).await?;
    let mut known_in_group = known.group;
    // Their accounts in the team have named them already, so they need no second look-up.
    known_in_group.extend(resolver.resolved.people.keys().map(|person| person.object));
    resolver.add_group(&known_in_group).await?;
    Ok(resolver.resolved)
}

/// People of a reading in the making. It never leaves this module.
struct Resolver<'a> {
    deps: &'a Deps,
    run: &'a SyncRun<'a>,
    reading: &'a Reading,
    index: PersonIndex<'a>,
    lookups_left: usize,
    resolved: ResolvedPeople,
}

/// People who need no look-up, by side.
#[derive(Default)]
struct KnownPeople {
    team: BTreeSet<PersonId>,
    group: BTreeSet<ObjectId>,
}

impl Resolver<'_> {
    /// Adds everyone who is stored on the link. Full runs resolve excluded people again.
    fn add_stored(&mut self) -> KnownPeople {
        let (reading, excluded) = (self.reading, &mut self.resolved.excluded);
        let is_full = self.run.depth == SyncDepth::Full;
        let mut known = KnownPeople::default();
        for (who, on_link) in &reading.stored {
            // A full run reads the excluded again: their reason can be gone.
            match (who, on_link.excluded.filter(|_| !is_full)) {
                (Who::Person(person), _) => {
                    let eligibility = match reading.unreadable.contains(&person.person) {
                        // A row without a readable role says nothing about the role.
                        true => UNREADABLE,
                        false => Eligibility::Eligible { returned: None },
                    };
                    self.resolved.people.insert(*person, eligibility);
                    known.team.insert(person.person);
                    known.group.insert(person.object);
                }
                // The row of an excluded person who is no longer listed ends with this run.
                (Who::Webex(person), Some(reason)) if reading.memberships.contains_key(person) => {
                    excluded.insert(*who, reason);
                    known.team.insert(*person);
                }
                (Who::Entra(object), Some(reason)) if reading.users.contains_key(object) => {
                    excluded.insert(*who, reason);
                    known.group.insert(*object);
                }
                // All others are resolved as if they were new.
                _ => {}
            }
        }
        for person in reading.unreadable.iter().filter(|person| !known.team.contains(person)) {
            excluded.insert(Who::Webex(*person), ExclusionReason::MembershipUnreadable);
        }
        let others = reading.others.iter().map(|object| Who::Entra(*object));
        excluded.extend(others.map(|who| (who, ExclusionReason::NotAUser)));
        known
    }

    /// Resolves members of the team.
    async fn add_team(&mut self, known: &BTreeSet<PersonId>) -> Result<(), SyncError> {
        let context = self.run.context;
        let mut new = Vec::new();
        let memberships = self.reading.memberships.iter();
        for (person, membership) in memberships.filter(|(person, _)| !known.contains(person)) {
            // The index knows only the own organization, so a lookup would be wasted.
            if membership.org.is_some_and(|org| org != context.tenant.org) {
                self.exclude(Who::Webex(*person), ExclusionReason::OtherOrganization);
            } else {
                new.push(*person);
            }
        }
        let mut found = self.index.people(new.iter().copied()).await?;
        let missing = new.into_iter().filter(|person| !found.contains_key(person)).collect();
        for person in self.portion(missing) {
            self.lookups_left -= 1;
            match find_person(self.deps, context, self.run.access, person).await? {
                Some(known) => _ = found.insert(person, known),
                None => self.exclude(Who::Webex(person), ExclusionReason::NotAPerson),
            }
        }
        for known in found.into_values() {
            self.add(Who::Webex(known.person), &known);
        }
        Ok(())
    }

    /// Resolves users of the group.
    async fn add_group(&mut self, known: &BTreeSet<ObjectId>) -> Result<(), SyncError> {
        let users = self.reading.users.keys().copied();
        let new: Vec<ObjectId> = users.filter(|object| !known.contains(object)).collect();
        let found = self.index.holders_of(new.iter().copied()).await?;
        for (object, known) in &found {
            self.add(Who::Entra(*object), known);
        }
        let missing = new.into_iter().filter(|object| !found.contains_key(object)).collect();
        let missing: Vec<ObjectId> = self.portion(missing);
        if missing.is_empty() {
            return Ok(());
        }
        let users = self.deps.graph.users(&self.run.access.graph, &missing).await?;
        let by_id: BTreeMap<ObjectId, _> = users.iter().map(|user| (user.id, user)).collect();
        for object in missing {
            self.add_user(object, by_id.get(&object).copied()).await?;
        }
        Ok(())
    }

    /// Resolves one user of the group, whom the index does not know.
    async fn add_user(&mut self, object: ObjectId, user: Option<&User>) -> Result<(), SyncError> {
        let who = Who::Entra(object);
        let Some(user) = user else {
            self.exclude(who, ExclusionReason::NotAUser);
            return Ok(());
        };
        // Guests have no account in the organization's Webex.
        if user.kind == UserKind::Guest {
            self.exclude(who, ExclusionReason::Guest);
            return Ok(());
        }
        let (context, access) = (self.run.context, self.run.access);
        let name = &user.user_principal_name;
        let webex = &self.deps.webex;
        let account = webex.scim_user_by_name(&access.webex, context.tenant.org, name).await?;
        // The same name is not enough: the account must have this object id.
        match account.filter(|account| object_of(account) == Some(object)) {
            Some(account) => {
                let known = index_account(self.deps, context, access, account).await?;
                self.add(who, &known);
            }
            None => self.exclude(who, ExclusionReason::NoWebexAccount),
        }
        Ok(())
    }

    /// The part of `missing` that this run can look up; the rest counts as unresolved.
    fn portion<T>(&mut self, mut missing: Vec<T>) -> Vec<T> {
        // Those left over are found by the next run.
        self.resolved.unresolved += missing.len().saturating_sub(self.lookups_left);
        missing.truncate(self.lookups_left);
        self.resolved.lookups += missing.len();
        missing
    }

    fn exclude(&mut self, who: Who, reason: ExclusionReason) {
        self.resolved.excluded.insert(who, reason);
    }

    /// Adds a person who is eligible, or excludes the half that was met.
    fn add(&mut self, met: Who, known: &IndexedPerson) {
        if known.person == self.run.context.tenant.service_account {
            return self.exclude(met, ExclusionReason::ServiceAccount);
        }
        match (known.pair(), known.eligibility) {
            (Some(pair), _) if self.reading.unreadable.contains(&pair.person) => {
                self.exclude(met, ExclusionReason::MembershipUnreadable);
            }
            (Some(pair), Eligibility::Eligible { .. }) => {
                self.resolved.people.insert(pair, known.eligibility);
            }
            (_, Eligibility::Excluded { reason }) => self.exclude(met, reason),
            // Without an object id there is no one to compare with.
            (None, Eligibility::Eligible { .. }) => {}
        }
    }
}

/// Looks up one account in SCIM and indexes it; `None` where it does not exist.
pub(super) async fn find_person(
    deps: &Deps,
    context: &TenantContext,
    access: &ApiAccess,
    person: PersonId,
) -> Result<Option<IndexedPerson>, SyncError> {
    match deps.webex.scim_user(&access.webex, context.tenant.org, person).await? {
        Some(account) => Ok(Some(index_account(deps, context, access, account).await?)),
        None => {
            let index = PersonIndex::new(deps.store.as_ref(), context.tenant.tenant);
            let source = source(deps, context, access);
            index.purge_if_gone::<SyncError>(source, person, deps.clock.now()).await?;
            Ok(None)
        }
    }
}

fn source<'a>(deps: &'a Deps, context: &TenantContext, access: &'a ApiAccess) -> Accounts<'a> {
    Accounts { webex: &deps.webex, access: &access.webex, org: context.tenant.org }
}

/// Indexes one account, with what the directory says of its object id. Other accounts that have
/// the id and no longer exist are purged.
async fn index_account(
    deps: &Deps,
    context: &TenantContext,
    access: &ApiAccess,
    account: ScimUser,
) -> Result<IndexedPerson, SyncError> {
    let index = PersonIndex::new(deps.store.as_ref(), context.tenant.tenant);
    let (person, object) = (account.person, object_of(&account));
    let mut directory = BTreeMap::new();
    if let Some(object) = object {
        directory.insert(object, deps.graph.user(&access.graph, object).await?);
    }
    let accounts = [account];
    index.observe(&accounts, &directory, deps.clock.now()).await?;
    if let Some(object) = object {
        let mut has_purged = false;
        let others = index.accounts_with_id(object).await?;
        // Only an account that is gone frees the id. Two that exist exclude each other.
        for other in others.into_iter().filter(|other| *other != person) {
            let scim = deps.webex.scim_user(&access.webex, context.tenant.org, other).await?;
            if scim.is_none() {
                let source = source(deps, context, access);
                has_purged |=
                    index.purge_if_gone::<SyncError>(source, other, deps.clock.now()).await?;
            }
        }
        // The id is this account's alone now, which can make it eligible.
        if has_purged {
            index.observe(&accounts, &directory, deps.clock.now()).await?;
        }
    }
    let mut known = index.people([person]).await?;
    // Purged at the same moment: an excluded person is neither added nor removed.
    Ok(known.remove(&person).unwrap_or(IndexedPerson {
        person,
        object: None,
        eligibility: Eligibility::Excluded { reason: ExclusionReason::NotSynchronized },
        name: String::new(),
        user_name: String::new(),
    }))
}
