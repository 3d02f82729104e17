//! Everything that outlives an invocation of a function.

use std::sync::Arc;

use clients::http::Transport;
use domain::clock::{Clock, SimulatedClock};
use jiff::Timestamp;
use sim::World;
use store::message::ReconcileRequest;
use store::queue::Queue;
use store::queue::memory::MemoryQueue;
use store::secrets::Secrets;
use store::secrets::memory::MemorySecrets;
use store::table::Store;
use store::table::memory::MemoryStore;

/// The services and all stored state: what remains when a function is cut off.
#[derive(Clone)]
pub struct Backend {
    /// The simulated time.
    pub clock: Arc<SimulatedClock>,
    /// The simulated services.
    pub world: World,
    /// The table.
    pub store: Arc<MemoryStore>,
    /// The secrets.
    pub secrets: Arc<MemorySecrets>,
    /// The queue of the sync function.
    pub queue: Arc<MemoryQueue>,
    /// The queue of the reconcile function.
    pub reconcile_queue: Arc<MemoryQueue<ReconcileRequest>>,
}

impl Backend {
    /// An empty backend with both services.
    pub fn new(start: Timestamp, seed: u64) -> Self {
        let clock = Arc::new(SimulatedClock::starting_at(start));
        Self {
            world: World::new(clock.clone(), seed),
            store: Arc::new(MemoryStore::new(clock.clone())),
            secrets: Arc::new(MemorySecrets::new()),
            queue: Arc::new(MemoryQueue::new(clock.clone())),
            reconcile_queue: Arc::new(MemoryQueue::new(clock.clone())),
            clock,
        }
    }

    /// An independent copy of the current state, with its own clock.
    pub fn snapshot(&self) -> Self {
        let clock = Arc::new(SimulatedClock::starting_at(self.clock.now()));
        Self {
            world: self.world.copy(clock.clone()),
            store: Arc::new(self.store.copy(clock.clone())),
            secrets: Arc::new(self.secrets.copy()),
            queue: Arc::new(self.queue.copy(clock.clone())),
            reconcile_queue: Arc::new(self.reconcile_queue.copy(clock.clone())),
            clock,
        }
    }
}

/// The connections through which the functions use a backend. Tests wrap them.
pub struct Connections {
    /// Connection to Webex and Microsoft.
    pub transport: Arc<dyn Transport>,
    /// Connection to the table.
    pub store: Arc<dyn Store>,
    /// Connection to the secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Connection to the queue of the sync function.
    pub queue: Arc<dyn Queue>,
}

impl Connections {
    /// Direct connections to the backend.
    pub fn to(backend: &Backend) -> Self {
        Self {
            transport: backend.world.transport(),
            store: backend.store.clone(),
            secrets: backend.secrets.clone(),
            queue: backend.queue.clone(),
        }
    }
}
