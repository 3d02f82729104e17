//! A scripted service: its text has status, headers and body, and a NUL between responses.
//!
//! ```text
//! 429
//! Retry-After: 7
//!
//! {"message": "Too many requests."}
//! ```

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};

/// Returns its responses in order, then none; keeps the requests.
pub(crate) struct Script {
    answers: Mutex<Vec<Response<Bytes>>>,
    asked: Mutex<Vec<Request<Bytes>>>,
}

impl Script {
    pub(crate) fn read(text: &[u8]) -> Self {
        let answers = text.split(|byte| *byte == 0).map(answer).rev().collect();
        Self { answers: Mutex::new(answers), asked: Mutex::default() }
    }

    /// Returns and removes all requests so far.
    pub(crate) fn asked(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Parses a response; text without status and headers is the body of a successful one.
fn answer(text: &[u8]) -> Response<Bytes> {
    let (mut rest, mut answer) = (text, Response::new(Bytes::new()));
    if let Some((status, after)) =
        line(text).and_then(|(line, after)| Some((std::str::from_utf8(line).ok()?, after)))
        && let Ok(Ok(status)) = status.parse().map(StatusCode::from_u16)
    {
        *answer.status_mut() = status;
        rest = after;
        while let Some((line, after)) = line(rest) {
            rest = after;
            let Some(at) = line.iter().position(|byte| *byte == b':') else {
                break;
            };
            let (name, value) = (
                HeaderName::from_bytes(&line[..at]),
                HeaderValue::from_bytes(line[at + 1..].trim_ascii()),
            );
            if let (Ok(name), Ok(value)) = (name, value) {
                answer.headers_mut().append(name, value);
            }
        }
    }
    answer.map(|_: Bytes| Bytes::copy_from_slice(rest))
}

/// Splits off the first line.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    Some((&text[..end], &text[end + 1..]))
}

#[async_trait]
impl Transport for Script {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        self.asked.lock().unwrap().push(request);
        self.answers
            .lock()
            .unwrap()
            .pop()
            .ok_or_else(|| TransportError::NoAnswer("the script is over".into()))
    }
}
