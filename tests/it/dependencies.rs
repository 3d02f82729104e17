//! What the functions are built of.

/// Two of one kind would be in each binary twice, and be started twice.
#[test]
fn there_is_one_tls_stack_and_one_http_stack() {
    let lock = include_str!("../../Cargo.lock");
    let versions = |name: &str| lock.matches(&format!("\nname = \"{name}\"\n")).count();
    for name in [
        "rustls",
        "rustls-webpki",
        "tokio-rustls",
        "aws-lc-sys",
        "hyper",
        "hyper-util",
        "hyper-rustls",
        "http",
        "reqwest",
    ] {
        assert_eq!(versions(name), 1, "{name}");
    }
    for name in ["openssl-sys", "native-tls", "aws-smithy-http-client"] {
        assert_eq!(versions(name), 0, "{name}");
    }
}

/// cargo-lambda sets what a release profile leaves open, and "abort" for panics among it: no queue's consumer would catch any.
#[test]
fn the_release_profile_leaves_nothing_open_that_cargo_lambda_would_set() {
    let (_, from_here) = include_str!("../../Cargo.toml").split_once("\n[profile.release]\n").unwrap();
    let profile = from_here.split("\n[").next().unwrap();
    for setting in ["panic = \"unwind\"", "lto = ", "codegen-units = ", "strip = "] {
        assert!(profile.lines().any(|line| line.starts_with(setting)), "{setting}");
    }
}
