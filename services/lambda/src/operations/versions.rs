//! `PublishVersion` and `ListVersionsByFunction`.

use std::sync::Arc;

use base::Timestamp;
use service::Permit;

use super::shape::{Moment, configuration};
use super::{FUNCTION_API, check_revision, page, revision, shown, stored, target};
use crate::Lambda;
use crate::api;
use crate::catalog::Function;
use crate::error::Error;
use crate::model::settings::not_supported;
use crate::records::VersionRecord;

/// Makes a version of `$LATEST`, or answers the last one where nothing changed since.
pub(crate) fn publish(function: &mut Function, description: Option<String>, now: Timestamp) -> VersionRecord {
    let latest = &function.record.latest;
    let own = description.filter(|own| *own != latest.description);
    if let Some(last) = function.versions.values().next_back()
        && is_same(last, latest)
    {
        return last.clone();
    }
    let number = function.record.next_version;
    let version = VersionRecord {
        version: number.to_string(),
        revision_id: revision(),
        seen_revision_id: None,
        latest_description: own.is_some().then(|| latest.description.clone()),
        description: own.unwrap_or_else(|| latest.description.clone()),
        modified_at: now,
        ..latest.clone()
    };
    function.record.next_version = number.saturating_add(1);
    function.versions.insert(number, version.clone());
    function.record.latest.seen_revision_id = Some(revision());
    version
}

/// Whether a published version has the code and configuration of `$LATEST`. A description that was given to the version alone
/// does not count.
fn is_same(published: &VersionRecord, latest: &VersionRecord) -> bool {
    let described = published.latest_description.as_ref().unwrap_or(&published.description);
    let like_latest = VersionRecord {
        version: latest.version.clone(),
        revision_id: latest.revision_id.clone(),
        seen_revision_id: latest.seen_revision_id.clone(),
        description: described.clone(),
        latest_description: None,
        modified_at: latest.modified_at,
        ..published.clone()
    };
    like_latest == *latest
}

pub(crate) async fn publish_version(
    lambda: Arc<Lambda>,
    permit: Permit<api::PublishVersion>,
) -> Result<api::FunctionConfiguration, Error> {
    let (input, call) = super::parts(permit);
    if input.publish_to.is_some() {
        return Err(not_supported("PublishTo"));
    }
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    let made = lambda
        .catalog
        .change(&call, &id, |function| {
            let function = stored(function, &id)?;
            let latest = &function.record.latest;
            check_revision(input.revision_id.as_deref(), latest.revision(), FUNCTION_API)?;
            let current = latest.code.base64();
            if let Some(asked) = input.code_sha256.as_deref().filter(|asked| *asked != current) {
                return Err(Error::InvalidParameterValue(format!(
                    "CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({current}). Please try \
                     again with the CodeSHA256 in $LATEST."
                )));
            }
            let next = function.record.next_version;
            let made = publish(function, input.description, call.now());
            // Where nothing changed, nothing was made: that version may be anybody's.
            if function.record.next_version != next {
                call.made(&id.qualified_arn(&made.version));
            }
            Ok(made)
        })
        .await?;
    let arn = id.qualified_arn(&made.version);
    Ok(configuration(&id, arn, &made, Moment::Settled))
}

pub(crate) async fn list_versions(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListVersionsByFunction>,
) -> Result<api::ListVersionsByFunctionResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let loaded = shown(&lambda, &call, &target)?;
    let after = page::after(input.marker.as_deref())?;
    let number = |version: &VersionRecord| version.version.parse::<u64>().unwrap_or(0);
    let behind = match after.as_deref().map(str::parse::<u64>) {
        None => None,
        Some(Ok(number)) => Some(number),
        Some(Err(_)) => return Err(Error::InvalidParameterValue("The marker is not valid.".to_owned())),
    };
    let mut versions: Vec<&VersionRecord> = loaded
        .function
        .all_versions()
        .filter(|version| behind.is_none_or(|behind| number(version) > behind))
        .collect();
    let next_marker = page::cut(&mut versions, input.max_items, |version| number(version).to_string());
    let id = &target.id;
    let versions = versions
        .into_iter()
        .map(|version| configuration(id, id.qualified_arn(&version.version), version, Moment::Listed));
    Ok(api::ListVersionsByFunctionResponse { next_marker, versions: Some(versions.collect()) })
}
