//! Lies that a story does not survive yet.

use super::fault::CallFault;
use super::outside::Call;

/// Calls of stories about which one lie ends badly, by the story's name.
const UNSURVIVED: [(&str, &[&str]); 10] = [
    ("a card that is answered", &["Graph PATCH /v1.0/{}"]),
    ("a card to the creator", &["Webex POST /v1/messages"]),
    ("the creator's yes", &["Graph PATCH /v1.0/{}"]),
    (
        "a new space",
        &["Graph POST /v1.0/drives/{}/root/children", "Webex DELETE /v1/memberships/{}"],
    ),
    ("uniting both sides", &["Webex POST /v1/memberships", "Webex PUT /v1/teams/{}"]),
    ("groups for three existing teams", &["Graph PATCH /v1.0/{}"]),
    ("creation of a team of 45", &["Graph PATCH /v1.0/{}", "Graph PATCH /v1.0/groups/{}"]),
    (
        "disconnecting, with both groups",
        &[
            "Webex GET /v1/memberships",
            "Webex DELETE /v1/memberships/{}",
            "Graph DELETE /v1.0/groups/{}",
        ],
    ),
    ("the deleted group of a living team", &["Graph POST /v1.0/directory/deletedItems/{}/restore"]),
    ("a renamed space, and a deleted folder", &["Graph PATCH /v1.0/drives/{}/items/{}"]),
];

/// Returns `true` if the fault is a lie about a call that the story does not survive.
pub(super) fn is_unsurvived(story: &str, call: &Call, fault: &CallFault) -> bool {
    let call = call.to_string();
    let of_story = UNSURVIVED.iter().filter(|(name, _)| *name == story);
    fault.is_lie() && of_story.flat_map(|(_, calls)| *calls).any(|one| *one == call)
}
