//! Making, describing, listing and deleting backups.
//!
//! A backup holds the table as it is when it is asked for; its items are gathered by a job, while the table changes on.

use std::sync::Arc;

use base::Timestamp;
use service::{Internal, Permit};
use store::{Key, Range, Transaction};

use super::backup_shapes::{description, details, summary};
use super::recovery::keep_history;
use super::tables::next_id;
use crate::State;
use crate::api;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::records::{
    BACKUPS, BackupKind, BackupPlace, BackupRecord, COPIES, CopyPurpose, CopyRecord, DOOMED, LiveSource,
    TableRecord, backups_of,
};
use crate::tables::{Target, save, stored};

/// The most backups of one account.
const BACKUPS_MAX: usize = 10_000;
/// The most copies that are made for one account at one time.
const COPIES_MAX: usize = 50;
/// How long the backup of a deleted table is kept.
const SYSTEM_DAYS: i64 = 35;
/// The most backups on one page.
const PAGE_MAX: usize = 100;

const NOT_FOUND: &str = "Backup not found for the given BackupArn";

/// What operations on backups say of a table that is not there.
pub(crate) fn table_not_found(name: &str) -> Error {
    Error::TableNotFound(format!("Table not found: {name}"))
}

/// What they say of one that is being restored.
pub(crate) fn table_in_use() -> Error {
    Error::TableInUse("Source table is being created, changed or deleted".to_owned())
}

pub(crate) async fn create_backup(
    state: Arc<State>,
    permit: Permit<api::CreateBackup>,
) -> Result<api::CreateBackupOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::parse(&input.table_name, call.account(), call.region())?;
    // Looked up first: its sequence is the one that its writers use.
    let table = state.tables.find(&target).ok_or_else(|| table_not_found(&target.name))?;
    let known = call.store().scan_prefix(BACKUPS, backups_of(target.account, &target.region))?.len();
    if known >= BACKUPS_MAX {
        return Err(Error::LimitExceeded(format!(
            "Subscriber limit exceeded: There is a limit of {BACKUPS_MAX} backups per subscriber"
        )));
    }
    let backup = call
        .transact(|transaction| {
            let mut record = stored(transaction, &target)?
                .filter(|record| record.id == table.record.id)
                .ok_or_else(|| table_not_found(&target.name))?;
            if record.is_restoring() {
                return Err(table_in_use());
            }
            let items = next_id(transaction)?;
            let mut kept = record.clone();
            kept.history = None;
            let last = table.sequence.next(call.now());
            let live = keep_for_copy(transaction, &mut record, last)?;
            let backup =
                BackupRecord::new(items, input.backup_name.clone(), BackupKind::User, kept, call.now());
            put(transaction, &backup)?;
            call.made(&backup.place().arn());
            let purpose = CopyPurpose::Backup(backup.place());
            begin_copy(transaction, &state, items, &CopyRecord::new(record.id, Some(live), purpose))?;
            save(transaction, &state, record)?;
            Ok(backup)
        })
        .await?;
    Ok(api::CreateBackupOutput { backup_details: Some(details(&backup)) })
}

/// Lets a table keep its changes until a copy of it is made.
pub(crate) fn keep_for_copy(
    transaction: &mut Transaction<'_>,
    record: &mut TableRecord,
    last: u64,
) -> Result<LiveSource, Error> {
    let history = keep_history(transaction, record)?;
    history.copies = history.copies.saturating_add(1);
    let history = history.id;
    Ok(LiveSource { table: record.name.clone(), history, last })
}

/// Asks for items to be copied.
pub(crate) fn begin_copy(
    transaction: &mut Transaction<'_>,
    state: &Arc<State>,
    to: u64,
    copy: &CopyRecord,
) -> Result<(), Error> {
    let mut own = 0;
    for (_, bytes) in transaction.scan(COPIES, &Range::all())? {
        let other = CopyRecord::decode(&bytes).map_err(Internal::new)?;
        own += usize::from(other.account() == copy.account());
    }
    if own >= COPIES_MAX {
        return Err(Error::LimitExceeded(format!(
            "Subscriber limit exceeded: There is a limit of {COPIES_MAX} concurrent backups and restores"
        )));
    }
    transaction.put(COPIES, Key::new().u64(to), copy.encode().map_err(Internal::new)?)?;
    let ringing = Arc::clone(state);
    transaction.after_commit(move || ringing.copies.notify_one());
    Ok(())
}

fn put(transaction: &mut Transaction<'_>, backup: &BackupRecord) -> Result<(), Error> {
    let bytes = backup.encode().map_err(Internal::new)?;
    Ok(transaction.put(BACKUPS, backup.place().key(), bytes)?)
}

/// Where the past of a deleted table was kept, its last state stays as a backup: its items are that backup's from now on.
/// True where they are.
pub(crate) fn keep_at_deletion(
    transaction: &mut Transaction<'_>,
    state: &State,
    target: &Target,
    record: &TableRecord,
    now: Timestamp,
) -> Result<bool, Error> {
    if record.history.as_ref().is_none_or(|history| history.recovery.is_none()) {
        return Ok(false);
    }
    let mut kept = record.clone();
    kept.history = None;
    let name = format!("{}$DeletedTableBackup", record.name);
    let mut backup = BackupRecord::new(record.id, name, BackupKind::System, kept, now);
    backup.is_complete = true;
    backup.expires = Some(now.plus_secs(SYSTEM_DAYS * 24 * 3_600));
    if let Some(table) = state.tables.find(target) {
        backup.count = table.counts.items();
        backup.bytes = table.counts.bytes();
    }
    put(transaction, &backup)?;
    Ok(true)
}

/// The backup as the transaction sees it.
pub(crate) fn stored_backup(
    transaction: &Transaction<'_>,
    place: &BackupPlace,
    now: Timestamp,
) -> Result<BackupRecord, Error> {
    read(transaction.get(BACKUPS, place.key())?.as_deref(), now)
}

fn read(bytes: Option<&[u8]>, now: Timestamp) -> Result<BackupRecord, Error> {
    let not_found = || Error::BackupNotFound(NOT_FOUND.to_owned());
    let backup = BackupRecord::decode(bytes.ok_or_else(not_found)?).map_err(Internal::new)?;
    if backup.expires.is_some_and(|expires| expires <= now) { Err(not_found()) } else { Ok(backup) }
}

pub(crate) async fn describe_backup(
    _: Arc<State>,
    permit: Permit<api::DescribeBackup>,
) -> Result<api::DescribeBackupOutput, Error> {
    let Permit { input, call, .. } = permit;
    let place = BackupPlace::of_arn(&input.backup_arn, call.region())?;
    let backup = read(call.store().get(BACKUPS, place.key())?.as_deref(), call.now())?;
    Ok(api::DescribeBackupOutput { backup_description: Some(description(&backup)) })
}

pub(crate) async fn delete_backup(
    state: Arc<State>,
    permit: Permit<api::DeleteBackup>,
) -> Result<api::DeleteBackupOutput, Error> {
    let Permit { input, call, .. } = permit;
    let place = BackupPlace::of_arn(&input.backup_arn, call.region())?;
    let backup = call
        .transact(|transaction| {
            let backup = stored_backup(transaction, &place, call.now())?;
            if backup.kind == BackupKind::System {
                let expires = backup.expires.map(Timestamp::iso8601_millis).unwrap_or_default();
                return Err(Error::Validation(format!(
                    "User is not allowed to delete the system backup; it will automatically expire on {expires}"
                )));
            }
            if !backup.is_complete {
                return Err(Error::BackupInUse("Backup is being created".to_owned()));
            }
            for (_, bytes) in transaction.scan(COPIES, &Range::all())? {
                if CopyRecord::decode(&bytes).map_err(Internal::new)?.source == backup.items {
                    return Err(Error::BackupInUse("Backup is being restored".to_owned()));
                }
            }
            transaction.delete(BACKUPS, place.key())?;
            transaction.put(DOOMED, Key::new().u64(backup.items), Vec::new())?;
            let ringing = Arc::clone(&state);
            transaction.after_commit(move || ringing.sweep.notify_one());
            Ok(backup)
        })
        .await?;
    let mut described = description(&backup);
    if let Some(details) = &mut described.backup_details {
        details.backup_status = "DELETED".to_owned();
    }
    Ok(api::DeleteBackupOutput { backup_description: Some(described) })
}

pub(crate) async fn list_backups(
    _: Arc<State>,
    permit: Permit<api::ListBackups>,
) -> Result<api::ListBackupsOutput, Error> {
    let Permit { input, call, .. } = permit;
    let (lower, upper) = (input.time_range_lower_bound, input.time_range_upper_bound);
    if lower.zip(upper).is_some_and(|(lower, upper)| lower > upper) {
        return Err(
            Invalid::parameter("Time range lower bound must be less than or equal to upper bound").into()
        );
    }
    let limit =
        input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let mut prefix = backups_of(call.account(), call.region());
    if let Some(name) = &input.table_name {
        let target = Target::parse(name, call.account(), call.region())?;
        if target.account != call.account() {
            return Ok(api::ListBackupsOutput::default());
        }
        prefix = prefix.str(&target.name);
    }
    let mut range = Range::prefix(prefix);
    if let Some(start) = &input.exclusive_start_backup_arn {
        range = range.after(BackupPlace::of_arn(start, call.region())?.key());
    }
    let kind = input.backup_type.as_deref().filter(|kind| *kind != "ALL");
    let mut summaries = Vec::new();
    for stored in call.store().snapshot()?.iter(BACKUPS, &range) {
        let backup = BackupRecord::decode(&stored?.1).map_err(Internal::new)?;
        let is_wanted = kind.is_none_or(|kind| kind == backup.kind.name())
            && lower.is_none_or(|lower| lower <= backup.created)
            && upper.is_none_or(|upper| backup.created < upper)
            && backup.expires.is_none_or(|expires| call.now() < expires);
        if !is_wanted {
            continue;
        }
        if summaries.len() >= limit {
            let last = summaries.last().and_then(|last: &api::BackupSummary| last.backup_arn.clone());
            return Ok(api::ListBackupsOutput {
                backup_summaries: Some(summaries),
                last_evaluated_backup_arn: last,
            });
        }
        summaries.push(summary(&backup));
    }
    Ok(api::ListBackupsOutput { backup_summaries: Some(summaries), last_evaluated_backup_arn: None })
}
