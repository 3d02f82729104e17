//! Users of a directory.

use std::collections::BTreeSet;

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::Graph;
use super::batch::READS_PER_BATCH;
use super::client::Listing;
use crate::http::{Access, Answer, Call, CallError, Repeat};
use crate::wire::{lenient, lenient_text};
use domain::ids::{GroupId, ObjectId};

const SELECT: &str = "id,displayName,userPrincipalName,userType,mail,proxyAddresses";

/// Maximum number of values of an `in` filter.
const VALUES_PER_FILTER: usize = 15;

/// Characters that would end a query value, or have another meaning in it.
const IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'\\');

/// Relation of a user to the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserKind {
    /// A regular user.
    Member,
    /// An invited guest.
    Guest,
}

/// User of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Object id.
    pub id: ObjectId,
    /// Display name.
    pub name: Option<String>,
    /// Sign-in name. Empty if the service does not say it.
    pub user_principal_name: String,
    /// Mail addresses: the main one, and its aliases. Empty if the service does not say them.
    pub addresses: BTreeSet<String>,
    /// Member or guest.
    pub kind: UserKind,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedUser {
    id: ObjectId,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    user_principal_name: String,
    #[serde(default, deserialize_with = "lenient")]
    user_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    mail: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    proxy_addresses: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct MemberOf {
    value: Vec<GroupId>,
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
        // Others than mail addresses begin with `x500:`, `sip:` and the like.
        let mail_address = |proxy: String| match proxy.split_once(':') {
            Some((kind, address)) => kind.eq_ignore_ascii_case("smtp").then(|| address.to_owned()),
            None => Some(proxy),
        };
        let proxies = listed.proxy_addresses.into_iter().flatten().filter_map(mail_address);
        Self {
            id: listed.id,
            name: listed.display_name,
            addresses: listed.mail.into_iter().chain(proxies).collect(),
            user_principal_name: listed.user_principal_name,
            kind: if is_guest { UserKind::Guest } else { UserKind::Member },
        }
    }
}

impl Graph {
    /// Returns one user, if they exist. A missing user can lead to a removal, so a listing must
    /// confirm it.
    pub async fn user(&self, access: &Access, id: ObjectId) -> Result<Option<User>, CallError> {
        let call = Call::get(format!("/users/{id}")).query("$select", SELECT);
        let Some(answer) = self.find(access, call).await? else {
            // A 404 of one replica is no proof, so another kind of call is asked.
            return Ok(self.users_whose(access, "id", &[id.to_string()]).await?.pop());
        };
        let listed: ListedUser = answer.json()?;
        if listed.id != id {
            // A cache in between answered for someone else.
            return Err(answer.unreadable("another user"));
        }
        Ok(Some(listed.into()))
    }

    /// Returns the user with this sign-in name, if they exist.
    pub async fn user_named(
        &self,
        access: &Access,
        principal: &str,
    ) -> Result<Option<User>, CallError> {
        let name = utf8_percent_encode(principal, NON_ALPHANUMERIC);
        let listed: Option<ListedUser> =
            self.get(access, Call::get(format!("/users/{name}")).query("$select", SELECT)).await?;
        let listed =
            // Graph also takes an object id at this place of the path.
            listed.filter(|listed| listed.user_principal_name.eq_ignore_ascii_case(principal));
        Ok(listed.map(Into::into))
    }

    /// Returns the groups that a user is a direct member of. Empty if the user does not exist.
    pub async fn groups_of(
        &self,
        access: &Access,
        user: ObjectId,
    ) -> Result<Vec<GroupId>, CallError> {
        let call = Call::get(format!("/users/{user}/memberOf/microsoft.graph.group"));
        let call = call.query("$select", "id").query("$top", "999");
        match self.read_all_pages::<ListedGroup>(access, Listing::of_readable(call)).await {
            Ok(groups) => Ok(groups.into_inner().into_iter().map(|group| group.id).collect()),
            // No removal follows from these groups, so one answer is enough.
            Err(error) if error.status() == Some(404) => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// Returns `true` if a user is a member of a group of any kind, also through a nested group.
    /// `false` if the user does not exist. One call whatever the group's size, with User.Read.All
    /// and permission to read groups.
    /// <https://learn.microsoft.com/graph/api/user-checkmembergroups>
    pub async fn is_member(
        &self,
        access: &Access,
        user: ObjectId,
        group: GroupId,
    ) -> Result<bool, CallError> {
        let call = Call::new(Method::POST, format!("/users/{user}/checkMemberGroups"));
        let call = call.json(&json!({"groupIds": [group]})).repeat(Repeat::Safe);
        let found: Option<MemberOf> = self.get(access, call).await?;
        Ok(found.is_some_and(|found| found.value.contains(&group)))
    }

    /// Returns the users with these ids, sorted by id. A missing user does not exist.
    ///
    /// # Errors
    /// Fails if any listing is not complete.
    pub async fn users(&self, access: &Access, ids: &[ObjectId]) -> Result<Vec<User>, CallError> {
        let ids: Vec<_> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        // One user costs less by id than by filter, and the answer is stronger.
        if let [id] = ids[..] {
            return Ok(self.user(access, id).await?.into_iter().collect());
        }
        let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let mut users = self.users_whose(access, "id", &texts).await?;
        // A link can lose the filter.
        users.retain(|user| ids.binary_search(&user.id).is_ok());
        Ok(users)
    }

    /// Returns the users with these sign-in names, ignoring case, sorted by id. A missing name
    /// belongs to no user.
    ///
    /// # Errors
    /// Fails if any listing is not complete.
    pub async fn users_named(
        &self,
        access: &Access,
        principals: &[String],
    ) -> Result<Vec<User>, CallError> {
        let names: Vec<_> = principals
            .iter()
            .map(|name| name.to_lowercase())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut users = self.users_whose(access, "userPrincipalName", &names).await?;
        // A link can lose the filter.
        users.retain(|user| names.binary_search(&user.user_principal_name.to_lowercase()).is_ok());
        Ok(users)
    }

    /// Returns the users whose property has one of these values. `id` and `userPrincipalName`
    /// support the operator `in`.
    /// <https://learn.microsoft.com/graph/api/resources/user#properties>
    async fn users_whose(
        &self,
        access: &Access,
        property: &str,
        values: &[String],
    ) -> Result<Vec<User>, CallError> {
        let filters: Vec<_> =
            values.chunks(VALUES_PER_FILTER).map(|values| filter(property, values)).collect();
        let mut users = vec![];
        // The first pages of 20 filters in one call: 300 people.
        for batch in filters.chunks(READS_PER_BATCH) {
            let urls: Vec<_> = batch.iter().map(|filter| url(filter)).collect();
            for (filter, first) in batch.iter().zip(self.read_batch(access, &urls).await?) {
                let first: Answer = first?;
                let call = Call::get("/users").query("$filter", filter).query("$select", SELECT);
                let listing = Listing::of_all(call).from(first);
                let listed = self.read_all_pages::<ListedUser>(access, listing).await?;
                users.extend(listed.into_inner().into_iter().map(User::from));
            }
        }
        users.sort_by_key(|user| user.id);
        Ok(users)
    }
}

fn filter(property: &str, values: &[String]) -> String {
    let quoted: Vec<_> =
        values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
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
            mail: None,
            proxy_addresses: None,
        };
        User::from(listed).kind
    }

    #[test]
    fn mail_and_its_aliases_are_addresses() {
        let listed: ListedUser = serde_json::from_value(json!({
            "id": "87d349ed-44d7-43e1-9a83-5f2406dee5bd",
            "mail": "a@contoso.com",
            "proxyAddresses": ["SMTP:a@contoso.com", "smtp:b@contoso.com", "X500:/o=A", "SIP:c@d"],
        }))
        .unwrap();
        let addresses = User::from(listed).addresses;
        assert_eq!(addresses, ["a@contoso.com", "b@contoso.com"].map(String::from).into());
    }

    #[test]
    fn guest_is_known_by_type_or_name() {
        assert_eq!(kind(Some("Guest"), "a_b.com#EXT#@contoso.com"), UserKind::Guest);
        assert_eq!(kind(Some("Member"), "a_b.com#EXT#@contoso.com"), UserKind::Member);
        assert_eq!(kind(None, "a_b.com#EXT#@contoso.com"), UserKind::Guest);
        assert_eq!(kind(None, "a@contoso.com"), UserKind::Member);
    }
}
