//! Which registries an installation asks, and what of the network that opens: those that pip and npm of this host are set to, and
//! those that the operator names.
//!
//! It asks pip and npm for their settings outside of any project: what an application says of registries opens nothing. Credentials
//! in them stay here, since what is handed to an installation is in the hands of every package that runs code in it.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use compute::{EgressRule, InvalidRule, is_metadata_service, special_address};
use serde_json::{Map, Value};

const PYPI: &str = "https://pypi.org/simple";
const NPM: &str = "https://registry.npmjs.org/";
/// Where indexes keep the files that they name, where that is not with themselves.
const FILES: [(&str, &str); 2] =
    [("pypi.org", "files.pythonhosted.org"), ("test.pypi.org", "test-files.pythonhosted.org")];
/// Registries of one package manager.
const REGISTRIES_MAX: usize = 64;

/// What an installation is told, and what it reaches by that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// For its environment.
    pub(super) variables: Vec<(String, String)>,
    /// Names and ports of the registries.
    pub(super) hosts: Vec<(String, u16)>,
    /// Certificate authorities of this host's choice, as files.
    pub(super) authorities: Vec<PathBuf>,
    /// Whether credentials were left out.
    pub(super) withheld: bool,
}

impl Settings {
    /// As pip of this interpreter is set.
    pub(super) fn of_pip(python: &str) -> Self {
        Self::pip(&ask(python, &["-m", "pip", "config", "list"]))
    }

    /// As npm is set.
    pub(super) fn of_npm() -> Self {
        let told = ask("npm", &["config", "list", "--json", "--loglevel=silent"]);
        Self::npm(&serde_json::from_str(&told).unwrap_or_default())
    }

    fn pip(told: &str) -> Self {
        // The environment is told behind the files, and counts before them.
        let set = |name: &str| {
            let lines = told.lines().filter_map(|line| line.split_once('='));
            let mut named = lines.filter(|(key, _)| key.rsplit('.').next() == Some(name));
            named.next_back().map(|(_, value)| value.trim_matches('\'').replace("\\n", " "))
        };
        let mut settings = Self::default();
        let index = set("index-url").unwrap_or_else(|| PYPI.to_owned());
        settings.add("PIP_INDEX_URL", &[index.as_str()]);
        let more = set("extra-index-url").unwrap_or_default();
        let more: Vec<&str> = more.split_whitespace().collect();
        if !more.is_empty() {
            settings.add("PIP_EXTRA_INDEX_URL", &more);
        }
        let files = |host: &str| FILES.iter().find(|(index, _)| *index == host).map(|(_, files)| *files);
        let files: Vec<&str> = settings.hosts.iter().filter_map(|(host, _)| files(host)).collect();
        settings.hosts.extend(files.into_iter().map(|host| (host.to_owned(), 443)));
        settings.authorities.extend(set("cert").map(PathBuf::from));
        settings
    }

    fn npm(told: &Map<String, Value>) -> Self {
        let set = |name: &str| told.get(name).and_then(Value::as_str);
        let mut settings = Self::default();
        settings.add("npm_config_registry", &[set("registry").unwrap_or(NPM)]);
        let scoped = told.iter().filter(|(key, _)| key.starts_with('@') && key.ends_with(":registry"));
        for (key, value) in scoped.take(REGISTRIES_MAX) {
            if let Some(url) = value.as_str() {
                settings.add(&format!("npm_config_{key}"), &[url]);
            }
        }
        settings.authorities.extend(set("cafile").map(PathBuf::from));
        settings
    }

    /// Adds registries under the variable that tells of them.
    fn add(&mut self, variable: &str, urls: &[&str]) {
        let mut told = Vec::new();
        for url in urls.iter().take(REGISTRIES_MAX) {
            let Some(registry) = Registry::of(url) else { continue };
            self.withheld |= registry.has_credentials;
            self.hosts.push((registry.host.to_ascii_lowercase(), registry.port));
            told.push(registry.url);
        }
        // One that is no registry on the network is not asked: the package manager's own default is refused then.
        if !told.is_empty() {
            self.variables.push((variable.to_owned(), told.join(" ")));
        }
    }

    /// What is opened: these registries, what the operator named besides, and the addresses that all of those stand for now.
    ///
    /// SECURITY: names of registries are the operator's own word, so that one in a private network is reached by its name alone. Its
    /// addresses are looked up here, before a stranger's code runs; a cloud's metadata service is never among them, and the loopback
    /// only where it is named as such.
    pub(super) fn rules(&self, named: &[EgressRule]) -> Result<Vec<EgressRule>, InvalidRule> {
        let mut rules = named.to_vec();
        let mut hosts = self.hosts.clone();
        hosts.extend(named.iter().filter_map(|rule| host_of(&rule.to_string())));
        for (host, port) in &hosts {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            rules.push(match bare.parse() {
                Ok(address) => rule_of(address, *port),
                Err(_) => format!("{host}:{port}").parse(),
            }?);
            for address in private_addresses(bare, *port) {
                rules.push(rule_of(address, *port)?);
            }
        }
        Ok(rules)
    }
}

fn rule_of(address: IpAddr, port: u16) -> Result<EgressRule, InvalidRule> {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}").parse(),
        IpAddr::V6(address) => format!("[{address}]:{port}").parse(),
    }
}

/// The addresses that a registry's name stands for and that no rule for names opens.
fn private_addresses(host: &str, port: u16) -> Vec<IpAddr> {
    let found = (host, port).to_socket_addrs().into_iter().flatten().map(|found| found.ip().to_canonical());
    let opened = |address: &IpAddr| {
        let is_loopback = address.is_loopback() || address.is_unspecified();
        special_address(*address).is_some()
            && !is_metadata_service(*address)
            && (!is_loopback || host == "localhost")
    };
    found.filter(opened).collect()
}

/// The name and the port of a rule for one name.
fn host_of(rule: &str) -> Option<(String, u16)> {
    let (host, port) = rule.split_once(':').unwrap_or((rule, "443"));
    let is_name = !host.contains(['*', '/', '[']) && host.parse::<IpAddr>().is_err();
    is_name.then_some(())?;
    Some((host.to_ascii_lowercase(), port.parse().ok()?))
}

/// The parts of a registry's URL.
struct Registry {
    host: String,
    port: u16,
    /// Without credentials.
    url: String,
    has_credentials: bool,
}

impl Registry {
    fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
        let (has_credentials, authority) = match authority.rsplit_once('@') {
            Some((_, authority)) => (true, authority),
            None => (false, authority),
        };
        let default = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let with_port =
            authority.rsplit_once(':').filter(|(host, _)| !host.starts_with('[') || host.ends_with(']'));
        let (host, port) = match with_port {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, default),
        };
        let url = format!("{scheme}://{authority}{path}");
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, url, has_credentials })
    }
}

/// What a program of this host prints; nothing where it fails.
fn ask(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir("/").stdin(Stdio::null()).output();
    let good = output.ok().filter(|output| output.status.success());
    good.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn npm(told: &Value) -> Settings {
        Settings::npm(told.as_object().unwrap())
    }

    fn variable<'a>(settings: &'a Settings, name: &str) -> &'a str {
        settings.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap()
    }

    fn hosts(settings: &Settings) -> Vec<String> {
        settings.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect()
    }

    #[test]
    fn the_usual_registries_are_asked_where_nothing_is_set() {
        let pip = Settings::pip("");
        assert_eq!(variable(&pip, "PIP_INDEX_URL"), PYPI);
        assert_eq!(hosts(&pip), ["pypi.org:443", "files.pythonhosted.org:443"]);
        let npm = npm(&json!({}));
        assert_eq!(variable(&npm, "npm_config_registry"), NPM);
        assert_eq!(hosts(&npm), ["registry.npmjs.org:443"]);
    }

    #[test]
    fn settings_of_the_host_count_without_their_credentials() {
        let pip = Settings::pip(
            "global.index-url='https://user:secret@One.example/simple'\nglobal.timeout='60'\nglobal.cert='/a.pem'\n\
             global.extra-index-url='http://two.example/x\\nhttps://[::1]:8443/y'\n:env:.index-url='https://u:hidden@three.example:8443/s'\n",
        );
        assert_eq!(variable(&pip, "PIP_INDEX_URL"), "https://three.example:8443/s");
        assert_eq!(variable(&pip, "PIP_EXTRA_INDEX_URL"), "http://two.example/x https://[::1]:8443/y");
        assert_eq!(hosts(&pip), ["three.example:8443", "two.example:80", "[::1]:8443"]);
        assert!(pip.withheld && !format!("{pip:?}").contains("hidden"));
        assert_eq!(pip.authorities, [PathBuf::from("/a.pem")]);
        let npm = npm(&json!({
            "registry": "https://n.example/npm/", "@corp:registry": "https://corp.example/", "cafile": "/b.pem", "proxy": null,
        }));
        assert_eq!(variable(&npm, "npm_config_@corp:registry"), "https://corp.example/");
        assert_eq!(hosts(&npm), ["n.example:443", "corp.example:443"]);
        assert!(!npm.withheld);
        let folder = Settings::pip("global.index-url='file:///srv/wheels'\n");
        assert!(folder.variables.is_empty() && folder.hosts.is_empty());
    }

    #[test]
    fn registries_are_opened_with_the_addresses_that_they_stand_for() {
        let rules = |hosts: &[(&str, u16)], named: &[&str]| -> Vec<String> {
            let hosts = hosts.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
            let settings = Settings { hosts, ..Settings::default() };
            let named: Vec<EgressRule> = named.iter().map(|text| text.parse().unwrap()).collect();
            settings.rules(&named).unwrap().iter().map(ToString::to_string).collect()
        };
        let found = rules(&[("localhost", 3141), ("none.invalid", 443)], &["10.0.0.0/8:443"]);
        assert_eq!(found.first().map(String::as_str), Some("10.0.0.0/8:443"));
        for rule in ["localhost:3141", "127.0.0.1:3141", "none.invalid:443"] {
            assert!(found.contains(&rule.to_owned()), "{found:?}");
        }
        assert_eq!(rules(&[("[::1]", 1), ("10.1.2.3", 2)], &[])[..2], ["[::1]:1", "10.1.2.3:2"]);
        assert!(rules(&[], &["localhost:8080"]).contains(&"127.0.0.1:8080".to_owned()));
    }

    #[test]
    fn no_name_opens_the_metadata_service_or_the_loopback() {
        for (host, opens) in
            [("169.254.169.254", false), ("127.0.0.1", false), ("localhost", true), ("10.0.0.1", true)]
        {
            assert_eq!(!private_addresses(host, 80).is_empty(), opens, "{host}");
        }
    }

    #[test]
    fn only_rules_for_one_name_have_a_host() {
        for (rule, expected) in [
            ("Example.com", Some(("example.com", 443))),
            ("example.com:8443", Some(("example.com", 8443))),
            ("*.example.com", None),
            ("10.0.0.0/8:443", None),
            ("10.0.0.1", None),
            ("[::1]:443", None),
            ("example.com:*", None),
        ] {
            assert_eq!(host_of(rule), expected.map(|(host, port)| (host.to_owned(), port)), "{rule}");
        }
    }
}
