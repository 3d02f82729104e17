//! The world behind a transport in the same process, and behind HTTP.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use futures::stream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::record::{Service, Violation};
use crate::world::World;

const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Carries requests to the services by their real host names, and by the addresses of servers.
struct InProcess {
    world: World,
    served: Vec<(String, Service)>,
}

#[async_trait]
impl Transport for InProcess {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        _timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let authority = request.uri().authority().map(|authority| authority.as_str());
        let served = self.served.iter().find(|(base, _)| base.strip_prefix("http://") == authority);
        let service = match (host.as_str(), served) {
            (_, Some((_, service))) => *service,
            ("webexapis.com", None) => Service::Webex,
            ("login.microsoftonline.com", None) => Service::Entra,
            ("graph.microsoft.com", None) => Service::Graph,
            _ => {
                if request.headers().contains_key(http::header::AUTHORIZATION) {
                    self.world.record_violation(Violation::TokenSentTo { host: host.clone() });
                }
                return Err(TransportError::NotSent(format!("no such host: {host}")));
            }
        };
        self.world.handle(service, request).await
    }
}

impl World {
    /// Returns a transport that knows only `webexapis.com`, `login.microsoftonline.com` and
    /// `graph.microsoft.com`. An access token for any other host is a [`Violation`].
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(InProcess { world: self.clone(), served: vec![] })
    }

    /// Returns a transport that also knows the addresses of these servers.
    pub fn transport_beside(&self, servers: &Servers) -> Arc<dyn Transport> {
        let served = [
            (&servers.webex, Service::Webex),
            (&servers.login, Service::Entra),
            (&servers.graph, Service::Graph),
        ];
        let served = served.map(|(base, service)| (base.clone(), service));
        Arc::new(InProcess { world: self.clone(), served: served.into() })
    }

    /// Returns one service as an axum router, for a separate address. Links in responses use the
    /// host of the request.
    pub fn router(&self, service: Service) -> Router {
        Router::new().fallback(over_http).with_state((self.clone(), service))
    }
}

async fn over_http(
    State((world, service)): State<(World, Service)>,
    request: Request,
) -> http::Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        let mut refusal = http::Response::new(Body::empty());
        *refusal.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
        return refusal;
    };
    match world.handle(service, http::Request::from_parts(parts, body)).await {
        Ok(response) => response.map(Body::from),
        // A body that ends in an error makes the server drop the connection, as a cut would.
        Err(error) => http::Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(
            io::Error::other(error),
        )]))),
    }
}

/// The three services on ports of 127.0.0.1, until dropped.
#[derive(Debug)]
pub struct Servers {
    /// Base of Webex, without a path: `http://127.0.0.1:<port>`.
    pub webex: String,
    /// Base of Entra's login host.
    pub login: String,
    /// Base of Graph, without the version.
    pub graph: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Requested ports of the services; 0 is any free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ports {
    /// Port of Webex.
    pub webex: u16,
    /// Port of Entra's login host.
    pub login: u16,
    /// Port of Graph.
    pub graph: u16,
}

/// Binds the three services to free ports of 127.0.0.1.
///
/// # Errors
/// If a port cannot be bound.
pub async fn serve(world: &World) -> io::Result<Servers> {
    serve_on(world, Ports::default()).await
}

/// Binds the three services to these ports of 127.0.0.1; a taken port is replaced by a free one.
///
/// # Errors
/// If no port can be bound.
pub async fn serve_on(world: &World, ports: Ports) -> io::Result<Servers> {
    let mut tasks = Vec::new();
    let mut bases = Vec::new();
    for (service, port) in [
        (Service::Webex, ports.webex),
        (Service::Entra, ports.login),
        (Service::Graph, ports.graph),
    ] {
        let listener = match TcpListener::bind(("127.0.0.1", port)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                TcpListener::bind(("127.0.0.1", 0)).await?
            }
            bound => bound?,
        };
        bases.push(format!("http://{}", listener.local_addr()?));
        let router = world.router(service);
        tasks.push(tokio::spawn(async move {
            // It ends only with the task.
            let _ = axum::serve(listener, router).await;
        }));
    }
    let [webex, login, graph] = <[String; 3]>::try_from(bases).unwrap_or_default();
    // Clients of this server ask for tokens by this name of Graph.
    world.lock().microsoft.graph.insert(graph.clone());
    Ok(Servers { webex, login, graph, tasks })
}
