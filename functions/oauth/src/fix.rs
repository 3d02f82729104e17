//! The fix of accounts that have no externalId: where exactly one user signs in by the same name, its object id is offered, shown beside the account, and written after a grant.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use clients::graph::{User, UserKind};
use clients::http::{Deadline, Urgency};
use clients::webex::Account;
use domain::ids::{ObjectId, PersonId};
use domain::membership::{LeftOut, Person};
use engine::people::{self, Known, PersonIndex};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use store::table::{Condition, EXPIRES_AT, Key, Write, from_item, to_item};

use crate::answer::Answer;
use crate::external_id::{Fixed, Outcome};
use crate::failure::Failure;
use crate::flow::Purpose;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::session::Session;
use crate::sign_in::FULL_ADMINISTRATOR;
use crate::{Administrator, Oauth};

/// What writing an externalId takes, and to see whose grant it is. Neither a sign-in nor the officer asks for the latter.
const SCOPES: [&str; 2] = ["spark:people_read", "identity:people_rw"];

/// The name of the role whose holders manage people.
const USER_ADMINISTRATOR: &str = "id_user_admin";

/// Accounts that one grant is used for: two or three calls each stay about within Webex's 300 a minute.
pub(crate) const MOST: usize = 100;

/// For how long it is shown what became of them.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Whether the fix is offered for somebody.
#[derive(Clone, Debug)]
pub(crate) enum Offer {
    /// This user signs in by the account's name.
    Fix(User),
    /// So it does, but another account bears its object id.
    Borne(User),
}

#[derive(Template)]
#[template(path = "fix.html")]
struct FixPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    rows: Vec<(Known, User)>,
    /// Who was chosen, but is not offered any more.
    others: Vec<String>,
    further: usize,
}

#[derive(Template)]
#[template(path = "fixed.html")]
struct FixedPage<'a> {
    shell: Shell<'a>,
    fixed: Vec<Fixed>,
}

/// What became of the accounts that a session wrote last.
#[derive(Serialize, Deserialize)]
struct LastFixed {
    fixed: Vec<Fixed>,
}

/// How many of them have their externalId.
pub(crate) fn written(fixed: &[Fixed]) -> usize {
    fixed.iter().filter(|one| matches!(one.outcome, Outcome::Written | Outcome::There)).count()
}

/// Whether another try could help any of them.
pub(crate) fn is_any_left(fixed: &[Fixed]) -> bool {
    fixed.iter().any(|one| one.outcome.is_left())
}

fn key(session: &Session) -> Key {
    Key::new(format!("FIXED#{}", session.hash), "-")
}

impl Oauth {
    /// For whom of these people the fix is offered. Only once everybody was counted: before that, nobody can say that no other account bears an id.
    pub(crate) async fn offers(
        &self,
        administrator: &Administrator,
        people: &[Known],
    ) -> Result<BTreeMap<PersonId, Offer>, Failure> {
        let organization = administrator.connected()?;
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let without = people.iter().filter(|known| known.left_out() == Some(LeftOut::NotSynchronized));
        let by_name: BTreeMap<String, PersonId> =
            without.map(|known| (known.user_name.to_lowercase(), known.person)).collect();
        if by_name.is_empty() || people::census(store, tenant).await?.is_none() {
            return Ok(BTreeMap::new());
        }
        let directory = organization.directory.as_ref().ok_or(Failure::NotConnected)?.id;
        let names: Vec<String> = by_name.keys().cloned().collect();
        let users = async {
            let access = self.tokens.graph(directory, self.deadline()).await.map_err(|error| error.to_string())?;
            let access = access.urgent(Urgency::High);
            self.graph.users_named(&access, &names).await.map_err(|error| error.to_string())
        };
        let users = match users.await {
            Ok(users) => users,
            // The list is worth more than what it offers.
            Err(error) => {
                tracing::warn!(error, "users could not be looked up by name");
                return Ok(BTreeMap::new());
            }
        };
        let mut found: BTreeMap<PersonId, Vec<User>> = BTreeMap::new();
        for user in users.into_iter().filter(|user| user.kind == UserKind::Member) {
            if let Some(person) = by_name.get(&user.user_principal_name.to_lowercase()) {
                found.entry(*person).or_default().push(user);
            }
        }
        let objects: BTreeSet<ObjectId> = found.values().flatten().map(|user| user.id).collect();
        let borne = PersonIndex::new(store, tenant).bearers_of(objects).await?;
        let offers = found.into_iter().filter_map(|(person, users)| {
            let [user] = <[User; 1]>::try_from(users).ok()?;
            Some((person, if borne.contains_key(&user.id) { Offer::Borne(user) } else { Offer::Fix(user) }))
        });
        Ok(offers.collect())
    }

    /// Both accounts of everybody who was chosen, side by side; with nobody chosen, what became of those who were written last.
    pub(crate) async fn fix(&self, incoming: &Incoming, administrator: &Administrator) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        let chosen: BTreeSet<PersonId> = incoming.queries("person").filter_map(|id| id.parse().ok()).collect();
        let shell = self.shell(administrator, Place::People);
        if chosen.is_empty() {
            let last = self.store.get(&key(&administrator.session)).await?.map(from_item::<LastFixed>).transpose()?;
            let page = FixedPage { shell, fixed: last.map(|last| last.fixed).unwrap_or_default() };
            return Ok(Answer::page(200, page.render()?));
        }
        let further = chosen.len().saturating_sub(MOST);
        let index = PersonIndex::new(self.store.as_ref(), organization.tenant);
        let people = index.people(chosen.into_iter().take(MOST)).await?.into_values().collect::<Vec<_>>();
        if people.is_empty() {
            return Err(Failure::NoSuchPerson);
        }
        let mut offers = self.offers(administrator, &people).await?;
        let (mut rows, mut others) = (vec![], vec![]);
        for known in people {
            match offers.remove(&known.person) {
                Some(Offer::Fix(user)) => rows.push((known, user)),
                _ => others.push(known.name),
            }
        }
        rows.sort_by_cached_key(|(known, _)| known.name.to_lowercase());
        let csrf = &administrator.session.csrf;
        Ok(Answer::page(200, FixPage { shell, csrf, rows, others, further }.render()?))
    }

    /// Sends the browser to Webex for a grant to write what was shown.
    pub(crate) async fn go_and_fix(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        if people::census(self.store.as_ref(), organization.tenant).await?.is_none() {
            return Err(Failure::Changed(Place::People));
        }
        let pair = |pair: &str| {
            let (object, person) = pair.split_once('/')?;
            Some(Person { object: object.parse().ok()?, person: person.parse().ok()? })
        };
        let pairs: Option<BTreeSet<Person>> = incoming.fields("pair").map(pair).collect();
        let pairs: Vec<Person> = pairs.ok_or(Failure::NotAForm)?.into_iter().collect();
        if pairs.is_empty() || pairs.len() > MOST {
            return Err(Failure::NotAForm);
        }
        // Whoever is another organization's is nobody here.
        let index = PersonIndex::new(self.store.as_ref(), organization.tenant);
        if index.people(pairs.iter().map(|pair| pair.person)).await?.is_empty() {
            return Err(Failure::NoSuchPerson);
        }
        let (flow, cookie) = self.begin(incoming, Purpose::Fix { pairs }, Some(&administrator.session)).await?;
        let url = self.webex_url(&flow, &SCOPES).await?;
        self.onwards(administrator, "Webex", &url, cookie)
    }

    /// The way back with the grant: it is used here, once, and not kept.
    pub(crate) async fn fix_granted(
        &self,
        administrator: &Administrator,
        pairs: &[Person],
        (token, account): (SecretString, &Account),
        deadline: Deadline,
    ) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        if account.org != Some(organization.org) {
            return Err(Failure::GrantOfAnotherOrganization);
        }
        if ![FULL_ADMINISTRATOR, USER_ADMINISTRATOR].iter().any(|role| account.has_role(role)) {
            return Err(Failure::MayNotChangePeople);
        }
        let (store, session) = (self.store.as_ref(), &administrator.session);
        let known = PersonIndex::new(store, organization.tenant).people(pairs.iter().map(|pair| pair.person)).await?;
        let pairs: Vec<Person> = pairs.iter().filter(|pair| known.contains_key(&pair.person)).copied().collect();
        let outcomes = self.write_external_ids(administrator, &pairs, token, deadline).await?;
        let name = |person: PersonId| known.get(&person).map_or_else(|| person.to_string(), |known| known.name.clone());
        let fixed = outcomes.into_iter();
        let fixed = fixed.map(|(Person { person, .. }, outcome)| Fixed { person, name: name(person), outcome });
        let mut item = to_item(&key(session), &LastFixed { fixed: fixed.collect() })?;
        let end = (self.clock.now() + SHOWN_FOR).as_second();
        item.insert(EXPIRES_AT.into(), AttributeValue::N(end.to_string()));
        store.write(vec![Write::Put(item, Condition::Any)]).await?;
        Ok(Answer::see(Place::Fix.path()))
    }
}
