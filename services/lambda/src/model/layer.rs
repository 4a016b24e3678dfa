//! Layers: how they are named, and which of them a function may have together.
//!
//! Says nothing about whether a layer exists.

use base::{AccountId, Arn, Region};

use crate::error::Error;

/// The most layers of one function.
pub(crate) const LAYERS_MAX: usize = 5;
/// The longest name of a layer.
const NAME_CHARS_MAX: usize = 140;

/// A layer as one account and region know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LayerId {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
}

impl LayerId {
    /// Reads a name or an ARN without a version; `account` and `region` are those of the call.
    pub(crate) fn parse(text: &str, account: AccountId, region: &Region) -> Result<Self, Error> {
        let invalid = || invalid(text);
        if !text.contains(':') {
            return Self::named(text, account, region.clone()).ok_or_else(invalid);
        }
        let (owner, named, rest) = parts(text).ok_or_else(invalid)?;
        let name = rest.strip_prefix("layer:").ok_or_else(invalid)?;
        in_region(&named, region)?;
        Self::named(name, owner, named).ok_or_else(invalid)
    }

    /// Reads the ARN of a layer's version.
    pub(crate) fn parse_version(text: &str, region: &Region) -> Result<(Self, u64), Error> {
        let invalid = || invalid(text);
        let (owner, named, rest) = parts(text).ok_or_else(invalid)?;
        let rest = rest.strip_prefix("layer:").ok_or_else(invalid)?;
        let (name, version) = rest.split_once(':').ok_or_else(invalid)?;
        in_region(&named, region)?;
        let is_number = version.bytes().all(|byte| byte.is_ascii_digit()) && !version.starts_with('0');
        let version = version.parse().ok().filter(|_| is_number).ok_or_else(invalid)?;
        Ok((Self::named(name, owner, named).ok_or_else(invalid)?, version))
    }

    fn named(name: &str, account: AccountId, region: Region) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_valid =
            !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && name.chars().all(allowed);
        is_valid.then(|| Self { account, region, name: name.to_owned() })
    }

    /// The layer's ARN.
    pub(crate) fn arn(&self) -> String {
        let resource = format!("layer:{}", self.name);
        Arn::new("lambda", self.region.as_str(), self.account.as_str(), resource).to_string()
    }

    /// The ARN of one of its versions.
    pub(crate) fn version_arn(&self, version: u64) -> String {
        format!("{}:{version}", self.arn())
    }
}

fn parts(text: &str) -> Option<(AccountId, Region, String)> {
    let arn: Arn = text.parse().ok()?;
    let is_lambda = arn.partition == base::PARTITION && arn.service == "lambda";
    is_lambda.then_some(())?;
    Some((arn.account.parse().ok()?, arn.region.parse().ok()?, arn.resource))
}

fn in_region(named: &Region, region: &Region) -> Result<(), Error> {
    if named == region {
        return Ok(());
    }
    Err(Error::InvalidParameterValue(format!(
        "Layers are not in the same region as the function. Layers are expected to be in region {region}."
    )))
}

fn invalid(text: &str) -> Error {
    let text: String = text.chars().take(256).collect();
    Error::InvalidParameterValue(format!("`{text}` is not a valid layer name or ARN"))
}

/// Reads the layers that a function is to have, in their order.
pub(crate) fn list(arns: &[String], region: &Region) -> Result<Vec<(LayerId, u64)>, Error> {
    if arns.len() > LAYERS_MAX {
        return Err(Error::InvalidParameterValue(format!("Cannot reference more than {LAYERS_MAX} layers.")));
    }
    let mut layers: Vec<(LayerId, u64)> = Vec::new();
    for arn in arns {
        let (id, version) = LayerId::parse_version(arn, region)?;
        if let Some((_, other)) = layers.iter().find(|(known, _)| *known == id) {
            return Err(Error::InvalidParameterValue(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. \
                 {arn} and {} are layer versions of same layer.",
                id.version_arn(*other)
            )));
        }
        layers.push((id, version));
    }
    Ok(layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region() -> Region {
        "us-east-1".parse().unwrap()
    }

    fn arn(rest: &str) -> String {
        format!("arn:aws:lambda:us-east-1:000000000002:layer:{rest}")
    }

    #[test]
    fn a_layer_is_named_by_its_name_or_arn() {
        let own: AccountId = "000000000001".parse().unwrap();
        let by_name = LayerId::parse("deps", own, &region()).unwrap();
        assert_eq!(by_name.arn(), "arn:aws:lambda:us-east-1:000000000001:layer:deps");
        let by_arn = LayerId::parse(&arn("deps"), own, &region()).unwrap();
        assert_eq!(by_arn.arn(), arn("deps"));
        assert_eq!(by_arn.version_arn(3), arn("deps:3"));
        for bad in [
            "",
            "a b",
            "../x",
            "arn:aws:lambda:us-east-1:000000000001:function:x",
            &arn("x:1"),
            &"n".repeat(141),
        ] {
            assert!(LayerId::parse(bad, own, &region()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_version_is_named_by_its_arn_only() {
        let (id, version) = LayerId::parse_version(&arn("deps:12"), &region()).unwrap();
        assert_eq!((id.name.as_str(), version), ("deps", 12));
        let elsewhere = arn("x:1").replace("us-east-1", "eu-west-1");
        for bad in [
            "deps:1",
            &arn("deps"),
            &arn("deps:0"),
            &arn("deps:01"),
            &arn("deps:+1"),
            &arn("deps:x"),
            &elsewhere,
        ] {
            assert!(LayerId::parse_version(bad, &region()).is_err(), "{bad}");
        }
    }

    #[test]
    fn five_different_layers_go_together() {
        let five: Vec<String> = (1..=5).map(|n| arn(&format!("l{n}:1"))).collect();
        assert_eq!(list(&five, &region()).unwrap().len(), 5);
        let six: Vec<String> = (1..=6).map(|n| arn(&format!("l{n}:1"))).collect();
        assert!(list(&six, &region()).unwrap_err().to_string().contains("more than 5 layers"));
        let twice = [arn("a:1"), arn("a:2")];
        assert!(list(&twice, &region()).unwrap_err().to_string().contains("same layer"));
    }
}
