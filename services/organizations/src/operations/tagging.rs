//! Tags of roots, units, accounts and policies.

use std::sync::Arc;

use ::identity::Edit;
use ::identity::records::Tag;
use ::identity::records::organization::{ControlKind, OrganizationRecord, keys};
use service::Permit;

use crate::model::Target;
use crate::tree::{self, Node};
use crate::{Error, Organizations, api, page, shapes, tags};

pub(crate) async fn tag(org: Arc<Organizations>, permit: Permit<api::TagResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        on(edit, &record, &input.resource_id, |stored| tags::add(stored, input.tags))
    })
    .await
}

pub(crate) async fn untag(org: Arc<Organizations>, permit: Permit<api::UntagResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        on(edit, &record, &input.resource_id, |stored| {
            tags::remove(stored, &input.tag_keys);
            Ok(())
        })
    })
    .await
}

/// Changes the tags of what has this id.
fn on(
    edit: &mut Edit<'_, '_>,
    record: &OrganizationRecord,
    id: &str,
    change: impl FnOnce(&mut Vec<Tag>) -> Result<(), Error>,
) -> Result<(), Error> {
    if Target::of(id) == Some(Target::Policy) {
        let policy = tree::policy(edit, &record.id, id)?.ok_or_else(Error::no_target)?;
        let mut policy = policy;
        if ControlKind::of_aws_policy(id).is_some() {
            return Err(Error::invalid(
                "TARGET_NOT_SUPPORTED",
                "You can't tag a policy that is managed by AWS.",
            ));
        }
        change(&mut policy.tags)?;
        return Ok(edit.put(keys::CONTROL_POLICIES, &keys::part(&record.id, id), &policy)?);
    }
    let mut node = Node::find(edit, &record.id, id)?.ok_or_else(Error::no_target)?;
    change(node.tags())?;
    node.save(edit, &record.id)
}

pub(crate) async fn list(
    _: Arc<Organizations>,
    permit: Permit<api::ListTagsForResource>,
) -> Result<api::ListTagsForResourceResponse, Error> {
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let stored = if Target::of(&input.resource_id) == Some(Target::Policy) {
        tree::policy(&view, &record.id, &input.resource_id)?.map(|policy| policy.tags)
    } else {
        Node::find(&view, &record.id, &input.resource_id)?.map(|mut node| std::mem::take(node.tags()))
    };
    let stored = stored.ok_or_else(Error::no_target)?;
    let all = shapes::tags(&stored).into_iter().map(|tag| (tag.key.clone(), tag)).collect();
    let (tags, next_token) =
        page::of(&["ListTagsForResource", &record.id, &input.resource_id], all, input.next_token, None)?;
    Ok(api::ListTagsForResourceResponse { tags: Some(tags), next_token })
}
