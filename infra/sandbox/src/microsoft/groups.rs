//! `/groups`: create, upsert by uniqueName, read, change, renew; pages of listings.

use std::collections::BTreeSet;

use domain::ids::{GroupId, ObjectId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::relations::Binds;
use super::replicas::{Facts, GroupKind, GroupRule};
use super::{App, READ_GROUPS, UpsertBinds, WRITE_GROUPS, bad_request, error, missing, selected};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

pub(super) const DEFAULT: [&str; 18] = [
    "id",
    "deletedDateTime",
    "classification",
    "createdDateTime",
    "description",
    "displayName",
    "expirationDateTime",
    "groupTypes",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "renewedDateTime",
    "resourceBehaviorOptions",
    "securityEnabled",
    "visibility",
];
/// Refused at creation; they want a change of their own.
const EXCHANGE_ONLY: [&str; 6] = [
    "allowExternalSenders",
    "autoSubscribeNewMembers",
    "hideFromAddressLists",
    "hideFromOutlookClients",
    "isSubscribedByMail",
    "unseenCount",
];

fn invalid(property: &str) -> Answer {
    bad_request(&format!("Invalid value specified for property '{property}' of resource 'Group'."))
}

impl State {
    pub(super) fn group_json(&self, app: &App, id: GroupId, facts: &Facts) -> Value {
        let lifetime = self.directory(app.directory).ok().and_then(|directory| directory.lifetime);
        let second = |at: jiff::Timestamp| format!("{at:.0}");
        let is_unified = facts.kind == GroupKind::Microsoft365;
        json!({
            "id": id,
            "deletedDateTime": facts.deleted.map(second),
            "classification": null,
            "createdDateTime": second(facts.created),
            "description": facts.description,
            "displayName": facts.display_name,
            "expirationDateTime": lifetime.map(|lifetime| second(facts.renewed + lifetime)),
            "groupTypes": types(facts),
            "isAssignableToRole": (facts.rule == GroupRule::RoleAssignable).then_some(true),
            "mail": is_unified.then_some(&facts.mail),
            "mailEnabled": is_unified,
            "mailNickname": facts.mail_nickname,
            "onPremisesSyncEnabled": (facts.rule == GroupRule::OnPremises).then_some(true),
            "proxyAddresses": is_unified.then(|| format!("SMTP:{}", facts.mail)).into_iter().collect::<Vec<_>>(),
            "renewedDateTime": second(facts.renewed),
            "resourceBehaviorOptions": facts.behavior,
            "securityEnabled": !is_unified,
            "uniqueName": facts.unique_name,
            "visibility": facts.visibility,
        })
    }

    /// A page of objects in the order of their ids. The next page comes from the same replica.
    pub(super) fn listing(&self, call: &Request, items: Vec<(Uuid, Value)>, replica: usize, of: &str) -> Outcome {
        let top = match call.query("$top").map(str::parse::<usize>) {
            None => 100,
            Some(Ok(top @ 1..=999)) => top,
            Some(_) => return Err(bad_request("Invalid page size specified. Must be between 1 and 999 inclusive.")),
        };
        let size = top.min(self.microsoft.settings.page_limit.max(1));
        let token = page_token(call);
        if token.as_ref().is_some_and(|token| token.given + self.microsoft.settings.page_life <= self.now) {
            return Err(error(
                400,
                "Directory_ExpiredPageToken",
                "The specified page token value has expired and can no longer be included in your request.",
            ));
        }
        let after = token.map(|token| token.after);
        let mut rest = items.into_iter().filter(|(id, _)| after.is_none_or(|after| *id > after)).peekable();
        let mut page = Vec::new();
        let mut last = Uuid::nil();
        while let Some((id, item)) = rest.next_if(|_| page.len() < size) {
            last = id;
            page.push(item);
        }
        let mut body = json!({"@odata.context": format!("{}/v1.0/$metadata#{of}", call.base), "value": page});
        if rest.peek().is_some() {
            body["@odata.nextLink"] =
                link(call, "$skiptoken", &format!("r{replica}.{last}.{}", self.now.as_millisecond())).into();
        }
        Ok(Answer::ok(body))
    }

    pub(super) fn get_group(&mut self, app: &App, id: &str, call: &Request) -> Outcome {
        app.needs(READ_GROUPS)?;
        let (group, facts) = self.seen_group(app, id)?;
        let facts = facts.clone();
        let mut shown = selected(self.group_json(app, group, &facts), call, &DEFAULT);
        shown["@odata.context"] = format!("{}/v1.0/$metadata#groups/$entity", call.base).into();
        Ok(Answer::ok(shown))
    }

    /// `groups(uniqueName='…')`: read, change, and with `Prefer: create-if-missing` create.
    pub(super) fn named_group(&mut self, app: &App, segment: &str, call: &Request) -> Outcome {
        let name = segment.strip_prefix("groups(uniqueName='").and_then(|name| name.strip_suffix("')"));
        let name = name.ok_or_else(|| bad_request("The key is malformed."))?.replace("''", "'");
        app.needs(READ_GROUPS)?;
        let groups = &self.directory(app.directory)?.groups;
        let found = groups.iter().find(|(_, entry)| entry.truth().unique_name.as_deref() == Some(&name));
        let found = found.map(|(id, entry)| (*id, entry.truth().deleted));
        let creates = call.header("prefer").is_some_and(|prefer| {
            prefer.split([',', ';']).any(|part| part.trim().eq_ignore_ascii_case("create-if-missing"))
        });
        match (call.method.as_str(), found) {
            ("GET", Some((id, None))) => self.get_group(app, &id.to_string(), call).map_err(|_| missing(&name)),
            ("PATCH", Some((id, None))) if creates => self.upsert_existing(app, id, &call.json()),
            ("PATCH", Some((id, None))) => self.patch_group(app, &id.to_string(), &call.json()),
            ("PATCH", Some((_, Some(_)))) if creates => {
                Err(bad_request("Another object with the same value for property uniqueName already exists."))
            }
            ("PATCH", None) if creates => {
                let mut shown = self.create(app, &call.json(), Some(name))?;
                shown["@odata.context"] = format!("{}/v1.0/$metadata#groups/$entity", call.base).into();
                Ok(Answer::new(201, shown))
            }
            ("GET" | "PATCH", _) => Err(missing(name)),
            _ => Err(error(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")),
        }
    }

    /// The upsert found the group: an update with whatever was sent.
    fn upsert_existing(&mut self, app: &App, id: GroupId, body: &Value) -> Outcome {
        app.needs(WRITE_GROUPS)?;
        let mut body = body.clone();
        if self.microsoft.settings.upsert_binds != UpsertBinds::LikePatch {
            let mut binds = Binds::take(&mut body)?;
            self.change_properties(app, id, &body)?;
            if self.microsoft.settings.upsert_binds == UpsertBinds::Merged {
                let facts = self.facts(app.directory, id)?.clone();
                binds.members.retain(|person| !facts.members.contains(person));
                binds.owners.retain(|person| !facts.owners.contains(person));
                self.bind(app, id, &binds)?;
            }
            return Ok(Answer::empty(204));
        }
        self.patch(app, id, &body)
    }

    pub(super) fn post_group(&mut self, app: &App, body: &Value) -> Outcome {
        let unique = body["uniqueName"].as_str().map(str::to_owned);
        let shown = self.create(app, body, unique)?;
        Ok(Answer::new(201, shown))
    }

    fn create(&mut self, app: &App, body: &Value, unique_name: Option<String>) -> Result<Value, Answer> {
        app.needs(WRITE_GROUPS)?;
        let mut body = body.clone();
        let binds = Binds::take(&mut body)?;
        if let Some(property) = EXCHANGE_ONLY.iter().find(|property| body.get(**property).is_some()) {
            return Err(bad_request(&format!("The property '{property}' cannot be set while creating a group.")));
        }
        let unified = body["groupTypes"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "Unified"));
        if !unified || body["mailEnabled"] != true || !body["securityEnabled"].is_boolean() {
            return Err(bad_request(
                "Only Microsoft 365 groups are here: groupTypes Unified, mailEnabled, securityEnabled.",
            ));
        }
        let name = body["displayName"].as_str().ok_or_else(|| invalid("displayName"))?;
        let nickname = body["mailNickname"].as_str().ok_or_else(|| invalid("mailNickname"))?;
        self.check_name(app.directory, name)?;
        self.check_nickname(app.directory, nickname)?;
        let description = description(&body)?.flatten();
        self.check_binds(app, &binds, None)?;
        let behavior = body["resourceBehaviorOptions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let facts = Facts {
            display_name: name.into(),
            description,
            mail_nickname: nickname.into(),
            mail: format!("{nickname}@{}", self.directory(app.directory)?.domain),
            visibility: body["visibility"].as_str().unwrap_or("Public").into(),
            unique_name,
            behavior: behavior.iter().filter_map(|option| option.as_str().map(str::to_owned)).collect(),
            members: binds.members.iter().copied().collect::<BTreeSet<ObjectId>>(),
            owners: binds.owners.iter().copied().collect(),
            created: self.now,
            renewed: self.now,
            deleted: None,
            rule: GroupRule::Assigned,
            kind: GroupKind::Microsoft365,
        };
        let id = GroupId(self.uuid());
        let shown = self.group_json(app, id, &facts);
        self.insert_group(app.directory, id, facts);
        Ok(shown)
    }

    pub(super) fn patch_group(&mut self, app: &App, id: &str, body: &Value) -> Outcome {
        let binds = Binds::take(&mut body.clone())?;
        let young = if binds.is_empty() { missing(id) } else { super::relations::source_unknown() };
        let group = self.group_to_write(app, id, young)?;
        self.patch(app, group, body)
    }

    fn patch(&mut self, app: &App, id: GroupId, body: &Value) -> Outcome {
        let mut body = body.clone();
        let binds = Binds::take(&mut body)?;
        let properties = body.as_object().is_some_and(|body| !body.is_empty());
        if properties || !binds.owners.is_empty() {
            app.needs(WRITE_GROUPS)?;
        } else {
            app.needs(super::WRITE_MEMBERS)?;
        }
        // All or nothing: what could be refused is asked first.
        self.check_binds(app, &binds, Some(id))?;
        self.change_properties(app, id, &body)?;
        self.bind(app, id, &binds)?;
        Ok(Answer::empty(204))
    }

    fn change_properties(&mut self, app: &App, id: GroupId, body: &Value) -> Result<(), Answer> {
        let name = match body.get("displayName") {
            None => None,
            Some(name) => Some(name.as_str().ok_or_else(|| invalid("displayName"))?.to_owned()),
        };
        if let Some(name) = &name {
            self.check_name(app.directory, name)?;
        }
        let nickname = body["mailNickname"].as_str().map(str::to_owned);
        let changed = nickname
            .filter(|nickname| self.facts(app.directory, id).is_ok_and(|facts| facts.mail_nickname != *nickname));
        if let Some(nickname) = &changed {
            self.check_nickname(app.directory, nickname)?;
        }
        if body.get("resourceBehaviorOptions").is_some() {
            return Err(bad_request("The property 'resourceBehaviorOptions' can only be set while creating a group."));
        }
        let description = description(body)?;
        let visibility = body["visibility"].as_str().map(str::to_owned);
        self.write_group(app.directory, id, |facts| {
            facts.display_name = name.unwrap_or_else(|| facts.display_name.clone());
            facts.mail_nickname = changed.unwrap_or_else(|| facts.mail_nickname.clone());
            facts.description = description.unwrap_or_else(|| facts.description.clone());
            facts.visibility = visibility.unwrap_or_else(|| facts.visibility.clone());
        });
        Ok(())
    }

    pub(super) fn delete_group(&mut self, app: &App, id: &str) -> Outcome {
        app.needs(WRITE_GROUPS)?;
        let group = self.group_to_write(app, id, missing(id))?;
        let now = self.now;
        self.write_group(app.directory, group, |facts| facts.deleted = Some(now));
        Ok(Answer::empty(204))
    }

    pub(super) fn renew(&mut self, app: &App, id: &str) -> Outcome {
        app.needs(WRITE_GROUPS)?;
        let group = self.group_to_write(app, id, missing(id))?;
        let now = self.now;
        self.write_group(app.directory, group, |facts| facts.renewed = now);
        Ok(Answer::empty(204))
    }
}

fn types(facts: &Facts) -> Vec<&'static str> {
    let unified = (facts.kind == GroupKind::Microsoft365).then_some("Unified");
    unified.into_iter().chain((facts.rule == GroupRule::Dynamic).then_some("DynamicMembership")).collect()
}

/// The description that a body sets: `null` clears it, an empty one is refused.
fn description(body: &Value) -> Result<Option<Option<String>>, Answer> {
    match body.get("description") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(Some(text.clone()))),
        Some(_) => Err(invalid("description")),
    }
}

/// Where a page goes on.
pub(super) struct PageToken {
    /// The replica of the page before.
    pub(super) replica: usize,
    /// The last object of the page before.
    after: Uuid,
    given: Timestamp,
}

pub(super) fn page_token(call: &Request) -> Option<PageToken> {
    let mut parts = call.query("$skiptoken")?.strip_prefix('r')?.split('.');
    let (replica, after, given) = (parts.next()?, parts.next()?, parts.next()?);
    let given = Timestamp::from_millisecond(given.parse().ok()?).ok()?;
    Some(PageToken { replica: replica.parse().ok()?, after: after.parse().ok()?, given })
}

/// The present address with another token.
pub(super) fn link(call: &Request, token: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(call.query.iter().filter(|(name, _)| !["$skiptoken", "$deltatoken"].contains(&name.as_str())));
    query.append_pair(token, value);
    let path: Vec<&str> = call.segments.iter().map(String::as_str).filter(|segment| *segment != "v1.0").collect();
    format!("{}/v1.0/{}?{}", call.base, path.join("/"), query.finish())
}
