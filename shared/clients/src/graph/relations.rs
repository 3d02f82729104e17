//! Members and owners of groups: add and remove.

use std::fmt;

use http::Method;
use serde_json::{Value, json};

use super::error::{
    is_already_there, is_last_owner, is_no_such_person, is_not_replicated, is_not_there,
    is_quota_exceeded, is_unknown_to_a_replica,
};
use super::{Graph, RELATIONS_PER_CALL};
use crate::http::{Access, Call, CallError, CallFailure, ErrorClass, Repeat};
use domain::ids::{GroupId, ObjectId};

/// Relation of a person to a group. The two are independent: an owner need not be a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// A member.
    Member,
    /// An owner. A group has at most 100.
    Owner,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "members",
            Self::Owner => "owners",
        })
    }
}

/// Person to add as member or owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bind {
    /// User to add.
    pub person: ObjectId,
    /// Relation to add.
    pub relation: Relation,
}

/// Outcome of one addition.
#[derive(Debug, Clone, PartialEq)]
pub enum BindOutcome {
    /// They were added.
    Done,
    /// They were there before, or since a try whose answer was lost.
    AlreadyThere,
    /// The directory has no such user.
    NoSuchUser,
    /// The group has the maximum number of owners.
    OwnerLimit,
    /// The service refused, and would again.
    Refused(CallError),
}

/// Outcomes of several additions. Those in neither list were not tried.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bound {
    /// Known outcomes, in the order of the calls.
    pub outcomes: Vec<(Bind, BindOutcome)>,
    /// Additions that were sent and whose effect is unknown.
    pub unknown: Vec<Bind>,
    /// Reason why the rest was not tried.
    pub stopped: Option<CallError>,
}

/// Outcome of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbound {
    /// They were removed.
    Removed,
    /// They were not there, or person or group do not exist. The service does not say which.
    NotThere,
    /// They are the last owner, whom the service never removes.
    LastOwner,
}

impl Graph {
    /// Adds members and owners, 20 per call. Calls are sequential, because writes to one group
    /// collide. A call is all or nothing, so after a refusal its people are added one by one.
    pub async fn bind(&self, access: &Access, group: GroupId, binds: &[Bind]) -> Bound {
        let mut bound = Bound::default();
        if let [_] = binds {
            // A single addition needs no fallback, and its own call also shows if it exists
            // already.
            self.bind_singly(access, group, binds, &mut bound).await;
            return bound;
        }
        for chunk in binds.chunks(RELATIONS_PER_CALL) {
            let patch =
                Call::new(Method::PATCH, format!("/groups/{group}")).json(&self.bind_body(chunk));
            match self.caller.call(access, patch).await {
                Ok(_) => bound.outcomes.extend(chunk.iter().map(|bind| (*bind, BindOutcome::Done))),
                // One refused person must not hold up the nineteen others of the call.
                Err(error) if is_about_one(&error) => {
                    self.bind_singly(access, group, chunk, &mut bound).await
                }
                Err(error) => bound.stop(error, chunk),
            }
            // The next call would meet the same throttling or outage.
            if bound.stopped.is_some() {
                break;
            }
        }
        bound
    }

    async fn bind_singly(
        &self,
        access: &Access,
        group: GroupId,
        binds: &[Bind],
        bound: &mut Bound,
    ) {
        for bind in binds {
            let path = format!("/groups/{group}/{}/$ref", bind.relation);
            let call = Call::new(Method::POST, path)
                .json(&json!({"@odata.id": self.object_url(bind.person)}));
            // A second addition answers "already there".
            let outcome = match self.caller.call(access, call.repeat(Repeat::Safe)).await {
                Ok(_) => BindOutcome::Done,
                Err(error) if is_already_there(&error) => BindOutcome::AlreadyThere,
                // Members have no limit, so for them the code is about the directory.
                Err(error) if is_quota_exceeded(&error) && bind.relation == Relation::Owner => {
                    BindOutcome::OwnerLimit
                }
                Err(error) if is_unknown_to_a_replica(&error) => {
                    match self.user(access, bind.person).await {
                        // Both kinds of calls agree that the person is gone.
                        Ok(None) => BindOutcome::NoSuchUser,
                        // The person exists, so it is the group that this replica does not know.
                        Ok(Some(_)) => return bound.stop(error, &[]),
                        Err(error) => return bound.stop(error, &[]),
                    }
                }
                // The group itself is unknown to this replica. It says nothing about the person.
                Err(error) if is_not_replicated(&error) => return bound.stop(error, &[]),
                Err(error) if is_no_such_person(&error, bind.person) => BindOutcome::NoSuchUser,
                Err(error) if is_about_one(&error) => BindOutcome::Refused(error),
                Err(error) => return bound.stop(error, &[*bind]),
            };
            bound.outcomes.push((*bind, outcome));
        }
    }

    /// Removes a person from the members. Their ownership stays.
    pub async fn remove_member(
        &self,
        access: &Access,
        group: GroupId,
        person: ObjectId,
    ) -> Result<Unbound, CallError> {
        self.remove(access, group, Bind { person, relation: Relation::Member }).await
    }

    /// Removes a person from the owners. In groups with a team this can, rarely, end the membership
    /// too.
    pub async fn remove_owner(
        &self,
        access: &Access,
        group: GroupId,
        person: ObjectId,
    ) -> Result<Unbound, CallError> {
        self.remove(access, group, Bind { person, relation: Relation::Owner }).await
    }

    async fn remove(
        &self,
        access: &Access,
        group: GroupId,
        bind: Bind,
    ) -> Result<Unbound, CallError> {
        match self.caller.call(access, Call::new(Method::DELETE, removal(group, bind))).await {
            Ok(_) => Ok(Unbound::Removed),
            Err(error) if is_not_there(&error) => Ok(Unbound::NotThere),
            Err(error) if is_last_owner(&error) => Ok(Unbound::LastOwner),
            Err(error) => Err(error),
        }
    }

    fn bind_body(&self, binds: &[Bind]) -> Value {
        let mut body = json!({});
        for relation in [Relation::Member, Relation::Owner] {
            let people = binds.iter().filter(|bind| bind.relation == relation);
            let urls: Vec<_> = people.map(|bind| self.object_url(bind.person)).collect();
            if !urls.is_empty() {
                body[format!("{relation}@odata.bind")] = json!(urls);
            }
        }
        body
    }

    fn object_url(&self, person: ObjectId) -> String {
        format!("{}/directoryObjects/{person}", self.caller.base())
    }
}

impl Bound {
    fn stop(&mut self, error: CallError, in_flight: &[Bind]) {
        // Without an answer, the people may or may not be in.
        if !error.had_no_effect() {
            self.unknown.extend_from_slice(in_flight);
        }
        self.stopped = Some(error);
    }
}

/// Returns the URL of a removal. This is the only place that builds it: without `/$ref` the call
/// deletes the user.
fn removal(group: GroupId, bind: Bind) -> String {
    format!("/groups/{group}/{}/{}/$ref", bind.relation, bind.person)
}

/// Returns `true` if a refusal can concern one of the people rather than the group, the service or
/// us.
fn is_about_one(error: &CallError) -> bool {
    let is_final = matches!(error.failure, CallFailure::Refused { .. })
        && error.class() == ErrorClass::Permanent;
    // The newer wording means group or person. Only single additions tell which.
    is_final && (!is_not_replicated(error) || is_unknown_to_a_replica(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_url_ends_with_ref() {
        let group = "b320ee12-b1cd-4cca-b648-a437be61c5cd".parse().unwrap();
        let person: ObjectId = "87d349ed-44d7-43e1-9a83-5f2406dee5bd".parse().unwrap();
        for relation in [Relation::Member, Relation::Owner] {
            let url = removal(group, Bind { person, relation });
            assert_eq!(url, format!("/groups/{group}/{relation}/{person}/$ref"));
        }
    }
}
