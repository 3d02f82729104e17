//! Meaning of Graph's refusals.
//!
//! "Already there", "not there", "last owner" and a malformed body are all `400
//! Request_BadRequest`. Only fragments of the messages tell them apart, and all of them are here.

use serde::Deserialize;

use crate::http::{CallError, CallFailure};
use crate::wire::{lenient, lenient_text};
use domain::ids::{GroupId, ObjectId};

const ALREADY_THERE: &str = "added object references already exist";
const NOT_THERE: &str = "removed object references do not exist";
const LAST_OWNER: &str = "must have at least one owner";
/// A replica does not know the group or a person yet. Documented wording since 2026.
const UNKNOWN_TO_A_REPLICA: &str =
    "source resource object or one of the objects being referenced don't exist";
const NO_SUCH_REFERENCE: &str = "queried reference-property objects are not present";

#[derive(Deserialize)]
struct Body {
    error: Inner,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inner {
    #[serde(default, deserialize_with = "lenient_text")]
    code: String,
    #[serde(default, deserialize_with = "lenient_text")]
    message: String,
    #[serde(default, deserialize_with = "lenient")]
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

/// Returns code and message of an error's body.
pub(super) fn read_refusal(body: &[u8]) -> (String, String) {
    match serde_json::from_slice::<Body>(body) {
        Ok(Body { error }) => (error.code, error.message),
        // A gateway's own page still tells an operator something.
        Err(_) => (String::new(), String::from_utf8_lossy(body).into_owned()),
    }
}

/// Returns `true` if a replica does not know a new group yet. For a group older than 15 minutes,
/// the same answers mean that it does not exist.
pub fn is_not_replicated(error: &CallError) -> bool {
    match error.refusal() {
        Some((400, ..)) => is_unknown_to_a_replica(error),
        Some((404, _, message)) => {
            // The status alone can be about a person, so the message must name the group.
            group_in(&error.path).is_some_and(|group| names(message, &group.to_string()))
        }
        _ => false,
    }
}

pub(super) fn is_unknown_to_a_replica(error: &CallError) -> bool {
    is_bad_request(error, UNKNOWN_TO_A_REPLICA)
}

pub(super) fn is_already_there(error: &CallError) -> bool {
    is_bad_request(error, ALREADY_THERE)
}

/// Returns `true` if nothing was there to remove. The 404 does not say whether person, group or
/// relation is missing.
pub(super) fn is_not_there(error: &CallError) -> bool {
    error.status() == Some(404) || is_bad_request(error, NOT_THERE)
}

pub(super) fn is_last_owner(error: &CallError) -> bool {
    is_bad_request(error, LAST_OWNER)
}

/// Returns `true` if the group has 100 owners. The service counts an owner twice who is added
/// again.
pub(super) fn is_quota_exceeded(error: &CallError) -> bool {
    matches!(error.refusal(), Some((403, "Directory_QuotaExceeded", _)))
}

pub(super) fn is_no_such_person(error: &CallError, person: ObjectId) -> bool {
    // The status is the same for a missing group, so the message must name the person.
    matches!(error.refusal(), Some((400 | 404, _, message)) if names(message, &person.to_string()))
}

/// Returns `true` if an object that the body refers to does not exist.
pub(super) fn is_reference_missing(error: &CallError) -> bool {
    match error.refusal() {
        // Only asked about an upsert, which creates the group that is not there.
        Some((404, ..)) => true,
        Some((400, _, message)) => {
            contains(message, UNKNOWN_TO_A_REPLICA) || contains(message, NO_SUCH_REFERENCE)
        }
        _ => false,
    }
}

pub(super) fn is_page_expired(error: &CallError) -> bool {
    matches!(error.refusal(), Some((400, "Directory_ExpiredPageToken", _)))
}

/// Returns `true` if a stored delta link is no longer valid. 410 is documented. 400
/// `Request_UnsupportedQuery` was seen ("DeltaLink older than 30 days is not supported").
pub(super) fn is_delta_expired(error: &CallError) -> bool {
    // The status alone decides: a gateway can have replaced the body.
    if error.answered() == Some(410) {
        return true;
    }
    match error.refusal() {
        Some((400, "Request_UnsupportedQuery" | "Directory_ExpiredPageToken", _)) => true,
        Some((400..=499, code, _)) => ["syncStateNotFound", "resyncRequired"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(code)),
        _ => false,
    }
}

/// Returns `true` if an error can be about a stored delta link, for whatever reason. The other
/// errors are about us, or pass.
pub(super) fn is_delta_unusable(error: &CallError) -> bool {
    match &error.failure {
        CallFailure::Unreadable { .. }
        | CallFailure::ForeignHost(_)
        | CallFailure::ForeignList(_) => true,
        CallFailure::Refused { status, .. } => {
            (400..=499).contains(status) && !matches!(status, 401 | 403 | 408 | 423 | 424)
        }
        _ => false,
    }
}

/// Fault of a group's name or address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NameFault {
    /// The naming policy of the organization requires this display name.
    Policy(String),
    NicknameTaken,
    UniqueNameTaken,
}

/// Returns the fault that the body of a 400 or 422 describes, for a request with `display_name`.
pub(super) fn name_fault(body: &[u8], display_name: &str) -> Option<NameFault> {
    let error = serde_json::from_slice::<Body>(body).ok()?.error;
    let taken = |property: &str| match property {
        // The nickname becomes an address, so the clash can be with any address of the directory.
        "mailNickname" | "proxyAddresses" | "mail" => Some(NameFault::NicknameTaken),
        "uniqueName" => Some(NameFault::UniqueNameTaken),
        _ => None,
    };
    let details = error.details.unwrap_or_default();
    let from_details = details.into_iter().find_map(|detail| {
        let target = detail.target.as_deref()?;
        match detail.code.as_deref()? {
            "ObjectConflict" | "PropertyConflict" => taken(target),
            "MissingPrefixSuffix" if target == "displayName" => {
                match detail.suggested_property_value {
                    Some(suggested) => Some(NameFault::Policy(suggested)),
                    // Without a rule to apply, the same name would be tried again.
                    None if detail.prefix.is_none() && detail.suffix.is_none() => None,
                    None => {
                        let (prefix, suffix) =
                            (detail.prefix.unwrap_or_default(), detail.suffix.unwrap_or_default());
                        Some(NameFault::Policy(format!("{prefix}{display_name}{suffix}")))
                    }
                }
            }
            _ => None,
        }
    });
    // Some answers name the property only in the message.
    from_details.or_else(|| {
        let (_, after) =
            error.message.split_once("Another object with the same value for property ")?;
        taken(after.split_whitespace().next()?)
    })
}

fn is_bad_request(error: &CallError, fragment: &str) -> bool {
    matches!(error.refusal(), Some((400, _, message)) if contains(message, fragment))
}

fn contains(message: &str, fragment: &str) -> bool {
    // Ids occur in messages in either case.
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
    use crate::http::Api;

    const GROUP: &str = "b320ee12-b1cd-4cca-b648-a437be61c5cd";
    const PERSON: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";

    fn refused(status: u16, code: &str, message: &str) -> CallError {
        CallError {
            api: Api::Graph,
            method: http::Method::POST,
            path: format!("/groups/{GROUP}/members/$ref"),
            request_id: None,
            failure: CallFailure::Refused { status, code: code.into(), message: message.into() },
            in_doubt: false,
        }
    }

    fn missing(id: &str) -> CallError {
        let message = format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are \
             not present."
        );
        refused(404, "Request_ResourceNotFound", &message)
    }

    #[test]
    fn a_404_naming_the_group_is_a_new_group() {
        assert!(is_not_replicated(&missing(GROUP)));
        assert!(is_not_replicated(&missing(&GROUP.to_uppercase())));
        assert!(!is_not_replicated(&missing(PERSON)));
        assert!(is_no_such_person(&missing(PERSON), PERSON.parse().unwrap()));
        assert!(!is_no_such_person(&missing(GROUP), PERSON.parse().unwrap()));
    }

    #[test]
    fn newer_wording_is_a_new_group_too() {
        let message =
            "The source resource object or one of the objects being referenced don't exist.";
        assert!(is_not_replicated(&refused(400, "Request_BadRequest", message)));
        assert!(!is_not_replicated(&refused(403, "Authorization_RequestDenied", message)));
    }

    #[test]
    fn unknown_400_means_nothing_known() {
        let error = refused(
            400,
            "Request_BadRequest",
            "Invalid value specified for property 'description'.",
        );
        for known in [
            is_not_replicated,
            is_already_there,
            is_not_there,
            is_last_owner,
            is_page_expired,
            is_delta_expired,
        ] {
            assert!(!known(&error));
        }
    }

    #[test]
    fn both_policy_forms_suggest_a_name() {
        let live = br#"{"error":{"code":"Request_BadRequest","message":"The property is missing a required prefix/suffix per your organization's Group naming requirements.",
            "details":[{"target":"displayName","suggestedPropertyValue":"Deans super site - M365","code":"MissingPrefixSuffix"}]}}"#;
        assert_eq!(
            name_fault(live, "Deans super site"),
            Some(NameFault::Policy("Deans super site - M365".into()))
        );
        let documented = br#"{"error":{"code":"Request_UnprocessableEntity","message":"x",
            "details":[{"target":"displayName","code":"MissingPrefixSuffix","prefix":"Myprefix_","suffix":"_mysuffix"}]}}"#;
        assert_eq!(
            name_fault(documented, "test"),
            Some(NameFault::Policy("Myprefix_test_mysuffix".into()))
        );
    }

    #[test]
    fn conflict_is_about_the_named_property() {
        let conflict = |target: &str, code: &str| {
            format!(
                r#"{{"error":{{"code":"c","message":"m","details":[{{"target":"{target}","code":"{code}"}}]}}}}"#
            )
        };
        let fault = |body: String| name_fault(body.as_bytes(), "x");
        assert_eq!(
            fault(conflict("mailNickname", "ObjectConflict")),
            Some(NameFault::NicknameTaken)
        );
        assert_eq!(
            fault(conflict("mailNickname", "PropertyConflict")),
            Some(NameFault::NicknameTaken)
        );
        assert_eq!(
            fault(conflict("proxyAddresses", "ObjectConflict")),
            Some(NameFault::NicknameTaken)
        );
        assert_eq!(
            fault(conflict("uniqueName", "ObjectConflict")),
            Some(NameFault::UniqueNameTaken)
        );
        assert_eq!(fault(conflict("displayName", "ObjectConflict")), None);
        let words = br#"{"error":{"code":"Request_BadRequest","message":"Another object with the same value for property mailNickname already exists."}}"#;
        assert_eq!(name_fault(words, "x"), Some(NameFault::NicknameTaken));
    }

    #[test]
    fn body_without_json_is_the_message() {
        assert_eq!(read_refusal(b"Bad Gateway"), (String::new(), "Bad Gateway".into()));
    }
}
