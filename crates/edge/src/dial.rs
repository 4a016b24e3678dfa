//! The other end of TLS: a connection to a platform, whose certificate is checked against certificates that a person trusts.
//!
//! There is no way to leave the check out, and no store of the system's stands in for the bundle.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::tls::{TlsError, provider};

/// Speaks TLS over an open connection to `host`, a name or an address. Blocks as the connection does.
///
/// # Errors
/// Where the bundle cannot be read or holds no certificate, or `host` is no name. A certificate that the bundle does not vouch
/// for is an error of the first read or write.
pub fn dial(connection: TcpStream, host: &str, bundle: &Path) -> Result<impl Read + Write, TlsError> {
    let pem = |source| TlsError::Pem { path: bundle.to_owned(), source };
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(bundle).map_err(pem)? {
        trusted.add(certificate.map_err(pem)?).map_err(TlsError::Peer)?;
    }
    if trusted.is_empty() {
        return Err(TlsError::NothingTrusted(bundle.to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Peer)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Host(host.to_owned()))?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(TlsError::Peer)?;
    Ok(StreamOwned::new(session, connection))
}
