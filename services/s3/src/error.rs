//! S3's errors, in S3's words: each has its own status, and most name the bucket or key that they speak of.
//!
//! Makes messages only; which of them is due is the handlers' to know.

use protocol::Fault;

service::service_error! {
    /// What an operation answers when it refuses.
    pub enum Error {
    }
}

fn fault(code: &'static str, status: u16, message: impl Into<String>) -> Fault {
    Fault::sender(code, message).with_status(status)
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

    /// The request is for a method that a delete marker does not have.
    pub(crate) fn marker_not_allowed(method: &'static str) -> Self {
        fault("MethodNotAllowed", 405, "The specified method is not allowed against this resource.")
            .with_member("Method", method)
            .with_member("ResourceType", "DeleteMarker")
            .into()
    }

    pub(crate) fn precondition(condition: &'static str) -> Self {
        fault("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold")
            .with_member("Condition", condition)
            .into()
    }

    pub(crate) fn not_modified() -> Self {
        Self::new("NotModified", 304, "Not Modified")
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
