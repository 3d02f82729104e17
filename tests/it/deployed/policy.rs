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

#[derive(Clone, Copy, Deserialize)]
enum Effect {
    Allow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Operator {
    #[serde(rename = "ForAllValues:StringEquals")]
    AllEqual,
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
    /// The condition keys.
    pub(super) context: BTreeMap<String, String>,
}

impl Statement {
    /// Returns `true` if the statement allows this call.
    pub(super) fn allows(&self, call: &AwsCall) -> bool {
        let Effect::Allow = self.effect;
        self.action.contains(&call.action)
            && self.resource.iter().any(|pattern| is_like(pattern, &call.resource))
            && self.condition.iter().all(|(operator, expected)| {
                expected.iter().all(|(key, value)| {
                    let is = call.context.get(key);
                    match operator {
                        Operator::Null => is.is_none() == (value == "true"),
                        _ => is.is_some_and(|is| operator.holds(value, is)),
                    }
                })
            })
    }

    /// Returns the allowed actions.
    pub(super) fn actions(&self) -> &[String] {
        &self.action
    }

    /// Returns the allowed resources.
    pub(super) fn resources(&self) -> &[String] {
        &self.resource
    }

    /// Returns the actions and resources that no call used.
    pub(super) fn unused(&self, calls: &[AwsCall]) -> Vec<String> {
        let (Self { action, resource, .. }, allowed) =
            (self, calls.iter().filter(|call| self.allows(call)));
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
    fn holds(self, expected: &serde_json::Value, is: &str) -> bool {
        let any = |fits: &dyn Fn(&str) -> bool| match expected {
            serde_json::Value::Array(several) => {
                several.iter().any(|one| fits(one.as_str().unwrap()))
            }
            one => fits(one.as_str().unwrap()),
        };
        match self {
            Self::AllEqual | Self::StringEquals => any(&|expected| expected == is),
            Self::StringLike => any(&|expected| is_like(expected, is)),
            Self::NumericLessThanEquals => is.parse::<i64>().unwrap() <= expected.as_i64().unwrap(),
            Self::Null => false,
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

#[test]
fn statement_allows_only_what_it_names() {
    let statement: Statement = serde_json::from_value(serde_json::json!({
        "Effect": "Allow", "Action": ["s:Get", "s:Put"], "Resource": "arn:table/one/*",
        "Condition": {"NumericLessThanEquals": {"s:Seconds": 300}}
    }))
    .unwrap();
    let call = |action: &str, resource: &str, seconds: &str| AwsCall {
        action: action.into(),
        resource: resource.into(),
        context: [("s:Seconds".to_owned(), seconds.to_owned())].into(),
    };
    let good = call("s:Get", "arn:table/one/x", "300");
    assert!(statement.allows(&good));
    assert!(!statement.allows(&call("s:Delete", "arn:table/one/x", "300")));
    assert!(!statement.allows(&call("s:Get", "arn:table/two/x", "300")));
    assert!(!statement.allows(&call("s:Get", "arn:table/one/x", "301")));
    assert!(!statement.allows(&AwsCall { context: BTreeMap::new(), ..good.clone() }));
    assert_eq!(statement.unused(&[good]), ["s:Put"]);
    assert_eq!(statement.unused(&[]), ["s:Get", "s:Put", "arn:table/one/*"]);
}
