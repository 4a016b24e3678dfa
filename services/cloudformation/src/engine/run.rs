//! One operation on one stack while it is carried out: what is known of the stack, and how steps are written down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};
use service::{Marks, Pipeline};
use store::Transaction;
use template::{Plan, Resources, TemplateError};
use tokio::sync::{Notify, watch};

use crate::CloudFormation;
use crate::caller::Caller;
use crate::error::Error;
use crate::exports;
use crate::model::status;
use crate::operations::nested_sets;
use crate::prepare;
use crate::providers::{Place, Work};
use crate::records::{
    Content, EventRecord, OperationKind, OperationRecord, Physical, ResourceRecord, StackRecord,
};
use crate::registry;
use crate::secrets::Secrets;
use crate::stack_policy::{Action, StackPolicy};
use crate::stacks;

/// The type under which a stack itself appears in its events.
pub(crate) const STACK: &str = "AWS::CloudFormation::Stack";

/// What keeps a stack from being changed, besides an operation that took this one's place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heeds {
    Nothing,
    /// Somebody asked that the operation stop.
    Cancel,
}

/// What a change of a stack met.
enum Standing {
    Changed(Box<StackRecord>),
    Superseded,
    Cancelled,
}

/// An operation under way.
pub(super) struct Run {
    pub(super) state: Arc<CloudFormation>,
    pub(super) caller: Caller,
    pub(super) stack: StackRecord,
    pub(super) resources: IndexMap<String, ResourceRecord>,
    /// What the account's stacks export.
    exports: BTreeMap<String, String>,
    /// True once somebody asked that the operation stop.
    cancelled: bool,
    /// Another operation took this one's place.
    superseded: bool,
    /// Told when that happens.
    pub(super) news: Arc<Notify>,
    /// Tells what waits for answers from outside that nobody wants them any more.
    pub(super) cancel: watch::Sender<bool>,
    /// What the update may do, where the stack has a policy.
    policy: Option<StackPolicy>,
    /// What is to be written next, with its events.
    queued: Vec<(ResourceRecord, Option<EventRecord>)>,
}

impl Run {
    /// `None` where nothing is to be done.
    pub(super) fn new(
        state: &Arc<CloudFormation>,
        pipeline: &Pipeline,
        stack: StackRecord,
    ) -> Result<Option<Self>, Error> {
        let Some(operation) = &stack.operation else { return Ok(None) };
        let from = (operation.source_ip, operation.is_secure);
        let caller = Caller::new(pipeline, &operation.principal, from, &stack);
        let found = stacks::resources(&state.store, &stack.id)?;
        let resources = found.into_iter().map(|record| (record.logical_id.clone(), record)).collect();
        let exports = exports::all(&state.store, stack.account, &stack.region)?;
        let policy = operation.policy.as_deref().or(stack.policy.as_deref());
        let policy = policy.filter(|_| operation.kind == OperationKind::Update);
        let policy = policy.map(StackPolicy::parse).transpose()?;
        let cancelled = stacks::pulse(&state.store, &stack)?.cancelled;
        let (state, cancel) = (Arc::clone(state), watch::Sender::new(false));
        Ok(Some(Self {
            news: state.news(&stack.id),
            state,
            caller,
            stack,
            resources,
            exports,
            cancelled,
            superseded: false,
            cancel,
            policy,
            queued: Vec::new(),
        }))
    }

    /// What is to be carried out; nothing once it has ended, or another operation took its place.
    pub(super) fn operation(&self) -> Option<&OperationRecord> {
        self.stack.operation.as_ref().filter(|_| !self.superseded)
    }

    /// True where the stack that is being created is to be deleted instead.
    pub(super) fn is_taken_over(&self) -> bool {
        self.cancelled && self.operation().is_some_and(|operation| operation.kind == OperationKind::Create)
    }

    /// Looks whether somebody asked that the operation stop.
    pub(super) fn look(&mut self) -> Result<(), Error> {
        self.cancelled = stacks::pulse(&self.state.store, &self.stack)?.cancelled;
        Ok(())
    }

    /// Leaves the rest to the operation that took this one's place.
    pub(super) fn give_way(&mut self) {
        self.superseded = true;
    }

    /// What the stack's policy says against an action on one of its resources.
    pub(super) fn protected(&self, action: Action, logical_id: &str, kind: &str) -> Option<String> {
        self.policy.as_ref().and_then(|policy| policy.refusal(action, logical_id, kind))
    }

    /// What resources answer to references now.
    pub(super) fn references(&self) -> References<'_> {
        References { resources: &self.resources, exports: &self.exports }
    }

    /// The number of this operation.
    pub(super) fn number(&self) -> u64 {
        self.stack.operations
    }

    /// True where somebody asked that the operation stop.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// The plan of a content.
    pub(super) fn plan(&self, content: &Content) -> Result<Plan, Error> {
        let stack = &self.stack;
        let pseudo = prepare::pseudo(stack.account.as_str(), &stack.region, &stack.name, &stack.id);
        prepare::plan(content, pseudo)
    }

    /// The name of the nested stack that a change set made and that waits for being created.
    pub(super) fn reviewed(&self, record: &ResourceRecord) -> Option<String> {
        let is_new = record.kind == STACK && record.physical.is_none();
        let id = Some(&record.logical_id).filter(|_| is_new)?;
        // Where that cannot be told the stack is made under another name.
        nested_sets::reviewed(&self.state.store, &self.stack, id).ok().flatten()
    }

    /// What a provider works with.
    pub(super) fn work(&self, logical_id: &str, planned: &str, properties: &Value) -> Work {
        let mut caller = self.caller.clone();
        caller.source.marks = Some(marks(&self.stack, logical_id));
        let record = self.resources.get(logical_id);
        let kind = record.map(|record| record.kind.clone()).unwrap_or_default();
        let is_creation = record.is_some_and(|record| record.physical.is_none());
        Work {
            caller,
            place: Place {
                stack_id: self.stack.id.clone(),
                logical_id: logical_id.to_owned(),
                kind,
                operation: self.stack.operations,
                is_creation,
                goes_back: false,
                skipped: Vec::new(),
                creation_policy: None,
            },
            callbacks: self.state.callbacks.clone(),
            cancelled: self.cancel.subscribe(),
            planned: planned.to_owned(),
            properties: properties.as_object().cloned().unwrap_or_else(Map::new),
        }
    }

    /// How long the stack's creation may go on, where there is a limit.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let creates =
            self.stack.operation.as_ref().is_some_and(|operation| operation.kind == OperationKind::Create);
        let minutes = self.stack.timeout_minutes.filter(|_| creates)?;
        let end = self.stack.created_at.plus_secs(i64::from(minutes) * 60);
        let left = end.millis().saturating_sub(self.caller.pipeline.clock().now().millis());
        Some(Duration::from_millis(u64::try_from(left).unwrap_or_default()))
    }

    /// A service's message without the values of secret parameters and answers: it may quote what it refused.
    pub(super) fn masked(&self, message: String) -> String {
        Secrets::of(&self.stack, self.resources.values()).mask(message)
    }

    /// Changes the stack, and leaves an event of its new status. Once another operation took this one's place, the stack is
    /// that one's to change, and nothing happens.
    pub(super) async fn set_stack(
        &mut self,
        status: &str,
        reason: Option<&str>,
        edit: impl FnOnce(&mut StackRecord) + Send,
    ) -> Result<(), Error> {
        self.change(Heeds::Nothing, (status, reason), edit).await
    }

    /// The same where the way towards what was asked ends, and the stack is not to go back. Once the operation is cancelled
    /// nothing happens, but that it is known: then it goes back.
    pub(super) async fn arrive(
        &mut self,
        status: &str,
        reason: Option<&str>,
        edit: impl FnOnce(&mut StackRecord) + Send,
    ) -> Result<(), Error> {
        self.change(Heeds::Cancel, (status, reason), edit).await
    }

    async fn change(
        &mut self,
        heeds: Heeds,
        (status, reason): (&str, Option<&str>),
        edit: impl FnOnce(&mut StackRecord) + Send,
    ) -> Result<(), Error> {
        let now = self.caller.pipeline.clock().now();
        let known = self.stack.clone();
        let number = self.number();
        let standing = self
            .state
            .store
            .transact(|tx| {
                let stored = stacks::by_id(tx, known.account, &known.region, &known.id)?;
                let mut stack = stored.unwrap_or(known);
                if stack.operations != number {
                    return Ok(Standing::Superseded);
                }
                // Who was told that the update is cancelled does not find it at rest where it got to.
                if heeds == Heeds::Cancel && stacks::pulse(tx, &stack)?.cancelled {
                    return Ok(Standing::Cancelled);
                }
                let subject = (stack.name.clone(), stack.id.clone());
                let event = stacks::event(&stack, (&subject.0, Some(&subject.1), STACK), status, reason, now);
                stacks::add_event(tx, &stack, &event)?;
                status.clone_into(&mut stack.status);
                stack.reason = reason.map(str::to_owned);
                edit(&mut stack);
                stacks::save(tx, &stack)?;
                Ok::<_, Error>(Standing::Changed(Box::new(stack)))
            })
            .await?;
        match standing {
            Standing::Changed(stack) => self.stack = *stack,
            Standing::Superseded => self.give_way(),
            Standing::Cancelled => self.cancelled = true,
        }
        Ok(())
    }

    /// Writes a resource, with an event of its status where `told`.
    pub(super) async fn put(&mut self, record: ResourceRecord, told: bool) -> Result<(), Error> {
        self.queue(record, told);
        self.flush().await
    }

    /// The same with the next [`Run::flush`]: known here at once, written before anything is done because of it.
    pub(super) fn queue(&mut self, mut record: ResourceRecord, told: bool) {
        let now = self.caller.pipeline.clock().now();
        record.updated_at = now;
        let event = told.then(|| {
            // SECURITY: a name that is only planned may hold a secret that no service ever took.
            let physical = record.physical.as_ref().map(|found| found.id.as_str());
            let subject = (record.logical_id.as_str(), physical, record.kind.as_str());
            stacks::event(&self.stack, subject, &record.status, record.reason.as_deref(), now)
        });
        self.queued.push((record.clone(), event));
        self.resources.insert(record.logical_id.clone(), record);
    }

    /// Writes all that is queued, in its order, at once.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        let queued = std::mem::take(&mut self.queued);
        if queued.is_empty() {
            return Ok(());
        }
        let stack = &self.stack;
        // The stack itself stays as it is: rewriting all of it at every step is what makes large ones slow.
        let pulse = self
            .state
            .store
            .transact(|tx| {
                for (record, event) in &queued {
                    if let Some(event) = event {
                        stacks::add_event(tx, stack, event)?;
                    }
                    stacks::save_resource(tx, &stack.id, record)?;
                    if record.pending.is_none() || record.status == status::DELETE_COMPLETE {
                        // What was made stands in the record now, or is known to be gone.
                        service::receipts::settle(tx, &marks(stack, &record.logical_id))?;
                    }
                }
                stacks::pulse(tx, stack)
            })
            .await?;
        self.cancelled = pulse.cancelled;
        Ok(())
    }

    /// Writes a resource under a new status, with its event.
    pub(super) async fn tell(
        &mut self,
        record: &ResourceRecord,
        status: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        let mut record = record.clone();
        status.clone_into(&mut record.status);
        record.reason = reason;
        self.put(record, true).await
    }

    /// Tells what becomes of something that a resource was: the resource itself stays as it is written.
    pub(super) async fn tell_of(
        &mut self,
        was: (&ResourceRecord, &Physical),
        status: &str,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let (record, physical) = was;
        let now = self.caller.pipeline.clock().now();
        let subject = (record.logical_id.as_str(), Some(physical.id.as_str()), record.kind.as_str());
        let event = stacks::event(&self.stack, subject, status, reason, now);
        let stack = &self.stack;
        self.state.store.transact(|tx| stacks::add_event(tx, stack, &event)).await?;
        Ok(())
    }

    /// Drops a resource that no longer belongs to the stack.
    pub(super) async fn drop_resource(&mut self, logical_id: &str) -> Result<(), Error> {
        let id = self.stack.id.clone();
        let marks = marks(&self.stack, logical_id);
        let gone = |tx: &mut Transaction<'_>| {
            service::receipts::settle(tx, &marks)?;
            stacks::drop_resource(tx, &id, logical_id)
        };
        self.state.store.transact(gone).await?;
        self.resources.shift_remove(logical_id);
        Ok(())
    }

    /// Ends the operation: what it changed is what there is now.
    pub(super) async fn settle_all(&mut self) -> Result<(), Error> {
        let changed: Vec<ResourceRecord> = self
            .resources
            .values()
            .filter(|record| record.change.is_some() || record.before.is_some() || record.pending.is_some())
            .cloned()
            .collect();
        for mut record in changed {
            record.leftovers.clear();
            record.change = None;
            record.before = None;
            record.pending = None;
            self.put(record, false).await?;
        }
        Ok(())
    }
}

/// The tags by which a resource tells whose it is.
pub(crate) fn marks(stack: &StackRecord, logical_id: &str) -> Arc<Marks> {
    let mark = |key: &str, value: &str| (format!("aws:cloudformation:{key}"), value.to_owned());
    Arc::from([mark("logical-id", logical_id), mark("stack-id", &stack.id), mark("stack-name", &stack.name)])
}

/// What resources answer to references while the stack is being made.
pub(crate) struct References<'a> {
    pub(crate) resources: &'a IndexMap<String, ResourceRecord>,
    /// What the account's stacks export.
    pub(crate) exports: &'a BTreeMap<String, String>,
}

impl References<'_> {
    fn physical(&self, logical_id: &str) -> Result<&Physical, TemplateError> {
        let found = self.resources.get(logical_id).and_then(|record| record.physical.as_ref());
        found.ok_or_else(|| TemplateError::new(format!("Resource {logical_id} does not exist yet")))
    }
}

impl Resources for References<'_> {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Ok(Value::from(self.physical(logical_id)?.id.as_str()))
    }

    fn import(&self, name: &str) -> Result<Value, TemplateError> {
        prepare::exported(self.exports, name)
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        let physical = self.physical(logical_id)?;
        let kind = self.resources.get(logical_id).map_or("", |record| record.kind.as_str());
        let found = physical.attributes.get(attribute).filter(|value| !value.is_null()).cloned();
        // Types without an id of their own have the one that Ref gives.
        let own_id = || (attribute == "Id" && registry::knows(kind)).then(|| physical.id.as_str().into());
        found.or_else(own_id).ok_or_else(|| {
            TemplateError::function(format_args!(
                "resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt ({kind})"
            ))
        })
    }
}
