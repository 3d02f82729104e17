//! The naming policy (`PrefixSuffixNamingRequirement`, `CustomBlockedWordsList`). Apps are refused;
//! names that people give are decorated.

use domain::ids::DirectoryId;
use serde_json::json;

use super::{bad_request, directories};
use crate::state::State;
use crate::state::microsoft::Directory;
use crate::wire::Response;

const GROUP_NAME: &str = "[GroupName]";
/// Most UTF-16 units of a displayName.
const LONGEST_NAME: usize = 256;
/// Most characters of prefix, name and suffix together.
const LONGEST: usize = 63;

impl Directory {
    pub(super) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    /// Returns prefix and suffix for a person of this department; an app has none.
    pub(super) fn decoration(&self, department: &str) -> Option<(String, String)> {
        let policy = self.setting("PrefixSuffixNamingRequirement");
        let (prefix, suffix) = policy.split_once(GROUP_NAME)?;
        let filled = |part: &str| part.replace("[Department]", department);
        Some((filled(prefix), filled(suffix)))
    }

    /// Adds prefix and suffix unless the name has them, and cuts it to the limit.
    pub(crate) fn decorated(&self, name: &str, department: &str) -> String {
        match self.decoration(department) {
            Some((prefix, suffix)) if !has_affixes(name, &prefix, &suffix) => {
                let room = LONGEST.saturating_sub(prefix.chars().count() + suffix.chars().count());
                let name: String = name.chars().take(room).collect();
                format!("{prefix}{name}{suffix}")
            }
            _ => name.to_owned(),
        }
    }

    fn blocks(&self, name: &str) -> bool {
        let words = self.setting("CustomBlockedWordsList").split(',').map(str::trim);
        words.filter(|word| !word.is_empty()).any(|word| word.eq_ignore_ascii_case(name.trim()))
    }
}

fn has_affixes(name: &str, prefix: &str, suffix: &str) -> bool {
    name.len() >= prefix.len() + suffix.len() && name.starts_with(prefix) && name.ends_with(suffix)
}

fn detailed(message: &str, detail: serde_json::Value) -> Response {
    let mut refusal = bad_request(message);
    if let Some(body) = &mut refusal.body {
        body["error"]["details"] = json!([detail]);
    }
    refusal
}

/// Returns `true` for a name of which nothing is seen: white space and marks without width.
fn is_blank(name: &str) -> bool {
    const WITHOUT_WIDTH: [std::ops::RangeInclusive<char>; 4] = [
        '\u{200b}'..='\u{200f}',
        '\u{202a}'..='\u{202e}',
        '\u{2060}'..='\u{2060}',
        '\u{feff}'..='\u{feff}',
    ];
    let has_no_width = |letter| WITHOUT_WIDTH.iter().any(|marks| marks.contains(&letter));
    name.chars().all(|letter| letter.is_whitespace() || letter.is_control() || has_no_width(letter))
}

/// Refuses a displayName that an app may not give.
pub(super) fn check_name(
    state: &State,
    directory: DirectoryId,
    name: &str,
) -> Result<(), Response> {
    if is_blank(name) || name.encode_utf16().count() > LONGEST_NAME {
        return Err(bad_request(
            "Invalid value specified for property 'displayName' of resource 'Group'.",
        ));
    }
    let entry = directories::find(state, directory)?;
    if entry.blocks(name) {
        return Err(detailed(
            "The property contains a blocked word per your organization's Group naming \
             requirements.",
            json!({"target": "displayName", "code": "ContainsBlockedWord"}),
        ));
    }
    let suggested = entry.decorated(name, "");
    if suggested == name {
        return Ok(());
    }
    Err(detailed(
        "The property is missing a required prefix/suffix per your organization's Group naming \
         requirements.",
        json!({
            "target": "displayName",
            "suggestedPropertyValue": suggested,
            "code": "MissingPrefixSuffix",
        }),
    ))
}

/// Refuses a nickname that is malformed or taken, also by a group that was deleted and could come
/// back.
pub(super) fn check_nickname(
    state: &State,
    directory: DirectoryId,
    nickname: &str,
) -> Result<(), Response> {
    let legal = |c: char| c.is_ascii() && !c.is_ascii_control() && !"@()\\[]\";:<>, ".contains(c);
    if nickname.is_empty() || nickname.len() > 64 || !nickname.chars().all(legal) {
        return Err(bad_request(
            "Invalid value specified for property 'mailNickname' of resource 'Group'.",
        ));
    }
    let groups = directories::find(state, directory)?.groups.values();
    if groups
        .map(|group| group.truth())
        .any(|facts| facts.mail_nickname.eq_ignore_ascii_case(nickname))
    {
        return Err(detailed(
            "Another object with the same value for property mailNickname already exists.",
            json!({"target": "mailNickname", "code": "ObjectConflict"}),
        ));
    }
    Ok(())
}
