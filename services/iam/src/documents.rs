//! Policy documents: checked when they come, escaped when they go.
//!
//! What a policy means is `policy`'s to know; here is only what IAM says about size and about principals that must
//! exist.

use identity::{BindError, Reads};
use policy::{Policy, PolicyError, PolicyKind, quota as size};

use crate::{Error, shared_providers};

/// A document as answers carry it: percent-encoded, as RFC 3986 has it.
pub(crate) fn escaped(document: &str) -> String {
    const UNRESERVED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(document, UNRESERVED).to_string()
}

fn parse(document: &str, kind: PolicyKind) -> Result<(), Error> {
    malformed(Policy::parse(document, kind))
}

fn malformed(read: Result<Policy, PolicyError>) -> Result<(), Error> {
    read.map(|_| ()).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))
}

/// A version of a managed policy.
pub(crate) fn check_managed(document: &str) -> Result<(), Error> {
    if size::characters(document) > size::MANAGED_POLICY_CHARACTERS_MAX {
        return Err(Error::quota("PolicySize", size::MANAGED_POLICY_CHARACTERS_MAX));
    }
    let read = Policy::parse(document, PolicyKind::Identity);
    // Managed policies are younger than the language's first version; inline ones may still be in it.
    if !matches!(read, Err(PolicyError::Syntax { .. })) && !is_current_version(document) {
        let message = "Policy document must be version 2012-10-17 or greater.";
        return Err(Error::MalformedPolicyDocument(message.to_owned()));
    }
    malformed(read)
}

fn is_current_version(document: &str) -> bool {
    let json: Option<serde_json::Value> = serde_json::from_str(document).ok();
    json.as_ref().and_then(|json| json.get("Version")?.as_str()) == Some("2012-10-17")
}

/// An inline policy. The quota of all of an entity's inline policies together is its keeper's.
pub(crate) fn check_inline(document: &str) -> Result<(), Error> {
    parse(document, PolicyKind::Identity)
}

/// A trust policy as it is kept: whom it names must exist, and is named by unique id from then on.
pub(crate) fn bound_trust(from: &(impl Reads + ?Sized), document: &str) -> Result<String, Error> {
    if size::characters(document) > size::TRUST_POLICY_CHARACTERS_MAX {
        return Err(Error::quota("ACLSizePerRole", size::TRUST_POLICY_CHARACTERS_MAX));
    }
    parse(document, PolicyKind::Trust)?;
    shared_providers::check(document)?;
    identity::bind_principals(from, document).map_err(|error| match error {
        BindError::Unknown(_) => Error::MalformedPolicyDocument(error.to_string()),
        BindError::Directory(error) => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_escaped_as_rfc_3986_has_it() {
        assert_eq!(escaped(r#"{"a": "ä~-._"}"#), "%7B%22a%22%3A%20%22%C3%A4~-._%22%7D");
    }
}
