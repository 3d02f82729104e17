//! The queue's sending side.

use std::time::Duration;

use aws::sqs::SqsQueue;
use domain::ids::{TeamId, TenantId};
use jiff::Timestamp;
use store::message::{Ask, Cause, Message, Version};
use store::queue::memory::MemoryQueue;
use store::queue::{LONGEST_DELAY, Queue};
use uuid::Uuid;

/// An empty queue.
pub(super) enum Subject {
    Memory(MemoryQueue),
    Sqs { queue: SqsQueue, client: aws_sdk_sqs::Client, url: String },
}

impl Subject {
    fn queue(&self) -> &dyn Queue {
        match self {
            Self::Memory(queue) => queue,
            Self::Sqs { queue, .. } => queue,
        }
    }

    /// Everything that is visible now, in the order of the messages' own times.
    async fn visible(&self) -> Vec<Message> {
        let mut all: Vec<Message> = match self {
            Self::Memory(queue) => queue.receive(usize::MAX).into_iter().map(|received| received.message).collect(),
            Self::Sqs { client, url, .. } => {
                let mut all = Vec::new();
                loop {
                    let some = client.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
                    let Some(some) = some.messages.filter(|some| !some.is_empty()) else { break all };
                    all.extend(some.iter().map(|one| serde_json::from_str(one.body().unwrap()).unwrap()));
                }
            }
        };
        all.sort_by_key(|message| message.at);
        all
    }
}

fn in_new_memory() -> Subject {
    Subject::Memory(MemoryQueue::new(super::clock()))
}

/// The `n`th of a series of different messages.
pub(super) fn message(n: u64) -> Message {
    Message {
        v: Version,
        tenant: TenantId(Uuid::from_u64_pair(1, n % 3)),
        at: Timestamp::from_second(super::START + n as i64).unwrap(),
        cause: Cause::WebexWebhook,
        ask: Ask::Team { team: TeamId(Uuid::from_u64_pair(2, n)), region: None },
    }
}

super::hold! {
    crate::contract::queue::in_new_memory, crate::contract::aws::queue,
    a_message_arrives_as_it_was_sent
    many_messages_all_arrive
    a_delayed_message_is_not_there_yet
    a_delay_is_cut_to_the_longest
    spaced_messages_come_one_after_the_other
}

async fn a_message_arrives_as_it_was_sent(subject: Subject) {
    assert_eq!(subject.visible().await, []);
    subject.queue().send(&message(1), Duration::ZERO).await.unwrap();
    assert_eq!(subject.visible().await, [message(1)]);
}

async fn many_messages_all_arrive(subject: Subject) {
    let messages: Vec<Message> = (0..25).map(message).collect();
    subject.queue().send_all(&messages).await.unwrap();
    assert_eq!(subject.visible().await, messages);
    subject.queue().send_all(&[]).await.unwrap();
}

async fn a_delayed_message_is_not_there_yet(subject: Subject) {
    subject.queue().send(&message(1), LONGEST_DELAY).await.unwrap();
    subject.queue().send(&message(2), Duration::ZERO).await.unwrap();
    assert_eq!(subject.visible().await, [message(2)]);
}

async fn a_delay_is_cut_to_the_longest(subject: Subject) {
    subject.queue().send(&message(1), LONGEST_DELAY * 100).await.unwrap();
    assert_eq!(subject.visible().await, []);
}

async fn spaced_messages_come_one_after_the_other(subject: Subject) {
    let messages: Vec<Message> = (0..25).map(message).collect();
    subject.queue().send_spaced(&messages, Duration::from_secs(60)).await.unwrap();
    assert_eq!(subject.visible().await, messages[..1], "the first at once, the others later");
}

#[tokio::test]
async fn a_message_of_sqs_is_in_its_tenants_group() {
    use aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
    let Some(Subject::Sqs { queue, client, url }) = super::aws::queue().await else { return };
    queue.send(&message(1), Duration::ZERO).await.unwrap();
    queue.send_all(&[message(1)]).await.unwrap();
    let receive = client.receive_message().queue_url(url).max_number_of_messages(10);
    let received = receive.message_system_attribute_names(MessageGroupId).send().await.unwrap();
    let groups: Vec<_> =
        received.messages().iter().map(|one| one.attributes().unwrap().get(&MessageGroupId).unwrap().clone()).collect();
    assert_eq!(groups, [message(1).tenant.to_string(), message(1).tenant.to_string()]);
}
