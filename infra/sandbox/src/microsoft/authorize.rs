//! `/{tenant}/oauth2/v2.0/authorize`: somebody signs in, and the browser goes back with a code. Where the app is not in the user's directory yet, the user is
//! asked first, and the app is there then, without roles.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ids::{DirectoryId, ObjectId};
use jiff::Timestamp;
use url::Url;

use super::Registration;
use super::entra::Authority;
use crate::browser::{self, Brand, Choice, Choices, Question};
use crate::pkce::Challenge;
use crate::wire::{Answer, Outcome, Request};
use crate::world::{State, secret};

const CODE_LIFE: Duration = Duration::from_secs(600);

/// What can be asked for in a user's name. Refresh tokens (`offline_access`) are not simulated.
pub(super) const DELEGATED: [&str; 5] =
    ["openid", "profile", "email", "User.Read", "https://graph.microsoft.com/User.Read"];

/// A code on its way back through somebody's browser.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) app: Registration,
    pub(super) directory: DirectoryId,
    pub(super) user: ObjectId,
    pub(super) authority: Authority,
    /// As it was spelt.
    pub(super) redirect: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) nonce: Option<String>,
    pub(super) scopes: BTreeSet<String>,
    pub(super) authenticated: Timestamp,
    /// Whether `max_age` was asked for, with which a token says when the user authenticated.
    pub(super) max_age: Option<i64>,
    pub(super) until: Timestamp,
    pub(super) used: bool,
}

/// A request that is in order.
struct Wish {
    scopes: BTreeSet<String>,
    challenge: Option<Challenge>,
    /// In seconds.
    max_age: Option<i64>,
}

/// What goes back to the application instead of a code.
struct Error(&'static str, u32, String);

impl State {
    pub(super) fn sign_in(&mut self, authority: &str, call: &Request) -> Outcome {
        let authority = self.authority_of_page(authority)?;
        let (app, target) = self.asking(call)?;
        let wish = self.code_wish(call).map_err(|error| self.back(call, &target, &error))?;
        let Some((directory, user)) = self.chosen(authority, call)? else {
            return Ok(self.account_page(authority, app));
        };
        let asks = call.query("prompt") == Some("consent");
        let there = self.directory(directory)?.apps.contains_key(&app);
        match call.form("decision").as_deref() {
            Some("accept") => self.bring_in(app, directory),
            _ if there && !asks => {}
            Some("decline") => {
                let text = "User declined to consent to access the app.".to_owned();
                return Ok(self.back(call, &target, &Error("access_denied", 65004, text)));
            }
            _ => {
                let items = wish.scopes.into_iter().collect();
                let lead = "The application would like to:";
                let account = self.user_choice(directory, user);
                let question = Question { title: "Permissions requested", account, lead, items };
                return Ok(browser::consent(Brand::Microsoft, &question));
            }
        }
        let code = secret(&mut self.rng);
        let session = self.uuid().to_string();
        let parameters =
            [("code", Some(code.as_str())), ("state", call.query("state")), ("session_state", Some(&session))];
        let answer = Answer::redirect(&target, &parameters);
        let kept = Code {
            app,
            directory,
            user,
            authority,
            redirect: call.query("redirect_uri").unwrap_or_default().to_owned(),
            challenge: wish.challenge,
            nonce: call.query("nonce").map(str::to_owned),
            authenticated: self.authenticated(user, call, wish.max_age),
            max_age: wish.max_age,
            scopes: wish.scopes,
            until: self.now + CODE_LIFE,
            used: false,
        };
        self.microsoft.codes.insert(code, kept);
        Ok(answer)
    }

    /// When the user gave a password: now, where the request wants that or the user has not yet; else it is enough that the user did once.
    fn authenticated(&mut self, user: ObjectId, call: &Request, max_age: Option<i64>) -> Timestamp {
        let now = self.now;
        let known = self.microsoft.passwords.get(&user).copied();
        let is_young = |at: &Timestamp| max_age.is_none_or(|max_age| now.as_second() - at.as_second() <= max_age);
        let known = known.filter(is_young).filter(|_| call.query("prompt") != Some("login"));
        *self.microsoft.passwords.entry(user).insert_entry(known.unwrap_or(now)).get()
    }

    fn code_wish(&self, call: &Request) -> Result<Wish, Error> {
        match call.query("response_type") {
            Some("code") => {}
            other => {
                let text = format!("The response_type '{}' is not supported.", other.unwrap_or_default());
                return Err(Error("unsupported_response_type", 70005, text));
            }
        }
        let invalid = |code, text: &str| Error("invalid_request", code, text.to_owned());
        if call.query("response_mode").is_some_and(|mode| mode != "query") {
            return Err(invalid(70007, "The response_mode is not supported."));
        }
        let scopes: BTreeSet<String> =
            call.query("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        if scopes.is_empty() {
            return Err(invalid(900144, "The request body must contain the following parameter: 'scope'."));
        }
        if let Some(unknown) = scopes.iter().find(|scope| !DELEGATED.contains(&scope.as_str())) {
            let text = format!(
                "The provided value for the input parameter 'scope' is not valid. The scope {unknown} is not valid."
            );
            return Err(Error("invalid_scope", 70011, text));
        }
        let challenge =
            Challenge::of(call).map_err(|_| invalid(501491, "The code_challenge or its method is not valid."))?;
        let max_age = call.query("max_age").map(str::parse::<i64>).transpose();
        let max_age = max_age.map_err(|_| invalid(90023, "The max_age is no number of seconds."))?;
        match call.query("prompt") {
            None | Some("login" | "select_account" | "consent") => Ok(Wish { scopes, challenge, max_age }),
            Some("none") => {
                let text = "A silent sign-in request was sent but no user is signed in.".to_owned();
                Err(Error("login_required", 50058, text))
            }
            Some(_) => Err(invalid(90023, "Unsupported 'prompt' value.")),
        }
    }

    /// Who was chosen on the page, if anybody was yet.
    pub(super) fn chosen(
        &self,
        authority: Authority,
        call: &Request,
    ) -> Result<Option<(DirectoryId, ObjectId)>, Answer> {
        if call.method != http::Method::POST {
            return Ok(None);
        }
        let Some(name) = call.form("account") else { return Ok(None) };
        let found = self.microsoft.directories.iter().find_map(|(directory, entry)| {
            let named = entry.users.iter().find(|(id, user)| {
                user.deleted.is_none() && (id.to_string() == name || user.principal.eq_ignore_ascii_case(&name))
            });
            named.map(|(id, user)| (*directory, *id, user.enabled))
        });
        let (directory, user, enabled) =
            found.ok_or_else(|| self.shown_refusal(50034, &format!("The user account {name} does not exist.")))?;
        if !enabled {
            return Err(self.shown_refusal(50057, "The user account is disabled."));
        }
        if let Authority::Directory(asked) = authority
            && asked != directory
        {
            let text = format!(
                "User account '{name}' does not exist in tenant '{asked}' and cannot access the application in it."
            );
            return Err(self.shown_refusal(50020, &text));
        }
        Ok(Some((directory, user)))
    }

    /// Everybody of every directory, the one that is asked for first: in the real form, too, anything can be typed.
    pub(super) fn account_page(&self, authority: Authority, app: Registration) -> Answer {
        let mut directories: Vec<_> = self.microsoft.directories.iter().collect();
        directories.sort_by_key(|(id, entry)| (authority != Authority::Directory(**id), &entry.name));
        let of = |(id, entry): (&DirectoryId, &super::Directory)| {
            let mut users: Vec<_> =
                entry.users.iter().filter(|(_, user)| user.deleted.is_none() && user.enabled).collect();
            users.sort_by_key(|(_, user)| (user.roles.is_empty(), &user.name));
            let accounts = users.iter().map(|(user, _)| self.user_choice(*id, **user)).collect();
            Choices { of: entry.name.clone(), accounts }
        };
        let choices: Vec<Choices> = directories.into_iter().map(of).collect();
        let name = self.microsoft.apps.get(&app).map_or("the application", |app| app.name);
        browser::sign_in(Brand::Microsoft, name, &choices)
    }

    pub(super) fn user_choice(&self, directory: DirectoryId, user: ObjectId) -> Choice {
        let entry = self.microsoft.directories.get(&directory).and_then(|directory| directory.users.get(&user));
        let label = entry.map_or_else(String::new, |entry| {
            let parts = [entry.name.as_str(), entry.principal.as_str()].into_iter();
            parts.chain(entry.roles.iter().map(|role| role.name())).collect::<Vec<_>>().join(" · ")
        });
        Choice { id: user.0, label }
    }

    fn back(&self, call: &Request, target: &Url, Error(error, code, text): &Error) -> Answer {
        let description = self.described(*code, text);
        let cancelled = (*code == 65004).then_some("cancel");
        let parameters = [
            ("error", Some(*error)),
            ("error_subcode", cancelled),
            ("error_description", Some(&description)),
            ("state", call.query("state")),
        ];
        Answer::redirect(target, &parameters)
    }
}
