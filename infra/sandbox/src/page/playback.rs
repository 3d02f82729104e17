//! The page's story: scenes, and the progress through them.

use domain::ids::TeamId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sim::Refused;
use uuid::Uuid;

use super::action::{Action, Membership, SpaceAction, SpaceChange, Target};
use super::cast::Customer;
use super::disruption::{Disruption, Switch};
use super::environment::{Environment, refused};

/// The maximum time until both sides are in sync.
const PATIENCE: SignedDuration = SignedDuration::from_mins(20);

/// The time for the viewer to see the result of a scene.
const REST: SignedDuration = SignedDuration::from_secs(45);

/// The time between scenes: longer than readings of Microsoft 365 can lag, so that no scene waits
/// for an earlier one.
const INTERVAL: SignedDuration = SignedDuration::from_mins(20);

/// The side of a step.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Webex,
    Microsoft365,
}

/// A step of a scene; people are named by their index.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Create(&'static str, &'static [usize]),
    Add(Place, usize),
    Remove(Place, usize),
    Promote(Place, usize),
    Demote(Place, usize),
    Rename(Place, &'static str),
    DeleteGroup,
    CreateSpace(&'static str),
    Disrupt(Disruption, Switch),
}

struct Scene {
    title: &'static str,
    sentence: &'static str,
    /// Each with its second within the scene.
    steps: &'static [(i64, Step)],
}

const SCENES: &[Scene] = &[
    Scene {
        title: "A new team",
        sentence: "Ana creates the team “Regatta” in Webex and adds five people. Its Microsoft 365 \
                   group appears automatically.",
        steps: &[(0, Step::Create("Regatta", &[0, 1, 2, 3, 4, 5]))],
    },
    Scene {
        title: "A promotion",
        sentence: "In Webex, Ben becomes a moderator. In Microsoft 365 they become an owner.",
        steps: &[(0, Step::Promote(Place::Webex, 1))],
    },
    Scene {
        title: "A join and a leave",
        sentence: "An owner adds Hugo in Outlook and removes Dario. Microsoft’s notification names \
                   the group; the team follows.",
        steps: &[(0, Step::Add(Place::Microsoft365, 7)), (8, Step::Remove(Place::Microsoft365, 3))],
    },
    Scene {
        title: "Another name",
        sentence: "Ana renames the group to “Regatta crew” in Microsoft 365, and the team gets the \
                   name.",
        steps: &[(0, Step::Rename(Place::Microsoft365, "Regatta crew"))],
    },
    Scene {
        title: "A space and its folder",
        sentence: "Ana creates a space in the team. It gets a folder in the group’s SharePoint \
                   site, under a name that SharePoint allows.",
        steps: &[(0, Step::CreateSpace("Sails 2026/27"))],
    },
    Scene {
        title: "A crash",
        sentence: "Ines joins in Webex, and the functions crash at the moment they write it to \
                   Microsoft 365.",
        steps: &[
            (0, Step::Disrupt(Disruption::Crash, Switch::On)),
            (5, Step::Add(Place::Webex, 8)),
        ],
    },
    Scene {
        title: "A throttling storm",
        sentence: "Microsoft answers every call with 429 for three minutes, while Jonas and Kaya \
                   join. No call is made until the time that Microsoft asked for is over.",
        steps: &[
            (0, Step::Disrupt(Disruption::Throttling, Switch::On)),
            (5, Step::Add(Place::Webex, 9)),
            (70, Step::Add(Place::Webex, 10)),
            (180, Step::Disrupt(Disruption::Throttling, Switch::Off)),
        ],
    },
    Scene {
        title: "The group is deleted",
        sentence: "The group is deleted while its team still exists. It is restored: the same ID, \
                   the same people.",
        steps: &[(0, Step::DeleteGroup)],
    },
    Scene {
        title: "Late replicas",
        sentence: "Microsoft shows each write up to ten minutes late. People come, go and change \
                   roles on both sides, and no one is added and removed again.",
        steps: &[
            (0, Step::Disrupt(Disruption::ReplicaLag, Switch::On)),
            (10, Step::Add(Place::Webex, 11)),
            (40, Step::Add(Place::Microsoft365, 12)),
            (70, Step::Demote(Place::Webex, 1)),
            (100, Step::Remove(Place::Webex, 4)),
        ],
    },
    Scene {
        title: "In sync",
        sentence: "The replicas are up to date again. Whatever happened, both sides have the same \
                   people, the same roles and the same name.",
        steps: &[(0, Step::Disrupt(Disruption::ReplicaLag, Switch::Off))],
    },
];

/// The disruptions that the story switches on.
pub(super) const DISRUPTIONS: [Disruption; 3] =
    [Disruption::Throttling, Disruption::ReplicaLag, Disruption::Crash];

/// The progress of the story.
#[derive(Default)]
pub(super) struct Playback {
    current: Option<Position>,
    /// The team that the story created.
    pub(super) team: Option<TeamId>,
}

#[derive(Clone, Copy)]
struct Position {
    scene: usize,
    began: Timestamp,
    steps_done: usize,
    in_sync_since: Option<Timestamp>,
    next_scene_at: Option<Timestamp>,
}

/// The progress of the story, for the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StoryProgress {
    /// The scene's number, from 1.
    pub scene: usize,
    /// The number of scenes.
    pub of: usize,
    /// The scene's title.
    pub title: &'static str,
    /// A description of the scene.
    pub sentence: &'static str,
    /// The team of the story, once it exists.
    pub team: Option<TeamId>,
}

impl Playback {
    /// Opens the first scene.
    pub(super) fn start(&mut self, now: Timestamp) {
        *self = Self::default();
        self.open(0, now);
    }

    /// Opens the next scene, or ends after the last one.
    pub(super) fn next(&mut self, now: Timestamp) {
        match self.current {
            Some(position) => self.open(position.scene + 1, now),
            None => self.start(now),
        }
    }

    pub(super) fn stop(&mut self) {
        self.current = None;
    }

    pub(super) fn is_running(&self) -> bool {
        self.current.is_some()
    }

    pub(super) fn progress(&self) -> Option<StoryProgress> {
        let position = self.current?;
        let Scene { title, sentence, .. } = SCENES.get(position.scene)?;
        let (scene, of) = (position.scene + 1, SCENES.len());
        Some(StoryProgress { scene, of, title, sentence, team: self.team })
    }

    fn open(&mut self, scene: usize, now: Timestamp) {
        let position =
            Position { scene, began: now, steps_done: 0, in_sync_since: None, next_scene_at: None };
        self.current = (scene < SCENES.len()).then_some(position);
    }

    /// Ends the scene; the next one opens after a while.
    pub(super) fn close(&mut self, now: Timestamp) {
        if let Some(position) = self.current.as_mut() {
            position.next_scene_at = Some(now + INTERVAL);
        }
    }

    /// The time at which the next scene opens, once this one is over.
    pub(super) fn next_scene_at(&self) -> Option<Timestamp> {
        self.current?.next_scene_at
    }

    pub(super) fn is_last_scene(&self) -> bool {
        self.current.is_some_and(|position| position.scene + 1 == SCENES.len())
    }

    /// Returns the next step of the scene if it is due, and counts it as done.
    pub(super) fn take_due_step(&mut self, now: Timestamp) -> Option<Step> {
        let position = self.current.as_mut()?;
        let (after, step) = SCENES.get(position.scene)?.steps.get(position.steps_done)?;
        if now.duration_since(position.began).as_secs() < *after {
            return None;
        }
        position.steps_done += 1;
        Some(*step)
    }

    /// Returns `true` if all steps of the scene are done.
    pub(super) fn has_done_all_steps(&self) -> bool {
        self.current.is_some_and(|position| {
            SCENES.get(position.scene).is_some_and(|scene| position.steps_done == scene.steps.len())
        })
    }

    /// Records the state of the story's team; returns `true` when the scene is over.
    pub(super) fn record(&mut self, is_in_sync: bool, now: Timestamp) -> bool {
        let Some(position) = self.current.as_mut() else {
            return false;
        };
        let since = position.in_sync_since.or(Some(now));
        position.in_sync_since = since.filter(|_| is_in_sync);
        let rested = position.in_sync_since.is_some_and(|since| now.duration_since(since) >= REST);
        // A visitor can keep both sides from being in sync; the story goes on all the same.
        rested || now.duration_since(position.began) >= PATIENCE
    }

    /// The action of a step; none for a disruption.
    ///
    /// # Errors
    /// If the story has no team or no group yet.
    pub(super) async fn action(
        &self,
        env: &Environment,
        customer: &Customer,
        step: Step,
    ) -> Result<Option<Action>, Refused> {
        let id = |n: usize| customer.people.get(n).map_or(Uuid::nil(), |account| account.id());
        let target = async |place| self.target(env, customer, place).await;
        let membership = async |place, n| {
            Ok::<_, Refused>(Membership { on: target(place).await?, person: id(n) })
        };
        Ok(Some(match step {
            Step::Disrupt(..) => return Ok(None),
            Step::Create(name, people) => Action::CreateTeam {
                name: name.into(),
                by: id(people[0]),
                people: people.iter().map(|n| id(*n)).collect(),
            },
            Step::Add(place, n) => Action::Add(membership(place, n).await?),
            Step::Remove(place, n) => Action::Remove(membership(place, n).await?),
            Step::Promote(place, n) => Action::Promote(membership(place, n).await?),
            Step::Demote(place, n) => Action::Demote(membership(place, n).await?),
            Step::Rename(place, name) => {
                Action::Rename { name: name.into(), on: target(place).await? }
            }
            Step::CreateSpace(name) => Action::Space(SpaceChange {
                team: self.team()?,
                space: None,
                kind: SpaceAction::Create,
                name: Some(name.into()),
            }),
            Step::DeleteGroup => Action::Delete { on: target(Place::Microsoft365).await? },
        }))
    }

    fn team(&self) -> Result<TeamId, Refused> {
        self.team.ok_or_else(|| refused("the story has no team"))
    }

    /// The story's team, or its group.
    async fn target(
        &self,
        env: &Environment,
        customer: &Customer,
        place: Place,
    ) -> Result<Target, Refused> {
        let team = self.team()?;
        match place {
            Place::Webex => Ok(Target::Team(team)),
            Place::Microsoft365 => {
                let links = env.links(customer).await;
                let group = links.get(&team).and_then(|row| row.link.group());
                group.map(Target::Group).ok_or_else(|| refused("the story has no group"))
            }
        }
    }
}
