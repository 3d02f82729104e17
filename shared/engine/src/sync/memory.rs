//! Room in memory for the people of runs that are side by side in one function.

use std::sync::atomic::{AtomicUsize, Ordering};

/// People for whom a function of 256 MB has room: about 2 KB each, and the pages they came in.
const MOST: usize = 50_000;

/// People of the runs that are in memory.
#[derive(Debug, Default)]
pub struct PeopleInMemory(AtomicUsize);

/// Room that a run has taken, until it is dropped.
pub(super) struct MemoryPlace<'a> {
    all: &'a PeopleInMemory,
    people: usize,
}

impl PeopleInMemory {
    /// Takes room for a run over so many people, or returns `None` while other runs have it. A run
    /// that is alone always has room.
    pub(super) fn take(&self, people: usize) -> Option<MemoryPlace<'_>> {
        let taken = |now: usize| (now == 0 || now + people <= MOST).then_some(now + people);
        // Only the number counts: no other memory depends on its order.
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).ok()?;
        Some(MemoryPlace { all: self, people })
    }
}

impl Drop for MemoryPlace<'_> {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.people, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_runs_come_one_after_the_other() {
        let all = PeopleInMemory::default();
        let first = all.take(40_000);
        assert!(first.is_some());
        assert!(all.take(40_000).is_none(), "two do not fit");
        let small: Vec<_> = (0..9).map(|_| all.take(1_000)).collect();
        assert!(small.iter().all(Option::is_some), "small ones do");
        drop(first);
        assert!(all.take(40_000).is_some());
    }

    #[test]
    fn run_larger_than_the_memory_comes_alone() {
        let all = PeopleInMemory::default();
        let place = all.take(10 * MOST);
        assert!(place.is_some() && all.take(1).is_none());
        drop(place);
        assert!(all.take(1).is_some());
    }
}
