//! Tests of the person index: an externalId alone gives no one a place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clients::graph::{User, UserKind};
use clients::webex::ScimUser;
use domain::clock::SimulatedClock;
use domain::ids::{ObjectId, PersonId, TenantId};
use domain::membership::ExclusionReason;
use engine::decision::Decider;
use engine::people::{PersonIndex, Revocation};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use store::table::memory::MemoryStore;
use uuid::Uuid;

const TENANT: TenantId = TenantId(Uuid::nil());

/// userNames of the accounts. The last two have no user.
const ACCOUNTS: [&str; 6] = [
    "chief@x.example",
    "Anna@x.example",
    "ben.mail@x.example",
    "cleo.alias@x.example",
    "mallory@x.example",
    "",
];

/// Principal name, mail and alias of the users.
const USERS: [[&str; 3]; 5] = [
    ["Chief@X.example", "chief@x.example", "boss@x.example"],
    ["anna@x.example", "anna@x.example", "mallory@x.example"],
    ["ben@x.example", "Ben.Mail@x.example", "b@x.example"],
    ["cleo@x.example", "c@x.example", "CLEO.Alias@x.example"],
    ["dora@x.example", "chief@x.example", "d@x.example"],
];

fn start() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

fn person(n: usize) -> PersonId {
    PersonId(Uuid::from_u128(n as u128 + 1))
}

fn object(n: usize) -> ObjectId {
    ObjectId(Uuid::from_u128(n as u128 + 101))
}

fn user(n: usize) -> User {
    let [principal, mail, alias] = USERS[n];
    User {
        id: object(n),
        name: None,
        user_principal_name: principal.into(),
        addresses: [mail, alias].map(String::from).into(),
        kind: UserKind::Member,
    }
}

fn account(n: usize, external: Option<usize>) -> ScimUser {
    ScimUser {
        person: person(n),
        external_id: external.map(|n| object(n).to_string()),
        user_name: ACCOUNTS[n].into(),
        name: None,
        is_active: true,
        user_type: Some("user".into()),
        account_status: vec!["active".into()],
        last_modified: None,
    }
}

/// A tenant whose externalIds anyone may write.
struct Tenant {
    store: MemoryStore,
    now: Timestamp,
    external_ids: [Option<usize>; ACCOUNTS.len()],
}

impl Tenant {
    fn new() -> Self {
        let store = MemoryStore::new(Arc::new(SimulatedClock::starting_at(start())));
        Self { store, now: start(), external_ids: [None; ACCOUNTS.len()] }
    }

    fn index(&self) -> PersonIndex<'_> {
        PersonIndex::new(&self.store, TENANT)
    }

    /// Reads these accounts, as a page of a scan does.
    async fn read(&mut self, accounts: &[usize]) {
        self.now += SignedDuration::from_mins(1);
        let accounts: BTreeSet<usize> = accounts.iter().copied().collect();
        let accounts: Vec<_> =
            accounts.into_iter().map(|n| account(n, self.external_ids[n])).collect();
        let directory: BTreeMap<_, _> =
            (0..USERS.len()).map(|n| (object(n), Some(user(n)))).collect();
        self.index().observe(&accounts, &directory, self.now).await.unwrap();
    }

    async fn write_and_read(&mut self, of: usize, external: Option<usize>) {
        self.external_ids[of] = external;
        self.read(&[of]).await;
    }

    async fn reason(&self, of: usize) -> Option<ExclusionReason> {
        self.index().people([person(of)]).await.unwrap()[&person(of)].excluded()
    }

    /// Returns each eligible account with its user.
    async fn eligible(&self) -> Vec<[usize; 2]> {
        let people = self.index().people((0..ACCOUNTS.len()).map(person)).await.unwrap();
        let eligible = people.into_values().filter(|known| known.excluded().is_none());
        let pairs = eligible.filter_map(|known| known.pair());
        let number = |id: Uuid, first: u128| usize::try_from(id.as_u128() - first).unwrap();
        pairs.map(|pair| [number(pair.person.0, 1), number(pair.object.0, 101)]).collect()
    }

    async fn confirm(&self, of: usize) -> usize {
        let waiting = self.index().unconfirmed([person(of)]).await.unwrap();
        let count = waiting.len();
        for one in waiting {
            self.index().confirm(one, object(0), Decider::operator(self.now)).await.unwrap();
        }
        count
    }
}

#[derive(Clone, Debug)]
enum Act {
    Write { of: usize, external: Option<usize> },
    Read(Vec<usize>),
}

fn act() -> impl Strategy<Value = Act> {
    let external = prop::option::weighted(0.8, 0..USERS.len());
    prop_oneof![
        (0..ACCOUNTS.len(), external).prop_map(|(of, external)| Act::Write { of, external }),
        prop::collection::vec(0..ACCOUNTS.len(), 1..4).prop_map(Act::Read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn external_ids_alone_give_no_one_a_place(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut tenant = Tenant::new();
            let mut known = BTreeSet::new();
            for act in acts {
                match act {
                    Act::Write { of, external } => tenant.external_ids[of] = external,
                    Act::Read(accounts) => {
                        known.extend(accounts.iter().copied());
                        tenant.read(&accounts).await;
                    }
                }
                for [account, user] in tenant.eligible().await {
                    let [principal, mail, alias] = USERS[user].map(str::to_lowercase);
                    let name = ACCOUNTS[account].to_lowercase();
                    assert!([&principal, &mail, &alias].contains(&&name), "{account} is {user}");
                    let other = known.iter().find(|other| {
                        **other != account && ACCOUNTS[**other].to_lowercase() == principal
                    });
                    assert_eq!(other, None, "{account} is {user}");
                }
            }
        });
    }
}

#[tokio::test]
async fn every_name_of_the_user_counts() {
    let mut tenant = Tenant::new();
    for n in 0..4 {
        tenant.write_and_read(n, Some(n)).await;
        assert_eq!(tenant.reason(n).await, None, "{n}");
    }
}

#[tokio::test]
async fn foreign_id_waits_for_a_confirmation() {
    let mut tenant = Tenant::new();
    tenant.write_and_read(4, Some(3)).await;
    assert_eq!(tenant.reason(4).await, Some(ExclusionReason::NamesDiffer));
    assert_eq!(tenant.confirm(4).await, 1);
    assert_eq!(tenant.reason(4).await, None);
    // Another id is another question.
    tenant.write_and_read(4, Some(2)).await;
    assert_eq!(tenant.reason(4).await, Some(ExclusionReason::NamesDiffer));
    tenant.write_and_read(4, Some(3)).await;
    assert_eq!(tenant.reason(4).await, None);
}

#[tokio::test]
async fn revoked_confirmation_leaves_what_the_names_say() {
    let mut tenant = Tenant::new();
    tenant.write_and_read(4, Some(3)).await;
    assert_eq!(
        tenant.index().revoke(person(4), Decider::operator(tenant.now)).await.unwrap(),
        Revocation::NotConfirmed
    );
    assert_eq!(tenant.confirm(4).await, 1);
    let page = async |tenant: &Tenant| {
        let (pairs, next) = tenant.index().confirmed(10, None).await.unwrap();
        assert!(next.is_none());
        pairs.into_iter().map(|pair| pair.known.person).collect::<Vec<_>>()
    };
    assert_eq!(page(&tenant).await, [person(4)]);
    assert_eq!(
        tenant.index().revoke(person(4), Decider::operator(tenant.now)).await.unwrap(),
        Revocation::Revoked
    );
    assert_eq!(page(&tenant).await, []);
    assert_eq!(tenant.reason(4).await, Some(ExclusionReason::NamesDiffer));
    tenant.read(&[4]).await;
    assert_eq!(tenant.reason(4).await, Some(ExclusionReason::NamesDiffer));
    assert_eq!(tenant.confirm(4).await, 1);
    assert_eq!(tenant.reason(4).await, None);
}

/// The account with the user's principal name comes first, even if it has no externalId.
#[tokio::test]
async fn taken_name_refuses_alias_and_confirmation() {
    let mut tenant = Tenant::new();
    tenant.write_and_read(4, Some(1)).await;
    assert_eq!(tenant.reason(4).await, None, "an alias of the user, and no one else is there");
    tenant.read(&[1]).await;
    assert_eq!(tenant.reason(4).await, Some(ExclusionReason::NameTaken));
    assert_eq!(tenant.confirm(4).await, 0);
    tenant.index().purge(person(1), tenant.now).await.unwrap();
    assert_eq!(tenant.reason(4).await, None);
    tenant.read(&[0, 1]).await;
    tenant.write_and_read(4, Some(0)).await;
    assert_eq!(tenant.reason(4).await, Some(ExclusionReason::NameTaken));
    assert_eq!(tenant.confirm(4).await, 0);
    // The account gets its id, and the other one loses it.
    tenant.external_ids[4] = None;
    tenant.write_and_read(0, Some(0)).await;
    tenant.read(&[4]).await;
    assert_eq!(tenant.eligible().await, [[0, 0]]);
}
