//! Records as the API shows them.
//!
//! It decides nothing and looks nothing up.

use std::collections::BTreeMap;

use gateway::records::{
    Authorization, DeploymentRecord, KeyRecord, MethodSettings, PlanRecord, PlanStage, PlanThrottle,
    QuotaPeriod, ResponseType, StageRecord,
};
use protocol::Entries;

use crate::api;
use crate::own_answer::TEMPLATE;
use crate::records::{
    ApiRecord, AuthorizerRecord, GatewayResponseRecord, IntegrationRecord, IntegrationResponseRecord,
    MethodRecord, MethodResponseRecord, ModelRecord, ResourceRecord, ValidatorRecord,
};

fn entries<T, U>(map: &BTreeMap<String, T>, show: impl Fn(&T) -> U) -> Option<Entries<U>> {
    (!map.is_empty()).then(|| map.iter().map(|(key, value)| (key.clone(), show(value))).collect())
}

pub(crate) const fn authorization(authorization: Authorization) -> &'static str {
    match authorization {
        Authorization::None => "NONE",
        Authorization::AwsIam => "AWS_IAM",
        Authorization::Custom => "CUSTOM",
    }
}

pub(crate) fn rest_api(record: &ApiRecord) -> api::RestApi {
    api::RestApi {
        id: Some(record.id.clone()),
        name: Some(record.name.clone()),
        description: record.description.clone(),
        created_date: Some(record.created),
        version: record.version.clone(),
        binary_media_types: (!record.binary_media_types.is_empty())
            .then(|| record.binary_media_types.clone()),
        api_key_source: Some(record.api_key_source.clone()),
        endpoint_configuration: Some(api::EndpointConfiguration {
            types: Some(vec![record.endpoint_type.clone()]),
            ip_address_type: Some("ipv4".to_owned()),
            vpc_endpoint_ids: None,
        }),
        policy: record.policy.clone(),
        tags: entries(&record.tags, Clone::clone),
        disable_execute_api_endpoint: Some(record.disable_execute_api_endpoint),
        root_resource_id: Some(record.root_resource_id.clone()),
        ..api::RestApi::default()
    }
}

/// A resource, its methods in full or by name only.
pub(crate) fn resource(record: &ResourceRecord, with_methods: bool) -> api::Resource {
    let methods = record.methods.iter();
    let shown = methods.map(|(name, record)| {
        (name.clone(), if with_methods { method(name, record) } else { api::Method::default() })
    });
    api::Resource {
        id: Some(record.id.clone()),
        parent_id: record.parent_id.clone(),
        path_part: record.path_part.clone(),
        path: Some(record.path.clone()),
        resource_methods: (!record.methods.is_empty()).then(|| shown.collect()),
    }
}

pub(crate) fn method(name: &str, record: &MethodRecord) -> api::Method {
    api::Method {
        http_method: Some(name.to_owned()),
        authorization_type: Some(authorization(record.authorization).to_owned()),
        authorizer_id: record.authorizer_id.clone(),
        api_key_required: Some(record.api_key_required),
        request_validator_id: record.validator_id.clone(),
        operation_name: record.operation_name.clone(),
        request_parameters: entries(&record.request_parameters, |required| *required),
        request_models: entries(&record.request_models, Clone::clone),
        method_responses: show_all(&record.responses, method_response),
        method_integration: record.integration.as_ref().map(integration),
        ..api::Method::default()
    }
}

pub(crate) fn authorizer(id: &str, record: &AuthorizerRecord) -> api::Authorizer {
    api::Authorizer {
        id: Some(id.to_owned()),
        name: Some(record.name.clone()),
        r#type: Some(record.kind.clone()),
        auth_type: Some(record.auth_type.clone().unwrap_or_else(|| "custom".to_owned())),
        authorizer_uri: Some(record.uri.clone()),
        authorizer_credentials: record.credentials.clone(),
        identity_source: record.identity_source.clone(),
        identity_validation_expression: record.validation.clone(),
        authorizer_result_ttl_in_seconds: Some(record.ttl_secs.unwrap_or(300).into()),
        ..api::Authorizer::default()
    }
}

pub(crate) fn model(name: &str, record: &ModelRecord) -> api::Model {
    api::Model {
        id: Some(record.id.clone()),
        name: Some(name.to_owned()),
        description: record.description.clone(),
        schema: Some(record.schema.clone()),
        content_type: Some(record.content_type.clone()),
    }
}

pub(crate) fn validator(id: &str, record: &ValidatorRecord) -> api::RequestValidator {
    api::RequestValidator {
        id: Some(id.to_owned()),
        name: record.name.clone(),
        validate_request_body: Some(record.body),
        validate_request_parameters: Some(record.parameters),
    }
}

/// One of the gateway's own answers, as its owner wants it, or the usual one.
pub(crate) fn gateway_response(
    kind: ResponseType,
    record: Option<&GatewayResponseRecord>,
) -> api::GatewayResponse {
    let usual = BTreeMap::from([(TEMPLATE.0.to_owned(), TEMPLATE.1.to_owned())]);
    let templates = record.map(|record| &record.templates).filter(|templates| !templates.is_empty());
    let status = record.and_then(|record| record.status.clone());
    let none = BTreeMap::new();
    let parameters = record.map_or(&none, |record| &record.parameters);
    api::GatewayResponse {
        response_type: Some(kind.name().to_owned()),
        status_code: status.or_else(|| kind.status().map(|status| status.to_string())),
        response_parameters: Some(entries(parameters, Clone::clone).unwrap_or_default()),
        response_templates: entries(templates.unwrap_or(&usual), Clone::clone),
        default_response: Some(record.is_none()),
    }
}

/// A key, its value shown only where that was asked for.
pub(crate) fn api_key(record: &KeyRecord, with_value: bool) -> api::ApiKey {
    api::ApiKey {
        id: Some(record.id.clone()),
        value: with_value.then(|| record.value.expose().to_owned()),
        name: record.name.clone(),
        customer_id: record.customer_id.clone(),
        description: record.description.clone(),
        enabled: Some(record.enabled),
        created_date: Some(record.created),
        last_updated_date: Some(record.updated),
        stage_keys: Some(record.stage_keys.iter().cloned().collect()),
        tags: entries(&record.tags, Clone::clone),
    }
}

pub(crate) fn usage_plan(record: &PlanRecord) -> api::UsagePlan {
    let stage = |stage: &PlanStage| api::ApiStage {
        api_id: Some(stage.api_id.clone()),
        stage: Some(stage.stage.clone()),
        throttle: entries(&stage.throttle, plan_throttle),
    };
    let quota = record.quota.map(|quota| api::QuotaSettings {
        limit: Some(quota.limit.into()),
        offset: Some(quota.offset.into()),
        period: Some(period(quota.period).to_owned()),
    });
    api::UsagePlan {
        id: Some(record.id.clone()),
        name: Some(record.name.clone()),
        description: record.description.clone(),
        api_stages: Some(record.stages.iter().map(stage).collect()),
        throttle: record.throttle.as_ref().map(plan_throttle),
        quota,
        product_code: None,
        tags: entries(&record.tags, Clone::clone),
    }
}

fn plan_throttle(throttle: &PlanThrottle) -> api::ThrottleSettings {
    api::ThrottleSettings { burst_limit: throttle.burst.map(i64::from), rate_limit: throttle.rate }
}

const fn period(period: QuotaPeriod) -> &'static str {
    match period {
        QuotaPeriod::Day => "DAY",
        QuotaPeriod::Week => "WEEK",
        QuotaPeriod::Month => "MONTH",
    }
}

pub(crate) fn usage_plan_key(record: &KeyRecord) -> api::UsagePlanKey {
    api::UsagePlanKey {
        id: Some(record.id.clone()),
        r#type: Some("API_KEY".to_owned()),
        value: Some(record.value.expose().to_owned()),
        name: record.name.clone(),
    }
}

fn show_all<T, U>(map: &BTreeMap<String, T>, show: impl Fn(&str, &T) -> U) -> Option<Entries<U>> {
    (!map.is_empty()).then(|| map.iter().map(|(key, value)| (key.clone(), show(key, value))).collect())
}

pub(crate) fn method_response(status: &str, record: &MethodResponseRecord) -> api::MethodResponse {
    api::MethodResponse {
        status_code: Some(status.to_owned()),
        response_parameters: entries(&record.parameters, |required| *required),
        response_models: entries(&record.models, Clone::clone),
    }
}

pub(crate) fn integration(record: &IntegrationRecord) -> api::Integration {
    api::Integration {
        r#type: Some(record.kind.clone()),
        http_method: record.http_method.clone(),
        uri: record.uri.clone(),
        credentials: record.credentials.clone(),
        request_parameters: entries(&record.request_parameters, Clone::clone),
        request_templates: entries(&record.request_templates, Clone::clone),
        passthrough_behavior: Some(record.passthrough_behavior.clone()),
        content_handling: record.content_handling.clone(),
        timeout_in_millis: Some(record.timeout_millis.into()),
        cache_namespace: record.cache_namespace.clone(),
        cache_key_parameters: Some(Vec::new()),
        integration_responses: show_all(&record.responses, integration_response),
        ..api::Integration::default()
    }
}

pub(crate) fn integration_response(
    status: &str,
    record: &IntegrationResponseRecord,
) -> api::IntegrationResponse {
    api::IntegrationResponse {
        status_code: Some(status.to_owned()),
        selection_pattern: record.selection_pattern.clone(),
        response_parameters: entries(&record.parameters, Clone::clone),
        response_templates: entries(&record.templates, Clone::clone),
        content_handling: None,
    }
}

pub(crate) fn stage(record: &StageRecord) -> api::Stage {
    api::Stage {
        deployment_id: Some(record.deployment_id.clone()),
        stage_name: Some(record.stage_name.clone()),
        description: record.description.clone(),
        cache_cluster_enabled: Some(false),
        cache_cluster_status: Some("NOT_AVAILABLE".to_owned()),
        method_settings: Some(entries(&record.method_settings, method_setting).unwrap_or_default()),
        variables: entries(&record.variables, Clone::clone),
        tracing_enabled: Some(record.tracing_enabled),
        access_log_settings: record.access_log.as_ref().map(|access| api::AccessLogSettings {
            format: Some(access.format.clone()),
            destination_arn: Some(access.destination_arn.clone()),
        }),
        tags: entries(&record.tags, Clone::clone),
        created_date: Some(record.created),
        last_updated_date: Some(record.updated),
        ..api::Stage::default()
    }
}

fn method_setting(settings: &MethodSettings) -> api::MethodSetting {
    api::MethodSetting {
        metrics_enabled: Some(settings.metrics_enabled),
        logging_level: settings.logging_level.clone(),
        data_trace_enabled: Some(settings.data_trace_enabled),
        throttling_burst_limit: Some(
            settings.throttling_burst_limit.unwrap_or(gateway::BURST_DEFAULT).into(),
        ),
        throttling_rate_limit: Some(settings.throttling_rate_limit.unwrap_or(gateway::RATE_DEFAULT)),
        caching_enabled: Some(false),
        ..api::MethodSetting::default()
    }
}

/// A deployment, with the methods that it froze where they are asked for.
pub(crate) fn deployment(record: &DeploymentRecord, with_summary: bool) -> api::Deployment {
    let mut summary: BTreeMap<String, Vec<(String, api::MethodSnapshot)>> = BTreeMap::new();
    for method in record.api.methods.iter().filter(|_| with_summary) {
        let snapshot = api::MethodSnapshot {
            authorization_type: Some(authorization(method.authorization).to_owned()),
            api_key_required: Some(method.api_key_required),
        };
        summary.entry(method.resource_path.clone()).or_default().push((method.http_method.clone(), snapshot));
    }
    let summary: Entries<_> = summary.into_iter().map(|(path, methods)| (path, Entries(methods))).collect();
    api::Deployment {
        id: Some(record.id.clone()),
        description: record.description.clone(),
        created_date: Some(record.created),
        api_summary: (!summary.is_empty()).then_some(summary),
    }
}
