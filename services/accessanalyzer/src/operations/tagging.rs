//! Tags of analyzers. Keys are unique, with regard to case.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::Entries;
use service::Permit;

use crate::state::{self, Analyzers};
use crate::{Error, api};

/// AWS's quota of tags.
const TAGS_MAX: usize = 50;
/// The longest key and the longest value, in characters.
const KEY_CHARACTERS_MAX: usize = 128;
const VALUE_CHARACTERS_MAX: usize = 256;

/// Sets tags; one of the same key gets the new value.
pub(crate) fn add(stored: &mut BTreeMap<String, String>, tags: Entries<String>) -> Result<(), Error> {
    for (key, value) in tags {
        if service::is_mark(&key) {
            return Err(Error::validation("Tag keys beginning with aws: are reserved."));
        }
        if key.is_empty()
            || key.chars().count() > KEY_CHARACTERS_MAX
            || value.chars().count() > VALUE_CHARACTERS_MAX
        {
            return Err(Error::validation(format!(
                "Tag keys have 1 to {KEY_CHARACTERS_MAX} characters, values at most {VALUE_CHARACTERS_MAX}."
            )));
        }
        stored.insert(key, value);
    }
    if stored.keys().filter(|key| !service::is_mark(key)).count() > TAGS_MAX {
        return Err(Error::validation(format!("An analyzer has at most {TAGS_MAX} tags.")));
    }
    Ok(())
}

pub(crate) async fn tag(
    _: Arc<Analyzers>,
    permit: Permit<api::TagResource>,
) -> Result<api::TagResourceResponse, Error> {
    let Permit { input, call, .. } = permit;
    call.transact(|transaction| {
        let mut record = state::with_arn(transaction, &call, &input.resource_arn)?;
        add(&mut record.tags, input.tags)?;
        state::save(transaction, &record)
    })
    .await?;
    Ok(api::TagResourceResponse {})
}

pub(crate) async fn untag(
    _: Arc<Analyzers>,
    permit: Permit<api::UntagResource>,
) -> Result<api::UntagResourceResponse, Error> {
    let Permit { input, call, .. } = permit;
    call.transact(|transaction| {
        let mut record = state::with_arn(transaction, &call, &input.resource_arn)?;
        // The platform's own are nobody's to take away.
        record.tags.retain(|key, _| service::is_mark(key) || !input.tag_keys.contains(key));
        state::save(transaction, &record)
    })
    .await?;
    Ok(api::UntagResourceResponse {})
}

pub(crate) async fn list(
    _: Arc<Analyzers>,
    permit: Permit<api::ListTagsForResource>,
) -> Result<api::ListTagsForResourceResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = state::with_arn(&call.view()?, &call, &input.resource_arn)?;
    Ok(api::ListTagsForResourceResponse { tags: Some(record.tags.into_iter().collect()) })
}
