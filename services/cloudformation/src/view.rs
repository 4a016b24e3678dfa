//! Records as the API shows them. Values of `NoEcho` parameters are masked here and nowhere shown.

use crate::api;
use crate::drift;
use crate::engine::STACK;
use crate::records::{
    ChangeRecord, ChangeSetRecord, Content, DetailRecord, DriftRecord, EventRecord, ParameterRecord,
    ResourceRecord, StackRecord,
};

pub(crate) fn parameters(parameters: &[ParameterRecord]) -> Vec<api::Parameter> {
    let view = |parameter: &ParameterRecord| api::Parameter {
        parameter_key: Some(parameter.key.clone()),
        parameter_value: Some(parameter.shown().to_owned()),
        resolved_value: parameter.resolved.clone().filter(|_| !parameter.no_echo),
        ..api::Parameter::default()
    };
    parameters.iter().map(view).collect()
}

pub(crate) fn tags(tags: &[(String, String)]) -> Vec<api::Tag> {
    tags.iter().map(|(key, value)| api::Tag { key: key.clone(), value: value.clone() }).collect()
}

/// A list, or nothing where it is empty.
fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

/// A stack; a nested one is `protected` as the stack at the top is.
pub(crate) fn stack(record: &StackRecord, protected: bool) -> api::Stack {
    let Content { description, parameters: given, tags: own, capabilities, .. } = &record.content;
    let outputs = record.outputs.iter().map(|output| api::Output {
        output_key: Some(output.key.clone()),
        output_value: Some(output.value.clone()),
        description: output.description.clone(),
        export_name: output.export_name.clone(),
    });
    api::Stack {
        stack_id: Some(record.id.clone()),
        stack_name: record.name.clone(),
        description: description.clone(),
        parameters: some(parameters(given)),
        creation_time: record.created_at,
        deletion_time: record.deleted_at,
        last_updated_time: record.updated_at,
        rollback_configuration: Some(api::RollbackConfiguration::default()),
        stack_status: record.status.clone(),
        stack_status_reason: record.reason.clone(),
        disable_rollback: Some(record.disable_rollback),
        retain_except_on_create: record.retain_except_on_create.then_some(true),
        notification_arns: Some(Vec::new()),
        capabilities: some(capabilities.clone()),
        outputs: some(outputs.collect()),
        tags: Some(tags(own)),
        enable_termination_protection: Some(protected),
        drift_information: Some(api::StackDriftInformation {
            stack_drift_status: drift::of_stack(record)
                .map_or("NOT_CHECKED", |(status, _)| status)
                .to_owned(),
            last_check_timestamp: drift::of_stack(record).map(|(_, at)| at),
        }),
        role_arn: record.role_arn.clone(),
        change_set_id: record.change_set_id.clone(),
        parent_id: record.parent_id.clone(),
        root_id: record.root_id.clone(),
        timeout_in_minutes: record.timeout_minutes.map(Into::into),
        last_operations: last_operations(record),
        ..api::Stack::default()
    }
}

pub(crate) fn summary(record: &StackRecord) -> api::StackSummary {
    api::StackSummary {
        stack_id: Some(record.id.clone()),
        stack_name: record.name.clone(),
        template_description: record.content.description.clone(),
        creation_time: record.created_at,
        last_updated_time: record.updated_at,
        deletion_time: record.deleted_at,
        stack_status: record.status.clone(),
        stack_status_reason: record.reason.clone(),
        drift_information: Some(api::StackDriftInformationSummary {
            stack_drift_status: drift::of_stack(record)
                .map_or("NOT_CHECKED", |(status, _)| status)
                .to_owned(),
            last_check_timestamp: drift::of_stack(record).map(|(_, at)| at),
        }),
        parent_id: record.parent_id.clone(),
        root_id: record.root_id.clone(),
        last_operations: last_operations(record),
    }
}

/// The operation that a stack is in, or stands behind.
fn last_operations(record: &StackRecord) -> Option<Vec<api::OperationEntry>> {
    let operation_type = Some(record.last_operation.clone()?);
    let operation_id = Some(crate::model::operation_id(&record.id, record.operations));
    Some(vec![api::OperationEntry { operation_type, operation_id }])
}

pub(crate) fn event(stack: &StackRecord, record: &EventRecord) -> api::StackEvent {
    api::StackEvent {
        stack_id: stack.id.clone(),
        event_id: record.id.clone(),
        stack_name: stack.name.clone(),
        logical_resource_id: Some(record.logical_id.clone()),
        physical_resource_id: Some(record.physical_id.clone().unwrap_or_default()),
        resource_type: Some(record.kind.clone()),
        timestamp: record.at,
        resource_status: Some(record.status.clone()),
        resource_status_reason: record.reason.clone(),
        client_request_token: record.token.clone(),
        ..api::StackEvent::default()
    }
}

/// True for the event of a resource that could not be made, changed or deleted.
pub(crate) fn is_error(record: &EventRecord) -> bool {
    record.kind != STACK && record.status.ends_with("_FAILED")
}

/// An event as part of an operation.
pub(crate) fn operation_event(stack: &StackRecord, record: &EventRecord) -> api::OperationEvent {
    let of_stack = record.physical_id.as_deref() == Some(stack.id.as_str()) && record.kind == STACK;
    let kind = match (of_stack, is_error(record)) {
        (true, _) => "STACK_EVENT",
        (false, true) => "PROVISIONING_ERROR",
        (false, false) => "PROGRESS_EVENT",
    };
    let outcome = match record.status.as_str() {
        status if status.ends_with("_IN_PROGRESS") => "IN_PROGRESS",
        // A way back is the end of what was asked for, and not what was asked for.
        status if status.ends_with("_FAILED") || status.contains("ROLLBACK") => "FAILED",
        _ => "SUCCEEDED",
    };
    let operation = record.operation.as_ref();
    api::OperationEvent {
        event_id: Some(record.id.clone()),
        stack_id: Some(stack.id.clone()),
        operation_id: operation.map(|(number, _)| crate::model::operation_id(&stack.id, *number)),
        operation_type: operation.map(|(_, name)| name.clone()),
        operation_status: of_stack.then(|| outcome.to_owned()),
        event_type: Some(kind.to_owned()),
        logical_resource_id: Some(record.logical_id.clone()),
        physical_resource_id: record.physical_id.clone(),
        resource_type: Some(record.kind.clone()),
        timestamp: Some(record.at),
        resource_status: Some(record.status.clone()),
        resource_status_reason: record.reason.clone(),
        client_request_token: record.token.clone(),
        ..api::OperationEvent::default()
    }
}

fn physical_id(record: &ResourceRecord) -> Option<String> {
    record.physical.as_ref().map(|physical| physical.id.clone())
}

fn drift_status(drift: Option<&DriftRecord>) -> String {
    drift.map_or("NOT_CHECKED", |drift| drift.status.as_str()).to_owned()
}

/// What a check of a resource found.
pub(crate) fn drift(stack: &StackRecord, record: &DriftRecord) -> api::StackResourceDrift {
    let differences = record.differences.iter().map(|difference| api::PropertyDifference {
        property_path: difference.path.clone(),
        expected_value: difference.expected.clone(),
        actual_value: difference.actual.clone(),
        difference_type: difference.kind.clone(),
    });
    api::StackResourceDrift {
        stack_id: stack.id.clone(),
        logical_resource_id: record.logical_id.clone(),
        physical_resource_id: Some(record.physical_id.clone()),
        resource_type: record.kind.clone(),
        expected_properties: record.expected.clone(),
        actual_properties: record.actual.clone(),
        property_differences: Some(differences.collect()),
        stack_resource_drift_status: record.status.clone(),
        timestamp: record.checked_at,
        drift_status_reason: record.reason.clone(),
        ..api::StackResourceDrift::default()
    }
}

pub(crate) fn resource(
    stack: &StackRecord,
    record: &ResourceRecord,
    drift: Option<&DriftRecord>,
) -> api::StackResource {
    api::StackResource {
        stack_name: Some(stack.name.clone()),
        stack_id: Some(stack.id.clone()),
        logical_resource_id: record.logical_id.clone(),
        physical_resource_id: physical_id(record),
        resource_type: record.kind.clone(),
        timestamp: record.updated_at,
        resource_status: record.status.clone(),
        resource_status_reason: record.reason.clone(),
        drift_information: Some(api::StackResourceDriftInformation {
            stack_resource_drift_status: drift_status(drift),
            last_check_timestamp: drift.map(|drift| drift.checked_at),
        }),
        ..api::StackResource::default()
    }
}

pub(crate) fn resource_detail(
    stack: &StackRecord,
    record: &ResourceRecord,
    (metadata, drift): (Option<String>, Option<&DriftRecord>),
) -> api::StackResourceDetail {
    api::StackResourceDetail {
        stack_name: Some(stack.name.clone()),
        stack_id: Some(stack.id.clone()),
        logical_resource_id: record.logical_id.clone(),
        physical_resource_id: physical_id(record),
        resource_type: record.kind.clone(),
        last_updated_timestamp: record.updated_at,
        resource_status: record.status.clone(),
        resource_status_reason: record.reason.clone(),
        metadata,
        drift_information: Some(api::StackResourceDriftInformation {
            stack_resource_drift_status: drift_status(drift),
            last_check_timestamp: drift.map(|drift| drift.checked_at),
        }),
        ..api::StackResourceDetail::default()
    }
}

pub(crate) fn resource_summary(
    record: &ResourceRecord,
    drift: Option<&DriftRecord>,
) -> api::StackResourceSummary {
    api::StackResourceSummary {
        logical_resource_id: record.logical_id.clone(),
        physical_resource_id: physical_id(record),
        resource_type: record.kind.clone(),
        last_updated_timestamp: record.updated_at,
        resource_status: record.status.clone(),
        resource_status_reason: record.reason.clone(),
        drift_information: Some(api::StackResourceDriftInformationSummary {
            stack_resource_drift_status: drift_status(drift),
            last_check_timestamp: drift.map(|drift| drift.checked_at),
        }),
        module_info: None,
    }
}

/// Why something differs.
pub(crate) fn detail(detail: &DetailRecord) -> api::ResourceChangeDetail {
    api::ResourceChangeDetail {
        target: Some(api::ResourceTargetDefinition {
            attribute: Some(detail.attribute.clone()),
            name: detail.name.clone(),
            requires_recreation: Some(detail.recreation.clone()),
            ..api::ResourceTargetDefinition::default()
        }),
        evaluation: Some(detail.evaluation.clone()),
        change_source: Some(detail.source.clone()),
        causing_entity: detail.causing.clone(),
    }
}

pub(crate) fn change(record: &ChangeRecord) -> api::Change {
    let details = record.details.iter().map(detail);
    let mut scope: Vec<String> = record.details.iter().map(|detail| detail.attribute.clone()).collect();
    scope.sort();
    scope.dedup();
    api::Change {
        r#type: Some("Resource".to_owned()),
        hook_invocation_count: None,
        resource_change: Some(api::ResourceChange {
            policy_action: record.policy_action.clone(),
            action: Some(record.action.clone()),
            logical_resource_id: Some(record.logical_id.clone()),
            physical_resource_id: record.physical_id.clone(),
            resource_type: Some(record.kind.clone()),
            replacement: record.replacement.clone(),
            scope: Some(scope),
            details: Some(details.collect()),
            change_set_id: record.change_set_id.clone(),
            ..api::ResourceChange::default()
        }),
    }
}

/// Whether a change set can be executed: one that was made for what the stack is no more is obsolete.
pub(crate) fn execution_status(stack: &StackRecord, set: &ChangeSetRecord) -> String {
    let is_obsolete = set.execution_status == "AVAILABLE" && set.stack_operations != stack.operations;
    if is_obsolete { "OBSOLETE" } else { set.execution_status.as_str() }.to_owned()
}

pub(crate) fn change_set_summary(stack: &StackRecord, set: &ChangeSetRecord) -> api::ChangeSetSummary {
    api::ChangeSetSummary {
        stack_id: Some(stack.id.clone()),
        stack_name: Some(stack.name.clone()),
        change_set_id: Some(set.id.clone()),
        change_set_name: Some(set.name.clone()),
        execution_status: Some(execution_status(stack, set)),
        status: Some(set.status.clone()),
        status_reason: set.reason.clone(),
        creation_time: Some(set.created_at),
        description: set.description.clone(),
        include_nested_stacks: Some(set.include_nested_stacks),
        parent_change_set_id: set.around.as_ref().map(|around| around.parent_id.clone()),
        root_change_set_id: set.around.as_ref().map(|around| around.root_id.clone()),
        ..api::ChangeSetSummary::default()
    }
}
