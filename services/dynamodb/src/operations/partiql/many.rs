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
use crate::access::partiql::{one_of_batch, parsed};
use crate::api;
use crate::attribute::Attributes;
use crate::capacity::{Units, Usage, is_wanted, read_units};
use crate::error::Error;
use crate::expression::Projection;
use crate::invalid::Invalid;
use crate::item;
use crate::operations::transactions::{FACTOR, Prepared, REPEATED, Token, perform_all, repeated};
use crate::operations::write::Refusal;
use crate::partiql::search::whole_key;
use crate::partiql::{Statement, Verb};
use crate::records::ITEMS;
use crate::streams::Occasion;
use crate::tables::Table;
use crate::throughput::Direction;

const MIXED: &str = "Batch request cannot contain both read and write statements";
const KEYLESS_IN_BATCH: &str =
    "Select statements within BatchExecuteStatement must specify the primary key in the where clause.";
const KEYLESS_IN_TRANSACTION: &str =
    "Select statements within ExecuteTransaction must specify the primary key in the where clause.";

/// What is wrong with one statement of a transaction.
fn in_transaction(at: usize, message: &str) -> Error {
    Error::Validation(format!("Validation failed in TransactStatements[{at}]: {message}"))
}

/// Refuses what transactions do not take of a statement, whatever its table.
fn check_in_transaction(at: usize, statement: &Statement) -> Result<(), Error> {
    match &statement.verb {
        Verb::Update { returning: Some(_), .. } | Verb::Delete { returning: Some(_), .. } => {
            Err(in_transaction(at, "RETURNING clause is not supported in ExecuteTransaction."))
        }
        Verb::Select { is_check: true, .. } if statement.index.is_some() => {
            Err(in_transaction(at, "Operations on indices are not supported in transactions"))
        }
        Verb::Select { .. } if statement.index.is_some() => {
            Err(in_transaction(at, "Reads on indices are not supported within transactions."))
        }
        _ => Ok(()),
    }
}

/// An item read by its whole key.
struct Found {
    item: Option<Entries<Value>>,
    bytes: usize,
}

/// The item that a SELECT names by its whole key, and by nothing else; `keyless` says that it does not.
fn read_one(
    snapshot: &Snapshot,
    table: &Table,
    statement: &Statement,
    keyless: &str,
) -> Result<Found, Error> {
    let Verb::Select { paths, condition, .. } = &statement.verb else {
        return Err(Error::Validation(MIXED.to_owned()));
    };
    let schema = &table.record.schema;
    let found = whole_key(schema, condition.as_ref()).ok();
    let key = found.filter(|(_, rest)| rest.is_none() && statement.index.is_none()).map(|(key, _)| key);
    let key = key.ok_or_else(|| Error::Validation(keyless.to_owned()))?;
    let stored = snapshot.get(ITEMS, schema.key_of(&key)?.in_table(table.record.id))?;
    let item = stored.map(|bytes| item::decode(&bytes)).transpose()?;
    let bytes = item.as_ref().map_or(0, Attributes::size_bytes);
    let item = item.map(|item| match paths.is_empty() {
        true => Entries::from(item),
        false => Entries::from(Projection::selecting(paths).apply(&item)),
    });
    Ok(Found { item, bytes })
}

/// Reads only, or writes only.
fn are_reads<'a>(
    statements: impl Iterator<Item = &'a Statement>,
    is_read: fn(&Statement) -> bool,
) -> Result<bool, Invalid> {
    let (mut reads, mut writes) = (false, false);
    for statement in statements {
        if is_read(statement) { reads = true } else { writes = true }
    }
    if reads && writes { Err(Invalid::new(MIXED)) } else { Ok(reads) }
}

pub(crate) async fn batch_execute_statement(
    state: Arc<State>,
    permit: Permit<api::BatchExecuteStatement>,
) -> Result<api::BatchExecuteStatementOutput, Error> {
    let Permit { input, call, .. } = permit;
    let mode = input.return_consumed_capacity.as_deref();
    // What is no statement is refused in its place; the others are carried out.
    let mut statements: Vec<Result<Statement, Error>> =
        input.statements.iter().map(|it| parsed(&it.statement, it.parameters.as_ref())).collect();
    statements.iter().flatten().try_for_each(super::check_not_exists)?;
    let reads = are_reads(statements.iter().flatten(), Statement::is_read)?;
    refuse_what_is_denied(&state, &call, &input, &mut statements)?;
    let mut units = Units::default();
    let responses = if reads {
        let snapshot = call.store().snapshot()?;
        let mut responses = Vec::with_capacity(statements.len());
        for (statement, request) in statements.into_iter().zip(&input.statements) {
            let read = statement.and_then(|statement| {
                let table = state.table(&call, &statement.table)?;
                table.check_read(None, call.now())?;
                let found = read_one(&snapshot, &table, &statement, KEYLESS_IN_BATCH)?;
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

/// Puts a refusal in the place of each statement that the caller has no leave for. Where that is all of them, the call is.
// SECURITY: before anything is looked up that the statements name.
fn refuse_what_is_denied(
    state: &State,
    call: &Call,
    input: &api::BatchExecuteStatementInput,
    statements: &mut [Result<Statement, Error>],
) -> Result<(), Error> {
    let mut denied = None;
    for (statement, given) in statements.iter_mut().zip(&input.statements).filter(|(it, _)| it.is_ok()) {
        match call.ask_of(call.store(), |request| one_of_batch(state, request, given)) {
            Ok(()) => {}
            Err(Error::Passed(fault)) => {
                denied.get_or_insert_with(|| fault.0.clone());
                *statement = Err(Error::Passed(fault));
            }
            Err(error) => return Err(error),
        }
    }
    match denied {
        Some(fault) if statements.iter().all(Result::is_err) => Err(fault.into()),
        _ => Ok(()),
    }
}

async fn write_each(
    state: &State,
    call: &Call,
    input: &api::BatchExecuteStatementInput,
    statements: Vec<Result<Statement, Error>>,
    units: &mut Units,
) -> Result<Vec<api::BatchStatementResponse>, Error> {
    let is_counted = is_wanted(input.return_consumed_capacity.as_deref());
    let mut changes = Vec::with_capacity(statements.len());
    let mut seen = HashSet::new();
    for (statement, request) in statements.into_iter().zip(&input.statements) {
        let change = statement.and_then(|statement| {
            let table = state.table(call, &statement.table)?;
            Ok(Change::of(table, statement.verb)?)
        });
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
        "AccessDeniedException" => "AccessDenied",
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
    statements.iter().enumerate().try_for_each(|(at, statement)| check_in_transaction(at, statement))?;
    let mut seen = HashSet::new();
    if are_reads(statements.iter(), answers)? {
        let snapshot = call.store().snapshot()?;
        let mut units = Units::default();
        let mut responses = Vec::with_capacity(statements.len());
        for (at, statement) in statements.iter().enumerate() {
            let table = state.table(&call, &statement.table)?;
            let keyless = in_transaction(at, KEYLESS_IN_TRANSACTION);
            let Ok((key, None)) = whole_key(&table.record.schema, statement.condition()) else {
                return Err(keyless);
            };
            if !seen.insert((table.record.id, table.record.schema.key_of(&key)?)) {
                return Err(Error::Validation(REPEATED.to_owned()));
            }
            table.check_read(None, call.now())?;
            let found = read_one(&snapshot, &table, statement, KEYLESS_IN_TRANSACTION)?;
            let usage = Usage::of_table(FACTOR * read_units(found.bytes, true));
            table.spend(Direction::Read, &usage, call.now());
            units.add(&table.record.name, &usage);
            responses.push(api::ItemResponse { item: found.item });
        }
        return Ok(api::ExecuteTransactionOutput {
            responses: Some(responses),
            consumed_capacity: units.transacted(mode, Direction::Read),
        });
    }
    let mut writes: Vec<Prepared> = Vec::with_capacity(statements.len());
    for (at, (statement, on_failure)) in statements.into_iter().zip(on_failure).enumerate() {
        let table = state.table(&call, &statement.table)?;
        let is_check = matches!(statement.verb, Verb::Select { .. });
        let condition = is_check.then(|| whole_key(&table.record.schema, statement.condition()));
        if condition.is_some_and(|found| !matches!(found, Ok((_, Some(_))))) {
            let message = "EXISTS() must contain a single item read with additional condition";
            return Err(in_transaction(at, message));
        }
        let write = Change::of(table, statement.verb)?.write;
        if !seen.insert((write.table.record.id, write.key.clone())) {
            return Err(Error::Validation(REPEATED.to_owned()));
        }
        writes.push(Ok(write.answering_on_failure(on_failure.as_deref()).reading_before(is_wanted(mode))));
    }
    let occasion = Occasion::of_call(call.now());
    let consumed_capacity = call
        .transact(|transaction| {
            if let Some(token) = &token
                && token.is_repeated(transaction)?
            {
                return Ok(repeated(transaction, &writes)?.transacted(mode, Direction::Read));
            }
            let (units, _) = perform_all(transaction, writes, None, occasion)?;
            Ok::<_, Error>(units.transacted(mode, Direction::Write))
        })
        .await?;
    // Only reads answer something, one by one.
    Ok(api::ExecuteTransactionOutput { responses: Some(Vec::new()), consumed_capacity })
}
