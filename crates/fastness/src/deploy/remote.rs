//! Which running platform is meant, and as whom: as the command line says, else as the environment does.
//!
//! Credentials are looked for where the AWS tools look. Refuses a profile whose credentials another program, a login or a
//! role would have to give: what is signed is signed as whoever was named.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base::SecretString;

use crate::Error;
use crate::args::RemoteOptions;
use crate::aws_file::{AwsFile, Said, Section};
use crate::client::Client;
use crate::deploy::places;

/// No file of the AWS tools is longer.
const FILE_BYTES_MAX: u64 = 1 << 20;
const REGION: &str = "us-east-1";
const DATA_DIR: &str = ".fastness";
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

/// What was said on the command line goes before what `samconfig.toml` says, that before what the environment says, and that before
/// what the other files say.
pub(super) fn client(options: &RemoteOptions) -> Result<Client, Error> {
    // SECURITY: a data folder gives the administrator's key: whoever names a profile beside it would sign as somebody else.
    if let (None, Some(_), Some(profile)) = (&options.endpoint_url, &options.data_dir, said(&options.profile))
    {
        return Err(not_the_administrator(&format!("--profile {profile}")));
    }
    match (&options.endpoint_url, &options.data_dir) {
        (Some(endpoint), _) => at(options, &Files::of(options)?, endpoint, "--endpoint-url"),
        (None, Some(data_dir)) => Client::of(data_dir, options.ca_bundle.as_deref()),
        (None, None) => usual(options),
    }
}

/// The platform that is meant where the command line does not say.
fn usual(options: &RemoteOptions) -> Result<Client, Error> {
    let bundle = options.ca_bundle.as_deref();
    let of_environment = [
        (&options.usual_stacks_endpoint_url, "AWS_ENDPOINT_URL_CLOUDFORMATION"),
        (&options.usual_endpoint_url, "AWS_ENDPOINT_URL"),
    ];
    let address = of_environment.into_iter().find_map(|(given, name)| Some((said(given)?, name)));
    let folder = options.usual_data_dir.as_ref().filter(|folder| !folder.as_os_str().is_empty());
    if let (None, Some(folder), None) = (address, folder, asked(options)) {
        return Client::of(folder, bundle);
    }
    let files = Files::of(options)?;
    let ignored = options.ignore_configured_endpoint_urls.clone();
    let ignored = ignored.or_else(|| files.setting(profile(options), "ignore_configured_endpoint_urls"));
    let heeds = !ignored.is_some_and(|ignored| ignored.eq_ignore_ascii_case("true"));
    if let Some((endpoint, name)) = address.filter(|_| heeds) {
        return at(options, &files, endpoint, name);
    }
    if let (Some(folder), None) = (folder, asked(options)) {
        return Client::of(folder, bundle);
    }
    // A folder in the environment goes before what files say; a profile on the command line needs an address all the same.
    let configured = if heeds && folder.is_none() { files.endpoint(profile(options))? } else { None };
    match (configured, signer(options)) {
        (Some(endpoint), _) => at(options, &files, &endpoint, "the AWS tools' config file"),
        (None, Some(signer)) => Err(not_the_administrator(&signer)),
        (None, None) => Client::of(Path::new(DATA_DIR), bundle),
    }
}

/// What says who signs; none where nothing does.
fn signer(options: &RemoteOptions) -> Option<String> {
    let token_file = options.web_identity_token_file.as_ref().filter(|path| !path.as_os_str().is_empty());
    let of_file = |profile: &String| format!("the profile `{profile}` of samconfig.toml");
    said(&options.profile)
        .map(|profile| format!("--profile {profile}"))
        .or_else(|| options.configured.profile.as_ref().map(of_file))
        .or_else(|| said(&options.access_key_id).map(|_| "AWS_ACCESS_KEY_ID".to_owned()))
        .or_else(|| token_file.map(|_| "AWS_WEB_IDENTITY_TOKEN_FILE".to_owned()))
        .or_else(|| options.usual_default_profile.as_ref().map(|_| "AWS_DEFAULT_PROFILE".to_owned()))
        .or_else(|| options.usual_profile.as_ref().map(|_| "AWS_PROFILE".to_owned()))
}

/// Who was named is not who a data folder's key would sign as.
fn not_the_administrator(signer: &str) -> Error {
    format!(
        "{signer} says who signs, and nothing says where that platform is: give --endpoint-url with its address, or, \
         without --profile, --data-dir to sign as the administrator of a data folder"
    )
    .into()
}

/// The platform at an address that `named` gave.
fn at(options: &RemoteOptions, files: &Files, endpoint: &str, named: &str) -> Result<Client, Error> {
    let key = key(options, files)?.ok_or_else(|| {
        format!(
            "no credentials for the platform at {endpoint}, which {named} names: neither AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY nor profile `{}`{} give any; --data-dir takes the administrator's of a data folder",
            profile(options),
            files.credentials_path.as_ref().map(|path| format!(" of `{}`", path.display())).unwrap_or_default()
        )
    })?;
    let setting = |name: &str| files.setting(profile(options), name);
    let region = options.region.as_ref().or(options.configured.region.as_ref());
    let region = region.or(options.usual_region.as_ref()).map(|region| region.as_str().to_owned());
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
/// line or `samconfig.toml` names leaves out what the environment has, and a role comes before the keys of a profile that neither
/// names.
fn key(options: &RemoteOptions, files: &Files) -> Result<Option<Key>, Error> {
    if asked(options).is_none() {
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

/// The profile's name, by the first that says one.
fn profile(options: &RemoteOptions) -> &str {
    named_profile(options).unwrap_or("default")
}

/// The profile that somebody named. A variable that is empty names one, as with the AWS tools.
fn named_profile(options: &RemoteOptions) -> Option<&str> {
    let usual = options.usual_default_profile.as_deref().or(options.usual_profile.as_deref());
    asked(options).or(usual)
}

/// The profile that the command line names, or `samconfig.toml` as if it did.
fn asked(options: &RemoteOptions) -> Option<&str> {
    said(&options.profile).or(options.configured.profile.as_deref())
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
    credentials_path: Option<PathBuf>,
    credentials: AwsFile,
    config: AwsFile,
}

impl Files {
    fn of(options: &RemoteOptions) -> Result<Self, Error> {
        let home = places::home();
        let path =
            |given: &Option<PathBuf>, name: &str| places::file(given.as_deref(), name, home.as_deref());
        let read = |path: Option<&Path>| path.map_or_else(|| Ok(AwsFile::default()), read);
        let credentials_path = path(&options.shared_credentials_file, "credentials")?;
        let config = read(path(&options.aws_config_file, "config")?.as_deref())?;
        let files = Self { credentials: read(credentials_path.as_deref())?, credentials_path, config };
        files.must_have(named_profile(options)).map(|()| files)
    }

    /// SECURITY: keys in the environment do not stand in for a profile that was named and is not there.
    fn must_have(&self, named: Option<&str>) -> Result<(), Error> {
        match named {
            Some(name) if self.profile(name).next().is_none() => {
                Err(format!("The config profile ({}) could not be found", crate::terminal::line(name)).into())
            }
            _ => Ok(()),
        }
    }

    /// What is said of a profile, in the credentials file and in the config file.
    fn profile(&self, profile: &str) -> impl Iterator<Item = &Section> {
        self.credentials.section(profile).into_iter().chain(self.config.profile(profile))
    }

    /// The key of a profile: of the credentials file, else of the config file.
    fn key(&self, profile: &str) -> Result<Option<Key>, Error> {
        // SECURITY: before the keys of either file: the caller meant that role, never whoever else has a key there.
        if let Some(name) =
            ELSEWHERE.iter().find(|name| self.profile(profile).any(|says| says.contains_key(**name)))
        {
            return Err(format!(
                "profile `{profile}` takes its credentials by {name}, which is not supported here: give them in the environment, as \
                 `aws configure export-credentials --format env` writes them"
            )
            .into());
        }
        let says = self.profile(profile).find(|says| says.contains_key(KEY_ID));
        says.map(|says| key_of(profile, says)).transpose()
    }

    /// A profile's setting: of the credentials file, else of the config file.
    fn setting(&self, profile: &str, name: &str) -> Option<String> {
        self.profile(profile).find_map(|says| says.get(name)).and_then(Said::text).map(str::to_owned)
    }

    /// The address that a profile names for stacks, or for all services.
    fn endpoint(&self, profile: &str) -> Result<Option<String>, Error> {
        let of_stacks = match self.line(profile, "services")? {
            None => None,
            Some(name) => self.stacks_endpoint(profile, &name)?,
        };
        let given = |endpoint: &String| !endpoint.is_empty();
        match of_stacks.filter(given) {
            Some(endpoint) => Ok(Some(endpoint)),
            None => Ok(self.line(profile, "endpoint_url")?.filter(given)),
        }
    }

    /// A setting that is refused where pairs of a level below stand in its place.
    fn line(&self, profile: &str, name: &str) -> Result<Option<String>, Error> {
        match self.profile(profile).find_map(|says| says.get(name)) {
            None => Ok(None),
            Some(Said::Text(text)) => Ok(Some(text.clone())),
            Some(Said::Nested(_)) => {
                Err(format!("profile `{profile}` has lines below `{name}`, which takes one value").into())
            }
        }
    }

    /// The address that a section of the config file names for stacks.
    fn stacks_endpoint(&self, profile: &str, name: &str) -> Result<Option<String>, Error> {
        let services = self.config.services(name).filter(|services| !services.is_empty());
        let services = services.ok_or_else(|| {
            format!("profile `{profile}` names the section `services {name}`, which is not in the config file, or is empty")
        })?;
        match services.get("cloudformation") {
            None => Ok(None),
            Some(Said::Nested(own)) => Ok(own.get("endpoint_url").cloned()),
            Some(Said::Text(_)) => Err(format!(
                "the section `services {name}` says one value for `cloudformation`, where `endpoint_url` belongs in an indented line below"
            )
            .into()),
        }
    }
}

const KEY_ID: &str = "aws_access_key_id";

/// The key of a section that has one's id: whoever has half a key there is nobody else.
fn key_of(profile: &str, says: &Section) -> Result<Key, Error> {
    let text = |name: &str| says.get(name).and_then(Said::text).filter(|text| !text.is_empty());
    let needed = |name: &str| {
        text(name)
            .map(str::to_owned)
            .ok_or_else(|| format!("profile `{profile}` has no {name} beside its key"))
    };
    let token = text("aws_security_token").or_else(|| text("aws_session_token")).map(str::to_owned);
    let secret = SecretString::new(needed("aws_secret_access_key")?);
    Ok(Key { id: needed(KEY_ID)?, secret, token })
}

fn read(path: &Path) -> Result<AwsFile, Error> {
    let told = |why: &dyn std::fmt::Display| format!("cannot read `{}`: {why}", path.display());
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(AwsFile::default()),
        Err(error) => return Err(told(&error).into()),
        // Folders, pipes and devices are no files for the AWS tools either.
        Ok(found) if !found.is_file() => return Ok(AwsFile::default()),
        Ok(_) => {}
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| told(&error))?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| told(&error))?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(told(&"it is too long").into());
    }
    Ok(AwsFile::parse(&text).map_err(|why| told(&why))?)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Command};
    use crate::samconfig::Signer;

    fn files(credentials: &str, config: &str) -> Files {
        let path = Some(PathBuf::from("credentials"));
        let parsed = |text| AwsFile::parse(text).unwrap();
        Files { credentials_path: path, credentials: parsed(credentials), config: parsed(config) }
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

    #[test]
    fn a_role_is_no_less_one_for_how_it_is_written() {
        let keys = "[p]\naws_access_key_id = A\naws_secret_access_key = s\n";
        for config in [
            "[profile p]\nrole_arn: x",
            "[profile p]\nROLE_ARN = x",
            "[profile p]\n  region = r\n  role_arn = x",
            "[profile   p]\nrole_arn = x",
            "[profile \"p\"]\nrole_arn = x",
            "[profile p] # mine\nrole_arn = x",
            "[profile p]\nrole_arn =",
            "[DEFAULT]\nrole_arn = x\n[profile p]\nregion = r",
        ] {
            assert!(files(keys, config).key("p").is_err(), "{config}");
            let own = files("", &format!("{config}\naws_access_key_id = A\naws_secret_access_key = s\n"));
            assert!(own.key("p").is_err(), "{config}");
        }
        // What stands below another key is that key's.
        for config in [
            "[profile p]\ns3 =\n  role_arn = x",
            "[profile p]\nregion = r\n  role_arn = x",
            "[p]\nrole_arn = x",
        ] {
            assert!(files(keys, config).key("p").unwrap().is_some(), "{config}");
        }
    }

    #[test]
    fn half_a_key_is_nobodys() {
        let config = "[profile p]\naws_access_key_id = B\naws_secret_access_key = s\n";
        for credentials in
            ["[p]\naws_access_key_id = A", "[p]\naws_access_key_id =\naws_secret_access_key = s"]
        {
            assert!(files(credentials, config).key("p").is_err(), "{credentials}");
        }
        let legacy = "[p]\naws_access_key_id = A\naws_secret_access_key = s\naws_security_token = t\naws_session_token = u";
        assert_eq!(files(legacy, config).key("p").unwrap().unwrap().token.as_deref(), Some("t"));
    }

    #[test]
    fn the_config_file_names_addresses() {
        let config = "[default]\nendpoint_url = http://all\n[profile s]\nservices = mine\nendpoint_url = http://own\n\
            [profile none]\nservices = other\n[services mine]\ncloudformation =\n  endpoint_url = http://stacks\ns3 =\n  endpoint_url = http://s3\n";
        let files = files("", config);
        assert_eq!(files.endpoint("default").unwrap().as_deref(), Some("http://all"));
        assert_eq!(files.endpoint("s").unwrap().as_deref(), Some("http://stacks"));
        assert_eq!(files.endpoint("nobody").unwrap(), None);
        assert!(files.endpoint("none").unwrap_err().to_string().contains("services other"));
    }

    #[test]
    fn an_address_that_is_written_elsewhere_is_not_passed_over() {
        let own = "endpoint_url = http://own\n";
        for (config, why) in [
            (format!("[profile p]\n{own}services =\n  a = b\n"), "below `services`"),
            (format!("[profile p]\n{own}services =\n"), "`services `"),
            ("[profile p]\nendpoint_url =\n  a = b\n".to_owned(), "below `endpoint_url`"),
            (format!("[profile p]\n{own}services = s\n[services s]\n"), "`services s`"),
            (
                format!("[profile p]\n{own}services = s\n[services s]\ncloudformation = http://x\n"),
                "`cloudformation`",
            ),
            (format!("[profile p]\n{own}services = s\n[services s]\ncloudformation =\n"), "`cloudformation`"),
        ] {
            let refused = files("", &config).endpoint("p").unwrap_err().to_string();
            assert!(refused.contains(why), "{config}: {refused}");
        }
        let other = format!("[profile p]\n{own}services = s\n[services s]\ns3 = x\n");
        assert_eq!(files("", &other).endpoint("p").unwrap().as_deref(), Some("http://own"));
    }

    #[test]
    fn a_profile_that_is_named_must_be_there() {
        let files = files("[here]\n", "[profile there]\n[other]\n");
        for named in [None, Some("here"), Some("there")] {
            files.must_have(named).unwrap();
        }
        for named in ["nobody", "other", "default", ""] {
            let refused = files.must_have(Some(named)).unwrap_err().to_string();
            assert_eq!(refused, format!("The config profile ({named}) could not be found"));
        }
        let mut options = options();
        assert_eq!((named_profile(&options), profile(&options)), (None, "default"));
        options.usual_profile = Some("second".to_owned());
        options.usual_default_profile = Some(String::new());
        assert_eq!(named_profile(&options), Some(""), "the first that is there, and not the default one");
    }

    #[test]
    fn the_administrator_does_not_sign_for_whoever_was_named() {
        let named = |name: &str, options: &RemoteOptions| {
            let refused = client(options).err().unwrap().to_string();
            assert!(refused.starts_with(name) && refused.contains("--endpoint-url"), "{refused}");
        };
        let folder = tempfile::tempdir().unwrap();
        let credentials = folder.path().join("profiles");
        std::fs::write(&credentials, "[p]\n").unwrap();
        let config = Some(PathBuf::new());
        let nobody = RemoteOptions {
            shared_credentials_file: Some(credentials),
            aws_config_file: config,
            ..options()
        };
        assert_eq!(signer(&nobody), None);
        let p = || Some("p".to_owned());
        let line = RemoteOptions { profile: p(), ..nobody.clone() };
        named("--profile p", &line);
        let folder = || Some(folder.path().to_owned());
        named("--profile p", &RemoteOptions { data_dir: folder(), ..line.clone() });
        named("--profile p", &RemoteOptions { usual_data_dir: folder(), ..line });
        let configured = Signer { profile: p(), region: None };
        let of_file = RemoteOptions { configured, ..nobody.clone() };
        named("the profile `p` of samconfig.toml", &of_file);
        // Not as the environment's folder says, but as the command line's does.
        named("the profile `p`", &RemoteOptions { usual_data_dir: folder(), ..of_file.clone() });
        let told = client(&RemoteOptions { data_dir: folder(), ..of_file }).err().unwrap().to_string();
        assert!(told.contains("is the platform running there?"), "{told}");
        named("AWS_PROFILE", &RemoteOptions { usual_profile: p(), ..nobody.clone() });
        named("AWS_DEFAULT_PROFILE", &RemoteOptions { usual_default_profile: p(), ..nobody.clone() });
        named("AWS_ACCESS_KEY_ID", &RemoteOptions { access_key_id: p(), ..nobody.clone() });
        let token = Some(PathBuf::from("token"));
        named(
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            &RemoteOptions { web_identity_token_file: token, ..nobody.clone() },
        );
        // A data folder that the environment names says who: its administrator.
        let folder = RemoteOptions { usual_data_dir: folder(), usual_profile: p(), ..nobody };
        assert!(client(&folder).err().unwrap().to_string().contains("is the platform running there?"));
    }

    #[test]
    fn files_that_are_empty_names_say_nothing() {
        let empty = Some(PathBuf::new());
        let options =
            RemoteOptions { shared_credentials_file: empty.clone(), aws_config_file: empty, ..options() };
        let files = Files::of(&options).unwrap();
        assert!(files.credentials_path.is_none() && files.key("default").unwrap().is_none());
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
            endpoint_url: None,
            usual_endpoint_url: None,
            usual_stacks_endpoint_url: None,
            ignore_configured_endpoint_urls: None,
            usual_data_dir: None,
            region: None,
            usual_region: None,
            ..deletion.remote
        }
    }

    #[test]
    fn who_signs_is_looked_for_in_the_order_of_the_aws_tools() {
        let of = |name: &str| format!("[{name}]\naws_access_key_id = {name}\naws_secret_access_key = s\n");
        let files = files(&["default", "file", "line", "first", "second"].map(of).concat(), "");
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
        options.configured.profile = Some("file".to_owned());
        assert_eq!(signer(&options).unwrap(), "file", "before the environment's own keys");
        options.profile = Some("line".to_owned());
        assert_eq!(signer(&options).unwrap(), "line");
        options.profile = Some("none".to_owned());
        assert!(key(&options, &files).unwrap().is_none(), "never another than was named");
    }

    #[test]
    fn the_region_is_looked_for_where_the_profile_is() {
        let keys = "aws_access_key_id = A\naws_secret_access_key = s\n";
        let files = files(&format!("[default]\n{keys}region = eu-west-1\n"), "");
        let region = |options: &RemoteOptions| {
            at(options, &files, "http://127.0.0.1:1", "").unwrap().region().to_owned()
        };
        let mut options = options();
        assert_eq!(region(&options), "eu-west-1");
        options.usual_region = Some("eu-west-2".parse().unwrap());
        assert_eq!(region(&options), "eu-west-2");
        options.configured.region = Some("eu-west-3".parse().unwrap());
        assert_eq!(region(&options), "eu-west-3");
        options.region = Some("eu-north-1".parse().unwrap());
        assert_eq!(region(&options), "eu-north-1");
    }

    #[test]
    fn files_that_are_not_there_say_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join("none")).unwrap().section("default").is_none());
        for none in [folder.path(), Path::new("/dev/zero")] {
            assert!(read(none).unwrap().section("default").is_none(), "{}", none.display());
        }
        let long = folder.path().join("long");
        std::fs::write(&long, "#".repeat(FILE_BYTES_MAX as usize + 1)).unwrap();
        assert!(read(&long).err().unwrap().to_string().ends_with("it is too long"));
    }
}
