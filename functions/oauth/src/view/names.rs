//! Display names of people.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{ObjectId, PersonId};
use domain::membership::Person;
use engine::link::Who;
use engine::people::PersonIndex;
use engine::tenant::organization::Organization;

use crate::app::App;
use crate::http::error::Failure;

/// The most names that one page asks of the directory.
const MOST_ASKED: usize = 200;

/// A person's name and address.
#[derive(Clone, Debug)]
pub(crate) struct DisplayName {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// Display names by either id.
#[derive(Default)]
pub(crate) struct DisplayNames {
    people: BTreeMap<PersonId, DisplayName>,
    users: BTreeMap<ObjectId, DisplayName>,
}

impl DisplayNames {
    /// Loads the names of people from the person index, and from the directory for users who are
    /// only there.
    pub(crate) async fn load(
        app: &App,
        organization: &Organization,
        people: &BTreeSet<Who>,
    ) -> Result<Self, Failure> {
        let in_webex = people.iter().filter_map(|who| match who {
            Who::Person(Person { person, .. }) | Who::Webex(person) => Some(*person),
            Who::Entra(_) => None,
        });
        let index = PersonIndex::new(app.store.as_ref(), organization.tenant);
        let known = index.people(in_webex.collect::<BTreeSet<_>>()).await?;
        let known = known.into_iter().map(|(person, known)| {
            (person, DisplayName { name: known.name, address: known.user_name })
        });
        let mut names = Self { people: known.collect(), users: BTreeMap::new() };
        let unknown = people.iter().filter_map(|who| match who {
            Who::Person(Person { person, object }) => {
                // The index forgets deleted accounts, whose users the directory may still have.
                (!names.people.contains_key(person)).then_some(*object)
            }
            // Only Webex has this account, so the directory cannot name it.
            Who::Webex(_) => None,
            Who::Entra(object) => Some(*object),
        });
        // The others are shown by their ids: a page must not cost more calls with each person.
        let unknown: Vec<ObjectId> = unknown.take(MOST_ASKED).collect();
        if !unknown.is_empty() {
            names.users = directory_names(app, organization, &unknown).await;
        }
        Ok(names)
    }

    /// Adds the names that another one knows.
    pub(crate) fn extend(&mut self, others: Self) {
        self.people.extend(others.people);
        self.users.extend(others.users);
    }

    /// Returns the name and address of a person, or the id if the name is not known.
    pub(crate) fn get(&self, who: Who) -> DisplayName {
        let found = match who {
            Who::Person(Person { person, object }) => {
                self.people.get(&person).or_else(|| self.users.get(&object))
            }
            Who::Webex(person) => self.people.get(&person),
            Who::Entra(object) => self.users.get(&object),
        };
        found.cloned().unwrap_or_else(|| DisplayName {
            name: match who {
                Who::Person(Person { person, .. }) | Who::Webex(person) => person.to_string(),
                Who::Entra(object) => object.to_string(),
            },
            address: String::new(),
        })
    }

    /// Returns the name of a person, or the id.
    pub(crate) fn name(&self, person: Person) -> String {
        self.get(Who::Person(person)).name
    }
}

/// Returns no names if the directory does not answer: the page is worth more than they are.
async fn directory_names(
    app: &App,
    organization: &Organization,
    objects: &[ObjectId],
) -> BTreeMap<ObjectId, DisplayName> {
    let Some(directory) = &organization.directory else {
        return BTreeMap::new();
    };
    let users = async {
        let access = app.tokens.graph(directory.id, app.deadline()).await;
        let access = access.map_err(|error| error.to_string())?;
        app.graph.users(&access, objects).await.map_err(|error| error.to_string())
    };
    match users.await {
        Ok(users) => users.into_iter().map(|user| {
            let address = user.user_principal_name;
            (user.id, DisplayName { name: address.clone(), address })
        }),
        Err(error) => {
            tracing::warn!(event = "names_not_read", error, "Names could not be read.");
            return BTreeMap::new();
        }
    }
    .collect()
}
