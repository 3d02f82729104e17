//! `Retry-After` in all its forms.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

// A wrong date must not stop a tenant for years.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the pause that a `Retry-After` header asks for, at most a day. Accepts an integer, a
/// decimal (Graph sends `2.128`) and an HTTP date. Returns `None` for anything else.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    parse(text.trim(), now).map(|pause| pause.min(MAX_PAUSE))
}

fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    // Only then a number: it would be read from `inf` and `NaN`, too.
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return Duration::try_from_secs_f64(text.parse().ok()?).ok();
    }
    let pause = date(text)?.duration_since(now);
    // A date in the past asks for no wait, and no duration is negative.
    Some(Duration::try_from(pause).unwrap_or(Duration::ZERO))
}

/// Reads an HTTP date in one of its three forms.
/// <https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats>
fn date(text: &str) -> Option<Timestamp> {
    if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
        return Some(date.timestamp());
    }
    // RFC 9110 requires recipients to accept both, though no one should send them.
    let obsolete = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let date = obsolete.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
    TimeZone::UTC.to_timestamp(date).ok()
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
        for date in [
            "Mon, 23 Nov 2026 20:01:00 GMT",
            "Monday, 23-Nov-26 20:01:00 GMT",
            "Mon Nov 23 20:01:00 2026",
        ] {
            assert_eq!(read(date), Some(Duration::from_secs(60)), "{date}");
        }
    }

    #[test]
    fn past_date_means_no_wait() {
        assert_eq!(read("Mon, 23 Nov 2026 19:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn other_texts_are_none() {
        for text in ["", "soon", "-5", "1e400", "12abc", "NaN", "inf", "1, 2", "Monday"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn wait_is_at_most_a_day() {
        assert_eq!(read("9999999"), Some(MAX_PAUSE));
    }
}
