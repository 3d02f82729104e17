//! How a call is told to people: names in the place of ids.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use uuid::Uuid;

/// A path without version and query, with names in the place of ids.
pub fn spoken(path: &str, names: &HashMap<Uuid, String>) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let path = path.trim_start_matches("/v1.0").trim_start_matches("/v1");
    path.split('/').map(|segment| spoken_segment(segment, names)).collect::<Vec<_>>().join("/")
}

fn spoken_segment(segment: &str, names: &HashMap<Uuid, String>) -> String {
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
    let decoded = STANDARD_NO_PAD.decode(segment).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // Webex's ids name a kind and one uuid, or two: the person first, then where.
    let of_webex = decoded.as_deref().and_then(|id| id.strip_prefix("ciscospark://")?.rsplit('/').next());
    match of_webex.and_then(|ids| Uuid::try_parse(ids.split(':').next()?).ok()) {
        Some(id) => name(id),
        None => segment.to_owned(),
    }
}
