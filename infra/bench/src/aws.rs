//! What a function finds in the place of AWS: one TLS server on loopback that answers for table, queues and secrets as they are in a new deployment.

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

use crate::NotMeasured;
use crate::start::KEYS;

/// Where Linux distributions keep whom they trust. A function reads all of it, so it is part of what the first connection costs.
const TRUSTED: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// AWS, as long as this lives.
pub(crate) struct Aws {
    pub(crate) endpoint: String,
    trusted: NamedTempFile,
}

impl Aws {
    pub(crate) async fn open() -> Result<Self, NotMeasured> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?;
        let mut trusted = NamedTempFile::new()?;
        if let Some(system) = TRUSTED.iter().find_map(|path| read(path).ok()) {
            trusted.write_all(&system)?;
        }
        trusted.write_all(certificate.pem().as_bytes())?;
        let secret = PrivateKeyDer::try_from(key.serialize_der()).map_err(|why| NotMeasured::Tls(why.to_owned()))?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)
            .map_err(|error| NotMeasured::Tls(error.to_string()))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("https://{}", listener.local_addr()?);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        // Ends with the process that measures.
        tokio::spawn(async move { axum::serve(Tls { listener, acceptor }, Router::new().fallback(answer)).await });
        Ok(Self { endpoint, trusted })
    }

    /// A file of everybody who is to be trusted, this AWS included.
    pub(crate) fn trusted(&self) -> &Path {
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
            // Whoever breaks off is not waited for.
            let Ok((stream, address)) = self.listener.accept().await else { continue };
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

async fn answer(request: Request) -> http::Response<Body> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
    let said = said(&operation, &body);
    let mut answer = http::Response::new(Body::from(said));
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/x-amz-json-1.0"));
    answer
}

/// An empty table, queues that take everything, and the secrets of a deployment.
fn said(operation: &str, body: &Bytes) -> String {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    match operation {
        "GetSecretValue" => json!({"SecretString": secret(asked["SecretId"].as_str().unwrap_or_default())}),
        "SendMessage" => json!({"MessageId": "1", "MD5OfMessageBody": ""}),
        "SendMessageBatch" => {
            let taken = asked["Entries"].as_array().into_iter().flatten();
            let taken = taken.map(|entry| json!({"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": ""}));
            json!({"Successful": taken.collect::<Vec<_>>(), "Failed": []})
        }
        "Query" => json!({"Items": [], "Count": 0, "ScannedCount": 0}),
        "BatchGetItem" => json!({"Responses": {}, "UnprocessedKeys": {}}),
        _ => json!({}),
    }
    .to_string()
}

fn secret(name: &str) -> String {
    if name.ends_with("/webhooks") {
        return KEYS.to_owned();
    }
    json!({"client_id": "11111111-2222-3333-4444-555555555555", "client_secret": "nobody-has-this-secret"}).to_string()
}
