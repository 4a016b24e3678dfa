//! How a function's asynchronous invocations are retried, and where their outcome goes.
//!
//! Where a destination may be is decided here; whether the function's role may send there is the pipeline's to say.

use base::Timestamp;

use crate::api;
use crate::error::Error;
use crate::model::destination::{self, Destination};
use crate::model::name::{FunctionId, Target};
use crate::records::EventConfig;

/// The members of both requests that change the settings.
pub(crate) struct Asked {
    pub(crate) retries_max: Option<i64>,
    pub(crate) age_max_secs: Option<i64>,
    pub(crate) destinations: Option<api::DestinationConfig>,
}

impl Asked {
    /// Refuses a request that asks for nothing.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.retries_max.is_none() && self.age_max_secs.is_none() && self.destinations.is_none() {
            return Err(Error::InvalidParameterValue(
                "You must specify at least one of error handling or destination setting.".to_owned(),
            ));
        }
        Ok(())
    }

    /// Puts what is asked over what is there. Destinations were checked before.
    pub(crate) fn over(self, old: EventConfig, now: Timestamp) -> EventConfig {
        let bounded = |number: i64| u32::try_from(number).ok();
        let (on_success, on_failure) = match self.destinations {
            Some(asked) => names(asked),
            None => (old.on_success, old.on_failure),
        };
        EventConfig {
            retries_max: self.retries_max.map_or(old.retries_max, bounded),
            age_max_secs: self.age_max_secs.map_or(old.age_max_secs, bounded),
            on_success,
            on_failure,
            modified_at: now,
        }
    }
}

fn names(asked: api::DestinationConfig) -> (Option<String>, Option<String>) {
    let given = |name: Option<String>| name.filter(|name| !name.is_empty());
    let on_success = asked.on_success.and_then(|on| given(on.destination));
    let on_failure = asked.on_failure.and_then(|on| given(on.destination));
    (on_success, on_failure)
}

/// The destinations with the ARNs that name them, once each was found to be one that can be sent to. `exists` knows the functions.
pub(crate) fn check_destinations(
    asked: Option<&api::DestinationConfig>,
    function: &FunctionId,
    exists: impl Fn(&Target) -> bool,
) -> Result<Vec<(String, Destination)>, Error> {
    let (on_success, on_failure) = asked.cloned().map(names).unwrap_or_default();
    let mut found = Vec::new();
    if let Some(name) = on_success {
        let destination = check_destination(&name, function, &exists)?;
        if matches!(destination, Destination::Bucket(_)) {
            return refuse(format!(
                "The destination ARN {name} is invalid: a bucket is a destination of failures only."
            ));
        }
        found.push((name, destination));
    }
    if let Some(name) = on_failure {
        let destination = check_destination(&name, function, &exists)?;
        found.push((name, destination));
    }
    Ok(found)
}

fn check_destination(
    destination: &str,
    function: &FunctionId,
    exists: impl Fn(&Target) -> bool,
) -> Result<Destination, Error> {
    match Destination::parse(destination, function)? {
        Destination::Function(target) if target.id == *function => {
            refuse("You can't specify the function as a destination for itself.".to_owned())
        }
        Destination::Function(target) if !exists(&target) => refuse(destination::invalid(destination)),
        found => Ok(found),
    }
}

fn refuse<T>(message: String) -> Result<T, Error> {
    Err(Error::InvalidParameterValue(message))
}

/// The settings in the API's form.
pub(crate) fn shape(function_arn: String, config: &EventConfig) -> api::FunctionEventInvokeConfig {
    api::FunctionEventInvokeConfig {
        last_modified: Some(config.modified_at),
        function_arn: Some(function_arn),
        maximum_retry_attempts: config.retries_max.map(i64::from),
        maximum_event_age_in_seconds: config.age_max_secs.map(i64::from),
        destination_config: Some(api::DestinationConfig {
            on_success: Some(api::OnSuccess { destination: config.on_success.clone() }),
            on_failure: Some(api::OnFailure { destination: config.on_failure.clone() }),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function() -> FunctionId {
        FunctionId {
            account: "000000000001".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            name: "orders".into(),
        }
    }

    fn to(on_success: &str, on_failure: &str) -> api::DestinationConfig {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        api::DestinationConfig {
            on_success: Some(api::OnSuccess { destination: named(on_success) }),
            on_failure: Some(api::OnFailure { destination: named(on_failure) }),
        }
    }

    #[test]
    fn destinations_are_other_functions_that_exist_and_buckets() {
        let arn = |name: &str| format!("arn:aws:lambda:us-east-1:000000000001:function:{name}");
        let check = |on_success: &str, on_failure: &str| {
            check_destinations(Some(&to(on_success, on_failure)), &function(), |target| {
                target.id.name != "missing"
            })
            .map(|found| found.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
            .map_err(|error| error.to_string())
        };
        let both = vec![arn("audit"), arn("failed:live")];
        assert_eq!(check(&both[0], &both[1]), Ok(both));
        assert_eq!(check("", ""), Ok(Vec::new()));
        assert_eq!(check("", "arn:aws:s3:::failed"), Ok(vec!["arn:aws:s3:::failed".to_owned()]));
        assert!(check("arn:aws:s3:::done", "").unwrap_err().contains("failures only"));
        for (destination, part) in [
            (arn("orders"), "for itself"),
            (arn("missing"), "is invalid"),
            ("not-an-arn".to_owned(), "is invalid"),
            ("arn:aws:dynamodb:us-east-1:000000000001:table/x".to_owned(), "is invalid"),
            ("arn:aws:s3:::Not/A/Bucket".to_owned(), "is invalid"),
            ("arn:aws:sqs:us-east-1:000000000001:q".to_owned(), "no sqs service yet"),
            ("arn:aws:sns:us-east-1:000000000001:t".to_owned(), "no sns service yet"),
        ] {
            assert!(check("", &destination).unwrap_err().contains(part), "{destination}");
            assert!(check(&destination, "").unwrap_err().contains(part), "{destination}");
        }
    }

    #[test]
    fn an_update_keeps_what_it_does_not_name() {
        let now = Timestamp::from_secs(9);
        let asked =
            |retries_max, age_max_secs, destinations| Asked { retries_max, age_max_secs, destinations };
        let first = asked(Some(1), Some(60), Some(to("a", "b"))).over(EventConfig::default(), now);
        assert_eq!((first.retries_max, first.age_max_secs), (Some(1), Some(60)));
        let second = asked(Some(0), None, None).over(first.clone(), now);
        assert_eq!(second, EventConfig { retries_max: Some(0), ..first.clone() });
        let third = asked(None, None, Some(to("", "c"))).over(second, now);
        assert_eq!((third.on_success, third.on_failure.as_deref()), (None, Some("c")));
        assert!(asked(None, None, None).check().is_err());
    }
}
