//! `GetRuntimeManagementConfig`, `PutRuntimeManagementConfig`: a function runs on what this host has today.
//!
//! `Auto` says just that, and is the only mode there is: a host keeps no older versions of its interpreters.

use std::sync::Arc;

use service::{Call, Permit};

use super::{not_found, shown, target};
use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::name::{LATEST, Target};

const AUTO: &str = "Auto";

/// The ARN of a version that is there.
fn version_arn(lambda: &Lambda, call: &Call, target: &Target) -> Result<String, Error> {
    let loaded = shown(lambda, call, target)?;
    let qualifier = target.qualifier.as_deref().unwrap_or(LATEST);
    let found = loaded.function.version(qualifier).map(drop);
    found.ok_or_else(|| not_found(&target.arn()))?;
    Ok(target.id.qualified_arn(qualifier))
}

pub(crate) async fn get_runtime_management(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetRuntimeManagementConfig>,
) -> Result<api::GetRuntimeManagementConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    Ok(api::GetRuntimeManagementConfigResponse {
        update_runtime_on: Some(AUTO.to_owned()),
        function_arn: Some(version_arn(&lambda, &call, &target)?),
        runtime_version_arn: None,
    })
}

pub(crate) async fn put_runtime_management(
    lambda: Arc<Lambda>,
    permit: Permit<api::PutRuntimeManagementConfig>,
) -> Result<api::PutRuntimeManagementConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let function_arn = version_arn(&lambda, &call, &target)?;
    if input.update_runtime_on != AUTO || input.runtime_version_arn.is_some() {
        return Err(Error::InvalidParameterValue(format!(
            "UpdateRuntimeOn {} is not supported on this platform: functions run on the interpreters that its host \
             has, of which there is one version at a time. Use Auto.",
            input.update_runtime_on
        )));
    }
    Ok(api::PutRuntimeManagementConfigResponse {
        update_runtime_on: AUTO.to_owned(),
        function_arn,
        runtime_version_arn: None,
    })
}
