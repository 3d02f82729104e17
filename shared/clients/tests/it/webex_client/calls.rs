//! What every call keeps to.

use std::io::Read;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[tokio::test]
async fn two_bad_answers_are_waited_out_and_the_good_third_is_the_answer() {
    let stage = Stage::answering(page(&[membership(1)])).await;
    Mock::given(any()).respond_with(status(503)).up_to_n_times(2).with_priority(1).mount(&stage.service).await;
    assert_eq!(stage.webex.memberships(&stage.access, &room()).await.unwrap().get().len(), 1);
    assert_eq!(stage.requests().await.len(), 3);
    assert_eq!(stage.slept(), Duration::from_millis(2500));
}

/// A server that reads a request and hangs up; and how often that was.
fn server_that_hangs_up() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let read = stream.read(&mut [0; 4096]);
            counted.fetch_add(usize::from(read.is_ok_and(|bytes| bytes > 0)), Ordering::SeqCst);
            // Not before it is counted: else the client could be faster.
            drop(stream);
        }
    });
    (base, count)
}

#[tokio::test]
async fn a_message_whose_answer_was_cut_off_is_not_sent_twice() {
    let (base, count) = server_that_hangs_up();
    let (webex, _) = client(&base);
    let error = webex.send_to_room(&access(Duration::from_secs(60)), &room(), "hello").await.unwrap_err();
    assert!(!error.had_no_effect(), "{error}");
    assert_eq!((error.class(), count.load(Ordering::SeqCst)), (Class::Transient, 1));
}

#[tokio::test]
async fn a_reading_whose_answer_was_cut_off_is_made_again() {
    let (base, count) = server_that_hangs_up();
    let (webex, _) = client(&base);
    webex.team(&access(Duration::from_secs(60)), &team()).await.unwrap_err();
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn throttled_is_until_the_moment_that_the_answer_says_and_a_minute_if_none() {
    let after = |milliseconds| Class::ThrottledUntil(now() + Duration::from_millis(milliseconds));
    let said = [("30", 30_000), ("2.128", 2_128), ("Mon, 23 Nov 2026 12:05:00 GMT", 300_000), ("soon", 60_000)];
    for (header, milliseconds) in said {
        let stage = Stage::answering(status(429).insert_header("retry-after", header)).await;
        let error = stage.webex.team(&stage.access, &team()).await.unwrap_err();
        assert_eq!(error.class(), after(milliseconds), "{header}");
        assert_eq!((stage.requests().await.len(), stage.slept()), (1, Duration::ZERO), "{header}");
    }
    let stage = Stage::answering(status(429)).await;
    assert_eq!(stage.webex.me(&stage.access).await.map_err(|error| error.class()), Err(after(60_000)));
}

#[tokio::test]
async fn nothing_is_sent_that_could_outlive_the_deadline() {
    let stage = Stage::answering(page(&[])).await;
    let access = access(Duration::from_secs(9));
    let error: CallError = stage.webex.memberships(&access, &room()).await.unwrap_err();
    assert_eq!((error.class(), error.had_no_effect()), (Class::Transient, true));
    assert_eq!(error.failure, Failure::NoTime);
    assert!(stage.requests().await.is_empty());
}

#[tokio::test]
async fn a_token_that_is_not_accepted_needs_somebody_to_act() {
    let stage = Stage::answering(status(401)).await;
    let error = stage.webex.me(&stage.access).await.unwrap_err();
    assert_eq!((error.class(), stage.requests().await.len()), (Class::NeedsAdministrator, 1));
}
