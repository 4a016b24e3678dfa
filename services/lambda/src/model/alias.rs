//! Aliases: which version they point to, and how invocations are split between two.
//!
//! The choice for one invocation is a number handed in; no randomness here.

use crate::api::AliasRoutingConfiguration;
use crate::error::Error;
use crate::model::name::LATEST;
use crate::records::AliasRecord;

/// The second version and its share of invocations.
pub(crate) fn routing(
    config: Option<&AliasRoutingConfiguration>,
    version: &str,
    exists: impl Fn(&str) -> bool,
) -> Result<Option<(String, f64)>, Error> {
    let weights = config.and_then(|config| config.additional_version_weights.as_ref());
    let mut weights = weights.iter().flat_map(|weights| weights.iter());
    let Some((other, weight)) = weights.next() else { return Ok(None) };
    let refuse = |message: &str| Err(Error::InvalidParameterValue(message.to_owned()));
    if weights.next().is_some() {
        return refuse("Number of items in AdditionalVersionWeights cannot be greater than 1");
    }
    if version == LATEST || other == LATEST {
        return refuse("$LATEST is not supported for an alias pointing to more than 1 version");
    }
    if other == version {
        return refuse(&format!(
            "Invalid function version {other}. Function version {other} is already included in routing configuration."
        ));
    }
    if !(0.0..=1.0).contains(weight) {
        return refuse("The weight of a version is between 0.0 and 1.0");
    }
    if !exists(other) {
        return Err(Error::ResourceNotFound(format!("Function version {other} does not exist.")));
    }
    Ok(Some((other.to_owned(), *weight)))
}

/// The version that one invocation of an alias runs; `draw` is between 0 and 1.
pub(crate) fn choose(alias: &AliasRecord, draw: f64) -> &str {
    match &alias.routing {
        Some((other, weight)) if draw < *weight => other,
        _ => &alias.version,
    }
}

/// Refuses a name that could be taken for a version.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::InvalidParameterValue(format!(
            "`{name}` is a version and cannot be the name of an alias"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(weights: &[(&str, f64)]) -> AliasRoutingConfiguration {
        let weights = weights.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect();
        AliasRoutingConfiguration { additional_version_weights: Some(weights) }
    }

    #[test]
    fn one_other_published_version_may_have_a_share() {
        let exists = |version: &str| version != "9";
        let check = |weights: &[(&str, f64)], version| routing(Some(&config(weights)), version, exists);
        assert_eq!(check(&[("2", 0.25)], "1").unwrap(), Some(("2".to_owned(), 0.25)));
        assert_eq!(check(&[], "1").unwrap(), None);
        assert_eq!(routing(None, "1", exists).unwrap(), None);
        for (weights, version) in [
            (vec![("2", 0.1), ("3", 0.1)], "1"),
            (vec![("1", 0.1)], "1"),
            (vec![("2", 0.1)], LATEST),
            (vec![("$LATEST", 0.1)], "1"),
            (vec![("2", 1.1)], "1"),
            (vec![("2", f64::NAN)], "1"),
            (vec![("9", 0.1)], "1"),
        ] {
            assert!(check(&weights, version).is_err(), "{weights:?} {version}");
        }
    }

    #[test]
    fn the_draw_decides_by_weight() {
        let alias =
            AliasRecord { version: "1".into(), routing: Some(("2".into(), 0.3)), ..AliasRecord::default() };
        assert_eq!([0.0, 0.29, 0.3, 0.99].map(|draw| choose(&alias, draw).to_owned()), ["2", "2", "1", "1"]);
        assert!(check_name("12").is_err() && check_name("v12").is_ok());
    }
}
