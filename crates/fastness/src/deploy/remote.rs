//! Which running platform is meant, and as whom: as the command line says, else as the environment does.
//!
//! Credentials are looked for where the AWS tools look. Refuses a profile whose credentials another program, a login or a
//! role would have to give: what is signed is signed as whoever was named.

use std::path::{Path, PathBuf};

use base::SecretString;

use crate::Error;
use crate::args::RemoteOptions;
use crate::client::{Client, entry};

/// No file of the AWS tools is longer.
const FILE_BYTES_MAX: u64 = 1 << 20;
const REGION: &str = "us-east-1";
/// What a profile may say instead of a key.
const ELSEWHERE: [&str; 5] =
    ["credential_process", "login_session", "role_arn", "sso_session", "sso_start_url"];

/// What was said on the command line goes before what the environment says.
pub(super) fn client(options: &RemoteOptions) -> Result<Client, Error> {
    let bundle = options.ca_bundle.as_deref();
    match (&options.endpoint_url, &options.data_dir, &options.usual_endpoint_url) {
        (Some(endpoint), _, _) => at(options, endpoint, "--endpoint-url"),
        (None, Some(data_dir), _) => Client::of(data_dir, bundle),
        (None, None, Some(endpoint)) if !endpoint.is_empty() => at(options, endpoint, "AWS_ENDPOINT_URL"),
        (None, None, _) => Client::of(&options.usual_data_dir, bundle),
    }
}

/// The platform at an address that `named` gave.
fn at(options: &RemoteOptions, endpoint: &str, named: &str) -> Result<Client, Error> {
    let files = Files::of(options)?;
    let key = match environment(options)? {
        Some(key) => key,
        None => files.key(&options.profile)?.ok_or_else(|| {
            format!(
                "no credentials for the platform at {endpoint}, which {named} names: neither AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY nor profile `{}` of `{}` give any; --data-dir takes the administrator's of a data folder",
                options.profile,
                files.credentials_path.display()
            )
        })?,
    };
    let setting = |name: &str| files.setting(&options.profile, name);
    let region = options.region.as_ref().map(|region| region.as_str().to_owned());
    let region = region.or_else(|| setting("region")).unwrap_or_else(|| REGION.to_owned());
    let bundle = options.ca_bundle.clone().or_else(|| setting("ca_bundle").map(PathBuf::from));
    Client::with(endpoint, &region, &key.id, key.secret, key.token)?.trusting(bundle)
}

/// An access key.
struct Key {
    id: String,
    secret: SecretString,
    token: Option<String>,
}

fn environment(options: &RemoteOptions) -> Result<Option<Key>, Error> {
    let Some(id) = options.access_key_id.clone().filter(|id| !id.is_empty()) else { return Ok(None) };
    let secret = options.secret_access_key.clone();
    let secret = secret.ok_or("AWS_ACCESS_KEY_ID is in the environment without AWS_SECRET_ACCESS_KEY")?;
    let token = options.session_token.clone().filter(|token| !token.is_empty());
    Ok(Some(Key { id, secret, token }))
}

/// The files of the AWS tools; one that is not there says nothing.
struct Files {
    credentials_path: PathBuf,
    credentials: String,
    config: String,
}

impl Files {
    fn of(options: &RemoteOptions) -> Result<Self, Error> {
        let home = options.home.clone().unwrap_or_default().join(".aws");
        let place = |given: &Option<PathBuf>, name| given.clone().unwrap_or_else(|| home.join(name));
        let credentials_path = place(&options.shared_credentials_file, "credentials");
        let config = read(&place(&options.aws_config_file, "config"))?;
        Ok(Self { credentials: read(&credentials_path)?, credentials_path, config })
    }

    /// The key of a profile: of the credentials file, else of the config file.
    fn key(&self, profile: &str) -> Result<Option<Key>, Error> {
        let places = [(&self.credentials, profile.to_owned()), (&self.config, section(profile))];
        for (text, section) in places {
            let of = |name: &str| entry(text, &section, name).filter(|value| !value.is_empty());
            if let (Some(id), Some(secret)) = (of("aws_access_key_id"), of("aws_secret_access_key")) {
                let token = of("aws_session_token");
                return Ok(Some(Key { id, secret: SecretString::new(secret), token }));
            }
            // SECURITY: never whoever else has a key there: the caller meant that role.
            if let Some(name) = ELSEWHERE.iter().find(|name| of(name).is_some()) {
                return Err(format!(
                    "profile `{profile}` takes its credentials by {name}, which is not supported here: give them in the environment, as \
                     `aws configure export-credentials --format env` writes them"
                )
                .into());
            }
        }
        Ok(None)
    }

    /// What the config file says of a profile, or else the credentials file.
    fn setting(&self, profile: &str, name: &str) -> Option<String> {
        entry(&self.config, &section(profile), name).or_else(|| entry(&self.credentials, profile, name))
    }
}

/// What a profile is called in the config file.
fn section(profile: &str) -> String {
    if profile == "default" { profile.to_owned() } else { format!("profile {profile}") }
}

fn read(path: &Path) -> Result<String, Error> {
    let told = |why: &dyn std::fmt::Display| format!("cannot read `{}`: {why}", path.display());
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(told(&error).into()),
        Ok(found) if found.len() > FILE_BYTES_MAX => return Err(told(&"it is too long").into()),
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map_err(|error| told(&error).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(credentials: &str, config: &str) -> Files {
        let path = PathBuf::from("credentials");
        Files { credentials_path: path, credentials: credentials.to_owned(), config: config.to_owned() }
    }

    #[test]
    fn keys_are_found_as_the_aws_tools_find_them() {
        let credentials = "[default]\naws_access_key_id = A\naws_secret_access_key = s\n[t]\naws_access_key_id=T\naws_secret_access_key=t\naws_session_token=k\n";
        let config = "[default]\nregion = eu-west-1\n[profile c]\naws_access_key_id = C\naws_secret_access_key = c\nregion = r\n[t]\nregion = no\n";
        let files = files(credentials, config);
        let id = |profile: &str| files.key(profile).unwrap().map(|key| (key.id, key.token));
        assert_eq!(id("default"), Some(("A".to_owned(), None)));
        assert_eq!(id("t"), Some(("T".to_owned(), Some("k".to_owned()))));
        assert_eq!(id("c"), Some(("C".to_owned(), None)));
        assert_eq!(id("other"), None);
        assert_eq!(files.setting("default", "region").as_deref(), Some("eu-west-1"));
        assert_eq!(files.setting("c", "region").as_deref(), Some("r"));
        assert_eq!(files.setting("t", "region"), None);
    }

    #[test]
    fn a_role_is_not_played_by_whoever_may_assume_it() {
        for elsewhere in ELSEWHERE {
            let files = files("", &format!("[profile p]\nsource_profile = default\n{elsewhere} = x\n"));
            let refused = files.key("p").err().unwrap().to_string();
            assert!(refused.contains(elsewhere), "{refused}");
        }
    }

    #[test]
    fn files_that_are_not_there_say_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("none")).unwrap(), "");
        assert!(read(folder.path()).is_err());
    }
}
