//! `/{tenant}/v2.0/adminconsent`: an administrator grants the permissions that the registration
//! requires, in the administrator's own directory.
//!
//! The redirect has `admin_consent=True` even after a refusal; only `error` distinguishes the two.

use std::collections::BTreeSet;

use domain::ids::DirectoryId;
use url::Url;

use super::authorize::DELEGATED;
use super::{authorize, directories, entra, registration};
use crate::browser::{self, Brand, Question};
use crate::state::State;
use crate::state::apps::{AppRegistration, Authority};
use crate::wire::{Outcome, Request, Response};

/// Scope for everything that the registration requires, the only one for application permissions.
const ALL: &str = "https://graph.microsoft.com/.default";

/// Permissions that a request asks for.
enum ConsentRequest {
    Required,
    /// Scopes on behalf of users; they give the app no role.
    Delegated(BTreeSet<String>),
}

/// An error that goes back to the application: its name, AADSTS code and text.
struct GrantError<'a> {
    name: &'a str,
    code: u32,
    text: &'a str,
}

pub(super) fn admin_consent(state: &mut State, authority: &str, call: &Request) -> Outcome {
    let authority = entra::authority_or_page(state, authority)?;
    if authority == Authority::Common {
        let text = "The application is not supported over the /common or /consumers endpoints. \
                    Please use the /organizations or tenant-specific endpoint.";
        return Err(entra::refusal_page(state, 90130, text));
    }
    let (app, target) = entra::client_of_page(state, call)?;
    let request = consent_request(state, call, &target)?;
    let Some((directory, user)) = authorize::chosen_account(state, authority, call)? else {
        return Ok(authorize::account_page(state, authority, app));
    };
    let roles = directories::find(state, directory)?
        .users
        .get(&user)
        .map(|user| user.roles.clone())
        .unwrap_or_default();
    let entitled = roles.iter().any(|role| role.may_consent());
    let decision = call.form("decision");
    match decision.as_deref() {
        Some("accept") if entitled => Ok(grant(state, app, directory, request, call, &target)),
        Some("decline") if entitled => {
            let text = "The resource owner or authorization server denied the request.";
            Ok(not_granted(
                state,
                call,
                &target,
                &GrantError { name: "consent_required", code: 65004, text },
            ))
        }
        Some("decline") => {
            let text = "The grant requires admin permission.";
            Ok(not_granted(
                state,
                call,
                &target,
                &GrantError { name: "access_denied", code: 90094, text },
            ))
        }
        _ if entitled => {
            let account = authorize::user_choice(state, directory, user);
            let items =
                requested(state, app, &request).iter().map(|name| described(name)).collect();
            let lead = "If you accept, this application will get access for all people in your \
                        organization, to:";
            let question = Question { title: "Permissions requested", account, lead, items };
            Ok(browser::consent(Brand::Microsoft, &question))
        }
        _ => {
            let text = "This application needs permissions that only an administrator can grant.";
            let account = authorize::user_choice(state, directory, user);
            Ok(browser::not_entitled(Brand::Microsoft, "Need admin approval", &account, text))
        }
    }
}

fn consent_request(
    state: &State,
    call: &Request,
    target: &Url,
) -> Result<ConsentRequest, Response> {
    let scopes: BTreeSet<String> = call
        .query("scope")
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect();
    if scopes.is_empty() {
        let text = "The request body must contain the following parameter: 'scope'.";
        return Err(not_granted(
            state,
            call,
            target,
            &GrantError { name: "invalid_request", code: 900144, text },
        ));
    }
    if scopes.iter().eq([ALL]) {
        return Ok(ConsentRequest::Required);
    }
    match scopes.iter().find(|scope| !DELEGATED.contains(&scope.as_str())) {
        None => Ok(ConsentRequest::Delegated(scopes)),
        Some(unknown) => {
            let text =
                format!("The scope {unknown} is not valid, or cannot be combined with others.");
            Err(not_granted(
                state,
                call,
                target,
                &GrantError { name: "invalid_scope", code: 70011, text: &text },
            ))
        }
    }
}

fn requested(state: &State, app: AppRegistration, request: &ConsentRequest) -> BTreeSet<String> {
    match request {
        ConsentRequest::Required => {
            state.microsoft.apps.get(&app).map(|app| app.permissions.clone()).unwrap_or_default()
        }
        ConsentRequest::Delegated(scopes) => scopes.clone(),
    }
}

fn grant(
    state: &mut State,
    app: AppRegistration,
    directory: DirectoryId,
    request: ConsentRequest,
    call: &Request,
    target: &Url,
) -> Response {
    let names = requested(state, app, &request);
    let scope: Vec<String> = names.iter().map(|name| qualified(name)).collect();
    match request {
        ConsentRequest::Required => registration::set_roles(state, app, directory, names),
        ConsentRequest::Delegated(_) => registration::add_app(state, app, directory),
    }
    let (tenant, scope) = (directory.to_string(), scope.join(" "));
    let parameters = [
        ("admin_consent", Some("True")),
        ("tenant", Some(&*tenant)),
        ("state", call.query("state")),
        ("scope", Some(&*scope)),
    ];
    Response::redirect(target, &parameters)
}

fn not_granted(state: &State, call: &Request, target: &Url, error: &GrantError<'_>) -> Response {
    let description = entra::described(state, error.code, error.text);
    let parameters = [
        ("admin_consent", Some("True")),
        ("error", Some(error.name)),
        ("error_description", Some(&*description)),
        ("state", call.query("state")),
    ];
    Response::redirect(target, &parameters)
}

fn qualified(name: &str) -> String {
    if name.contains("://") {
        name.to_owned()
    } else {
        format!("https://graph.microsoft.com/{name}")
    }
}

/// Returns a permission as the page words it.
fn described(name: &str) -> String {
    let text = match name {
        "Group.ReadWrite.All" => "Read and write all groups",
        "User.Read.All" => "Read all users' full profiles",
        "GroupSettings.Read.All" => "Read all group settings",
        "Files.ReadWrite.All" => "Read and write files in all site collections",
        _ => return name.to_owned(),
    };
    format!("{text} ({name})")
}
