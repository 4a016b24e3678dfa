//! The functions of conditions: names, numbers and types of operands.

use super::parse::Term;
use super::{Condition, Operand};
use crate::attribute::AttributeValue;
use crate::expression::faults::{Class, Faults};

const TYPES: [&str; 10] = ["S", "N", "B", "NULL", "SS", "BOOL", "L", "BS", "NS", "M"];

/// The term that a call is. Errors are noted; the term is then of no consequence.
pub(super) fn function(faults: &mut Faults, name: &str, arguments: Vec<Operand>) -> Term {
    let (name, arity) = match name {
        "attribute_exists" => ("attribute_exists", 1),
        "attribute_not_exists" => ("attribute_not_exists", 1),
        "attribute_type" => ("attribute_type", 2),
        "begins_with" => ("begins_with", 2),
        "contains" => ("contains", 2),
        "size" => ("size", 1),
        unknown => {
            faults.note(Class::UnknownFunction, format!("Invalid function name; function: {unknown}"));
            return failed("");
        }
    };
    let given = arguments.len();
    let mut arguments = arguments.into_iter();
    let operands = match (given == arity, arguments.next(), arguments.next()) {
        (true, Some(first), second) => (first, second.unwrap_or(Operand::Value(AttributeValue::Null))),
        _ => {
            let message = format!(
                "Incorrect number of operands for operator or function; \
                 operator or function: {name}, number of operands: {given}"
            );
            faults.note(Class::OperandCount, message);
            return failed(name);
        }
    };
    if arity == 2 {
        check_distinct(faults, name, &operands.0, &operands.1);
    }
    typed(name, operands).unwrap_or_else(|message| {
        faults.note(Class::Operand, message);
        failed(name)
    })
}

const fn never() -> Condition {
    Condition::Or(Vec::new())
}

/// What stands in for a faulty call.
fn failed(name: &'static str) -> Term {
    match name {
        "size" => Term::Operand(Operand::Size(Box::new(Operand::Value(AttributeValue::Null)))),
        _ => Term::Condition(never(), Some(name)),
    }
}

fn typed(name: &'static str, (first, second): (Operand, Operand)) -> Result<Term, String> {
    let condition = match name {
        "attribute_exists" => Condition::Exists(path(name, first)?),
        "attribute_not_exists" => Condition::NotExists(path(name, first)?),
        "attribute_type" => Condition::Type(first, type_name(name, &second)?),
        "begins_with" => {
            let unfit = [&first, &second]
                .into_iter()
                .filter_map(Operand::fixed_type)
                .find(|name| !["S", "B"].contains(name));
            match unfit {
                Some(unfit) => return Err(wrong_type(name, unfit)),
                None => Condition::BeginsWith(first, second),
            }
        }
        "contains" => Condition::Contains(first, second),
        _ => {
            return match first.fixed_type() {
                Some(unfit @ ("N" | "BOOL" | "NULL")) => Err(wrong_type(name, unfit)),
                _ => Ok(Term::Operand(Operand::Size(Box::new(first)))),
            };
        }
    };
    Ok(Term::Condition(condition, Some(name)))
}

fn path(name: &str, operand: Operand) -> Result<crate::expression::Path, String> {
    match operand {
        Operand::Path(path) => Ok(path),
        _ => Err(format!("Operator or function requires a document path; operator or function: {name}")),
    }
}

fn type_name(name: &str, operand: &Operand) -> Result<String, String> {
    match operand {
        Operand::Value(AttributeValue::S(text)) if TYPES.contains(&text.as_str()) => Ok(text.clone()),
        Operand::Value(AttributeValue::S(text)) => Err(format!(
            "Invalid attribute type name found; type: {text}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
        )),
        other => Err(wrong_type(name, other.fixed_type().unwrap_or("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"))),
    }
}

fn wrong_type(name: &str, operand_type: &str) -> String {
    format!(
        "Incorrect operand type for operator or function; \
         operator or function: {name}, operand type: {operand_type}"
    )
}

/// Refuses an operator whose two operands are the same path.
pub(super) fn check_distinct(faults: &mut Faults, operator: &str, one: &Operand, two: &Operand) {
    if let (Operand::Path(one), Operand::Path(two)) = (one, two)
        && one == two
    {
        let message = format!(
            "The first operand must be distinct from the remaining operands for this operator or function; \
             operator: {operator}, first operand: {one}"
        );
        faults.note(Class::Distinct, message);
    }
}
