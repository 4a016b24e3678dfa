//! Objects, versions and listings.

use std::sync::Arc;

use bytes::Bytes;
use identity::Principal;
use protocol::{ByteStream, Fault};
use serde_json::json;
use service::testkit::TestKit;

use super::kit;
use crate::api;

async fn bucket(kit: &TestKit) -> Arc<Principal> {
    let root = kit.administrator();
    kit.json(&root, "s3", "CreateBucket", &json!({"Bucket": "bbb"})).await.unwrap();
    root
}

async fn put(
    kit: &TestKit,
    who: &Arc<Principal>,
    key: &str,
    bytes: Vec<u8>,
) -> Result<api::PutObjectOutput, Fault> {
    let body = Some(ByteStream::whole(Bytes::from(bytes)));
    let input = api::PutObjectRequest { bucket: "bbb".into(), key: key.into(), body, ..Default::default() };
    kit.call::<api::PutObject>(who, input).await
}

async fn get(kit: &TestKit, who: &Arc<Principal>, key: &str, range: Option<&str>) -> Result<Bytes, Fault> {
    let range = range.map(str::to_owned);
    let input = api::GetObjectRequest { bucket: "bbb".into(), key: key.into(), range, ..Default::default() };
    let output = kit.call::<api::GetObject>(who, input).await?;
    output.body.unwrap().collect(1 << 30).await
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 253) as u8).collect()
}

#[tokio::test]
async fn what_is_put_is_got_in_any_range() {
    let kit = kit().await;
    let root = bucket(&kit).await;
    for size in [0, 1, 65_536, 65_537, 200_000, 3_000_000] {
        let content = bytes(size);
        put(&kit, &root, "k", content.clone()).await.unwrap();
        assert_eq!(get(&kit, &root, "k", None).await.unwrap(), content, "{size}");
        for (text, from, to) in [
            ("bytes=0-0", 0, 1),
            ("bytes=65530-65540", 65_530, 65_541),
            ("bytes=-5", size.saturating_sub(5), size),
        ] {
            match get(&kit, &root, "k", Some(text)).await {
                Ok(part) => assert_eq!(part, content[from..to.min(size)], "{size} {text}"),
                Err(fault) => {
                    assert!(fault.code == "InvalidRange" && size <= from, "{size} {text} {fault:?}")
                }
            }
        }
    }
}

#[tokio::test]
async fn a_marker_that_is_named_is_no_source_of_a_copy() {
    let kit = kit().await;
    let root = bucket(&kit).await;
    put(&kit, &root, "k", b"x".to_vec()).await.unwrap();
    let enable = json!({"Bucket": "bbb", "VersioningConfiguration": {"Status": "Enabled"}});
    kit.json(&root, "s3", "PutBucketVersioning", &enable).await.unwrap();
    let deleted = kit.json(&root, "s3", "DeleteObject", &json!({"Bucket": "bbb", "Key": "k"})).await.unwrap();
    let marker = format!("bbb/k?versionId={}", deleted["VersionId"].as_str().unwrap());
    let upload = json!({"Bucket": "bbb", "Key": "c"});
    let upload = kit.json(&root, "s3", "CreateMultipartUpload", &upload).await.unwrap()["UploadId"].clone();
    for (source, code, status) in [
        (marker.as_str(), "InvalidRequest", 400),
        ("bbb/k", "NoSuchKey", 404),
        ("bbb/k?versionId=null", "", 0),
    ] {
        let copy = json!({"Bucket": "bbb", "Key": "c", "CopySource": source});
        let part =
            json!({"Bucket": "bbb", "Key": "c", "CopySource": source, "UploadId": upload, "PartNumber": 1});
        for (operation, input) in [("CopyObject", copy), ("UploadPartCopy", part)] {
            let refused = kit.json(&root, "s3", operation, &input).await.err();
            let told = refused.as_ref().map_or(("", 0), |fault| (fault.code.as_ref(), fault.status));
            assert_eq!(told, (code, status), "{operation} {source}");
        }
    }
}

#[tokio::test]
async fn versions_come_back_when_the_newest_goes() {
    let kit = kit().await;
    let root = bucket(&kit).await;
    put(&kit, &root, "k", b"null".to_vec()).await.unwrap();
    let enable = json!({"Bucket": "bbb", "VersioningConfiguration": {"Status": "Enabled"}});
    kit.json(&root, "s3", "PutBucketVersioning", &enable).await.unwrap();
    let first = put(&kit, &root, "k", b"one".to_vec()).await.unwrap().version_id.unwrap();
    let second = put(&kit, &root, "k", b"two".to_vec()).await.unwrap().version_id.unwrap();
    assert_ne!(first, second);
    let object = json!({"Bucket": "bbb", "Key": "k"});
    let deleted = kit.json(&root, "s3", "DeleteObject", &object).await.unwrap();
    assert_eq!(deleted["DeleteMarker"], true);
    assert_eq!(get(&kit, &root, "k", None).await.unwrap_err().code, "NoSuchKey");
    let listed = kit.json(&root, "s3", "ListObjectVersions", &json!({"Bucket": "bbb"})).await.unwrap();
    assert_eq!(
        (listed["Versions"].as_array().unwrap().len(), listed["DeleteMarkers"].as_array().unwrap().len()),
        (3, 1)
    );
    let remove = |id: &str| json!({"Bucket": "bbb", "Key": "k", "VersionId": id});
    kit.json(&root, "s3", "DeleteObject", &remove(deleted["VersionId"].as_str().unwrap())).await.unwrap();
    assert_eq!(get(&kit, &root, "k", None).await.unwrap(), "two");
    kit.json(&root, "s3", "DeleteObject", &remove(&second)).await.unwrap();
    assert_eq!(get(&kit, &root, "k", None).await.unwrap(), "one");
    kit.json(&root, "s3", "DeleteObject", &remove(&first)).await.unwrap();
    assert_eq!(get(&kit, &root, "k", None).await.unwrap(), "null");
    let fault = kit.json(&root, "s3", "DeleteBucket", &json!({"Bucket": "bbb"})).await.unwrap_err();
    assert_eq!(fault.code, "BucketNotEmpty");
    kit.json(&root, "s3", "DeleteObject", &remove("null")).await.unwrap();
    kit.json(&root, "s3", "DeleteBucket", &json!({"Bucket": "bbb"})).await.unwrap();
}

#[tokio::test]
async fn listings_roll_up_and_go_on() {
    let kit = kit().await;
    let root = bucket(&kit).await;
    for key in ["a/1", "a/2", "b", "c/x/1", "c/x/2", "c/y", "d\u{0}e", "é"] {
        put(&kit, &root, key, key.as_bytes().to_vec()).await.unwrap();
    }
    let mut found = Vec::new();
    let mut token = None;
    for _ in 0..20 {
        let mut input = json!({"Bucket": "bbb", "Delimiter": "/", "MaxKeys": 1});
        if let Some(token) = &token {
            input["ContinuationToken"] = json!(token);
        }
        let page = kit.json(&root, "s3", "ListObjectsV2", &input).await.unwrap();
        for (list, name) in [("Contents", "Key"), ("CommonPrefixes", "Prefix")] {
            let items = page[list].as_array().cloned().unwrap_or_default();
            found.extend(items.iter().map(|item| item[name].as_str().unwrap().to_owned()));
        }
        token = page["NextContinuationToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found, ["a/", "b", "c/", "d\u{0}e", "é"]);
    let inside = json!({"Bucket": "bbb", "Delimiter": "/", "Prefix": "c/"});
    let page = kit.json(&root, "s3", "ListObjects", &inside).await.unwrap();
    assert_eq!(
        (page["Contents"][0]["Key"].as_str(), page["CommonPrefixes"][0]["Prefix"].as_str()),
        (Some("c/y"), Some("c/x/"))
    );
}

#[tokio::test]
async fn a_write_keeps_to_its_conditions() {
    let kit = kit().await;
    let root = bucket(&kit).await;
    let attempt = |none: Option<&str>, matches: Option<&str>| api::PutObjectRequest {
        bucket: "bbb".into(),
        key: "k".into(),
        if_none_match: none.map(Into::into),
        if_match: matches.map(Into::into),
        ..Default::default()
    };
    let first = kit.call::<api::PutObject>(&root, attempt(Some("*"), None)).await.unwrap();
    let again = kit.call::<api::PutObject>(&root, attempt(Some("*"), None)).await.unwrap_err();
    assert_eq!((again.code.as_ref(), again.status), ("PreconditionFailed", 412));
    kit.call::<api::PutObject>(&root, attempt(None, first.e_tag.as_deref())).await.unwrap();
    let other = kit.call::<api::PutObject>(&root, attempt(None, Some("\"x\""))).await.unwrap_err();
    assert_eq!(other.code, "PreconditionFailed");
}

#[tokio::test]
async fn a_stated_checksum_must_be_the_bodys() {
    let kit = kit().await;
    let root = bucket(&kit).await;
    let body = || Some(ByteStream::whole(Bytes::from_static(b"123456789")));
    let base = || api::PutObjectRequest {
        bucket: "bbb".into(),
        key: "k".into(),
        body: body(),
        ..Default::default()
    };
    let right = api::PutObjectRequest { checksum_crc32: Some("y/Q5Jg==".into()), ..base() };
    assert_eq!(
        kit.call::<api::PutObject>(&root, right).await.unwrap().checksum_crc32.as_deref(),
        Some("y/Q5Jg==")
    );
    for (wrong, code) in [
        (api::PutObjectRequest { checksum_crc32: Some("AAAAAA==".into()), ..base() }, "BadDigest"),
        (api::PutObjectRequest { checksum_crc32: Some("x".into()), ..base() }, "InvalidRequest"),
        (
            api::PutObjectRequest { content_md5: Some("AAAAAAAAAAAAAAAAAAAAAA==".into()), ..base() },
            "BadDigest",
        ),
        (api::PutObjectRequest { content_md5: Some("zz".into()), ..base() }, "InvalidDigest"),
        (api::PutObjectRequest { checksum_sha512: Some("zz".into()), ..base() }, "NotImplemented"),
        (
            api::PutObjectRequest { server_side_encryption: Some("aws:kms:dsse".into()), ..base() },
            "NotImplemented",
        ),
        (
            api::PutObjectRequest { acl: Some("public-read".into()), ..base() },
            "AccessControlListNotSupported",
        ),
    ] {
        assert_eq!(kit.call::<api::PutObject>(&root, wrong).await.unwrap_err().code, code);
    }
}

#[tokio::test]
async fn what_was_not_modified_is_told_with_what_keeps_it_fresh() {
    let kit = kit().await;
    let root = bucket(&kit).await;
    let put = json!({"Bucket": "bbb", "Key": "k", "Body": "eA==", "CacheControl": "max-age=60",
        "Expires": "Thu, 01 Dec 2044 16:00:00 GMT"});
    let etag = kit.json(&root, "s3", "PutObject", &put).await.unwrap()["ETag"].clone();
    let asked = json!({"Bucket": "bbb", "Key": "k", "IfNoneMatch": etag});
    for operation in ["GetObject", "HeadObject"] {
        let fault = kit.json(&root, "s3", operation, &asked).await.unwrap_err();
        assert_eq!(fault.status, 304);
        let headers = fault.headers.unwrap().0;
        let header =
            |name: &str| headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
        assert_eq!(header("etag").as_deref(), etag.as_str(), "{operation}");
        assert_eq!(header("cache-control").as_deref(), Some("max-age=60"));
        assert_eq!(header("expires").as_deref(), Some("Thu, 01 Dec 2044 16:00:00 GMT"));
        assert!(header("last-modified").is_some());
    }
}

#[tokio::test]
async fn a_listing_ends_after_a_bounded_walk_over_what_is_deleted() {
    let kit = kit().await;
    let root = bucket(&kit).await;
    let enable = json!({"Bucket": "bbb", "VersioningConfiguration": {"Status": "Enabled"}});
    kit.json(&root, "s3", "PutBucketVersioning", &enable).await.unwrap();
    for thousand in 0..11 {
        let objects: Vec<_> =
            (0..1_000).map(|at| json!({"Key": format!("m/{thousand:02}{at:03}")})).collect();
        let input = json!({"Bucket": "bbb", "Delete": {"Objects": objects, "Quiet": true}});
        kit.json(&root, "s3", "DeleteObjects", &input).await.unwrap();
    }
    put(&kit, &root, "m/z", b"z".to_vec()).await.unwrap();
    put(&kit, &root, "n", b"n".to_vec()).await.unwrap();
    for (more, expected) in [(json!({}), vec!["m/z", "n"]), (json!({"Delimiter": "/"}), vec!["m/", "n"])] {
        for (operation, next, after) in [
            ("ListObjectsV2", "NextContinuationToken", "ContinuationToken"),
            ("ListObjects", "NextMarker", "Marker"),
        ] {
            let mut input = json!({"Bucket": "bbb", "MaxKeys": 2});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let (mut found, mut pages) = (Vec::new(), 0);
            loop {
                let page = kit.json(&root, "s3", operation, &input).await.unwrap();
                pages += 1;
                for (list, name) in [("CommonPrefixes", "Prefix"), ("Contents", "Key")] {
                    let items = page[list].as_array().cloned().unwrap_or_default();
                    found.extend(items.iter().map(|item| item[name].as_str().unwrap().to_owned()));
                }
                if page["IsTruncated"] != true {
                    break;
                }
                input[after] = page[next].clone();
            }
            assert_eq!(
                (found, pages),
                (expected.iter().map(ToString::to_string).collect(), 2),
                "{operation}"
            );
        }
    }
}
