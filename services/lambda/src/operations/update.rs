//! `UpdateFunctionCode` and `UpdateFunctionConfiguration`.

use std::sync::Arc;

use service::Permit;

use super::code::CodeSource;
use super::create::{check_runtime, whole};
use super::shape::{Moment, configuration};
use super::{
    FUNCTION_API, check_revision, code_signing, existing, layers, revision, stored, target, versions,
};
use crate::Lambda;
use crate::api;
use crate::catalog::Loaded;
use crate::code::Incoming;
use crate::error::Error;
use crate::model::logging;
use crate::model::name::{FunctionId, LATEST};
use crate::model::settings::{
    Unsupported, check_architectures, check_memory, check_timeout, foreign, not_supported, variables,
};
use crate::records::{Variables, VersionRecord};
use crate::roles;
use crate::settling::{Ends, settled};
use crate::signing::SigningRecord;

pub(crate) async fn update_function_code(
    lambda: Arc<Lambda>,
    permit: Permit<api::UpdateFunctionCode>,
) -> Result<api::FunctionConfiguration, Error> {
    let (mut input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let current = existing(&lambda, &target)?;
    let id = target.unqualified()?;
    check_revision(input.revision_id.as_deref(), current.function.record.latest.revision(), FUNCTION_API)?;
    let portable = lambda.compute.is_portable(&current.function.record.latest.runtime);
    check_architectures(input.architectures.as_deref(), portable)?;
    let asked = input.architectures.take().filter(|asked| !asked.is_empty());
    if input.publish_to.is_some() {
        return Err(not_supported("PublishTo"));
    }
    let (package, incoming) = CodeSource::from(&mut input).keep(&lambda, &call).await?;
    let with_layers = &current.function.record.latest.layers;
    layers::check_size(&lambda, &id, package.hash, with_layers).await?;
    let config = signing_of(&lambda, &id, &current);
    let packages: Vec<_> =
        std::iter::once(package.hash).chain(with_layers.iter().map(|layer| layer.code)).collect();
    let signed_by = code_signing::check(&lambda, &id, config.as_deref(), &packages).await?;
    if input.dry_run == Some(true) {
        let latest = VersionRecord {
            code: package.hash,
            code_bytes: package.size_bytes,
            ..current.function.record.latest.clone()
        };
        // SECURITY: behind the look, so that what was found is what leave was given for.
        call.view()?;
        return Ok(configuration(&id, id.arn(), &latest, Moment::Settled));
    }
    let publish = input.publish == Some(true);
    let change = incoming.during(lambda.catalog.change(&call, &id, |function| {
        let function = stored(function, &id)?;
        let latest = &mut function.record.latest;
        check_revision(input.revision_id.as_deref(), latest.revision(), FUNCTION_API)?;
        latest.code = package.hash;
        latest.code_bytes = package.size_bytes;
        latest.signed_by = signed_by;
        if asked.is_some() {
            latest.architecture = foreign(asked);
        }
        latest.modified_at = call.now();
        latest.change_to(revision());
        Ok(if publish { versions::publish(function, None, call.now()) } else { latest.clone() })
    }));
    let made = settled(&lambda, &id, Ends::Version(LATEST.to_owned()), change).await?;
    Ok(updated(&id, &made))
}

pub(crate) async fn update_function_configuration(
    lambda: Arc<Lambda>,
    permit: Permit<api::UpdateFunctionConfiguration>,
) -> Result<api::FunctionConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let current = existing(&lambda, &target)?;
    let id = target.unqualified()?;
    Unsupported::from(&input).check()?;
    if let Some(runtime) = &input.runtime {
        check_runtime(&lambda, runtime)?;
        let now = current.function.record.latest.architecture.as_slice();
        check_architectures(Some(now), lambda.compute.is_portable(runtime))?;
    }
    if let Some(role) = &input.role {
        roles::check(&call, role, &id).await?;
    }
    input.timeout.map_or(Ok(()), check_timeout)?;
    input.memory_size.map_or(Ok(()), check_memory)?;
    let new_variables =
        input.environment.clone().map(|environment| variables(Some(environment))).transpose()?;
    let (new_layers, incoming) = match input.layers.as_deref() {
        Some(asked) => {
            layers::of_function(&lambda, asked, &id).await.map(|(layers, of)| (Some(layers), of))?
        }
        None => (None, Incoming::of(&lambda, id.account, None, &[])),
    };
    if let Some(layers) = &new_layers {
        layers::check_size(&lambda, &id, current.function.record.latest.code, layers).await?;
        let config = signing_of(&lambda, &id, &current);
        let packages: Vec<_> = layers.iter().map(|layer| layer.code).collect();
        code_signing::check(&lambda, &id, config.as_deref(), &packages).await?;
    }
    let change = incoming.during(lambda.catalog.change(&call, &id, |function| {
        let latest = &mut stored(function, &id)?.record.latest;
        check_revision(input.revision_id.as_deref(), latest.revision(), FUNCTION_API)?;
        latest.layers = new_layers.unwrap_or_else(|| std::mem::take(&mut latest.layers));
        apply(latest, input)?;
        if let Some(new_variables) = new_variables {
            latest.variables = Variables(new_variables);
        }
        latest.modified_at = call.now();
        latest.change_to(revision());
        Ok(latest.clone())
    }));
    let made = settled(&lambda, &id, Ends::Version(LATEST.to_owned()), change).await?;
    Ok(updated(&id, &made))
}

/// The code signing configuration of a function, if it has one.
fn signing_of(lambda: &Lambda, id: &FunctionId, loaded: &Loaded) -> Option<Arc<SigningRecord>> {
    let config = loaded.function.record.code_signing.as_ref()?;
    lambda.signing.get(id.account, config)
}

/// Puts what the request gives over what is there.
fn apply(latest: &mut VersionRecord, input: api::UpdateFunctionConfigurationRequest) -> Result<(), Error> {
    let replace = |old: &mut String, new: Option<String>| {
        if let Some(new) = new {
            *old = new;
        }
    };
    replace(&mut latest.role, input.role);
    replace(&mut latest.handler, input.handler);
    replace(&mut latest.description, input.description);
    replace(&mut latest.runtime, input.runtime);
    let replace = |old: &mut u32, new: Option<i64>| -> Result<(), Error> {
        if let Some(new) = new {
            *old = whole(new)?;
        }
        Ok(())
    };
    replace(&mut latest.timeout_secs, input.timeout)?;
    replace(&mut latest.memory_mib, input.memory_size)?;
    replace(&mut latest.tmp_mib, input.ephemeral_storage.map(|storage| storage.size))?;
    if let Some(mode) = input.tracing_config.and_then(|config| config.mode) {
        latest.traced = mode == "Active";
    }
    if let Some(asked) = input.logging_config {
        latest.json_log = logging::changed(latest.json_log.as_ref(), &asked)?;
        latest.log_group = asked.log_group.or_else(|| latest.log_group.take());
    }
    Ok(())
}

fn updated(id: &FunctionId, version: &VersionRecord) -> api::FunctionConfiguration {
    let arn = if version.version == LATEST { id.arn() } else { id.qualified_arn(&version.version) };
    configuration(id, arn, version, Moment::Updated)
}
