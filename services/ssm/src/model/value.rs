//! Values: their types, tiers, lengths and patterns.

use template::pattern::{self, PatternError};

use crate::Error;

pub(crate) const STANDARD: &str = "Standard";
pub(crate) const ADVANCED: &str = "Advanced";
pub(crate) const INTELLIGENT: &str = "Intelligent-Tiering";
pub(crate) const SECURE: &str = "SecureString";
/// The data type of parameters that name none.
pub(crate) const TEXT: &str = "text";

const STANDARD_CHARS_MAX: usize = 4_096;
const ADVANCED_CHARS_MAX: usize = 8_192;

/// The tier of a value, from the one that is asked for and the one that the parameter has.
pub(crate) fn tier(asked: Option<&str>, now: Option<&str>, value: &str) -> Result<&'static str, Error> {
    let (chars, is_advanced) = (value.chars().count(), now == Some(ADVANCED));
    let tier = match asked {
        Some(STANDARD) if is_advanced => {
            return Err(Error::invalid(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to \
                 the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard \
                 parameter.",
            ));
        }
        Some(ADVANCED) => ADVANCED,
        Some(INTELLIGENT) if chars > STANDARD_CHARS_MAX => ADVANCED,
        _ if is_advanced => ADVANCED,
        _ => STANDARD,
    };
    if tier == STANDARD && chars > STANDARD_CHARS_MAX {
        return Err(Error::invalid(format!(
            "Standard tier parameters support a maximum parameter value of {STANDARD_CHARS_MAX} characters. To create a larger \
             parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see \
             https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
        )));
    }
    if chars > ADVANCED_CHARS_MAX {
        return Err(Error::invalid(format!(
            "Advanced tier parameters support a maximum parameter value of {ADVANCED_CHARS_MAX} characters."
        )));
    }
    Ok(tier)
}

/// Refuses a value that names another one: nothing reads values as templates, and whoever takes them would.
pub(crate) fn check_nothing_nested(value: &str) -> Result<(), Error> {
    match value.split_once("{{") {
        Some((_, rest)) if rest.contains("}}") => Err(Error::invalid(
            "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.",
        )),
        _ => Ok(()),
    }
}

/// Refuses a data type that is not offered.
pub(crate) fn data_type(asked: Option<String>) -> Result<String, Error> {
    match asked.as_deref() {
        None | Some("") => Ok(TEXT.to_owned()),
        Some(TEXT | "aws:ssm:integration") => Ok(asked.unwrap_or_default()),
        Some("aws:ec2:image") => {
            Err(Error::invalid("The data type aws:ec2:image is checked by EC2, which is not here: use text."))
        }
        Some(other) => Err(Error::invalid(format!(
            "The following data type is not supported: {other} (Data type names are all lowercase.)"
        ))),
    }
}

/// Refuses a value that does not match the whole of an allowed pattern.
pub(crate) fn check_pattern(pattern: &str, value: &str) -> Result<(), Error> {
    let matches = pattern::matches_whole(pattern, value).map_err(|error| {
        Error::InvalidAllowedPattern(match error {
            PatternError::Unsupported(what) => {
                format!("Invalid allowed pattern: {pattern} ({what} is not supported here)")
            }
            PatternError::Unreadable => format!("Invalid allowed pattern: {pattern}"),
            PatternError::TooMuch => {
                format!("The allowed pattern takes more to be evaluated on this value than is allowed here: {pattern}")
            }
        })
    })?;
    if matches {
        return Ok(());
    }
    Err(Error::PatternMismatch(format!(
        "Parameter value, cannot be validated against allowedPattern: {pattern}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_follow_length_and_wish() {
        let (short, long) = ("x", "é".repeat(4_097));
        for (asked, now, value, expected) in [
            (None, None, short, STANDARD),
            (Some(INTELLIGENT), None, short, STANDARD),
            (Some(INTELLIGENT), None, &long, ADVANCED),
            (Some(ADVANCED), None, &long, ADVANCED),
            (None, Some(ADVANCED), short, ADVANCED),
            (Some(INTELLIGENT), Some(ADVANCED), short, ADVANCED),
            (None, None, &"é".repeat(4_096), STANDARD),
            (Some(ADVANCED), None, &"é".repeat(8_192), ADVANCED),
        ] {
            assert_eq!(tier(asked, now, value).unwrap(), expected, "{asked:?} {now:?}");
        }
        for (asked, now, value) in [
            (None, None, long.as_str()),
            (Some(STANDARD), Some(ADVANCED), short),
            (Some(ADVANCED), None, &"x".repeat(8_193)),
        ] {
            assert!(tier(asked, now, value).is_err(), "{asked:?} {now:?}");
        }
    }

    #[test]
    fn a_value_names_no_other() {
        for nested in ["{{resolve:ssm:/x}}", "a{{b}}c", "{{}}", "}}{{ssm:x}}"] {
            let refused = check_nothing_nested(nested).unwrap_err();
            assert!(refused.to_string().contains("can't nest another parameter"), "{nested}: {refused}");
        }
        for fine in [r#"{"a":{"b":{}}}"#, "{{", "}}{{", "{ {x} }", ""] {
            assert!(check_nothing_nested(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn a_pattern_binds_the_whole_value() {
        assert!(check_pattern("[0-9]+", "12").is_ok());
        assert!(check_pattern(r"^\d+$", "12").is_ok());
        assert!(check_pattern("a|b", "ab").is_err());
        assert!(matches!(check_pattern("[0-9]+", "x12"), Err(Error::PatternMismatch(_))));
        // Java's, as in templates.
        assert!(check_pattern(r"(?=.*\p{Upper})[\p{Alnum}]+", "aB1").is_ok());
        assert!(matches!(check_pattern(r"(?=.*\p{Upper})\p{Alnum}+", "ab1"), Err(Error::PatternMismatch(_))));
        assert!(matches!(check_pattern(r"^[\w-]+$", "ñandú"), Err(Error::PatternMismatch(_))));
        let Err(Error::InvalidAllowedPattern(told)) = check_pattern(r"\p{InGreek}", "α") else {
            panic!("taken")
        };
        assert!(told.contains(r"\p{InGreek} is not supported here"), "{told}");
        let long = "a".repeat(4_096);
        assert!(check_pattern("a+", &long).is_ok());
        assert!(
            matches!(check_pattern("(?=a)a+", &long), Err(Error::InvalidAllowedPattern(_))),
            "no end in sight"
        );
        for bad in ["(", "a)|(?:.*", r"(\w{1000}){1000}"] {
            assert!(matches!(check_pattern(bad, "a"), Err(Error::InvalidAllowedPattern(_))), "{bad}");
        }
    }
}
