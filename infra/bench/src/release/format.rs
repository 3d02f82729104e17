//! Figures of the tables.

use std::time::Duration;

/// The percentile of sorted durations.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(at).copied().unwrap_or_default()
}

/// p50 and p99 of sorted durations.
pub(super) fn p50_p99(sorted: &[Duration]) -> String {
    let [p50, p99] = [50, 99].map(|percent| milliseconds(percentile(sorted, percent)));
    format!("{p50}, {p99}")
}

/// `1.25 ms`.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
