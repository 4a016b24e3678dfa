//! Which key schemas there may be. No store, no wire.
//!
//! The keys of tables and local indexes have one attribute on either side; those of global indexes up to four.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html>

use std::collections::BTreeSet;

use crate::api;
use crate::invalid::Invalid;
use crate::key::{ATTRIBUTES_MAX, KeyAttribute, KeySchema, Role, ScalarType};

/// The key schema of a new table or local index.
///
/// # Errors
/// Schema and definitions do not go together.
pub(crate) fn key_schema(
    elements: &[api::KeySchemaElement],
    definitions: &[api::AttributeDefinition],
) -> Result<KeySchema, Invalid> {
    let keys = names(elements);
    if keys.len() > 2 {
        return Err(Invalid::new(format!(
            "1 validation error detected: Value '[{}]' at 'keySchema' failed to satisfy constraint: \
             Member must have length less than or equal to 2",
            keys.join(", ")
        )));
    }
    check_defined(&keys, definitions)?;
    if let [one, two] = keys.as_slice()
        && one == two
    {
        return Err(same_name());
    }
    check_first(elements)?;
    if elements.get(1).is_some_and(|second| second.key_type != Role::Sort.name()) {
        return Err(Invalid::new("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"));
    }
    composed(elements, definitions)
}

/// The key schema of a new global index.
///
/// # Errors
/// Schema and definitions do not go together.
pub(super) fn global_key_schema(
    elements: &[api::KeySchemaElement],
    definitions: &[api::AttributeDefinition],
) -> Result<KeySchema, Invalid> {
    let keys = names(elements);
    check_defined(&keys, definitions)?;
    check_first(elements)?;
    if let [one, two] = elements
        && one.attribute_name == two.attribute_name
        && two.key_type == Role::Sort.name()
    {
        return Err(same_name());
    }
    let mut seen = BTreeSet::new();
    if !keys.iter().all(|key| seen.insert(key)) {
        return Err(Invalid::new("The KeySchema contains multiple key attributes with the same name"));
    }
    let is = |element: &api::KeySchemaElement, role: Role| element.key_type == role.name();
    if elements
        .windows(2)
        .any(|pair| matches!(pair, [one, two] if is(one, Role::Sort) && is(two, Role::Partition)))
    {
        return Err(Invalid::parameter(
            "All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ));
    }
    for role in [Role::Partition, Role::Sort] {
        if elements.iter().filter(|element| is(element, role)).count() > ATTRIBUTES_MAX {
            return Err(Invalid::parameter(format!(
                "The KeySchema exceeds the maximum allowed number of {} key attributes",
                role.name()
            )));
        }
    }
    composed(elements, definitions)
}

fn names(elements: &[api::KeySchemaElement]) -> Vec<&str> {
    elements.iter().map(|element| element.attribute_name.as_str()).collect()
}

fn check_defined(keys: &[&str], definitions: &[api::AttributeDefinition]) -> Result<(), Invalid> {
    let defined: Vec<&str> =
        definitions.iter().map(|definition| definition.attribute_name.as_str()).collect();
    if keys.len() > defined.len() {
        return Err(Invalid::new("Invalid KeySchema: Some index key attribute have no definition"));
    }
    if keys.iter().any(|key| !defined.contains(key)) {
        return Err(Invalid::parameter(format!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], \
             AttributeDefinitions: [{}]",
            keys.join(", "),
            defined.join(", ")
        )));
    }
    Ok(())
}

fn same_name() -> Invalid {
    Invalid::new("Both the Hash Key and the Range Key element in the KeySchema have the same name")
}

fn check_first(elements: &[api::KeySchemaElement]) -> Result<(), Invalid> {
    if elements.first().is_some_and(|first| first.key_type == Role::Partition.name()) {
        return Ok(());
    }
    Err(Invalid::new("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"))
}

/// The schema of these elements, which are in order.
fn composed(
    elements: &[api::KeySchemaElement],
    definitions: &[api::AttributeDefinition],
) -> Result<KeySchema, Invalid> {
    let of_role = |role: Role| {
        let named = elements.iter().filter(move |element| element.key_type == role.name());
        named.filter_map(|element| {
            let name = &element.attribute_name;
            let definition = definitions.iter().find(|definition| definition.attribute_name == *name)?;
            Some(KeyAttribute { name: name.clone(), scalar: ScalarType::parse(&definition.attribute_type)? })
        })
    };
    let (mut partitions, mut sorts) = (of_role(Role::Partition), of_role(Role::Sort));
    let partition =
        partitions.next().ok_or_else(|| Invalid::parameter("AttributeType is not one of S, N, B"))?;
    Ok(KeySchema {
        partition,
        sort: sorts.next(),
        more_partition: partitions.collect(),
        more_sort: sorts.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(name: &str, key_type: &str) -> api::KeySchemaElement {
        api::KeySchemaElement { attribute_name: name.to_owned(), key_type: key_type.to_owned() }
    }

    fn definition(name: &str, attribute_type: &str) -> api::AttributeDefinition {
        api::AttributeDefinition {
            attribute_name: name.to_owned(),
            attribute_type: attribute_type.to_owned(),
        }
    }

    #[test]
    fn key_schemas_that_do_not_fit_are_refused_in_dynamodbs_words() {
        let (p, s) = (|| element("p", "HASH"), || element("s", "RANGE"));
        for (elements, definitions, message) in [
            (
                vec![p(), s()],
                vec![definition("p", "S")],
                "Invalid KeySchema: Some index key attribute have no definition",
            ),
            (
                vec![p()],
                vec![definition("q", "S")],
                "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [p], AttributeDefinitions: [q]",
            ),
            (
                vec![p(), p()],
                vec![definition("p", "S"), definition("q", "S")],
                "Both the Hash Key and the Range Key element in the KeySchema have the same name",
            ),
            (
                vec![s()],
                vec![definition("s", "S")],
                "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
            ),
            (
                vec![p(), element("s", "HASH")],
                vec![definition("p", "S"), definition("s", "S")],
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
            ),
            (
                vec![p(), s(), element("t", "RANGE")],
                ["p", "s", "t"].map(|name| definition(name, "S")).to_vec(),
                "1 validation error detected: Value '[p, s, t]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
            ),
        ] {
            assert_eq!(key_schema(&elements, &definitions).unwrap_err().message(), message);
        }
        let schema = key_schema(&[p(), s()], &[definition("s", "N"), definition("p", "B")]).unwrap();
        assert_eq!((schema.partition.scalar, schema.sort.unwrap().scalar), (ScalarType::B, ScalarType::N));
    }

    fn global(keys: &str) -> Result<KeySchema, Invalid> {
        let elements: Vec<_> = keys
            .split(' ')
            .map(|key| match key.split_once(':').unwrap() {
                (name, "r") => element(name, "RANGE"),
                (name, _) => element(name, "HASH"),
            })
            .collect();
        let mut definitions: Vec<_> =
            elements.iter().map(|element| definition(&element.attribute_name, "S")).collect();
        definitions.push(definition("table", "S"));
        global_key_schema(&elements, &definitions)
    }

    #[test]
    fn keys_of_global_indexes_have_up_to_four_attributes_on_either_side() {
        let prefix = "One or more parameter values were invalid: ";
        let same = "The KeySchema contains multiple key attributes with the same name".to_owned();
        for (keys, message) in [
            (
                "a:h b:h c:h d:h e:h",
                format!("{prefix}The KeySchema exceeds the maximum allowed number of HASH key attributes"),
            ),
            (
                "h:h a:r b:r c:r d:r e:r",
                format!("{prefix}The KeySchema exceeds the maximum allowed number of RANGE key attributes"),
            ),
            ("h:h a:r a:r", same.clone()),
            ("h:h h:h", same),
            (
                "h:h a:r g:h",
                format!("{prefix}All HASH key attributes must precede RANGE key attributes in the KeySchema"),
            ),
            (
                "h:h h:r",
                "Both the Hash Key and the Range Key element in the KeySchema have the same name".to_owned(),
            ),
            ("a:r h:h", "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".to_owned()),
        ] {
            assert_eq!(global(keys).unwrap_err().message(), message, "{keys}");
        }
        let schema = global("a:h b:h c:h d:h e:r f:r g:r h:r").unwrap();
        let names = |attributes: Vec<&KeyAttribute>| {
            attributes.iter().map(|attribute| attribute.name.clone()).collect::<Vec<_>>().concat()
        };
        assert_eq!(
            (names(schema.partitions().collect()), names(schema.sorts().collect())),
            ("abcd".to_owned(), "efgh".to_owned())
        );
        assert!(global("a:h b:h").unwrap().is_composed());
        assert!(!global("a:h b:r").unwrap().is_composed());
    }
}
