//! Tests of items, conditions, changes and transactions.

use std::collections::HashMap;
use std::sync::Arc;

use domain::clock::SimulatedClock;
use serde_dynamo::{AttributeValue, Item};
use store::table::memory::MemoryStore;
use store::table::{Change, Condition, Key, Query, Store, StoreError, Test, Write};
use tokio::task::JoinSet;

use super::START;

/// Empty table, and its clock.
pub(super) struct Subject {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<SimulatedClock>,
}

pub(super) fn in_new_memory() -> Subject {
    let clock = super::clock();
    Subject { store: Arc::new(MemoryStore::new(clock.clone())), clock }
}

pub(super) fn key(pk: &str, sk: &str) -> Key {
    Key { pk: pk.to_owned(), sk: sk.to_owned() }
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn item<const N: usize>(
    pk: &str,
    sk: &str,
    attributes: [(&str, AttributeValue); N],
) -> Item {
    let keys = [("pk", text(pk)), ("sk", text(sk))];
    keys.into_iter()
        .chain(attributes)
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<HashMap<_, _>>()
        .into()
}

pub(super) async fn put(store: &dyn Store, items: impl IntoIterator<Item = Item>) {
    for item in items {
        store.write(vec![Write::Put(item, Condition::Any)]).await.unwrap();
    }
}

pub(super) fn refused<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
}

fn failed<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::ConditionFailed)), "{answer:?}");
}

super::contract_tests! {
    crate::contract::store::in_new_memory, crate::contract::aws::table,
    an_item_comes_back_unchanged_put
    unused_key_has_no_item
    put_replaces_the_whole_item
    update_creates_an_absent_item
    update_changes_named_attributes_only
    absent_requires_a_missing_item
    absent_or_needs_one_request
    no_test_holds_for_an_absent_item
    tests_compare_by_value
    delete_obeys_its_condition
    transaction_supports_all_writes
    failing_condition_aborts_the_transaction
    invalid_write_aborts_the_transaction
    transaction_has_at_most_100_distinct_items
    empty_requests_succeed
    invalid_update_is_refused
    empty_or_long_key_is_refused
    keys_have_at_most_2048_and_1024_bytes
    index_attribute_of_wrong_type_is_refused
    index_attributes_have_at_most_2048_and_1024_bytes
    item_has_at_most_400_kilobytes
    numbers_have_64_bits
    only_a_number_can_be_added_to
    expired_item_is_not_returned
    expired_item_counts_as_absent
    many_items_are_read_once_each
    many_large_items_are_all_read
    one_of_20_concurrent_updates_gets_the_lease
    concurrent_additions_all_count
}

async fn an_item_comes_back_unchanged_put(Subject { store, .. }: Subject) {
    let inner = HashMap::from([("größe".to_owned(), number(-7)), ("empty".to_owned(), text(""))]);
    let whole = item(
        "Müller/東京",
        "🦀#\u{1}",
        [
            ("text", text("naïve \u{1F600}")),
            ("flag", AttributeValue::Bool(false)),
            ("nothing", AttributeValue::Null(true)),
            ("bytes", AttributeValue::B(vec![0, 255])),
            ("list", AttributeValue::L(vec![number(1), text("a"), AttributeValue::M(inner)])),
            ("set", AttributeValue::Ss(vec!["one".to_owned()])),
            ("size", number(3)),
        ],
    );
    store.write(vec![Write::Put(whole.clone(), Condition::Any)]).await.unwrap();
    assert_eq!(store.get(&key("Müller/東京", "🦀#\u{1}")).await.unwrap(), Some(whole));
}

async fn unused_key_has_no_item(Subject { store, .. }: Subject) {
    let unused = key("a", "1");
    assert_eq!(store.get(&unused).await.unwrap(), None);
    assert_eq!(store.get_many(std::slice::from_ref(&unused)).await.unwrap(), []);
    store.write(vec![Write::Delete(unused, Condition::Any)]).await.unwrap();
}

async fn put_replaces_the_whole_item(Subject { store, .. }: Subject) {
    put(&*store, [item("a", "1", [("old", number(1))]), item("a", "1", [("new", number(2))])])
        .await;
    assert_eq!(
        store.get(&key("a", "1")).await.unwrap(),
        Some(item("a", "1", [("new", number(2))]))
    );
}

async fn update_creates_an_absent_item(Subject { store, .. }: Subject) {
    let changes =
        vec![Change::Set("name", text("x")), Change::Add("count", 5), Change::Remove("gone")];
    let created = store.update(&key("a", "1"), changes, Condition::Any).await.unwrap();
    assert_eq!(created, item("a", "1", [("name", text("x")), ("count", number(5))]));
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), Some(created));
    store.update(&key("a", "2"), vec![Change::Remove("gone")], Condition::Absent).await.unwrap();
    assert_eq!(store.get(&key("a", "2")).await.unwrap(), Some(item("a", "2", [])));
}

async fn update_changes_named_attributes_only(Subject { store, .. }: Subject) {
    let before = item(
        "a",
        "1",
        [("same", text("k")), ("set", text("s")), ("add", number(40)), ("remove", number(1))],
    );
    put(&*store, [before]).await;
    let changes = vec![
        Change::Set("set", AttributeValue::Bool(true)),
        Change::Add("add", 2),
        Change::Remove("remove"),
        // A reserved word of DynamoDB.
        Change::Set("size", number(9)),
    ];
    let after = store.update(&key("a", "1"), changes, Condition::Any).await.unwrap();
    let expected = [
        ("same", text("k")),
        ("set", AttributeValue::Bool(true)),
        ("add", number(42)),
        ("size", number(9)),
    ];
    assert_eq!(after, item("a", "1", expected));
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), Some(after));
}

async fn absent_requires_a_missing_item(Subject { store, .. }: Subject) {
    let first = item("a", "1", [("by", text("first"))]);
    let second = item("a", "1", [("by", text("second"))]);
    store.write(vec![Write::Put(first.clone(), Condition::Absent)]).await.unwrap();
    failed(store.write(vec![Write::Put(second, Condition::Absent)]).await);
    failed(store.update(&key("a", "1"), vec![Change::Add("n", 1)], Condition::Absent).await);
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), Some(first));
}

async fn absent_or_needs_one_request(Subject { store, .. }: Subject) {
    let add = async |test| {
        let condition = Condition::AbsentOr(vec![test]);
        store.update(&key("a", "1"), vec![Change::Add("n", 1)], condition).await
    };
    assert_eq!(add(Test::Below("n", 2)).await.unwrap(), item("a", "1", [("n", number(1))]));
    assert_eq!(add(Test::Below("n", 2)).await.unwrap(), item("a", "1", [("n", number(2))]));
    failed(add(Test::Below("n", 2)).await);
    failed(add(Test::MissingOrBelow("n", 2)).await);
    assert_eq!(
        add(Test::MissingOrBelow("m", 2)).await.unwrap(),
        item("a", "1", [("n", number(3))])
    );
    let always = Condition::AbsentOr(vec![]);
    store.write(vec![Write::Check(key("a", "1"), always.clone())]).await.unwrap();
    store.write(vec![Write::Check(key("a", "2"), always)]).await.unwrap();
}

async fn no_test_holds_for_an_absent_item(Subject { store, .. }: Subject) {
    let conditions = [
        vec![],
        vec![Test::Missing("n")],
        vec![Test::Below("n", 1)],
        vec![Test::Equals("n", number(1))],
    ];
    for condition in conditions.map(Condition::Holds) {
        failed(store.update(&key("a", "1"), vec![Change::Add("n", 1)], condition.clone()).await);
        failed(store.write(vec![Write::Put(item("a", "1", []), condition.clone())]).await);
        failed(store.write(vec![Write::Delete(key("a", "1"), condition.clone())]).await);
        failed(store.write(vec![Write::Check(key("a", "1"), condition)]).await);
    }
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), None);
}

async fn tests_compare_by_value(Subject { store, .. }: Subject) {
    let map = |a: i64, b: i64| {
        AttributeValue::M([("a", a), ("b", b)].map(|(k, v)| (k.to_owned(), number(v))).into())
    };
    let set = |parts: [&str; 2]| AttributeValue::Ss(parts.map(str::to_owned).to_vec());
    let attributes = [("n", number(7)), ("t", text("7")), ("m", map(1, 2)), ("s", set(["x", "y"]))];
    put(&*store, [item("a", "1", attributes)]).await;
    let check = async |tests: &[Test]| {
        let write = Write::Check(key("a", "1"), Condition::Holds(tests.to_vec()));
        match store.write(vec![write]).await {
            Ok(()) => true,
            Err(StoreError::ConditionFailed) => false,
            Err(other) => panic!("{other}"),
        }
    };
    let holding = [
        Test::Equals("n", number(7)),
        Test::Equals("n", AttributeValue::N("07".to_owned())),
        Test::Equals("t", text("7")),
        Test::Equals("m", map(1, 2)),
        Test::Equals("s", set(["y", "x"])),
        Test::Below("n", 8),
        Test::Missing("other"),
    ];
    let failing = [
        Test::Equals("n", number(8)),
        Test::Equals("n", text("7")),
        Test::Equals("m", map(1, 3)),
        Test::Equals("s", set(["x", "z"])),
        Test::Equals("other", number(7)),
        Test::Below("n", 7),
        Test::Below("t", 8),
        Test::Below("other", 8),
        Test::Missing("n"),
    ];
    assert!(check(&[]).await, "no tests");
    assert!(check(&holding).await, "all together");
    for test in &holding {
        assert!(check(std::slice::from_ref(test)).await, "{test:?}");
    }
    for test in failing {
        assert!(!check(&[holding[0].clone(), test.clone()]).await, "{test:?}");
    }
}

async fn delete_obeys_its_condition(Subject { store, .. }: Subject) {
    put(&*store, [item("a", "1", [("n", number(1))])]).await;
    let only_if = |n| Condition::Holds(vec![Test::Equals("n", number(n))]);
    failed(store.write(vec![Write::Delete(key("a", "1"), only_if(2))]).await);
    assert!(store.get(&key("a", "1")).await.unwrap().is_some());
    store.write(vec![Write::Delete(key("a", "1"), only_if(1))]).await.unwrap();
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), None);
}

async fn transaction_supports_all_writes(Subject { store, .. }: Subject) {
    put(&*store, ["update", "delete", "check"].map(|sk| item("a", sk, [("n", number(1))]))).await;
    let unchanged = || Condition::Holds(vec![Test::Equals("n", number(1))]);
    let writes = vec![
        Write::Put(item("a", "put", []), Condition::Absent),
        Write::Update(key("a", "update"), vec![Change::Add("n", 1)], unchanged()),
        Write::Delete(key("a", "delete"), unchanged()),
        Write::Check(key("a", "check"), unchanged()),
    ];
    store.write(writes).await.unwrap();
    assert!(store.get(&key("a", "put")).await.unwrap().is_some());
    assert_eq!(
        store.get(&key("a", "update")).await.unwrap(),
        Some(item("a", "update", [("n", number(2))]))
    );
    assert_eq!(store.get(&key("a", "delete")).await.unwrap(), None);
    assert_eq!(
        store.get(&key("a", "check")).await.unwrap(),
        Some(item("a", "check", [("n", number(1))]))
    );
}

async fn failing_condition_aborts_the_transaction(Subject { store, .. }: Subject) {
    put(&*store, [item("a", "there", [("n", number(1))])]).await;
    let begin = || {
        vec![
            Write::Put(item("a", "new", []), Condition::Absent),
            Write::Update(key("a", "there"), vec![Change::Add("n", 1)], Condition::Any),
        ]
    };
    let endings = [
        Write::Put(item("a", "other", []), Condition::Holds(vec![])),
        Write::Update(key("a", "other"), vec![Change::Add("n", 1)], Condition::Holds(vec![])),
        Write::Delete(key("a", "other"), Condition::Holds(vec![])),
        Write::Check(key("a", "other"), Condition::Holds(vec![])),
    ];
    for ending in endings {
        let mut writes = begin();
        writes.push(ending);
        failed(store.write(writes).await);
        assert_eq!(store.get(&key("a", "new")).await.unwrap(), None);
        assert_eq!(
            store.get(&key("a", "there")).await.unwrap(),
            Some(item("a", "there", [("n", number(1))]))
        );
    }
}

async fn invalid_write_aborts_the_transaction(Subject { store, .. }: Subject) {
    put(&*store, [item("a", "there", [("n", text("no number"))])]).await;
    let writes = vec![
        Write::Put(item("a", "new", []), Condition::Absent),
        Write::Update(key("a", "there"), vec![Change::Add("n", 1)], Condition::Any),
    ];
    refused(store.write(writes).await);
    assert_eq!(store.get(&key("a", "new")).await.unwrap(), None);
}

async fn transaction_has_at_most_100_distinct_items(Subject { store, .. }: Subject) {
    let puts = |n: usize| {
        (0..n).map(|n| Write::Put(item("a", &n.to_string(), []), Condition::Any)).collect()
    };
    refused(store.write(puts(101)).await);
    assert_eq!(store.get(&key("a", "0")).await.unwrap(), None);
    store.write(puts(100)).await.unwrap();
    assert!(store.get(&key("a", "99")).await.unwrap().is_some());
    let twice = vec![
        Write::Check(key("a", "0"), Condition::Any),
        Write::Update(key("a", "0"), vec![Change::Add("n", 1)], Condition::Any),
    ];
    refused(store.write(twice).await);
    assert_eq!(store.get(&key("a", "0")).await.unwrap(), Some(item("a", "0", [])));
}

async fn empty_requests_succeed(Subject { store, .. }: Subject) {
    store.write(vec![]).await.unwrap();
    assert_eq!(store.get_many(&[]).await.unwrap(), []);
}

async fn invalid_update_is_refused(Subject { store, .. }: Subject) {
    let invalid = [
        vec![],
        vec![Change::Set("sk", text("2"))],
        vec![Change::Remove("pk")],
        vec![Change::Set("n", number(1)), Change::Add("n", 1)],
        vec![Change::Set("s", AttributeValue::Ss(vec![]))],
    ];
    for changes in invalid {
        refused(store.update(&key("a", "1"), changes.clone(), Condition::Any).await);
        refused(store.write(vec![Write::Update(key("a", "1"), changes, Condition::Any)]).await);
    }
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), None);
}

async fn empty_or_long_key_is_refused(Subject { store, .. }: Subject) {
    refused(store.get(&key("a", "")).await);
    refused(store.get_many(&[key("", "1")]).await);
    refused(store.write(vec![Write::Put(item("", "1", []), Condition::Any)]).await);
    refused(store.write(vec![Write::Put(item("a", &"x".repeat(1025), []), Condition::Any)]).await);
    refused(store.write(vec![Write::Put(Item::default(), Condition::Any)]).await);
}

/// A text of so many bytes, in characters of three.
fn of_bytes(bytes: usize) -> String {
    "東".repeat(bytes / 3) + &"x".repeat(bytes % 3)
}

async fn keys_have_at_most_2048_and_1024_bytes(Subject { store, .. }: Subject) {
    let longest = key(&of_bytes(2048), &of_bytes(1024));
    put(&*store, [item(&longest.pk, &longest.sk, [])]).await;
    assert!(store.get(&longest).await.unwrap().is_some());
    let query = Query::Partition { pk: longest.pk.clone(), prefix: longest.sk.clone() };
    assert_eq!(store.query(&query, 1, None).await.unwrap().items.len(), 1);
    for long in [key(&of_bytes(2049), "1"), key("a", &of_bytes(1025))] {
        refused(store.get(&long).await);
        refused(store.write(vec![Write::Put(item(&long.pk, &long.sk, []), Condition::Any)]).await);
        refused(store.update(&long, vec![Change::Add("n", 1)], Condition::Any).await);
    }
    let nowhere = Query::Partition { pk: String::new(), prefix: String::new() };
    refused(store.query(&nowhere, 1, None).await);
}

async fn index_attributes_have_at_most_2048_and_1024_bytes(Subject { store, .. }: Subject) {
    for (name, longest, other) in [
        ("gsi1pk", 2048, ("gsi1sk", number(1))),
        ("gsi2pk", 2048, ("gsi2sk", text("1"))),
        ("gsi2sk", 1024, ("gsi2pk", text("1"))),
    ] {
        let at =
            |sk: &str, bytes: usize| item("a", sk, [(name, text(&of_bytes(bytes))), other.clone()]);
        put(&*store, [at(name, longest)]).await;
        let long = Write::Put(at("long", longest + 1), Condition::Any);
        refused(store.write(vec![long]).await);
        let long = Change::Set(name, text(&of_bytes(longest + 1)));
        refused(store.update(&key("a", name), vec![long], Condition::Any).await);
        assert_eq!(store.get(&key("a", "long")).await.unwrap(), None);
        assert_eq!(store.get(&key("a", name)).await.unwrap(), Some(at(name, longest)));
    }
}

async fn index_attribute_of_wrong_type_is_refused(Subject { store, .. }: Subject) {
    for (name, value) in
        [("gsi1sk", text("1")), ("gsi1pk", number(1)), ("gsi2sk", number(1)), ("gsi2pk", text(""))]
    {
        refused(
            store
                .write(vec![Write::Put(item("a", "1", [(name, value.clone())]), Condition::Any)])
                .await,
        );
        let set = |name| vec![Change::Set(name, value.clone())];
        let changes = match name {
            "gsi1sk" => set("gsi1sk"),
            "gsi1pk" => set("gsi1pk"),
            "gsi2sk" => set("gsi2sk"),
            _ => set("gsi2pk"),
        };
        refused(store.update(&key("a", "1"), changes, Condition::Any).await);
    }
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), None);
}

async fn item_has_at_most_400_kilobytes(Subject { store, .. }: Subject) {
    let large = item("a", "1", [("body", text(&"ä".repeat(150 * 1024)))]);
    put(&*store, [large.clone()]).await;
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), Some(large.clone()));
    let more = "x".repeat(101 * 1024);
    refused(
        store.update(&key("a", "1"), vec![Change::Set("more", text(&more))], Condition::Any).await,
    );
    refused(
        store
            .write(vec![Write::Put(item("a", "1", [("b", text(&more.repeat(4)))]), Condition::Any)])
            .await,
    );
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), Some(large));
}

async fn numbers_have_64_bits(Subject { store, .. }: Subject) {
    put(&*store, [item("a", "1", [("low", number(i64::MIN)), ("high", number(i64::MAX - 1))])])
        .await;
    let extremes =
        Condition::Holds(vec![Test::Below("low", i64::MIN + 1), Test::Below("high", i64::MAX)]);
    let after = store.update(&key("a", "1"), vec![Change::Add("high", 1)], extremes).await.unwrap();
    assert_eq!(after, item("a", "1", [("low", number(i64::MIN)), ("high", number(i64::MAX))]));
}

async fn only_a_number_can_be_added_to(Subject { store, .. }: Subject) {
    put(&*store, [item("a", "1", [("n", text("1"))])]).await;
    refused(store.update(&key("a", "1"), vec![Change::Add("n", 1)], Condition::Any).await);
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), Some(item("a", "1", [("n", text("1"))])));
}

async fn expired_item_is_not_returned(Subject { store, clock }: Subject) {
    let ends_in = |seconds: i64| ("expires_at", number(START + seconds));
    put(
        &*store,
        [item("a", "1", [ends_in(10)]), item("a", "2", [ends_in(11)]), item("a", "3", [])],
    )
    .await;
    let keys = ["1", "2", "3"].map(|sk| key("a", sk));
    assert_eq!(store.get_many(&keys).await.unwrap().len(), 3);
    clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(store.get(&keys[0]).await.unwrap(), None);
    assert_eq!(store.get(&keys[1]).await.unwrap(), Some(item("a", "2", [ends_in(11)])));
    assert_eq!(store.get_many(&keys).await.unwrap().len(), 2);
}

async fn expired_item_counts_as_absent(Subject { store, clock }: Subject) {
    let ends = ("expires_at", number(START + 10));
    put(
        &*store,
        ["put", "check", "update"].map(|sk| item("a", sk, [ends.clone(), ("n", number(1))])),
    )
    .await;
    failed(store.write(vec![Write::Put(item("a", "put", []), Condition::Absent)]).await);
    store.write(vec![Write::Check(key("a", "check"), Condition::Holds(vec![]))]).await.unwrap();
    clock.advance(std::time::Duration::from_secs(10));
    store.write(vec![Write::Put(item("a", "put", []), Condition::Absent)]).await.unwrap();
    assert_eq!(store.get(&key("a", "put")).await.unwrap(), Some(item("a", "put", [])));
    failed(store.write(vec![Write::Check(key("a", "check"), Condition::Holds(vec![]))]).await);
    let one = Condition::Holds(vec![Test::Equals("n", number(1))]);
    failed(store.update(&key("a", "update"), vec![Change::Add("n", 1)], one).await);
}

async fn many_items_are_read_once_each(Subject { store, .. }: Subject) {
    for from in [0, 100] {
        let puts = (from..from + 100)
            .map(|n| Write::Put(item("a", &n.to_string(), []), Condition::Any))
            .collect();
        store.write(puts).await.unwrap();
    }
    let keys: Vec<Key> = (0..250).chain(0..30).map(|n| key("a", &n.to_string())).collect();
    let mut found: Vec<String> =
        store.get_many(&keys).await.unwrap().iter().map(sort_key).collect();
    found.sort_by_key(|sk| sk.parse::<u32>().unwrap());
    assert_eq!(found, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
}

async fn many_large_items_are_all_read(Subject { store, .. }: Subject) {
    // More than the 16 MB of one answer.
    let body = text(&"x".repeat(300 * 1024));
    let keys: Vec<Key> = (0..60).map(|n| key("a", &n.to_string())).collect();
    put(&*store, keys.iter().map(|key| item("a", &key.sk, [("body", body.clone())]))).await;
    let found = store.get_many(&keys).await.unwrap();
    assert_eq!(found.len(), 60);
    assert!(found.iter().all(|item| item.get("body") == Some(&body)));
}

async fn one_of_20_concurrent_updates_gets_the_lease(Subject { store, .. }: Subject) {
    put(&*store, [item("a", "1", [("lease_until", number(START))])]).await;
    let mut callers = JoinSet::new();
    for caller in 0..20 {
        let store = store.clone();
        callers.spawn(async move {
            let take = vec![
                Change::Set("lease_until", number(START + 60)),
                Change::Set("holder", number(caller)),
            ];
            let free = Condition::Holds(vec![Test::Below("lease_until", START + 1)]);
            (caller, store.update(&key("a", "1"), take, free).await)
        });
    }
    let mut holders = Vec::new();
    for (caller, answer) in callers.join_all().await {
        match answer {
            Ok(item) => holders.push((caller, item)),
            Err(error) => assert_eq!(error, StoreError::ConditionFailed),
        }
    }
    let [(holder, item)] = &holders[..] else { panic!("{holders:?}") };
    assert_eq!(item.get("holder"), Some(&number(*holder)));
    assert_eq!(store.get(&key("a", "1")).await.unwrap().as_ref(), Some(item));
}

async fn concurrent_additions_all_count(Subject { store, .. }: Subject) {
    let mut additions = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        additions.spawn(async move {
            store.update(&key("a", "1"), vec![Change::Add("n", 1)], Condition::Any).await
        });
    }
    assert!(additions.join_all().await.iter().all(Result::is_ok));
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), Some(item("a", "1", [("n", number(20))])));
}

pub(super) fn sort_key(item: &Item) -> String {
    match item.get("sk") {
        Some(AttributeValue::S(sk)) => sk.clone(),
        other => panic!("{other:?}"),
    }
}
