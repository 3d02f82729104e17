//! Tests of receiving from the in-memory queue.

use std::time::Duration;

use domain::clock::Clock;
use store::queue::memory::{MemoryQueue, RECEIVES, VISIBILITY_TIMEOUT};
use store::queue::{LONGEST_DELAY, Queue};

use super::queue::message;

#[tokio::test]
async fn messages_come_in_order_of_visibility() {
    let clock = super::clock();
    let queue = MemoryQueue::new(clock.clone());
    queue.send(&message(3), Duration::from_secs(5)).await.unwrap();
    queue.send_all(&[message(1), message(2)]).await.unwrap();
    queue.send(&message(0), Duration::ZERO).await.unwrap();
    clock.advance(Duration::from_secs(5));
    queue.send(&message(4), Duration::ZERO).await.unwrap();
    let first: Vec<_> = queue.receive(2).into_iter().map(|received| received.message).collect();
    let rest: Vec<_> = queue.receive(10).into_iter().map(|received| received.message).collect();
    assert_eq!(
        (first, rest),
        (vec![message(1), message(2)], vec![message(0), message(3), message(4)])
    );
}

#[tokio::test]
async fn message_is_hidden_until_its_delay_has_passed() {
    let clock = super::clock();
    let queue = MemoryQueue::new(clock.clone());
    assert_eq!(queue.next_visible_at(), None);
    queue.send(&message(1), LONGEST_DELAY * 2).await.unwrap();
    let then = clock.now() + LONGEST_DELAY;
    assert_eq!((queue.next_visible_at(), queue.len()), (Some(then), 1));
    clock.advance(LONGEST_DELAY - Duration::from_millis(1));
    assert_eq!(queue.receive(1), []);
    clock.advance_to(then);
    assert_eq!(queue.receive(1).len(), 1);
}

#[tokio::test]
async fn received_message_returns_unless_deleted() {
    let clock = super::clock();
    let queue = MemoryQueue::new(clock.clone()).with_visibility_timeout(Duration::from_secs(30));
    queue.send_all(&[message(1), message(2)]).await.unwrap();
    let first = queue.receive(10);
    assert_eq!((queue.receive(10), queue.len()), (vec![], 2));
    assert_eq!(queue.next_visible_at(), Some(clock.now() + Duration::from_secs(30)));
    queue.delete(first[0].receipt);
    clock.advance(Duration::from_secs(30));
    let second = queue.receive(10);
    assert_eq!(
        second.iter().map(|again| (&again.message, again.receives)).collect::<Vec<_>>(),
        [(&message(2), 2)]
    );
    queue.delete(first[1].receipt);
    assert_eq!(queue.len(), 1, "the receipt of an earlier receive");
    queue.delete(second[0].receipt);
    assert!(queue.is_empty());
}

#[tokio::test]
async fn message_received_five_times_is_a_dead_letter() {
    let clock = super::clock();
    let queue = MemoryQueue::new(clock.clone());
    queue.send(&message(1), Duration::ZERO).await.unwrap();
    for receives in 1..=RECEIVES {
        assert_eq!(queue.receive(1).first().map(|received| received.receives), Some(receives));
        assert_eq!(queue.dead_letters(), []);
        clock.advance(VISIBILITY_TIMEOUT);
    }
    assert_eq!(queue.receive(1), []);
    assert_eq!(
        (queue.dead_letters(), queue.len(), queue.next_visible_at()),
        (vec![message(1)], 0, None)
    );
}
