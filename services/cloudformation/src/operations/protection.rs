//! What protects a stack from its own people: termination protection and stack policies.

use std::sync::Arc;

use service::{Call, Permit};
use store::Read;

use super::find;
use super::stacks::policy;
use crate::CloudFormation;
use crate::api;
use crate::error::{Error, no_stack};
use crate::model::status;
use crate::records::StackRecord;
use crate::stacks;

type State = Arc<CloudFormation>;

fn live(call: &Call, name: &str) -> Result<StackRecord, Error> {
    let stack = find(&call.view()?, call, name)?.filter(|stack| stack.status != status::DELETE_COMPLETE);
    stack.ok_or_else(|| no_stack(name))
}

/// The stack at the top of all in which one is nested, while it lives.
fn root(reader: &(impl Read + ?Sized), stack: &StackRecord) -> Result<Option<StackRecord>, Error> {
    let Some(id) = &stack.root_id else { return Ok(None) };
    let found = stacks::by_id(reader, stack.account, &stack.region, id)?;
    Ok(found.filter(|root| root.status != status::DELETE_COMPLETE))
}

/// True where a stack may not be deleted: a nested one is protected as the stack at the top is.
pub(crate) fn is_protected(reader: &(impl Read + ?Sized), stack: &StackRecord) -> Result<bool, Error> {
    Ok(root(reader, stack)?.map_or(stack.termination_protection, |root| root.termination_protection))
}

/// Changes the stored record of a stack that is there.
async fn change(
    call: &Call,
    name: &str,
    edit: impl FnOnce(&mut StackRecord) -> Result<(), Error> + Send,
) -> Result<String, Error> {
    let stack = live(call, name)?;
    call.transact(|tx| {
        let stored = stacks::by_id(tx, stack.account, &stack.region, &stack.id)?;
        let mut stored = stored.ok_or_else(|| no_stack(name))?;
        edit(&mut stored)?;
        stacks::save(tx, &stored)?;
        Ok(stored.id)
    })
    .await
}

pub(crate) async fn update_termination_protection(
    state: State,
    permit: Permit<api::UpdateTerminationProtection>,
) -> Result<api::UpdateTerminationProtectionOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let wanted = input.enable_termination_protection;
    let set = |stack: &mut StackRecord| {
        if root(&state.store, stack)?.is_some() {
            let name = &stack.name;
            return Err(Error::Validation(format!(
                "Stack [{name}] is a nested stack: termination protection is set on its root stack and cannot be changed \
                 directly on the nested stack"
            )));
        }
        stack.termination_protection = wanted;
        Ok(())
    };
    let id = change(&call, &input.stack_name, set).await?;
    Ok(api::UpdateTerminationProtectionOutput { stack_id: Some(id) })
}

pub(crate) async fn set_policy(_: State, permit: Permit<api::SetStackPolicy>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let text = policy(&call, input.stack_policy_body, input.stack_policy_url).await?.ok_or_else(|| {
        Error::Validation("Either StackPolicyBody or StackPolicyURL must be specified.".to_owned())
    })?;
    let set = |stack: &mut StackRecord| {
        stack.policy = Some(text);
        Ok(())
    };
    change(&call, &input.stack_name, set).await.map(drop)
}

pub(crate) async fn get_policy(
    _: State,
    permit: Permit<api::GetStackPolicy>,
) -> Result<api::GetStackPolicyOutput, Error> {
    let stack = live(&permit.call, &permit.input.stack_name)?;
    Ok(api::GetStackPolicyOutput { stack_policy_body: stack.policy })
}
