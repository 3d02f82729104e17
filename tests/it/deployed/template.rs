//! `template.yaml` and the code agree on variables and metrics.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// Returns the text of the resource with this name.
fn resource<'a>(template: &'a str, name: &str) -> &'a str {
    let (_, after) = template.split_once(&format!("\n  {name}:\n")).unwrap();
    let next = after
        .match_indices("\n  ")
        .map(|(at, _)| at)
        .find(|at| !after[at + 3..].starts_with([' ', '#']));
    &after[..next.unwrap_or(after.len())]
}

/// Returns the quoted words that match.
fn quoted(text: &str, fits: impl Fn(&str) -> bool) -> BTreeSet<String> {
    text.split('"').skip(1).step_by(2).filter(|word| fits(word)).map(Into::into).collect()
}

fn is_a_variable(word: &str) -> bool {
    word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn functions_get_exactly_the_variables_they_read() {
    let template = read("template.yaml");
    // The first half makes the clients that every function has, the second all others.
    let clients = read("shared/aws/src/clients.rs");
    let (aws_clients, all_clients) = clients.split_once("impl Clients {").unwrap();
    for (function, name) in [
        ("oauth", "OauthFunction"),
        ("reconcile", "ReconcileFunction"),
        ("sync", "SyncFunction"),
        ("webhook", "WebhookFunction"),
    ] {
        let main = read(&format!("functions/{function}/src/main.rs"));
        let mut expected = quoted(&main, is_a_variable);
        expected.extend(quoted(aws_clients, is_a_variable));
        if !main.contains("AwsClients::from_env") {
            expected.extend(quoted(all_clients, is_a_variable));
        }
        // Every function's log level.
        expected.insert("RUST_LOG".into());
        let (_, variables) = resource(&template, name).split_once("        Variables:\n").unwrap();
        let lines = variables.lines().take_while(|line| line.starts_with("          "));
        let given: BTreeSet<String> = lines
            .filter_map(|line| line.trim().split_once(':'))
            .map(|(name, _)| name.into())
            .filter(|name: &String| is_a_variable(name))
            .collect();
        assert_eq!(given, expected, "{function}");
    }
}

/// Returns the words that follow each of the starts, up to the next mark.
fn words_after<'a>(text: &'a str, starts: &[&str]) -> BTreeSet<&'a str> {
    let rests = starts.iter().flat_map(|start| text.split(start).skip(1));
    rests.filter_map(|rest| rest.split(['"', '\n', ',']).next()).collect()
}

#[test]
fn alarms_and_dashboard_use_existing_metrics() {
    let (template, mut code) = (read("template.yaml"), String::new());
    for folder in ["../shared", "../functions"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut code);
    }
    const NAMESPACE: &str = "\"WebexTeamsGroups/${AWS::StackName}\"";
    let mut shown = words_after(
        &template,
        &[
            &format!("[{NAMESPACE}, \""),
            &format!("{NAMESPACE}\n      MetricName: "),
            &format!("{NAMESPACE}, MetricName: "),
        ],
    );
    assert!(shown.len() > 15, "{shown:?}");
    // A filter of the access log counts it.
    assert!(shown.remove("RequestsThrottled"));
    let unknown: Vec<_> =
        shown.iter().filter(|name| !code.contains(&format!("\"{name}\""))).collect();
    assert_eq!(unknown, Vec::<&&str>::new());
    // Every metric costs money, and one that no alarm and no widget shows is of no use.
    let counted = words_after(&code, &["metrics::counter!(\"", "metrics::histogram!(\""]);
    let unseen: Vec<_> = counted.difference(&shown).collect();
    assert_eq!(unseen, Vec::<&&str>::new());
}
