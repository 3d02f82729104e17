//! The client, and its reading of listings.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{is_page_expired, read_refusal};
use crate::complete::Complete;
use crate::http::{Access, Api, Call, CallError, Caller, InvalidBaseUrl, Transport};
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
pub(super) struct Page<T> {
    pub(super) value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<String>,
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

    /// Reads `listing` to its last page, from `first` if it was read already. Restarts at most
    /// twice if the service forgot a page (`Directory_ExpiredPageToken`).
    pub(super) async fn read_all_pages<T: DeserializeOwned>(
        &self,
        access: &Access,
        mut first: Option<Page<T>>,
        listing: &Call,
    ) -> Result<Complete<Vec<T>>, CallError> {
        for _ in 0..RESTARTS {
            match self.pages(access, first.take(), listing).await {
                Err(error) if is_page_expired(&error) => {}
                read => return read,
            }
        }
        self.pages(access, first, listing).await
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        access: &Access,
        first: Option<Page<T>>,
        listing: &Call,
    ) -> Result<Complete<Vec<T>>, CallError> {
        let mut page = match first {
            Some(page) => page,
            None => self.caller.call(access, listing.clone()).await?.json()?,
        };
        let mut all = page.value;
        let mut followed = HashSet::new();
        while let Some(link) = page.next {
            let answer = self.caller.call(access, Call::follow(link.clone())).await?;
            if !followed.insert(link) {
                return Err(answer.unreadable("the pages link in a circle"));
            }
            page = answer.json()?;
            all.append(&mut page.value);
        }
        Ok(Complete::new(all))
    }
}
