//! Connecting Webex: the account that acts in the organization's name.

use std::collections::BTreeSet;

use askama::Template;
use clients::http::{Access, CallError, Deadline};
use clients::webex::{Account, ScimOrder, TokenPair};
use engine::offboard;
use engine::reconcile;
use engine::tenant::organization::{self, Officer};
use engine::tenant::settings::OfficerStanding;
use jiff::SignedDuration;
use store::table::StoreError;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::flow::{Intent, Purpose};
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// What the account grants wherever it stands: to see what happens, to manage who is in a team, to read people, to ask creators.
const ALWAYS: [&str; 11] = [
    "spark-compliance:events_read",
    "spark-compliance:teams_read",
    "spark-compliance:rooms_read",
    "spark-compliance:memberships_read",
    "spark-compliance:memberships_write",
    "spark-compliance:team_memberships_read",
    "identity:people_read",
    "spark:kms",
    "spark:people_read",
    "spark:messages_read",
    "spark:messages_write",
];

/// What it grants besides as a moderator of the teams: to hear of changes at once, to rename, to link folders.
const INSIDE: [&str; 7] = [
    "spark:rooms_read",
    "spark:rooms_write",
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:teams_read",
    "spark:teams_write",
    "spark:team_memberships_write",
];

/// The scopes that an account with this standing grants.
pub(crate) fn scopes(standing: OfficerStanding) -> Vec<&'static str> {
    let inside = match standing {
        OfficerStanding::Inside => &INSIDE[..],
        OfficerStanding::Outside => &[],
    };
    ALWAYS.into_iter().chain(inside.iter().copied()).collect()
}

/// Which of the scopes that a standing takes were not granted. Where Webex did not say what it granted, the probes decide.
pub(crate) fn missing(standing: OfficerStanding, granted: &[String]) -> Vec<String> {
    let granted: BTreeSet<&str> = granted.iter().map(String::as_str).collect();
    let wanted = scopes(standing).into_iter().filter(|_| !granted.is_empty());
    wanted.filter(|scope| !granted.contains(scope)).map(Into::into).collect()
}

#[derive(Template)]
#[template(path = "webex.html")]
struct OfficerPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    officer: Option<&'a Officer>,
    is_inside: bool,
    /// Whether the signed-in administrator is the account himself.
    is_own: bool,
}

impl Oauth {
    pub(crate) fn officer_page(&self, administrator: &Administrator) -> Result<Answer, Failure> {
        let officer = administrator.organization.officer.as_ref();
        let page = OfficerPage {
            shell: self.shell(administrator, Place::Webex),
            csrf: &administrator.session.csrf,
            officer,
            is_inside: officer.is_none_or(|officer| officer.standing == OfficerStanding::Inside),
            is_own: officer.is_some_and(|officer| officer.person == administrator.session.person),
        };
        Ok(Answer::page(200, page.render()?))
    }

    /// Sends the browser to Webex so that the account grants what it takes.
    pub(crate) async fn connect_webex(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let standing = match incoming.field("standing") {
            Some("outside") => OfficerStanding::Outside,
            _ => OfficerStanding::Inside,
        };
        let intent = match incoming.field("intent") {
            Some("replace") => Intent::Replace,
            _ => Intent::Connect,
        };
        let purpose = Purpose::Officer { standing, intent };
        let (flow, cookie) = self.begin(incoming, purpose, Some(&administrator.session)).await?;
        let url = self.webex_url(&flow, &scopes(standing)).await?;
        self.onwards(administrator, "Webex", &url, cookie)
    }

    /// Stores the account's pair, if it is an account of this organization that can do the work.
    pub(crate) async fn take_officer(
        &self,
        administrator: &Administrator,
        (standing, intent): (OfficerStanding, Intent),
        pair: TokenPair,
        account: Account,
        deadline: Deadline,
    ) -> Result<Answer, Failure> {
        let organization = &administrator.organization;
        if account.org != Some(organization.org) {
            return Err(Failure::OfficerOfAnotherOrganization);
        }
        if let Some(connected) = &organization.officer
            && connected.person != account.id.id
            && intent == Intent::Connect
        {
            return Err(Failure::AnotherOfficer { connected: connected.name.clone() });
        }
        let granted: Vec<String> = pair.scope.split_whitespace().map(Into::into).collect();
        let missing = missing(standing, &granted);
        if !missing.is_empty() {
            return Err(Failure::ScopesMissing { missing });
        }
        let access = Access::with_token(pair.access.clone(), deadline);
        self.probe(&access, administrator).await?;
        let officer = Officer {
            person: account.id.id,
            region: account.id.region,
            name: account.name.or_else(|| account.emails.into_iter().next()).unwrap_or_default(),
            scopes: granted,
            standing,
            since: self.clock.now(),
        };
        let store = self.store.as_ref();
        // Whatever was left of an earlier leaving must not take the new tokens along.
        match offboard::stop(store, organization.tenant).await {
            Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Place::Webex)),
            stopped => stopped?,
        }
        self.tokens.keep(organization.tenant, pair).await?;
        match organization::set_officer(store, organization, &officer).await {
            Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Place::Webex)),
            set => set?,
        }
        reconcile::do_everything_next(store, organization.tenant).await?;
        if organization.directory.is_some()
            && organization.officer.as_ref().is_some_and(|before| before.person != officer.person)
        {
            reconcile::look_at_every_link(store, organization.tenant, officer.since).await?;
        }
        tracing::info!(org = %organization.org, tenant = %organization.tenant, officer = %officer.person, "webex connected");
        Ok(Answer::see(Place::Home.path()))
    }

    /// Has Webex show that the account holds both roles: the organization's events, and a page of its people.
    pub(crate) async fn probe(&self, access: &Access, administrator: &Administrator) -> Result<(), Failure> {
        let (events, people) = futures::join!(self.probe_events(access), self.probe_people(access, administrator));
        if is_refused(&events) {
            return Err(Failure::NotAComplianceOfficer);
        }
        if is_refused(&people) {
            return Err(Failure::NotAReadOnlyAdministrator);
        }
        events?;
        people?;
        Ok(())
    }

    pub(crate) async fn probe_events(&self, access: &Access) -> Result<(), CallError> {
        let now = self.clock.now();
        let window = SignedDuration::from_mins(1);
        self.webex.membership_events(access, None, now - window, now).await.map(drop)
    }

    async fn probe_people(&self, access: &Access, administrator: &Administrator) -> Result<(), CallError> {
        self.webex.scim_page(access, administrator.organization.org, 1, 1, ScimOrder::ById).await.map(drop)
    }
}

/// Whether the service says that this account may not.
pub(crate) fn is_refused<T>(answer: &Result<T, CallError>) -> bool {
    matches!(answer, Err(error) if matches!(error.status(), Some(401 | 403 | 404)))
}
