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
    // Filters of the access log count them.
    assert!(shown.remove("RequestsThrottled") && shown.remove("PagesRefused"));
    let unknown: Vec<_> =
        shown.iter().filter(|name| !code.contains(&format!("\"{name}\""))).collect();
    assert_eq!(unknown, Vec::<&&str>::new());
    // Every metric costs money, and one that no alarm and no widget shows is of no use.
    let counted = words_after(&code, &["metrics::counter!(\"", "metrics::histogram!(\""]);
    let unseen: Vec<_> = counted.difference(&shown).collect();
    assert_eq!(unseen, Vec::<&&str>::new());
}

/// Returns the beginnings of the partition keys that this code makes.
fn partitions(code: &str) -> BTreeSet<&str> {
    let texts = code.split("format!(\"").skip(1);
    let beginnings = texts.filter_map(|text| text.split_once('#').map(|(beginning, _)| beginning));
    let is_name = |name: &&str| name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase());
    beginnings.filter(is_name).collect()
}

#[test]
fn partitions_of_the_pages_are_denied_to_other_roles() {
    let (template, mut pages, mut others) = (read("template.yaml"), String::new(), String::new());
    let folder = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    sources(&folder("functions/oauth"), &mut pages);
    for path in ["shared", "functions/sync", "functions/reconcile", "functions/webhook"] {
        sources(&folder(path), &mut others);
    }
    let others = partitions(&others);
    let own: BTreeSet<_> = partitions(&pages).difference(&others).copied().collect();
    assert!(own.contains("SESSION") && others.contains("ORG"), "{own:?} {others:?}");
    let (_, denied) = template.split_once("dynamodb:LeadingKeys: [").unwrap();
    let (denied, _) = denied.split_once(']').unwrap();
    let denied: BTreeSet<_> =
        denied.split(", ").map(|one| one.trim_matches('"').trim_end_matches("#*")).collect();
    assert_eq!(denied, own);
    for role in ["SyncRole", "ReconcileRole"] {
        let statements = resource(&template, role);
        assert!(
            ["- &notOfPages", "- *notOfPages"].iter().any(|one| statements.contains(one)),
            "{role}"
        );
    }
    // It has no right on the table at all.
    assert!(!resource(&template, "WebhookRole").contains("dynamodb:"));
}

#[test]
fn no_role_changes_the_record_of_decisions() {
    let template = read("template.yaml");
    for role in ["SyncRole", "ReconcileRole", "OauthRole"] {
        let statements = resource(&template, role);
        let stays = ["- &recordStays", "- *recordStays"];
        assert!(stays.iter().any(|one| statements.contains(one)), "{role}");
    }
}

#[test]
fn table_and_logs_outlive_the_stack() {
    let template = read("template.yaml");
    let lasting = ["AccessLog", "WebhookLog", "SyncLog", "ReconcileLog", "OauthLog", "Table"];
    assert_eq!(template.matches("Type: AWS::Logs::LogGroup\n").count(), lasting.len() - 1);
    for name in lasting {
        assert!(resource(&template, name).contains("\n    DeletionPolicy: Retain"), "{name}");
    }
}

#[test]
fn every_role_is_bounded_and_trusts_this_account_only() {
    let template = read("template.yaml");
    let roles = ["WebhookRole", "SyncRole", "ReconcileRole", "OauthRole", "EveryMinuteRole"];
    assert_eq!(template.matches("Type: AWS::IAM::Role\n").count(), roles.len());
    for role in roles {
        let of = resource(&template, role);
        assert!(of.contains("\n      PermissionsBoundary: "), "{role}");
        let is_bound =
            ["aws:SourceAccount: !Ref", "Condition: *ofAccount", "Document: *lambda\n"].iter();
        assert!(is_bound.clone().any(|one| of.contains(one)), "{role}");
    }
}

#[test]
fn each_webhook_route_has_its_limit() {
    let template = read("template.yaml");
    let stage = resource(&template, "Stage");
    assert!(stage.contains("DefaultRouteSettings:"));
    let routes = template.split("RouteKey: ").skip(1).filter_map(|rest| rest.lines().next());
    let webhooks: Vec<&str> = routes.filter(|route| route.contains("/webhooks/")).collect();
    assert_eq!(webhooks.len(), 2);
    for route in webhooks {
        assert!(stage.contains(&format!("\n        {route}: {{ ThrottlingRateLimit: ")), "{route}");
    }
}

#[test]
fn public_functions_can_reserve_instances() {
    let template = read("template.yaml");
    for (function, parameter) in
        [("WebhookFunction", "WebhookConcurrency"), ("OauthFunction", "PagesConcurrency")]
    {
        let reserved = format!(
            "ReservedConcurrentExecutions: !If [Has{parameter}, !Ref {parameter}, !Ref \
             AWS::NoValue]"
        );
        assert!(resource(&template, function).contains(&reserved), "{function}");
        assert!(resource(&template, parameter).contains("Default: 0\n"), "{parameter}");
    }
}
