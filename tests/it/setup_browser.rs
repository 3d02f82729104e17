//! A browser without a window before the setup pages: it keeps cookies, follows our own redirects, and signs in at both services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clients::http::Transport;
use domain::clock::Clock;
use domain::ids::{ObjectId, OrgId, PersonId, TenantId};
use engine::tenant;
use engine::tenant::files_consent::FilesConsent;
use engine::tenant::organization::{self, Organization};
use engine::tenant::settings::{self, Settings};
use http::HeaderMap;
use sandbox::house::{FUNCTIONS, Ground, House};
use sandbox::{AdminRole, Person, TenantHandle, World};
use store::table::Item;
use url::Url;

use crate::town::start;

/// Two customers that have not connected yet.
pub(crate) struct Customers {
    pub(crate) house: House,
    pub(crate) acme: TenantHandle,
    pub(crate) globex: TenantHandle,
    pub(crate) people: Vec<Person>,
}

impl Customers {
    pub(crate) async fn new() -> Self {
        Self::in_house(|ground| House::new(ground).unwrap()).await
    }

    pub(crate) async fn in_house(house: impl FnOnce(&Ground) -> House) -> Self {
        _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .without_time()
            .try_init();
        let ground = Ground::new(start(), 11);
        let (acme, globex) = (ground.world.add_tenant("Acme"), ground.world.add_tenant("Globex"));
        let people = (0..6).map(|n| ground.world.add_person(&acme, &format!("Person {n:02}"))).collect();
        // Nobody has consented to anything yet.
        ground.world.withdraw_consent(acme.directory);
        ground.world.withdraw_consent(globex.directory);
        let house = house(&ground);
        house.deploy(&acme).await.unwrap();
        Self { house, acme, globex, people }
    }

    pub(crate) fn world(&self) -> &World {
        &self.house.ground().world
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::before(self.house.setup_pages(), self.world().transport())
    }

    /// A browser in which the administrator of a customer is signed in.
    pub(crate) async fn signed_in(&self, customer: &TenantHandle) -> Browser {
        let mut browser = self.browser();
        let page = browser.sign_in(customer.administrator.person).await;
        page.is(200, "Overview");
        browser
    }

    /// The same, and both sides connected.
    pub(crate) async fn connected(&self, customer: &TenantHandle) -> Browser {
        let mut browser = self.signed_in(customer).await;
        browser.connect_webex(customer.officer, &[]).await.is(200, "Connected through Compliance Officer");
        browser.connect_microsoft(customer).await.is(200, "is connected");
        browser
    }

    pub(crate) async fn organization(&self, org: OrgId) -> Option<Organization> {
        organization::load(self.house.ground().store.as_ref(), org).await.unwrap()
    }

    pub(crate) async fn tenant(&self) -> TenantId {
        self.organization(self.acme.org).await.unwrap().tenant
    }

    pub(crate) async fn settings(&self) -> Settings {
        settings::load(self.house.ground().store.as_ref(), self.tenant().await).await.unwrap().0
    }

    /// What Acme's directory granted for files, as it is stored.
    pub(crate) async fn files(&self) -> Option<FilesConsent> {
        let ground = self.house.ground();
        let at_hand = tenant::at_hand(ground.store.as_ref(), self.tenant().await, &[], ground.clock.now()).await;
        at_hand.unwrap().and_then(|(at_hand, _)| at_hand.tenant.files)
    }

    /// All tenants, also those that are only half there.
    pub(crate) async fn tenants(&self) -> Vec<TenantId> {
        self.house.listed().await.unwrap()
    }

    /// All that is stored, by key.
    pub(crate) fn items(&self) -> BTreeMap<String, Item> {
        let items = self.house.ground().store.snapshot().into_iter();
        items.map(|(key, item)| (format!("{}/{}", key.pk, key.sk), item)).collect()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.house.ground().clock.advance(Duration::from_secs(seconds));
    }

    /// Somebody of the organization with these roles.
    pub(crate) fn with_roles(&self, name: &str, roles: &[AdminRole]) -> PersonId {
        let person = self.world().add_webex_only(&self.acme, name);
        roles.iter().for_each(|role| self.world().give_role(person, *role));
        person
    }
}

/// What the browser shows.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) url: String,
    pub(crate) html: String,
    pub(crate) headers: HeaderMap,
}

impl Page {
    #[track_caller]
    pub(crate) fn is(&self, status: u16, text: &str) {
        assert_eq!(self.status, status, "{} {}", self.url, self.html);
        assert!(self.html.contains(text), "no {text:?} at {}: {}", self.url, self.html);
    }

    /// That it is a page for people about something that went wrong, with its number.
    #[track_caller]
    pub(crate) fn fails(&self, status: u16, text: &str) {
        self.is(status, text);
        assert!(self.html.contains("tell them this number: <code>"), "{}", self.html);
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where another service's page is.
    pub(crate) fn onwards(&self) -> String {
        let refresh = self.header("refresh").split_once(";url=").map(|(_, url)| url.to_owned());
        let location = || self.header("location").to_owned();
        let to = refresh.unwrap_or_else(location);
        assert!(to.starts_with("https://") || to.starts_with("http://127.0.0.1:"), "leads nowhere: {self:?}");
        to
    }

    pub(crate) fn csrf(&self) -> String {
        self.field("csrf")
    }

    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let after = self.html.split_once(&format!("name=\"{name}\" value=\""));
        let (_, rest) = after.unwrap_or_else(|| panic!("no field {name} in {}", self.html));
        rest.split('"').next().unwrap().to_owned()
    }

    /// All fields of the settings' form, as a browser would send them untouched.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let form = self.html.split("<form method=\"post\" action=\"/settings\">").last().unwrap();
        let attribute = |tag: &str, name: &str| {
            let (_, rest) = tag.split_once(&format!("{name}=\""))?;
            Some(rest.split('"').next()?.to_owned())
        };
        let tags = form.split("<input ").skip(1).map(|tag| tag.split('>').next().unwrap());
        let sent = tags.filter(|tag| {
            let is_choice = tag.contains("type=\"radio\"") || tag.contains("type=\"checkbox\"");
            !is_choice || tag.contains(" checked")
        });
        sent.filter_map(|tag| {
            Some((attribute(tag, " name").or_else(|| attribute(tag, "name"))?, attribute(tag, "value")?))
        })
        .collect()
    }
}

/// The browser.
#[derive(Clone)]
pub(crate) struct Browser {
    own: Arc<dyn Transport>,
    services: Arc<dyn Transport>,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// An empty one before our pages and those of both services.
    pub(crate) fn before(own: Arc<dyn Transport>, services: Arc<dyn Transport>) -> Self {
        Self { own, services, cookies: BTreeMap::new() }
    }

    /// Sends one request to our own pages, and keeps the cookies of the answer.
    pub(crate) async fn send(&mut self, request: http::request::Builder, body: String) -> Page {
        let mut request = request.body(Bytes::from(body)).unwrap();
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(http::header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        let url = request.uri().to_string();
        let answer = self.own.send(request, Duration::from_secs(30)).await.unwrap();
        for cookie in answer.headers().get_all(http::header::SET_COOKIE) {
            let (cookie, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            assert!(name.starts_with("__Host-"), "{name}");
            for attribute in ["Path=/", "HttpOnly", "Secure", "SameSite=Lax"] {
                assert!(attributes.contains(attribute), "{name} without {attribute}: {attributes}");
            }
            match value {
                "" => _ = self.cookies.remove(name),
                value => _ = self.cookies.insert(name.into(), value.into()),
            }
        }
        let html = String::from_utf8(answer.body().to_vec()).unwrap();
        Page { status: answer.status().as_u16(), url, html, headers: answer.headers().clone() }
    }

    /// Follows redirects as long as they lead to our own pages.
    async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..5 {
            if page.status != 303 {
                return page;
            }
            let to = Url::parse(&page.url).unwrap().join(page.header("location")).unwrap().to_string();
            if !to.starts_with(FUNCTIONS) {
                return page;
            }
            page = self.send(http::Request::get(to), String::new()).await;
        }
        panic!("redirects without end: {page:?}")
    }

    /// Opens a path of ours, or an address that another service sent the browser back to.
    pub(crate) async fn open(&mut self, path: &str) -> Page {
        let page = self.open_only(path).await;
        self.follow(page).await
    }

    /// The same without following redirects.
    pub(crate) async fn open_only(&mut self, path: &str) -> Page {
        let url = if path.starts_with('/') { format!("{FUNCTIONS}{path}") } else { path.to_owned() };
        self.send(http::Request::get(url), String::new()).await
    }

    /// Submits a form of ours.
    pub(crate) async fn submit(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = http::Request::post(format!("{FUNCTIONS}{path}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        let page = self.send(request, body).await;
        self.follow(page).await
    }

    /// Submits a form with the token of the page that it is on.
    pub(crate) async fn submit_on(&mut self, page: &str, action: &str, form: &[(&str, &str)]) -> Page {
        let csrf = self.open(page).await.csrf();
        let mut form = form.to_vec();
        form.push(("csrf", &csrf));
        self.submit(action, &form).await
    }

    /// Signs in on a page of another service and decides; says where that sends the browser.
    pub(crate) async fn decide(&self, url: &str, account: impl ToString, decision: &str) -> String {
        let account = account.to_string();
        let form = [("account", account.as_str()), ("decision", decision)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = http::Request::post(url).header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(body)).unwrap();
        let answer = self.services.send(request, Duration::from_secs(1)).await.unwrap();
        let location = answer.headers().get("location").unwrap_or_else(|| panic!("{url}: {:?}", answer.body()));
        location.to_str().unwrap().to_owned()
    }

    pub(crate) async fn sign_in(&mut self, account: PersonId) -> Page {
        let at_webex = self.open("/oauth/webex").await.onwards();
        let back = self.decide(&at_webex, account, "accept").await;
        self.open(&back).await
    }

    /// To Webex with the form of the officer's page; says where Webex's page is.
    pub(crate) async fn go_to_webex(&mut self, form: &[(&str, &str)]) -> String {
        self.submit_on("/webex", "/webex", form).await.onwards()
    }

    pub(crate) async fn connect_webex(&mut self, account: PersonId, form: &[(&str, &str)]) -> Page {
        let at_webex = self.go_to_webex(form).await;
        let back = self.decide(&at_webex, account, "accept").await;
        self.open(&back).await
    }

    /// To Microsoft from the note about permissions; says where Microsoft's page is.
    pub(crate) async fn go_to_microsoft(&mut self) -> String {
        self.submit_on("/oauth/microsoft", "/oauth/microsoft", &[]).await.onwards()
    }

    /// Signs in at Microsoft and comes back; the page leads on to the consent if all is well.
    pub(crate) async fn sign_in_at_microsoft(&mut self, account: impl ToString) -> Page {
        let at_microsoft = self.go_to_microsoft().await;
        let back = self.decide(&at_microsoft, account, "accept").await;
        self.open(&back).await
    }

    pub(crate) async fn connect_microsoft(&mut self, customer: &TenantHandle) -> Page {
        let administrator = customer.administrator.object;
        let at_consent = self.sign_in_at_microsoft(administrator).await.onwards();
        let back = self.decide(&at_consent, administrator, "accept").await;
        self.open(&back).await
    }

    /// Signs in freshly at Microsoft from the page of somebody, and comes back.
    pub(crate) async fn prove(&mut self, page: &str, account: impl ToString) -> Page {
        let at_microsoft = self.go_and_prove(page).await;
        let back = self.decide(&at_microsoft, account, "accept").await;
        self.open(&back).await
    }

    /// To Microsoft from a page that wants to know who sits there; says where Microsoft's page is.
    pub(crate) async fn go_and_prove(&mut self, page: &str) -> String {
        self.submit_on(page, page, &[("action", "sign-in")]).await.onwards()
    }

    /// To Microsoft from the page about folders, and as this administrator to the consent; says where that is.
    pub(crate) async fn go_to_consent_to_files(&mut self, administrator: ObjectId) -> Page {
        let at_microsoft = self.submit_on("/folders", "/folders", &[]).await.onwards();
        let back = self.decide(&at_microsoft, administrator, "accept").await;
        self.open(&back).await
    }

    /// Consents to files, all the way.
    pub(crate) async fn authorize_files(&mut self, customer: &TenantHandle) -> Page {
        let administrator = customer.administrator.object;
        let at_consent = self.go_to_consent_to_files(administrator).await.onwards();
        let back = self.decide(&at_consent, administrator, "accept").await;
        self.open(&back).await
    }

    /// Saves the settings with some fields changed.
    pub(crate) async fn save(&mut self, changes: &[(&str, &str)]) -> Page {
        let page = self.open("/settings").await;
        self.save_from(&page, changes).await
    }

    /// The same from a page that was opened before.
    pub(crate) async fn save_from(&mut self, page: &Page, changes: &[(&str, &str)]) -> Page {
        let mut form = page.form();
        form.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let form: Vec<_> = form.into_iter().chain(changes.iter().copied()).collect();
        self.submit("/settings", &form).await
    }
}
