//! The files that the AWS tools read: the administrator's key, made once, and the config that names the endpoint.
//!
//! The credentials file is the only place where a secret leaves the store in clear; its mode is 0600 from its first
//! byte.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base::SecretString;

/// The file's place under the data folder.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("credentials")
}

/// Writes `[default]` with this key, replacing the file in one step.
pub(crate) fn write(
    data_dir: &Path,
    access_key_id: &str,
    secret_access_key: &SecretString,
) -> std::io::Result<()> {
    let text = format!(
        "[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {}\n",
        secret_access_key.expose()
    );
    replace(&path(data_dir), text.as_bytes())
}

/// Writes a file of mode 0600 beside its place, then moves it there.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    if fresh.exists() {
        std::fs::remove_file(&fresh)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

/// An AWS config file for this platform: `[default]`, and a profile for each output that is a role of the account.
pub(crate) fn config_file(endpoint: &str, region: &str, outputs: &BTreeMap<String, String>) -> String {
    let mut text = format!("[default]\nregion = {region}\nendpoint_url = {endpoint}\n");
    for (key, value) in outputs {
        if value.starts_with("arn:aws:iam::") && value.contains(":role/") {
            let _ = write!(
                text,
                "\n[profile {key}]\nregion = {region}\nendpoint_url = {endpoint}\nrole_arn = {value}\n\
                 source_profile = default\n"
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_private_and_in_the_shared_format() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "AKIAEXAMPLE", &SecretString::new("s3cret")).unwrap();
        write(folder.path(), "AKIASECOND", &SecretString::new("other")).unwrap();
        let file = path(folder.path());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text, "[default]\naws_access_key_id = AKIASECOND\naws_secret_access_key = other\n");
    }

    #[test]
    fn roles_among_the_outputs_become_profiles() {
        let outputs = BTreeMap::from([
            ("Visitor".to_owned(), "arn:aws:iam::000000000000:role/v".to_owned()),
            ("Table".to_owned(), "t".to_owned()),
        ]);
        let text = config_file("http://127.0.0.1:1", "us-east-1", &outputs);
        assert!(text.contains("[profile Visitor]") && !text.contains("[profile Table]"), "{text}");
    }
}
