//! The operations that this service does not offer, each group with its reason.
//!
//! Together with the operation table they are the whole model: the compliance test sees that nothing is left out.

use service::ServiceBuilder;

/// What is not offered, and why.
const DECLINED: &[(&str, &[&str])] = &[
    (
        "stacks are made one at a time, each in its own account",
        &[
            "ActivateOrganizationsAccess",
            "CreateStackInstances",
            "CreateStackSet",
            "DeactivateOrganizationsAccess",
            "DeleteStackInstances",
            "DeleteStackSet",
            "DescribeOrganizationsAccess",
            "DescribeStackInstance",
            "DescribeStackSet",
            "DescribeStackSetOperation",
            "DetectStackSetDrift",
            "ImportStacksToStackSet",
            "ListStackInstanceResourceDrifts",
            "ListStackInstances",
            "ListStackSetAutoDeploymentTargets",
            "ListStackSetOperationResults",
            "ListStackSetOperations",
            "ListStackSets",
            "StopStackSetOperation",
            "UpdateStackInstances",
            "UpdateStackSet",
        ],
    ),
    (
        "the registry of third-party types and hooks is not offered",
        &[
            "ActivateType",
            "BatchDescribeTypeConfigurations",
            "DeactivateType",
            "DeregisterType",
            "DescribeChangeSetHooks",
            "DescribePublisher",
            "DescribeType",
            "DescribeTypeRegistration",
            "GetHookResult",
            "ListHookResults",
            "ListTypeRegistrations",
            "ListTypeVersions",
            "ListTypes",
            "PublishType",
            "RecordHandlerProgress",
            "RegisterPublisher",
            "RegisterType",
            "SetTypeConfiguration",
            "SetTypeDefaultVersion",
            "TestType",
        ],
    ),
    (
        "templates are not generated from what exists",
        &[
            "CreateGeneratedTemplate",
            "DeleteGeneratedTemplate",
            "DescribeGeneratedTemplate",
            "DescribeResourceScan",
            "GetGeneratedTemplate",
            "ListGeneratedTemplates",
            "ListResourceScanRelatedResources",
            "ListResourceScanResources",
            "ListResourceScans",
            "StartResourceScan",
            "UpdateGeneratedTemplate",
        ],
    ),
    (
        "stack refactoring is not offered",
        &[
            "CreateStackRefactor",
            "DescribeStackRefactor",
            "ExecuteStackRefactor",
            "ListStackRefactorActions",
            "ListStackRefactors",
        ],
    ),
    ("nothing here has a price", &["EstimateTemplateCost"]),
];

/// Declines them.
pub(crate) fn decline<S: Send + Sync + 'static>(builder: ServiceBuilder<S>) -> ServiceBuilder<S> {
    DECLINED.iter().fold(builder, |builder, (reason, operations)| builder.declined(reason, operations))
}
