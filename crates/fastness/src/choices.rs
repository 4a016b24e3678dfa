//! What a deployment is told besides its template: by the command line, and behind it by `samconfig.toml`. For `deploy` and `up`.
//!
//! Decides only which of the two counts: the command line, key by key.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::samconfig::{self, SamConfig, Signer};

/// A file's capabilities are `sam deploy`'s, which deploys by change sets; those expand macros without being told to.
const EXPANDS: &str = "CAPABILITY_AUTO_EXPAND";

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
}

impl Choices {
    /// These, and behind them those of the file that stands beside the template in `folder`, for one of its environments; and that
    /// file, where there is one.
    ///
    /// # Errors
    /// The file cannot be read, or says something that is not of its type.
    pub(crate) fn with_file(
        self,
        folder: &Path,
        environment: &str,
    ) -> Result<(Self, Option<PathBuf>), Error> {
        let Some(file) = samconfig::beside(folder) else { return Ok((self, None)) };
        let config = SamConfig::read(&file, environment)?;
        Ok((self.before(config), Some(file)))
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
        // A change set would not have asked for more.
        assert_eq!(choices.capabilities, ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]);
        assert_eq!(line.clone().before(SamConfig::default()), line);
        let named = Choices { capabilities: vec!["CAPABILITY_NAMED_IAM".to_owned()], ..line };
        assert_eq!(named.clone().before(SamConfig::default()).capabilities, named.capabilities);
    }
}
