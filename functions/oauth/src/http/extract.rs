//! The extractors of axum, with our failures in place of its rejections.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use serde::{Deserialize, Deserializer, de::Error};

use crate::http::error::Failure;

/// Parameters of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub(crate) struct Path<T>(pub(crate) T);

/// Parameters of the query.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Failure))]
pub(crate) struct Query<T>(pub(crate) T);

/// Fields of a form. Its CSRF token was checked before.
#[derive(FromRequest)]
#[from_request(via(axum::extract::Form), rejection(Failure))]
pub(crate) struct Form<T>(pub(crate) T);

impl From<PathRejection> for Failure {
    // A malformed id names nothing, just as an unknown one.
    fn from(_: PathRejection) -> Self {
        Self::NoSuchPage
    }
}

impl From<QueryRejection> for Failure {
    fn from(_: QueryRejection) -> Self {
        Self::NoSuchPage
    }
}

impl From<FormRejection> for Failure {
    fn from(_: FormRejection) -> Self {
        Self::NotAForm
    }
}

/// An id in a path, which is accepted in its own spelling only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<'de, T: FromStr + Display> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id: T = text.parse().map_err(|_| D::Error::custom("not an id"))?;
        // Otherwise a page would have several addresses.
        if id.to_string() != text {
            return Err(D::Error::custom("another spelling of an id"));
        }
        Ok(Self(id))
    }
}

/// The part of a query that resumes a list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ListQuery {
    pub(crate) from: Option<String>,
}
