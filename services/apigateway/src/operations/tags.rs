//! Tags of APIs, stages, API keys and usage plans, by their ARNs.

use std::collections::BTreeMap;
use std::sync::Arc;

use service::{Call, Permit};

use crate::api::{self, GetTags, TagResource, UntagResource};
use crate::model::Tagged;
use crate::store::{self, Apis, Owned};
use crate::{ApiGateway, Error};

/// Tags of one resource.
const TAGS_MAX: usize = 50;

fn tagged<'a>(call: &Call, arn: &'a str) -> Result<Tagged<'a>, Error> {
    Tagged::of(call.region(), arn).ok_or_else(|| Error::bad("Invalid ARN specified in the request"))
}

pub(crate) async fn get(_: Arc<ApiGateway>, permit: Permit<GetTags>) -> Result<api::Tags, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let apis = Apis(call.account());
    let owned = Owned(call.account());
    let tags = match tagged(&call, &input.resource_arn)? {
        Tagged::Api(id) => apis.get(&view, id)?.tags,
        Tagged::Stage(id, name) => store::stage(&view, &apis.get(&view, id)?, name)?.tags,
        Tagged::Key(id) => owned.key(&view, id)?.tags,
        Tagged::Plan(id) => owned.plan(&view, id)?.tags,
    };
    Ok(api::Tags { tags: Some(tags.into_iter().collect()) })
}

pub(crate) async fn tag(state: Arc<ApiGateway>, permit: Permit<TagResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let given: BTreeMap<String, String> = input.tags.into_iter().collect();
    check_tags(&given)?;
    edit(&state, &call, &input.resource_arn, |tags| tags.extend(given)).await
}

pub(crate) async fn untag(state: Arc<ApiGateway>, permit: Permit<UntagResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    if let Some(key) = input.tag_keys.iter().find(|key| service::is_mark(key)) {
        return Err(Error::bad(format!("Invalid tag: {key}")));
    }
    edit(&state, &call, &input.resource_arn, |tags| tags.retain(|key, _| !input.tag_keys.contains(key))).await
}

async fn edit(
    state: &ApiGateway,
    call: &Call,
    arn: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>) + Send,
) -> Result<(), Error> {
    let (apis, owned) = (Apis(call.account()), Owned(call.account()));
    let target = tagged(call, arn)?;
    call.transact(|transaction| match target {
        Tagged::Api(id) => {
            let mut record = apis.read(transaction, id)?;
            change(&mut record.tags);
            check_count(&record.tags)?;
            apis.write(transaction, &record)
        }
        Tagged::Stage(id, name) => {
            let record = apis.read(transaction, id)?;
            let stage = store::read_stage(transaction, &record, name)?;
            let mut stage = stage.ok_or_else(|| Error::not_found("stage"))?;
            change(&mut stage.tags);
            check_count(&stage.tags)?;
            Ok(state.stages.put_stage(transaction, stage)?)
        }
        Tagged::Key(id) => {
            let mut key = owned.read_key(transaction, id)?;
            change(&mut key.tags);
            check_count(&key.tags)?;
            Ok(state.stages.plans().put_key(transaction, key)?)
        }
        Tagged::Plan(id) => {
            let mut plan = owned.read_plan(transaction, id)?;
            change(&mut plan.tags);
            check_count(&plan.tags)?;
            Ok(state.stages.plans().put_plan(transaction, plan)?)
        }
    })
    .await
}

/// The platform's own tags do not count.
fn check_count(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.keys().filter(|key| !service::is_mark(key)).count() > TAGS_MAX {
        return Err(Error::bad(format!("A resource has at most {TAGS_MAX} tags")));
    }
    Ok(())
}

/// AWS's rules for tags.
pub(crate) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    check_count(tags)?;
    for (key, value) in tags {
        if service::is_mark(key) || !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
            return Err(Error::bad(format!("Invalid tag: {key}")));
        }
    }
    Ok(())
}
