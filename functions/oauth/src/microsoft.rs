//! Connecting Microsoft, first half: the note about permissions, and the sign-in of a directory's administrator.

use askama::Template;
use clients::http::Access;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::MicrosoftApp;
use engine::tenant::organization::Directory;
use secrecy::SecretString;

use crate::answer::Answer;
use crate::failure::{Failure, Service};
use crate::flow::{Flow, Purpose};
use crate::id_token::SignedIn;
use crate::incoming::Incoming;
use crate::oidc::{Ask, Occasion};
use crate::page::Shell;
use crate::place::Place;
use crate::registration::{Permission, permissions};
use crate::session::Pending;
use crate::sign_in::declined;
use crate::{Administrator, Oauth};

/// Where Microsoft sends browsers back to after a sign-in.
const CALLBACK: &str = "/oauth/microsoft/callback";

/// Where Microsoft sends browsers back to after a consent.
pub(crate) const CONSENT: &str = "/oauth/microsoft/consent";

#[derive(Template)]
#[template(path = "microsoft.html")]
struct PermissionsPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    permissions: &'static [Permission],
    has_officer: bool,
    directory: Option<&'a Directory>,
}

impl Oauth {
    /// What will be asked for, and why.
    pub(crate) fn permissions_page(&self, administrator: &Administrator) -> Result<Answer, Failure> {
        let page = PermissionsPage {
            shell: self.shell(administrator, Place::Microsoft),
            csrf: &administrator.session.csrf,
            permissions: permissions(Registration::Groups),
            has_officer: administrator.organization.officer.is_some(),
            directory: administrator.organization.directory.as_ref(),
        };
        Ok(Answer::page(200, page.render()?))
    }

    /// Sends the browser to Microsoft so that an administrator of a directory signs in, to consent to an app.
    pub(crate) async fn connect_microsoft(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        registration: Registration,
    ) -> Result<Answer, Failure> {
        match registration {
            Registration::Groups if administrator.organization.officer.is_none() => return Err(Failure::WebexFirst),
            Registration::Files => {
                let at_hand = self.at_hand(administrator).await?;
                if !self.folders_state(at_hand.as_ref()).await?.takes_consent() {
                    return Err(Failure::Changed(Place::Folders));
                }
            }
            Registration::Groups => {}
        }
        let MicrosoftApp { client_id, .. } = self.tokens.microsoft_app(Registration::Groups).await?;
        let purpose = Purpose::Microsoft { registration };
        let (flow, cookie) = self.begin(incoming, purpose, Some(&administrator.session)).await?;
        let url = self.microsoft_url(&client_id, &flow, Occasion::Connect);
        self.onwards(administrator, "Microsoft", &url, cookie)
    }

    /// The address at Microsoft of a way.
    pub(crate) fn microsoft_url(&self, client_id: &str, flow: &Flow, occasion: Occasion) -> String {
        let redirect_uri = self.own(CALLBACK);
        let ask = Ask { client_id, redirect_uri: &redirect_uri, state: &flow.state };
        self.oidc.authorize_url(&ask, occasion, (&flow.nonce(), &flow.challenge()))
    }

    /// The way back from Microsoft.
    pub(crate) async fn back_from_microsoft(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let fits = |purpose: &Purpose| matches!(purpose, Purpose::Microsoft { .. } | Purpose::Proof { .. });
        match self.end(incoming, Some(&administrator.session), fits).await? {
            (flow, Purpose::Proof { directory, asker }) => {
                let taken = self.take_proof(incoming, administrator, &flow, (directory, asker)).await;
                taken.map_err(|failure| failure.on_the_way_to(asker.place()))
            }
            (flow, Purpose::Microsoft { registration }) => {
                let taken = self.take_directory(incoming, administrator, (&flow, registration)).await;
                taken.map_err(|failure| failure.of_consent_to(registration))
            }
            _ => Err(Failure::State),
        }
    }

    /// Whoever has just signed in, if what came back proves it; and a token for Graph in his name.
    pub(crate) async fn signed_in_with_microsoft(
        &self,
        incoming: &Incoming,
        flow: &Flow,
        occasion: Occasion,
    ) -> Result<(SignedIn, Option<SecretString>), Failure> {
        declined(incoming, Service::Microsoft)?;
        let MicrosoftApp { client_id, credential } = self.tokens.microsoft_app(Registration::Groups).await?;
        let (code, deadline) = (incoming.query("code").ok_or(Failure::State)?, self.deadline());
        let redirect_uri = self.own(CALLBACK);
        let ask = Ask { client_id: &client_id, redirect_uri: &redirect_uri, state: &flow.state };
        let exchanged = self.oidc.exchange(&ask, occasion, &credential, (code, &flow.verifier()), deadline).await;
        let exchanged = exchanged.map_err(|error| Failure::of_exchange(error, Service::Microsoft))?;
        let who = self.oidc.validate(&exchanged.id_token, &client_id, &flow.nonce(), deadline).await??;
        Ok((who, exchanged.access_token))
    }

    /// Who signed in decides which directory it is about, and whether he may decide for it. Then on to the consent, for that very directory.
    async fn take_directory(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        (flow, registration): (&Flow, Registration),
    ) -> Result<Answer, Failure> {
        let session = &administrator.session;
        let (who, token) = self.signed_in_with_microsoft(incoming, flow, Occasion::Connect).await?;
        if !who.is_administrator() {
            return Err(Failure::NotAMicrosoftAdministrator);
        }
        if let Some(connected) = &administrator.organization.directory
            && connected.id != who.directory
        {
            return Err(Failure::AnotherDirectory { connected: connected.name.clone() });
        }
        let name = match token {
            Some(token) => {
                let access = Access::with_token(token, self.deadline());
                // For the page only: the id_token has said which directory it is.
                self.graph.organization(&access).await.ok().flatten().filter(|one| one.id == who.directory)
            }
            None => None,
        };
        let name = name.and_then(|organization| organization.display_name);
        let name = name.or_else(|| Some(who.name.split_once('@')?.1.to_owned()));
        let pending = Pending {
            registration,
            directory: who.directory,
            name: name.unwrap_or_else(|| who.directory.to_string()),
            by: who.person,
            by_name: who.name,
            at: self.clock.now(),
            consented_at: None,
        };
        session.set_pending(self.store.as_ref(), Some(&pending)).await?;
        tracing::info!(org = %session.org, directory = %who.directory, person = %who.person, "an administrator signed in with microsoft");
        let MicrosoftApp { client_id, .. } = self.tokens.microsoft_app(registration).await?;
        let purpose = Purpose::Consent { registration, directory: who.directory };
        let (flow, cookie) = self.begin(incoming, purpose, Some(session)).await?;
        let redirect_uri = self.own(CONSENT);
        let ask = Ask { client_id: &client_id, redirect_uri: &redirect_uri, state: &flow.state };
        Ok(Answer::see(self.oidc.consent_url(&ask, who.directory)).cookie(cookie))
    }
}
