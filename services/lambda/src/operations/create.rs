//! `CreateFunction`.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use compute::StoredPackage;
use service::Permit;

use super::shape::{Moment, configuration};
use super::{code::CodeSource, code_signing, layers, revision, target, versions};
use crate::Lambda;
use crate::api;
use crate::catalog::{Function, first_version};
use crate::error::Error;
use crate::model::logging;
use crate::model::name::LATEST;
use crate::model::settings::{
    Unsupported, check_architectures, check_memory, check_timeout, foreign, not_supported, variables,
};
use crate::model::tags;
use crate::records::{FunctionRecord, Variables, VersionRecord};
use crate::roles;

const DEFAULT_TIMEOUT_SECS: i64 = 3;
const DEFAULT_MEMORY_MIB: i64 = 128;
const DEFAULT_TMP_MIB: i64 = 512;

pub(crate) async fn create_function(
    lambda: Arc<Lambda>,
    permit: Permit<api::CreateFunction>,
) -> Result<api::FunctionConfiguration, Error> {
    let (mut input, call) = super::parts(permit);
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    let conflict = || Error::ResourceConflict(format!("Function already exist: {}", id.name));
    if lambda.catalog.get(&id).is_some() {
        return Err(conflict());
    }
    Unsupported::from(&input).check()?;
    let draft = draft(&lambda, &mut input)?;
    let mut tag_list = Vec::new();
    tags::set(&mut tag_list, input.tags.take().into_iter().flatten())?;
    tag_list.extend(call.marks());
    roles::check(&call, &draft.role, &id).await?;
    let (layers, incoming_layers) =
        layers::of_function(&lambda, input.layers.as_deref().unwrap_or_default(), &id).await?;
    let source = CodeSource::from(input.code);
    let (package, incoming) = source.keep(&lambda, &call).await?;
    layers::check_size(&lambda, &id, package.hash, &layers).await?;
    let config = input.code_signing_config_arn.as_deref().filter(|arn| !arn.is_empty());
    let config = config.map(|arn| code_signing::of_new_function(&lambda, &call, &id, arn)).transpose()?;
    let packages: Vec<_> =
        std::iter::once(package.hash).chain(layers.iter().map(|layer| layer.code)).collect();
    let signed_by = code_signing::check(&lambda, &id, config.as_deref(), &packages).await?;
    let publish = input.publish.unwrap_or(false);
    let latest = VersionRecord {
        code: package.hash,
        code_bytes: package.size_bytes,
        modified_at: call.now(),
        layers,
        signed_by,
        ..draft
    };
    let made = lambda.catalog.change_with(&call, &id, |transaction, stored| {
        if stored.is_some() {
            return Err(conflict());
        }
        let record = FunctionRecord {
            latest,
            next_version: first_version(transaction, &id)?,
            tags: tag_list,
            reserved_concurrency: None,
            policies: BTreeMap::new(),
            event_configs: BTreeMap::new(),
            allows_loops: false,
            provisioned: BTreeMap::new(),
            code_signing: config.map(|config| config.id.clone()),
            id: Some(crypto::random::hex(8)),
        };
        let function =
            stored.insert(Function { record, versions: BTreeMap::new(), aliases: BTreeMap::new() });
        Ok(if publish {
            versions::publish(function, None, call.now())
        } else {
            function.record.latest.clone()
        })
    });
    let made = incoming_layers.during(incoming.during(made)).await?;
    lambda.compute.expect(&made.runtime, made.memory_mib, made.tmp_mib);
    let arn = if publish { id.qualified_arn(&made.version) } else { id.arn() };
    Ok(configuration(&id, arn, &made, Moment::Created))
}

/// The version that the request describes, without its code.
fn draft(lambda: &Lambda, input: &mut api::CreateFunctionRequest) -> Result<VersionRecord, Error> {
    if input.package_type.as_deref().is_some_and(|kind| kind != "Zip") {
        return Err(not_supported("PackageType Image"));
    }
    let (Some(runtime), Some(handler)) = (input.runtime.take(), input.handler.take()) else {
        return Err(Error::InvalidParameterValue(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
                .to_owned(),
        ));
    };
    check_runtime(lambda, &runtime)?;
    check_architectures(input.architectures.as_deref(), lambda.compute.is_portable(&runtime))?;
    let timeout = input.timeout.unwrap_or(DEFAULT_TIMEOUT_SECS);
    check_timeout(timeout)?;
    let memory = input.memory_size.unwrap_or(DEFAULT_MEMORY_MIB);
    check_memory(memory)?;
    let logging_config = input.logging_config.take().unwrap_or_default();
    let json_log = logging::changed(None, &logging_config)?;
    let tmp = input.ephemeral_storage.as_ref().map_or(DEFAULT_TMP_MIB, |storage| storage.size);
    Ok(VersionRecord {
        version: LATEST.to_owned(),
        revision_id: revision(),
        seen_revision_id: None,
        runtime,
        handler,
        role: input.role.clone(),
        description: input.description.take().unwrap_or_default(),
        timeout_secs: whole(timeout)?,
        memory_mib: whole(memory)?,
        tmp_mib: whole(tmp)?,
        variables: Variables(variables(input.environment.take())?),
        log_group: logging_config.log_group,
        json_log,
        traced: input.tracing_config.take().is_some_and(|config| config.mode.as_deref() == Some("Active")),
        signed_by: None,
        latest_description: None,
        architecture: foreign(input.architectures.take()),
        code: no_code().hash,
        code_bytes: 0,
        modified_at: Timestamp::default(),
        layers: Vec::new(),
    })
}

/// Stands in until the code is kept.
fn no_code() -> StoredPackage {
    StoredPackage { hash: compute::CodeHash::of(b""), size_bytes: 0 }
}

/// A number that the model bounded.
pub(crate) fn whole(number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::InvalidParameterValue(format!("{number} is out of range")))
}

/// Refuses a runtime that this machine does not have.
pub(crate) fn check_runtime(lambda: &Lambda, runtime: &str) -> Result<(), Error> {
    if lambda.compute.supports(runtime) {
        return Ok(());
    }
    let known = lambda.compute.runtimes().join(", ");
    Err(Error::InvalidParameterValue(format!(
        "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{known}] \
         or be a valid ARN"
    )))
}
