//! Connecting Microsoft, second half: the consent, and its proof. What the way back says is compared and believed in nothing; only a token of our own, as Graph takes it,
//! shows what the directory grants.

use askama::Template;
use clients::graph::{AppToken, TokenErrorKind};
use clients::http::Access;
use domain::ids::DirectoryId;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::MicrosoftApp;
use engine::reconcile;
use engine::tenant::files_consent::{self, FilesConsent};
use engine::tenant::organization::{self, Directory, Join};
use jiff::{SignedDuration, Timestamp};

use crate::answer::Answer;
use crate::failure::{Failure, Service};
use crate::flow::Purpose;
use crate::incoming::Incoming;
use crate::microsoft::CONSENT;
use crate::page::Shell;
use crate::place::Place;
use crate::registration::permissions;
use crate::session::{Pending, Session};
use crate::sign_in::declined;
use crate::{Administrator, Oauth};

/// How long a consent may take to be known everywhere before it counts as incomplete.
const REPLICATES_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// For how long an administrator's sign-in with Microsoft stands.
const STANDS: SignedDuration = SignedDuration::from_mins(60);

/// After so many seconds the page looks again.
const LOOKS_AGAIN: u32 = 10;

#[derive(Template)]
#[template(path = "consent_wait.html")]
struct WaitPage<'a> {
    shell: Shell<'a>,
    directory: &'a str,
    missing: Vec<&'static str>,
    seconds: u32,
}

#[derive(Template)]
#[template(path = "connected.html")]
struct ConnectedPage<'a> {
    shell: Shell<'a>,
    directory: &'a Directory,
}

/// How far a consent has come.
enum Proof {
    /// Graph takes a token that carries everything.
    Whole,
    /// These are not there, or not yet.
    Missing(Vec<&'static str>),
}

impl Oauth {
    /// The way back from the consent.
    pub(crate) async fn back_from_consent(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let fits = |purpose: &Purpose| matches!(purpose, Purpose::Consent { .. });
        let (_, purpose) = self.end(incoming, Some(&administrator.session), fits).await?;
        let Purpose::Consent { registration, directory } = purpose else { return Err(Failure::State) };
        let taken = self.take_consent(incoming, &administrator.session, (registration, directory)).await;
        taken.map_err(|failure| failure.of_consent_to(registration))
    }

    async fn take_consent(
        &self,
        incoming: &Incoming,
        session: &Session,
        (registration, directory): (Registration, DirectoryId),
    ) -> Result<Answer, Failure> {
        // First the error: a refusal says "admin_consent=True", too.
        declined(incoming, Service::Microsoft)?;
        let named = incoming.query("tenant").and_then(|tenant| tenant.parse().ok());
        let is_it = |pending: &&Pending| (pending.registration, pending.directory) == (registration, directory);
        let pending = session.pending.as_ref().filter(is_it);
        let (Some(pending), true) = (pending, named == Some(directory)) else {
            return Err(Failure::ConsentForAnotherDirectory);
        };
        let consented = Pending { consented_at: Some(self.clock.now()), ..pending.clone() };
        session.set_pending(self.store.as_ref(), Some(&consented)).await?;
        // The directory's old token has the old permissions.
        self.tokens.forget_app(registration, directory);
        Ok(Answer::see(CONSENT))
    }

    /// Looks whether the consent is in force, and keeps it if so. May be asked again and again.
    pub(crate) async fn prove_consent(&self, administrator: &Administrator) -> Result<Answer, Failure> {
        let Administrator { session, organization } = administrator;
        let now = self.clock.now();
        let pending = session.pending.as_ref().filter(|pending| pending.at + STANDS > now);
        let (Some(pending), Some(consented_at)) = (pending, pending.and_then(|pending| pending.consented_at)) else {
            return match &organization.directory {
                Some(directory) => self.connected(administrator, directory),
                None => Ok(Answer::see(Place::Microsoft.path())),
            };
        };
        let kept = self.keep_consent(administrator, pending, consented_at).await;
        kept.map_err(|failure| failure.of_consent_to(pending.registration))
    }

    async fn keep_consent(
        &self,
        administrator: &Administrator,
        pending: &Pending,
        consented_at: Timestamp,
    ) -> Result<Answer, Failure> {
        let Administrator { session, organization } = administrator;
        let now = self.clock.now();
        if let Proof::Missing(missing) = self.proof(pending).await? {
            return self.wait(administrator, pending, missing, consented_at);
        }
        if let Some(connected) = &organization.directory
            && connected.id != pending.directory
        {
            return Err(Failure::AnotherDirectory { connected: connected.name.clone() });
        }
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let answer = match (pending.registration, &organization.directory) {
            (Registration::Groups, Some(directory)) => self.connected(administrator, directory)?,
            (Registration::Groups, None) => {
                let directory = Directory { id: pending.directory, name: pending.name.clone(), since: now };
                match organization::join(store, organization, &directory).await? {
                    Join::Joined => {}
                    Join::Elsewhere => return Err(Failure::JoinedElsewhere { directory: directory.name }),
                    Join::Changed => return Err(Failure::Changed(Place::Home)),
                }
                tracing::info!(org = %session.org, %tenant, directory = %directory.id, "a tenant came to be");
                self.connected(administrator, &directory)?
            }
            (Registration::Files, None) => return Err(Failure::NotConnected),
            (Registration::Files, Some(directory)) => {
                let (by, by_name) = (pending.by, pending.by_name.clone());
                files_consent::keep(store, tenant, &FilesConsent { since: now, by, by_name, lost: None }).await?;
                // Whatever waited for it.
                reconcile::look_at_every_link(store, tenant, now).await?;
                tracing::info!(org = %session.org, %tenant, directory = %directory.id, %by, "a directory consented to files");
                Answer::see(format!("{}?authorized", Place::Folders.path()))
            }
        };
        session.set_pending(store, None).await?;
        reconcile::do_everything_next(store, tenant).await?;
        Ok(answer)
    }

    fn wait(
        &self,
        administrator: &Administrator,
        pending: &Pending,
        missing: Vec<&'static str>,
        consented_at: Timestamp,
    ) -> Result<Answer, Failure> {
        if consented_at + REPLICATES_WITHIN <= self.clock.now() {
            return Err(Failure::RolesMissing { directory: pending.name.clone(), missing });
        }
        let shell = self.shell(administrator, Place::of(pending.registration));
        let page = WaitPage { shell, directory: &pending.name, missing, seconds: LOOKS_AGAIN };
        Ok(Answer::page(202, page.render()?).refresh(LOOKS_AGAIN, None))
    }

    fn connected(&self, administrator: &Administrator, directory: &Directory) -> Result<Answer, Failure> {
        let page = ConnectedPage { shell: self.shell(administrator, Place::Microsoft), directory };
        Ok(Answer::page(200, page.render()?))
    }

    async fn proof(&self, pending: &Pending) -> Result<Proof, Failure> {
        let deadline = self.deadline();
        let MicrosoftApp { client_id, credential } = self.tokens.microsoft_app(pending.registration).await?;
        let all = || permissions(pending.registration).iter().map(|permission| permission.name);
        let token = match self.entra.token(pending.directory, &client_id, &credential, deadline).await {
            Ok(token) => token,
            Err(error) if error.kind == TokenErrorKind::ConsentGone => return Ok(Proof::Missing(all().collect())),
            Err(error) => return Err(error.into()),
        };
        let AppToken { access, roles, directory, app, .. } = token;
        if directory != Some(pending.directory) || app.as_deref() != Some(client_id.as_str()) {
            return Err(Failure::ConsentForAnotherDirectory);
        }
        let missing: Vec<_> = all().filter(|name| !roles.iter().any(|role| role == name)).collect();
        if !missing.is_empty() {
            return Ok(Proof::Missing(missing));
        }
        // A token can be ahead of the service that has to take it.
        let access = Access::with_token(access, deadline);
        let refusal = match pending.registration {
            Registration::Groups => match self.graph.group_settings(&access).await {
                Ok(_) => None,
                Err(error) if matches!(error.status(), Some(401 | 403)) => Some(error),
                Err(error) => return Err(error.into()),
            },
            Registration::Files => self.graph.refusal_of_files(&access).await?,
        };
        Ok(refusal.map_or(Proof::Whole, |_| Proof::Missing(vec![])))
    }
}
