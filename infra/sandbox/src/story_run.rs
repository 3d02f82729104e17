//! A run of the story: the local stack, the companies, the output, and the checks of each step.

use std::collections::BTreeMap;
use std::io;

use clients::http::TransportError;
use domain::clock::Clock;
use domain::membership::{Role, Side};
use engine::tenant::{NewTeams, Settings};
use jiff::{SignedDuration, Timestamp};
use sandbox::local_stack::{Backend, LocalStack, LocalStackError};
use sim::{Call, Refused, World};
use store::table::StoreError;

use crate::cast::{self, BothSides, Company, SideState};
use crate::report::{Format, Report};
use crate::terminal::{Terminal, duration, summary};

/// The maximum time until both sides are in sync.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_mins(60);

/// The time without actions after each step, after which nothing of it is open.
const QUIET: SignedDuration = SignedDuration::from_mins(20);

/// The reason why the story broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoryError {
    /// The local stack failed.
    #[error(transparent)]
    LocalStack(#[from] LocalStackError),
    /// A simulated service refused an action.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The output failed.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// No token could be issued.
    #[error(transparent)]
    Token(#[from] TransportError),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The result could not be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The start time is invalid.
    #[error(transparent)]
    Start(#[from] jiff::Error),
}

/// A run of the story.
pub(crate) struct StoryRun {
    pub(crate) stack: LocalStack,
    pub(crate) terminal: Terminal,
    report: Report,
    /// The company whose team and group are shown.
    pub(crate) company: Company,
    /// A second tenant, in which nothing may change.
    bystander: Company,
    /// Both sides at the start of the step.
    before: BothSides,
    /// Both sides when last observed.
    last: BothSides,
    /// The number of changes of each person on each side within the step.
    changes: BTreeMap<(Side, usize), usize>,
    steps: usize,
    calls: Vec<Call>,
    problems: Vec<String>,
}

impl StoryRun {
    /// Creates a backend with two tenants, and turns syncing on.
    pub(crate) async fn start(format: Format) -> Result<Self, StoryError> {
        let start: Timestamp = "2026-11-23T08:00:00Z".parse()?;
        let backend = Backend::new(start, 2026);
        let world = &backend.world;
        let settings = Settings {
            switched_on_at: Some(start),
            new_teams: NewTeams::Every,
            ..Settings::default()
        };
        let (contoso, fabrikam) = (world.add_tenant("Contoso"), world.add_tenant("Fabrikam"));
        let mut stack = LocalStack::new(&backend)?;
        let company = Company::create(world, contoso, cast::MAX_PEOPLE, "Lighthouse", 45)?;
        let bystander = Company::create(world, fabrikam, 3, "Bystanders", 3)?;
        let last = company.both_sides(world);
        stack.sign_up(&company.handle, settings.clone()).await?;
        stack.sign_up(&bystander.handle, settings).await?;
        // The story counts its own calls, not those of the sign-up.
        world.take_calls();
        Ok(Self {
            stack,
            terminal: Terminal::new(format),
            report: Report::default(),
            company,
            bystander,
            before: BothSides::each(|_| None::<SideState>),
            last,
            changes: BTreeMap::new(),
            steps: 0,
            calls: vec![],
            problems: vec![],
        })
    }

    pub(crate) fn world(&self) -> &World {
        &self.stack.backend().world
    }

    fn now(&self) -> Timestamp {
        self.stack.backend().clock.now()
    }

    /// The result, once the verdict was printed.
    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    /// The problems found so far.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Starts a step.
    pub(crate) fn open(&mut self, title: &str, text: &str) -> Result<(), StoryError> {
        self.steps += 1;
        self.changes.clear();
        self.report.open(self.steps, title);
        let now = self.now();
        Ok(self.terminal.heading(&format!("{}  {title}", self.steps), now, text)?)
    }

    /// Ends a step: waits until both sides are in sync, prints them, and waits for follow-ups.
    ///
    /// Returns the calls until both sides were in sync.
    pub(crate) async fn close(&mut self) -> Result<Vec<Call>, StoryError> {
        let took = self.until_in_sync().await;
        let calls = self.take_calls();
        self.report.close(took, &calls);
        let groups = self.world().groups(self.company.handle.directory);
        self.company.expected.group =
            // The first group that appears has to stay the only one.
            self.company.expected.group.or_else(|| groups.into_keys().next());
        self.terminal.both_sides(&self.company, &self.before, &self.last)?;
        self.terminal.calls(&calls, &self.company.names())?;
        self.before = self.last.clone();
        match took {
            Some(took) => {
                self.terminal.good(&format!("  In sync after {}.", duration(took)))?;
            }
            None => {
                self.terminal.bad(&format!("  Not in sync after {}.", duration(PATIENCE)))?;
            }
        }
        self.pass(QUIET).await;
        let after = summary(&self.take_calls());
        self.terminal.line(&format!("  The {} after it: {after}.", duration(QUIET)))?;
        self.check_changes()?;
        self.check_both_sides()?;
        Ok(calls)
    }

    /// Lets time pass, and observes both sides meanwhile.
    pub(crate) async fn pass(&mut self, span: SignedDuration) {
        let end = self.now() + span;
        while self.stack.step(end).await {
            self.observe();
        }
    }

    /// The calls since the last time, without those for the second tenant.
    pub(crate) fn take_calls(&mut self) -> Vec<Call> {
        let handle = &self.bystander.handle;
        let others = [handle.org.0, handle.directory.0];
        let mut calls = self.world().take_calls();
        calls.retain(|call| call.owner.is_none_or(|owner| !others.contains(&owner)));
        self.calls.extend_from_slice(&calls);
        calls
    }

    async fn until_in_sync(&mut self) -> Option<SignedDuration> {
        let began = self.now();
        loop {
            self.observe();
            if self.company.differences(self.world()).is_empty() {
                return Some(self.now().duration_since(began));
            }
            if !self.stack.step(began + PATIENCE).await {
                return None;
            }
        }
    }

    /// Counts the people who changed since the last observation.
    fn observe(&mut self) {
        let now = self.company.both_sides(self.world());
        for side in [Side::Team, Side::Group] {
            let (Some(was), Some(is)) = (&self.last[side], &now[side]) else {
                continue;
            };
            for (n, (was, is)) in was.roles.iter().zip(&is.roles).enumerate() {
                *self.changes.entry((side, n)).or_default() += usize::from(was != is);
            }
        }
        self.last = now;
    }
}

/// Checks.
impl StoryRun {
    /// Records and prints a problem of the step, unless the condition holds.
    pub(crate) fn check(
        &mut self,
        holds: bool,
        problem: impl FnOnce() -> String,
    ) -> Result<(), StoryError> {
        if !holds {
            let problem = format!("step {}: {}", self.steps, problem());
            self.terminal.bad(&format!("  {problem}"))?;
            self.problems.push(problem);
        }
        Ok(())
    }

    pub(crate) fn check_both_sides(&mut self) -> Result<(), StoryError> {
        for difference in self.company.differences(self.world()) {
            self.check(false, || difference)?;
        }
        Ok(())
    }

    /// Checks that each person changed at most once on each side.
    pub(crate) fn check_changes(&mut self) -> Result<(), StoryError> {
        for ((side, n), changes) in std::mem::take(&mut self.changes) {
            let name = self.company.name(n).to_owned();
            self.check(changes <= 1, || format!("{name} changed {changes} times in the {side}"))?;
        }
        Ok(())
    }

    /// Prints the result of all steps.
    pub(crate) fn print_verdict(&mut self) -> Result<(), StoryError> {
        let world = self.world().clone();
        self.problems.extend(self.bystander.differences(&world));
        let violations = world.violations();
        self.problems.extend(violations.iter().map(|violation| format!("{violation:?}")));
        let dead = self.stack.backend().queue.dead_letters();
        self.problems
            .extend(dead.iter().map(|message| format!("a dead letter: {:?}", message.job)));
        self.report.end(&self.calls, &self.problems);
        self.terminal.line("")?;
        if self.problems.is_empty() {
            let roles = self.company.expected.roles.iter();
            let people = roles.filter(|role| **role != Role::None).count();
            self.terminal.good(&format!(
                "In sync: {people} people on both sides, each change applied once, no call with \
                 another tenant's token, nothing lost.\nAll calls: {}.",
                summary(&self.calls)
            ))?;
        }
        for problem in &self.problems {
            self.terminal.bad(&format!("Problem: {problem}"))?;
        }
        Ok(())
    }
}

/// Actions of people. Each changes the expected state, too.
impl StoryRun {
    pub(crate) fn join_in_webex(&mut self, n: usize) -> Result<(), StoryError> {
        let person = self.company.people[n].ids.person;
        self.world().add_to_team(self.company.team, person, sim::MembershipRole::Member)?;
        self.expect(n, Role::Member);
        Ok(())
    }

    pub(crate) fn leave_in_webex(&mut self, n: usize) -> Result<(), StoryError> {
        let person = self.company.people[n].ids.person;
        self.world().remove_from_team(self.company.team, person)?;
        self.expect(n, Role::None);
        Ok(())
    }

    pub(crate) fn promote_in_webex(&mut self, n: usize) -> Result<(), StoryError> {
        self.world().promote(self.company.team, self.company.people[n].ids.person)?;
        self.expect(n, Role::Owner);
        Ok(())
    }

    pub(crate) fn join_in_microsoft_365(&mut self, n: usize) {
        if let Some(group) = self.company.expected.group {
            self.world().add_member(group, self.company.people[n].ids.object);
        }
        self.expect(n, Role::Member);
    }

    pub(crate) fn leave_in_microsoft_365(&mut self, n: usize) {
        if let Some(group) = self.company.expected.group {
            self.world().remove_member(group, self.company.people[n].ids.object);
        }
        self.expect(n, Role::None);
    }

    pub(crate) fn promote_in_microsoft_365(&mut self, n: usize) {
        if let Some(group) = self.company.expected.group {
            self.world().add_owner(group, self.company.people[n].ids.object);
        }
        self.expect(n, Role::Owner);
    }

    fn expect(&mut self, n: usize, role: Role) {
        self.company.expected.roles[n] = role;
        self.observe();
    }
}
