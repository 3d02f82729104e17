//! Lists, read to their last page.

use std::collections::HashSet;

use http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Webex;
use crate::complete::Complete;
use crate::http::{Access, Answer, Call, CallError, UnreadableItem};
use crate::wire::RawItems;

/// Requested page size. Webex can silently return fewer.
pub(super) const PAGE: &str = "1000";

#[derive(Deserialize)]
struct Page {
    items: RawItems,
}

/// Reading of a list's items: converts one, drops it with `None`, or says why it cannot be used.
pub(super) struct Items<F> {
    pub(super) read: F,
    /// Treatment of items that cannot be used.
    pub(super) unreadable: UnreadableItem,
}

/// Returns the reading of a list from which an absence can follow.
pub(super) fn every<F>(read: F) -> Items<F> {
    Items { read, unreadable: UnreadableItem::Fails }
}

/// Returns the reading of a list whose unusable items are skipped.
pub(super) fn readable<F>(read: F) -> Items<F> {
    Items { read, unreadable: UnreadableItem::IsSkipped }
}

impl Webex {
    /// Reads a list to its end.
    pub(super) async fn list<W: DeserializeOwned, T>(
        &self,
        access: &Access,
        first: Call,
        items: &Items<impl Fn(W) -> Result<Option<T>, &'static str>>,
    ) -> Result<Complete<Vec<T>>, CallError> {
        let mut list = vec![];
        let mut followed = HashSet::new();
        let mut call = first.clone();
        loop {
            let (answer, page, link) = self.page(access, call, items).await?;
            list.extend(page);
            let Some(link) = link else {
                return Ok(Complete::new(list));
            };
            // A circle would never end, and a list that is cut off proves no absence.
            if !followed.insert(link.clone()) {
                return Err(answer.unreadable("the pages link in a circle"));
            }
            call = first.next_page(link);
        }
    }

    /// Reads one page of a list, and returns the link to the next one.
    pub(super) async fn page<W: DeserializeOwned, T>(
        &self,
        access: &Access,
        call: Call,
        items: &Items<impl Fn(W) -> Result<Option<T>, &'static str>>,
    ) -> Result<(Answer, Vec<T>, Option<String>), CallError> {
        let answer = self.0.call(access, call).await?;
        // An empty page can have a next one. Only the link shows the end of the list.
        let page: Page = answer.json()?;
        let read = answer.read_items(&page.items, items.unreadable, &items.read)?;
        let link = next(&answer.headers).map_err(|why| answer.unreadable(why))?;
        Ok((answer, read, link))
    }
}

/// Returns the link to the next page, from RFC 8288's `Link: <url>; rel="next", ...`.
fn next(headers: &HeaderMap) -> Result<Option<String>, &'static str> {
    const UNREADABLE: &str = "unreadable Link header";
    for value in headers.get_all(header::LINK) {
        // A link that cannot be read must not look like the end of the list.
        let mut rest = value.to_str().map_err(|_| UNREADABLE)?.trim();
        while !rest.is_empty() {
            let (url, after) =
                rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or(UNREADABLE)?;
            // A comma in quotes would end the link here, but no relation of Webex's has one.
            let (parameters, others) = after.split_once(',').unwrap_or((after, ""));
            if parameters.split(';').any(is_next) {
                return Ok(Some(url.into()));
            }
            rest = others.trim_start();
        }
    }
    Ok(None)
}

fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .trim()
                .trim_matches('"')
                .split_whitespace()
                .any(|relation| relation.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(links: &[&str]) -> Result<Option<String>, &'static str> {
        next(&links.iter().map(|link| (header::LINK, link.parse().unwrap())).collect())
    }

    #[test]
    fn next_page_is_found_among_links() {
        let found = Ok(Some("https://h/v1/x?a=1,2;b".to_owned()));
        assert_eq!(read(&[r#"<https://h/v1/x?a=1,2;b>; rel="next""#]), found);
        assert_eq!(read(&["<https://h/v1/x?a=1,2;b>;rel=next"]), found);
        assert_eq!(
            read(&[
                r#"<https://h/1>; rel="prev", <https://h/v1/x?a=1,2;b>; title=x; Rel="last next""#
            ]),
            found
        );
        assert_eq!(
            read(&[r#"<https://h/1>; rel="first""#, r#"<https://h/v1/x?a=1,2;b>; rel="next""#]),
            found
        );
    }

    #[test]
    fn other_links_are_no_next_page() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(
            read(&[r#"<https://h/1>; rel="prev""#, r#"<https://h/next>; title="next""#]),
            Ok(None)
        );
    }

    #[test]
    fn unreadable_header_is_an_error() {
        assert!(read(&[r#"https://h/2; rel="next""#]).is_err());
        assert!(read(&[r#"<https://h/2; rel="next""#]).is_err());
    }
}
