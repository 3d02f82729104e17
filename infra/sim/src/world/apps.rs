//! Acts of administrators on apps: registrations, consent, directory roles, tokens; and settings.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::ids::{DirectoryId, ObjectId, PersonId};
use serde_json::Value;

use super::World;
use crate::microsoft::{directories, quota, registration};
use crate::state::apps::{
    AppRegistration, DirectoryRole, FederatedCredential, GroupMembershipClaims, Manifest,
};
use crate::state::graph_settings::GraphSettings;
use crate::state::webex::TokenPair;
use crate::state::webex_settings::WebexSettings;
use crate::webex::oauth;

fn owned(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The integration at Webex.
impl World {
    /// Changes settings of Webex, from now on.
    pub fn webex_settings(&self, adjust: impl FnOnce(&mut WebexSettings)) {
        adjust(&mut self.lock().webex.settings);
    }

    /// Returns the number of calls that an account may make in a second.
    pub fn call_rate(&self) -> f64 {
        self.lock().webex.settings.requests_per_minute as f64 / 60.0
    }

    /// Adds a redirect URI to the integration's registration; requests must match it exactly.
    pub fn register_webex_redirect(&self, uri: &str) {
        self.lock().webex.redirects.insert(uri.into());
    }

    /// Sets the scopes of the integration's registration. Initially it has all scopes that the
    /// integration asks for.
    pub fn set_webex_scopes(&self, scopes: &[&str]) {
        self.lock().webex.offered = owned(scopes);
    }

    /// Issues a further pair of tokens for an account, with these scopes.
    pub fn issue_tokens(&self, person: PersonId, scopes: &[&str]) -> TokenPair {
        oauth::issue_tokens(&mut self.lock(), person, scopes)
    }

    /// Refuses the account's access tokens before their end. The refresh tokens still work.
    pub fn revoke_access_tokens(&self, person: PersonId) {
        self.lock().webex.access.retain(|_, grant| grant.person != person);
    }

    /// Revokes the integration: none of the account's tokens works from now on.
    pub fn revoke_tokens(&self, person: PersonId) {
        let mut state = self.lock();
        state.webex.access.retain(|_, grant| grant.person != person);
        state.webex.refresh.retain(|_, grant| grant.person != person);
    }
}

/// The app registrations at Entra.
impl World {
    /// Changes settings of Graph and Entra, from now on.
    pub fn graph_settings(&self, adjust: impl FnOnce(&mut GraphSettings)) {
        adjust(&mut self.lock().microsoft.settings);
    }

    /// Returns the write units per second that the quota of one directory allows, and that over all
    /// of them.
    pub fn write_rates(&self) -> [f64; 2] {
        let settings = &self.lock().microsoft.settings;
        [
            settings.write_quota as f64 / quota::WINDOW.as_secs_f64(),
            settings.all_write_quota as f64 / quota::ALL_WINDOW.as_secs_f64(),
        ]
    }

    /// Returns the write units that the app was charged in a directory since the start.
    pub fn write_units(&self, directory: DirectoryId) -> usize {
        let state = self.lock();
        state.microsoft.directories.get(&directory).map_or(0, |entry| entry.written.total)
    }

    fn change_manifest(&self, app: AppRegistration, change: impl FnOnce(&mut Manifest)) {
        if let Some(app) = self.lock().microsoft.apps.get_mut(&app) {
            change(app);
        }
    }

    /// Adds a redirect URI to the registration; requests must match it exactly.
    pub fn register_microsoft_redirect(&self, app: AppRegistration, uri: &str) {
        self.change_manifest(app, |app| {
            app.redirects.insert(uri.into());
        });
    }

    /// Sets the application permissions that the registration requires: the next consent grants
    /// them.
    pub fn set_permissions(&self, app: AppRegistration, permissions: &[&str]) {
        self.change_manifest(app, |app| app.permissions = owned(permissions));
    }

    /// Sets the manifest's `groupMembershipClaims`. Initially only [`AppRegistration::Groups`] has
    /// them.
    pub fn set_group_membership_claims(&self, app: AppRegistration, claims: GroupMembershipClaims) {
        self.change_manifest(app, |app| app.claims = claims);
    }

    /// Sets the manifest's `optionalClaims` of an id_token. Initially it is `auth_time`, the only
    /// one that is simulated.
    pub fn set_optional_claims(&self, app: AppRegistration, claims: &[&str]) {
        self.change_manifest(app, |app| app.optional_claims = owned(claims));
    }

    /// Adds a federated credential: the issuer's tokens authenticate the app, beside its secret.
    pub fn add_federated_credential(&self, app: AppRegistration, credential: FederatedCredential) {
        self.change_manifest(app, |app| app.federated.push(credential));
    }

    /// Removes all federated credentials of the app.
    pub fn clear_federated_credentials(&self, app: AppRegistration) {
        self.change_manifest(app, |app| app.federated.clear());
    }

    /// Changes the claims of each id_token before it is signed, from now on: forgeries that a
    /// client has to refuse.
    pub fn forge_id_tokens(&self, forgery: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.lock().microsoft.forgery = Some(Arc::new(forgery));
    }
}

/// Consent and roles in directories.
impl World {
    /// Consents again to [`AppRegistration::Groups`], with these roles; tokens in use keep theirs.
    pub fn consent(&self, directory: DirectoryId, roles: &[&str]) {
        self.consent_to(AppRegistration::Groups, directory, roles);
    }

    /// Consents again to an app, with these roles; with none the app is present and may do nothing.
    /// Tokens in use keep their roles.
    pub fn consent_to(&self, app: AppRegistration, directory: DirectoryId, roles: &[&str]) {
        registration::set_roles(&mut self.lock(), app, directory, owned(roles));
    }

    /// Returns the consented roles, even if tokens do not show them yet; nothing if the app is not
    /// in the directory.
    pub fn consented(
        &self,
        app: AppRegistration,
        directory: DirectoryId,
    ) -> Option<BTreeSet<String>> {
        let state = self.lock();
        Some(state.microsoft.directories.get(&directory)?.apps.get(&app)?.roles.clone())
    }

    /// Removes [`AppRegistration::Groups`] from the directory: it gets no token, and tokens in use
    /// are refused.
    pub fn withdraw_consent(&self, directory: DirectoryId) {
        self.remove_app(AppRegistration::Groups, directory);
    }

    /// Removes an app from the directory: it gets no token, and tokens in use are refused.
    pub fn remove_app(&self, app: AppRegistration, directory: DirectoryId) {
        if let Ok(directory) = directories::find_mut(&mut self.lock(), directory) {
            directory.apps.remove(&app);
        }
    }

    /// Gives a user a directory role.
    pub fn give_directory_role(&self, user: ObjectId, role: DirectoryRole) {
        registration::give_directory_role(&mut self.lock(), user, role);
    }

    /// Takes a directory role from a user.
    pub fn take_directory_role(&self, user: ObjectId, role: DirectoryRole) {
        directories::change_user(&mut self.lock(), user, |entry| {
            entry.roles.remove(&role);
        });
    }
}
