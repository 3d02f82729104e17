//! A stack of `template.yaml` in the local AWS services, as `tests/tools/deploy.py` creates it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Once;

use serde::Deserialize;
use serde_json::Value;

use super::policy::Statement;

/// Addresses of the local AWS services.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) aws: String,
    pub(super) dynamodb: String,
    python: String,
}

impl Services {
    /// Reads the addresses from the environment; prints a note and returns `None` without them.
    pub(super) fn from_env() -> Option<Self> {
        static SAID: Once = Once::new();
        let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let found = of("AWS_TEST_URL").zip(of("DYNAMODB_TEST_URL")).zip(of("DEPLOY_TEST_PYTHON"));
        if found.is_none() {
            SAID.call_once(|| {
                let text = "\nSKIPPED: the tests of the binaries need AWS_TEST_URL, \
                    DYNAMODB_TEST_URL and DEPLOY_TEST_PYTHON. ./tests/all sets them.\n";
                std::io::stderr().write_all(text.as_bytes()).unwrap();
            });
        }
        found.map(|((aws, dynamodb), python)| Self { aws, dynamodb, python })
    }

    /// Deploys the template under this name, with `parameters` and `client_secrets` by the names of
    /// the apps' secrets.
    pub(super) fn deploy(&self, name: &str, given: &Value) -> Stack {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/deploy.py");
        let mut python = Command::new(&self.python)
            .args([script, &self.aws, &self.dynamodb, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        python.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
        let said = python.wait_with_output().unwrap();
        assert!(said.status.success(), "the template could not be deployed");
        serde_json::from_slice(&said.stdout).unwrap()
    }
}

/// The resources of the deployed template.
#[derive(Deserialize)]
pub(super) struct Stack {
    /// The generated first key of webhooks.
    pub(super) webhooks_key: String,
    pub(super) functions: BTreeMap<String, Function>,
    /// Function names by route of the HTTP API.
    pub(super) routes: BTreeMap<String, String>,
    pub(super) outputs: BTreeMap<String, String>,
}

/// A function's configuration.
#[derive(Clone, Deserialize)]
pub(super) struct Function {
    pub(super) arn: String,
    pub(super) role: String,
    /// The timeout of an invocation, in seconds.
    pub(super) seconds: u32,
    pub(super) megabytes: u32,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) policy: Vec<Statement>,
    /// The queue that triggers it.
    pub(super) queue: Option<Source>,
}

/// An event source mapping.
#[derive(Clone, Deserialize)]
pub(super) struct Source {
    pub(super) arn: String,
    pub(super) url: String,
    /// The batch size.
    pub(super) most: u32,
}
