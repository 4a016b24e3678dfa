//! What PartiQL statements ask leave for: an action of their own, on the table or index, with the keys of what they read.

use protocol::Value;
use service::{Access, AccessRequest};

use super::fine::{Fine, returned, selection};
use super::{Answer, all, target_access};
use crate::State;
use crate::api;
use crate::attribute::AttributeValue;
use crate::error::Error;
use crate::expression::Update;
use crate::partiql::search::search;
use crate::partiql::{Statement, Verb};
use crate::tables::Target;

/// A statement of a request.
///
/// # Errors
/// It is none, or a parameter is not valid.
pub(crate) fn parsed(text: &str, parameters: Option<&Vec<Value>>) -> Result<Statement, Error> {
    let parameters: Result<Vec<_>, _> =
        parameters.into_iter().flatten().cloned().map(AttributeValue::try_from).collect();
    Ok(Statement::parse(text, &parameters?)?)
}

fn statement_access<I>(
    state: &State,
    request: &AccessRequest<'_, I>,
    text: &str,
    parameters: Option<&Vec<Value>>,
    on_failure: Option<&String>,
    enclosing_operation: Option<&'static str>,
) -> Answer {
    let statement = parsed(text, parameters)?;
    let target = Target::parse(&statement.table, request.account, request.region)?;
    let action = match statement.verb {
        Verb::Select { .. } => "dynamodb:PartiQLSelect",
        Verb::Insert(_) => "dynamodb:PartiQLInsert",
        Verb::Update { .. } => "dynamodb:PartiQLUpdate",
        Verb::Delete { .. } => "dynamodb:PartiQLDelete",
    };
    let (access, table) = target_access(state, request, action, &target, statement.index.as_deref());
    let schema = table.as_deref().and_then(|table| match &statement.index {
        None => Some(&table.record.schema),
        Some(index) => table.record.index(index).map(|index| &index.schema),
    });
    let found = schema.map(|schema| search(schema, statement.condition()));
    let mut fine = Fine { enclosing_operation, ..Fine::default() };
    if let Some(found) = &found {
        fine.partitions.add_first(&found.partitions);
    }
    if let Some(condition) = statement.condition() {
        condition.visit_paths(&mut |path| {
            fine.attributes.insert(path.head().to_owned());
        });
    }
    match &statement.verb {
        Verb::Select { paths, .. } => {
            fine.attributes.extend(paths.iter().map(|path| path.head().to_owned()));
            fine.select = match (paths.is_empty(), statement.index.is_some()) {
                (true, true) => Some("ALL_PROJECTED_ATTRIBUTES"),
                (is_whole, _) => selection(!is_whole),
            };
        }
        Verb::Insert(item) => {
            fine.attributes.extend(item.iter().map(|(name, _)| name.clone()));
            let partition = schema.and_then(|schema| {
                item.iter().find(|(name, _)| *name == schema.partition.name).map(|(_, value)| value)
            });
            fine.partitions.add_first(partition);
        }
        Verb::Update { update, returning, .. } => {
            fine.attributes.extend(changed(update));
            fine.return_values = returned(*returning, on_failure.map(String::as_str));
        }
        Verb::Delete { returning, .. } => {
            fine.return_values = returned(*returning, on_failure.map(String::as_str));
        }
    }
    let mut access = fine.add_to(access, table.as_deref());
    if statement.is_read()
        && let Some(found) = &found
    {
        // SECURITY: read from the same plan as the handler's, so that what is called a scan is one.
        access = access.when("dynamodb:FullTableScan", [found.ranges.is_none().to_string()]);
    }
    Ok(access)
}

fn changed(update: &Update) -> Vec<String> {
    let mut names = Vec::new();
    update.visit_paths(&mut |path| names.push(path.head().to_owned()));
    names
}

pub(crate) fn execute_statement(
    state: &State,
    request: &AccessRequest<'_, api::ExecuteStatementInput>,
) -> Answer {
    let input = request.input;
    let on_failure = input.return_values_on_condition_check_failure.as_ref();
    statement_access(state, request, &input.statement, input.parameters.as_ref(), on_failure, None)
}

/// What is asked for each statement, which the handler does one by one, so that the denial of one leaves the others.
// SECURITY: stands here for the record alone; nothing is carried out but what `one_of_batch` gave leave for.
pub(crate) fn batch_execute_statement(
    state: &State,
    request: &AccessRequest<'_, api::BatchExecuteStatementInput>,
) -> Answer {
    let statements = &request.input.statements;
    // What is no statement does nothing that would need leave: it is refused in its place, unless there is nothing else.
    let is_one = |it: &&api::BatchStatementRequest| parsed(&it.statement, it.parameters.as_ref()).is_ok();
    if !statements.iter().any(|statement| is_one(&statement))
        && let Some(first) = statements.first()
    {
        parsed(&first.statement, first.parameters.as_ref())?;
    }
    let checks = all(statements.iter().filter(is_one).map(|one| one_of_batch(state, request, one)))?;
    Ok(Access::open("each statement is asked for by itself, and refused by itself").and(checks))
}

/// Leave for one statement of a batch.
pub(crate) fn one_of_batch<I>(
    state: &State,
    request: &AccessRequest<'_, I>,
    statement: &api::BatchStatementRequest,
) -> Answer {
    let on_failure = statement.return_values_on_condition_check_failure.as_ref();
    let parameters = statement.parameters.as_ref();
    statement_access(
        state,
        request,
        &statement.statement,
        parameters,
        on_failure,
        Some("BatchExecuteStatement"),
    )
}

pub(crate) fn execute_transaction(
    state: &State,
    request: &AccessRequest<'_, api::ExecuteTransactionInput>,
) -> Answer {
    let enclosing = Some("ExecuteTransaction");
    all(request.input.transact_statements.iter().map(|statement| {
        let on_failure = statement.return_values_on_condition_check_failure.as_ref();
        let parameters = statement.parameters.as_ref();
        statement_access(state, request, &statement.statement, parameters, on_failure, enclosing)
    }))
}
