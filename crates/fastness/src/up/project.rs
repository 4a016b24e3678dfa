//! A template on disk: its document and its stack's name.
//!
//! It changes nothing: what the template names beside it is for others to pack.

use std::path::{Path, PathBuf};

use template::Document;

use crate::{Error, artifacts};

/// What `up` deploys.
pub(crate) struct Project {
    /// The template's file.
    pub(crate) template: PathBuf,
    /// The folder that relative code paths start from.
    pub(crate) folder: PathBuf,
    /// The stack's name.
    pub(crate) stack_name: String,
}

const NAMES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];

impl Project {
    /// Finds the template that a command line names.
    pub(crate) fn find(named: &Path, stack_name: Option<&str>) -> Result<Self, Error> {
        let template = if named.is_dir() {
            let found = NAMES.iter().map(|name| named.join(name)).find(|path| path.is_file());
            found.ok_or_else(|| format!("`{}` holds no {}", named.display(), NAMES.join(", ")))?
        } else {
            named.to_owned()
        };
        let template = template
            .canonicalize()
            .map_err(|error| format!("cannot read the template `{}`: {error}", named.display()))?;
        let folder = template.parent().map(Path::to_owned).unwrap_or_default();
        let stack_name = stack_name.map_or_else(|| stack_name_of(&folder), str::to_owned);
        Ok(Self { template, folder, stack_name })
    }

    /// Reads the template as it is now.
    pub(crate) fn read(&self) -> Result<Document, Error> {
        artifacts::parse(&self.template)
    }
}

/// The folder's name as CloudFormation allows it: letters, digits and hyphens, a letter first.
fn stack_name_of(folder: &Path) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(100).collect();
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        format!("stack-{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_names_follow_the_folder() {
        for (folder, name) in
            [("/x/orders", "orders"), ("/x/my app", "my-app"), ("/x/1st", "stack-1st"), ("/", "stack-")]
        {
            assert_eq!(stack_name_of(Path::new(folder)), name);
        }
    }
}
