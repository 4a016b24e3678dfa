//! Which attribute tells when an item expires. The deletion itself is a job's.

use std::sync::Arc;

use service::Permit;

use super::tables::named;
use crate::State;
use crate::api;
use crate::error::Error;
use crate::tables::{Target, save, stored_idle};

/// Expiry is switched on or off once in so many seconds.
const SWITCHED_WITHIN_SECS: i64 = 60 * 60;

pub(crate) async fn describe_time_to_live(
    state: Arc<State>,
    permit: Permit<api::DescribeTimeToLive>,
) -> Result<api::DescribeTimeToLiveOutput, Error> {
    let table = named(&state, &permit.call, &permit.input.table_name)?;
    let attribute = table.record.time_to_live.clone();
    let status = if attribute.is_some() { "ENABLED" } else { "DISABLED" };
    Ok(api::DescribeTimeToLiveOutput {
        time_to_live_description: Some(api::TimeToLiveDescription {
            time_to_live_status: Some(status.to_owned()),
            attribute_name: attribute,
        }),
    })
}

pub(crate) async fn update_time_to_live(
    state: Arc<State>,
    permit: Permit<api::UpdateTimeToLive>,
) -> Result<api::UpdateTimeToLiveOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::parse(&input.table_name, call.account(), call.region())?;
    let wanted = input.time_to_live_specification;
    call.transact(|transaction| {
        let mut record = stored_idle(transaction, &target)?;
        let refused = |message: &str| Err(Error::Validation(message.to_owned()));
        record.time_to_live = match (&record.time_to_live, wanted.enabled) {
            (Some(attribute), _) if *attribute != wanted.attribute_name => {
                return Err(Error::Validation(format!(
                    "TimeToLive is active on a different AttributeName: current AttributeName is {attribute}"
                )));
            }
            (Some(_), true) => return refused("TimeToLive is already enabled"),
            (None, false) => return refused("TimeToLive is already disabled"),
            (Some(_), false) => None,
            (None, true) => Some(wanted.attribute_name.clone()),
        };
        // A stack's calls are let through: a way back that is refused for an hour would be none.
        let last = record.settled.time_to_live.filter(|_| call.marks().is_empty());
        if last.is_some_and(|last| call.now() < last.plus_secs(SWITCHED_WITHIN_SECS)) {
            return refused("Time to live has been modified multiple times within a fixed interval");
        }
        record.settled.time_to_live = Some(call.now());
        save(transaction, &state, record).map(drop)
    })
    .await?;
    Ok(api::UpdateTimeToLiveOutput { time_to_live_specification: Some(wanted) })
}
