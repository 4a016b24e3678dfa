//! Tests: whatever value a shape can have survives the way through each codec that reads and writes it.

use bytes::Bytes;
use proptest::prelude::*;

use super::json::{reader, writer};
use super::{Redact, value_from_json, value_to_json};
use crate::model::{Kind, Location, Shape};
use crate::{Structure, Timestamp, Value};

/// Values of a shape, a few levels deep. Members outside the body are left out.
fn values(shape: Shape, depth: u32) -> BoxedStrategy<Value> {
    match shape.kind() {
        Kind::Structure { members, union, .. } => {
            let mut all: BoxedStrategy<Structure> = Just(Structure::new()).boxed();
            let inside = members.iter().filter(|member| member.location == Location::Body);
            for member in inside.take(if *union { 1 } else { 12 }) {
                let next = if depth == 0 {
                    Just(None).boxed()
                } else {
                    proptest::option::of(values(shape.of(member), depth - 1)).boxed()
                };
                all = (all, next)
                    .prop_map(|(mut all, value)| {
                        value.into_iter().for_each(|value| all.push(member.name, value));
                        all
                    })
                    .boxed();
            }
            all.prop_map(Value::Structure).boxed()
        }
        Kind::List { member, .. } if depth > 0 => {
            proptest::collection::vec(values(shape.of(member), depth - 1), 0..3).prop_map(Value::List).boxed()
        }
        Kind::List { .. } => Just(Value::List(Vec::new())).boxed(),
        Kind::Map { value, .. } if depth > 0 => {
            proptest::collection::btree_map(any::<String>(), values(shape.of(value), depth - 1), 0..3)
                .prop_map(|map| Value::Map(map.into_iter().collect()))
                .boxed()
        }
        Kind::Map { .. } => Just(Value::Map(Vec::new())).boxed(),
        Kind::String { .. } => any::<String>().prop_map(Value::String).boxed(),
        Kind::Blob => proptest::collection::vec(any::<u8>(), 0..20)
            .prop_map(|bytes| Value::Blob(Bytes::from(bytes)))
            .boxed(),
        Kind::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Integer { lowest, highest, .. } => (*lowest..=*highest).prop_map(Value::Integer).boxed(),
        Kind::Float { single: true } => any::<f32>()
            .prop_filter("a number", |number| number.is_finite())
            .prop_map(|number| Value::Float(f64::from(number)))
            .boxed(),
        Kind::Float { .. } => {
            any::<f64>().prop_filter("a number", |number| number.is_finite()).prop_map(Value::Float).boxed()
        }
        Kind::Timestamp => (-62_000_000_000_000_i64..253_000_000_000_000)
            .prop_map(|millis| Value::Timestamp(Timestamp::from_millis(millis)))
            .boxed(),
        Kind::Document => Just(Value::Document(serde_json::json!({"a": [1, null]}))).boxed(),
    }
}

/// Every input of the APIs that speak JSON.
fn inputs() -> impl Strategy<Value = (Shape, Value)> {
    let shapes: Vec<Shape> = ["dynamodb", "logs", "cloudtrail", "lambda", "apigateway"]
        .iter()
        .filter_map(|service| crate::model(service))
        .flat_map(|model| model.operations())
        .filter_map(crate::OperationModel::input)
        .collect();
    proptest::sample::select(shapes)
        .prop_flat_map(|shape| values(shape, 4).prop_map(move |value| (shape, value)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn json_gives_back_what_was_written((shape, value) in inputs()) {
        let mut bytes = Vec::new();
        writer::write_body(shape, &value, &mut bytes);
        let read = reader::read(shape, &bytes);
        // A float prints its shortest form for its own width, which the other width reads as a neighbour.
        prop_assert_eq!(read.map(single), Ok(single(value)));
    }

    #[test]
    fn internal_json_gives_back_what_was_written((shape, value) in inputs()) {
        let json = value_to_json(shape, &value, Redact::No);
        prop_assert_eq!(value_from_json(shape, &json), Ok(value));
    }
}

/// All numbers in 32 bits.
fn single(value: Value) -> Value {
    match value {
        Value::Float(number) => Value::Float(f64::from(number as f32)),
        Value::List(items) => Value::List(items.into_iter().map(single).collect()),
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (key, single(value))).collect())
        }
        Value::Structure(members) => {
            Value::Structure(members.into_iter().fold(Structure::new(), |mut all, (name, value)| {
                all.push(name, single(value));
                all
            }))
        }
        plain => plain,
    }
}
