//! Streams over all pages of a query, and lists that are read in parts.

use futures::stream::{BoxStream, StreamExt, TryStreamExt, iter, try_unfold};

use crate::table::{Cursor, Item, Query, Store, StoreError};

enum Resume {
    At(Option<Cursor>),
    End,
}

/// Returns the pages of a query one by one, each of at most `limit` items.
///
/// A page may be empty although more follow. A page is read when the stream is polled for it.
pub fn pages<'a>(
    store: &'a dyn Store,
    query: &'a Query,
    limit: usize,
) -> BoxStream<'a, Result<Vec<Item>, StoreError>> {
    let read = move |next| async move {
        let Resume::At(start) = next else { return Ok(None) };
        let page = store.query(query, limit, start.as_ref()).await?;
        // A full page can be the last, so only the cursor says if more follow.
        let next = page.next.map_or(Resume::End, |cursor| Resume::At(Some(cursor)));
        Ok(Some((page.items, next)))
    };
    try_unfold(Resume::At(None), read).boxed()
}

/// Returns the items of a query one by one, read in pages of at most `limit`.
pub fn items<'a>(
    store: &'a dyn Store,
    query: &'a Query,
    limit: usize,
) -> BoxStream<'a, Result<Item, StoreError>> {
    pages(store, query, limit).map_ok(|items| iter(items.into_iter().map(Ok))).try_flatten().boxed()
}

/// Returns all items of a query, read in pages of at most `limit`.
pub async fn all(store: &dyn Store, query: &Query, limit: usize) -> Result<Vec<Item>, StoreError> {
    pages(store, query, limit).try_concat().await
}

/// The end of a reading of [`up_to`], whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct UpTo {
    /// Enough entries.
    pub entries: usize,
    /// Most parts, because few entries of a part may match, and a request has to end in time.
    pub parts: usize,
}

/// Reads a list, part by part. Returns the entries, and the place where the list continues, or
/// `None` at its end.
///
/// `part` gets a place and the number of entries that are missing.
///
/// # Errors
/// Those of `part`.
pub async fn up_to<Place, T, Part>(
    end: UpTo,
    start: Place,
    part: impl Fn(Place, usize) -> Part,
) -> Result<(Vec<T>, Option<Place>), StoreError>
where
    Part: Future<Output = Result<(Vec<T>, Option<Place>), StoreError>>,
{
    let (mut entries, mut next) = (Vec::new(), Some(start));
    for _ in 0..end.parts {
        // A part can be empty although more follow, so only its place says if the list ends.
        let Some(place) = next.take_if(|_| entries.len() < end.entries) else { break };
        let (read, behind) = part(place, end.entries - entries.len()).await?;
        entries.extend(read);
        next = behind;
    }
    Ok((entries, next))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::clock::SimulatedClock;

    use super::*;
    use crate::table::memory::MemoryStore;
    use crate::table::{Change, Condition, Key};

    async fn store_of(count: usize) -> MemoryStore {
        let start = "2026-11-23T08:00:00Z".parse().unwrap();
        let store = MemoryStore::new(Arc::new(SimulatedClock::starting_at(start)));
        for n in 0..count {
            let key = Key::new("PARTITION", format!("{n:03}"));
            store.update(&key, vec![Change::Add("count", 1)], Condition::Any).await.unwrap();
        }
        store
    }

    fn query() -> Query {
        Query::Partition { pk: "PARTITION".into(), prefix: String::new() }
    }

    #[tokio::test]
    async fn all_reads_every_page_in_order() {
        for count in [0, 1, 2, 3, 7] {
            let store = store_of(count).await;
            let items = all(&store, &query(), 3).await.unwrap();
            let keys: Vec<String> = items.iter().map(|item| Key::of(item).unwrap().sk).collect();
            let expected: Vec<String> = (0..count).map(|n| format!("{n:03}")).collect();
            assert_eq!(keys, expected);
            assert_eq!(store.requests().queries, (count / 3 + 1) as u64);
        }
    }

    #[tokio::test]
    async fn items_reads_only_the_pages_asked_for() {
        let (store, query) = (store_of(7).await, query());
        let mut items = items(&store, &query, 3);
        for _ in 0..3 {
            items.try_next().await.unwrap().expect("seven items");
        }
        assert_eq!(store.requests().queries, 1);
        items.try_next().await.unwrap().expect("seven items");
        assert_eq!(store.requests().queries, 2);
    }

    #[tokio::test]
    async fn pages_end() {
        let (store, query) = (store_of(4).await, query());
        let sizes = pages(&store, &query, 3).map_ok(|page| page.len());
        assert_eq!(sizes.try_collect::<Vec<_>>().await, Ok(vec![3, 1]));
    }

    #[tokio::test]
    async fn up_to_stops_inside_a_list_and_continues_there() {
        let part = |at: usize, room: usize| async move {
            let entries: Vec<usize> = (at..8).take(room.min(3)).collect();
            let next = at + entries.len();
            Ok((entries, (next < 8).then_some(next)))
        };
        let end = |entries| UpTo { entries, parts: 9 };
        assert_eq!(up_to(end(5), 0, part).await, Ok((vec![0, 1, 2, 3, 4], Some(5))));
        assert_eq!(up_to(end(5), 5, part).await, Ok((vec![5, 6, 7], None)));
        assert_eq!(up_to(end(8), 0, part).await.unwrap().1, None);
        assert_eq!(up_to(end(0), 2, part).await, Ok((vec![], Some(2))));
        let one_part = UpTo { entries: 5, parts: 1 };
        assert_eq!(up_to(one_part, 0, part).await, Ok((vec![0, 1, 2], Some(3))));
        let empty_first = |is_first: bool, _| async move {
            Ok((if is_first { vec![] } else { vec![1] }, is_first.then_some(false)))
        };
        assert_eq!(up_to(end(1), true, empty_first).await, Ok((vec![1], None)));
    }
}
