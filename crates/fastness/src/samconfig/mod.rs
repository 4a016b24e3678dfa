//! Reads what `samconfig.toml` says of deployments, as `sam deploy` reads it: for `deploy` and `up`.
//!
//! The tables `ENV.deploy.parameters` and, behind it, `ENV.global.parameters`. A setting that is not of its type is an error; so
//! is one that would make another deployment and is not supported. Others are told.

mod known;
mod pairs;
mod tree;

use std::path::{Path, PathBuf};

use base::Region;
use serde_json::{Map, Value};

use crate::Error;
use crate::args::OnFailure;

/// The first that is there is read, as `sam` does.
const NAMES: [&str; 3] = ["samconfig.toml", "samconfig.yaml", "samconfig.yml"];

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
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) no_execute_changeset: bool,
    pub(crate) fail_on_empty_changeset: bool,
    /// What it says that counts for nothing.
    pub(crate) warnings: Vec<String>,
    /// The environments that it has, where the one that was asked for is not among them.
    pub(crate) others: Option<Vec<String>>,
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
    let folder = built_in.unwrap_or(folder);
    NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

impl SamConfig {
    /// Reads a file for one environment.
    ///
    /// # Errors
    /// It cannot be read, is no TOML or YAML, a setting is not of its type, or would make another deployment.
    pub(crate) fn read(file: &Path, environment: &str) -> Result<Self, Error> {
        let told = |error: Error| Error::from(format!("{}: {error}", file.display()));
        match tree::read(file)? {
            Value::Null => Ok(Self::default()),
            Value::Object(table) => Self::of(&table, environment).map_err(told),
            _ => Err(told("it is no table".into())),
        }
    }

    fn of(table: &Map<String, Value>, environment: &str) -> Result<Self, Error> {
        let Some(own) = table.get(environment).and_then(Value::as_object) else {
            let others = table.iter().filter(|(_, value)| value.is_object()).map(|(name, _)| name.clone());
            return Ok(Self { others: Some(others.collect()), ..Self::default() });
        };
        let of = |command: &str| own.get(command)?.as_object()?.get("parameters")?.as_object();
        let tables = Tables([of("deploy"), of("global")]);
        let pairs =
            |key: &str, files| tables.get(key).map_or(Ok(Vec::new()), |it| pairs::pairs(key, it, files));
        Ok(Self {
            stack_name: tables.text("stack_name")?,
            parameters: pairs("parameter_overrides", true)?,
            tags: pairs("tags", false)?,
            capabilities: tables
                .get("capabilities")
                .map_or(Ok(Vec::new()), |it| pairs::words("capabilities", it))?,
            role_arn: tables.text("role_arn")?,
            s3_bucket: tables.text("s3_bucket")?,
            signer: Signer {
                profile: tables.given("profile")?,
                region: tables.given("region")?.map(|region| region.parse()).transpose()?,
            },
            on_failure: tables.on_failure()?,
            no_execute_changeset: tables.flag("no_execute_changeset")?,
            fail_on_empty_changeset: tables.flag("fail_on_empty_changeset")?,
            warnings: tables.warnings()?,
            others: None,
        })
    }
}

/// The settings of `deploy`, and behind them those of all commands.
struct Tables<'a>([Option<&'a Map<String, Value>>; 2]);

impl Tables<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().flatten().find_map(|table| table.get(key))
    }

    fn text(&self, key: &str) -> Result<Option<String>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{key}` is no text").into()),
        }
    }

    fn given(&self, key: &str) -> Result<Option<String>, Error> {
        match self.text(key)? {
            // SECURITY: an empty name is nobody's, and not the default profile's.
            Some(text) if text.is_empty() => Err(format!("`{key}` is empty").into()),
            text => Ok(text),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, Error> {
        self.get(key).map_or(Ok(false), |value| flag(key, value))
    }

    /// Both settings say it; a stack is not rolled back, or is.
    fn on_failure(&self) -> Result<Option<OnFailure>, Error> {
        let said = match self.text("on_failure")?.as_deref() {
            None => None,
            Some("ROLLBACK") => Some(OnFailure::Rollback),
            Some("DELETE") => Some(OnFailure::Delete),
            Some("DO_NOTHING") => Some(OnFailure::DoNothing),
            Some(_) => return Err("`on_failure` is none of ROLLBACK, DELETE and DO_NOTHING".into()),
        };
        match (said, self.flag("disable_rollback")?) {
            (said, false) => Ok(said),
            (None | Some(OnFailure::DoNothing), true) => Ok(Some(OnFailure::DoNothing)),
            (Some(_), true) => Err("`on_failure` and `disable_rollback` exclude each other".into()),
        }
    }

    fn warnings(&self) -> Result<Vec<String>, Error> {
        let [own, all] = self.0;
        let mut told = own.map_or(Ok(Vec::new()), |table| known::warnings(table, false))?;
        for word in all.map_or(Ok(Vec::new()), |table| known::warnings(table, true))? {
            if !told.contains(&word) {
                told.push(word);
            }
        }
        Ok(told)
    }
}

/// A flag, in the words that `sam` takes.
fn flag(key: &str, value: &Value) -> Result<bool, Error> {
    let wrong = || Error::from(format!("`{key}` is neither true nor false"));
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
            "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<SamConfig, Error> {
        SamConfig::of(tree::of_toml(text).unwrap().as_object().unwrap(), "default")
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
on_failure = "DELETE"
no_execute_changeset = true
fail_on_empty_changeset = "yes"
confirm_changeset = true
no_such_option = "x"
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
        assert_eq!(config.on_failure, Some(OnFailure::Delete));
        assert!(config.no_execute_changeset && config.fail_on_empty_changeset);
        assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
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
            ("on_failure = \"delete\"", "none of ROLLBACK"),
            ("on_failure = \"DELETE\"\ndisable_rollback = true", "exclude each other"),
            ("no_execute_changeset = \"perhaps\"", "neither true nor false"),
            ("notification_arns = [\"arn\"]", "`notification_arns` is not supported"),
        ] {
            let told = of(&format!("[default.deploy.parameters]\n{text}\n")).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
        let none = SamConfig { others: Some(Vec::new()), ..SamConfig::default() };
        assert_eq!(of("other = 1").unwrap(), none);
        let others = of("[prod.deploy.parameters]\nstack_name = \"s\"\n").unwrap().others;
        assert_eq!(others, Some(vec!["prod".to_owned()]));
    }

    #[test]
    fn not_to_roll_back_is_said_in_two_ways() {
        for text in [
            "disable_rollback = true",
            "on_failure = \"DO_NOTHING\"",
            "disable_rollback = true\non_failure = \"DO_NOTHING\"",
        ] {
            let config = of(&format!("[default.deploy.parameters]\n{text}\n")).unwrap();
            assert_eq!(config.on_failure, Some(OnFailure::DoNothing), "{text}");
        }
        let config = of("[default.deploy.parameters]\ndisable_rollback = false\n").unwrap();
        assert_eq!(config.on_failure, None);
    }

    #[test]
    fn yaml_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("samconfig.yaml");
        let text = "version: 0.1\ndefault:\n  deploy:\n    parameters:\n      stack_name: app\n      parameter_overrides:\n        - Stage: prod\n";
        std::fs::write(&file, text).unwrap();
        assert_eq!(beside(folder.path()).as_ref(), Some(&file));
        let config = SamConfig::read(&file, "default").unwrap();
        assert_eq!(config.stack_name.as_deref(), Some("app"));
        assert_eq!(config.parameters, owned(&[("Stage", "prod")]));
        std::fs::write(&file, "- a\n").unwrap();
        assert!(SamConfig::read(&file, "default").unwrap_err().to_string().contains("no table"));
        // Where both are there, this is the one that counts.
        std::fs::write(folder.path().join("samconfig.toml"), "").unwrap();
        assert_eq!(beside(folder.path()), Some(folder.path().join("samconfig.toml")));
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
