//! `Retry-After` in all its forms.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a `Retry-After` header asks to wait: an integer, a decimal (Graph sends `2.128`) or an HTTP date. At most a day; `None` for anything else.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    parse(text.trim(), now).map(|pause| pause.min(LONGEST))
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
    fn integers_decimals_and_dates_are_understood() {
        assert_eq!(read("30"), Some(Duration::from_secs(30)));
        assert_eq!(read("2.128"), Some(Duration::from_millis(2128)));
        assert_eq!(read("Mon, 23 Nov 2026 20:01:00 GMT"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_date_that_has_passed_asks_for_no_wait() {
        assert_eq!(read("Mon, 23 Nov 2026 19:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_says_nothing() {
        for text in ["", "soon", "-5", "1e400", "12abc", "NaN", "inf"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn nobody_waits_longer_than_a_day() {
        assert_eq!(read("9999999"), Some(LONGEST));
    }
}
