//! How a denial is told: AWS's sentence for the caller, a sealed message for whoever may decode it.
//!
//! The sentence names who, what and which kind of policy; everything else stands in the sealed message, which only
//! `sts:DecodeAuthorizationMessage` opens.

mod account;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::{SEAL_OVERHEAD_BYTES, Sealer};
use identity::Principal;
use protocol::{Fault, OperationModel, Protocol};

pub(crate) use account::Account;

/// The response header that carries the sealed message of a denial.
pub const MESSAGE_HEADER: &str = "x-fastness-authorization-message";

const SEAL_CONTEXT: &[u8] = b"authorization-message";
/// AWS's own bound on an encoded message.
const ENCODED_BYTES_MAX: usize = 10_240;

/// The longest text that fits into one: four characters of it are three bytes.
const PLAIN_BYTES_MAX: usize = ENCODED_BYTES_MAX / 4 * 3 - SEAL_OVERHEAD_BYTES;

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

    /// The sealed account of a denial.
    pub(crate) fn seal(&self, account: Account<'_>) -> String {
        URL_SAFE_NO_PAD.encode(self.0.seal(SEAL_CONTEXT, account.text(PLAIN_BYTES_MAX).as_bytes()))
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
        let mut account = String::from_utf8(account).map_err(|_| InvalidMessage)?;
        account.truncate(account.trim_end().len());
        Ok(account)
    }
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
