//! The machine that measures, and the memory of this process, as Linux reports them.

use std::fmt::{Display, Formatter};
use std::fs::read_to_string;

use jiff::Timestamp;

/// Resident memory in KiB; 0 if the system does not report it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Current: `VmRSS`.
    pub now: u64,
    /// Peak so far: `VmHWM`.
    pub peak: u64,
}

impl Memory {
    /// Reads the memory of this process.
    pub fn of_this_process() -> Self {
        let status = read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |name| {
            let value = field(&status, name)?;
            value.split(' ').next()?.parse().ok()
        };
        Self { now: kib("VmRSS").unwrap_or_default(), peak: kib("VmHWM").unwrap_or_default() }
    }
}

impl Display for Memory {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} MiB (peak {} MiB)", self.now / 1024, self.peak / 1024)
    }
}

/// The day and the machine, for the line above a table of measurements.
pub fn where_and_when() -> String {
    let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = field(&info, "model name").unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("on {:.10} with {cores} cores ({processor})", Timestamp::now().to_string())
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}
