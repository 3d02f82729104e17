//! What a role allows, read as IAM reads it: only what these policies use of the language is known here, anything else fails.
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
    #[serde(rename = "ForAllValues:StringLike")]
    AllLike,
    StringEquals,
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

/// What somebody wants to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deed {
    /// `service:Action`.
    pub(super) action: String,
    /// An ARN.
    pub(super) resource: String,
    /// The keys that conditions are about.
    pub(super) context: BTreeMap<String, String>,
}

impl Statement {
    /// Whether it allows this.
    pub(super) fn allows(&self, deed: &Deed) -> bool {
        let Effect::Allow = self.effect;
        self.action.contains(&deed.action)
            && self.resource.iter().any(|pattern| is_like(pattern, &deed.resource))
            && self.condition.iter().all(|(operator, wanted)| {
                wanted.iter().all(|(key, value)| deed.context.get(key).is_some_and(|is| operator.holds(value, is)))
            })
    }

    /// What it allows.
    pub(super) fn actions(&self) -> &[String] {
        &self.action
    }

    /// What it is about.
    pub(super) fn resources(&self) -> &[String] {
        &self.resource
    }

    /// What of it none of these deeds needed: actions, and resources.
    pub(super) fn unused(&self, deeds: &[Deed]) -> Vec<String> {
        let (Self { action, resource, .. }, allowed) = (self, deeds.iter().filter(|deed| self.allows(deed)));
        let allowed: Vec<_> = allowed.collect();
        let actions = action.iter().filter(|action| !allowed.iter().any(|deed| deed.action == **action));
        let resources = resource.iter().filter(|pattern| !allowed.iter().any(|deed| is_like(pattern, &deed.resource)));
        actions.chain(resources).cloned().collect()
    }
}

impl Operator {
    fn holds(self, wanted: &serde_json::Value, is: &str) -> bool {
        match self {
            Self::AllLike => is_like(wanted.as_str().unwrap(), is),
            Self::StringEquals => wanted == is,
            Self::NumericLessThanEquals => is.parse::<i64>().unwrap() <= wanted.as_i64().unwrap(),
        }
    }
}

/// `*` stands for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| is_like(after, rest)))),
    }
}

#[test]
fn a_statement_allows_what_it_names_and_nothing_else() {
    let statement: Statement = serde_json::from_value(serde_json::json!({
        "Effect": "Allow", "Action": ["s:Get", "s:Put"], "Resource": "arn:table/one/*",
        "Condition": {"NumericLessThanEquals": {"s:Seconds": 300}}
    }))
    .unwrap();
    let deed = |action: &str, resource: &str, seconds: &str| Deed {
        action: action.into(),
        resource: resource.into(),
        context: [("s:Seconds".to_owned(), seconds.to_owned())].into(),
    };
    let good = deed("s:Get", "arn:table/one/x", "300");
    assert!(statement.allows(&good));
    assert!(!statement.allows(&deed("s:Delete", "arn:table/one/x", "300")));
    assert!(!statement.allows(&deed("s:Get", "arn:table/two/x", "300")));
    assert!(!statement.allows(&deed("s:Get", "arn:table/one/x", "301")));
    assert!(!statement.allows(&Deed { context: BTreeMap::new(), ..good.clone() }));
    assert_eq!(statement.unused(&[good]), ["s:Put"]);
    assert_eq!(statement.unused(&[]), ["s:Get", "s:Put", "arn:table/one/*"]);
}
