//! How much memory this process holds, and what machine it runs on, as Linux tells it.

use std::fmt::{Display, Formatter};
use std::fs::read_to_string;

/// Resident memory in KiB; 0 where the system does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Now: `VmRSS`.
    pub now: u64,
    /// At most so far: `VmHWM`.
    pub most: u64,
}

impl Memory {
    /// What this process holds.
    pub fn held() -> Self {
        let status = read_to_string("/proc/self/status").unwrap_or_default();
        let of =
            |name| field(&status, name).and_then(|value| value.split(' ').next()?.parse().ok()).unwrap_or_default();
        Self { now: of("VmRSS"), most: of("VmHWM") }
    }
}

impl Display for Memory {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} MiB (at most {} so far)", self.now / 1024, self.most / 1024)
    }
}

/// The processor, and how many cores there are.
pub(super) fn machine() -> (String, usize) {
    let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = field(&info, "model name").unwrap_or("processor unknown").to_owned();
    (processor, std::thread::available_parallelism().map_or(1, usize::from))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}
