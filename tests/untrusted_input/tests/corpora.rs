//! Every property over its saved inputs: real responses and deliveries, attacks, and findings of
//! the fuzzer.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use engine::link::{LinkPerson, LinkRow};
use engine::tenant::{Settings, Tenant};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::message::{Message, ReconcileRequest};

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Returns the input as it is written after reading, or nothing if it cannot be read.
fn rewritten(kind: &str, input: &Value) -> Option<Value> {
    fn through<T: DeserializeOwned + Serialize>(input: &Value) -> Option<Value> {
        let read: T = serde_json::from_value(input.clone()).ok()?;
        serde_json::to_value(read).ok()
    }
    match kind {
        "link" => through::<LinkRow>(input),
        "message" => through::<Message>(input),
        "person" => through::<LinkPerson>(input),
        "reconcile" => through::<ReconcileRequest>(input),
        "settings" => through::<Settings>(input),
        "tenant" => through::<Tenant>(input),
        other => panic!("no kind {other}"),
    }
}

/// Returns the attributes of `input` that `output` lacks, at any depth. New ones are fine.
fn lost(input: &Value, output: &Value, path: &str) -> Vec<String> {
    match (input, output) {
        (Value::Object(input), Value::Object(output)) => input
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "pk" | "sk"))
            .flat_map(|(name, value)| {
                let path = format!("{path}/{name}");
                lost(value, output.get(name).unwrap_or(&Value::Null), &path)
            })
            .collect(),
        (Value::Array(input), Value::Array(output)) if input.len() == output.len() => {
            input.iter().zip(output).flat_map(|(input, output)| lost(input, output, path)).collect()
        }
        _ if input == output || is_same_time(input, output) => vec![],
        _ => vec![format!("{path}: {input}")],
    }
}

/// Returns `true` for two spellings of one time.
fn is_same_time(one: &Value, other: &Value) -> bool {
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    time(one).is_some() && time(one) == time(other)
}

/// An input that no type reads would leave its property without anything to check.
#[test]
fn stored_inputs_keep_every_attribute() {
    for path in entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/stored")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let input: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let output = rewritten(name.split('-').next().unwrap(), &input);
        if name == "message-of-version-2" {
            assert_eq!(output, None, "{name}");
        } else {
            let output = output.unwrap_or_else(|| panic!("{name} cannot be read"));
            assert_eq!(lost(&input, &output, ""), Vec::<String>::new(), "{name}");
        }
    }
}

fn holds(name: &str) {
    let (_, property) =
        untrusted_input::TARGETS.into_iter().find(|(target, _)| *target == name).unwrap();
    let inputs = entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(name));
    assert!(!inputs.is_empty(), "no input is kept for {name}");
    for input in inputs {
        // Names the input that fails.
        println!("{}", input.display());
        property(&std::fs::read(&input).unwrap());
    }
}

macro_rules! corpora {
    ($($name:ident),+ $(,)?) => {
        $(#[test] fn $name() { holds(stringify!($name)); })+

        #[test]
        fn properties_corpora_and_fuzz_targets_match() {
            let names: BTreeSet<String> =
                untrusted_input::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let stems = |directory: &str| -> BTreeSet<String> {
                let all = entries(&root.join(directory)).into_iter();
                all.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
            };
            assert_eq!(names, [$(stringify!($name)),+].map(str::to_owned).into());
            assert_eq!(names, stems("corpora"));
            assert_eq!(names, stems("../../infra/fuzz/fuzz_targets"));
        }
    };
}

corpora!(
    signature,
    notification,
    gateway_event,
    cookies,
    graph_answers,
    webex_answers,
    retry_after,
    ids,
    folder_name,
    nickname,
    id_token,
    stored,
    card_answer,
);
