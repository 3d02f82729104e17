//! Acts of people and administrators on Webex accounts, and messages to people.

use std::collections::BTreeMap;

use domain::ids::{ObjectId, OrgId, PersonId, RoomId};
use serde_json::Value;
use uuid::Uuid;

use super::{Person, Refused, World};
use crate::state::webex::{Account, AccountStatus, AdminRole, Change, Origin, UserType};
use crate::webex::messages::Card;
use crate::webex::{events, messages, people};

impl World {
    fn change_account(&self, person: PersonId, change: impl FnOnce(&mut Account)) {
        people::change_account(&mut self.lock(), person, change);
    }

    /// Returns the mail address, which is the SCIM userName.
    pub fn email(&self, person: PersonId) -> Option<String> {
        self.lock().webex.accounts.get(&person).map(|account| account.email.clone())
    }

    /// Gives the account another mail address, which is the SCIM userName.
    pub fn set_email(&self, person: PersonId, email: &str) {
        self.change_account(person, |account| account.email = email.into());
    }

    /// Returns the account's externalId, if it has one.
    pub fn external_id(&self, person: PersonId) -> Option<String> {
        self.lock().webex.accounts.get(&person)?.external_id.clone()
    }

    /// Writes the `externalId` of an account, as the directory synchronization or an administrator
    /// does: also one that another account has, or none.
    pub fn set_external_id(&self, person: PersonId, external: Option<ObjectId>) {
        self.change_account(person, |account| {
            account.external_id = external.map(|id| id.to_string());
        });
    }

    /// Clears every `externalId` of the organization, as a faulty directory synchronization does.
    /// Returns the former values, for [`World::set_external_id`].
    pub fn clear_external_ids(&self, org: OrgId) -> BTreeMap<PersonId, String> {
        let mut state = self.lock();
        let now = state.now;
        let of_org = state.webex.accounts.iter_mut().filter(|(_, account)| account.org == org);
        let cleared = of_org.filter_map(|(person, account)| {
            let external = account.external_id.take()?;
            account.modified = now;
            Some((*person, external))
        });
        cleared.collect()
    }

    /// Deactivates a Webex account, as an administrator does.
    pub fn deactivate(&self, person: PersonId) {
        self.change_account(person, |account| account.active = false);
    }

    /// Activates a Webex account; a pending person signs in for the first time.
    pub fn activate(&self, person: PersonId) {
        self.change_account(person, |account| {
            (account.active, account.status) = (true, AccountStatus::Active);
        });
    }

    /// Deletes a Webex account with all of its memberships, as an administrator does.
    pub fn delete_account(&self, person: PersonId) {
        let mut state = self.lock();
        let rooms = state.webex.rooms.iter().filter(|(_, room)| room.has(person));
        let rooms: Vec<RoomId> = rooms.map(|(room, _)| *room).collect();
        for room in rooms {
            let (change, origin) = (Change::Deleted, Origin::Room);
            events::membership_changed(&mut state, change, room, person, person, origin);
            if let Some(entry) = state.webex.rooms.get_mut(&room) {
                entry.memberships.remove(&person);
            }
        }
        state.webex.accounts.remove(&person);
    }

    /// Replaces the Webex account of a person who left and returns: the old one is deactivated and
    /// unlinked, a new one has the same `externalId`.
    ///
    /// # Errors
    /// If the old account does not exist.
    pub fn rehire(&self, person: Person) -> Result<Person, Refused> {
        let mut state = self.lock();
        let old = state.webex.accounts.get(&person.person);
        let old = old.ok_or_else(|| Refused("no such account".into()))?;
        let (org, name, external) = (old.org, old.name.clone(), old.external_id.clone());
        let address = old.email.clone();
        state.webex.addresses.remove(&address);
        people::change_account(&mut state, person.person, |account| {
            (account.active, account.external_id) = (false, None);
            // The address goes to the new account.
            account.email.insert_str(0, "former.");
        });
        let status = AccountStatus::Active;
        let new = people::add_account(&mut state, org, &name, UserType::User, status, external);
        Ok(Person { person: new, ..person })
    }

    /// Deletes a Webex account with all of its memberships and creates another one with the same
    /// address and `externalId`.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn recreate_account(&self, person: PersonId) -> Result<PersonId, Refused> {
        let old = self.lock().webex.accounts.get(&person).cloned();
        let old = old.ok_or_else(|| Refused("no such account".into()))?;
        self.delete_account(person);
        let mut state = self.lock();
        let new = PersonId(state.uuid());
        let (created, modified) = (state.now, state.now);
        state.webex.accounts.insert(new, Account { created, modified, ..old });
        Ok(new)
    }

    /// Moves an account to another organization, which claims its address. Its memberships stay,
    /// its roles end.
    pub fn move_account(&self, person: PersonId, org: OrgId) {
        self.change_account(person, |account| {
            account.org = org;
            account.roles.clear();
        });
    }

    /// Gives an account a role, as an administrator does.
    pub fn give_role(&self, person: PersonId, role: AdminRole) {
        self.change_account(person, |account| {
            account.roles.insert(role);
        });
    }

    /// Takes a role from an account; its tokens keep their scopes, which then grant nothing.
    pub fn take_role(&self, person: PersonId, role: AdminRole) {
        self.change_account(person, |account| {
            account.roles.remove(&role);
        });
    }

    /// Returns the messages to a person, with and without cards, oldest first.
    pub fn cards_to(&self, person: PersonId) -> Vec<Card> {
        messages::cards_to(&self.lock(), person)
    }

    /// Presses a card's button. Returns the action's uuid, which the webhook carries.
    ///
    /// # Errors
    /// If there is no such card for this person.
    pub fn submit_card(&self, message: Uuid, by: PersonId, inputs: Value) -> Result<Uuid, Refused> {
        Ok(messages::submit(&mut self.lock(), message, by, inputs)?)
    }
}
