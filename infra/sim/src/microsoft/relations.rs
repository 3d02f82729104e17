//! Members and owners: listings, binds (all or nothing), and single references.

use domain::ids::{GroupId, ObjectId};
use serde_json::{Value, json};

use super::groups::{listing, page_token};
use super::{
    App, HIDDEN_MEMBERSHIP, OWNERS_BIND, READ_MEMBERS, WRITE_GROUPS, WRITE_MEMBERS, bad_request,
    directories, error, missing, record_foreign_access, replicas, selected, users,
};
use crate::state::State;
use crate::state::graph_settings::OwnerRemoval;
use crate::state::groups::{Facts, GroupRule, Relation};
use crate::state::microsoft::UserKind;
use crate::wire::{Outcome, Request, Response};

/// Most binds in one call, owners and members together.
const MOST_BINDS: usize = 20;
const MOST_OWNERS: usize = 100;

/// Returns the error of a replica that does not know the group of a bind yet.
pub(super) fn source_unknown() -> Response {
    bad_request("The source resource object or one of the objects being referenced don't exist.")
}

/// People to add.
pub(super) struct Binds {
    pub(super) members: Vec<ObjectId>,
    pub(super) owners: Vec<ObjectId>,
}

impl Binds {
    /// Takes the binds out of a body.
    pub(super) fn take(body: &mut Value) -> Result<Self, Response> {
        let mut list = |key: &str| -> Result<Vec<ObjectId>, Response> {
            let urls =
                body.as_object_mut().and_then(|body| body.remove(key)).unwrap_or_else(|| json!([]));
            let urls =
                urls.as_array().ok_or_else(|| bad_request("Binds must be an array."))?.clone();
            urls.iter().map(|url| object_of(url.as_str().unwrap_or_default())).collect()
        };
        let binds = Self { members: list("members@odata.bind")?, owners: list(OWNERS_BIND)? };
        if binds.members.len() + binds.owners.len() > MOST_BINDS {
            return Err(bad_request("The request has more than the maximum of 20 relationships."));
        }
        Ok(binds)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.owners.is_empty()
    }
}

/// Returns the object of `https://graph.microsoft.com/v1.0/users/{id}` or
/// `.../directoryObjects/{id}`; the host may be the simulator's own.
fn object_of(url: &str) -> Result<ObjectId, Response> {
    let malformed =
        || bad_request(&format!("Invalid URL format specified for an entity reference: '{url}'."));
    let parsed = url::Url::parse(url).map_err(|_| malformed())?;
    let host = parsed.host_str().unwrap_or_default();
    let segments: Vec<&str> = parsed.path_segments().map(Iterator::collect).unwrap_or_default();
    match segments.as_slice() {
        ["v1.0", "users" | "directoryObjects", id]
            if ["graph.microsoft.com", "127.0.0.1"].contains(&host) =>
        {
            id.parse().map(ObjectId).map_err(|_| malformed())
        }
        _ => Err(malformed()),
    }
}

pub(super) fn exist_already(relation: Relation) -> Response {
    bad_request(&format!(
        "One or more added object references already exist for the following modified properties: \
         '{}'.",
        relation.name()
    ))
}

/// Refuses changes of members that the group's rule reserves.
fn changeable(facts: &Facts) -> Result<(), Response> {
    match facts.rule {
        GroupRule::Assigned => Ok(()),
        GroupRule::Dynamic => {
            Err(bad_request("Dynamic membership groups have their members by rule."))
        }
        GroupRule::OnPremises => Err(bad_request(
            "Unable to update the specified properties for on-premises mastered Directory Sync \
             objects or objects currently undergoing migration.",
        )),
        GroupRule::RoleAssignable => Err(error(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )),
    }
}

/// Refuses binds that would fail, in the order of the service: quota, unknown people, guests,
/// existing references.
pub(super) fn check_binds(
    state: &mut State,
    app: &App,
    binds: &Binds,
    group: Option<GroupId>,
) -> Result<(), Response> {
    let facts = group.map(|group| replicas::facts(state, app.directory, group)).transpose()?;
    if !binds.is_empty() {
        facts.map_or(Ok(()), changeable)?;
    }
    let owners = facts.map_or(0, |facts| facts.owners.len()) + binds.owners.len();
    if owners > MOST_OWNERS && !binds.owners.is_empty() {
        let message = format!(
            "Unable to perform operation as '{owners}' would exceed the maximum quota count \
             '{MOST_OWNERS}' for forward-link 'owners'."
        );
        return Err(error(403, "Directory_QuotaExceeded", &message));
    }
    let known = |person: &ObjectId| users::find(state, app, *person).is_ok();
    if let Some(unknown) =
        binds.owners.iter().chain(&binds.members).find(|person| !known(person)).copied()
    {
        record_foreign_access(state, app, unknown.0);
        return Err(missing(unknown));
    }
    let directory = directories::find(state, app.directory)?;
    for (people, setting, default) in [
        (&binds.owners, "AllowGuestsToBeGroupOwner", "false"),
        (&binds.members, "AllowToAddGuests", "true"),
    ] {
        let allowed =
            Some(directory.setting(setting)).filter(|value| !value.is_empty()).unwrap_or(default);
        let guest = |person: &ObjectId| {
            users::find(state, app, *person).is_ok_and(|user| user.kind == UserKind::Guest)
        };
        if !allowed.eq_ignore_ascii_case("true") && people.iter().any(guest) {
            return Err(error(
                403,
                "Authorization_RequestDenied",
                "Guests users are not allowed to join.",
            ));
        }
    }
    let facts = group.map(|group| replicas::facts(state, app.directory, group)).transpose()?;
    for (relation, people) in
        [(Relation::Members, &binds.members), (Relation::Owners, &binds.owners)]
    {
        if facts.is_some_and(|facts| {
            people.iter().any(|person| facts.people(relation).contains(person))
        }) {
            return Err(exist_already(relation));
        }
    }
    Ok(())
}

/// Checks and adds people.
pub(super) fn bind(
    state: &mut State,
    app: &App,
    group: GroupId,
    binds: &Binds,
) -> Result<(), Response> {
    check_binds(state, app, binds, Some(group))?;
    replicas::write_group(state, app.directory, group, |facts| {
        facts.members.extend(&binds.members);
        facts.owners.extend(&binds.owners);
    });
    Ok(())
}

fn require_relation(app: &App, relation: Relation) -> Result<(), Response> {
    match relation {
        Relation::Members => app.require(WRITE_MEMBERS),
        Relation::Owners => app.require(WRITE_GROUPS),
    }
}

pub(super) fn list(
    state: &mut State,
    app: &App,
    id: &str,
    relation: &str,
    call: &Request,
) -> Outcome {
    app.require(READ_MEMBERS)?;
    let replica =
        page_token(call).map_or_else(|| replicas::any_replica(state), |token| token.replica);
    let (_, facts) = replicas::seen_on(state, app, id, replica)?;
    if facts.visibility == HIDDEN_MEMBERSHIP {
        // Reading would take Member.Read.Hidden, which is not simulated.
        return Err(error(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ));
    }
    let mut people = facts.people(Relation::named(relation)).clone();
    if let Some(filter) = call.query("$filter") {
        let eventual = call.header("consistencylevel").is_some_and(|level| level == "eventual");
        let id = filter.strip_prefix("id eq '").and_then(|rest| rest.strip_suffix('\''));
        let (true, Some("true"), Some(id)) = (eventual, call.query("$count"), id) else {
            let message = "Filters need ConsistencyLevel: eventual and $count=true.";
            return Err(error(400, "Request_UnsupportedQuery", message));
        };
        people.retain(|person| person.0.to_string() == id);
    }
    let items = people.into_iter().map(|person| {
        let mut shown = selected(users::json(state, app, person), call, &users::DEFAULT);
        shown["@odata.type"] = "#microsoft.graph.user".into();
        (person.0, shown)
    });
    listing(state, call, items.collect(), replica, "directoryObjects")
}

/// Lists people with a cast. It reads the index, which is later than the replicas and needs
/// `ConsistencyLevel`.
pub(super) fn list_users(
    state: &mut State,
    app: &App,
    id: &str,
    relation: &str,
    call: &Request,
) -> Outcome {
    app.require(READ_MEMBERS)?;
    let eventual =
        call.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
    if !eventual || call.query("$count") != Some("true") {
        let message = "Casts need the header ConsistencyLevel: eventual and $count=true.";
        return Err(error(400, "Request_UnsupportedQuery", message));
    }
    let replica =
        page_token(call).map_or_else(|| replicas::any_replica(state), |token| token.replica);
    let then = state.now
        - jiff::SignedDuration::try_from(state.microsoft.settings.index_lag).unwrap_or_default();
    let (_, facts) = replicas::seen_at(state, app, id, replica, then)?;
    let people = facts.people(Relation::named(relation)).clone();
    let items = people
        .into_iter()
        .map(|id| (id.0, selected(users::json(state, app, id), call, &users::DEFAULT)));
    listing(state, call, items.collect(), replica, "users")
}

pub(super) fn add(state: &mut State, app: &App, id: &str, relation: &str, body: &Value) -> Outcome {
    let relation = Relation::named(relation);
    require_relation(app, relation)?;
    let person = object_of(body["@odata.id"].as_str().unwrap_or_default())?;
    let group = replicas::group_to_write(state, app, id, source_unknown())?;
    let mut binds = Binds { members: Vec::new(), owners: Vec::new() };
    match relation {
        Relation::Members => binds.members.push(person),
        Relation::Owners => binds.owners.push(person),
    }
    bind(state, app, group, &binds)?;
    Ok(Response::empty(204))
}

pub(super) fn remove(
    state: &mut State,
    app: &App,
    id: &str,
    relation: &str,
    person: &str,
) -> Outcome {
    let relation = Relation::named(relation);
    require_relation(app, relation)?;
    let group = replicas::group_to_write(state, app, id, missing(id))?;
    let person = ObjectId(person.parse().map_err(|_| missing(person))?);
    let facts = replicas::facts(state, app.directory, group)?;
    changeable(facts)?;
    if !facts.people(relation).contains(&person) {
        // A replica that still shows the reference words its error differently.
        let stale = replicas::seen_group(state, app, id)
            .is_ok_and(|(_, facts)| facts.people(relation).contains(&person));
        return Err(if stale {
            bad_request(&format!(
                "One or more removed object references do not exist for the following modified \
                 properties: '{}'.",
                relation.name()
            ))
        } else {
            missing(person)
        });
    }
    if relation == Relation::Owners && facts.owners.len() == 1 {
        return Err(bad_request(
            "The group must have at least one owner, hence this owner cannot be removed.",
        ));
    }
    let takes = state.microsoft.settings.owner_removal == OwnerRemoval::TakesMembership;
    replicas::write_group(state, app.directory, group, |facts| {
        facts.people_mut(relation).remove(&person);
        if relation == Relation::Owners && takes {
            facts.members.remove(&person);
        }
    });
    Ok(Response::empty(204))
}
