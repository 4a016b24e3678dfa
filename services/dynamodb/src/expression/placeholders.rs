//! `ExpressionAttributeNames` and `ExpressionAttributeValues`: what `#name` and `:value` stand for, and whether they
//! are used at all.

use std::collections::BTreeMap;

use protocol::{Entries, Value};

use crate::attribute::AttributeValue;
use crate::invalid::Invalid;

/// The most bytes that all names and values together may have.
const BYTES_MAX: usize = 2 * 1_024 * 1_024;

#[derive(Debug)]
struct Placeholder<T> {
    meaning: T,
    is_used: bool,
}

/// The placeholders of one request, shared by all of its expressions.
#[derive(Debug, Default)]
pub struct Placeholders {
    names: BTreeMap<String, Placeholder<String>>,
    values: BTreeMap<String, Placeholder<AttributeValue>>,
}

impl Placeholders {
    /// Checks the parameters as they came; an empty map in a request is not the same as none.
    ///
    /// # Errors
    /// A map is empty, a key is not of its form, a value is not valid, or there is too much of it.
    pub fn new(names: Option<Entries<String>>, values: Option<Entries<Value>>) -> Result<Self, Invalid> {
        let mut placeholders = Self::default();
        if let Some(names) = names {
            check_keys("ExpressionAttributeNames", '#', &names)?;
            for (key, name) in names {
                placeholders.names.insert(key, Placeholder { meaning: name, is_used: false });
            }
        }
        if let Some(values) = values {
            check_keys("ExpressionAttributeValues", ':', &values)?;
            for (key, value) in values {
                let meaning = AttributeValue::try_from(value).map_err(|invalid| {
                    let message = invalid.message();
                    Invalid::new(format!(
                        "ExpressionAttributeValues contains invalid value: {message} for key {key}"
                    ))
                })?;
                placeholders.values.insert(key, Placeholder { meaning, is_used: false });
            }
        }
        if placeholders.size_bytes() > BYTES_MAX {
            return Err(Invalid::new("ExpressionAttributeValues exceeds max size"));
        }
        Ok(placeholders)
    }

    fn size_bytes(&self) -> usize {
        let names: usize = self.names.iter().map(|(key, name)| key.len() + name.meaning.len()).sum();
        let values: usize =
            self.values.iter().map(|(key, value)| key.len() + value.meaning.size_bytes()).sum();
        names + values
    }

    /// The attribute's name behind `#name`.
    pub(super) fn name(&mut self, key: &str) -> Option<&str> {
        let placeholder = self.names.get_mut(key)?;
        placeholder.is_used = true;
        Some(&placeholder.meaning)
    }

    /// The value behind `:value`.
    pub(super) fn value(&mut self, key: &str) -> Option<&AttributeValue> {
        let placeholder = self.values.get_mut(key)?;
        placeholder.is_used = true;
        Some(&placeholder.meaning)
    }

    /// Refuses placeholders that no expression used. To be called once all expressions are parsed.
    ///
    /// # Errors
    /// A name or a value was not used.
    pub fn finish(&self) -> Result<(), Invalid> {
        check_used("ExpressionAttributeNames", &self.names)?;
        check_used("ExpressionAttributeValues", &self.values)
    }
}

fn check_keys<T>(parameter: &str, sigil: char, entries: &Entries<T>) -> Result<(), Invalid> {
    if entries.is_empty() {
        return Err(Invalid::new(format!("{parameter} must not be empty")));
    }
    let is_word = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match entries.iter().find(|(key, _)| !key.strip_prefix(sigil).is_some_and(is_word)) {
        Some((key, _)) => {
            Err(Invalid::new(format!("{parameter} contains invalid key: Syntax error; key: \"{key}\"")))
        }
        None => Ok(()),
    }
}

fn check_used<T>(parameter: &str, placeholders: &BTreeMap<String, Placeholder<T>>) -> Result<(), Invalid> {
    let unused: Vec<_> =
        placeholders.iter().filter(|(_, held)| !held.is_used).map(|(key, _)| key.as_str()).collect();
    if unused.is_empty() {
        return Ok(());
    }
    Err(Invalid::new(format!(
        "Value provided in {parameter} unused in expressions: keys: {{{}}}",
        unused.join(", ")
    )))
}
