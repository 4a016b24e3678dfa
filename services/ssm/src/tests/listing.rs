//! Listings: by path, and of what there is.

use serde_json::{Value, json};

use super::{fails, kit, names, ok, put};

#[tokio::test]
async fn a_path_shows_what_is_below_it() {
    let kit = kit().await;
    for name in ["/a", "/a/b", "/a/c", "/a/c/d", "/ab", "plain"] {
        put(&kit, name, "v").await;
    }
    for (path, recursive, expected) in [
        ("/a", false, vec!["/a/b", "/a/c"]),
        ("/a/", true, vec!["/a/b", "/a/c", "/a/c/d"]),
        ("/", false, vec!["/a", "/ab", "plain"]),
        ("/none", true, vec![]),
    ] {
        let found = ok(&kit, "GetParametersByPath", json!({"Path": path, "Recursive": recursive})).await;
        assert_eq!(names(&found), expected, "{path}");
    }
    fails(&kit, "GetParametersByPath", json!({"Path": "a"}), "must begin with a forward slash").await;
    ok(&kit, "LabelParameterVersion", json!({"Name": "/a/c", "Labels": ["prod"]})).await;
    let filters = json!([{"Key": "Label", "Values": ["prod"]}]);
    let found = ok(&kit, "GetParametersByPath", json!({"Path": "/a", "ParameterFilters": filters})).await;
    assert_eq!(names(&found), ["/a/c"]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap() {
    let kit = kit().await;
    for at in 0..25 {
        put(&kit, &format!("/many/{at:02}"), "v").await;
    }
    put(&kit, "/zzz", "v").await;
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({"Path": "/many", "MaxResults": 7});
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let page = ok(&kit, "GetParametersByPath", input).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, (0..25).map(|at| format!("/many/{at:02}")).collect::<Vec<_>>());
    fails(&kit, "GetParametersByPath", json!({"Path": "/many", "NextToken": "zz"}), "InvalidNextToken").await;
    fails(
        &kit,
        "GetParametersByPath",
        json!({"Path": "/many", "MaxResults": 11}),
        "less than or equal to 10",
    )
    .await;
}

#[tokio::test]
async fn what_there_is_is_told_without_values() {
    let kit = kit().await;
    put(&kit, "/app/url", "the value").await;
    ok(&kit, "PutParameter", json!({"Name": "/app/key", "Value": "k", "Type": "SecureString", "Tier": "Advanced", "Description": "d"})).await;
    put(&kit, "plain", "x").await;
    ok(
        &kit,
        "AddTagsToResource",
        json!({"ResourceType": "Parameter", "ResourceId": "plain", "Tags": [{"Key": "t", "Value": "1"}]}),
    )
    .await;
    let all = ok(&kit, "DescribeParameters", json!({})).await;
    assert_eq!(names(&all), ["/app/key", "/app/url", "plain"]);
    assert!(!all.to_string().contains("the value"));
    assert_eq!(
        (&all["Parameters"][0]["Tier"], &all["Parameters"][0]["KeyId"]),
        (&json!("Advanced"), &json!("alias/aws/ssm"))
    );
    assert_eq!(all["Parameters"][1]["LastModifiedUser"], "arn:aws:iam::123456789012:root");
    for (filter, expected) in [
        (json!({"Key": "Name", "Values": ["/app/url"]}), vec!["/app/url"]),
        (
            json!({"Key": "Name", "Option": "Contains", "Values": ["a"]}),
            vec!["/app/key", "/app/url", "plain"],
        ),
        (json!({"Key": "Path", "Values": ["/app"]}), vec!["/app/key", "/app/url"]),
        (json!({"Key": "Type", "Values": ["SecureString"]}), vec!["/app/key"]),
        (json!({"Key": "Tier", "Values": ["Advanced"]}), vec!["/app/key"]),
        (json!({"Key": "tag:t", "Values": ["1"]}), vec!["plain"]),
        (json!({"Key": "tag:t", "Values": ["2"]}), vec![]),
        (json!({"Key": "KeyId", "Values": ["alias/aws/ssm"]}), vec!["/app/key"]),
    ] {
        let found = ok(&kit, "DescribeParameters", json!({"ParameterFilters": [filter]})).await;
        assert_eq!(names(&found), expected, "{filter}");
    }
    let older =
        ok(&kit, "DescribeParameters", json!({"Filters": [{"Key": "Name", "Values": ["/app"]}]})).await;
    assert_eq!(names(&older).len(), 2);
    let page = ok(&kit, "DescribeParameters", json!({"MaxResults": 2})).await;
    let rest = ok(&kit, "DescribeParameters", json!({"NextToken": page["NextToken"]})).await;
    assert_eq!((names(&page).len(), names(&rest)), (2, vec!["plain"]));
}
