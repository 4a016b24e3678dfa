//! The platform's own certificate authority: made once, kept in the data folder, trusted by whoever is given its file.
//!
//! It vouches for the names it was made for and for nothing else: the authority's certificate says so itself (RFC 5280
//! name constraints), so that whoever trusts it trusts it for this platform alone, even where its key is stolen. The key
//! is sealed at rest and never leaves this module.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base::{Region, Timestamp};
use crypto::Sealer;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
    SerialNumber,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

const AUTHORITY_DAYS: i64 = 3_650;
/// How long an issued certificate is good for, in days.
const CERTIFICATE_DAYS: i64 = 90;
/// Clients whose clock is behind ours accept a fresh certificate none the less.
const BACKDATED_HOURS: i64 = 24;
/// The most names that an authority vouches for.
const NAMES_MAX: usize = 64;
const SEALED_BYTES_MAX: u64 = 64 * 1024;
const FIRST_LINE: &str = "fastness authority v1";
const SEAL_CONTEXT: &[u8] = b"certificate authority";

/// Why there is no authority, or no certificate from it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file could not be read or written.
    #[error("cannot use `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The sealed file does not open or is not an authority's.
    #[error("`{0}` is not an authority of this platform")]
    Malformed(PathBuf),
    /// A name that cannot stand in a certificate.
    #[error("`{0}` cannot stand in a certificate")]
    Name(String),
    /// The authority that exists was made for other names.
    #[error(
        "the authority in `{folder}` does not vouch for `{name}`; move that folder away, and a new one is made"
    )]
    NotCovered {
        /// Where the authority is kept.
        folder: PathBuf,
        /// The name that was asked for.
        name: String,
    },
    /// A certificate could not be made.
    #[error("a certificate could not be made")]
    Certificate(#[from] rcgen::Error),
}

/// A certificate with its key, as rustls takes them.
pub(crate) type Issued = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The authority of one platform.
pub struct Authority {
    names: Vec<String>,
    made: Timestamp,
    key: KeyPair,
    certificate: PathBuf,
}

impl Authority {
    /// Opens the authority in `folder`, or makes one that vouches for `names`: host names, of which subdomains too, and
    /// IP addresses.
    ///
    /// # Errors
    /// Where its files cannot be used, or it exists and does not vouch for one of the names.
    pub fn load_or_create(
        folder: &Path,
        sealer: &Sealer,
        names: &[String],
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let sealed = folder.join("authority.sealed");
        let certificate = folder.join("authority.pem");
        let authority = match read(&sealed)? {
            Some(bytes) => {
                let malformed = || AuthorityError::Malformed(sealed.clone());
                let text = sealer.open(SEAL_CONTEXT, &bytes).map_err(|_| malformed())?;
                parse(&text, certificate).ok_or_else(malformed)?
            }
            None => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder))?;
                let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
                let authority = Self { names: checked(names)?, made: now, key, certificate };
                place(&sealed, &sealer.seal(SEAL_CONTEXT, authority.text().as_bytes()))?;
                authority
            }
        };
        if let Some(name) = names.iter().find(|name| !authority.names.contains(name)) {
            return Err(AuthorityError::NotCovered { folder: folder.to_owned(), name: name.clone() });
        }
        if !authority.certificate.exists() {
            let pem = authority.params()?.self_signed(&authority.key)?.pem();
            place(&authority.certificate, pem.as_bytes())?;
        }
        Ok(authority)
    }

    /// The file that clients are to trust (`AWS_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS`, `curl --cacert`).
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// A fresh key with a certificate for all names and their subdomains, good for 90 days.
    pub(crate) fn issue(&self, region: &Region, now: Timestamp) -> Result<Issued, AuthorityError> {
        let mut params = CertificateParams::new(served(&self.names, region))?;
        params.distinguished_name = named("Fastness");
        (params.not_before, params.not_after) = lifetime(now, CERTIFICATE_DAYS)?;
        params.serial_number = Some(serial());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let own = self.params()?;
        let certificate = params.signed_by(&key, &Issuer::from_params(&own, &self.key))?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((vec![certificate.der().clone()], key.into()))
    }

    fn params(&self) -> Result<CertificateParams, AuthorityError> {
        let mut params = CertificateParams::new(Vec::new())?;
        // The key's digest tells one platform's authority from another's in a client's list.
        let digest = crypto::sha256(self.key.public_key_raw());
        let tail: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        params.distinguished_name = named(&format!("Fastness authority {tail}"));
        (params.not_before, params.not_after) = lifetime(self.made, AUTHORITY_DAYS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // SECURITY: without these, whoever trusts the authority trusts it for the whole internet.
        let permitted_subtrees = self.names.iter().map(|name| subtree(name)).collect();
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        Ok(params)
    }

    fn text(&self) -> zeroize::Zeroizing<String> {
        let names = self.names.join(" ");
        format!("{FIRST_LINE}\n{}\n{names}\n{}", self.made.secs(), self.key.serialize_pem()).into()
    }
}

fn parse(text: &[u8], certificate: PathBuf) -> Option<Authority> {
    let text = std::str::from_utf8(text).ok()?;
    let (first, rest) = text.split_once('\n')?;
    let (made, rest) = rest.split_once('\n')?;
    let (names, pem) = rest.split_once('\n')?;
    let names = names.split(' ').map(str::to_owned).collect();
    let made = Timestamp::from_secs(made.parse().ok()?);
    let key = KeyPair::from_pem(pem).ok()?;
    (first == FIRST_LINE).then_some(Authority { names, made, key, certificate })
}

/// Names that are host names or addresses, none twice.
fn checked(names: &[String]) -> Result<Vec<String>, AuthorityError> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names.iter().take(NAMES_MAX) {
        let labels_are_fine = name.len() <= 253
            && name.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            });
        if name.parse::<IpAddr>().is_err() && !labels_are_fine {
            return Err(AuthorityError::Name(name.clone()));
        }
        if !distinct.contains(name) {
            distinct.push(name.clone());
        }
    }
    Ok(distinct)
}

/// The names in a certificate: a wildcard stands for one label, so each form of address has its own.
fn served(names: &[String], region: &Region) -> Vec<String> {
    let mut served = Vec::new();
    for name in names {
        served.push(name.clone());
        if name.parse::<IpAddr>().is_err() {
            // Below a name of one label a wildcard is no name for strict clients, which then refuse the whole certificate.
            if name.contains('.') {
                served.push(format!("*.{name}"));
            }
            for service in ["execute-api", "lambda-url", "s3"] {
                served.push(format!("*.{service}.{name}"));
                served.push(format!("*.{service}.{region}.{name}"));
            }
        }
    }
    served
}

fn subtree(name: &str) -> GeneralSubtree {
    match name.parse::<IpAddr>() {
        Ok(ip) => {
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(ip, if ip.is_ipv4() { 32 } else { 128 }))
        }
        Err(_) => GeneralSubtree::DnsName(name.to_owned()),
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn serial() -> SerialNumber {
    let mut bytes = crypto::random::bytes::<16>();
    bytes[0] &= 0x7f; // a positive number, as RFC 5280 wants
    SerialNumber::from_slice(&bytes)
}

fn lifetime(from: Timestamp, days: i64) -> Result<(OffsetDateTime, OffsetDateTime), AuthorityError> {
    let at = |secs| {
        OffsetDateTime::from_unix_timestamp(secs).map_err(|_| AuthorityError::Certificate(rcgen::Error::Time))
    };
    Ok((at(from.secs() - BACKDATED_HOURS * 3_600)?, at(from.secs() + days * 86_400)?))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> AuthorityError {
    let path = path.to_owned();
    move |source| AuthorityError::Io { path, source }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, AuthorityError> {
    match fs::metadata(path) {
        Ok(found) if found.len() > SEALED_BYTES_MAX => Err(AuthorityError::Malformed(path.to_owned())),
        Ok(_) => fs::read(path).map(Some).map_err(failed(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Writes a whole, synced file of mode 0600 in one step.
fn place(path: &Path, bytes: &[u8]) -> Result<(), AuthorityError> {
    let beside = path.with_extension(format!("{}.new", crypto::random::hex(8)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject as _;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn names() -> Vec<String> {
        vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
    }

    #[test]
    fn an_authority_is_made_once_and_kept() {
        let (folder, sealer) = (tempfile::tempdir().unwrap(), crypto::RootKey::ephemeral().derive("tls"));
        let first = Authority::load_or_create(folder.path(), &sealer, &names(), NOW).unwrap();
        let pem = fs::read(first.certificate()).unwrap();
        let again = Authority::load_or_create(folder.path(), &sealer, &names(), NOW.plus_secs(99)).unwrap();
        assert_eq!(fs::read(again.certificate()).unwrap(), pem);
        assert_eq!(again.key.serialize_der(), first.key.serialize_der());
        let sealed = fs::read(folder.path().join("authority.sealed")).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("PRIVATE"));
    }

    #[test]
    fn strict_clients_take_its_certificates_for_every_form_of_address() {
        use rustls::client::danger::ServerCertVerifier as _;
        let (folder, sealer) = (tempfile::tempdir().unwrap(), crypto::RootKey::ephemeral().derive("tls"));
        let names = [names(), vec!["fastness.example".to_owned()]].concat();
        let authority = Authority::load_or_create(folder.path(), &sealer, &names, NOW).unwrap();
        let (chain, _) = authority.issue(&"us-east-1".parse().unwrap(), NOW).unwrap();
        let mut trusted = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority.certificate()).unwrap() {
            trusted.add(certificate.unwrap()).unwrap();
        }
        let provider = std::sync::Arc::new(crate::tls::provider());
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(trusted.into(), provider)
            .build()
            .unwrap();
        let now = rustls_pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_790_000_000));
        let verify = |name: &'static str| {
            let name = rustls_pki_types::ServerName::try_from(name).unwrap();
            verifier.verify_server_cert(&chain[0], &[], &name, &[], now)
        };
        for name in ["localhost", "127.0.0.1", "a.execute-api.localhost", "u.lambda-url.us-east-1.localhost"]
        {
            verify(name).unwrap();
        }
        for name in ["fastness.example", "sts.fastness.example", "b.s3.fastness.example"] {
            verify(name).unwrap();
        }
        assert!(verify("other.example").is_err());
    }

    #[test]
    fn a_name_it_was_not_made_for_is_refused() {
        let (folder, sealer) = (tempfile::tempdir().unwrap(), crypto::RootKey::ephemeral().derive("tls"));
        Authority::load_or_create(folder.path(), &sealer, &names(), NOW).unwrap();
        let more = [names(), vec!["fastness.example".to_owned()]].concat();
        let refused = Authority::load_or_create(folder.path(), &sealer, &more, NOW);
        assert!(
            matches!(refused, Err(AuthorityError::NotCovered { name, .. }) if name == "fastness.example")
        );
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let sealer = crypto::RootKey::ephemeral().derive("tls");
        for name in ["", "a b", "*.x", "UPPER", "-a", "a..b", "a\nb", &"a".repeat(64)] {
            let folder = tempfile::tempdir().unwrap();
            let made = Authority::load_or_create(folder.path(), &sealer, &[name.to_owned()], NOW);
            assert!(matches!(made, Err(AuthorityError::Name(_))), "{name:?}");
        }
    }

    #[test]
    fn a_foreign_or_damaged_key_file_opens_nothing() {
        let (folder, sealer) = (tempfile::tempdir().unwrap(), crypto::RootKey::ephemeral().derive("tls"));
        Authority::load_or_create(folder.path(), &sealer, &names(), NOW).unwrap();
        let other = crypto::RootKey::ephemeral().derive("tls");
        let opened = Authority::load_or_create(folder.path(), &other, &names(), NOW);
        assert!(matches!(opened, Err(AuthorityError::Malformed(_))));
    }
}
