//! Access control of the page's server.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HOST, ORIGIN};
use serde_json::json;

use crate::site::{Site, pair};

#[tokio::test]
async fn other_pages_can_neither_read_nor_write() {
    let site = Site::open().await;
    let before = site.state().await;
    let team = &pair(&before, "Lighthouse")["team"]["id"];
    let body = json!({"action": "delete", "team": team}).to_string();
    let port = site.served.address.rsplit(':').next().unwrap().to_owned();
    let post = || site.request(Method::POST, "/api/actions").body(body.clone());
    let get = |path: &str| site.request(Method::GET, path);
    let json = || post().header(CONTENT_TYPE, "application/json");
    let form = "application/x-www-form-urlencoded";
    let refused = [
        ("another origin", json().header(ORIGIN, "https://evil.example"), 403),
        ("another port of this machine", json().header(ORIGIN, "http://127.0.0.1:1"), 403),
        ("a secret origin", json().header(ORIGIN, "null"), 403),
        ("a cross-site request", json().header("Sec-Fetch-Site", "cross-site"), 403),
        ("a same-site request", json().header("Sec-Fetch-Site", "same-site"), 403),
        ("a form", post().header(CONTENT_TYPE, form), 415),
        ("plain text", post().header(CONTENT_TYPE, "text/plain"), 415),
        ("no content type", post(), 415),
        ("another name of this machine", json().header(HOST, format!("evil.example:{port}")), 403),
        ("the same, reading", get("/api/state").header(HOST, "evil.example"), 403),
        ("a false loopback name", get("/").header(HOST, "localhost.evil.example"), 403),
    ];
    for (what, request, expected) in refused {
        assert_eq!(request.send().await.unwrap().status(), expected, "{what}");
    }
    assert_eq!(site.state().await["pairs"], before["pairs"]);
}

#[tokio::test]
async fn our_own_page_can_write() {
    let site = Site::open().await;
    let port = site.served.address.rsplit(':').next().unwrap().to_owned();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let request = site
            .request(Method::POST, "/api/time")
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(HOST, format!("{host}:{port}"))
            .header(ORIGIN, format!("http://{host}:{port}"))
            .header("Sec-Fetch-Site", "same-origin");
        assert_eq!(request.body("{}").send().await.unwrap().status(), 200, "{host}");
    }
}

#[tokio::test]
async fn answers_have_the_policy_and_name_no_other_host() {
    let site = Site::open().await;
    for path in ["/", "/style.css", "/app.js", "/icon.svg", "/curl", "/api/state", "/nowhere"] {
        let answer = site.get(path).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let expected = "default-src 'none'; script-src 'self'; style-src 'self'";
        assert!(policy.starts_with(expected), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    let html = site.get("/").await.text().await.unwrap();
    assert!(!html.contains("http://") && !html.contains("https://"));
    assert!(!html.contains("onclick") && !html.contains("style="));
}
