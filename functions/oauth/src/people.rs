//! Who is left out, and why.

use askama::Template;
use clients::graph::User;
use domain::membership::LeftOut;
use engine::people::{self, Census, Known, PersonIndex};
use store::table::{Cursor, StoreError};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::fix::Offer;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// People from which on a page is full; it ends with a query, and may have some more.
const SHOWN: usize = 50;

/// People that are read for one page of the list: whoever is asked for may be far between.
const READ: usize = 4000;

/// People of one query.
const PER_QUERY: usize = 50;

/// The reasons that the list can be narrowed to, with their names in the address and in words.
pub(crate) const REASONS: [(LeftOut, &str, &str); 7] = [
    (LeftOut::NotSynchronized, "not-synchronized", "No externalId"),
    (LeftOut::NoEntraUser, "no-entra-user", "Not found in Entra"),
    (LeftOut::NotSignedIn, "not-signed-in", "Never signed in"),
    (LeftOut::Inactive, "inactive", "Not active"),
    (LeftOut::Guest, "guest", "Guests"),
    (LeftOut::SharedObjectId, "shared", "The same externalId twice"),
    (LeftOut::MovedObjectId, "moved", "The externalId moved"),
];

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage<'a> {
    shell: Shell<'a>,
    /// What the list is narrowed to, by its name in the address.
    why: &'a str,
    rows: Vec<Row>,
    /// Where the list goes on.
    next: Option<String>,
    counted: Option<Counted>,
}

/// Somebody who is left out.
struct Row {
    known: Known,
    reason: LeftOut,
    offer: Option<Offer>,
}

impl Row {
    fn fix(&self) -> Option<&User> {
        match &self.offer {
            Some(Offer::Fix(user)) => Some(user),
            _ => None,
        }
    }

    fn borne(&self) -> Option<&User> {
        match &self.offer {
            Some(Offer::Borne(user)) => Some(user),
            _ => None,
        }
    }

    fn waits(&self) -> bool {
        self.reason == LeftOut::MovedObjectId
    }
}

/// How many there are, and when they were counted.
struct Counted {
    census: Census,
    at: String,
}

impl PeoplePage<'_> {
    fn fixes(&self) -> usize {
        self.rows.iter().filter(|row| row.fix().is_some()).count()
    }

    /// How many are left out for a reason, where it was counted.
    fn total(&self, reason: &LeftOut) -> Option<usize> {
        self.counted.as_ref().map(|counted| counted.census.of(*reason))
    }
}

impl Oauth {
    /// Whoever is left out, page by page.
    pub(crate) async fn people(&self, incoming: &Incoming, administrator: &Administrator) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        let asked = incoming.query("why").unwrap_or_default();
        let only = REASONS.into_iter().find(|(_, name, _)| *name == asked);
        let from = incoming.query("from").map(|from| Cursor(from.to_owned()));
        let read = self.left_out(administrator, only.map(|(reason, ..)| reason), from).await;
        let (people, next) = read.map_err(|error| Failure::of_list(error, incoming.query("from")))?;
        let why = only.map_or("", |(_, name, _)| name);
        let census = people::census(self.store.as_ref(), organization.tenant).await?;
        let mut offers = self.offers(administrator, &people).await?;
        let rows = people.into_iter().filter_map(|known| {
            let offer = offers.remove(&known.person);
            Some(Row { reason: known.left_out()?, known, offer })
        });
        let page = PeoplePage {
            shell: self.shell(administrator, Place::People),
            why,
            rows: rows.collect(),
            next: next.map(|next| format!("/people?why={why}&from={}", next.0)),
            counted: census.map(|of| Counted { at: date(of.at), census: of.census }),
        };
        Ok(Answer::page(200, page.render()?))
    }

    async fn left_out(
        &self,
        administrator: &Administrator,
        only: Option<LeftOut>,
        from: Option<Cursor>,
    ) -> Result<(Vec<Known>, Option<Cursor>), StoreError> {
        let index = PersonIndex::new(self.store.as_ref(), administrator.organization.tenant);
        let is_asked_for = |known: &Known| match known.left_out() {
            None | Some(LeftOut::NotAPerson) => false,
            reason => only.is_none() || reason == only,
        };
        let (mut rows, mut next, mut read) = (vec![], from, 0);
        loop {
            let (people, behind) = index.page(PER_QUERY, next.as_ref()).await?;
            read += people.len();
            rows.extend(people.into_iter().filter(is_asked_for));
            next = behind;
            if next.is_none() || rows.len() >= SHOWN || read >= READ {
                return Ok((rows, next));
            }
        }
    }
}
