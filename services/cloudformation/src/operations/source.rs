//! Where templates and stack policies come from: the call itself, or an object that the caller may read.
//!
//! SECURITY: an object is read by `s3:GetObject` as the caller, through the whole pipeline: an address gives no rights.

use std::sync::Arc;

use protocol::{Structure, Value};
use service::Call;
use template::limits::{BODY_BYTES_MAX, DOCUMENT_BYTES_MAX};

use crate::error::Error;

/// An object's place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    bucket: String,
    key: String,
    version: Option<String>,
}

/// The template's text, from wherever the caller passed it.
pub(crate) async fn body(
    call: &Call,
    body: Option<&String>,
    url: Option<&String>,
    previous: Option<&str>,
) -> Result<String, Error> {
    match (body, url, previous) {
        (Some(body), None, None) if body.len() > BODY_BYTES_MAX => Err(Error::Validation(format!(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less \
             than or equal to {BODY_BYTES_MAX}"
        ))),
        (Some(body), None, None) => Ok(body.clone()),
        (None, Some(url), None) => object(call, url, "TemplateURL", DOCUMENT_BYTES_MAX).await,
        (None, None, Some(previous)) => Ok(previous.to_owned()),
        (None, None, None) => {
            Err(Error::Validation("Either Template URL or Template Body must be specified.".to_owned()))
        }
        _ => Err(Error::Validation(
            "You must specify only one of: TemplateBody, TemplateURL, UsePreviousTemplate".to_owned(),
        )),
    }
}

/// The text of an object.
pub(crate) async fn object(call: &Call, url: &str, member: &str, bytes_max: usize) -> Result<String, Error> {
    let place = place(url).ok_or_else(|| Error::Validation(format!("{member} must be a supported URL.")))?;
    let mut input = Structure::new().with("Bucket", place.bucket.as_str()).with("Key", place.key.as_str());
    if let Some(version) = &place.version {
        input = input.with("VersionId", version.as_str());
    }
    let refused = |message: &str| {
        Error::Validation(format!(
            "S3 error: {message}\nFor more information check \
             http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
        ))
    };
    let too_large = || {
        Error::Validation(match member {
            "TemplateURL" => format!("Template may not exceed {bytes_max} bytes in size."),
            _ => format!("{member} names more than {bytes_max} bytes."),
        })
    };
    let answer = call.invoke(Arc::clone(call.principal()), "s3", "GetObject", Value::Structure(input)).await;
    let answer = match answer {
        Ok(Value::Structure(mut answer)) => answer.take("Body"),
        Ok(_) => None,
        Err(fault) => return Err(refused(&fault.message)),
    };
    let bytes =
        match answer {
            Some(Value::Stream(stream)) => {
                let collected = stream.collect(bytes_max).await;
                collected
                    .map_err(|fault| {
                        if fault.code == "EntityTooLarge" { too_large() } else { refused(&fault.message) }
                    })?
                    .to_vec()
            }
            Some(Value::Blob(bytes)) => bytes.to_vec(),
            _ => Vec::new(),
        };
    if bytes.len() > bytes_max {
        return Err(too_large());
    }
    String::from_utf8(bytes).map_err(|_| Error::Validation(format!("{member} does not name a text.")))
}

/// The object that an address names: in AWS's forms, and in this platform's own.
fn place(url: &str) -> Option<Place> {
    if let Some(rest) = url.strip_prefix("s3://") {
        let (bucket, key) = rest.split_once('/')?;
        return named(bucket, key, None);
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let version = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("versionId=")));
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    match bucket_of(host) {
        Some(bucket) => named(&bucket, path, version),
        None => {
            let (bucket, key) = path.split_once('/')?;
            named(bucket, key, version)
        }
    }
}

/// The bucket that stands in a host's name, as in `bucket.s3.eu-west-1.amazonaws.com`.
fn bucket_of(host: &str) -> Option<String> {
    let at = host.find(".s3.").or_else(|| host.find(".s3-"))?;
    host.get(..at).map(str::to_owned)
}

fn named(bucket: &str, key: &str, version: Option<&str>) -> Option<Place> {
    let (key, version) = (decoded(key)?, version.map(decoded));
    let place = Place { bucket: bucket.to_owned(), key, version: version.flatten() };
    (!place.bucket.is_empty() && !place.key.is_empty()).then_some(place)
}

/// Text without its percent escapes.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address_names_its_object() {
        let table = [
            ("https://s3.amazonaws.com/b/k/t.yaml", Some(("b", "k/t.yaml", None))),
            ("https://s3.eu-west-1.amazonaws.com/b/k", Some(("b", "k", None))),
            ("https://s3-eu-west-1.amazonaws.com/b/k", Some(("b", "k", None))),
            ("https://b.s3.amazonaws.com/k?versionId=7", Some(("b", "k", Some("7")))),
            ("https://b.c.s3.eu-west-1.amazonaws.com/k/%20x", Some(("b.c", "k/ x", None))),
            ("http://127.0.0.1:4566/b/k", Some(("b", "k", None))),
            ("http://b.s3.localhost:4566/k", Some(("b", "k", None))),
            ("s3://b/k", Some(("b", "k", None))),
            ("ftp://b/k", None),
            ("https://s3.amazonaws.com/b", None),
            ("https://b.s3.amazonaws.com/", None),
            ("https://b.s3.amazonaws.com/%zz", None),
            ("", None),
        ];
        for (url, expected) in table {
            let found = place(url);
            let told = found.as_ref().map(|p| (p.bucket.as_str(), p.key.as_str(), p.version.as_deref()));
            assert_eq!(told, expected, "{url}");
        }
    }
}
