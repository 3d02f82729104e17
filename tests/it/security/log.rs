//! The log of refused requests.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing_subscriber::util::SubscriberInitExt;

use crate::support::Customers;

/// The lines that a test has caused.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Returns the lines with this event code.
    fn of(&self, event: &str) -> Vec<Value> {
        let bytes = self.0.lock().unwrap();
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap());
        lines.filter(|line| line["fields"]["event"] == event).collect()
    }
}

#[tokio::test]
async fn refusal_is_logged_with_who_and_where() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let lines = Lines::default();
    let writer = lines.clone();
    let _logging = tracing_subscriber::fmt()
        .json()
        .with_current_span(false)
        .with_writer(move || writer.clone())
        .finish()
        .set_default();
    browser.submit("/settings", &[("csrf", "forged")]).await.is_error(403, "expired");
    browser.open("/nowhere").await.is_error(404, "Page not found");
    let refused = lines.of("page_refused");
    let [forged, unknown] = refused.as_slice() else { panic!("{refused:?}") };
    let request = &forged["spans"][0];
    let administrator = customers.acme.administrator.person.to_string();
    for (field, value) in [
        ("person", administrator.as_str()),
        ("org", &customers.acme.org.to_string()),
        ("route", "/settings"),
        ("request_id", "local"),
        ("source", "192.0.2.7"),
    ] {
        assert_eq!(request[field], value, "{forged}");
    }
    // No one is known at an address without a route.
    assert_eq!(unknown["spans"][0]["source"], "192.0.2.7", "{unknown}");
    assert_eq!(unknown["spans"][0]["person"], Value::Null, "{unknown}");
}
