//! `PublishLayerVersion`, `GetLayerVersion`, `GetLayerVersionByArn`, `ListLayers`, `ListLayerVersions`,
//! `DeleteLayerVersion`, and the layers of a function.

use std::sync::Arc;

use compute::PackageError;
use compute::limits::PACKAGE_UNZIPPED_BYTES_MAX;
use service::{Call, Permit};

use super::code::CodeSource;
use super::page;
use crate::Lambda;
use crate::api;
use crate::code::Incoming;
use crate::error::Error;
use crate::layers::LayerVersion;
use crate::model::layer::{LayerId, list};
use crate::model::name::FunctionId;
use crate::records::{FunctionPolicy, LayerUse};

/// The number of a version, as the caller gave it.
pub(crate) fn number(version: i64) -> Result<u64, Error> {
    u64::try_from(version)
        .ok()
        .filter(|version| *version > 0)
        .ok_or_else(|| Error::InvalidParameterValue("Layer Version Cannot be less than 1".to_owned()))
}

fn not_found() -> Error {
    Error::ResourceNotFound("The resource you requested does not exist.".to_owned())
}

pub(crate) async fn publish(
    lambda: Arc<Lambda>,
    permit: Permit<api::PublishLayerVersion>,
) -> Result<api::PublishLayerVersionResponse, Error> {
    let (input, call) = super::parts(permit);
    let id = LayerId::parse(&input.layer_name, call.account(), call.region())?;
    if id.account != call.account() {
        return Err(Error::AccessDenied("Cross-account layer creation is not allowed.".to_owned()));
    }
    let (package, incoming) = CodeSource::from(input.content).keep(&lambda, &call).await?;
    let code = lambda.compute.code_of(call.account());
    let unzipped_bytes = code.unzipped_bytes(package.hash).await.map_err(Error::internal)?;
    let draft = LayerVersion {
        version: 0,
        description: input.description.unwrap_or_default(),
        license: input.license_info,
        runtimes: input.compatible_runtimes.unwrap_or_default(),
        architectures: input.compatible_architectures.unwrap_or_default(),
        code: package.hash,
        code_bytes: package.size_bytes,
        unzipped_bytes,
        created_at: call.now(),
        policy: FunctionPolicy::default(),
    };
    let made = incoming.during(lambda.layers.publish(&call, &id, draft)).await?;
    let shown = shown(&id, &made);
    Ok(api::PublishLayerVersionResponse {
        content: shown.content,
        layer_arn: shown.layer_arn,
        layer_version_arn: shown.layer_version_arn,
        description: shown.description,
        created_date: shown.created_date,
        version: shown.version,
        compatible_runtimes: shown.compatible_runtimes,
        license_info: shown.license_info,
        compatible_architectures: shown.compatible_architectures,
    })
}

fn shown(id: &LayerId, version: &LayerVersion) -> api::GetLayerVersionResponse {
    let item = item(id, version);
    api::GetLayerVersionResponse {
        // No address: nothing here hands code out over HTTP.
        content: Some(api::LayerVersionContentOutput {
            code_sha256: Some(version.code.base64()),
            code_size: i64::try_from(version.code_bytes).ok(),
            ..api::LayerVersionContentOutput::default()
        }),
        layer_arn: Some(id.arn()),
        layer_version_arn: item.layer_version_arn,
        description: item.description,
        created_date: item.created_date,
        version: item.version,
        compatible_runtimes: item.compatible_runtimes,
        license_info: item.license_info,
        compatible_architectures: item.compatible_architectures,
    }
}

fn item(id: &LayerId, version: &LayerVersion) -> api::LayerVersionsListItem {
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    api::LayerVersionsListItem {
        layer_version_arn: Some(id.version_arn(version.version)),
        version: i64::try_from(version.version).ok(),
        description: Some(version.description.clone()),
        created_date: Some(version.created_at.iso8601_millis().replace('Z', "+0000")),
        compatible_runtimes: some(&version.runtimes),
        license_info: version.license.clone(),
        compatible_architectures: some(&version.architectures),
    }
}

/// The version that a caller named, for an answer that shows it.
fn looked_at(lambda: &Lambda, call: &Call, id: &LayerId, number: u64) -> Result<Arc<LayerVersion>, Error> {
    let found = lambda.layers.get(id, number);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    found.ok_or_else(not_found)
}

pub(crate) async fn get(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetLayerVersion>,
) -> Result<api::GetLayerVersionResponse, Error> {
    let (input, call) = super::parts(permit);
    let id = LayerId::parse(&input.layer_name, call.account(), call.region())?;
    let found = looked_at(&lambda, &call, &id, number(input.version_number)?)?;
    Ok(shown(&id, &found))
}

pub(crate) async fn get_by_arn(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetLayerVersionByArn>,
) -> Result<api::GetLayerVersionResponse, Error> {
    let (input, call) = super::parts(permit);
    let (id, version) = LayerId::parse_version(&input.arn, call.region())?;
    let found = looked_at(&lambda, &call, &id, version)?;
    Ok(shown(&id, &found))
}

/// What a list is narrowed to.
struct Compatible {
    runtime: Option<String>,
    architecture: Option<String>,
}

impl Compatible {
    fn admits(&self, version: &LayerVersion) -> bool {
        let within =
            |asked: &Option<String>, has: &[String]| asked.as_ref().is_none_or(|it| has.contains(it));
        within(&self.runtime, &version.runtimes) && within(&self.architecture, &version.architectures)
    }
}

pub(crate) async fn list_layers(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListLayers>,
) -> Result<api::ListLayersResponse, Error> {
    let (input, call) = super::parts(permit);
    let compatible =
        Compatible { runtime: input.compatible_runtime, architecture: input.compatible_architecture };
    let after = page::after(input.marker.as_deref())?;
    let mut found = Vec::new();
    for id in lambda.layers.of(call.account(), call.region()) {
        let newest = lambda.layers.versions(&id).into_iter().find(|layer| compatible.admits(layer));
        if let Some(newest) = newest.filter(|_| after.as_ref().is_none_or(|after| id.name > *after)) {
            found.push(api::LayersListItem {
                layer_arn: Some(id.arn()),
                latest_matching_version: Some(item(&id, &newest)),
                layer_name: Some(id.name),
            });
        }
    }
    let name = |item: &api::LayersListItem| item.layer_name.clone().unwrap_or_default();
    let next_marker = page::cut(&mut found, input.max_items, name);
    Ok(api::ListLayersResponse { next_marker, layers: Some(found) })
}

pub(crate) async fn list_versions(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListLayerVersions>,
) -> Result<api::ListLayerVersionsResponse, Error> {
    let (input, call) = super::parts(permit);
    let id = LayerId::parse(&input.layer_name, call.account(), call.region())?;
    let compatible =
        Compatible { runtime: input.compatible_runtime, architecture: input.compatible_architecture };
    let before = page::after(input.marker.as_deref())?;
    let before = before.map(|before| before.parse::<u64>()).transpose();
    let before = before.map_err(|_| Error::InvalidParameterValue("The marker is not valid.".to_owned()))?;
    let mut found = lambda.layers.versions(&id);
    found.retain(|layer| compatible.admits(layer) && before.is_none_or(|before| layer.version < before));
    let next_marker = page::cut(&mut found, input.max_items, |layer| layer.version.to_string());
    let items = found.iter().map(|layer| item(&id, layer)).collect();
    Ok(api::ListLayerVersionsResponse { next_marker, layer_versions: Some(items) })
}

pub(crate) async fn delete(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteLayerVersion>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let id = LayerId::parse(&input.layer_name, call.account(), call.region())?;
    lambda.layers.delete(&call, &id, number(input.version_number)?).await?;
    lambda.code_changed.notify_one();
    Ok(())
}

/// The layers that a function is to have, and their code. Leave to use each was asked for before.
pub(crate) async fn of_function(
    lambda: &Arc<Lambda>,
    arns: &[String],
    id: &FunctionId,
) -> Result<(Vec<LayerUse>, Incoming), Error> {
    let missing = |arn: &str| Error::InvalidParameterValue(format!("Layer version {arn} does not exist."));
    let found = list(arns, &id.region)?.into_iter().map(|(layer, version)| {
        let arn = layer.version_arn(version);
        let found = lambda.layers.get(&layer, version).ok_or_else(|| missing(&arn))?;
        let LayerVersion { code, code_bytes, unzipped_bytes, .. } = *found;
        Ok((layer.account, LayerUse { arn, code, code_bytes, unzipped_bytes }))
    });
    let found = found.collect::<Result<Vec<_>, Error>>()?;
    let codes: Vec<_> = found.iter().map(|(_, layer)| layer.code).collect();
    let incoming = Incoming::of(lambda, id.account, None, &codes);
    for (owner, layer) in &found {
        let (own, theirs, code) =
            (lambda.compute.code_of(id.account), lambda.compute.code_of(*owner), layer.code);
        match incoming.bring(async move { own.take_over(&theirs, code).await }).await? {
            // A version that was deleted since it was looked at may have taken its code along.
            Err(PackageError::Missing(_)) => return Err(missing(&layer.arn)),
            taken => taken.map_err(refusal)?,
        }
    }
    let own = lambda.compute.code_of(id.account);
    incoming.bring(async move { own.reserve_layers(&codes).await }).await?.map_err(refusal)?;
    Ok((found.into_iter().map(|(_, layer)| layer).collect(), incoming))
}

fn refusal(error: PackageError) -> Error {
    match error {
        PackageError::Full => Error::CodeStorageExceeded,
        error => Error::internal(error),
    }
}

/// Refuses code and layers that are too large together.
pub(crate) async fn check_size(
    lambda: &Lambda,
    id: &FunctionId,
    code: compute::CodeHash,
    layers: &[LayerUse],
) -> Result<(), Error> {
    if layers.is_empty() {
        return Ok(());
    }
    let own = lambda.compute.code_of(id.account).unzipped_bytes(code).await.map_err(Error::internal)?;
    let all = layers.iter().fold(own, |bytes, layer| bytes.saturating_add(layer.unzipped_bytes));
    if all <= PACKAGE_UNZIPPED_BYTES_MAX {
        return Ok(());
    }
    Err(Error::InvalidParameterValue(format!(
        "Function code combined with layers exceeds the maximum allowed size of {PACKAGE_UNZIPPED_BYTES_MAX} bytes. \
         The actual size is {all} bytes."
    )))
}
