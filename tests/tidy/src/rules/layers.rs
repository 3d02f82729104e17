//! Dependencies between the crates of the repository: they point downwards.

use std::collections::BTreeMap;

use crate::source::Source;
use crate::{Rule, Violation};

/// Each crate below `shared` and `functions`, and the simulator, with what it may depend on.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("shared/domain", &[]),
    ("shared/clients", &["domain"]),
    ("shared/store", &["domain", "clients"]),
    ("shared/engine", &["domain", "clients", "store"]),
    ("shared/aws", &["domain", "clients", "store", "engine"]),
    ("functions/webhook", &["domain", "clients", "store", "engine", "aws"]),
    ("functions/sync", &["domain", "clients", "store", "engine", "aws"]),
    ("functions/reconcile", &["domain", "clients", "store", "engine", "aws"]),
    ("functions/oauth", &["domain", "clients", "store", "engine", "aws"]),
    ("infra/sim", &["domain", "clients"]),
];

/// Finds dependencies that point upwards or sideways.
#[must_use]
pub fn check(files: &[Source]) -> Vec<Violation> {
    let manifests: Vec<_> = files
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
        .map(|file| (file, file.text.parse::<toml::Table>()))
        .collect();
    let mut found = Vec::new();
    let mut names = BTreeMap::new();
    for (file, manifest) in &manifests {
        match manifest {
            Ok(manifest) => {
                let name = manifest.get("package").and_then(|package| package.get("name"));
                names.extend(name.and_then(toml::Value::as_str).map(|name| (name, *file)));
            }
            Err(error) => {
                found.push(file.violation(1, Rule::Layer, format!("not readable: {error}")));
            }
        }
    }
    for (file, manifest) in &manifests {
        let folder = file.path.trim_end_matches("/Cargo.toml");
        let Ok(manifest) = manifest else { continue };
        let allowed = ALLOWED.iter().find(|(crate_folder, _)| *crate_folder == folder);
        let is_layered = folder.starts_with("shared") || folder.starts_with("functions/");
        let Some((_, allowed)) = allowed else {
            if is_layered {
                found.push(file.violation(
                    1,
                    Rule::Layer,
                    "crate without a layer: add it to the table of this rule",
                ));
            }
            continue;
        };
        for dependency in dependencies(manifest) {
            if names.contains_key(dependency) && !allowed.contains(&dependency) {
                let line = file.text.lines().position(|line| line.starts_with(dependency));
                let remedy = format!(
                    "depends on {dependency}, which is not below it: move the code that needs it"
                );
                found.push(file.violation(line.map_or(1, |index| index + 1), Rule::Layer, remedy));
            }
        }
    }
    found
}

/// Names of a manifest's dependencies, without those of its tests.
fn dependencies(manifest: &toml::Table) -> Vec<&str> {
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|section| section.keys().map(String::as_str))
        .collect()
}
