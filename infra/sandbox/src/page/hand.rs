//! The clock's hand: a thread of its own that lets time pass, since what the functions do meanwhile stays on the thread where it began.

use std::io;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::sync::{mpsc, oneshot};

use super::Shared;

/// How often the clock moves.
const TICK: Duration = Duration::from_millis(100);

/// Moves the clock on wish. The thread ends with the last of these.
#[derive(Clone)]
pub(super) struct Hand(mpsc::Sender<Wish>);

struct Wish {
    span: Duration,
    done: oneshot::Sender<()>,
}

impl Hand {
    /// Returns when so much simulated time has passed.
    pub(super) async fn pass(&self, span: Duration) {
        let (done, passed) = oneshot::channel();
        if self.0.send(Wish { span, done }).await.is_ok() {
            // The thread is gone only where everything ends.
            let _ = passed.await;
        }
    }
}

/// Lets wall time pass at the chosen speed from now on.
pub(super) fn start(play: Shared) -> io::Result<Hand> {
    let (sender, wishes) = mpsc::channel(8);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("clock".into()).spawn(move || runtime.block_on(run(play, wishes)))?;
    Ok(Hand(sender))
}

async fn run(play: Shared, mut wishes: mpsc::Receiver<Wish>) {
    let mut last = Instant::now();
    loop {
        let wish = tokio::time::timeout(TICK, wishes.recv()).await;
        let mut play = play.lock().await;
        match wish {
            Ok(None) => return,
            Ok(Some(wish)) => {
                play.pass(SignedDuration::try_from(wish.span).unwrap_or_default()).await;
                // Whoever wished for it may have gone.
                let _ = wish.done.send(());
            }
            // Whoever held the play meanwhile made everybody wait, and time with them.
            Err(_) => play.tick(last.elapsed().min(3 * TICK)).await,
        }
        last = Instant::now();
    }
}
