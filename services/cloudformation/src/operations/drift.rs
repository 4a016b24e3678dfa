//! Detects how far stacks and resources are from their templates, and shows it.

use std::sync::Arc;

use service::{Call, Permit};

use super::{find, page_of};
use crate::CloudFormation;
use crate::api;
use crate::drift::{self, Checker};
use crate::error::{Error, no_stack};
use crate::model;
use crate::records::{AskerRecord, DetectionRecord, ResourceRecord, StackRecord, VERSION};
use crate::role;
use crate::stacks;
use crate::view;

type State = Arc<CloudFormation>;

/// The stack and its resources, if its drift can be detected now.
fn subject(call: &Call, name: &str) -> Result<(StackRecord, Vec<ResourceRecord>), Error> {
    let view = call.view()?;
    let stack = find(&view, call, name)?.ok_or_else(|| no_stack(name))?;
    if !model::can_detect_drift(&stack.status) {
        return Err(Error::Validation(format!(
            "Drift detection cannot be performed on stack [{}] in state [{}]",
            stack.id, stack.status
        )));
    }
    let resources = stacks::resources(&view, &stack.id)?;
    Ok((stack, resources))
}

fn no_resource(id: &str, stack: &StackRecord) -> Error {
    Error::Validation(format!("Resource {id} does not exist for stack {}", stack.name))
}

/// As whom resources are read: the stack's role, or else the caller.
async fn asker(call: &Call, stack: &StackRecord) -> Result<AskerRecord, Error> {
    let principal = role::session(call, stack).await?.unwrap_or_else(|| (**call.principal()).clone());
    Ok(AskerRecord { principal, source_ip: call.source().ip, is_secure: call.source().is_secure })
}

pub(crate) async fn detect_stack(
    state: State,
    permit: Permit<api::DetectStackDrift>,
) -> Result<api::DetectStackDriftOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let (stack, resources) = subject(&call, &input.stack_name)?;
    if let Some(only) = &input.logical_resource_ids {
        let known = |id: &String| resources.iter().any(|record| record.logical_id == *id);
        if let Some(unknown) = only.iter().find(|id| !known(id)) {
            return Err(no_resource(unknown, &stack));
        }
    }
    let record = DetectionRecord {
        version: VERSION,
        id: crypto::random::uuid(),
        stack_id: stack.id.clone(),
        account: stack.account,
        region: stack.region.clone(),
        status: "DETECTION_IN_PROGRESS".to_owned(),
        reason: None,
        found: None,
        drifted: None,
        began_at: call.now(),
        operations: stack.operations,
        asker: Some(asker(&call, &stack).await?),
        only: input.logical_resource_ids,
    };
    call.transact(|tx| drift::begin(tx, &record)).await?;
    let id = record.id.clone();
    drift::start(&state, call.pipeline(), record);
    Ok(api::DetectStackDriftOutput { stack_drift_detection_id: id })
}

pub(crate) async fn status(
    _: State,
    permit: Permit<api::DescribeStackDriftDetectionStatus>,
) -> Result<api::DescribeStackDriftDetectionStatusOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let id = input.stack_drift_detection_id;
    let found = drift::detection(&view, call.account(), call.region().as_str(), &id)?;
    let record =
        found.ok_or_else(|| Error::Validation(format!("Drift detection with id {id} does not exist")))?;
    Ok(api::DescribeStackDriftDetectionStatusOutput {
        stack_id: record.stack_id,
        stack_drift_detection_id: record.id,
        stack_drift_status: record.found,
        detection_status: record.status,
        detection_status_reason: record.reason,
        drifted_stack_resource_count: record.drifted.map(i64::from),
        timestamp: record.began_at,
    })
}

pub(crate) async fn detect_resource(
    state: State,
    permit: Permit<api::DetectStackResourceDrift>,
) -> Result<api::DetectStackResourceDriftOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let (stack, resources) = subject(&call, &input.stack_name)?;
    let id = &input.logical_resource_id;
    let has = |record: &&ResourceRecord| record.logical_id == *id && record.physical.is_some();
    let record = resources.iter().find(has).ok_or_else(|| no_resource(id, &stack))?;
    if !Checker::supports(&record.kind) {
        let message = "Drift detection is not supported for the specified ResourceType";
        return Err(Error::Validation(message.to_owned()));
    }
    let asker = asker(&call, &stack).await?;
    let checker = Checker::new(&state, call.pipeline(), &asker, (stack.clone(), resources));
    let drift = checker.check(id).await.ok_or_else(|| no_resource(id, &stack))?;
    call.transact(|tx| drift::save_drift(tx, &stack.id, &drift)).await?;
    if drift.status == "UNKNOWN" {
        let reason = drift.reason.unwrap_or_default();
        return Err(Error::Validation(format!("Failed to detect drift on resource [{id}]: {reason}")));
    }
    Ok(api::DetectStackResourceDriftOutput { stack_resource_drift: view::drift(&stack, &drift) })
}

pub(crate) async fn resources(
    _: State,
    permit: Permit<api::DescribeStackResourceDrifts>,
) -> Result<api::DescribeStackResourceDriftsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let stack = find(&view, &call, &input.stack_name)?.ok_or_else(|| no_stack(&input.stack_name))?;
    let known = drift::drifts(&view, &stack)?;
    let wanted = input.stack_resource_drift_status_filters;
    let is_wanted = |status: &String| wanted.as_ref().is_none_or(|wanted| wanted.contains(status));
    let found: Vec<_> = known.into_values().filter(|drift| is_wanted(&drift.status)).collect();
    let most = input.max_results.and_then(|most| usize::try_from(most).ok());
    let (found, next_token) = page_of(found, input.next_token.as_ref(), most)?;
    let stack_resource_drifts = found.iter().map(|drift| view::drift(&stack, drift)).collect();
    Ok(api::DescribeStackResourceDriftsOutput { stack_resource_drifts, next_token })
}
