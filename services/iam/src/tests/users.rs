//! Users: made, renamed, listed, deleted.

use serde_json::json;

use super::{ask, done, kit, names, policy, refused, user};

#[tokio::test]
async fn a_user_is_told_as_it_was_made() {
    let kit = kit().await;
    let made = done(
        &kit,
        "CreateUser",
        json!({"UserName": "Ana", "Path": "/team/eu/", "Tags": [{"Key": "k", "Value": "v"}]}),
    )
    .await;
    let told = done(&kit, "GetUser", json!({"UserName": "Ana"})).await;
    assert_eq!(made, told);
    assert_eq!(told["User"]["Arn"], "arn:aws:iam::123456789012:user/team/eu/Ana");
    assert_eq!(told["User"]["UserId"].as_str().unwrap().len(), 21);
    assert_eq!(told["User"]["Tags"], json!([{"Key": "k", "Value": "v"}]));
    let listed = done(&kit, "ListUsers", json!({"PathPrefix": "/team/"})).await;
    assert_eq!(names(&listed, "Users", "UserName"), ["Ana"]);
    assert!(listed["Users"][0]["Tags"].is_null(), "tags are not listed");
    assert_eq!(
        names(&done(&kit, "ListUsers", json!({"PathPrefix": "/x/"})).await, "Users", "UserName").len(),
        0
    );
}

#[tokio::test]
async fn names_are_taken_in_any_case_and_found_in_their_own() {
    let kit = kit().await;
    user(&kit, "Ana").await;
    refused(
        &kit,
        "CreateUser",
        json!({"UserName": "ANA"}),
        "EntityAlreadyExists",
        "User with name ANA already exists.",
    )
    .await;
    refused(
        &kit,
        "GetUser",
        json!({"UserName": "ana"}),
        "NoSuchEntity",
        "The user with name ana cannot be found.",
    )
    .await;
    refused(&kit, "CreateUser", json!({"UserName": "a b"}), "ValidationError", "userName").await;
    refused(&kit, "CreateUser", json!({"UserName": "x".repeat(65)}), "ValidationError", "length").await;
    refused(&kit, "CreateUser", json!({"UserName": "b", "Path": "no"}), "ValidationError", "path").await;
    refused(
        &kit,
        "CreateUser",
        json!({"UserName": "b", "PermissionsBoundary": "arn:aws:iam::123456789012:policy/none"}),
        "NoSuchEntity",
        "does not exist or is not attachable",
    )
    .await;
    assert!(ask(&kit, "GetUser", json!({"UserName": "b"})).await.is_err(), "a refused user is not half made");
}

#[tokio::test]
async fn a_user_may_ask_for_itself_without_a_name() {
    let kit = kit().await;
    let ana = kit.user("ana", json!([{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "arn:aws:iam::123456789012:user/${aws:username}"}])).await;
    let told = kit.json(&ana, "iam", "GetUser", &json!({})).await.unwrap();
    assert_eq!(told["User"]["UserName"], "ana");
    user(&kit, "bob").await;
    assert_eq!(
        kit.json(&ana, "iam", "GetUser", &json!({"UserName": "bob"})).await.unwrap_err().code,
        "AccessDenied"
    );
    let root = done(&kit, "GetUser", json!({})).await;
    assert_eq!(root["User"]["Arn"], "arn:aws:iam::123456789012:root");
    let session = kit
        .role("r", json!({"AWS": "*"}), json!([{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]))
        .await;
    let fault = kit.json(&session, "iam", "GetUser", &json!({})).await.unwrap_err();
    assert_eq!(fault.message, "Must specify userName when calling with non-User credentials");
}

#[tokio::test]
async fn whatever_hangs_on_a_user_keeps_it() {
    let kit = kit().await;
    user(&kit, "ana").await;
    let arn = policy(&kit, "p").await;
    let me = json!({"UserName": "ana"});
    let with = |more: serde_json::Value| {
        let mut all = me.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    done(&kit, "CreateGroup", json!({"GroupName": "g"})).await;
    done(&kit, "AddUserToGroup", with(json!({"GroupName": "g"}))).await;
    done(&kit, "PutUserPolicy", with(json!({"PolicyName": "i", "PolicyDocument": super::READ}))).await;
    done(&kit, "AttachUserPolicy", with(json!({"PolicyArn": arn}))).await;
    done(&kit, "PutUserPermissionsBoundary", with(json!({"PermissionsBoundary": arn}))).await;
    let key = done(&kit, "CreateAccessKey", me.clone()).await["AccessKey"]["AccessKeyId"].clone();

    refused(&kit, "DeleteUser", me.clone(), "DeleteConflict", "must delete access keys first").await;
    done(&kit, "DeleteAccessKey", with(json!({"AccessKeyId": key}))).await;
    refused(&kit, "DeleteUser", me.clone(), "DeleteConflict", "must detach all policies first").await;
    done(&kit, "DetachUserPolicy", with(json!({"PolicyArn": arn}))).await;
    refused(&kit, "DeleteUser", me.clone(), "DeleteConflict", "must delete policies first").await;
    done(&kit, "DeleteUserPolicy", with(json!({"PolicyName": "i"}))).await;
    refused(&kit, "DeleteUser", me.clone(), "DeleteConflict", "must remove users from group first").await;
    done(&kit, "RemoveUserFromGroup", with(json!({"GroupName": "g"}))).await;
    refused(&kit, "DeletePolicy", json!({"PolicyArn": arn}), "DeleteConflict", "attached to entities").await;
    done(&kit, "DeleteUser", me.clone()).await;
    refused(&kit, "DeleteUser", me, "NoSuchEntity", "cannot be found").await;
    // The boundary went with the user.
    done(&kit, "DeletePolicy", json!({"PolicyArn": arn})).await;
}

#[tokio::test]
async fn a_new_name_takes_everything_along() {
    let kit = kit().await;
    user(&kit, "ana").await;
    user(&kit, "eve").await;
    let arn = policy(&kit, "p").await;
    done(&kit, "CreateGroup", json!({"GroupName": "g"})).await;
    done(&kit, "AddUserToGroup", json!({"UserName": "ana", "GroupName": "g"})).await;
    done(&kit, "AttachUserPolicy", json!({"UserName": "ana", "PolicyArn": arn})).await;
    let made = done(&kit, "CreateAccessKey", json!({"UserName": "ana"})).await;
    let id = made["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    let before = done(&kit, "GetUser", json!({"UserName": "ana"})).await;

    refused(
        &kit,
        "UpdateUser",
        json!({"UserName": "ana", "NewUserName": "EVE"}),
        "EntityAlreadyExists",
        "EVE",
    )
    .await;
    for new in ["Ana", "bea"] {
        let old = if new == "Ana" { "ana" } else { "Ana" };
        done(&kit, "UpdateUser", json!({"UserName": old, "NewUserName": new, "NewPath": "/n/"})).await;
        let after = done(&kit, "GetUser", json!({"UserName": new})).await;
        assert_eq!(after["User"]["UserId"], before["User"]["UserId"]);
        assert_eq!(after["User"]["Path"], "/n/");
        refused(&kit, "GetUser", json!({"UserName": old}), "NoSuchEntity", old).await;
        let group = done(&kit, "GetGroup", json!({"GroupName": "g"})).await;
        assert_eq!(names(&group, "Users", "UserName"), [new]);
        let keys = done(&kit, "ListAccessKeys", json!({"UserName": new})).await;
        assert_eq!(names(&keys, "AccessKeyMetadata", "AccessKeyId"), [id.as_str()]);
        let entities = done(&kit, "ListEntitiesForPolicy", json!({"PolicyArn": arn})).await;
        assert_eq!(names(&entities, "PolicyUsers", "UserName"), [new]);
    }
    use identity::CredentialSource as _;
    let found = kit.pipeline.directory().credential(&id, None, kit.clock.now()).unwrap();
    assert_eq!(found.principal.arn(), "arn:aws:iam::123456789012:user/n/bea");
}

#[tokio::test]
async fn listings_come_in_pages() {
    let kit = kit().await;
    for at in 0..5 {
        user(&kit, &format!("user{at}")).await;
    }
    let mut seen = Vec::new();
    let mut input = json!({"MaxItems": 2});
    loop {
        let page = done(&kit, "ListUsers", input.clone()).await;
        seen.extend(names(&page, "Users", "UserName"));
        if page["IsTruncated"] == false {
            assert!(page["Marker"].is_null());
            break;
        }
        input["Marker"] = page["Marker"].clone();
    }
    assert_eq!(seen, ["user0", "user1", "user2", "user3", "user4"]);
    refused(&kit, "ListUsers", json!({"Marker": "not one"}), "ValidationError", "Invalid Marker").await;
}

#[tokio::test]
async fn of_what_nobody_can_have_none_is_listed() {
    let kit = kit().await;
    user(&kit, "Ana").await;
    for (operation, list) in [
        ("ListSSHPublicKeys", "SSHPublicKeys"),
        ("ListServiceSpecificCredentials", "ServiceSpecificCredentials"),
        ("ListSigningCertificates", "Certificates"),
    ] {
        let listed = done(&kit, operation, json!({"UserName": "Ana"})).await;
        assert_eq!((&listed[list], &listed["IsTruncated"]), (&json!([]), &json!(false)), "{operation}");
        let nobody = json!({"UserName": "none"});
        refused(&kit, operation, nobody, "NoSuchEntity", "The user with name none cannot be found.").await;
    }
    let everyones = done(&kit, "ListServiceSpecificCredentials", json!({"AllUsers": true})).await;
    assert_eq!(everyones["ServiceSpecificCredentials"], json!([]));
    assert_eq!(done(&kit, "ListSAMLProviders", json!({})).await["SAMLProviderList"], json!([]));
    // One's own are not everyone's.
    let own = json!([{"Effect": "Allow", "Action": "iam:ListServiceSpecificCredentials",
        "Resource": "arn:aws:iam::123456789012:user/Bob"}]);
    let bob = kit.user("Bob", own).await;
    let (mine, all) = (json!({}), json!({"AllUsers": true}));
    assert!(kit.json(&bob, "iam", "ListServiceSpecificCredentials", &mine).await.is_ok());
    let denied = kit.json(&bob, "iam", "ListServiceSpecificCredentials", &all).await.unwrap_err();
    assert_eq!(denied.code, "AccessDenied");
    let both = json!({"AllUsers": true, "UserName": "Ana"});
    refused(&kit, "ListServiceSpecificCredentials", both, "ValidationError", "UserName").await;
}
