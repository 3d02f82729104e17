//! Kinds of groups: dynamic, role-assignable, hidden and labelled ones, as calls make them.

use serde_json::{Value, json};

use super::groups::invalid;
use super::{App, HIDDEN_MEMBERSHIP, bad_request, error};
use crate::state::groups::{Facts, GroupKind, GroupRule};
use crate::wire::Response;

/// Kind of a group whose members follow a rule.
const DYNAMIC: &str = "DynamicMembership";

/// Returns a group's `groupTypes`.
pub(super) fn types(facts: &Facts) -> Vec<&'static str> {
    let unified = (facts.kind == GroupKind::Microsoft365).then_some("Unified");
    unified.into_iter().chain((facts.rule == GroupRule::Dynamic).then_some(DYNAMIC)).collect()
}

/// Returns a group's `assignedLabels`.
pub(super) fn labels(facts: &Facts) -> Vec<Value> {
    let label = facts.label.iter();
    label.map(|name| json!({"labelId": format!("label-{name}"), "displayName": name})).collect()
}

/// Returns `true` if the body makes the group dynamic, `false` if it makes it an ordinary one.
fn names_dynamic(body: &Value) -> Option<bool> {
    let types = body["groupTypes"].as_array()?;
    Some(types.iter().any(|kind| kind == DYNAMIC))
}

/// Returns the authority over the members of a group that a body creates.
pub(super) fn created(app: &App, body: &Value) -> Result<GroupRule, Response> {
    let is_dynamic = names_dynamic(body) == Some(true);
    if body["isAssignableToRole"] != true {
        return if is_dynamic { dynamic(body) } else { Ok(GroupRule::Assigned) };
    }
    if is_dynamic {
        return Err(invalid("groupTypes"));
    }
    app.require(&["RoleManagement.ReadWrite.Directory"])?;
    Ok(GroupRule::RoleAssignable)
}

/// Returns the authority over the members of a group that a body changes.
pub(super) fn changed(body: &Value, facts: &Facts) -> Result<GroupRule, Response> {
    let assignable = body.get("isAssignableToRole").map(|value| value == true);
    if assignable.is_some_and(|is| is != (facts.rule == GroupRule::RoleAssignable)) {
        return Err(bad_request("The property 'isAssignableToRole' is immutable."));
    }
    if body["visibility"] == HIDDEN_MEMBERSHIP && facts.visibility != HIDDEN_MEMBERSHIP {
        return Err(invalid("visibility"));
    }
    if body.get("assignedLabels").is_some() {
        // Labels take a signed-in user; an app alone is refused.
        return Err(error(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ));
    }
    match (names_dynamic(body), facts.rule) {
        (None, rule) => Ok(rule),
        (Some(true), GroupRule::Assigned | GroupRule::Dynamic) => dynamic(body),
        (Some(false), GroupRule::Dynamic) => Ok(GroupRule::Assigned),
        (Some(false), rule) => Ok(rule),
        (Some(true), GroupRule::OnPremises | GroupRule::RoleAssignable) => {
            Err(invalid("groupTypes"))
        }
    }
}

/// A dynamic group takes a rule.
fn dynamic(body: &Value) -> Result<GroupRule, Response> {
    let rule = body["membershipRule"].as_str().filter(|rule| !rule.trim().is_empty());
    rule.map(|_| GroupRule::Dynamic).ok_or_else(|| invalid("membershipRule"))
}
