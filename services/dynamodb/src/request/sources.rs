//! Where each operation has its expressions.

use super::{HoldsExpressions, Legacy, Parameters};
use crate::api;
use crate::expression::Kind;

macro_rules! holds_expressions {
    ($($input:ty { $($parameter:ident: $member:ident $(as $form:ident)?),* } legacy { $($old:ident),* } takes $takes:expr;)*) => {$(
        impl HoldsExpressions for $input {
            fn parameters(&self) -> Parameters<'_> {
                Parameters {
                    $($parameter: holds_expressions!(@ self.$member $(, $form)?),)*
                    legacy: Legacy { $($old: self.$old.as_ref(),)* ..Legacy::default() },
                    takes_values: $takes,
                    ..Parameters::default()
                }
            }
        }
    )*};
    (@ $value:expr) => { $value.as_ref() };
    (@ $value:expr, text) => { $value.as_deref() };
    (@ $value:expr, required) => { Some(&$value) };
}

holds_expressions! {
    api::GetItemInput {
        names: expression_attribute_names, projection: projection_expression as text
    } legacy { attributes_to_get } takes &[];
    api::KeysAndAttributes {
        names: expression_attribute_names, projection: projection_expression as text
    } legacy { attributes_to_get } takes &[];
    api::Get {
        names: expression_attribute_names, projection: projection_expression as text
    } legacy {} takes &[];
    api::PutItemInput {
        names: expression_attribute_names, values: expression_attribute_values,
        condition: condition_expression as text
    } legacy { expected, conditional_operator } takes &[Kind::Condition];
    api::DeleteItemInput {
        names: expression_attribute_names, values: expression_attribute_values,
        condition: condition_expression as text
    } legacy { expected, conditional_operator } takes &[Kind::Condition];
    api::UpdateItemInput {
        names: expression_attribute_names, values: expression_attribute_values,
        condition: condition_expression as text, update: update_expression as text
    } legacy { expected, conditional_operator, attribute_updates } takes &[Kind::Update, Kind::Condition];
    api::QueryInput {
        names: expression_attribute_names, values: expression_attribute_values,
        filter: filter_expression as text, key_condition: key_condition_expression as text,
        projection: projection_expression as text
    } legacy { attributes_to_get, query_filter, conditional_operator, key_conditions }
        takes &[Kind::Filter, Kind::KeyCondition];
    api::ScanInput {
        names: expression_attribute_names, values: expression_attribute_values,
        filter: filter_expression as text, projection: projection_expression as text
    } legacy { attributes_to_get, scan_filter, conditional_operator } takes &[Kind::Filter];
    api::Put {
        names: expression_attribute_names, values: expression_attribute_values,
        condition: condition_expression as text
    } legacy {} takes &[Kind::Condition];
    api::Delete {
        names: expression_attribute_names, values: expression_attribute_values,
        condition: condition_expression as text
    } legacy {} takes &[Kind::Condition];
    api::Update {
        names: expression_attribute_names, values: expression_attribute_values,
        condition: condition_expression as text, update: update_expression as required
    } legacy {} takes &[Kind::Update, Kind::Condition];
    api::ConditionCheck {
        names: expression_attribute_names, values: expression_attribute_values,
        condition: condition_expression as required
    } legacy {} takes &[Kind::Condition];
}
