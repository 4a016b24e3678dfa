//! Every marker that a listing gives is one that it takes, whatever the names are.

use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{LAMBDA_TRUST, READ, done, kit};

/// The longest paths, policy names, and tag keys.
fn path(letter: char) -> String {
    format!("/{}/", letter.to_string().repeat(510))
}

fn long_name(last: usize) -> String {
    format!("{}{last}", "n".repeat(127))
}

/// As long as a device's serial number may be with such a path.
fn device(last: usize) -> Value {
    json!({"VirtualMFADeviceName": format!("m{last}"), "Path": format!("/{}/", "p".repeat(220))})
}

fn tags() -> Value {
    let key = |last: usize| format!("{}{last}", "語".repeat(127));
    json!([{"Key": key(1), "Value": "v"}, {"Key": key(2), "Value": "v"}, {"Key": key(3), "Value": "v"}])
}

/// Walks a listing one by one; answers how many items came.
async fn walked(kit: &TestKit, operation: &str, input: &Value, lists: &[&str]) -> usize {
    let (mut seen, mut input) = (0, input.clone());
    input["MaxItems"] = json!(1);
    loop {
        let page = done(kit, operation, input.clone()).await;
        seen += lists.iter().filter_map(|list| page[list].as_array()).map(Vec::len).sum::<usize>();
        if page["IsTruncated"] != true {
            return seen;
        }
        let marker = page["Marker"].as_str().unwrap();
        assert!(marker.len() <= 320, "{operation}: {marker}");
        input["Marker"] = json!(marker);
        assert!(seen < 200, "{operation} does not end");
    }
}

#[tokio::test]
async fn listings_of_long_names_are_walked_to_their_end() {
    let kit = kit().await;
    let (user, group, role) = (json!({"UserName": "u"}), json!({"GroupName": "g"}), json!({"RoleName": "r"}));
    done(&kit, "CreateUser", json!({"UserName": "u", "Path": path('u'), "Tags": tags()})).await;
    done(&kit, "CreateGroup", json!({"GroupName": "g", "Path": path('g')})).await;
    let made =
        json!({"RoleName": "r", "AssumeRolePolicyDocument": LAMBDA_TRUST, "Path": path('r'), "Tags": tags()});
    done(&kit, "CreateRole", made).await;
    let profile = json!({"InstanceProfileName": "i", "Path": path('i'), "Tags": tags()});
    done(&kit, "CreateInstanceProfile", profile).await;
    let mut arns = Vec::new();
    for last in 1..=3 {
        let input =
            json!({"PolicyName": long_name(last), "Path": path('p'), "PolicyDocument": READ, "Tags": tags()});
        let made = done(&kit, "CreatePolicy", input).await;
        let arn = made["Policy"]["Arn"].clone();
        for (operation, of) in
            [("AttachUserPolicy", &user), ("AttachGroupPolicy", &group), ("AttachRolePolicy", &role)]
        {
            let mut input = of.clone();
            input["PolicyArn"] = arn.clone();
            done(&kit, operation, input).await;
        }
        for (operation, of) in
            [("PutUserPolicy", &user), ("PutGroupPolicy", &group), ("PutRolePolicy", &role)]
        {
            let mut input = of.clone();
            input["PolicyName"] = json!(long_name(last));
            input["PolicyDocument"] = json!(READ);
            done(&kit, operation, input).await;
        }
        let mut input = device(last);
        input["Tags"] = tags();
        let made = done(&kit, "CreateVirtualMFADevice", input).await;
        arns.push((arn, made["VirtualMFADevice"]["SerialNumber"].clone()));
    }
    let (policy, serial) = arns[0].clone();
    let simulated = json!({"PolicyInputList": [READ], "ActionNames": ["dynamodb:GetItem", "dynamodb:PutItem"],
        "ResourceArns": [format!("arn:aws:s3:::{}", "a".repeat(900)), format!("arn:aws:s3:::{}", "b".repeat(900))]});
    let details = ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];
    for (operation, input, lists, expected) in [
        ("ListPolicies", json!({"Scope": "Local"}), &["Policies"][..], 3),
        ("ListAttachedUserPolicies", user.clone(), &["AttachedPolicies"], 3),
        ("ListAttachedGroupPolicies", group.clone(), &["AttachedPolicies"], 3),
        ("ListAttachedRolePolicies", role.clone(), &["AttachedPolicies"], 3),
        ("ListUserPolicies", user.clone(), &["PolicyNames"], 3),
        ("ListGroupPolicies", group.clone(), &["PolicyNames"], 3),
        ("ListRolePolicies", role.clone(), &["PolicyNames"], 3),
        ("ListVirtualMFADevices", json!({}), &["VirtualMFADevices"], 3),
        ("ListUserTags", user.clone(), &["Tags"], 3),
        ("ListRoleTags", role.clone(), &["Tags"], 3),
        ("ListPolicyTags", json!({"PolicyArn": policy}), &["Tags"], 3),
        ("ListMFADeviceTags", json!({"SerialNumber": serial}), &["Tags"], 3),
        ("ListInstanceProfileTags", json!({"InstanceProfileName": "i"}), &["Tags"], 3),
        (
            "ListEntitiesForPolicy",
            json!({"PolicyArn": policy}),
            &["PolicyUsers", "PolicyGroups", "PolicyRoles"],
            3,
        ),
        (
            "GetAccountAuthorizationDetails",
            json!({"Filter": ["User", "Group", "Role", "LocalManagedPolicy"]}),
            &details,
            6,
        ),
        ("SimulateCustomPolicy", simulated, &["EvaluationResults"], 4),
    ] {
        assert_eq!(walked(&kit, operation, &input, lists).await, expected, "{operation}");
    }
}

#[tokio::test]
async fn a_device_whose_serial_number_no_operation_takes_is_not_made() {
    let kit = kit().await;
    let account_part = "arn:aws:iam::123456789012:mfa/".len();
    for (path, length, is_made) in [
        ("/", 256 - account_part, true),
        ("/", 257 - account_part, false),
        ("/p/", 254 - account_part, true),
        ("/p/", 255 - account_part, false),
    ] {
        let input = json!({"VirtualMFADeviceName": "m".repeat(length), "Path": path});
        if is_made {
            let made = done(&kit, "CreateVirtualMFADevice", input).await;
            done(
                &kit,
                "DeleteVirtualMFADevice",
                json!({"SerialNumber": made["VirtualMFADevice"]["SerialNumber"]}),
            )
            .await;
        } else {
            super::refused(
                &kit,
                "CreateVirtualMFADevice",
                input,
                "ValidationError",
                "at most 256 characters",
            )
            .await;
        }
    }
    let left = done(&kit, "ListVirtualMFADevices", json!({})).await;
    assert_eq!(left["VirtualMFADevices"], json!([]));
}

/// However many statements match, an answer stays short; its pages together are all that was asked.
#[tokio::test]
async fn pages_of_simulations_end_before_they_get_long() {
    let kit = kit().await;
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let document = json!({"Version": "2012-10-17", "Statement": vec![statement; 50]}).to_string();
    let actions: Vec<String> = (0..40).map(|at| format!("s3:A{at}")).collect();
    let mut input = json!({"PolicyInputList": vec![document; 10], "ActionNames": actions,
        "ResourceArns": ["arn:aws:s3:::b/1"], "MaxItems": 1_000});
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = done(&kit, "SimulateCustomPolicy", input.clone()).await;
        assert!(page.to_string().len() < 2_000_000, "{}", page.to_string().len());
        for result in page["EvaluationResults"].as_array().unwrap() {
            assert_eq!(result["MatchedStatements"].as_array().unwrap().len(), 500);
            seen.push(result["EvalActionName"].as_str().unwrap().to_owned());
        }
        pages += 1;
        if page["IsTruncated"] != true {
            break;
        }
        input["Marker"] = page["Marker"].clone();
    }
    assert_eq!(seen, actions);
    assert!(pages > 4, "{pages}");
    // What reads much, and writes nothing.
    let none = json!({"Effect": "Deny", "Action": "sqs:*", "Resource": "*"});
    let long = json!({"Version": "2012-10-17", "Statement": vec![none; 2_000]}).to_string();
    let entry = |bytes: usize| json!([{"ContextKeyName": "a:key", "ContextKeyType": "string", "ContextKeyValues": ["x".repeat(bytes)]}]);
    let mut input = json!({"PolicyInputList": [long], "ActionNames": actions, "MaxItems": 1_000,
        "ContextEntries": entry(4_000)});
    let page = done(&kit, "SimulateCustomPolicy", input.clone()).await;
    let results = page["EvaluationResults"].as_array().unwrap().len();
    assert!(page["IsTruncated"] == true && results < actions.len(), "{results}");
    input["ContextEntries"] = entry(200_000);
    let fault = kit.json(&kit.administrator(), "iam", "SimulateCustomPolicy", &input).await.unwrap_err();
    assert_eq!(fault.message, "The policies and context values are too long to be simulated together.");
}
