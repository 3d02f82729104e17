//! `GET /v1/authorize`: a person signs in, sees the requested scopes, and accepts or declines. The
//! browser returns with a code or an error.
//!
//! A wrong `client_id` or `redirect_uri` is shown on a page, since the address may not be the
//! integration's. Other errors go back there as `error`.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ids::{OrgId, PersonId};
use url::Url;

use crate::browser::{self, Brand, Choice, Choices, Question};
use crate::generate::secret;
use crate::pkce::Challenge;
use crate::state::State;
use crate::state::webex::{Account, AccountStatus, AdminRole, Code, UserType};
use crate::wire::{Outcome, Request, Response};

const CODE_LIFE: Duration = Duration::from_secs(600);

/// A valid request of the integration.
struct CodeRequest {
    scopes: BTreeSet<String>,
    challenge: Option<Challenge>,
}

pub(super) fn authorize(state: &mut State, call: &Request) -> Outcome {
    let target = registered_target(state, call)?;
    let request =
        code_request(state, call).map_err(|(error, text)| back(call, &target, error, text))?;
    let chosen = if call.method == http::Method::POST { call.form("account") } else { None };
    let Some(chosen) = chosen else {
        return Ok(browser::sign_in(Brand::Webex, "the integration", &choices(state)));
    };
    let unknown =
        || browser::refusal(Brand::Webex, "There is no such account, or it cannot sign in.");
    let person = account_named(state, &chosen).ok_or_else(unknown)?;
    match call.form("decision").as_deref() {
        Some("accept") => {
            let code = secret(&mut state.rng);
            let until = state.now + CODE_LIFE;
            let redirect = call.query("redirect_uri").unwrap_or_default().to_owned();
            let CodeRequest { scopes, challenge } = request;
            let response = Response::redirect(
                &target,
                &[("code", Some(&code)), ("state", call.query("state"))],
            );
            state.webex.codes.insert(code, Code { person, scopes, redirect, challenge, until });
            Ok(response)
        }
        Some("decline") => {
            let text = "The resource owner or authorization server denied the request.";
            Ok(back(call, &target, "access_denied", text))
        }
        _ => {
            let account = choice(state, person).ok_or_else(unknown)?;
            let items = request.scopes.into_iter().collect();
            let lead = "The integration would like to act for you, with these scopes:";
            Ok(browser::consent(
                Brand::Webex,
                &Question { title: "Grant access?", account, lead, items },
            ))
        }
    }
}

/// Returns the redirect URI, if it is registered.
fn registered_target(state: &State, call: &Request) -> Result<Url, Response> {
    if call.query("client_id") != Some(&state.webex.app.client_id) {
        return Err(browser::refusal(
            Brand::Webex,
            "Invalid request: the client_id is missing or unknown.",
        ));
    }
    let registered = call.query("redirect_uri").filter(|uri| state.webex.redirects.contains(*uri));
    registered.and_then(|uri| Url::parse(uri).ok()).ok_or_else(|| {
        let text = "Invalid request: the redirect_uri is missing or is none of those registered \
                    for the integration.";
        browser::refusal(Brand::Webex, text)
    })
}

fn code_request(
    state: &State,
    call: &Request,
) -> Result<CodeRequest, (&'static str, &'static str)> {
    if call.query("response_type") != Some("code") {
        return Err(("unsupported_response_type", "The response type is not supported."));
    }
    let scopes: BTreeSet<String> = call
        .query("scope")
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect();
    if scopes.is_empty() || !scopes.is_subset(&state.webex.offered) {
        return Err(("invalid_scope", "The requested scope is invalid."));
    }
    let challenge =
        Challenge::of(call).map_err(|_| ("invalid_request", "The code challenge is not valid."))?;
    Ok(CodeRequest { scopes, challenge })
}

/// Finds an account that can sign in, by id or by mail address.
fn account_named(state: &State, name: &str) -> Option<PersonId> {
    let named = state.webex.accounts.iter().find(|(person, account)| {
        person.to_string() == name || account.email.eq_ignore_ascii_case(name)
    });
    named.map(|(person, _)| *person).filter(|person| can_sign_in(state, *person))
}

/// Returns `true` for active people; bots and devices cannot sign in.
pub(super) fn can_sign_in(state: &State, person: PersonId) -> bool {
    state.webex.accounts.get(&person).is_some_and(|account| {
        account.active
            && account.user_type == UserType::User
            && account.status == AccountStatus::Active
    })
}

fn choice(state: &State, person: PersonId) -> Option<Choice> {
    let account = state.webex.accounts.get(&person)?;
    Some(Choice { id: person.0, label: label(account) })
}

/// Returns everyone who can sign in, by organization; people with a role come first.
fn choices(state: &State) -> Vec<Choices> {
    let of = |org: OrgId| {
        let mut people: Vec<(&PersonId, &Account)> = state.webex.accounts.iter().collect();
        people.retain(|(person, account)| account.org == org && can_sign_in(state, **person));
        people.sort_by_key(|(_, account)| (account.roles.is_empty(), &account.name));
        people
            .iter()
            .map(|(person, account)| Choice { id: person.0, label: label(account) })
            .collect()
    };
    state
        .webex
        .orgs
        .iter()
        .map(|(id, org)| Choices { of: org.name.clone(), accounts: of(*id) })
        .collect()
}

fn label(account: &Account) -> String {
    let roles = account.roles.iter().map(|role| match role {
        AdminRole::ComplianceOfficer => "compliance officer",
        AdminRole::ReadOnlyAdmin => "read-only administrator",
        AdminRole::UserAdmin => "user administrator",
        AdminRole::FullAdmin => "full administrator",
    });
    let parts: Vec<&str> =
        [account.name.as_str(), account.email.as_str()].into_iter().chain(roles).collect();
    parts.join(" · ")
}

fn back(call: &Request, target: &Url, error: &str, text: &str) -> Response {
    let parameters =
        [("error", Some(error)), ("error_description", Some(text)), ("state", call.query("state"))];
    Response::redirect(target, &parameters)
}
