//! A thread that lets simulated time pass: the functions' futures cannot change threads.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::playground::Playground;

/// The interval at which the clock moves.
const TICK: Duration = Duration::from_millis(100);

/// A handle of the thread, which ends with the last handle.
#[derive(Clone)]
pub(super) struct ClockThread(mpsc::Sender<Jump>);

/// A request to let time pass at once.
struct Jump {
    span: Duration,
    done: oneshot::Sender<()>,
}

impl ClockThread {
    /// Starts a thread that lets wall time pass at the current speed.
    pub(super) fn start(playground: Arc<Mutex<Playground>>) -> io::Result<Self> {
        let (sender, jumps) = mpsc::channel(8);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("clock".into());
        thread.spawn(move || runtime.block_on(run(playground, jumps)))?;
        Ok(Self(sender))
    }

    /// Lets simulated time pass at once; returns when it has passed.
    pub(super) async fn pass(&self, span: Duration) {
        let (done, passed) = oneshot::channel();
        if self.0.send(Jump { span, done }).await.is_ok() {
            // Fails only if the thread ended, together with the process.
            let _ = passed.await;
        }
    }
}

async fn run(playground: Arc<Mutex<Playground>>, mut jumps: mpsc::Receiver<Jump>) {
    let mut last = Instant::now();
    loop {
        match tokio::time::timeout(TICK, jumps.recv()).await {
            Ok(None) => return,
            Ok(Some(Jump { span, done })) => {
                let span = SignedDuration::try_from(span).unwrap_or_default();
                playground.lock().await.begin_jump(span);
                // The lock is free between parts, so that the page shows how far time has come.
                while playground.lock().await.continue_jump().await {}
                // The caller may have given up.
                let _ = done.send(());
            }
            Err(_) => {
                let mut playground = playground.lock().await;
                // After a long wait for the lock, time does not jump.
                playground.tick(last.elapsed().min(3 * TICK)).await;
            }
        }
        last = Instant::now();
    }
}
