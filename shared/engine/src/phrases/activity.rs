//! Sentences about what was done.

use domain::membership::{Role, Side};
use domain::merge::RuleRefusal;

use super::decisions;
use crate::codes::{ChangeReason, Note, Refusal};

/// Returns the sentence for an act on a link.
pub fn note(note: &Note) -> String {
    match note {
        Note::CreatorAsked => "The creator was asked whether the team should have a group.".into(),
        Note::CreatorDidNotAnswer => {
            "The creator did not answer, so the team gets no group.".into()
        }
        Note::GroupCreated { group } => format!("The group “{group}” was created."),
        Note::FirstSync => {
            "This was the first sync: the people of each side were added to the other.".into()
        }
        Note::RemovalsPending { removals } => {
            format!("{removals} removals wait for your approval.")
        }
        Note::OwnersMadeMembers { owners } => {
            format!("Owners of the group who were not members became members: {owners}.")
        }
        Note::LinkReturned => "What was missing is back, and so is the link.".into(),
        Note::WayBackEnded => {
            "Nothing came back for 30 days. The link is over, and its group is free.".into()
        }
        Note::TeamDeleted => "The team was deleted. The link has ended; the group stays.".into(),
        Note::TeamAndGroupDeleted => {
            "The team was deleted, and its group with it. You can restore the group for 30 days."
                .into()
        }
        Note::GroupDeleted => "The group was deleted. The link has ended.".into(),
        Note::GroupRestored => {
            "The group was deleted while its team exists. It was restored.".into()
        }
        Note::GroupRenewed => "The group was renewed before it expired.".into(),
        Note::Renamed { side, to } => format!("The {side} was renamed to “{to}”."),
        Note::RenameRefused { side, to, said } => {
            format!("The {side} could not be renamed to “{to}”: {said}")
        }
        Note::ServiceAccountNotAdded { said } => {
            format!("The service account could not join the team: {said}")
        }
        Note::FormerAccountNotRemoved { said } => {
            format!("The former service account could not be removed from the team: {said}")
        }
        Note::Decided { decision } => decisions::decision(decision),
        Note::FolderCreated { folder, space } => {
            format!("The folder “{folder}” was created for the space “{space}”.")
        }
        Note::FolderAdopted { folder, space } => {
            format!("The existing folder “{folder}” is now the folder of the space “{space}”.")
        }
        Note::FolderRenamed { from, to } => {
            format!("The folder “{from}” was renamed to “{to}”, like its space.")
        }
        Note::FolderLinked { folder, space } => {
            format!("The space “{space}” was linked to its folder “{folder}”.")
        }
        Note::FolderFoundLinked { folder, space } => {
            format!("The space “{space}” was already linked to “{folder}”, now its folder.")
        }
    }
}

/// Returns the sentence for a person's change of role, and for its refusal if it was refused.
pub fn change(reason: ChangeReason, refused: Option<&Refusal>) -> String {
    let what = match reason {
        ChangeReason::Override { side, to: Role::None } => {
            format!("Removed from the {side} by an administrator")
        }
        ChangeReason::Override { side, to } => {
            format!("Made {} of the {side} by an administrator", role(side, to))
        }
        ChangeReason::OtherSide { side, other, to } => {
            let source = side.other();
            let other = match other {
                Role::None => format!("Not in the {source}"),
                other => format!("{} of the {source}", capitalized(role(source, other))),
            };
            match to {
                Role::None => format!("{other}, so removed from the {side}"),
                to => format!("{other}, so {} of the {side}", role(side, to)),
            }
        }
    };
    match refused {
        Some(by) => format!("{what}: refused, {}", refusal(by)),
        None => what,
    }
}

/// Returns the words for the refusal of a change.
pub fn refusal(by: &Refusal) -> String {
    match by {
        Refusal::Rule { refusal: RuleRefusal::LastOwner } => "the last owner stays".into(),
        Refusal::Rule { refusal: RuleRefusal::OwnerLimit } => {
            "the group has as many owners as it can have".into()
        }
        Refusal::Service { said } => said.clone(),
        Refusal::Lost { .. } => {
            "the service accepted the change but did not make it, so it is made again".into()
        }
        Refusal::Overtaken => "another change came first, or the last owner would go".into(),
    }
}

fn role(side: Side, role: Role) -> &'static str {
    match (side, role) {
        (_, Role::None) => "absent",
        (_, Role::Member) => "member",
        (Side::Team, Role::Owner) => "moderator",
        (Side::Group, Role::Owner) => "owner",
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_names_both_sides() {
        let reason = |other, to| ChangeReason::OtherSide { side: Side::Group, other, to };
        for (reason, sentence) in [
            (reason(Role::Owner, Role::Owner), "Moderator of the team, so owner of the group"),
            (reason(Role::None, Role::None), "Not in the team, so removed from the group"),
            (
                ChangeReason::Override { side: Side::Team, to: Role::None },
                "Removed from the team by an administrator",
            ),
        ] {
            assert_eq!(change(reason, None), sentence);
        }
    }

    #[test]
    fn notes_keep_their_codes() {
        let note = Note::Renamed { side: Side::Team, to: "Sales".into() };
        let json = serde_json::json!({"code": "renamed", "side": "team", "to": "Sales"});
        assert_eq!(serde_json::to_value(note).unwrap(), json);
    }
}
