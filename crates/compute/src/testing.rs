//! The plain data that this crate's own tests share.

use std::time::Duration;

use base::{SecretString, Timestamp};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::BoxFuture;
use crate::contract::*;
use crate::function::{Concurrency, FunctionLogging, FunctionSpec, InvokeRequest};
use crate::package::CodeHash;

pub(crate) fn spec() -> FunctionSpec {
    FunctionSpec {
        account: "000000000000".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        name: "orders".into(),
        arn: "arn:aws:lambda:us-east-1:000000000000:function:orders".into(),
        version: "$LATEST".into(),
        revision: "1".into(),
        code: CodeHash::of(b""),
        layers: Vec::new(),
        runtime: "python3.13".into(),
        handler: "app.handler".into(),
        memory_mib: 128,
        timeout: Duration::from_secs(3),
        tmp_mib: 512,
        role_arn: "arn:aws:iam::000000000000:role/orders".into(),
        variables: Vec::new(),
        log_group: "/aws/lambda/orders".into(),
        logging: FunctionLogging::default(),
    }
}

pub(crate) fn credentials() -> RoleCredentials {
    RoleCredentials {
        access_key_id: "ASIATESTTESTTESTTEST".into(),
        secret_access_key: SecretString::new("secret"),
        session_token: SecretString::new("token"),
        expires_at: Timestamp::from_secs(4_000_000_000),
    }
}

pub(crate) fn log_target() -> LogTarget {
    LogTarget {
        account: "000000000000".parse().unwrap(),
        role_arn: "role".into(),
        function_arn: "function".into(),
        environment_id: "environment".into(),
        log_group: "group".into(),
        log_stream: "stream".into(),
    }
}

pub(crate) fn request(payload: &str) -> InvokeRequest {
    InvokeRequest {
        request_id: crypto::random::uuid(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        invoked_arn: spec().arn,
        trace_id: "Root=1-0-0;Sampled=0".into(),
        client_context: None,
        wants_log_tail: true,
        concurrency: Concurrency {
            reserved: None,
            provisioned: 0,
            provisioned_in_all: 0,
            unreserved_max: 1_000,
        },
        answer_sink: None,
    }
}

pub(crate) struct Credentials;

impl CredentialSource for Credentials {
    fn credentials<'a>(
        &'a self,
        _: &'a FunctionSpec,
        _: &'a str,
    ) -> BoxFuture<'a, Result<RoleCredentials, CredentialError>> {
        Box::pin(async { Ok(credentials()) })
    }
}

#[derive(Default)]
pub(crate) struct Collected(pub(crate) Mutex<Vec<String>>);

impl LogSink for Collected {
    fn deliver<'a>(&'a self, _: &'a LogTarget, events: Vec<LogEvent>) -> BoxFuture<'a, bool> {
        self.0.lock().extend(events.into_iter().map(|event| event.message));
        Box::pin(async { true })
    }
}
