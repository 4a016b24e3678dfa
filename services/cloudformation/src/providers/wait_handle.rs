//! `AWS::CloudFormation::WaitConditionHandle`: an address to which programs send that they are done.

use std::time::Duration;

use gateway::{Callbacks, Shape};
use serde_json::Value;

use super::custom::step_id;
use super::{Answer, Property, Provider, Work};
use crate::records::Physical;

pub(super) struct WaitConditionHandle;

/// How long an address takes answers: twice the longest wait.
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);

impl Provider for WaitConditionHandle {
    fn kind(&self) -> &'static str {
        "AWS::CloudFormation::WaitConditionHandle"
    }

    fn properties(&self) -> &'static [Property] {
        &[]
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let id = step_id(&[&work.place.stack_id, &work.place.logical_id, &work.planned, "handle"]);
            let addresses = work.callbacks.ask(&id, Shape::Many, LIFETIME).await?;
            Ok(work.made(addresses.outside, Value::Null))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move { Ok(work.made(&old.id, Value::Object(old.attributes.clone()))) })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            match Callbacks::id_of(&old.id) {
                Some(id) => Ok(work.callbacks.close(&id).await?),
                None => Ok(()),
            }
        })
    }
}
