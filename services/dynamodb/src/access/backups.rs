//! What operations on backups and restores ask leave for.
//!
//! A restore writes a whole table: it needs leave for that on the new table, as well as for reading what it restores.

use service::{Access, AccessRequest};

use super::{Answer, stored_access};
use crate::State;
use crate::api;
use crate::operations::restore::source_of;
use crate::records::BackupPlace;
use crate::tables::Target;

/// What a restore does to the new table, besides making it.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>
const RESTORED_BY: [&str; 7] = [
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
];

fn of_backup(action: &'static str, place: &BackupPlace) -> Access {
    Access::to(action, place.arn()).owned_by(place.account)
}

pub(crate) fn describe_backup(_: &State, request: &AccessRequest<'_, api::DescribeBackupInput>) -> Answer {
    let place = BackupPlace::of_arn(&request.input.backup_arn, request.region)?;
    Ok(of_backup("dynamodb:DescribeBackup", &place))
}

pub(crate) fn delete_backup(_: &State, request: &AccessRequest<'_, api::DeleteBackupInput>) -> Answer {
    let place = BackupPlace::of_arn(&request.input.backup_arn, request.region)?;
    Ok(of_backup("dynamodb:DeleteBackup", &place))
}

pub(crate) fn list_backups(_: &State, _: &AccessRequest<'_, api::ListBackupsInput>) -> Answer {
    Ok(Access::to("dynamodb:ListBackups", "*"))
}

/// Leave to make a table of this name by a restore. There is no table yet, so nothing lends it a policy or tags.
fn new_table<I>(request: &AccessRequest<'_, I>, action: &'static str, name: &str) -> Answer {
    let target = Target::parse(name, request.account, request.region)?;
    let leave = |action| Access::to(action, target.arn()).owned_by(target.account);
    Ok(RESTORED_BY.into_iter().fold(leave(action), |access, action| access.and(leave(action))))
}

pub(crate) fn restore_table_from_backup(
    _: &State,
    request: &AccessRequest<'_, api::RestoreTableFromBackupInput>,
) -> Answer {
    let action = "dynamodb:RestoreTableFromBackup";
    let place = BackupPlace::of_arn(&request.input.backup_arn, request.region)?;
    Ok(of_backup(action, &place).and(new_table(request, action, &request.input.target_table_name)?))
}

pub(crate) fn restore_table_to_point_in_time(
    _: &State,
    request: &AccessRequest<'_, api::RestoreTableToPointInTimeInput>,
) -> Answer {
    let action = "dynamodb:RestoreTableToPointInTime";
    let source = source_of(request.input, request.account, request.region)?;
    let access = stored_access(request, action, &source)?;
    Ok(access.and(new_table(request, action, &request.input.target_table_name)?))
}
