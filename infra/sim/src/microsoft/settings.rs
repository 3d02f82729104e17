//! Directory settings, the organization itself, and the check of names before they are used.

use serde_json::{Value, json};

use super::{App, READ_SETTINGS, directories, error, naming, selected};
use crate::state::State;
use crate::wire::{Outcome, Request, Response};

/// Template of `Group.Unified`.
const TEMPLATE: &str = "62375ab9-6b52-47ed-826b-58e47e0e304b";
const DEFAULTS: [(&str, &str); 7] = [
    ("EnableGroupCreation", "true"),
    ("GroupCreationAllowedGroupId", ""),
    ("PrefixSuffixNamingRequirement", ""),
    ("CustomBlockedWordsList", ""),
    ("AllowGuestsToBeGroupOwner", "false"),
    ("AllowToAddGuests", "true"),
    ("ClassificationList", ""),
];

/// Lists the settings; there is no object before the first setting.
pub(super) fn list(state: &mut State, app: &App) -> Outcome {
    app.require(READ_SETTINGS)?;
    let directory = directories::find(state, app.directory)?;
    if directory.settings.is_empty() {
        return Ok(Response::ok(json!({ "value": [] })));
    }
    let values: Vec<Value> = DEFAULTS
        .iter()
        .map(|(name, default)| {
            let value = directory.settings.get(*name).map_or(*default, String::as_str);
            json!({ "name": name, "value": value })
        })
        .collect();
    let object = json!({
        "id": app.directory,
        "displayName": "Group.Unified",
        "templateId": TEMPLATE,
        "values": values,
    });
    Ok(Response::ok(json!({ "value": [object] })))
}

/// Returns the organization, for the app's permissions and for signed-in users.
pub(super) fn list_organization(state: &mut State, app: &App, call: &Request) -> Outcome {
    app.require(&[
        "Organization.Read.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
        "User.Read",
    ])?;
    let directory = directories::find(state, app.directory)?;
    let domain = json!({"name": directory.domain, "isDefault": true, "isInitial": false});
    let shown =
        json!({"id": app.directory, "displayName": directory.name, "verifiedDomains": [domain]});
    let shown = selected(shown, call, &["id", "displayName", "verifiedDomains"]);
    Ok(Response::ok(json!({ "value": [shown] })))
}

/// Checks names before their use: 204 if they are free, else 422 with the first reason.
pub(super) fn validate(state: &mut State, app: &App, body: &Value) -> Outcome {
    app.require(&["Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"])?;
    let name =
        body["displayName"].as_str().map(|name| naming::check_name(state, app.directory, name));
    let nickname = body["mailNickname"]
        .as_str()
        .map(|name| naming::check_nickname(state, app.directory, name));
    let refusals = [name, nickname].into_iter().flatten().filter_map(Result::err);
    let Some(mut details) =
        refusals.filter_map(|refusal| Some(refusal.body?["error"]["details"].clone())).next()
    else {
        return Ok(Response::empty(204));
    };
    if details[0]["code"] == "ObjectConflict" {
        details[0]["code"] = "PropertyConflict".into();
    }
    if let Some((prefix, suffix)) = directories::find(state, app.directory)?.decoration("")
        && details[0]["code"] == "MissingPrefixSuffix"
    {
        details[0]["prefix"] = prefix.into();
        details[0]["suffix"] = suffix.into();
    }
    let message = "The values provided contain one or more validation errors.";
    let mut refusal = error(422, "Request_UnprocessableEntity", message);
    if let Some(body) = &mut refusal.body {
        body["error"]["details"] = details;
    }
    Err(refusal)
}
