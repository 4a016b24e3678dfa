//! Groups, streams and tags.

use serde_json::{Value, json};

use super::{ARN, fails, kit, names, ok, put, texts, with_stream};

#[tokio::test]
async fn a_group_is_made_once_described_and_deleted() {
    let kit = kit().await;
    ok(&kit, "CreateLogGroup", json!({"logGroupName": "g", "tags": {"team": "a"}})).await;
    let again = json!({"logGroupName": "g"});
    fails(
        &kit,
        "CreateLogGroup",
        again.clone(),
        "ResourceAlreadyExistsException: The specified log group already exists",
    )
    .await;
    let described = ok(&kit, "DescribeLogGroups", json!({})).await;
    assert_eq!(
        described["logGroups"][0],
        json!({"logGroupName": "g", "creationTime": super::NOW, "metricFilterCount": 0, "arn": format!("{ARN}:*"),
            "storedBytes": 0, "logGroupClass": "STANDARD", "logGroupArn": ARN, "deletionProtectionEnabled": false})
    );
    ok(&kit, "DeleteLogGroup", again.clone()).await;
    fails(&kit, "DeleteLogGroup", again, "ResourceNotFoundException: The specified log group does not exist")
        .await;
    assert_eq!(ok(&kit, "DescribeLogGroups", json!({})).await["logGroups"], json!([]));
}

#[tokio::test]
async fn what_a_group_cannot_be_is_refused() {
    let kit = kit().await;
    for (input, expected) in [
        (json!({"logGroupName": "aws/x"}), "reserved"),
        (json!({"logGroupName": "g", "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/k"}), "kmsKeyId"),
        (json!({"logGroupName": "g", "tags": {"aws:x": "y"}}), "reserved prefix"),
        (json!({"logGroupName": "a b"}), "InvalidParameterException"),
        (json!({"logGroupName": "g", "logGroupClass": "COLD"}), "InvalidParameterException"),
    ] {
        fails(&kit, "CreateLogGroup", input, expected).await;
    }
}

#[tokio::test]
async fn listings_page_through_what_they_select() {
    let kit = kit().await;
    for name in ["/aws/lambda/a", "/aws/lambda/b", "/aws/other", "app", "zoo"] {
        ok(&kit, "CreateLogGroup", json!({"logGroupName": name})).await;
    }
    let mut found = Vec::new();
    let mut input = json!({"limit": 2});
    loop {
        let page = ok(&kit, "DescribeLogGroups", input.clone()).await;
        found.extend(names(&page, "logGroups", "logGroupName"));
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(found, ["/aws/lambda/a", "/aws/lambda/b", "/aws/other", "app", "zoo"]);
    for (input, expected) in [
        (json!({"logGroupNamePrefix": "/aws/l"}), vec!["/aws/lambda/a", "/aws/lambda/b"]),
        (json!({"logGroupNamePattern": "o"}), vec!["/aws/other", "zoo"]),
        (json!({"logGroupNamePrefix": "nothing"}), vec![]),
        (json!({"logGroupClass": "INFREQUENT_ACCESS"}), vec![]),
        (json!({"logGroupIdentifiers": ["app"]}), vec!["app"]),
    ] {
        assert_eq!(names(&ok(&kit, "DescribeLogGroups", input).await, "logGroups", "logGroupName"), expected);
    }
    let listed = ok(&kit, "ListLogGroups", json!({"logGroupNamePattern": "^/aws/lambda|zoo"})).await;
    assert_eq!(names(&listed, "logGroups", "logGroupName"), ["/aws/lambda/a", "/aws/lambda/b", "zoo"]);
    let both = json!({"logGroupNamePrefix": "a", "logGroupNamePattern": "b"});
    fails(&kit, "DescribeLogGroups", both, "mutually exclusive").await;
}

#[tokio::test]
async fn a_group_made_again_shows_nothing_of_the_one_before() {
    let kit = with_stream().await;
    put(&kit, "s", &[(super::NOW, "old")]).await;
    ok(&kit, "DeleteLogGroup", json!({"logGroupName": "g"})).await;
    ok(&kit, "CreateLogGroup", json!({"logGroupName": "g"})).await;
    assert_eq!(ok(&kit, "DescribeLogStreams", json!({"logGroupName": "g"})).await["logStreams"], json!([]));
    ok(&kit, "CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    let got = ok(&kit, "GetLogEvents", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert!(texts(&got).is_empty());
}

#[tokio::test]
async fn protection_keeps_a_group() {
    let kit = kit().await;
    ok(&kit, "CreateLogGroup", json!({"logGroupName": "g", "deletionProtectionEnabled": true})).await;
    fails(&kit, "DeleteLogGroup", json!({"logGroupName": "g"}), "ValidationException").await;
    let off = json!({"logGroupIdentifier": ARN, "deletionProtectionEnabled": false});
    ok(&kit, "PutLogGroupDeletionProtection", off).await;
    ok(&kit, "DeleteLogGroup", json!({"logGroupName": "g"})).await;
}

#[tokio::test]
async fn streams_are_listed_by_name_and_by_last_event() {
    let kit = with_stream().await;
    for name in ["a/1", "a/2", "b"] {
        ok(&kit, "CreateLogStream", json!({"logGroupName": "g", "logStreamName": name})).await;
    }
    let stream = json!({"logGroupName": "g", "logStreamName": "b"});
    fails(
        &kit,
        "CreateLogStream",
        stream,
        "ResourceAlreadyExistsException: The specified log stream already exists",
    )
    .await;
    put(&kit, "b", &[(super::NOW - 5, "m")]).await;
    put(&kit, "a/2", &[(super::NOW - 9, "m")]).await;
    let list = async |input: Value| {
        let mut input = input;
        input["logGroupName"] = json!("g");
        input["limit"] = json!(2);
        let mut found = Vec::new();
        loop {
            let page = ok(&kit, "DescribeLogStreams", input.clone()).await;
            found.extend(names(&page, "logStreams", "logStreamName"));
            match page.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => return found,
            }
        }
    };
    assert_eq!(list(json!({})).await, ["a/1", "a/2", "b", "s"]);
    assert_eq!(list(json!({"descending": true})).await, ["s", "b", "a/2", "a/1"]);
    assert_eq!(list(json!({"logStreamNamePrefix": "a/"})).await, ["a/1", "a/2"]);
    assert_eq!(list(json!({"orderBy": "LastEventTime", "descending": true})).await, ["b", "a/2", "s", "a/1"]);
    let mixed = json!({"logGroupName": "g", "orderBy": "LastEventTime", "logStreamNamePrefix": "a"});
    fails(&kit, "DescribeLogStreams", mixed, "Cannot order by LastEventTime with a logStreamNamePrefix")
        .await;
    ok(&kit, "DeleteLogStream", json!({"logGroupName": "g", "logStreamName": "b"})).await;
    fails(
        &kit,
        "DeleteLogStream",
        json!({"logGroupName": "g", "logStreamName": "b"}),
        "log stream does not exist",
    )
    .await;
    assert_eq!(list(json!({})).await, ["a/1", "a/2", "s"]);
}

#[tokio::test]
async fn tags_are_set_listed_and_removed() {
    let kit = kit().await;
    ok(&kit, "CreateLogGroup", json!({"logGroupName": "g", "tags": {"a": "1"}})).await;
    ok(&kit, "TagResource", json!({"resourceArn": ARN, "tags": {"b": "2", "a": "3"}})).await;
    ok(&kit, "TagLogGroup", json!({"logGroupName": "g", "tags": {"c": "4"}})).await;
    let all = json!({"a": "3", "b": "2", "c": "4"});
    assert_eq!(ok(&kit, "ListTagsForResource", json!({"resourceArn": ARN})).await["tags"], all);
    ok(&kit, "UntagResource", json!({"resourceArn": ARN, "tagKeys": ["a"]})).await;
    ok(&kit, "UntagLogGroup", json!({"logGroupName": "g", "tags": ["b"]})).await;
    assert_eq!(ok(&kit, "ListTagsLogGroup", json!({"logGroupName": "g"})).await["tags"], json!({"c": "4"}));
    for half in [0..30, 30..60] {
        let tags: serde_json::Map<_, _> = half.map(|n| (format!("k{n}"), json!("v"))).collect();
        let _ = super::ask(&kit, "TagResource", json!({"resourceArn": ARN, "tags": tags})).await;
    }
    let tags = ok(&kit, "ListTagsForResource", json!({"resourceArn": ARN})).await;
    assert_eq!(tags["tags"].as_object().unwrap().len(), 31, "more than 50 are refused as a whole");
    let other = ARN.replace("123456789012", "999999999999");
    for arn in [format!("{ARN}x"), other] {
        let outcome = super::ask(&kit, "ListTagsForResource", json!({"resourceArn": arn})).await.unwrap_err();
        assert!(outcome.contains("ResourceNotFound") || outcome.contains("AccessDenied"), "{outcome}");
    }
}

#[tokio::test]
async fn a_tag_condition_decides() {
    let kit = kit().await;
    ok(&kit, "CreateLogGroup", json!({"logGroupName": "g", "tags": {"team": "a"}})).await;
    let member = |team: &str| {
        json!([{"Effect": "Allow", "Action": "logs:*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": team}}}])
    };
    let (a, b) = (kit.user("a", member("a")).await, kit.user("b", member("b")).await);
    let input = json!({"logGroupName": "g"});
    kit.json(&a, "logs", "DescribeLogStreams", &input).await.expect("its own team's group");
    assert_eq!(
        kit.json(&b, "logs", "DescribeLogStreams", &input).await.unwrap_err().code,
        "AccessDeniedException"
    );
}

#[tokio::test]
async fn tags_of_a_new_group_take_leave_to_tag() {
    let kit = kit().await;
    let create = json!({"Effect": "Allow", "Action": "logs:CreateLogGroup", "Resource": "*"});
    let tag = |effect: &str, action: &str, resource: &str| json!({"Effect": effect, "Action": action, "Resource": resource});
    let red = json!({"Effect": "Allow", "Action": "logs:TagResource", "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": "team"}}});
    let arn = |name: &str| format!("arn:aws:logs:us-east-1:123456789012:log-group:{name}");
    for (name, more, expected) in [
        ("nothing", vec![], false),
        ("newer", vec![tag("Allow", "logs:TagResource", &arn("newer"))], true),
        ("older", vec![tag("Allow", "logs:TagLogGroup", &format!("{}:*", arn("older")))], true),
        ("other", vec![tag("Allow", "logs:TagResource", &arn("x"))], false),
        ("denied", vec![tag("Allow", "logs:*", "*"), tag("Deny", "logs:Tag*", "*")], false),
        ("red", vec![red.clone()], true),
    ] {
        let statements: Vec<Value> = std::iter::once(create.clone()).chain(more).collect();
        let user = kit.user(name, json!(statements)).await;
        let input = json!({"logGroupName": name, "tags": {"team": "red"}});
        let answer = kit.json(&user, "logs", "CreateLogGroup", &input).await;
        assert_eq!(answer.is_ok(), expected, "{name}");
        if let Err(fault) = answer {
            assert_eq!(fault.code, "AccessDeniedException");
            assert_eq!(
                fault.message,
                "User with accountId: 123456789012 is not authorized to perform CreateLogGroup with Tags. An additional \
                 permission \"logs:TagResource\" is required."
            );
        }
        let plain = json!({"logGroupName": format!("{name}-plain")});
        kit.json(&user, "logs", "CreateLogGroup", &plain).await.unwrap();
    }
    let user = kit.user("blue", json!([create, red])).await;
    for tags in [json!({"team": "blue"}), json!({"team": "red", "more": "x"})] {
        let input = json!({"logGroupName": "blue", "tags": tags});
        kit.json(&user, "logs", "CreateLogGroup", &input).await.unwrap_err();
    }
}
