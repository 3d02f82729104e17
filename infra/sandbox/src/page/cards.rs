//! Messages of the integration to people, with the buttons of their cards.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sim::{Card, Refused};
use uuid::Uuid;

use super::cast::Customer;
use super::environment::{Environment, refused};
use super::log::Note;

/// The maximum number of messages on the page; older ones are not shown.
const MAX_SHOWN: usize = 5;

/// A message to a person.
#[derive(Serialize)]
pub(super) struct MessageView {
    id: Uuid,
    person: Uuid,
    name: String,
    text: Vec<String>,
    /// The titles of the card's buttons.
    buttons: Vec<String>,
    at: Timestamp,
}

/// The newest messages to the customer's people, newest first.
pub(super) fn messages(env: &Environment, customer: &Customer) -> Vec<MessageView> {
    let people = customer.people.iter().filter_map(|account| Some((account, account.person?)));
    let mut messages: Vec<MessageView> = people
        .flat_map(|(account, person)| {
            let cards = env.world().cards_to(person).into_iter();
            cards.map(|card| MessageView {
                id: card.message,
                person: account.id(),
                name: account.name.clone(),
                text: lines(&card),
                buttons: buttons(&card).iter().filter_map(|button| text(button, "title")).collect(),
                at: card.at,
            })
        })
        .collect();
    messages.sort_by_key(|message| std::cmp::Reverse(message.at));
    messages.truncate(MAX_SHOWN);
    messages
}

/// Presses a button of a card.
pub(super) fn press(
    env: &Environment,
    customer: &Customer,
    person: Uuid,
    message: Uuid,
    button: usize,
) -> Result<Note, Refused> {
    let account = customer.account(person);
    let account = account.and_then(|account| Some((account, account.person?)));
    let (account, person) =
        account.ok_or_else(|| refused("There is no Webex account with this ID."))?;
    let card = env.world().cards_to(person).into_iter().find(|card| card.message == message);
    let card = card.ok_or_else(|| refused("There is no such message."))?;
    let pressed = buttons(&card).get(button);
    let pressed = pressed.ok_or_else(|| refused("The message has no such button."))?;
    env.world().submit_card(message, person, pressed["data"].clone())?;
    let title = text(pressed, "title").unwrap_or_default();
    Ok(Note::from(format!("{} answered the integration: {title}.", account.name)))
}

fn lines(card: &Card) -> Vec<String> {
    let blocks = card.content["body"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: Vec<String> = blocks.iter().filter_map(|block| text(block, "text")).collect();
    if lines.is_empty() { vec![card.markdown.clone()] } else { lines }
}

fn buttons(card: &Card) -> &[Value] {
    card.content["actions"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}
