//! The state of the playground, as the page shows it.

use std::collections::BTreeSet;

use domain::membership::Side;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::cards::{MessageView, messages};
use super::cast::{Account, Customer};
use super::cycles::{CycleSummary, last_cycle};
use super::disruption::{Description, Disruption, Scope};
use super::log::{Entry, EntryKind};
use super::pairs::{Pair, pairs};
use super::passing::Passing;
use super::playback::StoryProgress;
use super::playground::{Playground, Speed};

/// Everything that the page shows of one customer.
#[derive(Serialize)]
pub(super) struct View<'a> {
    now: Timestamp,
    speed: Speed,
    /// The time that is passing at once.
    passing: Option<Passing>,
    customer: CustomerView<'a>,
    customers: Vec<CustomerView<'a>>,
    setup_pages: Option<SetupPages<'a>>,
    people: Vec<AccountView<'a>>,
    pairs: Vec<Pair>,
    disruptions: Vec<DisruptionView>,
    cycle: CycleView,
    /// Messages to the customer's people, newest first.
    messages: Vec<MessageView>,
    has_story: bool,
    story: Option<StoryProgress>,
    /// Broken rules and dead letters: always empty.
    problems: Vec<String>,
    entries: Vec<&'a Entry>,
    /// The kinds of which older entries were dropped.
    dropped: &'a BTreeSet<EntryKind>,
}

/// The setup pages, and the account that signs in there.
#[derive(Serialize)]
struct SetupPages<'a> {
    address: &'a str,
    account: String,
}

#[derive(Serialize)]
struct CustomerView<'a> {
    id: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct AccountView<'a> {
    id: Uuid,
    name: &'a str,
    kind: &'static str,
    webex: bool,
    microsoft: bool,
}

#[derive(Serialize)]
struct DisruptionView {
    id: Disruption,
    title: &'static str,
    effect: &'static str,
    recovery: &'static str,
    scope: Scope,
    /// The side on which a change of a person shows it.
    shown_by: Option<Side>,
    on: bool,
}

#[derive(Serialize)]
struct CycleView {
    next: Timestamp,
    last: Option<CycleSummary>,
}

/// The state of one customer, with the log entries after a number.
pub(super) async fn view(playground: &Playground, index: usize, after: u64) -> View<'_> {
    let env = &playground.env;
    let customer = &env.customers[index];
    let is_theirs = |entry: &&Entry| entry.tenant.is_none_or(|slug| slug == customer.slug);
    View {
        now: env.now(),
        speed: playground.speed,
        passing: playground.passing(),
        customer: customer_view(customer),
        customers: env.customers.iter().map(customer_view).collect(),
        setup_pages: playground.setup_pages.as_deref().map(|address| SetupPages {
            address,
            account: env.world().email(customer.handle.administrator.person).unwrap_or_default(),
        }),
        people: customer.people.iter().map(account_view).collect(),
        pairs: pairs(env, customer).await,
        disruptions: disruptions(playground, index),
        cycle: CycleView { next: env.stack.next_cycle_at(), last: last_cycle(env, customer).await },
        messages: messages(env, customer),
        has_story: playground.has_story(),
        story: playground.story(),
        problems: problems(playground),
        entries: playground.entries_after(after).filter(is_theirs).collect(),
        dropped: env.log.dropped(),
    }
}

fn customer_view(customer: &Customer) -> CustomerView<'_> {
    CustomerView { id: customer.slug, name: &customer.handle.name }
}

fn account_view(account: &Account) -> AccountView<'_> {
    AccountView {
        id: account.id(),
        name: &account.name,
        kind: account.kind,
        webex: account.person.is_some(),
        microsoft: account.object.is_some(),
    }
}

fn disruptions(playground: &Playground, index: usize) -> Vec<DisruptionView> {
    let view = |id: &Disruption| {
        let Description { title, effect, recovery } = id.description();
        let on = playground.disruptor.is_on(&playground.env, index, *id);
        let (scope, shown_by) = (id.scope(), id.shown_by());
        DisruptionView { id: *id, title, effect, recovery, scope, shown_by, on }
    };
    Disruption::ALL.iter().map(view).collect()
}

fn problems(playground: &Playground) -> Vec<String> {
    let backend = playground.env.backend();
    let violations = backend.world.violations().into_iter();
    let violations = violations.map(|violation| format!("{violation:?}"));
    let messages = backend.queue.dead_letters().into_iter();
    let messages = messages.map(|message| format!("a dead letter: {:?}", message.job));
    let requests = backend.reconcile_queue.dead_letters().into_iter();
    let requests = requests.map(|request| format!("a dead letter: {request:?}"));
    violations.chain(messages).chain(requests).collect()
}
