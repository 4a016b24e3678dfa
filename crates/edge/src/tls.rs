//! The server's TLS identity: from PEM files, or issued by the platform's own authority and renewed while it runs.
//!
//! TLS 1.2 and 1.3 with rustls's own choice of suites; the provider is named here and never taken from the process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base::{Clock, Region};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, AuthorityError, Issued};

/// How often an issued certificate is replaced: long before it ends.
const RENEWED_EVERY: Duration = Duration::from_secs(7 * 86_400);

/// A certificate chain with its key, ready to accept connections.
#[derive(Clone)]
pub struct TlsIdentity {
    pub(crate) acceptor: TlsAcceptor,
    renewal: Option<Arc<Renewal>>,
}

/// Why a TLS identity could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or holds no PEM of its kind.
    #[error("cannot read a TLS certificate or key from `{path}`")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: rustls_pki_types::pem::Error,
    },
    /// There is no certificate to trust.
    #[error("there is no certificate of an authority to trust")]
    NoAuthority,
    /// Certificate and key do not fit each other, or are of an unsupported kind.
    #[error("the TLS certificate and key cannot be used")]
    Identity(#[source] rustls::Error),
    /// A bundle of trusted certificates is empty.
    #[error("`{0}` holds no certificate to trust")]
    NothingTrusted(PathBuf),
    /// Who is called has no name that a certificate could have.
    #[error("`{0}` is no host's name")]
    Host(String),
    /// A trusted certificate cannot be used, or a connection to its holder not begun.
    #[error("a TLS connection cannot be made")]
    Peer(#[source] rustls::Error),
    /// The platform's own authority gave none.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

impl TlsIdentity {
    /// Loads a PEM certificate chain and its PEM private key.
    ///
    /// # Errors
    /// Where a file cannot be read, or the two do not make an identity.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let pem = |path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::Pem { path, source }
        };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(pem(certificate))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(pem(key))?;
        let current = Arc::new(Current::new((chain, key))?);
        Ok(Self { acceptor: acceptor(current)?, renewal: None })
    }

    /// An identity of the platform's own authority.
    ///
    /// # Errors
    /// Where it cannot issue one.
    pub fn issued(authority: Authority, region: Region, clock: Clock) -> Result<Self, TlsError> {
        let current = Arc::new(Current::new(authority.issue(&region, clock.now())?)?);
        let renewal = Renewal { authority, region, clock, current: Arc::clone(&current) };
        Ok(Self { acceptor: acceptor(current)?, renewal: Some(Arc::new(renewal)) })
    }

    /// Replaces an issued certificate now and then, for ever; waits for ever where nothing is to be replaced.
    pub(crate) async fn keep_fresh(self) {
        let Some(renewal) = self.renewal else { return std::future::pending().await };
        loop {
            tokio::time::sleep(RENEWED_EVERY).await;
            if let Err(error) = renewal.renew() {
                tracing::error!(error = %base::Chain(&error), "the TLS certificate could not be renewed");
            }
        }
    }
}

struct Renewal {
    authority: Authority,
    region: Region,
    clock: Clock,
    current: Arc<Current>,
}

impl Renewal {
    fn renew(&self) -> Result<(), TlsError> {
        let issued = self.authority.issue(&self.region, self.clock.now())?;
        self.current.0.store(certified(issued)?);
        Ok(())
    }
}

/// The certificate that new connections get.
struct Current(ArcSwap<CertifiedKey>);

impl Current {
    fn new(issued: Issued) -> Result<Self, TlsError> {
        Ok(Self(ArcSwap::new(certified(issued)?)))
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Current(…)")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn certified((chain, key): Issued) -> Result<Arc<CertifiedKey>, TlsError> {
    // `from_der` refuses a key that does not belong to the certificate.
    CertifiedKey::from_der(chain, key, &provider()).map(Arc::new).map_err(TlsError::Identity)
}

fn acceptor(current: Arc<Current>) -> Result<TlsAcceptor, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Identity)?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The version that a connection speaks, as policies write it.
pub(crate) fn version<T>(stream: &tokio_rustls::server::TlsStream<T>) -> Option<&'static str> {
    match stream.get_ref().1.protocol_version()? {
        rustls::ProtocolVersion::TLSv1_2 => Some("1.2"),
        rustls::ProtocolVersion::TLSv1_3 => Some("1.3"),
        _ => None,
    }
}

pub(crate) fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}
