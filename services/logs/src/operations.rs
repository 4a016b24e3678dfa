//! The handlers, a file for each subject.

pub(crate) mod events;
pub(crate) mod filter;
pub(crate) mod groups;
pub(crate) mod retention;
pub(crate) mod streams;
pub(crate) mod tags;

use service::Call;

use crate::error::Error;
use crate::model::GroupName;

/// A group of the call's own account and region.
pub(crate) fn own(call: &Call, name: &str) -> GroupName {
    GroupName::own(call.account(), call.region(), name)
}

/// The group that a name or an identifier stands for. One of another account or region is not found, whatever it is called.
pub(crate) fn named(call: &Call, name: Option<&str>, identifier: Option<&str>) -> Result<GroupName, Error> {
    local(call, GroupName::of(call.account(), call.region(), name, identifier)?)
}

/// The group of an ARN, with the same rule.
pub(crate) fn of_arn(call: &Call, arn: &str) -> Result<GroupName, Error> {
    local(call, GroupName::from_arn(arn)?)
}

fn local(call: &Call, group: GroupName) -> Result<GroupName, Error> {
    if group.account != call.account() || group.region != *call.region() {
        return Err(Error::no_group());
    }
    Ok(group)
}
