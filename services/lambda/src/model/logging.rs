//! How a function's log is written: as text, or as JSON from certain levels on.
//!
//! Names and levels only; lines are written by whoever runs the function.

use compute::{FunctionLogging, LogFormat, LogLevel};

use crate::api::LoggingConfig;
use crate::error::Error;
use crate::records::JsonLog;

const TEXT: &str = "Text";
const JSON: &str = "JSON";
const DEFAULT_LEVEL: &str = "INFO";

/// What a request's settings make of those that there are.
///
/// # Errors
/// Where levels are asked for that a log in text does not have, or a log group that nobody can make: all output would be lost.
pub(crate) fn changed(current: Option<&JsonLog>, asked: &LoggingConfig) -> Result<Option<JsonLog>, Error> {
    if asked.log_group.as_ref().is_some_and(|group| group.starts_with("aws/")) {
        let message = "Log groups starting with aws/ are reserved for AWS.".to_owned();
        return Err(Error::InvalidParameterValue(message));
    }
    let is_json = match asked.log_format.as_deref() {
        None => current.is_some(),
        Some(format) => format == JSON,
    };
    if !is_json {
        let level = asked.application_log_level.as_ref().or(asked.system_log_level.as_ref());
        return match level {
            Some(_) => Err(Error::InvalidParameterValue(
                "Log Level is not supported when LogFormat is set to Text. Remove log level from your request or change \
                 the LogFormat to JSON and try again."
                    .to_owned(),
            )),
            None => Ok(None),
        };
    }
    let kept = |asked: &Option<String>, current: Option<&String>| {
        asked.as_ref().or(current).cloned().unwrap_or_else(|| DEFAULT_LEVEL.to_owned())
    };
    Ok(Some(JsonLog {
        application: kept(&asked.application_log_level, current.map(|log| &log.application)),
        system: kept(&asked.system_log_level, current.map(|log| &log.system)),
    }))
}

/// What compute is to do.
pub(crate) fn of(json: Option<&JsonLog>) -> FunctionLogging {
    let level = |name: &String| LogLevel::of(name).unwrap_or_default();
    match json {
        None => FunctionLogging::default(),
        Some(log) => FunctionLogging {
            format: LogFormat::Json,
            application_level: level(&log.application),
            system_level: level(&log.system),
        },
    }
}

/// The settings as the API shows them.
pub(crate) fn shape(json: Option<&JsonLog>, log_group: String) -> LoggingConfig {
    LoggingConfig {
        log_format: Some(if json.is_some() { JSON } else { TEXT }.to_owned()),
        application_log_level: json.map(|log| log.application.clone()),
        system_log_level: json.map(|log| log.system.clone()),
        log_group: Some(log_group),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(format: Option<&str>, application: Option<&str>) -> LoggingConfig {
        LoggingConfig {
            log_format: format.map(str::to_owned),
            application_log_level: application.map(str::to_owned),
            ..LoggingConfig::default()
        }
    }

    fn json(application: &str) -> JsonLog {
        JsonLog { application: application.into(), system: "INFO".into() }
    }

    #[test]
    fn levels_belong_to_json_and_stay_until_they_are_changed() {
        for (current, format, level, expected) in [
            (None, None, None, Ok(None)),
            (None, Some("JSON"), None, Ok(Some(json("INFO")))),
            (None, Some("JSON"), Some("DEBUG"), Ok(Some(json("DEBUG")))),
            (Some(json("WARN")), None, None, Ok(Some(json("WARN")))),
            (Some(json("WARN")), None, Some("ERROR"), Ok(Some(json("ERROR")))),
            (Some(json("WARN")), Some("Text"), None, Ok(None)),
            (None, None, Some("DEBUG"), Err(())),
            (Some(json("WARN")), Some("Text"), Some("DEBUG"), Err(())),
        ] {
            let made = changed(current.as_ref(), &asked(format, level)).map_err(drop);
            assert_eq!(made, expected, "{current:?} {format:?} {level:?}");
        }
        let reserved =
            |group: &str| LoggingConfig { log_group: Some(group.into()), ..LoggingConfig::default() };
        assert!(changed(None, &reserved("aws/x")).is_err());
        assert!(changed(None, &reserved("/aws/x")).is_ok());
        let debug = of(Some(&json("DEBUG")));
        assert_eq!((debug.format, debug.application_level), (LogFormat::Json, LogLevel::Debug));
        assert_eq!(of(None), FunctionLogging::default());
    }
}
