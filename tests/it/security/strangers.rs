//! Requests of strangers cost no table, no secret, and little else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sandbox::local_stack::{Connections, LocalStack};
use secrecy::SecretString;
use store::secrets::memory::MemorySecrets;
use store::secrets::{Secrets, SecretsError};

use crate::support::Customers;

/// Secrets that count how often they are read.
struct CountedSecrets {
    inner: Arc<MemorySecrets>,
    reads: Arc<AtomicUsize>,
}

#[async_trait]
impl Secrets for CountedSecrets {
    async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.get(name).await
    }

    async fn put(&self, name: &str, value: SecretString) -> Result<(), SecretsError> {
        self.inner.put(name, value).await
    }

    async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        self.inner.delete(name).await
    }
}

async fn with_counted_secrets() -> (Customers, Arc<AtomicUsize>) {
    let reads: Arc<AtomicUsize> = Arc::default();
    let counted = reads.clone();
    let customers = Customers::with_stack(move |backend| {
        let secrets = CountedSecrets { inner: backend.secrets.clone(), reads: counted };
        let connections = Connections { secrets: Arc::new(secrets), ..Connections::to(backend) };
        LocalStack::with_connections(backend, connections).unwrap()
    })
    .await;
    reads.store(0, Ordering::Relaxed);
    (customers, reads)
}

#[tokio::test]
async fn begun_sign_in_stores_nothing() {
    let (customers, reads) = with_counted_secrets().await;
    let before = customers.items();
    for _ in 0..100 {
        customers.browser().open("/oauth/webex?to=settings").await.next_url();
    }
    assert_eq!(customers.items(), before);
    assert_eq!(reads.load(Ordering::Relaxed), 1, "the client id, once a minute");
    customers.advance(61);
    customers.browser().open("/oauth/webex").await.next_url();
    assert_eq!(reads.load(Ordering::Relaxed), 2, "a rotated secret counts within a minute");
}

#[tokio::test]
async fn made_up_return_stores_nothing() {
    let (customers, reads) = with_counted_secrets().await;
    let before = customers.items();
    for n in 0..20 {
        let mut stranger = customers.browser();
        let at_webex = stranger.open("/oauth/webex").await.next_url();
        let (_, state) = at_webex.split_once("state=").unwrap();
        let state = state.split('&').next().unwrap();
        let back = format!("/oauth/webex/callback?state={state}&code=made-up-{n}");
        stranger.open(&back).await.is_error(400, "Webex");
        assert!(!stranger.cookies.contains_key("__Host-session"));
        // Of another browser, and of none.
        customers.browser().open(&back).await.is_error(400, "can no longer be used");
    }
    assert_eq!(customers.items(), before);
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}

/// A code is Webex's to use up; the state alone begins no second session.
#[tokio::test]
async fn returns_at_once_begin_one_session() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex?to=settings").await.next_url();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let copies: Vec<_> = (0..6).map(|_| browser.clone()).collect();
    let pages =
        copies.into_iter().map(async |mut copy| copy.open_without_redirects(&back).await.status);
    let mut statuses = futures::future::join_all(pages).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400, 400, 400, 400]);
    let sessions = customers
        .items()
        .into_keys()
        .filter(|key| key.starts_with("SESSION#") && key.ends_with("/-"));
    assert_eq!(sessions.count(), 1);
}
