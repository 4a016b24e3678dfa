//! How functions run on an imported root: by what stands in it, which is read here and never executed.
//!
//! A root that brings Lambda's own runtime runs that; one with an interpreter alone runs this platform's bootstrap on it.

use sandbox::{NODE_BOOTSTRAP, PYTHON_BOOTSTRAP};
use serde::{Deserialize, Serialize};

use super::ImportError;
use super::layout::Process;
use super::tree::Tree;

/// Where Lambda's images have their runtime.
const LAMBDA_BOOTSTRAP: &str = "/var/runtime/bootstrap";
/// Where they have their entry point.
const LAMBDA_ENTRY_POINT: &str = "/lambda-entrypoint.sh";
/// Folders in which interpreters stand.
const FOLDERS: [&str; 4] = ["/var/lang/bin", "/usr/local/bin", "/usr/bin", "/bin"];
/// Runs what follows it with the handler's name behind it, as an image's command would be.
const WITH_HANDLER: [&str; 3] = ["/bin/sh", "-c", "exec \"$0\" \"$@\" \"$_HANDLER\""];
/// The most variables that an image brings, and the longest.
const VARIABLES_MAX: usize = 64;
const VARIABLE_BYTES_MAX: usize = 4_096;

/// What is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) argv: Vec<String>,
    /// True where the root brings the runtime itself, and this platform's bootstraps stay away.
    pub(crate) brings_runtime: bool,
    /// The image's own variables.
    pub(crate) variables: Vec<(String, String)>,
}

/// What runs functions of the runtime `name`.
pub(super) fn command(name: &str, tree: &Tree, process: &Process) -> Result<Command, ImportError> {
    let own = |argv: &[&str]| (argv.iter().map(|part| (*part).to_owned()).collect(), true);
    let (argv, brings_runtime): (Vec<String>, bool) = if tree.is_program(LAMBDA_BOOTSTRAP) {
        own(&[LAMBDA_BOOTSTRAP])
    } else if tree.is_program(LAMBDA_ENTRY_POINT) {
        own(&[&WITH_HANDLER[..], &[LAMBDA_ENTRY_POINT]].concat())
    } else if let Some(client) = interface_client(process) {
        let client: Vec<&str> = client.iter().map(String::as_str).collect();
        own(&[&WITH_HANDLER[..], &client].concat())
    } else {
        (interpreter(name, tree)?, false)
    };
    Ok(Command { argv, brings_runtime, variables: variables(process) })
}

/// An entry point that is a runtime interface client: it is given the handler's name.
fn interface_client(process: &Process) -> Option<&Vec<String>> {
    let entrypoint = process.entrypoint.as_ref()?;
    let is_client = |part: &String| part.contains("awslambdaric") || part.contains("aws-lambda-ric");
    (entrypoint.first()?.starts_with('/') && entrypoint.iter().any(is_client)).then_some(entrypoint)
}

fn interpreter(name: &str, tree: &Tree) -> Result<Vec<String>, ImportError> {
    let find = |programs: &[&str]| {
        let places = programs.iter().flat_map(|program| FOLDERS.map(|folder| format!("{folder}/{program}")));
        places.into_iter().find(|path| tree.is_program(path))
    };
    let missing = |what: &str| {
        ImportError::NoRuntime(format!(
            "runtime `{name}` needs {LAMBDA_BOOTSTRAP}, {LAMBDA_ENTRY_POINT}, an entry point that is a runtime interface client, \
         or {what}, and the root has none of them"
        ))
    };
    if name.starts_with("python") {
        let program = find(&[name, "python3"]).ok_or_else(|| missing("a Python"))?;
        return Ok([program.as_str(), "-S", "-B", PYTHON_BOOTSTRAP].map(str::to_owned).to_vec());
    }
    if name.starts_with("nodejs") {
        let program = find(&["node"]).ok_or_else(|| missing("a Node.js"))?;
        return Ok(vec![program, NODE_BOOTSTRAP.to_owned()]);
    }
    if name.starts_with("provided") {
        return Ok(vec!["/var/task/bootstrap".to_owned()]);
    }
    Err(missing("a name of Python, Node.js or `provided`"))
}

fn variables(process: &Process) -> Vec<(String, String)> {
    let given = process.variables.iter().flatten().filter(|text| text.len() <= VARIABLE_BYTES_MAX);
    let pairs = given.filter_map(|text| text.split_once('='));
    let pairs =
        pairs.filter(|(name, value)| !name.is_empty() && !name.contains('\0') && !value.contains('\0'));
    pairs.take(VARIABLES_MAX).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tarball::{Entry, Kind};
    use super::*;

    fn of(name: &str, programs: &[&str], process: &Process) -> Result<Command, ImportError> {
        let file =
            |path: &&str| Entry { path: (*path).to_owned(), kind: Kind::File, is_executable: true, bytes: 1 };
        let mut tree = Tree::default();
        tree.add_layer(0, &programs.iter().map(file).collect::<Vec<_>>()).unwrap();
        command(name, &tree, process)
    }

    #[test]
    fn what_stands_in_a_root_says_how_it_runs() {
        let none = Process::default();
        let argv = |name: &str, programs: &[&str]| {
            of(name, programs, &none).map(|command| (command.argv.join(" "), command.brings_runtime)).ok()
        };
        for (name, programs, expected) in [
            ("java21", &["var/runtime/bootstrap"][..], Some(("/var/runtime/bootstrap", true))),
            (
                "python3.9",
                &["usr/bin/python3.9"],
                Some(("/usr/bin/python3.9 -S -B /var/runtime/bootstrap.py", false)),
            ),
            (
                "python3.9",
                &["usr/local/bin/python3"],
                Some(("/usr/local/bin/python3 -S -B /var/runtime/bootstrap.py", false)),
            ),
            (
                "nodejs18.x",
                &["usr/local/bin/node"],
                Some(("/usr/local/bin/node /var/runtime/bootstrap.mjs", false)),
            ),
            ("provided.al2023", &["bin/sh"], Some(("/var/task/bootstrap", false))),
            ("ruby3.3", &["usr/bin/ruby"], None),
            ("python3.9", &["usr/bin/node"], None),
        ] {
            let expected = expected.map(|(argv, brings)| (argv.to_owned(), brings));
            assert_eq!(argv(name, programs), expected, "{name}");
        }
        let entered = argv("ruby3.3", &["lambda-entrypoint.sh"]).unwrap();
        assert!(entered.0.ends_with("/lambda-entrypoint.sh") && entered.1);
    }

    #[test]
    fn an_interface_client_is_given_the_handler() {
        let text = |parts: &[&str]| Some(parts.iter().map(|part| (*part).to_owned()).collect());
        let process = Process {
            entrypoint: text(&["/usr/local/bin/python", "-m", "awslambdaric"]),
            variables: text(&["PATH=/x", "=none", "bare"]),
        };
        let command = of("python3.9", &["usr/local/bin/python"], &process).unwrap();
        assert_eq!(
            command.argv[2..],
            ["exec \"$0\" \"$@\" \"$_HANDLER\"", "/usr/local/bin/python", "-m", "awslambdaric"]
        );
        assert_eq!(command.variables, [("PATH".to_owned(), "/x".to_owned())]);
        let other = Process { entrypoint: text(&["docker-entrypoint.sh"]), variables: None };
        assert!(
            of("nodejs18.x", &["usr/local/bin/node"], &other).is_ok_and(|command| !command.brings_runtime)
        );
    }
}
