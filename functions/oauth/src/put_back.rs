//! Something that was done to a team, whole; and putting its people back as they were before.

use std::collections::BTreeMap;

use askama::Template;
use domain::ids::TeamId;
use domain::membership::{Side, Sides, Standing};
use engine::activity::{self, Activity, EntryId};
use engine::link::{self, Kept, OnLink, Proposal, State, Who};
use engine::tenant::settings::{self, Running};

use crate::answer::Answer;
use crate::called::Called;
use crate::done::{caused_by, line};
use crate::failure::Failure;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// People that the page names; of further ones it says how many.
const SHOWN: usize = 500;

#[derive(Template)]
#[template(path = "put-back.html")]
struct DonePage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    kept: &'a Kept,
    entry: EntryId,
    message: Option<&'static str>,
    at: String,
    cause: &'static str,
    lines: Vec<String>,
    further_lines: usize,
    request_ids: Vec<String>,
    back: Back,
}

/// What putting back would do.
struct Back {
    hash: String,
    rows: Vec<(String, Sides<Standing>, Standing)>,
    further: usize,
    total: usize,
    left_out: Vec<String>,
    is_possible: Possible,
}

/// Whether anything can be put back now.
#[derive(PartialEq)]
enum Possible {
    Yes,
    Preview,
    NoGroup,
}

impl Oauth {
    /// What was done, and the people as they would be if they were put back.
    pub(crate) async fn done(
        &self,
        administrator: &Administrator,
        team: TeamId,
        entry: EntryId,
    ) -> Result<Answer, Failure> {
        let kept = self.kept(administrator, team).await?;
        self.done_page(administrator, &kept, entry, (200, None)).await
    }

    /// Puts people back as they were before, if that is still what was shown.
    pub(crate) async fn put_back(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
        entry: EntryId,
    ) -> Result<Answer, Failure> {
        let kept = self.kept(administrator, team).await?;
        let done = self.entry(administrator, team, entry).await?;
        let propose = |people: &BTreeMap<Who, OnLink>| Proposal::put_back(&done, people);
        match self.instruct(incoming, administrator, &kept, propose).await? {
            None => Ok(Answer::see(format!("{}/{team}?did=asked", Place::Teams.path()))),
            Some(refusal) => self.done_page(administrator, &kept, entry, (409, Some(refusal))).await,
        }
    }

    async fn done_page(
        &self,
        administrator: &Administrator,
        kept: &Kept,
        entry: EntryId,
        (status, message): (u16, Option<&'static str>),
    ) -> Result<Answer, Failure> {
        let (store, tenant, team) = (self.store.as_ref(), administrator.organization.tenant, kept.link.team);
        let done = self.entry(administrator, team, entry).await?;
        let proposal = Proposal::put_back(&done, &link::people(store, tenant, team).await?);
        let everybody = done.changes.iter().map(|change| Who::Person(change.person)).collect();
        let called = self.called(administrator, &everybody).await?;
        let is_possible = match settings::load(store, tenant).await?.0.running {
            _ if kept.link.group().is_none() || kept.link.state() == State::Ended => Possible::NoGroup,
            Running::Preview => Possible::Preview,
            Running::Live => Possible::Yes,
        };
        let name = |change: &engine::activity::PersonChange| called.who(Who::Person(change.person)).0;
        let changes = done.changes.iter().take(SHOWN).map(|change| line(change, &name(change)));
        let page = DonePage {
            shell: self.shell(administrator, Place::Teams),
            csrf: &administrator.session.csrf,
            kept,
            entry,
            message,
            at: date(done.at),
            cause: caused_by(done.cause),
            lines: done.notes.iter().cloned().chain(changes).collect(),
            further_lines: done.changes.len().saturating_sub(SHOWN),
            request_ids: done.request_ids,
            back: back(&proposal, &called, is_possible),
        };
        Ok(Answer::page(status, page.render()?))
    }

    async fn entry(&self, administrator: &Administrator, team: TeamId, entry: EntryId) -> Result<Activity, Failure> {
        let (store, tenant) = (self.store.as_ref(), administrator.organization.tenant);
        activity::entry(store, tenant, team, entry).await?.ok_or(Failure::NoSuchEntry)
    }
}

fn back(proposal: &Proposal, called: &Called, is_possible: Possible) -> Back {
    let mut rows: Vec<_> =
        proposal.people.iter().map(|(person, (is, to))| (called.who(Who::Person(*person)).0, *is, *to)).collect();
    rows.sort_by_cached_key(|(name, ..)| name.to_lowercase());
    rows.truncate(SHOWN);
    Back {
        hash: proposal.hash(),
        further: proposal.people.len() - rows.len(),
        total: proposal.people.len(),
        rows,
        left_out: proposal.left_out.iter().map(|person| called.who(Who::Person(*person)).0).collect(),
        is_possible,
    }
}
