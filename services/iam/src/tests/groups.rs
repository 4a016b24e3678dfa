//! Groups and their members.

use serde_json::json;

use super::{done, kit, names, refused, user};

#[tokio::test]
async fn members_come_and_go() {
    let kit = kit().await;
    user(&kit, "ana").await;
    user(&kit, "bob").await;
    done(&kit, "CreateGroup", json!({"GroupName": "team", "Path": "/p/"})).await;
    for name in ["bob", "ana", "ana"] {
        done(&kit, "AddUserToGroup", json!({"GroupName": "team", "UserName": name})).await;
    }
    let told = done(&kit, "GetGroup", json!({"GroupName": "team"})).await;
    assert_eq!(names(&told, "Users", "UserName"), ["ana", "bob"]);
    assert_eq!(told["Group"]["Arn"], "arn:aws:iam::123456789012:group/p/team");
    let groups = done(&kit, "ListGroupsForUser", json!({"UserName": "ana"})).await;
    assert_eq!(names(&groups, "Groups", "GroupName"), ["team"]);

    refused(
        &kit,
        "DeleteGroup",
        json!({"GroupName": "team"}),
        "DeleteConflict",
        "remove users from group first",
    )
    .await;
    done(&kit, "UpdateGroup", json!({"GroupName": "team", "NewGroupName": "crew"})).await;
    let groups = done(&kit, "ListGroupsForUser", json!({"UserName": "ana"})).await;
    assert_eq!(names(&groups, "Groups", "GroupName"), ["crew"]);
    for name in ["ana", "bob"] {
        done(&kit, "RemoveUserFromGroup", json!({"GroupName": "crew", "UserName": name})).await;
    }
    done(&kit, "DeleteGroup", json!({"GroupName": "crew"})).await;
    refused(
        &kit,
        "GetGroup",
        json!({"GroupName": "crew"}),
        "NoSuchEntity",
        "The group with name crew cannot be found.",
    )
    .await;
}

#[tokio::test]
async fn a_user_belongs_to_ten_groups_at_most() {
    let kit = kit().await;
    user(&kit, "ana").await;
    for at in 0..11 {
        done(&kit, "CreateGroup", json!({"GroupName": format!("g{at}")})).await;
    }
    for at in 0..10 {
        done(&kit, "AddUserToGroup", json!({"GroupName": format!("g{at}"), "UserName": "ana"})).await;
    }
    let one_more = json!({"GroupName": "g10", "UserName": "ana"});
    refused(&kit, "AddUserToGroup", one_more, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
        .await;
    refused(
        &kit,
        "AddUserToGroup",
        json!({"GroupName": "g", "UserName": "ana"}),
        "NoSuchEntity",
        "group with name g",
    )
    .await;
    refused(
        &kit,
        "AddUserToGroup",
        json!({"GroupName": "g0", "UserName": "x"}),
        "NoSuchEntity",
        "user with name x",
    )
    .await;
}

#[tokio::test]
async fn what_a_stack_makes_among_others_leaves_receipts() {
    let kit = kit().await;
    user(&kit, "ana").await;
    done(&kit, "CreateGroup", json!({"GroupName": "theirs"})).await;
    let receipts = async |operation: &str, input: serde_json::Value| {
        kit.receipts("iam", operation, &input).await.unwrap()
    };
    assert_eq!(receipts("CreateGroup", json!({"GroupName": "team"})).await, ["team"]);
    let member = json!({"GroupName": "theirs", "UserName": "ana"});
    assert_eq!(receipts("AddUserToGroup", member.clone()).await, ["ana"]);
    let policy = json!({"GroupName": "theirs", "PolicyName": "p", "PolicyDocument": super::READ});
    assert_eq!(receipts("PutGroupPolicy", policy.clone()).await, ["group/theirs/p"]);
    let policy = json!({"UserName": "ana", "PolicyName": "p", "PolicyDocument": super::READ});
    assert_eq!(receipts("PutUserPolicy", policy.clone()).await, ["user/ana/p"]);
    // What was there is nobody's doing now: the same once more, for somebody else.
    let mut again = policy;
    again["PolicyDocument"] = format!(" {}", super::READ).into();
    assert!(receipts("PutUserPolicy", again).await.is_empty());
}

#[tokio::test]
async fn a_member_that_was_one_leaves_no_receipt() {
    let kit = kit().await;
    user(&kit, "ana").await;
    done(&kit, "CreateGroup", json!({"GroupName": "theirs"})).await;
    let member = json!({"GroupName": "theirs", "UserName": "ana"});
    done(&kit, "AddUserToGroup", member.clone()).await;
    assert!(kit.receipts("iam", "AddUserToGroup", &member).await.unwrap().is_empty());
}
