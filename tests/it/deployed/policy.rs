//! Policies of a role, evaluated like IAM. Only the language features in use are supported; others
//! fail.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// One statement of a policy.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Statement {
    effect: Effect,
    #[serde(deserialize_with = "one_or_many")]
    action: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    resource: Vec<String>,
    #[serde(default)]
    condition: BTreeMap<Operator, BTreeMap<String, serde_json::Value>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Operator {
    #[serde(rename = "ForAllValues:StringEquals")]
    AllEqual,
    #[serde(rename = "ForAnyValue:StringLike")]
    AnyLike,
    StringEquals,
    StringLike,
    Null,
    NumericLessThanEquals,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// One action on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AwsCall {
    /// `service:Action`.
    pub(super) action: String,
    /// An ARN.
    pub(super) resource: String,
    /// The values of each condition key.
    pub(super) context: BTreeMap<String, Vec<String>>,
}

/// Returns `true` if a statement allows the call and none denies it.
pub(super) fn allows(policy: &[Statement], call: &AwsCall) -> bool {
    let any = |effect| policy.iter().any(|one| one.effect == effect && one.is_about(call));
    any(Effect::Allow) && !any(Effect::Deny)
}

impl Statement {
    /// Returns `true` if the statement applies to this call.
    fn is_about(&self, call: &AwsCall) -> bool {
        self.names_action(call)
            && self.resource.iter().any(|pattern| is_like(pattern, &call.resource))
            && self.condition.iter().all(|(operator, expected)| {
                expected.iter().all(|(key, value)| {
                    let are = call.context.get(key).map(Vec::as_slice).unwrap_or_default();
                    operator.holds(value, are)
                })
            })
    }

    fn names_action(&self, call: &AwsCall) -> bool {
        self.action.iter().any(|action| is_like(action, &call.action))
    }

    /// Returns `true` if the statement allows something.
    pub(super) fn is_permission(&self) -> bool {
        self.effect == Effect::Allow
    }

    /// Returns the named actions.
    pub(super) fn actions(&self) -> &[String] {
        &self.action
    }

    /// Returns the named resources.
    pub(super) fn resources(&self) -> &[String] {
        &self.resource
    }

    /// Returns the actions and resources that no call used.
    pub(super) fn unused(&self, calls: &[AwsCall]) -> Vec<String> {
        let (Self { action, resource, .. }, allowed) =
            (self, calls.iter().filter(|call| self.is_about(call)));
        let allowed: Vec<_> = allowed.collect();
        let actions =
            action.iter().filter(|action| !allowed.iter().any(|call| call.action == **action));
        let resources = resource
            .iter()
            .filter(|pattern| !allowed.iter().any(|call| is_like(pattern, &call.resource)));
        actions.chain(resources).cloned().collect()
    }
}

impl Operator {
    /// Compares the values of a condition key; a key that the call lacks has none.
    fn holds(self, expected: &serde_json::Value, are: &[String]) -> bool {
        let any = |fits: &dyn Fn(&str) -> bool| match expected {
            serde_json::Value::Array(several) => {
                several.iter().any(|one| fits(one.as_str().unwrap()))
            }
            one => fits(one.as_str().unwrap()),
        };
        let is_equal = |is: &String| any(&|expected| expected == is);
        let fits = |is: &String| any(&|expected| is_like(expected, is));
        match (self, are) {
            (Self::Null, are) => are.is_empty() == (expected == "true"),
            // Also of a key that is missing.
            (Self::AllEqual, are) => are.iter().all(is_equal),
            (Self::AnyLike, are) => are.iter().any(fits),
            (_, []) => false,
            (Self::StringEquals, [is]) => is_equal(is),
            (Self::StringLike, [is]) => fits(is),
            (Self::NumericLessThanEquals, [is]) => {
                is.parse::<i64>().unwrap() <= expected.as_i64().unwrap()
            }
            (operator, several) => panic!("{operator:?} compares one value: {several:?}"),
        }
    }
}

/// Matches a pattern in which `*` means any text.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| is_like(after, rest)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(statements: Value) -> Vec<Statement> {
        serde_json::from_value(statements).unwrap()
    }

    fn call(action: &str, resource: &str, context: &[(&str, &[&str])]) -> AwsCall {
        let values = |values: &[&str]| values.iter().map(|one| (*one).to_owned()).collect();
        let context = context.iter().map(|(key, are)| ((*key).to_owned(), values(are)));
        AwsCall { action: action.into(), resource: resource.into(), context: context.collect() }
    }

    #[test]
    fn statement_allows_only_what_it_names() {
        let policy = policy(json!([{
            "Effect": "Allow", "Action": ["s:Get", "s:Put"], "Resource": "arn:table/one/*",
            "Condition": {"NumericLessThanEquals": {"s:Seconds": 300}}
        }]));
        let good = call("s:Get", "arn:table/one/x", &[("s:Seconds", &["300"])]);
        assert!(allows(&policy, &good));
        assert!(!allows(&policy, &AwsCall { action: "s:Delete".into(), ..good.clone() }));
        assert!(!allows(&policy, &AwsCall { resource: "arn:table/two/x".into(), ..good.clone() }));
        assert!(!allows(&policy, &call("s:Get", "arn:table/one/x", &[("s:Seconds", &["301"])])));
        assert!(!allows(&policy, &AwsCall { context: BTreeMap::new(), ..good.clone() }));
        assert_eq!(policy[0].unused(&[good]), ["s:Put"]);
        assert_eq!(policy[0].unused(&[]), ["s:Get", "s:Put", "arn:table/one/*"]);
    }

    #[test]
    fn one_denied_value_denies_the_whole_call() {
        let policy = policy(json!([
            {"Effect": "Allow", "Action": ["d:Get"], "Resource": "table"},
            {"Effect": "Deny", "Action": "d:*", "Resource": "table",
             "Condition": {"ForAnyValue:StringLike": {"d:Keys": ["SESSION#*", "STATE#*"]}}}
        ]));
        let get = |keys: &[&str]| call("d:Get", "table", &[("d:Keys", keys)]);
        assert!(allows(&policy, &get(&["TENANT#1", "ORG#SESSION#"])));
        assert!(allows(&policy, &call("d:Get", "table", &[])));
        assert!(!allows(&policy, &get(&["SESSION#1"])));
        assert!(!allows(&policy, &get(&["TENANT#1", "STATE#2"])));
    }

    #[test]
    fn condition_for_all_values_needs_a_guard_against_none() {
        let all = json!({"s:Audience": ["one", "other"]});
        let of = |condition: Value| {
            policy(json!([{
                "Effect": "Allow", "Action": "s:Get", "Resource": "*", "Condition": condition
            }]))
        };
        let open = of(json!({"ForAllValues:StringEquals": all}));
        let guarded = of(json!({
            "ForAllValues:StringEquals": all, "Null": {"s:Audience": "false"}
        }));
        for (audiences, is_allowed) in [
            (&["one"][..], true),
            (&["one", "other"], true),
            (&["one", "third"], false),
            (&["third"], false),
        ] {
            let call = call("s:Get", "*", &[("s:Audience", audiences)]);
            assert_eq!(allows(&open, &call), is_allowed, "{audiences:?}");
            assert_eq!(allows(&guarded, &call), is_allowed, "{audiences:?}");
        }
        assert!(allows(&open, &call("s:Get", "*", &[])), "all of none are equal");
        assert!(!allows(&guarded, &call("s:Get", "*", &[])));
    }
}
