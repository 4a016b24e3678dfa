//! The leave that each operation needs: the HTTP verb as the action, the path as the resource, as in AWS.
//!
//! Decides nothing. Tags are looked up for conditions; whether their API exists is not told.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html>

mod keys;

use std::collections::BTreeMap;

use ::store::Read;
use base::{AccountId, Region};
use identity::RoleName;
use protocol::Entries;
use service::{Access, AccessRequest};

use crate::api;
use crate::integration;
use crate::model::Tagged;
use crate::openapi::Document;
use crate::store::Owned;
use crate::{ApiGateway, Error};
use keys::{Found, Keys};

/// Where an operation acts, and what it needs besides.
pub(crate) trait Target {
    /// The action.
    const ACTION: &'static str;

    /// The path behind `arn:aws:apigateway:<region>::`.
    fn path(&self) -> String;

    /// The API or stage, whose tags conditions may name.
    fn tagged(&self, _: &Region) -> Option<Tagged<'_>> {
        None
    }

    /// API Gateway's own condition keys: of the request, and of what was found where it acts.
    fn keys(&self, _: &Found<'_>) -> Keys {
        Keys::default()
    }

    /// The tags that the request gives.
    fn tags(&self) -> Option<&Entries<String>> {
        None
    }

    /// The path of what the request makes with these tags; a star where it has no name yet.
    fn made(&self) -> Option<String> {
        None
    }

    /// The tags that the request takes away.
    fn tag_keys(&self) -> &[String] {
        &[]
    }

    /// True where the request sets an API's resource policy.
    fn sets_policy(&self) -> bool {
        false
    }

    /// Roles that the request hands to API Gateway.
    fn passed_roles(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The leave for a request.
pub(crate) fn access<I: Target>(_: &ApiGateway, request: &AccessRequest<'_, I>) -> Result<Access, Error> {
    let input = request.input;
    let resource = format!("arn:aws:apigateway:{}::{}", request.region, input.path());
    let mut access = Access::to(I::ACTION, resource.clone());
    let tagged = input.tagged(request.region);
    let (api, stage) = keys::found(request.records, request.account, tagged)?;
    let found = Found { api: api.as_ref(), stage: stage.as_ref() };
    if let Some(tagged) = tagged {
        let tags = tags(request.records, request.account, tagged, &found)?;
        access = access.resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    }
    access = input.keys(&found).0.into_iter().fold(access, |access, (key, values)| access.when(key, values));
    if let Some(tags) = input.tags() {
        let pairs = || tags.iter().map(|(key, value)| (key, value.as_str()));
        access = access.request_tags(pairs());
        if let Some(made) = input.made() {
            let path = tags_path(&format!("arn:aws:apigateway:{}::{made}", request.region));
            let resource = format!("arn:aws:apigateway:{}::{path}", request.region);
            access = access.and_tags("apigateway:PUT", resource, pairs());
        }
    }
    if !input.tag_keys().is_empty() {
        access = access.when("aws:TagKeys", input.tag_keys());
    }
    if input.sets_policy() {
        access = access.and(Access::to("apigateway:UpdateRestApiPolicy", resource));
    }
    // SECURITY: whoever hands a role to API Gateway needs leave to pass it, as everywhere.
    // One of another account is not the caller's to pass, whatever its policies say.
    for role in input.passed_roles() {
        if RoleName::parse(&role).is_some_and(|name| name.account != request.account) {
            return Err(Error::bad("Cross-account pass role is not allowed."));
        }
        let pass = Access::to("iam:PassRole", role);
        access = access.and(pass.when("iam:PassedToService", ["apigateway.amazonaws.com"]));
    }
    Ok(access)
}

/// Where the tags of an ARN are set, which stands there encoded, as in AWS's own messages.
fn tags_path(arn: &str) -> String {
    format!("/tags/{}", arn.replace('%', "%25").replace(':', "%3A").replace('/', "%2F"))
}

/// An API's tags; of a stage, its own before those of its API.
fn tags(
    records: &dyn Read,
    account: AccountId,
    tagged: Tagged<'_>,
    found: &Found<'_>,
) -> Result<BTreeMap<String, String>, Error> {
    let owned = Owned(account);
    match tagged {
        Tagged::Key(id) => Ok(owned.find_key(records, id)?.map(|key| key.tags).unwrap_or_default()),
        Tagged::Plan(id) => Ok(owned.find_plan(records, id)?.map(|plan| plan.tags).unwrap_or_default()),
        Tagged::Api(_) | Tagged::Stage(..) => {
            let mut tags = found.api.map(|api| api.tags.clone()).unwrap_or_default();
            tags.extend(found.stage.into_iter().flat_map(|stage| stage.tags.clone()));
            Ok(tags)
        }
    }
}

/// Declares where requests act: the verb, then the path's format with the members that fill it.
macro_rules! targets {
    ($( $request:ident: $verb:literal, $format:literal $(, $member:ident)* $(=> { $($more:tt)* })?; )*) => {$(
        impl Target for api::$request {
            const ACTION: &'static str = concat!("apigateway:", $verb);

            fn path(&self) -> String {
                format!($format $(, self.$member)*)
            }

            $($($more)*)?
        }
    )*};
}

macro_rules! of_api {
    ($( $request:ident: $verb:literal, $format:literal $(, $member:ident)* $(=> { $($more:tt)* })?; )*) => {
        targets! {$(
            $request: $verb, $format, rest_api_id $(, $member)* => {
                fn tagged(&self, _: &Region) -> Option<Tagged<'_>> {
                    Some(Tagged::Api(&self.rest_api_id))
                }
                $($($more)*)?
            };
        )*}
    };
}

// SECURITY: handlers take a method in any letters, so leave is asked for the one that is meant.
macro_rules! of_method {
    ($( $request:ident: $verb:literal, $rest:literal $(, $member:ident)* $(=> { $($more:tt)* })?; )*) => {$(
        impl Target for api::$request {
            const ACTION: &'static str = concat!("apigateway:", $verb);

            fn path(&self) -> String {
                let (id, resource) = (&self.rest_api_id, &self.resource_id);
                let method = self.http_method.to_ascii_uppercase();
                format!(concat!("/restapis/{}/resources/{}/methods/{}", $rest), id, resource, method $(, self.$member)*)
            }

            fn tagged(&self, _: &Region) -> Option<Tagged<'_>> {
                Some(Tagged::Api(&self.rest_api_id))
            }

            $($($more)*)?
        }
    )*};
}

macro_rules! of_stage {
    ($( $request:ident: $verb:literal $(=> { $($more:tt)* })?; )*) => {
        targets! {$(
            $request: $verb, "/restapis/{}/stages/{}", rest_api_id, stage_name => {
                fn tagged(&self, _: &Region) -> Option<Tagged<'_>> {
                    Some(Tagged::Stage(&self.rest_api_id, &self.stage_name))
                }
                $($($more)*)?
            };
        )*}
    };
}

macro_rules! by_arn {
    ($( $request:ident: $verb:literal $(=> { $($more:tt)* })?; )*) => {
        $(
            impl Target for api::$request {
                const ACTION: &'static str = concat!("apigateway:", $verb);

                fn path(&self) -> String {
                    tags_path(&self.resource_arn)
                }

                fn tagged(&self, region: &Region) -> Option<Tagged<'_>> {
                    Tagged::of(region, &self.resource_arn)
                }

                $($($more)*)?
            }
        )*
    };
}

macro_rules! of_key {
    ($( $request:ident: $verb:literal; )*) => {
        targets! {$(
            $request: $verb, "/apikeys/{}", api_key => {
                fn tagged(&self, _: &Region) -> Option<Tagged<'_>> {
                    Some(Tagged::Key(&self.api_key))
                }
            };
        )*}
    };
}

macro_rules! of_plan {
    ($( $request:ident: $verb:literal, $format:literal $(, $member:ident)*; )*) => {
        targets! {$(
            $request: $verb, $format, usage_plan_id $(, $member)* => {
                fn tagged(&self, _: &Region) -> Option<Tagged<'_>> {
                    Some(Tagged::Plan(&self.usage_plan_id))
                }
            };
        )*}
    };
}

of_key! {
    GetApiKeyRequest: "GET";
    UpdateApiKeyRequest: "PATCH";
    DeleteApiKeyRequest: "DELETE";
}

of_plan! {
    GetUsagePlanRequest: "GET", "/usageplans/{}";
    UpdateUsagePlanRequest: "PATCH", "/usageplans/{}";
    DeleteUsagePlanRequest: "DELETE", "/usageplans/{}";
    CreateUsagePlanKeyRequest: "POST", "/usageplans/{}/keys";
    GetUsagePlanKeysRequest: "GET", "/usageplans/{}/keys";
    GetUsagePlanKeyRequest: "GET", "/usageplans/{}/keys/{}", key_id;
    DeleteUsagePlanKeyRequest: "DELETE", "/usageplans/{}/keys/{}", key_id;
    GetUsageRequest: "GET", "/usageplans/{}/usage";
    UpdateUsageRequest: "PATCH", "/usageplans/{}/keys/{}/usage", key_id;
}

targets! {
    GetApiKeysRequest: "GET", "/apikeys";
    ImportApiKeysRequest: "POST", "/apikeys";
    CreateApiKeyRequest: "POST", "/apikeys" => {
        fn tags(&self) -> Option<&Entries<String>> {
            self.tags.as_ref()
        }
        fn made(&self) -> Option<String> {
            Some("/apikeys/*".to_owned())
        }
    };
    GetUsagePlansRequest: "GET", "/usageplans";
    CreateUsagePlanRequest: "POST", "/usageplans" => {
        fn tags(&self) -> Option<&Entries<String>> {
            self.tags.as_ref()
        }
        fn made(&self) -> Option<String> {
            Some("/usageplans/*".to_owned())
        }
    };
    GetRestApisRequest: "GET", "/restapis";
    GetAccountRequest: "GET", "/account";
    UpdateAccountRequest: "PATCH", "/account" => {
        fn passed_roles(&self) -> Vec<String> {
            let values = patches(self.patch_operations.as_ref(), "/cloudwatchRoleArn");
            values.filter(|role| !role.is_empty()).map(str::to_owned).collect()
        }
    };
    CreateRestApiRequest: "POST", "/restapis" => {
        fn keys(&self, _: &Found<'_>) -> Keys {
            keys::create_api(self)
        }
        fn tags(&self) -> Option<&Entries<String>> {
            self.tags.as_ref()
        }
        fn made(&self) -> Option<String> {
            Some("/restapis/*".to_owned())
        }
        fn sets_policy(&self) -> bool {
            self.policy.is_some()
        }
    };
    ImportRestApiRequest: "POST", "/restapis" => {
        fn keys(&self, _: &Found<'_>) -> Keys {
            keys::import_api(self)
        }
        fn sets_policy(&self) -> bool {
            Document::read(&self.body).is_ok_and(|document| document.policy.is_some())
        }
        fn passed_roles(&self) -> Vec<String> {
            Document::read(&self.body).map(|document| document.roles()).unwrap_or_default()
        }
    };
}

by_arn! {
    GetTagsRequest: "GET";
    UntagResourceRequest: "DELETE" => {
        fn tag_keys(&self) -> &[String] {
            &self.tag_keys
        }
    };
    TagResourceRequest: "PUT" => {
        fn tags(&self) -> Option<&Entries<String>> {
            Some(&self.tags)
        }
    };
}

of_stage! {
    GetStageRequest: "GET";
    UpdateStageRequest: "PATCH" => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::update_stage(self, found)
        }
    };
    DeleteStageRequest: "DELETE" => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::delete_stage(found)
        }
    };
}

of_api! {
    GetRestApiRequest: "GET", "/restapis/{}";
    DeleteRestApiRequest: "DELETE", "/restapis/{}" => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::delete_api(found)
        }
    };
    UpdateRestApiRequest: "PATCH", "/restapis/{}" => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::update_api(self, found)
        }
        fn sets_policy(&self) -> bool {
            patches(self.patch_operations.as_ref(), "/policy").next().is_some()
        }
    };
    PutRestApiRequest: "PUT", "/restapis/{}" => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::put_api(self, found)
        }
        fn sets_policy(&self) -> bool {
            Document::read(&self.body).is_ok_and(|document| document.policy.is_some())
        }
        fn passed_roles(&self) -> Vec<String> {
            Document::read(&self.body).map(|document| document.roles()).unwrap_or_default()
        }
    };
    CreateModelRequest: "POST", "/restapis/{}/models";
    GetModelsRequest: "GET", "/restapis/{}/models";
    GetModelRequest: "GET", "/restapis/{}/models/{}", model_name;
    UpdateModelRequest: "PATCH", "/restapis/{}/models/{}", model_name;
    DeleteModelRequest: "DELETE", "/restapis/{}/models/{}", model_name;
    CreateRequestValidatorRequest: "POST", "/restapis/{}/requestvalidators";
    GetRequestValidatorsRequest: "GET", "/restapis/{}/requestvalidators";
    GetRequestValidatorRequest: "GET", "/restapis/{}/requestvalidators/{}", request_validator_id;
    UpdateRequestValidatorRequest: "PATCH", "/restapis/{}/requestvalidators/{}", request_validator_id;
    DeleteRequestValidatorRequest: "DELETE", "/restapis/{}/requestvalidators/{}", request_validator_id;
    GetGatewayResponsesRequest: "GET", "/restapis/{}/gatewayresponses";
    GetGatewayResponseRequest: "GET", "/restapis/{}/gatewayresponses/{}", response_type;
    PutGatewayResponseRequest: "PUT", "/restapis/{}/gatewayresponses/{}", response_type;
    UpdateGatewayResponseRequest: "PATCH", "/restapis/{}/gatewayresponses/{}", response_type;
    DeleteGatewayResponseRequest: "DELETE", "/restapis/{}/gatewayresponses/{}", response_type;
    GetResourcesRequest: "GET", "/restapis/{}/resources";
    GetResourceRequest: "GET", "/restapis/{}/resources/{}", resource_id;
    CreateResourceRequest: "POST", "/restapis/{}/resources/{}", parent_id;
    UpdateResourceRequest: "PATCH", "/restapis/{}/resources/{}", resource_id;
    DeleteResourceRequest: "DELETE", "/restapis/{}/resources/{}", resource_id;
    CreateDeploymentRequest: "POST", "/restapis/{}/deployments" => {
        fn keys(&self, _: &Found<'_>) -> Keys {
            keys::create_deployment(self)
        }
    };
    GetDeploymentsRequest: "GET", "/restapis/{}/deployments";
    GetDeploymentRequest: "GET", "/restapis/{}/deployments/{}", deployment_id;
    UpdateDeploymentRequest: "PATCH", "/restapis/{}/deployments/{}", deployment_id;
    DeleteDeploymentRequest: "DELETE", "/restapis/{}/deployments/{}", deployment_id;
    CreateStageRequest: "POST", "/restapis/{}/stages" => {
        fn tags(&self) -> Option<&Entries<String>> {
            self.tags.as_ref()
        }
        fn made(&self) -> Option<String> {
            Some(format!("/restapis/{}/stages/{}", self.rest_api_id, self.stage_name))
        }
    };
    GetStagesRequest: "GET", "/restapis/{}/stages";
    FlushStageAuthorizersCacheRequest: "DELETE", "/restapis/{}/stages/{}/cache/authorizers", stage_name;
    CreateAuthorizerRequest: "POST", "/restapis/{}/authorizers" => {
        fn keys(&self, _: &Found<'_>) -> Keys {
            keys::create_authorizer(self)
        }
        fn passed_roles(&self) -> Vec<String> {
            let role = integration::role(self.authorizer_credentials.as_deref());
            role.map(str::to_owned).into_iter().collect()
        }
    };
    GetAuthorizersRequest: "GET", "/restapis/{}/authorizers";
    GetAuthorizerRequest: "GET", "/restapis/{}/authorizers/{}", authorizer_id;
    UpdateAuthorizerRequest: "PATCH", "/restapis/{}/authorizers/{}", authorizer_id => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::update_authorizer(self, found)
        }
        fn passed_roles(&self) -> Vec<String> {
            let values = patches(self.patch_operations.as_ref(), "/authorizerCredentials");
            values.filter_map(|value| integration::role(Some(value))).map(str::to_owned).collect()
        }
    };
    DeleteAuthorizerRequest: "DELETE", "/restapis/{}/authorizers/{}", authorizer_id => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::delete_authorizer(self, found)
        }
    };
}

of_method! {
    PutMethodRequest: "PUT", "" => {
        fn keys(&self, _: &Found<'_>) -> Keys {
            keys::put_method(self)
        }
    };
    GetMethodRequest: "GET", "";
    UpdateMethodRequest: "PATCH", "" => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::update_method(self, found)
        }
    };
    DeleteMethodRequest: "DELETE", "" => {
        fn keys(&self, found: &Found<'_>) -> Keys {
            keys::delete_method(self, found)
        }
    };
    PutMethodResponseRequest: "PUT", "/responses/{}", status_code;
    GetMethodResponseRequest: "GET", "/responses/{}", status_code;
    UpdateMethodResponseRequest: "PATCH", "/responses/{}", status_code;
    DeleteMethodResponseRequest: "DELETE", "/responses/{}", status_code;
    TestInvokeMethodRequest: "POST", "";
    PutIntegrationRequest: "PUT", "/integration" => {
        fn passed_roles(&self) -> Vec<String> {
            integration::role(self.credentials.as_deref()).map(str::to_owned).into_iter().collect()
        }
    };
    GetIntegrationRequest: "GET", "/integration";
    UpdateIntegrationRequest: "PATCH", "/integration" => {
        fn passed_roles(&self) -> Vec<String> {
            let values = patches(self.patch_operations.as_ref(), "/credentials");
            values.filter_map(|value| integration::role(Some(value))).map(str::to_owned).collect()
        }
    };
    DeleteIntegrationRequest: "DELETE", "/integration";
    PutIntegrationResponseRequest: "PUT", "/integration/responses/{}", status_code;
    GetIntegrationResponseRequest: "GET", "/integration/responses/{}", status_code;
    UpdateIntegrationResponseRequest: "PATCH", "/integration/responses/{}", status_code;
    DeleteIntegrationResponseRequest: "DELETE", "/integration/responses/{}", status_code;
}

/// The values that patches give to a path; empty text where they give none.
fn patches<'o>(
    operations: Option<&'o Vec<api::PatchOperation>>,
    path: &'o str,
) -> impl Iterator<Item = &'o str> {
    let all = operations.map(Vec::as_slice).unwrap_or_default().iter();
    let those = all.filter(move |operation| operation.path.as_deref() == Some(path));
    those.map(|operation| operation.value.as_deref().unwrap_or_default())
}
