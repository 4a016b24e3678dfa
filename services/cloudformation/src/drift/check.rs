//! Checks one resource: reads it as the asker, compares, and masks what is nobody's to see.

use std::sync::Arc;

use serde_json::{Map, Value};
use service::Pipeline;
use tokio::sync::watch;

use super::attached;
use super::compare::{self, Difference, Rules};
use crate::CloudFormation;
use crate::caller::Caller;
use crate::providers::{self, Failure, Place, Provider, Work};
use crate::records::{
    AskerRecord, DifferenceRecord, DriftRecord, Physical, ResourceRecord, StackRecord, VERSION,
};
use crate::secrets::{Secrets, hide_unknown};

/// One stack, and as whom it is looked at.
pub(crate) struct Checker {
    state: Arc<CloudFormation>,
    caller: Caller,
    stack: StackRecord,
    resources: Vec<ResourceRecord>,
    secrets: Secrets,
}

/// Whether and how resources of a type are read.
fn reader(kind: &str) -> Option<(&'static dyn Provider, &'static Rules)> {
    let provider = providers::find(kind)?;
    Some((provider, provider.comparison()?))
}

impl Checker {
    /// Over what there is of a stack now.
    pub(crate) fn new(
        state: &Arc<CloudFormation>,
        pipeline: &Pipeline,
        asker: &AskerRecord,
        (stack, resources): (StackRecord, Vec<ResourceRecord>),
    ) -> Self {
        let from = (asker.source_ip, asker.is_secure);
        let caller = Caller::new(pipeline, &asker.principal, from, &stack);
        let secrets = Secrets::of(&stack, &resources);
        Self { state: Arc::clone(state), caller, stack, resources, secrets }
    }

    /// True where resources of this type can be checked.
    pub(crate) fn supports(kind: &str) -> bool {
        reader(kind).is_some()
    }

    /// The resources that can be checked.
    pub(crate) fn checkable(&self) -> impl Iterator<Item = &ResourceRecord> {
        self.resources.iter().filter(|record| record.physical.is_some() && Self::supports(&record.kind))
    }

    /// Checks a resource of this id. What could not be read is `UNKNOWN`, and says why.
    pub(crate) async fn check(&self, logical_id: &str) -> Option<DriftRecord> {
        let record = self.checkable().find(|record| record.logical_id == logical_id)?;
        let (provider, rules) = reader(&record.kind)?;
        let physical = record.physical.as_ref()?;
        let now = self.caller.pipeline.clock().now();
        let mut drift = DriftRecord {
            version: VERSION,
            logical_id: record.logical_id.clone(),
            physical_id: physical.id.clone(),
            kind: record.kind.clone(),
            status: "UNKNOWN".to_owned(),
            reason: None,
            checked_at: now,
            operations: self.stack.operations,
            expected: None,
            actual: None,
            differences: Vec::new(),
        };
        let work = self.work(record, physical);
        let expected = compare::readable(&work.properties, rules);
        match provider.read(&work, physical).await {
            Err(Failure { message, .. }) => drift.reason = Some(self.secrets.mask(message)),
            Ok(None) => {
                drift.status = "DELETED".to_owned();
                drift.expected = Some(self.shown(&expected));
            }
            Ok(Some(mut actual)) => {
                attached::without(&mut actual, &expected, record, &self.resources);
                self.compared(&mut drift, &expected, actual, rules);
            }
        }
        Some(drift)
    }

    fn compared(
        &self,
        drift: &mut DriftRecord,
        expected: &Map<String, Value>,
        actual: Map<String, Value>,
        rules: &Rules,
    ) {
        let found = compare::differences(expected, &actual, rules);
        drift.status = if found.is_empty() { "IN_SYNC" } else { "MODIFIED" }.to_owned();
        drift.expected = Some(self.shown(expected));
        let named = actual.into_iter().filter_map(|(name, value)| {
            let value = self.beside(expected.get(&name)?, &value);
            Some((name, value))
        });
        drift.actual = Some(Value::Object(named.collect()).to_string());
        drift.differences = found.iter().map(|difference| self.told(difference)).collect();
    }

    fn told(&self, difference: &Difference) -> DifferenceRecord {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        DifferenceRecord {
            path: difference.path.clone(),
            expected: text(&self.secrets.hide(&difference.expected)),
            actual: text(&self.beside(&difference.expected, &difference.actual)),
            kind: difference.kind.name().to_owned(),
        }
    }

    fn shown(&self, properties: &Map<String, Value>) -> String {
        self.secrets.hide(&Value::Object(properties.clone())).to_string()
    }

    // SECURITY: what stands where a secret is expected may be the next secret.
    fn beside(&self, expected: &Value, actual: &Value) -> Value {
        let hidden = self.secrets.hide(actual);
        if !self.secrets.are_within(expected) {
            return hidden;
        }
        hide_unknown(&hidden, &self.secrets.hide(expected))
    }

    fn work(&self, record: &ResourceRecord, physical: &Physical) -> Work {
        Work {
            caller: self.caller.clone(),
            planned: physical.id.clone(),
            properties: physical.properties.as_object().cloned().unwrap_or_default(),
            place: Place {
                stack_id: self.stack.id.clone(),
                logical_id: record.logical_id.clone(),
                kind: record.kind.clone(),
                operation: self.stack.operations,
                is_creation: false,
                goes_back: false,
                skipped: Vec::new(),
                creation_policy: None,
            },
            callbacks: self.state.callbacks.clone(),
            cancelled: watch::channel(false).1,
        }
    }
}
