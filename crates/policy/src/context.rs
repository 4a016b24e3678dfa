//! Condition keys of one request: names without regard to case, each with one or more values.
//!
//! A context does not know which keys exist, nor their types: values are text, and operators read them. Binary values
//! are base64, moments ISO 8601 or epoch seconds.

use std::borrow::Cow;

use smallvec::SmallVec;

/// The condition keys that a request carries besides those that follow from its principal.
#[derive(Clone, Debug, Default)]
pub struct Context {
    entries: SmallVec<[Entry; 12]>,
    is_supposed: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    name: Cow<'static, str>,
    values: SmallVec<[String; 1]>,
}

impl Context {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// No keys, of a request that nobody makes: what it has goes before what follows from the principal and the resource.
    // SECURITY: for simulations alone. A real call must not be able to give its caller another name.
    pub fn supposed() -> Self {
        Self { is_supposed: true, ..Self::default() }
    }

    pub(crate) const fn is_supposed(&self) -> bool {
        self.is_supposed
    }

    /// Adds a value, and hands the context on.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.add(name, value);
        self
    }

    /// Adds all values of a multi-valued key. No values leave the key absent.
    #[must_use]
    pub fn with_all<V: Into<String>>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let name = name.into();
        for value in values {
            self.add(name.clone(), value);
        }
        self
    }

    /// Adds a value; a key that is there already becomes multi-valued.
    pub fn add(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let name = name.into();
        match self.entries.iter_mut().find(|entry| entry.name.eq_ignore_ascii_case(&name)) {
            Some(entry) => entry.values.push(value.into()),
            None => self.entries.push(Entry { name, values: SmallVec::from_iter([value.into()]) }),
        }
    }

    /// Puts a single value in the place of whatever the key had.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let name = name.into();
        self.entries.retain(|entry| !entry.name.eq_ignore_ascii_case(&name));
        self.add(name, value);
    }

    /// The values of a key; empty where it is absent.
    pub fn values(&self, name: &str) -> &[String] {
        let entry = self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name));
        entry.map_or(&[], |entry| entry.values.as_slice())
    }

    /// All keys with their values, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.entries.iter().map(|entry| (&*entry.name, entry.values.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        let context = Context::new().with("aws:SourceIp", "1.2.3.4").with_all("aws:TagKeys", ["a", "b"]);
        assert_eq!(context.values("AWS:sourceip"), ["1.2.3.4"]);
        assert_eq!(context.values("aws:tagkeys"), ["a", "b"]);
        assert!(context.values("aws:tagkey").is_empty());
    }

    #[test]
    fn setting_replaces_and_adding_collects() {
        let mut context = Context::new().with("k", "1");
        context.add("K", "2");
        assert_eq!(context.values("k"), ["1", "2"]);
        context.set("K", "3");
        assert_eq!(context.values("k"), ["3"]);
        assert!(Context::new().with_all("k", Vec::<String>::new()).values("k").is_empty());
    }
}
