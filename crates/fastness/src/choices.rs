//! What a deployment is told besides its template: by the command line, and behind it by `samconfig.toml`. For `deploy` and `up`.
//!
//! Decides only which of the two counts: the command line, key by key.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::args::OnFailure;
use crate::samconfig::{self, SamConfig, Signer};
use crate::up::Progress;

/// A file's capabilities are `sam deploy`'s, which deploys by change sets; those expand macros without being told to.
const EXPANDS: &str = "CAPABILITY_AUTO_EXPAND";

/// The environment where none is asked for.
const USUAL: &str = "default";

/// What a deployment is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choices {
    pub(crate) stack_name: Option<String>,
    pub(crate) s3_bucket: Option<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
    /// Empty where neither says any.
    pub(crate) capabilities: Vec<String>,
    pub(crate) role_arn: Option<String>,
    /// What the file says of it; the command line's own is not here.
    pub(crate) signer: Signer,
    pub(crate) on_failure: Option<OnFailure>,
    /// The change set is made, and nothing else.
    pub(crate) no_execute_changeset: bool,
    /// A stack that is as the template says already is a failure.
    pub(crate) fail_on_empty_changeset: bool,
}

/// What is to be told of the file: which it is, and what of it counts for nothing.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    file: Option<PathBuf>,
    environment: String,
    warnings: Vec<String>,
}

impl Reading {
    /// Tells it.
    pub(crate) fn tell(&self, progress: &Progress) {
        let name = self.file.as_ref().map(|file| file.display().to_string());
        if let Some(name) = &name {
            progress.say(&format!("reading {name} [{}]", self.environment));
        }
        for warning in &self.warnings {
            match &name {
                Some(name) => progress.warn(&format!("{name}: {warning}")),
                None => progress.warn(warning),
            }
        }
    }
}

impl Choices {
    /// These, and behind them those of the file that stands beside the template in `folder`, for one of its environments; and what is
    /// to be told of it.
    ///
    /// # Errors
    /// The file cannot be read, says something that is not of its type or is not supported; or nothing has the environment that is asked
    /// for, and no name of the stack is said.
    pub(crate) fn with_file(self, folder: &Path, environment: &str) -> Result<(Self, Reading), Error> {
        let environment = environment.to_owned();
        let Some(file) = samconfig::beside(folder) else {
            let warnings = self.unfound(&environment, "there is no samconfig.toml", &[])?;
            return Ok((self, Reading { file: None, environment, warnings }));
        };
        let mut config = SamConfig::read(&file, &environment)?;
        let mut warnings = std::mem::take(&mut config.warnings);
        if let Some(others) = config.others.take() {
            warnings.extend(self.unfound(&environment, &format!("{} says none", file.display()), &others)?);
        }
        Ok((self.before(config), Reading { file: Some(file), environment, warnings }))
    }

    /// What is told where no file has the environment. `sam` has no stack to deploy then, unless its command line names one.
    fn unfound(&self, environment: &str, why: &str, others: &[String]) -> Result<Vec<String>, Error> {
        let is_usual = environment == USUAL;
        if is_usual && others.is_empty() {
            return Ok(Vec::new());
        }
        let others: Vec<String> = others.iter().map(|other| format!("`{}`", other.escape_debug())).collect();
        let others =
            if others.is_empty() { String::new() } else { format!("; it has {}", others.join(", ")) };
        let told = format!("no settings of the environment `{}`: {why}{others}", environment.escape_debug());
        if is_usual || self.stack_name.is_some() { Ok(vec![told]) } else { Err(told.into()) }
    }

    fn before(self, config: SamConfig) -> Self {
        let mut behind = config.capabilities;
        if !behind.is_empty() && !behind.iter().any(|named| named == EXPANDS) {
            behind.push(EXPANDS.to_owned());
        }
        Self {
            stack_name: self.stack_name.or(config.stack_name),
            s3_bucket: self.s3_bucket.or(config.s3_bucket),
            parameters: over(self.parameters, config.parameters),
            tags: over(self.tags, config.tags),
            capabilities: if self.capabilities.is_empty() { behind } else { self.capabilities },
            role_arn: self.role_arn.or(config.role_arn),
            signer: config.signer,
            on_failure: self.on_failure.or(config.on_failure),
            no_execute_changeset: self.no_execute_changeset || config.no_execute_changeset,
            fail_on_empty_changeset: self.fail_on_empty_changeset || config.fail_on_empty_changeset,
        }
    }
}

/// `first`, and what `behind` says of other keys.
fn over(mut first: Vec<(String, String)>, behind: Vec<(String, String)>) -> Vec<(String, String)> {
    let rest = behind.into_iter().filter(|(key, _)| !first.iter().any(|(given, _)| given == key));
    let rest: Vec<(String, String)> = rest.collect();
    first.extend(rest);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_command_line_counts_before_the_file() {
        let config = SamConfig {
            stack_name: Some("of-file".to_owned()),
            parameters: pairs(&[("A", "file"), ("B", "file")]),
            tags: pairs(&[("t", "file")]),
            capabilities: vec!["CAPABILITY_IAM".to_owned()],
            role_arn: Some("arn:file".to_owned()),
            signer: Signer { profile: Some("file".to_owned()), region: None },
            on_failure: Some(OnFailure::Delete),
            no_execute_changeset: true,
            ..SamConfig::default()
        };
        let line = Choices {
            parameters: pairs(&[("A", "line")]),
            role_arn: Some("arn:line".to_owned()),
            ..Choices::default()
        };
        let choices = line.clone().before(config);
        assert_eq!(choices.stack_name.as_deref(), Some("of-file"));
        assert_eq!(choices.parameters, pairs(&[("A", "line"), ("B", "file")]));
        assert_eq!(choices.tags, pairs(&[("t", "file")]));
        assert_eq!(choices.role_arn.as_deref(), Some("arn:line"));
        assert_eq!(choices.signer.profile.as_deref(), Some("file"));
        assert!(choices.no_execute_changeset);
        assert_eq!(choices.on_failure, Some(OnFailure::Delete));
        // A change set would not have asked for more.
        assert_eq!(choices.capabilities, ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]);
        assert_eq!(line.clone().before(SamConfig::default()), line);
        let named = Choices { capabilities: vec!["CAPABILITY_NAMED_IAM".to_owned()], ..line };
        assert_eq!(named.clone().before(SamConfig::default()).capabilities, named.capabilities);
    }

    #[test]
    fn an_environment_that_no_file_has_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let of = |choices: &Choices, environment: &str| {
            let read = choices.clone().with_file(folder.path(), environment);
            read.map(|(_, reading)| reading.warnings).map_err(|error| error.to_string())
        };
        let named = Choices { stack_name: Some("s".to_owned()), ..Choices::default() };
        let silent = Choices::default();
        assert_eq!(of(&silent, "default"), Ok(Vec::new()));
        assert!(of(&silent, "nope").unwrap_err().contains("`nope`: there is no samconfig.toml"));
        std::fs::write(folder.path().join("samconfig.toml"), "[prod.deploy.parameters]\n").unwrap();
        let refused = of(&silent, "nope").unwrap_err();
        assert!(refused.contains("`nope`") && refused.ends_with("says none; it has `prod`"), "{refused}");
        assert_eq!(of(&named, "nope").unwrap().len(), 1);
        assert_eq!(of(&silent, "default").unwrap().len(), 1);
        assert_eq!(of(&silent, "prod"), Ok(Vec::new()));
    }
}
