//! Stacks, provisioned by calling the other services as the caller.
//!
//! Nouns: a *stack* has *resources*, each of a *type* that a provider makes through its service; a *change set* is an update
//! that was computed and not yet done. A stack is always in one state of [`model::status`]; while it is `…_IN_PROGRESS` an
//! operation is written in it, and an operation that is written is carried out, over restarts, until it ends.
//!
//! Invariants: nothing is created before the whole template was checked; every call to another service is made as the
//! principal that asked for the stack and passes the pipeline's controls; a type, property, function or transform that is
//! not known here is an error that names it.
//!
//! A stack's role (or, without one, its caller) needs what the calls of its resources need. Tags of the stack and of its
//! resources are given with the creation, so they take leave to tag as well: `iam:TagRole`, `iam:TagPolicy`,
//! `lambda:TagResource`, `logs:TagResource`, `dynamodb:TagResource`, `s3:TagResource`, and for API Gateway `apigateway:PUT` on
//! `/tags/*`. The SAM transform tags every role and function (`lambda:createdBy`), so a SAM application's role always needs
//! the first and third. The `aws:cloudformation:*` tags that this service puts on by itself take no leave.
//!
//! A change set that includes nested stacks makes theirs by calls of their own, so it takes leave for
//! `cloudformation:CreateChangeSet` on them too; executing it gives each nested stack the template that was read for it.
//! A way back that is continued continues those of nested stacks, with leave for `cloudformation:ContinueUpdateRollback`.
//! A nested stack whose update came to its end waits in `UPDATE_COMPLETE_CLEANUP_IN_PROGRESS`, with all that it replaced, until
//! the one around it cleans up (decision 0042); meanwhile that one alone may change, bring back or delete it.
//!
//! Deliberate differences from AWS: change sets, those of nested stacks too, are ready when `CreateChangeSet` answers; events
//! carry no resource properties; metadata is masked where AWS masks none, and so is what change sets tell; a deleted
//! custom-named resource of another owner is never adopted, save `AWS::ApiGateway::GatewayResponse`: it is put over whatever its
//! API answers with then, and its deletion resets that to API Gateway's own answer, one by hand as well; stack sets, imports of resources (`ResourcesToImport`,
//! `ImportExistingResources`), `ResourceTypes` and rollback triggers are not offered; `StackPolicyDuringUpdateURL` is asked for under
//! `cloudformation:StackPolicyUrl` as `StackPolicyURL` is, each by itself.

mod access;
pub mod api;
mod caller;
mod declined;
mod diff;
mod drift;
mod dynamic;
mod engine;
mod error;
mod exports;
mod foreseen;
mod included;
mod model;
mod operations;
mod prepare;
mod providers;
mod purge;
mod records;
mod registry;
mod role;
mod secrets;
mod shape;
mod stack_policy;
mod stacks;
#[cfg(test)]
mod tests;
mod values;
mod view;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use gateway::Callbacks;
use service::{Pipeline, Service, ServiceBuilder};
use store::Store;
use tokio::sync::{Notify, Semaphore};

pub use error::Error;

use operations::{
    change_sets, describe, drift as drifts, protection, resources, rollback, signal, stacks as stack,
    templates, update,
};

/// What the handlers share.
pub struct CloudFormation {
    store: Store,
    /// Where custom resources and programs answer.
    callbacks: Callbacks,
    /// The stacks whose operation runs now, by id.
    running: Mutex<HashMap<String, Running>>,
    /// Turns of checks of whole stacks.
    checks: Semaphore,
}

/// Whoever carries out a stack's operation.
#[derive(Default)]
struct Running {
    /// Another operation was written meanwhile.
    again: bool,
    /// Told when one is, or the one that runs is to stop, so that nobody waits for what is not wanted any more.
    news: Arc<Notify>,
}

/// How many stacks are checked for drift at a time.
const CHECKS_MAX: usize = 4;

impl CloudFormation {
    /// Over this store; answers to what stacks ask are awaited at `callbacks`.
    pub fn new(store: Store, callbacks: Callbacks) -> Self {
        Self { store, callbacks, running: Mutex::new(HashMap::new()), checks: Semaphore::new(CHECKS_MAX) }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a stack's operation on; false where whoever has it will look again.
    fn begin(&self, id: &str) -> bool {
        // An operation ends in the store a moment before its task does: the next one may be written in between. And a
        // deletion takes the place of a creation that goes on.
        match self.running().entry(id.to_owned()) {
            Entry::Occupied(mut taken) => {
                let running = taken.get_mut();
                running.again = true;
                running.news.notify_one();
                false
            }
            Entry::Vacant(free) => {
                free.insert(Running::default());
                true
            }
        }
    }

    /// Tells whoever carries a stack's operation out, if anybody does, that it is to stop.
    fn tell_cancelled(&self, id: &str) {
        if let Some(running) = self.running().get(id) {
            running.news.notify_one();
        }
    }

    /// What tells of another operation on a stack whose operation runs, and that this one is to stop.
    fn news(&self, id: &str) -> Arc<Notify> {
        self.running().get(id).map(|running| Arc::clone(&running.news)).unwrap_or_default()
    }

    /// Lets a stack's operation go; false where there is another one to carry out.
    fn end(&self, id: &str) -> bool {
        let mut running = self.running();
        match running.get_mut(id) {
            Some(taken) if taken.again => {
                taken.again = false;
                false
            }
            _ => {
                running.remove(id);
                true
            }
        }
    }
}

/// True where stacks can have resources of this type.
pub fn offers(kind: &str, pipeline: &Pipeline) -> bool {
    providers::is_offered(kind, pipeline)
}

/// The service's operation table.
pub fn service(state: impl Into<Arc<CloudFormation>>) -> Service {
    let builder = ServiceBuilder::new("cloudformation", state.into())
        .operation::<api::CreateStack, _, _, _, _>(access::create_stack, stack::create)
        .operation::<api::UpdateStack, _, _, _, _>(access::update_stack, update::update)
        .operation::<api::DeleteStack, _, _, _, _>(access::delete_stack, stack::delete)
        .operation::<api::UpdateTerminationProtection, _, _, _, _>(
            access::update_termination_protection,
            protection::update_termination_protection,
        )
        .operation::<api::GetStackPolicy, _, _, _, _>(access::get_stack_policy, protection::get_policy)
        .operation::<api::SetStackPolicy, _, _, _, _>(access::set_stack_policy, protection::set_policy)
        .operation::<api::ListImports, _, _, _, _>(access::list_imports, describe::imports)
        .operation::<api::DescribeAccountLimits, _, _, _, _>(
            access::describe_account_limits,
            describe::limits,
        )
        .operation::<api::CancelUpdateStack, _, _, _, _>(access::cancel_update_stack, rollback::cancel_update)
        .operation::<api::ContinueUpdateRollback, _, _, _, _>(
            access::continue_update_rollback,
            rollback::continue_update,
        )
        .operation::<api::RollbackStack, _, _, _, _>(access::rollback_stack, rollback::roll_back)
        .operation::<api::DetectStackDrift, _, _, _, _>(access::detect_stack_drift, drifts::detect_stack)
        .operation::<api::DetectStackResourceDrift, _, _, _, _>(
            access::detect_stack_resource_drift,
            drifts::detect_resource,
        )
        .operation::<api::DescribeStackDriftDetectionStatus, _, _, _, _>(
            access::describe_stack_drift_detection_status,
            drifts::status,
        )
        .operation::<api::DescribeStackResourceDrifts, _, _, _, _>(
            access::describe_stack_resource_drifts,
            drifts::resources,
        )
        .operation::<api::SignalResource, _, _, _, _>(access::signal_resource, signal::signal)
        .operation::<api::DescribeStacks, _, _, _, _>(access::describe_stacks, describe::stacks)
        .operation::<api::ListStacks, _, _, _, _>(access::list_stacks, describe::list)
        .operation::<api::DescribeStackEvents, _, _, _, _>(access::describe_stack_events, describe::events)
        .operation::<api::DescribeEvents, _, _, _, _>(access::describe_events, describe::operation_events)
        .operation::<api::ListExports, _, _, _, _>(access::list_exports, describe::exports)
        .operation::<api::DescribeStackResource, _, _, _, _>(access::describe_stack_resource, resources::one)
        .operation::<api::DescribeStackResources, _, _, _, _>(
            access::describe_stack_resources,
            resources::some,
        )
        .operation::<api::ListStackResources, _, _, _, _>(access::list_stack_resources, resources::list)
        .operation::<api::GetTemplate, _, _, _, _>(access::get_template, templates::get)
        .operation::<api::GetTemplateSummary, _, _, _, _>(access::get_template_summary, templates::summary)
        .operation::<api::ValidateTemplate, _, _, _, _>(access::validate_template, templates::validate)
        .operation::<api::CreateChangeSet, _, _, _, _>(access::create_change_set, change_sets::create)
        .operation::<api::DescribeChangeSet, _, _, _, _>(access::describe_change_set, change_sets::describe)
        .operation::<api::ExecuteChangeSet, _, _, _, _>(access::execute_change_set, change_sets::execute)
        .operation::<api::DeleteChangeSet, _, _, _, _>(access::delete_change_set, change_sets::delete)
        .operation::<api::ListChangeSets, _, _, _, _>(access::list_change_sets, change_sets::list);
    declined::decline(builder)
        .job("cloudformation/resume", engine::resume)
        .job("cloudformation/purge", purge::run)
        .job("cloudformation/drift", drift::resume)
        .build()
}
