//! Number of requests that the table in memory received.

use std::ops::{AddAssign, Sub};

/// Number of requests by kind. Refused and failed requests count too, as they do on the bill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Reads of one item.
    pub gets: u64,
    /// Reads of up to 100 items by key.
    pub batch_gets: u64,
    /// Pages of queries.
    pub queries: u64,
    /// Items that all of these returned.
    pub items_read: u64,
    /// Puts, updates and deletes of one item.
    pub single_writes: u64,
    /// Transactions of any size.
    pub transactions: u64,
    /// Items in single writes and transactions.
    pub items_written: u64,
    /// Halves of read units by size: a strongly consistent read takes two for each 4 KB, an index
    /// query one.
    pub half_read_units: u64,
    /// Write units: one for each KB of an item, two in a transaction, and one for each index entry
    /// that is added, removed or changed.
    pub write_units: u64,
}

impl Requests {
    /// Returns the number of requests that read.
    pub fn reads(&self) -> u64 {
        self.gets + self.batch_gets + self.queries
    }

    /// Returns the number of requests that write.
    pub fn writes(&self) -> u64 {
        self.single_writes + self.transactions
    }
}

impl AddAssign for Requests {
    fn add_assign(&mut self, more: Self) {
        self.gets += more.gets;
        self.batch_gets += more.batch_gets;
        self.queries += more.queries;
        self.items_read += more.items_read;
        self.single_writes += more.single_writes;
        self.transactions += more.transactions;
        self.items_written += more.items_written;
        self.half_read_units += more.half_read_units;
        self.write_units += more.write_units;
    }
}

impl Sub for Requests {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            gets: self.gets - earlier.gets,
            batch_gets: self.batch_gets - earlier.batch_gets,
            queries: self.queries - earlier.queries,
            items_read: self.items_read - earlier.items_read,
            single_writes: self.single_writes - earlier.single_writes,
            transactions: self.transactions - earlier.transactions,
            items_written: self.items_written - earlier.items_written,
            half_read_units: self.half_read_units - earlier.half_read_units,
            write_units: self.write_units - earlier.write_units,
        }
    }
}
