//! Filters of listings.
//!
//! What is filtered by is checked whole before anything is looked at.

use crate::Error;
use crate::api::{ParameterStringFilter, ParametersFilter};
use crate::model::name::check_path;
use crate::model::value::{ADVANCED, INTELLIGENT, SECURE, STANDARD};
use crate::records::ParameterRecord;

/// Which listing is filtered: they know different keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    ByPath,
    Describe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    BeginsWith,
    Contains,
    OneLevel,
    Recursive,
}

/// One filter, checked: any of its values suffices.
#[derive(Debug)]
pub(crate) struct Filter {
    key: String,
    comparison: Comparison,
    values: Vec<String>,
}

/// The filters of a request; a parameter has to pass all of them.
pub(crate) fn filters(
    listing: Listing,
    asked: Option<Vec<ParameterStringFilter>>,
) -> Result<Vec<Filter>, Error> {
    let asked = asked.unwrap_or_default();
    for (at, ParameterStringFilter { key, .. }) in asked.iter().enumerate() {
        if asked.iter().take(at).any(|other| other.key == *key) {
            return Err(Error::InvalidFilterKey(format!(
                "The following filter is duplicated in the request: {key}. A request can contain only one occurrence of a specific \
                 filter."
            )));
        }
    }
    asked.into_iter().map(|filter| Filter::of(listing, filter)).collect()
}

/// The filters of the older form: names begin with their values, types and keys equal them.
pub(crate) fn older(asked: Option<Vec<ParametersFilter>>) -> Vec<Filter> {
    let filter = |ParametersFilter { key, values }: ParametersFilter| {
        let comparison = if key == "Name" { Comparison::BeginsWith } else { Comparison::Equals };
        Filter { key, comparison, values }
    };
    asked.unwrap_or_default().into_iter().map(filter).collect()
}

impl Filter {
    fn of(listing: Listing, asked: ParameterStringFilter) -> Result<Self, Error> {
        let ParameterStringFilter { key, option, values } = asked;
        let is_tag = key.starts_with("tag:");
        let known: &[&str] = match listing {
            Listing::ByPath => &["Type", "KeyId", "Label"],
            Listing::Describe => &["Path", "Name", "Type", "KeyId", "Tier", "DataType"],
        };
        let is_known = known.contains(&key.as_str()) || (is_tag && listing == Listing::Describe);
        if !is_known {
            return Err(Error::InvalidFilterKey(format!(
                "The following filter key is not valid: {key}. Valid filter keys include: [{}].",
                known.join(", ")
            )));
        }
        let values = values.unwrap_or_default();
        if values.is_empty() && !is_tag {
            return Err(Error::InvalidFilterValue(format!(
                "The following filter values are missing : null for filter key {key}."
            )));
        }
        let comparison = comparison(&key, option.as_deref())?;
        check_values(&key, &values)?;
        Ok(Self { key, comparison, values })
    }

    /// Whether the parameter passes.
    pub(crate) fn passes(&self, record: &ParameterRecord) -> bool {
        let latest = &record.latest;
        match self.key.as_str() {
            "Name" => self.any(&record.name),
            "Path" => self.any(&record.name),
            "Type" => self.any(&latest.kind),
            "KeyId" => latest.key_id.as_deref().is_some_and(|key| self.any(key)),
            "Tier" => self.any(&latest.tier),
            "DataType" => self.any(&latest.data_type),
            "Label" => record.labels_of(latest.number).iter().any(|label| self.any(label)),
            key => {
                let value = record.tags.get(key.strip_prefix("tag:").unwrap_or(key));
                value.is_some_and(|value| self.values.is_empty() || self.any(value))
            }
        }
    }

    fn any(&self, text: &str) -> bool {
        self.values.iter().any(|value| match self.comparison {
            Comparison::Equals => text == value,
            Comparison::BeginsWith => text.starts_with(value.as_str()),
            Comparison::Contains => text.contains(value.as_str()),
            Comparison::OneLevel => is_below(text, value, false),
            Comparison::Recursive => is_below(text, value, true),
        })
    }
}

fn comparison(key: &str, option: Option<&str>) -> Result<Comparison, Error> {
    let valid: &[(&str, Comparison)] = match key {
        "Path" => &[("OneLevel", Comparison::OneLevel), ("Recursive", Comparison::Recursive)],
        "Name" => &[
            ("Equals", Comparison::Equals),
            ("BeginsWith", Comparison::BeginsWith),
            ("Contains", Comparison::Contains),
        ],
        "Label" | "DataType" | "Tier" => &[("Equals", Comparison::Equals)],
        _ => &[("Equals", Comparison::Equals), ("BeginsWith", Comparison::BeginsWith)],
    };
    let found = match option {
        None => valid.first(),
        Some(option) => valid.iter().find(|(name, _)| *name == option),
    };
    found.map(|(_, comparison)| *comparison).ok_or_else(|| {
        let names: Vec<&str> = valid.iter().map(|(name, _)| *name).collect();
        Error::InvalidFilterOption(format!(
            "The following filter option is not valid: {}. Valid options include: [{}].",
            option.unwrap_or_default(),
            names.join(", ")
        ))
    })
}

fn check_values(key: &str, values: &[String]) -> Result<(), Error> {
    let valid: &[&str] = match key {
        "Tier" => &[STANDARD, ADVANCED, INTELLIGENT],
        "Type" => &["String", "StringList", SECURE],
        "Path" => return values.iter().try_for_each(|value| check_path(value).map(drop)),
        _ => return Ok(()),
    };
    match values.iter().find(|value| !valid.contains(&value.as_str())) {
        None => Ok(()),
        Some(value) => Err(Error::InvalidFilterValue(format!(
            "The following filter value is not valid: {value}. Valid values include: [{}].",
            valid.join(", ")
        ))),
    }
}

/// Whether a name is below a path: of names that are no paths, all are right below the root.
pub(crate) fn is_below(name: &str, path: &str, recursive: bool) -> bool {
    let name = name.strip_prefix('/').unwrap_or(name);
    let path = path.trim_matches('/');
    let rest = if path.is_empty() {
        Some(name)
    } else {
        name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'))
    };
    rest.is_some_and(|rest| recursive || !rest.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_below_its_paths() {
        for (name, path, one_level, recursive) in [
            ("/a/b", "/a", true, true),
            ("/a/b/c", "/a", false, true),
            ("/a/b", "/a/", true, true),
            ("/ab", "/a", false, false),
            ("/a", "/a", false, false),
            ("/a", "/", true, true),
            ("x", "/", true, true),
            ("/a/b", "/", false, true),
        ] {
            assert_eq!(
                (is_below(name, path, false), is_below(name, path, true)),
                (one_level, recursive),
                "{name} {path}"
            );
        }
    }

    #[test]
    fn filters_are_checked_whole() {
        let filter = |key: &str, option: Option<&str>, values: &[&str]| ParameterStringFilter {
            key: key.to_owned(),
            option: option.map(str::to_owned),
            values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        };
        let judged = |listing, asked| {
            filters(listing, Some(asked)).map(|found| found.len()).map_err(|error| error.to_string())
        };
        assert_eq!(
            judged(
                Listing::Describe,
                vec![filter("Name", Some("Contains"), &["a"]), filter("tag:k", None, &[])]
            ),
            Ok(2)
        );
        assert_eq!(judged(Listing::ByPath, vec![filter("Label", None, &["prod"])]), Ok(1));
        for (listing, asked, expected) in [
            (
                Listing::ByPath,
                vec![filter("Name", None, &["a"])],
                "InvalidFilterKey: The following filter key is not valid: Name.",
            ),
            (Listing::Describe, vec![filter("Label", None, &["a"])], "InvalidFilterKey"),
            (Listing::Describe, vec![filter("Type", Some("Contains"), &["String"])], "InvalidFilterOption"),
            (Listing::Describe, vec![filter("Type", None, &["Number"])], "InvalidFilterValue"),
            (Listing::Describe, vec![filter("Path", None, &["a"])], "ValidationException"),
            (Listing::Describe, vec![filter("Name", None, &[])], "InvalidFilterValue"),
            (
                Listing::Describe,
                vec![filter("Name", None, &["a"]), filter("Name", None, &["b"])],
                "duplicated",
            ),
        ] {
            let error = judged(listing, asked).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
