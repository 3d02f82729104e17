//! Names that people enter.

use sim::Refused;

/// The maximum number of characters of a name.
const MAX_NAME: usize = 80;

/// A name without surrounding blanks, if it is neither empty nor too long.
pub(super) fn checked(name: &str) -> Result<&str, Refused> {
    let name = name.trim();
    match name.chars().count() {
        1..=MAX_NAME => Ok(name),
        _ => Err(Refused(format!("A name has 1 to {MAX_NAME} characters."))),
    }
}
