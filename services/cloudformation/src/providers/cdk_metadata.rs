//! `AWS::CDK::Metadata`: what the AWS CDK writes of itself into every template. It stands for nothing.

use serde_json::Value;

use super::{Answer, Property, Provider, Work, optional};
use crate::records::Physical;

pub(super) struct Metadata;

impl Provider for Metadata {
    fn kind(&self) -> &'static str {
        "AWS::CDK::Metadata"
    }

    fn properties(&self) -> &'static [Property] {
        const PROPERTIES: [Property; 1] = [optional("Analytics")];
        &PROPERTIES
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move { Ok(work.made(&work.planned, Value::Null)) })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move { Ok(work.made(&old.id, Value::Null)) })
    }

    fn delete<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move { Ok(()) })
    }
}
