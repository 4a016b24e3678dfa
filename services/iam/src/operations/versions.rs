//! Versions of managed policies: at most five, one in force, numbers never given twice.
//!
//! AWS's policies show the one version that is in force.

use std::sync::Arc;

use identity::records::{ManagedPolicyRecord, PolicyVersion};
use service::Permit;

use super::moment;
use super::policies::{self, Found};
use crate::page::Paging;
use crate::{Error, Iam, api, documents, quota, shapes};

/// The `1` of `v1`; AWS also takes `v1` with a hexadecimal suffix, which nothing here gives out.
fn number(version_id: &str) -> Option<u64> {
    version_id.strip_prefix('v')?.parse().ok()
}

fn no_such_version(arn: &str, id: &str) -> Error {
    Error::NoSuchEntity(format!("Policy {arn} version {id} does not exist or is not attachable."))
}

fn position(record: &ManagedPolicyRecord, arn: &str, id: &str) -> Result<u64, Error> {
    let found = number(id).filter(|number| record.version(*number).is_some());
    found.ok_or_else(|| no_such_version(arn, id))
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreatePolicyVersion>,
) -> Result<api::CreatePolicyVersionResponse, Error> {
    let Permit { input, call, .. } = permit;
    let set_default = input.set_as_default.unwrap_or(false);
    let now = moment(&call);
    let version = iam
        .change(&call, |edit| {
            let mut record = policies::load(edit, &input.policy_arn)?;
            documents::check_managed(&input.policy_document)?;
            if record.versions.len() >= quota::VERSIONS_MAX {
                return Err(Error::LimitExceeded(
                    "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                     existing version."
                        .to_owned(),
                ));
            }
            record.newest_version += 1;
            let version = PolicyVersion {
                number: record.newest_version,
                created_at: now,
                document: input.policy_document,
            };
            record.versions.push(version.clone());
            record.updated_at = now;
            if set_default {
                record.default_version = version.number;
            }
            policies::save(edit, &record)?;
            Ok(shapes::version(&record, &version))
        })
        .await?;
    Ok(api::CreatePolicyVersionResponse { policy_version: Some(version) })
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetPolicyVersion>,
) -> Result<api::GetPolicyVersionResponse, Error> {
    let api::GetPolicyVersionRequest { policy_arn, version_id } = permit.input;
    let missing = || no_such_version(&policy_arn, &version_id);
    let version = match policies::find(&permit.call.view()?, permit.call.account(), &policy_arn)? {
        Found::Aws(policy) if policy.version == version_id => api::PolicyVersion {
            document: Some(documents::escaped(&policy.document)),
            version_id: Some(version_id),
            is_default_version: Some(true),
            create_date: Some(policy.updated_at),
        },
        Found::Aws(_) => return Err(missing()),
        Found::Own(record) => {
            let version =
                number(&version_id).and_then(|number| record.version(number)).ok_or_else(missing)?;
            api::PolicyVersion {
                document: Some(documents::escaped(&version.document)),
                ..shapes::version(&record, version)
            }
        }
    };
    Ok(api::GetPolicyVersionResponse { policy_version: Some(version) })
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeletePolicyVersion>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record = policies::load(edit, &input.policy_arn)?;
        let number = position(&record, &input.policy_arn, &input.version_id)?;
        if number == record.default_version {
            return Err(Error::DeleteConflict("Cannot delete the default version of a policy.".to_owned()));
        }
        record.versions.retain(|version| version.number != number);
        policies::save(edit, &record)
    })
    .await
}

pub(crate) async fn set_default(
    iam: Arc<Iam>,
    permit: Permit<api::SetDefaultPolicyVersion>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let now = moment(&call);
    iam.change(&call, |edit| {
        let mut record = policies::load(edit, &input.policy_arn)?;
        record.default_version = position(&record, &input.policy_arn, &input.version_id)?;
        record.updated_at = now;
        policies::save(edit, &record)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListPolicyVersions>,
) -> Result<api::ListPolicyVersionsResponse, Error> {
    let api::ListPolicyVersionsRequest { policy_arn, marker, max_items } = permit.input;
    let all = match policies::find(&permit.call.view()?, permit.call.account(), &policy_arn)? {
        Found::Aws(policy) => vec![(
            String::new(),
            api::PolicyVersion {
                document: None,
                version_id: Some(policy.version.clone()),
                is_default_version: Some(true),
                create_date: Some(policy.updated_at),
            },
        )],
        // Newest first, as AWS lists them.
        Found::Own(record) => record
            .versions
            .iter()
            .map(|version| (format!("{:020}", u64::MAX - version.number), shapes::version(&record, version)))
            .collect(),
    };
    let page = Paging::new(marker, max_items).of(all)?;
    Ok(api::ListPolicyVersionsResponse {
        versions: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_ids_are_a_letter_and_a_number() {
        assert_eq!(number("v12"), Some(12));
        for bad in ["", "v", "12", "v-1", "V1", "v1.2", "v99999999999999999999"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }
}
