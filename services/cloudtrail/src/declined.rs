//! The operations that this service does not offer, each group with its reason.
//!
//! Together with the operation table they are the whole model: the compliance test sees that nothing is left out.

use service::ServiceBuilder;

/// What is not offered, and why.
const DECLINED: &[(&str, &[&str])] = &[
    (
        "the trail is always on and kept by the platform; trails to buckets come with their service",
        &[
            "AddTags",
            "CreateTrail",
            "DeleteTrail",
            "DeregisterOrganizationDelegatedAdmin",
            "DescribeTrails",
            "GetEventSelectors",
            "GetTrail",
            "GetTrailStatus",
            "ListPublicKeys",
            "ListTags",
            "ListTrails",
            "PutEventSelectors",
            "RegisterOrganizationDelegatedAdmin",
            "RemoveTags",
            "StartLogging",
            "StopLogging",
            "UpdateTrail",
        ],
    ),
    (
        "event data stores (CloudTrail Lake) are not offered; LookupEvents answers from the whole trail",
        &[
            "CancelQuery",
            "CreateChannel",
            "CreateDashboard",
            "CreateEventDataStore",
            "DeleteChannel",
            "DeleteDashboard",
            "DeleteEventDataStore",
            "DeleteResourcePolicy",
            "DescribeQuery",
            "DisableFederation",
            "EnableFederation",
            "GenerateQuery",
            "GetChannel",
            "GetDashboard",
            "GetEventConfiguration",
            "GetEventDataStore",
            "GetImport",
            "GetQueryResults",
            "GetResourcePolicy",
            "ListChannels",
            "ListDashboards",
            "ListEventDataStores",
            "ListImportFailures",
            "ListImports",
            "ListInsightsData",
            "ListInsightsMetricData",
            "ListQueries",
            "PutEventConfiguration",
            "PutResourcePolicy",
            "RestoreEventDataStore",
            "SearchSampleQueries",
            "StartDashboardRefresh",
            "StartEventDataStoreIngestion",
            "StartImport",
            "StartQuery",
            "StopEventDataStoreIngestion",
            "StopImport",
            "UpdateChannel",
            "UpdateDashboard",
            "UpdateEventDataStore",
        ],
    ),
    ("insights are not offered", &["GetInsightSelectors", "PutInsightSelectors"]),
];

/// Declines them.
pub(crate) fn decline<S: Send + Sync + 'static>(builder: ServiceBuilder<S>) -> ServiceBuilder<S> {
    DECLINED.iter().fold(builder, |builder, (reason, operations)| builder.declined(reason, operations))
}
