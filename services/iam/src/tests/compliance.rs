//! What every service must do, for every operation.

use serde_json::{Value, json};
use service::testkit::compliance::Subject;

use super::{LAMBDA_TRUST, READ, kit};

const POLICY: &str = "arn:aws:iam::123456789012:policy/p";

#[allow(clippy::too_many_lines, reason = "one line an operation")]
fn samples() -> Vec<(&'static str, Value)> {
    let user = json!({"UserName": "u"});
    let group = json!({"GroupName": "g"});
    let role = json!({"RoleName": "r"});
    let policy = json!({"PolicyArn": POLICY});
    let with = |base: &Value, more: Value| {
        let mut all = base.clone();
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    let attach = json!({"PolicyArn": POLICY});
    let inline = json!({"PolicyName": "i"});
    let put = json!({"PolicyName": "i", "PolicyDocument": READ});
    let tags = json!({"Tags": [{"Key": "k", "Value": "v"}]});
    let untag = json!({"TagKeys": ["k"]});
    let version = json!({"VersionId": "v1"});
    let key = json!({"AccessKeyId": "AKIAQNZGKIQY56JQ7WML"});
    let device = json!({"SerialNumber": "arn:aws:iam::123456789012:mfa/d"});
    let codes = json!({"AuthenticationCode1": "918273", "AuthenticationCode2": "918274"});
    let job = json!({"JobId": "01234567-89ab-cdef-0123-456789abcdef"});
    let profile = json!({"InstanceProfileName": "i"});
    let provider = json!({"OpenIDConnectProviderArn": "arn:aws:iam::123456789012:oidc-provider/idp.example"});
    let certificate = json!({"ServerCertificateName": "c"});
    let source = json!({"PolicySourceArn": "arn:aws:iam::123456789012:user/u"});
    vec![
        ("CreateUser", user.clone()),
        ("GetUser", user.clone()),
        ("UpdateUser", with(&user, json!({"NewPath": "/x/"}))),
        ("ListUsers", json!({})),
        ("TagUser", with(&user, tags.clone())),
        ("UntagUser", with(&user, untag.clone())),
        ("ListUserTags", user.clone()),
        ("CreateGroup", group.clone()),
        ("GetGroup", group.clone()),
        ("UpdateGroup", with(&group, json!({"NewPath": "/x/"}))),
        ("ListGroups", json!({})),
        ("AddUserToGroup", with(&group, user.clone())),
        ("ListGroupsForUser", user.clone()),
        ("RemoveUserFromGroup", with(&group, user.clone())),
        ("CreateRole", with(&role, json!({"AssumeRolePolicyDocument": LAMBDA_TRUST}))),
        ("GetRole", role.clone()),
        ("UpdateRole", with(&role, json!({"Description": "d"}))),
        ("UpdateRoleDescription", with(&role, json!({"Description": "d"}))),
        ("UpdateAssumeRolePolicy", with(&role, json!({"PolicyDocument": LAMBDA_TRUST}))),
        ("ListRoles", json!({})),
        ("TagRole", with(&role, tags.clone())),
        ("UntagRole", with(&role, untag.clone())),
        ("ListRoleTags", role.clone()),
        ("CreatePolicy", json!({"PolicyName": "p", "PolicyDocument": READ})),
        ("GetPolicy", policy.clone()),
        ("ListPolicies", json!({})),
        ("CreatePolicyVersion", with(&policy, json!({"PolicyDocument": READ}))),
        ("GetPolicyVersion", with(&policy, version.clone())),
        ("ListPolicyVersions", policy.clone()),
        ("SetDefaultPolicyVersion", with(&policy, version.clone())),
        ("DeletePolicyVersion", with(&policy, json!({"VersionId": "v2"}))),
        ("TagPolicy", with(&policy, tags.clone())),
        ("UntagPolicy", with(&policy, untag.clone())),
        ("ListPolicyTags", policy.clone()),
        ("PutUserPolicy", with(&user, put.clone())),
        ("GetUserPolicy", with(&user, inline.clone())),
        ("ListUserPolicies", user.clone()),
        ("DeleteUserPolicy", with(&user, inline.clone())),
        ("PutGroupPolicy", with(&group, put.clone())),
        ("GetGroupPolicy", with(&group, inline.clone())),
        ("ListGroupPolicies", group.clone()),
        ("DeleteGroupPolicy", with(&group, inline.clone())),
        ("PutRolePolicy", with(&role, put)),
        ("GetRolePolicy", with(&role, inline.clone())),
        ("ListRolePolicies", role.clone()),
        ("DeleteRolePolicy", with(&role, inline)),
        ("AttachUserPolicy", with(&user, attach.clone())),
        ("ListAttachedUserPolicies", user.clone()),
        ("ListEntitiesForPolicy", policy.clone()),
        ("DetachUserPolicy", with(&user, attach.clone())),
        ("AttachGroupPolicy", with(&group, attach.clone())),
        ("ListAttachedGroupPolicies", group.clone()),
        ("DetachGroupPolicy", with(&group, attach.clone())),
        ("AttachRolePolicy", with(&role, attach.clone())),
        ("ListAttachedRolePolicies", role.clone()),
        ("DetachRolePolicy", with(&role, attach)),
        ("PutUserPermissionsBoundary", with(&user, json!({"PermissionsBoundary": POLICY}))),
        ("DeleteUserPermissionsBoundary", user.clone()),
        ("PutRolePermissionsBoundary", with(&role, json!({"PermissionsBoundary": POLICY}))),
        ("DeleteRolePermissionsBoundary", role.clone()),
        ("CreateOpenIDConnectProvider", json!({"Url": "https://idp.example"})),
        ("GetOpenIDConnectProvider", provider.clone()),
        ("ListOpenIDConnectProviders", json!({})),
        ("AddClientIDToOpenIDConnectProvider", with(&provider, json!({"ClientID": "c"}))),
        ("RemoveClientIDFromOpenIDConnectProvider", with(&provider, json!({"ClientID": "c"}))),
        (
            "UpdateOpenIDConnectProviderThumbprint",
            with(&provider, json!({"ThumbprintList": ["0123456789012345678901234567890123456789"]})),
        ),
        ("TagOpenIDConnectProvider", with(&provider, tags.clone())),
        ("UntagOpenIDConnectProvider", with(&provider, untag.clone())),
        ("ListOpenIDConnectProviderTags", provider.clone()),
        ("DeleteOpenIDConnectProvider", provider),
        (
            "UploadServerCertificate",
            with(&certificate, json!({"CertificateBody": "x", "PrivateKey": "not-a-private-key"})),
        ),
        ("GetServerCertificate", certificate.clone()),
        ("ListServerCertificates", json!({})),
        ("UpdateServerCertificate", with(&certificate, json!({"NewPath": "/x/"}))),
        ("TagServerCertificate", with(&certificate, tags.clone())),
        ("UntagServerCertificate", with(&certificate, untag.clone())),
        ("ListServerCertificateTags", certificate.clone()),
        ("DeleteServerCertificate", certificate),
        ("CreateServiceLinkedRole", json!({"AWSServiceName": "ecs.amazonaws.com"})),
        ("DeleteServiceLinkedRole", json!({"RoleName": "AWSServiceRoleForECS"})),
        (
            "GetServiceLinkedRoleDeletionStatus",
            json!({"DeletionTaskId": "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/1"}),
        ),
        ("CreateAccessKey", user.clone()),
        ("UpdateAccessKey", with(&key, json!({"Status": "Inactive", "UserName": "u"}))),
        ("DeleteAccessKey", with(&key, user.clone())),
        ("ListAccessKeys", user.clone()),
        ("GetAccessKeyLastUsed", key),
        ("CreateAccountAlias", json!({"AccountAlias": "acme"})),
        ("ListAccountAliases", json!({})),
        ("DeleteAccountAlias", json!({"AccountAlias": "acme"})),
        ("GetAccountSummary", json!({})),
        ("GetAccountAuthorizationDetails", json!({})),
        ("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "d"})),
        ("EnableMFADevice", with(&user, with(&device, codes.clone()))),
        ("ResyncMFADevice", with(&user, with(&device, codes))),
        ("ListMFADevices", user.clone()),
        ("ListSSHPublicKeys", user.clone()),
        ("ListServiceSpecificCredentials", user.clone()),
        ("ListSigningCertificates", user.clone()),
        ("ListSAMLProviders", json!({})),
        ("ListVirtualMFADevices", json!({})),
        ("GetMFADevice", with(&device, user.clone())),
        ("TagMFADevice", with(&device, tags.clone())),
        ("UntagMFADevice", with(&device, untag.clone())),
        ("ListMFADeviceTags", device.clone()),
        ("DeactivateMFADevice", with(&device, user.clone())),
        ("DeleteVirtualMFADevice", device),
        ("CreateLoginProfile", with(&user, json!({"Password": "Secret-Pass-1"}))),
        ("GetLoginProfile", user.clone()),
        ("UpdateLoginProfile", with(&user, json!({"Password": "Secret-Pass-2"}))),
        ("DeleteLoginProfile", user.clone()),
        ("ChangePassword", json!({"OldPassword": "Secret-Pass-1", "NewPassword": "Secret-Pass-2"})),
        ("UpdateAccountPasswordPolicy", json!({"RequireSymbols": true})),
        ("GetAccountPasswordPolicy", json!({})),
        ("DeleteAccountPasswordPolicy", json!({})),
        ("CreateInstanceProfile", profile.clone()),
        ("GetInstanceProfile", profile.clone()),
        ("ListInstanceProfiles", json!({})),
        ("ListInstanceProfilesForRole", role.clone()),
        ("AddRoleToInstanceProfile", with(&profile, role.clone())),
        ("RemoveRoleFromInstanceProfile", with(&profile, role.clone())),
        ("TagInstanceProfile", with(&profile, tags.clone())),
        ("UntagInstanceProfile", with(&profile, untag.clone())),
        ("ListInstanceProfileTags", profile.clone()),
        ("DeleteInstanceProfile", profile),
        ("GenerateCredentialReport", json!({})),
        ("GetCredentialReport", json!({})),
        ("GenerateServiceLastAccessedDetails", json!({"Arn": "arn:aws:iam::123456789012:user/u"})),
        ("GetServiceLastAccessedDetails", job.clone()),
        ("GetServiceLastAccessedDetailsWithEntities", with(&job, json!({"ServiceNamespace": "iam"}))),
        (
            "ListPoliciesGrantingServiceAccess",
            json!({"Arn": "arn:aws:iam::123456789012:user/u", "ServiceNamespaces": ["iam"]}),
        ),
        ("SimulateCustomPolicy", json!({"PolicyInputList": [READ], "ActionNames": ["s3:GetObject"]})),
        ("SimulatePrincipalPolicy", with(&source, json!({"ActionNames": ["s3:GetObject"]}))),
        ("GetContextKeysForCustomPolicy", json!({"PolicyInputList": [READ]})),
        ("GetContextKeysForPrincipalPolicy", source),
        ("GenerateOrganizationsAccessReport", json!({"EntityPath": "o-abcdefghij/r-ab12"})),
        ("GetOrganizationsAccessReport", json!({"JobId": "01234567-89ab-cdef-0123-456789abcdef"})),
        ("EnableOutboundWebIdentityFederation", json!({})),
        ("GetOutboundWebIdentityFederationInfo", json!({})),
        ("DisableOutboundWebIdentityFederation", json!({})),
        ("SetSecurityTokenServicePreferences", json!({"GlobalEndpointTokenVersion": "v2Token"})),
        ("EnableOrganizationsRootCredentialsManagement", json!({})),
        ("EnableOrganizationsRootSessions", json!({})),
        ("ListOrganizationsFeatures", json!({})),
        ("DisableOrganizationsRootCredentialsManagement", json!({})),
        ("DisableOrganizationsRootSessions", json!({})),
        ("DeletePolicy", policy),
        ("DeleteRole", role),
        ("DeleteGroup", group),
        ("DeleteUser", user),
    ]
}

service::service_compliance!(
    kit().await,
    Subject {
        service: "iam",
        samples: &samples(),
        open: &[],
        secrets: &["Secret-Pass-1", "Secret-Pass-2", "918273", "918274", "not-a-private-key"]
    }
);
