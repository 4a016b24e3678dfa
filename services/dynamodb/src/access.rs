//! What each operation asks leave for: the action, the table, and the condition keys of fine-grained policies.
//!
//! Whether a table exists is never told here: without one, its policy, its tags and its leading keys are absent, and
//! the decision is taken on the ARN alone.

pub(crate) mod backups;
mod fine;
pub(crate) mod partiql;
pub(crate) mod streams;

use std::sync::Arc;

use protocol::{Entries, Value};
use service::{Access, AccessRequest, Internal};

use crate::State;
use crate::api;
use crate::attribute::attributes_from_entries;
use crate::error::Error;
use crate::expression::KeyCondition;
use crate::expression::key_condition::KeyTest;
use crate::key::KeySchema;
use crate::operations::transactions::not_one;
use crate::records::{TABLES, TableRecord};
use crate::request::{Expressions, HoldsExpressions};
use crate::tables::{Table, Target};
use fine::{Fine, Partitions, returned, selection};
use streams::stream_access;

type Answer = Result<Access, Error>;

/// Leave for an action on a table that may or may not exist.
fn table_access<I>(
    state: &State,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    table: &str,
) -> Result<(Access, Option<Arc<Table>>), Error> {
    let target = Target::parse(table, request.account, request.region)?;
    Ok(target_access(state, request, action, &target, None))
}

/// Leave for an action on a table itself, by its record.
fn stored_access<I>(request: &AccessRequest<'_, I>, action: &'static str, target: &Target) -> Answer {
    let access = Access::to(action, target.arn()).owned_by(target.account);
    let Some(stored) = request.records.read(TABLES, &target.key())? else { return Ok(access) };
    let table = Table::new(TableRecord::decode(&stored).map_err(Internal::new)?)?;
    let tags = table.record.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    Ok(access.resource_policy(table.policy.clone()).resource_tags(tags))
}

fn target_access<I>(
    state: &State,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    target: &Target,
    index: Option<&str>,
) -> (Access, Option<Arc<Table>>) {
    let mut resource = target.arn();
    if let Some(index) = index {
        resource = format!("{resource}/index/{index}");
    }
    let table = request.sees(target.account).then(|| state.tables.find(target)).flatten();
    let access = Access::to(action, resource).owned_by(target.account);
    let access = match &table {
        Some(table) => access
            .resource_policy(table.policy.clone())
            .resource_tags(table.record.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
        None => access,
    };
    (access, table)
}

/// An access function for operations that name one table and no items.
macro_rules! table_operations {
    ($($name:ident($input:ty, $action:literal);)*) => {$(
        pub(crate) fn $name(_: &State, request: &AccessRequest<'_, $input>) -> Answer {
            let target = Target::parse(&request.input.table_name, request.account, request.region)?;
            stored_access(request, $action, &target)
        }
    )*};
}

table_operations! {
    delete_table(api::DeleteTableInput, "dynamodb:DeleteTable");
    describe_table(api::DescribeTableInput, "dynamodb:DescribeTable");
    update_table(api::UpdateTableInput, "dynamodb:UpdateTable");
    describe_time_to_live(api::DescribeTimeToLiveInput, "dynamodb:DescribeTimeToLive");
    update_time_to_live(api::UpdateTimeToLiveInput, "dynamodb:UpdateTimeToLive");
    describe_continuous_backups(api::DescribeContinuousBackupsInput, "dynamodb:DescribeContinuousBackups");
    update_continuous_backups(api::UpdateContinuousBackupsInput, "dynamodb:UpdateContinuousBackups");
    create_backup(api::CreateBackupInput, "dynamodb:CreateBackup");
}

/// An access function for operations that name a table by its ARN.
macro_rules! resource_operations {
    ($($name:ident($input:ty, $action:literal);)*) => {$(
        pub(crate) fn $name(_: &State, request: &AccessRequest<'_, $input>) -> Answer {
            let target = Target::of_arn(&request.input.resource_arn, request.region)?;
            stored_access(request, $action, &target)
        }
    )*};
}

resource_operations! {
    untag_resource_target(api::UntagResourceInput, "dynamodb:UntagResource");
    list_tags_of_resource(api::ListTagsOfResourceInput, "dynamodb:ListTagsOfResource");
}

/// An access function for operations on the policy of a table or a stream.
macro_rules! policy_operations {
    ($($name:ident($input:ty, $action:literal);)*) => {$(
        pub(crate) fn $name(state: &State, request: &AccessRequest<'_, $input>) -> Answer {
            let arn = &request.input.resource_arn;
            if arn.contains("/stream/") {
                return Ok(stream_access(state, request, $action, arn)?);
            }
            stored_access(request, $action, &Target::of_arn(arn, request.region)?)
        }
    )*};
}

policy_operations! {
    get_resource_policy(api::GetResourcePolicyInput, "dynamodb:GetResourcePolicy");
    put_resource_policy(api::PutResourcePolicyInput, "dynamodb:PutResourcePolicy");
    delete_resource_policy(api::DeleteResourcePolicyInput, "dynamodb:DeleteResourcePolicy");
}

pub(crate) fn untag_resource(state: &State, request: &AccessRequest<'_, api::UntagResourceInput>) -> Answer {
    Ok(untag_resource_target(state, request)?.when("aws:TagKeys", &request.input.tag_keys))
}

pub(crate) fn tag_resource(_: &State, request: &AccessRequest<'_, api::TagResourceInput>) -> Answer {
    let target = Target::of_arn(&request.input.resource_arn, request.region)?;
    let access = stored_access(request, "dynamodb:TagResource", &target)?;
    Ok(access.request_tags(request.input.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))))
}

pub(crate) fn create_table(_: &State, request: &AccessRequest<'_, api::CreateTableInput>) -> Answer {
    let input = request.input;
    let target = Target::parse(&input.table_name, request.account, request.region)?;
    let tags = || input.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    // A table that does not exist yet has no policy and no tags: one of the same name lends it none.
    let new = |action| Access::to(action, target.arn()).owned_by(target.account).request_tags(tags());
    let mut access = new("dynamodb:CreateTable");
    if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        access = access.and(new("dynamodb:TagResource"));
    }
    if input.resource_policy.is_some() {
        access = access.and(new("dynamodb:PutResourcePolicy"));
    }
    Ok(access)
}

pub(crate) fn list_tables(_: &State, _: &AccessRequest<'_, api::ListTablesInput>) -> Answer {
    Ok(Access::to("dynamodb:ListTables", "*"))
}

pub(crate) fn describe_limits(_: &State, _: &AccessRequest<'_, api::DescribeLimitsInput>) -> Answer {
    Ok(Access::to("dynamodb:DescribeLimits", "*"))
}

pub(crate) fn describe_endpoints(_: &State, _: &AccessRequest<'_, api::DescribeEndpointsRequest>) -> Answer {
    Ok(Access::to("dynamodb:DescribeEndpoints", "*"))
}

pub(crate) fn get_item(state: &State, request: &AccessRequest<'_, api::GetItemInput>) -> Answer {
    let input = request.input;
    let expressions = input.expressions()?;
    let (access, table) = table_access(state, request, "dynamodb:GetItem", &input.table_name)?;
    let fine = Fine {
        keys: vec![&input.key],
        attributes: expressions.attributes(),
        select: selection(expressions.projection.is_some()),
        return_consumed_capacity: input.return_consumed_capacity.as_deref(),
        ..Fine::default()
    };
    Ok(fine.add_to(access, table.as_deref()))
}

pub(crate) fn put_item(state: &State, request: &AccessRequest<'_, api::PutItemInput>) -> Answer {
    let input = request.input;
    let (access, table) = table_access(state, request, "dynamodb:PutItem", &input.table_name)?;
    let fine = Fine {
        keys: vec![&input.item],
        attributes: input.expressions()?.attributes(),
        return_values: returned(
            input.return_values.as_deref(),
            input.return_values_on_condition_check_failure.as_deref(),
        ),
        return_consumed_capacity: input.return_consumed_capacity.as_deref(),
        ..Fine::default()
    };
    Ok(fine.add_to(access, table.as_deref()))
}

pub(crate) fn update_item(state: &State, request: &AccessRequest<'_, api::UpdateItemInput>) -> Answer {
    let input = request.input;
    let (access, table) = table_access(state, request, "dynamodb:UpdateItem", &input.table_name)?;
    let fine = Fine {
        keys: vec![&input.key],
        attributes: input.expressions()?.attributes(),
        return_values: returned(
            input.return_values.as_deref(),
            input.return_values_on_condition_check_failure.as_deref(),
        ),
        return_consumed_capacity: input.return_consumed_capacity.as_deref(),
        ..Fine::default()
    };
    Ok(fine.add_to(access, table.as_deref()))
}

pub(crate) fn delete_item(state: &State, request: &AccessRequest<'_, api::DeleteItemInput>) -> Answer {
    let input = request.input;
    let (access, table) = table_access(state, request, "dynamodb:DeleteItem", &input.table_name)?;
    let fine = Fine {
        keys: vec![&input.key],
        attributes: input.expressions()?.attributes(),
        return_values: returned(
            input.return_values.as_deref(),
            input.return_values_on_condition_check_failure.as_deref(),
        ),
        return_consumed_capacity: input.return_consumed_capacity.as_deref(),
        ..Fine::default()
    };
    Ok(fine.add_to(access, table.as_deref()))
}

pub(crate) fn query(state: &State, request: &AccessRequest<'_, api::QueryInput>) -> Answer {
    let input = request.input;
    let expressions = input.expressions()?;
    let target = Target::parse(&input.table_name, request.account, request.region)?;
    let (access, table) =
        target_access(state, request, "dynamodb:Query", &target, input.index_name.as_deref());
    let schema = table.as_deref().and_then(|table| searched(table, input.index_name.as_deref()));
    let partitions = expressions.key_condition.as_ref().zip(schema).map(partitions_of);
    let fine = Fine {
        partitions: partitions.unwrap_or_default(),
        attributes: expressions.attributes(),
        select: input.select.as_deref().or(page_selection(&expressions, input.index_name.is_some())),
        return_consumed_capacity: input.return_consumed_capacity.as_deref(),
        ..Fine::default()
    };
    Ok(fine.add_to(access, table.as_deref()))
}

/// The keys of what a query searches.
fn searched<'a>(table: &'a Table, index: Option<&str>) -> Option<&'a KeySchema> {
    Some(match index {
        None => &table.record.schema,
        Some(name) => &table.record.index(name)?.schema,
    })
}

fn partitions_of((condition, schema): (&KeyCondition, &KeySchema)) -> Partitions {
    let mut partitions = Partitions::default();
    partitions.add(schema, |name| match condition.test(name) {
        Some(KeyTest::Equal(value)) => Some(value),
        _ => None,
    });
    partitions
}

pub(crate) fn scan(state: &State, request: &AccessRequest<'_, api::ScanInput>) -> Answer {
    let input = request.input;
    let expressions = input.expressions()?;
    let target = Target::parse(&input.table_name, request.account, request.region)?;
    let (access, table) =
        target_access(state, request, "dynamodb:Scan", &target, input.index_name.as_deref());
    let fine = Fine {
        attributes: expressions.attributes(),
        select: input.select.as_deref().or(page_selection(&expressions, input.index_name.is_some())),
        return_consumed_capacity: input.return_consumed_capacity.as_deref(),
        ..Fine::default()
    };
    Ok(fine.add_to(access, table.as_deref()))
}

/// What a page selects where the request does not say it.
const fn page_selection(expressions: &Expressions, has_index: bool) -> Option<&'static str> {
    match (expressions.projection.is_some(), has_index) {
        (false, true) => Some("ALL_PROJECTED_ATTRIBUTES"),
        (is_projected, _) => selection(is_projected),
    }
}

/// All of several checks; a request without any is refused before it gets here.
fn all(checks: impl IntoIterator<Item = Answer>) -> Answer {
    let mut joined: Option<Access> = None;
    for check in checks {
        let check = check?;
        joined = Some(match joined {
            Some(access) => access.and(check),
            None => check,
        });
    }
    joined.ok_or_else(|| Error::Validation("The request names no table".to_owned()))
}

pub(crate) fn batch_get_item(state: &State, request: &AccessRequest<'_, api::BatchGetItemInput>) -> Answer {
    all(request.input.request_items.iter().map(|(name, wanted)| {
        let expressions = wanted.expressions()?;
        let (access, table) = table_access(state, request, "dynamodb:BatchGetItem", name)?;
        let fine = Fine {
            keys: wanted.keys.iter().collect(),
            attributes: expressions.attributes(),
            select: selection(expressions.projection.is_some()),
            return_consumed_capacity: request.input.return_consumed_capacity.as_deref(),
            ..Fine::default()
        };
        Ok(fine.add_to(access, table.as_deref()))
    }))
}

pub(crate) fn batch_write_item(
    state: &State,
    request: &AccessRequest<'_, api::BatchWriteItemInput>,
) -> Answer {
    all(request.input.request_items.iter().map(|(name, writes)| {
        let (access, table) = table_access(state, request, "dynamodb:BatchWriteItem", name)?;
        let puts = writes.iter().filter_map(|write| write.put_request.as_ref()).map(|put| &put.item);
        let deletes =
            writes.iter().filter_map(|write| write.delete_request.as_ref()).map(|delete| &delete.key);
        let fine = Fine {
            keys: puts.chain(deletes).collect(),
            return_consumed_capacity: request.input.return_consumed_capacity.as_deref(),
            ..Fine::default()
        };
        Ok(fine.add_to(access, table.as_deref()))
    }))
}

pub(crate) fn transact_get_items(
    state: &State,
    request: &AccessRequest<'_, api::TransactGetItemsInput>,
) -> Answer {
    all(request.input.transact_items.iter().map(|item| {
        let get = &item.get;
        let expressions = get.expressions()?;
        let (access, table) = table_access(state, request, "dynamodb:GetItem", &get.table_name)?;
        let fine = Fine {
            keys: vec![&get.key],
            attributes: expressions.attributes(),
            select: selection(expressions.projection.is_some()),
            enclosing_operation: Some("TransactGetItems"),
            ..Fine::default()
        };
        Ok(fine.add_to(access, table.as_deref()))
    }))
}

pub(crate) fn transact_write_items(
    state: &State,
    request: &AccessRequest<'_, api::TransactWriteItemsInput>,
) -> Answer {
    let check = |action, table: &str, key, expressions: &dyn Fn() -> _, on_failure: Option<&str>| -> Answer {
        let expressions: Expressions = expressions()?;
        let (access, table) = table_access(state, request, action, table)?;
        let fine = Fine {
            keys: vec![key],
            attributes: expressions.attributes(),
            return_values: returned(None, on_failure),
            enclosing_operation: Some("TransactWriteItems"),
            ..Fine::default()
        };
        Ok(fine.add_to(access, table.as_deref()))
    };
    if let Some(error) = request.input.transact_items.iter().find_map(not_one) {
        return Err(error);
    }
    all(request.input.transact_items.iter().flat_map(|item| {
        let checked = item.condition_check.as_ref().map(|it| {
            let on_failure = it.return_values_on_condition_check_failure.as_deref();
            check("dynamodb:ConditionCheckItem", &it.table_name, &it.key, &|| it.expressions(), on_failure)
        });
        let put = item.put.as_ref().map(|it| {
            let on_failure = it.return_values_on_condition_check_failure.as_deref();
            check("dynamodb:PutItem", &it.table_name, &it.item, &|| it.expressions(), on_failure)
        });
        let deleted = item.delete.as_ref().map(|it| {
            let on_failure = it.return_values_on_condition_check_failure.as_deref();
            check("dynamodb:DeleteItem", &it.table_name, &it.key, &|| it.expressions(), on_failure)
        });
        let updated = item.update.as_ref().map(|it| {
            let on_failure = it.return_values_on_condition_check_failure.as_deref();
            check("dynamodb:UpdateItem", &it.table_name, &it.key, &|| it.expressions(), on_failure)
        });
        [checked, put, deleted, updated].into_iter().flatten()
    }))
}

/// A key or an item from a request, checked. Here, so that access functions and handlers agree on it.
pub(crate) fn attributes(entries: Entries<Value>) -> Result<crate::attribute::Attributes, Error> {
    Ok(attributes_from_entries(entries)?)
}
