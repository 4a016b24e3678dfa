//! Asks a running platform for a record: a signed `LookupEvents` over plain HTTP on its own address.
//!
//! It reads the address and the administrator's key from the data folder, sends nothing else, and follows no redirect.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use base::{Clock, SecretString, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use identity::sigv4::{self, Signer};
use serde_json::{Value, json};

use super::{Wanted, find};
use crate::Error;

const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
/// Pages of 50 records.
const PAGES_MAX: usize = 100;
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// The record; `None` where there is none.
pub(super) fn record(data_dir: &Path, wanted: &Wanted) -> Result<Option<Value>, Error> {
    let config = std::fs::read_to_string(data_dir.join("config"))?;
    let credentials = std::fs::read_to_string(data_dir.join("credentials"))?;
    let setting = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
        line.map(|value| value.trim().to_owned())
            .ok_or_else(|| format!("the data folder does not name {name}"))
    };
    let endpoint = setting(&config, "endpoint_url")?;
    let host = endpoint.strip_prefix("http://").ok_or(
        "the platform speaks TLS: stop it to explain from its data folder, or use `aws sts decode-authorization-message`",
    )?;
    let caller = Caller {
        host: host.trim_end_matches('/').to_owned(),
        region: setting(&config, "region")?,
        access_key_id: setting(&credentials, "aws_access_key_id")?,
        secret: SecretString::new(setting(&credentials, "aws_secret_access_key")?),
    };
    let mut body = question(wanted);
    for _ in 0..PAGES_MAX {
        let page = caller.ask(&body)?;
        let events = page.get("Events").and_then(Value::as_array).cloned().unwrap_or_default();
        let records = events.iter().filter_map(|event| event.get("CloudTrailEvent")?.as_str());
        let mut records = records.filter_map(|text| serde_json::from_str(text).ok());
        if let Some(record) = records.find(|record| find::fits(record, wanted)) {
            return Ok(Some(record));
        }
        let (Some(token), Some(members)) = (page.get("NextToken"), body.as_object_mut()) else {
            return Ok(None);
        };
        members.insert("NextToken".to_owned(), token.clone());
    }
    Ok(None)
}

fn question(wanted: &Wanted) -> Value {
    match wanted {
        Wanted::Event(id) => json!({"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": id}]}),
        Wanted::Request { time, .. } => match time.as_deref().and_then(Timestamp::parse_iso8601) {
            Some(time) => json!({"StartTime": time.secs(), "EndTime": time.secs() + 1}),
            None => json!({}),
        },
    }
}

struct Caller {
    host: String,
    region: String,
    access_key_id: String,
    secret: SecretString,
}

impl Caller {
    fn ask(&self, body: &Value) -> Result<Value, Error> {
        let body = body.to_string();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(&self.host)?);
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert(HeaderName::from_static("x-amz-target"), HeaderValue::from_static(TARGET));
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret: &self.secret,
            session_token: None,
            region: &self.region,
            service: "cloudtrail",
            s3: false,
        };
        sigv4::sign("POST", "/", "", &mut headers, body.as_bytes(), &signer, Clock::system().now())?;
        let mut head = String::from("POST / HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in &headers {
            head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let answer = self.send(&[head.as_bytes(), body.as_bytes()].concat())?;
        let answer = String::from_utf8(answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the platform's answer is cut off")?;
        if head.split(' ').nth(1) != Some("200") {
            return Err(format!("the platform refused to look up events: {body}").into());
        }
        Ok(serde_json::from_str(body)?)
    }

    fn send(&self, request: &[u8]) -> Result<Vec<u8>, Error> {
        let mut stream = TcpStream::connect(&self.host).map_err(|error| {
            format!("the platform's data folder is in use, and {} does not answer: {error}", self.host)
        })?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    }
}
