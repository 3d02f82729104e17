//! `/people` and `/organizations`: who somebody is. There is no `externalId` here.

use domain::ids::{OrgId, PersonId};
use serde_json::{Value, json};

use super::{Account, AccountStatus, AdminRole, Caller, Org, UserType, ids, not_found, refused};
use crate::wire::{Answer, Outcome};
use crate::world::{State, slug};

impl State {
    pub(crate) fn add_org(&mut self, name: &str) -> OrgId {
        let org = OrgId(self.uuid());
        let even = self.webex.orgs.len().is_multiple_of(2);
        let region = if even { "us" } else { "urn:TEAM:eu-central-1_k" };
        let domain = format!("{}.example", slug(name).replace('.', "-"));
        self.webex.orgs.insert(org, Org { name: name.into(), region: region.into(), domain });
        org
    }

    pub(crate) fn add_account(
        &mut self,
        org: OrgId,
        name: &str,
        user_type: UserType,
        status: AccountStatus,
        external_id: Option<String>,
    ) -> PersonId {
        let person = PersonId(self.uuid());
        let domain = match user_type {
            UserType::Bot => "webex.bot",
            UserType::User | UserType::Room => self.webex.orgs.get(&org).map_or("nowhere.example", |org| &org.domain),
        };
        let taken = |email: &str| self.webex.addresses.contains(email);
        let plain = format!("{}@{domain}", slug(name));
        let mut numbered = (2..).map(|n| format!("{}{n}@{domain}", slug(name)));
        let email = std::iter::once(plain).chain(&mut numbered).find(|email| !taken(email)).unwrap_or_default();
        self.webex.addresses.insert(email.clone());
        let account = Account {
            org,
            name: name.into(),
            email,
            user_type,
            external_id,
            active: true,
            status,
            roles: Default::default(),
            created: self.now,
            modified: self.now,
        };
        self.webex.accounts.insert(person, account);
        person
    }

    pub(crate) fn make_officer(&mut self, person: PersonId) {
        self.account(person, |account| {
            account.roles.extend([AdminRole::ComplianceOfficer, AdminRole::ReadOnlyAdmin]);
        });
    }

    /// Changes an account, and with it its `meta.lastModified`.
    pub(crate) fn account(&mut self, person: PersonId, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.webex.accounts.get_mut(&person) {
            change(account);
            account.modified = self.now;
        }
    }

    pub(super) fn get_person(&self, caller: &Caller, person: PersonId) -> Outcome {
        caller.needs(&["spark:people_read", "spark-admin:people_read", "identity:people_read"])?;
        let account = self.webex.accounts.get(&person).ok_or_else(not_found)?;
        let admin = caller.org == account.org
            && [AdminRole::ReadOnlyAdmin, AdminRole::FullAdmin].iter().any(|role| self.webex.is(caller.person, *role));
        let mut shown = json!({
            "id": ids::of_person(person),
            "emails": [account.email],
            "displayName": account.name,
            "orgId": ids::of_org(account.org),
            "created": format!("{:.3}", account.created),
            "type": match account.user_type { UserType::Bot => "bot", UserType::User | UserType::Room => "person" },
        });
        if account.status == AccountStatus::Pending {
            shown["status"] = "pending".into();
        }
        if admin || caller.person == person {
            shown["roles"] = account.roles.iter().map(|role| role_id(*role)).collect();
        }
        if admin {
            shown["invitePending"] = (account.status == AccountStatus::Pending).into();
            shown["loginEnabled"] = account.active.into();
        }
        Ok(Answer::ok(shown))
    }

    pub(super) fn get_organization(&self, caller: &Caller, id: &str) -> Outcome {
        caller.needs(&["spark-admin:organizations_read", "identity:organizations_read"])?;
        let org = OrgId(ids::uuid_of(id, "ORGANIZATION")?);
        if org != caller.org {
            return Err(not_found());
        }
        let entry = self.webex.orgs.get(&org).ok_or_else(not_found)?;
        Ok(Answer::ok(json!({"id": id, "displayName": entry.name, "created": "2015-10-18T14:26:16+00:00"})))
    }

    /// Refuses a caller without one of these roles: a scope without the role gives nothing.
    pub(super) fn needs_role(&self, caller: &Caller, roles: &[AdminRole]) -> Result<(), Answer> {
        if roles.iter().any(|role| self.webex.is(caller.person, *role)) {
            Ok(())
        } else {
            Err(refused(403, "The account lacks the role for this."))
        }
    }
}

fn role_id(role: AdminRole) -> Value {
    let name = match role {
        AdminRole::ComplianceOfficer => "compliance_officer",
        AdminRole::ReadOnlyAdmin => "id_readonly_admin",
        AdminRole::FullAdmin => "id_full_admin",
    };
    ids::encode("us", "ROLE", name).into()
}
