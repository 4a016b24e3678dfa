//! Calls the function behind a proxy integration, through the pipeline like any other caller of Lambda.
//!
//! It has no way to the function but `lambda:Invoke`, as whom the integration says: API Gateway itself (the function's
//! own policy must let it in), the caller, or a role that trusts API Gateway.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Timestamp};
use bytes::Bytes;
use identity::Principal;
use identity::sigv4::CredentialSource as _;
use protocol::{Structure, Value};
use service::{Pipeline, Source};

use crate::records::Credentials;
use crate::refusal::Refusal;

pub(crate) const SERVICE: &str = "apigateway.amazonaws.com";

/// The function of an integration, and as whom it is called.
pub(crate) struct Target<'a> {
    pub(crate) pipeline: &'a Pipeline,
    /// As it stands in the integration's URI.
    pub(crate) function: &'a str,
    pub(crate) credentials: &'a Credentials,
    pub(crate) variables: &'a BTreeMap<String, String>,
    pub(crate) caller: Option<&'a Arc<Principal>>,
    /// What the function's policy may name in `aws:SourceArn`.
    pub(crate) source_arn: String,
    pub(crate) source_account: AccountId,
    pub(crate) source: &'a Source,
    pub(crate) timeout: Duration,
    pub(crate) now: Timestamp,
}

impl Target<'_> {
    /// The function's answer to the event.
    pub(crate) async fn invoke(&self, event: Vec<u8>) -> Result<Bytes, Refusal> {
        match self.ask(event).await? {
            (payload, false) => Ok(payload),
            (_, true) => Err(Refusal::malformed_answer()),
        }
    }

    /// The function's answer to the event, or its error, and true where it is one.
    pub(crate) async fn ask(&self, event: Vec<u8>) -> Result<(Bytes, bool), Refusal> {
        match tokio::time::timeout(self.timeout, self.ask_untimed(event)).await {
            Ok(answer) => answer,
            Err(_) => Err(Refusal::timed_out()),
        }
    }

    async fn ask_untimed(&self, event: Vec<u8>) -> Result<(Bytes, bool), Refusal> {
        let function = fill(self.function, self.variables).ok_or_else(|| {
            tracing::warn!(function = self.function, "an integration names a stage variable that is not set");
            Refusal::integration_failed()
        })?;
        let (principal, source) = self.principal().await?;
        let input = Structure::new()
            .with("FunctionName", function)
            .with("InvocationType", "RequestResponse")
            .with("Payload", Bytes::from(event));
        let input = Value::Structure(input);
        let answer = self.pipeline.invoke(principal, source, "lambda", "Invoke", input).await;
        let mut answer = match answer {
            Ok(Value::Structure(answer)) => answer,
            Ok(_) => return Err(Refusal::integration_failed()),
            // The caller's doing: its body fits the gateway's limit and not the function's.
            Err(fault) if fault.code == "RequestTooLargeException" => return Err(Refusal::too_large()),
            Err(fault) => {
                tracing::warn!(code = %fault.code, message = fault.message, "an integration could not be called");
                return Err(Refusal::integration_failed());
            }
        };
        let is_error = answer.str("FunctionError").is_some();
        match answer.take("Payload") {
            Some(Value::Blob(payload)) => Ok((payload, is_error)),
            _ => Err(Refusal::malformed_answer()),
        }
    }

    /// As whom the function is called, and where that call comes from.
    async fn principal(&self) -> Result<(Arc<Principal>, Source), Refusal> {
        let service = || Arc::new(Principal::service(SERVICE, &self.source_arn, self.source_account));
        match (self.credentials, self.caller) {
            (Credentials::Service, _) => Ok((service(), Source::platform(SERVICE))),
            (Credentials::Caller, Some(caller)) => Ok((Arc::clone(caller), self.source.through(SERVICE))),
            // Nobody signed, so there are no credentials to use.
            (Credentials::Caller, None) => Err(Refusal::integration_failed()),
            (Credentials::Role(role_arn), _) => {
                let role =
                    assume(self.pipeline, role_arn, self.source_account, &self.source_arn, self.now).await;
                Ok((role.ok_or_else(Refusal::integration_failed)?, Source::platform(SERVICE)))
            }
        }
    }
}

/// The session of a role that trusts API Gateway, by the same `sts:AssumeRole` that everyone uses.
// SECURITY: the role is the one that its name says, without stage variables: leave to pass it was asked for that
// name. And it is of the API's own account: a role that trusts API Gateway does not mean everybody's APIs.
pub(crate) async fn assume(
    pipeline: &Pipeline,
    role_arn: &str,
    account: AccountId,
    source_arn: &str,
    now: Timestamp,
) -> Option<Arc<Principal>> {
    if identity::RoleName::parse(role_arn)?.account != account {
        tracing::warn!(role_arn, "a role is of another account than the API");
        return None;
    }
    let service = Arc::new(Principal::service(SERVICE, source_arn, account));
    let input =
        Structure::new().with("RoleArn", role_arn).with("RoleSessionName", "BackplaneAssumeRoleSession");
    let input = Value::Structure(input);
    let assumed = pipeline.invoke(service, Source::platform(SERVICE), "sts", "AssumeRole", input).await;
    let assumed = assumed.inspect_err(|fault| {
        tracing::warn!(code = %fault.code, message = fault.message, "a role was not assumed");
    });
    let Ok(Value::Structure(assumed)) = assumed else { return None };
    let Some(Value::Structure(credentials)) = assumed.get("Credentials") else { return None };
    let (key, token) = (credentials.str("AccessKeyId")?, credentials.str("SessionToken")?);
    let credential = pipeline.directory().credential(key, Some(token), now).ok()?;
    Some(credential.principal)
}

/// Puts stage variables in the place of `${stageVariables.name}`; `None` where one is not set or a brace is missing.
pub(crate) fn fill(text: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${stageVariables.") {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(variables.get(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_variables_are_filled_in_once() {
        let variables = BTreeMap::from([
            ("f".to_owned(), "orders".to_owned()),
            ("again".to_owned(), "${stageVariables.f}".to_owned()),
        ]);
        for (text, expected) in [
            ("plain", Some("plain")),
            ("a:${stageVariables.f}:live", Some("a:orders:live")),
            ("${stageVariables.again}", Some("${stageVariables.f}")),
            ("${stageVariables.none}", None),
            ("${stageVariables.f", None),
        ] {
            assert_eq!(fill(text, &variables).as_deref(), expected, "{text}");
        }
    }
}
