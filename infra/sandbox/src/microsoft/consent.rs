//! `/{tenant}/v2.0/adminconsent`: an administrator grants what the registration requires, in the directory that the administrator belongs to.
//!
//! The way back has `admin_consent=True` whatever came of it; only `error` tells.

use std::collections::BTreeSet;

use domain::ids::DirectoryId;
use url::Url;

use super::Registration;
use super::authorize::DELEGATED;
use super::entra::Authority;
use crate::browser::{self, Brand, Question};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

/// Everything that the registration requires. Only so can application permissions be asked for.
const ALL: &str = "https://graph.microsoft.com/.default";

/// What is asked for.
enum Wish {
    Required,
    /// Scopes that stand for users; they give the app no role.
    Delegated(BTreeSet<String>),
}

impl State {
    pub(super) fn admin_consent(&mut self, authority: &str, call: &Request) -> Outcome {
        let authority = self.authority_of_page(authority)?;
        if authority == Authority::Common {
            let text = "The application is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.";
            return Err(self.shown_refusal(90130, text));
        }
        let (app, target) = self.asking(call)?;
        let wish = self.consent_wish(call, &target)?;
        let Some((directory, user)) = self.chosen(authority, call)? else {
            return Ok(self.account_page(authority, app));
        };
        let roles = self.directory(directory)?.users.get(&user).map(|user| user.roles.clone()).unwrap_or_default();
        let entitled = roles.iter().any(|role| role.consents());
        let decision = call.form("decision");
        match decision.as_deref() {
            Some("accept") if entitled => Ok(self.grant(app, directory, wish, call, &target)),
            Some("decline") if entitled => {
                let text = "The resource owner or authorization server denied the request.";
                Ok(self.not_granted(call, &target, ("consent_required", 65004, text)))
            }
            Some("decline") => {
                let text = "The grant requires admin permission.";
                Ok(self.not_granted(call, &target, ("access_denied", 90094, text)))
            }
            _ if entitled => {
                let account = self.user_choice(directory, user);
                let items = self.asked_for(app, &wish).iter().map(|name| described(name)).collect();
                let lead = "If you accept, this application will get access for all people in your organization, to:";
                let question = Question { title: "Permissions requested", account, lead, items };
                Ok(browser::consent(Brand::Microsoft, &question))
            }
            _ => {
                let text = "This application needs permissions that only an administrator can grant.";
                let account = self.user_choice(directory, user);
                Ok(browser::not_entitled(Brand::Microsoft, "Need admin approval", &account, text))
            }
        }
    }

    fn consent_wish(&self, call: &Request, target: &Url) -> Result<Wish, Answer> {
        let scopes: BTreeSet<String> =
            call.query("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        if scopes.is_empty() {
            let text = "The request body must contain the following parameter: 'scope'.";
            return Err(self.not_granted(call, target, ("invalid_request", 900144, text)));
        }
        if scopes.iter().eq([ALL]) {
            return Ok(Wish::Required);
        }
        match scopes.iter().find(|scope| !DELEGATED.contains(&scope.as_str())) {
            None => Ok(Wish::Delegated(scopes)),
            Some(unknown) => {
                let text = format!("The scope {unknown} is not valid, or cannot be combined with others.");
                Err(self.not_granted(call, target, ("invalid_scope", 70011, &text)))
            }
        }
    }

    fn asked_for(&self, app: Registration, wish: &Wish) -> BTreeSet<String> {
        match wish {
            Wish::Required => self.microsoft.apps.get(&app).map(|app| app.permissions.clone()).unwrap_or_default(),
            Wish::Delegated(scopes) => scopes.clone(),
        }
    }

    fn grant(&mut self, app: Registration, directory: DirectoryId, wish: Wish, call: &Request, target: &Url) -> Answer {
        let names = self.asked_for(app, &wish);
        let scope: Vec<String> = names.iter().map(|name| qualified(name)).collect();
        match wish {
            Wish::Required => self.consent(app, directory, names),
            Wish::Delegated(_) => self.bring_in(app, directory),
        }
        let (tenant, scope) = (directory.to_string(), scope.join(" "));
        let parameters = [
            ("admin_consent", Some("True")),
            ("tenant", Some(&*tenant)),
            ("state", call.query("state")),
            ("scope", Some(&*scope)),
        ];
        Answer::redirect(target, &parameters)
    }

    fn not_granted(&self, call: &Request, target: &Url, (error, code, text): (&str, u32, &str)) -> Answer {
        let description = self.described(code, text);
        let parameters = [
            ("admin_consent", Some("True")),
            ("error", Some(error)),
            ("error_description", Some(&*description)),
            ("state", call.query("state")),
        ];
        Answer::redirect(target, &parameters)
    }
}

fn qualified(name: &str) -> String {
    if name.contains("://") { name.to_owned() } else { format!("https://graph.microsoft.com/{name}") }
}

/// A permission as the page words it.
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
