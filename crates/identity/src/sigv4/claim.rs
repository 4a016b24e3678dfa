//! Reads what a request claims about its signature: from the `Authorization` header or from the query.
//!
//! Nothing here is proven. Only [`super::Verifier`] turns a claim into a principal.

use http::HeaderMap;
use http::header::{AUTHORIZATION, DATE};

use base::Timestamp;

use super::error::SignatureError;
use super::{ALGORITHM, Request, canonical};

/// What a request says about who signed it, for routing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The access key's id.
    pub access_key_id: &'a str,
    /// `YYYYMMDD`.
    pub date: &'a str,
    /// The region of the scope.
    pub region: &'a str,
    /// The signing name of the service.
    pub service: &'a str,
    /// True where the signature is in the query.
    pub presigned: bool,
}

/// The scope that a request claims, where one can be read. A stranger can write anything here: it says which API
/// the caller means, as AWS's own front does, and gives no rights.
pub fn claimed<'a>(headers: &'a HeaderMap, query: &'a str) -> Option<Claim<'a>> {
    if let Some(header) = headers.get(AUTHORIZATION) {
        let text = header.to_str().ok()?;
        let at = text.find("Credential=")?;
        let value = text.get(at + "Credential=".len()..)?;
        let value = value.split([',', ' ']).next()?;
        return Scope::parse(value.split('/')).map(|scope| scope.claim(false));
    }
    let (_, value) = pairs(query).find(|(name, _)| *name == "X-Amz-Credential")?;
    Scope::parse_encoded(value).map(|scope| scope.claim(true))
}

/// True where a request states any part of a signature, right or wrong.
pub fn is_signed(headers: &HeaderMap, query: &str) -> bool {
    headers.contains_key(AUTHORIZATION) || is_presigned(query)
}

fn is_presigned(query: &str) -> bool {
    pairs(query).any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Signature")
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The parts of `Credential=KEY/date/region/service/aws4_request`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) terminator: &'a str,
}

impl<'a> Scope<'a> {
    fn parse(mut parts: impl DoubleEndedIterator<Item = &'a str>) -> Option<Self> {
        let terminator = parts.next_back()?;
        let service = parts.next_back()?;
        let region = parts.next_back()?;
        let date = parts.next_back()?;
        let access_key_id = parts.next_back()?;
        // An access key's id has no slash: what stands before would be a part too many.
        parts.next_back().is_none().then_some(Self { access_key_id, date, region, service, terminator })
    }

    /// From a query value, where slashes are usually written `%2F`. Ids, dates, regions and service names need no
    /// other escape.
    fn parse_encoded(value: &'a str) -> Option<Self> {
        if !value.contains('%') {
            return Self::parse(value.split('/'));
        }
        let mut parts: [&str; 5] = [""; 5];
        let mut rest = Some(value);
        for part in &mut parts {
            let (head, tail) = split_slash(rest?);
            *part = head;
            rest = tail;
        }
        let complete = rest.is_none() && parts.iter().all(|part| !part.contains('%'));
        complete.then(|| Self::parse(parts.into_iter())).flatten()
    }

    const fn claim(self, presigned: bool) -> Claim<'a> {
        Claim {
            access_key_id: self.access_key_id,
            date: self.date,
            region: self.region,
            service: self.service,
            presigned,
        }
    }
}

fn split_slash(text: &str) -> (&str, Option<&str>) {
    let plain = text.find('/').map(|at| (at, 1));
    let escaped = text.find("%2F").or_else(|| text.find("%2f")).map(|at| (at, 3));
    let first = match (plain, escaped) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    match first {
        Some((at, width)) => (text.get(..at).unwrap_or(""), text.get(at + width..)),
        None => (text, None),
    }
}

/// A complete claim: everything that verification needs, still unproven.
#[derive(Debug)]
pub(super) struct Claimed<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) signed_headers: std::borrow::Cow<'a, str>,
    pub(super) signature: &'a str,
    pub(super) session_token: Option<std::borrow::Cow<'a, str>>,
    /// The time as it goes into the string to sign: `YYYYMMDDTHHMMSSZ`.
    pub(super) stamp: String,
    pub(super) signed_at: Timestamp,
    /// Seconds that a presigned URL lives; `None` for a signed header.
    pub(super) expires_secs: Option<i64>,
}

/// Finds and reads the one signature of a request.
pub(super) fn read<'a>(request: &Request<'a>) -> Result<Claimed<'a>, SignatureError> {
    let mut authorizations = request.headers.get_all(AUTHORIZATION).iter();
    let first = authorizations.next();
    // SECURITY: two statements of identity are no identity. Otherwise a proxy and this server might each read another.
    if authorizations.next().is_some() {
        return Err(SignatureError::Ambiguous);
    }
    let in_query = is_presigned(request.query);
    match (first, in_query) {
        (Some(_), true) => Err(SignatureError::Ambiguous),
        (Some(header), false) => from_header(request, header.as_bytes()),
        (None, true) => from_query(request),
        (None, false) => Err(SignatureError::Missing),
    }
}

/// A header that may stand once. Absent is `None`; twice is an error.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(SignatureError::Incomplete(format!("The '{name}' header must not be repeated.")));
    }
    first
        .to_str()
        .map(|text| Some(text.trim()))
        .map_err(|_| SignatureError::Incomplete(format!("The '{name}' header is not printable text.")))
}

fn hashed(text: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(crypto::sha256(text))
}

fn from_header<'a>(request: &Request<'a>, header: &'a [u8]) -> Result<Claimed<'a>, SignatureError> {
    // SECURITY: messages show a hash of the header and never the header: what a confused client sends there may be
    // a secret of another scheme.
    let not_pairs = || {
        SignatureError::Incomplete(format!(
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded \
             with Base64): '{}'.",
            hashed(header)
        ))
    };
    let text = std::str::from_utf8(header).map_err(|_| not_pairs())?.trim();
    let (algorithm, parameters) = text.split_once(' ').unwrap_or((text, ""));
    if algorithm != ALGORITHM {
        return Err(wrong_algorithm(algorithm, parameters).unwrap_or_else(not_pairs));
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for parameter in parameters.split(',').map(str::trim).filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or_else(not_pairs)?;
        let slot = match name.trim() {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => continue,
        };
        if slot.replace(value.trim()).is_some() {
            return Err(SignatureError::Ambiguous);
        }
    }
    let date = header_date(request.headers)?;
    let (Some(credential), Some(signed_headers), Some(signature), Some((stamp, signed_at))) =
        (credential, signed_headers, signature, date.clone())
    else {
        let date = date.is_some();
        return Err(missing_parameters(header, credential, signature, signed_headers, date));
    };
    let session_token = single(request.headers, "x-amz-security-token")?;
    Ok(Claimed {
        scope: Scope::parse(credential.split('/')).ok_or_else(|| bad_credential(credential))?,
        signed_headers: signed_headers.into(),
        signature,
        session_token: session_token.filter(|token| !token.is_empty()).map(Into::into),
        stamp,
        signed_at,
        expires_secs: None,
    })
}

fn wrong_algorithm(algorithm: &str, parameters: &str) -> Option<SignatureError> {
    let is_name =
        |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (algorithm.starts_with("AWS4-") && is_name(algorithm) && parameters.contains('='))
        .then(|| SignatureError::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")))
}

fn bad_credential(credential: &str) -> SignatureError {
    let shown: String = credential.chars().take(128).collect();
    SignatureError::Incomplete(format!(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{shown}'"
    ))
}

fn missing_parameters(
    header: &[u8],
    credential: Option<&str>,
    signature: Option<&str>,
    signed_headers: Option<&str>,
    date: bool,
) -> SignatureError {
    let mut message = String::new();
    for (name, given) in
        [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)]
    {
        if given.is_none() {
            message.push_str(&format!("Authorization header requires '{name}' parameter. "));
        }
    }
    if !date {
        message.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    message.push_str("(Hashed with SHA-256 and encoded with Base64) Authorization=");
    message.push_str(&hashed(header));
    SignatureError::Incomplete(message)
}

fn bad_date(text: &str) -> SignatureError {
    let shown: String = text.chars().take(64).collect();
    SignatureError::Incomplete(format!(
        "Date must be in ISO-8601 'basic format'. Got '{shown}'. See http://en.wikipedia.org/wiki/ISO_8601"
    ))
}

/// `X-Amz-Date`, else `Date`: in the basic form, or as an HTTP date.
fn header_date(headers: &HeaderMap) -> Result<Option<(String, Timestamp)>, SignatureError> {
    if let Some(text) = single(headers, "x-amz-date")? {
        let moment = Timestamp::parse_basic(text).ok_or_else(|| bad_date(text))?;
        return Ok(Some((text.to_owned(), moment)));
    }
    let Some(text) = single(headers, DATE.as_str())? else { return Ok(None) };
    let moment = Timestamp::parse_basic(text)
        .or_else(|| Timestamp::parse_http_date(text))
        .ok_or_else(|| bad_date(text))?;
    Ok(Some((moment.iso8601_basic(), moment)))
}

/// The signature's members of a query, each at most once.
#[derive(Default)]
struct QueryParameters<'a> {
    algorithm: Option<&'a str>,
    credential: Option<&'a str>,
    date: Option<&'a str>,
    expires: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
    token: Option<&'a str>,
}

impl<'a> QueryParameters<'a> {
    fn read(query: &'a str) -> Result<Self, SignatureError> {
        let mut found = Self::default();
        for (name, value) in pairs(query) {
            let slot = match name {
                "X-Amz-Algorithm" => &mut found.algorithm,
                "X-Amz-Credential" => &mut found.credential,
                "X-Amz-Date" => &mut found.date,
                "X-Amz-Expires" => &mut found.expires,
                "X-Amz-SignedHeaders" => &mut found.signed_headers,
                "X-Amz-Signature" => &mut found.signature,
                "X-Amz-Security-Token" => &mut found.token,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(SignatureError::Ambiguous);
            }
        }
        Ok(found)
    }

    fn missing(&self) -> SignatureError {
        let mut message = String::new();
        for (name, given) in [
            ("X-Amz-Algorithm", self.algorithm),
            ("X-Amz-Credential", self.credential),
            ("X-Amz-Signature", self.signature),
            ("X-Amz-SignedHeaders", self.signed_headers),
            ("X-Amz-Date", self.date),
        ] {
            if given.is_none() {
                message.push_str(&format!("AWS query-string parameters must include '{name}'. "));
            }
        }
        message.push_str("Re-examine the query-string parameters.");
        SignatureError::Incomplete(message)
    }
}

fn from_query<'a>(request: &Request<'a>) -> Result<Claimed<'a>, SignatureError> {
    let found = QueryParameters::read(request.query)?;
    let (Some(algorithm), Some(credential), Some(date), Some(signed_headers), Some(signature)) =
        (found.algorithm, found.credential, found.date, found.signed_headers, found.signature)
    else {
        return Err(found.missing());
    };
    if algorithm != ALGORITHM {
        let shown: String = algorithm.chars().take(64).collect();
        return Err(SignatureError::Incomplete(format!("Unsupported AWS 'algorithm': '{shown}'.")));
    }
    let signed_at = Timestamp::parse_basic(date).ok_or_else(|| bad_date(date))?;
    Ok(Claimed {
        scope: Scope::parse_encoded(credential).ok_or_else(|| bad_credential(credential))?,
        signed_headers: canonical::decoded(signed_headers),
        signature,
        session_token: found.token.filter(|token| !token.is_empty()).map(canonical::decoded),
        stamp: date.to_owned(),
        signed_at,
        expires_secs: Some(expires(found.expires)?),
    })
}

/// `X-Amz-Expires`. Where it is absent the URL lives as long as a signed header would, as query signatures of
/// services other than S3 do.
fn expires(text: Option<&str>) -> Result<i64, SignatureError> {
    let Some(text) = text else { return Ok(super::SKEW_MINUTES_MAX * 60) };
    let digits = text.len() <= 18 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let secs: i64 = if digits { text.parse().unwrap_or(i64::MAX) } else { -1 };
    match secs {
        1..=super::PRESIGNED_SECS_MAX => Ok(secs),
        i64::MIN..=-1 => Err(SignatureError::BadExpires("X-Amz-Expires should be a number".to_owned())),
        0 => Err(SignatureError::BadExpires("X-Amz-Expires must be non-negative".to_owned())),
        _ => Err(SignatureError::BadExpires(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
             604800 seconds"
                .to_owned(),
        )),
    }
}
