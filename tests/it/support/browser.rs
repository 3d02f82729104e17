//! A browser without a window: it keeps cookies, follows redirects, and signs in at both services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clients::http::Transport;
use domain::ids::{ObjectId, PersonId};
use http::HeaderMap;
use sandbox::local_stack::FUNCTIONS_URL;
use sim::TenantHandle;
use url::Url;

/// The page in the browser.
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
        // Pages escape apostrophes, expected texts do not.
        let readable = self.html.replace("&#39;", "'");
        let has_text = self.html.contains(text) || readable.contains(text);
        assert!(has_text, "no {text:?} at {}: {}", self.url, self.html);
    }

    /// Asserts an error page with its reference number.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, text: &str) {
        self.is(status, text);
        assert!(self.html.contains("Error ID: <code>"), "{}", self.html);
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the address of the other service's page.
    pub(crate) fn next_url(&self) -> String {
        let refresh = self.header("refresh").split_once(";url=").map(|(_, url)| url.to_owned());
        let location = || self.header("location").to_owned();
        let to = refresh.unwrap_or_else(location);
        assert!(
            to.starts_with("https://") || to.starts_with("http://127.0.0.1:"),
            "leads nowhere: {self:?}"
        );
        to
    }

    /// Returns `true` if a form needs a fresh sign-in.
    pub(crate) fn asks_for_proof(&self) -> bool {
        self.html.contains("<h1>Sign in again with")
    }

    /// Returns path and fields of the form that a fresh sign-in offers.
    fn offered(&self) -> Option<(String, Vec<(String, String)>)> {
        let (_, after) = self.html.split_once("<h1>You signed in again</h1>")?;
        let (_, after) = after.split_once("action=\"")?;
        let (path, after) = after.split_once('"')?;
        let inputs = after.split("<input type=\"hidden\" name=\"").skip(1);
        let fields = inputs.map(|input| {
            let (name, rest) = input.split_once('"').unwrap();
            let (_, value) = rest.split_once("value=\"").unwrap();
            (unescaped(name), unescaped(value.split('"').next().unwrap()))
        });
        Some((unescaped(path), fields.collect()))
    }

    pub(crate) fn csrf(&self) -> String {
        self.field("csrf")
    }

    /// Returns the value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let after = self.html.split_once(&format!("name=\"{name}\" value=\""));
        let (_, rest) = after.unwrap_or_else(|| panic!("no field {name} in {}", self.html));
        rest.split('"').next().unwrap().to_owned()
    }

    /// Returns all fields of the settings form, as an unchanged browser form sends them.
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
            Some((
                attribute(tag, " name").or_else(|| attribute(tag, "name"))?,
                attribute(tag, "value")?,
            ))
        })
        .collect()
    }
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&#34;", "\"").replace("&#39;", "'");
    text.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&")
}

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    console: Arc<dyn Transport>,
    services: Arc<dyn Transport>,
    pub(crate) cookies: BTreeMap<String, String>,
    /// The accounts that give a proof when a form needs one.
    pub(crate) proves_as: Option<(PersonId, ObjectId)>,
}

impl Browser {
    /// Returns a browser without cookies, for the console and both services.
    pub(crate) fn new(console: Arc<dyn Transport>, services: Arc<dyn Transport>) -> Self {
        Self { console, services, cookies: BTreeMap::new(), proves_as: None }
    }

    /// Sends one request to the console, and keeps the cookies of the response.
    pub(crate) async fn send(&mut self, request: http::request::Builder, body: String) -> Page {
        let mut request = request.body(Bytes::from(body)).unwrap();
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // An attack sends its own.
        if !cookies.is_empty() && !request.headers().contains_key(http::header::COOKIE) {
            let cookies = http::HeaderValue::from_bytes(cookies.join("; ").as_bytes()).unwrap();
            request.headers_mut().insert(http::header::COOKIE, cookies);
        }
        let url = request.uri().to_string();
        let answer = self.console.send(request, Duration::from_secs(30)).await.unwrap();
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

    /// Follows redirects within the console.
    async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..5 {
            if page.status != 303 {
                return page;
            }
            let to =
                Url::parse(&page.url).unwrap().join(page.header("location")).unwrap().to_string();
            if !to.starts_with(FUNCTIONS_URL) {
                return page;
            }
            page = self.send(http::Request::get(to), String::new()).await;
        }
        panic!("redirects without end: {page:?}")
    }

    /// Opens a path of the console, or an address that another service redirected to.
    pub(crate) async fn open(&mut self, path: &str) -> Page {
        let page = self.open_without_redirects(path).await;
        self.follow(page).await
    }

    /// Opens a page without following redirects.
    pub(crate) async fn open_without_redirects(&mut self, path: &str) -> Page {
        let url =
            if path.starts_with('/') { format!("{FUNCTIONS_URL}{path}") } else { path.to_owned() };
        self.send(http::Request::get(url), String::new()).await
    }

    /// Submits a form of the console, with the fresh sign-in that it needs.
    pub(crate) async fn submit(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let page = self.submit_without_proof(path, form).await;
        match self.proves_as.filter(|_| page.asks_for_proof()) {
            Some((person, object)) => self.prove(&page, person, object).await,
            None => page,
        }
    }

    /// Signs in again where the page leads, and sends the form that the return offers.
    async fn prove(&mut self, page: &Page, person: PersonId, object: ObjectId) -> Page {
        let to = page.next_url();
        let account = if to.contains("prompt=login") && to.contains("response_mode") {
            object.to_string()
        } else {
            person.to_string()
        };
        let back = self.decide(&to, account, "accept").await;
        let offered = self.open(&back).await;
        let Some((path, fields)) = offered.offered() else {
            return offered;
        };
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.submit_without_proof(&path, &fields).await
    }

    /// Submits a form of the console; a proof that it needs is not given.
    pub(crate) async fn submit_without_proof(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = http::Request::post(format!("{FUNCTIONS_URL}{path}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        let page = self.send(request, body).await;
        self.follow(page).await
    }

    /// Submits a form with the CSRF token of the page that contains it.
    pub(crate) async fn submit_on(
        &mut self,
        page: &str,
        action: &str,
        form: &[(&str, &str)],
    ) -> Page {
        let csrf = self.open(page).await.csrf();
        let mut form = form.to_vec();
        form.push(("csrf", &csrf));
        self.submit(action, &form).await
    }

    /// Signs in on another service's page and decides; returns the redirect address.
    pub(crate) async fn decide(&self, url: &str, account: impl ToString, decision: &str) -> String {
        let account = account.to_string();
        let form = [("account", account.as_str()), ("decision", decision)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request =
            http::Request::post(url).header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(body)).unwrap();
        let answer = self.services.send(request, Duration::from_secs(1)).await.unwrap();
        let location = answer
            .headers()
            .get("location")
            .unwrap_or_else(|| panic!("{url}: {:?}", answer.body()));
        location.to_str().unwrap().to_owned()
    }

    pub(crate) async fn sign_in(&mut self, account: PersonId) -> Page {
        let at_webex = self.open("/oauth/webex").await.next_url();
        let back = self.decide(&at_webex, account, "accept").await;
        self.open(&back).await
    }

    /// Submits the page of the service account; returns the address of the Webex page.
    pub(crate) async fn go_to_webex(&mut self, form: &[(&str, &str)]) -> String {
        self.submit_on("/webex", "/webex", form).await.next_url()
    }

    pub(crate) async fn connect_webex(&mut self, account: PersonId, form: &[(&str, &str)]) -> Page {
        let at_webex = self.go_to_webex(form).await;
        let back = self.decide(&at_webex, account, "accept").await;
        self.open(&back).await
    }

    /// Submits the page of permissions; returns the address of the Microsoft page.
    pub(crate) async fn go_to_microsoft(&mut self) -> String {
        self.submit_on("/oauth/microsoft", "/oauth/microsoft", &[]).await.next_url()
    }

    /// Signs in at Microsoft and returns; on success, the page links to the consent.
    pub(crate) async fn sign_in_at_microsoft(&mut self, account: impl ToString) -> Page {
        let at_microsoft = self.go_to_microsoft().await;
        let back = self.decide(&at_microsoft, account, "accept").await;
        self.open(&back).await
    }

    pub(crate) async fn connect_microsoft(&mut self, customer: &TenantHandle) -> Page {
        let administrator = customer.administrator.object;
        self.consent(administrator).await;
        self.confirm_connection().await
    }

    /// Signs in at Microsoft and consents; returns the page that asks for a confirmation.
    pub(crate) async fn consent(&mut self, administrator: ObjectId) -> Page {
        let at_consent = self.sign_in_at_microsoft(administrator).await.next_url();
        let back = self.decide(&at_consent, administrator, "accept").await;
        self.open(&back).await
    }

    /// Confirms that the directory is connected with the organization.
    pub(crate) async fn confirm_connection(&mut self) -> Page {
        self.decide_connection("connect").await
    }

    /// Decides about the connection; where nothing is asked, returns the page that says why.
    pub(crate) async fn decide_connection(&mut self, action: &str) -> Page {
        const CONSENT: &str = "/oauth/microsoft/consent";
        let page = self.open(CONSENT).await;
        if !page.html.contains("Confirm the connection") {
            return page;
        }
        let (csrf, directory) = (page.csrf(), page.field("directory"));
        let form = [("csrf", csrf.as_str()), ("directory", &directory), ("action", action)];
        self.submit(CONSENT, &form).await
    }

    /// Signs in again at Microsoft for a step-up, and returns.
    pub(crate) async fn sign_in_fresh(&mut self, page: &str, account: impl ToString) -> Page {
        let at_microsoft = self.go_to_fresh_sign_in(page).await;
        let back = self.decide(&at_microsoft, account, "accept").await;
        self.open(&back).await
    }

    /// Starts the step-up of a page; returns the address of the Microsoft page.
    pub(crate) async fn go_to_fresh_sign_in(&mut self, page: &str) -> String {
        let csrf = self.open(page).await.csrf();
        let form = [("action", "sign-in"), ("csrf", csrf.as_str())];
        self.submit_without_proof(page, &form).await.next_url()
    }

    /// Signs in at Microsoft from the folders page; returns the page that links to the consent.
    pub(crate) async fn go_to_files_consent(&mut self, administrator: ObjectId) -> Page {
        let at_microsoft = self.submit_on("/folders", "/folders", &[]).await.next_url();
        let back = self.decide(&at_microsoft, administrator, "accept").await;
        self.open(&back).await
    }

    /// Consents to files, with all steps.
    pub(crate) async fn authorize_files(&mut self, customer: &TenantHandle) -> Page {
        let administrator = customer.administrator.object;
        let at_consent = self.go_to_files_consent(administrator).await.next_url();
        let back = self.decide(&at_consent, administrator, "accept").await;
        self.open(&back).await
    }

    /// Saves the settings with some fields changed.
    pub(crate) async fn save(&mut self, changes: &[(&str, &str)]) -> Page {
        let page = self.open("/settings").await;
        self.save_on(&page, changes).await
    }

    /// Saves from a page that was opened before.
    pub(crate) async fn save_on(&mut self, page: &Page, changes: &[(&str, &str)]) -> Page {
        let mut form = page.form();
        form.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let form: Vec<_> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let form: Vec<_> = form.into_iter().chain(changes.iter().copied()).collect();
        self.submit("/settings", &form).await
    }
}
