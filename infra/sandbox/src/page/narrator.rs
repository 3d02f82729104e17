//! Logs what the functions did, in words.

use engine::phrases::exclusions::ExclusionWords;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{TeamId, TenantId};
use domain::membership::ExclusionReason;
use engine::activity::PersonChange;
use engine::link::{self, LinkState, Who};
use engine::tenant::suspension::SuspensionReason;
use jiff::Timestamp;
use sim::{Call, Kind, readable_path};
use store::message::{Job, Message};
use uuid::Uuid;

use super::action::Target;
use super::cast::Customer;
use super::cycles::last_cycle;
use super::environment::{Environment, name_of};
use super::interceptor::Observed;
use super::log::{EntryKind, Note};
use super::phrases;

/// The origin of observed calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Functions,
    /// A person with a shell, for example.
    Other,
}

/// The known state of cycles and links: only changes of it are logged.
#[derive(Default)]
pub(super) struct Narrator {
    /// The start of each tenant's last logged cycle.
    cycles: BTreeMap<TenantId, Timestamp>,
    /// Each tenant's suspension in its last cycle.
    suspensions: BTreeMap<TenantId, Option<SuspensionReason>>,
    /// Each link's last logged state and its reason.
    states: BTreeMap<TeamId, (LinkState, Option<String>)>,
    excluded: BTreeSet<(TeamId, Who, ExclusionReason)>,
}

impl Narrator {
    /// Logs everything observed since the last time, and changed links.
    pub(super) async fn narrate(&mut self, env: &mut Environment, caller: Caller) {
        let observed = env.interceptor.take_observed();
        // Every change leaves an event; without one, reading all links at each tick is waste.
        if observed.is_empty() {
            return;
        }
        let names = env.names_of_ids();
        for event in observed {
            match event {
                Observed::Message(at, message) => log_message(env, at, &message),
                Observed::Call(call) => log_call(env, &call, &names, caller),
                Observed::Activity(tenant, team, activity) => {
                    log_activity(env, tenant, team, &activity);
                }
            }
        }
        // Only the functions change cycles and links.
        if caller == Caller::Functions {
            self.log_cycles(env).await;
            self.log_links(env).await;
        }
    }

    async fn log_cycles(&mut self, env: &mut Environment) {
        for index in 0..env.customers.len() {
            let Some(cycle) = last_cycle(env, &env.customers[index]).await else {
                continue;
            };
            let Customer { slug, tenant, .. } = env.customers[index];
            if self.cycles.insert(tenant, cycle.began) == Some(cycle.began) {
                continue;
            }
            env.log.add(cycle.began, Some(slug), EntryKind::Cycle, cycle.in_words());
            let before = self.suspensions.insert(tenant, cycle.suspension).flatten();
            let text = match (before, cycle.suspension) {
                (Some(_), None) => Some("Syncing resumed."),
                (before, now) if before != now => now.map(phrases::suspension),
                _ => None,
            };
            if let Some(text) = text {
                env.note(Some(slug), EntryKind::Warning, Note::from(text).about("Suspension"));
            }
        }
    }

    /// Logs the links whose state or reason changed, and newly excluded people.
    async fn log_links(&mut self, env: &mut Environment) {
        for index in 0..env.customers.len() {
            let slug = env.customers[index].slug;
            for (team, row) in env.links(&env.customers[index]).await {
                let state = (row.link.state(), phrases::link_reason(&row.link));
                let text = in_words(&state);
                let is_new = self.states.get(&team) != Some(&state);
                self.states.insert(team, state);
                if let Some(text) = text.filter(|_| is_new) {
                    let note = Note::from(text).about(row.link.title.clone());
                    env.note(Some(slug), EntryKind::Warning, note);
                }
                self.log_excluded(env, index, team, &row.link.title).await;
            }
        }
    }

    async fn log_excluded(
        &mut self,
        env: &mut Environment,
        index: usize,
        team: TeamId,
        title: &str,
    ) {
        let Customer { slug, tenant, .. } = env.customers[index];
        let people = link::people(env.backend().store.as_ref(), tenant, team).await;
        let Ok(people) = people else { return };
        let now = people.iter().filter_map(|(who, person)| Some((team, *who, person.excluded?)));
        let now: BTreeSet<_> = now.collect();
        let new: Vec<_> = now.difference(&self.excluded).copied().collect();
        self.excluded.retain(|one| one.0 != team || now.contains(one));
        for (_, who, reason) in &new {
            let name = name_of(&env.customers[index], *who);
            let text = format!("{name} is excluded. {}", reason.explanation());
            env.note(Some(slug), EntryKind::Warning, Note::from(text).about(title));
        }
        self.excluded.extend(new);
    }
}

/// A link's state as a warning; none for the usual states.
fn in_words((state, reason): &(LinkState, Option<String>)) -> Option<String> {
    let state = match state {
        LinkState::Active | LinkState::Differing | LinkState::Creating | LinkState::Asked => {
            return None;
        }
        state => capitalized(&state.to_string()),
    };
    Some(match reason {
        Some(reason) => format!("{state}: {reason}"),
        None => state,
    })
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next();
    first.map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn log_activity(
    env: &mut Environment,
    tenant: TenantId,
    team: TeamId,
    activity: &engine::activity::Activity,
) {
    let Some(customer) = env.customer_of_tenant(tenant) else {
        return;
    };
    let (slug, title) = (customer.slug, env.title(Target::Team(team)));
    let name = |change: &PersonChange| name_of(customer, Who::Person(change.person));
    for note in phrases::decisions(activity, &name) {
        env.log.add(activity.at, Some(slug), EntryKind::Decision, note.about(title.clone()));
    }
}

fn log_message(env: &mut Environment, at: Timestamp, message: &Message) {
    let Some(customer) = env.customer_of_tenant(message.tenant) else {
        return;
    };
    let slug = customer.slug;
    let target = match &message.job {
        Job::Team { team, .. } | Job::Folders { team } => Some(Target::Team(*team)),
        Job::Room { room, .. } => Some(Target::Team(room.as_team())),
        Job::Group { group } => Some(Target::Group(*group)),
        Job::CardAnswered { .. }
        | Job::SubscriptionLifecycle { .. }
        | Job::Person { .. }
        | Job::Waiting => None,
    };
    let note = Note::from(phrases::trigger(message.trigger));
    let note = match target {
        Some(target) => note.about(env.title(target)),
        None => note,
    };
    env.log.add(at, Some(slug), EntryKind::Message, note);
}

fn log_call(env: &mut Environment, call: &Call, names: &HashMap<Uuid, String>, caller: Caller) {
    let slug = call.owner.and_then(|owner| {
        let is_theirs = |customer: &&Customer| {
            [customer.handle.org.0, customer.handle.directory.0].contains(&owner)
        };
        env.customers.iter().find(is_theirs).map(|customer| customer.slug)
    });
    let by = if caller == Caller::Other { ", by hand" } else { "" };
    let mut add = |method: &str, path: &str, status: u16, kind: Kind, via: &str| {
        let kind = match (kind, status) {
            (_, 0 | 401 | 403 | 429 | 500..) => EntryKind::Refusal,
            (Kind::Write, _) => EntryKind::Write,
            (Kind::Read, _) => EntryKind::Read,
        };
        let text = format!("{method} {}", readable_path(path, names));
        let about = Some(format!("{:?}{via}{by}", call.service));
        let note = Note { text, about, status: Some(status), side: None };
        env.log.add(call.at, slug, kind, note);
    };
    if call.items.is_empty() {
        add(&call.method, &call.path, call.status.unwrap_or(0), call.kind, "");
    }
    for item in &call.items {
        add(&item.method, &item.path, item.status, item.kind, " $batch");
    }
}
