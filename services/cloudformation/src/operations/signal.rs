//! Takes the signals of programs that a resource waits for.

use std::sync::Arc;

use serde_json::json;
use service::Permit;

use super::find;
use crate::CloudFormation;
use crate::api;
use crate::error::{Error, no_stack};
use crate::providers;
use crate::stacks as records;

type State = Arc<CloudFormation>;

pub(crate) async fn signal(state: State, permit: Permit<api::SignalResource>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let (stack, found) = {
        let view = call.view()?;
        let stack = find(&view, &call, &input.stack_name)?.ok_or_else(|| no_stack(&input.stack_name))?;
        let found = records::resources(&view, &stack.id)?;
        (stack, found)
    };
    let id = &input.logical_resource_id;
    let record = found
        .into_iter()
        .find(|record| record.logical_id == *id)
        .ok_or_else(|| Error::Validation(format!("Resource {id} does not exist for stack {}", stack.name)))?;
    let refused =
        || Error::Validation(format!("Resource {id} is in {} state and cannot be signaled", record.status));
    if record.status != "CREATE_IN_PROGRESS" {
        return Err(refused());
    }
    let answer =
        json!({ "Status": input.status, "UniqueId": input.unique_id, "Reason": "Received FAILURE signal" });
    let awaited = providers::signals_id(&stack.id, id);
    let text = answer.to_string();
    let taken = call.transact(|tx| {
        let taken = state.callbacks.add(tx, &awaited, text).map_err(service::Internal::new)?;
        Ok::<_, Error>(taken)
    });
    if taken.await? { Ok(()) } else { Err(refused()) }
}
