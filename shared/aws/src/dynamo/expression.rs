//! Conditions, changes and queries in DynamoDB's expression language. Every name and value is a
//! placeholder, so no attribute can be a reserved word.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue as Value;
use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use store::table::{Change, Condition, EXPIRES_AT, Query, Test};

/// Placeholders of one request.
#[derive(Debug, Default)]
pub(super) struct Placeholders {
    names: HashMap<String, String>,
    values: HashMap<String, Value>,
}

impl Placeholders {
    /// Returns the names. `None` if there are none, since the service refuses an empty map.
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        Some(self.names.clone()).filter(|names| !names.is_empty())
    }

    /// Returns the values.
    pub(super) fn values(&self) -> Option<HashMap<String, Value>> {
        Some(self.values.clone()).filter(|values| !values.is_empty())
    }

    fn name(&mut self, name: &str) -> String {
        // Attribute names can be reserved words.
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value.into());
        placeholder
    }

    fn number(&mut self, number: i64) -> String {
        self.value(AttributeValue::N(number.to_string()))
    }

    /// Returns the condition, or `None` if there is none. An item that expired at `now` counts as
    /// absent.
    pub(super) fn condition(&mut self, condition: &Condition, now: Timestamp) -> Option<String> {
        let tests = match condition {
            Condition::Any => return None,
            Condition::Absent => &[][..],
            Condition::Holds(tests) | Condition::AbsentOr(tests) => tests,
        };
        let (pk, end, now) = (self.name("pk"), self.name(EXPIRES_AT), self.number(now.as_second()));
        let tests = self.tests(tests);
        // The service deletes expired items days later, and they are absent until then.
        let absent = format!("attribute_not_exists({pk}) OR {end} <= {now}");
        let live =
            format!("attribute_exists({pk}) AND (attribute_not_exists({end}) OR {end} > {now})");
        Some(match condition {
            Condition::Any | Condition::Absent => absent,
            Condition::Holds(_) => [vec![live], tests].concat().join(" AND "),
            // Without a test, each item passes.
            Condition::AbsentOr(_) if tests.is_empty() => format!("{absent} OR {live}"),
            // AND comes before OR, and the service refuses redundant parentheses.
            Condition::AbsentOr(_) => format!("{absent} OR {}", tests.join(" AND ")),
        })
    }

    fn tests(&mut self, tests: &[Test]) -> Vec<String> {
        let test = |test: &Test| match test {
            Test::Equals(name, value) => {
                format!("{} = {}", self.name(name), self.value(value.clone()))
            }
            Test::Below(name, limit) => format!("{} < {}", self.name(name), self.number(*limit)),
            Test::Missing(name) => format!("attribute_not_exists({})", self.name(name)),
            Test::MissingOrBelow(name, limit) => {
                let (name, limit) = (self.name(name), self.number(*limit));
                format!("(attribute_not_exists({name}) OR {name} < {limit})")
            }
        };
        tests.iter().map(test).collect()
    }

    /// Returns the update expression.
    pub(super) fn update(&mut self, changes: &[Change]) -> String {
        let (mut set, mut add, mut remove) = (Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Set(name, value) => {
                    set.push(format!("{} = {}", self.name(name), self.value(value.clone())))
                }
                Change::Add(name, by) => {
                    add.push(format!("{} {}", self.name(name), self.number(*by)))
                }
                Change::Remove(name) => remove.push(self.name(name)),
            }
        }
        let clauses = [("SET", set), ("ADD", add), ("REMOVE", remove)];
        let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
        clauses
            .map(|(verb, parts)| format!("{verb} {}", parts.join(", ")))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Returns the key condition of a query.
    pub(super) fn key_condition(&mut self, query: &Query) -> String {
        let (pk_name, sk_name) = match query {
            Query::Partition { .. } => ("pk", "sk"),
            Query::Due { .. } => ("gsi1pk", "gsi1sk"),
            Query::Listed { .. } => ("gsi2pk", "gsi2sk"),
        };
        let (Query::Partition { pk, .. } | Query::Due { pk, .. } | Query::Listed { pk, .. }) =
            query;
        let partition =
            format!("{} = {}", self.name(pk_name), self.value(AttributeValue::S(pk.clone())));
        match query {
            Query::Due { at_most, .. } => {
                format!("{partition} AND {} <= {}", self.name(sk_name), self.number(*at_most))
            }
            // The service refuses an empty text here.
            Query::Partition { prefix, .. } | Query::Listed { prefix, .. } if prefix.is_empty() => {
                partition
            }
            Query::Partition { prefix, .. } | Query::Listed { prefix, .. } => {
                let prefix = self.value(AttributeValue::S(prefix.clone()));
                format!("{partition} AND begins_with({}, {prefix})", self.name(sk_name))
            }
        }
    }
}
