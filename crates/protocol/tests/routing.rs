//! Which operation a request means, and what is answered where it means none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bytes::Bytes;
use http::HeaderMap;
use protocol::{OperationModel, RouteFault, WireRequest, route};

struct Request {
    method: &'static str,
    uri: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const POST: Request = Request { method: "POST", uri: "/", headers: &[], body: "" };

fn ask(scope: Option<&str>, request: &Request) -> Result<OperationModel, RouteFault> {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers {
        headers.insert(*name, value.parse().unwrap());
    }
    let (path, query) = request.uri.split_once('?').unwrap_or((request.uri, ""));
    let body = Bytes::from_static(request.body.as_bytes());
    route(scope, &WireRequest { method: request.method, path, query, headers: &headers, body: &body })
}

fn target(target: &'static str) -> Request {
    let headers: &'static [(&str, &str)] = vec![("x-amz-target", target)].leak();
    Request { headers, ..POST }
}

#[test]
fn requests_find_their_operation() {
    let get = |uri| Request { method: "GET", uri, ..POST };
    let post = |uri, body| Request { uri, body, ..POST };
    let cases: Vec<(Option<&str>, Request, &str)> = vec![
        (Some("dynamodb"), target("DynamoDB_20120810.PutItem"), "dynamodb:PutItem"),
        (None, target("DynamoDB_20120810.PutItem"), "dynamodb:PutItem"),
        (Some("logs"), target("Logs_20140328.PutLogEvents"), "logs:PutLogEvents"),
        (
            Some("cloudtrail"),
            target("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"),
            "cloudtrail:LookupEvents",
        ),
        (Some("sts"), post("/", "Action=GetCallerIdentity&Version=2011-06-15"), "sts:GetCallerIdentity"),
        (Some("sts"), get("/?Action=GetCallerIdentity&Version=2011-06-15"), "sts:GetCallerIdentity"),
        (None, post("/", "Version=2010-05-08&Action=ListUsers"), "iam:ListUsers"),
        (None, post("/", "Version=2010-05-15&Action=DescribeStacks"), "cloudformation:DescribeStacks"),
        (Some("lambda"), post("/2015-03-31/functions/f/invocations", ""), "lambda:Invoke"),
        (Some("lambda"), get("/2015-03-31/functions"), "lambda:ListFunctions"),
        (Some("lambda"), get("/2015-03-31/functions/"), "lambda:ListFunctions"),
        (
            Some("lambda"),
            get("/2015-03-31/functions/arn%3Aaws%3Alambda%3A%3A%3Afunction%3Af/policy"),
            "lambda:GetPolicy",
        ),
        (Some("apigateway"), post("/restapis", "{}"), "apigateway:CreateRestApi"),
        (Some("apigateway"), post("/restapis?mode=import", "{}"), "apigateway:ImportRestApi"),
        (None, get("/restapis/a/stages/prod"), "apigateway:GetStage"),
        (Some("s3"), get("/"), "s3:ListBuckets"),
        (Some("s3"), get("/b"), "s3:ListObjects"),
        (Some("s3"), get("/b/?list-type=2&prefix=x"), "s3:ListObjectsV2"),
        (Some("s3"), get("/b?policy"), "s3:GetBucketPolicy"),
        (Some("s3"), get("/b?policyStatus"), "s3:GetBucketPolicyStatus"),
        (Some("s3"), get("/b/k/l"), "s3:GetObject"),
        (Some("s3"), get("/b/k?uploadId=u"), "s3:ListParts"),
        (Some("s3"), get("/b/k?versionId=v&x-id=GetObject"), "s3:GetObject"),
        (Some("s3"), post("/b/k?uploads", ""), "s3:CreateMultipartUpload"),
        (Some("s3"), post("/b/k?uploadId=u", ""), "s3:CompleteMultipartUpload"),
        (Some("s3"), Request { method: "PUT", uri: "/b/k?partNumber=1&uploadId=u", ..POST }, "s3:UploadPart"),
        (
            Some("s3"),
            Request { method: "PUT", uri: "/b/k", headers: &[("x-amz-copy-source", "a/b")], ..POST },
            "s3:CopyObject",
        ),
        (None, get("/some-bucket/key"), "s3:GetObject"),
        // What S3 does not know is passed over.
        (
            Some("s3"),
            Request { method: "DELETE", uri: "/b?nosuch&x-id=DeleteBucket", ..POST },
            "s3:DeleteBucket",
        ),
        (Some("s3"), Request { method: "PUT", uri: "/b/k?ACL&id=1&x-id=PutObject", ..POST }, "s3:PutObject"),
        (Some("s3"), Request { method: "PUT", uri: "/b/k?acl&versionId=v", ..POST }, "s3:PutObjectAcl"),
        (Some("s3"), get("/b/k?partNumber=1&versionId=v&response-content-type=t"), "s3:GetObject"),
        (Some("s3"), get("/b?versions&prefix=p&key-marker=k&encoding-type=url"), "s3:ListObjectVersions"),
        (Some("s3"), post("/b/k?select&select-type=2", ""), "s3:SelectObjectContent"),
        (Some("s3"), post("/b?delete", ""), "s3:DeleteObjects"),
    ];
    for (scope, request, expected) in cases {
        let found = ask(scope, &request).map_err(|fault| format!("{fault:?}"));
        assert_eq!(
            found.map(|operation| format!("{operation:?}")),
            Ok(expected.to_owned()),
            "{}",
            request.uri
        );
    }
}

#[test]
fn what_means_nothing_gets_the_protocols_own_error() {
    let cases: Vec<(Option<&str>, Request, u16, &str)> = vec![
        (
            Some("dynamodb"),
            target("DynamoDB_20120810.Nope"),
            400,
            r#""__type":"com.amazon.coral.service#UnknownOperationException""#,
        ),
        (Some("dynamodb"), target("Logs_20140328.PutLogEvents"), 400, "UnknownOperationException"),
        (Some("dynamodb"), POST, 400, "UnknownOperationException"),
        (
            Some("sts"),
            Request { body: "Action=Nope&Version=2011-06-15", ..POST },
            400,
            "<Code>InvalidAction</Code><Message>Could not find operation Nope for version 2011-06-15</Message>",
        ),
        (
            Some("sts"),
            Request { body: "Action=GetCallerIdentity", ..POST },
            400,
            "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED",
        ),
        (Some("iam"), POST, 400, "<Code>MissingAction</Code>"),
        (Some("lambda"), Request { method: "GET", uri: "/nope", ..POST }, 404, "message"),
        (
            Some("s3"),
            Request { method: "PATCH", uri: "/bucket", ..POST },
            405,
            "<Error><Code>MethodNotAllowed</Code>",
        ),
        (None, Request { method: "GET", uri: "/", ..POST }, 404, "message"),
        (Some("dynamodb "), target("DynamoDB_20120810.PutItem"), 400, "UnknownOperationException"),
        (
            Some("sqs"),
            target("AmazonSQS.SendMessage"),
            501,
            "The service sqs is not available on this platform.",
        ),
        (Some("sns"), Request { body: "Action=ListTopics", ..POST }, 501, "<Code>NotImplemented</Code>"),
        (Some("xray"), Request { uri: "/TraceSegments", ..POST }, 501, "The service xray is not available"),
    ];
    for (scope, request, status, part) in cases {
        let answer = ask(scope, &request).unwrap_err().encode("req-1");
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(answer.status, status, "{body}");
        assert!(body.contains(part), "{body}");
        let id = if scope == Some("s3") { "x-amz-request-id" } else { "x-amzn-requestid" };
        assert_eq!(answer.headers[id], "req-1");
    }
}
