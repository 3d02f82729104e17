//! Deployment secrets, and tenants that sign up without the setup pages.

use clients::webex::TokenPair;
use domain::clock::Clock;
use domain::ids::TenantId;
use engine::credentials::registration::Registration;
use engine::decision::Decider;
use engine::tenant::files_consent::{self, FilesConsent};
use engine::tenant::organization::{Directory, Organization, ServiceAccount};
use engine::tenant::settings::ServiceAccountMode;
use engine::tenant::{self, Settings, Tenant};
use serde_json::json;
use sim::{AppRegistration, TenantHandle};
use store::keys;
use store::message::ReconcileRequest;
use store::secrets::Secrets;
use store::table::{Condition, Key, Query, Store, Write, to_item};
use uuid::Uuid;

use super::error::{LocalStackError, setup_error};
use super::stack::LocalStack;
use super::wiring::SECRETS_PREFIX;

const WEBHOOK_KEYS: &str =
    r#"{"current": "1", "1": "c2FuZGJveC1rZXktMS1mb3Itc2FuZGJveC11c2Utb25seQ=="}"#;

impl LocalStack {
    /// Stores the credentials of our apps and the webhook keys, and registers the redirect URLs.
    pub async fn deploy(&self, handle: &TenantHandle) -> Result<(), LocalStackError> {
        let (world, functions) = (&self.backend().world, self.functions_url());
        world.register_webex_redirect(&format!("{functions}/oauth/webex/callback"));
        for (app, path) in [
            (AppRegistration::Groups, "/oauth/microsoft/callback"),
            (AppRegistration::Groups, "/oauth/microsoft/consent"),
            (AppRegistration::Files, "/oauth/microsoft/consent"),
        ] {
            world.register_microsoft_redirect(app, &format!("{functions}{path}"));
        }
        for (name, app) in [
            ("webex-app", &handle.webex_app),
            (Registration::Groups.secret(), &handle.microsoft_app),
            (Registration::Files.secret(), &handle.files_app),
        ] {
            let (id, secret) = (&app.client_id, &app.client_secret);
            let value = json!({"client_id": id, "client_secret": secret}).to_string();
            self.put_secret(name, value).await?;
        }
        self.put_secret("webhooks", WEBHOOK_KEYS.to_owned()).await
    }

    async fn put_secret(&self, name: &str, value: String) -> Result<(), LocalStackError> {
        let name = format!("{SECRETS_PREFIX}/{name}");
        self.backend().secrets.put(&name, value.into()).await.map_err(setup_error)
    }

    /// Runs the first reconciliation cycle of a tenant: webhooks, subscription, person index.
    ///
    /// Otherwise it comes within a minute.
    pub async fn start_tenant(&mut self, tenant: TenantId) -> Result<(), LocalStackError> {
        self.add_tenant(tenant);
        let request =
            ReconcileRequest { v: Default::default(), tenant, at: self.backend().clock.now() };
        self.reconcile().run_cycle(&request, self.deadline()).await?;
        Ok(())
    }

    /// All tenants of the table, whether connected or offboarding.
    pub async fn listed_tenants(&self) -> Result<Vec<TenantId>, LocalStackError> {
        let query = Query::Partition { pk: "TENANTS".into(), prefix: String::new() };
        let page = self.backend().store.query(&query, 100, None).await.map_err(setup_error)?;
        let keys = page.items.iter().filter_map(Key::of);
        Ok(keys.filter_map(|key| key.sk.parse().ok()).collect())
    }

    /// Signs a tenant up without the setup pages, and runs its first cycle.
    pub async fn sign_up(
        &mut self,
        handle: &TenantHandle,
        settings: Settings,
    ) -> Result<TenantId, LocalStackError> {
        // Derived, so that a run always has the same ids; but never the organization's own.
        let id = TenantId(Uuid::from_u128(handle.org.0.as_u128() ^ 1));
        self.deploy(handle).await?;
        let tenant = Tenant {
            tenant: id,
            org: handle.org,
            directory: handle.directory,
            service_account: handle.service_account,
            region: Default::default(),
            files: None,
        };
        let store = self.backend().store.as_ref();
        tenant::put(store, &tenant, &settings).await.map_err(setup_error)?;
        let pair = TokenPair {
            access: handle.tokens.access_token.clone().into(),
            refresh: handle.tokens.refresh_token.clone().into(),
            access_ends_at: handle.tokens.access_ends,
            refresh_ends_at: handle.tokens.refresh_ends,
            scope: String::new(),
        };
        self.sync().tokens.save(id, handle.service_account, pair).await?;
        self.start_tenant(id).await?;
        Ok(id)
    }

    /// Lets administrators of a tenant's organization into the setup pages, as if they had
    /// connected it there.
    pub async fn let_administrators_in(
        &self,
        tenant: TenantId,
        handle: &TenantHandle,
    ) -> Result<(), LocalStackError> {
        let since = self.backend().clock.now();
        let service_account = ServiceAccount {
            person: handle.service_account,
            region: Default::default(),
            name: "Compliance Officer".into(),
            // Without a list, none counts as missing.
            scopes: vec![],
            service_account_mode: ServiceAccountMode::Member,
            since,
        };
        let directory = Directory { id: handle.directory, name: handle.name.clone(), since };
        let organization = Organization {
            org: handle.org,
            tenant,
            generation: 0,
            service_account: Some(service_account),
            directory: Some(directory),
            offboarded: None,
        };
        let item = to_item(&keys::org(handle.org), &organization).map_err(setup_error)?;
        let writes = vec![Write::Put(item, Condition::Any)];
        self.backend().store.write(writes).await.map_err(setup_error)
    }

    /// Grants access to files for the tenant's directory, without the setup pages.
    pub async fn consent_to_files(
        &self,
        tenant: TenantId,
        handle: &TenantHandle,
    ) -> Result<(), LocalStackError> {
        let backend = self.backend();
        let scopes = ["Files.ReadWrite.All"];
        backend.world.consent_to(AppRegistration::Files, handle.directory, &scopes);
        let (since, by) = (backend.clock.now(), handle.administrator.object);
        let by_name = "Full Administrator".into();
        let consent = FilesConsent { since, by, by_name, lost: None };
        let by = Decider::operator(since);
        files_consent::save(backend.store.as_ref(), tenant, &consent, by).await.map_err(setup_error)
    }
}
