//! Faults, as HTTP requests.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sim::{BrokenBody, Failure, Fault, Lie, Operation, Refused, Rows, Service};
use uuid::Uuid;

use super::environment::{Environment, refused};
use super::interceptor::Delay;

/// Rows of a listing, in a request: `"all"`, `{"half": 1}` or `{"of": [...]}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RowsRequest {
    All,
    Half(u64),
    Of(Vec<Uuid>),
}

/// A body that is of no use, in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BodyName {
    Html,
    Empty,
    Cut,
}

/// A failure of calls.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum FailureRequest {
    /// The connection is refused.
    Refused,
    /// The connection breaks before the call takes effect.
    CutBefore,
    /// The connection breaks after the call took effect.
    CutAfter,
    /// This answer replaces the effect.
    Status {
        status: u16,
        retry_after: Option<String>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        body: Option<Value>,
    },
    /// The call takes effect, and gets this answer.
    StatusAfter { status: u16 },
    /// An item of a `$batch` gets this answer.
    BatchItem { status: u16, code: String, message: Option<String>, retry_after: Option<String> },
    /// The answer is this many seconds late; from ten on it does not come.
    Slow { seconds: u32 },
    /// The write is acknowledged without effect.
    NoEffect,
    /// The write is acknowledged, and takes effect this many seconds later.
    Late { seconds: u32 },
    /// The write is refused, as if it was made already.
    AlreadyThere,
    /// The call is answered 404, as if the object was missing.
    NotThere,
    /// The listing lacks rows and looks whole.
    RowsMissing { rows: RowsRequest },
    /// Rows of the listing have these fields.
    OddRows { rows: RowsRequest, fields: Map<String, Value> },
    /// The body of the answer is of no use, though the call takes effect.
    Body { body: BodyName },
    /// The answer has these headers, and the call takes effect.
    Headers { headers: BTreeMap<String, String> },
}

fn one() -> u32 {
    1
}

/// A request to let calls fail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultRequest {
    service: Option<Service>,
    /// Slug of a customer.
    customer: Option<String>,
    method: Option<String>,
    #[serde(default)]
    path: String,
    operation: Option<Operation>,
    /// Team, room or group.
    object: Option<Uuid>,
    /// The page's id of a person.
    person: Option<Uuid>,
    #[serde(default)]
    skip: u32,
    #[serde(default = "one")]
    times: u32,
    /// Simulated seconds until the fault ends.
    lasting: Option<u32>,
    failure: FailureRequest,
}

impl FaultRequest {
    /// Injects the fault.
    ///
    /// # Errors
    /// If the customer is unknown, or slow answers are requested for some calls of a service only.
    pub(super) fn apply(self, env: &Environment) -> Result<(), Refused> {
        let service = self.service;
        if let FailureRequest::Slow { seconds } = self.failure {
            let is_for_all = self.operation.is_none()
                && self.object.is_none()
                && self.person.is_none()
                && self.customer.is_none()
                && self.lasting.is_none();
            // The layer that delays answers knows only the service of a call.
            if self.method.is_some() || !self.path.is_empty() || self.skip > 0 || !is_for_all {
                return Err(refused("Slow answers are possible for a whole service only."));
            }
            let by = Duration::from_secs(seconds.into());
            env.interceptor.add_delay(Delay { service, by, times: self.times });
            return Ok(());
        }
        let faults = self.faults(env)?;
        faults.into_iter().for_each(|fault| env.world().inject(fault));
        Ok(())
    }

    /// Returns the fault, or one for each side if it is limited to a customer.
    fn faults(self, env: &Environment) -> Result<Vec<Fault>, Refused> {
        let person = self.person.map(|person| ids_of(env, person)).unwrap_or_default();
        let failure = self.failure.into_failure(env);
        let mut fault = Fault::new(failure).path(&self.path).skip(self.skip).times(self.times);
        fault = self.service.into_iter().fold(fault, |fault, name| fault.on(name));
        fault = self.method.iter().fold(fault, |fault, method| fault.method(method));
        fault = self.operation.into_iter().fold(fault, |fault, it| fault.operation(it));
        fault = self.object.into_iter().fold(fault, Fault::object);
        let lasting = self.lasting.map(|seconds| Duration::from_secs(seconds.into()));
        fault = lasting.into_iter().fold(fault, Fault::lasting).person(&person);
        let Some(slug) = self.customer else { return Ok(vec![fault]) };
        let handle = &env.customers[env.customer_named(&slug)?].handle;
        Ok([handle.org.0, handle.directory.0].map(|owner| fault.clone().tenant(owner)).into())
    }
}

/// The ids of a person on both sides; an unknown id alone.
fn ids_of(env: &Environment, id: Uuid) -> Vec<Uuid> {
    let Some(account) = env.customers.iter().find_map(|customer| customer.account(id)) else {
        return vec![id];
    };
    let (object, person) = (account.object.map(|id| id.0), account.person.map(|id| id.0));
    object.into_iter().chain(person).collect()
}

impl RowsRequest {
    fn into_rows(self, env: &Environment) -> Rows {
        match self {
            Self::All => Rows::All,
            Self::Half(number) => Rows::Half(number),
            Self::Of(ids) => Rows::Of(ids.into_iter().flat_map(|id| ids_of(env, id)).collect()),
        }
    }
}

fn retry_header(after: Option<String>) -> Option<(String, String)> {
    after.map(|after| ("Retry-After".to_owned(), after))
}

impl FailureRequest {
    fn into_failure(self, env: &Environment) -> Failure {
        let message = "injected failure";
        let default =
            json!({"message": message, "error": {"code": "Injected", "message": message}});
        Failure::Lie(match self {
            Self::Refused => return Failure::Refused,
            Self::CutBefore => return Failure::CutBefore,
            Self::CutAfter | Self::Slow { .. } => return Failure::CutAfter,
            Self::Status { status, retry_after, headers, body } => {
                let headers = headers.into_iter().chain(retry_header(retry_after)).collect();
                return Failure::Status(status, headers, body.unwrap_or(default));
            }
            Self::StatusAfter { status } => return Failure::StatusAfter(status, vec![], default),
            Self::BatchItem { status, code, message: own, retry_after } => {
                let message = own.as_deref().unwrap_or(message);
                let body = json!({"error": {"code": code, "message": message}});
                let headers = retry_header(retry_after).into_iter().collect();
                return Failure::BatchItem(status, headers, body);
            }
            Self::NoEffect => Lie::NoEffect,
            Self::Late { seconds } => Lie::Late(Duration::from_secs(seconds.into())),
            Self::AlreadyThere => Lie::AlreadyThere,
            Self::NotThere => Lie::NotThere,
            Self::RowsMissing { rows } => Lie::RowsMissing(rows.into_rows(env)),
            Self::OddRows { rows, fields } => Lie::OddRows(rows.into_rows(env), fields),
            Self::Body { body: BodyName::Html } => Lie::Body(BrokenBody::Html),
            Self::Body { body: BodyName::Empty } => Lie::Body(BrokenBody::Empty),
            Self::Body { body: BodyName::Cut } => Lie::Body(BrokenBody::Cut),
            Self::Headers { headers } => Lie::Headers(headers.into_iter().collect()),
        })
    }
}
