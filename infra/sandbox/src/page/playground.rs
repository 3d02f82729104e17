//! The environment that people change, its clock, its disruptions, and the story.

use std::time::Duration;

use domain::ids::TeamId;
use engine::tenant::{Folders, NewTeams, Settings};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sim::{Refused, World};

use super::action::Action;
use super::cast::Customer;
use super::disruption::{Disruption, Switch};
use super::disruptor::Disruptor;
use super::environment::Environment;
use super::interceptor::Interceptor;
use super::log::{Entry, EntryKind, Log, Note};
use super::narrator::{Caller, Narrator};
use super::pairs::is_in_sync;
use super::passing::Jump;
use super::perform::perform;
use super::playback::{DISRUPTIONS, Playback, Step, StoryProgress};
use super::setup::HISTORY;
use crate::local_stack::{Backend, LocalStack, LocalStackError};

/// The resolution of the clock: nothing runs later than this after it is due.
const RESOLUTION: Duration = Duration::from_millis(500);

/// The longest span that can pass at once.
pub const LONGEST_JUMP: Duration = Duration::from_secs(2 * 86_400);

/// The entry about the time between two scenes of the story.
const INTERVAL_NOTE: &str = "20 minutes pass before the next scene, so that no reading of \
    Microsoft 365 can be older than this one.";

/// The index of the customer whose people play the story.
const CONTOSO: usize = 0;

/// The reason why the playground could not start.
#[derive(Debug, thiserror::Error)]
pub enum PlaygroundError {
    /// The local stack failed.
    #[error(transparent)]
    LocalStack(#[from] LocalStackError),
    /// A simulated service refused an action.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The start time is invalid.
    #[error(transparent)]
    Start(#[from] jiff::Error),
}

/// The speed of simulated time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speed {
    /// Time does not pass.
    Paused,
    /// Runs as the wall clock.
    Real,
    /// Ten seconds per second.
    Ten,
    /// One minute per second.
    Sixty,
}

impl Speed {
    fn factor(self) -> u32 {
        match self {
            Self::Paused => 0,
            Self::Real => 1,
            Self::Ten => 10,
            Self::Sixty => 60,
        }
    }
}

/// Both sides of two customers, and the functions between them.
pub struct Playground {
    pub(super) env: Environment,
    pub(super) disruptor: Disruptor,
    narrator: Narrator,
    playback: Playback,
    pub(super) speed: Speed,
    /// The time that the clock should show; calls move the clock, too.
    due: Timestamp,
    /// The span that is passing at once.
    pub(super) jump: Option<Jump>,
    /// The address of the setup pages.
    pub(super) setup_pages: Option<String>,
}

impl Playground {
    /// Starts with two customers that have used the integration for half an hour.
    ///
    /// # Errors
    /// None in practice: everything is simulated.
    pub async fn start() -> Result<Self, PlaygroundError> {
        let start: Timestamp = "2026-11-23T08:00:00Z".parse()?;
        let backend = Backend::new(start, 365);
        let interceptor = Interceptor::over(&backend);
        let connections = interceptor.connections(&backend);
        let mut stack = LocalStack::with_connections(&backend, connections)?;
        let mut customers = vec![Customer::contoso(&backend)?, Customer::fabrikam(&backend.world)?];
        let settings = Settings {
            switched_on_at: Some(start),
            new_teams: NewTeams::Every,
            folders: Folders::EachSpace,
            ..Settings::default()
        };
        for customer in &mut customers {
            customer.tenant = stack.sign_up(&customer.handle, settings.clone()).await?;
            stack.consent_to_files(customer.tenant, &customer.handle).await?;
        }
        // The log begins after the sign-up, which no person did.
        interceptor.take_observed();
        let env = Environment { stack, interceptor, customers, log: Log::default() };
        let mut playground = Self::over(env, Speed::Ten);
        playground.pass(HISTORY).await;
        Ok(playground)
    }

    pub(super) fn over(env: Environment, speed: Speed) -> Self {
        Self {
            disruptor: Disruptor::default(),
            narrator: Narrator::default(),
            playback: Playback::default(),
            speed,
            due: env.now(),
            jump: None,
            setup_pages: None,
            env,
        }
    }

    /// The simulated services.
    pub fn world(&self) -> &World {
        self.env.world()
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.env.now()
    }

    /// The log entries after this number, oldest first.
    pub fn entries_after(&self, n: u64) -> impl Iterator<Item = &Entry> {
        self.env.log.after(n)
    }

    /// Changes the speed of simulated time.
    pub fn set_speed(&mut self, speed: Speed) {
        self.speed = speed;
    }

    /// Performs an action of a person; returns the team if one was created.
    ///
    /// # Errors
    /// If the service would refuse the action to a person, too.
    pub async fn perform(&mut self, action: &Action) -> Result<Option<TeamId>, Refused> {
        perform(&mut self.env, action).await
    }

    /// Switches a disruption on or off, unless it is already.
    ///
    /// # Errors
    /// If the customer has no linked group to disrupt.
    pub async fn switch(
        &mut self,
        customer: usize,
        disruption: Disruption,
        switch: Switch,
    ) -> Result<(), Refused> {
        self.disruptor.switch(&mut self.env, customer, disruption, switch).await
    }

    /// Removes all faults and delays, and the disruptions that consist of them.
    pub(super) fn clear_faults(&mut self) {
        self.world().clear_faults();
        self.env.interceptor.remove_delays(|_| true);
        self.disruptor.clear_faults();
    }
}

/// The passing of time.
impl Playground {
    /// Lets simulated time pass for elapsed wall time, at the current speed.
    pub async fn tick(&mut self, elapsed: Duration) {
        let span = elapsed.saturating_mul(self.speed.factor());
        self.narrator.narrate(&mut self.env, Caller::Other).await;
        if span.is_zero() {
            return;
        }
        // After calls moved the clock, at most five seconds are made up for.
        self.due = self.due.max(self.now() - SignedDuration::from_secs(5)) + span;
        // The clock has milliseconds, and no smaller unit.
        while self.now().as_millisecond() < self.due.as_millisecond() {
            let clock = self.env.backend().clock.clone();
            clock.advance_to(self.due.min(self.now() + RESOLUTION));
            let interceptor = self.env.interceptor.clone();
            let has_crashed = tokio::select! {
                // The crash first, because a crashed future never ends.
                biased;
                () = interceptor.crashed.notified() => true,
                () = self.env.stack.run_due() => false,
            };
            self.after_running(has_crashed).await;
        }
        self.continue_story().await;
        // The wait between scenes shows nothing, so the viewer does not have to sit through it.
        if let Some(opens_at) = self.playback.next_scene_at() {
            self.pass(opens_at.duration_since(self.now())).await;
        }
    }

    /// Lets simulated time pass at once.
    pub async fn pass(&mut self, span: SignedDuration) {
        self.narrator.narrate(&mut self.env, Caller::Other).await;
        let end = self.now() + span;
        while self.now() < end {
            // In parts, so that the story and the log keep up.
            let part = end.duration_since(self.now()).min(SignedDuration::from_mins(1));
            let interceptor = self.env.interceptor.clone();
            let has_crashed = tokio::select! {
                biased;
                () = interceptor.crashed.notified() => true,
                () = self.env.stack.let_pass(part) => false,
            };
            self.after_running(has_crashed).await;
            self.continue_story().await;
            tokio::task::yield_now().await;
        }
        self.due = self.now();
    }

    async fn after_running(&mut self, has_crashed: bool) {
        self.narrator.narrate(&mut self.env, Caller::Functions).await;
        if has_crashed {
            self.restart();
        }
        self.admit_tenants().await;
    }

    /// Starts the functions again, with nothing but what is stored.
    fn restart(&mut self) {
        let env = &mut self.env;
        let backend = env.backend().clone();
        let connections = env.interceptor.connections(&backend);
        match LocalStack::with_connections(&backend, connections) {
            Ok(mut stack) => {
                stack.set_tenants(env.stack.tenants());
                env.stack = stack;
            }
            Err(error) => {
                tracing::error!(event = "restart_failed", %error, "the functions did not restart");
            }
        }
        self.disruptor.clear_crash();
        let text = "The functions crashed in the middle of a sync: the last write took effect, and \
                    they never saw its answer. They restart with nothing but what is stored.";
        let title = Disruption::Crash.description().title;
        env.note(None, EntryKind::Disruption, Note::from(text).about(title));
    }
}

/// The story.
impl Playground {
    /// Returns `true` if the people of the story are there, and connected.
    pub(super) fn has_story(&self) -> bool {
        self.env.customers[CONTOSO].slug == "contoso"
    }

    /// Starts the story from its first scene, with a new team.
    pub fn start_story(&mut self) {
        if !self.has_story() {
            return;
        }
        self.playback.start(self.env.now());
        self.log_scene();
    }

    /// Skips to the next scene, or ends after the last one.
    pub fn next_scene(&mut self) {
        if !self.has_story() {
            return;
        }
        self.playback.next(self.env.now());
        self.log_scene();
    }

    /// Ends the story and its disruptions.
    pub async fn stop_story(&mut self) {
        self.playback.stop();
        for disruption in DISRUPTIONS {
            if let Err(refused) = self.switch(CONTOSO, disruption, Switch::Off).await {
                tracing::warn!(event = "switch_refused", %refused, "a disruption did not end");
            }
        }
    }

    /// The progress of the story, if it is running.
    pub fn story(&self) -> Option<StoryProgress> {
        self.playback.progress()
    }

    fn log_scene(&mut self) {
        if let Some(StoryProgress { scene, title, sentence, .. }) = self.playback.progress() {
            let note = Note::from(sentence).about(format!("{scene}. {title}"));
            self.env.note(Some(self.env.customers[CONTOSO].slug), EntryKind::Story, note);
        }
    }

    /// Performs the due steps; opens the next scene once both sides were in sync for a while.
    async fn continue_story(&mut self) {
        if !self.playback.is_running() {
            return;
        }
        if let Some(opens_at) = self.playback.next_scene_at() {
            if self.now() >= opens_at {
                self.next_scene();
            }
            return;
        }
        while let Some(step) = self.playback.take_due_step(self.env.now()) {
            if let Err(refused) = self.perform_step(step).await {
                tracing::warn!(event = "step_refused", %refused, "a step of the story failed");
            }
        }
        if !self.playback.has_done_all_steps() {
            return;
        }
        let is_in_sync = match self.playback.team {
            Some(team) => is_in_sync(&self.env, &self.env.customers[CONTOSO], team).await,
            None => false,
        };
        // The crash comes with the next write: until then nothing has happened.
        let has_crashed = !self.disruptor.is_on(&self.env, CONTOSO, Disruption::Crash);
        if !self.playback.record(is_in_sync && has_crashed, self.env.now()) {
            return;
        }
        if self.playback.is_last_scene() {
            return self.next_scene();
        }
        self.playback.close(self.env.now());
        let slug = self.env.customers[CONTOSO].slug;
        self.env.note(Some(slug), EntryKind::Time, INTERVAL_NOTE);
    }

    async fn perform_step(&mut self, step: Step) -> Result<(), Refused> {
        if let Step::Disrupt(disruption, switch) = step {
            return self.switch(CONTOSO, disruption, switch).await;
        }
        let customer = &self.env.customers[CONTOSO];
        let Some(action) = self.playback.action(&self.env, customer, step).await? else {
            return Ok(());
        };
        if let Some(team) = self.perform(&action).await? {
            self.playback.team = Some(team);
        }
        Ok(())
    }
}
