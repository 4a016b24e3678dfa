//! The leave that each operation needs: the HTTP verb as the action, the path as the resource, as in AWS.
//!
//! Decides nothing. Tags are looked up for conditions; whether their API exists is not told.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html>

use base::AccountId;
use protocol::Entries;
use service::{Access, AccessRequest};

use crate::api;
use crate::integration;
use crate::openapi::Document;
use crate::store::Apis;
use crate::{ApiGateway, Error};

/// Where an operation acts, and what it needs besides.
pub(crate) trait Target {
    /// The action.
    const ACTION: &'static str;

    /// The path behind `arn:aws:apigateway:<region>::`.
    fn path(&self) -> String;

    /// The API, whose tags conditions may name.
    fn rest_api_id(&self) -> Option<&str> {
        None
    }

    /// The tags that the request gives.
    fn tags(&self) -> Option<&Entries<String>> {
        None
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
pub(crate) fn access<I: Target>(state: &ApiGateway, request: &AccessRequest<'_, I>) -> Result<Access, Error> {
    let input = request.input;
    let resource = format!("arn:aws:apigateway:{}::{}", request.region, input.path());
    let mut access = Access::to(I::ACTION, resource.clone());
    if let Some(id) = input.rest_api_id() {
        access = access
            .resource_tags(tags(state, request.account, id)?.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    }
    if let Some(tags) = input.tags() {
        access = access.request_tags(tags.iter().map(|(key, value)| (key, value.as_str())));
    }
    if input.sets_policy() {
        access = access.and(Access::to("apigateway:UpdateRestApiPolicy", resource));
    }
    // SECURITY: whoever hands a role to API Gateway needs leave to pass it, as everywhere.
    for role in input.passed_roles() {
        let pass = Access::to("iam:PassRole", role);
        access = access.and(pass.when("iam:PassedToService", ["apigateway.amazonaws.com"]));
    }
    Ok(access)
}

fn tags(state: &ApiGateway, account: AccountId, id: &str) -> Result<Vec<(String, String)>, Error> {
    let api = Apis(account).find(&state.store, id)?;
    Ok(api.map(|api| api.tags.into_iter().collect()).unwrap_or_default())
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
                fn rest_api_id(&self) -> Option<&str> {
                    Some(&self.rest_api_id)
                }
                $($($more)*)?
            };
        )*}
    };
}

targets! {
    GetRestApisRequest: "GET", "/restapis";
    GetAccountRequest: "GET", "/account";
    CreateRestApiRequest: "POST", "/restapis" => {
        fn tags(&self) -> Option<&Entries<String>> {
            self.tags.as_ref()
        }
        fn sets_policy(&self) -> bool {
            self.policy.is_some()
        }
    };
    ImportRestApiRequest: "POST", "/restapis" => {
        fn sets_policy(&self) -> bool {
            Document::read(&self.body).is_ok_and(|document| document.policy.is_some())
        }
        fn passed_roles(&self) -> Vec<String> {
            Document::read(&self.body).map(|document| document.roles()).unwrap_or_default()
        }
    };
    GetTagsRequest: "GET", "/tags/{}", resource_arn;
    UntagResourceRequest: "DELETE", "/tags/{}", resource_arn;
    TagResourceRequest: "PUT", "/tags/{}", resource_arn => {
        fn tags(&self) -> Option<&Entries<String>> {
            Some(&self.tags)
        }
    };
}

of_api! {
    GetRestApiRequest: "GET", "/restapis/{}";
    DeleteRestApiRequest: "DELETE", "/restapis/{}";
    UpdateRestApiRequest: "PATCH", "/restapis/{}" => {
        fn sets_policy(&self) -> bool {
            patches(self.patch_operations.as_ref(), "/policy").next().is_some()
        }
    };
    PutRestApiRequest: "PUT", "/restapis/{}" => {
        fn sets_policy(&self) -> bool {
            Document::read(&self.body).is_ok_and(|document| document.policy.is_some())
        }
        fn passed_roles(&self) -> Vec<String> {
            Document::read(&self.body).map(|document| document.roles()).unwrap_or_default()
        }
    };
    GetResourcesRequest: "GET", "/restapis/{}/resources";
    GetResourceRequest: "GET", "/restapis/{}/resources/{}", resource_id;
    CreateResourceRequest: "POST", "/restapis/{}/resources/{}", parent_id;
    DeleteResourceRequest: "DELETE", "/restapis/{}/resources/{}", resource_id;
    PutMethodRequest: "PUT", "/restapis/{}/resources/{}/methods/{}", resource_id, http_method;
    GetMethodRequest: "GET", "/restapis/{}/resources/{}/methods/{}", resource_id, http_method;
    UpdateMethodRequest: "PATCH", "/restapis/{}/resources/{}/methods/{}", resource_id, http_method;
    DeleteMethodRequest: "DELETE", "/restapis/{}/resources/{}/methods/{}", resource_id, http_method;
    PutMethodResponseRequest: "PUT", "/restapis/{}/resources/{}/methods/{}/responses/{}", resource_id, http_method, status_code;
    GetMethodResponseRequest: "GET", "/restapis/{}/resources/{}/methods/{}/responses/{}", resource_id, http_method, status_code;
    DeleteMethodResponseRequest: "DELETE", "/restapis/{}/resources/{}/methods/{}/responses/{}", resource_id, http_method, status_code;
    PutIntegrationRequest: "PUT", "/restapis/{}/resources/{}/methods/{}/integration", resource_id, http_method => {
        fn passed_roles(&self) -> Vec<String> {
            integration::role(self.credentials.as_deref()).map(str::to_owned).into_iter().collect()
        }
    };
    GetIntegrationRequest: "GET", "/restapis/{}/resources/{}/methods/{}/integration", resource_id, http_method;
    UpdateIntegrationRequest: "PATCH", "/restapis/{}/resources/{}/methods/{}/integration", resource_id, http_method => {
        fn passed_roles(&self) -> Vec<String> {
            let values = patches(self.patch_operations.as_ref(), "/credentials");
            values.filter_map(|value| integration::role(Some(value))).map(str::to_owned).collect()
        }
    };
    DeleteIntegrationRequest: "DELETE", "/restapis/{}/resources/{}/methods/{}/integration", resource_id, http_method;
    PutIntegrationResponseRequest: "PUT", "/restapis/{}/resources/{}/methods/{}/integration/responses/{}", resource_id, http_method, status_code;
    GetIntegrationResponseRequest: "GET", "/restapis/{}/resources/{}/methods/{}/integration/responses/{}", resource_id, http_method, status_code;
    DeleteIntegrationResponseRequest: "DELETE", "/restapis/{}/resources/{}/methods/{}/integration/responses/{}", resource_id, http_method, status_code;
    CreateDeploymentRequest: "POST", "/restapis/{}/deployments";
    GetDeploymentsRequest: "GET", "/restapis/{}/deployments";
    GetDeploymentRequest: "GET", "/restapis/{}/deployments/{}", deployment_id;
    UpdateDeploymentRequest: "PATCH", "/restapis/{}/deployments/{}", deployment_id;
    DeleteDeploymentRequest: "DELETE", "/restapis/{}/deployments/{}", deployment_id;
    CreateStageRequest: "POST", "/restapis/{}/stages" => {
        fn tags(&self) -> Option<&Entries<String>> {
            self.tags.as_ref()
        }
    };
    GetStagesRequest: "GET", "/restapis/{}/stages";
    GetStageRequest: "GET", "/restapis/{}/stages/{}", stage_name;
    UpdateStageRequest: "PATCH", "/restapis/{}/stages/{}", stage_name;
    DeleteStageRequest: "DELETE", "/restapis/{}/stages/{}", stage_name;
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
