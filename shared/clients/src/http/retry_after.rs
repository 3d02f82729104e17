//! `Retry-After` in all its forms.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the pause that a `Retry-After` header asks for, at most a day. Accepts an integer, a
/// decimal (Graph sends `2.128`) and an HTTP date. Returns `None` for anything else.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    parse(text.trim(), now).map(|pause| pause.min(MAX_PAUSE))
}

fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return Duration::try_from_secs_f64(text.parse().ok()?).ok();
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Duration> {
        let now = "2026-11-23T20:00:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers, now)
    }

    #[test]
    fn reads_integers_decimals_and_dates() {
        assert_eq!(read("30"), Some(Duration::from_secs(30)));
        assert_eq!(read("2.128"), Some(Duration::from_millis(2128)));
        assert_eq!(read("Mon, 23 Nov 2026 20:01:00 GMT"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn past_date_means_no_wait() {
        assert_eq!(read("Mon, 23 Nov 2026 19:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn other_texts_are_none() {
        for text in ["", "soon", "-5", "1e400", "12abc", "NaN", "inf"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn wait_is_at_most_a_day() {
        assert_eq!(read("9999999"), Some(MAX_PAUSE));
    }
}
