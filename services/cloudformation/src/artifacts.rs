//! Packages and templates that are not passed by value: what `s3://bucket/key` means on a platform without S3.
//!
//! `up` brings the code of an application this way. Nothing here reads a file or a network itself.

use bytes::Bytes;

/// Where packages come from.
pub trait Artifacts: Send + Sync {
    /// The object at this place, if it is one of ours.
    fn object(&self, bucket: &str, key: &str) -> Option<Bytes>;

    /// The template at this URL, if it is one of ours.
    fn template(&self, url: &str) -> Option<String>;
}

/// No packages: every place is left to the service that is asked for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoArtifacts;

impl Artifacts for NoArtifacts {
    fn object(&self, _: &str, _: &str) -> Option<Bytes> {
        None
    }

    fn template(&self, _: &str) -> Option<String> {
        None
    }
}
