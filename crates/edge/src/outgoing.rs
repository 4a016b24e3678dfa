//! The platform's own way out: one bounded GET over TLS to addresses that its caller has checked.
//!
//! It resolves no name, follows no redirect, sends no credential and keeps no connection. Whom it trusts is given, and never
//! taken from the process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::tls::{TlsError, provider};

/// The longest that one document may take, connecting included.
const TIME_MAX: Duration = Duration::from_secs(5);
/// The largest document.
const BODY_BYTES_MAX: usize = 256 * 1_024;

/// A client that trusts what it was given, and nothing else.
#[derive(Clone)]
pub struct HttpsClient(TlsConnector);

/// The document could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// Nothing answered at any of the addresses, or not in time.
    #[error("no connection within {}s", TIME_MAX.as_secs())]
    Unreachable,
    /// The peer is not who it should be, or does not speak TLS.
    #[error("the server's certificate is not trusted for this name, or it speaks no TLS")]
    Untrusted(#[source] std::io::Error),
    /// The host's name cannot stand in a certificate.
    #[error("the host's name is not valid")]
    Name,
    /// The answer is not one whole document.
    #[error("the answer is not a document of at most {BODY_BYTES_MAX} bytes")]
    Answer,
    /// The answer has another status than 200.
    #[error("the answer has status {0}")]
    Status(u16),
}

/// What to get from where.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The host, as the certificate names it.
    pub host: &'a str,
    /// The port, for the `Host` header.
    pub port: u16,
    /// Path and query.
    pub path: &'a str,
    /// The addresses that may be connected to, in order.
    pub addresses: &'a [SocketAddr],
}

impl HttpsClient {
    /// Trusts the authorities in these PEM certificates. What is not a certificate there is passed over; none at all is an
    /// error.
    ///
    /// # Errors
    /// Where there is no certificate to trust.
    pub fn trusting(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
        let (trusted, _) = roots.add_parsable_certificates(certificates);
        if trusted == 0 {
            return Err(TlsError::NoAuthority);
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Identity)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Gets one document.
    ///
    /// # Errors
    /// Where it cannot be had whole, in time, from whom it should come.
    pub async fn get(&self, wanted: Wanted<'_>) -> Result<Vec<u8>, OutgoingError> {
        tokio::time::timeout(TIME_MAX, self.document(wanted)).await.map_err(|_| OutgoingError::Unreachable)?
    }

    async fn document(&self, wanted: Wanted<'_>) -> Result<Vec<u8>, OutgoingError> {
        let name = ServerName::try_from(wanted.host.to_owned()).map_err(|_| OutgoingError::Name)?;
        let stream = connected(wanted.addresses).await.ok_or(OutgoingError::Unreachable)?;
        let stream = self.0.connect(name, stream).await.map_err(OutgoingError::Untrusted)?;
        let answer = |_| OutgoingError::Answer;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(answer)?;
        let connection = tokio::spawn(connection);
        let host = if wanted.port == 443 {
            wanted.host.to_owned()
        } else {
            format!("{}:{}", wanted.host, wanted.port)
        };
        let request = Request::get(wanted.path)
            .header(header::HOST, host)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "fastness")
            .body(Empty::<Bytes>::new())
            .map_err(|_| OutgoingError::Name)?;
        let response = sender.send_request(request).await.map_err(answer)?;
        if response.status() != StatusCode::OK {
            return Err(OutgoingError::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        connection.abort();
        Ok(body.map_err(|_| OutgoingError::Answer)?.to_bytes().to_vec())
    }
}

async fn connected(addresses: &[SocketAddr]) -> Option<TcpStream> {
    for address in addresses {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Some(stream);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_trusts_nobody_is_no_client() {
        for pem in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff"] {
            assert!(matches!(HttpsClient::trusting(pem), Err(TlsError::NoAuthority)));
        }
    }
}
