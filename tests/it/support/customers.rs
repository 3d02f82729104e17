//! Two customers of the console, before and after they connect.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::clock::Clock;
use domain::ids::{GroupId, OrgId, PersonId, TeamId, TenantId};
use engine::tenant;
use engine::tenant::files_consent::FilesConsent;
use engine::tenant::organization::{self, Organization};
use engine::tenant::settings::{self, Settings};
use sandbox::local_stack::{Backend, LocalStack};
use sim::{AdminRole, Person, TenantHandle, World};
use store::table::{AttributeValue, Item};

use super::browser::Browser;
use super::two_tenants::{MINUTE, start};

/// Two customers that are not connected yet.
pub(crate) struct Customers {
    pub(crate) stack: LocalStack,
    pub(crate) acme: TenantHandle,
    pub(crate) globex: TenantHandle,
    pub(crate) people: Vec<Person>,
}

impl Customers {
    pub(crate) async fn new() -> Self {
        Self::with_stack(|backend| LocalStack::new(backend).unwrap()).await
    }

    pub(crate) async fn with_stack(stack: impl FnOnce(&Backend) -> LocalStack) -> Self {
        _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .without_time()
            .try_init();
        let backend = Backend::new(start(), 11);
        let (acme, globex) = (backend.world.add_tenant("Acme"), backend.world.add_tenant("Globex"));
        let people =
            (0..6).map(|n| backend.world.add_person(&acme, &format!("Person {n:02}"))).collect();
        // No consent was given yet.
        backend.world.withdraw_consent(acme.directory);
        backend.world.withdraw_consent(globex.directory);
        let stack = stack(&backend);
        stack.deploy(&acme).await.unwrap();
        Self { stack, acme, globex, people }
    }

    pub(crate) fn world(&self) -> &World {
        &self.stack.backend().world
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.stack.setup_pages(), self.world().transport())
    }

    /// Returns a browser in which the customer's admin is signed in.
    pub(crate) async fn signed_in(&self, customer: &TenantHandle) -> Browser {
        let mut browser = self.browser();
        let administrator = customer.administrator;
        browser.proves_as = Some((administrator.person, administrator.object));
        let page = browser.sign_in(customer.administrator.person).await;
        page.is(200, "Overview");
        browser
    }

    /// Returns a signed-in browser, with both sides connected.
    pub(crate) async fn connected(&self, customer: &TenantHandle) -> Browser {
        let mut browser = self.signed_in(customer).await;
        browser
            .connect_webex(customer.service_account, &[])
            .await
            .is(200, "Connected through Compliance Officer");
        browser.connect_microsoft(customer).await.is(200, "is connected");
        browser
    }

    pub(crate) async fn organization(&self, org: OrgId) -> Option<Organization> {
        organization::load(self.stack.backend().store.as_ref(), org).await.unwrap()
    }

    pub(crate) async fn tenant(&self) -> TenantId {
        self.organization(self.acme.org).await.unwrap().tenant
    }

    pub(crate) async fn settings(&self) -> Settings {
        settings::load(self.stack.backend().store.as_ref(), self.tenant().await).await.unwrap().0
    }

    /// Returns the stored files consent of Acme.
    pub(crate) async fn files(&self) -> Option<FilesConsent> {
        let backend = self.stack.backend();
        let snapshot = tenant::load_snapshot(
            backend.store.as_ref(),
            self.tenant().await,
            &[],
            backend.clock.now(),
        )
        .await;
        snapshot.unwrap().and_then(|(snapshot, _)| snapshot.tenant.files)
    }

    /// Returns all tenants, including incomplete ones.
    pub(crate) async fn tenants(&self) -> Vec<TenantId> {
        self.stack.listed_tenants().await.unwrap()
    }

    /// Returns all stored items, by key.
    pub(crate) fn items(&self) -> BTreeMap<String, Item> {
        let items = self.stack.backend().store.snapshot().into_iter();
        items.map(|(key, item)| (format!("{}/{}", key.pk, key.sk), item)).collect()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.stack.backend().clock.advance(Duration::from_secs(seconds));
    }

    /// Adds a Webex account with these roles.
    pub(crate) fn add_account_with_roles(&self, name: &str, roles: &[AdminRole]) -> PersonId {
        let person = self.world().add_webex_only(&self.acme, name);
        roles.iter().for_each(|role| self.world().give_role(person, *role));
        person
    }
}

/// Returns a connected customer with `count` linked teams.
pub(crate) async fn with_linked_teams(count: usize) -> (Customers, Browser, TenantId, Vec<TeamId>) {
    let mut customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    let teams = (0..count).map(|n| {
        customers.world().create_team(customers.people[n % 3].person, &format!("Team {n}"))
    });
    let teams = teams.collect();
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(customers.world().groups(customers.acme.directory).len(), count);
    (customers, browser, tenant, teams)
}

pub(crate) fn active_groups(customers: &Customers) -> Vec<GroupId> {
    let groups = customers.world().groups(customers.acme.directory);
    groups.into_iter().filter(|(_, group)| group.deleted.is_none()).map(|(id, _)| id).collect()
}

pub(crate) fn account_is_in(customers: &Customers, team: TeamId) -> bool {
    customers.world().team(team).unwrap().people.contains_key(&customers.acme.service_account)
}

/// Returns the keys of a tenant's stored items, without the tenant list, what has expired, and the
/// record of decisions, which outlives the tenant.
pub(crate) fn stored_items(customers: &Customers, tenant: TenantId) -> Vec<String> {
    let now = customers.stack.backend().clock.now().as_second();
    let has_expired = |item: &Item| match item.get("expires_at") {
        Some(AttributeValue::N(end)) => end.parse::<i64>().unwrap() <= now,
        _ => false,
    };
    let items = customers.items().into_iter().filter(|(_, item)| !has_expired(item));
    let keys = items.map(|(key, _)| key).filter(|key| !key.contains("#RECORD/"));
    keys.filter(|key| key.contains(&tenant.to_string())).collect()
}

pub(crate) const KEEP: [(&str, &str); 3] = [("sure", "yes"), ("groups", "keep"), ("links", "keep")];
