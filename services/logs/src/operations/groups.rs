//! Groups: create, delete, describe, list, protect.

use std::sync::Arc;

use service::{Call, Permit, View};
use store::{Key, Range};

use crate::Logs;
use crate::api::{
    CreateLogGroup, DeleteLogGroup, DescribeLogGroups, DescribeLogGroupsRequest, DescribeLogGroupsResponse,
    ListLogGroups, ListLogGroupsResponse, LogGroup, LogGroupSummary, PutLogGroupDeletionProtection,
};
use crate::error::Error;
use crate::model::{GroupName, TAGS_MAX, check_tags};
use crate::operations::{named, own};
use crate::records::{self, DOOMED, GROUPS, GroupRecord};

const STANDARD: &str = "STANDARD";
const PAGE_GROUPS_MAX: i64 = 50;
/// How many groups one call looks at before it answers a short page.
const EXAMINED_GROUPS_MAX: usize = 10_000;

pub(crate) async fn create(_: Arc<Logs>, permit: Permit<CreateLogGroup>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    if input.kms_key_id.is_some() {
        return Err(Error::invalid("kmsKeyId is not supported yet: log groups are sealed by the platform."));
    }
    if input.log_group_name.starts_with("aws/") {
        return Err(Error::invalid("Log groups starting with aws/ are reserved for AWS."));
    }
    let tags = input.tags.unwrap_or_default();
    check_tags(tags.iter().map(|(key, value)| (key, value.as_str())))?;
    if tags.len() > TAGS_MAX {
        return Err(Error::invalid(format!("A log group has at most {TAGS_MAX} tags.")));
    }
    let group = own(&call, &input.log_group_name);
    let record = GroupRecord {
        v: 1,
        id: crypto::random::base32(20),
        created: call.now().millis(),
        retention_days: None,
        class: input.log_group_class.unwrap_or_else(|| STANDARD.to_owned()),
        protected: input.deletion_protection_enabled.unwrap_or(false),
        tags: tags.into_iter().chain(call.marks()).collect(),
    };
    let stored = records::encode(&record)?;
    call.transact(|transaction| {
        if records::find_group(transaction, &group)?.is_some() {
            return Err(Error::ResourceAlreadyExists("The specified log group already exists".to_owned()));
        }
        Ok(transaction.put(GROUPS, records::group_key(&group), stored)?)
    })
    .await
}

pub(crate) async fn delete(_: Arc<Logs>, permit: Permit<DeleteLogGroup>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let group = own(&call, &input.log_group_name);
    call.transact(|transaction| {
        let record = records::group(transaction, &group)?;
        if record.protected {
            return Err(Error::Validation(format!(
                "Log group {} has deletion protection enabled and cannot be deleted.",
                group.name
            )));
        }
        transaction.delete(GROUPS, records::group_key(&group))?;
        // Streams and events are out of reach with their group's id; the background job deletes them.
        Ok(transaction.put(DOOMED, crate::jobs::doomed_group(&record.id), Vec::new())?)
    })
    .await
}

pub(crate) async fn protect(
    _: Arc<Logs>,
    permit: Permit<PutLogGroupDeletionProtection>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let group = named(&call, None, Some(&input.log_group_identifier))?;
    change(&call, &group, |record| {
        record.protected = input.deletion_protection_enabled;
        Ok(())
    })
    .await
}

/// Changes a group's record in a transaction.
pub(crate) async fn change(
    call: &Call,
    group: &GroupName,
    change: impl FnOnce(&mut GroupRecord) -> Result<(), Error> + Send,
) -> Result<(), Error> {
    call.transact(|transaction| {
        let mut record = records::group(transaction, group)?;
        change(&mut record)?;
        Ok(transaction.put(GROUPS, records::group_key(group), records::encode(&record)?)?)
    })
    .await
}

pub(crate) async fn describe(
    _: Arc<Logs>,
    permit: Permit<DescribeLogGroups>,
) -> Result<DescribeLogGroupsResponse, Error> {
    let Permit { input, call, .. } = permit;
    refuse_linked(input.include_linked_accounts, input.account_identifiers.as_ref())?;
    let (wanted, view) = (Wanted::of(&call, &input)?, call.view()?);
    let limit = input.limit.unwrap_or(PAGE_GROUPS_MAX);
    let found = wanted.find(&view, &call, limit, input.next_token.as_deref())?;
    let shown = |(group, record): (GroupName, GroupRecord)| -> Result<LogGroup, Error> {
        let size = records::size(&view, &record.id)?;
        Ok(show(&group, record, size))
    };
    Ok(DescribeLogGroupsResponse {
        log_groups: Some(found.groups.into_iter().map(shown).collect::<Result<_, _>>()?),
        next_token: found.next_token,
    })
}

pub(crate) async fn list(
    _: Arc<Logs>,
    permit: Permit<ListLogGroups>,
) -> Result<ListLogGroupsResponse, Error> {
    let Permit { input, call, .. } = permit;
    refuse_linked(input.include_linked_accounts, input.account_identifiers.as_ref())?;
    let unsupported = [
        ("dataSources", input.data_sources.is_some()),
        ("fieldIndexNames", input.field_index_names.is_some()),
        ("logGroupTags", input.log_group_tags.is_some()),
    ];
    if let Some((name, _)) = unsupported.iter().find(|(_, given)| *given) {
        return Err(Error::invalid(format!("{name} is not supported yet.")));
    }
    let pattern = input.log_group_name_pattern.map(|pattern| NamePattern::parse(&pattern));
    let wanted = Wanted { pattern, class: input.log_group_class, ..Wanted::default() };
    let view = call.view()?;
    let limit = input.limit.unwrap_or(PAGE_GROUPS_MAX);
    let found = wanted.find(&view, &call, limit, input.next_token.as_deref())?;
    let shown = |(group, record): (GroupName, GroupRecord)| LogGroupSummary {
        log_group_arn: Some(group.arn()),
        log_group_name: Some(group.name),
        log_group_class: Some(record.class),
    };
    Ok(ListLogGroupsResponse {
        log_groups: Some(found.groups.into_iter().map(shown).collect()),
        next_token: found.next_token,
    })
}

fn refuse_linked(linked: Option<bool>, accounts: Option<&Vec<String>>) -> Result<(), Error> {
    if linked == Some(true) || accounts.is_some() {
        return Err(Error::invalid(
            "This account is not a monitoring account: linked accounts cannot be listed.",
        ));
    }
    Ok(())
}

/// Which groups a listing shows.
#[derive(Default)]
struct Wanted {
    prefix: String,
    contains: Option<String>,
    pattern: Option<NamePattern>,
    class: Option<String>,
    names: Option<Vec<String>>,
}

struct Found {
    groups: Vec<(GroupName, GroupRecord)>,
    next_token: Option<String>,
}

impl Wanted {
    fn of(call: &Call, input: &DescribeLogGroupsRequest) -> Result<Self, Error> {
        if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
            return Err(Error::invalid(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
            ));
        }
        let names = input.log_group_identifiers.as_ref().map(|identifiers| {
            identifiers.iter().map(|one| named(call, None, Some(one)).map(|group| group.name)).collect()
        });
        Ok(Self {
            prefix: input.log_group_name_prefix.clone().unwrap_or_default(),
            contains: input.log_group_name_pattern.clone(),
            pattern: None,
            class: input.log_group_class.clone(),
            names: names.transpose()?,
        })
    }

    fn shows(&self, name: &str, record: &GroupRecord) -> bool {
        name.starts_with(&self.prefix)
            && self.contains.as_ref().is_none_or(|part| name.contains(part.as_str()))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(name))
            && self.class.as_ref().is_none_or(|class| record.class == *class)
            && self.names.as_ref().is_none_or(|names| names.iter().any(|one| one == name))
    }

    fn find(&self, view: &View, call: &Call, limit: i64, token: Option<&str>) -> Result<Found, Error> {
        let limit = usize::try_from(limit).unwrap_or(1).max(1);
        let own = own(call, "");
        let prefix = records::group_prefix(&own);
        let mut range = Range::prefix(&prefix);
        if !self.prefix.is_empty() {
            range.start = prefix.clone().str_prefix(&self.prefix).into_vec();
        }
        if let Some(token) = token {
            let name = hex::decode(token).ok().and_then(|name| String::from_utf8(name).ok());
            let name = name.ok_or_else(|| Error::invalid("The specified nextToken is invalid."))?;
            range = range.after(prefix.clone().str(&name));
        }
        let mut found = Found { groups: Vec::new(), next_token: None };
        let mut last = None;
        for (examined, entry) in view.snapshot().iter(GROUPS, &range).enumerate() {
            let (key, stored) = entry?;
            let group = GroupName { name: name_of(&prefix, &key)?, ..own.clone() };
            if !self.prefix.is_empty() && !group.name.starts_with(&self.prefix) {
                break;
            }
            if found.groups.len() >= limit || examined >= EXAMINED_GROUPS_MAX {
                found.next_token = last.map(hex::encode);
                break;
            }
            last = Some(group.name.clone());
            let record = records::decode(&stored)?;
            if self.shows(&group.name, &record) {
                found.groups.push((group, record));
            }
        }
        Ok(found)
    }
}

/// The part of a key behind a prefix, as text.
pub(crate) fn name_of(prefix: &Key, key: &[u8]) -> Result<String, Error> {
    let rest = key.get(prefix.as_ref().len()..).unwrap_or_default();
    store::KeyReader::new(rest).str().map_err(|error| service::Internal::new(error).into())
}

/// `ListLogGroups` patterns: parts divided by `|`; one that begins with `^` must stand at the name's start.
struct NamePattern(Vec<(bool, String)>);

impl NamePattern {
    fn parse(text: &str) -> Self {
        let part = |part: &str| match part.strip_prefix('^') {
            Some(start) => (true, start.to_owned()),
            None => (false, part.to_owned()),
        };
        Self(text.split('|').map(part).collect())
    }

    fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|(at_start, part)| {
            if *at_start { name.starts_with(part.as_str()) } else { name.contains(part.as_str()) }
        })
    }
}

fn show(group: &GroupName, record: GroupRecord, size: u64) -> LogGroup {
    LogGroup {
        log_group_name: Some(group.name.clone()),
        creation_time: Some(record.created),
        retention_in_days: record.retention_days.map(i64::from),
        metric_filter_count: Some(0),
        arn: Some(format!("{}:*", group.arn())),
        stored_bytes: Some(i64::try_from(size).unwrap_or(i64::MAX)),
        log_group_class: Some(record.class),
        log_group_arn: Some(group.arn()),
        deletion_protection_enabled: Some(record.protected),
        ..LogGroup::default()
    }
}
