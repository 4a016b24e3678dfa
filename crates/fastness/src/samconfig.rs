//! Reads what `samconfig.toml` says of deployments, as `sam deploy` reads it: for `deploy` and `up`.
//!
//! The tables `ENV.deploy.parameters` and, behind it, `ENV.global.parameters`. Settings that have no meaning here are passed
//! over, as they say how the other tool talks; one that is not of its type is an error.

use std::path::{Path, PathBuf};

use base::Region;
use toml::{Table, Value};

use crate::Error;

/// No such file is longer.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SamConfig {
    pub(crate) stack_name: Option<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) role_arn: Option<String>,
    pub(crate) s3_bucket: Option<String>,
    pub(crate) signer: Signer,
}

/// As whom, and in which region, the calls are made: what `deploy` takes as if the command line said it, where that says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<Region>,
}

/// The file for a template in `folder`, if there is one: beside it, or beside the `.aws-sam` folder that it was built in.
pub(crate) fn beside(folder: &Path) -> Option<PathBuf> {
    let built_in = folder.ends_with(".aws-sam/build").then(|| folder.ancestors().nth(2)).flatten();
    Some(built_in.unwrap_or(folder).join("samconfig.toml")).filter(|file| file.is_file())
}

impl SamConfig {
    /// Reads a file for one environment.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or a setting is not of its type.
    pub(crate) fn read(file: &Path, environment: &str) -> Result<Self, Error> {
        let told = |error: &dyn std::fmt::Display| Error::from(format!("{}: {error}", file.display()));
        if std::fs::metadata(file).map_err(|error| told(&error))?.len() > FILE_BYTES_MAX {
            return Err(told(&format!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(file).map_err(|error| told(&error))?;
        let table: Table = text.parse().map_err(|error| told(&error))?;
        Self::of(&table, environment).map_err(|error| told(&error))
    }

    fn of(table: &Table, environment: &str) -> Result<Self, Error> {
        let own = table.get(environment).and_then(Value::as_table);
        let of = |command: &str| own?.get(command)?.as_table()?.get("parameters")?.as_table();
        let tables = [of("deploy"), of("global")];
        let get = |key: &str| tables.iter().flatten().find_map(|table| table.get(key));
        let text = |key: &str| match get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Error::from(format!("`{key}` is no text"))),
        };
        // SECURITY: an empty name is nobody's, and not the default profile's.
        let given = |key: &str| match text(key)? {
            Some(text) if text.is_empty() => Err(Error::from(format!("`{key}` is empty"))),
            text => Ok(text),
        };
        let words = |key: &str| get(key).map_or(Ok(Vec::new()), |value| words_of(key, value));
        let pairs = |key: &str| words(key)?.iter().map(|word| pair(key, word)).collect::<Result<_, _>>();
        Ok(Self {
            stack_name: text("stack_name")?,
            parameters: pairs("parameter_overrides")?,
            tags: pairs("tags")?,
            capabilities: words("capabilities")?,
            role_arn: text("role_arn")?,
            s3_bucket: text("s3_bucket")?,
            signer: Signer {
                profile: given("profile")?,
                region: given("region")?.map(|region| region.parse()).transpose()?,
            },
        })
    }
}

/// A list, or one text with words as a shell has them.
fn words_of(key: &str, value: &Value) -> Result<Vec<String>, Error> {
    let wrong = || Error::from(format!("`{key}` is neither a text nor a list of texts"));
    match value {
        Value::String(text) => {
            split(text).ok_or_else(|| format!("`{key}` has a quote that does not end").into())
        }
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(unquoted).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
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

/// `Key=Value`, or `ParameterKey=Key,ParameterValue=Value`.
fn pair(key: &str, word: &str) -> Result<(String, String), Error> {
    let long = word.strip_prefix("ParameterKey=").and_then(|rest| rest.split_once(",ParameterValue="));
    let (name, value) = long
        .or_else(|| word.split_once('='))
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("`{word}` in `{key}` is not of the form Key=Value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<SamConfig, Error> {
        SamConfig::of(&text.parse().unwrap(), "default")
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_sam_writes_is_read() {
        let config = of(r#"
version = 0.1
[default.global.parameters]
stack_name = "app"
s3_bucket = "shared"
profile = "everywhere"
region = "eu-west-1"
[default.deploy.parameters]
capabilities = "CAPABILITY_IAM CAPABILITY_NAMED_IAM"
parameter_overrides = "Stage=\"prod\" Greeting=\"hello world\" ParameterKey=Old,ParameterValue=style"
tags = ["team=one", "cost=\"a b\""]
s3_bucket = "own"
confirm_changeset = true
profile = "deployer"
[prod.deploy.parameters]
stack_name = "other"
"#)
        .unwrap();
        assert_eq!(config.stack_name.as_deref(), Some("app"));
        assert_eq!(config.s3_bucket.as_deref(), Some("own"));
        assert_eq!(config.capabilities, ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]);
        assert_eq!(
            config.parameters,
            owned(&[("Stage", "prod"), ("Greeting", "hello world"), ("Old", "style")])
        );
        assert_eq!(config.tags, owned(&[("team", "one"), ("cost", "a b")]));
        assert_eq!(config.signer.profile.as_deref(), Some("deployer"));
        assert_eq!(config.signer.region.as_ref().map(Region::as_str), Some("eu-west-1"));
    }

    #[test]
    fn what_is_not_of_its_type_is_told() {
        for (text, expected) in [
            ("stack_name = 1", "`stack_name` is no text"),
            ("profile = 1", "`profile` is no text"),
            ("profile = \"\"", "`profile` is empty"),
            ("region = \"\"", "`region` is empty"),
            ("region = \"no region\"", "no region"),
            ("tags = 1", "`tags` is neither"),
            ("tags = [1]", "`tags` is neither"),
            ("parameter_overrides = \"A=\\\"b\"", "quote that does not end"),
            ("parameter_overrides = \"A\"", "`A` in `parameter_overrides`"),
        ] {
            let told = of(&format!("[default.deploy.parameters]\n{text}\n")).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
        assert_eq!(of("other = 1").unwrap(), SamConfig::default());
    }

    #[test]
    fn the_file_stands_beside_the_project() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(beside(folder.path()), None);
        let file = folder.path().join("samconfig.toml");
        std::fs::write(&file, "").unwrap();
        assert_eq!(beside(folder.path()), Some(file.clone()));
        assert_eq!(beside(&folder.path().join(".aws-sam/build")), Some(file));
    }
}
