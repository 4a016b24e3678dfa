//! Properties held against typed models, as the published transform does for its newer resource types.
//!
//! Converts as little as that does (a number where text is due, `yes` where a flag is) and takes no default. What a value
//! means is not looked at here.

use serde_json::{Map, Value};

use super::error::Problems;
use super::value::shown;

/// What a value has to be.
pub(super) enum Shape {
    /// Anything but null.
    Any,
    Text,
    Flag,
    Integer,
    Number,
    /// One of these texts.
    Choice(&'static [&'static str]),
    List(&'static Shape),
    /// A map of any names to such values.
    MapOf(&'static Shape),
    /// A map of these names alone.
    Model(&'static [Field]),
    /// The first that fits.
    Either(&'static [Shape]),
}

/// A member of a model.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

/// A member that may be missing.
pub(super) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

/// A member that has to be there.
pub(super) const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

/// A map, or what a function may stand for.
pub(super) const MAP: Shape = Shape::MapOf(&Shape::Any);

/// What does not fit, and where.
struct Misfit {
    path: String,
    complaint: String,
}

/// The properties with what the model has of them, nulls left out. The first misfit is the error.
pub(super) fn first_error(
    id: &str,
    properties: &Map<String, Value>,
    fields: &'static [Field],
) -> Result<Map<String, Value>, Problems> {
    let mut misfits = Vec::new();
    let read = model(properties, fields, "", &mut misfits);
    match misfits.first() {
        None => Ok(read),
        Some(misfit) => Err(Problems::resource(id, format_args!("Property '{}' is invalid.", misfit.path))),
    }
}

/// The same, with all misfits in one error, those of one place joined.
pub(super) fn all_errors(
    id: &str,
    properties: &Map<String, Value>,
    fields: &'static [Field],
) -> Result<Map<String, Value>, Problems> {
    let mut misfits = Vec::new();
    let read = model(properties, fields, "", &mut misfits);
    if misfits.is_empty() {
        return Ok(read);
    }
    let mut paths: Vec<&str> = misfits.iter().map(|misfit| misfit.path.as_str()).collect();
    let mut seen = std::collections::HashSet::new();
    paths.retain(|path| seen.insert(*path));
    let told: Vec<String> = paths.iter().map(|path| told(path, &misfits)).collect();
    Err(Problems::resource(id, told.join(" ")))
}

fn told(path: &str, misfits: &[Misfit]) -> String {
    const TYPES: [(&str, &str); 5] = [
        ("not a valid dict", "dictionary"),
        ("not a valid int", "integer"),
        ("not a valid float", "number"),
        ("not a valid list", "list"),
        ("not a valid str", "string"),
    ];
    let mut here = misfits.iter().filter(|misfit| misfit.path == path).map(|misfit| &misfit.complaint);
    let mut types: Vec<&str> = Vec::new();
    for complaint in here.clone() {
        let found = TYPES.iter().find(|(pattern, _)| complaint.contains(pattern));
        types.extend(found.map(|(_, name)| *name).filter(|name| !types.contains(name)));
    }
    if types.len() > 1 {
        return format!("Property '{path}' value must be {}.", types.join(" or "));
    }
    match here.next().map(String::as_str) {
        Some("field required") => format!("Property '{path}' is required."),
        Some("extra fields not permitted") => format!("Property '{path}' is an invalid property."),
        complaint => format!("Property '{path}' {}.", complaint.unwrap_or_default()),
    }
}

fn below(path: &str, name: impl std::fmt::Display) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

/// The document's depth cap and the models' own depth bound the recursion.
fn model(
    given: &Map<String, Value>,
    fields: &'static [Field],
    path: &str,
    misfits: &mut Vec<Misfit>,
) -> Map<String, Value> {
    let mut read = Map::new();
    for field in fields {
        let path = below(path, field.name);
        let complaint = match given.get(field.name) {
            None if field.required => "field required",
            Some(Value::Null) if field.required => "none is not an allowed value",
            None | Some(Value::Null) => continue,
            Some(value) => {
                let fitted = fit(value, &field.shape, &path, misfits);
                read.extend(fitted.map(|value| (field.name.to_owned(), value)));
                continue;
            }
        };
        misfits.push(Misfit { path, complaint: complaint.to_owned() });
    }
    let mut extra: Vec<&String> =
        given.keys().filter(|name| !fields.iter().any(|field| field.name == **name)).collect();
    extra.sort();
    for name in extra {
        misfits.push(Misfit { path: below(path, name), complaint: "extra fields not permitted".to_owned() });
    }
    read
}

fn fit(value: &Value, shape: &'static Shape, path: &str, misfits: &mut Vec<Misfit>) -> Option<Value> {
    let fitted = match shape {
        Shape::Any if !value.is_null() => Ok(value.clone()),
        _ if value.is_null() => Err("none is not an allowed value"),
        Shape::Either(shapes) => return either(value, shapes, path, misfits),
        Shape::Text if value.is_object() || value.is_array() => Err("str type expected"),
        Shape::Text => Ok(shown(value).into()),
        Shape::Flag => flag(value).map(Value::Bool).ok_or("value could not be parsed to a boolean"),
        Shape::Integer => integer(value).ok_or("value is not a valid integer"),
        Shape::Number => number(value).ok_or("value is not a valid float"),
        Shape::Choice(names) => match value.as_str().filter(|text| names.contains(text)) {
            Some(text) => Ok(text.into()),
            None => {
                let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
                let complaint = format!("unexpected value; permitted: {}", names.join(", ")).to_lowercase();
                misfits.push(Misfit { path: path.to_owned(), complaint });
                return None;
            }
        },
        Shape::List(item) => match value {
            Value::Array(items) => return list(items, item, path, misfits),
            _ => Err("value is not a valid list"),
        },
        Shape::MapOf(item) => match as_map(value) {
            Some(map) => return map_of(&map, item, path, misfits),
            None => Err("value is not a valid dict"),
        },
        Shape::Model(fields) => match as_map(value) {
            Some(map) => return whole(misfits, |misfits| model(&map, fields, path, misfits).into()),
            None => Err("value is not a valid dict"),
        },
        Shape::Any => Err(""),
    };
    fitted
        .map_err(|complaint| {
            misfits.push(Misfit { path: path.to_owned(), complaint: complaint.to_owned() });
        })
        .ok()
}

/// A value, where reading it brought no misfit.
fn whole(misfits: &mut Vec<Misfit>, read: impl FnOnce(&mut Vec<Misfit>) -> Value) -> Option<Value> {
    let before = misfits.len();
    let value = read(misfits);
    (misfits.len() == before).then_some(value)
}

fn either(value: &Value, shapes: &'static [Shape], path: &str, misfits: &mut Vec<Misfit>) -> Option<Value> {
    let mut all = Vec::new();
    for shape in shapes {
        let mut own = Vec::new();
        match fit(value, shape, path, &mut own) {
            Some(fitted) => return Some(fitted),
            None => all.extend(own),
        }
    }
    misfits.extend(all);
    None
}

fn list(items: &[Value], shape: &'static Shape, path: &str, misfits: &mut Vec<Misfit>) -> Option<Value> {
    whole(misfits, |misfits| {
        let fitted =
            items.iter().enumerate().filter_map(|(at, item)| fit(item, shape, &below(path, at), misfits));
        Value::Array(fitted.collect())
    })
}

fn map_of(
    map: &Map<String, Value>,
    shape: &'static Shape,
    path: &str,
    misfits: &mut Vec<Misfit>,
) -> Option<Value> {
    if matches!(shape, Shape::Any) {
        return Some(Value::Object(map.clone()));
    }
    whole(misfits, |misfits| {
        let mut fitted = Map::new();
        for (name, item) in map {
            let item = fit(item, shape, &below(path, name), misfits);
            fitted.extend(item.map(|item| (name.clone(), item)));
        }
        Value::Object(fitted)
    })
}

/// What Python makes a dictionary of: an empty list or text is an empty one.
fn as_map(value: &Value) -> Option<std::borrow::Cow<'_, Map<String, Value>>> {
    match value {
        Value::Object(map) => Some(std::borrow::Cow::Borrowed(map)),
        Value::Array(items) if items.is_empty() => Some(std::borrow::Cow::Owned(Map::new())),
        Value::String(text) if text.is_empty() => Some(std::borrow::Cow::Owned(Map::new())),
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::String(text) => match text.to_lowercase().as_str() {
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            _ => None,
        },
        _ => None,
    }
}

fn integer(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(value.clone()),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "Python cuts as well; what is out of range is no integer"
        )]
        Value::Number(number) => {
            let cut = number.as_f64().filter(|number| number.abs() < 9e18)?.trunc() as i64;
            Some(cut.into())
        }
        Value::Bool(flag) => Some(i64::from(*flag).into()),
        Value::String(text) => text.trim().parse::<i64>().ok().map(Value::from),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => number.as_f64().map(Value::from),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag)).into()),
        Value::String(text) => {
            text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: [Field; 4] = [
        must("Name", Shape::Text),
        may("Size", Shape::Either(&[MAP, Shape::Integer])),
        may("On", Shape::Flag),
        may("Parts", Shape::MapOf(&Shape::Model(&[must("Kind", Shape::Choice(&["A", "B"]))]))),
    ];

    fn read(value: &Value) -> Result<Value, String> {
        static MODEL: [Field; 4] = FIELDS;
        let map = value.as_object().cloned().unwrap_or_default();
        let told = |problems: Problems| problems.causes().concat();
        let first = first_error("R", &map, &MODEL).map_err(told);
        let all = all_errors("R", &map, &MODEL).map_err(told);
        match (first, all) {
            (Ok(first), Ok(all)) if first == all => Ok(first.into()),
            (Err(first), Err(all)) => {
                Err(format!("{first}|{all}").replace("Resource with id [R] is invalid. ", ""))
            }
            _ => Err("both or none".to_owned()),
        }
    }

    #[test]
    fn values_are_converted_or_refused_as_the_published_models_do() {
        let good = [
            (json!({ "Name": 5, "On": "Yes", "Size": "7" }), json!({ "Name": "5", "On": true, "Size": 7 })),
            (json!({ "Name": "n", "Parts": "", "On": null }), json!({ "Name": "n", "Parts": {} })),
            (
                json!({ "Name": true, "Size": { "Ref": "P" } }),
                json!({ "Name": "True", "Size": { "Ref": "P" } }),
            ),
        ];
        for (given, expected) in good {
            assert_eq!(read(&given), Ok(expected), "{given}");
        }
        let bad = [
            (json!({}), "Property 'Name' is invalid.|Property 'Name' is required."),
            (
                json!({ "Z": 1, "Name": [], "B": 2 }),
                "Property 'Name' is invalid.|Property 'Name' str type expected. Property 'B' is an invalid property. \
                 Property 'Z' is an invalid property.",
            ),
            (
                json!({ "Name": "n", "Size": [1] }),
                "Property 'Size' is invalid.|Property 'Size' value must be dictionary or integer.",
            ),
            (
                json!({ "Name": "n", "Parts": { "x": null, "y": { "Kind": "C" } } }),
                "Property 'Parts.x' is invalid.|Property 'Parts.x' none is not an allowed value. \
                 Property 'Parts.y.Kind' unexpected value; permitted: 'a', 'b'.",
            ),
        ];
        for (given, expected) in bad {
            assert_eq!(read(&given), Err(expected.to_owned()), "{given}");
        }
    }
}
