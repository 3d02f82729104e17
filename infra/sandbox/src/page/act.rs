//! What people do on either side.

use domain::ids::{GroupId, ObjectId, PersonId, RoomId, TeamId};
use domain::membership::Side;
use engine::safety::pending_approval::{self, Decision};
use serde::Deserialize;
use store::message::{Ask, Cause, Message};
use store::queue::Queue;
use uuid::Uuid;

use super::cast::{Customer, Somebody};
use super::log::{EntryKind, Words};
use super::play::{Play, refused};
use super::spaces::SpaceAct;
use crate::Role;
use crate::world::Refused;

/// The team or the group that something is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// A Webex team.
    Team(TeamId),
    /// A Microsoft 365 group.
    Group(GroupId),
}

/// Something that a person does. People are named by their object id, or by Webex's uuid where they have none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// Somebody creates a team and takes others in.
    CreateTeam {
        /// Its name.
        name: String,
        /// Who creates it, and is its moderator.
        by: Uuid,
        /// Who else is in it.
        #[serde(default)]
        people: Vec<Uuid>,
    },
    /// Somebody creates a group that has no team.
    CreateGroup {
        /// Its name.
        name: String,
        /// Who creates it, and is its owner.
        by: Uuid,
    },
    /// Somebody is added.
    Add {
        /// To which.
        #[serde(flatten)]
        on: On,
        /// Who.
        person: Uuid,
    },
    /// Somebody is removed.
    Remove {
        /// From which.
        #[serde(flatten)]
        on: On,
        /// Who.
        person: Uuid,
    },
    /// Somebody becomes a moderator or an owner.
    Promote {
        /// Of which.
        #[serde(flatten)]
        on: On,
        /// Who.
        person: Uuid,
    },
    /// Somebody becomes a mere member.
    Demote {
        /// Of which.
        #[serde(flatten)]
        on: On,
        /// Who.
        person: Uuid,
    },
    /// It gets another name.
    Rename {
        /// Which.
        #[serde(flatten)]
        on: On,
        /// The name.
        name: String,
    },
    /// It is deleted.
    Delete {
        /// Which.
        #[serde(flatten)]
        on: On,
    },
    /// A deleted group is restored.
    Restore {
        /// Which.
        group: GroupId,
    },
    /// A team is archived: nobody comes or goes.
    Archive {
        /// Which.
        team: TeamId,
    },
    /// An archived team is brought back.
    Unarchive {
        /// Which.
        team: TeamId,
    },
    /// Something is done to a space of a team, or to its folder.
    Space {
        /// Of which team.
        team: TeamId,
        /// To which space; to none where it is made.
        #[serde(default)]
        space: Option<RoomId>,
        /// What.
        what: SpaceAct,
        /// Its new title or name.
        #[serde(default)]
        name: Option<String>,
    },
    /// An administrator wants the team looked at, with all its folders.
    SyncNow {
        /// Which.
        team: TeamId,
    },
    /// An administrator decides about the removals that wait.
    Decide {
        /// Of which team's link.
        team: TeamId,
        /// What.
        decision: Decision,
    },
}

/// The longest name of a team or group here.
const LONGEST_NAME: usize = 80;

pub(super) fn checked(name: &str) -> Result<&str, Refused> {
    let name = name.trim();
    match name.chars().count() {
        1..=LONGEST_NAME => Ok(name),
        _ => Err(refused(format!("A name has 1 to {LONGEST_NAME} characters."))),
    }
}

fn in_webex(somebody: &Somebody) -> Result<PersonId, Refused> {
    somebody.person.ok_or_else(|| refused(format!("{} has no Webex account.", somebody.name)))
}

fn in_entra(somebody: &Somebody) -> Result<ObjectId, Refused> {
    somebody.object.ok_or_else(|| refused(format!("{} has no Microsoft account.", somebody.name)))
}

impl Play {
    /// Does what somebody does. The team comes back where one was made.
    ///
    /// # Errors
    /// What the service refuses to people, too.
    pub async fn act(&mut self, act: &Act) -> Result<Option<TeamId>, Refused> {
        let (at, (team, words)) = match act {
            Act::CreateTeam { by, .. } | Act::CreateGroup { by, .. } => {
                let at = self.whose(*by)?;
                (at, self.create(at, act)?)
            }
            Act::Decide { team, decision } => {
                let at = self.customer_of(On::Team(*team))?;
                (at, (None, self.decide(at, *team, *decision).await?))
            }
            Act::Space { team, space, what, name } => {
                let at = self.customer_of(On::Team(*team))?;
                (at, (None, self.act_on_space(at, (*team, *space), (*what, name.as_deref())).await?))
            }
            Act::SyncNow { team } => {
                let at = self.customer_of(On::Team(*team))?;
                self.look_soon(at, *team).await?;
                let words =
                    Words::from("An administrator wants the team looked at.").about(self.title(On::Team(*team)));
                (at, (None, words))
            }
            Act::Add { on, person }
            | Act::Remove { on, person }
            | Act::Promote { on, person }
            | Act::Demote { on, person } => {
                let at = self.customer_of(*on)?;
                (at, (None, self.people(at, act, *on, *person)?))
            }
            Act::Rename { on, .. } | Act::Delete { on } => {
                let at = self.customer_of(*on)?;
                (at, (None, self.whole(at, act, *on)?))
            }
            Act::Archive { team } | Act::Unarchive { team } => {
                let at = self.customer_of(On::Team(*team))?;
                (at, (None, self.whole(at, act, On::Team(*team))?))
            }
            Act::Restore { group } => {
                let at = self.customer_of(On::Group(*group))?;
                (at, (None, self.whole(at, act, On::Group(*group))?))
            }
        };
        self.note(Some(self.customers[at].slug), EntryKind::Act, words);
        Ok(team)
    }

    fn create(&self, at: usize, act: &Act) -> Result<(Option<TeamId>, Words), Refused> {
        let customer = &self.customers[at];
        let (world, known) = (self.world(), |id: &Uuid| self.known(customer, *id));
        match act {
            Act::CreateTeam { name, by, people } => {
                let (name, by) = (checked(name)?, known(by)?);
                let others: Vec<PersonId> = people.iter().map(|id| in_webex(known(id)?)).collect::<Result<_, _>>()?;
                let creator = in_webex(by)?;
                let team = world.create_team(creator, name);
                for person in others.into_iter().filter(|person| *person != creator) {
                    world.add_to_team(team, person, Role::Member)?;
                }
                let words = format!("{} created the team in Webex.", by.name);
                Ok((Some(team), Words::from(words).about(name).side(Side::Team)))
            }
            Act::CreateGroup { name, by } => {
                let (name, by) = (checked(name)?, known(by)?);
                world.create_group(in_entra(by)?, name).ok_or_else(|| refused("The group was not created."))?;
                let words = format!("{} created the group in Microsoft 365. It has no team.", by.name);
                Ok((None, Words::from(words).about(name).side(Side::Group)))
            }
            _ => Err(refused("This creates nothing.")),
        }
    }

    fn known<'c>(&self, customer: &'c Customer, id: Uuid) -> Result<&'c Somebody, Refused> {
        customer.somebody(id).ok_or_else(|| refused(format!("{} has nobody with the id {id}.", customer.handle.name)))
    }

    fn people(&self, at: usize, act: &Act, on: On, person: Uuid) -> Result<Words, Refused> {
        let customer = &self.customers[at];
        // The officer is nobody of the cast, and can be put out of a team all the same.
        let is_officer = person == customer.handle.officer.0;
        let officer = Somebody {
            name: "The officer’s account".into(),
            object: None,
            person: Some(customer.handle.officer),
            kind: "",
        };
        let somebody = if is_officer { &officer } else { self.known(customer, person)? };
        let (world, name) = (self.world(), &somebody.name);
        let words = match on {
            On::Team(team) => {
                if world.is_archived(team) {
                    return Err(refused("The team is archived: nobody comes or goes."));
                }
                let who = in_webex(somebody)?;
                match act {
                    Act::Add { .. } => world.add_to_team(team, who, Role::Member)?,
                    Act::Remove { .. } => world.remove_from_team(team, who)?,
                    Act::Promote { .. } => world.promote(team, who)?,
                    _ => world.demote(team, who)?,
                }
                Words::from(in_words(act, name, "moderator", "Webex")).side(Side::Team)
            }
            On::Group(group) => {
                let who = in_entra(somebody)?;
                let seen = self.living(group)?;
                match act {
                    Act::Add { .. } => world.add_member(group, who),
                    Act::Remove { .. } => {
                        if seen.owners.contains(&who) {
                            world.remove_owner(group, who)?;
                        }
                        world.remove_member(group, who);
                    }
                    Act::Promote { .. } => {
                        world.add_member(group, who);
                        world.add_owner(group, who);
                    }
                    _ => world.remove_owner(group, who)?,
                }
                Words::from(in_words(act, name, "owner", "Microsoft 365")).side(Side::Group)
            }
        };
        Ok(words.about(self.title(on)))
    }

    fn living(&self, group: GroupId) -> Result<crate::Group, Refused> {
        let seen = self.world().group(group).filter(|group| group.deleted.is_none());
        seen.ok_or_else(|| refused("The group was deleted."))
    }

    fn whole(&self, at: usize, act: &Act, on: On) -> Result<Words, Refused> {
        let (world, title) = (self.world(), self.title(on));
        let text = match (act, on) {
            (Act::Rename { name, .. }, On::Team(team)) => {
                let name = checked(name)?;
                world.rename_team(team, name);
                format!("The team was renamed to “{name}” in Webex.")
            }
            (Act::Rename { name, .. }, On::Group(group)) => {
                let (name, seen) = (checked(name)?, self.living(group)?);
                let by = seen.owners.first().or(seen.members.first()).copied();
                let anybody = || self.customers[at].people.iter().find_map(|somebody| somebody.object);
                let by = by.or_else(anybody).ok_or_else(|| refused("Nobody is there to rename it."))?;
                world.rename_group(group, by, name);
                format!("The group was renamed to “{name}” in Microsoft 365.")
            }
            (Act::Delete { .. }, On::Team(team)) => {
                world.delete_team(team);
                "The team was deleted in Webex.".into()
            }
            (Act::Delete { .. }, On::Group(group)) => {
                self.living(group)?;
                world.delete_group(group);
                "The group was deleted in Microsoft 365.".into()
            }
            (Act::Restore { .. }, On::Group(group)) => {
                world.restore_group(group);
                "The group was restored in Microsoft 365.".into()
            }
            (Act::Archive { .. }, On::Team(team)) => {
                world.archive_team(team);
                "The team was archived in Webex.".into()
            }
            (_, On::Team(team)) => {
                world.unarchive_team(team);
                "The team was brought back from the archive in Webex.".into()
            }
            (_, On::Group(_)) => return Err(refused("This cannot be done to a group.")),
        };
        let side = if matches!(on, On::Team(_)) { Side::Team } else { Side::Group };
        Ok(Words::from(text).about(title).side(side))
    }

    async fn look_soon(&self, at: usize, team: TeamId) -> Result<(), Refused> {
        let (tenant, ask) = (self.customers[at].tenant, Ask::Team { team, region: None });
        let message = Message { v: Default::default(), tenant, at: self.now(), cause: Cause::Administrator, ask };
        let sent = self.house.ground().queue.send(&message, Default::default()).await;
        sent.map_err(|error| refused(error.to_string()))
    }

    /// What the setup pages do: the decision is stored for the plan as it was shown, and a look is asked for.
    async fn decide(&self, at: usize, team: TeamId, decision: Decision) -> Result<Words, Refused> {
        let (ground, tenant) = (self.house.ground(), self.customers[at].tenant);
        let said = |error: &dyn std::fmt::Display| refused(error.to_string());
        let plan = pending_approval::load(ground.store.as_ref(), tenant, team).await.map_err(|error| said(&error))?;
        let plan = plan.ok_or_else(|| refused("Nothing waits for a decision."))?;
        let decided = pending_approval::decide(ground.store.as_ref(), tenant, team, &plan.hash(), decision).await;
        decided.map_err(|error| said(&error))?;
        self.look_soon(at, team).await?;
        let text = match decision {
            Decision::Apply => "An administrator lets the removals happen.",
            Decision::Discard => "An administrator says no: whoever was removed is put back.",
            Decision::Open => "An administrator leaves it open.",
        };
        Ok(Words::from(text).about(self.title(On::Team(team))))
    }
}

fn in_words(act: &Act, name: &str, role: &str, place: &str) -> String {
    match act {
        Act::Add { .. } => format!("{name} was added in {place}."),
        Act::Remove { .. } => format!("{name} was removed in {place}."),
        Act::Promote { .. } => format!("{name} was made {role} in {place}."),
        _ => format!("{name} is no longer {role} in {place}."),
    }
}
