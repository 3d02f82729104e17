//! Tests of sending to a queue.

use std::time::Duration;

use aws::sqs::SqsQueue;
use domain::ids::{TeamId, TenantId};
use jiff::Timestamp;
use store::message::{Job, Message, MessageVersion, Trigger};
use store::queue::memory::MemoryQueue;
use store::queue::{LONGEST_DELAY, Queue};
use uuid::Uuid;

/// Empty queue.
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

    /// Returns all visible messages, sorted by the messages' own times.
    async fn visible(&self) -> Vec<Message> {
        let mut all: Vec<Message> = match self {
            Self::Memory(queue) => {
                queue.receive(usize::MAX).into_iter().map(|received| received.message).collect()
            }
            Self::Sqs { client, url, .. } => {
                let mut all = Vec::new();
                loop {
                    let some = client
                        .receive_message()
                        .queue_url(url)
                        .max_number_of_messages(10)
                        .send()
                        .await
                        .unwrap();
                    let Some(some) = some.messages.filter(|some| !some.is_empty()) else {
                        break all;
                    };
                    all.extend(
                        some.iter().map(|one| serde_json::from_str(one.body().unwrap()).unwrap()),
                    );
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

/// Returns message number `n` of a series of different ones.
pub(super) fn message(n: u64) -> Message {
    Message {
        v: MessageVersion,
        tenant: TenantId(Uuid::from_u64_pair(1, n % 3)),
        at: Timestamp::from_second(super::START + n as i64).unwrap(),
        trigger: Trigger::WebexWebhook,
        job: Job::Team { team: TeamId(Uuid::from_u64_pair(2, n)), region: None },
    }
}

super::contract_tests! {
    crate::contract::queue::in_new_memory, crate::contract::aws::queue,
    message_arrives_unchanged
    many_messages_all_arrive
    delayed_message_is_hidden
    delay_is_limited_to_the_maximum
    spaced_messages_arrive_one_by_one
}

async fn message_arrives_unchanged(subject: Subject) {
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

async fn delayed_message_is_hidden(subject: Subject) {
    subject.queue().send(&message(1), LONGEST_DELAY).await.unwrap();
    subject.queue().send(&message(2), Duration::ZERO).await.unwrap();
    assert_eq!(subject.visible().await, [message(2)]);
}

async fn delay_is_limited_to_the_maximum(subject: Subject) {
    subject.queue().send(&message(1), LONGEST_DELAY * 100).await.unwrap();
    assert_eq!(subject.visible().await, []);
}

async fn spaced_messages_arrive_one_by_one(subject: Subject) {
    let messages: Vec<Message> = (0..25).map(message).collect();
    subject.queue().send_spaced(&messages, Duration::from_secs(60)).await.unwrap();
    assert_eq!(subject.visible().await, messages[..1], "the first at once, the others later");
}

#[tokio::test]
async fn sqs_message_is_in_its_tenants_group() {
    use aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
    let Some(Subject::Sqs { queue, client, url }) = super::aws::queue().await else {
        return;
    };
    queue.send(&message(1), Duration::ZERO).await.unwrap();
    queue.send_all(&[message(1)]).await.unwrap();
    let receive = client.receive_message().queue_url(url).max_number_of_messages(10);
    let received = receive.message_system_attribute_names(MessageGroupId).send().await.unwrap();
    let groups: Vec<_> = received
        .messages()
        .iter()
        .map(|one| one.attributes().unwrap().get(&MessageGroupId).unwrap().clone())
        .collect();
    assert_eq!(groups, [message(1).tenant.to_string(), message(1).tenant.to_string()]);
}
