//! The operations that this service does not offer, each group with its reason.
//!
//! Together with the operation table they are the whole model: the compliance test sees that nothing is left out.

use service::ServiceBuilder;

/// What is not offered, and why.
const DECLINED: &[(&str, &[&str])] = &[
    (
        "customer keys come with the key service; everything is sealed under the platform key until then",
        &["AssociateKmsKey", "DisassociateKmsKey"],
    ),
    (
        "the query language over logs is not offered yet",
        &[
            "AssociateSourceToS3TableIntegration",
            "CreateLookupTable",
            "CreateScheduledQuery",
            "DeleteIndexPolicy",
            "DeleteIntegration",
            "DeleteLookupTable",
            "DeleteQueryDefinition",
            "DeleteScheduledQuery",
            "DescribeFieldIndexes",
            "DescribeIndexPolicies",
            "DescribeLookupTables",
            "DescribeQueries",
            "DescribeQueryDefinitions",
            "DisassociateSourceFromS3TableIntegration",
            "GetIntegration",
            "GetLogFields",
            "GetLogGroupFields",
            "GetLogObject",
            "GetLogRecord",
            "GetLookupTable",
            "GetQueryResults",
            "GetScheduledQuery",
            "GetScheduledQueryHistory",
            "ListAggregateLogGroupSummaries",
            "ListIntegrations",
            "ListLogGroupsForQuery",
            "ListScheduledQueries",
            "ListSourcesForS3TableIntegration",
            "PutIndexPolicy",
            "PutIntegration",
            "PutQueryDefinition",
            "StartLiveTail",
            "StartQuery",
            "StopQuery",
            "UpdateLookupTable",
            "UpdateScheduledQuery",
        ],
    ),
    (
        "there is nothing yet to deliver logs to: streams and buckets come with their services",
        &[
            "CancelExportTask",
            "CancelImportTask",
            "CreateDelivery",
            "CreateExportTask",
            "CreateImportTask",
            "DeleteDelivery",
            "DeleteDeliveryDestination",
            "DeleteDeliveryDestinationPolicy",
            "DeleteDeliverySource",
            "DeleteDestination",
            "DeleteSubscriptionFilter",
            "DescribeConfigurationTemplates",
            "DescribeDeliveries",
            "DescribeDeliveryDestinations",
            "DescribeDeliverySources",
            "DescribeDestinations",
            "DescribeExportTasks",
            "DescribeImportTaskBatches",
            "DescribeImportTasks",
            "DescribeSubscriptionFilters",
            "GetDelivery",
            "GetDeliveryDestination",
            "GetDeliveryDestinationPolicy",
            "GetDeliverySource",
            "PutDeliveryDestination",
            "PutDeliveryDestinationPolicy",
            "PutDeliverySource",
            "PutDestination",
            "PutDestinationPolicy",
            "PutSubscriptionFilter",
            "UpdateDeliveryConfiguration",
        ],
    ),
    (
        "anomaly detection is not offered",
        &[
            "CreateLogAnomalyDetector",
            "DeleteLogAnomalyDetector",
            "GetLogAnomalyDetector",
            "ListAnomalies",
            "ListLogAnomalyDetectors",
            "UpdateAnomaly",
            "UpdateLogAnomalyDetector",
        ],
    ),
    (
        "data protection and account policies are not offered yet",
        &[
            "DeleteAccountPolicy",
            "DeleteDataProtectionPolicy",
            "DescribeAccountPolicies",
            "GetDataProtectionPolicy",
            "PutAccountPolicy",
            "PutDataProtectionPolicy",
        ],
    ),
    (
        "metrics come with their own service",
        &["DeleteMetricFilter", "DescribeMetricFilters", "PutMetricFilter", "TestMetricFilter"],
    ),
    (
        "resource policies on log groups are not offered yet",
        &[
            "DeleteResourcePolicy",
            "DescribeResourcePolicies",
            "PutBearerTokenAuthentication",
            "PutResourcePolicy",
        ],
    ),
    (
        "log transformers are not offered",
        &["DeleteTransformer", "GetTransformer", "PutTransformer", "TestTransformer"],
    ),
];

/// Declines them.
pub(crate) fn decline<S: Send + Sync + 'static>(builder: ServiceBuilder<S>) -> ServiceBuilder<S> {
    DECLINED.iter().fold(builder, |builder, (reason, operations)| builder.declined(reason, operations))
}
