//! How each type's resource is told from others' after the power went while it was being made.
//!
//! One list of all types, which a test holds: a type that is not in it could be made twice, or stay for ever.

/// What tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Tags of its own, or of what was made with it, that only the platform writes.
    Marks,
    /// The id that was planned for it, which nobody else's has.
    Planned,
    /// A receipt, which this operation of a service leaves in the transaction that makes it.
    Receipt(&'static str, &'static str),
    /// The stack that it says it is in.
    Parent,
    /// Nothing has to: making it once more changes nothing, and nothing of it stays.
    Nothing,
}

/// How a type's resource is found again.
pub(crate) fn again(kind: &str) -> Again {
    let listed = ALL.iter().find(|(name, _)| *name == kind);
    // All that is not listed is custom: its function is told the same request once more.
    listed.map_or(Nothing, |(_, again)| *again)
}

use Again::{Marks, Nothing, Parent, Planned, Receipt};

const ALL: [(&str, Again); 57] = [
    ("AWS::AccessAnalyzer::Analyzer", Marks),
    ("AWS::AccessAnalyzer::ArchiveRule", Receipt("accessanalyzer", "CreateArchiveRule")),
    ("AWS::ApiGateway::Account", Nothing),
    ("AWS::ApiGateway::ApiKey", Marks),
    ("AWS::ApiGateway::Authorizer", Receipt("apigateway", "CreateAuthorizer")),
    ("AWS::ApiGateway::Deployment", Receipt("apigateway", "CreateDeployment")),
    ("AWS::ApiGateway::GatewayResponse", Receipt("apigateway", "PutGatewayResponse")),
    ("AWS::ApiGateway::Method", Receipt("apigateway", "PutMethod")),
    ("AWS::ApiGateway::Model", Receipt("apigateway", "CreateModel")),
    ("AWS::ApiGateway::RequestValidator", Receipt("apigateway", "CreateRequestValidator")),
    ("AWS::ApiGateway::Resource", Receipt("apigateway", "CreateResource")),
    ("AWS::ApiGateway::RestApi", Marks),
    ("AWS::ApiGateway::Stage", Marks),
    ("AWS::ApiGateway::UsagePlan", Marks),
    ("AWS::ApiGateway::UsagePlanKey", Receipt("apigateway", "CreateUsagePlanKey")),
    ("AWS::CDK::Metadata", Nothing),
    ("AWS::CloudFormation::CustomResource", Nothing),
    ("AWS::CloudFormation::Stack", Parent),
    ("AWS::CloudFormation::WaitCondition", Nothing),
    ("AWS::CloudFormation::WaitConditionHandle", Nothing),
    ("AWS::DynamoDB::Backup", Receipt("dynamodb", "CreateBackup")),
    ("AWS::DynamoDB::GlobalTable", Marks),
    ("AWS::DynamoDB::Table", Marks),
    ("AWS::IAM::AccessKey", Receipt("iam", "CreateAccessKey")),
    ("AWS::IAM::Group", Receipt("iam", "CreateGroup")),
    ("AWS::IAM::GroupPolicy", Receipt("iam", "PutGroupPolicy")),
    ("AWS::IAM::InstanceProfile", Marks),
    ("AWS::IAM::ManagedPolicy", Marks),
    ("AWS::IAM::OIDCProvider", Marks),
    // Whichever of the three has its turn leaves one.
    ("AWS::IAM::Policy", Receipt("iam", "PutRolePolicy")),
    ("AWS::IAM::Role", Marks),
    ("AWS::IAM::RolePolicy", Receipt("iam", "PutRolePolicy")),
    ("AWS::IAM::ServerCertificate", Marks),
    ("AWS::IAM::ServiceLinkedRole", Marks),
    ("AWS::IAM::User", Marks),
    ("AWS::IAM::UserPolicy", Receipt("iam", "PutUserPolicy")),
    ("AWS::IAM::UserToGroupAddition", Receipt("iam", "AddUserToGroup")),
    ("AWS::IAM::VirtualMFADevice", Marks),
    ("AWS::Lambda::Alias", Receipt("lambda", "CreateAlias")),
    ("AWS::Lambda::CodeSigningConfig", Marks),
    ("AWS::Lambda::EventInvokeConfig", Receipt("lambda", "PutFunctionEventInvokeConfig")),
    ("AWS::Lambda::EventSourceMapping", Marks),
    ("AWS::Lambda::Function", Marks),
    ("AWS::Lambda::LayerVersion", Receipt("lambda", "PublishLayerVersion")),
    ("AWS::Lambda::LayerVersionPermission", Planned),
    ("AWS::Lambda::Permission", Planned),
    ("AWS::Lambda::Url", Receipt("lambda", "CreateFunctionUrlConfig")),
    ("AWS::Lambda::Version", Receipt("lambda", "PublishVersion")),
    ("AWS::Logs::LogGroup", Marks),
    ("AWS::Logs::LogStream", Receipt("logs", "CreateLogStream")),
    ("AWS::Organizations::Account", Marks),
    ("AWS::Organizations::Organization", Marks),
    ("AWS::Organizations::OrganizationalUnit", Marks),
    ("AWS::Organizations::Policy", Marks),
    ("AWS::S3::Bucket", Marks),
    ("AWS::S3::BucketPolicy", Receipt("s3", "PutBucketPolicy")),
    ("AWS::SSM::Parameter", Marks),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::providers::{Provider, all};

    #[test]
    fn of_every_type_it_is_said_how_it_is_found_again() {
        let listed: Vec<&str> = ALL.iter().map(|(kind, _)| *kind).collect();
        assert!(listed.is_sorted(), "in the order of their names");
        let listed: BTreeSet<&str> = listed.into_iter().collect();
        let there: BTreeSet<&str> = all().map(Provider::kind).collect();
        assert_eq!(listed, there);
        assert_eq!(ALL.len(), there.len());
    }

    #[test]
    fn what_is_said_is_what_is_done() {
        for provider in all() {
            let (kind, owns) = (provider.kind(), provider.owns_planned());
            match again(kind) {
                Planned => assert!(owns, "{kind}"),
                Receipt(service, operation) => {
                    let model = protocol::model(service).and_then(|model| model.operation(operation));
                    assert!(model.is_some(), "{kind}: {service}:{operation}");
                }
                Nothing => assert!(!owns, "{kind}"),
                Marks | Parent => {}
            }
        }
    }
}
