//! What API keys and usage plans may be. No store, no wire.
//!
//! How fast and how often a key is used is counted by the data plane.

use gateway::records::{KeyValue, PlanQuota, PlanRecord, PlanStage, PlanThrottle, QuotaPeriod};

use crate::Error;
use crate::api;

/// API keys of one account: API Gateway's quota.
pub(crate) const KEYS_MAX: usize = 10_000;
/// Usage plans of one account: API Gateway's quota.
pub(crate) const PLANS_MAX: usize = 300;
/// Usage plans that one key may be in.
pub(crate) const PLANS_OF_KEY_MAX: usize = 10;
/// Stages of one plan, and methods with limits of their own in one stage.
const STAGES_MAX: usize = 500;
const METHODS_MAX: usize = 300;
const NAME_CHARS_MAX: usize = 1_024;

/// A new key's value: 40 characters, as API Gateway's.
pub(crate) fn new_value() -> KeyValue {
    KeyValue::new(crypto::random::alphanumeric(40))
}

/// A key's value as its owner gives it.
pub(crate) fn own_value(text: &str) -> Result<KeyValue, Error> {
    if text.len() < 20 {
        return Err(Error::bad("API Key value should be at least 20 characters"));
    }
    if text.len() > 128 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::bad("API Key value should be at most 128 characters, without spaces"));
    }
    Ok(KeyValue::new(text))
}

/// What must hold of a name.
pub(crate) fn check_name(name: Option<&str>) -> Result<(), Error> {
    if name.is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
        return Err(Error::bad(format!("A name has at most {NAME_CHARS_MAX} characters")));
    }
    Ok(())
}

/// What must hold of a plan however it came about.
pub(crate) fn check(plan: &PlanRecord) -> Result<(), Error> {
    if plan.name.is_empty() {
        return Err(Error::bad("Usage Plan name cannot be empty"));
    }
    check_name(Some(&plan.name))?;
    if plan.stages.len() > STAGES_MAX {
        return Err(Error::bad(format!("A usage plan has at most {STAGES_MAX} API stages")));
    }
    for (at, stage) in plan.stages.iter().enumerate() {
        let twice = |other: &PlanStage| (&other.api_id, &other.stage) == (&stage.api_id, &stage.stage);
        if plan.stages.iter().skip(at + 1).any(twice) {
            return Err(Error::Conflict(format!(
                "Usage Plan {} already has the API stage {}:{}",
                plan.id, stage.api_id, stage.stage
            )));
        }
        if stage.throttle.len() > METHODS_MAX {
            return Err(Error::bad(format!("An API stage has limits for at most {METHODS_MAX} methods")));
        }
    }
    let throttles = plan.stages.iter().flat_map(|stage| stage.throttle.values()).chain(&plan.throttle);
    throttles.into_iter().try_for_each(check_throttle)?;
    plan.quota.as_ref().map_or(Ok(()), check_quota)
}

fn check_throttle(throttle: &PlanThrottle) -> Result<(), Error> {
    if throttle.rate.is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
        return Err(Error::bad("Usage Plan throttle rate limit must be a number from 0"));
    }
    Ok(())
}

fn check_quota(quota: &PlanQuota) -> Result<(), Error> {
    if quota.limit == 0 {
        return Err(Error::bad("Usage Plan quota limit must be greater than zero"));
    }
    let (last, message) = match quota.period {
        QuotaPeriod::Day => (0, "Usage Plan quota offset must be zero in the DAY period"),
        QuotaPeriod::Week => {
            (6, "Usage Plan quota offset must be between zero and six inclusive in the WEEK period")
        }
        QuotaPeriod::Month => {
            (27, "Usage Plan quota offset must be between zero and 27 inclusive in the MONTH period")
        }
    };
    if quota.offset > last { Err(Error::bad(message)) } else { Ok(()) }
}

/// A number of the wire, which is not negative.
fn number(given: i64, what: &str) -> Result<u32, Error> {
    u32::try_from(given).map_err(|_| Error::bad(format!("Usage Plan {what} is out of its range")))
}

pub(crate) fn period(name: &str) -> Result<QuotaPeriod, Error> {
    match name {
        "DAY" => Ok(QuotaPeriod::Day),
        "WEEK" => Ok(QuotaPeriod::Week),
        "MONTH" => Ok(QuotaPeriod::Month),
        _ => Err(Error::bad("Usage Plan quota period must be one of: [DAY, WEEK, MONTH]")),
    }
}

pub(crate) fn quota(given: &api::QuotaSettings) -> Result<PlanQuota, Error> {
    let name = given.period.as_deref().ok_or_else(|| Error::bad("Usage Plan quota needs a period"))?;
    Ok(PlanQuota {
        limit: number(given.limit.unwrap_or(0), "quota limit")?,
        offset: number(given.offset.unwrap_or(0), "quota offset")?,
        period: period(name)?,
    })
}

pub(crate) fn throttle(given: &api::ThrottleSettings) -> Result<PlanThrottle, Error> {
    let burst = given.burst_limit.map(|burst| number(burst, "throttle burst limit")).transpose()?;
    Ok(PlanThrottle { rate: given.rate_limit, burst })
}

pub(crate) fn stage(given: api::ApiStage) -> Result<PlanStage, Error> {
    let needed = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (Some(api_id), Some(stage)) = (needed(given.api_id), needed(given.stage)) else {
        return Err(Error::bad("API stage needs an API id and a stage name"));
    };
    let limits = given.throttle.into_iter().flatten();
    let limits = limits.map(|(method, settings)| Ok((method_path(&method)?, throttle(&settings)?)));
    Ok(PlanStage { api_id, stage, throttle: limits.collect::<Result<_, Error>>()? })
}

/// A method as plans name it: `/orders/{id}/GET`.
pub(crate) fn method_path(text: &str) -> Result<String, Error> {
    let named = text.starts_with('/') && text.rsplit('/').next().is_some_and(|method| !method.is_empty());
    if named && text.len() <= 1_024 {
        return Ok(text.to_owned());
    }
    Err(Error::bad(format!(
        "Invalid method of an API stage: {text}, it is a path and a method as in /pets/GET"
    )))
}

/// `api:stage` as patches name a stage.
pub(crate) fn stage_named(text: &str) -> Result<(&str, &str), Error> {
    let parts = text.split_once(':').filter(|(api, stage)| !api.is_empty() && !stage.is_empty());
    parts.ok_or_else(|| Error::bad("API stage must be in the format of: {apiId}:{stage}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> PlanRecord {
        PlanRecord {
            account: "111111111111".parse().unwrap(),
            id: "p".into(),
            name: "n".into(),
            description: None,
            stages: Vec::new(),
            throttle: None,
            quota: None,
            tags: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn plans_have_api_gateways_rules() {
        assert!(check(&plan()).is_ok());
        for (period, offset, good) in [
            (QuotaPeriod::Day, 0, true),
            (QuotaPeriod::Day, 1, false),
            (QuotaPeriod::Week, 6, true),
            (QuotaPeriod::Week, 7, false),
            (QuotaPeriod::Month, 27, true),
            (QuotaPeriod::Month, 28, false),
        ] {
            let quota = Some(PlanQuota { limit: 1, offset, period });
            assert_eq!(check(&PlanRecord { quota, ..plan() }).is_ok(), good, "{period:?} {offset}");
        }
        let quota = Some(PlanQuota { limit: 0, offset: 0, period: QuotaPeriod::Day });
        assert!(check(&PlanRecord { quota, ..plan() }).is_err());
        let throttle = Some(PlanThrottle { rate: Some(f64::NAN), burst: None });
        assert!(check(&PlanRecord { throttle, ..plan() }).is_err());
        let stage = PlanStage { api_id: "a".into(), stage: "s".into(), throttle: Default::default() };
        assert!(check(&PlanRecord { stages: vec![stage.clone(), stage], ..plan() }).is_err());
        assert!(check(&PlanRecord { name: String::new(), ..plan() }).is_err());
    }

    #[test]
    fn values_are_long_enough_and_plain() {
        assert!(own_value(&"x".repeat(20)).is_ok());
        for bad in ["x".repeat(19), "x".repeat(129), format!("{} ", "x".repeat(30)), "é".repeat(20)] {
            assert!(own_value(&bad).is_err(), "{bad}");
        }
        assert_eq!(new_value().expose().len(), 40);
        assert!(stage_named("a:s").is_ok() && stage_named("a").is_err() && stage_named(":s").is_err());
        assert!(method_path("/a/GET").is_ok() && method_path("a/GET").is_err() && method_path("/").is_err());
    }
}
