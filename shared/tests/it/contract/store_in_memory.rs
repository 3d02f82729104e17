//! What only the table in memory can tell.

use shared::store::memory::{MemoryStore, Requests};
use shared::store::{Condition, Key, Query, Store, Write};

use super::START;
use super::store::{item, key, number};

#[tokio::test]
async fn requests_and_their_items_are_counted() {
    let store = MemoryStore::new(super::clock());
    let puts = |n: usize| (0..n).map(|n| Write::Put(item("a", &n.to_string(), []), Condition::Any)).collect();
    store.write(puts(1)).await.unwrap();
    store.write(puts(3)).await.unwrap();
    store.write(vec![Write::Put(item("a", "0", []), Condition::Absent)]).await.unwrap_err();
    let before = store.requests();
    assert_eq!(before, Requests { single_writes: 2, transactions: 1, items_written: 5, ..Requests::default() });
    assert_eq!((before.reads(), before.writes()), (0, 3));

    store.get(&key("a", "0")).await.unwrap();
    store.get(&key("a", "9")).await.unwrap();
    let keys: Vec<Key> = (0..150).map(|n| key("a", &n.to_string())).collect();
    store.get_many(&keys).await.unwrap();
    store.query(&Query::Partition { pk: "a".to_owned(), prefix: String::new() }, 2, None).await.unwrap();
    let asked = store.requests() - before;
    assert_eq!(asked, Requests { gets: 2, batch_gets: 2, queries: 1, items_read: 6, ..Requests::default() });
    assert_eq!((asked.reads(), asked.writes()), (5, 0));
}

#[tokio::test]
async fn a_snapshot_has_expired_items_too() {
    let store = MemoryStore::new(super::clock());
    let past = item("a", "1", [("expires_at", number(START - 1))]);
    store.write(vec![Write::Put(past.clone(), Condition::Any)]).await.unwrap();
    assert_eq!(store.get(&key("a", "1")).await.unwrap(), None);
    assert_eq!(store.snapshot().into_iter().collect::<Vec<_>>(), [(key("a", "1"), past)]);
}
