//! A request, freed from API Gateway's spelling.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{CONTENT_TYPE, COOKIE};
use url::form_urlencoded;

use crate::failure::Failure;

/// The largest body that is looked at, in bytes after decoding. No form of ours comes near.
pub const LARGEST_BODY: usize = 64 * 1024;

/// A request.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    cookies: Vec<(String, String)>,
    /// Another site's page made the browser send it.
    pub(crate) comes_from_elsewhere: bool,
}

impl Incoming {
    /// Reads a request. A body that is no form has no fields.
    pub(crate) fn read(request: &ApiGatewayV2httpRequest) -> Result<Self, Failure> {
        let raw = request.raw_query_string.as_deref().unwrap_or_default();
        let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        let sent = request
            .cookies
            .iter()
            .flatten()
            .map(String::as_str)
            .chain(request.headers.get_all(COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()));
        let cookies = sent.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        let is_form = header(CONTENT_TYPE.as_str())
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        let body = body(request)?;
        Ok(Self {
            method: match &request.request_context.http.method {
                &Method::HEAD => Method::GET,
                other => other.clone(),
            },
            path: request.raw_path.clone().unwrap_or_default(),
            query: form_urlencoded::parse(raw.as_bytes()).into_owned().collect(),
            form: if is_form { form_urlencoded::parse(&body).into_owned().collect() } else { vec![] },
            cookies: cookies.map(|(name, value)| (name.into(), value.into())).collect(),
            comes_from_elsewhere: header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")),
        })
    }

    /// A parameter of the query; the first, should there be several.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// All parameters of the query that have this name.
    pub(crate) fn queries(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is a query at all.
    pub(crate) fn has_query(&self) -> bool {
        !self.query.is_empty()
    }

    /// A field of the form.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        first(&self.form, name)
    }

    /// All fields of the form that have this name.
    pub(crate) fn fields(&self, name: &str) -> impl Iterator<Item = &str> {
        self.form.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        first(&self.cookies, name)
    }
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn body(request: &ApiGatewayV2httpRequest) -> Result<Vec<u8>, Failure> {
    let text = request.body.as_deref().unwrap_or_default();
    if text.len() > LARGEST_BODY.saturating_mul(2) {
        return Err(Failure::TooLarge);
    }
    let bytes = if request.is_base64_encoded {
        STANDARD.decode(text).map_err(|_| Failure::NotAForm)?
    } else {
        text.as_bytes().to_vec()
    };
    if bytes.len() > LARGEST_BODY { Err(Failure::TooLarge) } else { Ok(bytes) }
}
