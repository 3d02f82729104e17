//! Every property over its saved inputs: real responses and deliveries, attacks, and findings of
//! the fuzzer.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
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
