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
        "h2",
        "http",
        "reqwest",
    ] {
        assert_eq!(versions(name), 1, "{name}");
    }
    for name in ["openssl-sys", "native-tls"] {
        assert_eq!(versions(name), 0, "{name}");
    }
}
