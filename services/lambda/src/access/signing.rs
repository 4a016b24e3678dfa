//! What the operations on code signing configurations need leave for.

use service::{Access, AccessRequest};

use super::{Outcome, on, pairs};
use crate::Lambda;
use crate::api;
use crate::kept::Row as _;
use crate::model::signing;
use crate::signing::SigningRecord;

pub(super) fn on_config<I>(request: &AccessRequest<'_, I>, action: &'static str, arn: &str) -> Outcome {
    let (account, id) = signing::parse(arn, request.region)?;
    let mut access = Access::to(action, arn).owned_by(account);
    if let Some(record) = SigningRecord::stored(request.records, account, &id)? {
        access = access.resource_tags(record.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    }
    Ok(access)
}

macro_rules! on_configs {
    ($($function:ident, $request:ident, $action:literal;)*) => {$(
        pub(crate) fn $function(_: &Lambda, request: &AccessRequest<'_, api::$request>) -> Outcome {
            on_config(request, $action, &request.input.code_signing_config_arn)
        }
    )*};
}

on_configs! {
    get_signing_config, GetCodeSigningConfigRequest, "lambda:GetCodeSigningConfig";
    update_signing_config, UpdateCodeSigningConfigRequest, "lambda:UpdateCodeSigningConfig";
    delete_signing_config, DeleteCodeSigningConfigRequest, "lambda:DeleteCodeSigningConfig";
    list_signed_functions, ListFunctionsByCodeSigningConfigRequest, "lambda:ListFunctionsByCodeSigningConfig";
}

pub(crate) fn create_signing_config(
    _: &Lambda,
    request: &AccessRequest<'_, api::CreateCodeSigningConfigRequest>,
) -> Outcome {
    let tags = request.input.tags.as_ref();
    // The id is not known yet.
    let any = signing::arn(request.account, request.region, "*");
    let access = Access::to("lambda:CreateCodeSigningConfig", "*").request_tags(pairs(tags));
    Ok(access.and_tags("lambda:TagResource", any, pairs(tags)))
}

pub(crate) fn list_signing_configs(
    _: &Lambda,
    _: &AccessRequest<'_, api::ListCodeSigningConfigsRequest>,
) -> Outcome {
    Ok(Access::to("lambda:ListCodeSigningConfigs", "*"))
}

// SECURITY: leave is needed for the function and for the configuration that it gets.
pub(crate) fn put_code_signing(
    _: &Lambda,
    request: &AccessRequest<'_, api::PutFunctionCodeSigningConfigRequest>,
) -> Outcome {
    let (name, arn) = (&request.input.function_name, &request.input.code_signing_config_arn);
    let action = "lambda:PutFunctionCodeSigningConfig";
    let (function, _) = on(request, action, name, None)?;
    let config = on_config(request, action, arn)?;
    let named = |access: Access| access.when("lambda:CodeSigningConfigArn", [arn.as_str()]);
    Ok(named(function).and(named(config)))
}
