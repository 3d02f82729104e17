//! Tests of queries: order, pages, indexes.

use serde_dynamo::Item;
use store::table::{Change, Condition, Cursor, Query, Store, Write};

use super::START;
use super::store::{Subject, item, key, number, put, refused, sort_key, text};

super::contract_tests! {
    crate::contract::store::in_new_memory, crate::contract::aws::table,
    partition_is_sorted_by_bytes
    prefix_filters_a_partition
    pages_of_any_size_return_each_item_once
    cursor_survives_deletion_of_its_item
    foreign_cursor_is_refused
    page_size_zero_is_refused
    page_ends_at_one_megabyte
    due_items_are_sorted_by_number
    listed_items_are_sorted_by_text
    index_requires_both_attributes
    index_has_only_keys_and_expiry
    expired_item_is_in_no_query
}

fn partition(pk: &str, prefix: &str) -> Query {
    Query::Partition { pk: pk.to_owned(), prefix: prefix.to_owned() }
}

fn due(pk: &str, at_most: i64) -> Query {
    Query::Due { pk: pk.to_owned(), at_most }
}

fn listed(pk: &str, prefix: &str) -> Query {
    Query::Listed { pk: pk.to_owned(), prefix: prefix.to_owned() }
}

fn due_item(sk: &str, at: i64) -> Item {
    item("items", sk, [("gsi1pk", text("DUE")), ("gsi1sk", number(at)), ("body", text("b"))])
}

fn listed_item(sk: &str, name: &str) -> Item {
    item("items", sk, [("gsi2pk", text("LIST")), ("gsi2sk", text(name)), ("body", text("b"))])
}

/// Returns all items of a query, read in pages of at most `limit`.
async fn all(store: &dyn Store, query: &Query, limit: usize) -> Vec<Item> {
    let (mut items, mut next) = (Vec::new(), None);
    loop {
        let page = store.query(query, limit, next.as_ref()).await.unwrap();
        assert!(page.items.len() <= limit);
        items.extend(page.items);
        next = page.next;
        if next.is_none() {
            return items;
        }
    }
}

async fn sort_keys(store: &dyn Store, query: &Query) -> Vec<String> {
    all(store, query, 100).await.iter().map(sort_key).collect()
}

async fn partition_is_sorted_by_bytes(Subject { store, .. }: Subject) {
    let sorted = ["10", "9", "B", "a", "ab", "b", "ä", "\u{ffee}", "🦀"];
    put(&*store, sorted.iter().rev().map(|sk| item("a", sk, []))).await;
    put(&*store, [item("b", "9", []), item("A", "9", []), item("a ", "9", [])]).await;
    assert_eq!(sort_keys(&*store, &partition("a", "")).await, sorted);
    assert_eq!(sort_keys(&*store, &partition("none", "")).await, [""; 0]);
}

async fn prefix_filters_a_partition(Subject { store, .. }: Subject) {
    put(
        &*store,
        ["LINK#1", "PERSON", "PERSON#1", "PERSON#2", "PERSONA", "Q"].map(|sk| item("a", sk, [])),
    )
    .await;
    assert_eq!(sort_keys(&*store, &partition("a", "PERSON#")).await, ["PERSON#1", "PERSON#2"]);
    assert_eq!(sort_keys(&*store, &partition("a", "PERSON#3")).await, [""; 0]);
}

async fn pages_of_any_size_return_each_item_once(Subject { store, .. }: Subject) {
    let names: Vec<String> = (10..17).map(|n| n.to_string()).collect();
    // The index keys are equal, so only the cursor tells the items apart.
    let same = |sk| {
        [
            sk,
            ("gsi1pk", text("DUE")),
            ("gsi1sk", number(5)),
            ("gsi2pk", text("LIST")),
            ("gsi2sk", text("x")),
        ]
    };
    put(&*store, names.iter().map(|sk| item("a", sk, same(("n", number(1)))))).await;
    for query in [partition("a", "1"), due("DUE", 5), listed("LIST", "x")] {
        for limit in [1, 2, 3, 7, 8] {
            let mut found: Vec<String> =
                all(&*store, &query, limit).await.iter().map(sort_key).collect();
            found.sort();
            assert_eq!(found, names, "{query:?} by {limit}");
        }
    }
}

async fn cursor_survives_deletion_of_its_item(Subject { store, .. }: Subject) {
    put(&*store, ["1", "2", "3"].map(|sk| item("a", sk, []))).await;
    let page = store.query(&partition("a", ""), 2, None).await.unwrap();
    store.write(vec![Write::Delete(key("a", "2"), Condition::Any)]).await.unwrap();
    // A cursor survives storage too.
    let stored = serde_json::to_string(&page.next.unwrap()).unwrap();
    let next: Cursor = serde_json::from_str(&stored).unwrap();
    let rest = store.query(&partition("a", ""), 2, Some(&next)).await.unwrap();
    assert_eq!(rest.items, [item("a", "3", [])]);
}

async fn foreign_cursor_is_refused(Subject { store, .. }: Subject) {
    put(&*store, ["1", "2"].map(|sk| item("a", sk, []))).await;
    let next = store.query(&partition("a", ""), 1, None).await.unwrap().next.unwrap();
    refused(store.query(&partition("b", ""), 1, Some(&next)).await);
    refused(store.query(&due("DUE", 1), 1, Some(&next)).await);
    refused(store.query(&partition("a", ""), 1, Some(&Cursor("nonsense".to_owned()))).await);
}

async fn page_size_zero_is_refused(Subject { store, .. }: Subject) {
    refused(store.query(&partition("a", ""), 0, None).await);
}

async fn page_ends_at_one_megabyte(Subject { store, .. }: Subject) {
    let body = text(&"x".repeat(300 * 1024));
    put(&*store, (0..9).map(|n| item("a", &n.to_string(), [("body", body.clone())]))).await;
    let page = store.query(&partition("a", ""), 9, None).await.unwrap();
    assert!((1..=4).contains(&page.items.len()), "{} items", page.items.len());
    assert_eq!(all(&*store, &partition("a", ""), 9).await.len(), 9);
}

async fn due_items_are_sorted_by_number(Subject { store, .. }: Subject) {
    let times = [("a", 10), ("b", 9), ("c", -3), ("d", 11), ("e", START), ("f", i64::MIN)];
    put(&*store, times.map(|(sk, at)| due_item(sk, at))).await;
    put(&*store, [item("items", "other", [("gsi1pk", text("DUE2")), ("gsi1sk", number(1))])]).await;
    assert_eq!(sort_keys(&*store, &due("DUE", 10)).await, ["f", "c", "b", "a"]);
    assert_eq!(sort_keys(&*store, &due("DUE", i64::MAX)).await, ["f", "c", "b", "a", "d", "e"]);
}

async fn listed_items_are_sorted_by_text(Subject { store, .. }: Subject) {
    put(
        &*store,
        [("1", "sales"), ("2", "it"), ("3", "sale"), ("4", "sal"), ("5", "zoo")]
            .map(|(sk, n)| listed_item(sk, n)),
    )
    .await;
    assert_eq!(sort_keys(&*store, &listed("LIST", "")).await, ["2", "4", "3", "1", "5"]);
    assert_eq!(sort_keys(&*store, &listed("LIST", "sale")).await, ["3", "1"]);
    assert_eq!(sort_keys(&*store, &listed("LIST2", "")).await, [""; 0]);
}

async fn index_requires_both_attributes(Subject { store, .. }: Subject) {
    put(
        &*store,
        [
            item("items", "1", [("gsi1pk", text("DUE"))]),
            item("items", "2", [("gsi2sk", text("x"))]),
        ],
    )
    .await;
    let one = key("items", "1");
    assert_eq!(sort_keys(&*store, &due("DUE", 10)).await, [""; 0]);
    store.update(&one, vec![Change::Set("gsi1sk", number(5))], Condition::Any).await.unwrap();
    assert_eq!(sort_keys(&*store, &due("DUE", 10)).await, ["1"]);
    store.update(&one, vec![Change::Add("gsi1sk", 6)], Condition::Any).await.unwrap();
    assert_eq!(sort_keys(&*store, &due("DUE", 10)).await, [""; 0]);
    assert_eq!(sort_keys(&*store, &due("DUE", 11)).await, ["1"]);
    store.update(&one, vec![Change::Remove("gsi1sk")], Condition::Any).await.unwrap();
    assert_eq!(sort_keys(&*store, &due("DUE", 11)).await, [""; 0]);
    put(&*store, [listed_item("2", "x")]).await;
    assert_eq!(sort_keys(&*store, &listed("LIST", "x")).await, ["2"]);
    store.write(vec![Write::Delete(key("items", "2"), Condition::Any)]).await.unwrap();
    assert_eq!(sort_keys(&*store, &listed("LIST", "x")).await, [""; 0]);
}

async fn index_has_only_keys_and_expiry(Subject { store, .. }: Subject) {
    let both = |name| {
        [
            ("gsi1pk", text("DUE")),
            ("gsi1sk", number(1)),
            ("gsi2pk", text("LIST")),
            ("gsi2sk", text(name)),
        ]
    };
    let mut whole = item("items", "1", both("x"));
    whole.insert("expires_at".to_owned(), number(START + 10));
    whole.insert("body".to_owned(), text("b"));
    put(&*store, [whole.clone()]).await;
    let ends = || ("expires_at", number(START + 10));
    let in_due = item("items", "1", [("gsi1pk", text("DUE")), ("gsi1sk", number(1)), ends()]);
    let in_list = item("items", "1", [("gsi2pk", text("LIST")), ("gsi2sk", text("x")), ends()]);
    assert_eq!(all(&*store, &due("DUE", 1), 10).await, [in_due]);
    assert_eq!(all(&*store, &listed("LIST", ""), 10).await, [in_list]);
    assert_eq!(all(&*store, &partition("items", ""), 10).await, [whole]);
}

async fn expired_item_is_in_no_query(Subject { store, clock }: Subject) {
    for (sk, end) in [("1", 10), ("2", 20), ("3", 10)] {
        let mut both = due_item(sk, 1);
        both.extend([("gsi2pk".to_owned(), text("LIST")), ("gsi2sk".to_owned(), text("x"))]);
        both.insert("expires_at".to_owned(), number(START + end));
        put(&*store, [both]).await;
    }
    clock.advance(std::time::Duration::from_secs(15));
    for query in [partition("items", ""), due("DUE", 1), listed("LIST", "x")] {
        for limit in [1, 10] {
            let found: Vec<String> =
                all(&*store, &query, limit).await.iter().map(sort_key).collect();
            assert_eq!(found, ["2"], "{query:?} by {limit}");
        }
    }
}
