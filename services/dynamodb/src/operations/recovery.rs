//! Whether any moment of a table's past can be restored.

use std::sync::Arc;

use base::Timestamp;
use service::Permit;
use store::Transaction;

use super::backups::{table_in_use, table_not_found};
use super::tables::next_id;
use crate::State;
use crate::api;
use crate::error::Error;
use crate::jobs::settle_history;
use crate::records::{HistoryOfTable, Recovery, TableRecord};
use crate::tables::{Target, save, stored};

/// How many days can be restored where nothing else is asked for; also the most.
const DAYS_MAX: u32 = 35;

/// The history of a table, begun where there is none.
pub(crate) fn keep_history<'a>(
    transaction: &mut Transaction<'_>,
    record: &'a mut TableRecord,
) -> Result<&'a mut HistoryOfTable, Error> {
    let id = match &record.history {
        Some(history) => history.id,
        None => {
            // Writers look again at what they have to keep up.
            record.layout = record.layout.saturating_add(1);
            next_id(transaction)?
        }
    };
    Ok(record.history.get_or_insert(HistoryOfTable { id, copies: 0, recovery: None }))
}

fn described(recovery: Option<Recovery>, now: Timestamp) -> api::ContinuousBackupsDescription {
    let status = if recovery.is_some() { "ENABLED" } else { "DISABLED" };
    api::ContinuousBackupsDescription {
        // As DynamoDB's, which has no way to turn this one off.
        continuous_backups_status: "ENABLED".to_owned(),
        point_in_time_recovery_description: Some(api::PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(status.to_owned()),
            recovery_period_in_days: recovery.map(|recovery| i64::from(recovery.days)),
            earliest_restorable_date_time: recovery.map(|recovery| recovery.earliest(now)),
            latest_restorable_date_time: recovery.map(|recovery| latest(recovery, now)),
        }),
    }
}

/// The last whole second that can be restored.
fn latest(recovery: Recovery, now: Timestamp) -> Timestamp {
    Timestamp::from_secs(now.secs()).max(recovery.earliest(now))
}

pub(crate) async fn describe_continuous_backups(
    state: Arc<State>,
    permit: Permit<api::DescribeContinuousBackups>,
) -> Result<api::DescribeContinuousBackupsOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::parse(&input.table_name, call.account(), call.region())?;
    let table = state.tables.find(&target).ok_or_else(|| table_not_found(&target.name))?;
    let recovery = table.record.history.as_ref().and_then(|history| history.recovery);
    let description = described(recovery, call.now());
    Ok(api::DescribeContinuousBackupsOutput { continuous_backups_description: Some(description) })
}

pub(crate) async fn update_continuous_backups(
    state: Arc<State>,
    permit: Permit<api::UpdateContinuousBackups>,
) -> Result<api::UpdateContinuousBackupsOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::parse(&input.table_name, call.account(), call.region())?;
    let wanted = &input.point_in_time_recovery_specification;
    let days = wanted.recovery_period_in_days.and_then(|days| u32::try_from(days).ok());
    let recovery = call
        .transact(|transaction| {
            let mut record = stored(transaction, &target)?.ok_or_else(|| table_not_found(&target.name))?;
            if record.is_restoring() {
                return Err(table_in_use());
            }
            if wanted.point_in_time_recovery_enabled {
                let history = keep_history(transaction, &mut record)?;
                let known = history.recovery;
                let since = known.map_or(call.now(), |known| known.since);
                let days = days.or(known.map(|known| known.days)).unwrap_or(DAYS_MAX).clamp(1, DAYS_MAX);
                history.recovery = Some(Recovery { since, days });
            } else if let Some(history) = &mut record.history {
                history.recovery = None;
                settle_history(transaction, &state, &mut record)?;
            }
            let recovery = record.history.as_ref().and_then(|history| history.recovery);
            save(transaction, &state, record)?;
            Ok(recovery)
        })
        .await?;
    let description = described(recovery, call.now());
    Ok(api::UpdateContinuousBackupsOutput { continuous_backups_description: Some(description) })
}
