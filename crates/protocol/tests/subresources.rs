//! S3's sub-resources select the operation, and never the plain one.
#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use http::HeaderMap;
use protocol::{RouteFault, WireRequest, route};

fn ask(method: &str, uri: &str, headers: &HeaderMap) -> Result<String, RouteFault> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let body = Bytes::new();
    let request = WireRequest { method, path, query, headers, body: &body };
    route(Some("s3"), &request).map(|operation| operation.name().to_owned())
}

fn refusal(method: &str, uri: &str) -> (u16, String) {
    let answer = ask(method, uri, &HeaderMap::new()).unwrap_err().encode("req-1");
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

#[test]
fn a_sub_resource_without_an_operation_is_never_the_plain_operation() {
    let of_buckets = [
        "acl",
        "versioning",
        "notification",
        "logging",
        "requestPayment",
        "accelerate",
        "versions",
        "uploads",
        "location",
        "policyStatus",
        "object-lock",
        "abac",
        "analytics",
        "inventory",
        "metrics",
        "intelligent-tiering",
        "delete",
        "torrent",
        "%61cl",
        "acl=",
        "x-id=DeleteBucket&acl",
    ];
    let of_objects = [
        "acl",
        "torrent",
        "retention",
        "legal-hold",
        "restore",
        "attributes",
        "uploads",
        "select",
        "select&select-type=2",
        "lifecycle",
        "annotation",
    ];
    let of_puts = [
        "uploadId=abc",
        "uploads",
        "restore",
        "select",
        "torrent",
        "attributes",
        "policy",
        "lifecycle",
        "delete",
        "cors",
    ];
    let cases = of_buckets.map(|query| ("DELETE", "/b", query)).into_iter();
    let cases = cases.chain(of_objects.map(|query| ("DELETE", "/b/k", query)));
    let cases = cases.chain(of_puts.map(|query| ("PUT", "/b/k", query)));
    for (method, path, query) in cases.chain([("HEAD", "/b/k", "acl"), ("PUT", "/b", "location")]) {
        let (status, body) = refusal(method, &format!("{path}?{query}"));
        assert_eq!(status, 405, "{method} {path}?{query}: {body}");
        assert!(body.contains("<Code>MethodNotAllowed</Code>"), "{body}");
        assert!(body.contains(&format!("<Method>{method}</Method><ResourceType>")), "{body}");
    }
    assert!(refusal("DELETE", "/b?acl").1.contains("<ResourceType>ACL</ResourceType>"));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let two = "Conflicting query string parameters: policy, versioning</Message>\
               <ArgumentName>ResourceType</ArgumentName><ArgumentValue>policy</ArgumentValue>";
    let version = "This operation does not accept a version-id.</Message>\
                   <ArgumentName>versionId</ArgumentName><ArgumentValue>v</ArgumentValue>";
    let number = "This operation does not accept partNumber without uploadId</Message>";
    let key = "<Code>InvalidRequest</Code><Message>A key must be specified</Message>";
    for (method, uri, part) in [
        ("GET", "/b?versioning&policy", two),
        ("GET", "/b?policy&versioning", two),
        ("DELETE", "/b?policy&tagging", "parameters: policy, tagging"),
        ("POST", "/b/k?uploads&uploadId=x", "parameters: uploadId, uploads"),
        ("PUT", "/b/k?versionId=v", version),
        ("PUT", "/b/k?partNumber=1&uploadId=u&versionId=v", version),
        ("PUT", "/b/k?partNumber=1", number),
        ("DELETE", "/b/k?partNumber=1", number),
        ("PUT", "/b/k?part%4eumber=1", number),
        ("GET", "/b?uploadId=u", key),
        ("DELETE", "/b/?uploadId=u", key),
    ] {
        let (status, body) = refusal(method, uri);
        assert_eq!(status, 400, "{method} {uri}: {body}");
        assert!(body.contains(part), "{method} {uri}: {body}");
    }
}

#[test]
fn what_is_no_selector_is_passed_over() {
    let none = HeaderMap::new();
    for (method, uri, expected) in [
        ("DELETE", "/b?x-id=DeleteBucket", "DeleteBucket"),
        ("DELETE", "/b/k?versionId=v&X-Amz-Signature=0", "DeleteObject"),
        ("GET", "/b/k?response-content-type=text/plain&partNumber=1&Expires=1", "GetObject"),
        ("HEAD", "/b/k?partNumber=1", "HeadObject"),
        ("GET", "/b?Versioning", "ListObjects"),
        ("GET", "/b?versioning=1&versioning", "GetBucketVersioning"),
        ("GET", "/b?list-type=2&prefix=acl", "ListObjectsV2"),
        ("PUT", "/b/k?acl&versionId=v", "PutObjectAcl"),
        ("PUT", "/b/k?x-id=PutObject", "PutObject"),
    ] {
        let found = ask(method, uri, &none).map_err(|fault| format!("{fault:?}"));
        assert_eq!(found.as_deref(), Ok(expected), "{method} {uri}");
    }
}
