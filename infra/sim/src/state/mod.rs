//! The state of all three services, as plain data. Handlers of the services stand above it.

pub(crate) mod apps;
pub(crate) mod drives;
pub(crate) mod graph_settings;
pub(crate) mod groups;
pub(crate) mod microsoft;
pub(crate) mod outbox;
pub(crate) mod webex;
pub(crate) mod webex_settings;

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::faults::Injected;
use crate::generate;
use crate::record::{Call, Item, Service, Violation};

use microsoft::Microsoft;
use outbox::Delivery;
use webex::Webex;

/// A change of the state, by a caller who was admitted.
pub(crate) type Effect = Arc<dyn Fn(&mut State) + Send + Sync>;

/// A change that was acknowledged before it takes effect.
#[derive(Clone)]
pub(crate) struct LateEffect {
    pub(crate) at: Timestamp,
    pub(crate) effect: Effect,
}

/// Everything in the world. A call changes it in one step, under one lock.
#[derive(Clone)]
pub(crate) struct State {
    /// Moment of the current call.
    pub(crate) now: Timestamp,
    pub(crate) rng: fastrand::Rng,
    pub(crate) webex: Webex,
    pub(crate) microsoft: Microsoft,
    pub(crate) faults: Vec<Injected>,
    /// Changes that were acknowledged and take effect later.
    pub(crate) late: Vec<LateEffect>,
    pub(crate) calls: Vec<Call>,
    /// Items of the batch in progress.
    pub(crate) items: Vec<Item>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) outbox: Vec<Delivery>,
    /// Last deliveries that were taken, oldest first.
    pub(crate) sent: Vec<Delivery>,
}

impl State {
    pub(crate) fn new(now: Timestamp, mut rng: fastrand::Rng) -> Self {
        let (webex, microsoft) = (Webex::new(&mut rng), Microsoft::new(&mut rng));
        Self {
            now,
            rng,
            webex,
            microsoft,
            faults: Vec::new(),
            late: Vec::new(),
            calls: Vec::new(),
            items: Vec::new(),
            violations: Vec::new(),
            outbox: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Returns a new id from the seed.
    pub(crate) fn uuid(&mut self) -> Uuid {
        generate::uuid(&mut self.rng)
    }

    /// Applies the late changes that are due, in the order of their moments.
    pub(crate) fn apply_late_effects(&mut self) {
        while let Some(at) = self.late.iter().map(|late| late.at).min().filter(|at| *at <= self.now)
            && let Some(index) = self.late.iter().position(|late| late.at == at)
        {
            let late = self.late.remove(index);
            (late.effect)(self);
        }
    }

    /// Records that a token of one tenant was used for something of another.
    pub(crate) fn record_other_tenant(&mut self, service: Service, path: String) {
        self.violations.push(Violation::OtherTenant { service, path });
    }
}
