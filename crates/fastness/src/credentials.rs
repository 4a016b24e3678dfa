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

/// How clients reach the platform.
pub(crate) struct Endpoint<'a> {
    pub(crate) url: &'a str,
    pub(crate) region: &'a str,
    pub(crate) ca_bundle: Option<&'a Path>,
}

/// An AWS config file for this platform: `[default]`, and a profile for each output that is a role of the account.
pub(crate) fn config_file(endpoint: &Endpoint<'_>, outputs: &BTreeMap<String, String>) -> String {
    let Endpoint { url, region, ca_bundle } = endpoint;
    let mut common = format!("region = {region}\nendpoint_url = {url}\n");
    if let Some(bundle) = ca_bundle {
        let _ = writeln!(common, "ca_bundle = {}", bundle.display());
    }
    let mut text = format!("[default]\n{common}");
    for (key, value) in outputs {
        if value.starts_with("arn:aws:iam::") && value.contains(":role/") {
            let _ = write!(text, "\n[profile {key}]\n{common}role_arn = {value}\nsource_profile = default\n");
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
        let bundle = Path::new("/data/tls/authority.pem");
        let endpoint = Endpoint { url: "https://127.0.0.1:1", region: "us-east-1", ca_bundle: Some(bundle) };
        let text = config_file(&endpoint, &outputs);
        assert_eq!(text.matches("ca_bundle = /data/tls/authority.pem").count(), 2, "{text}");
        assert!(text.contains("[profile Visitor]") && !text.contains("[profile Table]"), "{text}");
    }
}
