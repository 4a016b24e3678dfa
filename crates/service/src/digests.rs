//! What a request says of its document's bytes, compared with them: `Content-MD5` and S3's checksum headers.
//!
//! It knows nothing of objects: what streams is compared by its service, at its end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use protocol::Fault;

/// Documents that are refused without a digest: one bit wrong in them deletes or replaces what nobody meant.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
const REQUIRED: [&str; 2] = ["DeleteObjects", "PutBucketTagging"];

/// The headers that carry a checksum, and their algorithms in S3's words.
const CHECKSUMS: [(&str, &str); 5] = [
    ("x-amz-checksum-crc32", "CRC32"),
    ("x-amz-checksum-crc32c", "CRC32C"),
    ("x-amz-checksum-crc64nvme", "CRC64NVME"),
    ("x-amz-checksum-sha1", "SHA1"),
    ("x-amz-checksum-sha256", "SHA256"),
];

/// A document is what its request says of it, where it says anything.
///
/// # Errors
/// It is not, what is said does not read, or nothing is said of a document that needs it.
pub(crate) fn check<'a>(
    operation: &str,
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
    let checksums = CHECKSUMS.iter().filter_map(|(header, name)| Some((*header, *name, given(header)?)));
    for (at, (header, name, value)) in checksums.enumerate() {
        if at > 0 {
            return Err(Fault::sender(
                "InvalidRequest",
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        stated += 1;
        let actual = computed(name, document);
        match STANDARD.decode(value).ok().filter(|value| value.len() == actual.len()) {
            Some(value) if value == actual => {}
            Some(_) => {
                let message = format!("The {name} you specified did not match the calculated checksum.");
                return Err(Fault::sender("BadDigest", message));
            }
            None => {
                return Err(Fault::sender(
                    "InvalidRequest",
                    format!("Value for {header} header is invalid."),
                ));
            }
        }
    }
    if stated == 0 && REQUIRED.contains(&operation) {
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

fn computed(algorithm: &str, document: &[u8]) -> Vec<u8> {
    let sum = |algorithm, bytes: usize| {
        let sum = crc_fast::checksum(algorithm, document).to_be_bytes();
        sum.into_iter().skip(8_usize.saturating_sub(bytes)).collect()
    };
    match algorithm {
        "CRC32" => sum(CrcAlgorithm::Crc32IsoHdlc, 4),
        "CRC32C" => sum(CrcAlgorithm::Crc32Iscsi, 4),
        "CRC64NVME" => sum(CrcAlgorithm::Crc64Nvme, 8),
        "SHA1" => {
            let mut digest = crypto::Sha1::new();
            digest.update(document);
            digest.finish().to_vec()
        }
        _ => crypto::sha256(document).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(operation: &str, headers: &[(&'static str, &str)]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        check(operation, &headers.collect(), |_| None, b"123456789")
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
            assert_eq!(told("DeleteObjects", &[(header, value)]), None, "{header}");
            let other = STANDARD.encode(vec![0; STANDARD.decode(value).unwrap().len()]);
            assert_eq!(
                told("PutBucketPolicy", &[(header, &other)]).as_deref(),
                Some("BadDigest"),
                "{header}"
            );
            let bad = told("PutBucketPolicy", &[(header, "x")]);
            assert!(matches!(bad.as_deref(), Some("InvalidDigest" | "InvalidRequest")), "{header} {bad:?}");
        }
    }

    #[test]
    fn a_trailer_is_as_good_as_a_header() {
        let none = HeaderMap::new();
        let checked = |value: &'static str| {
            let trailer = |name: &str| (name == "x-amz-checksum-crc32").then_some(value);
            check("DeleteObjects", &none, trailer, b"123456789")
        };
        assert!(checked("y/Q5Jg==").is_ok());
        assert_eq!(checked("AAAAAA==").unwrap_err().code, "BadDigest");
    }

    #[test]
    fn what_deletes_needs_a_digest_and_no_two_checksums_go_together() {
        assert_eq!(told("DeleteObjects", &[]).as_deref(), Some("InvalidRequest"));
        assert_eq!(told("PutBucketVersioning", &[]), None);
        let two = [("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32c", "4waSgw==")];
        assert_eq!(told("DeleteObjects", &two).as_deref(), Some("InvalidRequest"));
    }
}
