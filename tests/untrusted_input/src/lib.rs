//! Properties of untrusted input: one function over bytes for each entry point. It panics if its
//! property does not hold.
//!
//! Each runs as a fuzz target of the same name (`infra/fuzz`), and over the saved inputs in
//! `corpora` as a plain test.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a property that does not hold panics")]

mod answers;
mod calls;
mod card;
mod events;
mod id_token;
mod ids;
mod names;
mod stored;

use clients::http::Deadline;
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

pub use calls::{graph_answers, retry_after, webex_answers};
pub use card::card_answer;
pub use events::{cookies, gateway_event, notification, signature};
pub use id_token::id_token;
pub use ids::ids;
pub use names::{folder_name, nickname};
pub use stored::stored;

/// An entry point, by the name of its corpus and fuzz target.
pub type Target = (&'static str, fn(&[u8]));

/// All entry points.
pub const TARGETS: [Target; 13] = [
    ("signature", signature),
    ("notification", notification),
    ("gateway_event", gateway_event),
    ("cookies", cookies),
    ("graph_answers", graph_answers),
    ("webex_answers", webex_answers),
    ("retry_after", retry_after),
    ("ids", ids),
    ("folder_name", folder_name),
    ("nickname", nickname),
    ("id_token", id_token),
    ("stored", stored),
    ("card_answer", card_answer),
];

/// The time at which all input arrives.
fn noon() -> Timestamp {
    Timestamp::from_second(1_795_608_000).expect("a moment of November 2026")
}

fn deadline() -> Deadline {
    Deadline(noon() + jiff::SignedDuration::from_mins(1))
}

/// Runs a future that never waits for anything outside.
fn run<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread()
            .build()
            .expect("a runtime without a driver");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
