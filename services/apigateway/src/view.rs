//! Records as the API shows them.
//!
//! It decides nothing and looks nothing up.

use std::collections::BTreeMap;

use gateway::records::{Authorization, DeploymentRecord, MethodSettings, StageRecord};
use protocol::Entries;

use crate::api;
use crate::records::{
    ApiRecord, AuthorizerRecord, IntegrationRecord, IntegrationResponseRecord, MethodRecord,
    MethodResponseRecord, ResourceRecord,
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
        api_key_required: Some(false),
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
            api_key_required: Some(false),
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
