//! The setup pages beside the page, for customers that have connected and for one that has not.

use std::sync::Arc;

use clients::http::Transport;
use domain::clock::Clock;
use domain::ids::TenantId;
use engine::tenant;
use jiff::{SignedDuration, Timestamp};
use sim::Servers;

use super::cast::Customer;
use super::environment::Environment;
use super::interceptor::Interceptor;
use super::log::{EntryKind, Log, Note};
use super::playground::{Playground, PlaygroundError, Speed};
use crate::local_stack::{Addresses, Backend, LocalStack, LocalStackError};

impl Playground {
    /// Starts with one customer that has not connected yet.
    ///
    /// # Errors
    /// None in practice: everything is simulated.
    pub fn fresh() -> Result<Self, PlaygroundError> {
        let start = Timestamp::now();
        let backend = Backend::new(start, 7);
        let interceptor = Interceptor::over(&backend);
        let connections = interceptor.connections(&backend);
        let stack = LocalStack::with_connections(&backend, connections)?;
        let customers = vec![Customer::acme(&backend.world)];
        interceptor.take_observed();
        let env = Environment { stack, interceptor, customers, log: Log::default() };
        Ok(Self::over(env, Speed::Real))
    }

    /// The setup pages of the customers, for a browser that finds everything at these
    /// addresses. The page links to them from now on.
    ///
    /// # Errors
    /// An address is no URL.
    pub async fn setup_pages(
        &mut self,
        addresses: Addresses,
        servers: &Servers,
    ) -> Result<Arc<dyn Transport>, PlaygroundError> {
        let backend = self.env.backend();
        let transport = backend.world.transport_beside(servers);
        self.setup_pages = Some(addresses.functions.clone());
        let stack = LocalStack::served_at(backend, addresses, transport)?;
        stack.deploy(&self.env.customers[0].handle).await?;
        let connected = self.env.customers.iter().filter(|customer| customer.is_connected());
        for Customer { handle, tenant, .. } in connected {
            stack.let_administrators_in(*tenant, handle).await?;
        }
        Ok(stack.setup_pages())
    }

    /// Starts the functions for a tenant that connected in the setup pages.
    pub(super) async fn admit_tenants(&mut self) {
        // A crash would never return from here.
        if self.setup_pages.is_none() || self.env.interceptor.is_crash_armed() {
            return;
        }
        let listed = self.env.stack.listed_tenants().await.unwrap_or_default();
        for tenant in listed {
            if self.env.stack.tenants().contains(&tenant) {
                continue;
            }
            if let Err(error) = self.admit(tenant).await {
                tracing::error!(event = "admission_failed", %error, "a tenant did not start");
            }
        }
    }

    async fn admit(&mut self, id: TenantId) -> Result<(), LocalStackError> {
        let env = &mut self.env;
        let (store, now) = (env.backend().store.clone(), env.backend().clock.now());
        let snapshot = tenant::load_snapshot(store.as_ref(), id, &[], now).await.ok().flatten();
        let org = snapshot.map(|(snapshot, _)| snapshot.tenant.org);
        let customer = env.customers.iter_mut().find(|customer| Some(customer.handle.org) == org);
        let slug = customer.map(|customer| {
            customer.tenant = id;
            customer.slug
        });
        env.stack.start_tenant(id).await?;
        let text = "An administrator connected both sides in the setup pages.";
        env.note(slug, EntryKind::Action, Note::from(text));
        Ok(())
    }
}

/// The age of the customers when the page opens.
pub(super) const HISTORY: SignedDuration = SignedDuration::from_mins(25);
