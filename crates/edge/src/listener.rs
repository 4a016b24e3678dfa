//! Accepts connections within the limits, serves HTTP/1.1 on them, and drains them at the end.
//!
//! It knows neither AWS nor functions: a connection is a stream, a peer address and, for connections out of a
//! function's environment, the door that it came through.

use std::convert::Infallible;
use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use service::call::Door;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::body::BodyMemory;
use crate::limits::Limits;
use crate::peers::Peers;
use crate::rest::{self, Ending, Lingering};
use crate::router::{self, Arrival, Router};
use crate::tls::{self, TlsIdentity};
use crate::unread::{Busy, Spoken, Underway};

/// How long a TLS handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// With this byte a TLS connection begins, and no HTTP request.
const TLS_HANDSHAKE: u8 = 22;

/// Everything that connections share. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    router: Arc<Router>,
    limits: Limits,
    memory: BodyMemory,
    places: Arc<Semaphore>,
    peers: Peers,
    http: http1::Builder,
    /// What functions are shown that speak TLS to their door.
    door_tls: Option<TlsIdentity>,
}

/// A peer's connection, whose refusals are written in full and whose end is gentle.
type Stream<S> = TokioIo<Spoken<Lingering<S>>>;

/// Why the edge does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// A bound address that accepts connections once [`Listening::run`] is awaited.
pub struct Listening {
    edge: Edge,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsIdentity>,
}

impl Edge {
    /// An edge that hands requests to `router`.
    pub fn new(router: Router, limits: Limits) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_headers(limits.headers_max)
            .max_header_size(limits.head_bytes_max)
            .max_buf_size(limits.head_bytes_max)
            .keep_alive(true)
            .half_close(false);
        Self {
            router: Arc::new(router),
            limits,
            memory: BodyMemory::new(limits.bodies_bytes_max),
            places: Arc::new(Semaphore::new(limits.connections_max)),
            peers: Peers::new(limits.peer_connections_max),
            http,
            door_tls: None,
        }
    }

    /// The same edge, which functions may speak TLS to as well. For the wiring, before it serves.
    #[must_use]
    pub fn with_door_tls(mut self, identity: TlsIdentity) -> Self {
        tokio::spawn(identity.clone().keep_fresh());
        self.door_tls = Some(identity);
        self
    }

    /// Takes the address.
    ///
    /// # Errors
    /// Where the system refuses it.
    pub async fn bind(self, address: SocketAddr, tls: Option<TlsIdentity>) -> Result<Listening, ServeError> {
        let bound = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bound)?;
        let address = listener.local_addr().map_err(bound)?;
        Ok(Listening { edge: self, listener, address, tls })
    }

    /// Serves one connection that came out of a function's environment, until it ends.
    pub async fn serve_door(&self, stream: TcpStream, door: Arc<Door>) {
        let _ = stream.set_nodelay(true);
        let Ok(_place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let mut first = [0];
        let peeked = tokio::time::timeout(self.limits.head_timeout, stream.peek(&mut first)).await;
        if let Ok(Ok(1)) = peeked {
            self.door_connection(stream, first, door).await;
        }
    }

    /// The same for a connection that was handed on, and may have been read from already.
    pub async fn serve_door_behind<S>(&self, stream: S, door: Arc<Door>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(_place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let (mut read, write) = tokio::io::split(stream);
        let mut first = [0];
        let begun = tokio::time::timeout(self.limits.head_timeout, read.read(&mut first)).await;
        if let Ok(Ok(1)) = begun {
            let stream = tokio::io::join(Cursor::new(first).chain(read), write);
            self.door_connection(stream, first, door).await;
        }
    }

    /// Serves a connection out of an environment that begins with this byte.
    async fn door_connection<S>(&self, stream: S, first: [u8; 1], door: Arc<Door>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut arrival =
            Arrival { peer, is_secure: true, speaks_tls: false, tls_version: None, door: Some(door) };
        let served = match &self.door_tls {
            Some(TlsIdentity { acceptor, .. }) if first == [TLS_HANDSHAKE] => {
                arrival.speaks_tls = true;
                let handshake = tokio::time::timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream));
                let Ok(Ok(stream)) = handshake.await else { return };
                self.connection(stream, arrival).await
            }
            _ => self.connection(stream, arrival).await,
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection from a function ended early");
        }
    }

    fn connection<S>(
        &self,
        stream: S,
        arrival: Arrival,
    ) -> http1::Connection<
        Stream<S>,
        impl hyper::service::Service<
            hyper::Request<Incoming>,
            Response = hyper::Response<Underway>,
            Error = Infallible,
            Future: Send,
        > + use<S>,
    >
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = Arc::clone(&self.router);
        let limits = self.limits;
        let memory = self.memory.clone();
        let arrival = Arc::new(arrival);
        let (busy, ending) = (Busy::default(), Ending::default());
        let stream = Spoken::new(Lingering::new(stream, ending.clone()), busy.clone());
        let service = service_fn(move |request| {
            let begun = busy.begin();
            let ending = ending.clone();
            let router = Arc::clone(&router);
            let memory = memory.clone();
            let arrival = Arc::clone(&arrival);
            async move {
                let (request, rest) = rest::watched(request);
                // A fault of ours ends one request, with an answer, and not the connection's others.
                let answered =
                    AssertUnwindSafe(router.answer(request, &arrival, &limits, &memory)).catch_unwind().await;
                let mut response = answered.unwrap_or_else(|_| router::failed());
                rest.end(&mut response, &ending);
                Ok::<_, Infallible>(response.map(|answer| Underway { answer, _begun: begun }))
            }
        });
        self.http.serve_connection(TokioIo::new(stream), service)
    }
}

impl Listening {
    /// The address with its real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until `stop` turns true, then lets open requests finish within the drain time.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let renewing = self.tls.clone().map(|identity| tokio::spawn(identity.keep_fresh()));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.wait_for(|stopping| *stopping) => break,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, &graceful),
                // Out of descriptors, most likely: wait for connections to end instead of spinning.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        if let Some(renewing) = renewing {
            renewing.abort();
        }
        drop(self.listener);
        if tokio::time::timeout(self.edge.limits.drain_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests still open after the drain time were cut off");
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, graceful: &GracefulShutdown) {
        let Ok(place) = Arc::clone(&self.edge.places).try_acquire_owned() else {
            tracing::warn!(%peer, "connection refused: {} are open", self.edge.limits.connections_max);
            return;
        };
        let Some(share) = self.edge.peers.admit(peer.ip()) else {
            tracing::warn!(%peer, "connection refused: the peer has {} open", self.edge.limits.peer_connections_max);
            return;
        };
        let _ = stream.set_nodelay(true);
        let watcher = graceful.watcher();
        let edge = self.edge.clone();
        let tls = self.tls.clone();
        tokio::spawn(async move {
            let _held = (place, share);
            let arrival = |tls_version, is_secure| Arrival {
                peer: peer.ip(),
                is_secure,
                speaks_tls: is_secure,
                tls_version,
                door: None,
            };
            let served = match tls {
                None => watcher.watch(edge.connection(stream, arrival(None, false))).await,
                Some(TlsIdentity { acceptor, .. }) => {
                    let handshake = tokio::time::timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream));
                    let Ok(Ok(stream)) = handshake.await else { return };
                    let version = tls::version(&stream);
                    watcher.watch(edge.connection(stream, arrival(version, true))).await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%peer, %error, "a connection ended early");
            }
        });
    }
}
