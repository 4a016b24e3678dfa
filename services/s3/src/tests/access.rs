//! Who may do what: bucket policies, public access, and what a refusal tells.

use std::sync::Arc;

use identity::Principal;
use serde_json::{Value, json};
use service::testkit::TestKit;

use super::kit;

async fn with_object() -> (TestKit, Arc<Principal>) {
    let kit = kit().await;
    let root = kit.administrator();
    kit.json(&root, "s3", "CreateBucket", &json!({"Bucket": "bbb"})).await.unwrap();
    kit.json(&root, "s3", "PutObject", &json!({"Bucket": "bbb", "Key": "k", "Body": "eA=="})).await.unwrap();
    (kit, root)
}

fn policy(principal: &Value, action: &str) -> Value {
    let text = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal,
        "Action": action, "Resource": ["arn:aws:s3:::bbb", "arn:aws:s3:::bbb/*"]}]});
    json!({"Bucket": "bbb", "Policy": text.to_string()})
}

const OBJECT: fn(&str) -> Value = |key| json!({"Bucket": "bbb", "Key": key});

#[tokio::test]
async fn the_first_policy_of_a_bucket_leaves_a_receipt() {
    let (kit, root) = with_object().await;
    let of_root = json!({ "AWS": "arn:aws:iam::123456789012:root" });
    let put =
        async |action: &str| kit.receipts("s3", "PutBucketPolicy", &policy(&of_root, action)).await.unwrap();
    assert_eq!(put("s3:*").await, ["bbb"]);
    // There is one already: whoever puts another in its place has not made it, nor who puts the very same.
    assert!(put("s3:PutBucket*").await.is_empty());
    kit.json(&root, "s3", "DeleteBucketPolicy", &json!({"Bucket": "bbb"})).await.unwrap();
    assert_eq!(put("s3:GetObject").await, ["bbb"]);
}

#[tokio::test]
async fn nobody_reads_until_the_owner_says_so_twice() {
    let (kit, root) = with_object().await;
    let stranger = Arc::new(Principal::Anonymous);
    assert_eq!(kit.json(&stranger, "s3", "GetObject", &OBJECT("k")).await.unwrap_err().code, "AccessDenied");
    let open = policy(&json!("*"), "s3:GetObject");
    assert_eq!(kit.json(&root, "s3", "PutBucketPolicy", &open).await.unwrap_err().code, "AccessDenied");
    let unblocked =
        json!({"Bucket": "bbb", "PublicAccessBlockConfiguration": {"RestrictPublicBuckets": true}});
    kit.json(&root, "s3", "PutPublicAccessBlock", &unblocked).await.unwrap();
    kit.json(&root, "s3", "PutBucketPolicy", &open).await.unwrap();
    let restricted = kit.json(&stranger, "s3", "GetObject", &OBJECT("k")).await.unwrap_err();
    assert_eq!(restricted.code, "AccessDenied", "restricted to the owner's account");
    kit.json(&root, "s3", "DeletePublicAccessBlock", &json!({"Bucket": "bbb"})).await.unwrap();
    kit.json(&stranger, "s3", "GetObject", &OBJECT("k")).await.unwrap();
    for (operation, input) in [
        ("PutObject", OBJECT("k")),
        ("DeleteObject", OBJECT("k")),
        ("ListObjectsV2", json!({"Bucket": "bbb"})),
        ("GetBucketPolicy", json!({"Bucket": "bbb"})),
    ] {
        let fault = kit.json(&stranger, "s3", operation, &input).await.unwrap_err();
        assert_eq!(fault.code, "AccessDenied", "{operation}");
    }
    let status = kit.json(&root, "s3", "GetBucketPolicyStatus", &json!({"Bucket": "bbb"})).await.unwrap();
    assert_eq!(status["PolicyStatus"]["IsPublic"], true);
}

#[tokio::test]
async fn only_who_may_list_learns_that_a_key_is_missing() {
    let (kit, _) = with_object().await;
    let allow = |actions: Value| json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]);
    let reader = kit.user("reader", allow(json!("s3:GetObject"))).await;
    let lister = kit.user("lister", allow(json!(["s3:GetObject", "s3:ListBucket"]))).await;
    kit.json(&reader, "s3", "GetObject", &OBJECT("k")).await.unwrap();
    let refused = kit.json(&reader, "s3", "GetObject", &OBJECT("no")).await.unwrap_err();
    assert_eq!(refused.code, "AccessDenied");
    let why = r#"is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::bbb" because no identity-based"#;
    assert!(refused.message.contains(why), "{refused:?}");
    assert_eq!(kit.json(&lister, "s3", "GetObject", &OBJECT("no")).await.unwrap_err().code, "NoSuchKey");
}

#[tokio::test]
async fn conditions_see_prefixes_tags_and_versions() {
    let (kit, root) = with_object().await;
    let statement = |action: &str, condition: Value| json!([{"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition}]);
    let by_prefix =
        kit.user("prefix", statement("s3:ListBucket", json!({"StringLike": {"s3:prefix": "home/*"}}))).await;
    let list = |prefix: &str| json!({"Bucket": "bbb", "Prefix": prefix});
    kit.json(&by_prefix, "s3", "ListObjectsV2", &list("home/a")).await.unwrap();
    assert!(kit.json(&by_prefix, "s3", "ListObjectsV2", &list("")).await.is_err());
    let condition = json!({"StringEquals": {"s3:ExistingObjectTag/open": "yes"}});
    let by_tag = kit.user("tag", statement("s3:GetObject", condition)).await;
    assert!(kit.json(&by_tag, "s3", "GetObject", &OBJECT("k")).await.is_err());
    let tag = json!({"Bucket": "bbb", "Key": "k", "Tagging": {"TagSet": [{"Key": "open", "Value": "yes"}]}});
    kit.json(&root, "s3", "PutObjectTagging", &tag).await.unwrap();
    kit.json(&by_tag, "s3", "GetObject", &OBJECT("k")).await.unwrap();
    let versioned = json!({"Bucket": "bbb", "Key": "k", "VersionId": "null"});
    assert!(kit.json(&by_tag, "s3", "GetObject", &versioned).await.is_err(), "a version has its own action");
}

#[tokio::test]
async fn a_denied_object_among_many_leaves_the_others() {
    let (kit, root) = with_object().await;
    let half = json!([{"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::bbb/k"}]);
    let user = kit.user("half", half).await;
    let both = json!({"Bucket": "bbb", "Delete": {"Objects": [{"Key": "k"}, {"Key": "other"}]}});
    let put = json!({"Bucket": "bbb", "Key": "other", "Body": "eA=="});
    kit.json(&root, "s3", "PutObject", &put).await.unwrap();
    let answer = kit.json(&user, "s3", "DeleteObjects", &both).await.unwrap();
    assert_eq!(answer["Deleted"], json!([{"Key": "k"}]));
    let error = &answer["Errors"][0];
    assert_eq!((&error["Key"], &error["Code"]), (&json!("other"), &json!("AccessDenied")));
    let message = error["Message"].as_str().unwrap();
    let why = r#"is not authorized to perform: s3:DeleteObject on resource: "arn:aws:s3:::bbb/other" because no identity-based"#;
    assert!(message.contains(why), "{message}");
    kit.json(&root, "s3", "HeadObject", &OBJECT("other")).await.unwrap();
    assert!(kit.json(&root, "s3", "HeadObject", &OBJECT("k")).await.is_err());
    // Who may delete nothing is told the same of a bucket that is there and of one that is not.
    let none = kit.user("none", json!([])).await;
    let mut answers = Vec::new();
    for bucket in ["bbb", "never-made"] {
        let input = json!({"Bucket": bucket, "Delete": {"Objects": [{"Key": "other"}]}});
        answers.push(kit.json(&none, "s3", "DeleteObjects", &input).await.unwrap());
    }
    let told = |answer: &Value| answer.to_string().replace("never-made", "bbb");
    assert_eq!(told(&answers[0]), told(&answers[1]));
    assert_eq!(answers[0]["Errors"][0]["Code"], "AccessDenied");
    let stranger = Arc::new(Principal::Anonymous);
    assert_eq!(kit.json(&stranger, "s3", "DeleteObjects", &both).await.unwrap_err().code, "AccessDenied");
    kit.json(&root, "s3", "HeadObject", &OBJECT("other")).await.unwrap();
}

#[tokio::test]
async fn what_is_under_the_managed_key_stays_in_its_account() {
    let (kit, root) = with_object().await;
    let configure = |default: Value| {
        json!({"Bucket": "bbb", "ServerSideEncryptionConfiguration": {
        "Rules": [{"ApplyServerSideEncryptionByDefault": default}]}})
    };
    let unknown = configure(json!({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine"}));
    let fault = kit.json(&root, "s3", "PutBucketEncryption", &unknown).await.unwrap_err();
    assert_eq!(fault.code, "KMS.NotFoundException");
    let managed = configure(json!({"SSEAlgorithm": "aws:kms"}));
    kit.json(&root, "s3", "PutBucketEncryption", &managed).await.unwrap();
    let put = |key: &str, more: Value| {
        let mut input = json!({"Bucket": "bbb", "Key": key, "Body": "eA=="});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let answer = kit.json(&root, "s3", "PutObject", &put("sealed", json!({}))).await.unwrap();
    assert_eq!(answer["ServerSideEncryption"], "aws:kms");
    let plain = json!({"ServerSideEncryption": "AES256"});
    let answer = kit.json(&root, "s3", "PutObject", &put("plain", plain)).await.unwrap();
    assert_eq!((&answer["ServerSideEncryption"], answer.get("SSEKMSKeyId")), (&json!("AES256"), None));
    let head = kit.json(&root, "s3", "HeadObject", &OBJECT("sealed")).await.unwrap();
    assert!(head["SSEKMSKeyId"].as_str().unwrap().starts_with("arn:aws:kms:us-east-1:123456789012:key/"));
    // A bucket policy opens what is in the bucket to the world, and still nothing of this.
    kit.json(&root, "s3", "DeletePublicAccessBlock", &json!({"Bucket": "bbb"})).await.unwrap();
    kit.json(&root, "s3", "PutBucketPolicy", &policy(&json!("*"), "s3:*")).await.unwrap();
    let stranger = Arc::new(Principal::Anonymous);
    kit.json(&stranger, "s3", "GetObject", &OBJECT("plain")).await.unwrap();
    for (operation, input) in [
        ("GetObject", OBJECT("sealed")),
        ("PutObject", put("other", json!({}))),
        (
            "CopyObject",
            json!({"Bucket": "bbb", "Key": "c", "CopySource": "bbb/sealed", "ServerSideEncryption": "AES256"}),
        ),
        ("CreateMultipartUpload", OBJECT("m")),
    ] {
        let fault = kit.json(&stranger, "s3", operation, &input).await.unwrap_err();
        assert_eq!(fault.code, "InvalidArgument", "{operation}");
    }
    kit.json(&root, "s3", "GetObject", &OBJECT("sealed")).await.unwrap();
}

#[tokio::test]
async fn a_copy_takes_tags_along_for_whom_they_may_be_read_and_set() {
    let (kit, root) = with_object().await;
    let tag = json!({"Bucket": "bbb", "Key": "k", "Tagging": {"TagSet": [{"Key": "secret", "Value": "42"}]}});
    kit.json(&root, "s3", "PutObjectTagging", &tag).await.unwrap();
    kit.json(&root, "s3", "PutObject", &json!({"Bucket": "bbb", "Key": "bare", "Body": "eA=="}))
        .await
        .unwrap();
    let allow = |actions: Value| json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]);
    let copy = |more: Value| {
        let mut input = json!({"Bucket": "bbb", "Key": "copy", "CopySource": "bbb/k"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let only = kit.user("only", allow(json!(["s3:GetObject", "s3:PutObject", "s3:ListBucket"]))).await;
    let reads = ["s3:GetObject", "s3:PutObject", "s3:GetObjectTagging"];
    let reads = kit.user("reads", allow(json!(reads))).await;
    let sets = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"];
    let sets = kit.user("sets", allow(json!(sets))).await;
    let both = ["s3:GetObject", "s3:PutObject", "s3:GetObjectTagging", "s3:PutObjectTagging"];
    let both = kit.user("both", allow(json!(both))).await;
    let replace = || json!({"TaggingDirective": "REPLACE", "Tagging": "a=b"});
    for (who, input, needs) in [
        (&only, copy(json!({})), Some(r#"s3:GetObjectTagging on resource: "arn:aws:s3:::bbb/k" "#)),
        (&only, copy(json!({"TaggingDirective": "COPY"})), Some("s3:GetObjectTagging")),
        (&sets, copy(json!({})), Some("s3:GetObjectTagging")),
        (&reads, copy(json!({})), Some(r#"s3:PutObjectTagging on resource: "arn:aws:s3:::bbb/copy" "#)),
        (&only, copy(replace()), Some("s3:PutObjectTagging")),
        // The source's tags stay where they are.
        (&only, copy(json!({"TaggingDirective": "REPLACE"})), None),
        (&only, copy(json!({"CopySource": "bbb/bare"})), None),
        (&sets, copy(replace()), None),
        (&both, copy(json!({})), None),
    ] {
        let refusal = kit.json(who, "s3", "CopyObject", &input).await.err();
        assert_eq!(refusal.is_some(), needs.is_some(), "{input}: {refusal:?}");
        if let (Some(refusal), Some(needs)) = (refusal, needs) {
            assert_eq!(refusal.code, "AccessDenied");
            assert!(refusal.message.contains(needs), "{input}: {}", refusal.message);
        }
    }
    let told = kit.json(&root, "s3", "GetObjectTagging", &OBJECT("copy")).await.unwrap();
    assert_eq!(told["TagSet"], json!([{"Key": "secret", "Value": "42"}]));
    // What a policy says of tags that are set holds for those that a copy brings.
    let blue = json!([{"Effect": "Allow", "Action": ["s3:Get*", "s3:PutObject"], "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:PutObjectTagging", "Resource": "*",
         "Condition": {"StringEquals": {"s3:RequestObjectTag/secret": "43"}}}]);
    let blue = kit.user("blue", blue).await;
    assert_eq!(kit.json(&blue, "s3", "CopyObject", &copy(json!({}))).await.unwrap_err().code, "AccessDenied");
}

#[tokio::test]
async fn what_a_new_bucket_brings_takes_the_leave_that_it_takes_later() {
    let (kit, _) = with_object().await;
    let allow = |action: &str| json!({"Effect": "Allow", "Action": action, "Resource": "*"});
    let red = json!({"Effect": "Allow", "Action": "s3:TagResource", "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}}});
    let tags = |team: &str| json!({"CreateBucketConfiguration": {"Tags": [{"Key": "team", "Value": team}]}});
    let owner = || json!({"ObjectOwnership": "BucketOwnerEnforced"});
    for (at, (more, input, needs)) in [
        (None, json!({}), None),
        (None, owner(), Some("s3:PutBucketOwnershipControls")),
        (Some(allow("s3:PutBucketOwnershipControls")), owner(), None),
        (None, tags("red"), Some("s3:TagResource")),
        (Some(red.clone()), tags("red"), None),
        (Some(red), tags("blue"), Some("s3:TagResource")),
    ]
    .into_iter()
    .enumerate()
    {
        let statements: Vec<Value> = std::iter::once(allow("s3:CreateBucket")).chain(more).collect();
        let user = kit.user(&format!("u{at}"), json!(statements)).await;
        let mut create = json!({"Bucket": format!("new-{at}")});
        create.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let refusal = kit.json(&user, "s3", "CreateBucket", &create).await.err();
        assert_eq!(refusal.is_some(), needs.is_some(), "{create}: {refusal:?}");
        if let (Some(refusal), Some(needs)) = (refusal, needs) {
            assert!(refusal.message.contains(needs), "{create}: {}", refusal.message);
        }
    }
}

#[tokio::test]
async fn a_marker_outside_the_prefix_leads_nobody_out_of_it() {
    let (kit, root) = with_object().await;
    let versioned = json!({"Bucket": "bbb", "VersioningConfiguration": {"Status": "Enabled"}});
    kit.json(&root, "s3", "PutBucketVersioning", &versioned).await.unwrap();
    let mut ids = Vec::new();
    for key in ["admin/1", "admin/1", "user/a", "user/b", "zzz"] {
        let put = json!({"Bucket": "bbb", "Key": key, "Body": "eA=="});
        let made = kit.json(&root, "s3", "PutObject", &put).await.unwrap();
        ids.push(made["VersionId"].as_str().unwrap().to_owned());
    }
    let may = json!([{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketVersions"], "Resource": "*",
        "Condition": {"StringEquals": {"s3:prefix": "user/"}}}]);
    let lister = kit.user("lister", may).await;
    for (operation, input) in [
        ("ListObjectsV2", json!({"Delimiter": "~", "StartAfter": "!!!!!~"})),
        ("ListObjectsV2", json!({"Delimiter": "/", "StartAfter": "aaaaa/"})),
        ("ListObjects", json!({"Delimiter": "~", "Marker": "!!!!!~"})),
        ("ListObjectVersions", json!({"Delimiter": "~", "KeyMarker": "!!!!!~"})),
        ("ListObjectVersions", json!({"KeyMarker": "admin/1", "VersionIdMarker": ids[1]})),
    ] {
        let mut input = input;
        input["Bucket"] = "bbb".into();
        input["Prefix"] = "user/".into();
        let listed = kit.json(&lister, "s3", operation, &input).await.unwrap();
        let found = ["Contents", "Versions"].iter().find_map(|member| listed[member].as_array());
        let keys: Vec<&str> = found.unwrap().iter().map(|one| one["Key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["user/a", "user/b"], "{operation} {input}");
    }
}

#[tokio::test]
async fn the_documented_policy_enforces_conditional_writes() {
    let (kit, root) = with_object().await;
    let text = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::bbb/*", "Condition": {"Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"}}}]});
    kit.json(&root, "s3", "PutBucketPolicy", &json!({"Bucket": "bbb", "Policy": text.to_string()}))
        .await
        .unwrap();
    let put = json!({"Bucket": "bbb", "Key": "n", "Body": "eA=="});
    assert_eq!(kit.json(&root, "s3", "PutObject", &put).await.unwrap_err().code, "AccessDenied");
    let copy = json!({"Bucket": "bbb", "Key": "n", "CopySource": "bbb/k"});
    assert_eq!(kit.json(&root, "s3", "CopyObject", &copy).await.unwrap_err().code, "AccessDenied");
    let upload =
        kit.json(&root, "s3", "CreateMultipartUpload", &OBJECT("n")).await.unwrap()["UploadId"].clone();
    let part = json!({"Bucket": "bbb", "Key": "n", "UploadId": upload, "PartNumber": 1, "Body": "eA=="});
    let tag = kit.json(&root, "s3", "UploadPart", &part).await.unwrap()["ETag"].clone();
    let mut complete = json!({"Bucket": "bbb", "Key": "n", "UploadId": upload,
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": tag}]}});
    let refused = kit.json(&root, "s3", "CompleteMultipartUpload", &complete).await.unwrap_err();
    assert_eq!(refused.code, "AccessDenied");
    complete["IfNoneMatch"] = "*".into();
    kit.json(&root, "s3", "CompleteMultipartUpload", &complete).await.unwrap();
}

#[tokio::test]
async fn conditions_see_what_headers_say_of_grants() {
    let (kit, _) = with_object().await;
    let everything = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
    let bucket = json!({"Bucket": "bbb"});
    let other = json!({"Bucket": "ccc"});
    for (operation, input) in [
        ("CreateBucket", &other),
        ("PutBucketAcl", &bucket),
        ("PutObjectAcl", &OBJECT("k")),
        ("PutObject", &OBJECT("n")),
        ("CreateMultipartUpload", &OBJECT("n")),
        ("CopyObject", &json!({"Bucket": "bbb", "Key": "n", "CopySource": "bbb/k"})),
    ] {
        for (member, key, value) in [
            ("ACL", "s3:x-amz-acl", "private"),
            ("GrantFullControl", "s3:x-amz-grant-full-control", "id=a"),
            ("GrantRead", "s3:x-amz-grant-read", "id=a"),
            ("GrantReadACP", "s3:x-amz-grant-read-acp", "id=a"),
            ("GrantWrite", "s3:x-amz-grant-write", "id=a"),
            ("GrantWriteACP", "s3:x-amz-grant-write-acp", "id=a"),
        ] {
            let unsayable =
                member == "GrantWrite" && !operation.ends_with("Acl") && operation != "CreateBucket";
            if unsayable {
                continue;
            }
            let deny = json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {key: value}}});
            let denied = kit.user(&format!("{operation}{member}"), json!([everything, deny])).await;
            let mut said = input.clone();
            said[member] = json!(value);
            let fault = kit.json(&denied, "s3", operation, &said).await.unwrap_err();
            assert_eq!(fault.code, "AccessDenied", "{operation} {member}: {}", fault.message);
        }
    }
    let only = json!([{"Effect": "Allow", "Action": ["s3:PutObjectAcl", "s3:PutBucketAcl"], "Resource": "*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": ["private", "bucket-owner-full-control"]}}}]);
    let only = kit.user("only", only).await;
    let set = |mut input: Value, acl: &str| {
        input["ACL"] = json!(acl);
        input
    };
    kit.json(&only, "s3", "PutBucketAcl", &set(bucket.clone(), "private")).await.unwrap();
    kit.json(&only, "s3", "PutObjectAcl", &set(OBJECT("k"), "bucket-owner-full-control")).await.unwrap();
    let open = kit.json(&only, "s3", "PutBucketAcl", &set(bucket, "public-read")).await.unwrap_err();
    assert_eq!(open.code, "AccessDenied");
}

#[tokio::test]
async fn only_conditional_deletes_can_be_allowed() {
    let (kit, root) = with_object().await;
    let only = json!([{"Effect": "Allow", "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"], "Resource": "*",
        "Condition": {"Null": {"s3:if-match": "false"}}}]);
    let only = kit.user("only", only).await;
    let delete = |more: Value| {
        let mut input = OBJECT("k");
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (kit, only) = (&kit, &only);
        async move { kit.json(only, "s3", "DeleteObject", &input).await.map_err(|fault| fault.code.into_owned()) }
    };
    assert_eq!(delete(json!({})).await.unwrap_err(), "AccessDenied");
    assert_eq!(delete(json!({"IfMatch": "\"0\""})).await.unwrap_err(), "PreconditionFailed");
    let version = json!({"IfMatch": "*", "VersionId": "null"});
    assert_eq!(
        delete(version).await.unwrap_err(),
        "AccessDenied",
        "the action on versions does not know the key"
    );
    let many = |object: Value| json!({"Bucket": "bbb", "Delete": {"Objects": [object]}});
    let plain = kit.json(&only, "s3", "DeleteObjects", &many(json!({"Key": "k"}))).await.unwrap();
    assert_eq!(plain["Errors"][0]["Code"], "AccessDenied");
    let head = kit.json(&root, "s3", "HeadObject", &OBJECT("k")).await.unwrap();
    let known = json!({"Key": "k", "ETag": head["ETag"]});
    let done = kit.json(&only, "s3", "DeleteObjects", &many(known)).await.unwrap();
    assert_eq!(done["Deleted"][0]["Key"], "k", "{done}");
    kit.json(&root, "s3", "PutObject", &OBJECT("k")).await.unwrap();
    delete(json!({"IfMatch": "*"})).await.unwrap();
}
