//! What Graph's refusals mean.
//!
//! "Already there", "not there", "last owner" and a malformed body are all `400 Request_BadRequest`, so that status and code alone cannot tell them apart: a few
//! fragments of messages do, all of them here.

use serde::Deserialize;

use crate::http::CallError;
use domain::ids::{GroupId, ObjectId};

const ALREADY_THERE: &str = "added object references already exist";
const NOT_THERE: &str = "removed object references do not exist";
const LAST_OWNER: &str = "must have at least one owner";
/// Members were added to a group, or somebody was, that a replica does not know yet; the documented wording since 2026.
const UNKNOWN_TO_A_REPLICA: &str = "source resource object or one of the objects being referenced don't exist";
const NO_SUCH_REFERENCE: &str = "queried reference-property objects are not present";

#[derive(Deserialize)]
struct Body {
    error: Inner,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inner {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    details: Option<Vec<Detail>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    target: Option<String>,
    code: Option<String>,
    suggested_property_value: Option<String>,
    prefix: Option<String>,
    suffix: Option<String>,
}

/// Code and message of an error's body.
pub(super) fn read_refusal(body: &[u8]) -> (String, String) {
    match serde_json::from_slice::<Body>(body) {
        Ok(Body { error }) => (error.code, error.message),
        Err(_) => (String::new(), String::from_utf8_lossy(body).into_owned()),
    }
}

/// Whether a call failed because a replica does not know its group yet: it was made a short while ago. For a group that is older than a quarter of an hour, the
/// same answers say that there is none.
pub fn is_young(error: &CallError) -> bool {
    match error.refusal() {
        Some((400, ..)) => is_unknown_to_a_replica(error),
        Some((404, _, message)) => group_in(&error.path).is_some_and(|group| names(message, &group.to_string())),
        _ => false,
    }
}

pub(super) fn is_unknown_to_a_replica(error: &CallError) -> bool {
    is_bad_request(error, UNKNOWN_TO_A_REPLICA)
}

pub(super) fn is_already_there(error: &CallError) -> bool {
    is_bad_request(error, ALREADY_THERE)
}

/// Whether there was nothing to remove. The 404 does not say whether the person, the group or the relation is missing.
pub(super) fn is_not_there(error: &CallError) -> bool {
    error.status() == Some(404) || is_bad_request(error, NOT_THERE)
}

pub(super) fn is_last_owner(error: &CallError) -> bool {
    is_bad_request(error, LAST_OWNER)
}

/// Whether a hundred owners are there; the service counts those twice who are added again.
pub(super) fn is_quota_exceeded(error: &CallError) -> bool {
    matches!(error.refusal(), Some((403, "Directory_QuotaExceeded", _)))
}

pub(super) fn is_no_such_person(error: &CallError, person: ObjectId) -> bool {
    matches!(error.refusal(), Some((400 | 404, _, message)) if names(message, &person.to_string()))
}

/// Whether somebody or something that a body refers to does not exist.
pub(super) fn is_reference_missing(error: &CallError) -> bool {
    match error.refusal() {
        Some((404, ..)) => true,
        Some((400, _, message)) => contains(message, UNKNOWN_TO_A_REPLICA) || contains(message, NO_SUCH_REFERENCE),
        _ => false,
    }
}

pub(super) fn is_page_expired(error: &CallError) -> bool {
    matches!(error.refusal(), Some((400, "Directory_ExpiredPageToken", _)))
}

/// Whether a stored delta link is of no use any more: documented is 410, seen is 400 `Request_UnsupportedQuery` ("DeltaLink older than 30 days is not supported").
pub(super) fn is_delta_expired(error: &CallError) -> bool {
    match error.refusal() {
        Some((410, ..)) => true,
        Some((400, "Request_UnsupportedQuery" | "Directory_ExpiredPageToken", _)) => true,
        Some((400..=499, code, _)) => {
            ["syncStateNotFound", "resyncRequired"].iter().any(|known| known.eq_ignore_ascii_case(code))
        }
        _ => false,
    }
}

/// What is wrong with the names of a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NameFault {
    /// The organization's naming policy wants this display name.
    Policy(String),
    NicknameTaken,
    UniqueNameTaken,
}

/// What the body of a 400 or 422 says about the names in a request that wanted `display_name`.
pub(super) fn name_fault(body: &[u8], display_name: &str) -> Option<NameFault> {
    let error = serde_json::from_slice::<Body>(body).ok()?.error;
    let taken = |property: &str| match property {
        "mailNickname" | "proxyAddresses" | "mail" => Some(NameFault::NicknameTaken),
        "uniqueName" => Some(NameFault::UniqueNameTaken),
        _ => None,
    };
    let details = error.details.unwrap_or_default();
    let from_details = details.into_iter().find_map(|detail| {
        let target = detail.target.as_deref()?;
        match detail.code.as_deref()? {
            "ObjectConflict" | "PropertyConflict" => taken(target),
            "MissingPrefixSuffix" if target == "displayName" => match detail.suggested_property_value {
                Some(suggested) => Some(NameFault::Policy(suggested)),
                None if detail.prefix.is_none() && detail.suffix.is_none() => None,
                None => {
                    let (prefix, suffix) = (detail.prefix.unwrap_or_default(), detail.suffix.unwrap_or_default());
                    Some(NameFault::Policy(format!("{prefix}{display_name}{suffix}")))
                }
            },
            _ => None,
        }
    });
    from_details.or_else(|| {
        let (_, after) = error.message.split_once("Another object with the same value for property ")?;
        taken(after.split_whitespace().next()?)
    })
}

fn is_bad_request(error: &CallError, fragment: &str) -> bool {
    matches!(error.refusal(), Some((400, _, message)) if contains(message, fragment))
}

fn contains(message: &str, fragment: &str) -> bool {
    message.to_ascii_lowercase().contains(&fragment.to_ascii_lowercase())
}

fn names(message: &str, id: &str) -> bool {
    contains(message, id)
}

fn group_in(path: &str) -> Option<GroupId> {
    let (_, after) = path.split_once("/groups/")?;
    after.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Api, Failure};

    const GROUP: &str = "b320ee12-b1cd-4cca-b648-a437be61c5cd";
    const PERSON: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";

    fn refused(status: u16, code: &str, message: &str) -> CallError {
        CallError {
            api: Api::Graph,
            method: http::Method::POST,
            path: format!("/groups/{GROUP}/members/$ref"),
            request_id: None,
            failure: Failure::Refused { status, code: code.into(), message: message.into() },
            in_doubt: false,
        }
    }

    fn missing(id: &str) -> CallError {
        let message =
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
        refused(404, "Request_ResourceNotFound", &message)
    }

    #[test]
    fn a_404_that_names_the_group_of_the_call_is_a_young_group_and_one_that_names_the_person_is_not() {
        assert!(is_young(&missing(GROUP)));
        assert!(is_young(&missing(&GROUP.to_uppercase())));
        assert!(!is_young(&missing(PERSON)));
        assert!(is_no_such_person(&missing(PERSON), PERSON.parse().unwrap()));
        assert!(!is_no_such_person(&missing(GROUP), PERSON.parse().unwrap()));
    }

    #[test]
    fn the_newer_wording_is_a_young_group_too() {
        let message = "The source resource object or one of the objects being referenced don't exist.";
        assert!(is_young(&refused(400, "Request_BadRequest", message)));
        assert!(!is_young(&refused(403, "Authorization_RequestDenied", message)));
    }

    #[test]
    fn a_400_that_says_nothing_known_means_nothing_known() {
        let error = refused(400, "Request_BadRequest", "Invalid value specified for property 'description'.");
        for known in [is_young, is_already_there, is_not_there, is_last_owner, is_page_expired, is_delta_expired] {
            assert!(!known(&error));
        }
    }

    #[test]
    fn both_shapes_of_the_naming_policy_give_the_name_that_it_wants() {
        let live = br#"{"error":{"code":"Request_BadRequest","message":"The property is missing a required prefix/suffix per your organization's Group naming requirements.",
            "details":[{"target":"displayName","suggestedPropertyValue":"Deans super site - M365","code":"MissingPrefixSuffix"}]}}"#;
        assert_eq!(name_fault(live, "Deans super site"), Some(NameFault::Policy("Deans super site - M365".into())));
        let documented = br#"{"error":{"code":"Request_UnprocessableEntity","message":"x",
            "details":[{"target":"displayName","code":"MissingPrefixSuffix","prefix":"Myprefix_","suffix":"_mysuffix"}]}}"#;
        assert_eq!(name_fault(documented, "test"), Some(NameFault::Policy("Myprefix_test_mysuffix".into())));
    }

    #[test]
    fn a_conflict_is_about_the_property_that_it_names() {
        let conflict = |target: &str, code: &str| {
            format!(r#"{{"error":{{"code":"c","message":"m","details":[{{"target":"{target}","code":"{code}"}}]}}}}"#)
        };
        let fault = |body: String| name_fault(body.as_bytes(), "x");
        assert_eq!(fault(conflict("mailNickname", "ObjectConflict")), Some(NameFault::NicknameTaken));
        assert_eq!(fault(conflict("mailNickname", "PropertyConflict")), Some(NameFault::NicknameTaken));
        assert_eq!(fault(conflict("proxyAddresses", "ObjectConflict")), Some(NameFault::NicknameTaken));
        assert_eq!(fault(conflict("uniqueName", "ObjectConflict")), Some(NameFault::UniqueNameTaken));
        assert_eq!(fault(conflict("displayName", "ObjectConflict")), None);
        let words = br#"{"error":{"code":"Request_BadRequest","message":"Another object with the same value for property mailNickname already exists."}}"#;
        assert_eq!(name_fault(words, "x"), Some(NameFault::NicknameTaken));
    }

    #[test]
    fn a_body_that_is_no_json_is_its_own_message() {
        assert_eq!(read_refusal(b"Bad Gateway"), (String::new(), "Bad Gateway".into()));
    }
}
