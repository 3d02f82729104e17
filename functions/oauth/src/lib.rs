//! The setup pages: signing in with Webex, connecting Webex and Microsoft, prerequisites, settings, leaving. The one door into the system.
//!
//! # Guarantees
//! - Only a full administrator of an organization gets in, and sees and changes that organization's tenant: every page takes it from the session, none from an address.
//! - Signing in and connecting are two flows. A sign-in's tokens are discarded; the officer's pair is stored only after Webex has shown that it can do its work.
//! - What a form changes, it changes with the session's CSRF token. What a way back from Webex or Microsoft changes, it changes once, in the browser and session it began in.
//! - A directory is connected only after one of its administrators has signed in, and only to one organization.
//! - Every answer has the security headers; every failure is a page for people, with a number that the log has, too.

mod activity;
mod answer;
mod called;
mod connect;
mod consent;
mod cookies;
mod disconnect;
mod done;
mod existing;
mod external_id;
mod failure;
mod files;
mod fix;
mod flow;
mod folders;
mod held;
mod home;
pub mod id_token;
mod incoming;
mod microsoft;
mod officer;
mod oidc;
mod page;
mod people;
mod person;
mod place;
mod prerequisites;
mod preview;
mod proof;
mod put_back;
mod random;
mod registration;
mod route;
mod selection;
mod session;
mod settings;
mod settings_form;
mod sign_in;
mod team;
mod teams;

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use clients::graph::{Entra, Graph};
use clients::http::{Deadline, InvalidBaseUrl, Transport};
use clients::webex::{Webex, WebexId};
use domain::clock::Clock;
use domain::ids::OrgId;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::Tokens;
use engine::offboard::Hands;
use engine::sync::Sync;
use engine::tenant::organization::Organization;
use futures::FutureExt;
use jiff::SignedDuration;
use store::queue::Queue;
use store::table::Store;
use url::Url;
use uuid::Uuid;

use crate::answer::Answer;
use crate::cookies::Cookies;
use crate::failure::Failure;
use crate::incoming::Incoming;
pub use crate::incoming::LARGEST_BODY;
use crate::oidc::Oidc;
use crate::page::Stylesheet;
use crate::place::Place;
use crate::route::Route;
use crate::session::Session;

/// How long a request may take: API Gateway waits for 30 seconds.
const LONGEST: SignedDuration = SignedDuration::from_secs(25);

/// What the function is made of.
pub struct Parts {
    /// The table.
    pub store: Arc<dyn Store>,
    /// The queue of looks.
    pub queue: Arc<dyn Queue>,
    /// Tokens of all tenants, and the credentials of our own apps.
    pub tokens: Tokens,
    /// Webex.
    pub webex: Webex,
    /// Microsoft Graph.
    pub graph: Graph,
    /// Entra's token endpoint.
    pub entra: Entra,
    /// Where Microsoft's sign-in is: `https://login.microsoftonline.com`.
    pub login: String,
    /// The way out.
    pub transport: Arc<dyn Transport>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Where these pages are reached: all own addresses begin with it.
    pub public: Url,
    /// Who may sign up.
    pub allowed: Allowed,
}

/// The function: HTTP in, pages out.
pub struct Oauth {
    store: Arc<dyn Store>,
    queue: Arc<dyn Queue>,
    tokens: Arc<Tokens>,
    /// For what a look would do: these pages let it do nothing.
    sync: Sync,
    webex: Webex,
    graph: Graph,
    entra: Entra,
    oidc: Oidc,
    login: String,
    clock: Arc<dyn Clock>,
    public: String,
    allowed: Allowed,
    cookies: Cookies,
    style: Stylesheet,
}

/// Which organizations may sign up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Anybody.
    Everybody,
    /// These.
    Only(BTreeSet<OrgId>),
}

impl Allowed {
    /// Reads the value of `ALLOWED_ORGANIZATIONS`: ids with commas between them, as uuids or as Webex spells them. An empty one allows everybody.
    ///
    /// # Errors
    /// The part that is no id.
    pub fn parse(value: &str) -> Result<Self, String> {
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let ids = parts.map(|part| part.parse::<WebexId<OrgId>>().map(|id| id.id).map_err(|error| error.to_string()));
        let ids: BTreeSet<OrgId> = ids.collect::<Result<_, _>>()?;
        Ok(if ids.is_empty() { Self::Everybody } else { Self::Only(ids) })
    }

    fn includes(&self, org: OrgId) -> bool {
        match self {
            Self::Everybody => true,
            Self::Only(these) => these.contains(&org),
        }
    }
}

/// Somebody who is signed in, and the organization that he administers.
struct Administrator {
    session: Session,
    organization: Organization,
}

impl Administrator {
    /// The organization, if both sides are connected: before that it has nothing to show.
    fn connected(&self) -> Result<&Organization, Failure> {
        let is_connected = self.organization.directory.is_some();
        is_connected.then_some(&self.organization).ok_or(Failure::NotConnected)
    }
}

impl Oauth {
    /// The function over its parts.
    ///
    /// # Errors
    /// A login address that is neither https nor on this machine.
    pub fn new(parts: Parts) -> Result<Self, InvalidBaseUrl> {
        let Parts { store, queue, tokens, webex, graph, entra, login, transport, clock, public, allowed } = parts;
        let tokens = Arc::new(tokens);
        Ok(Self {
            oidc: Oidc::new(&login, transport, clock.clone())?,
            cookies: Cookies::at(&public),
            public: public.as_str().trim_end_matches('/').to_owned(),
            style: Stylesheet::new(),
            sync: Sync {
                store: store.clone(),
                queue: queue.clone(),
                tokens: tokens.clone(),
                webex: webex.clone(),
                graph: graph.clone(),
                clock: clock.clone(),
            },
            store,
            queue,
            tokens,
            webex,
            graph,
            entra,
            login,
            clock,
            allowed,
        })
    }

    /// Answers one request of API Gateway (HTTP API, payload format 2.0).
    pub async fn handle(&self, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        let trace = Uuid::now_v7().simple().to_string();
        let incoming = match Incoming::read(&request) {
            Ok(incoming) => incoming,
            Err(failure) => return self.failed(failure, &trace).sealed(),
        };
        // Boxed: the pages' futures together are larger than a stack frame should be.
        match self.answer(&incoming).boxed().await {
            Ok(answer) => answer.sealed(),
            Err(Failure::NoSession(place)) => {
                let cookie = self.cookies.clear(self.cookies.session());
                Answer::see(format!("/?to={}", place.name())).cookie(cookie).sealed()
            }
            Err(failure) => self.failed(failure, &trace).sealed(),
        }
    }

    async fn answer(&self, incoming: &Incoming) -> Result<Answer, Failure> {
        let Some(route) = self.route(&incoming.path) else { return Err(Failure::NoSuchPage) };
        let posts = incoming.method == http::Method::POST;
        if !posts && incoming.method != http::Method::GET || !route.takes(&incoming.method) {
            return Err(Failure::WrongMethod { allowed: route.allowed() });
        }
        match route {
            Route::Health => return Ok(Answer::empty(200)),
            Route::Style => return Ok(Answer::asset("text/css; charset=utf-8", page::STYLE)),
            Route::SignIn => return self.sign_in(incoming).await,
            Route::WebexCallback => return self.back_from_webex(incoming).await,
            Route::Page(Place::Home) => return self.home(incoming).await,
            _ => {}
        }
        let administrator = self.administrator(incoming, route.place()).await?;
        if posts && !self.is_from_our_page(incoming, &administrator.session) {
            return Err(Failure::NotFromOurPage);
        }
        match (route, posts) {
            (Route::Page(Place::Webex), false) => self.officer_page(&administrator),
            (Route::Page(Place::Webex), true) => self.connect_webex(incoming, &administrator).await,
            (Route::Page(Place::Microsoft), false) => self.permissions_page(&administrator),
            (Route::Page(Place::Microsoft), true) => {
                self.connect_microsoft(incoming, &administrator, Registration::Groups).await
            }
            (Route::Page(Place::Folders), false) => self.folders_page(incoming, &administrator).await,
            (Route::Page(Place::Folders), true) => {
                self.connect_microsoft(incoming, &administrator, Registration::Files).await
            }
            (Route::MicrosoftCallback, _) => self.back_from_microsoft(incoming, &administrator).await,
            (Route::Consent, _) if incoming.has_query() => self.back_from_consent(incoming, &administrator).await,
            (Route::Consent, _) => self.prove_consent(&administrator).await,
            (Route::Page(Place::Prerequisites), _) => self.prerequisites(&administrator).await,
            (Route::Page(Place::People), _) => self.people(incoming, &administrator).await,
            (Route::Page(Place::Fix), false) => self.fix(incoming, &administrator).await,
            (Route::Page(Place::Fix), true) => self.go_and_fix(incoming, &administrator).await,
            (Route::Person(person), false) => self.person(incoming, &administrator, person).await,
            (Route::Person(person), true) => self.decide_about_person(incoming, &administrator, person).await,
            (Route::Page(Place::Held), _) => self.all_held(incoming, &administrator).await,
            (Route::Page(Place::Activity), _) => self.activity(incoming, &administrator).await,
            (Route::ActivityFile, _) => self.activity_file(incoming, &administrator).await,
            (Route::Page(Place::Preview), false) => self.previews(incoming, &administrator).await,
            (Route::Page(Place::Preview), true) => self.go_live(incoming, &administrator).await,
            (Route::Page(Place::Existing), false) => self.existing(incoming, &administrator).await,
            (Route::Page(Place::Existing), true) => self.decide_about_search(incoming, &administrator).await,
            (Route::Page(Place::Selection), false) => self.selection(incoming, &administrator).await,
            (Route::Page(Place::Selection), true) => self.decide_about_selection(incoming, &administrator).await,
            (Route::Page(Place::Teams), _) => self.teams(incoming, &administrator).await,
            (Route::Team(team), false) => self.team(incoming, &administrator, team).await,
            (Route::Team(team), true) => self.decide_about_team(incoming, &administrator, team).await,
            (Route::Connect(team), false) => self.connecting(incoming, &administrator, team).await,
            (Route::Connect(team), true) => self.decide_about_connecting(incoming, &administrator, team).await,
            (Route::Done(team, entry), false) => self.done(&administrator, team, entry).await,
            (Route::Done(team, entry), true) => self.put_back(incoming, &administrator, team, entry).await,
            (Route::Page(Place::Settings), false) => self.settings_page(incoming, &administrator).await,
            (Route::Page(Place::Settings), true) => self.save_settings(incoming, &administrator).await,
            (Route::Page(Place::Disconnect), false) => self.disconnect_page(&administrator).await,
            (Route::Page(Place::Disconnect), true) => self.disconnect(incoming, &administrator).await,
            (Route::Page(Place::Receipt), false) => self.receipt(&administrator).await,
            (Route::Page(Place::Receipt), true) => self.decide_about_groups(incoming, &administrator).await,
            (Route::SignOut, _) => self.sign_out(incoming).await,
            (Route::SignOutEverywhere, _) => self.sign_out_everywhere(&administrator).await,
            _ => Err(Failure::NoSuchPage),
        }
    }

    /// Who is signed in, on the way to a page.
    async fn administrator(&self, incoming: &Incoming, to: Place) -> Result<Administrator, Failure> {
        self.signed_in(incoming).await?.ok_or(Failure::NoSession(to))
    }

    async fn signed_in(&self, incoming: &Incoming) -> Result<Option<Administrator>, Failure> {
        let Some(token) = incoming.cookie(self.cookies.session()) else { return Ok(None) };
        let loaded = Session::load(self.store.as_ref(), token, self.clock.now()).await?;
        // Whoever may not sign up any more is out at once.
        let loaded = loaded.filter(|(session, _)| self.allowed.includes(session.org));
        Ok(loaded.map(|(session, organization)| Administrator { session, organization }))
    }

    fn is_from_our_page(&self, incoming: &Incoming, session: &Session) -> bool {
        let carried = incoming.field("csrf").unwrap_or_default();
        !incoming.comes_from_elsewhere && random::are_equal(carried, &session.csrf)
    }

    fn failed(&self, failure: Failure, trace: &str) -> Answer {
        let status = failure.status();
        if status >= 500 {
            tracing::error!(trace, status, %failure, "a page failed");
        } else {
            tracing::warn!(trace, status, %failure, "a page was refused");
        }
        let answer = self.failure_page(&failure, trace);
        match failure {
            Failure::WrongMethod { allowed } => answer.with(http::header::ALLOW, allowed.into()),
            _ => answer,
        }
    }

    fn deadline(&self) -> Deadline {
        Deadline(self.clock.now() + LONGEST)
    }

    fn hands(&self) -> Hands<'_> {
        Hands {
            store: self.store.as_ref(),
            tokens: &self.tokens,
            webex: &self.webex,
            graph: &self.graph,
            clock: self.clock.as_ref(),
            deadline: self.deadline(),
        }
    }

    fn own(&self, path: &str) -> String {
        format!("{}{path}", self.public)
    }
}
