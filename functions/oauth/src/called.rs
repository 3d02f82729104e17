//! What people are called.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{ObjectId, PersonId};
use domain::membership::Person;
use engine::link::Who;
use engine::people::PersonIndex;

use crate::failure::{Failure, Service};
use crate::{Administrator, Oauth};

/// Names that are asked of the directory for one page.
const ASKED: usize = 200;

/// What people are called, by either id.
#[derive(Default)]
pub(crate) struct Called {
    people: BTreeMap<PersonId, (String, String)>,
    users: BTreeMap<ObjectId, (String, String)>,
}

impl Called {
    /// Also what somebody else knows.
    pub(crate) fn learn(&mut self, further: Self) {
        self.people.extend(further.people);
        self.users.extend(further.users);
    }

    /// Name and address; ids where nobody knows.
    pub(crate) fn who(&self, who: Who) -> (String, String) {
        let found = match who {
            Who::Person(Person { person, object }) => {
                self.people.get(&person).or_else(|| self.users.get(&object)).cloned()
            }
            Who::Webex(person) => self.people.get(&person).cloned(),
            Who::Entra(object) => self.users.get(&object).cloned(),
        };
        found.unwrap_or_else(|| match who {
            Who::Person(Person { person, .. }) | Who::Webex(person) => (person.to_string(), String::new()),
            Who::Entra(object) => (object.to_string(), String::new()),
        })
    }
}

impl Oauth {
    /// What everybody on the page is called: from the person index, and from the directory for those who are there only.
    pub(crate) async fn called(
        &self,
        administrator: &Administrator,
        everybody: &BTreeSet<Who>,
    ) -> Result<Called, Failure> {
        let webex = everybody.iter().filter_map(|who| match who {
            Who::Person(Person { person, .. }) | Who::Webex(person) => Some(*person),
            Who::Entra(_) => None,
        });
        let index = PersonIndex::new(self.store.as_ref(), administrator.organization.tenant);
        let known = index.people(webex.collect::<BTreeSet<_>>()).await?;
        let people = known.into_iter().map(|(person, known)| (person, (known.name, known.user_name))).collect();
        let mut called = Called { people, ..Called::default() };
        let unknown = everybody.iter().filter_map(|who| match who {
            Who::Person(Person { person, object }) => (!called.people.contains_key(person)).then_some(*object),
            Who::Webex(_) => None,
            Who::Entra(object) => Some(*object),
        });
        let unknown: Vec<ObjectId> = unknown.take(ASKED).collect();
        if let (false, Some(directory)) = (unknown.is_empty(), &administrator.organization.directory) {
            let users = async {
                let access =
                    self.tokens.graph(directory.id, self.deadline()).await.map_err(|error| error.to_string())?;
                self.graph.users(&access, &unknown).await.map_err(|error| error.to_string())
            };
            match users.await {
                Ok(users) => {
                    called.users = users
                        .into_iter()
                        .map(|user| (user.id, (user.user_principal_name.clone(), user.user_principal_name)))
                        .collect();
                }
                // The page is worth more than their names.
                Err(error) => tracing::warn!(error, service = ?Service::Microsoft, "names could not be read"),
            }
        }
        Ok(called)
    }
}
