//! Builds signed requests as bytes.

use std::fmt::Write as _;
use std::net::SocketAddr;

use base::{Clock, SecretString};
use http::{HeaderMap, HeaderName, HeaderValue};
use identity::sigv4::{self, Signer};

use crate::Error;

/// What signs.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: SecretString,
    pub(crate) token: Option<SecretString>,
}

/// What is signed.
pub(crate) struct Draft<'a> {
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// An unsigned request of about the same size, for the reference.
pub(crate) fn plain(address: SocketAddr) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nhost: {address}\r\ncontent-length: 43\r\n\r\nAction=GetCallerIdentity&Version=2011-06-15").into_bytes()
}

/// The same with a body of so many bytes.
pub(crate) fn plain_of(address: SocketAddr, length: usize) -> Vec<u8> {
    let mut bytes =
        format!("POST / HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    bytes
}

/// The bytes of a signed request.
pub(crate) fn signed(address: SocketAddr, key: &Key, draft: &Draft<'_>) -> Result<Vec<u8>, Error> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_str(&address.to_string())?);
    for (name, value) in draft.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
    }
    let signer = Signer {
        access_key_id: &key.id,
        secret: &key.secret,
        session_token: key.token.as_ref().map(SecretString::expose),
        region: "us-east-1",
        service: draft.service,
        s3: draft.service == "s3",
    };
    let now = Clock::system().now();
    sigv4::sign(draft.method, draft.path, "", &mut headers, draft.body, &signer, now)?;
    let mut text = format!("{} {} HTTP/1.1\r\n", draft.method, draft.path);
    for (name, value) in &headers {
        let _ = write!(text, "{name}: {}\r\n", value.to_str()?);
    }
    let _ = write!(text, "content-length: {}\r\n\r\n", draft.body.len());
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(draft.body);
    Ok(bytes)
}
