//! What a request says of its document's bytes, compared with them: `Content-MD5` and the checksum headers.
//!
//! It knows no operation: which need a digest their model says. What streams is compared by its service, at its end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::checksum::{self, Algorithm};
use http::HeaderMap;
use protocol::Fault;

/// A document is what its request says of it, where it says anything.
///
/// # Errors
/// It is not, what is said does not read, or nothing is said of a document that needs it.
pub(crate) fn check<'a>(
    is_needed: bool,
    headers: &'a HeaderMap,
    trailer: impl Fn(&str) -> Option<&'a str>,
    document: &[u8],
) -> Result<(), Fault> {
    let mut stated = 0_usize;
    if let Some(value) = headers.get("content-md5") {
        stated += 1;
        check_md5(value.as_bytes(), document)?;
    }
    let given = |header: &str| {
        headers.get(header).map_or_else(|| trailer(header).map(str::as_bytes), |value| Some(value.as_bytes()))
    };
    let checksums =
        Algorithm::ALL.into_iter().filter_map(|algorithm| Some((algorithm, given(algorithm.header())?)));
    for (at, (algorithm, value)) in checksums.enumerate() {
        if at > 0 {
            return Err(Fault::sender(
                "InvalidRequest",
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        stated += 1;
        match std::str::from_utf8(value).ok().and_then(|text| checksum::decode(algorithm, text)) {
            Some(value) if value == checksum::of(algorithm, document) => {}
            Some(_) => {
                let name = algorithm.name();
                let message = format!("The {name} you specified did not match the calculated checksum.");
                return Err(Fault::sender("BadDigest", message));
            }
            None => {
                let message = format!("Value for {} header is invalid.", algorithm.header());
                return Err(Fault::sender("InvalidRequest", message));
            }
        }
    }
    if stated == 0 && is_needed {
        return Err(Fault::sender(
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    Ok(())
}

fn check_md5(stated: &[u8], document: &[u8]) -> Result<(), Fault> {
    let stated = STANDARD.decode(stated).unwrap_or_default();
    let mut md5 = crypto::Md5::new();
    md5.update(document);
    match stated.len() {
        16 if stated == md5.finish() => Ok(()),
        16 => {
            Err(Fault::sender("BadDigest", "The Content-MD5 you specified did not match what we received."))
        }
        _ => Err(Fault::sender("InvalidDigest", "The Content-MD5 you specified was invalid.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(is_needed: bool, headers: &[(&'static str, &str)]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        check(is_needed, &headers.collect(), |_| None, b"123456789")
            .err()
            .map(|fault| fault.code.into_owned())
    }

    #[test]
    fn documents_are_what_is_said_of_them() {
        for (header, value) in [
            ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
            ("x-amz-checksum-crc32", "y/Q5Jg=="),
            ("x-amz-checksum-crc32c", "4waSgw=="),
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
            ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
            ("x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ] {
            assert_eq!(told(true, &[(header, value)]), None, "{header}");
            let other = STANDARD.encode(vec![0; STANDARD.decode(value).unwrap().len()]);
            assert_eq!(told(false, &[(header, &other)]).as_deref(), Some("BadDigest"), "{header}");
            let bad = told(false, &[(header, "x")]);
            assert!(matches!(bad.as_deref(), Some("InvalidDigest" | "InvalidRequest")), "{header} {bad:?}");
        }
    }

    #[test]
    fn a_trailer_is_as_good_as_a_header() {
        let none = HeaderMap::new();
        let checked = |value: &'static str| {
            let trailer = |name: &str| (name == "x-amz-checksum-crc32").then_some(value);
            check(true, &none, trailer, b"123456789")
        };
        assert!(checked("y/Q5Jg==").is_ok());
        assert_eq!(checked("AAAAAA==").unwrap_err().code, "BadDigest");
    }

    #[test]
    fn who_needs_a_digest_gets_one_and_no_two_checksums_go_together() {
        assert_eq!(told(true, &[]).as_deref(), Some("InvalidRequest"));
        assert_eq!(told(false, &[]), None);
        let two = [("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32c", "4waSgw==")];
        assert_eq!(told(true, &two).as_deref(), Some("InvalidRequest"));
    }
}
