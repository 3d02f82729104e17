//! A fresh sign-in with Microsoft for a purpose: who sits at the browser at this moment, as the connected directory says.
//!
//! # Guarantees
//! A proof is of the directory that is connected, of somebody who authenticated within the last minutes (not of a browser that Microsoft remembers), and counts for ten minutes,
//! in the session that asked for it. Nothing of the sign-in but who it was is kept, and nothing but that is asked for.

use domain::ids::{DirectoryId, GroupId, ObjectId, PersonId, TeamId};
use engine::credentials::registration::Registration;
use engine::credentials::tokens::MicrosoftApp;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::table::milliseconds;

use crate::answer::Answer;
use crate::connect;
use crate::failure::Failure;
use crate::flow::{Flow, Purpose};
use crate::incoming::Incoming;
use crate::oidc::Occasion;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// For how long a proof counts.
const COUNTS: SignedDuration = SignedDuration::from_mins(10);

/// A page that wants to know who sits there, and is returned to: an enumeration, so that no address from outside ever is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Asker {
    /// That of somebody in the person index.
    Person(PersonId),
    /// That of a team and the group that would be connected to it.
    Connecting(TeamId, GroupId),
}

impl Asker {
    /// Its path.
    fn path(self) -> String {
        match self {
            Self::Person(person) => format!("{}/{person}", Place::People.path()),
            Self::Connecting(team, group) => connect::path(team, group),
        }
    }

    /// Where it is found, should anything go wrong.
    pub(crate) fn place(self) -> Place {
        match self {
            Self::Person(_) => Place::People,
            Self::Connecting(..) => Place::Teams,
        }
    }
}

/// What somebody is in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rank {
    /// A Global Administrator or Privileged Role Administrator, by the token's `wids`.
    Administrator,
    /// Anybody.
    Anybody,
}

/// Somebody who proved to sit at this browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proof {
    directory: DirectoryId,
    pub(crate) person: ObjectId,
    /// The name that he signs in with.
    pub(crate) name: String,
    pub(crate) rank: Rank,
    #[serde(with = "milliseconds")]
    at: Timestamp,
}

impl Administrator {
    /// Who proved to sit at this browser, if it was just now and in the directory that is connected.
    pub(crate) fn proof(&self, now: Timestamp) -> Option<&Proof> {
        let directory = self.organization.directory.as_ref()?.id;
        self.session.proof.as_ref().filter(|proof| proof.directory == directory && proof.at + COUNTS > now)
    }
}

impl Oauth {
    /// Sends the browser to Microsoft so that somebody of the connected directory signs in, and back to the page that asks.
    pub(crate) async fn ask_for_proof(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        asker: Asker,
    ) -> Result<Answer, Failure> {
        let directory = administrator.organization.directory.as_ref().ok_or(Failure::NotConnected)?.id;
        let MicrosoftApp { client_id, .. } = self.tokens.microsoft_app(Registration::Groups).await?;
        let purpose = Purpose::Proof { directory, asker };
        let (flow, cookie) = self.begin(incoming, purpose, Some(&administrator.session)).await?;
        let url = self.microsoft_url(&client_id, &flow, Occasion::Proof(directory));
        self.onwards(administrator, "Microsoft", &url, cookie)
    }

    /// The way back: keeps who it was, and returns to the page that asked.
    pub(crate) async fn take_proof(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        flow: &Flow,
        (directory, asker): (DirectoryId, Asker),
    ) -> Result<Answer, Failure> {
        let (who, _) = self.signed_in_with_microsoft(incoming, flow, Occasion::Proof(directory)).await?;
        let connected = administrator.organization.directory.as_ref().ok_or(Failure::NotConnected)?;
        if who.directory != connected.id || who.directory != directory {
            return Err(Failure::AnotherDirectory { connected: connected.name.clone() });
        }
        let now = self.clock.now();
        if !who.is_fresh(now) {
            return Err(Failure::NotFresh);
        }
        let rank = if who.is_administrator() { Rank::Administrator } else { Rank::Anybody };
        let session = &administrator.session;
        tracing::info!(org = %session.org, directory = %who.directory, person = %who.person, ?rank, "somebody proved who he is");
        let proof = Proof { directory: who.directory, person: who.person, name: who.name, rank, at: now };
        session.set_proof(self.store.as_ref(), &proof).await?;
        Ok(Answer::see(asker.path()))
    }
}
