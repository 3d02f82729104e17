//! A substitute for AWS: one TLS server on loopback that answers for table, queues and secrets of a
//! new deployment.

use std::fs::read;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::serve::Listener;
use bytes::Bytes;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::BenchError;

/// The value of the webhook keys' secret.
pub(super) const WEBHOOK_KEYS: &str = r#"{"current": "1", "keys": {"1":
    "YmVuY2gta2V5LTEtZm9yLW1lYXN1cmluZy1hbmQtbm90aGluZy1lbHNl"}}"#;

/// The CA bundles of Linux distributions.
///
/// A function reads the whole bundle, so it is part of the cost of the first connection.
const CA_BUNDLES: [&str; 2] =
    ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// The running substitute.
pub(super) struct Aws {
    pub(super) endpoint: String,
    trusted: NamedTempFile,
}

impl Aws {
    pub(super) async fn open() -> Result<Self, BenchError> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?;
        let mut trusted = NamedTempFile::new()?;
        if let Some(system) = CA_BUNDLES.iter().find_map(|path| read(path).ok()) {
            trusted.write_all(&system)?;
        }
        trusted.write_all(certificate.pem().as_bytes())?;
        let secret = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|why| BenchError::Tls(why.to_owned()))?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)
            .map_err(|error| BenchError::Tls(error.to_string()))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("https://{}", listener.local_addr()?);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        // Ends with the process that measures.
        tokio::spawn(async move {
            axum::serve(Tls { listener, acceptor }, Router::new().fallback(respond)).await
        });
        Ok(Self { endpoint, trusted })
    }

    /// A CA bundle with the certificate of this server.
    pub(super) fn trusted(&self) -> &Path {
        self.trusted.path()
    }
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // A connection that breaks off is skipped.
            let Ok((stream, address)) = self.listener.accept().await else {
                continue;
            };
            _ = stream.set_nodelay(true);
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn respond(request: Request) -> http::Response<Body> {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
    let mut response = http::Response::new(Body::from(response_body(&operation, &body)));
    let media_type = http::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(http::header::CONTENT_TYPE, media_type);
    response
}

/// The body for an empty table, queues that accept everything, and a deployment's secrets.
fn response_body(operation: &str, body: &Bytes) -> String {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    match operation {
        "GetSecretValue" => {
            json!({"SecretString": secret(request["SecretId"].as_str().unwrap_or_default())})
        }
        "SendMessage" => json!({"MessageId": "1", "MD5OfMessageBody": ""}),
        "SendMessageBatch" => {
            let entries = request["Entries"].as_array().into_iter().flatten();
            let entries = entries
                .map(|entry| json!({"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": ""}));
            json!({"Successful": entries.collect::<Vec<_>>(), "Failed": []})
        }
        "Query" => json!({"Items": [], "Count": 0, "ScannedCount": 0}),
        "BatchGetItem" => json!({"Responses": {}, "UnprocessedKeys": {}}),
        _ => json!({}),
    }
    .to_string()
}

fn secret(name: &str) -> String {
    if name.ends_with("/webhooks") {
        return WEBHOOK_KEYS.to_owned();
    }
    let id = "11111111-2222-3333-4444-555555555555";
    json!({"client_id": id, "client_secret": "an-invalid-secret"}).to_string()
}
