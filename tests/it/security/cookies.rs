//! Cookies that another host of the domain sets.

use crate::support::{Browser, Customers, Page};

/// Opens a page with these bytes as the cookie header.
async fn open_with(browser: &mut Browser, path: &str, cookies: &[u8]) -> Page {
    let cookies = http::HeaderValue::from_bytes(cookies).unwrap();
    let request = http::Request::get(format!("{}{path}", sandbox::local_stack::FUNCTIONS_URL));
    browser.send(request.header("cookie", cookies), String::new()).await
}

/// Characters that Unicode counts as spaces, and bytes that are no text.
const NO_SPACES: [&[u8]; 8] = [
    "\u{2000}".as_bytes(),
    "\u{85}".as_bytes(),
    "\u{a0}".as_bytes(),
    "\u{3000}".as_bytes(),
    "\u{feff}".as_bytes(),
    b"\xa0",
    b"\x85",
    b"_",
];

#[tokio::test]
async fn lookalike_cookie_opens_no_session() {
    let customers = Customers::new().await;
    let attacker = customers.signed_in(&customers.globex).await;
    let victim = customers.signed_in(&customers.acme).await;
    let session = |browser: &Browser| browser.cookies["__Host-session"].clone();
    let planted = format!("__Host-session={}", session(&attacker));
    let own = format!("__Host-session={}", session(&victim));
    let mut browser = customers.browser();
    for no_space in NO_SPACES {
        let planted = [no_space, planted.as_bytes()].concat();
        open_with(&mut browser, "/webex", &planted).await.is(303, "");
        for both in [
            [&planted[..], b"; ", own.as_bytes()].concat(),
            [own.as_bytes(), b"; ", &planted[..]].concat(),
            [own.as_bytes(), b";", &planted[..]].concat(),
        ] {
            let page = open_with(&mut browser, "/webex", &both).await;
            page.is(200, &customers.acme.org.to_string());
            assert!(!page.html.contains(&customers.globex.org.to_string()), "{}", page.html);
        }
    }
    // Spaces and tabs are no part of a name.
    open_with(&mut browser, "/webex", format!("a=1;\t {own} ").as_bytes()).await.is(200, "Webex");
}

#[tokio::test]
async fn cookie_that_occurs_twice_counts_as_none() {
    let customers = Customers::new().await;
    let attacker = customers.signed_in(&customers.globex).await;
    let victim = customers.signed_in(&customers.acme).await;
    let session =
        |browser: &Browser| format!("__Host-session={}", browser.cookies["__Host-session"]);
    let mut browser = customers.browser();
    for (one, other) in [(&attacker, &victim), (&victim, &attacker), (&victim, &victim)] {
        let both = format!("{}; {}", session(one), session(other));
        let page = open_with(&mut browser, "/webex", both.as_bytes()).await;
        assert_eq!((page.status, page.header("location")), (303, "/?to=webex"));
    }
}

#[tokio::test]
async fn lookalike_flow_cookie_ends_no_flow() {
    let customers = Customers::new().await;
    let mut attacker = customers.browser();
    let at_webex = attacker.open("/oauth/webex").await.next_url();
    let back = attacker.decide(&at_webex, customers.globex.administrator.person, "accept").await;
    let path = back.replace(sandbox::local_stack::FUNCTIONS_URL, "");
    let flow = format!("__Host-flow={}", attacker.cookies["__Host-flow"]);
    let mut victim = customers.browser();
    for no_space in NO_SPACES {
        let planted = [no_space, flow.as_bytes()].concat();
        let page = open_with(&mut victim, &path, &planted).await;
        page.is_error(400, "can no longer be used");
        let twice = [flow.as_bytes(), b"; ", flow.as_bytes()].concat();
        open_with(&mut victim, &path, &twice).await.is_error(400, "can no longer be used");
    }
    assert_eq!(customers.organization(customers.globex.org).await, None);
}
