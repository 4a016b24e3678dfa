//! Making tables from backups, and from the past of other tables.
//!
//! The new table is there at once and `CREATING` until a job has gathered its items; nothing can be done with it before.
//! It has no tags, no stream, no policy, no time to live and no history of its own: as in DynamoDB, those are set anew.

use std::sync::Arc;

use base::{AccountId, Region, Timestamp};
use service::{Call, Permit};
use store::Transaction;

use super::backups::{begin_copy, keep_for_copy, stored_backup, table_in_use, table_not_found};
use super::describe::{Status, definitions, describe};
use super::tables::{check_room, next_id};
use crate::State;
use crate::api;
use crate::error::Error;
use crate::history::last_at;
use crate::invalid::Invalid;
use crate::managed_key;
use crate::model;
use crate::records::{
    BackupPlace, Billing, Ceiling, CopyPurpose, CopyRecord, IndexKind, IndexRecord, IndexState, Restored,
    TableRecord, UnitChanges, Warm,
};
use crate::tables::{Table, Target, save, stored};

/// What a restore makes otherwise than the source was.
struct Overrides<'a> {
    mode: Option<&'a str>,
    units: Option<&'a api::ProvisionedThroughput>,
    global: Option<&'a Vec<api::GlobalSecondaryIndex>>,
    local: Option<&'a Vec<api::LocalSecondaryIndex>>,
    on_demand: Option<&'a api::OnDemandThroughput>,
    encryption: Option<&'a api::SSESpecification>,
}

macro_rules! overrides {
    ($input:expr) => {
        Overrides {
            mode: $input.billing_mode_override.as_deref(),
            units: $input.provisioned_throughput_override.as_ref(),
            global: $input.global_secondary_index_override.as_ref(),
            local: $input.local_secondary_index_override.as_ref(),
            on_demand: $input.on_demand_throughput_override.as_ref(),
            encryption: $input.sse_specification_override.as_ref(),
        }
    };
}

pub(crate) async fn restore_table_from_backup(
    state: Arc<State>,
    permit: Permit<api::RestoreTableFromBackup>,
) -> Result<api::RestoreTableFromBackupOutput, Error> {
    let Permit { input, call, .. } = permit;
    let place = BackupPlace::of_arn(&input.backup_arn, call.region())?;
    let target = new_target(&state, &call, &input.target_table_name)?;
    let table = call
        .transact(|transaction| {
            let backup = stored_backup(transaction, &place, call.now())?;
            if !backup.is_complete {
                return Err(Error::BackupInUse("Backup is being created".to_owned()));
            }
            let restored = Restored {
                backup: Some(place.arn()),
                table: backup.table.arn(),
                at: backup.created,
                in_progress: true,
            };
            let record = made(&backup.table, &target, &overrides!(input), restored, call.now())?;
            let copy = CopyRecord::new(backup.items, None, purpose(&target));
            begin(transaction, &state, record, &target, &copy)
        })
        .await?;
    Ok(api::RestoreTableFromBackupOutput {
        table_description: Some(describe(&table, Status::Creating, call.now())),
    })
}

/// The table whose past is asked for.
///
/// # Errors
/// None or two are named.
pub(crate) fn source_of(
    input: &api::RestoreTableToPointInTimeInput,
    account: AccountId,
    region: &Region,
) -> Result<Target, Invalid> {
    match (&input.source_table_name, &input.source_table_arn) {
        (Some(name), None) => Target::parse(name, account, region),
        (None, Some(arn)) => Target::of_arn(arn, region),
        _ => Err(Invalid::new("Specify either SourceTableName or SourceTableArn, but not both")),
    }
}

fn moment(input: &api::RestoreTableToPointInTimeInput) -> Result<Option<Timestamp>, Invalid> {
    match (input.restore_date_time, input.use_latest_restorable_time.unwrap_or(false)) {
        (None, true) => Ok(None),
        (Some(moment), false) => Ok(Some(moment)),
        (None, false) => Err(Invalid::new(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both",
        )),
        (Some(_), true) => Err(Invalid::new(
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time restore \
             request. Please specify either RestoreDateTime time or UseLatestRestorableTime",
        )),
    }
}

pub(crate) async fn restore_table_to_point_in_time(
    state: Arc<State>,
    permit: Permit<api::RestoreTableToPointInTime>,
) -> Result<api::RestoreTableToPointInTimeOutput, Error> {
    let Permit { input, call, .. } = permit;
    let source = source_of(&input, call.account(), call.region())?;
    let moment = moment(&input)?;
    let target = new_target(&state, &call, &input.target_table_name)?;
    if source.account != target.account {
        return Err(Invalid::new("A table can only be restored in the account of its source").into());
    }
    let now = call.now();
    // Looked up first: its sequence is the one that its writers use.
    let shown = state.tables.find(&source).ok_or_else(|| table_not_found(&source.name))?;
    let table = call
        .transact(|transaction| {
            let mut record = stored(transaction, &source)?
                .filter(|record| record.id == shown.record.id)
                .ok_or_else(|| table_not_found(&source.name))?;
            if record.is_restoring() {
                return Err(table_in_use());
            }
            let recovery = record.history.as_ref().and_then(|history| history.recovery).ok_or_else(|| {
                Error::RecoveryUnavailable(
                    "Point in time recovery is not enabled for the source table".to_owned(),
                )
            })?;
            if moment.is_some_and(|moment| moment < recovery.earliest(now) || now < moment) {
                return Err(Error::InvalidRestoreTime(format!(
                    "RestoreDateTime must be within EarliestRestorableDateTime and LatestRestorableDateTime for table {}",
                    source.name
                )));
            }
            let restored = Restored {
                backup: None,
                table: record.arn(),
                at: moment.unwrap_or(now),
                in_progress: true,
            };
            let new = made(&record, &target, &overrides!(input), restored, now)?;
            let last = moment.map_or_else(|| shown.sequence.next(now), last_at);
            let live = keep_for_copy(transaction, &mut record, last)?;
            let copy = CopyRecord::new(record.id, Some(live), purpose(&target));
            save(transaction, &state, record)?;
            begin(transaction, &state, new, &target, &copy)
        })
        .await?;
    Ok(api::RestoreTableToPointInTimeOutput {
        table_description: Some(describe(&table, Status::Creating, call.now())),
    })
}

/// Where the new table is to be.
fn new_target(state: &State, call: &Call, name: &str) -> Result<Target, Error> {
    let target = Target::parse(name, call.account(), call.region())?;
    if target.account != call.account() {
        return Err(Error::Validation("A table can only be created in the account of the caller".to_owned()));
    }
    check_room(state, &target)?;
    Ok(target)
}

fn purpose(target: &Target) -> CopyPurpose {
    CopyPurpose::Table { account: target.account, region: target.region.clone(), name: target.name.clone() }
}

fn begin(
    transaction: &mut Transaction<'_>,
    state: &Arc<State>,
    mut record: TableRecord,
    target: &Target,
    copy: &CopyRecord,
) -> Result<Arc<Table>, Error> {
    if stored(transaction, target)?.is_some() {
        return Err(Error::TableAlreadyExists(format!("Table already exists: {}", target.name)));
    }
    record.id = next_id(transaction)?;
    for index in &mut record.indexes {
        index.id = next_id(transaction)?;
    }
    begin_copy(transaction, state, record.id, copy)?;
    save(transaction, state, record)
}

/// The new table, as its source was and as the request wants it otherwise.
fn made(
    source: &TableRecord,
    target: &Target,
    overrides: &Overrides<'_>,
    restored: Restored,
    now: Timestamp,
) -> Result<TableRecord, Error> {
    let is_encrypted = match overrides.encryption {
        None => source.is_encryption_requested,
        specification => managed_key::is_wanted(specification, target.account, &target.region)?,
    };
    let billing = billing(source.billing, overrides)?;
    let mut record = TableRecord::new(
        target.account,
        target.region.clone(),
        target.name.clone(),
        source.schema.clone(),
        now,
    );
    record.indexes = indexes(source, overrides, billing)?;
    record.billing = billing;
    record.class.clone_from(&source.class);
    record.is_encryption_requested = is_encrypted;
    record.ceiling = ceiling(source, overrides, billing)?;
    record.restored = Some(restored);
    record.settled.on_demand = (billing == Billing::PayPerRequest).then_some(now);
    model::check_quotas(&record)?;
    Ok(record)
}

/// The new table's ceiling: the source's, where both are on demand, but for what is given.
fn ceiling(source: &TableRecord, overrides: &Overrides<'_>, billing: Billing) -> Result<Ceiling, Invalid> {
    let present = if billing == Billing::PayPerRequest { source.ceiling } else { Ceiling::default() };
    let Some(given) = overrides.on_demand else { return Ok(present) };
    let members = [
        ("MaxReadRequestUnits", given.max_read_request_units),
        ("MaxWriteRequestUnits", given.max_write_request_units),
    ];
    for (member, value) in members {
        if value.is_some() && billing != Billing::PayPerRequest {
            return Err(Invalid::new(format!(
                "Invalid Request: Cannot override {member} for OnDemandThroughput unless BillingModeOverride is \
                 PAY_PER_REQUEST"
            )));
        }
        if value.is_some_and(|value| value < 1) {
            return Err(Invalid::new(format!(
                "Invalid Request: Requested {member} for OnDemandThroughput is outside of valid range"
            )));
        }
    }
    Ok(Ceiling {
        read: given.max_read_request_units.or(present.read),
        write: given.max_write_request_units.or(present.write),
    })
}

fn billing(source: Billing, overrides: &Overrides<'_>) -> Result<Billing, Invalid> {
    match (overrides.mode, source, overrides.units) {
        (Some("PROVISIONED"), _, None) => Err(Invalid::new(
            "Invalid Request: Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
        )),
        (Some(mode), _, units) => model::billing(Some(mode), units),
        (None, source, None) => Ok(source),
        (None, Billing::PayPerRequest, units) => model::billing(Some("PAY_PER_REQUEST"), units),
        (None, Billing::Provisioned { .. }, units) => model::billing(Some("PROVISIONED"), units),
    }
}

fn indexes(
    source: &TableRecord,
    overrides: &Overrides<'_>,
    billing: Billing,
) -> Result<Vec<IndexRecord>, Invalid> {
    // An empty list leaves out what the source had.
    let given = api::CreateTableInput {
        attribute_definitions: Some(definitions(source)),
        global_secondary_indexes: overrides.global.filter(|list| !list.is_empty()).cloned(),
        local_secondary_indexes: overrides.local.filter(|list| !list.is_empty()).cloned(),
        ..api::CreateTableInput::default()
    };
    let mut indexes = model::indexes(&given, &source.schema, billing)?;
    for index in &indexes {
        let is_known = source.indexes.iter().any(|known| {
            (known.kind, &known.schema, &known.projected) == (index.kind, &index.schema, &index.projected)
        });
        if !is_known {
            return Err(Invalid::new(format!(
                "Invalid Request: Index {} does not match a secondary index that existed in the source table and cannot \
                 be created during the restore operation",
                index.name
            )));
        }
    }
    for known in &source.indexes {
        let is_overridden = match known.kind {
            IndexKind::Global => overrides.global.is_some(),
            IndexKind::Local => overrides.local.is_some(),
        };
        if is_overridden {
            continue;
        }
        let is_global = known.kind == IndexKind::Global;
        if is_global && overrides.mode == Some("PROVISIONED") {
            return Err(Invalid::new(format!(
                "Invalid Request: Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED for \
                 index {}",
                known.name
            )));
        }
        let units = known.units.filter(|_| billing != Billing::PayPerRequest);
        let is_on_demand = billing == Billing::PayPerRequest;
        indexes.push(IndexRecord {
            id: 0,
            units,
            ceiling: if is_on_demand { known.ceiling } else { Ceiling::default() },
            warm: Warm::default(),
            state: IndexState::Active,
            changes: UnitChanges::default(),
            ..known.clone()
        });
    }
    Ok(indexes)
}
