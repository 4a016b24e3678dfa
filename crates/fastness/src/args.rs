//! The command line and the environment variables that stand in for it.
//!
//! The outside contract: names and defaults here change only with a note in `CHANGELOG.md`.

use std::net::SocketAddr;
use std::path::PathBuf;

use base::{AccountId, Region, SecretString};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use compute::HostLimits;

use crate::samconfig::Signer;

/// A serverless platform that you run yourself and that enforces every control for real.
#[derive(Parser)]
#[command(
    name = "fastness",
    version,
    about = "A serverless platform that you run yourself: it speaks AWS's APIs, and enforces every control for real",
    max_term_width = 110
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the platform.
    Serve(PlatformOptions),
    /// Run the platform, deploy a SAM or CloudFormation template, print its addresses and follow its logs.
    Up(UpOptions),
    /// Deploy a SAM or CloudFormation template with its code to a running platform.
    Deploy(DeployOptions),
    /// Delete a stack of a running platform, and tell what becomes of each resource.
    Delete(DeleteOptions),
    /// Check a SAM or CloudFormation template for what it would grant too widely, before it is deployed.
    Check(CheckOptions),
    /// Print a template as it is after its transforms: serverless resources, loops and includes written out.
    Transform(TransformOptions),
    /// Show the whole evaluation behind a refusal: each policy, each statement, each condition with its values.
    Explain(ExplainOptions),
    /// Write the smallest policy that covers what a role or function really called, from a running platform's audit trail.
    LeastPrivilege(LeastPrivilegeOptions),
    /// Bring root file systems for functions from an OCI image layout or a folder.
    #[command(subcommand)]
    Runtime(RuntimeCommand),
    /// Sign deployment packages for functions with a code signing configuration; prints the publisher's public key.
    SignCode(SignCodeOptions),
}

/// What becomes of root file systems that functions run on.
#[derive(Subcommand)]
pub(crate) enum RuntimeCommand {
    /// Import one; functions can have its name as their runtime from the platform's next start on.
    Import {
        /// The runtime's name: `python3.9`, `ruby3.3`, `java21`, …
        #[arg(value_name = "NAME")]
        name: String,
        /// An OCI image layout, or a folder that is a root file system. Nothing of it is executed but in a sandbox.
        #[arg(value_name = "PATH")]
        path: PathBuf,
        #[command(flatten)]
        data: DataOptions,
    },
    /// List those that were imported.
    List {
        #[command(flatten)]
        data: DataOptions,
    },
    /// Remove one. No platform may run with the data folder meanwhile.
    Remove {
        /// The runtime's name.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        data: DataOptions,
    },
}

/// Whose state it is.
#[derive(ClapArgs, Clone)]
pub(crate) struct DataOptions {
    /// The platform's data folder.
    #[arg(long, env = "FASTNESS_DATA_DIR", default_value = ".fastness", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

/// What is signed, and with what.
#[derive(ClapArgs, Clone)]
pub(crate) struct SignCodeOptions {
    /// The file with the key, 32 bytes in hexadecimal.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// Make the key first; the file must not be there yet.
    #[arg(long)]
    pub(crate) new_key: bool,

    /// Zip files, which get the signature added to those that they have.
    #[arg(value_name = "PACKAGE")]
    pub(crate) packages: Vec<PathBuf>,
}

/// Which refusal is explained. Of a call across accounts both sides are shown where both trails are to be read: those of a
/// platform that is stopped, and of one that runs the administrator's and that of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
/// and AWS_SESSION_TOKEN in the environment.
#[derive(ClapArgs, Clone)]
pub(crate) struct ExplainOptions {
    /// The encoded authorization message of a refusal, or the id of its request or of its event in the audit trail.
    #[arg(value_name = "MESSAGE|REQUEST-ID|EVENT-ID")]
    pub(crate) what: String,

    #[command(flatten)]
    pub(crate) asker: AskerOptions,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which platform is asked, about which account, and by whom.
#[derive(ClapArgs, Clone)]
pub(crate) struct AskerOptions {
    /// The platform's data folder, in which its address and the administrator's key stand.
    #[arg(long, env = "FASTNESS_DATA_DIR", default_value = ".fastness", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// The certificates to trust where the running platform speaks TLS; by default those that its data folder names.
    #[arg(long, env = "AWS_CA_BUNDLE", value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,

    /// The account that is asked about, where it is not the one that the first start made. While the platform runs, keys of that
    /// account are needed for it, in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    #[arg(long, value_name = "12 DIGITS")]
    pub(crate) account: Option<AccountId>,

    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide = true)]
    pub(crate) access_key_id: Option<String>,

    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide = true, hide_env_values = true, value_parser = secret)]
    pub(crate) secret_access_key: Option<SecretString>,

    #[arg(long, env = "AWS_SESSION_TOKEN", hide = true, hide_env_values = true)]
    pub(crate) session_token: Option<String>,
}

/// How the platform runs.
#[derive(ClapArgs, Clone)]
pub(crate) struct PlatformOptions {
    /// The address to listen on.
    #[arg(long, env = "FASTNESS_LISTEN", default_value = "127.0.0.1:4566", value_name = "IP:PORT")]
    pub(crate) listen: SocketAddr,

    /// Where all state is kept; nothing is written elsewhere.
    #[arg(long, env = "FASTNESS_DATA_DIR", default_value = ".fastness", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// The account that the first start makes.
    #[arg(long, env = "FASTNESS_ACCOUNT_ID", default_value = "000000000000", value_name = "12 DIGITS")]
    pub(crate) account_id: AccountId,

    /// The region that the platform stands for.
    #[arg(long, env = "FASTNESS_REGION", default_value = "us-east-1")]
    pub(crate) region: Region,

    /// A PEM certificate chain; with --tls-key, the platform speaks TLS only.
    #[arg(long, env = "FASTNESS_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The PEM private key of --tls-cert.
    #[arg(long, env = "FASTNESS_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Speak TLS only, with a certificate of the platform's own authority, whose file clients are told to trust:
    /// `<data-dir>/tls/authority.pem`. It vouches for localhost, the loopback addresses and what --tls-name adds.
    #[arg(long, env = "FASTNESS_TLS_SELF_ISSUED", conflicts_with = "tls_cert")]
    pub(crate) tls_self_issued: bool,

    /// Further host names or IP addresses that the self-issued certificate is for.
    #[arg(
        long = "tls-name",
        env = "FASTNESS_TLS_NAMES",
        requires = "tls_self_issued",
        value_delimiter = ',',
        value_name = "NAME,…"
    )]
    pub(crate) tls_names: Vec<String>,

    /// Calls a second that an account may make of one service.
    #[arg(long, env = "FASTNESS_CALLS_PER_SECOND", default_value_t = service::Rate::DEFAULT.per_second, value_name = "N")]
    pub(crate) calls_per_second: u32,

    /// Environments of functions at one time.
    #[arg(long, env = "FASTNESS_MAX_ENVIRONMENTS", default_value_t = HostLimits::default().environments_max, value_name = "N")]
    pub(crate) max_environments: usize,

    /// Memory that is promised to environments at one time, by their functions' configuration, in MiB.
    #[arg(long, env = "FASTNESS_MAX_ENVIRONMENT_MEMORY_MIB", default_value_t = HostLimits::default().memory_mib_max, value_name = "MIB")]
    pub(crate) max_environment_memory_mib: u64,

    /// What environments' /tmp may hold at one time beyond what the memory that is promised to them has room for, in MiB; a quarter
    /// of this machine's memory where it is not given.
    #[arg(long, env = "FASTNESS_MAX_ENVIRONMENT_STORAGE_MIB", value_name = "MIB")]
    pub(crate) max_environment_storage_mib: Option<u64>,

    /// Code that an account may have in functions and layers, zipped, in MiB; unpacked it is eight times as much at most.
    #[arg(long, env = "FASTNESS_MAX_ACCOUNT_CODE_MIB", default_value_t = lambda::CODE_BYTES_MAX / (1024 * 1024), value_name = "MIB")]
    pub(crate) max_account_code_mib: u64,

    /// Essential sandbox layers that may be missing on this host, by name; functions then run without them.
    #[arg(long, env = "FASTNESS_ACCEPT_MISSING_LAYERS", value_delimiter = ',', value_name = "LAYER,…", value_parser = layer)]
    pub(crate) accept_missing_layers: Vec<String>,

    /// Refuse functions whose runtime names a version that this host has not, rather than run them on another version of the same
    /// family.
    #[arg(long, env = "FASTNESS_EXACT_RUNTIMES")]
    pub(crate) exact_runtimes: bool,

    /// What functions may reach outside; nothing where it is not given. `HOST[:PORT]`, `*.DOMAIN[:PORT]`,
    /// `ADDRESS/BITS[:PORT]`, or `@FILE` with one rule a line; may be repeated. The port is 443 where it is not given.
    #[arg(long = "allow-egress", env = "FASTNESS_ALLOW_EGRESS", value_delimiter = ',', value_name = "RULE")]
    pub(crate) allow_egress: Vec<String>,

    /// An identity provider (OpenID Connect) whose tokens may be checked, by its `https` URL as its tokens write it; nobody's
    /// are where it is not given. With an authority of its own it may stand in a private network. May be repeated.
    #[arg(
        long = "oidc-issuer",
        env = "FASTNESS_OIDC_ISSUERS",
        value_delimiter = ',',
        value_name = "URL[=CA-FILE]"
    )]
    pub(crate) oidc_issuers: Vec<String>,

    /// The URL under which others reach this platform: what the names of accounts as issuers of web identity tokens begin
    /// with. By default that of localhost.
    #[arg(long, env = "FASTNESS_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,

    /// What is logged to stderr: `info`, `debug`, or directives such as `service=debug`.
    #[arg(long, env = "FASTNESS_LOG", default_value = "warn", value_name = "FILTER")]
    pub(crate) log: String,

    /// The administrator's access key id for the first start; random where it is not given.
    #[arg(long, env = "FASTNESS_ROOT_ACCESS_KEY_ID", hide = true)]
    pub(crate) root_access_key_id: Option<String>,

    /// The administrator's secret access key for the first start; random where it is not given.
    #[arg(long, env = "FASTNESS_ROOT_SECRET_ACCESS_KEY", hide = true, hide_env_values = true, value_parser = secret)]
    pub(crate) root_secret_access_key: Option<SecretString>,
}

/// How what `requirements.txt` and `package.json` name is installed.
#[derive(ClapArgs, Clone)]
pub(crate) struct InstallOptions {
    /// What the installation of dependencies may reach besides the registries that pip and npm of this host are set to:
    /// `HOST[:PORT]` and the other forms of --allow-egress; may be repeated.
    #[arg(long = "registry", env = "FASTNESS_REGISTRIES", value_delimiter = ',', value_name = "RULE")]
    pub(crate) registries: Vec<String>,

    /// Install dependencies on this host itself, and not in a sandbox, where it gives none: wheels only, no packages' own scripts.
    #[arg(long)]
    pub(crate) install_on_host: bool,
}

/// What `up` deploys.
#[derive(ClapArgs, Clone)]
pub(crate) struct UpOptions {
    /// A SAM or CloudFormation template, or the folder that holds `template.yaml`, `template.yml` or `template.json`. What stands in
    /// a `samconfig.toml` (else `.yaml`, `.yml`) beside it counts where the command line does not say otherwise.
    #[arg(default_value = ".", value_name = "TEMPLATE")]
    pub(crate) template: PathBuf,

    /// The stack's name; the template folder's name where it is not given.
    #[arg(long)]
    pub(crate) stack_name: Option<String>,

    /// A template parameter, as `Key=Value`; may be repeated.
    #[arg(long = "parameter", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) parameters: Vec<(String, String)>,

    /// The environment whose settings count in `samconfig.toml`. One that is not in it needs a --stack-name.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) config_env: String,

    /// Stop after deploying instead of following logs and edits.
    #[arg(long)]
    pub(crate) once: bool,

    /// Do not redeploy functions whose files change.
    #[arg(long)]
    pub(crate) no_watch: bool,

    /// Leave out resources of this type, which the platform does not have; may be repeated. What is left out is told.
    #[arg(long = "allow-unsupported", value_name = "TYPE")]
    pub(crate) allow_unsupported: Vec<String>,

    /// Print what was deployed as one JSON document on stdout.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) install: InstallOptions,

    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

/// Which running platform a command talks to, and as whom.
#[derive(ClapArgs, Clone)]
pub(crate) struct RemoteOptions {
    /// The certificates to trust where the platform speaks TLS; by default those that its data folder names.
    #[arg(long, env = "AWS_CA_BUNDLE", value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,

    /// The platform's address, for callers with credentials of their own, which are looked for as `aws` does:
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the environment, else the profile in the files that
    /// AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name. Where no --data-dir is given, AWS_ENDPOINT_URL_CLOUDFORMATION and
    /// AWS_ENDPOINT_URL say it too, and, where FASTNESS_DATA_DIR names no folder, the profile's `services` and `endpoint_url`;
    /// none of these with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,

    #[arg(long, env = "AWS_ENDPOINT_URL", hide = true, value_name = "URL")]
    pub(crate) usual_endpoint_url: Option<String>,

    #[arg(long, env = "AWS_ENDPOINT_URL_CLOUDFORMATION", hide = true, value_name = "URL")]
    pub(crate) usual_stacks_endpoint_url: Option<String>,

    #[arg(long, env = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", hide = true, value_name = "BOOLEAN")]
    pub(crate) ignore_configured_endpoint_urls: Option<String>,

    /// The profile whose credentials, region and certificates are taken, with an address; keys in the environment are left out then.
    /// `deploy` takes the `profile` and the `region` of a `samconfig.toml` as if they were said here, but with --data-dir.
    /// AWS_DEFAULT_PROFILE and AWS_PROFILE name one, too, whose credentials are taken where the environment has none; else it is
    /// `default`. Where nothing gives an address, a profile that is named, or keys in the environment, stop the command: it
    /// would sign as the administrator of `.fastness`.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    #[arg(long, env = "AWS_DEFAULT_PROFILE", hide = true, value_name = "NAME")]
    pub(crate) usual_default_profile: Option<String>,

    #[arg(long, env = "AWS_PROFILE", hide = true, value_name = "NAME")]
    pub(crate) usual_profile: Option<String>,

    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", hide = true, value_name = "FILE", value_parser = path_or_nothing())]
    pub(crate) web_identity_token_file: Option<PathBuf>,

    /// The region to sign for, with an address; else AWS_DEFAULT_REGION's, the profile's, or us-east-1.
    #[arg(long)]
    pub(crate) region: Option<Region>,

    #[arg(long, env = "AWS_DEFAULT_REGION", hide = true, value_name = "REGION")]
    pub(crate) usual_region: Option<Region>,

    /// What `samconfig.toml` says of both.
    #[arg(skip)]
    pub(crate) configured: Signer,

    /// The running platform's data folder, where no address is given: its endpoint and the administrator's key are read there.
    /// FASTNESS_DATA_DIR says it too, where no address is in the environment or on the command line; else it is `.fastness`.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    #[arg(long, env = "FASTNESS_DATA_DIR", hide = true, value_name = "DIR", value_parser = path_or_nothing())]
    pub(crate) usual_data_dir: Option<PathBuf>,

    /// Print what came of it as one JSON document on stdout, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,

    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide = true)]
    pub(crate) access_key_id: Option<String>,

    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide = true, hide_env_values = true, value_parser = secret)]
    pub(crate) secret_access_key: Option<SecretString>,

    #[arg(long, env = "AWS_SESSION_TOKEN", hide = true, hide_env_values = true)]
    pub(crate) session_token: Option<String>,

    #[arg(long, env = "AWS_SHARED_CREDENTIALS_FILE", hide = true, value_parser = path_or_nothing())]
    pub(crate) shared_credentials_file: Option<PathBuf>,

    #[arg(long, env = "AWS_CONFIG_FILE", hide = true, value_parser = path_or_nothing())]
    pub(crate) aws_config_file: Option<PathBuf>,
}

/// What `deploy` deploys.
#[derive(ClapArgs, Clone)]
pub(crate) struct DeployOptions {
    /// A SAM or CloudFormation template, or the folder that holds `template.yaml`, `template.yml` or `template.json`. What stands in
    /// a `samconfig.toml` (else `.yaml`, `.yml`) beside it counts where the command line does not say otherwise.
    #[arg(default_value = ".", value_name = "TEMPLATE|DIR")]
    pub(crate) template: PathBuf,

    /// The stack's name; the template folder's name where it is not given.
    #[arg(long)]
    pub(crate) stack_name: Option<String>,

    /// A template parameter, as `Key=Value`; may be repeated. Others keep the values that the stack has.
    #[arg(long = "parameter", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) parameters: Vec<(String, String)>,

    /// What the template may do: `CAPABILITY_IAM`, `CAPABILITY_NAMED_IAM`, `CAPABILITY_AUTO_EXPAND`; may be repeated. The first
    /// and the last where none is given.
    #[arg(long = "capability", value_name = "NAME")]
    pub(crate) capabilities: Vec<String>,

    /// A tag of the stack and of what is in it, as `Key=Value`; may be repeated.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) tags: Vec<(String, String)>,

    /// The bucket for packages; one of the account's own where it is not given.
    #[arg(long, value_name = "NAME")]
    pub(crate) s3_bucket: Option<String>,

    /// The role that CloudFormation takes on for the stack, from now on; the caller's rights where it has none.
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,

    /// What becomes of a stack that cannot be created; it is rolled back, and removed by the next deployment, where nothing is said.
    /// With `do-nothing`, one that cannot be changed stays as it is, too.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) on_failure: Option<OnFailure>,

    /// Make the change set, tell what it would do, and leave the stack as it is.
    #[arg(long)]
    pub(crate) no_execute_changeset: bool,

    /// The environment whose settings count in `samconfig.toml`. One that is not in it needs a --stack-name.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) config_env: String,

    #[command(flatten)]
    pub(crate) install: InstallOptions,

    /// Essential sandbox layers that may be missing where dependencies are installed, by name.
    #[arg(long, env = "FASTNESS_ACCEPT_MISSING_LAYERS", value_delimiter = ',', value_name = "LAYER,…", value_parser = layer)]
    pub(crate) accept_missing_layers: Vec<String>,

    #[command(flatten)]
    pub(crate) remote: RemoteOptions,
}

/// What becomes of a stack that cannot be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFailure {
    /// What was made is removed, the stack's record stays.
    Rollback,
    /// Nothing of it stays.
    Delete,
    /// All stays as it is.
    DoNothing,
}

impl OnFailure {
    /// CloudFormation's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Rollback => "ROLLBACK",
            Self::Delete => "DELETE",
            Self::DoNothing => "DO_NOTHING",
        }
    }
}

/// What `delete` deletes.
#[derive(ClapArgs, Clone)]
pub(crate) struct DeleteOptions {
    /// The stack's name or id.
    #[arg(value_name = "STACK")]
    pub(crate) stack_name: String,

    #[command(flatten)]
    pub(crate) remote: RemoteOptions,
}

/// What `transform` prints.
#[derive(ClapArgs, Clone)]
pub(crate) struct TransformOptions {
    /// The template.
    #[arg(value_name = "TEMPLATE")]
    pub(crate) template: PathBuf,

    /// Template parameters, as `Key=Value`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value, num_args = 1..)]
    pub(crate) parameter_overrides: Vec<(String, String)>,

    /// The region that the template is for.
    #[arg(long, env = "FASTNESS_REGION", default_value = "us-east-1")]
    pub(crate) region: Region,

    /// The format of what is printed.
    #[arg(long, value_enum, default_value_t = OutputFormat::Yaml)]
    pub(crate) output: OutputFormat,
}

/// How a template is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputFormat {
    /// JSON, indented.
    Json,
    /// YAML.
    Yaml,
}

/// A variable that is there and empty is no mistake in an option that nobody gave.
fn path_or_nothing() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

#[allow(clippy::unnecessary_wraps, reason = "the shape that clap asks for")]
fn secret(text: &str) -> Result<SecretString, String> {
    Ok(SecretString::new(text))
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not of the form Key=Value"))
}

/// What `check` reads and how it answers.
#[derive(ClapArgs, Clone)]
pub(crate) struct CheckOptions {
    /// The template.
    #[arg(value_name = "TEMPLATE")]
    pub(crate) template: PathBuf,

    /// How findings are written.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) format: CheckFormat,

    /// The least severity that makes the command end with 1.
    #[arg(long, value_enum, default_value_t = CheckThreshold::Medium)]
    pub(crate) fail_on: CheckThreshold,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people.
    Text,
    /// One object.
    Json,
    /// SARIF 2.1.0.
    Sarif,
}

/// From which severity on a finding fails the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckThreshold {
    /// Any finding.
    Low,
    /// Worth changing.
    Medium,
    /// Worth stopping a deployment for.
    High,
    /// None.
    Never,
}

/// Whose calls are looked at, and by whom.
#[derive(ClapArgs, Clone)]
pub(crate) struct LeastPrivilegeOptions {
    /// A role's name or ARN, or a function's; or the logical id of one in a stack, as `LogicalId` or `Stack/LogicalId`. An ARN says
    /// its account by itself.
    #[arg(value_name = "ROLE|FUNCTION")]
    pub(crate) subject: String,

    #[command(flatten)]
    pub(crate) asker: AskerOptions,

    /// Only calls of the last so many days.
    #[arg(long, default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=90))]
    pub(crate) days: i64,

    /// Write one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The name of a layer of isolation. None at all is what an empty variable says.
fn layer(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || sandbox::LAYERS.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("no layer has this name; there are {}", sandbox::LAYERS.join(", ")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn an_unknown_layer_is_no_layer_to_do_without() {
        let accepted = |text: &str| {
            let parsed = Args::try_parse_from(["fastness", "serve", "--accept-missing-layers", text]).ok()?;
            let Command::Serve(options) = parsed.command else { panic!() };
            Some(options.accept_missing_layers)
        };
        assert_eq!(accepted("id-range,cgroup-memory").unwrap(), ["id-range", "cgroup-memory"]);
        assert!(accepted("").is_some());
        assert_eq!(accepted("cgroup-memory,nonsense"), None);
    }

    #[test]
    fn the_defaults_are_the_outside_contract() {
        let Command::Serve(options) = Args::parse_from(["fastness", "serve"]).command else { panic!() };
        assert_eq!(options.listen.to_string(), "127.0.0.1:4566");
        assert_eq!(options.data_dir, PathBuf::from(".fastness"));
        assert_eq!(options.account_id.as_str(), "000000000000");
        assert_eq!(options.region.as_str(), "us-east-1");
    }

    #[test]
    fn an_empty_variable_is_no_mistake_in_an_option_that_nobody_gave() {
        for option in [
            "--shared-credentials-file",
            "--aws-config-file",
            "--web-identity-token-file",
            "--usual-data-dir",
        ] {
            Args::try_parse_from(["fastness", "delete", "stack", option, ""]).unwrap();
        }
    }
}
