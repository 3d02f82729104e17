//! `GET /v1/authorize`: somebody signs in, sees what the integration asks for, and accepts or declines; the browser goes back with a code or an error.
//!
//! Whatever is wrong with `client_id` or `redirect_uri` is shown on a page, since nobody knows then that the address is the integration's. All else goes
//! back there as `error`.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ids::{OrgId, PersonId};
use jiff::Timestamp;
use url::Url;

use super::{Account, AccountStatus, AdminRole, UserType};
use crate::browser::{self, Brand, Choice, Choices, Question};
use crate::pkce::Challenge;
use crate::wire::{Answer, Outcome, Request};
use crate::world::{State, World, secret};

const CODE_LIFE: Duration = Duration::from_secs(600);

/// A code on its way back through somebody's browser.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) person: PersonId,
    pub(super) scopes: BTreeSet<String>,
    /// As it was spelt.
    pub(super) redirect: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) until: Timestamp,
}

/// An integration's request that is in order.
struct Wish {
    scopes: BTreeSet<String>,
    challenge: Option<Challenge>,
}

impl State {
    pub(super) fn authorize(&mut self, call: &Request) -> Outcome {
        let target = self.registered_target(call)?;
        let wish = self.wish(call).map_err(|(error, text)| back(call, &target, error, text))?;
        let chosen = if call.method == http::Method::POST { call.form("account") } else { None };
        let Some(chosen) = chosen else {
            return Ok(browser::sign_in(Brand::Webex, "the integration", &self.choices()));
        };
        let unknown = || browser::refusal(Brand::Webex, "There is no such account, or it cannot sign in.");
        let person = self.account_named(&chosen).ok_or_else(unknown)?;
        match call.form("decision").as_deref() {
            Some("accept") => {
                let code = secret(&mut self.rng);
                let until = self.now + CODE_LIFE;
                let redirect = call.query("redirect_uri").unwrap_or_default().to_owned();
                let Wish { scopes, challenge } = wish;
                let answer = Answer::redirect(&target, &[("code", Some(&code)), ("state", call.query("state"))]);
                self.webex.codes.insert(code, Code { person, scopes, redirect, challenge, until });
                Ok(answer)
            }
            Some("decline") => {
                let text = "The resource owner or authorization server denied the request.";
                Ok(back(call, &target, "access_denied", text))
            }
            _ => {
                let account = self.choice(person).ok_or_else(unknown)?;
                let items = wish.scopes.into_iter().collect();
                let lead = "The integration would like to act for you, with these scopes:";
                Ok(browser::consent(Brand::Webex, &Question { title: "Grant access?", account, lead, items }))
            }
        }
    }

    /// Where the answer may go.
    fn registered_target(&self, call: &Request) -> Result<Url, Answer> {
        if call.query("client_id") != Some(&self.webex.app.client_id) {
            return Err(browser::refusal(Brand::Webex, "Invalid request: the client_id is missing or unknown."));
        }
        let registered = call.query("redirect_uri").filter(|uri| self.webex.redirects.contains(*uri));
        registered.and_then(|uri| Url::parse(uri).ok()).ok_or_else(|| {
            let text =
                "Invalid request: the redirect_uri is missing or is none of those registered for the integration.";
            browser::refusal(Brand::Webex, text)
        })
    }

    fn wish(&self, call: &Request) -> Result<Wish, (&'static str, &'static str)> {
        if call.query("response_type") != Some("code") {
            return Err(("unsupported_response_type", "The response type is not supported."));
        }
        let scopes: BTreeSet<String> =
            call.query("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        if scopes.is_empty() || !scopes.is_subset(&self.webex.offered) {
            return Err(("invalid_scope", "The requested scope is invalid."));
        }
        let challenge = Challenge::of(call).map_err(|_| ("invalid_request", "The code challenge is not valid."))?;
        Ok(Wish { scopes, challenge })
    }

    /// By id, or by mail address.
    fn account_named(&self, name: &str) -> Option<PersonId> {
        let named = self
            .webex
            .accounts
            .iter()
            .find(|(person, account)| person.to_string() == name || account.email.eq_ignore_ascii_case(name));
        named.map(|(person, _)| *person).filter(|person| self.can_sign_in(*person))
    }

    /// Bots and devices have no one who could.
    pub(super) fn can_sign_in(&self, person: PersonId) -> bool {
        self.webex.accounts.get(&person).is_some_and(|account| {
            account.active && account.user_type == UserType::User && account.status == AccountStatus::Active
        })
    }

    fn choice(&self, person: PersonId) -> Option<Choice> {
        let account = self.webex.accounts.get(&person)?;
        Some(Choice { id: person.0, label: label(account) })
    }

    /// Everybody who can sign in, by organization; who has a role comes first.
    fn choices(&self) -> Vec<Choices> {
        let of = |org: OrgId| {
            let mut people: Vec<(&PersonId, &Account)> = self.webex.accounts.iter().collect();
            people.retain(|(person, account)| account.org == org && self.can_sign_in(**person));
            people.sort_by_key(|(_, account)| (account.roles.is_empty(), &account.name));
            people.iter().map(|(person, account)| Choice { id: person.0, label: label(account) }).collect()
        };
        self.webex.orgs.iter().map(|(id, org)| Choices { of: org.name.clone(), accounts: of(*id) }).collect()
    }
}

fn label(account: &Account) -> String {
    let roles = account.roles.iter().map(|role| match role {
        AdminRole::ComplianceOfficer => "compliance officer",
        AdminRole::ReadOnlyAdmin => "read-only administrator",
        AdminRole::FullAdmin => "full administrator",
    });
    let parts: Vec<&str> = [account.name.as_str(), account.email.as_str()].into_iter().chain(roles).collect();
    parts.join(" · ")
}

fn back(call: &Request, target: &Url, error: &str, text: &str) -> Answer {
    let parameters = [("error", Some(error)), ("error_description", Some(text)), ("state", call.query("state"))];
    Answer::redirect(target, &parameters)
}

impl World {
    /// The integration's registration lets codes go to this address, spelt exactly so.
    pub fn register_webex_redirect(&self, uri: &str) {
        self.lock().webex.redirects.insert(uri.into());
    }

    /// Ticks exactly these scopes in the integration's registration; at first they are all that the integration asks anybody for.
    pub fn set_webex_scopes(&self, scopes: &[&str]) {
        self.lock().webex.offered = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    }
}
