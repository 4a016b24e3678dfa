//! What is decided on one state is not carried out on another; and what is being read stays until it was read.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use identity::Principal;
use protocol::ByteStream;
use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::between::{Moment, is_over, then};
use store::{Key, Range};

use crate::api;
use crate::error::Error;
use crate::records::{self, BUCKETS, Content, DOOMED_PARTS, PARTS, VersionRecord, encode};
use crate::state::S3;
use crate::versions;

/// A platform, its state, and a bucket with an object that is tagged `c=pub`.
async fn kit() -> (TestKit, Arc<S3>, Arc<Principal>) {
    let folder = tempfile::tempdir().unwrap();
    let contents = folder.path().join("contents");
    let mut state = None;
    let kit = TestKit::start(|foundation| {
        let sealer = crypto::RootKey::ephemeral().derive("s3");
        let s3 = Arc::new(S3::open(foundation.store.clone(), contents, sealer).unwrap());
        state = Some(Arc::clone(&s3));
        vec![crate::table(s3)]
    })
    .await
    .keeping(folder);
    let root = kit.administrator();
    for bucket in ["bbb", "other"] {
        kit.json(&root, "s3", "CreateBucket", &json!({"Bucket": bucket})).await.unwrap();
    }
    put(&kit, &root, "c=pub").await;
    (kit, state.unwrap(), root)
}

async fn put(kit: &TestKit, root: &Arc<Principal>, tags: &str) {
    let input = json!({"Bucket": "bbb", "Key": "k", "Body": "eA==", "Tagging": tags});
    kit.json(root, "s3", "PutObject", &input).await.unwrap();
}

/// The object is put anew with this tag.
fn overwrite(s3: &Arc<S3>, tag: &'static str) -> impl FnOnce() + Send + 'static {
    let s3 = Arc::clone(s3);
    move || {
        let done = s3.store.transact_blocking(|transaction| {
            let bucket = records::bucket(transaction, "bbb")?;
            let tags = [("c".to_owned(), tag.to_owned())].into();
            let new =
                VersionRecord { marker: false, tags, ..versions::marker(base::Timestamp::from_secs(9)) };
            versions::push(transaction, &bucket, "k", new)
        });
        done.unwrap();
    }
}

fn object() -> Value {
    json!({"Bucket": "bbb", "Key": "k"})
}

fn with(more: Value) -> Value {
    let mut input = object();
    let Value::Object(more) = more else { panic!("no members: {more}") };
    input.as_object_mut().unwrap().extend(more);
    input
}

#[tokio::test]
async fn leave_for_one_object_is_none_for_what_took_its_place() {
    let (kit, s3, root) = kit().await;
    let tagged = |action: &str, tag: &str| {
        json!({"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::bbb/*",
            "Condition": {"StringEquals": {"s3:ExistingObjectTag/c": tag}}})
    };
    let put_elsewhere = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"});
    let user = kit.user("pub", json!([tagged("s3:*", "pub"), put_elsewhere])).await;
    let to = json!({"Bucket": "other", "Key": "u"});
    let upload = kit.json(&root, "s3", "CreateMultipartUpload", &to).await.unwrap()["UploadId"].clone();
    let tags = json!({"TagSet": [{"Key": "c", "Value": "pub"}]});
    let operations = [
        ("GetObject", object(), false),
        ("HeadObject", object(), false),
        ("GetObjectAttributes", with(json!({"ObjectAttributes": ["ETag"]})), false),
        ("GetObjectTagging", object(), false),
        ("GetObjectAcl", object(), false),
        ("CopyObject", json!({"Bucket": "other", "Key": "c", "CopySource": "bbb/k"}), true),
        (
            "UploadPartCopy",
            json!({"Bucket": "other", "Key": "u", "UploadId": upload, "PartNumber": 1, "CopySource": "bbb/k"}),
            true,
        ),
        ("PutObjectTagging", with(json!({"Tagging": tags})), true),
        ("DeleteObjectTagging", object(), true),
        ("DeleteObject", object(), true),
        ("DeleteObjects", json!({"Bucket": "bbb", "Delete": {"Objects": [{"Key": "k"}]}}), true),
    ];
    for (operation, input, writes) in operations {
        for moment in [Moment::View, Moment::Transaction].into_iter().take(1 + usize::from(writes)) {
            put(&kit, &root, "c=pub").await;
            then(moment, overwrite(&s3, "sec"));
            let answer = kit.json(&user, "s3", operation, &input).await;
            assert!(is_over(), "{operation} {moment:?}");
            let code = match &answer {
                Err(fault) => fault.code.to_string(),
                Ok(answer) => answer["Errors"][0]["Code"].as_str().unwrap_or_default().to_owned(),
            };
            assert_eq!(code, "AccessDenied", "{operation} {moment:?}: {answer:?}");
            let told = kit.json(&root, "s3", "GetObjectTagging", &object()).await.unwrap();
            assert_eq!(told["TagSet"], json!([{"Key": "c", "Value": "sec"}]), "{operation} {moment:?}");
            // Leave for what stands there instead is leave.
            put(&kit, &root, "c=pub").await;
            then(moment, overwrite(&s3, "pub"));
            let answer = kit.json(&user, "s3", operation, &input).await;
            let refused = answer.as_ref().map(|answer| answer["Errors"].as_array().map_or(0, Vec::len));
            assert_eq!(refused.ok(), Some(0), "{operation} {answer:?}");
        }
    }
}

#[tokio::test]
async fn leave_under_one_bucket_policy_is_none_under_another() {
    let (kit, s3, root) = kit().await;
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": ["s3:PutObject", "s3:PutBucketVersioning", "s3:DeleteBucket", "s3:AbortMultipartUpload"],
        "Resource": ["arn:aws:s3:::bbb", "arn:aws:s3:::bbb/*"]}]});
    let allow = json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]);
    let user = kit.user("all", allow).await;
    let upload = kit.json(&root, "s3", "CreateMultipartUpload", &object()).await.unwrap()["UploadId"].clone();
    for (operation, input) in [
        ("PutObject", with(json!({"Body": "eA=="}))),
        ("AbortMultipartUpload", with(json!({"UploadId": upload}))),
        ("PutBucketVersioning", json!({"Bucket": "bbb", "VersioningConfiguration": {"Status": "Enabled"}})),
        ("DeleteBucket", json!({"Bucket": "bbb"})),
    ] {
        for moment in [Moment::View, Moment::Transaction] {
            let change = |policy: Option<String>| {
                let s3 = Arc::clone(&s3);
                move || {
                    let done = s3.store.transact_blocking(|transaction| {
                        let bucket = records::BucketRecord { policy, ..records::bucket(transaction, "bbb")? };
                        transaction.put(BUCKETS, records::bucket_key("bbb"), encode(&bucket)?)?;
                        Ok::<(), Error>(())
                    });
                    done.unwrap();
                }
            };
            then(moment, change(Some(deny.to_string())));
            let refused = kit.json(&user, "s3", operation, &input).await.unwrap_err();
            assert_eq!(refused.code, "AccessDenied", "{operation} {moment:?}");
            std::thread::spawn(change(None)).join().unwrap();
        }
    }
}

const PART_BYTES: usize = 5 * 1024 * 1024;

/// Makes `k` an object of two large parts and a small one.
async fn put_in_parts(kit: &TestKit, root: &Arc<Principal>) -> usize {
    let begun = kit.json(root, "s3", "CreateMultipartUpload", &object()).await.unwrap();
    let upload_id = begun["UploadId"].as_str().unwrap().to_owned();
    let mut parts = Vec::new();
    let sizes = [PART_BYTES, PART_BYTES, 100];
    for (number, size) in (1..).zip(sizes) {
        let input = api::UploadPartRequest {
            bucket: "bbb".into(),
            key: "k".into(),
            upload_id: upload_id.clone(),
            part_number: number,
            body: Some(ByteStream::whole(Bytes::from(vec![number as u8; size]))),
            ..Default::default()
        };
        let e_tag = kit.call::<api::UploadPart>(root, input).await.unwrap().e_tag;
        parts.push(json!({"PartNumber": number, "ETag": e_tag}));
    }
    let complete = with(json!({"UploadId": upload_id, "MultipartUpload": {"Parts": parts}}));
    kit.json(root, "s3", "CompleteMultipartUpload", &complete).await.unwrap();
    sizes.iter().sum()
}

#[tokio::test]
async fn what_is_being_read_stays_until_it_was_read() {
    let (kit, s3, root) = kit().await;
    let get = || api::GetObjectRequest { bucket: "bbb".into(), key: "k".into(), ..Default::default() };
    // Small content is at hand once the answer has begun.
    let body = kit.call::<api::GetObject>(&root, get()).await.unwrap().body.unwrap();
    overwrite_here(&s3).await;
    crate::jobs::sweep(&s3).await.unwrap();
    assert_eq!(body.collect(10).await.unwrap(), "x");
    // That of parts is opened part by part.
    let size = put_in_parts(&kit, &root).await;
    let mut chunks = kit.call::<api::GetObject>(&root, get()).await.unwrap().body.unwrap().take();
    let mut read = chunks.next().await.unwrap().unwrap().len();
    overwrite_here(&s3).await;
    crate::jobs::sweep(&s3).await.unwrap();
    while let Some(chunk) = chunks.next().await {
        read += chunk.unwrap().len();
    }
    assert_eq!(read, size);
    drop(chunks);
    crate::jobs::sweep(&s3).await.unwrap();
    assert!(s3.files.ids().unwrap().is_empty());
    for table in [PARTS, DOOMED_PARTS] {
        assert!(s3.store.scan(table, &Range::all()).unwrap().is_empty());
    }
}

async fn overwrite_here(s3: &Arc<S3>) {
    let event = overwrite(s3, "sec");
    tokio::task::spawn_blocking(event).await.unwrap();
}

#[tokio::test]
async fn uploads_of_a_bucket_that_is_gone_go_after_it() {
    let (kit, s3, root) = kit().await;
    let begin = json!({"Bucket": "other", "Key": "u"});
    let upload = kit.json(&root, "s3", "CreateMultipartUpload", &begin).await.unwrap()["UploadId"].clone();
    let part = api::UploadPartRequest {
        bucket: "other".into(),
        key: "u".into(),
        upload_id: upload.as_str().unwrap().to_owned(),
        part_number: 1,
        body: Some(ByteStream::whole(Bytes::from(vec![1; 100_000]))),
        ..Default::default()
    };
    kit.call::<api::UploadPart>(&root, part).await.unwrap();
    kit.json(&root, "s3", "DeleteBucket", &json!({"Bucket": "other"})).await.unwrap();
    assert_eq!(s3.files.ids().unwrap().len(), 1);
    crate::jobs::sweep(&s3).await.unwrap();
    assert!(s3.files.ids().unwrap().is_empty());
    assert!(s3.store.scan(records::UPLOADS, &Range::all()).unwrap().is_empty());
    assert!(s3.store.scan(records::DOOMED_BUCKETS, &Range::all()).unwrap().is_empty());
}

#[tokio::test]
async fn many_deletions_of_large_objects_do_not_walk_their_parts() {
    let (kit, s3, root) = kit().await;
    put_in_parts(&kit, &root).await;
    kit.json(&root, "s3", "DeleteObject", &object()).await.unwrap();
    // Out of sight at once; the parts themselves are another turn's.
    assert_eq!(kit.json(&root, "s3", "HeadObject", &object()).await.unwrap_err().status, 404);
    assert_eq!(s3.store.scan(PARTS, &Range::all()).unwrap().len(), 3);
    let doomed = s3.store.scan(DOOMED_PARTS, &Range::all()).unwrap();
    assert_eq!(doomed.len(), 1);
    let content = Content::Parts(store::KeyReader::new(&doomed[0].0).str().unwrap());
    assert!(
        matches!(content, Content::Parts(id) if s3.store.get(DOOMED_PARTS, Key::new().str(&id)).unwrap().is_some())
    );
}

/// Of another account's bucket its owner is looked at, since its name does not tell; everything else only once the caller's own
/// side was taken alone.
#[tokio::test]
async fn what_other_accounts_buckets_hold_is_looked_at_last() {
    let (kit, _, root) = kit().await;
    let text = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": {"AWS": "999999999999"},
        "Action": "s3:*", "Resource": "arn:aws:s3:::bbb/*"}]});
    kit.json(&root, "s3", "PutBucketPolicy", &json!({"Bucket": "bbb", "Policy": text.to_string()}))
        .await
        .unwrap();
    let begin = json!({"Bucket": "bbb", "Key": "k", "ServerSideEncryption": "AES256"});
    let upload = kit.json(&root, "s3", "CreateMultipartUpload", &begin).await.unwrap()["UploadId"].clone();
    let other = Arc::new(Principal::root("210987654321".parse().unwrap()));
    for operation in ["GetObject", "GetObjectTagging", "GetObjectAttributes", "DeleteObject", "ListParts"] {
        let of = |key: &str| {
            let mut input = json!({"Bucket": "bbb", "Key": key});
            match operation {
                "GetObjectAttributes" => input["ObjectAttributes"] = json!(["ETag"]),
                "ListParts" => input["UploadId"] = upload.clone(),
                _ => {}
            }
            input
        };
        let (alone, found) = kit.asked(&other, "s3", operation, &of("k"));
        let (absent, _) = kit.asked(&other, "s3", operation, &of("absent"));
        assert_eq!(alone.replace("bbb/k", "bbb/absent"), absent, "{operation}");
        assert!(
            !alone.contains("ExistingObjectTag") && !alone.contains("999999999999"),
            "{operation}: {alone}"
        );
        assert!(found.contains("999999999999"), "{operation}: {found}");
    }
    let part = json!({"Bucket": "bbb", "Key": "k", "UploadId": upload, "PartNumber": 1, "Body": "eA=="});
    let (alone, found) = kit.asked(&other, "s3", "UploadPart", &part);
    assert!(found.contains("AES256") && !alone.contains("AES256"), "{alone}");
}
