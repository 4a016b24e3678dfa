//! Opens the sealed messages that explain denials.
//!
//! A message of another account's call is as good as none.

use std::sync::Arc;

use base::AccountId;
use service::Permit;

use crate::api::{DecodeAuthorizationMessage, DecodeAuthorizationMessageResponse};
use crate::{Error, Sts};

pub(crate) async fn decode(
    _: Arc<Sts>,
    permit: Permit<DecodeAuthorizationMessage>,
) -> Result<DecodeAuthorizationMessageResponse, Error> {
    let invalid = || Error::InvalidAuthorizationMessage("Message is not valid".to_owned());
    let denials = permit.call.pipeline().denials();
    let decoded = denials.open(&permit.input.encoded_message).map_err(|_| invalid())?;
    if !concerns(&decoded, permit.call.account()) {
        return Err(invalid());
    }
    Ok(DecodeAuthorizationMessageResponse { decoded_message: Some(decoded) })
}

// SECURITY: an account reads about its own principals and its own resources, and of no other's.
fn concerns(decoded: &str, account: AccountId) -> bool {
    let Ok(message) = serde_json::from_str::<serde_json::Value>(decoded) else { return false };
    ["/context/principal/arn", "/context/resource"].iter().any(|place| {
        let arn = message.pointer(place).and_then(serde_json::Value::as_str).unwrap_or("");
        arn.split(':').nth(4) == Some(account.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_reads_about_its_own_only() {
        let message = |principal: &str, resource: &str| {
            serde_json::json!({"context": {"principal": {"arn": principal}, "resource": resource}})
                .to_string()
        };
        let own = "arn:aws:iam::123456789012:user/bob";
        let other = "arn:aws:iam::210987654321:user/eve";
        let account = "123456789012".parse().unwrap();
        assert!(concerns(&message(own, "*"), account));
        assert!(concerns(&message(other, own), account));
        assert!(!concerns(&message(other, "*"), account));
        assert!(!concerns("not JSON", account));
    }
}
