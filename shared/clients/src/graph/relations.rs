//! Who is a member and who is an owner.

use std::fmt;

use http::Method;
use serde_json::{Value, json};

use super::error::{
    is_already_there, is_last_owner, is_no_such_person, is_not_there, is_quota_exceeded, is_unknown_to_a_replica,
    is_young,
};
use super::{Graph, RELATIONS_PER_CALL};
use crate::http::{Access, Call, CallError, Class, Failure, Repeat};
use domain::ids::{GroupId, ObjectId};

/// What somebody is to a group. The two are independent: an owner is no member by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// A member.
    Member,
    /// An owner; a hundred at most.
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

/// Somebody who is to become something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bind {
    /// Who.
    pub person: ObjectId,
    /// What.
    pub relation: Relation,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq)]
pub enum BindOutcome {
    /// They are it now.
    Done,
    /// They were it before, or since a try whose answer was lost.
    AlreadyThere,
    /// The directory has no such user.
    NoSuchUser,
    /// The group has all the owners that it can have.
    OwnerLimit,
    /// The service refuses, and would again.
    Refused(CallError),
}

/// What became of all. Those in neither list were not tried.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bound {
    /// What is known, in the order of the calls.
    pub outcomes: Vec<(Bind, BindOutcome)>,
    /// Those whose call was sent without its effect being known.
    pub unknown: Vec<Bind>,
    /// Why the rest was not tried.
    pub stopped: Option<CallError>,
}

/// What became of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbound {
    /// They are it no more.
    Removed,
    /// They were not, or there is no such person or group: the service does not tell which.
    NotThere,
    /// A group keeps its last owner.
    LastOwner,
}

impl Graph {
    /// Adds members and owners, twenty in a call and one call after the other, since writes to one group collide. A call is all or nothing: where the service
    /// refuses one, its people are added one by one.
    pub async fn bind(&self, access: &Access, group: GroupId, binds: &[Bind]) -> Bound {
        let mut bound = Bound::default();
        if let [_] = binds {
            // Nobody else would be refused along: one call tells, also that somebody is there already.
            self.bind_singly(access, group, binds, &mut bound).await;
            return bound;
        }
        for chunk in binds.chunks(RELATIONS_PER_CALL) {
            let patch = Call::new(Method::PATCH, format!("/groups/{group}")).json(&self.bind_body(chunk));
            match self.caller.call(access, patch).await {
                Ok(_) => bound.outcomes.extend(chunk.iter().map(|bind| (*bind, BindOutcome::Done))),
                Err(error) if is_about_one(&error) => self.bind_singly(access, group, chunk, &mut bound).await,
                Err(error) => bound.stop(error, chunk),
            }
            if bound.stopped.is_some() {
                break;
            }
        }
        bound
    }

    async fn bind_singly(&self, access: &Access, group: GroupId, binds: &[Bind], bound: &mut Bound) {
        for bind in binds {
            let path = format!("/groups/{group}/{}/$ref", bind.relation);
            let call = Call::new(Method::POST, path).json(&json!({"@odata.id": self.object_url(bind.person)}));
            let outcome = match self.caller.call(access, call.repeat(Repeat::Safe)).await {
                Ok(_) => BindOutcome::Done,
                Err(error) if is_already_there(&error) => BindOutcome::AlreadyThere,
                Err(error) if is_quota_exceeded(&error) && bind.relation == Relation::Owner => BindOutcome::OwnerLimit,
                Err(error) if is_unknown_to_a_replica(&error) => match self.user(access, bind.person).await {
                    Ok(None) => BindOutcome::NoSuchUser,
                    Ok(Some(_)) => return bound.stop(error, &[]),
                    Err(error) => return bound.stop(error, &[]),
                },
                Err(error) if is_young(&error) => return bound.stop(error, &[]),
                Err(error) if is_no_such_person(&error, bind.person) => BindOutcome::NoSuchUser,
                Err(error) if is_about_one(&error) => BindOutcome::Refused(error),
                Err(error) => return bound.stop(error, &[*bind]),
            };
            bound.outcomes.push((*bind, outcome));
        }
    }

    /// Takes somebody out of the members. Being an owner is another matter.
    pub async fn remove_member(&self, access: &Access, group: GroupId, person: ObjectId) -> Result<Unbound, CallError> {
        self.remove(access, group, Bind { person, relation: Relation::Member }).await
    }

    /// Takes somebody out of the owners. In groups with a team this can, seldom, end the membership too.
    pub async fn remove_owner(&self, access: &Access, group: GroupId, person: ObjectId) -> Result<Unbound, CallError> {
        self.remove(access, group, Bind { person, relation: Relation::Owner }).await
    }

    async fn remove(&self, access: &Access, group: GroupId, bind: Bind) -> Result<Unbound, CallError> {
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
        if !error.had_no_effect() {
            self.unknown.extend_from_slice(in_flight);
        }
        self.stopped = Some(error);
    }
}

/// The one place that knows how somebody is removed from a group: without `/$ref` the same call deletes the user.
fn removal(group: GroupId, bind: Bind) -> String {
    format!("/groups/{group}/{}/{}/$ref", bind.relation, bind.person)
}

/// Whether a refusal can be about one of those in a call rather than about the group, the service or us.
fn is_about_one(error: &CallError) -> bool {
    let is_final = matches!(error.failure, Failure::Refused { .. }) && error.class() == Class::Permanent;
    // Which of the two the newer wording means shows only when they are added one by one.
    is_final && (!is_young(error) || is_unknown_to_a_replica(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_ends_with_ref_so_that_it_never_deletes_the_user() {
        let group = "b320ee12-b1cd-4cca-b648-a437be61c5cd".parse().unwrap();
        let person: ObjectId = "87d349ed-44d7-43e1-9a83-5f2406dee5bd".parse().unwrap();
        for relation in [Relation::Member, Relation::Owner] {
            let url = removal(group, Bind { person, relation });
            assert_eq!(url, format!("/groups/{group}/{relation}/{person}/$ref"));
        }
    }
}
