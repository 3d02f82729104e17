//! `GET /groups` with a filter: by a whole value, or by the beginning of a name or address.

use serde_json::{Value, json};

use super::groups::{DEFAULT, link, listing, page_token};
use super::{App, READ_GROUPS, bad_request, directories, error, groups, replicas, selected};
use crate::state::State;
use crate::wire::{Outcome, Request, Response};

/// One clause of a filter; clauses are joined by `or`.
enum Clause {
    Equals(String, String),
    BeginsWith(String, String),
}

/// Properties for `eq`; those for `startswith` follow.
const COMPARED: [&str; 4] = ["displayName", "mail", "mailNickname", "uniqueName"];
const BEGINNING: [&str; 3] = ["displayName", "mail", "mailNickname"];

fn unsupported() -> Response {
    error(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
}

/// Splits a text after the literal that it begins with.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(further) => {
                value.push('\'');
                rest = further;
            }
            None => return Some((value, after)),
        }
    }
}

fn clauses(filter: &str) -> Option<Vec<Clause>> {
    let (mut clauses, mut rest) = (vec![], filter.trim());
    loop {
        let (clause, after) = if let Some(arguments) = rest.strip_prefix("startswith(") {
            let (property, value) = arguments.split_once(',')?;
            let (value, after) = literal(value.trim_start())?;
            let is_known = BEGINNING.contains(&property) && !value.is_empty();
            (
                is_known.then(|| Clause::BeginsWith(property.into(), value.to_lowercase()))?,
                after.strip_prefix(')')?,
            )
        } else {
            let (property, value) = rest.split_once(" eq ")?;
            let (value, after) = literal(value.trim_start())?;
            (COMPARED.contains(&property).then(|| Clause::Equals(property.into(), value))?, after)
        };
        clauses.push(clause);
        match after.trim_start() {
            "" => return Some(clauses),
            further => rest = further.strip_prefix("or ")?.trim_start(),
        }
    }
}

impl Clause {
    fn holds(&self, group: &Value) -> bool {
        match self {
            Self::Equals(name, value) => {
                group[name].as_str().is_some_and(|found| found.eq_ignore_ascii_case(value))
            }
            Self::BeginsWith(name, beginning) => group[name]
                .as_str()
                .is_some_and(|found| found.to_lowercase().starts_with(beginning)),
        }
    }
}

pub(super) fn list(state: &mut State, app: &App, call: &Request) -> Outcome {
    app.require(READ_GROUPS)?;
    let clauses =
        call.query("$filter").map(|filter| clauses(filter).ok_or_else(unsupported)).transpose()?;
    let is_eventual =
        call.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
    let (order, is_counted) = (call.query("$orderby"), call.query("$count") == Some("true"));
    if (is_counted || clauses.is_some() && order.is_some()) && !(is_eventual && is_counted) {
        return Err(error(
            400,
            "Request_UnsupportedQuery",
            "Sorting not supported for current query.",
        ));
    }
    if order.is_some_and(|order| order != "displayName") {
        return Err(error(
            400,
            "Request_UnsupportedQuery",
            "Unsupported sort property for 'Group'.",
        ));
    }
    let replica =
        page_token(call).map_or_else(|| replicas::any_replica(state), |token| token.replica);
    // ConsistencyLevel selects the index, which is later than the replicas.
    let lag =
        if is_eventual { state.microsoft.settings.index_lag } else { std::time::Duration::ZERO };
    let then = state.now - jiff::SignedDuration::try_from(lag).unwrap_or_default();
    let groups = directories::find(state, app.directory)?.groups.iter();
    let seen = groups.filter_map(|(id, entry)| Some((*id, entry.seen(replica, then)?)));
    let living = seen.filter(|(_, facts)| facts.deleted.is_none());
    let shown = living.map(|(id, facts)| (id.0, groups::json(state, app, id, facts)));
    let is_match = |group: &Value| {
        clauses.as_ref().is_none_or(|all| all.iter().any(|clause| clause.holds(group)))
    };
    let mut found: Vec<_> = shown.filter(|(_, group)| is_match(group)).collect();
    if order.is_none() {
        let items =
            found.into_iter().map(|(id, group)| (id, selected(group, call, &DEFAULT))).collect();
        return listing(state, call, items, replica, "groups");
    }
    found.sort_by_cached_key(|(id, group)| {
        (group["displayName"].as_str().unwrap_or_default().to_lowercase(), *id)
    });
    let in_all = found.len();
    let skipped = call.query("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0_usize);
    let top = call
        .query("$top")
        .map_or(Ok(100), str::parse::<usize>)
        .ok()
        .filter(|top| (1..=999).contains(top));
    let top = top.ok_or_else(|| {
        bad_request("Invalid page size specified. Must be between 1 and 999 inclusive.")
    })?;
    let top = top.min(state.microsoft.settings.page_limit.max(1));
    let page =
        found.into_iter().skip(skipped).take(top).map(|(_, group)| selected(group, call, &DEFAULT));
    let page: Vec<Value> = page.collect();
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#groups", call.base),
        "@odata.count": in_all,
    });
    let end = skipped + page.len();
    body["value"] = page.into();
    if end < in_all {
        body["@odata.nextLink"] = link(call, "$skiptoken", &end.to_string()).into();
    }
    Ok(Response::ok(body))
}
