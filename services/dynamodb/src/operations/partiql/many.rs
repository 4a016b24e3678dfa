//! Several statements at once: each on its own, or all or nothing.
//!
//! Reads and writes are never mixed, as in DynamoDB.

use std::collections::HashSet;
use std::sync::Arc;

use protocol::{Entries, Value};
use service::{Call, Permit};
use store::Snapshot;

use super::Change;
use crate::State;
use crate::access::partiql::parsed;
use crate::api;
use crate::attribute::Attributes;
use crate::capacity::{Units, Usage, is_wanted, read_units};
use crate::error::Error;
use crate::expression::Projection;
use crate::invalid::Invalid;
use crate::item;
use crate::operations::transactions::{FACTOR, REPEATED, Token, perform_all};
use crate::operations::write::{Refusal, Write};
use crate::partiql::search::whole_key;
use crate::partiql::{Statement, Verb};
use crate::records::ITEMS;
use crate::streams::Occasion;
use crate::tables::Table;
use crate::throughput::Direction;

const MIXED: &str = "Batch request cannot contain both read and write statements";

/// An item read by its whole key.
struct Found {
    item: Option<Entries<Value>>,
    bytes: usize,
}

fn read_one(snapshot: &Snapshot, table: &Table, statement: &Statement) -> Result<Found, Error> {
    let Verb::Select { paths, condition, .. } = &statement.verb else {
        return Err(Error::Validation(MIXED.to_owned()));
    };
    if statement.index.is_some() {
        return Err(Error::Validation("Statements of this operation cannot read an index".to_owned()));
    }
    let schema = &table.record.schema;
    let (key, rest) = whole_key(schema, condition.as_ref())?;
    let stored = snapshot.get(ITEMS, schema.key_of(&key)?.in_table(table.record.id))?;
    let item = stored.map(|bytes| item::decode(&bytes)).transpose()?;
    let bytes = item.as_ref().map_or(0, Attributes::size_bytes);
    let item = item.filter(|item| rest.as_ref().is_none_or(|rest| rest.matches(item)));
    let item = item.map(|item| match paths.is_empty() {
        true => Entries::from(item),
        false => Entries::from(Projection::of(paths).apply(&item)),
    });
    Ok(Found { item, bytes })
}

/// Reads only, or writes only.
fn are_reads(statements: &[Statement], is_read: fn(&Statement) -> bool) -> Result<bool, Invalid> {
    let reads = statements.iter().filter(|statement| is_read(statement)).count();
    match reads {
        0 => Ok(false),
        reads if reads == statements.len() => Ok(true),
        _ => Err(Invalid::new(MIXED)),
    }
}

pub(crate) async fn batch_execute_statement(
    state: Arc<State>,
    permit: Permit<api::BatchExecuteStatement>,
) -> Result<api::BatchExecuteStatementOutput, Error> {
    let Permit { input, call, .. } = permit;
    let mode = input.return_consumed_capacity.as_deref();
    let statements: Result<Vec<Statement>, Error> =
        input.statements.iter().map(|it| parsed(&it.statement, it.parameters.as_ref())).collect();
    let statements = statements?;
    statements.iter().try_for_each(super::check_not_exists)?;
    let mut units = Units::default();
    let responses = if are_reads(&statements, Statement::is_read)? {
        let snapshot = call.store().snapshot()?;
        let mut responses = Vec::with_capacity(statements.len());
        for (statement, request) in statements.iter().zip(&input.statements) {
            let read = state.table(&call, &statement.table).and_then(|table| {
                table.check_read(None, call.now())?;
                let found = read_one(&snapshot, &table, statement)?;
                let consistent = request.consistent_read.unwrap_or(false);
                let usage = Usage::of_table(read_units(found.bytes, consistent));
                table.spend(Direction::Read, &usage, call.now());
                units.add(&table.record.name, &usage);
                Ok((table.record.name.clone(), found.item))
            });
            responses.push(match read {
                Ok((table, item)) => {
                    api::BatchStatementResponse { table_name: Some(table), item, error: None }
                }
                Err(error) => failed(error)?,
            });
        }
        responses
    } else {
        write_each(&state, &call, &input, statements, &mut units).await?
    };
    Ok(api::BatchExecuteStatementOutput {
        responses: Some(responses),
        consumed_capacity: units.consumed(mode),
    })
}

async fn write_each(
    state: &State,
    call: &Call,
    input: &api::BatchExecuteStatementInput,
    statements: Vec<Statement>,
    units: &mut Units,
) -> Result<Vec<api::BatchStatementResponse>, Error> {
    let is_counted = is_wanted(input.return_consumed_capacity.as_deref());
    let mut changes = Vec::with_capacity(statements.len());
    let mut seen = HashSet::new();
    for (statement, request) in statements.into_iter().zip(&input.statements) {
        let change =
            state.table(call, &statement.table).and_then(|table| Ok(Change::of(table, statement.verb)?));
        if let Ok(change) = &change
            && !seen.insert((change.write.table.record.id, change.write.key.clone()))
        {
            return Err(Error::Validation("Duplicated item in the batch request".to_owned()));
        }
        let on_failure = request.return_values_on_condition_check_failure.clone();
        changes.push(change.map(|change| {
            let needs_before = change.returning.is_some() || is_counted;
            let Change { write, returning, changed } = change;
            let write = write.answering_on_failure(on_failure.as_deref()).reading_before(needs_before);
            Change { write, returning, changed }
        }));
    }
    let occasion = Occasion::of_call(call.now());
    let outcomes = call
        .transact(|transaction| {
            let mut outcomes = Vec::with_capacity(changes.len());
            for change in changes {
                outcomes.push(match change {
                    Err(error) => Err(error),
                    Ok(Change { write, returning, changed }) => {
                        let table = write.table.record.name.clone();
                        // A refused write has written nothing: it is refused before its first change.
                        match write.perform(transaction, occasion) {
                            Ok(outcome) => Ok((table, returning, changed, outcome)),
                            Err(Refusal::Error(error @ Error::Internal(_))) => return Err(error),
                            Err(refusal) => Err(Error::from(refusal)),
                        }
                    }
                });
            }
            Ok::<_, Error>(outcomes)
        })
        .await?;
    let mut responses = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        responses.push(match outcome {
            Ok((table, returning, changed, outcome)) => {
                units.add(&table, &outcome.usage);
                let item = Change::answer(returning, changed.as_ref(), outcome);
                api::BatchStatementResponse { table_name: Some(table), item, error: None }
            }
            Err(error) => failed(error)?,
        });
    }
    Ok(responses)
}

/// How a statement's own refusal stands in the answer; what is the platform's fault fails the call.
fn failed(error: Error) -> Result<api::BatchStatementResponse, Error> {
    if matches!(error, Error::Internal(_)) {
        return Err(error);
    }
    let fault = service::error::ServiceError::into_fault(error);
    let code = match fault.code.as_ref() {
        "ConditionalCheckFailedException" => "ConditionalCheckFailed",
        "DuplicateItemException" => "DuplicateItem",
        "ItemCollectionSizeLimitExceededException" => "ItemCollectionSizeLimitExceeded",
        "ProvisionedThroughputExceededException" => "ProvisionedThroughputExceeded",
        "ResourceNotFoundException" => "ResourceNotFound",
        _ => "ValidationError",
    };
    Ok(api::BatchStatementResponse {
        error: Some(api::BatchStatementError {
            code: Some(code.to_owned()),
            message: Some(fault.message),
            ..api::BatchStatementError::default()
        }),
        ..api::BatchStatementResponse::default()
    })
}

const fn answers(statement: &Statement) -> bool {
    matches!(statement.verb, Verb::Select { is_check: false, .. })
}

pub(crate) async fn execute_transaction(
    state: Arc<State>,
    permit: Permit<api::ExecuteTransaction>,
) -> Result<api::ExecuteTransactionOutput, Error> {
    let Permit { input, call, .. } = permit;
    let mode = input.return_consumed_capacity.as_deref();
    let token = input.client_request_token.as_deref();
    let token = token.map(|token| Token::new(&call, token, &input.transact_statements));
    let mut statements = Vec::with_capacity(input.transact_statements.len());
    for statement in &input.transact_statements {
        let on_failure = statement.return_values_on_condition_check_failure.clone();
        statements.push((parsed(&statement.statement, statement.parameters.as_ref())?, on_failure));
    }
    let (statements, on_failure): (Vec<Statement>, Vec<Option<String>>) = statements.into_iter().unzip();
    let mut seen = HashSet::new();
    if are_reads(&statements, answers)? {
        let snapshot = call.store().snapshot()?;
        let mut units = Units::default();
        let mut responses = Vec::with_capacity(statements.len());
        for statement in &statements {
            let table = state.table(&call, &statement.table)?;
            let (key, _) = whole_key(&table.record.schema, statement.condition())?;
            if !seen.insert((table.record.id, table.record.schema.key_of(&key)?)) {
                return Err(Error::Validation(REPEATED.to_owned()));
            }
            table.check_read(None, call.now())?;
            let found = read_one(&snapshot, &table, statement)?;
            let usage = Usage::of_table(FACTOR * read_units(found.bytes, true));
            table.spend(Direction::Read, &usage, call.now());
            units.add(&table.record.name, &usage);
            responses.push(api::ItemResponse { item: found.item });
        }
        return Ok(api::ExecuteTransactionOutput {
            responses: Some(responses),
            consumed_capacity: units.consumed(mode),
        });
    }
    let mut writes: Vec<Write> = Vec::with_capacity(statements.len());
    for (statement, on_failure) in statements.into_iter().zip(on_failure) {
        let table = state.table(&call, &statement.table)?;
        let write = Change::of(table, statement.verb)?.write;
        if !seen.insert((write.table.record.id, write.key.clone())) {
            return Err(Error::Validation(REPEATED.to_owned()));
        }
        writes.push(write.answering_on_failure(on_failure.as_deref()).reading_before(is_wanted(mode)));
    }
    let occasion = Occasion::of_call(call.now());
    let count = writes.len();
    let units = call
        .transact(|transaction| {
            if let Some(token) = &token
                && token.is_repeated(transaction)?
            {
                return Ok(Units::default());
            }
            perform_all(transaction, writes, None, occasion).map(|(units, _)| units)
        })
        .await?;
    let empty = || api::ItemResponse { item: None };
    Ok(api::ExecuteTransactionOutput {
        responses: Some(std::iter::repeat_with(empty).take(count).collect()),
        consumed_capacity: units.consumed(mode),
    })
}
