//! Signing in with Webex, which says who somebody is and nothing more: the tokens are discarded.

use clients::http::{Access, Deadline};
use clients::webex::{Account, AccountKind, CodeExchange, SignIn, TokenPair};
use engine::credentials::tokens::WebexApp;
use engine::tenant::organization;
use secrecy::SecretString;

use crate::answer::Answer;
use crate::failure::{Failure, Service};
use crate::flow::{Flow, Purpose};
use crate::incoming::Incoming;
use crate::place::Place;
use crate::session::{self, Session};
use crate::{Administrator, Oauth};

/// What a sign-in asks for: who it is, in which organization, with which roles.
const SCOPES: [&str; 3] = ["spark:people_read", "identity:people_read", "identity:organizations_read"];

/// The name of the role that may see these pages.
pub(crate) const FULL_ADMINISTRATOR: &str = "id_full_admin";

/// Where Webex sends browsers back to.
pub(crate) const CALLBACK: &str = "/oauth/webex/callback";

impl Oauth {
    /// Sends a browser to Webex so that somebody signs in.
    pub(crate) async fn sign_in(&self, incoming: &Incoming) -> Result<Answer, Failure> {
        let to = Place::named(incoming.query("to").unwrap_or_default());
        let (flow, cookie) = self.begin(incoming, Purpose::SignIn { to }, None).await?;
        Ok(Answer::see(self.webex_url(&flow, &SCOPES).await?).cookie(cookie))
    }

    /// The address at Webex of a way.
    pub(crate) async fn webex_url(&self, flow: &Flow, scopes: &[&str]) -> Result<String, Failure> {
        let WebexApp { client_id, .. } = self.tokens.webex_app().await?;
        Ok(self.webex.authorize_url(&SignIn {
            client_id: &client_id,
            redirect_uri: &self.own(CALLBACK),
            scopes,
            state: &flow.state,
            code_challenge: Some(&flow.challenge()),
        }))
    }

    /// The way back from Webex.
    pub(crate) async fn back_from_webex(&self, incoming: &Incoming) -> Result<Answer, Failure> {
        let administrator = self.signed_in(incoming).await?;
        let session = administrator.as_ref().map(|one| &one.session);
        let fits = |purpose: &Purpose| {
            matches!(purpose, Purpose::SignIn { .. } | Purpose::Officer { .. } | Purpose::Fix { .. })
        };
        let (flow, purpose) = self.end(incoming, session, fits).await?;
        let granted = async {
            declined(incoming, Service::Webex)?;
            let deadline = self.deadline();
            Ok((self.who_is_it(incoming, &flow, deadline).await?, deadline))
        };
        let granted: Result<_, Failure> = granted.await;
        if let (Purpose::Fix { pairs }, Some(administrator)) = (&purpose, &administrator) {
            let fixed = async {
                let ((pair, account), deadline) = granted?;
                self.fix_granted(administrator, pairs, (pair.access, &account), deadline).await
            };
            return fixed.await.map_err(|failure: Failure| failure.on_the_way_to(Place::People));
        }
        let ((pair, account), deadline) = granted?;
        match (purpose, administrator) {
            (Purpose::SignIn { to }, _) => self.let_in(incoming, account, to).await,
            (Purpose::Officer { standing, intent }, Some(administrator)) => {
                self.take_officer(&administrator, (standing, intent), pair, account, deadline).await
            }
            _ => Err(Failure::State),
        }
    }

    /// Exchanges the code, and asks whose tokens those are.
    async fn who_is_it(
        &self,
        incoming: &Incoming,
        flow: &Flow,
        deadline: Deadline,
    ) -> Result<(TokenPair, Account), Failure> {
        let WebexApp { client_id, client_secret } = self.tokens.webex_app().await?;
        let code = SecretString::from(incoming.query("code").ok_or(Failure::State)?);
        let exchange = CodeExchange {
            client_id: &client_id,
            client_secret: &client_secret,
            code: &code,
            redirect_uri: &self.own(CALLBACK),
            code_verifier: Some(&flow.verifier()),
        };
        let pair = self.webex.exchange_code(&exchange, deadline).await;
        let pair = pair.map_err(|error| Failure::of_exchange(error, Service::Webex))?;
        let account = self.webex.me(&Access::with_token(pair.access.clone(), deadline)).await?;
        Ok((pair, account))
    }

    /// Begins a session for a full administrator of an organization that may sign up.
    async fn let_in(&self, incoming: &Incoming, account: Account, to: Place) -> Result<Answer, Failure> {
        let is_administrator = account.kind == AccountKind::Person && account.has_role(FULL_ADMINISTRATOR);
        let org = account.org.filter(|_| is_administrator).ok_or(Failure::NotAWebexAdministrator)?;
        if !self.allowed.includes(org) {
            return Err(Failure::OrganizationNotAllowed);
        }
        let store = self.store.as_ref();
        let organization = organization::sign_up(store, org).await?;
        let name = account.name.or_else(|| account.emails.into_iter().next()).unwrap_or_default();
        let token = Session::begin(store, &organization, (account.id.id, name), self.clock.now()).await?;
        if let Some(old) = incoming.cookie(self.cookies.session()) {
            Session::end(store, old).await?;
        }
        tracing::info!(%org, person = %account.id.id, "an administrator signed in");
        let cookie = self.cookies.set(self.cookies.session(), &token, session::LONGEST);
        // The browser's part of the way is used up with it.
        Ok(Answer::see(to.path()).cookie(cookie).cookie(self.cookies.clear(self.cookies.flow())))
    }

    /// Ends this session.
    pub(crate) async fn sign_out(&self, incoming: &Incoming) -> Result<Answer, Failure> {
        if let Some(token) = incoming.cookie(self.cookies.session()) {
            Session::end(self.store.as_ref(), token).await?;
        }
        Ok(self.signed_out())
    }

    /// Ends all sessions of the organization's administrators, this one among them.
    pub(crate) async fn sign_out_everywhere(&self, administrator: &Administrator) -> Result<Answer, Failure> {
        organization::end_sessions(self.store.as_ref(), administrator.session.org).await?;
        tracing::info!(org = %administrator.session.org, "all sessions were ended");
        Ok(self.signed_out())
    }

    fn signed_out(&self) -> Answer {
        Answer::see("/?signed-out").cookie(self.cookies.clear(self.cookies.session()))
    }
}

/// What a service says in the place of a code.
pub(crate) fn declined(incoming: &Incoming, service: Service) -> Result<(), Failure> {
    match incoming.query("error") {
        None => Ok(()),
        Some("access_denied" | "consent_required" | "permission_denied") => Err(Failure::Declined(service)),
        Some(error) => {
            // Their word for it, as far as it is one.
            let word: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
            Err(Failure::Returned(service, word))
        }
    }
}
