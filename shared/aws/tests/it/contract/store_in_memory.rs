//! Tests of the in-memory table: counts and snapshot.

use store::table::memory::{MemoryStore, Requests};
use store::table::{Condition, Key, Query, Store, Write, to_value};

use super::START;
use super::store::{item, key, number, refused, text};

#[tokio::test]
async fn requests_and_items_are_counted() {
    let store = MemoryStore::new(super::clock());
    let puts = |n: usize| {
        (0..n).map(|n| Write::Put(item("a", &n.to_string(), []), Condition::Any)).collect()
    };
    store.write(puts(1)).await.unwrap();
    store.write(puts(3)).await.unwrap();
    store.write(vec![Write::Put(item("a", "0", []), Condition::Absent)]).await.unwrap_err();
    let before = store.requests();
    let counted = Requests {
        single_writes: 2,
        transactions: 1,
        items_written: 5,
        write_units: 8,
        ..Requests::default()
    };
    assert_eq!(before, counted);
    assert_eq!((before.reads(), before.writes()), (0, 3));

    store.get(&key("a", "0")).await.unwrap();
    store.get(&key("a", "9")).await.unwrap();
    let keys: Vec<Key> = (0..150).map(|n| key("a", &n.to_string())).collect();
    store.get_many(&keys).await.unwrap();
    store
        .query(&Query::Partition { pk: "a".to_owned(), prefix: String::new() }, 2, None)
        .await
        .unwrap();
    let requests = store.requests() - before;
    let counted = Requests {
        gets: 2,
        batch_gets: 2,
        queries: 1,
        items_read: 6,
        half_read_units: 2 * (2 + 150 + 1),
        ..Requests::default()
    };
    assert_eq!(requests, counted);
    assert_eq!((requests.reads(), requests.writes()), (5, 0));
}

/// DynamoDB Local answers such a query with an empty page.
#[tokio::test]
async fn query_with_a_long_key_is_refused() {
    let store = MemoryStore::new(super::clock());
    for (pk, prefix) in [("x".repeat(2049), "1".to_owned()), ("a".to_owned(), "x".repeat(1025))] {
        refused(store.query(&Query::Partition { pk, prefix }, 1, None).await);
    }
}

#[tokio::test]
async fn units_follow_size_and_index_entries() {
    let store = MemoryStore::new(super::clock());
    let write = async |write: Write| {
        let before = store.requests();
        store.write(vec![write]).await.unwrap();
        (store.requests() - before).write_units
    };
    let due = |at: i64, text: usize| {
        item(
            "a",
            "1",
            [
                ("gsi1pk", to_value(&"due").unwrap()),
                ("gsi1sk", number(at)),
                ("text", to_value(&"x".repeat(text)).unwrap()),
            ],
        )
    };
    assert_eq!(
        write(Write::Put(due(1, 2000), Condition::Any)).await,
        2 + 1,
        "two KB, and its index entry"
    );
    assert_eq!(write(Write::Put(due(1, 10), Condition::Any)).await, 2, "as much as the old item");
    assert_eq!(write(Write::Put(due(2, 10), Condition::Any)).await, 1 + 2, "the index entry moves");
    assert_eq!(
        store.size(),
        100 + "pka".len()
            + "sk1".len()
            + "gsi1pkdue".len()
            + "gsi1sk".len()
            + 2
            + "text".len()
            + 10
    );
    let read = store.requests();
    store.query(&Query::Due { pk: "due".to_owned(), at_most: 9 }, 10, None).await.unwrap();
    assert_eq!((store.requests() - read).half_read_units, 1);
    assert_eq!(write(Write::Delete(key("a", "1"), Condition::Any)).await, 1 + 1);
}

#[tokio::test]
async fn snapshot_includes_expired_items() {
    let store = MemoryStore::new(super::clock());
    let past = item("a", "1", [("expires_at", number(START - 1))]);
    store.write(vec![Write::Put(past.clone(), Condition::Any)]).await.unwrap();
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), None);
    assert_eq!(store.snapshot().into_iter().collect::<Vec<_>>(), [(key("a", "1"), past)]);
}

/// DynamoDB Local does not count the bytes of a transaction.
#[tokio::test]
async fn transaction_has_at_most_four_megabytes() {
    let store = MemoryStore::new(super::clock());
    let body = "x".repeat(390 * 1024);
    let put =
        |n: usize| Write::Put(item("a", &n.to_string(), [("body", text(&body))]), Condition::Any);
    store.write((0..10).map(put).collect()).await.unwrap();
    refused(store.write((0..11).map(put).collect()).await);
    // What a condition reads or a deletion removes counts, too.
    let check = |n: usize| Write::Check(key("a", &n.to_string()), Condition::Any);
    let delete = |n: usize| Write::Delete(key("a", &n.to_string()), Condition::Any);
    let others = (0..5).map(check).chain((5..10).map(delete));
    refused(store.write(others.chain([put(10)]).collect()).await);
    assert!(store.get(&key("a", "9")).await.unwrap().is_some());
}
