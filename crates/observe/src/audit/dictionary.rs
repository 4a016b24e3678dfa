//! What records have in common, from which the compressor of blocks takes what it finds again.
//!
//! A record that stands alone in its block repeats little of itself, and is half as large with these words known beforehand.
//! They hold what every platform's records hold, and nothing of anyone's. Blocks that are stored need them as they are: another
//! text is another version of a block.

/// Shaped as records are, so that what is found is long: the layout before the JSON text, then that text.
pub(crate) const WORDS: &[u8] = concat!(
    // What varies: kinds of callers, clients, services and resources. Short, for each record pays for all of it.
    r#"{"type":"Root","principalId":"{"type":"IAMUser","principalId":"AIDA","userName":""invokedBy":"lambda.amazonaws.com"}"#,
    r#"Boto3/1. md/Botocore#1. md/awscrt#0. ua/2.1 os/linux# md/arch#x86_64 lang/python#3. md/pyimpl#CPython m/b,Z,D,N "#,
    r#"cfg/retry-mode#legacy Botocore/1.aws-cli/2.aws-sdk-js/3. lang/js md/nodejs# exec-env/AWS_Lambda_"#,
    r#""managementEvent":true,"eventCategory":"Management"}"AWS::S3::Object"arn:aws:s3:::PutObjects3.amazonaws.com"#,
    "UpdateItemDeleteItemBatchWriteItemTransactWriteItems",
    // A record as it stands in a block: a change by a role's session.
    "\0\0\0\x07PutItem\0\0\0\x16dynamodb.amazonaws.com\0\0\0\x04root\0\0\0\x14ASIA\0\0\0\x01",
    "\0\0\0\x36arn:aws:dynamodb:us-east-1:000000000000:table/\0\0\0\x14AWS::DynamoDB::Table\0\0\x04",
    r#"{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROA","arn":"arn:aws:sts::000000000000:assumed-role/"#,
    r#"","arn":"arn:aws:iam::000000000000:user/","arn":"arn:aws:iam::000000000000:root","accountId":"000000000000","accessKeyId":"ASIA"#,
    r#"","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROA","arn":"arn:aws:iam::000000000000:role/","#,
    r#""accountId":"000000000000","userName":""},"attributes":{"creationDate":"2026-00-00T00:00:00Z","mfaAuthenticated":"false"}}}"#,
    r#","eventTime":"2026-00-00T00:00:00Z","eventSource":"dynamodb.amazonaws.com","eventName":"PutItem","awsRegion":"us-east-1","#,
    r#""sourceIPAddress":"127.0.0.1","userAgent":"","requestParameters":{"tableName":"","key":","item":"HIDDEN_DUE_TO_SECURITY_REASONS"},"#,
    r#""responseElements":null,"requestID":"","eventID":"01","readOnly":false,"resources":[{"ARN":"#,
    r#""arn:aws:dynamodb:us-east-1:000000000000:table/","accountId":"000000000000","type":"AWS::DynamoDB::Table"}],"#,
    r#""eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"000000000000","eventCategory":"Data"}"#,
)
.as_bytes();
