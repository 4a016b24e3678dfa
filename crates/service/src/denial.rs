//! How a denial is told: AWS's sentence for the caller, a sealed message for whoever may decode it.
//!
//! The sentence names who, what and which kind of policy; everything else stands in the sealed message, which only
//! `sts:DecodeAuthorizationMessage` opens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::Sealer;
use identity::Principal;
use policy::{Denial, DenialKind, Request};
use protocol::{Fault, OperationModel, Protocol};
use serde_json::{Value, json};

/// The response header that carries the sealed message of a denial.
pub const MESSAGE_HEADER: &str = "x-fastness-authorization-message";

const SEAL_CONTEXT: &[u8] = b"authorization-message";
/// AWS's own bound on an encoded message.
const ENCODED_BYTES_MAX: usize = 10_240;

/// A longer resource or statement id is cut in a sealed message, in bytes.
const NAMED_BYTES_MAX: usize = 2_048;

/// Makes and opens the sealed messages.
pub struct Denials(Sealer);

/// The text was not made by this platform, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the authorization message is not valid")]
pub struct InvalidMessage;

impl Denials {
    /// Under this key.
    pub const fn new(sealer: Sealer) -> Self {
        Self(sealer)
    }

    /// The sealed account of a denial, in the form that AWS decodes to: who asked for what, under which condition keys,
    /// and what decided. `request_id` leads to the call's record, which holds the whole evaluation.
    pub(crate) fn seal(&self, request: &Request<'_>, denial: &Denial, request_id: &str) -> String {
        let sealed = self.sealed(&account(request, denial, request_id, true));
        if sealed.len() <= ENCODED_BYTES_MAX {
            return sealed;
        }
        self.sealed(&account(request, denial, request_id, false))
    }

    fn sealed(&self, account: &Value) -> String {
        URL_SAFE_NO_PAD.encode(self.0.seal(SEAL_CONTEXT, account.to_string().as_bytes()))
    }

    /// Opens a sealed account.
    ///
    /// # Errors
    /// Where the text was not sealed here or was changed since.
    pub fn open(&self, encoded: &str) -> Result<String, InvalidMessage> {
        if encoded.len() > ENCODED_BYTES_MAX {
            return Err(InvalidMessage);
        }
        let sealed = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidMessage)?;
        let account = self.0.open(SEAL_CONTEXT, &sealed).map_err(|_| InvalidMessage)?;
        String::from_utf8(account).map_err(|_| InvalidMessage)
    }
}

fn account(request: &Request<'_>, denial: &Denial, request_id: &str, with_conditions: bool) -> Value {
    let item = |(key, values): (&str, &[String])| {
        let values: Vec<Value> = values.iter().map(|value| json!({"value": value})).collect();
        json!({"key": key, "values": {"items": values}})
    };
    let conditions: Vec<Value> =
        if with_conditions { request.context.iter().map(item).collect() } else { Vec::new() };
    let matched: Vec<Value> = denial
        .statement
        .iter()
        .map(|found| {
            json!({"statementId": cut(found.sid.as_deref().unwrap_or_default()), "effect": "DENY",
                "policyType": found.policy_type, "policy": found.policy.as_deref(), "index": found.index})
        })
        .collect();
    json!({
        "allowed": false,
        "explicitDeny": denial.kind == DenialKind::Explicit,
        "reason": denial.reason_text(request.action),
        "requestId": request_id,
        "matchedStatements": {"items": matched},
        "failures": {"items": denial.undecided.iter().map(|one| one.reason).collect::<Vec<_>>()},
        "context": {
            "principal": {"id": request.principal.user_id, "arn": request.principal.arn},
            "action": request.action,
            "resource": cut(request.resource),
            "conditions": {"items": conditions},
        },
    })
}

/// The beginning of what a caller or a policy's author may make as long as he likes: clients take headers of some kilobytes.
/// The record of the call has the whole.
fn cut(text: &str) -> &str {
    let end = (0..=NAMED_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// The answer to a call that policy refused, in AWS's words; `reason` is their end.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
pub(crate) fn fault(
    operation: OperationModel,
    principal: &Principal,
    action: &str,
    resource: &str,
    reason: &str,
) -> Fault {
    if matches!(principal, Principal::WebIdentity(_)) {
        return denied(operation, format!("Not authorized to perform {action}"));
    }
    let who = match principal {
        Principal::Service(service) => format!("Service: {}", service.name),
        Principal::Anonymous => "User: anonymous".to_owned(),
        known => format!("User: {}", known.arn()),
    };
    // S3 names no resource where it asks for all of them, and puts the others in quotes.
    let resource = match (operation.service(), resource) {
        ("s3", "*") => String::new(),
        ("s3", resource) => format!(" on resource: \"{resource}\""),
        (_, resource) => format!(" on resource: {resource}"),
    };
    denied(operation, format!("{who} is not authorized to perform: {action}{resource} {reason}"))
}

/// A denial that no policy took: an action that is not mapped, or a control that could not decide.
pub(crate) fn denied(operation: OperationModel, message: String) -> Fault {
    match operation.model().protocol() {
        Protocol::Query | Protocol::RestXml => Fault::sender("AccessDenied", message).with_status(403),
        Protocol::Json10 | Protocol::Json11 | Protocol::Cbor => {
            Fault::sender("AccessDeniedException", message)
        }
        Protocol::RestJson => Fault::sender("AccessDeniedException", message).with_status(403),
    }
}
