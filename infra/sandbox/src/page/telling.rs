//! The story as the page tells it: what people do, in simulated time, at whatever speed is chosen.

use domain::ids::TeamId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::act::{Act, On};
use super::log::{EntryKind, Words};
use super::play::Play;
use super::spaces::SpaceAct;
use super::trouble::{Switch, Trouble};
use crate::world::Refused;

/// How long both sides may take to come to the same.
const PATIENCE: SignedDuration = SignedDuration::from_mins(20);

/// How long everybody looks at what came of it.
const REST: SignedDuration = SignedDuration::from_secs(45);

/// On which side somebody acts.
#[derive(Clone, Copy)]
enum Place {
    Webex,
    Microsoft365,
}

/// What somebody of the cast does; people by their number.
#[derive(Clone, Copy)]
enum Move {
    Create(&'static str, &'static [usize]),
    Add(Place, usize),
    Remove(Place, usize),
    Promote(Place, usize),
    Demote(Place, usize),
    Rename(Place, &'static str),
    DeleteGroup,
    MakeSpace(&'static str),
    Trouble(Trouble, Switch),
}

struct Scene {
    title: &'static str,
    sentence: &'static str,
    /// Each after so many seconds of the scene.
    moves: &'static [(i64, Move)],
}

const SCENES: &[Scene] = &[
    Scene {
        title: "A new team",
        sentence: "Ana creates the team “Regatta” in Webex and takes five people in. Its Microsoft 365 group appears by itself.",
        moves: &[(0, Move::Create("Regatta", &[0, 1, 2, 3, 4, 5]))],
    },
    Scene {
        title: "A promotion",
        sentence: "In Webex, Ben becomes a moderator. In Microsoft 365 he becomes an owner.",
        moves: &[(0, Move::Promote(Place::Webex, 1))],
    },
    Scene {
        title: "A join and a leave",
        sentence: "An owner adds Hugo in Outlook and takes Dario out. Microsoft’s notification says where to look; the team follows.",
        moves: &[(0, Move::Add(Place::Microsoft365, 7)), (8, Move::Remove(Place::Microsoft365, 3))],
    },
    Scene {
        title: "Another name",
        sentence: "Ana renames the group to “Regatta crew” in Microsoft 365, and the team gets the name.",
        moves: &[(0, Move::Rename(Place::Microsoft365, "Regatta crew"))],
    },
    Scene {
        title: "A space and its folder",
        sentence: "Ana makes a space in the team. It gets a folder in the group’s SharePoint site, under a name that SharePoint allows.",
        moves: &[(0, Move::MakeSpace("Sails 2026/27"))],
    },
    Scene {
        title: "Cut off in the middle",
        sentence: "Ines joins in Webex, and the functions die in the moment in which they write it to Microsoft 365.",
        moves: &[(0, Move::Trouble(Trouble::Crash, Switch::On)), (5, Move::Add(Place::Webex, 8))],
    },
    Scene {
        title: "A storm",
        sentence: "Microsoft answers nothing but 429 for three minutes, while Jonas and Kaya join. Nothing is asked until Microsoft’s time is up.",
        moves: &[
            (0, Move::Trouble(Trouble::Storm, Switch::On)),
            (5, Move::Add(Place::Webex, 9)),
            (70, Move::Add(Place::Webex, 10)),
            (180, Move::Trouble(Trouble::Storm, Switch::Off)),
        ],
    },
    Scene {
        title: "The group is deleted",
        sentence: "Somebody deletes the group while its team lives. It is restored: the same id, the same people.",
        moves: &[(0, Move::DeleteGroup)],
    },
    Scene {
        title: "Late replicas",
        sentence: "Microsoft shows each write up to ten minutes late. People come, go and change roles on both sides, and nobody flickers.",
        moves: &[
            (0, Move::Trouble(Trouble::ReplicaLag, Switch::On)),
            (10, Move::Add(Place::Webex, 11)),
            (40, Move::Add(Place::Microsoft365, 12)),
            (70, Move::Demote(Place::Webex, 1)),
            (100, Move::Remove(Place::Webex, 4)),
        ],
    },
    Scene {
        title: "In step",
        sentence: "The replicas are quick again. Whatever happened, both sides have the same people, the same roles and the same name.",
        moves: &[(0, Move::Trouble(Trouble::ReplicaLag, Switch::Off))],
    },
];

/// How far the story has come.
#[derive(Default)]
pub(super) struct Telling {
    now: Option<Point>,
    team: Option<TeamId>,
}

#[derive(Clone, Copy)]
struct Point {
    scene: usize,
    began: Timestamp,
    moved: usize,
    in_step_since: Option<Timestamp>,
}

/// How far the story has come, for the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The scene's number, from 1.
    pub scene: usize,
    /// How many there are.
    pub of: usize,
    /// What it is called.
    pub title: &'static str,
    /// What happens in it.
    pub sentence: &'static str,
    /// The team that it is about, once there is one.
    pub team: Option<TeamId>,
}

/// The customer whose people play.
const CONTOSO: usize = 0;

impl Play {
    /// Begins to tell the story, from its first scene, with a team of its own.
    pub fn tell(&mut self) {
        self.telling = Telling::default();
        self.open(0);
    }

    /// Goes on to the next scene, or ends after the last one.
    pub fn next_scene(&mut self) {
        match self.telling.now {
            Some(point) => self.open(point.scene + 1),
            None => self.tell(),
        }
    }

    /// Ends the story, and its troubles.
    pub async fn stop_telling(&mut self) {
        self.telling.now = None;
        for trouble in [Trouble::Storm, Trouble::ReplicaLag, Trouble::Crash] {
            self.switch_quietly(CONTOSO, trouble, Switch::Off).await;
        }
    }

    /// Where the story is.
    pub fn told(&self) -> Option<Told> {
        let point = self.telling.now?;
        let Scene { title, sentence, .. } = SCENES.get(point.scene)?;
        Some(Told { scene: point.scene + 1, of: SCENES.len(), title, sentence, team: self.telling.team })
    }

    fn open(&mut self, scene: usize) {
        let Some(Scene { title, sentence, .. }) = SCENES.get(scene) else {
            self.telling.now = None;
            return;
        };
        self.telling.now = Some(Point { scene, began: self.now(), moved: 0, in_step_since: None });
        let slug = self.customers[CONTOSO].slug;
        self.note(Some(slug), EntryKind::Story, Words::from(*sentence).about(format!("{}. {title}", scene + 1)));
    }

    /// Does what the scene says, and opens the next one when both sides are in step and had a rest.
    pub(super) async fn tell_on(&mut self) {
        let Some(mut point) = self.telling.now else { return };
        let Some(scene) = SCENES.get(point.scene) else { return };
        let since = |then: Timestamp, now: Timestamp| now.duration_since(then);
        while let Some((after, what)) = scene.moves.get(point.moved) {
            if since(point.began, self.now()).as_secs() < *after {
                break;
            }
            if let Err(refused) = self.make(*what).await {
                tracing::warn!(%refused, "the story could not go on as written");
            }
            point.moved += 1;
        }
        if point.moved == scene.moves.len() {
            let in_step = match self.telling.team {
                Some(team) => self.is_in_step(CONTOSO, team).await,
                None => false,
            };
            let now = self.now();
            // A crash comes with the next write: until then nothing has happened yet.
            let is_over = in_step && !self.is_on(CONTOSO, Trouble::Crash);
            point.in_step_since = if is_over { point.in_step_since.or(Some(now)) } else { None };
            let rested = point.in_step_since.is_some_and(|then| since(then, now) >= REST);
            if rested || since(point.began, now) >= PATIENCE {
                return self.open(point.scene + 1);
            }
        }
        self.telling.now = Some(point);
    }

    async fn make(&mut self, what: Move) -> Result<(), Refused> {
        let people = &self.customers[CONTOSO].people;
        let id = |n: usize| people.get(n).map_or(Uuid::nil(), |somebody| somebody.id());
        let act = match what {
            Move::Create(name, who) => {
                let people = who.iter().map(|n| id(*n)).collect();
                let act = Act::CreateTeam { name: name.into(), by: id(who[0]), people };
                self.telling.team = self.act(&act).await?;
                return Ok(());
            }
            Move::Trouble(trouble, switch) => return self.switch(CONTOSO, trouble, switch).await,
            Move::Add(place, n) => Act::Add { person: id(n), on: self.place(place).await? },
            Move::Remove(place, n) => Act::Remove { person: id(n), on: self.place(place).await? },
            Move::Promote(place, n) => Act::Promote { person: id(n), on: self.place(place).await? },
            Move::Demote(place, n) => Act::Demote { person: id(n), on: self.place(place).await? },
            Move::Rename(place, name) => Act::Rename { name: name.into(), on: self.place(place).await? },
            Move::MakeSpace(name) => {
                Act::Space { team: self.team()?, space: None, what: SpaceAct::Create, name: Some(name.into()) }
            }
            Move::DeleteGroup => Act::Delete { on: self.place(Place::Microsoft365).await? },
        };
        self.act(&act).await.map(drop)
    }

    fn team(&self) -> Result<TeamId, Refused> {
        self.telling.team.ok_or_else(|| Refused("the story has no team".into()))
    }

    /// The story's team, or its group.
    async fn place(&self, place: Place) -> Result<On, Refused> {
        let team = self.team()?;
        match place {
            Place::Webex => Ok(On::Team(team)),
            Place::Microsoft365 => {
                let group = self.links(CONTOSO).await.get(&team).and_then(|kept| kept.link.group());
                group.map(On::Group).ok_or_else(|| Refused("the story has no group".into()))
            }
        }
    }
}
