//! A browser without a window: it opens addresses, submits forms, and never follows a link or
//! redirect.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sim::World;

use crate::ask::{Reply, send};

/// Redirect URI of codes and consents.
pub(crate) const BACK: &str = "https://ours.example/callback?from=them";

/// Code verifier; it needs 43 characters.
pub(crate) const VERIFIER: &str = "a-verifier-that-only-the-asking-client-knows";

pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// Page that the browser shows, or redirect that it gets.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) html: String,
}

impl Seen {
    /// Returns the parameters that go back to the application.
    pub(crate) fn back(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, 302, "{}", self.html);
        let target = url::Url::parse(self.location.as_ref().unwrap()).unwrap();
        assert!(target.as_str().starts_with(BACK), "{target}");
        target.query_pairs().into_owned().collect()
    }

    /// Asserts that it is a page with this text, without a redirect.
    pub(crate) fn shows(&self, status: u16, text: &str) {
        assert_eq!((self.status, &self.location), (status, &None), "{}", self.html);
        assert!(self.html.contains(text), "no {text:?} in {}", self.html);
        assert!(self.html.contains("This is a simulated"), "{}", self.html);
        assert!(!self.html.contains("<script"), "{}", self.html);
    }
}

pub(crate) fn address(base: &str, query: &[(&str, &str)]) -> String {
    url::Url::parse_with_params(base, query).unwrap().into()
}

pub(crate) async fn open(world: &World, address: &str) -> Seen {
    show(world, http::Request::get(address).body(Bytes::new()).unwrap()).await
}

pub(crate) async fn submit(world: &World, address: &str, form: &[(&str, &str)]) -> Seen {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request =
        http::Request::post(address).header("content-type", "application/x-www-form-urlencoded");
    show(world, request.body(body.into()).unwrap()).await
}

async fn show(world: &World, request: http::Request<Bytes>) -> Seen {
    let answer = world.transport().send(request, Duration::from_secs(1)).await.unwrap();
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    let html = String::from_utf8(answer.body().to_vec()).unwrap();
    if location.is_none() {
        let kind = answer.headers().get("content-type").unwrap();
        assert_eq!(kind, "text/html; charset=utf-8", "{html}");
    }
    Seen { status: answer.status().as_u16(), location, html }
}

/// Posts a form as an application does; the response is JSON.
pub(crate) async fn post(world: &World, address: &str, form: &[(&str, &str)]) -> Reply {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    send(world, "POST", address, &headers, body.into()).await.unwrap()
}

/// Returns a token's header or claims.
pub(crate) fn part(token: &str, n: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap())
        .unwrap()
}
