//! Tests of secrets.

use secrecy::{ExposeSecret, SecretString};
use store::secrets::memory::MemorySecrets;
use store::secrets::{Secrets, SecretsError};

/// Secrets, and an unused prefix.
pub(super) struct Subject {
    pub(super) secrets: Box<dyn Secrets>,
    pub(super) prefix: String,
}

impl Subject {
    async fn get(&self, name: &str) -> Option<String> {
        let secret = self.secrets.get(&format!("{}/{name}", self.prefix)).await.unwrap();
        secret.map(|secret| secret.expose_secret().to_owned())
    }

    async fn put(&self, name: &str, value: &str) {
        self.secrets
            .put(&format!("{}/{name}", self.prefix), SecretString::from(value))
            .await
            .unwrap();
    }

    async fn delete(&self, name: &str) {
        self.secrets.delete(&format!("{}/{name}", self.prefix)).await.unwrap();
    }
}

fn in_new_memory() -> Subject {
    Subject { secrets: Box::new(MemorySecrets::new()), prefix: "prefix".to_owned() }
}

super::contract_tests! {
    crate::contract::secrets::in_new_memory, crate::contract::aws::secrets,
    secret_has_its_last_value
    unused_name_has_no_secret
    deleted_name_can_be_used_again
}

async fn secret_has_its_last_value(subject: Subject) {
    subject.put("tenant/1", r#"{"access_token":"ä"}"#).await;
    subject.put("tenant/2", "other").await;
    assert_eq!(subject.get("tenant/1").await.as_deref(), Some(r#"{"access_token":"ä"}"#));
    subject.put("tenant/1", "second").await;
    assert_eq!(subject.get("tenant/1").await.as_deref(), Some("second"));
    assert_eq!(subject.get("tenant/2").await.as_deref(), Some("other"));
}

async fn unused_name_has_no_secret(subject: Subject) {
    assert_eq!(subject.get("tenant/1").await, None);
    subject.delete("tenant/1").await;
}

async fn deleted_name_can_be_used_again(subject: Subject) {
    subject.put("tenant/1", "first").await;
    subject.delete("tenant/1").await;
    assert_eq!(subject.get("tenant/1").await, None);
    subject.put("tenant/1", "second").await;
    assert_eq!(subject.get("tenant/1").await.as_deref(), Some("second"));
}

#[tokio::test]
async fn invalid_secret_name_is_refused() {
    let secrets = MemorySecrets::new();
    for name in ["", "tenant 1", "tenant#1", &"x".repeat(513)] {
        let answer = secrets.put(name, SecretString::from("value")).await;
        assert!(matches!(answer, Err(SecretsError::Refused { .. })), "{name}");
    }
    assert_eq!(secrets.names(), [""; 0]);
}
