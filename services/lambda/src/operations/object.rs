//! Code that stands in S3, read as the caller.
//!
//! SECURITY: an object is read by `s3:GetObject` through the whole pipeline: naming it gives no rights, and S3 says who
//! may read it and writes down who did.

use std::sync::Arc;

use compute::limits::OBJECT_BYTES_MAX;
use protocol::{Bytes, Structure, Value};
use service::Call;

use crate::error::Error;

/// The place of a package.
pub(crate) struct Object<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) version: Option<&'a str>,
}

impl Object<'_> {
    /// All bytes of the object, at most 250 MiB.
    pub(crate) async fn read(&self, call: &Call) -> Result<Bytes, Error> {
        let mut input = Structure::new().with("Bucket", self.bucket).with("Key", self.key);
        if let Some(version) = self.version {
            input = input.with("VersionId", version);
        }
        let answer =
            call.invoke(Arc::clone(call.principal()), "s3", "GetObject", Value::Structure(input)).await;
        let body = match answer {
            Ok(Value::Structure(mut answer)) => answer.take("Body"),
            Ok(_) => None,
            Err(fault) => return Err(self.refused(&fault.code, &fault.message)),
        };
        match body {
            Some(Value::Stream(stream)) => {
                let bytes = stream.collect(OBJECT_BYTES_MAX).await;
                bytes.map_err(|fault| self.refused(&fault.code, &fault.message))
            }
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Ok(Bytes::new()),
        }
    }

    fn refused(&self, code: &str, message: &str) -> Error {
        let said = format!("S3 Error Code: {code}. S3 Error Message: {message}");
        if code == "AccessDenied" {
            return Error::AccessDenied(format!(
                "Your access has been denied by S3, please make sure your request credentials have permission to GetObject \
                 for {}/{}. {said}",
                self.bucket, self.key
            ));
        }
        Error::InvalidParameterValue(format!("Error occurred while GetObject. {said}"))
    }
}
