//! HTTP as these pages use it: addresses, cookies, extractors, answers and failures.

pub(crate) mod admin_role;
pub(crate) mod cookies;
pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod gateway;
pub(crate) mod page_id;
pub(crate) mod response;
pub(crate) mod source;
