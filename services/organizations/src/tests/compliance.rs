//! What every service must do.

use serde_json::{Value, json};
use service::testkit::compliance::Subject;

use super::kit;

fn samples() -> Vec<(&'static str, Value)> {
    let (unit, account, policy) = ("ou-ab12-12345678", "210987654321", "p-12345678");
    let service = "sso.amazonaws.com";
    vec![
        ("CreateOrganization", json!({"FeatureSet": "ALL"})),
        ("DescribeOrganization", json!({})),
        ("DeleteOrganization", json!({})),
        ("LeaveOrganization", json!({})),
        ("ListRoots", json!({})),
        ("EnablePolicyType", json!({"RootId": "r-ab12", "PolicyType": "SERVICE_CONTROL_POLICY"})),
        ("DisablePolicyType", json!({"RootId": "r-ab12", "PolicyType": "SERVICE_CONTROL_POLICY"})),
        ("CreateOrganizationalUnit", json!({"ParentId": "r-ab12", "Name": "dev"})),
        ("DescribeOrganizationalUnit", json!({"OrganizationalUnitId": unit})),
        ("UpdateOrganizationalUnit", json!({"OrganizationalUnitId": unit, "Name": "x"})),
        ("DeleteOrganizationalUnit", json!({"OrganizationalUnitId": unit})),
        ("ListOrganizationalUnitsForParent", json!({"ParentId": "r-ab12"})),
        ("ListChildren", json!({"ParentId": "r-ab12", "ChildType": "ACCOUNT"})),
        ("ListParents", json!({"ChildId": account})),
        ("CreateAccount", json!({"AccountName": "hushed-account", "Email": "hush@example.com"})),
        ("DescribeCreateAccountStatus", json!({"CreateAccountRequestId": "car-12345678"})),
        ("ListCreateAccountStatus", json!({})),
        ("DescribeAccount", json!({"AccountId": account})),
        ("ListAccounts", json!({})),
        ("ListAccountsForParent", json!({"ParentId": "r-ab12"})),
        (
            "MoveAccount",
            json!({"AccountId": account, "SourceParentId": "r-ab12", "DestinationParentId": unit}),
        ),
        ("CloseAccount", json!({"AccountId": account})),
        ("RemoveAccountFromOrganization", json!({"AccountId": account})),
        (
            "CreatePolicy",
            json!({"Name": "n", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": "{}"}),
        ),
        ("DescribePolicy", json!({"PolicyId": policy})),
        ("UpdatePolicy", json!({"PolicyId": policy, "Name": "m"})),
        ("DeletePolicy", json!({"PolicyId": policy})),
        ("ListPolicies", json!({"Filter": "SERVICE_CONTROL_POLICY"})),
        ("AttachPolicy", json!({"PolicyId": policy, "TargetId": unit})),
        ("DetachPolicy", json!({"PolicyId": policy, "TargetId": unit})),
        ("ListPoliciesForTarget", json!({"TargetId": unit, "Filter": "SERVICE_CONTROL_POLICY"})),
        ("ListTargetsForPolicy", json!({"PolicyId": policy})),
        ("TagResource", json!({"ResourceId": unit, "Tags": [{"Key": "k", "Value": "v"}]})),
        ("UntagResource", json!({"ResourceId": unit, "TagKeys": ["k"]})),
        ("ListTagsForResource", json!({"ResourceId": unit})),
        ("EnableAWSServiceAccess", json!({"ServicePrincipal": service})),
        ("DisableAWSServiceAccess", json!({"ServicePrincipal": service})),
        ("ListAWSServiceAccessForOrganization", json!({})),
        ("RegisterDelegatedAdministrator", json!({"AccountId": account, "ServicePrincipal": service})),
        ("DeregisterDelegatedAdministrator", json!({"AccountId": account, "ServicePrincipal": service})),
        ("ListDelegatedAdministrators", json!({})),
        ("ListDelegatedServicesForAccount", json!({"AccountId": account})),
    ]
}

service::service_compliance!(
    kit().await,
    Subject {
        service: "organizations",
        samples: &samples(),
        open: &[],
        secrets: &["hushed-account", "hush@example.com"]
    }
);
