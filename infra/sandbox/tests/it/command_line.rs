//! The sandbox as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn sandbox(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    sandbox(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Starts the sandbox, and returns its first line that names an address.
fn opened(arguments: &[&str]) -> (Child, BufReader<impl Read>, String) {
    let mut child = sandbox(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("http://") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended");
    }
    (child, lines, line)
}

#[test]
fn help_and_version_are_answers() {
    for arguments in ["--help", "-h", "help", "--version", "-V"] {
        let output = output(&[arguments]);
        assert!(output.status.success(), "{arguments}");
        assert!(text(&output.stdout).contains("sandbox"), "{arguments}");
        assert!(output.stderr.is_empty(), "{arguments}");
    }
}

#[test]
fn errors_say_what_was_wrong() {
    for (arguments, said) in [
        (["storyy"].as_slice(), "a similar subcommand exists: 'story'"),
        (&["--port", "70000"], "70000 is not in 0..=65531"),
        (&["--port", "65534"], "65534 is not in"),
        (&["--port", "abc"], "'abc'"),
        (&["story", "extra"], "'extra'"),
    ] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = text(&output.stderr);
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_taken_port_is_refused() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().min(65_531).to_string();
    for arguments in [["--port", &port].as_slice(), &["--fresh", "--port", &port]] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains(&format!("port {port} of")), "{arguments:?}");
    }
}

#[test]
fn the_story_as_data() {
    let output = output(&["story", "--json"]);
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["in_sync"], true);
    assert_eq!(report["problems"], serde_json::json!([]));
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps[0]["title"], "A team of 45");
    assert!(steps.len() > 8);
    for step in steps {
        assert!(step["in_sync_after_seconds"].is_number(), "{step}");
        assert!(step["calls"]["graph"]["reads"].as_u64().unwrap() > 0, "{step}");
    }
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    for arguments in [["story"].as_slice(), &["story", "--json"]] {
        let mut child =
            sandbox(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_signal_of_containers_ends_it_cleanly() {
    for arguments in [["--port", "0"].as_slice(), &["--fresh", "--port", "0"]] {
        let (mut child, lines, line) = opened(arguments);
        assert!(line.contains("http://127.0.0.1:"), "{line}");
        let id = child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        assert!(child.wait().unwrap().success(), "{arguments:?}");
        drop(lines);
    }
}
