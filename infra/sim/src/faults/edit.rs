//! Changes of requests and answers that lies make.

use bytes::Bytes;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::lie::{BrokenBody, Rows};
use super::mentions;
use crate::wire::{Request, Response};

/// Names of the rows in an answer.
const ROWS: [&str; 3] = ["items", "value", "Resources"];
/// Names of counts of rows.
const COUNTS: [&str; 3] = ["totalResults", "itemsPerPage", "@odata.count"];

fn is_row(row: &Value, rows: &Rows) -> bool {
    // A membership is the row of its person.
    let id = row.get("personId").or_else(|| row.get("id")).unwrap_or(row);
    rows.include(&mentions::of_value(id))
}

/// Removes rows from an answer, and from its counts.
pub(crate) fn hide_rows(response: &mut Response, rows: &Rows) {
    let Some(Value::Object(body)) = &mut response.body else { return };
    let mut hidden = 0;
    for list in ROWS {
        if let Some(Value::Array(listed)) = body.get_mut(list) {
            let all = listed.len();
            listed.retain(|row| !is_row(row, rows));
            hidden += all - listed.len();
        }
    }
    for count in COUNTS {
        if let Some(number) = body.get(count).and_then(Value::as_u64) {
            let hidden = u64::try_from(hidden).unwrap_or_default();
            body.insert(count.into(), number.saturating_sub(hidden).into());
        }
    }
}

/// Sets fields of rows of an answer.
pub(crate) fn spoil_rows(response: &mut Response, rows: &Rows, fields: &Map<String, Value>) {
    let Some(Value::Object(body)) = &mut response.body else { return };
    for list in ROWS {
        let listed = body.get_mut(list).and_then(Value::as_array_mut);
        for row in listed.into_iter().flatten().filter(|row| is_row(row, rows)) {
            if let Value::Object(row) = row {
                row.extend(fields.clone());
            }
        }
    }
}

/// Replaces the body of an answer.
pub(crate) fn break_body(response: &mut Response, how: BrokenBody) {
    let text = response.body.take().map(|body| body.to_string());
    let mut text = text.or_else(|| response.page.take()).unwrap_or_default();
    let media_type = match how {
        BrokenBody::Html => "text/html; charset=utf-8",
        BrokenBody::Empty | BrokenBody::Cut => "application/json;charset=UTF-8",
    };
    response.page = match how {
        BrokenBody::Html => Some("<!doctype html><title>Service unavailable</title>".into()),
        BrokenBody::Empty => None,
        BrokenBody::Cut => {
            text.truncate(text.floor_char_boundary(text.len() / 2));
            Some(text)
        }
    };
    response.set_header("Content-Type", media_type);
}

/// Returns the request without these people in the lists of its body, if it lists them and more.
pub(crate) fn without_people(call: &Request, people: &[Uuid]) -> Option<Request> {
    let Value::Object(mut body) = call.json() else { return None };
    let before = body.clone();
    for list in body.values_mut().filter_map(Value::as_array_mut) {
        list.retain(|entry| !mentions::of_value(entry).iter().any(|id| people.contains(id)));
    }
    if body == before {
        return None;
    }
    body.retain(|_, field| field.as_array().is_none_or(|list| !list.is_empty()));
    let remains = !body.is_empty();
    let body = Bytes::from(Value::Object(body).to_string());
    remains.then(|| Request { body, ..call.clone() })
}
