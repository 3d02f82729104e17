//! Users.

use std::collections::BTreeSet;

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::Graph;
use super::batch::READS_PER_BATCH;
use super::client::Page;
use super::groups::parsed;
use crate::http::{Access, Call, CallError, Repeat};
use domain::ids::{GroupId, ObjectId};

const SELECT: &str = "id,displayName,userPrincipalName,userType";

/// Most values of an `in` filter.
const VALUES_PER_FILTER: usize = 15;

/// What would end a parameter's value, or mean something else in it.
const IN_QUERY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>').add(b'\\');

/// Whether somebody belongs to the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserKind {
    /// Yes.
    Member,
    /// No, invited.
    Guest,
}

/// A user of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The object id.
    pub id: ObjectId,
    /// The display name.
    pub name: Option<String>,
    /// The name to sign in with.
    pub user_principal_name: String,
    /// Member or guest.
    pub kind: UserKind,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedUser {
    id: ObjectId,
    display_name: Option<String>,
    user_principal_name: String,
    user_type: Option<String>,
}

#[derive(Deserialize)]
struct ListedGroup {
    id: GroupId,
}

impl From<ListedUser> for User {
    fn from(listed: ListedUser) -> Self {
        // Users from before 2014 have no type.
        let is_guest = match &listed.user_type {
            Some(kind) => kind.eq_ignore_ascii_case("Guest"),
            None => listed.user_principal_name.contains("#EXT#"),
        };
        Self {
            id: listed.id,
            name: listed.display_name,
            user_principal_name: listed.user_principal_name,
            kind: if is_guest { UserKind::Guest } else { UserKind::Member },
        }
    }
}

impl Graph {
    /// One user; `None` if there is none. That is a reason to let somebody go: it is believed only if a listing says it, too.
    pub async fn user(&self, access: &Access, id: ObjectId) -> Result<Option<User>, CallError> {
        let listed: Option<ListedUser> =
            self.get(access, Call::get(format!("/users/{id}")).query("$select", SELECT)).await?;
        match listed {
            Some(listed) => Ok(Some(listed.into())),
            None => Ok(self.users_whose(access, "id", &[id.to_string()]).await?.pop()),
        }
    }

    /// The user who signs in with this name; `None` if there is none.
    pub async fn user_named(&self, access: &Access, principal: &str) -> Result<Option<User>, CallError> {
        let name = utf8_percent_encode(principal, NON_ALPHANUMERIC);
        let listed: Option<ListedUser> =
            self.get(access, Call::get(format!("/users/{name}")).query("$select", SELECT)).await?;
        let listed = listed.filter(|listed| listed.user_principal_name.eq_ignore_ascii_case(principal));
        Ok(listed.map(Into::into))
    }

    /// The groups that a user is a direct member of; none where there is no such user.
    pub async fn groups_of(&self, access: &Access, user: ObjectId) -> Result<Vec<GroupId>, CallError> {
        let listing = Call::get(format!("/users/{user}/memberOf/microsoft.graph.group"));
        let listing = listing.query("$select", "id").query("$top", "999");
        match self.read_to_the_end::<ListedGroup>(access, None, &listing).await {
            Ok(groups) => Ok(groups.into_inner().into_iter().map(|group| group.id).collect()),
            Err(error) if error.status() == Some(404) => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// Whether a user is a member of a group of any kind, also through a group within it. No user, no member.
    /// <https://learn.microsoft.com/graph/api/user-checkmembergroups>: one call however large the group, with User.Read.All and the permission to read groups.
    pub async fn is_member(&self, access: &Access, user: ObjectId, group: GroupId) -> Result<bool, CallError> {
        let call = Call::new(Method::POST, format!("/users/{user}/checkMemberGroups"));
        let call = call.json(&json!({"groupIds": [group]})).repeat(Repeat::Safe);
        let found: Option<Page<GroupId>> = self.get(access, call).await?;
        Ok(found.is_some_and(|found| found.value.contains(&group)))
    }

    /// The users with these ids, by id: who is not among them does not exist.
    ///
    /// # Errors
    /// As soon as one of the listings is not complete.
    pub async fn users(&self, access: &Access, ids: &[ObjectId]) -> Result<Vec<User>, CallError> {
        let ids: Vec<_> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        if let [id] = ids[..] {
            return Ok(self.user(access, id).await?.into_iter().collect());
        }
        self.users_whose(access, "id", &ids.iter().map(ToString::to_string).collect::<Vec<_>>()).await
    }

    /// The users who sign in with these names, by id: nobody signs in with a name that none of them has, whatever its case.
    ///
    /// # Errors
    /// As soon as one of the listings is not complete.
    pub async fn users_named(&self, access: &Access, principals: &[String]) -> Result<Vec<User>, CallError> {
        let names: Vec<_> =
            principals.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>().into_iter().collect();
        self.users_whose(access, "userPrincipalName", &names).await
    }

    /// The users one of whose properties has one of these values. `id` and `userPrincipalName` know the operator `in`.
    /// <https://learn.microsoft.com/graph/api/resources/user#properties>
    async fn users_whose(&self, access: &Access, property: &str, values: &[String]) -> Result<Vec<User>, CallError> {
        let filters: Vec<_> = values.chunks(VALUES_PER_FILTER).map(|values| filter(property, values)).collect();
        let mut users = vec![];
        for batch in filters.chunks(READS_PER_BATCH) {
            let urls: Vec<_> = batch.iter().map(|filter| url(filter)).collect();
            for (filter, body) in batch.iter().zip(self.read_batch(access, &urls).await?) {
                let first: Page<ListedUser> = parsed(&body?, "/users")?;
                let listing = Call::get("/users").query("$filter", filter).query("$select", SELECT);
                let listed = self.read_to_the_end(access, Some(first), &listing).await?;
                users.extend(listed.into_inner().into_iter().map(User::from));
            }
        }
        users.sort_by_key(|user| user.id);
        Ok(users)
    }
}

fn filter(property: &str, values: &[String]) -> String {
    let quoted: Vec<_> = values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
    format!("{property} in ({})", quoted.join(","))
}

fn url(filter: &str) -> String {
    format!("/users?$filter={}&$select={SELECT}", utf8_percent_encode(filter, IN_QUERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(user_type: Option<&str>, user_principal_name: &str) -> UserKind {
        let listed = ListedUser {
            id: "87d349ed-44d7-43e1-9a83-5f2406dee5bd".parse().unwrap(),
            display_name: None,
            user_principal_name: user_principal_name.into(),
            user_type: user_type.map(Into::into),
        };
        User::from(listed).kind
    }

    #[test]
    fn a_guest_is_told_by_type_and_without_one_by_name() {
        assert_eq!(kind(Some("Guest"), "a_b.com#EXT#@contoso.com"), UserKind::Guest);
        assert_eq!(kind(Some("Member"), "a_b.com#EXT#@contoso.com"), UserKind::Member);
        assert_eq!(kind(None, "a_b.com#EXT#@contoso.com"), UserKind::Guest);
        assert_eq!(kind(None, "a@contoso.com"), UserKind::Member);
    }
}
