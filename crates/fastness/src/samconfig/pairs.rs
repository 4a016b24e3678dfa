//! Words and pairs of settings, in every form that `sam` takes: a text, a list, a table, a file.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::Value;

use crate::Error;

/// Files that name files; nobody writes so many one behind another.
const FILES_MAX: usize = 16;

/// A list, or one text with words as a shell has them.
pub(super) fn words(key: &str, value: &Value) -> Result<Vec<String>, Error> {
    let wrong = || Error::from(format!("`{key}` is neither a text nor a list of texts"));
    match value {
        Value::String(text) => split_all(key, text),
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(unquoted).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

/// Keys and values; what is said twice counts as it is said last.
pub(super) fn pairs(key: &str, value: &Value, takes_files: bool) -> Result<Vec<(String, String)>, Error> {
    let mut pairs = Pairs { key, takes_files, found: IndexMap::new(), open: Vec::new() };
    match value {
        Value::String(text) if pairs.file(text).is_none() => {
            split_all(key, text)?.iter().try_for_each(|word| pairs.word(word))?;
        }
        other => pairs.add(other)?,
    }
    Ok(pairs.found.into_iter().collect())
}

struct Pairs<'a> {
    key: &'a str,
    takes_files: bool,
    found: IndexMap<String, String>,
    /// The files that are being read, each named by the one before.
    open: Vec<PathBuf>,
}

impl Pairs<'_> {
    /// The caps of the parsers, and of files, bound the recursion.
    fn add(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::Null => Ok(()),
            Value::String(text) => match self.file(text) {
                Some(path) => self.read(&path),
                None => pairs_of(text).iter().try_for_each(|word| self.word(word)),
            },
            Value::Array(items) => items.iter().try_for_each(|item| self.add(item)),
            Value::Object(table) => table.iter().try_for_each(|(name, value)| self.entry(name, value)),
            _ => Err(format!("`{}` is neither a text nor a list of texts nor a table", self.key).into()),
        }
    }

    fn entry(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        if name == "$include" && self.takes_files {
            return match value {
                Value::String(_) | Value::Array(_) => self.add(value),
                _ => Err(format!("`$include` in `{}` is neither a text nor a list", self.key).into()),
            };
        }
        let wrong = || Error::from(format!("`{name}` in `{}` is no text", self.key));
        let text = match value {
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(text_of).collect();
                let texts = texts.ok_or_else(wrong)?;
                texts
                    .iter()
                    .map(|text| text.trim())
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join(",")
            }
            other => text_of(other).ok_or_else(wrong)?,
        };
        self.found.insert(unwrapped(name), unwrapped(&text));
        Ok(())
    }

    /// The file that a text names.
    fn file(&self, text: &str) -> Option<PathBuf> {
        let path = PathBuf::from(text.strip_prefix("file://").filter(|_| self.takes_files)?);
        // As `sam` finds it: beside the file that names it, and else where the command runs.
        let beside = self.open.last().and_then(|file| file.parent());
        Some(beside.map_or_else(|| path.clone(), |folder| folder.join(&path)))
    }

    fn read(&mut self, path: &Path) -> Result<(), Error> {
        let told = |error: &dyn std::fmt::Display| {
            Error::from(format!("`{}` in `{}`: {error}", path.display(), self.key))
        };
        let path = path.canonicalize().map_err(|error| told(&error))?;
        if !path.is_file() {
            return Err(told(&"it is no file"));
        }
        if self.open.contains(&path) {
            return Err(told(&"it names itself"));
        }
        if self.open.len() >= FILES_MAX {
            return Err(told(&format!("more than {FILES_MAX} files name each other")));
        }
        let tree = super::tree::read(&path)?;
        self.open.push(path);
        let added = self.add(&tree);
        self.open.pop();
        added
    }

    /// `Key=Value`, or `ParameterKey=Key,ParameterValue=Value`.
    fn word(&mut self, word: &str) -> Result<(), Error> {
        let long = word.strip_prefix("ParameterKey=").and_then(|rest| rest.split_once(",ParameterValue="));
        let (name, value) = long
            .or_else(|| word.split_once('='))
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| format!("`{word}` in `{}` is not of the form Key=Value", self.key))?;
        self.found.insert(name.to_owned(), value.to_owned());
        Ok(())
    }
}

/// A leaf as `sam` writes it; nothing is no text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Without quotes around all of it, which tables need not have.
fn unwrapped(text: &str) -> String {
    let inner = |quote| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text).to_owned()
}

fn split_all(key: &str, text: &str) -> Result<Vec<String>, Error> {
    split(text).ok_or_else(|| format!("`{key}` has a quote that does not end").into())
}

/// The pairs of a list's item: one, in which blanks are the value's, unless each of its words is one.
fn pairs_of(text: &str) -> Vec<String> {
    let words = split(text).filter(|words| words.iter().all(|word| word.contains('=')));
    words.unwrap_or_else(|| vec![unquoted(text)])
}

fn unquoted(text: &str) -> String {
    split(text).filter(|words| words.len() == 1).map_or_else(|| text.to_owned(), |words| words.concat())
}

/// Words between blanks, where quotes and backslashes keep blanks; `None` for a quote without an end.
fn split(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next()?),
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> Result<Vec<(String, String)>, String> {
        pairs("p", value, true).map_err(|error| error.to_string())
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_form_is_taken() {
        let expected = owned(&[("A", "1"), ("B", "x y")]);
        for value in [
            json!("A=1 B=\"x y\""),
            json!("A=0 B='x y' A=1"),
            json!(["A=1", "B=x y"]),
            json!(["A=1 B='x y'"]),
            json!([["A=1"], null, {"B": "x y"}]),
            json!({"A": 1, "B": "\"x y\""}),
            json!(["ParameterKey=A,ParameterValue=1", "B=\"x y\""]),
        ] {
            assert_eq!(of(&value).unwrap(), expected, "{value}");
        }
        let table = json!({"L": ["a", " b ", "", 3], "N": null, "T": true, "F": 1.5});
        assert_eq!(of(&table).unwrap(), owned(&[("L", "a,b,3"), ("N", ""), ("T", "True"), ("F", "1.5")]));
    }

    #[test]
    fn files_name_files_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            json!(format!("file://{}", folder.path().join(name).display()))
        };
        put("inner.toml", "A = 1\nB = \"inner\"\n");
        let outer = put("outer.yaml", "- $include: file://inner.toml\n- B: outer\n");
        assert_eq!(of(&outer).unwrap(), owned(&[("A", "1"), ("B", "outer")]));
        assert_eq!(of(&json!(["B=first", outer])).unwrap(), owned(&[("B", "outer"), ("A", "1")]));
        let own = put("own.yaml", "$include: file://own.yaml\n");
        for (value, told) in [
            (own, "names itself"),
            (put("p.ini", ""), "ends neither"),
            (json!("file:///nonexistent/p.yaml"), "No such file"),
            (json!(format!("file://{}", folder.path().display())), "it is no file"),
        ] {
            let error = of(&value).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        // Tags are in no files.
        assert!(pairs("tags", &outer, false).is_err());
    }

    #[test]
    fn what_is_none_of_them_is_told() {
        for (value, told) in [
            (json!(5), "neither a text nor a list of texts"),
            (json!([true]), "neither a text nor a list of texts"),
            (json!({"A": {"B": 1}}), "`A` in `p` is no text"),
            (json!({"$include": {}}), "`$include` in `p`"),
            (json!("A"), "`A` in `p` is not of the form"),
            (json!("A='b"), "a quote that does not end"),
        ] {
            let error = of(&value).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
