//! Directory settings, the organization itself, and the check of names before they are used.

use serde_json::{Value, json};

use super::{App, READ_SETTINGS, error, selected};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

/// `Group.Unified`.
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

impl State {
    /// No object where nothing was ever set.
    pub(super) fn list_settings(&mut self, app: &App) -> Outcome {
        app.needs(READ_SETTINGS)?;
        let directory = self.directory(app.directory)?;
        if directory.settings.is_empty() {
            return Ok(Answer::ok(json!({ "value": [] })));
        }
        let values: Vec<Value> = DEFAULTS
            .iter()
            .map(|(name, default)| {
                let value = directory.settings.get(*name).map_or(*default, String::as_str);
                json!({ "name": name, "value": value })
            })
            .collect();
        let object =
            json!({"id": app.directory, "displayName": "Group.Unified", "templateId": TEMPLATE, "values": values});
        Ok(Answer::ok(json!({ "value": [object] })))
    }

    /// With the app's own permissions, or with what anybody who signed in may read.
    pub(super) fn list_organization(&mut self, app: &App, call: &Request) -> Outcome {
        app.needs(&["Organization.Read.All", "Directory.Read.All", "Directory.ReadWrite.All", "User.Read"])?;
        let directory = self.directory(app.directory)?;
        let domain = json!({"name": directory.domain, "isDefault": true, "isInitial": false});
        let shown = json!({"id": app.directory, "displayName": directory.name, "verifiedDomains": [domain]});
        let shown = selected(shown, call, &["id", "displayName", "verifiedDomains"]);
        Ok(Answer::ok(json!({ "value": [shown] })))
    }

    /// 204 if the names could be given, else 422 with the first reason.
    pub(super) fn validate(&mut self, app: &App, body: &Value) -> Outcome {
        app.needs(&["Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"])?;
        let name = body["displayName"].as_str().map(|name| self.check_name(app.directory, name));
        let nickname = body["mailNickname"].as_str().map(|name| self.check_nickname(app.directory, name));
        let refusals = [name, nickname].into_iter().flatten().filter_map(Result::err);
        let Some(mut details) = refusals.filter_map(|refusal| Some(refusal.body?["error"]["details"].clone())).next()
        else {
            return Ok(Answer::empty(204));
        };
        if details[0]["code"] == "ObjectConflict" {
            details[0]["code"] = "PropertyConflict".into();
        }
        if let Some((prefix, suffix)) = self.directory(app.directory)?.decoration("")
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
}
