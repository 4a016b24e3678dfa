//! The macro that joins a generated struct to the value tree.
//!
//! One line a struct keeps `api.rs` short; the work is done by `FromValue::from_member` and `Structure`.

/// `structure!(Tag { key: "Key", value: "Value" })`: both conversions between the struct and `Value::Structure`.
#[macro_export]
macro_rules! structure {
    ($name:ident { $($field:ident: $member:literal),* $(,)? }) => {
        impl $crate::FromValue for $name {
            fn from_value(value: $crate::Value) -> Result<Self, $crate::ShapeMismatch> {
                let $crate::Value::Structure(members) = value else {
                    return Err($crate::ShapeMismatch::new("structure"));
                };
                #[allow(unused_mut)]
                let mut members = members;
                let _ = &members;
                Ok(Self { $($field: $crate::FromValue::from_member(&mut members, $member)?),* })
            }

            fn from_absent() -> Result<Self, $crate::ShapeMismatch> {
                Err($crate::ShapeMismatch::new("structure, and it is missing"))
            }
        }

        impl $crate::IntoValue for $name {
            fn into_value(self) -> $crate::Value {
                $crate::Value::Structure(
                    $crate::Structure::with_capacity(<[&str]>::len(&[$($member),*]))
                        $(.with($member, self.$field))*,
                )
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::{Entries, FromValue, IntoValue, Structure, Value};

    #[derive(Debug, Clone, Default, PartialEq)]
    struct Tag {
        key: String,
        value: Option<String>,
        marks: Option<Vec<i64>>,
        more: Option<Entries<String>>,
    }
    structure!(Tag { key: "Key", value: "Value", marks: "Marks", more: "More" });

    #[derive(Debug, Clone, Default, PartialEq)]
    struct Empty {}
    structure!(Empty {});

    #[test]
    fn a_struct_survives_the_way_to_a_value_and_back() {
        let tag = Tag { key: "a".to_owned(), marks: Some(vec![1, 2]), ..Tag::default() };
        let value = tag.clone().into_value();
        let members: Vec<_> = match &value {
            Value::Structure(members) => members.iter().map(|(name, _)| name).collect(),
            _ => vec![],
        };
        assert_eq!(members, ["Key", "Marks"]);
        assert_eq!(Tag::from_value(value), Ok(tag));
        assert_eq!(Empty::from_value(Empty {}.into_value()), Ok(Empty {}));
    }

    #[test]
    fn a_missing_member_is_named() {
        let mismatch = Tag::from_value(Value::Structure(Structure::new())).unwrap_err();
        assert_eq!(mismatch.member, "Key");
    }
}
