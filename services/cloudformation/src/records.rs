//! What is stored: stacks, their resources, their events, change sets. JSON, with a version each.
//!
//! Values of `NoEcho` parameters are in stacks and resources: the store seals them, and [`crate::view`] never shows them.

use std::collections::BTreeMap;

use base::{AccountId, Timestamp};
use identity::Principal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::Table;
use template::TemplateError;
use template::parameter::{Lookup, Nothing};

use crate::model::status;

/// Stacks by account, region and id; deleted ones stay.
pub(crate) const STACKS: Table = Table::new(0x0701, "cloudformation/stacks");
/// The id of the stack that has a name now, by account, region and name.
pub(crate) const NAMES: Table = Table::new(0x0702, "cloudformation/names");
/// Resources by stack id and logical id.
pub(crate) const RESOURCES: Table = Table::new(0x0703, "cloudformation/resources");
/// Events by stack id, newest first.
pub(crate) const EVENTS: Table = Table::new(0x0704, "cloudformation/events");
/// Change sets by stack id and name.
pub(crate) const CHANGE_SETS: Table = Table::new(0x0705, "cloudformation/change-sets");

/// Exports by account, region and name: who exports what.
pub(crate) const EXPORTS: Table = Table::new(0x0706, "cloudformation/exports");
/// The stacks that use an export, by account, region, name and stack id.
pub(crate) const IMPORTS: Table = Table::new(0x0707, "cloudformation/imports");

/// What changes with every step of a stack's operations, by stack id.
pub(crate) const PULSES: Table = Table::new(0x0708, "cloudformation/pulses");

/// What the last check of a resource against its template found, by stack id and logical id.
pub(crate) const DRIFTS: Table = Table::new(0x0709, "cloudformation/drifts");
/// Checks of whole stacks, by account, region and id.
pub(crate) const DETECTIONS: Table = Table::new(0x070A, "cloudformation/drift-detections");

/// What changes with every step: apart from the stack, which is large and changes only as its operations begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PulseRecord {
    pub(crate) version: u8,
    /// How many events there are: the next one's number.
    pub(crate) events: u64,
    /// True where somebody asked that the update under way turn back, or that the creation under way end in a deletion.
    pub(crate) cancelled: bool,
}

/// One export, as others find it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportRecord {
    pub(crate) version: u8,
    pub(crate) name: String,
    pub(crate) stack_id: String,
    pub(crate) stack_name: String,
    pub(crate) value: String,
}

/// The version of every record here.
pub(crate) const VERSION: u8 = 1;

/// One stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StackRecord {
    pub(crate) version: u8,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) account: AccountId,
    pub(crate) region: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) content: Content,
    pub(crate) outputs: Vec<OutputRecord>,
    pub(crate) disable_rollback: bool,
    pub(crate) on_failure: OnFailure,
    pub(crate) termination_protection: bool,
    pub(crate) policy: Option<String>,
    /// How many events there were while they were counted here: nothing in stacks that were made since.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) events: u64,
    /// How many operations began: resources settled by the present one carry its number.
    pub(crate) operations: u64,
    /// What the last one was, as AWS names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_operation: Option<String>,
    /// What is going on, if anything is.
    pub(crate) operation: Option<OperationRecord>,
    /// What the stack was when it last stood firm, where an update stopped half-way or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) firm: Option<Content>,
    /// The role as which the other services are called, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role_arn: Option<String>,
    /// The tokens of its last operations, newest last: the same call again is the same operation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tokens: Vec<TokenRecord>,
    /// The change set by which it was last made or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) change_set_id: Option<String>,
    /// The stack in which this one is nested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<String>,
    /// The stack at the top of all in which this one is nested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) root_id: Option<String>,
    /// How long its creation may take, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_minutes: Option<u32>,
    /// What is known of its drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) drift: Option<StackDrift>,
    /// True where what is new goes on the way back, whatever its deletion policy says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) retain_except_on_create: bool,
    /// The update of a nested stack that came to its end, and cleans up once the update of the stack around it has: until then
    /// the stack may still go back, to what stands in `firm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<OperationRecord>,
    /// Of a nested stack that waited so, its outputs before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outputs_before: Option<Vec<OutputRecord>>,
    /// Why its last operation turned back: the state that it ended in does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) turned_back: Option<String>,
}

/// A token that a caller gave to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    pub(crate) token: String,
    /// The digest of what was asked.
    pub(crate) request: String,
    /// The number of the operation that it began.
    pub(crate) operation: u64,
}

impl StackRecord {
    /// True where everything was as asked once: what never was has nothing to go back to.
    pub(crate) fn stood_firm(&self) -> bool {
        let is_half_way = self.status == status::UPDATE_FAILED && self.firm.is_none();
        self.status != status::CREATE_FAILED && !is_half_way
    }

    /// True for a nested stack that waits for the end of the one around it.
    pub(crate) fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// The state from which an operation begins. To the stack around it one that waits stopped half-way: it may be asked for
    /// something else, brought back or deleted. To everybody else it is at work.
    pub(crate) fn begins_from(&self, is_outer: bool) -> &str {
        if is_outer && self.waits() { status::UPDATE_FAILED } else { &self.status }
    }
}

/// How far a stack is from its template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StackDrift {
    /// `DRIFTED`, `IN_SYNC` or `UNKNOWN`, and when that was found; nothing while no check has ended.
    pub(crate) found: Option<(String, Timestamp)>,
    /// The number of the operation after which that was found: another one makes it void.
    pub(crate) operations: u64,
    /// The last checks, newest last.
    pub(crate) detections: Vec<String>,
    /// True while the newest one goes on.
    pub(crate) is_running: bool,
}

/// One check of a whole stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DetectionRecord {
    pub(crate) version: u8,
    pub(crate) id: String,
    pub(crate) stack_id: String,
    pub(crate) account: AccountId,
    pub(crate) region: String,
    /// `DETECTION_IN_PROGRESS`, `DETECTION_COMPLETE` or `DETECTION_FAILED`.
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    /// What the stack was found to be.
    pub(crate) found: Option<String>,
    pub(crate) drifted: Option<u32>,
    pub(crate) began_at: Timestamp,
    /// The number of the stack's last operation when it began.
    pub(crate) operations: u64,
    /// Who asked; nobody any more once it has ended.
    pub(crate) asker: Option<AskerRecord>,
    /// Which resources, or all.
    pub(crate) only: Option<Vec<String>>,
}

/// As whom, and from where, the other services are called.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AskerRecord {
    pub(crate) principal: Principal,
    pub(crate) source_ip: std::net::IpAddr,
    pub(crate) is_secure: bool,
}

/// What a check of one resource found. Values that are nobody's to see were masked before it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DriftRecord {
    pub(crate) version: u8,
    pub(crate) logical_id: String,
    pub(crate) physical_id: String,
    pub(crate) kind: String,
    /// `IN_SYNC`, `MODIFIED`, `DELETED` or `UNKNOWN`.
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) checked_at: Timestamp,
    /// The number of the stack's last operation: what was found before another one is void.
    pub(crate) operations: u64,
    /// The properties as JSON.
    pub(crate) expected: Option<String>,
    pub(crate) actual: Option<String>,
    pub(crate) differences: Vec<DifferenceRecord>,
}

/// One property that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DifferenceRecord {
    /// A JSON pointer.
    pub(crate) path: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
    /// `ADD`, `REMOVE` or `NOT_EQUAL`.
    pub(crate) kind: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What the caller asked a stack to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    /// The template as given.
    pub(crate) template: String,
    /// The template after its transform, as JSON text.
    pub(crate) processed: String,
    pub(crate) description: Option<String>,
    pub(crate) parameters: Vec<ParameterRecord>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) capabilities: Vec<String>,
    /// The exports of other stacks that it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) imports: Vec<String>,
}

/// The value of one parameter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ParameterRecord {
    pub(crate) key: String,
    pub(crate) value: String,
    /// What Parameter Store held under that name, for the types that ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resolved: Option<String>,
    pub(crate) no_echo: bool,
}

/// What was looked up when the stack was asked for stays as it was then.
impl Lookup for Content {
    fn stored(&self, name: &str) -> Result<String, TemplateError> {
        // What another parameter is called like by chance was not looked up for it.
        let mut asked = self.parameters.iter().filter(|record| record.value == name);
        let found = asked.find_map(|record| record.resolved.clone());
        found.map_or_else(|| Nothing.stored(name), Ok)
    }

    fn exists(&self, _: &str, _: &str) -> Result<bool, TemplateError> {
        Ok(true)
    }
}

impl std::fmt::Debug for ParameterRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.shown())
    }
}

impl ParameterRecord {
    /// The value, or `****`.
    pub(crate) fn shown(&self) -> &str {
        if self.no_echo { template::parameter::MASK } else { &self.value }
    }
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutputRecord {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) description: Option<String>,
    pub(crate) export_name: Option<String>,
}

impl From<template::ResolvedOutput> for OutputRecord {
    fn from(output: template::ResolvedOutput) -> Self {
        let template::ResolvedOutput { key, value, description, export_name } = output;
        Self { key, value, description, export_name }
    }
}

/// What happens to a stack whose creation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OnFailure {
    Rollback,
    Delete,
    Nothing,
}

impl OnFailure {
    /// As AWS names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rollback => "ROLLBACK",
            Self::Delete => "DELETE",
            Self::Nothing => "DO_NOTHING",
        }
    }
}

/// An operation under way: enough to go on with it after a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OperationRecord {
    pub(crate) kind: OperationKind,
    pub(crate) phase: Phase,
    /// As whom the other services are called.
    pub(crate) principal: Principal,
    /// The address from which the caller called.
    pub(crate) source_ip: std::net::IpAddr,
    /// True where the caller's call was protected on its way.
    pub(crate) is_secure: bool,
    pub(crate) token: Option<String>,
    /// What the stack was before an update; nothing where it never stood firm.
    pub(crate) before: Option<Content>,
    /// Logical ids that a deletion, or the way back, leaves alone.
    pub(crate) retain: Vec<String>,
    /// A stack policy that stands for the stack's own during this update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// What was asked for, where that is not told by the kind: `ROLLBACK` or `CONTINUE_ROLLBACK`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<String>,
    /// The state in which the stack was at rest, for a deletion that is refused before anything is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// True where the stack around asked for it, as a part of an update of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_led: bool,
    /// The change set by which it was asked for: nested stacks get the templates that were read for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) change_set_id: Option<String>,
}

impl OperationRecord {
    /// Turns back: to what the stack was, or to nothing where it never stood firm.
    pub(crate) fn turn_back(&mut self) {
        self.phase = Phase::Rollback;
        if self.before.is_none() {
            self.kind = OperationKind::Create;
        }
    }

    /// What was asked for, as AWS names it.
    pub(crate) fn name(&self) -> &str {
        self.asked.as_deref().unwrap_or(match self.kind {
            OperationKind::Create => "CREATE_STACK",
            OperationKind::Update => "UPDATE_STACK",
            OperationKind::Delete => "DELETE_STACK",
        })
    }
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OperationKind {
    Create,
    Update,
    Delete,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Towards what was asked.
    Forward,
    /// Everything is as asked; what was replaced or dropped is being deleted.
    Cleanup,
    /// Back to what was before.
    Rollback,
}

/// A state of a resource that exists or existed. Its properties do not print: they may hold secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Physical {
    /// What `Ref` gives, and what the service knows the resource by.
    pub(crate) id: String,
    /// The properties it was last given, resolved.
    pub(crate) properties: Value,
    /// What `Fn::GetAtt` gives.
    pub(crate) attributes: Map<String, Value>,
    /// True where the attributes are nobody's to see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) no_echo: bool,
    /// What its dynamic references were when they were read.
    #[serde(default, skip_serializing_if = "Filled::is_empty")]
    pub(crate) filled: Filled,
}

/// Properties with dynamic references, by name.
pub(crate) type Filled = BTreeMap<String, FilledRecord>;

/// What a property with dynamic references said, and what that gave. It does not print: it may hold secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FilledRecord {
    pub(crate) said: Value,
    pub(crate) gave: Value,
}

impl std::fmt::Debug for Physical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Physical({}, …)", self.id)
    }
}

/// One resource of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResourceRecord {
    pub(crate) version: u8,
    pub(crate) logical_id: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) updated_at: Timestamp,
    pub(crate) depends_on: Vec<String>,
    pub(crate) deletion_policy: Option<String>,
    pub(crate) update_replace_policy: Option<String>,
    /// The resource, once it exists.
    pub(crate) physical: Option<Physical>,
    /// What is being made: written before the service is called, so that a restart knows the name.
    pub(crate) pending: Option<Physical>,
    /// The state before the present operation, where the operation changed it.
    pub(crate) before: Option<Physical>,
    /// What the present operation did.
    pub(crate) change: Option<Change>,
    /// The number of the operation that last settled this resource.
    pub(crate) settled: u64,
    /// What was made and replaced again since the stack last stood firm: to be deleted whichever way it goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) leftovers: Vec<Physical>,
}

/// What an operation did to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    Created,
    Updated,
    Replaced,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventRecord {
    pub(crate) version: u8,
    pub(crate) id: String,
    pub(crate) logical_id: String,
    pub(crate) physical_id: Option<String>,
    pub(crate) kind: String,
    pub(crate) at: Timestamp,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) token: Option<String>,
    /// The number of the operation in which it happened, and what was asked for; nothing where none goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<(u64, String)>,
}

/// One change set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChangeSetRecord {
    pub(crate) version: u8,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) execution_status: String,
    /// True where it creates the stack.
    pub(crate) creates: bool,
    pub(crate) content: Content,
    pub(crate) changes: Vec<ChangeRecord>,
    /// The role that its stack is to be made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role_arn: Option<String>,
    /// The state of the stack for which it was made: executing it later, after another change, is refused.
    pub(crate) stack_operations: u64,
    /// The token of the call that made it: the same call again makes no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_token: Option<String>,
    /// What is to become of its stack if it fails, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_stack_failure: Option<OnFailure>,
    /// True where it was asked to tell of nested stacks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) include_nested_stacks: bool,
    /// Those of the stacks in its stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) nested: Vec<NestedSetRecord>,
    /// Where it is one of those itself, the one around it and the one around all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) around: Option<AroundRecord>,
}

/// The change set of a nested stack, as the one around it knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NestedSetRecord {
    /// The nested stack's logical id.
    pub(crate) logical_id: String,
    pub(crate) stack_id: String,
    pub(crate) id: String,
}

/// The change sets around one of a nested stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AroundRecord {
    pub(crate) parent_id: String,
    pub(crate) root_id: String,
}

/// One difference that a change set would make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChangeRecord {
    /// `Add`, `Modify` or `Remove`.
    pub(crate) action: String,
    pub(crate) logical_id: String,
    pub(crate) physical_id: Option<String>,
    pub(crate) kind: String,
    /// For `Modify`: `True`, `False` or `Conditional`.
    pub(crate) replacement: Option<String>,
    /// The top-level properties that differ.
    pub(crate) properties: Vec<String>,
    /// What becomes of what is there: `Delete`, `Retain`, `ReplaceAndDelete`, `ReplaceAndRetain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy_action: Option<String>,
    /// What differs, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) details: Vec<DetailRecord>,
    /// Of a nested stack, the change set that tells what changes in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) change_set_id: Option<String>,
    /// What the resource is and what it would be, as far as that is known. Values that are nobody's to see were masked
    /// before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Value>,
}

/// Why something differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DetailRecord {
    /// `Properties`, `Metadata`, `Tags`, …
    pub(crate) attribute: String,
    /// The property.
    pub(crate) name: Option<String>,
    /// `Always` or `Never`.
    pub(crate) recreation: String,
    /// `Static`, or `Dynamic` where it is known only once the stack is changed.
    pub(crate) evaluation: String,
    /// `DirectModification`, `ParameterReference`, `ResourceReference` or `ResourceAttribute`.
    pub(crate) source: String,
    /// What is referred to.
    pub(crate) causing: Option<String>,
}
