//! Messages, cards, and the answers to cards.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::opaque::is_id;
use super::{Webex, WebexId};
use crate::http::{Access, Call, CallError};
use crate::wire::lenient;
use domain::ids::{PersonId, RoomId};

/// Maximum length of a message's text in bytes.
/// <https://developer.webex.com/docs/api/v1/messages/create-a-message>
pub const LONGEST_MESSAGE: usize = 7_439;

/// Answer of a person to a card.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachmentAction {
    /// Message with the card.
    pub message_id: String,
    /// Person who answered.
    pub person: PersonId,
    /// Values of the card's fields.
    pub inputs: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionAsSent {
    message_id: String,
    person_id: WebexId<PersonId>,
    #[serde(default, deserialize_with = "lenient")]
    inputs: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

/// Escapes a text for messages and cards. People choose the names of teams, and unescaped markdown
/// could mention a whole space or link elsewhere. Webex makes links of bare addresses, too, so a
/// space breaks them.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let (before, after) = (&text.as_bytes()[..at], &text[at + c.len_utf8()..]);
        match c {
            // Webex turns an address into a link, in the name of our account.
            ':' if after.starts_with("//") => plain.push_str(": "),
            '.' if before[at.saturating_sub(3)..].eq_ignore_ascii_case(b"www") => {
                plain.push_str(" .")
            }
            // Webex finds mentions before it handles escapes.
            '<' => plain.push_str("&lt;"),
            '&' => plain.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' => plain.extend(['\\', c]),
            // A line break would begin a list or a heading.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

impl Webex {
    /// Sends an adaptive card to a person, and returns the message's id. Clients without cards show
    /// `markdown`. Not repeated when the answer is lost: none is better than two.
    pub async fn send_card(
        &self,
        access: &Access,
        to: &WebexId<PersonId>,
        markdown: &str,
        card: Value,
    ) -> Result<String, CallError> {
        let card =
            json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
        self.send(access, &json!({ "toPersonId": to, "markdown": markdown, "attachments": [card] }))
            .await
    }

    /// Sends a message to a person, and returns its id.
    pub async fn send_to_person(
        &self,
        access: &Access,
        to: &WebexId<PersonId>,
        markdown: &str,
    ) -> Result<String, CallError> {
        self.send(access, &json!({ "toPersonId": to, "markdown": markdown })).await
    }

    /// Sends a message to a space of this account, and returns its id.
    pub async fn send_to_room(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        markdown: &str,
    ) -> Result<String, CallError> {
        self.send(access, &json!({ "roomId": room, "markdown": markdown })).await
    }

    /// Returns `true` if a message of this account is there.
    pub async fn has_message(&self, access: &Access, id: &str) -> Result<bool, CallError> {
        if !is_id(id) {
            return Ok(false);
        }
        Ok(self.find(access, Call::get(format!("/messages/{id}"))).await?.is_some())
    }

    /// Returns a person's answer to a card, if this account can see it. Notifications contain only
    /// its id.
    pub async fn attachment_action(
        &self,
        access: &Access,
        id: &str,
    ) -> Result<Option<AttachmentAction>, CallError> {
        // An id from a webhook becomes part of a path.
        if !is_id(id) {
            return Ok(None);
        }
        let Some(answer) =
            self.find(access, Call::get(format!("/attachment/actions/{id}"))).await?
        else {
            return Ok(None);
        };
        let ActionAsSent { message_id, person_id, inputs } = answer.json()?;
        let inputs = inputs.unwrap_or_default();
        Ok(Some(AttachmentAction { message_id, person: person_id.id, inputs }))
    }

    async fn send(&self, access: &Access, message: &Value) -> Result<String, CallError> {
        let answer =
            self.0.call(access, Call::new(Method::POST, "/messages").json(message)).await?;
        Ok(answer.json::<Sent>()?.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_in_names_is_escaped() {
        for (name, reads) in [
            ("Engines (EU) #1: Größe!", "Engines (EU) #1: Größe!"),
            ("<@all>", "&lt;@all>"),
            ("&lt;@all>", "&amp;lt;@all>"),
            ("[Sign in](https://evil.example)", "\\[Sign in\\](https: //evil.example)"),
            ("\\[x](y)", "\\\\\\[x\\](y)"),
            ("**x** _y_ `z`", "\\*\\*x\\*\\* \\_y\\_ \\`z\\`"),
            ("a\n# b\r\n- c\u{2028}d", "a # b  - c d"),
            ("https://evil.example", "https: //evil.example"),
            ("WwW.evil.example", "WwW .evil.example"),
            ("://://.www.", ": //: //.www ."),
            ("At 10:30 // noon", "At 10:30 // noon"),
        ] {
            assert_eq!(plain(name), reads);
        }
    }
}
