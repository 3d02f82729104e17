//! Kinds of groups and accounts that administrators make.

use domain::ids::GroupId;
use domain::membership::Side;
use sim::{GroupRule, Refused, UserKind, UserOrigin, World};
use uuid::Uuid;

use super::action::{AccountChange, GroupKind, Target};
use super::cast::Account;
use super::environment::{Environment, refused};
use super::log::Note;

/// Makes a group one of another kind.
pub(super) fn change_group(env: &Environment, group: GroupId, kind: GroupKind) -> Note {
    let (world, title) = (env.world(), env.title(Target::Group(group)));
    match kind {
        GroupKind::Assigned => world.set_group_rule(group, GroupRule::Assigned),
        GroupKind::Dynamic => world.set_group_rule(group, GroupRule::Dynamic),
        GroupKind::OnPremises => world.set_group_rule(group, GroupRule::OnPremises),
        GroupKind::RoleAssignable => world.set_group_rule(group, GroupRule::RoleAssignable),
        GroupKind::Hidden => world.hide_members(group),
        GroupKind::Security => world.make_security_group(group),
        GroupKind::Labelled => world.set_group_label(group, Some("Confidential")),
        GroupKind::Unlabelled => world.set_group_label(group, None),
    }
    let text = match kind {
        GroupKind::Assigned => "An administrator made it an ordinary group.",
        GroupKind::Dynamic => "An administrator made it a dynamic group.",
        GroupKind::OnPremises => "The group is synchronized from on premises.",
        GroupKind::RoleAssignable => "An administrator made it a role-assignable group.",
        GroupKind::Hidden => "An administrator hid the members of the group.",
        GroupKind::Security => "An administrator made it a security group.",
        GroupKind::Labelled => "An administrator gave the group a sensitivity label.",
        GroupKind::Unlabelled => "An administrator removed the sensitivity label.",
    };
    Note::from(text).about(title).side(Side::Group)
}

/// Changes a person's account. Its ids may be others then.
///
/// # Errors
/// If the person lacks the account.
pub(super) fn change_account(
    people: &mut [Account],
    world: &World,
    id: Uuid,
    change: AccountChange,
) -> Result<Note, Refused> {
    let account = people.iter_mut().find(|account| account.id() == id);
    let account = account.ok_or_else(|| refused("There is no account with this ID."))?;
    apply(world, account, change)?;
    let name = &account.name;
    Ok(Note::from(match change {
        AccountChange::Guest => format!("{name} became a guest."),
        AccountChange::Member => format!("{name} became a member."),
        AccountChange::External => format!("{name} became an external user."),
        AccountChange::Internal => format!("{name} became an internal user."),
        AccountChange::RecreateMicrosoft => format!("{name} has a new Microsoft account."),
        AccountChange::RecreateWebex => format!("{name} has a new Webex account."),
        AccountChange::MoveWebex => format!("{name} moved to another Webex organization."),
        AccountChange::SyncId => format!("{name} was synchronized to Webex."),
    }))
}

fn apply(world: &World, account: &mut Account, change: AccountChange) -> Result<(), Refused> {
    let name = account.name.clone();
    let object = account.object.ok_or_else(|| refused(format!("{name} has no Microsoft account.")));
    let person = account.person.ok_or_else(|| refused(format!("{name} has no Webex account.")));
    match change {
        AccountChange::Guest => world.set_user_kind(object?, UserKind::Guest),
        AccountChange::Member => world.set_user_kind(object?, UserKind::Member),
        AccountChange::External => world.set_user_origin(object?, UserOrigin::External),
        AccountChange::Internal => world.set_user_origin(object?, UserOrigin::Internal),
        AccountChange::RecreateMicrosoft => account.object = Some(world.recreate_user(object?)?),
        AccountChange::RecreateWebex => account.person = Some(world.recreate_account(person?)?),
        AccountChange::MoveWebex => {
            let elsewhere = world.add_foreign_organization("Elsewhere");
            world.move_account(person?, elsewhere);
        }
        AccountChange::SyncId => world.set_external_id(person?, Some(object?)),
    }
    Ok(())
}
