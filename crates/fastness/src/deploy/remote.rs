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
const ELSEWHERE: [&str; 8] = [
    "credential_process",
    "login_session",
    "role_arn",
    "sso_account_id",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

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
    let key = key(options, &files)?.ok_or_else(|| {
        format!(
            "no credentials for the platform at {endpoint}, which {named} names: neither AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY nor profile `{}` of `{}` give any; --data-dir takes the administrator's of a data folder",
            profile(options),
            files.credentials_path.display()
        )
    })?;
    let setting = |name: &str| files.setting(profile(options), name);
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

/// SECURITY: the AWS tools' order, so that nobody signs as somebody else than he would by them: a profile that the command
/// line names leaves out what the environment has, and a role comes before the keys of a profile that nobody named there.
fn key(options: &RemoteOptions, files: &Files) -> Result<Option<Key>, Error> {
    if said(&options.profile).is_none() {
        if let Some(key) = environment(options)? {
            return Ok(Some(key));
        }
        if options.web_identity_token_file.as_ref().is_some_and(|path| !path.as_os_str().is_empty()) {
            return Err("AWS_WEB_IDENTITY_TOKEN_FILE is in the environment, and roles by a web identity are not supported here: give \
                        credentials in the environment, as `aws configure export-credentials --format env` writes them, or --profile"
                .into());
        }
    }
    files.key(profile(options))
}

/// The profile's name, by the first that says one. A variable that is empty says the default one, as with the AWS tools.
fn profile(options: &RemoteOptions) -> &str {
    let usual = options.usual_default_profile.as_deref().or(options.usual_profile.as_deref());
    said(&options.profile).or(usual).filter(|name| !name.is_empty()).unwrap_or("default")
}

fn said(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
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
        let says = |(text, section): &(&String, String), name: &str| {
            entry(text, section, name).filter(|value| !value.is_empty())
        };
        // SECURITY: before the keys of either file: the caller meant that role, never whoever else has a key there.
        if let Some(name) =
            ELSEWHERE.iter().find(|name| places.iter().any(|place| says(place, name).is_some()))
        {
            return Err(format!(
                "profile `{profile}` takes its credentials by {name}, which is not supported here: give them in the environment, as \
                 `aws configure export-credentials --format env` writes them"
            )
            .into());
        }
        for place in &places {
            let of = |name: &str| says(place, name);
            if let (Some(id), Some(secret)) = (of("aws_access_key_id"), of("aws_secret_access_key")) {
                let token = of("aws_session_token");
                return Ok(Some(Key { id, secret: SecretString::new(secret), token }));
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
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Command};

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
            let keys = "aws_access_key_id = A\naws_secret_access_key = s\n";
            let says = format!("source_profile = default\n{elsewhere} = x\n");
            for (credentials, config) in [
                (String::new(), format!("[profile p]\n{says}")),
                (String::new(), format!("[profile p]\n{keys}{says}")),
                (format!("[p]\n{keys}"), format!("[profile p]\n{says}")),
                (format!("[p]\n{keys}{says}"), String::new()),
                (format!("[p]\n{says}"), format!("[profile p]\n{keys}")),
            ] {
                let refused = files(&credentials, &config).key("p").err().unwrap().to_string();
                assert!(refused.contains(elsewhere), "{refused}");
            }
        }
    }

    /// What the environment of whoever runs the test says is left out.
    fn options() -> RemoteOptions {
        let command = Args::parse_from(["fastness", "delete", "stack"]).command;
        let Command::Delete(deletion) = command else { panic!() };
        RemoteOptions {
            profile: None,
            usual_default_profile: None,
            usual_profile: None,
            web_identity_token_file: None,
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            ..deletion.remote
        }
    }

    #[test]
    fn who_signs_is_looked_for_in_the_order_of_the_aws_tools() {
        let of = |name: &str| format!("[{name}]\naws_access_key_id = {name}\naws_secret_access_key = s\n");
        let files = files(&["default", "line", "first", "second"].map(of).concat(), "");
        let signer = |options: &RemoteOptions| key(options, &files).map(|key| key.unwrap().id);
        let mut options = options();
        assert_eq!(signer(&options).unwrap(), "default");
        options.usual_profile = Some("second".to_owned());
        assert_eq!(signer(&options).unwrap(), "second");
        options.usual_default_profile = Some("first".to_owned());
        assert_eq!(signer(&options).unwrap(), "first");
        options.web_identity_token_file = Some(PathBuf::from("token"));
        let refused = signer(&options).unwrap_err().to_string();
        assert!(refused.contains("AWS_WEB_IDENTITY_TOKEN_FILE"), "{refused}");
        options.access_key_id = Some("environment".to_owned());
        assert!(signer(&options).is_err(), "half a key");
        options.secret_access_key = Some(SecretString::new("s".to_owned()));
        assert_eq!(signer(&options).unwrap(), "environment");
        options.profile = Some("line".to_owned());
        assert_eq!(signer(&options).unwrap(), "line");
        options.profile = Some("none".to_owned());
        assert!(key(&options, &files).unwrap().is_none(), "never another than was named");
    }

    #[test]
    fn files_that_are_not_there_say_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("none")).unwrap(), "");
        assert!(read(folder.path()).is_err());
    }
}
