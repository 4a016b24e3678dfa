//! Where the AWS tools' files lie: in the caller's home, or where the environment says.

use std::path::{Path, PathBuf};

use crate::Error;

/// The caller's home: `HOME`, else the password database's; none where neither says one.
pub(super) fn home() -> Option<PathBuf> {
    // An empty `HOME` is one, other than for the standard library.
    std::env::var_os("HOME").map(PathBuf::from).or_else(std::env::home_dir).map(rooted)
}

/// SECURITY: an empty home is the root, as for the AWS tools: joined as it is, it would be whatever folder the command runs in.
fn rooted(home: PathBuf) -> PathBuf {
    if home.as_os_str().is_empty() { PathBuf::from("/") } else { home }
}

/// The file of this name, or the one that `given` says instead; none where that is empty, or where nothing says a home.
pub(super) fn file(given: Option<&Path>, name: &str, home: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    let Some(given) = given else { return Ok(home.map(|home| home.join(".aws").join(name))) };
    if given.as_os_str().is_empty() {
        return Ok(None);
    }
    let told = |why: &str| format!("cannot read `{}`: {why}", given.display());
    // SECURITY: asked of the name alone, whatever there is under it: the AWS tools would read another file.
    if is_pattern(given) {
        return Err(told("variables and others' homes are not looked up here: write the whole path").into());
    }
    let Ok(below) = given.strip_prefix("~") else { return Ok(Some(given.to_owned())) };
    let home = home.ok_or_else(|| told("nothing says where your home is: write the whole path"))?;
    Ok(Some(home.join(below)))
}

/// True where a path names somebody else's home, or has a variable in it.
fn is_pattern(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains('$') || (text.starts_with('~') && !path.starts_with("~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_in_the_home_or_where_it_is_said() {
        let at = |given: Option<&str>, home: Option<&str>| {
            file(given.map(Path::new), "config", home.map(Path::new)).unwrap()
        };
        for (given, home, path) in [
            (None, Some("/h"), Some("/h/.aws/config")),
            (None, Some("/h$x"), Some("/h$x/.aws/config")),
            (None, None, None),
            (Some(""), Some("/h"), None),
            (Some("~/c"), Some("/h"), Some("/h/c")),
            (Some("/c"), None, Some("/c")),
            (Some("c"), Some("/h"), Some("c")),
            (Some("./~root/c"), Some("/h"), Some("./~root/c")),
        ] {
            assert_eq!(at(given, home), path.map(PathBuf::from), "{given:?} {home:?}");
        }
        assert_eq!(rooted(PathBuf::new()), Path::new("/"));
        assert_eq!(rooted(PathBuf::from("/h")), Path::new("/h"));
    }

    #[test]
    fn what_the_aws_tools_would_look_up_is_no_name() {
        for given in ["$HOME/c", "${HOME}/c", "/a/$b", "~/$c", "~root/c", "~root"] {
            let refused = file(Some(Path::new(given)), "config", Some(Path::new("/h"))).unwrap_err();
            assert!(refused.to_string().contains("write the whole path"), "{given}: {refused}");
        }
        assert!(file(Some(Path::new("~/c")), "config", None).is_err(), "no home");
    }
}
