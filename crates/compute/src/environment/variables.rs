//! The environment variables of a function's process.
//!
//! The platform's own come last and win: a function's configuration cannot change who it is.

use base::SecretString;

use crate::contract::RoleCredentials;
use crate::function::{FunctionSpec, LogFormat};

/// Names that a function's configuration may not set.
pub const RESERVED_VARIABLES: [&str; 22] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    // A function that set it would wait for another function's name.
    PARKED,
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Where the Runtime API listens, inside.
const RUNTIME_API: &str = "127.0.0.1:9001";
/// Where the AWS API listens, inside.
const AWS_ENDPOINT: &str = "http://127.0.0.1:4566";
/// Where the egress proxy listens, inside.
const EGRESS_PROXY: &str = "http://127.0.0.1:3128";
/// What is reached without the proxy: the other doors, and what listens inside, by the names that it has there on Lambda.
const NO_PROXY: &str = "127.0.0.1,localhost,::1,sandbox,sandbox.localdomain,platform.fastness.internal";
/// What makes HTTP clients use the proxy. A function may set them otherwise: there is no other way out either way.
const PROXY_VARIABLES: [(&str, &str); 7] = [
    ("HTTP_PROXY", EGRESS_PROXY),
    ("HTTPS_PROXY", EGRESS_PROXY),
    ("http_proxy", EGRESS_PROXY),
    ("https_proxy", EGRESS_PROXY),
    ("NO_PROXY", NO_PROXY),
    ("no_proxy", NO_PROXY),
    // Node.js from 24 on heeds the others only where this is set.
    ("NODE_USE_ENV_PROXY", "1"),
];

/// What tells a runtime that its function follows.
const PARKED: &str = "FASTNESS_PARKED";
/// Beginnings of names that programs read when they start, and never again.
const EXEC_PREFIXES: [&str; 12] = [
    "PYTHON",
    "NODE_",
    "LD_",
    "LC_",
    "MALLOC_",
    "GLIBC_",
    "OPENSSL_",
    "SSL_",
    "UV_",
    "ICU_",
    "GCONV_",
    "FASTNESS_",
];
/// Such names.
const EXEC_NAMES: [&str; 5] = ["TZ", "LANG", "LANGUAGE", "LOCPATH", EXEC_WRAPPER];
/// Names a program that a managed runtime is started by.
pub(crate) const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// What every environment has unless its function says otherwise.
const DEFAULTS: [(&str, &str); 7] = [
    ("LANG", "en_US.UTF-8"),
    ("TZ", ":UTC"),
    ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("LD_LIBRARY_PATH", "/var/task:/var/task/lib:/opt/lib"),
    ("AWS_ENDPOINT_URL", AWS_ENDPOINT),
    // No invocation is sampled: tracing libraries are to say so, and not to fail.
    ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
    // Where those libraries look anyway. Nobody listens: what is sent there is lost, as the sample that nobody took.
    ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000"),
];

/// Whether a variable is as every environment has it unless its function says otherwise.
pub(crate) fn is_default(name: &str, value: &str) -> bool {
    DEFAULTS.contains(&(name, value))
}

/// Whether a function that sets this variable needs a process that is executed with it.
pub(crate) fn binds_at_exec(name: &str) -> bool {
    EXEC_NAMES.contains(&name) || EXEC_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The variables of an environment that is started before its function is known: nobody's.
pub(crate) fn parked_variables() -> Vec<(String, SecretString)> {
    let own = [("AWS_LAMBDA_RUNTIME_API", RUNTIME_API), ("NODE_USE_ENV_PROXY", "1"), (PARKED, "1")];
    DEFAULTS.into_iter().chain(own).map(|(name, value)| (name.to_owned(), SecretString::new(value))).collect()
}

/// All variables of one environment.
pub(crate) fn variables_of(
    spec: &FunctionSpec,
    log_stream: &str,
    credentials: &RoleCredentials,
    has_egress: bool,
    initialization: &str,
) -> Vec<(String, SecretString)> {
    let memory = spec.memory_mib.to_string();
    let execution = format!("AWS_Lambda_{}", spec.runtime);
    let log_format = match spec.logging.format {
        LogFormat::Text => "Text",
        LogFormat::Json => "JSON",
    };
    let fixed = [
        ("_HANDLER", spec.handler.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", &spec.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", &spec.version),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_LOG_FORMAT", log_format),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &spec.log_group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization),
        ("AWS_LAMBDA_RUNTIME_API", RUNTIME_API),
        ("AWS_EXECUTION_ENV", &execution),
        ("AWS_REGION", spec.region.as_str()),
        ("AWS_DEFAULT_REGION", spec.region.as_str()),
        ("AWS_ACCESS_KEY_ID", &credentials.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.expose()),
        ("AWS_SESSION_TOKEN", credentials.session_token.expose()),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ];
    let mut variables: Vec<(String, SecretString)> = Vec::with_capacity(40);
    let mut set = |name: &str, value: SecretString| {
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value));
    };
    let proxy = PROXY_VARIABLES.iter().copied().filter(|_| has_egress);
    for (name, value) in DEFAULTS.into_iter().chain(proxy) {
        set(name, SecretString::new(value));
    }
    for (name, value) in &spec.variables {
        set(name, value.clone());
    }
    if spec.logging.format == LogFormat::Json {
        set("AWS_LAMBDA_LOG_LEVEL", SecretString::new(spec.logging.application_level.name()));
    }
    // SECURITY: after the function's own, which may not replace them.
    for (name, value) in fixed {
        set(name, SecretString::new(value));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn variables_that_are_read_at_the_start_need_a_start_of_their_own() {
        for name in
            ["PYTHONPATH", "NODE_OPTIONS", "LD_PRELOAD", "TZ", "AWS_LAMBDA_EXEC_WRAPPER", "SSL_CERT_FILE"]
        {
            assert!(binds_at_exec(name), "{name}");
        }
        for (name, _) in parked_variables().iter().filter(|(name, _)| name.starts_with("FASTNESS_")) {
            assert!(RESERVED_VARIABLES.contains(&name.as_str()), "{name}");
        }
        for name in ["TABLE", "AWS_REGION", "PATH", "HTTP_PROXY", "NODES", "TZDIR2"] {
            assert!(!binds_at_exec(name), "{name}");
        }
        assert!(
            parked_variables()
                .iter()
                .all(|(name, _)| !name.starts_with("AWS_S") && !name.starts_with("AWS_ACC"))
        );
    }

    #[test]
    fn the_platforms_variables_win_and_defaults_yield() {
        let mut spec = testing::spec();
        spec.variables = vec![
            ("TZ".into(), SecretString::new("Europe/Vienna")),
            ("AWS_ACCESS_KEY_ID".into(), SecretString::new("forged")),
            ("TABLE".into(), SecretString::new("orders")),
            ("HTTP_PROXY".into(), SecretString::new("http://127.0.0.1:9")),
        ];
        let variables = variables_of(&spec, "stream", &testing::credentials(), true, "on-demand");
        let get = |name: &str| {
            let found: Vec<&str> = variables
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.expose())
                .collect();
            assert_eq!(found.len(), 1, "{name}");
            found[0].to_owned()
        };
        assert_eq!(get("TZ"), "Europe/Vienna");
        assert_eq!(get("TABLE"), "orders");
        assert_eq!(get("https_proxy"), EGRESS_PROXY);
        assert_eq!(get("HTTP_PROXY"), "http://127.0.0.1:9");
        assert!(get("no_proxy").split(',').any(|name| name == "sandbox.localdomain"));
        assert_eq!(get("AWS_XRAY_CONTEXT_MISSING"), "LOG_ERROR");
        assert_eq!(get("AWS_XRAY_DAEMON_ADDRESS"), "127.0.0.1:2000");
        assert_eq!(get("AWS_ACCESS_KEY_ID"), "ASIATESTTESTTESTTEST");
        assert_eq!(get("AWS_LAMBDA_LOG_STREAM_NAME"), "stream");
    }
}
