//! Tests of retries, throttling and deadlines.

use std::io::Read;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[tokio::test]
async fn third_try_succeeds() {
    let service = Service::answering(page(&[membership(1)])).await;
    Mock::given(any())
        .respond_with(status(503))
        .up_to_n_times(2)
        .with_priority(1)
        .mount(&service.server)
        .await;
    let listing = service.webex.memberships(&service.access, &room()).await.unwrap();
    assert_eq!(listing.get().members.len(), 1);
    assert_eq!(service.requests().await.len(), 3);
    assert_eq!(service.slept(), Duration::from_millis(2500));
}

/// Starts a server that reads a request and hangs up. Returns its URL and a count of requests.
fn server_that_hangs_up() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let read = stream.read(&mut [0; 4096]);
            counted.fetch_add(usize::from(read.is_ok_and(|bytes| bytes > 0)), Ordering::SeqCst);
            // Dropped after the count, since the client could be faster.
            drop(stream);
        }
    });
    (base, count)
}

#[tokio::test]
async fn message_with_lost_answer_is_not_repeated() {
    let (base, count) = server_that_hangs_up();
    let (webex, _) = client(&base);
    let error =
        webex.send_to_room(&access(Duration::from_secs(60)), &room(), "hello").await.unwrap_err();
    assert!(!error.had_no_effect(), "{error}");
    assert_eq!((error.class(), count.load(Ordering::SeqCst)), (ErrorClass::Transient, 1));
}

#[tokio::test]
async fn read_with_lost_answer_is_repeated() {
    let (base, count) = server_that_hangs_up();
    let (webex, _) = client(&base);
    webex.team(&access(Duration::from_secs(60)), &team()).await.unwrap_err();
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn throttling_ends_at_retry_after_or_in_a_minute() {
    let after =
        |milliseconds| ErrorClass::ThrottledUntil(now() + Duration::from_millis(milliseconds));
    let headers = [
        ("30", 30_000),
        ("2.128", 2_128),
        ("Mon, 23 Nov 2026 12:05:00 GMT", 300_000),
        ("soon", 60_000),
    ];
    for (header, milliseconds) in headers {
        let service = Service::answering(status(429).insert_header("retry-after", header)).await;
        let error = service.webex.team(&service.access, &team()).await.unwrap_err();
        assert_eq!(error.class(), after(milliseconds), "{header}");
        assert_eq!(
            (service.requests().await.len(), service.slept()),
            (1, Duration::ZERO),
            "{header}"
        );
    }
    let service = Service::answering(status(429)).await;
    assert_eq!(
        service.webex.me(&service.access).await.map_err(|error| error.class()),
        Err(after(60_000))
    );
}

#[tokio::test]
async fn no_call_outlives_the_deadline() {
    let service = Service::answering(page(&[])).await;
    let access = access(Duration::from_secs(9));
    let error: CallError = service.webex.memberships(&access, &room()).await.unwrap_err();
    assert_eq!((error.class(), error.had_no_effect()), (ErrorClass::Transient, true));
    assert_eq!(error.failure, CallFailure::NoTime);
    assert!(service.requests().await.is_empty());
}

#[tokio::test]
async fn refused_token_needs_an_admin() {
    let service = Service::answering(status(401)).await;
    let error = service.webex.me(&service.access).await.unwrap_err();
    assert_eq!(
        (error.class(), service.requests().await.len()),
        (ErrorClass::NeedsAdministrator, 1)
    );
}
