//! The state of a sign-in, which no table holds: anyone can begin one, so it must cost nothing.
//!
//! # Guarantees
//! The state names the page to open and its own end, under a code that only the browser's cookie
//! can make. So it counts in the browser that left, for ten minutes. It works once, because the
//! return takes the cookie away and Webex takes a code once.

use jiff::Timestamp;

use crate::auth::random;
use crate::http::page_id::Page;

/// The purpose of the code, among the secrets that derive from the cookie.
const PURPOSE: &str = "sign-in";

/// Returns the state of a sign-in in the browser with this cookie, until `end`.
pub(crate) fn issue(browser: &str, to: Page, end: Timestamp) -> Result<String, getrandom::Error> {
    // Random, so that two sign-ins of one browser differ.
    let said = format!("{}.{}.{}", random::token()?, end.as_second(), to.name());
    let code = random::derived(browser, PURPOSE, &said);
    Ok(format!("{said}.{code}"))
}

/// Returns the page of a state that this browser's cookie made, unless it has ended.
pub(crate) fn verify(state: &str, browser: &str, now: Timestamp) -> Option<Page> {
    let (said, code) = state.rsplit_once('.')?;
    // Before the parts are read: only what we made is worth reading.
    if !random::are_equal(code, &random::derived(browser, PURPOSE, said)) {
        return None;
    }
    let (_, end_and_page) = said.split_once('.')?;
    let (end, page) = end_and_page.split_once('.')?;
    let is_open = now.as_second() < end.parse().ok()?;
    is_open.then(|| Page::named(page))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn state_counts_in_its_browser_until_its_end() {
        for to in Page::ALL {
            let state = issue("browser", to, at(600)).unwrap();
            assert_eq!(verify(&state, "browser", at(599)), Some(to));
            assert_eq!(verify(&state, "browser", at(600)), None, "it has ended");
            assert_eq!(verify(&state, "another", at(0)), None);
        }
    }

    #[test]
    fn changed_state_is_none() {
        let state = issue("browser", Page::Home, at(600)).unwrap();
        for at_byte in 0..state.len() {
            let mut changed = state.clone().into_bytes();
            changed[at_byte] = if changed[at_byte] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(verify(&changed, "browser", at(0)), None, "{changed}");
        }
        for state in ["", ".", "...", "x.1.home.", &state[1..]] {
            assert_eq!(verify(state, "browser", at(0)), None, "{state}");
        }
    }
}
