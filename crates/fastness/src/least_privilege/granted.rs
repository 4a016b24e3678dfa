//! What a role is granted: its inline and attached policies, read through IAM's API.
//!
//! The answers are XML of the platform's own making; only elements that IAM's API has once in an answer, or as a plain
//! list, are read out of them.

use crate::Error;
use crate::client::Client;
use crate::xml::elements;

const VERSION: &str = "2010-05-08";

/// A policy of a role: its name or ARN, and its document.
pub(super) struct Granted {
    pub(super) name: String,
    pub(super) document: String,
}

fn element(xml: &str, name: &str) -> Result<String, Error> {
    crate::xml::element(xml, name).ok_or_else(|| format!("IAM's answer has no {name}").into())
}

/// A percent-encoded document as it was.
fn decoded(text: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or("a policy's escapes are broken")?;
        bytes.push(u8::from_str_radix(digits, 16)?);
        bytes.extend(rest.bytes());
    }
    Ok(String::from_utf8(bytes)?)
}

/// A role's ARN; `None` where there is no such role.
pub(super) fn role_arn(client: &Client, name: &str) -> Result<Option<String>, Error> {
    match client.query("iam", VERSION, &[("Action", "GetRole"), ("RoleName", name)]) {
        Ok(xml) => element(&xml, "Arn").map(Some),
        Err(error) if error.to_string().contains("NoSuchEntity") => Ok(None),
        // A function's name can be one that no role has.
        Err(error) if error.to_string().contains("ValidationError") => Ok(None),
        Err(error) => Err(error),
    }
}

/// All policies of a role.
pub(super) fn of_role(client: &Client, role: &str) -> Result<Vec<Granted>, Error> {
    let ask = |parameters: &[(&str, &str)]| client.query("iam", VERSION, parameters);
    let mut granted = Vec::new();
    let inline = ask(&[("Action", "ListRolePolicies"), ("RoleName", role), ("MaxItems", "1000")])?;
    for name in elements(&inline, "member") {
        let xml = ask(&[("Action", "GetRolePolicy"), ("RoleName", role), ("PolicyName", &name)])?;
        granted.push(Granted { document: decoded(&element(&xml, "PolicyDocument")?)?, name });
    }
    let attached = ask(&[("Action", "ListAttachedRolePolicies"), ("RoleName", role), ("MaxItems", "1000")])?;
    for arn in elements(&attached, "PolicyArn") {
        let policy = ask(&[("Action", "GetPolicy"), ("PolicyArn", &arn)])?;
        let version = element(&policy, "DefaultVersionId")?;
        let xml = ask(&[("Action", "GetPolicyVersion"), ("PolicyArn", &arn), ("VersionId", &version)])?;
        granted.push(Granted { document: decoded(&element(&xml, "Document")?)?, name: arn });
    }
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_documents_are_read_out_of_answers() {
        let xml = "<a><member>p &amp; q</member><member>r</member><Document>%7B%22a%22%3A1%7D</Document></a>";
        assert_eq!(elements(xml, "member"), ["p & q", "r"]);
        assert_eq!(decoded(&element(xml, "Document").unwrap()).unwrap(), r#"{"a":1}"#);
        assert!(element(xml, "Arn").is_err() && decoded("%7").is_err() && decoded("%zz").is_err());
    }
}
