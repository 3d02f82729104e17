//! Simulated services: a team that is read as it is, and a group with three lagging replicas.

use std::fmt::Write;

use domain::ids::{ObjectId, PersonId};
use domain::membership::{Person, Role, Side, Sides};
use jiff::Timestamp;
use uuid::Uuid;

use super::misreading::Misreading;

/// Milliseconds since the start of a history.
pub(crate) type Ms = i64;

pub(crate) const SECOND: Ms = 1000;
pub(crate) const MINUTE: Ms = 60 * SECOND;
pub(crate) const HOUR: Ms = 60 * MINUTE;
/// Maximum lag of a replica.
pub(crate) const LAG: Ms = 10 * MINUTE;

/// Small seeded generator (splitmix64), the same on every machine.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn between(&mut self, low: Ms, high: Ms) -> Ms {
        low + (self.next() % (high - low).max(1) as u64) as Ms
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

pub(crate) fn timestamp(at: Ms) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + at).unwrap()
}

/// Returns person number `p` with their Webex account number `account`.
pub(super) fn person(p: usize, account: u8) -> Person {
    Person {
        object: ObjectId(Uuid::from_u128(p as u128 + 1)),
        person: PersonId(Uuid::from_u128(p as u128 + 1 + 1000 * (u128::from(account) + 1))),
    }
}

/// Returns the number of a person.
pub(super) fn number(person: Person) -> usize {
    person.object.0.as_u128() as usize - 1
}

struct Change {
    at: Ms,
    value: bool,
    lags: [Ms; 3],
}

/// One listing of the group: members or owners.
struct Listing(Vec<Vec<Change>>);

impl Listing {
    fn is(&self, p: usize) -> bool {
        self.0[p].last().is_some_and(|change| change.value)
    }

    fn read(&self, p: usize, replica: usize, now: Ms) -> bool {
        self.0[p]
            .iter()
            .rfind(|change| change.at + change.lags[replica] <= now)
            .is_some_and(|change| change.value)
    }
}

/// Refusal of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    LastOwner,
    OwnerLimit,
    NotThere,
}

/// Both services.
pub(super) struct World {
    pub(super) team: Vec<Role>,
    members: Listing,
    owners: Listing,
    owner_limit: usize,
    /// Person whose account one side does not know at the moment.
    gone: Option<(usize, Side)>,
    deleted: Option<(usize, bool, bool)>,
}

impl World {
    pub(super) fn new(start: &[Sides<Role>], owner_limit: usize) -> Self {
        let listing = |is: fn(Role) -> bool| {
            Listing(
                start
                    .iter()
                    .map(|s| vec![Change { at: Ms::MIN / 2, value: is(s.group), lags: [0; 3] }])
                    .collect(),
            )
        };
        Self {
            team: start.iter().map(|s| s.team).collect(),
            members: listing(Role::is_present),
            owners: listing(|role| role == Role::Owner),
            owner_limit,
            gone: None,
            deleted: None,
        }
    }

    pub(super) fn group(&self, p: usize) -> Role {
        role(self.members.is(p) || self.owners.is(p), self.owners.is(p))
    }

    pub(super) fn is(&self, p: usize, side: Side) -> Role {
        match side {
            Side::Team => self.team[p],
            Side::Group => self.group(p),
        }
    }

    pub(super) fn is_equal(&self, p: usize) -> bool {
        self.team[p] == self.group(p)
    }

    pub(super) fn owners(&self, side: Side) -> usize {
        (0..self.team.len()).filter(|&p| self.is(p, side) == Role::Owner).count()
    }

    pub(super) fn is_only_owner(&self, p: usize, side: Side) -> bool {
        self.is(p, side) == Role::Owner && self.owners(side) == 1
    }

    pub(super) fn is_full(&self) -> bool {
        self.owners(Side::Group) >= self.owner_limit
    }

    /// Returns one answer of Graph: members from one replica, owners from another.
    pub(super) fn read_group(
        &self,
        rng: &mut Rng,
        now: Ms,
        misreading: Option<Misreading>,
    ) -> Vec<Role> {
        let (of_members, of_owners) = (rng.below(3), rng.below(3));
        (0..self.team.len())
            .map(|p| {
                let owner = self.owners.read(p, of_owners, now);
                let member = self.members.read(p, of_members, now);
                role(
                    member
                        || owner && misreading != Some(Misreading::OwnersWithoutMembershipAbsent),
                    owner,
                )
            })
            .collect()
    }

    fn set(&mut self, p: usize, member: bool, owner: bool, rng: &mut Rng, now: Ms) {
        for (listing, value) in [(&mut self.members, member), (&mut self.owners, owner)] {
            if listing.is(p) != value {
                let lags = [(); 3].map(|()| rng.between(0, LAG));
                listing.0[p].push(Change { at: now, value, lags });
            }
        }
    }

    fn refuses(&self, p: usize, side: Side, to: Role) -> Result<(), Refusal> {
        if self.gone == Some((p, side)) {
            Err(Refusal::NotThere)
        } else if to != Role::Owner && self.is_only_owner(p, side) {
            Err(Refusal::LastOwner)
        } else if side == Side::Group && to == Role::Owner && !self.owners.is(p) && self.is_full() {
            Err(Refusal::OwnerLimit)
        } else {
            Ok(())
        }
    }

    /// Applies an act of a person.
    pub(super) fn act(
        &mut self,
        p: usize,
        side: Side,
        to: Role,
        rng: &mut Rng,
        now: Ms,
    ) -> Result<(), Refusal> {
        self.refuses(p, side, to)?;
        match side {
            Side::Team => self.team[p] = to,
            // A person shown as an owner only is gone.
            Side::Group if to == Role::Member && self.owners.is(p) && !self.members.is(p) => {
                return Err(Refusal::NotThere);
            }
            Side::Group => {
                // An admin can make a non-member an owner.
                let member = to == Role::Member
                    || to == Role::Owner && (self.members.is(p) || rng.percent(60));
                self.set(p, member, to == Role::Owner, rng, now);
            }
        }
        Ok(())
    }

    /// Adds a person. A present person keeps their role, unless they get a higher one.
    pub(super) fn add(
        &mut self,
        p: usize,
        side: Side,
        to: Role,
        rng: &mut Rng,
        now: Ms,
    ) -> Result<(), Refusal> {
        let to = to.max(self.is(p, side));
        self.refuses(p, side, to)?;
        match side {
            Side::Team => self.team[p] = to,
            Side::Group => self.set(p, true, to == Role::Owner, rng, now),
        }
        Ok(())
    }

    /// Changes the role of a person.
    pub(super) fn change_role(
        &mut self,
        p: usize,
        side: Side,
        to: Role,
        demotion: Demotion,
        rng: &mut Rng,
        now: Ms,
    ) -> Result<(), Refusal> {
        self.refuses(p, side, to)?;
        match side {
            Side::Team if self.team[p] == Role::None => return Err(Refusal::NotThere),
            Side::Team => self.team[p] = to,
            Side::Group if to == Role::Owner => self.set(p, self.members.is(p), true, rng, now),
            Side::Group => {
                self.set(
                    p,
                    self.members.is(p) && demotion.membership == Membership::Stays,
                    false,
                    rng,
                    now,
                );
                if demotion.binding == Binding::Made {
                    self.set(p, true, false, rng, now + 1);
                }
            }
        }
        Ok(())
    }

    /// Removes a person. In the group, the ownership goes first, then the membership.
    pub(super) fn remove(
        &mut self,
        p: usize,
        side: Side,
        part: Part,
        rng: &mut Rng,
        now: Ms,
    ) -> Result<(), Refusal> {
        self.refuses(p, side, Role::None)?;
        match (side, part) {
            (Side::Team, Part::Whole) => self.team[p] = Role::None,
            (Side::Team, Part::Role) => {}
            (Side::Group, Part::Whole) => self.set(p, false, false, rng, now),
            (Side::Group, Part::Role) => self.set(p, self.members.is(p), false, rng, now),
        }
        Ok(())
    }

    pub(super) fn delete_entra_user(&mut self, p: usize, rng: &mut Rng, now: Ms) {
        self.gone = Some((p, Side::Group));
        self.deleted = Some((p, self.members.is(p), self.owners.is(p)));
        self.set(p, false, false, rng, now);
    }

    pub(super) fn restore_entra_user(&mut self, rng: &mut Rng, now: Ms) {
        self.gone = None;
        if let Some((p, member, owner)) = self.deleted.take() {
            self.set(p, member, owner, rng, now);
        }
    }

    pub(super) fn delete_webex_user(&mut self, p: usize) {
        self.gone = Some((p, Side::Team));
        self.team[p] = Role::None;
    }

    pub(super) fn recreate_webex_user(&mut self) {
        self.gone = None;
    }
}

/// Behavior of the service when an owner of the group is demoted.
#[derive(Clone, Copy)]
pub(super) struct Demotion {
    pub(super) membership: Membership,
    pub(super) binding: Binding,
}

/// Fate of the membership when an owner of the group is demoted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    /// It stays.
    Stays,
    /// The service ends it too.
    Ends,
}

/// Addition of a demoted owner as a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    Made,
    Missing,
}

/// Extent of a removal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Role,
}

fn role(present: bool, owner: bool) -> Role {
    match (present, owner) {
        (false, _) => Role::None,
        (true, false) => Role::Member,
        (true, true) => Role::Owner,
    }
}

/// Returns `-`, `M` and `O` for absent people, members and owners.
pub(super) fn letters(of: impl IntoIterator<Item = Role>) -> String {
    of.into_iter().fold(String::new(), |mut text, role| {
        let letter = match role {
            Role::None => '-',
            Role::Member => 'M',
            Role::Owner => 'O',
        };
        let _ = text.write_char(letter);
        text
    })
}
