//! The partition keys that a call to DynamoDB names, as IAM sees them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>

use std::collections::BTreeSet;

use serde_json::Value;

/// The condition key.
pub(super) const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

/// Returns the partition keys of an operation on one table: of a whole call, or of one part of a
/// batch or a transaction.
pub(super) fn leading_keys(call: &Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    if let Some(condition) = call["KeyConditionExpression"].as_str() {
        found.insert(queried(condition, call));
    }
    // BatchWriteItem puts each item behind the name of its operation.
    let writes = call.as_array().into_iter().flatten();
    let parts = writes.flat_map(|write| [&write["PutRequest"], &write["DeleteRequest"]]);
    for part in parts.chain([call]) {
        let keys = part["Keys"].as_array().into_iter().flatten();
        for key in keys.chain([&part["Key"], &part["Item"]]) {
            found.extend(key["pk"]["S"].as_str().map(str::to_owned));
        }
    }
    assert!(!found.is_empty(), "a call without a partition key: {call}");
    found.into_iter().collect()
}

/// Returns the partition key of a query, which is the first comparison of its condition.
fn queried(condition: &str, call: &Value) -> String {
    let (name, rest) = condition.split_once(" = ").unwrap();
    let attribute = call["ExpressionAttributeNames"][name].as_str().unwrap();
    assert!(attribute.ends_with("pk"), "{condition}");
    let value = rest.split(' ').next().unwrap();
    call["ExpressionAttributeValues"][value]["S"].as_str().unwrap().to_owned()
}

#[test]
fn every_shape_of_a_call_names_its_partitions() {
    use serde_json::json;

    let (one, other) = (json!({"pk": {"S": "A#1"}}), json!({"pk": {"S": "B#2"}}));
    let query = json!({
        "KeyConditionExpression": "#pk = :0 AND begins_with(#sk, :1)",
        "ExpressionAttributeNames": {"#pk": "pk", "#sk": "sk"},
        "ExpressionAttributeValues": {":0": {"S": "A#1"}, ":1": {"S": "B#2"}},
    });
    for (call, expected) in [
        (json!({"Key": one}), &["A#1"][..]),
        (json!({"Item": one}), &["A#1"]),
        (json!({"Keys": [one, other]}), &["A#1", "B#2"]),
        (
            json!([{"PutRequest": {"Item": one}}, {"DeleteRequest": {"Key": other}}]),
            &["A#1", "B#2"],
        ),
        (query, &["A#1"]),
    ] {
        assert_eq!(leading_keys(&call), expected, "{call}");
    }
}
