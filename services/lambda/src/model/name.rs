//! The forms in which a caller may name a function: name, partial ARN, ARN, each with or without a qualifier.
//!
//! Says nothing about whether the function exists.

use base::{AccountId, PARTITION, Region};

use crate::error::Error;

/// A function as one account and region know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FunctionId {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
}

/// A function, and which of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) id: FunctionId,
    /// As the caller gave it: a version, an alias, or `$LATEST`.
    pub(crate) qualifier: Option<String>,
}

/// The version that changes.
pub(crate) const LATEST: &str = "$LATEST";

/// The longest name of a function.
const NAME_CHARS_MAX: usize = 64;

impl FunctionId {
    /// The function's ARN without a qualifier.
    pub(crate) fn arn(&self) -> String {
        let Self { account, region, name } = self;
        // In one piece: an invocation asks for it several times.
        ["arn:", PARTITION, ":lambda:", region.as_str(), ":", account.as_str(), ":function:", name].concat()
    }

    /// The ARN with a qualifier.
    pub(crate) fn qualified_arn(&self, qualifier: &str) -> String {
        format!("{}:{qualifier}", self.arn())
    }
}

impl Target {
    /// Reads a name; `account` and `region` are those of the call, for forms that leave them out.
    pub(crate) fn parse(
        text: &str,
        qualifier: Option<&str>,
        account: AccountId,
        region: &Region,
    ) -> Result<Self, Error> {
        let parts = Parts::of(text).ok_or_else(|| invalid(text))?;
        let account = match parts.account {
            Some(digits) => digits.parse().map_err(|_| invalid(text))?,
            None => account,
        };
        let named_region = match parts.region {
            Some(name) => name.parse().map_err(|_| invalid(text))?,
            None => region.clone(),
        };
        if named_region != *region {
            return Err(Error::ResourceNotFound(format!(
                "Functions from '{named_region}' are not reachable in this region ('{region}')"
            )));
        }
        if parts.name.chars().count() > NAME_CHARS_MAX {
            return Err(too_long(parts.name));
        }
        if let (Some(derived), Some(given)) = (parts.qualifier, qualifier)
            && derived != given
        {
            return Err(Error::InvalidParameterValue(
                "The derived qualifier from the function name does not match the specified qualifier."
                    .to_owned(),
            ));
        }
        let id = FunctionId { account, region: named_region, name: parts.name.to_owned() };
        Ok(Self { id, qualifier: parts.qualifier.or(qualifier).map(str::to_owned) })
    }

    /// The ARN as the caller named it: with the qualifier if there is one.
    pub(crate) fn arn(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => self.id.qualified_arn(qualifier),
            None => self.id.arn(),
        }
    }

    /// The same function, where a qualifier has no place.
    pub(crate) fn unqualified(self) -> Result<FunctionId, Error> {
        match self.qualifier.as_deref() {
            None => Ok(self.id),
            Some(qualifier) => Err(Error::InvalidParameterValue(format!(
                "This operation does not permit adding a qualifier to the function: {qualifier}"
            ))),
        }
    }
}

struct Parts<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    qualifier: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// `[arn:partition:lambda:][region:][account:][function:]name[:qualifier]`
    fn of(text: &'a str) -> Option<Self> {
        let mut parts: Vec<&str> = text.split(':').collect();
        let mut region = None;
        let mut account = None;
        if let ["arn", partition, service, _, _, kind, _, ..] = parts.as_slice() {
            if *partition != PARTITION || *service != "lambda" || *kind != "function" {
                return None;
            }
            parts.drain(..3);
        }
        if parts.len() > 1 && parts.first().is_some_and(|part| looks_like_region(part)) {
            region = Some(parts.remove(0));
        }
        if parts.len() > 1 && parts.first().is_some_and(|part| part.parse::<AccountId>().is_ok()) {
            account = Some(parts.remove(0));
        }
        if parts.len() > 1 && parts.first() == Some(&"function") {
            parts.remove(0);
        }
        let (name, qualifier) = match parts.as_slice() {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => return None,
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_qualifier = |text: &str| text == LATEST || (!text.is_empty() && text.chars().all(allowed));
        let is_valid = !name.is_empty() && name.chars().all(allowed) && qualifier.is_none_or(is_qualifier);
        is_valid.then_some(Self { region, account, name, qualifier })
    }
}

/// `us-east-1`, `us-gov-west-1`: words, then one number.
fn looks_like_region(text: &str) -> bool {
    let mut words: Vec<&str> = text.split('-').collect();
    let number = words.pop().unwrap_or_default();
    (2..=3).contains(&words.len())
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn invalid(text: &str) -> Error {
    let text: String = text.chars().take(256).collect();
    Error::InvalidParameterValue(format!("`{text}` is not a valid function name or ARN"))
}

fn too_long(name: &str) -> Error {
    Error::Validation(format!(
        "1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: \
         Member must have length less than or equal to {NAME_CHARS_MAX}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, qualifier: Option<&str>) -> Result<Target, Error> {
        Target::parse(text, qualifier, "000000000001".parse().unwrap(), &"us-east-1".parse().unwrap())
    }

    #[test]
    fn every_accepted_form_names_the_same_function() {
        let arn = "arn:aws:lambda:us-east-1:000000000001:function:orders";
        for text in [
            "orders",
            "function:orders",
            "000000000001:function:orders",
            "us-east-1:000000000001:function:orders",
            arn,
        ] {
            let target = parse(text, None).unwrap();
            assert_eq!((target.arn().as_str(), target.qualifier), (arn, None), "{text}");
            let target = parse(&format!("{text}:live"), None).unwrap();
            assert_eq!(target.qualifier.as_deref(), Some("live"), "{text}");
            assert_eq!(parse(&format!("{text}:live"), Some("live")).unwrap(), target, "{text}");
            assert!(parse(&format!("{text}:live"), Some("2")).is_err(), "{text}");
        }
        assert_eq!(parse("orders", Some("2")).unwrap().arn(), format!("{arn}:2"));
        assert_eq!(parse("function", None).unwrap().id.name, "function");
        assert_eq!(parse("000000000001", None).unwrap().id.name, "000000000001");
        let other = parse("000000000002:function:orders", None).unwrap();
        assert_eq!(other.id.account.as_str(), "000000000002");
    }

    #[test]
    fn what_names_no_function_is_refused() {
        let long = "a".repeat(65);
        for text in [
            "",
            ":",
            "a:b:c",
            "a b",
            "arn:aws:lambda:us-east-1:000000000001:layer:x",
            "arn:aws:s3:us-east-1:000000000001:function:x",
            "arn:aws:lambda:eu-west-1:000000000001:function:x",
            "arn:aws:lambda:us-east-1:1:function:x",
            "orders:",
            "orders:../x",
            &long,
        ] {
            assert!(parse(text, None).is_err(), "{text}");
        }
    }
}
