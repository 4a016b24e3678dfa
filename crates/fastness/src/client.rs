//! Calls to a running platform from a command: signed like any client's, over the loopback or wherever it listens.
//!
//! The commands that ask hold no store and no right of their own: they read the endpoint and the administrator's key
//! that `serve` left in the data folder, and go through every control. A platform that speaks TLS must show a certificate
//! that a given bundle vouches for; nothing leaves that check out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Clock, SecretString};
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use identity::sigv4::{Signer, sign};
use serde_json::Value;

use crate::Error;
use crate::aws_file::AwsFile;
use crate::xml::element;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No answer is longer.
const ANSWER_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// A running platform, as its administrator sees it.
pub(crate) struct Client {
    authority: String,
    /// It speaks TLS.
    is_secure: bool,
    /// The certificates to trust then.
    ca_bundle: Option<PathBuf>,
    region: String,
    access_key_id: String,
    secret: SecretString,
    session_token: Option<String>,
}

impl Client {
    /// The platform whose data folder this is. Of a platform that speaks TLS, `ca_bundle` names the certificates to trust; by
    /// default those that its data folder names.
    pub(crate) fn of(data_dir: &Path, ca_bundle: Option<&Path>) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = data_dir.join(name);
            std::fs::read_to_string(&path).map_err(|error| {
                format!(
                    "cannot read `{}`: {error}; is the platform running there? --data-dir names its data folder, --endpoint-url a platform elsewhere",
                    path.display()
                )
            })
        };
        let (config, credentials) = (read("config")?, read("credentials")?);
        let parsed = |text: &str| {
            AwsFile::parse(text).map_err(|why| format!("cannot read the data folder's AWS files: {why}"))
        };
        let (config, credentials) = (parsed(&config)?, parsed(&credentials)?);
        let entry = |file: &AwsFile, key: &str| {
            file.section("default").and_then(|own| own.get(key)?.text()).map(str::to_owned)
        };
        let of = |file: &AwsFile, key: &str| {
            entry(file, key).ok_or_else(|| format!("`{key}` is missing in the data folder's AWS files"))
        };
        let (endpoint, region) = (of(&config, "endpoint_url")?, of(&config, "region")?);
        let key = of(&credentials, "aws_access_key_id")?;
        let secret = SecretString::new(of(&credentials, "aws_secret_access_key")?);
        let bundle = ca_bundle.map(Path::to_owned).or_else(|| entry(&config, "ca_bundle").map(PathBuf::from));
        Self::with(&endpoint, &region, &key, secret, None)?.trusting(bundle)
    }

    /// The platform at an endpoint, as whoever holds these credentials. One that speaks TLS is not spoken to before it is said
    /// whom to trust.
    pub(crate) fn with(
        endpoint: &str,
        region: &str,
        access_key_id: &str,
        secret: SecretString,
        session_token: Option<String>,
    ) -> Result<Self, Error> {
        let (scheme, authority) = endpoint.split_once("://").ok_or("the platform's address is no URL")?;
        if !["http", "https"].contains(&scheme) {
            return Err(format!("the platform is not spoken to by {scheme}").into());
        }
        Ok(Self {
            authority: authority.trim_end_matches('/').to_owned(),
            is_secure: scheme == "https",
            ca_bundle: None,
            region: region.to_owned(),
            access_key_id: access_key_id.to_owned(),
            secret,
            session_token,
        })
    }

    /// The same platform, as whoever holds these credentials.
    pub(crate) fn as_whoever(&self, key: &str, secret: SecretString, session_token: Option<String>) -> Self {
        Self {
            authority: self.authority.clone(),
            is_secure: self.is_secure,
            ca_bundle: self.ca_bundle.clone(),
            region: self.region.clone(),
            access_key_id: key.to_owned(),
            secret,
            session_token,
        }
    }

    /// The same, trusting the certificates in this file.
    pub(crate) fn trusting(mut self, ca_bundle: Option<PathBuf>) -> Result<Self, Error> {
        if self.is_secure && ca_bundle.is_none() {
            return Err(
                "the platform speaks TLS: name the certificates to trust with --ca-bundle or AWS_CA_BUNDLE"
                    .into(),
            );
        }
        self.ca_bundle = ca_bundle;
        Ok(self)
    }

    /// The port that it calls.
    pub(crate) fn port(&self) -> u16 {
        let named = self.authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        named.unwrap_or(if self.is_secure { 443 } else { 80 })
    }

    /// The region of its calls.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Puts a body under a path of a REST API, such as S3's.
    pub(crate) fn put(&self, service: &str, path: &str, body: &[u8]) -> Result<(), Error> {
        self.send(service, "PUT", path, HeaderMap::new(), body).map(drop)
    }

    /// A call of an AWS JSON API, such as CloudTrail's: `target` is its `X-Amz-Target`.
    pub(crate) fn json(&self, service: &str, target: &str, input: &Value) -> Result<Value, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert(HeaderName::from_static("x-amz-target"), HeaderValue::from_str(target)?);
        let answer = self.send(service, "POST", "/", headers, input.to_string().as_bytes())?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// A read of a REST JSON API, such as Lambda's.
    pub(crate) fn get(&self, service: &str, path: &str) -> Result<Value, Error> {
        let answer = self.send(service, "GET", path, HeaderMap::new(), b"")?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// A call of a query API, such as IAM's, answered as its XML.
    pub(crate) fn query(
        &self,
        service: &str,
        version: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let mut body = format!("Version={version}");
        for (name, value) in parameters {
            body.push_str(&format!("&{name}={}", escaped(value)));
        }
        Ok(String::from_utf8(self.send(service, "POST", "/", headers, body.as_bytes())?)?)
    }

    fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        mut headers: HeaderMap,
        body: &[u8],
    ) -> Result<Vec<u8>, Error> {
        headers.insert(HOST, HeaderValue::from_str(&self.authority)?);
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret: &self.secret,
            session_token: self.session_token.as_deref(),
            region: &self.region,
            service,
            s3: service == "s3",
        };
        sign(method, path, "", &mut headers, body, &signer, Clock::system().now())?;
        let mut request = format!("{method} {path} HTTP/1.0\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in &headers {
            request.push_str(&format!("{name}: {}\r\n", value.to_str()?));
        }
        request.push_str("\r\n");
        let mut stream = self.connect()?;
        stream.write_all(request.as_bytes())?;
        stream.write_all(body)?;
        stream.flush()?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        split(&answer)
    }

    fn connect(&self) -> Result<Box<dyn Wire + '_>, Error> {
        let stream = TcpStream::connect(&self.authority)
            .map_err(|error| format!("cannot reach the platform at {}: {error}", self.authority))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        match (self.is_secure, &self.ca_bundle) {
            (false, _) => Ok(Box::new(stream)),
            (true, Some(bundle)) => Ok(Box::new(edge::dial(stream, host(&self.authority), bundle)?)),
            // SECURITY: nobody is trusted who was not named.
            (true, None) => Err("it was not said which certificates to trust".into()),
        }
    }
}

/// A connection, under TLS or not.
trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// The name or address in `host:port` and `[address]:port`.
fn host(authority: &str) -> &str {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// What the platform, which was reached and is the one that was meant, refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// The body of an answer that says 200; what another says, as an error.
fn split(answer: &[u8]) -> Result<Vec<u8>, Error> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or("the answer ends early")?;
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if status == "200" {
        return Ok(body.to_vec());
    }
    let body = String::from_utf8_lossy(body);
    let told: String = refusal(&body).unwrap_or_else(|| body.into_owned()).chars().take(1_000).collect();
    Err(Refused(format!("the platform answered {status}: {told}")).into())
}

/// A refusal's code and message, in whichever form its service writes them.
fn refusal(body: &str) -> Option<String> {
    let (code, message) = match serde_json::from_str::<Value>(body) {
        Ok(answer) => {
            let text = |names: [&str; 2]| names.iter().find_map(|name| answer.get(name)?.as_str());
            let code = text(["__type", "code"])?.rsplit('#').next()?.to_owned();
            (code, text(["message", "Message"])?.to_owned())
        }
        Err(_) => (element(body, "Code")?, element(body, "Message")?),
    };
    Some(format!("{code}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_their_ports() {
        for (authority, expected) in
            [("127.0.0.1:4566", "127.0.0.1"), ("[::1]:1", "::1"), ("name.example:443", "name.example")]
        {
            assert_eq!(host(authority), expected);
        }
    }

    #[test]
    fn a_platform_under_tls_is_not_spoken_to_without_trust() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("credentials", "[default]\naws_access_key_id = A\naws_secret_access_key = s\n");
        write("config", "[default]\nregion = r\nendpoint_url = https://127.0.0.1:1\n");
        let refused = Client::of(folder.path(), None).err().unwrap();
        assert!(refused.to_string().contains("--ca-bundle"), "{refused}");
        let given = Client::of(folder.path(), Some(Path::new("given.pem"))).unwrap();
        assert_eq!(given.ca_bundle.as_deref(), Some(Path::new("given.pem")));
        write("config", "[default]\nregion = r\nendpoint_url = https://127.0.0.1:1\nca_bundle = own.pem\n");
        assert_eq!(Client::of(folder.path(), None).unwrap().ca_bundle.as_deref(), Some(Path::new("own.pem")));
    }

    #[test]
    fn only_a_good_answer_has_a_body() {
        assert_eq!(split(b"HTTP/1.0 200 OK\r\na: b\r\n\r\nx").unwrap(), b"x");
        assert!(split(b"HTTP/1.1 403 Forbidden\r\n\r\nno").unwrap_err().to_string().contains("403: no"));
        assert!(split(b"HTTP/1.1 200").is_err());
    }

    #[test]
    fn a_refusal_is_told_in_its_words() {
        let table = [
            (
                "<ErrorResponse><Error><Code>ValidationError</Code><Message>a &amp; b</Message></Error></ErrorResponse>",
                "ValidationError: a & b",
            ),
            (r#"{"__type":"com.amazonaws#Denied","message":"no"}"#, "Denied: no"),
            ("plain", "plain"),
            ("{}", "{}"),
        ];
        for (body, expected) in table {
            let told = split(format!("HTTP/1.1 400 Bad Request\r\n\r\n{body}").as_bytes()).unwrap_err();
            assert_eq!(told.to_string(), format!("the platform answered 400: {expected}"));
        }
    }
}
