//! Whole messages: what comes in hostile, and what goes out as each service says it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use bytes::Bytes;
use http::HeaderMap;
use protocol::{
    Fault, IntoValue as _, Structure, Value, WireRequest, decode_input, encode_fault, encode_output, model,
};

fn decode(service: &str, operation: &str, body: impl Into<Bytes>) -> Result<Value, Fault> {
    let operation = model(service).unwrap().operation(operation).unwrap();
    let (headers, body) = (HeaderMap::new(), body.into());
    decode_input(
        operation,
        &WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: &body },
    )
}

fn refusal(service: &str, operation: &str, body: impl Into<Bytes>) -> (String, String) {
    let fault = decode(service, operation, body).unwrap_err();
    (fault.code.into_owned(), fault.message)
}

#[test]
fn json_of_the_wrong_kind_is_refused_in_the_services_words() {
    for (body, message) in [
        (r#"{"TableName":1}"#, "NUMBER_VALUE can not be converted to String"),
        (r#"{"TableName":true}"#, "TRUE_VALUE can not be converted to String"),
        (r#"{"TableName":["a"]}"#, "Start of list found where not expected"),
        (r#"{"TableName":{}}"#, "Start of structure or map found where not expected"),
        (r#"{"ConsistentRead":"true"}"#, "STRING_VALUE can not be converted to Boolean"),
        (
            r#"{"Key":{"k":{"B":"A"}}}"#,
            "Base64 encoded length is expected a multiple of 4 bytes but found: 1",
        ),
        (r#"{"Key":{"k":{"B":"A==="}}}"#, "Invalid Base64 character or padding"),
        (r#"{"TableName":"a","TableName":"b"}"#, "Duplicate member: TableName"),
        (r#"{"Key":{"a":{"S":"1"},"a":{"S":"2"}}}"#, "Duplicate key in a map"),
        (r"[]", "Start of list found where not expected"),
        (r#""x""#, "STRING_VALUE can not be converted to Structure"),
        (r#"{"TableName":"a"} x"#, "Unexpected character or end of input at line 1 column 19"),
        (r#"{"TableName""#, "Unexpected character or end of input at line 1 column 12"),
        ("{\"TableName\":\"\u{1}\"}", "Unexpected character or end of input at line 1 column 15"),
    ] {
        assert_eq!(
            refusal("dynamodb", "GetItem", body),
            ("SerializationException".to_owned(), message.to_owned()),
            "{body}"
        );
    }
    let invalid_utf8 = Bytes::from_static(b"{\"TableName\":\"\xff\"}");
    assert_eq!(refusal("dynamodb", "GetItem", invalid_utf8).0, "SerializationException");
    let (_, message) = refusal("dynamodb", "Scan", r#"{"Limit":3000000000}"#);
    assert_eq!(message, "Numeric value (3000000000) out of range of integer");
}

#[test]
fn depth_and_numbers_of_values_have_limits() {
    let deep = format!("{{\"Key\":{{\"k\":{}{}}}}}", "{\"L\":[".repeat(60), "]}".repeat(60));
    let (code, message) = refusal("dynamodb", "GetItem", deep);
    assert_eq!(code, "ValidationException", "as of what is refused by its service, which takes less");
    assert!(message.starts_with("Nesting Levels have exceeded supported limits"), "{message}");
    let unknown = format!("{{\"x\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(decode("dynamodb", "GetItem", unknown).is_ok(), "what is skipped is skipped without recursion");
    let wide = format!("{{\"AttributesToGet\":[{}\"a\"]}}", "\"a\",".repeat(600_000));
    assert_eq!(refusal("dynamodb", "GetItem", wide).1, "The request consists of more than 500000 values");
    let nested = format!("UserName{}=x", ".a".repeat(500));
    assert_eq!(refusal("iam", "GetUser", nested).0, "MalformedQueryString");
    let many = "a=1&".repeat(100_001);
    assert_eq!(refusal("iam", "GetUser", many).0, "MalformedQueryString");
}

#[test]
fn forms_that_say_two_things_are_refused() {
    for body in [
        "UserName=a&UserName=b",
        "Tags.member.x.Key=a",
        "Tags.member.1-x.Key=a&Tags.member.1.Key=b",
        "Tags.member.0.Key=a",
        "Tags.member.1.Key=a&Tags.member.01.Key=b",
        "UserName=%ff",
    ] {
        assert_eq!(refusal("iam", "CreateUser", body).0, "MalformedQueryString", "{body}");
    }
    assert_eq!(refusal("iam", "ListUsers", "MaxItems=ten").0, "MalformedInput");
}

#[test]
fn names_that_begin_alike_stay_apart() {
    let body = "Tags.member.1.Key=a&Tags.member.1.Value=b&Tags-x=1&Tags.memberx.1.Key=c&UserName=u&UserName2=v&Path=/";
    let Value::Structure(input) = decode("iam", "CreateUser", body).unwrap() else { panic!() };
    let tag = Structure::new().with("Key", "a").with("Value", "b").into_value();
    assert_eq!(input.get("Tags"), Some(&Value::List(vec![tag])));
    assert_eq!((input.str("UserName"), input.str("Path")), (Some("u"), Some("/")));
}

#[test]
fn lists_in_forms_keep_their_numeric_order() {
    let body =
        "Tags.member.10.Key=ten&Tags.member.2.Key=two&Tags.member.2.Value=v&Action=CreateUser&Unknown.1=x";
    let Value::Structure(input) = decode("iam", "CreateUser", body).unwrap() else { panic!() };
    let Some(Value::List(tags)) = input.get("Tags") else { panic!() };
    let keys: Vec<_> = tags
        .iter()
        .map(|tag| match tag {
            Value::Structure(tag) => tag.str("Key").unwrap().to_owned(),
            _ => panic!(),
        })
        .collect();
    assert_eq!(keys, ["two", "ten"]);
}

fn said(service: &str, fault: &Fault) -> (u16, String, HeaderMap) {
    let answer = encode_fault(model(service).unwrap(), None, fault, "req-1");
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap(), answer.headers)
}

#[test]
fn faults_take_the_form_of_their_api() {
    let cases = [
        (
            "iam",
            Fault::sender("NoSuchEntityException", "The user with name bob cannot be found."),
            404,
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name bob cannot be found.</Message></Error><RequestId>req-1</RequestId></ErrorResponse>",
        ),
        (
            "sts",
            Fault::sender("AccessDenied", "no <way>"),
            403,
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no &lt;way&gt;</Message></Error><RequestId>req-1</RequestId></ErrorResponse>",
        ),
        (
            "dynamodb",
            Fault::sender("AccessDenied", "no"),
            400,
            "{\"__type\":\"com.amazon.coral.service#AccessDeniedException\",\"message\":\"no\"}",
        ),
        (
            "dynamodb",
            Fault::sender("ResourceNotFoundException", "Requested resource not found"),
            400,
            "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\",\"message\":\"Requested resource not found\"}",
        ),
        (
            "dynamodb",
            Fault::sender("ValidationException", "bad"),
            400,
            "{\"__type\":\"com.amazon.coral.validate#ValidationException\",\"message\":\"bad\"}",
        ),
        (
            "logs",
            Fault::sender("ResourceNotFoundException", "The specified log group does not exist."),
            400,
            "{\"__type\":\"ResourceNotFoundException\",\"message\":\"The specified log group does not exist.\"}",
        ),
        (
            "lambda",
            Fault::sender("ResourceNotFoundException", "Function not found: x"),
            404,
            "{\"Message\":\"Function not found: x\",\"Type\":\"User\"}",
        ),
        ("lambda", Fault::sender("AccessDenied", "no"), 403, "{\"message\":\"no\"}"),
        (
            "apigateway",
            Fault::sender("NotFoundException", "Invalid API identifier specified"),
            404,
            "{\"message\":\"Invalid API identifier specified\"}",
        ),
        (
            "cloudformation",
            Fault::internal(),
            500,
            "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Receiver</Type><Code>InternalFailure</Code><Message>The request processing has failed because of an unknown error, exception or failure.</Message></Error><RequestId>req-1</RequestId></ErrorResponse>",
        ),
    ];
    for (service, fault, status, body) in cases {
        let (answered, said, headers) = said(service, &fault);
        assert_eq!((answered, said.as_str()), (status, body));
        assert_eq!(headers["x-amzn-requestid"], "req-1");
    }
    let (_, _, headers) = said("lambda", &Fault::sender("AccessDenied", "no"));
    assert_eq!(headers["x-amzn-errortype"], "AccessDeniedException");
    let (_, body, headers) = said("dynamodb", &Fault::sender("AccessDenied", "no"));
    assert_eq!(headers["x-amz-crc32"].to_str().unwrap(), crc32fast::hash(body.as_bytes()).to_string());
}

#[test]
fn members_of_an_error_travel_with_it() {
    let fault = Fault::sender("TransactionCanceledException", "cancelled")
        .with_member("CancellationReasons", vec![Structure::new().with("Code", "None").into_value()]);
    let (_, body, _) = said("dynamodb", &fault);
    assert!(
        body.ends_with("\"Message\":\"cancelled\",\"CancellationReasons\":[{\"Code\":\"None\"}]}"),
        "{body}"
    );
}

#[test]
fn answers_take_the_form_of_their_api() {
    let identity = Structure::new()
        .with("UserId", "U")
        .with("Account", "000000000000")
        .with("Arn", "arn:aws:iam::000000000000:root");
    let operation = model("sts").unwrap().operation("GetCallerIdentity").unwrap();
    let answer = encode_output(operation, &identity.into_value(), "req-1");
    assert_eq!(answer.headers["content-type"], "text/xml");
    assert_eq!(
        std::str::from_utf8(&answer.body).unwrap(),
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><UserId>U</UserId><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    );
    let operation = model("lambda").unwrap().operation("Invoke").unwrap();
    let output = Structure::new()
        .with("StatusCode", 202_i64)
        .with("FunctionError", "Unhandled\r\nX-Evil: 1")
        .with("LogResult", "bG9n")
        .with("Payload", Bytes::from_static(b"{}"));
    let answer = encode_output(operation, &output.into_value(), "req-1");
    assert_eq!((answer.status, &answer.body[..]), (202, &b"{}"[..]));
    assert_eq!(answer.headers["x-amz-log-result"], "bG9n");
    assert!(!answer.headers.contains_key("x-amz-function-error"), "a value with a line break is left out");
}
