//! Paths of calls for people: names in place of ids.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use uuid::Uuid;

/// Returns a path without version and query, with names in place of ids.
pub fn readable_path(path: &str, names: &HashMap<Uuid, String>) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let path = path.trim_start_matches("/v1.0").trim_start_matches("/v1");
    path.split('/').map(|segment| readable_segment(segment, names)).collect::<Vec<_>>().join("/")
}

fn readable_segment(segment: &str, names: &HashMap<Uuid, String>) -> String {
    let name = |id: Uuid| {
        let short = || id.simple().to_string().chars().take(6).chain(['…']).collect();
        format!("{{{}}}", names.get(&id).cloned().unwrap_or_else(short))
    };
    if let Ok(id) = Uuid::try_parse(segment) {
        return name(id);
    }
    if let Some((before, rest)) = segment.split_once("'webex-team-") {
        return format!("{before}'webex-team-…'{}", rest.rsplit('\'').next().unwrap_or_default());
    }
    let decoded =
        STANDARD_NO_PAD.decode(segment).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // An id of Webex has a kind and one or two uuids: the person, then the team or room.
    let of_webex =
        decoded.as_deref().and_then(|id| id.strip_prefix("ciscospark://")?.rsplit('/').next());
    match of_webex.and_then(|ids| Uuid::try_parse(ids.split(':').next()?).ok()) {
        Some(id) => name(id),
        None => segment.to_owned(),
    }
}
