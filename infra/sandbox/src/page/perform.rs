//! Performs the actions of people.

use domain::ids::{GroupId, ObjectId, PersonId, TeamId};
use domain::membership::Side;
use engine::decision::Decider;
use engine::safety::pending_approval::{self, ApprovalDecision};
use sim::{Group, MembershipRole, Refused};
use store::message::{Job, Message, Trigger};
use store::queue::Queue;
use uuid::Uuid;

use super::accounts;
use super::action::{Action, Membership, Target};
use super::cards;
use super::cast::{Account, Customer};
use super::environment::{Environment, refused};
use super::log::{EntryKind, Note};
use super::names::checked;
use super::spaces;

fn in_webex(account: &Account) -> Result<PersonId, Refused> {
    account.person.ok_or_else(|| refused(format!("{} has no Webex account.", account.name)))
}

fn in_entra(account: &Account) -> Result<ObjectId, Refused> {
    account.object.ok_or_else(|| refused(format!("{} has no Microsoft account.", account.name)))
}

fn known(customer: &Customer, id: Uuid) -> Result<&Account, Refused> {
    let account = customer.account(id);
    account.ok_or_else(|| refused(format!("{} has no account {id}.", customer.handle.name)))
}

/// An action that was performed.
struct Performed {
    /// The team, if one was created.
    created: Option<TeamId>,
    note: Note,
}

impl From<Note> for Performed {
    fn from(note: Note) -> Self {
        Self { created: None, note }
    }
}

/// Performs an action and logs it; returns the team if one was created.
///
/// # Errors
/// If the service would refuse the action to a person, too.
pub(super) async fn perform(
    env: &mut Environment,
    action: &Action,
) -> Result<Option<TeamId>, Refused> {
    let index = match action {
        Action::ChangeAccount { person, .. } | Action::AnswerCard { person, .. } => {
            env.customer_with(*person)?
        }
        Action::ChangeGroup { group, .. } => env.customer_of(Target::Group(*group))?,
        Action::CreateTeam { by, .. } | Action::CreateGroup { by, .. } => env.customer_with(*by)?,
        Action::Add(Membership { on, .. })
        | Action::Remove(Membership { on, .. })
        | Action::Promote(Membership { on, .. })
        | Action::Demote(Membership { on, .. })
        | Action::Rename { on, .. }
        | Action::Delete { on } => env.customer_of(*on)?,
        Action::Restore { group } => env.customer_of(Target::Group(*group))?,
        Action::Space(change) => env.customer_of(Target::Team(change.team))?,
        Action::Archive { team }
        | Action::Unarchive { team }
        | Action::SyncNow { team }
        | Action::Decide { team, .. } => env.customer_of(Target::Team(*team))?,
    };
    let Performed { created, note } = perform_for(env, index, action).await?;
    let slug = env.customers[index].slug;
    env.note(Some(slug), EntryKind::Action, note);
    Ok(created)
}

async fn perform_for(
    env: &mut Environment,
    index: usize,
    action: &Action,
) -> Result<Performed, Refused> {
    let customer = &env.customers[index];
    Ok(match action {
        Action::CreateTeam { name, by, people } => create_team(env, customer, name, *by, people)?,
        Action::CreateGroup { name, by } => create_group(env, customer, name, *by)?.into(),
        Action::Add(membership) => change(env, customer, membership, MembershipChange::Add)?.into(),
        Action::Remove(membership) => {
            change(env, customer, membership, MembershipChange::Remove)?.into()
        }
        Action::Promote(membership) => {
            change(env, customer, membership, MembershipChange::Promote)?.into()
        }
        Action::Demote(membership) => {
            change(env, customer, membership, MembershipChange::Demote)?.into()
        }
        Action::Rename { on, name } => rename(env, customer, *on, name)?.into(),
        Action::Delete { on } => delete(env, *on)?.into(),
        Action::Restore { group } => restore(env, *group).into(),
        Action::Archive { team } => archive(env, *team).into(),
        Action::Unarchive { team } => unarchive(env, *team).into(),
        Action::ChangeGroup { group, kind } => accounts::change_group(env, *group, *kind).into(),
        Action::ChangeAccount { person, change } => {
            let people = &mut env.customers[index].people;
            accounts::change_account(people, &env.stack.backend().world, *person, *change)?.into()
        }
        Action::AnswerCard { person, message, button } => {
            cards::press(env, customer, *person, *message, *button)?.into()
        }
        Action::Space(change) => spaces::change(env, customer, change).await?.into(),
        Action::SyncNow { team } => {
            request_sync(env, customer, *team).await?;
            let title = env.title(Target::Team(*team));
            Note::from("An administrator requested a sync.").about(title).into()
        }
        Action::Decide { team, decision } => decide(env, customer, *team, *decision).await?.into(),
    })
}

fn create_team(
    env: &Environment,
    customer: &Customer,
    name: &str,
    by: Uuid,
    people: &[Uuid],
) -> Result<Performed, Refused> {
    let (name, by, world) = (checked(name)?, known(customer, by)?, env.world());
    let people = people.iter().map(|id| in_webex(known(customer, *id)?));
    // Before the team is created: an unknown person must not leave it half done.
    let people: Vec<PersonId> = people.collect::<Result<_, _>>()?;
    let creator = in_webex(by)?;
    let team = world.create_team(creator, name);
    for person in people.into_iter().filter(|person| *person != creator) {
        world.add_to_team(team, person, MembershipRole::Member)?;
    }
    let text = format!("{} created the team in Webex.", by.name);
    Ok(Performed { created: Some(team), note: Note::from(text).about(name).side(Side::Team) })
}

fn create_group(
    env: &Environment,
    customer: &Customer,
    name: &str,
    by: Uuid,
) -> Result<Note, Refused> {
    let (name, by) = (checked(name)?, known(customer, by)?);
    let group = env.world().create_group(in_entra(by)?, name);
    group.ok_or_else(|| refused("The group was not created."))?;
    let text = format!("{} created the group in Microsoft 365. It has no team.", by.name);
    Ok(Note::from(text).about(name).side(Side::Group))
}

/// A change of a membership.
#[derive(Clone, Copy)]
enum MembershipChange {
    Add,
    Remove,
    Promote,
    Demote,
}

impl MembershipChange {
    fn in_words(self, name: &str, title: &str, service: &str) -> String {
        match self {
            Self::Add => format!("{name} was added in {service}."),
            Self::Remove => format!("{name} was removed in {service}."),
            Self::Promote => format!("{name} was made {title} in {service}."),
            Self::Demote => format!("{name} is no longer {title} in {service}."),
        }
    }
}

fn change(
    env: &Environment,
    customer: &Customer,
    membership: &Membership,
    change: MembershipChange,
) -> Result<Note, Refused> {
    let Membership { on, person } = *membership;
    // The service account is not one of the customer's people, and can still leave a team.
    let service_account = Account {
        name: "The service account".into(),
        object: None,
        person: Some(customer.handle.service_account),
        kind: "",
    };
    let is_service_account = person == customer.handle.service_account.0;
    let account = if is_service_account { &service_account } else { known(customer, person)? };
    let (text, side) = match on {
        Target::Team(team) => {
            change_team(env, team, in_webex(account)?, change)?;
            (change.in_words(&account.name, "moderator", "Webex"), Side::Team)
        }
        Target::Group(group) => {
            change_group(env, group, in_entra(account)?, change)?;
            (change.in_words(&account.name, "owner", "Microsoft 365"), Side::Group)
        }
    };
    Ok(Note::from(text).side(side).about(env.title(on)))
}

fn change_team(
    env: &Environment,
    team: TeamId,
    person: PersonId,
    change: MembershipChange,
) -> Result<(), Refused> {
    let world = env.world();
    if world.is_archived(team) {
        return Err(refused("The team is archived: its members cannot change."));
    }
    let done = match change {
        MembershipChange::Add => world.add_to_team(team, person, MembershipRole::Member),
        MembershipChange::Remove => world.remove_from_team(team, person),
        MembershipChange::Promote => world.promote(team, person),
        MembershipChange::Demote => world.demote(team, person),
    };
    done.map_err(advised)
}

/// A refusal with what helps, which neither service says.
fn advised(Refused(said): Refused) -> Refused {
    let advice = if said.contains("last moderator") {
        " Make another member a moderator first."
    } else if said.contains("at least one owner") {
        " Make another member an owner first."
    } else {
        ""
    };
    Refused(said + advice)
}

fn change_group(
    env: &Environment,
    group: GroupId,
    person: ObjectId,
    change: MembershipChange,
) -> Result<(), Refused> {
    let (world, current) = (env.world(), existing(env, group)?);
    match change {
        MembershipChange::Add => world.add_member(group, person),
        MembershipChange::Remove => {
            // Graph lists owners and members apart, and a person who leaves is in neither list.
            if current.owners.contains(&person) {
                world.remove_owner(group, person).map_err(advised)?;
            }
            world.remove_member(group, person);
        }
        MembershipChange::Promote => {
            world.add_member(group, person);
            world.add_owner(group, person);
        }
        MembershipChange::Demote => world.remove_owner(group, person).map_err(advised)?,
    }
    Ok(())
}

/// The group, unless it was deleted.
fn existing(env: &Environment, group: GroupId) -> Result<Group, Refused> {
    let group = env.world().group(group).filter(|group| group.deleted.is_none());
    group.ok_or_else(|| refused("The group was deleted."))
}

fn rename(env: &Environment, customer: &Customer, on: Target, name: &str) -> Result<Note, Refused> {
    let (world, title, name) = (env.world(), env.title(on), checked(name)?);
    let (text, side) = match on {
        Target::Team(team) => {
            world.rename_team(team, name);
            (format!("The team was renamed to “{name}” in Webex."), Side::Team)
        }
        Target::Group(group) => {
            let current = existing(env, group)?;
            let of_group = current.owners.first().or(current.members.first()).copied();
            let of_directory = || customer.people.iter().find_map(|account| account.object);
            let by = of_group.or_else(of_directory);
            let by = by.ok_or_else(|| refused("The directory has no one to rename the group."))?;
            world.rename_group(group, by, name);
            (format!("The group was renamed to “{name}” in Microsoft 365."), Side::Group)
        }
    };
    Ok(Note::from(text).about(title).side(side))
}

fn delete(env: &Environment, on: Target) -> Result<Note, Refused> {
    let (world, title) = (env.world(), env.title(on));
    let (text, side) = match on {
        Target::Team(team) => {
            world.delete_team(team);
            ("The team was deleted in Webex.", Side::Team)
        }
        Target::Group(group) => {
            existing(env, group)?;
            world.delete_group(group);
            ("The group was deleted in Microsoft 365.", Side::Group)
        }
    };
    Ok(Note::from(text).about(title).side(side))
}

fn restore(env: &Environment, group: GroupId) -> Note {
    let title = env.title(Target::Group(group));
    env.world().restore_group(group);
    Note::from("The group was restored in Microsoft 365.").about(title).side(Side::Group)
}

fn archive(env: &Environment, team: TeamId) -> Note {
    let title = env.title(Target::Team(team));
    env.world().archive_team(team);
    Note::from("The team was archived in Webex.").about(title).side(Side::Team)
}

fn unarchive(env: &Environment, team: TeamId) -> Note {
    let title = env.title(Target::Team(team));
    env.world().unarchive_team(team);
    Note::from("The team was restored from the archive in Webex.").about(title).side(Side::Team)
}

async fn request_sync(env: &Environment, customer: &Customer, team: TeamId) -> Result<(), Refused> {
    let (tenant, at, job) = (customer.tenant, env.now(), Job::Team { team, region: None });
    let message =
        Message { v: Default::default(), tenant, at, trigger: Trigger::Administrator, job };
    let sent = env.backend().queue.send(&message, Default::default()).await;
    sent.map_err(|error| refused(error.to_string()))
}

/// Stores the decision for the pending approval as it was shown, and requests a sync.
///
/// The setup pages do the same.
async fn decide(
    env: &Environment,
    customer: &Customer,
    team: TeamId,
    decision: ApprovalDecision,
) -> Result<Note, Refused> {
    let (store, tenant) = (env.backend().store.as_ref(), customer.tenant);
    let plan = pending_approval::load(store, tenant, team)
        .await
        .map_err(|error| refused(error.to_string()))?;
    let plan = plan.ok_or_else(|| refused("Nothing waits for a decision."))?;
    let by = Decider::operator(env.now());
    let decided = pending_approval::decide(store, tenant, team, &plan.hash(), decision, by).await;
    decided.map_err(|error| refused(error.to_string()))?;
    request_sync(env, customer, team).await?;
    let text = match decision {
        ApprovalDecision::Apply => "An administrator approved the removals.",
        ApprovalDecision::Discard => {
            "An administrator rejected the removals: the people are added again."
        }
        ApprovalDecision::Open => "An administrator left the removals undecided.",
    };
    Ok(Note::from(text).about(env.title(Target::Team(team))))
}
