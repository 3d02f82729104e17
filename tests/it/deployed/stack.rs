//! A stack of `template.yaml` in what stands in for AWS, as `tests/tools/deploy.py` says it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Once;

use serde::Deserialize;
use serde_json::Value;

use super::policy::Statement;

/// What stands in for AWS.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) aws: String,
    pub(super) dynamodb: String,
    python: String,
}

impl Services {
    /// Where the environment says that they are; `None`, and a word about it, where it does not.
    pub(super) fn at_hand() -> Option<Self> {
        static SAID: Once = Once::new();
        let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let found = of("AWS_TEST_URL").zip(of("DYNAMODB_TEST_URL")).zip(of("DEPLOY_TEST_PYTHON"));
        if found.is_none() {
            SAID.call_once(|| {
                let notice = "\nLEFT OUT: the tests of the binaries, which need AWS_TEST_URL, DYNAMODB_TEST_URL and DEPLOY_TEST_PYTHON. ./tests/all runs them.\n";
                std::io::stderr().write_all(notice.as_bytes()).unwrap();
            });
        }
        found.map(|((aws, dynamodb), python)| Self { aws, dynamodb, python })
    }

    /// Deploys the template under this name.
    pub(super) fn deploy(&self, name: &str, parameters: &Value) -> Stack {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/deploy.py");
        let mut python = Command::new(&self.python)
            .args([script, &self.aws, &self.dynamodb, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        python.stdin.take().unwrap().write_all(parameters.to_string().as_bytes()).unwrap();
        let said = python.wait_with_output().unwrap();
        assert!(said.status.success(), "the template could not be deployed");
        serde_json::from_slice(&said.stdout).unwrap()
    }
}

/// What came of the template.
#[derive(Deserialize)]
pub(super) struct Stack {
    pub(super) functions: BTreeMap<String, Function>,
    /// Which function answers which route of the HTTP API.
    pub(super) routes: BTreeMap<String, String>,
    pub(super) outputs: BTreeMap<String, String>,
}

/// A function as it is configured.
#[derive(Clone, Deserialize)]
pub(super) struct Function {
    pub(super) arn: String,
    pub(super) role: String,
    /// How long an invocation may take.
    pub(super) seconds: u32,
    pub(super) megabytes: u32,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) policy: Vec<Statement>,
    /// The queue that starts it.
    pub(super) queue: Option<Source>,
}

/// An event source mapping.
#[derive(Clone, Deserialize)]
pub(super) struct Source {
    pub(super) arn: String,
    pub(super) url: String,
    /// Most messages in one event.
    pub(super) most: u32,
}
