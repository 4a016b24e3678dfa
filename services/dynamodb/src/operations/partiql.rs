//! PartiQL statements, carried out as the reads and writes that they stand for.

mod many;
mod select;

use std::sync::Arc;

use protocol::{Entries, Value};
use service::{Call, Permit};

use super::items::update_answer;
use super::write::{Outcome, Write};
use crate::State;
use crate::access::partiql::parsed;
use crate::api;
use crate::attribute::Attributes;
use crate::capacity::{consumed, is_wanted};
use crate::error::Error;
use crate::expression::{Condition, Path, Projection};
use crate::invalid::Invalid;
use crate::partiql::search::whole_key;
use crate::partiql::{Statement, Verb};
use crate::request::Expressions;
use crate::streams::Occasion;
use crate::tables::Table;

pub(crate) use many::{batch_execute_statement, execute_transaction};
use select::{Pages, select};

/// A statement that changes one item.
struct Change {
    write: Write,
    returning: Option<&'static str>,
    changed: Option<Projection>,
}

impl Change {
    /// The write that a statement stands for.
    fn of(table: Arc<Table>, verb: Verb) -> Result<Self, Invalid> {
        let schema = table.record.schema.clone();
        let present = || Condition::Exists(Path::of_attribute(schema.partition.name.clone()));
        let expressions = |condition: Option<Condition>| Expressions { condition, ..Expressions::default() };
        match verb {
            Verb::Insert(item) => {
                let item = Attributes::from_entries(item);
                if item.is_too_deep() {
                    return Err(Invalid::new(crate::attribute::TOO_DEEP));
                }
                let absent = Condition::NotExists(Path::of_attribute(schema.partition.name.clone()));
                let write = Write::put(table, item, expressions(Some(absent)))?.inserting();
                Ok(Self { write, returning: None, changed: None })
            }
            Verb::Update { update, condition, returning } => {
                let (key, rest) = whole_key(&schema, condition.as_ref())?;
                let changed = Some(Projection::of(update.targets()));
                let condition = std::iter::once(present()).chain(rest).collect();
                let mut expressions = expressions(Some(Condition::And(condition)));
                expressions.update = Some(update);
                Ok(Self { write: Write::update(table, key, expressions)?, returning, changed })
            }
            Verb::Delete { condition, returning } => {
                let (key, rest) = whole_key(&schema, condition.as_ref())?;
                let write = Write::delete(table, &key, expressions(rest))?;
                Ok(Self { write, returning, changed: None })
            }
            Verb::Select { condition, .. } => {
                let (key, rest) = whole_key(&schema, condition.as_ref())?;
                let condition = std::iter::once(present()).chain(rest).collect();
                let write = Write::check(table, &key, expressions(Some(Condition::And(condition))))?;
                Ok(Self { write, returning: None, changed: None })
            }
        }
    }

    /// The item that the statement answers.
    fn answer(
        returning: Option<&str>,
        changed: Option<&Projection>,
        outcome: Outcome,
    ) -> Option<Entries<Value>> {
        update_answer(returning, changed, outcome)
    }
}

fn check_not_exists(statement: &Statement) -> Result<(), Invalid> {
    if matches!(statement.verb, Verb::Select { is_check: true, .. }) {
        return Err(Invalid::new("EXISTS can only be used in ExecuteTransaction write requests."));
    }
    Ok(())
}

pub(crate) async fn execute_statement(
    state: Arc<State>,
    permit: Permit<api::ExecuteStatement>,
) -> Result<api::ExecuteStatementOutput, Error> {
    let Permit { input, call, .. } = permit;
    let statement = parsed(&input.statement, input.parameters.as_ref())?;
    check_not_exists(&statement)?;
    let table = state.table(&call, &statement.table)?;
    if statement.is_read() {
        let pages = Pages::of(&input)?;
        return select(&call, &table, &statement, &pages);
    }
    let mode = input.return_consumed_capacity.as_deref();
    let name = table.record.name.clone();
    let change = Change::of(table, statement.verb)?;
    let (returning, changed) = (change.returning, change.changed);
    let write = change
        .write
        .answering_on_failure(input.return_values_on_condition_check_failure.as_deref())
        .reading_before(returning.is_some() || is_wanted(mode));
    let outcome = perform(&call, write).await?;
    Ok(api::ExecuteStatementOutput {
        consumed_capacity: consumed(mode, &name, &outcome.usage),
        items: Some(Change::answer(returning, changed.as_ref(), outcome).into_iter().collect()),
        ..api::ExecuteStatementOutput::default()
    })
}

async fn perform(call: &Call, write: Write) -> Result<Outcome, Error> {
    let occasion = Occasion::of_call(call.now());
    call.transact(|transaction| write.perform(transaction, occasion).map_err(Error::from)).await
}
