//! Where a function's code comes from: bytes in the request, or an object in S3.

use std::sync::Arc;

use compute::limits::PACKAGE_ZIPPED_BYTES_MAX;
use compute::{CodeHash, PackageError, Refusal, StoredPackage};
use protocol::{Bytes, Sensitive};
use service::Call;

use crate::Lambda;
use crate::api;
use crate::code::Incoming;
use crate::error::Error;
use crate::model::settings::not_supported;
use crate::operations::account;
use crate::operations::object::Object;

/// The members that name code, of either operation.
pub(crate) struct CodeSource {
    operation: &'static str,
    zip_file: Option<Sensitive<Bytes>>,
    s3_bucket: Option<String>,
    s3_key: Option<String>,
    version: Option<String>,
    unsupported: Option<&'static str>,
}

impl From<api::FunctionCode> for CodeSource {
    fn from(code: api::FunctionCode) -> Self {
        let unsupported = unsupported(&code.image_uri, &code.source_kms_key_arn);
        Self {
            operation: "CreateFunction",
            zip_file: code.zip_file,
            s3_bucket: code.s3_bucket,
            s3_key: code.s3_key,
            version: code.s3_object_version,
            unsupported,
        }
    }
}

impl From<api::LayerVersionContentInput> for CodeSource {
    fn from(code: api::LayerVersionContentInput) -> Self {
        Self {
            operation: "PublishLayerVersion",
            zip_file: code.zip_file,
            s3_bucket: code.s3_bucket,
            s3_key: code.s3_key,
            version: code.s3_object_version,
            unsupported: None,
        }
    }
}

impl From<&mut api::UpdateFunctionCodeRequest> for CodeSource {
    fn from(code: &mut api::UpdateFunctionCodeRequest) -> Self {
        let unsupported = unsupported(&code.image_uri, &code.source_kms_key_arn);
        Self {
            operation: "UpdateFunctionCode",
            zip_file: code.zip_file.take(),
            s3_bucket: code.s3_bucket.take(),
            s3_key: code.s3_key.take(),
            version: code.s3_object_version.take(),
            unsupported,
        }
    }
}

fn unsupported(image: &Option<String>, key: &Option<String>) -> Option<&'static str> {
    [("ImageUri", image), ("SourceKMSKeyArn", key)]
        .into_iter()
        .find_map(|(name, value)| value.as_ref().map(|_| name))
}

impl CodeSource {
    /// Checks the code, keeps it and unpacks it.
    pub(crate) async fn keep(
        self,
        lambda: &Arc<Lambda>,
        call: &Call,
    ) -> Result<(StoredPackage, Incoming), Error> {
        if let Some(member) = self.unsupported {
            return Err(not_supported(member));
        }
        let refuse = |message: &str| Err(Error::InvalidParameterValue(message.to_owned()));
        let zip = match (self.zip_file, self.s3_bucket, self.s3_key) {
            (Some(zip), None, None) => direct(zip.into_exposed(), self.operation)?,
            (None, Some(bucket), Some(key)) => {
                let object = Object { bucket: &bucket, key: &key, version: self.version.as_deref() };
                object.read(call).await?
            }
            (None, None, None) => return refuse("Please provide a source for function code."),
            (None, _, _) => return refuse("S3Bucket and S3Key must be provided together."),
            (Some(_), _, _) => {
                return refuse(
                    "Please do not provide other FunctionCode parameters when providing a ZipFile.",
                );
            }
        };
        let hash = CodeHash::of(&zip);
        // Before anything of it is on the disk.
        account::check_code_size(lambda, call, hash, zip.len())?;
        // Before it is kept: what was there already must not go now.
        let incoming = Incoming::of(lambda, call.account(), Some(hash), &[]);
        let code = lambda.compute.code_of(call.account());
        let kept = incoming.bring(async move { code.put(zip).await }).await?.map_err(package_error)?;
        Ok((kept, incoming))
    }
}

/// What AWS says of the largest package, in base64, is that requests may be so large.
const REQUEST_BYTES_MAX: usize = PACKAGE_ZIPPED_BYTES_MAX.div_ceil(3) * 4 - 1;

fn direct(zip: Bytes, operation: &str) -> Result<Bytes, Error> {
    if zip.len() > PACKAGE_ZIPPED_BYTES_MAX {
        return Err(Error::RequestEntityTooLarge(format!(
            "Request must be smaller than {REQUEST_BYTES_MAX} bytes for the {operation} operation"
        )));
    }
    Ok(zip)
}

fn package_error(error: PackageError) -> Error {
    match error {
        PackageError::Refused(Refusal::TooLarge(limit)) => {
            Error::InvalidParameterValue(format!("Unzipped size must be smaller than {limit} bytes"))
        }
        PackageError::Refused(Refusal::Empty) => {
            Error::InvalidParameterValue("Uploaded file must be a non-empty zip".to_owned())
        }
        PackageError::Refused(reason) => Error::InvalidParameterValue(format!(
            "Could not unzip uploaded file. Please check your file, then try to upload again. ({reason})"
        )),
        PackageError::Full => Error::CodeStorageExceeded,
        error => Error::internal(error),
    }
}
