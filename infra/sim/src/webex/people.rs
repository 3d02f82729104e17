//! `/people` and `/organizations`, which have no `externalId`.

use domain::ids::{OrgId, PersonId};
use serde_json::{Value, json};

use super::{Caller, error, ids, not_found};
use crate::generate::slug;
use crate::state::State;
use crate::state::webex::{Account, AccountStatus, AdminRole, Org, UserType};
use crate::wire::{Outcome, Response};

pub(crate) fn add_org(state: &mut State, name: &str) -> OrgId {
    let org = OrgId(state.uuid());
    let even = state.webex.orgs.len().is_multiple_of(2);
    let region = if even { "us" } else { "urn:TEAM:eu-central-1_k" };
    let domain = format!("{}.example", slug(name).replace('.', "-"));
    state.webex.orgs.insert(org, Org { name: name.into(), region: region.into(), domain });
    org
}

pub(crate) fn add_account(
    state: &mut State,
    org: OrgId,
    name: &str,
    user_type: UserType,
    status: AccountStatus,
    external_id: Option<String>,
) -> PersonId {
    let person = PersonId(state.uuid());
    let domain = match user_type {
        UserType::Bot => "webex.bot",
        UserType::User | UserType::Room => {
            state.webex.orgs.get(&org).map_or("nowhere.example", |org| &org.domain)
        }
    };
    let taken = |email: &str| state.webex.addresses.contains(email);
    let plain = format!("{}@{domain}", slug(name));
    let mut numbered = (2..).map(|n| format!("{}{n}@{domain}", slug(name)));
    let email =
        std::iter::once(plain).chain(&mut numbered).find(|email| !taken(email)).unwrap_or_default();
    state.webex.addresses.insert(email.clone());
    let account = Account {
        org,
        name: name.into(),
        email,
        user_type,
        external_id,
        active: true,
        status,
        roles: Default::default(),
        created: state.now,
        modified: state.now,
    };
    state.webex.accounts.insert(person, account);
    person
}

pub(crate) fn make_service_account(state: &mut State, person: PersonId) {
    change_account(state, person, |account| {
        account.roles.extend([AdminRole::ComplianceOfficer, AdminRole::ReadOnlyAdmin]);
    });
}

/// Changes an account and its `meta.lastModified`.
pub(crate) fn change_account(
    state: &mut State,
    person: PersonId,
    change: impl FnOnce(&mut Account),
) {
    if let Some(account) = state.webex.accounts.get_mut(&person) {
        change(account);
        account.modified = state.now;
    }
}

pub(super) fn get(state: &State, caller: &Caller, person: PersonId) -> Outcome {
    caller.require(&["spark:people_read", "spark-admin:people_read", "identity:people_read"])?;
    let account = state.webex.accounts.get(&person).ok_or_else(not_found)?;
    let admin = caller.org == account.org
        && [AdminRole::ReadOnlyAdmin, AdminRole::FullAdmin]
            .iter()
            .any(|role| state.webex.has_role(caller.person, *role));
    let mut shown = json!({
        "id": ids::person_id(person),
        "emails": [account.email],
        "displayName": account.name,
        "orgId": ids::org_id(account.org),
        "created": format!("{:.3}", account.created),
        "type": if account.user_type == UserType::Bot { "bot" } else { "person" },
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
    Ok(Response::ok(shown))
}

pub(super) fn get_organization(state: &State, caller: &Caller, id: &str) -> Outcome {
    caller.require(&["spark-admin:organizations_read", "identity:organizations_read"])?;
    let org = OrgId(ids::uuid_of(id, "ORGANIZATION")?);
    if org != caller.org {
        return Err(not_found());
    }
    let entry = state.webex.orgs.get(&org).ok_or_else(not_found)?;
    Ok(Response::ok(
        json!({"id": id, "displayName": entry.name, "created": "2015-10-18T14:26:16+00:00"}),
    ))
}

/// Refuses a caller without one of these roles: a scope without the role grants nothing.
pub(super) fn require_role(
    state: &State,
    caller: &Caller,
    roles: &[AdminRole],
) -> Result<(), Response> {
    if roles.iter().any(|role| state.webex.has_role(caller.person, *role)) {
        Ok(())
    } else {
        Err(error(403, "The account lacks the role for this."))
    }
}

fn role_id(role: AdminRole) -> Value {
    let name = match role {
        AdminRole::ComplianceOfficer => "compliance_officer",
        AdminRole::ReadOnlyAdmin => "id_readonly_admin",
        AdminRole::UserAdmin => "id_user_admin",
        AdminRole::FullAdmin => "id_full_admin",
    };
    ids::encode("us", "ROLE", name).into()
}
