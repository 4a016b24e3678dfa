//! Whether a bucket keeps versions.
//!
//! Once kept, versions are never unkept: they can only be suspended.

use std::sync::Arc;

use service::Permit;

use super::configuration::change;
use crate::api;
use crate::error::Error;
use crate::records::Versioning;
use crate::state::{Lookup as _, S3};

pub(crate) async fn get(
    _: Arc<S3>,
    permit: Permit<api::GetBucketVersioning>,
) -> Result<api::GetBucketVersioningOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let status = match bucket.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some("Enabled".to_owned()),
        Versioning::Suspended => Some("Suspended".to_owned()),
    };
    Ok(api::GetBucketVersioningOutput { status, mfa_delete: None })
}

pub(crate) async fn put(_: Arc<S3>, permit: Permit<api::PutBucketVersioning>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let configuration = input.versioning_configuration;
    if input.mfa.is_some() || configuration.mfa_delete.as_deref() == Some("Enabled") {
        return Err(Error::not_implemented("MFA delete"));
    }
    let versioning = match configuration.status.as_deref() {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(_) => return Err(Error::malformed_xml()),
        None => {
            let message = "The Versioning element must be specified";
            return Err(Error::new("IllegalVersioningConfigurationException", 400, message));
        }
    };
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), move |bucket| {
        bucket.versioning = versioning;
        Ok(())
    })
    .await
}
