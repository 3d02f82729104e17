//! The administrator at the browser: sign-in, sessions, redirect flows and step-up authentication.

pub(crate) mod admin;
pub(crate) mod guard;
pub mod id_token;
pub(crate) mod login;
pub(crate) mod oidc;
pub(crate) mod proof;
mod random;
pub(crate) mod redirect_flow;
pub(crate) mod role;
pub(crate) mod session;
pub(crate) mod sign_in_state;
pub(crate) mod step_up;
pub(crate) mod types;
