//! Client request tokens: the same token with the same request is the same operation, and with another one an error.
//!
//! Knows no operation. Keeps no request: what was asked is told apart by its digest.

use crate::error::Error;
use crate::providers::step_id;
use crate::records::{StackRecord, TokenRecord};

/// Tokens that a stack remembers; older ones are new again.
pub(crate) const TOKENS_MAX: usize = 32;

/// What identifies a request besides its token.
pub(crate) fn digest(parts: &[&dyn std::fmt::Debug]) -> String {
    let texts: Vec<String> = parts.iter().map(|part| format!("{part:?}")).collect();
    step_id(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The number of the operation that this very request began before, if it did.
///
/// # Errors
/// The token was given to another request.
pub(crate) fn repeated(
    stack: &StackRecord,
    token: Option<&String>,
    request: &str,
) -> Result<Option<u64>, Error> {
    let Some(token) = token else { return Ok(None) };
    match stack.tokens.iter().find(|known| known.token == *token) {
        Some(known) if known.request == request => Ok(Some(known.operation)),
        Some(_) => Err(Error::TokenAlreadyExists(format!(
            "ClientRequestToken [{token}] was used for another request on stack [{}]",
            stack.name
        ))),
        None => Ok(None),
    }
}

/// Remembers the token of the operation that begins.
pub(crate) fn remember(stack: &mut StackRecord, token: Option<&String>, request: &str) {
    let Some(token) = token else { return };
    stack.tokens.push(TokenRecord {
        token: token.clone(),
        request: request.to_owned(),
        operation: stack.operations,
    });
    let old = stack.tokens.len().saturating_sub(TOKENS_MAX);
    stack.tokens.drain(..old);
}
