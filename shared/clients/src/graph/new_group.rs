//! Request for a new group.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use domain::ids::ObjectId;

/// Maximum number of members and owners, together, that one call adds.
pub const RELATIONS_PER_CALL: usize = 20;

/// Group to create. It is stored in this form, so that a retry requests exactly the same group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGroup {
    /// Display name, as from [`display_name`](domain::merge::display_name).
    pub display_name: String,
    /// Address before the `@`: at most 64 ASCII characters, unique in the directory.
    pub mail_nickname: String,
    /// Description. An empty one is not sent, because the service refuses it.
    pub description: Option<String>,
    /// Owners, at least one. A group created without owners gets no site.
    pub owners: Vec<ObjectId>,
    /// Members. Owners are members only if they are listed here too.
    pub members: Vec<ObjectId>,
}

impl NewGroup {
    /// Returns the number of owners and members, at most [`RELATIONS_PER_CALL`].
    pub fn relations(&self) -> usize {
        self.owners.len() + self.members.len()
    }

    pub(super) fn body(&self, base: &str) -> Value {
        let mut body = json!({
            "displayName": self.display_name,
            "mailNickname": self.mail_nickname,
            "groupTypes": ["Unified"],
            "mailEnabled": true,
            "securityEnabled": false,
            // A team is private. Without the field, the group would be open to the whole directory.
            "visibility": "Private",
            // Only possible at creation. Without it, the first sync sends a mail to all members.
            "resourceBehaviorOptions": ["WelcomeEmailDisabled"],
        });
        if let Some(description) = self.description.as_ref().filter(|text| !text.is_empty()) {
            body["description"] = json!(description);
        }
        for (property, people) in
            [("owners@odata.bind", &self.owners), ("members@odata.bind", &self.members)]
        {
            if !people.is_empty() {
                body[property] =
                    // The address must be one of the directory's own cloud.
                    people.iter().map(|person| format!("{base}/users/{person}")).collect();
            }
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(description: Option<&str>, owners: Vec<ObjectId>) -> NewGroup {
        NewGroup {
            display_name: "Golf".into(),
            mail_nickname: "golf".into(),
            description: description.map(Into::into),
            owners,
            members: vec![],
        }
    }

    #[test]
    fn empty_fields_are_not_sent() {
        for description in [None, Some("")] {
            let body = group(description, vec![]).body("https://graph.microsoft.com/v1.0");
            for property in ["description", "owners@odata.bind", "members@odata.bind"] {
                assert!(body.get(property).is_none(), "{property}");
            }
        }
    }

    #[test]
    fn bind_urls_use_the_configured_base() {
        let owner: ObjectId = "87d349ed-44d7-43e1-9a83-5f2406dee5bd".parse().unwrap();
        let body = group(None, vec![owner]).body("https://graph.microsoft.us/v1.0");
        assert_eq!(
            body["owners@odata.bind"],
            json!([format!("https://graph.microsoft.us/v1.0/users/{owner}")])
        );
    }
}
