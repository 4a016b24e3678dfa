//! Putting an object: what is stated is checked, what arrives is kept, and only then a reader sees it.
//!
//! Nothing is visible before the stream's end has proven all of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::ByteStream;

use crate::api;
use crate::content::{Received, Wanted, receive};
use crate::encryption::tell_encryption;
use crate::error::Error;
use crate::model::{condition, name, tags};
use crate::records::{self, About, BucketRecord, Checksum, VersionRecord};
use crate::state::{Lookup as _, S3};
use crate::versions;
use crypto::checksum::{self, Algorithm};
use service::{Call, Permit};

/// The largest object that one request puts: 5 GiB.
pub(crate) const PUT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// The most bytes of names and values that a caller's own metadata has.
const METADATA_BYTES_MAX: usize = 2 * 1024;
/// The type of what says nothing of its type.
const DEFAULT_TYPE: &str = "binary/octet-stream";

/// The five checksums that an input may state, and those that nobody computes here.
macro_rules! stated_checksums {
    ($input:expr) => {
        $crate::operations::put::Stated {
            values: [
                $input.checksum_crc32.as_deref(),
                $input.checksum_crc32_c.as_deref(),
                $input.checksum_crc64_nvme.as_deref(),
                $input.checksum_sha1.as_deref(),
                $input.checksum_sha256.as_deref(),
            ],
            unknown: $input.checksum_sha512.is_some()
                || $input.checksum_md5.is_some()
                || $input.checksum_xxhash64.is_some()
                || $input.checksum_xxhash3.is_some()
                || $input.checksum_xxhash128.is_some(),
        }
    };
}
pub(crate) use stated_checksums;

/// Tells a checksum in the member of its algorithm.
macro_rules! tell_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            let value = Some(checksum.value.clone());
            match checksum.algorithm {
                crypto::checksum::Algorithm::Crc32 => $output.checksum_crc32 = value,
                crypto::checksum::Algorithm::Crc32c => $output.checksum_crc32_c = value,
                crypto::checksum::Algorithm::Crc64Nvme => $output.checksum_crc64_nvme = value,
                crypto::checksum::Algorithm::Sha1 => $output.checksum_sha1 = value,
                crypto::checksum::Algorithm::Sha256 => $output.checksum_sha256 = value,
            }
            $output.checksum_type = Some($crate::operations::put::kind_of(checksum).to_owned());
        }
    };
}
pub(crate) use tell_checksum;

/// `COMPOSITE` or `FULL_OBJECT`.
pub(crate) const fn kind_of(checksum: &Checksum) -> &'static str {
    if checksum.composite { "COMPOSITE" } else { "FULL_OBJECT" }
}

/// Checksums in a request, in the order of [`Algorithm::ALL`].
pub(crate) struct Stated<'a> {
    pub(crate) values: [Option<&'a str>; 5],
    pub(crate) unknown: bool,
}

/// What a request says of the bytes that it brings.
pub(crate) fn wanted(
    stated: &Stated<'_>,
    algorithm: Option<&str>,
    content_md5: Option<&str>,
    bytes_max: u64,
) -> Result<Wanted, Error> {
    if stated.unknown {
        return Err(Error::not_implemented("this checksum algorithm"));
    }
    let announced = match algorithm {
        None => None,
        Some(named) => Some(Algorithm::parse(&named.to_ascii_uppercase()).ok_or_else(|| {
            Error::invalid_request("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
        })?),
    };
    let mut given =
        Algorithm::ALL.into_iter().zip(stated.values).filter_map(|(known, text)| Some((known, text?)));
    let first = given.next();
    if given.next().is_some() {
        return Err(Error::invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    let checksum = match first {
        None => None,
        Some((known, text)) => {
            Some((known, checksum::decode(known, text).ok_or_else(|| crate::content::bad_value(known))?))
        }
    };
    if let (Some((known, _)), Some(announced)) = (&checksum, announced)
        && *known != announced
    {
        return Err(Error::invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid."));
    }
    let md5 = match content_md5 {
        None => None,
        Some(text) => {
            let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            let invalid = || Error::new("InvalidDigest", 400, "The Content-MD5 you specified was invalid.");
            Some(bytes.ok_or_else(invalid)?)
        }
    };
    let algorithm = checksum.as_ref().map(|(known, _)| *known).or(announced);
    Ok(Wanted { md5, algorithm, checksum: checksum.map(|(_, value)| value), bytes_max })
}

/// What this platform does not do with an object, wherever it is asked.
pub(crate) struct Extras<'a> {
    pub(crate) acl: Option<&'a str>,
    pub(crate) grants: bool,
    pub(crate) encryption: Option<&'a str>,
    pub(crate) encryption_context: bool,
    pub(crate) customer_key: bool,
    pub(crate) storage_class: Option<&'a str>,
    pub(crate) lock: bool,
    pub(crate) website: bool,
}

macro_rules! extras {
    ($input:expr) => {
        $crate::operations::put::Extras {
            acl: $input.acl.as_deref(),
            grants: $input.grant_full_control.is_some()
                || $input.grant_read.is_some()
                || $input.grant_read_acp.is_some()
                || $input.grant_write_acp.is_some(),
            encryption: $input.server_side_encryption.as_deref(),
            encryption_context: $input.ssekms_encryption_context.is_some(),
            customer_key: $crate::encryption::names_customer_key!($input),
            storage_class: $input.storage_class.as_deref(),
            lock: $input.object_lock_mode.is_some()
                || $input.object_lock_retain_until_date.is_some()
                || $input.object_lock_legal_hold_status.is_some(),
            website: $input.website_redirect_location.is_some(),
        }
    };
}
pub(crate) use extras;

/// Whether a request's object goes under the managed key.
macro_rules! chosen {
    ($input:expr, $call:expr, $bucket:expr) => {
        $crate::encryption::chosen(
            $call,
            $bucket,
            $input.server_side_encryption.as_deref(),
            $input.ssekms_key_id.as_ref().map(|key| key.expose().as_str()),
        )
    };
}
pub(crate) use chosen;

impl Extras<'_> {
    /// SECURITY: what would be a control and is not enforced is refused by its name.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.grants || self.acl.is_some_and(|acl| acl != "bucket-owner-full-control") {
            return Err(super::acl::unsupported());
        }
        match self.encryption {
            None | Some("AES256" | "aws:kms") => {}
            Some("aws:kms:dsse") => return Err(Error::not_implemented("DSSE-KMS")),
            Some(other) => {
                let message = "The encryption method specified is not supported";
                return Err(Error::invalid_argument(message, "x-amz-server-side-encryption", other));
            }
        }
        if self.encryption_context {
            return Err(Error::not_implemented("x-amz-server-side-encryption-context"));
        }
        if self.customer_key {
            return Err(Error::not_implemented("SSE-C"));
        }
        if self.storage_class.is_some_and(|class| class != "STANDARD") {
            return Err(Error::not_implemented("storage classes other than STANDARD"));
        }
        if self.lock {
            return Err(Error::invalid_request("Bucket is missing Object Lock Configuration"));
        }
        if self.website {
            return Err(Error::not_implemented("x-amz-website-redirect-location"));
        }
        Ok(())
    }
}

/// The headers that are told again with the object.
macro_rules! about {
    ($input:expr) => {
        $crate::operations::put::keep_about(
            $crate::records::About {
                content_type: $input.content_type.take(),
                cache_control: $input.cache_control.take(),
                content_disposition: $input.content_disposition.take(),
                content_encoding: $input.content_encoding.take(),
                content_language: $input.content_language.take(),
                expires: $input.expires.take(),
                metadata: Vec::new(),
            },
            $input.metadata.take(),
        )
    };
}
pub(crate) use about;

pub(crate) fn keep_about(
    mut about: About,
    metadata: Option<protocol::Entries<String>>,
) -> Result<About, Error> {
    about.content_type =
        Some(about.content_type.filter(|kind| !kind.is_empty()).unwrap_or_else(|| DEFAULT_TYPE.to_owned()));
    // The frames of a chunked upload are the request's, not the object's.
    about.content_encoding = about.content_encoding.and_then(|encoding| {
        let kept: Vec<&str> = encoding
            .split(',')
            .map(str::trim)
            .filter(|part| *part != "aws-chunked" && !part.is_empty())
            .collect();
        (!kept.is_empty()).then(|| kept.join(","))
    });
    about.metadata = metadata.map(|entries| entries.0).unwrap_or_default();
    let size: usize = about.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > METADATA_BYTES_MAX {
        return Err(service::error::Fault::sender(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
        )
        .with_member("Size", size.to_string())
        .with_member("MaxSizeAllowed", METADATA_BYTES_MAX.to_string())
        .into());
    }
    Ok(about)
}

/// An object's bytes and what is said of them, before it has a place.
pub(crate) fn version(
    call: &Call,
    received: &Received,
    about: About,
    tags: BTreeMap<String, String>,
) -> VersionRecord {
    VersionRecord {
        marker: false,
        size: received.size,
        etag: hex::encode(received.md5),
        about,
        tags,
        checksum: Some(Checksum {
            algorithm: received.algorithm,
            value: checksum::encode(&received.checksum),
            composite: false,
        }),
        ..versions::marker(call.now())
    }
}

/// Writes a version whose content was received, if the bucket is still the same and the key as its writer believes.
pub(crate) async fn write(
    call: &Call,
    bucket_name: &str,
    bucket: &BucketRecord,
    key: &str,
    version: VersionRecord,
    received: Received,
    conditions: (Option<String>, Option<String>),
) -> Result<(BucketRecord, VersionRecord), Error> {
    let written = call
        .transact(|transaction| {
            let now = records::bucket(transaction, bucket_name)?;
            if now.id != bucket.id {
                return Err(Error::no_such_bucket(bucket_name));
            }
            let current = versions::current(transaction, &now.id, key)?;
            condition::check_write(conditions.0.as_deref(), conditions.1.as_deref(), current.as_ref(), key)?;
            let mut version = version;
            version.content = received.place(transaction)?;
            let written = versions::push(transaction, &now, key, version)?;
            Ok((now, written))
        })
        .await?;
    received.keep();
    Ok(written)
}

pub(crate) async fn put(s3: Arc<S3>, permit: Permit<api::PutObject>) -> Result<api::PutObjectOutput, Error> {
    let (mut input, call) = (permit.input, permit.call);
    name::check_key(&input.key)?;
    extras!(input).check()?;
    if input.write_offset_bytes.is_some() {
        return Err(Error::not_implemented("x-amz-write-offset-bytes"));
    }
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let managed_key = chosen!(input, &call, &bucket)?;
    let wanted = wanted(
        &stated_checksums!(input),
        input.checksum_algorithm.as_deref(),
        input.content_md5.as_deref(),
        PUT_BYTES_MAX,
    )?;
    let tags = input.tagging.as_deref().map(tags::from_header).transpose()?.unwrap_or_default();
    let about = about!(input)?;
    let body = body(input.body.take())?;
    let received = receive(&s3.files, &body, &wanted.announced_by(&body)).await?;
    let version = VersionRecord { managed_key, ..version(&call, &received, about, tags) };
    let conditions = (input.if_match.take(), input.if_none_match.take());
    let (bucket, version) =
        write(&call, &input.bucket, &bucket, &input.key, version, received, conditions).await?;
    let mut output = api::PutObjectOutput {
        e_tag: Some(quoted(&version.etag)),
        // Where versions are suspended the writer is told of none.
        version_id: version.id.clone(),
        ..Default::default()
    };
    tell_encryption!(output, &bucket, version.managed_key);
    tell_checksum!(output, &version.checksum);
    Ok(output)
}

/// The bytes of a request, whose length must be known before they come.
pub(crate) fn body(body: Option<ByteStream>) -> Result<ByteStream, Error> {
    let body = body.unwrap_or_else(|| ByteStream::whole(bytes::Bytes::new()));
    match body.length() {
        Some(_) => Ok(body),
        None => {
            let message = "You must provide the Content-Length HTTP header.";
            Err(Error::new("MissingContentLength", 411, message))
        }
    }
}

/// An entity tag as headers carry it.
pub(crate) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// The version's id, where the bucket ever had any.
pub(crate) fn told_id(bucket: &BucketRecord, version: &VersionRecord) -> Option<String> {
    let told = bucket.versioning != records::Versioning::Never || version.id.is_some();
    told.then(|| version.version_id().to_owned())
}
