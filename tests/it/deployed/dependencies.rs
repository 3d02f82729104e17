//! The dependencies and the release profile of the functions.

/// A second stack would be linked into each binary, and initialized at each start.
#[test]
fn one_tls_stack_and_one_http_stack() {
    let lock = include_str!("../../../Cargo.lock");
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

/// cargo-lambda fills in an incomplete release profile, with `panic = "abort"` among others: queue
/// consumers could not catch a panic.
#[test]
fn release_profile_is_fully_specified() {
    let (_, from_here) =
        include_str!("../../../Cargo.toml").split_once("\n[profile.release]\n").unwrap();
    let profile = from_here.split("\n[").next().unwrap();
    for setting in ["panic = \"unwind\"", "lto = ", "codegen-units = ", "strip = "] {
        assert!(profile.lines().any(|line| line.starts_with(setting)), "{setting}");
    }
}
