//! The settings that `sam deploy` has: which are read, which say nothing here, and which would be broken if they were passed over.
//!
//! Decides for each setting that no other part reads: nothing, a word, or no deployment.

use serde_json::{Map, Value};

use crate::Error;

/// Read by the other parts.
const READ: [&str; 14] = [
    "capabilities",
    "disable_rollback",
    "fail_on_empty_changeset",
    "no_execute_changeset",
    "on_failure",
    "parameter_overrides",
    "profile",
    "region",
    "role_arn",
    "s3_bucket",
    "stack_name",
    "tags",
    // Packages go where no `s3_bucket` is said into a bucket of the account's own.
    "resolve_s3",
    // Packages are named by their content.
    "s3_prefix",
];

/// How the other tool talks, waits and looks for itself, and where it puts images, of which there are none here.
const NOTHING: [&str; 16] = [
    "beta_features",
    "config_env",
    "config_file",
    "debug",
    "force_upload",
    "image_repositories",
    "image_repository",
    "language_extensions",
    "max_wait_duration",
    "no_beta_features",
    "no_progressbar",
    "output",
    "resolve_image_repos",
    "save_params",
    "template_format",
    "use_json",
];

/// What is not done, though the deployment is the same without it.
const TOLD: [(&str, &str); 5] = [
    (
        "confirm_changeset",
        "nobody is asked before the stack is changed; `no_execute_changeset` keeps it from being changed",
    ),
    ("guided", "nobody is asked"),
    ("metadata", "packages get no metadata"),
    ("template", "the template is the one that the command line names"),
    ("template_file", "the template is the one that the command line names"),
];

/// What would make another deployment.
const REFUSED: [(&str, &str); 4] = [
    ("express", "stacks are deployed in one mode only"),
    (
        "kms_key_id",
        "packages are not encrypted with a key of yours on their way; the bucket's encryption can name it",
    ),
    ("notification_arns", "there is no SNS service"),
    ("signing_profiles", "packages are not signed on their way; `fastness sign-code` signs them"),
];

/// What is to be said of the settings of one table. Those for all commands have others' settings, too, of which nothing is said.
///
/// # Errors
/// A setting would make another deployment.
pub(super) fn warnings(table: &Map<String, Value>, is_for_all: bool) -> Result<Vec<String>, Error> {
    let why = |list: &[(&str, &'static str)], key: &str| {
        list.iter().find(|(name, _)| *name == key).map(|(_, why)| *why)
    };
    let mut told = Vec::new();
    for (key, value) in table {
        if let Some(why) = why(&REFUSED, key).filter(|_| asks(value)) {
            return Err(format!("`{key}` is not supported: {why}").into());
        }
        if let Some(why) = why(&TOLD, key) {
            told.extend(asks(value).then(|| format!("`{key}` counts for nothing here: {why}")));
            continue;
        }
        let key = key.as_str();
        let is_known = READ.contains(&key) || NOTHING.contains(&key) || why(&REFUSED, key).is_some();
        if !is_known && !is_for_all {
            told.push(format!(
                "`{}` is no setting of a deployment, and counts for nothing",
                key.escape_debug()
            ));
        }
    }
    Ok(told)
}

/// True unless a value says that nothing is asked.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty() && super::flag("", value).unwrap_or(true),
        Value::Array(items) => !items.is_empty(),
        Value::Object(table) => !table.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: &Value, is_for_all: bool) -> Result<Vec<String>, String> {
        warnings(value.as_object().unwrap(), is_for_all).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_dropped_in_silence() {
        for (key, value) in [
            ("express", json!(true)),
            ("kms_key_id", json!("key")),
            ("notification_arns", json!(["arn:aws:sns:us-east-1:1:t"])),
            ("signing_profiles", json!("F=p")),
        ] {
            for is_for_all in [true, false] {
                let refused = of(&json!({key: value}), is_for_all).unwrap_err();
                assert!(refused.starts_with(&format!("`{key}` is not supported: ")), "{refused}");
            }
        }
        let nothing =
            json!({"express": false, "notification_arns": [], "kms_key_id": "", "confirm_changeset": false});
        assert_eq!(of(&nothing, false), Ok(Vec::new()));
        assert_eq!(
            of(&json!({"express": "no", "stack_name": "s", "resolve_s3": true}), false),
            Ok(Vec::new())
        );
        let told = of(&json!({"no_such_option": "x", "confirm_changeset": true}), false).unwrap();
        assert!(told.len() == 2 && told[0].contains("`no_such_option`"), "{told:?}");
        assert!(told[1].contains("`confirm_changeset`"), "{told:?}");
        // Those for all commands are others' as well.
        assert_eq!(of(&json!({"cached": true}), true), Ok(Vec::new()));
    }
}
