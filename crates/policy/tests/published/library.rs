//! The user guide's library of example policies: each policy as its page has it, and what the page says that it does.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_examples.html>; the name of each test's page stands above it.

use super::*;

const OWN: &str = "arn:aws:iam::111111111111:user/ana";

fn ana() -> PrincipalView<'static> {
    user(OWN)
}

/// What a policy says of one request of ana's, alone or beside a policy that allows everything.
struct Example {
    policy: Value,
    beside: Vec<Value>,
}

impl Example {
    fn of(statements: Value) -> Self {
        Self { policy: document(statements), beside: Vec::new() }
    }

    /// For policies that only deny: "use this policy in combination with other policies that allow".
    fn denying(statements: Value) -> Self {
        Self { policy: document(statements), beside: vec![full_access()] }
    }

    fn lets(&self, action: &str, resource: &str, keys: &[(&'static str, &str)]) -> bool {
        let context = keys.iter().fold(Context::new(), |context, (key, value)| context.with(*key, *value));
        self.lets_in(action, resource, context)
    }

    fn lets_in(&self, action: &str, resource: &str, context: Context) -> bool {
        let identity = self.beside.iter().cloned().chain([self.policy.clone()]).collect();
        let scene = Scene { identity, context, ..Scene::default() };
        scene.ask(ana(), action, resource) == "allow"
    }
}

const INSTANCE: &str = "arn:aws:ec2:us-east-1:111111111111:instance/i-1";
const VOLUME: &str = "arn:aws:ec2:us-east-1:111111111111:volume/v-1";

/// `reference_policies_examples_aws-dates`, and `aws_mfa-dates` with the second factor.
#[test]
fn within_dates_and_with_a_second_factor() {
    let dates = json!({ "DateGreaterThan": { "aws:CurrentTime": "2020-04-01T00:00:00Z" },
        "DateLessThan": { "aws:CurrentTime": "2020-06-30T23:59:59Z" } });
    let example =
        Example::of(json!([{ "Effect": "Allow", "Action": "service-prefix:action-name", "Resource": "*",
        "Condition": dates.clone() }]));
    for (time, lets) in [
        ("2020-04-01T00:00:00Z", false),
        ("2020-04-01T00:00:01Z", true),
        ("2020-06-30T23:59:58Z", true),
        ("2020-06-30T23:59:59Z", false),
        ("2021-05-01T00:00:00Z", false),
    ] {
        let keys = [("aws:CurrentTime", time)];
        assert_eq!(example.lets("service-prefix:action-name", "*", &keys), lets, "{time}");
    }
    let mut with_mfa = dates;
    with_mfa["Bool"] = json!({ "aws:MultiFactorAuthPresent": true });
    let example = Example::of(json!({ "Effect": "Allow", "Resource": "*", "Condition": with_mfa,
        "Action": ["service-prefix-1:*", "service-prefix-2:action-name-a", "service-prefix-2:action-name-b"] }));
    let may = |action: &str, mfa: Option<&str>, time: &str| {
        let context =
            Context::new().with("aws:CurrentTime", time).with_all("aws:MultiFactorAuthPresent", mfa);
        example.lets_in(action, "*", context)
    };
    assert!(may("service-prefix-1:anything", Some("true"), "2020-05-01T00:00:00Z"));
    assert!(may("service-prefix-2:action-name-b", Some("true"), "2020-05-01T00:00:00Z"));
    assert!(!may("service-prefix-2:action-name-c", Some("true"), "2020-05-01T00:00:00Z"));
    assert!(!may("service-prefix-1:anything", Some("true"), "2020-07-01T00:00:00Z"));
    for mfa in [Some("false"), None] {
        assert!(!may("service-prefix-1:anything", mfa, "2020-05-01T00:00:00Z"), "{mfa:?}");
    }
}

/// `reference_policies_examples_aws_my-sec-creds-self-manage`; its neighbours for passwords, keys and devices alone are
/// statements of it.
#[test]
fn own_credentials_are_managed_with_a_second_factor() {
    let own = "arn:aws:iam::*:user/${aws:username}";
    let statement = |actions: Value, resource: &str| json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
    let example = Example::of(json!([
        statement(json!(["iam:GetAccountPasswordPolicy", "iam:GetAccountSummary", "iam:ListVirtualMFADevices"]), "*"),
        statement(json!(["iam:ChangePassword", "iam:GetUser"]), own),
        statement(json!(["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey"]), own),
        statement(json!(["iam:DeleteSSHPublicKey", "iam:GetSSHPublicKey", "iam:ListSSHPublicKeys",
            "iam:UpdateSSHPublicKey", "iam:UploadSSHPublicKey"]), own),
        statement(json!(["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"]), "arn:aws:iam::*:mfa/${aws:username}"),
        statement(json!(["iam:DeactivateMFADevice", "iam:EnableMFADevice", "iam:ListMFADevices", "iam:ResyncMFADevice"]), own),
        { "Sid": "DenyAllExceptListedIfNoMFA", "Effect": "Deny", "Resource": "*",
            "NotAction": ["iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices",
                "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken"],
            "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } } },
    ]));
    let device = "arn:aws:iam::111111111111:mfa/ana";
    let other = "arn:aws:iam::111111111111:user/bob";
    for (action, resource, with, without) in [
        ("iam:ChangePassword", OWN, true, false),
        ("iam:ChangePassword", other, false, false),
        ("iam:CreateAccessKey", OWN, true, false),
        ("iam:CreateAccessKey", other, false, false),
        ("iam:UploadSSHPublicKey", OWN, true, false),
        ("iam:GetAccountSummary", "*", true, false),
        // What is listed is neither denied nor allowed by the statement that denies.
        ("iam:GetUser", OWN, true, true),
        ("iam:ListVirtualMFADevices", "*", true, true),
        ("iam:CreateVirtualMFADevice", device, true, true),
        ("iam:CreateVirtualMFADevice", "arn:aws:iam::111111111111:mfa/bob", false, false),
        ("iam:DeleteVirtualMFADevice", device, true, false),
        ("iam:EnableMFADevice", OWN, true, true),
        ("iam:DeactivateMFADevice", OWN, true, false),
        ("sts:GetSessionToken", "*", false, false),
        ("s3:GetObject", "arn:aws:s3:::b/o", false, false),
    ] {
        let keys = |mfa: &'static str| [("aws:MultiFactorAuthPresent", mfa)];
        assert_eq!(example.lets(action, resource, &keys("true")), with, "{action} with a second factor");
        assert_eq!(example.lets(action, resource, &keys("false")), without, "{action} without");
        // "A user accessing an API with long-term credentials is denied access to the non-IAM API operations."
        assert_eq!(example.lets(action, resource, &[]), without, "{action} with a long-term key");
    }
}

/// `reference_policies_examples_aws_deny-ip`, `aws_deny-ip` for services in between, and `ec2_terminate-ip`.
#[test]
fn addresses_outside_a_range_are_denied() {
    let range = json!({ "NotIpAddress": { "aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"] } });
    let deny = |condition: Value| {
        Example::denying(json!({ "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition }))
    };
    let plain = deny(range.clone());
    let mut sparing = range.clone();
    sparing["Bool"] = json!({ "aws:ViaAWSService": "false" });
    let sparing = deny(sparing);
    for (address, via, passes, passes_sparing) in [
        (Some("192.0.2.7"), "false", true, true),
        (Some("198.51.100.7"), "false", false, false),
        (Some("198.51.100.7"), "true", false, true),
        // "It denies access to an AWS service that makes calls on your behalf": there, the address is not told.
        (None, "true", false, true),
    ] {
        let context = Context::new().with("aws:ViaAWSService", via).with_all("aws:SourceIp", address);
        assert_eq!(
            plain.lets_in("s3:GetObject", "arn:aws:s3:::b/o", context.clone()),
            passes,
            "{address:?} {via}"
        );
        assert_eq!(
            sparing.lets_in("s3:GetObject", "arn:aws:s3:::b/o", context),
            passes_sparing,
            "{address:?} {via}"
        );
    }
    let terminate = Example::of(json!([
        { "Effect": "Allow", "Action": ["ec2:TerminateInstances"], "Resource": ["*"] },
        { "Effect": "Deny", "Action": ["ec2:TerminateInstances"], "Condition": range, "Resource": ["*"] },
    ]));
    assert!(terminate.lets("ec2:TerminateInstances", INSTANCE, &[("aws:SourceIp", "203.0.113.255")]));
    assert!(!terminate.lets("ec2:TerminateInstances", INSTANCE, &[("aws:SourceIp", "203.0.114.0")]));
}

/// `reference_policies_examples_datapipeline_not-owned`
#[test]
fn pipelines_of_others_are_denied() {
    let example = Example::denying(json!([{ "Sid": "ExplicitDenyIfNotTheOwner", "Effect": "Deny",
        "Action": ["datapipeline:ActivatePipeline", "datapipeline:DeletePipeline"], "Resource": ["*"],
        "Condition": { "StringNotEquals": { "datapipeline:PipelineCreator": "${aws:userid}" } } }]));
    assert!(example.lets(
        "datapipeline:DeletePipeline",
        "*",
        &[("datapipeline:PipelineCreator", "AIDAEXAMPLE")]
    ));
    assert!(!example.lets(
        "datapipeline:DeletePipeline",
        "*",
        &[("datapipeline:PipelineCreator", "AIDAOTHER")]
    ));
    assert!(!example.lets("datapipeline:DeletePipeline", "*", &[]), "without a creator it is nobody's own");
    assert!(example.lets("datapipeline:DescribePipelines", "*", &[]));
}

/// `reference_policies_examples_dynamodb_specific-table`, `dynamodb_columns` and `dynamodb_rows`
#[test]
fn tables_columns_and_rows() {
    let table = "arn:aws:dynamodb:us-east-1:111111111111:table/MyTable";
    let example = Example::of(json!([
        { "Sid": "ListAndDescribe", "Effect": "Allow", "Resource": "*",
            "Action": ["dynamodb:List*", "dynamodb:DescribeReservedCapacity*", "dynamodb:DescribeLimits"] },
        { "Sid": "SpecificTable", "Effect": "Allow", "Resource": "arn:aws:dynamodb:*:*:table/MyTable",
            "Action": ["dynamodb:BatchGet*", "dynamodb:Get*", "dynamodb:Query", "dynamodb:PutItem"] },
    ]));
    assert!(example.lets("dynamodb:ListTables", "*", &[]) && example.lets("dynamodb:GetItem", table, &[]));
    assert!(!example.lets("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:111111111111:table/MyTable2", &[]));
    assert!(!example.lets("dynamodb:DeleteTable", table, &[]));
    let columns = Example::of(json!([{ "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
        "Resource": ["arn:aws:dynamodb:*:*:table/MyTable"],
        "Condition": { "ForAllValues:StringEquals": { "dynamodb:Attributes": ["column-1", "column-2", "column-3"] },
            "StringEqualsIfExists": { "dynamodb:Select": "SPECIFIC_ATTRIBUTES" } } }]));
    let asked = |names: &[&str], select: Option<&str>| {
        let context = Context::new()
            .with_all("dynamodb:Attributes", names.iter().copied())
            .with_all("dynamodb:Select", select);
        columns.lets_in("dynamodb:Query", table, context)
    };
    assert!(asked(&["column-1", "column-3"], Some("SPECIFIC_ATTRIBUTES")) && asked(&["column-2"], None));
    assert!(!asked(&["column-1", "secret"], Some("SPECIFIC_ATTRIBUTES")));
    assert!(!asked(&["column-1"], Some("ALL_ATTRIBUTES")), "no attributes that an index projects");
    let rows = Example::of(json!([{ "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
        "Resource": ["arn:aws:dynamodb:*:*:table/MyTable"],
        "Condition": { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["${cognito-identity.amazonaws.com:sub}"] } } }]));
    let asked = |sub: Option<&str>, keys: &[&str]| {
        let context = Context::new()
            .with_all("cognito-identity.amazonaws.com:sub", sub)
            .with_all("dynamodb:LeadingKeys", keys.iter().copied());
        rows.lets_in("dynamodb:GetItem", table, context)
    };
    assert!(asked(Some("me"), &["me"]));
    assert!(!asked(Some("me"), &["me", "you"]) && !asked(Some("me"), &["you"]) && !asked(None, &["me"]));
}

/// `reference_policies_examples_ec2_volumes-instance`, `ec2_ebs-owner`, `ec2_tag-owner`, `ec2-start-stop-tags` and
/// `ec2-start-stop-match-tags`
#[test]
fn machines_and_volumes_by_tag_and_by_instance() {
    let own = Example::of(json!([{ "Effect": "Allow", "Action": ["ec2:AttachVolume", "ec2:DetachVolume"],
        "Resource": ["arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:*:*:instance/*"],
        "Condition": { "ArnEquals": { "ec2:SourceInstanceARN": "arn:aws:ec2:*:*:instance/i-1" } } }]));
    assert!(own.lets("ec2:AttachVolume", VOLUME, &[("ec2:SourceInstanceARN", INSTANCE)]));
    let other = "arn:aws:ec2:us-east-1:111111111111:instance/i-12";
    assert!(!own.lets("ec2:AttachVolume", VOLUME, &[("ec2:SourceInstanceARN", other)]));
    assert!(!own.lets("ec2:AttachVolume", VOLUME, &[]));
    let tagged = |resource: &str, condition: Value| {
        json!({ "Effect": "Allow", "Action": ["ec2:AttachVolume", "ec2:DetachVolume"],
            "Resource": resource, "Condition": { "StringEquals": condition } })
    };
    let owner = Example::of(json!([
        tagged("arn:aws:ec2:*:*:instance/*", json!({ "aws:ResourceTag/Department": "Development" })),
        tagged("arn:aws:ec2:*:*:volume/*", json!({ "aws:ResourceTag/VolumeUser": "${aws:username}" })),
    ]));
    assert!(owner.lets("ec2:AttachVolume", INSTANCE, &[("aws:ResourceTag/Department", "Development")]));
    assert!(owner.lets("ec2:AttachVolume", VOLUME, &[("aws:ResourceTag/VolumeUser", "ana")]));
    assert!(!owner.lets("ec2:AttachVolume", VOLUME, &[("aws:ResourceTag/VolumeUser", "bob")]));
    assert!(!owner.lets("ec2:AttachVolume", VOLUME, &[("aws:ResourceTag/Department", "Development")]));
    let matching = Example::of(
        json!({ "Effect": "Allow", "Action": ["ec2:startInstances", "ec2:stopInstances"], "Resource": "*",
        "Condition": { "StringEquals": { "aws:ResourceTag/CostCenter": "${aws:PrincipalTag/CostCenter}" } } }),
    );
    let keys = |own: &'static str, its: &'static str| {
        [("aws:PrincipalTag/CostCenter", own), ("aws:ResourceTag/costcenter", its)]
    };
    assert!(matching.lets("ec2:StartInstances", INSTANCE, &keys("1", "1")), "names have no case");
    assert!(!matching.lets("ec2:StartInstances", INSTANCE, &keys("1", "2")));
    assert!(!matching.lets("ec2:StartInstances", INSTANCE, &keys("*", "2")), "nor is a value a pattern");
    assert!(!matching.lets("ec2:StartInstances", INSTANCE, &[]), "two that are missing are not the same");
    let tags = Example::of(
        json!([{ "Sid": "StartStopIfTags", "Effect": "Allow", "Resource": "arn:aws:ec2:*:*:instance/*",
        "Action": ["ec2:StartInstances", "ec2:StopInstances"],
        "Condition": { "StringEquals": { "aws:ResourceTag/Project": "DataAnalytics", "aws:PrincipalTag/Department": "Data" } } }]),
    );
    let both = [("aws:ResourceTag/Project", "DataAnalytics"), ("aws:PrincipalTag/Department", "Data")];
    assert!(tags.lets("ec2:StopInstances", INSTANCE, &both));
    assert!(
        !tags.lets("ec2:StopInstances", INSTANCE, &both[..1])
            && !tags.lets("ec2:StopInstances", INSTANCE, &both[1..])
    );
}

/// `reference_policies_examples_ec2_instances-subnet`, `ec2_region`, `ec2_instance-securitygroup` and `rds_region`
#[test]
fn subnets_regions_and_named_machines() {
    let subnet = Example::of(json!([
        { "Effect": "Allow", "Action": ["ec2:Describe*", "ec2:GetConsole*"], "Resource": "*" },
        { "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": ["arn:aws:ec2:*:*:subnet/subnet-1",
            "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*::image/ami-*"] },
    ]));
    for (resource, lets) in [
        ("arn:aws:ec2:us-east-1:111111111111:subnet/subnet-1", true),
        ("arn:aws:ec2:us-east-1:111111111111:subnet/subnet-2", false),
        ("arn:aws:ec2:us-east-1::image/ami-7", true),
        ("arn:aws:ec2:us-east-1:111111111111:image/ami-7", false),
        (INSTANCE, true),
    ] {
        assert_eq!(subnet.lets("ec2:RunInstances", resource, &[]), lets, "{resource}");
    }
    assert!(
        subnet.lets("ec2:DescribeInstances", "*", &[]) && !subnet.lets("ec2:StopInstances", INSTANCE, &[])
    );
    let region = Example::of(json!([{ "Effect": "Allow", "Action": "ec2:*", "Resource": "*",
        "Condition": { "StringEquals": { "ec2:Region": "us-east-2" } } }]));
    assert!(region.lets("ec2:RunInstances", INSTANCE, &[("ec2:Region", "us-east-2")]));
    assert!(!region.lets("ec2:RunInstances", INSTANCE, &[("ec2:Region", "us-east-1")]));
    assert!(!region.lets("s3:GetObject", "arn:aws:s3:::b/o", &[("ec2:Region", "us-east-2")]));
    let named = Example::of(json!([
        { "Action": ["ec2:DescribeInstances", "ec2:DescribeSecurityGroups"], "Resource": "*", "Effect": "Allow" },
        { "Action": ["ec2:AuthorizeSecurityGroupIngress", "ec2:StartInstances", "ec2:StopInstances"],
            "Resource": [INSTANCE, "arn:aws:ec2:*:*:security-group/sg-1"], "Effect": "Allow" },
    ]));
    assert!(named.lets("ec2:StartInstances", INSTANCE, &[]));
    assert!(!named.lets("ec2:StartInstances", "arn:aws:ec2:us-east-1:111111111111:instance/i-2", &[]));
    let databases = Example::of(json!([
        { "Effect": "Allow", "Action": "rds:*", "Resource": ["arn:aws:rds:us-east-2:*:*"] },
        { "Effect": "Allow", "Action": ["rds:Describe*"], "Resource": ["*"] },
    ]));
    assert!(databases.lets("rds:DeleteDBInstance", "arn:aws:rds:us-east-2:111111111111:db:x", &[]));
    assert!(!databases.lets("rds:DeleteDBInstance", "arn:aws:rds:us-east-1:111111111111:db:x", &[]));
    assert!(databases.lets("rds:DescribeDBInstances", "arn:aws:rds:us-east-1:111111111111:db:x", &[]));
}
