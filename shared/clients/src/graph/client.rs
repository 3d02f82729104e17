//! The client, and its reading of listings.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{is_page_expired, read_refusal};
use crate::complete::Complete;
use crate::http::{
    Access, Answer, Api, Call, CallError, Caller, InvalidBaseUrl, Transport, UnreadableItem,
};
use crate::wire::RawItems;
use domain::clock::Clock;

/// Maximum number of restarts of a listing whose page the service forgot.
const RESTARTS: usize = 2;

/// Client of Microsoft Graph, version 1.0.
#[derive(Clone)]
pub struct Graph {
    pub(super) caller: Caller,
    /// Caller of SharePoint, by the same service with separate limits and refusals.
    pub(super) files: Caller,
}

/// Page of a listing.
#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) value: RawItems,
    // Strict: a link that cannot be read must not look like the end of the list.
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<String>,
}

/// Listing to read.
pub(super) struct Listing {
    /// Call of the first page.
    pub(super) call: Call,
    /// First page, if it was read already.
    pub(super) first: Option<Answer>,
    /// Treatment of items that cannot be read.
    pub(super) unreadable: UnreadableItem,
}

impl Listing {
    /// Returns a listing from which an absence can follow.
    pub(super) fn of_all(call: Call) -> Self {
        Self { call, first: None, unreadable: UnreadableItem::Fails }
    }

    /// Returns a listing whose unreadable items are skipped.
    pub(super) fn of_readable(call: Call) -> Self {
        Self { call, first: None, unreadable: UnreadableItem::IsSkipped }
    }

    /// Sets the first page, which was read already.
    pub(super) fn from(self, first: Answer) -> Self {
        Self { first: Some(first), ..self }
    }
}

impl Graph {
    /// Returns a client of Graph at `base` with the version, such as
    /// `https://graph.microsoft.com/v1.0`.
    pub fn new(
        base: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidBaseUrl> {
        let caller = |api| Caller::new(api, base, transport.clone(), clock.clone(), read_refusal);
        Ok(Self { caller: caller(Api::Graph)?, files: caller(Api::SharePoint)? })
    }

    /// Reads `listing` to its last page. Restarts at most twice if the service forgot a page
    /// (`Directory_ExpiredPageToken`).
    pub(super) async fn read_all_pages<T: DeserializeOwned>(
        &self,
        access: &Access,
        mut listing: Listing,
    ) -> Result<Complete<Vec<T>>, CallError> {
        for _ in 0..RESTARTS {
            // Only for the first try: the page that was read belongs to the expired list.
            let first = listing.first.take();
            match self.pages(access, first, &listing).await {
                // A page token lives for minutes. The list is read again from its start.
                Err(error) if is_page_expired(&error) => {}
                read => return read,
            }
        }
        self.pages(access, None, &listing).await
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        access: &Access,
        first: Option<Answer>,
        listing: &Listing,
    ) -> Result<Complete<Vec<T>>, CallError> {
        let mut answer = match first {
            Some(answer) => answer,
            None => self.caller.call(access, listing.call.clone()).await?,
        };
        let (mut all, mut followed) = (vec![], HashSet::new());
        loop {
            let page: Page = answer.json()?;
            all.append(&mut answer.items(&page.value, listing.unreadable)?);
            let Some(link) = page.next else { return Ok(Complete::new(all)) };
            answer = self.caller.call(access, listing.call.next_page(link.clone())).await?;
            // A circle would never end, and a list that is cut off proves no absence.
            if !followed.insert(link) {
                return Err(answer.unreadable("the pages link in a circle"));
            }
        }
    }
}
