//! S3's errors, in S3's words: each has its own status, and most name the bucket or key that they speak of.
//!
//! Makes messages only; which of them is due is the handlers' to know.

use protocol::Fault;

use crate::api;
use crate::records::{PartRecord, VersionRecord};

service::service_error! {
    /// What an operation answers when it refuses.
    pub enum Error {
    }
}

fn fault(code: &'static str, status: u16, message: impl Into<String>) -> Fault {
    Fault::sender(code, message).with_status(status)
}

/// What readers are told of a marker in headers.
fn of_marker(fault: Fault, marker: &VersionRecord) -> Fault {
    fault.with_header("x-amz-delete-marker", "true").with_header("x-amz-version-id", marker.version_id())
}

impl Error {
    /// Any error of S3's.
    pub(crate) fn new(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        fault(code, status, message).into()
    }

    pub(crate) fn no_such_bucket(bucket: &str) -> Self {
        fault("NoSuchBucket", 404, "The specified bucket does not exist")
            .with_member("BucketName", bucket)
            .into()
    }

    pub(crate) fn no_such_key(key: &str) -> Self {
        fault("NoSuchKey", 404, "The specified key does not exist.").with_member("Key", key).into()
    }

    pub(crate) fn no_such_version(key: &str, version: &str) -> Self {
        fault("NoSuchVersion", 404, "The specified version does not exist.")
            .with_member("Key", key)
            .with_member("VersionId", version)
            .into()
    }

    pub(crate) fn no_such_upload(upload: &str) -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                       aborted or completed.";
        fault("NoSuchUpload", 404, message).with_member("UploadId", upload).into()
    }

    /// There is no such key any more: the newest version is this marker.
    pub(crate) fn deleted(key: &str, marker: &VersionRecord) -> Self {
        of_marker(
            fault("NoSuchKey", 404, "The specified key does not exist.").with_member("Key", key),
            marker,
        )
        .into()
    }

    /// The version that was asked for is this marker, which can only be deleted.
    pub(crate) fn is_marker(marker: &VersionRecord) -> Self {
        let fault =
            fault("MethodNotAllowed", 405, "The specified method is not allowed against this resource.")
                .with_member("Method", "GET")
                .with_member("ResourceType", "DeleteMarker")
                .with_header("allow", "DELETE")
                .with_header("last-modified", marker.modified.http_date());
        of_marker(fault, marker).into()
    }

    /// A completion names a part that is not there, or that is another one.
    pub(crate) fn invalid_part(upload: &str, part: &api::CompletedPart) -> Self {
        let message = "One or more of the specified parts could not be found.  The part may not have been uploaded, or \
                       the specified entity tag may not match the part's entity tag.";
        let shown: String = upload.chars().take(256).collect();
        let etag: String =
            part.e_tag.as_deref().unwrap_or_default().trim_matches('"').chars().take(256).collect();
        fault("InvalidPart", 400, message)
            .with_member("UploadId", shown)
            .with_member("PartNumber", part.part_number.unwrap_or_default())
            .with_member("ETag", etag)
            .into()
    }

    /// A completion names parts in another order than theirs.
    pub(crate) fn part_order(upload: &str) -> Self {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        let shown: String = upload.chars().take(256).collect();
        fault("InvalidPartOrder", 400, message).with_member("UploadId", shown).into()
    }

    /// A part before the last is smaller than the least size.
    pub(crate) fn part_too_small(number: i64, part: &PartRecord, least: u64) -> Self {
        fault("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size")
            .with_member("ETag", part.etag.as_str())
            .with_member("MinSizeAllowed", least.to_string())
            .with_member("PartNumber", number)
            .with_member("ProposedSize", part.size.to_string())
            .into()
    }

    pub(crate) fn precondition(condition: &'static str) -> Self {
        fault("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold")
            .with_member("Condition", condition)
            .into()
    }

    /// The reader has it already. What he keeps of it stays fresh by the headers that the object itself would have come with.
    /// <https://datatracker.ietf.org/doc/html/rfc9110#section-15.4.5>
    pub(crate) fn not_modified(version: &VersionRecord) -> Self {
        let about = &version.about;
        let mut fault = fault("NotModified", 304, "Not Modified")
            .with_header("etag", format!("\"{}\"", version.etag))
            .with_header("last-modified", version.modified.http_date());
        let told = [
            ("cache-control", &about.cache_control),
            ("expires", &about.expires),
            ("x-amz-version-id", &version.id),
        ];
        for (name, value) in told {
            if let Some(value) = value {
                fault = fault.with_header(name, value);
            }
        }
        fault.into()
    }

    pub(crate) fn invalid_argument(message: impl Into<String>, name: &str, value: &str) -> Self {
        let shown: String = value.chars().take(256).collect();
        fault("InvalidArgument", 400, message)
            .with_member("ArgumentName", name)
            .with_member("ArgumentValue", shown)
            .into()
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequest", 400, message)
    }

    pub(crate) fn malformed_xml() -> Self {
        let message =
            "The XML you provided was not well-formed or did not validate against our published schema";
        Self::new("MalformedXML", 400, message)
    }

    pub(crate) fn invalid_range(asked: &str, size: u64) -> Self {
        fault("InvalidRange", 416, "The requested range is not satisfiable")
            .with_member("RangeRequested", asked)
            .with_member("ActualObjectSize", size.to_string())
            .into()
    }

    /// What this platform does not do, by its name.
    pub(crate) fn not_implemented(what: &str) -> Self {
        let message =
            format!("A header or element you provided implies functionality that is not implemented: {what}");
        Self::new("NotImplemented", 501, message)
    }

    pub(crate) fn no_configuration(code: &'static str, message: &'static str, bucket: &str) -> Self {
        fault(code, 404, message).with_member("BucketName", bucket).into()
    }
}
