//! What a certificate (X.509, RFC 5280) says of its time and its key, and which public key a private key has.
//!
//! It reads and does not judge: no chain is followed, no name is compared with a host's, and whether a link holds is all that is
//! said of signatures. DER is read without recursion, each length checked against what is left.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaKeyPair,
    UnparsedPublicKey, VerificationAlgorithm,
};

/// The largest certificate, in bytes.
const CERTIFICATE_BYTES_MAX: usize = 64 * 1_024;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The certificate's version, where it is not the first.
const VERSION: u8 = 0xa0;

/// A certificate, as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// When it begins, as `YYYYMMDDTHHMMSSZ`.
    pub not_before: String,
    /// When it ends, likewise.
    pub not_after: String,
    /// The subject's public key: the content of its bit string.
    pub public_key: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    /// What the issuer signed, how, and the signature.
    signed: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
}

/// The rest of what is to be read.
pub(crate) struct Der<'a>(pub(crate) &'a [u8]);

impl<'a> Der<'a> {
    /// The next element's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return None;
            }
            let (digits, rest) = rest.split_at_checked(count)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element whole, where it has this tag.
    fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        let before = self.0;
        self.take(tag)?;
        before.get(..before.len() - self.0.len())
    }

    /// The content of the next element, where it has this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

impl Certificate {
    /// From its DER; `None` where it is not one.
    pub fn parse(der: &[u8]) -> Option<Self> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return None;
        }
        let mut whole = Der(der);
        let certificate = whole.take(SEQUENCE)?;
        if !whole.0.is_empty() {
            return None;
        }
        let mut certificate = Der(certificate);
        let body = certificate.whole(SEQUENCE)?;
        let algorithm = Der(certificate.take(SEQUENCE)?).take(OBJECT_ID)?;
        let (spare, signature) = certificate.take(BIT_STRING)?.split_first()?;
        let mut signed = Der(Der(body).take(SEQUENCE)?);
        if signed.0.first() == Some(&VERSION) {
            signed.next()?;
        }
        signed.take(INTEGER)?;
        let (_algorithm, issuer) = (signed.take(SEQUENCE)?, signed.take(SEQUENCE)?);
        let mut validity = Der(signed.take(SEQUENCE)?);
        let (not_before, not_after) = (moment(validity.next()?)?, moment(validity.next()?)?);
        let subject = signed.take(SEQUENCE)?;
        let mut key = Der(signed.take(SEQUENCE)?);
        key.take(SEQUENCE)?;
        let (unused, public_key) = key.take(BIT_STRING)?.split_first()?;
        (*unused == 0 && *spare == 0).then(|| Self {
            not_before,
            not_after,
            public_key: public_key.to_vec(),
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            signed: body.to_vec(),
            algorithm: algorithm.to_vec(),
            signature: signature.to_vec(),
        })
    }

    /// True where `issuer` has the name that this certificate's issuer has, and its key made this certificate's signature.
    /// Signatures by SHA-1, or of keys that [`public_key_of`] does not know, are none.
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        let Some(algorithm) = verification(&self.algorithm, issuer.public_key.len()) else { return false };
        let key = UnparsedPublicKey::new(algorithm, &issuer.public_key);
        self.issuer == issuer.subject && key.verify(&self.signed, &self.signature).is_ok()
    }
}

/// How a signature is checked, by its object identifier (RFC 4055, RFC 5758) and, for points of curves, the key's length.
fn verification(identifier: &[u8], key_bytes: usize) -> Option<&'static dyn VerificationAlgorithm> {
    const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    if let Some(kind) = identifier.strip_prefix(&RSA) {
        return Some(match kind {
            [11] => &RSA_PKCS1_2048_8192_SHA256,
            [12] => &RSA_PKCS1_2048_8192_SHA384,
            [13] => &RSA_PKCS1_2048_8192_SHA512,
            _ => return None,
        });
    }
    Some(match (identifier.strip_prefix(&ECDSA)?, key_bytes) {
        ([2], 65) => &ECDSA_P256_SHA256_ASN1,
        ([3], 65) => &ECDSA_P256_SHA384_ASN1,
        ([2], 97) => &ECDSA_P384_SHA256_ASN1,
        ([3], 97) => &ECDSA_P384_SHA384_ASN1,
        ([2], 133) => &ECDSA_P521_SHA256_ASN1,
        ([3], 133) => &ECDSA_P521_SHA384_ASN1,
        ([4], 133) => &ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` as `YYYYMMDDTHHMMSSZ`. Years of two digits are those from 1950 to 2049.
fn moment((tag, content): (u8, &[u8])) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    let digits = text.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = match (tag, digits.len()) {
        (UTC_TIME, 12) => format!("{}{digits}", if digits < "5" { "20" } else { "19" }),
        (GENERALIZED_TIME, 14) => digits.to_owned(),
        _ => return None,
    };
    let (date, time) = whole.split_at_checked(8)?;
    Some(format!("{date}T{time}Z"))
}

/// The public key of a private key in DER (PKCS #8, PKCS #1 or SEC 1), as certificates hold it; `None` where it is not one of
/// RSA with 2,048 to 8,192 bits or of the curves P-256, P-384 and P-521.
pub fn public_key_of(private_key: &[u8]) -> Option<Vec<u8>> {
    let rsa = RsaKeyPair::from_pkcs8(private_key).or_else(|_| RsaKeyPair::from_der(private_key));
    if let Ok(rsa) = rsa {
        return Some(rsa.public_key().as_ref().to_vec());
    }
    let curves =
        [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING];
    let found = curves.iter().find_map(|curve| {
        EcdsaKeyPair::from_pkcs8(curve, private_key)
            .or_else(|_| EcdsaKeyPair::from_private_key_der(curve, private_key))
            .ok()
    });
    found.map(|key| key.public_key().as_ref().to_vec())
}

/// Whatever the bytes, they are a certificate within its bounds or none.
#[doc(hidden)]
pub fn fuzz_certificate(data: &[u8]) {
    if let Some(found) = Certificate::parse(data) {
        let _ = found.is_issued_by(&found);
        assert!(found.public_key.len() < data.len() && found.not_after.len() == 16);
    }
    let _ = public_key_of(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &[u8] = include_bytes!("../tests/data/certificate.der");

    #[test]
    fn a_certificate_tells_its_time_and_its_key() {
        let read = Certificate::parse(CERTIFICATE).unwrap();
        assert_eq!(read.not_before, "20261122T103314Z");
        assert_eq!(read.not_after, "20520130T103314Z");
        for private_key in [
            &include_bytes!("../tests/data/key.pkcs8.der")[..],
            &include_bytes!("../tests/data/key.sec1.der")[..],
        ] {
            assert_eq!(public_key_of(private_key).as_deref(), Some(&*read.public_key));
        }
        let rsa = include_bytes!("../tests/data/rsa.pkcs1.der");
        assert!(public_key_of(rsa).is_some_and(|key| key != read.public_key));
        assert_eq!(public_key_of(CERTIFICATE), None);
    }

    #[test]
    fn each_link_is_signed_by_the_next_and_by_no_other() {
        let read = |der: &[u8]| Certificate::parse(der).unwrap();
        let leaf = read(include_bytes!("../tests/data/chain-leaf.der"));
        let between = read(include_bytes!("../tests/data/chain-between.der"));
        let root = read(include_bytes!("../tests/data/chain-root.der"));
        assert!(leaf.is_issued_by(&between) && between.is_issued_by(&root) && root.is_issued_by(&root));
        assert!(!leaf.is_issued_by(&root) && !between.is_issued_by(&leaf) && !leaf.is_issued_by(&leaf));
        let stranger = Certificate { subject: between.subject.clone(), ..read(CERTIFICATE) };
        assert!(!leaf.is_issued_by(&stranger), "the name alone");
        let renamed = Certificate { subject: root.subject.clone(), ..between.clone() };
        assert!(!leaf.is_issued_by(&renamed), "the key alone");
        let changed = Certificate { signed: [&*leaf.signed, b"x"].concat(), ..leaf.clone() };
        assert!(!changed.is_issued_by(&between));
    }

    #[test]
    fn cut_and_changed_certificates_are_read_or_refused_and_nothing_else() {
        for at in 0..CERTIFICATE.len() {
            let (cut, _) = CERTIFICATE.split_at(at);
            assert_eq!(Certificate::parse(cut), None, "cut at {at}");
            let mut changed = CERTIFICATE.to_vec();
            changed[at] ^= 0xff;
            fuzz_certificate(&changed);
        }
        assert_eq!(Certificate::parse(&[CERTIFICATE, b"x"].concat()), None, "something behind it");
        for seed in [&b""[..], b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x80\x00\x00"] {
            fuzz_certificate(seed);
        }
    }
}
