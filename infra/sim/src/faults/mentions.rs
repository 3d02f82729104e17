//! Ids in requests and rows, plain or within an id of Webex.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use uuid::Uuid;

use crate::wire::Request;

/// Returns the ids in path, query and body.
pub(super) fn of_call(call: &Request) -> Vec<Uuid> {
    let mut ids = Vec::new();
    call.segments.iter().for_each(|segment| add_of_text(segment, &mut ids));
    call.query.iter().for_each(|(_, value)| add_of_text(value, &mut ids));
    add_of_value(&call.json(), &mut ids);
    ids
}

/// Returns the ids in a value and all of its parts.
pub(super) fn of_value(value: &Value) -> Vec<Uuid> {
    let mut ids = Vec::new();
    add_of_value(value, &mut ids);
    ids
}

fn add_of_value(value: &Value, ids: &mut Vec<Uuid>) {
    match value {
        Value::String(text) => add_of_text(text, ids),
        Value::Array(parts) => parts.iter().for_each(|part| add_of_value(part, ids)),
        Value::Object(fields) => fields.values().for_each(|field| add_of_value(field, ids)),
        _ => {}
    }
}

fn add_of_text(text: &str, ids: &mut Vec<Uuid>) {
    let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let is_id = |decoded: &String| decoded.starts_with("ciscospark://");
    let text = decoded.filter(is_id).unwrap_or_else(|| text.to_owned());
    let words = text.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '-');
    ids.extend(words.filter(|word| word.len() == 36).filter_map(|word| word.parse::<Uuid>().ok()));
}
