//! APIs: create, import, show, change, delete.

use std::sync::Arc;

use identity::{BindError, Reads};
use service::{Call, Internal, Permit};

use super::{map, page};
use crate::api::{
    self, CreateRestApi, DeleteRestApi, GetRestApi, GetRestApis, ImportRestApi, PutRestApi, UpdateRestApi,
};
use crate::model::{INVALID_POLICY, resource_policy};
use crate::models;
use crate::openapi::Document;
use crate::operations::tags::check_tags;
use crate::patch::{Op, Patch};
use crate::records::ApiRecord;
use crate::store::{Apis, read_deployments, read_stages};
use crate::view;
use crate::{ApiGateway, Error};

/// APIs of one account.
const APIS_MAX: usize = 600;
/// An API's name.
const NAME_BYTES_MAX: usize = 1_024;
/// Binary media types of one API.
const MEDIA_TYPES_MAX: usize = 100;

pub(crate) async fn create(_: Arc<ApiGateway>, permit: Permit<CreateRestApi>) -> Result<api::RestApi, Error> {
    let Permit { input, call, .. } = permit;
    if input.clone_from.is_some() {
        return Err(Error::unsupported("cloneFrom"));
    }
    if input.minimum_compression_size.is_some() {
        return Err(Error::unsupported("minimumCompressionSize"));
    }
    if input.security_policy.is_some() || input.endpoint_access_mode.is_some() {
        return Err(Error::unsupported("A security policy of the API's own"));
    }
    let mut record = ApiRecord::new(input.name, call.now());
    record.models = models::usual();
    record.description = input.description;
    record.version = input.version;
    // Templates write the slash as patches do.
    let media_types = input.binary_media_types.unwrap_or_default();
    record.binary_media_types = media_types.iter().map(|one| one.replace("~1", "/")).collect();
    record.tags = map(input.tags);
    check_tags(&record.tags)?;
    record.tags.extend(call.marks());
    record.disable_execute_api_endpoint = input.disable_execute_api_endpoint.unwrap_or(false);
    if let Some(source) = input.api_key_source {
        record.api_key_source = source;
    }
    if let Some(configuration) = input.endpoint_configuration {
        if configuration.vpc_endpoint_ids.is_some_and(|ids| !ids.is_empty()) {
            return Err(Error::unsupported("A private endpoint"));
        }
        set_endpoint_types(&mut record, configuration.types.as_deref())?;
    }
    if let Some(policy) = input.policy.filter(|policy| !policy.is_empty()) {
        set_policy(&call, &mut record, &policy)?;
    }
    insert(&call, record, Vec::new()).await
}

pub(crate) async fn import(_: Arc<ApiGateway>, permit: Permit<ImportRestApi>) -> Result<api::RestApi, Error> {
    let Permit { input, call, .. } = permit;
    let document = Document::read(&input.body)?;
    refuse_warnings(&document, input.fail_on_warnings)?;
    let name = document.title.clone().filter(|title| !title.is_empty());
    let name = name.ok_or_else(|| Error::bad("The API definition has no info.title"))?;
    let mut record = ApiRecord::new(name, call.now());
    apply(&call, &document, &mut record, &map(input.parameters))?;
    record.description = document.description;
    record.version = document.version;
    record.tags.extend(call.marks());
    insert(&call, record, document.warnings).await
}

pub(crate) async fn put(state: Arc<ApiGateway>, permit: Permit<PutRestApi>) -> Result<api::RestApi, Error> {
    let Permit { input, call, .. } = permit;
    let document = Document::read(&input.body)?;
    refuse_warnings(&document, input.fail_on_warnings)?;
    let parameters = map(input.parameters);
    let overwrite = input.mode.as_deref() == Some("overwrite");
    let warnings = document.warnings.clone();
    let record = change(&state, &call, &input.rest_api_id, |record| {
        if overwrite {
            let root = record.root_resource_id.clone();
            record.resources.retain(|id, _| *id == root);
            record.resource_mut(&root)?.methods.clear();
            let named = |name: &str| document.authorizers.iter().any(|it| it.name == name);
            record.authorizers.retain(|_, authorizer| named(&authorizer.name));
            record.models.clear();
            record.validators.clear();
            record.responses.clear();
            if let Some(title) = document.title.clone().filter(|title| !title.is_empty()) {
                record.name = title;
            }
            // SECURITY: what the document does not speak of stays. A policy that went away with a new definition would
            // open the API; it is removed by a patch that says so.
            record.description = document.description.clone().or(record.description.take());
            record.version = document.version.clone().or(record.version.take());
        }
        apply(&call, &document, record, &parameters)
    })
    .await?;
    with_warnings(&call, &record, warnings)
}

pub(crate) async fn get(_: Arc<ApiGateway>, permit: Permit<GetRestApi>) -> Result<api::RestApi, Error> {
    let view = permit.call.view()?;
    shown(&view, &Apis(permit.call.account()).get(&view, &permit.input.rest_api_id)?)
}

pub(crate) async fn list(_: Arc<ApiGateway>, permit: Permit<GetRestApis>) -> Result<api::RestApis, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let all = Apis(call.account()).all(&view)?;
    let (records, position) = page(all, |api| &api.id, input.position.as_deref(), input.limit)?;
    let items: Result<Vec<api::RestApi>, Error> = records.iter().map(|record| shown(&view, record)).collect();
    Ok(api::RestApis { position, items: Some(items?) })
}

pub(crate) async fn update(
    state: Arc<ApiGateway>,
    permit: Permit<UpdateRestApi>,
) -> Result<api::RestApi, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let record = change(&state, &call, &input.rest_api_id, |record| {
        patches.iter().try_for_each(|patch| apply_patch(&call, record, patch))
    })
    .await?;
    shown(call.store(), &record)
}

pub(crate) async fn delete(state: Arc<ApiGateway>, permit: Permit<DeleteRestApi>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let apis = Apis(call.account());
    call.transact(|transaction| {
        let record = apis.read(transaction, &input.rest_api_id)?;
        for stage in read_stages(transaction, &record)? {
            state.stages.delete_stage(transaction, &record.id, &stage.stage_name)?;
        }
        for deployment in read_deployments(transaction, &record)? {
            state.stages.delete_deployment(transaction, &record.id, &deployment.id)?;
        }
        apis.delete(transaction, &record.id)
    })
    .await
}

/// Reads an API, changes it and writes it back, alone.
pub(crate) async fn change(
    _: &ApiGateway,
    call: &Call,
    id: &str,
    edit: impl FnOnce(&mut ApiRecord) -> Result<(), Error> + Send,
) -> Result<ApiRecord, Error> {
    let apis = Apis(call.account());
    call.transact(|transaction| {
        let mut record = apis.read(transaction, id)?;
        edit(&mut record)?;
        check(&record)?;
        apis.write(transaction, &record)?;
        Ok(record)
    })
    .await
}

async fn insert(call: &Call, record: ApiRecord, warnings: Vec<String>) -> Result<api::RestApi, Error> {
    check(&record)?;
    let apis = Apis(call.account());
    call.transact(|transaction| {
        if apis.count(transaction)? >= APIS_MAX {
            return Err(Error::LimitExceeded(
                "Maximum number of RestApis for this account has been reached.".into(),
            ));
        }
        apis.write(transaction, &record)
    })
    .await?;
    with_warnings(call, &record, warnings)
}

fn with_warnings(call: &Call, record: &ApiRecord, warnings: Vec<String>) -> Result<api::RestApi, Error> {
    let warnings = (!warnings.is_empty()).then_some(warnings);
    Ok(api::RestApi { warnings, ..shown(call.store(), record)? })
}

/// An API as the API shows it: its policy with the ARNs of those whom it names.
fn shown(from: &(impl Reads + ?Sized), record: &ApiRecord) -> Result<api::RestApi, Error> {
    let policy = record.policy.as_deref().map(|text| identity::show_principals(from, text)).transpose();
    let policy = policy.map_err(|error| Error::Internal(Internal::new(error)))?;
    Ok(api::RestApi { policy, ..view::rest_api(record) })
}

/// What must hold of an API however it came about.
fn check(record: &ApiRecord) -> Result<(), Error> {
    if record.name.is_empty() || record.name.len() > NAME_BYTES_MAX {
        return Err(Error::bad(format!(
            "API name cannot be empty, nor longer than {NAME_BYTES_MAX} characters"
        )));
    }
    if record.binary_media_types.len() > MEDIA_TYPES_MAX {
        return Err(Error::bad(format!("An API has at most {MEDIA_TYPES_MAX} binary media types")));
    }
    if !matches!(record.api_key_source.as_str(), "HEADER" | "AUTHORIZER") {
        return Err(Error::bad("Invalid API key source"));
    }
    Ok(())
}

fn refuse_warnings(document: &Document, fail_on_warnings: Option<bool>) -> Result<(), Error> {
    if fail_on_warnings == Some(true) && !document.warnings.is_empty() {
        return Err(Error::bad(format!(
            "Warnings found during import:\n\t{}",
            document.warnings.join("\n\t")
        )));
    }
    Ok(())
}

fn apply(
    call: &Call,
    document: &Document,
    record: &mut ApiRecord,
    parameters: &std::collections::BTreeMap<String, String>,
) -> Result<(), Error> {
    for (name, value) in parameters {
        match (name.as_str(), value.as_str()) {
            ("endpointConfigurationTypes", _) => {
                set_endpoint_types(record, Some(std::slice::from_ref(value)))?;
            }
            ("basepath" | "basePath", "ignore") | ("ignore", "documentation") => {}
            // Over the wire the map holds every parameter of the query, those with members of their own too.
            ("failonwarnings" | "mode", _) => {}
            _ => return Err(Error::unsupported(&format!("The import parameter {name}={value}"))),
        }
    }
    document.apply(record)?;
    match &document.policy {
        Some(policy) => set_policy(call, record, &policy.to_string()),
        None => Ok(()),
    }
}

fn set_policy(call: &Call, record: &mut ApiRecord, text: &str) -> Result<(), Error> {
    if text.len() > policy::quota::POLICY_BYTES_MAX {
        return Err(Error::bad(INVALID_POLICY));
    }
    let checked = resource_policy(text, call.region(), call.account(), &record.id)?;
    // Users and roles that it names are kept by their unique ids.
    let bound = identity::bind_principals(call.store(), &checked).map_err(|error| match error {
        BindError::Unknown(_) => Error::bad(INVALID_POLICY),
        BindError::Directory(error) => Error::Internal(Internal::new(error)),
    })?;
    record.policy = Some(bound);
    Ok(())
}

fn set_endpoint_types(record: &mut ApiRecord, types: Option<&[String]>) -> Result<(), Error> {
    match types {
        None | Some([]) => Ok(()),
        Some([one]) => set_endpoint_type(record, one),
        Some(_) => Err(Error::bad("Cannot create an api with multiple Endpoint Types")),
    }
}

fn set_endpoint_type(record: &mut ApiRecord, name: &str) -> Result<(), Error> {
    match name {
        "EDGE" | "REGIONAL" => name.clone_into(&mut record.endpoint_type),
        "PRIVATE" => return Err(Error::unsupported("A private endpoint")),
        _ => return Err(Error::bad("Invalid endpoint type")),
    }
    Ok(())
}

fn apply_patch(call: &Call, record: &mut ApiRecord, patch: &Patch) -> Result<(), Error> {
    match (patch.parts().as_slice(), patch.op) {
        (["name"], Op::Replace) => record.name = patch.required()?,
        (["description"], _) => record.description = patch.new_value(),
        (["version"], _) => record.version = patch.new_value(),
        (["apiKeySource"], Op::Replace) => record.api_key_source = patch.required()?,
        (["disableExecuteApiEndpoint"], Op::Replace) => {
            record.disable_execute_api_endpoint = patch.boolean()?
        }
        (["policy"], _) => match patch.new_value().filter(|policy| !policy.is_empty()) {
            Some(policy) => set_policy(call, record, &policy)?,
            None => record.policy = None,
        },
        (["binaryMediaTypes", media_type], Op::Add) => {
            if !record.binary_media_types.iter().any(|known| known == media_type) {
                record.binary_media_types.push((*media_type).to_owned());
            }
        }
        (["binaryMediaTypes", media_type], Op::Remove) => {
            record.binary_media_types.retain(|known| known != media_type);
        }
        (["binaryMediaTypes", media_type], Op::Replace) => {
            record.binary_media_types.retain(|known| known != media_type);
            record.binary_media_types.push(patch.required()?);
        }
        (["endpointConfiguration", "types", _], Op::Replace) => {
            set_endpoint_type(record, &patch.required()?)?
        }
        // No size is no compression, which is what is the case.
        (["minimumCompressionSize"], _) if patch.new_value().is_none_or(|size| size.is_empty()) => {}
        (["minimumCompressionSize"], _) => return Err(Error::unsupported("minimumCompressionSize")),
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}
