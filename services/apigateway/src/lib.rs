//! REST APIs, the control plane of the gateway.
//!
//! An API is a tree of resources with methods and integrations. A deployment freezes it; a stage serves a deployment.
//! Nothing that is edited here is served before it is deployed, and what is deployed is written through the data
//! plane's [`Stages`], so that it serves at once. Knows no HTTP of callers and no function.
//!
//! Invariants:
//! - an integration that could not be served is refused when it is put, never when it is called;
//! - an element of an OpenAPI document that would change how an API answers is understood or refused by name;
//! - whoever hands a role to API Gateway needs `iam:PassRole`, through imports and patches too.
//!
//! Differences from AWS: integrations are Lambda proxies and mocks; mapping
//! templates are texts with variables, without directives and methods; callers are told apart by
//! SigV4, by a function, or not at all; patterns of models have no
//! look-around, and `format` judges nothing; a gateway response's template is text with variables; a resource policy
//! is shown as plain JSON, where AWS shows it escaped once more, and outlives a definition that does not speak of it;
//! an integration's role is named in full, without stage variables.

mod access;
pub mod api;
mod authorizer;
mod declined;
mod error;
mod freeze;
#[doc(hidden)]
pub mod fuzz;
mod integration;
mod jobs;
mod keys_csv;
mod model;
mod models;
mod openapi;
mod operations;
mod own_answer;
mod patch;
mod records;
mod store;
mod stored_policies;
mod usage_plan;
mod validators;
mod view;

use std::sync::Arc;

use gateway::Stages;
use service::{Service, ServiceBuilder};

use access::access;
use declined::DECLINED;
pub use error::Error;
use operations::{
    account, api_keys, authorizers, deployments, gateway_responses, integrations, methods,
    models as api_models, request_validators, resources, rest_apis, stages, tags, trials, usage_plan_keys,
    usage_plans,
};
pub use stored_policies::POLICIES;

/// What the handlers share.
pub(crate) struct ApiGateway {
    pub(crate) store: ::store::Store,
    pub(crate) stages: Stages,
}

/// The service over this store; `stages` are those that the gateway serves.
pub fn service(store: ::store::Store, stages: Stages) -> Service {
    let state = Arc::new(ApiGateway { store, stages });
    let builder = served(ServiceBuilder::new("apigateway", state));
    DECLINED.iter().fold(builder, |builder, (reason, names)| builder.declined(reason, names)).build()
}

fn served(builder: ServiceBuilder<ApiGateway>) -> ServiceBuilder<ApiGateway> {
    let builder = with_keys(builder).job("apigateway-usage", jobs::write_usage);
    let builder = builder.job("apigateway-logs", jobs::deliver_logs);
    builder
        .operation::<api::GetAccount, _, _, _, _>(access, account::get_account)
        .operation::<api::UpdateAccount, _, _, _, _>(access, account::update_account)
        .operation::<api::CreateRestApi, _, _, _, _>(access, rest_apis::create)
        .operation::<api::ImportRestApi, _, _, _, _>(access, rest_apis::import)
        .operation::<api::PutRestApi, _, _, _, _>(access, rest_apis::put)
        .operation::<api::GetRestApi, _, _, _, _>(access, rest_apis::get)
        .operation::<api::GetRestApis, _, _, _, _>(access, rest_apis::list)
        .operation::<api::UpdateRestApi, _, _, _, _>(access, rest_apis::update)
        .operation::<api::DeleteRestApi, _, _, _, _>(access, rest_apis::delete)
        .operation::<api::CreateResource, _, _, _, _>(access, resources::create)
        .operation::<api::GetResource, _, _, _, _>(access, resources::get)
        .operation::<api::GetResources, _, _, _, _>(access, resources::list)
        .operation::<api::UpdateResource, _, _, _, _>(access, resources::update)
        .operation::<api::DeleteResource, _, _, _, _>(access, resources::delete)
        .operation::<api::PutMethod, _, _, _, _>(access, methods::put)
        .operation::<api::GetMethod, _, _, _, _>(access, methods::get)
        .operation::<api::UpdateMethod, _, _, _, _>(access, methods::update)
        .operation::<api::DeleteMethod, _, _, _, _>(access, methods::delete)
        .operation::<api::PutMethodResponse, _, _, _, _>(access, methods::put_response)
        .operation::<api::GetMethodResponse, _, _, _, _>(access, methods::get_response)
        .operation::<api::UpdateMethodResponse, _, _, _, _>(access, methods::update_response)
        .operation::<api::DeleteMethodResponse, _, _, _, _>(access, methods::delete_response)
        .operation::<api::PutIntegration, _, _, _, _>(access, integrations::put)
        .operation::<api::GetIntegration, _, _, _, _>(access, integrations::get)
        .operation::<api::UpdateIntegration, _, _, _, _>(access, integrations::update)
        .operation::<api::DeleteIntegration, _, _, _, _>(access, integrations::delete)
        .operation::<api::PutIntegrationResponse, _, _, _, _>(access, integrations::put_response)
        .operation::<api::GetIntegrationResponse, _, _, _, _>(access, integrations::get_response)
        .operation::<api::UpdateIntegrationResponse, _, _, _, _>(access, integrations::update_response)
        .operation::<api::DeleteIntegrationResponse, _, _, _, _>(access, integrations::delete_response)
        .operation::<api::CreateAuthorizer, _, _, _, _>(access, authorizers::create)
        .operation::<api::GetAuthorizer, _, _, _, _>(access, authorizers::get)
        .operation::<api::GetAuthorizers, _, _, _, _>(access, authorizers::list)
        .operation::<api::UpdateAuthorizer, _, _, _, _>(access, authorizers::update)
        .operation::<api::DeleteAuthorizer, _, _, _, _>(access, authorizers::delete)
        .operation::<api::CreateModel, _, _, _, _>(access, api_models::create)
        .operation::<api::GetModel, _, _, _, _>(access, api_models::get)
        .operation::<api::GetModels, _, _, _, _>(access, api_models::list)
        .operation::<api::UpdateModel, _, _, _, _>(access, api_models::update)
        .operation::<api::DeleteModel, _, _, _, _>(access, api_models::delete)
        .operation::<api::CreateRequestValidator, _, _, _, _>(access, request_validators::create)
        .operation::<api::GetRequestValidator, _, _, _, _>(access, request_validators::get)
        .operation::<api::GetRequestValidators, _, _, _, _>(access, request_validators::list)
        .operation::<api::UpdateRequestValidator, _, _, _, _>(access, request_validators::update)
        .operation::<api::DeleteRequestValidator, _, _, _, _>(access, request_validators::delete)
        .operation::<api::PutGatewayResponse, _, _, _, _>(access, gateway_responses::put)
        .operation::<api::GetGatewayResponse, _, _, _, _>(access, gateway_responses::get)
        .operation::<api::GetGatewayResponses, _, _, _, _>(access, gateway_responses::list)
        .operation::<api::UpdateGatewayResponse, _, _, _, _>(access, gateway_responses::update)
        .operation::<api::DeleteGatewayResponse, _, _, _, _>(access, gateway_responses::delete)
        .operation::<api::CreateDeployment, _, _, _, _>(access, deployments::create)
        .operation::<api::GetDeployment, _, _, _, _>(access, deployments::get)
        .operation::<api::GetDeployments, _, _, _, _>(access, deployments::list)
        .operation::<api::UpdateDeployment, _, _, _, _>(access, deployments::update)
        .operation::<api::DeleteDeployment, _, _, _, _>(access, deployments::delete)
        .operation::<api::CreateStage, _, _, _, _>(access, stages::create)
        .operation::<api::GetStage, _, _, _, _>(access, stages::get)
        .operation::<api::GetStages, _, _, _, _>(access, stages::list)
        .operation::<api::UpdateStage, _, _, _, _>(access, stages::update)
        .operation::<api::DeleteStage, _, _, _, _>(access, stages::delete)
        .operation::<api::FlushStageAuthorizersCache, _, _, _, _>(access, stages::flush_authorizers)
        .operation::<api::TestInvokeMethod, _, _, _, _>(access, trials::invoke_method)
        .operation::<api::GetTags, _, _, _, _>(access, tags::get)
        .operation::<api::TagResource, _, _, _, _>(access, tags::tag)
        .operation::<api::UntagResource, _, _, _, _>(access, tags::untag)
}

fn with_keys(builder: ServiceBuilder<ApiGateway>) -> ServiceBuilder<ApiGateway> {
    builder
        .operation::<api::CreateApiKey, _, _, _, _>(access, api_keys::create)
        .operation::<api::GetApiKey, _, _, _, _>(access, api_keys::get)
        .operation::<api::GetApiKeys, _, _, _, _>(access, api_keys::list)
        .operation::<api::UpdateApiKey, _, _, _, _>(access, api_keys::update)
        .operation::<api::DeleteApiKey, _, _, _, _>(access, api_keys::delete)
        .operation::<api::ImportApiKeys, _, _, _, _>(access, api_keys::import)
        .operation::<api::CreateUsagePlan, _, _, _, _>(access, usage_plans::create)
        .operation::<api::GetUsagePlan, _, _, _, _>(access, usage_plans::get)
        .operation::<api::GetUsagePlans, _, _, _, _>(access, usage_plans::list)
        .operation::<api::UpdateUsagePlan, _, _, _, _>(access, usage_plans::update)
        .operation::<api::DeleteUsagePlan, _, _, _, _>(access, usage_plans::delete)
        .operation::<api::CreateUsagePlanKey, _, _, _, _>(access, usage_plan_keys::create)
        .operation::<api::GetUsagePlanKey, _, _, _, _>(access, usage_plan_keys::get)
        .operation::<api::GetUsagePlanKeys, _, _, _, _>(access, usage_plan_keys::list)
        .operation::<api::DeleteUsagePlanKey, _, _, _, _>(access, usage_plan_keys::delete)
        .operation::<api::GetUsage, _, _, _, _>(access, usage_plan_keys::usage)
        .operation::<api::UpdateUsage, _, _, _, _>(access, usage_plan_keys::update_usage)
}

#[cfg(test)]
mod tests;
