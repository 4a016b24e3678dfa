//! The four statements, UPDATE in both of its forms, and EXISTS.

use super::condition::filter;
use super::cursor::{Cursor, faulty};
use super::lexer::Token;
use super::value::{expected, tuple, value};
use super::{Statement, Verb};
use crate::attribute::AttributeValue;
use crate::expression::update::{SetValue, UpdateOperand};
use crate::expression::{Path, Update};
use crate::invalid::Invalid;

/// A whole statement.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Statement, Invalid> {
    if cursor.eat_word("SELECT") {
        select(cursor, false)
    } else if cursor.eat_function("EXISTS") {
        cursor.expect_word("SELECT")?;
        let statement = select(cursor, true)?;
        cursor.expect(")")?;
        Ok(statement)
    } else if cursor.eat_word("INSERT") {
        insert(cursor)
    } else if cursor.eat_word("UPDATE") {
        update(cursor)
    } else if cursor.eat_word("FROM") {
        update_from(cursor)
    } else if cursor.eat_word("DELETE") {
        delete(cursor)
    } else {
        Err(faulty("expected SELECT, INSERT, UPDATE, DELETE or EXISTS"))
    }
}

/// The words that may stand behind a table; any other would be another name for it.
const BEHIND_TABLE: [&str; 6] = ["WHERE", "ORDER", "SET", "REMOVE", "RETURNING", "VALUE"];

/// A table, and an index behind a dot.
fn place(cursor: &mut Cursor<'_>) -> Result<(String, Option<String>), Invalid> {
    let table = component(cursor)?;
    let index = if cursor.eat(".") { Some(component(cursor)?) } else { None };
    if cursor.eat(".") {
        return Err(Invalid::new("A path may contain at most 2 components in the FROM clause"));
    }
    if matches!(cursor.peek(), Token::Word(_)) && !BEHIND_TABLE.iter().any(|word| cursor.is_word(word)) {
        return Err(Invalid::new("Aliasing is not supported"));
    }
    Ok((table, index))
}

fn component(cursor: &mut Cursor<'_>) -> Result<String, Invalid> {
    if matches!(cursor.peek(), Token::Quoted(name) if name.is_empty()) {
        return Err(Invalid::new("Path component cannot be an empty string"));
    }
    cursor.name()
}

fn table(cursor: &mut Cursor<'_>) -> Result<String, Invalid> {
    match place(cursor)? {
        (table, None) => Ok(table),
        (_, Some(_)) => Err(faulty("an index can only be read")),
    }
}

fn select(cursor: &mut Cursor<'_>, is_check: bool) -> Result<Statement, Invalid> {
    let mut paths: Vec<Path> = Vec::new();
    if !cursor.eat("*") {
        loop {
            let path = cursor.path()?;
            if paths.iter().any(|known| !known.is_apart_from(&path)) {
                return Err(faulty("two selected paths overlap"));
            }
            if paths.iter().any(|known| known.name() == path.name()) {
                let name = path.name();
                return Err(Invalid::new(format!("Duplicate identifiers in select clause: {name}")));
            }
            paths.push(path);
            if !cursor.eat(",") {
                break;
            }
        }
    }
    cursor.expect_word("FROM")?;
    let (table, index) = place(cursor)?;
    let condition = filter(cursor)?;
    let mut order = Vec::new();
    if cursor.eat_word("ORDER") {
        cursor.expect_word("BY")?;
        loop {
            let name = cursor.name()?;
            let is_reverse = cursor.eat_word("DESC");
            if !is_reverse {
                cursor.eat_word("ASC");
            }
            order.push((name, is_reverse));
            if !cursor.eat(",") {
                break;
            }
        }
    }
    Ok(Statement { table, index, verb: Verb::Select { paths, condition, order, is_check } })
}

fn insert(cursor: &mut Cursor<'_>) -> Result<Statement, Invalid> {
    cursor.expect_word("INTO")?;
    let table = table(cursor)?;
    cursor.expect_word("VALUE")?;
    let item = if cursor.eat("?") {
        let AttributeValue::M(item) = cursor.parameter()? else { return Err(faulty("VALUE wants a map")) };
        item.into_iter().collect()
    } else {
        tuple(cursor)?
    };
    Ok(Statement { table, index: None, verb: Verb::Insert(item) })
}

fn update(cursor: &mut Cursor<'_>) -> Result<Statement, Invalid> {
    let table = table(cursor)?;
    let update = changes(cursor)?;
    let condition = filter(cursor)?;
    let returning = returning(cursor)?;
    Ok(Statement { table, index: None, verb: Verb::Update { update, condition, returning } })
}

/// The same with its table and its condition first: `FROM table WHERE … SET …`.
fn update_from(cursor: &mut Cursor<'_>) -> Result<Statement, Invalid> {
    let table = table(cursor)?;
    let condition = filter(cursor)?;
    let update = changes(cursor)?;
    let returning = returning(cursor)?;
    Ok(Statement { table, index: None, verb: Verb::Update { update, condition, returning } })
}

/// `SET …` and `REMOVE …`, one after the other.
fn changes(cursor: &mut Cursor<'_>) -> Result<Update, Invalid> {
    let mut update = Update::default();
    let mut is_remove = None;
    loop {
        if cursor.eat_word("SET") {
            is_remove = Some(false);
        } else if cursor.eat_word("REMOVE") {
            is_remove = Some(true);
        } else if is_remove.is_none() || !cursor.eat(",") {
            break;
        }
        let path = cursor.path()?;
        if update.targets().any(|known| !known.is_apart_from(&path)) {
            return Err(faulty("two changed paths overlap"));
        }
        if is_remove == Some(true) {
            update.push_remove(path);
        } else {
            cursor.expect("=")?;
            set(cursor, &mut update, path)?;
        }
    }
    if is_remove.is_none() {
        return Err(faulty("UPDATE wants SET or REMOVE"));
    }
    Ok(update)
}

/// What stands behind `SET path =`.
fn set(cursor: &mut Cursor<'_>, update: &mut Update, path: Path) -> Result<(), Invalid> {
    for (name, is_add) in [("set_add", true), ("set_delete", false)] {
        if cursor.eat_function(name) {
            let source = cursor.path()?;
            cursor.expect(",")?;
            let elements = expected(cursor)?;
            cursor.expect(")")?;
            if source != path || !elements.is_set() {
                return Err(faulty(&format!("{name} wants the path that is set, and a set")));
            }
            if is_add {
                update.push_add(path, elements);
            } else {
                update.push_delete(path, elements);
            }
            return Ok(());
        }
    }
    let one = operand(cursor)?;
    let value = if cursor.eat("+") {
        SetValue::Plus(one, operand(cursor)?)
    } else if cursor.eat("-") {
        SetValue::Minus(one, operand(cursor)?)
    } else {
        SetValue::Operand(one)
    };
    update.push_set(path, value);
    Ok(())
}

fn operand(cursor: &mut Cursor<'_>) -> Result<UpdateOperand, Invalid> {
    if cursor.eat_function("list_append") {
        return cursor.nested(|cursor| {
            let one = operand(cursor)?;
            cursor.expect(",")?;
            let two = operand(cursor)?;
            cursor.expect(")")?;
            Ok(UpdateOperand::ListAppend(Box::new(one), Box::new(two)))
        });
    }
    if cursor.eat_function("if_not_exists") {
        return cursor.nested(|cursor| {
            let path = cursor.path()?;
            cursor.expect(",")?;
            let default = operand(cursor)?;
            cursor.expect(")")?;
            Ok(UpdateOperand::IfNotExists(path, Box::new(default)))
        });
    }
    match value(cursor)? {
        Some(value) => Ok(UpdateOperand::Value(value)),
        None => Ok(UpdateOperand::Path(cursor.path()?)),
    }
}

fn delete(cursor: &mut Cursor<'_>) -> Result<Statement, Invalid> {
    cursor.expect_word("FROM")?;
    let table = table(cursor)?;
    let condition = filter(cursor)?;
    let returning = returning(cursor)?;
    if let Some(other) = returning.filter(|returning| *returning != "ALL_OLD") {
        let clause = other.replace("UPDATED", "MODIFIED").replace('_', " ");
        return Err(Invalid::new(format!(
            "Invalid returning clause: RETURNING {clause} *. Only RETURNING ALL OLD * is allowed in DELETE statements."
        )));
    }
    Ok(Statement { table, index: None, verb: Verb::Delete { condition, returning } })
}

/// `RETURNING ALL|MODIFIED OLD|NEW *`, in the words of ReturnValues.
fn returning(cursor: &mut Cursor<'_>) -> Result<Option<&'static str>, Invalid> {
    if !cursor.eat_word("RETURNING") {
        return Ok(None);
    }
    let is_all = cursor.eat_word("ALL");
    if !is_all {
        cursor.expect_word("MODIFIED")?;
    }
    let is_old = cursor.eat_word("OLD");
    if !is_old {
        cursor.expect_word("NEW")?;
    }
    cursor.expect("*")?;
    Ok(Some(match (is_all, is_old) {
        (true, true) => "ALL_OLD",
        (true, false) => "ALL_NEW",
        (false, true) => "UPDATED_OLD",
        (false, false) => "UPDATED_NEW",
    }))
}
