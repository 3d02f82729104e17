//! The organizations that the operator serves.

use std::collections::BTreeSet;

use clients::webex::WebexId;
use domain::ids::OrgId;

/// The organizations that may sign up and are kept in sync.
///
/// One that is closed later stays stored. Its admins may still see, switch off and disconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All of them.
    Everyone,
    /// Only these.
    Only(BTreeSet<OrgId>),
}

impl Allowed {
    /// Parses `ALLOWED_ORGANIZATIONS`: ids with commas between them, as UUIDs or as Webex spells
    /// them. `*` is every organization, and an empty value is none.
    ///
    /// # Errors
    /// The part that is not an id.
    pub fn parse(value: &str) -> Result<Self, String> {
        if value.trim() == "*" {
            return Ok(Self::Everyone);
        }
        // A value that was forgotten must not open the deployment to strangers.
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let ids = parts.map(|part| match part.parse::<WebexId<OrgId>>() {
            Ok(id) => Ok(id.id),
            Err(error) => Err(error.to_string()),
        });
        Ok(Self::Only(ids.collect::<Result<_, _>>()?))
    }

    /// Returns `true` for an organization that is served.
    pub fn includes(&self, org: OrgId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Only(these) => these.contains(&org),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn no_value_serves_no_organization() {
        let org: OrgId = "2d6c4c9a-5d52-4c8e-9c8b-0c2f5a0f5d11".parse().unwrap();
        for closed in ["", " ", ","] {
            assert!(!Allowed::parse(closed).unwrap().includes(org), "{closed:?}");
        }
        assert!(Allowed::parse(" * ").unwrap().includes(org));
        assert!(
            Allowed::parse(&format!("{org}, {}", WebexId::<OrgId>::new(Default::default(), org)))
                .unwrap()
                .includes(org)
        );
        for wrong in ["*,", "no one", "**"] {
            assert!(Allowed::parse(wrong).is_err(), "{wrong}");
        }
    }
}
