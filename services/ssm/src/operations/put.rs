//! `PutParameter`: a new parameter, or a new version of one.

use std::sync::Arc;

use service::{Call, Internal, Permit};
use store::Transaction;

use crate::api::{PutParameter, PutParameterRequest, PutParameterResult};
use crate::model::name::check_new;
use crate::model::value::{self, SECURE};
use crate::model::{PARAMETERS_MAX, Reference, VERSIONS_MAX};
use crate::operations::{named, tags};
use crate::records::{self, ParameterRecord, VERSIONS, VersionRecord};
use crate::{Error, Ssm, secure};

pub(crate) async fn put(ssm: Arc<Ssm>, permit: Permit<PutParameter>) -> Result<PutParameterResult, Error> {
    let Permit { input, call, .. } = permit;
    check(&input)?;
    let parameter = named(&call, &input.name)?;
    check_new(&parameter)?;
    let input = matching(input).await?;
    let latest = call
        .transact(|transaction| {
            let record = match records::at_path(transaction, &parameter)? {
                None => created(transaction, &ssm, &call, &parameter, input)?,
                Some(record) => {
                    let is_meant = parameter.means(&record.name) && input.overwrite == Some(true);
                    if !is_meant {
                        return Err(already_exists());
                    }
                    replaced(transaction, &ssm, &call, &parameter, record, input)?
                }
            };
            records::save(transaction, &parameter, &record)?;
            Ok(record.latest)
        })
        .await?;
    Ok(PutParameterResult { version: i64::try_from(latest.number).ok(), tier: Some(latest.tier) })
}

fn already_exists() -> Error {
    Error::AlreadyExists(
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.".to_owned(),
    )
}

/// The input, once its value is known to match its pattern.
// SECURITY: before the transaction and beside the threads that serve: a pattern of the caller's takes its time to be read.
async fn matching(input: PutParameterRequest) -> Result<PutParameterRequest, Error> {
    if input.allowed_pattern.as_deref().unwrap_or_default().is_empty() {
        return Ok(input);
    }
    let matched = tokio::task::spawn_blocking(move || {
        let pattern = input.allowed_pattern.as_deref().unwrap_or_default();
        value::check_pattern(pattern, input.value.expose()).map(|()| input)
    });
    matched.await.map_err(|ended| Error::Internal(Internal::new(ended)))?
}

/// What can be told without looking at what is there.
fn check(input: &PutParameterRequest) -> Result<(), Error> {
    if input.overwrite == Some(true) && input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        return Err(Error::invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite \
             flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let no_policies = ["", "[]", "{}"];
    if input.policies.as_deref().is_some_and(|policies| !no_policies.contains(&policies.trim())) {
        return Err(Error::InvalidPolicyType(
            "Parameter policies are not supported: the parameter was not put.".to_owned(),
        ));
    }
    Ok(())
}

fn created(
    transaction: &mut Transaction<'_>,
    ssm: &Ssm,
    call: &Call,
    parameter: &Reference,
    mut input: PutParameterRequest,
) -> Result<ParameterRecord, Error> {
    if input.r#type.is_none() {
        return Err(Error::invalid("A parameter type is required when you create a parameter."));
    }
    if records::count(transaction, parameter.account, &parameter.region)? >= PARAMETERS_MAX {
        return Err(Error::LimitExceeded(format!(
            "An account has at most {PARAMETERS_MAX} parameters in a region."
        )));
    }
    let mut own = tags::checked(input.tags.take().unwrap_or_default())?;
    own.extend(call.marks());
    records::recount(transaction, parameter, 1)?;
    let latest = version(ssm, call, parameter, None, input)?;
    Ok(ParameterRecord {
        v: 1,
        name: parameter.name().to_owned(),
        oldest: 1,
        latest,
        labels: Default::default(),
        tags: own,
    })
}

/// The parameter with a version more; the oldest goes where there are too many.
fn replaced(
    transaction: &mut Transaction<'_>,
    ssm: &Ssm,
    call: &Call,
    parameter: &Reference,
    mut record: ParameterRecord,
    input: PutParameterRequest,
) -> Result<ParameterRecord, Error> {
    let latest = version(ssm, call, parameter, Some(&record.latest), input)?;
    if latest.number - record.oldest >= VERSIONS_MAX {
        if record.labels.values().any(|number| *number == record.oldest) {
            return Err(Error::MaxVersionLimit(format!(
                "You attempted to create a new version of {} by calling the PutParameter API with the overwrite flag. Version {}, the \
                 oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the \
                 parameter, and try again.",
                record.name, record.oldest
            )));
        }
        transaction.delete(VERSIONS, records::version_key(parameter, record.oldest))?;
        record.oldest += 1;
    }
    let before = std::mem::replace(&mut record.latest, latest);
    transaction.put(VERSIONS, records::version_key(parameter, before.number), records::encode(&before)?)?;
    Ok(record)
}

fn version(
    ssm: &Ssm,
    call: &Call,
    parameter: &Reference,
    before: Option<&VersionRecord>,
    input: PutParameterRequest,
) -> Result<VersionRecord, Error> {
    let value = input.value.into_exposed();
    value::check_nothing_nested(&value)?;
    let kind = kind(parameter, before, input.r#type)?;
    if kind != SECURE && input.key_id.is_some() {
        return Err(Error::invalid("KeyId is required for SecureString type parameter only."));
    }
    let key_id = (kind == SECURE).then(|| secure::check_key(parameter, input.key_id)).transpose()?;
    let tier = value::tier(input.tier.as_deref(), before.map(|version| version.tier.as_str()), &value)?;
    let allowed_pattern = input.allowed_pattern.filter(|pattern| !pattern.is_empty());
    Ok(VersionRecord {
        number: before.map_or(1, |version| version.number + 1),
        value: if kind == SECURE { ssm.secure.seal(parameter, &value) } else { value },
        kind,
        modified: call.now().millis(),
        user: call.principal().arn().to_owned(),
        tier: tier.to_owned(),
        data_type: value::data_type(input.data_type)?,
        description: input.description,
        allowed_pattern,
        key_id,
    })
}

/// The type that is asked for, or that the parameter has: another one than it has is refused.
fn kind(
    parameter: &Reference,
    before: Option<&VersionRecord>,
    asked: Option<String>,
) -> Result<String, Error> {
    match (before, asked) {
        (Some(before), Some(asked)) if asked != before.kind => Err(Error::HierarchyType(format!(
            "The parameter {} is of type {} and can't become one of type {asked}: delete it and create it anew.",
            parameter.name(),
            before.kind
        ))),
        (Some(before), _) => Ok(before.kind.clone()),
        (None, asked) => Ok(asked.unwrap_or_default()),
    }
}
