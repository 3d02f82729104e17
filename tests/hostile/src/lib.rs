//! What must hold of whatever comes from outside, beyond that nothing panics: a function over bytes for each way in, which panics where it does not hold.
//!
//! Each is run twice: by a fuzz target of the same name (`infra/fuzz`), and over the inputs that are kept in `corpora` by plain tests.

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

pub use calls::{graph_answers, retry_after, webex_answers};
pub use card::card_answer;
pub use events::{gateway_event, notification, signature};
pub use id_token::id_token;
pub use ids::ids;
pub use names::{folder_name, nickname};
pub use stored::stored;

/// A way in, by the name of its corpus and of its fuzz target.
pub type Target = (&'static str, fn(&[u8]));

/// All ways in.
pub const TARGETS: [Target; 12] = [
    ("signature", signature),
    ("notification", notification),
    ("gateway_event", gateway_event),
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

/// The moment at which everything comes.
fn noon() -> Timestamp {
    Timestamp::from_second(1_795_608_000).expect("a moment of November 2026")
}

fn deadline() -> Deadline {
    Deadline(noon() + jiff::SignedDuration::from_mins(1))
}

/// Nothing here waits for anything outside.
fn run<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without a driver");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
