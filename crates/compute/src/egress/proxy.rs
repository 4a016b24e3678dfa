//! Serves one connection through an environment's egress door: head, decision, record, and then bytes.
//!
//! Nothing gets out unrecorded, and no answer of its own tells what a name stands for. What is meant for the platform's own stages and
//! function URLs does not get out: it is handed to whoever serves the AWS door.

use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::decide::{CONNECT_TIME_MAX, Decider, HostResolver, NoWay, Way};
use super::head::{BadHead, Forward, Host, Wish, parse};
use super::own::is_own;
use super::pace::Pace;
use super::places::Places;
use super::relay::{self, RelayTimes};
use super::rule::EgressRule;
use super::{EgressAttempt, EgressLog, EgressOutcome, Resolve};
use crate::contract::{AwsDoor, EnvironmentIdentity, OwnDoor};
use crate::limits::{
    EGRESS_CONNECTIONS_MAX, EGRESS_HEAD_BYTES_MAX, EGRESS_HEAD_TIME_MAX, EGRESS_IDLE_TIME_MAX,
    EGRESS_TIME_MAX,
};

/// What the proxy is made of.
pub struct EgressProxyOptions {
    /// What may be reached. Nothing, where there is none.
    pub rules: Vec<EgressRule>,
    /// Records every attempt.
    pub log: Arc<dyn EgressLog>,
    /// Where the platform listens, once it does: it is never reached this way.
    pub platform: Arc<OnceLock<SocketAddr>>,
    /// Serves what is meant for the platform's own stages and function URLs; they are out of reach where it is `None`.
    pub own: Option<OwnDoor>,
    /// Resolves names; the host's resolver where it is `None`.
    pub resolver: Option<Arc<dyn Resolve>>,
}

/// The proxy behind all egress doors. Cheap to clone.
#[derive(Clone)]
pub struct EgressProxy(Arc<Proxy>);

struct Proxy {
    decider: Decider,
    log: Arc<dyn EgressLog>,
    own: Option<OwnDoor>,
    places: Places,
    pace: Pace,
    times: RelayTimes,
}

/// What a client is told before its tunnel begins.
const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection Established\r\n\r\n";

/// A request and whose it is.
struct Asked {
    identity: Arc<EnvironmentIdentity>,
    method: String,
    host: Host,
    port: u16,
}

impl EgressProxy {
    /// A proxy with these rules.
    pub fn new(options: EgressProxyOptions) -> Self {
        let EgressProxyOptions { rules, log, platform, own, resolver } = options;
        let resolver = resolver.unwrap_or_else(|| Arc::new(HostResolver::default()));
        Self(Arc::new(Proxy {
            decider: Decider { rules, resolver, platform },
            log,
            own,
            places: Places::new(EGRESS_CONNECTIONS_MAX),
            pace: Pace::default(),
            times: RelayTimes { idle: EGRESS_IDLE_TIME_MAX, total: EGRESS_TIME_MAX },
        }))
    }

    /// The same with room for so many connections, for tests.
    #[cfg(test)]
    pub(super) fn with_places(self, max: usize) -> Self {
        let mut proxy = Arc::into_inner(self.0).unwrap();
        proxy.places = Places::new(max);
        Self(Arc::new(proxy))
    }

    /// The same with other times, for tests.
    #[cfg(test)]
    pub(super) fn with_times(self, times: RelayTimes) -> Self {
        let mut proxy = Arc::into_inner(self.0).unwrap();
        proxy.times = times;
        Self(Arc::new(proxy))
    }

    /// Serves connections that come through egress doors.
    #[must_use]
    pub fn door(&self) -> AwsDoor {
        let proxy = Arc::clone(&self.0);
        Arc::new(move |stream, identity| {
            let proxy = Arc::clone(&proxy);
            Box::pin(async move {
                let environment = identity.environment_id.clone();
                if let Err(error) = proxy.serve(stream, identity).await {
                    tracing::debug!(%error, environment, "a connection to the outside ended early");
                }
            })
        })
    }
}

impl Proxy {
    async fn serve(&self, mut client: TcpStream, identity: Arc<EnvironmentIdentity>) -> io::Result<()> {
        let Ok(read) = timeout(EGRESS_HEAD_TIME_MAX, read_head(&mut client)).await else {
            return answer(&mut client, "408 Request Timeout", "the request's head did not come in time")
                .await;
        };
        let (wish, early) = match read? {
            Ok(read) => read,
            Err(BadHead::TooLarge) => {
                let message = BadHead::TooLarge.to_string();
                return answer(&mut client, "431 Request Header Fields Too Large", &message).await;
            }
            Err(bad) => return answer(&mut client, "400 Bad Request", &bad.to_string()).await,
        };
        // SECURITY: only what goes out takes a place. The doors count what is yet to say what it wants, and what is served here.
        match wish {
            Wish::Tunnel { host, port } => {
                if let Some(own) = self.own_door(&host) {
                    client.write_all(ESTABLISHED).await?;
                    return hand_over(own, client, early, identity).await;
                }
                let Some(_place) = self.places.take(identity.account) else { return full(&mut client).await };
                let asked = Asked { identity, method: "CONNECT".to_owned(), host, port };
                let Some(server) = self.reach(&mut client, &asked).await? else { return Ok(()) };
                client.write_all(ESTABLISHED).await?;
                relay::tunnel(client, server, &early, self.times).await
            }
            Wish::Forward(Forward { host, port, method, head, body }) => {
                if let Some(own) = self.own_door(&host) {
                    // Its length was found to be one thing only, and it is the last request of its connection.
                    return hand_over(own, client, [head, early.to_vec()].concat(), identity).await;
                }
                let Some(_place) = self.places.take(identity.account) else { return full(&mut client).await };
                let asked = Asked { identity, method, host, port };
                let Some(mut server) = self.reach(&mut client, &asked).await? else { return Ok(()) };
                server.write_all(&head).await?;
                relay::exchange(client, server, &early, body, self.times).await
            }
        }
    }

    /// Who serves this host, where it is one of the platform's own addresses. On which port it is asked for does not matter: inside, the
    /// platform listens on one of its own.
    fn own_door(&self, host: &Host) -> Option<&OwnDoor> {
        self.own.as_ref().filter(|_| is_own(host))
    }

    /// A connection to what was asked for; where there is none, the client was told why.
    // SECURITY: the record comes before the first byte in either direction, and without it there is no way out.
    async fn reach(&self, client: &mut TcpStream, asked: &Asked) -> io::Result<Option<TcpStream>> {
        let (way, outcome) = match self.decider.way(&asked.host, asked.port).await {
            Ok(way) => (Some(way), None),
            Err(NoWay::Refused(reason)) => (None, Some(EgressOutcome::Refused(reason))),
            Err(NoWay::Failed(reason)) => (None, Some(EgressOutcome::Failed(reason))),
        };
        let connected = match &way {
            Some(way) => connect(way).await,
            None => None,
        };
        let outcome = match (&connected, outcome) {
            (Some(_), _) => EgressOutcome::Connected,
            (None, Some(outcome)) => outcome,
            (None, None) => EgressOutcome::Failed("the host could not be connected to".to_owned()),
        };
        let address = connected.as_ref().and_then(|server| server.peer_addr().ok());
        let recorded = self.log.record(attempt(asked, way, address, outcome.clone())).await;
        let (status, reason) = match outcome {
            EgressOutcome::Connected if recorded => return Ok(connected),
            EgressOutcome::Connected => {
                ("503 Service Unavailable", "the attempt could not be recorded".to_owned())
            }
            EgressOutcome::Refused(reason) => ("403 Forbidden", reason),
            EgressOutcome::Failed(reason) => ("502 Bad Gateway", reason),
        };
        tokio::time::sleep(self.pace.next(&asked.identity.environment_id, Instant::now())).await;
        let message = format!("{}:{}: {reason}", asked.host, asked.port);
        answer(client, status, &message).await?;
        Ok(None)
    }
}

async fn full(client: &mut TcpStream) -> io::Result<()> {
    answer(client, "503 Service Unavailable", "too many connections").await
}

/// Hands the connection on, as if `read` had not been read of it yet.
// SECURITY: as the environment that it is: what is served is served to the credentials that its AWS door lets in. What becomes of
// the request is told where it is served, as for every other request of that door.
async fn hand_over(
    own: &OwnDoor,
    client: TcpStream,
    read: impl AsRef<[u8]> + Unpin + Send + 'static,
    identity: Arc<EnvironmentIdentity>,
) -> io::Result<()> {
    let (rest, answers) = client.into_split();
    own(Box::new(tokio::io::join(Cursor::new(read).chain(rest), answers)), identity).await;
    Ok(())
}

fn attempt(
    asked: &Asked,
    way: Option<Way>,
    address: Option<SocketAddr>,
    outcome: EgressOutcome,
) -> EgressAttempt {
    EgressAttempt {
        identity: Arc::clone(&asked.identity),
        method: asked.method.clone(),
        host: asked.host.to_string(),
        port: asked.port,
        rule: way.map(|way| way.rule),
        address,
        outcome,
    }
}

/// The first of the checked addresses that takes the connection.
async fn connect(way: &Way) -> Option<TcpStream> {
    for address in &way.addresses {
        if let Ok(Ok(server)) = timeout(CONNECT_TIME_MAX, TcpStream::connect(address)).await {
            let _ = server.set_nodelay(true);
            return Some(server);
        }
    }
    None
}

/// A head, and what came after it.
async fn read_head(client: &mut TcpStream) -> io::Result<Result<(Wish, Bytes), BadHead>> {
    let mut input = BytesMut::with_capacity(1_024);
    loop {
        if client.read_buf(&mut input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match parse(&input) {
            Ok(Some((wish, length))) => {
                let _ = input.split_to(length);
                return Ok(Ok((wish, input.freeze())));
            }
            Ok(None) if input.len() > EGRESS_HEAD_BYTES_MAX => return Ok(Err(BadHead::TooLarge)),
            Ok(None) => {}
            Err(bad) => return Ok(Err(bad)),
        }
    }
}

/// An answer of the proxy's own, as JSON.
async fn answer(client: &mut TcpStream, status: &str, message: &str) -> io::Result<()> {
    let body = serde_json::json!({ "error": "Egress", "message": message }).to_string();
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}
