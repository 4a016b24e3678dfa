//! Names: what a request calls a parameter, and which names a new one may have.

use base::{AccountId, Arn, Region};

use crate::Error;

/// The most levels of a path, and the most characters of an ARN.
const LEVELS_MAX: usize = 15;
const ARN_CHARS_MAX: usize = 1_011;

/// A parameter as a request refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    /// The name without the slash that it may begin with: what stands in the ARN.
    pub(crate) path: String,
    /// The name as it was said; nothing where it was said by ARN.
    said: Option<String>,
    pub(crate) selector: Option<Selector>,
}

/// Which version is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    Version(u64),
    Label(String),
}

impl Selector {
    fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Label(text.to_owned()), Self::Version)
    }

    /// As answers show it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Version(number) => format!(":{number}"),
            Self::Label(label) => format!(":{label}"),
        }
    }
}

impl Reference {
    /// A name or an ARN, with or without `:VERSION` or `:LABEL` behind it.
    pub(crate) fn parse(account: AccountId, region: &Region, text: &str) -> Result<Self, Error> {
        let (account, region, name, is_arn) = match text.starts_with("arn:") {
            true => {
                let (account, region, rest) = split_arn(text)
                    .ok_or_else(|| Error::invalid(format!("Invalid parameter ARN: {text}")))?;
                (account, region, rest, true)
            }
            false => (account, region.clone(), text, false),
        };
        let (name, selector) = match name.split_once(':') {
            Some((name, selector)) => (name, Some(Selector::of(selector))),
            None => (name, None),
        };
        let path = name.strip_prefix('/').unwrap_or(name).to_owned();
        Ok(Self { account, region, path, said: (!is_arn).then(|| name.to_owned()), selector })
    }

    /// A parameter of this name.
    pub(crate) fn own(account: AccountId, region: &Region, name: &str) -> Self {
        let path = name.strip_prefix('/').unwrap_or(name).to_owned();
        Self { account, region: region.clone(), path, said: Some(name.to_owned()), selector: None }
    }

    /// The parameter's ARN.
    pub(crate) fn arn(&self) -> String {
        Arn::new("ssm", self.region.as_str(), self.account.as_str(), format!("parameter/{}", self.path))
            .to_string()
    }

    /// The name as it was said, or as the ARN has it.
    pub(crate) fn name(&self) -> &str {
        self.said.as_deref().unwrap_or(&self.path)
    }

    /// True where a parameter of this name is the one that is meant: a name means itself, and an ARN either spelling.
    pub(crate) fn means(&self, name: &str) -> bool {
        self.said.as_deref().is_none_or(|said| said == name)
    }
}

/// `arn:aws:ssm:REGION:ACCOUNT:parameter/PATH`, with what stands behind the path.
fn split_arn(text: &str) -> Option<(AccountId, Region, &str)> {
    let mut parts = text.splitn(6, ':');
    let head = [parts.next()?, parts.next()?, parts.next()?];
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let path = resource.strip_prefix("parameter/").filter(|path| !path.is_empty())?;
    let is_ours = head == ["arn", "aws", "ssm"];
    is_ours.then_some(())?;
    Some((account.parse().ok()?, region.parse().ok()?, path))
}

const SEGMENTS: &str = "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as \
                        a mix of letters, numbers and the following 3 symbols .-_";

/// Refuses what no new parameter may be called.
pub(crate) fn check_new(reference: &Reference) -> Result<(), Error> {
    let name = reference.name();
    if reference.said.is_none() || reference.selector.is_some() {
        return Err(Error::invalid(format!(
            "Parameter name: {name}: only letters, numbers and .-_/ are allowed. {SEGMENTS}"
        )));
    }
    let is_path = name.matches('/').count() > 1;
    let begins = |prefix: &str| {
        reference.path.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if begins("aws") && is_path {
        return Err(Error::Reserved(format!("No access to reserved parameter name: {}.", reference.path)));
    }
    if begins("aws") || begins("ssm") {
        return Err(Error::invalid(match is_path {
            true => format!("Parameter name: can't be prefixed with \"ssm\" (case-insensitive). {SEGMENTS}"),
            false => {
                "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).".to_owned()
            }
        }));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(Error::invalid("Parameter name must be a fully qualified name."));
    }
    if !reference.path.split('/').all(is_segment) {
        return Err(Error::invalid(format!("Parameter name: {SEGMENTS}")));
    }
    if is_path && reference.path.split('/').count() > LEVELS_MAX {
        return Err(Error::HierarchyLevels(format!(
            "The hierarchy of a parameter has at most {LEVELS_MAX} levels."
        )));
    }
    if reference.arn().len() > ARN_CHARS_MAX {
        return Err(Error::invalid(format!("A parameter's ARN has at most {ARN_CHARS_MAX} characters.")));
    }
    Ok(())
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Refuses what is no path of a hierarchy; answers it without the slashes around it.
pub(crate) fn check_path(path: &str) -> Result<&str, Error> {
    let rest = path.strip_prefix('/');
    let inner = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    inner.filter(|inner| rest == Some("") || inner.split('/').all(is_segment)).ok_or_else(|| {
        Error::invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". \
             It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following \
             symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must \
             use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_.",
        )
    })
}

/// Whether a label may be one.
pub(crate) fn is_label(label: &str) -> bool {
    let starts =
        |prefix: &str| label.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    is_segment(label)
        && !label.starts_with(|first: char| first.is_ascii_digit())
        && !starts("aws")
        && !starts("ssm")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> Result<Reference, Error> {
        Reference::parse("123456789012".parse().unwrap(), &"us-east-1".parse().unwrap(), text)
    }

    #[test]
    fn names_and_arns_refer_to_parameters() {
        let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/a/b";
        for (text, path, selector) in [
            ("/a/b", "a/b", None),
            ("a", "a", None),
            ("/a/b:3", "a/b", Some(Selector::Version(3))),
            ("/a/b:prod", "a/b", Some(Selector::Label("prod".into()))),
            (arn, "a/b", None),
            (&format!("{arn}:7"), "a/b", Some(Selector::Version(7))),
        ] {
            let found = reference(text).unwrap();
            assert_eq!((found.path.as_str(), found.selector), (path, selector), "{text}");
        }
        assert_eq!(reference("/a/b").unwrap().arn(), arn);
        assert!(reference(arn).unwrap().means("/a/b"));
        assert!(!reference("a").unwrap().means("/a"));
        for bad in [
            "arn:aws:ssm:us-east-1:123456789012:parameter/",
            "arn:aws:s3:::parameter/x",
            "arn:aws:ssm:us-east-1:1:parameter/x",
        ] {
            assert!(reference(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn new_names_keep_the_rules() {
        let judged = |name: &str| check_new(&reference(name).unwrap()).map_err(|error| error.to_string());
        for good in ["a", "/a", "/a/b.c/d-e_f", &format!("/{}", ["x"; 15].join("/"))] {
            assert_eq!(judged(good), Ok(()), "{good}");
        }
        for (bad, expected) in [
            ("a/b", "fully qualified"),
            ("/a//b", "sub-paths"),
            ("/a b", "sub-paths"),
            ("/", "sub-paths"),
            ("AWSname", "\"aws\" or \"ssm\""),
            ("/ssm/x", "prefixed with \"ssm\""),
            ("/aws/x", "No access to reserved parameter name: aws/x."),
            ("a:1", "only letters"),
            (&format!("/{}", ["x"; 16].join("/")), "at most 15 levels"),
            (&"x".repeat(980), "1011"),
        ] {
            assert!(judged(bad).unwrap_err().contains(expected), "{bad}");
        }
    }

    #[test]
    fn paths_and_labels_keep_the_rules() {
        for (path, inner) in [("/", ""), ("/a", "a"), ("/a/b/", "a/b")] {
            assert_eq!(check_path(path).unwrap(), inner);
        }
        for bad in ["a", "", "//", "/a//b", "/a b"] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        assert!(is_label("prod-1.x_y"));
        for bad in ["1a", "awsx", "SSMx", "a/b", "a b", ""] {
            assert!(!is_label(bad), "{bad}");
        }
    }
}
