//! `CreateCodeSigningConfig`, `GetCodeSigningConfig`, `UpdateCodeSigningConfig`, `ListCodeSigningConfigs`,
//! `DeleteCodeSigningConfig`, which functions have one, and whether a package may be deployed.
//!
//! A signature that is wrong is refused whatever the policy says; the policy is about packages that nobody trusted signed.

use std::sync::Arc;

use compute::{SignatureError, signers};
use protocol::Bytes;
use service::{Call, Permit};

use super::{page, shown, stored, target};
use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::name::FunctionId;
use crate::model::{signing, tags};
use crate::signing::SigningRecord;

/// The configurations of one account.
const CONFIGS_MAX: usize = 100;

fn not_found(arn: &str) -> Error {
    Error::ResourceNotFound(format!("The code signing configuration cannot be found. {arn}"))
}

fn shape(call: &Call, record: &SigningRecord) -> api::CodeSigningConfig {
    api::CodeSigningConfig {
        code_signing_config_id: record.id.clone(),
        code_signing_config_arn: signing::arn(record.account, call.region(), &record.id),
        description: (!record.description.is_empty()).then(|| record.description.clone()),
        allowed_publishers: api::AllowedPublishers {
            signing_profile_version_arns: record.publishers.clone(),
        },
        code_signing_policies: api::CodeSigningPolicies {
            untrusted_artifact_on_deployment: Some(record.policy.clone()),
        },
        last_modified: record.modified_at.iso8601_millis().replace('Z', "+0000"),
    }
}

/// The configuration of this ARN. Another account's is as one that does not exist.
fn found(lambda: &Lambda, call: &Call, arn: &str) -> Result<Arc<SigningRecord>, Error> {
    let (account, id) = signing::parse(arn, call.region())?;
    let record = (account == call.account()).then(|| lambda.signing.get(account, &id)).flatten();
    record.ok_or_else(|| not_found(arn))
}

/// The same for an answer that shows it, where the caller's leave holds for what is there by then.
fn looked_at(lambda: &Lambda, call: &Call, arn: &str) -> Result<Arc<SigningRecord>, Error> {
    let found = found(lambda, call, arn);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    found
}

pub(crate) async fn create(
    lambda: Arc<Lambda>,
    permit: Permit<api::CreateCodeSigningConfig>,
) -> Result<api::CreateCodeSigningConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    if lambda.signing.of(call.account()).len() >= CONFIGS_MAX {
        let message = format!("An account has at most {CONFIGS_MAX} code signing configurations.");
        return Err(Error::InvalidParameterValue(message));
    }
    let mut tag_list = Vec::new();
    tags::set(&mut tag_list, input.tags.into_iter().flatten())?;
    tag_list.extend(call.marks());
    let id = crypto::random::alphanumeric(signing::ID_CHARS).to_ascii_lowercase();
    let record = SigningRecord {
        id: format!("csc-{id}"),
        account: call.account(),
        description: input.description.unwrap_or_default(),
        publishers: signing::publishers(input.allowed_publishers)?,
        policy: signing::policy(input.code_signing_policies).unwrap_or_else(signing::default_policy),
        tags: tag_list,
        modified_at: call.now(),
    };
    lambda.signing.write(&call, record.clone()).await?;
    Ok(api::CreateCodeSigningConfigResponse { code_signing_config: shape(&call, &record) })
}

pub(crate) async fn get(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetCodeSigningConfig>,
) -> Result<api::GetCodeSigningConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let record = looked_at(&lambda, &call, &input.code_signing_config_arn)?;
    Ok(api::GetCodeSigningConfigResponse { code_signing_config: shape(&call, &record) })
}

pub(crate) async fn update(
    lambda: Arc<Lambda>,
    permit: Permit<api::UpdateCodeSigningConfig>,
) -> Result<api::UpdateCodeSigningConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let known = found(&lambda, &call, &input.code_signing_config_arn)?;
    let publishers = input.allowed_publishers.map(signing::publishers).transpose()?;
    let changed = lambda.signing.change(&call, known.account, &known.id, |record| {
        record.publishers = publishers.unwrap_or_else(|| record.publishers.clone());
        record.description = input.description.unwrap_or_else(|| record.description.clone());
        record.policy = signing::policy(input.code_signing_policies).unwrap_or_else(|| record.policy.clone());
        record.modified_at = call.now();
        Ok(())
    });
    let record = changed.await?.ok_or_else(|| not_found(&input.code_signing_config_arn))?;
    Ok(api::UpdateCodeSigningConfigResponse { code_signing_config: shape(&call, &record) })
}

pub(crate) async fn list(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListCodeSigningConfigs>,
) -> Result<api::ListCodeSigningConfigsResponse, Error> {
    let (input, call) = super::parts(permit);
    let after = page::after(input.marker.as_deref())?;
    let mut records = lambda.signing.of(call.account());
    records.retain(|record| after.as_ref().is_none_or(|after| record.id > *after));
    let next_marker = page::cut(&mut records, input.max_items, |record| record.id.clone());
    let configs = records.iter().map(|record| shape(&call, record)).collect();
    Ok(api::ListCodeSigningConfigsResponse { code_signing_configs: Some(configs), next_marker })
}

pub(crate) async fn delete(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteCodeSigningConfig>,
) -> Result<api::DeleteCodeSigningConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let record = found(&lambda, &call, &input.code_signing_config_arn)?;
    if !functions_of(&lambda, &call, &record).is_empty() {
        return Err(Error::ResourceConflict(
            "Cannot delete the code signing configuration because it is in use by one or more functions."
                .to_owned(),
        ));
    }
    lambda.signing.delete(&call, record.account, &record.id, |_| Ok(())).await?;
    Ok(api::DeleteCodeSigningConfigResponse {})
}

/// The ARNs of the functions that have this configuration.
fn functions_of(lambda: &Lambda, call: &Call, record: &SigningRecord) -> Vec<String> {
    let functions = lambda.catalog.list(record.account, call.region(), None);
    let has = functions
        .iter()
        .filter(|(_, loaded)| loaded.function.record.code_signing.as_ref() == Some(&record.id));
    has.map(|(id, _)| id.arn()).collect()
}

pub(crate) async fn list_functions(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListFunctionsByCodeSigningConfig>,
) -> Result<api::ListFunctionsByCodeSigningConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let record = looked_at(&lambda, &call, &input.code_signing_config_arn)?;
    let after = page::after(input.marker.as_deref())?;
    let mut arns = functions_of(&lambda, &call, &record);
    arns.retain(|arn| after.as_ref().is_none_or(|after| arn > after));
    let next_marker = page::cut(&mut arns, input.max_items, Clone::clone);
    Ok(api::ListFunctionsByCodeSigningConfigResponse { function_arns: Some(arns), next_marker })
}

pub(crate) async fn put_of_function(
    lambda: Arc<Lambda>,
    permit: Permit<api::PutFunctionCodeSigningConfig>,
) -> Result<api::PutFunctionCodeSigningConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    let config = of_new_function(&lambda, &call, &id, &input.code_signing_config_arn)?;
    change(&lambda, &call, &id, Some(config.id.clone())).await?;
    Ok(api::PutFunctionCodeSigningConfigResponse {
        code_signing_config_arn: input.code_signing_config_arn,
        function_name: id.name,
    })
}

/// The configuration that a function is to have; it is of the function's own account.
pub(crate) fn of_new_function(
    lambda: &Lambda,
    call: &Call,
    id: &FunctionId,
    arn: &str,
) -> Result<Arc<SigningRecord>, Error> {
    let missing =
        || Error::CodeSigningConfigNotFound(format!("The code signing configuration cannot be found. {arn}"));
    let (account, config_id) = signing::parse(arn, call.region())?;
    let found = (account == id.account).then(|| lambda.signing.get(account, &config_id)).flatten();
    found.ok_or_else(missing)
}

async fn change(lambda: &Lambda, call: &Call, id: &FunctionId, config: Option<String>) -> Result<(), Error> {
    lambda
        .catalog
        .change(call, id, |function| {
            stored(function, id)?.record.code_signing = config;
            Ok(())
        })
        .await
}

pub(crate) async fn get_of_function(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetFunctionCodeSigningConfig>,
) -> Result<api::GetFunctionCodeSigningConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let loaded = shown(&lambda, &call, &target)?;
    let config = loaded.function.record.code_signing.as_ref();
    Ok(api::GetFunctionCodeSigningConfigResponse {
        code_signing_config_arn: config
            .map_or_else(String::new, |id| signing::arn(target.id.account, call.region(), id)),
        function_name: target.id.name,
    })
}

pub(crate) async fn delete_of_function(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteFunctionCodeSigningConfig>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    change(&lambda, &call, &id, None).await
}

/// The publisher who signed a package that is to be deployed, where the function asks for one; and the same of layers.
///
/// # Errors
/// Where a signature is wrong, or the configuration does not let an untrusted package through.
pub(crate) async fn check(
    lambda: &Lambda,
    id: &FunctionId,
    config: Option<&SigningRecord>,
    packages: &[compute::CodeHash],
) -> Result<Option<String>, Error> {
    let Some(config) = config else { return Ok(None) };
    let (mut signed_by, code) = (None, lambda.compute.code_of(id.account));
    for (at, hash) in packages.iter().enumerate() {
        let zip = code.package(*hash).await.map_err(Error::internal)?;
        let publisher = publisher(config, zip).await?;
        if publisher.is_none() {
            if config.policy == signing::ENFORCE {
                return Err(Error::CodeVerificationFailed(
                    "Lambda cannot deploy the function. The function or layer might be signed using a signature that the \
                     client is not configured to accept. Check the provided signature."
                        .to_owned(),
                ));
            }
            tracing::warn!(function = id.arn(), "a package that no trusted publisher signed was deployed");
        }
        if at == 0 {
            signed_by = publisher;
        }
    }
    Ok(signed_by)
}

async fn publisher(config: &SigningRecord, zip: Bytes) -> Result<Option<String>, Error> {
    let signers = tokio::task::spawn_blocking(move || signers(&zip)).await.map_err(Error::internal)?;
    match signers {
        Ok(signers) => Ok(signing::trusted(&config.publishers, &signers).cloned()),
        Err(SignatureError::Wrong) => Err(Error::InvalidCodeSignature(
            "The code signature failed one or more of the validation checks for signature mismatch or expiry. Lambda \
             blocked the deployment."
                .to_owned(),
        )),
        Err(error @ SignatureError::Unreadable) => Err(Error::internal(error)),
    }
}
