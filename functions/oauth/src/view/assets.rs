//! The stylesheet.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The only stylesheet.
pub(crate) const STYLE: &str = include_str!("../../assets/style.css");

static PATH: LazyLock<String> = LazyLock::new(|| {
    let hash = Sha256::digest(STYLE);
    // Only two versions of our own must differ, so 64 bits are enough.
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("/style-{hash}.css")
});

/// The stylesheet's path. It contains a hash of the content, so that browsers can keep it forever.
pub(crate) fn path() -> &'static str {
    &PATH
}
