//! What protects a stack from its own people: termination protection and stack policies.

use std::sync::Arc;

use service::{Call, Permit};

use super::find;
use super::stacks::policy;
use crate::CloudFormation;
use crate::api;
use crate::error::{Error, no_stack};
use crate::model::status;
use crate::records::StackRecord;
use crate::stacks;

type State = Arc<CloudFormation>;

fn live(state: &CloudFormation, call: &Call, name: &str) -> Result<StackRecord, Error> {
    let stack = find(state, call, name)?.filter(|stack| stack.status != status::DELETE_COMPLETE);
    stack.ok_or_else(|| no_stack(name))
}

/// Changes the stored record of a stack that is there.
async fn change(
    state: &CloudFormation,
    call: &Call,
    name: &str,
    edit: impl FnOnce(&mut StackRecord) + Send,
) -> Result<String, Error> {
    let stack = live(state, call, name)?;
    call.transact(|tx| {
        let stored = stacks::by_id(tx, stack.account, &stack.region, &stack.id)?;
        let mut stored = stored.ok_or_else(|| no_stack(name))?;
        edit(&mut stored);
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
    let id = change(&state, &call, &input.stack_name, |stack| stack.termination_protection = wanted).await?;
    Ok(api::UpdateTerminationProtectionOutput { stack_id: Some(id) })
}

pub(crate) async fn set_policy(state: State, permit: Permit<api::SetStackPolicy>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let text = policy(&call, input.stack_policy_body, input.stack_policy_url).await?.ok_or_else(|| {
        Error::Validation("Either StackPolicyBody or StackPolicyURL must be specified.".to_owned())
    })?;
    change(&state, &call, &input.stack_name, |stack| stack.policy = Some(text)).await.map(drop)
}

pub(crate) async fn get_policy(
    state: State,
    permit: Permit<api::GetStackPolicy>,
) -> Result<api::GetStackPolicyOutput, Error> {
    let stack = live(&state, &permit.call, &permit.input.stack_name)?;
    Ok(api::GetStackPolicyOutput { stack_policy_body: stack.policy })
}
