//! That the deployment's description and the code cannot drift apart.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The resource of this name, as it is written.
fn resource<'a>(template: &'a str, name: &str) -> &'a str {
    let (_, after) = template.split_once(&format!("\n  {name}:\n")).unwrap();
    let next = after.match_indices("\n  ").map(|(at, _)| at).find(|at| !after[at + 3..].starts_with([' ', '#']));
    &after[..next.unwrap_or(after.len())]
}

/// Whatever is between quotation marks and fits.
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
fn each_function_is_given_the_variables_that_it_reads_and_no_others() {
    let template = read("template.yaml");
    for (function, name) in [
        ("oauth", "OauthFunction"),
        ("reconcile", "ReconcileFunction"),
        ("sync", "SyncFunction"),
        ("webhook", "WebhookFunction"),
    ] {
        let mut wanted = quoted(&read(&format!("functions/{function}/src/main.rs")), is_a_variable);
        // Every function's log goes by it.
        wanted.insert("RUST_LOG".into());
        let (_, variables) = resource(&template, name).split_once("        Variables:\n").unwrap();
        let lines = variables.lines().take_while(|line| line.starts_with("          "));
        let given: BTreeSet<String> = lines
            .filter_map(|line| line.trim().split_once(':'))
            .map(|(name, _)| name.into())
            .filter(|name: &String| is_a_variable(name))
            .collect();
        assert_eq!(given, wanted, "{function}");
    }
}

#[test]
fn alarms_and_dashboard_show_metrics_that_there_are() {
    let (template, mut code) = (read("template.yaml"), String::new());
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src"), &mut code);
    let widgets = template.split("[\"WebexTeamsGroups\", \"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let alarms = template
        .split("Namespace: WebexTeamsGroups\n      MetricName: ")
        .skip(1)
        .map(|rest| rest.lines().next().unwrap());
    let shown: BTreeSet<&str> = widgets.chain(alarms).collect();
    assert!(shown.len() > 15, "{shown:?}");
    let unknown: Vec<_> = shown.into_iter().filter(|name| !code.contains(&format!("\"{name}\""))).collect();
    assert_eq!(unknown, Vec::<&str>::new());
}
