//! The story: a team and its group through ordinary days and bad ones, in simulated time, the same at every run.
//!
//! After each step both sides are compared with each other and with what people did; whatever is not as it has to be is told at the end.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use clients::http::TransportError;
use domain::clock::Clock;
use domain::membership::{Side, Sides, Standing};
use engine::tenant::{Folders, NewTeams, Settings};
use jiff::{SignedDuration, Timestamp};
use sandbox::house::{Ground, House, HouseError};
use sandbox::{Call, Fault, Kind, Refused, Role, Service, World};
use store::table::StoreError;

use crate::cast::{self, Company, Face, Faces};
use crate::show::{Page, counted, in_numbers, lasting};

/// How long both sides may take to come to the same.
const PATIENCE: SignedDuration = SignedDuration::from_mins(60);

/// How long nobody does anything after each step: beyond all that is still open from it.
const QUIET: SignedDuration = SignedDuration::from_mins(20);

/// How many writes a group with all of its people may cost.
const CREATION_WRITES: usize = 3;

/// Why a story could not be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// The functions could not be set up.
    #[error(transparent)]
    House(#[from] HouseError),
    /// A simulated service refused what a person of the story does.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No output.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// A token could not be had.
    #[error(transparent)]
    Token(#[from] TransportError),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The start of the story is no time.
    #[error(transparent)]
    Start(#[from] jiff::Error),
}

/// A story being told.
pub(crate) struct Story {
    pub(crate) house: House,
    pub(crate) page: Page,
    /// Whose team and group are shown.
    pub(crate) company: Company,
    /// A second tenant, which nothing may happen to.
    bystander: Company,
    /// Both sides when the step began, and when last looked at.
    before: Faces,
    last: Faces,
    /// How often each person came, went or changed role on each side within the step.
    moves: BTreeMap<(Side, usize), usize>,
    steps: usize,
    calls: Vec<Call>,
    found: Vec<String>,
}

impl Story {
    /// The ground, two tenants with their people, and everything switched on.
    pub(crate) async fn begin() -> Result<Self, Stopped> {
        let start: Timestamp = "2026-11-23T08:00:00Z".parse()?;
        let ground = Ground::new(start, 2026);
        let world = &ground.world;
        let settings = Settings { switched_on_at: Some(start), new_teams: NewTeams::Every, ..Settings::default() };
        let (contoso, fabrikam) = (world.add_tenant("Contoso"), world.add_tenant("Fabrikam"));
        let mut house = House::new(&ground)?;
        let company = Company::found(world, contoso, cast::MOST, ("Lighthouse", 45))?;
        let bystander = Company::found(world, fabrikam, 3, ("Bystanders", 3))?;
        let last = company.faces(world);
        house.sign_up(&company.handle, settings.clone()).await?;
        house.sign_up(&bystander.handle, settings).await?;
        world.take_calls();
        let none = Faces::each(|_| None::<Face>);
        let page = Page::new();
        let (moves, calls, found) = Default::default();
        Ok(Self { house, page, company, bystander, before: none, last, moves, steps: 0, calls, found })
    }

    /// Tells all of it. What was found to be wrong comes back.
    pub(crate) async fn tell(&mut self) -> Result<&[String], Stopped> {
        self.page.line("★ moderator or owner   ● member   · neither; everybody in the same place on both sides")?;
        self.creation().await?;
        self.promotion().await?;
        self.changes_in_webex().await?;
        self.changes_in_microsoft_365().await?;
        self.names().await?;
        self.storm().await?;
        self.deletion().await?;
        self.lag().await?;
        self.folders().await?;
        self.verdict()?;
        Ok(&self.found)
    }

    async fn creation(&mut self) -> Result<(), Stopped> {
        self.open(
            "A team of 45",
            "Ada Arndt has created the team “Lighthouse” in Webex and taken 44 people in. Its group appears.",
        )?;
        let calls = self.close().await?;
        let writes = count(&calls, Service::Graph, Kind::Write);
        self.check(writes <= CREATION_WRITES, || format!("the group took {writes} writes"))
    }

    async fn promotion(&mut self) -> Result<(), Stopped> {
        self.open("A promotion", "In Webex, Ben Arndt becomes a moderator.")?;
        self.promote_in_webex(1)?;
        self.close().await.map(drop)
    }

    async fn changes_in_webex(&mut self) -> Result<(), Stopped> {
        self.open("A join and a leave in Webex", "Somebody joins the team, somebody leaves it.")?;
        self.join_in_webex(45)?;
        self.leave_in_webex(7)?;
        self.close().await.map(drop)
    }

    async fn changes_in_microsoft_365(&mut self) -> Result<(), Stopped> {
        let sentence = "An owner adds somebody to the group in Outlook and takes somebody out. Graph's notification says where to look.";
        self.open("A join and a leave in Microsoft 365", sentence)?;
        self.join_in_microsoft_365(46);
        self.leave_in_microsoft_365(8);
        self.close().await.map(drop)
    }

    async fn names(&mut self) -> Result<(), Stopped> {
        let sentence = "The directory now asks for names such as GRP_[GroupName]. The team is renamed to “Beacon”: the group gets the decorated name, the team keeps the bare one.";
        self.open("A rename under a naming policy", sentence)?;
        let directory = self.company.handle.directory;
        self.world().set_group_setting(directory, "PrefixSuffixNamingRequirement", "GRP_[GroupName]");
        self.world().rename_team(self.company.team, "Beacon");
        (self.company.want.name, self.company.want.prefix) = ("Beacon".into(), "GRP_");
        self.close().await?;

        let sentence = "Ada Arndt renames the group to “Harbour” in Microsoft 365, which makes it “GRP_Harbour”: the team gets the bare name.";
        self.open("A rename in Microsoft 365", sentence)?;
        if let Some(group) = self.company.want.group {
            self.world().rename_group(group, self.company.people[0].ids.object, "Harbour");
        }
        self.company.want.name = "Harbour".into();
        self.close().await.map(drop)
    }

    async fn storm(&mut self) -> Result<(), Stopped> {
        let sentence = "For five and a half minutes Graph answers nothing but 429 with Retry-After: 120, while three people join the team.";
        self.open("A storm", sentence)?;
        self.world().fault(Fault::throttled("120").on(Service::Graph).times(u32::MAX));
        for person in [47, 48, 49] {
            self.join_in_webex(person)?;
            self.pass(SignedDuration::from_secs(100)).await;
        }
        self.pass(SignedDuration::from_secs(30)).await;
        self.world().clear_faults();
        let calls = self.take_calls();
        self.page.line(&format!("  During the storm: {}. Then it is over.\n", in_numbers(&calls)))?;
        let to_graph = count(&calls, Service::Graph, Kind::Read) + count(&calls, Service::Graph, Kind::Write);
        // One call for each time that the gate opens.
        self.check(to_graph <= 4, || format!("{to_graph} calls of Graph during the storm"))?;
        self.close().await.map(drop)
    }

    async fn deletion(&mut self) -> Result<(), Stopped> {
        self.open("The group is deleted", "Somebody deletes the group in Microsoft 365, while the team lives. It is restored once: the same id, the same people.")?;
        if let Some(group) = self.company.want.group {
            self.world().delete_group(group);
        }
        let calls = self.close().await?;
        let restored = calls.iter().filter(|call| call.path.ends_with("/restore")).count();
        self.check(restored == 1, || format!("restored {restored} times"))
    }

    async fn lag(&mut self) -> Result<(), Stopped> {
        let sentence = "From now on Graph's replicas show each write up to ten minutes late, each of them at another time. Within ten minutes fourteen people join, leave or are promoted, on both sides.";
        self.open("Late replicas", sentence)?;
        self.world().graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
        let between = SignedDuration::from_secs(43);
        for n in 0..14 {
            match n {
                0 | 4 | 8 | 12 => self.join_in_webex(50 + n / 4)?,
                1 | 5 | 9 | 13 => self.join_in_microsoft_365(54 + n / 4),
                2 => self.leave_in_webex(10)?,
                6 => self.leave_in_microsoft_365(11),
                10 => self.leave_in_webex(12)?,
                3 => self.leave_in_microsoft_365(13),
                7 => self.promote_in_webex(20)?,
                _ => self.promote_in_microsoft_365(21),
            }
            self.pass(between).await;
        }
        self.close().await?;
        self.pass(PATIENCE).await;
        let calls = self.take_calls();
        let writes = calls.iter().filter(|call| call.kind == Kind::Write).count();
        self.page.line(&format!("  Then an hour in which nobody does anything: {}.", counted(writes, "write")))?;
        self.world().graph_settings(|settings| settings.replica_lag = Duration::ZERO);
        self.check_moves()?;
        self.check_both_sides()
    }

    async fn folders(&mut self) -> Result<(), Stopped> {
        let sentence = "An administrator lets the integration work with files, and Ada Arndt makes a space in the team. Each space gets a folder in the group's site.";
        self.open("Folders", sentence)?;
        let ground = self.house.ground().clone();
        let (store, tenant, now) = (ground.store.as_ref(), self.house.tenants()[0], ground.clock.now());
        self.house.consent_to_files(tenant, &self.company.handle).await?;
        let (settings, version) = engine::tenant::settings::load(store, tenant).await?;
        engine::tenant::settings::save(store, tenant, &Settings { folders: Folders::EachSpace, ..settings }, version)
            .await?;
        engine::reconcile::look_at_every_link(store, tenant, now).await?;
        let (team, ada) = (self.company.team, self.company.people[0].ids.person);
        let tides = self.world().create_room(ada, "Tides", Some(team));
        let both = |name: &str| Sides { team: name.to_owned(), group: name.to_owned() };
        self.company.want.spaces = vec![(team.general_space(), both("Harbour")), (tides, both("Tides"))];
        self.close().await?;

        let sentence = "The space is renamed to a title that SharePoint allows nobody, and somebody renames the other folder in SharePoint: it stays the space's, under its new name.";
        self.open("A space and a folder get other names", sentence)?;
        self.world().rename_room(tides, "Tides: neap/spring");
        let general = self.world().room(team.general_space()).and_then(|room| room.folder);
        if let (Some(group), Some(folder)) = (self.company.want.group, general) {
            self.world().rename_drive_folder(group, &folder.item, "For everybody");
        }
        let [(_, general), (_, tides)] = &mut self.company.want.spaces[..] else { return Ok(()) };
        general.group = "For everybody".into();
        *tides = Sides { team: "Tides: neap/spring".into(), group: "Tides- neap-spring".into() };
        self.close().await.map(drop)
    }

    fn verdict(&mut self) -> Result<(), Stopped> {
        let world = self.world().clone();
        self.found.extend(self.bystander.differences(&world));
        self.found.extend(world.violations().iter().map(|violation| format!("{violation:?}")));
        let dead = self.house.ground().queue.dead_letters();
        self.found.extend(dead.iter().map(|message| format!("a dead letter: {:?}", message.ask)));
        self.page.line("")?;
        if self.found.is_empty() {
            let people = self.company.want.standing.iter().filter(|one| **one != Standing::Absent).count();
            self.page.good(&format!(
                "In step: {people} people on both sides, nobody moved twice, no call with a wrong tenant's token, nothing lost.\nAll of it took: {}.",
                in_numbers(&self.calls)
            ))?;
        }
        for wrong in &self.found {
            self.page.bad(&format!("Not as it has to be: {wrong}"))?;
        }
        Ok(())
    }
}

/// What people do. Each act goes into what both sides have to come to.
impl Story {
    fn join_in_webex(&mut self, n: usize) -> Result<(), Stopped> {
        self.world().add_to_team(self.company.team, self.company.people[n].ids.person, Role::Member)?;
        self.wanted(n, Standing::Member);
        Ok(())
    }

    fn leave_in_webex(&mut self, n: usize) -> Result<(), Stopped> {
        self.world().remove_from_team(self.company.team, self.company.people[n].ids.person)?;
        self.wanted(n, Standing::Absent);
        Ok(())
    }

    fn promote_in_webex(&mut self, n: usize) -> Result<(), Stopped> {
        self.world().promote(self.company.team, self.company.people[n].ids.person)?;
        self.wanted(n, Standing::Owner);
        Ok(())
    }

    fn join_in_microsoft_365(&mut self, n: usize) {
        if let Some(group) = self.company.want.group {
            self.world().add_member(group, self.company.people[n].ids.object);
        }
        self.wanted(n, Standing::Member);
    }

    fn leave_in_microsoft_365(&mut self, n: usize) {
        if let Some(group) = self.company.want.group {
            self.world().remove_member(group, self.company.people[n].ids.object);
        }
        self.wanted(n, Standing::Absent);
    }

    fn promote_in_microsoft_365(&mut self, n: usize) {
        if let Some(group) = self.company.want.group {
            self.world().add_owner(group, self.company.people[n].ids.object);
        }
        self.wanted(n, Standing::Owner);
    }

    fn wanted(&mut self, n: usize, standing: Standing) {
        self.company.want.standing[n] = standing;
        self.observe();
    }
}

/// How a step is told.
impl Story {
    fn world(&self) -> &World {
        &self.house.ground().world
    }

    fn open(&mut self, title: &str, sentence: &str) -> Result<(), Stopped> {
        self.steps += 1;
        self.moves.clear();
        let now = self.house.ground().clock.now();
        Ok(self.page.heading(&format!("{}  {title}", self.steps), now, sentence)?)
    }

    /// Waits for both sides to come to the same, shows them with the calls that it took, and waits on for what comes after.
    async fn close(&mut self) -> Result<Vec<Call>, Stopped> {
        let took = self.until_in_step().await;
        let calls = self.take_calls();
        let first = self.world().groups(self.company.handle.directory).into_keys().next();
        self.company.want.group = self.company.want.group.or(first);
        self.page.faces(&self.company, &self.before, &self.last)?;
        self.page.calls(&calls, &self.company.names())?;
        self.before = self.last.clone();
        match took {
            Some(took) => self.page.good(&format!("  In step after {}.", lasting(took)))?,
            None => self.page.bad(&format!("  Not in step after {}.", lasting(PATIENCE)))?,
        }
        self.pass(QUIET).await;
        let after = self.take_calls();
        self.page.line(&format!("  The {} after it: {}.", lasting(QUIET), in_numbers(&after)))?;
        self.check_moves()?;
        self.check_both_sides()?;
        Ok(calls)
    }

    fn check_both_sides(&mut self) -> Result<(), Stopped> {
        for difference in self.company.differences(self.world()) {
            self.check(false, || difference)?;
        }
        Ok(())
    }

    /// Whoever came, went or changed role once on a side stays so.
    fn check_moves(&mut self) -> Result<(), Stopped> {
        let twice: Vec<_> = std::mem::take(&mut self.moves).into_iter().filter(|(_, moves)| *moves > 1).collect();
        for ((side, n), moves) in twice {
            let name = self.company.name(n).to_owned();
            self.check(false, || format!("{name} moved {moves} times in the {side}"))?;
        }
        Ok(())
    }

    fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Stopped> {
        if !holds {
            let wrong = format!("step {}: {}", self.steps, otherwise());
            self.page.bad(&format!("  {wrong}"))?;
            self.found.push(wrong);
        }
        Ok(())
    }

    /// The time that it took until both sides were as they have to be.
    async fn until_in_step(&mut self) -> Option<SignedDuration> {
        let began = self.house.ground().clock.now();
        loop {
            self.observe();
            let now = self.house.ground().clock.now();
            if self.company.differences(self.world()).is_empty() {
                return Some(now.duration_since(began));
            }
            if !self.house.step(began + PATIENCE).await {
                return None;
            }
        }
    }

    async fn pass(&mut self, span: SignedDuration) {
        let end = self.house.ground().clock.now() + span;
        while self.house.step(end).await {
            self.observe();
        }
    }

    /// Counts who moved since last looked at.
    fn observe(&mut self) {
        let now = self.company.faces(self.world());
        for side in [Side::Team, Side::Group] {
            let (Some(was), Some(is)) = (&self.last[side], &now[side]) else { continue };
            for (n, (was, is)) in was.standing.iter().zip(&is.standing).enumerate() {
                *self.moves.entry((side, n)).or_default() += usize::from(was != is);
            }
        }
        self.last = now;
    }

    /// The calls since the last time, without those for the second tenant.
    fn take_calls(&mut self) -> Vec<Call> {
        let handle = &self.bystander.handle;
        let others = [handle.org.0, handle.directory.0];
        let mut calls = self.world().take_calls();
        calls.retain(|call| call.owner.is_none_or(|owner| !others.contains(&owner)));
        self.calls.extend_from_slice(&calls);
        calls
    }
}

fn count(calls: &[Call], service: Service, kind: Kind) -> usize {
    calls.iter().filter(|call| call.service == service && call.kind == kind).count()
}
