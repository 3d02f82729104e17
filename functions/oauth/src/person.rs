//! One person, as both services show it at this moment. Where its object id moved from another account, an administrator of the directory confirms here whose it is.

use std::collections::BTreeMap;

use askama::Template;
use clients::graph::User;
use clients::http::Urgency;
use clients::webex::ScimUser;
use domain::ids::PersonId;
use engine::people::{By, Confirmation, Confirmed, Known, Moved, PersonIndex, object_of};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::proof::{Asker, Proof, Rank};
use crate::{Administrator, Oauth};

/// Said of a confirmation of something that is not so any more.
const OVERTAKEN: &str =
    "Things are not as they were when the page was shown, so nothing was confirmed. This is how they are now.";

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    known: &'a Known,
    message: Option<&'static str>,
    user: Option<&'a User>,
    moved: Option<Waiting<'a>>,
    confirmed: Option<Said>,
}

/// An id that moved, and waits for somebody who says whose it is.
struct Waiting<'a> {
    hash: String,
    before: Option<Known>,
    id_before: PersonId,
    /// Who proved to administer the directory.
    administrator: Option<&'a Proof>,
    /// Who proved to be somebody of the directory, which is not enough.
    anybody: Option<&'a Proof>,
}

/// Who said whose the id is.
struct Said {
    by: By,
    name: Option<String>,
    at: String,
}

/// Somebody as both services show it now.
pub(crate) struct Seen {
    pub(crate) account: ScimUser,
    /// The user whose object id the account bears.
    pub(crate) user: Option<User>,
}

impl Oauth {
    pub(crate) async fn person(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        person: PersonId,
    ) -> Result<Answer, Failure> {
        let seen = self.see(administrator, person).await?;
        let message = match incoming.query("did") {
            Some("confirmed") => Some("It is confirmed: the person takes part, and the person's teams are looked at."),
            _ => None,
        };
        self.person_page(administrator, &seen, (200, message)).await
    }

    async fn person_page(
        &self,
        administrator: &Administrator,
        seen: &Seen,
        (status, message): (u16, Option<&'static str>),
    ) -> Result<Answer, Failure> {
        let index = PersonIndex::new(self.store.as_ref(), administrator.organization.tenant);
        let person = seen.account.person;
        let known = index.people([person]).await?.remove(&person).ok_or(Failure::NoSuchPerson)?;
        let proof = administrator.proof(self.clock.now());
        let moved = match index.moved(person).await? {
            Some(moved) => Some(Waiting {
                hash: moved.hash(),
                before: index.people([moved.before]).await?.remove(&moved.before),
                id_before: moved.before,
                administrator: proof.filter(|proof| proof.rank == Rank::Administrator),
                anybody: proof.filter(|proof| proof.rank == Rank::Anybody),
            }),
            None => None,
        };
        let confirmed = match self.confirmed(&index, &known).await? {
            Some(Confirmed { by, at, .. }) => {
                let name = index.people([by.administrator]).await?.remove(&by.administrator).map(|known| known.name);
                Some(Said { by, name, at: date(at) })
            }
            None => None,
        };
        let page = PersonPage {
            shell: self.shell(administrator, Place::People),
            csrf: &administrator.session.csrf,
            known: &known,
            message,
            user: seen.user.as_ref(),
            moved,
            confirmed,
        };
        Ok(Answer::page(status, page.render()?))
    }

    /// What an administrator decides on the page of somebody.
    pub(crate) async fn decide_about_person(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        person: PersonId,
    ) -> Result<Answer, Failure> {
        match incoming.field("action") {
            Some("sign-in") => {
                self.see(administrator, person).await?;
                self.ask_for_proof(incoming, administrator, Asker::Person(person)).await
            }
            Some("confirm") => self.confirm(incoming, administrator, person).await,
            _ => Err(Failure::NotAForm),
        }
    }

    /// The account and the user of an object id that moved are the same person, if everything is as it was shown.
    async fn confirm(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        person: PersonId,
    ) -> Result<Answer, Failure> {
        let tenant = administrator.organization.tenant;
        let seen = self.see(administrator, person).await?;
        let now = self.clock.now();
        let Some(proof) = administrator.proof(now).filter(|proof| proof.rank == Rank::Administrator) else {
            let unproven = "Nothing was confirmed: sign in with Microsoft as an administrator of the directory first. It counts for ten minutes.";
            return self.person_page(administrator, &seen, (403, Some(unproven))).await;
        };
        let index = PersonIndex::new(self.store.as_ref(), tenant);
        let shown = |moved: &Moved| incoming.field("hash") == Some(&moved.hash());
        if let Some(moved) = index.moved(person).await?.filter(shown) {
            let by = By { administrator: administrator.session.person, microsoft: proof.person };
            let object = moved.pair.object;
            if index.confirm(moved, by, now).await? == Confirmation::Given {
                tracing::info!(%tenant, %person, %object, administrator = %by.administrator, microsoft = %by.microsoft, "an administrator confirmed whose an id is");
            }
        }
        let known = index.people([person]).await?.remove(&person).ok_or(Failure::NoSuchPerson)?;
        // Also if somebody else did it in this moment, or this is asked for once more since its answer was lost.
        if known.left_out().is_some() || self.confirmed(&index, &known).await?.is_none() {
            return self.person_page(administrator, &seen, (409, Some(OVERTAKEN))).await;
        }
        // As of now: what was read before the confirmation does not answer it.
        index.ask_for(self.queue.as_ref(), &[known], self.clock.now()).await?;
        Ok(Answer::see(format!("{}/{person}?did=confirmed", Place::People.path())))
    }

    /// Who confirmed that the id which somebody bears is that person's.
    async fn confirmed(&self, index: &PersonIndex<'_>, known: &Known) -> Result<Option<Confirmed>, Failure> {
        let Some(object) = known.object else { return Ok(None) };
        let confirmed = index.borne(object).await?.and_then(|bearers| bearers.confirmed);
        Ok(confirmed.filter(|confirmed| confirmed.person == known.person))
    }

    /// Reads somebody anew on both sides, and has the index learn it.
    async fn see(&self, administrator: &Administrator, person: PersonId) -> Result<Seen, Failure> {
        let organization = administrator.connected()?;
        let (tenant, org) = (organization.tenant, organization.org);
        let directory = organization.directory.as_ref().ok_or(Failure::NotConnected)?.id;
        let officer = organization.officer.as_ref().ok_or(Failure::NotConnected)?.person;
        let (deadline, now) = (self.deadline(), self.clock.now());
        let (webex, graph) =
            futures::try_join!(self.tokens.webex(tenant, officer, deadline), self.tokens.graph(directory, deadline))?;
        let (webex, graph) = (webex.urgent(Urgency::High), graph.urgent(Urgency::High));
        let index = PersonIndex::new(self.store.as_ref(), tenant);
        let Some(account) = self.webex.scim_user(&webex, org, person).await? else {
            index.forget(person, now).await?;
            return Err(Failure::NoSuchPerson);
        };
        let user = match object_of(&account) {
            Some(object) => self.graph.user(&graph, object).await?,
            None => None,
        };
        let users: BTreeMap<_, _> = object_of(&account).map(|object| (object, user.clone())).into_iter().collect();
        index.take_in::<Failure>(self.queue.as_ref(), std::slice::from_ref(&account), &users, now).await?;
        Ok(Seen { account, user })
    }
}
