//! `/{tenant}/oauth2/v2.0/authorize`: a user signs in, and the browser returns with a code. If the
//! app is not in the directory yet, the user is asked, and the app is added without roles.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ids::{DirectoryId, ObjectId};
use jiff::Timestamp;
use url::Url;

use super::{directories, entra, registration};
use crate::browser::{self, Brand, Choice, Choices, Question};
use crate::generate::secret;
use crate::pkce::Challenge;
use crate::state::State;
use crate::state::apps::{AppRegistration, Authority, Code};
use crate::state::microsoft::Directory;
use crate::wire::{Outcome, Request, Response};

const CODE_LIFE: Duration = Duration::from_secs(600);

/// Delegated scopes. Refresh tokens (`offline_access`) are not simulated.
pub(super) const DELEGATED: [&str; 5] =
    ["openid", "profile", "email", "User.Read", "https://graph.microsoft.com/User.Read"];

/// A valid request for a code.
struct CodeRequest {
    scopes: BTreeSet<String>,
    challenge: Option<Challenge>,
    /// Most seconds since the last password entry.
    max_age: Option<i64>,
}

/// An error that goes back to the application: its name, AADSTS code and text.
struct SignInError(&'static str, u32, String);

pub(super) fn sign_in(state: &mut State, authority: &str, call: &Request) -> Outcome {
    let authority = entra::authority_or_page(state, authority)?;
    let (app, target) = entra::client_of_page(state, call)?;
    let request =
        code_request(call).map_err(|error| redirect_error(state, call, &target, &error))?;
    let Some((directory, user)) = chosen_account(state, authority, call)? else {
        return Ok(account_page(state, authority, app));
    };
    let asks = call.query("prompt") == Some("consent");
    let there = directories::find(state, directory)?.apps.contains_key(&app);
    match call.form("decision").as_deref() {
        Some("accept") => registration::add_app(state, app, directory),
        _ if there && !asks => {}
        Some("decline") => {
            let text = "User declined to consent to access the app.".to_owned();
            return Ok(redirect_error(
                state,
                call,
                &target,
                &SignInError("access_denied", 65004, text),
            ));
        }
        _ => {
            let items = request.scopes.into_iter().collect();
            let lead = "The application would like to:";
            let account = user_choice(state, directory, user);
            let question = Question { title: "Permissions requested", account, lead, items };
            return Ok(browser::consent(Brand::Microsoft, &question));
        }
    }
    let code = secret(&mut state.rng);
    let session = state.uuid().to_string();
    let parameters = [
        ("code", Some(code.as_str())),
        ("state", call.query("state")),
        ("session_state", Some(&session)),
    ];
    let response = Response::redirect(&target, &parameters);
    let code_entry = Code {
        app,
        directory,
        user,
        authority,
        redirect: call.query("redirect_uri").unwrap_or_default().to_owned(),
        challenge: request.challenge,
        nonce: call.query("nonce").map(str::to_owned),
        authenticated: authentication_time(state, user, call, request.max_age),
        max_age: request.max_age,
        scopes: request.scopes,
        until: state.now + CODE_LIFE,
        used: false,
    };
    state.microsoft.codes.insert(code, code_entry);
    Ok(response)
}

/// Returns the moment of the last password entry: now, if there was none or the request asks for a
/// new one.
fn authentication_time(
    state: &mut State,
    user: ObjectId,
    call: &Request,
    max_age: Option<i64>,
) -> Timestamp {
    let now = state.now;
    let known = state.microsoft.passwords.get(&user).copied();
    let is_new_enough =
        |at: &Timestamp| max_age.is_none_or(|max_age| now.as_second() - at.as_second() <= max_age);
    let known = known.filter(is_new_enough).filter(|_| call.query("prompt") != Some("login"));
    *state.microsoft.passwords.entry(user).insert_entry(known.unwrap_or(now)).get()
}

fn code_request(call: &Request) -> Result<CodeRequest, SignInError> {
    match call.query("response_type") {
        Some("code") => {}
        other => {
            let text =
                format!("The response_type '{}' is not supported.", other.unwrap_or_default());
            return Err(SignInError("unsupported_response_type", 70005, text));
        }
    }
    let invalid = |code, text: &str| SignInError("invalid_request", code, text.to_owned());
    if call.query("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid(70007, "The response_mode is not supported."));
    }
    let scopes: BTreeSet<String> = call
        .query("scope")
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect();
    if scopes.is_empty() {
        return Err(invalid(
            900144,
            "The request body must contain the following parameter: 'scope'.",
        ));
    }
    if let Some(unknown) = scopes.iter().find(|scope| !DELEGATED.contains(&scope.as_str())) {
        let text = format!(
            "The provided value for the input parameter 'scope' is not valid. The scope {unknown} \
             is not valid."
        );
        return Err(SignInError("invalid_scope", 70011, text));
    }
    let challenge = Challenge::of(call)
        .map_err(|_| invalid(501491, "The code_challenge or its method is not valid."))?;
    let max_age = call.query("max_age").map(str::parse::<i64>).transpose();
    let max_age = max_age.map_err(|_| invalid(90023, "The max_age is no number of seconds."))?;
    match call.query("prompt") {
        None | Some("login" | "select_account" | "consent") => {
            Ok(CodeRequest { scopes, challenge, max_age })
        }
        Some("none") => {
            let text = "A silent sign-in request was sent but no user is signed in.".to_owned();
            Err(SignInError("login_required", 50058, text))
        }
        Some(_) => Err(invalid(90023, "Unsupported 'prompt' value.")),
    }
}

/// Returns the user that was chosen on the page, if any.
pub(super) fn chosen_account(
    state: &State,
    authority: Authority,
    call: &Request,
) -> Result<Option<(DirectoryId, ObjectId)>, Response> {
    if call.method != http::Method::POST {
        return Ok(None);
    }
    let Some(name) = call.form("account") else {
        return Ok(None);
    };
    let found = state.microsoft.directories.iter().find_map(|(directory, entry)| {
        let named = entry.users.iter().find(|(id, user)| {
            user.deleted.is_none()
                && (id.to_string() == name || user.principal.eq_ignore_ascii_case(&name))
        });
        named.map(|(id, user)| (*directory, *id, user.enabled))
    });
    let (directory, user, enabled) = found.ok_or_else(|| {
        entra::refusal_page(state, 50034, &format!("The user account {name} does not exist."))
    })?;
    if !enabled {
        return Err(entra::refusal_page(state, 50057, "The user account is disabled."));
    }
    if let Authority::Directory(asked) = authority
        && asked != directory
    {
        let text = format!(
            "User account '{name}' does not exist in tenant '{asked}' and cannot access the \
             application in it."
        );
        return Err(entra::refusal_page(state, 50020, &text));
    }
    Ok(Some((directory, user)))
}

/// Lists all users, those of the requested directory first: the real form takes any address, too.
pub(super) fn account_page(state: &State, authority: Authority, app: AppRegistration) -> Response {
    let mut directories: Vec<_> = state.microsoft.directories.iter().collect();
    directories.sort_by_key(|(id, entry)| (authority != Authority::Directory(**id), &entry.name));
    let of = |(id, entry): (&DirectoryId, &Directory)| {
        let mut users: Vec<_> =
            entry.users.iter().filter(|(_, user)| user.deleted.is_none() && user.enabled).collect();
        users.sort_by_key(|(_, user)| (user.roles.is_empty(), &user.name));
        let accounts = users.iter().map(|(user, _)| user_choice(state, *id, **user)).collect();
        Choices { of: entry.name.clone(), accounts }
    };
    let choices: Vec<Choices> = directories.into_iter().map(of).collect();
    let name = state.microsoft.apps.get(&app).map_or("the application", |app| app.name);
    browser::sign_in(Brand::Microsoft, name, &choices)
}

pub(super) fn user_choice(state: &State, directory: DirectoryId, user: ObjectId) -> Choice {
    let entry = state
        .microsoft
        .directories
        .get(&directory)
        .and_then(|directory| directory.users.get(&user));
    let label = entry.map_or_else(String::new, |entry| {
        let parts = [entry.name.as_str(), entry.principal.as_str()].into_iter();
        parts.chain(entry.roles.iter().map(|role| role.name())).collect::<Vec<_>>().join(" · ")
    });
    Choice { id: user.0, label }
}

fn redirect_error(
    state: &State,
    call: &Request,
    target: &Url,
    SignInError(error, code, text): &SignInError,
) -> Response {
    let description = entra::described(state, *code, text);
    let cancelled = (*code == 65004).then_some("cancel");
    let parameters = [
        ("error", Some(*error)),
        ("error_subcode", cancelled),
        ("error_description", Some(&description)),
        ("state", call.query("state")),
    ];
    Response::redirect(target, &parameters)
}
