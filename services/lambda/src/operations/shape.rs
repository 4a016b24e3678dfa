//! From records to the API's structures.

use base::Timestamp;
use protocol::{Entries, Sensitive};

use crate::api;
use crate::model::logging;
use crate::model::name::FunctionId;
use crate::model::settings::ARCHITECTURE;
use crate::records::{AliasRecord, VersionRecord};

/// What just happened to a function, for its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It was made by this call.
    Created,
    /// It was changed by this call.
    Updated,
    /// Nothing.
    Settled,
    /// It stands in a list, which says nothing of its state.
    Listed,
}

/// A function's configuration, with the ARN by which it was asked for.
pub(crate) fn configuration(
    id: &FunctionId,
    arn: String,
    version: &VersionRecord,
    moment: Moment,
) -> api::FunctionConfiguration {
    let text = |text: &str| Some(text.to_owned());
    // A function can be used as soon as its call is answered; the answer itself shows the state that AWS shows there.
    let (state, update) = match moment {
        Moment::Created => ("Pending", "Successful"),
        Moment::Updated => ("Active", "InProgress"),
        Moment::Settled | Moment::Listed => ("Active", "Successful"),
    };
    let name = id.name.as_str();
    let is_listed = moment == Moment::Listed;
    let creating = |is: bool| is.then(|| "The function is being created.".to_owned());
    let creating_code = |is: bool| is.then(|| "Creating".to_owned());
    api::FunctionConfiguration {
        function_name: text(name),
        function_arn: Some(arn),
        runtime: text(&version.runtime),
        role: text(&version.role),
        handler: text(&version.handler),
        code_size: i64::try_from(version.code_bytes).ok(),
        description: text(&version.description),
        timeout: Some(i64::from(version.timeout_secs)),
        memory_size: Some(i64::from(version.memory_mib)),
        last_modified: Some(modified(version.modified_at)),
        code_sha256: Some(version.code.base64()),
        version: text(&version.version),
        environment: environment(version),
        layers: layers(version),
        tracing_config: Some(api::TracingConfigResponse {
            mode: text(if version.traced { "Active" } else { "PassThrough" }),
        }),
        revision_id: text(version.revision()),
        state: text(state).filter(|_| !is_listed),
        state_reason: creating(moment == Moment::Created),
        state_reason_code: creating_code(moment == Moment::Created),
        last_update_status: (moment != Moment::Created && !is_listed).then(|| update.to_owned()),
        last_update_status_reason: creating(moment == Moment::Updated),
        last_update_status_reason_code: creating_code(moment == Moment::Updated),
        signing_profile_version_arn: version.signed_by.clone(),
        package_type: text("Zip"),
        architectures: Some(vec![version.architecture.as_deref().unwrap_or(ARCHITECTURE).to_owned()]),
        ephemeral_storage: Some(api::EphemeralStorage { size: i64::from(version.tmp_mib) }),
        snap_start: Some(api::SnapStartResponse { apply_on: text("None"), optimization_status: text("Off") }),
        logging_config: Some(logging::shape(
            version.json_log.as_ref(),
            version.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{name}")),
        )),
        runtime_version_config: (!is_listed).then(|| api::RuntimeVersionConfig {
            runtime_version_arn: Some(compute::runtime_version_arn(&version.runtime, &id.region)),
            error: None,
        }),
        ..api::FunctionConfiguration::default()
    }
}

fn layers(version: &VersionRecord) -> Option<Vec<api::Layer>> {
    let layers = version.layers.iter().map(|layer| api::Layer {
        arn: Some(layer.arn.clone()),
        code_size: i64::try_from(layer.code_bytes).ok(),
        ..api::Layer::default()
    });
    (!version.layers.is_empty()).then(|| layers.collect())
}

fn environment(version: &VersionRecord) -> Option<api::EnvironmentResponse> {
    let variables = &version.variables.0;
    if variables.is_empty() {
        return None;
    }
    let entries: Entries<Sensitive<String>> =
        variables.iter().map(|(name, value)| (name.clone(), Sensitive::new(value.clone()))).collect();
    Some(api::EnvironmentResponse { variables: Some(Sensitive::new(entries)), error: None })
}

/// `2026-11-22T02:56:59.123+0000`
fn modified(at: Timestamp) -> String {
    at.iso8601_millis().replace('Z', "+0000")
}

/// An alias.
pub(crate) fn alias(function_arn: &str, alias: &AliasRecord) -> api::AliasConfiguration {
    let routing = alias.routing.iter().map(|(version, weight)| (version.clone(), *weight));
    let routing = alias
        .routing
        .is_some()
        .then(|| api::AliasRoutingConfiguration { additional_version_weights: Some(routing.collect()) });
    api::AliasConfiguration {
        alias_arn: Some(format!("{function_arn}:{}", alias.name)),
        name: Some(alias.name.clone()),
        function_version: Some(alias.version.clone()),
        description: Some(alias.description.clone()),
        routing_config: routing,
        revision_id: Some(alias.revision_id.clone()),
    }
}
