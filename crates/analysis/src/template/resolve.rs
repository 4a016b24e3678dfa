//! Values as text: what is written in the template is read, and what only deployment knows stands as `<Name>`.
//!
//! A parameter stands for its default, as if nothing else were given. What an intrinsic hides is not guessed: it is told
//! apart from others by the whole of it.

use serde_json::{Map, Value};

use super::reading::Reading;

/// A text grows by defaults to so many bytes at most; from then on parameters stand by their names.
const BYTES_MAX: usize = 4_096;
/// Stand-ins for what every account and region has of its own.
const PSEUDO: [(&str, &str); 4] = [
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "us-east-1"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Written in the template.
    Written(String),
    /// Known when it is deployed: what is referred to.
    Referred(String),
}

/// The name and the argument of an intrinsic function.
pub(super) fn intrinsic(value: &Value) -> Option<(&str, &Value)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (name, argument) = members.iter().next()?;
    (name == "Ref" || name.starts_with("Fn::")).then_some((name, argument))
}

/// `!Ref AWS::NoValue`: nothing stands there.
pub(super) fn is_no_value(value: &Value) -> bool {
    intrinsic(value) == Some(("Ref", &Value::from("AWS::NoValue")))
}

/// The pieces as one text, with `<Name>` for what is referred to.
pub(super) fn joined(pieces: &[Piece]) -> String {
    let each = pieces.iter().map(|piece| match piece {
        Piece::Written(text) => text.clone(),
        Piece::Referred(name) => format!("<{name}>"),
    });
    each.collect()
}

impl Reading<'_> {
    /// The text of a value, `<Name>` for what is referred to.
    pub(super) fn text(&self, value: &Value) -> String {
        joined(&self.pieces(value))
    }

    /// The parts of which a value is made. The document's depth cap bounds the recursion.
    pub(super) fn pieces(&self, value: &Value) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.add(value, &mut pieces);
        pieces
    }

    fn add(&self, value: &Value, pieces: &mut Vec<Piece>) {
        match value {
            Value::String(text) => pieces.push(Piece::Written(text.clone())),
            Value::Bool(_) | Value::Number(_) => pieces.push(Piece::Written(value.to_string())),
            Value::Object(_) => {
                if let Some((name, argument)) = intrinsic(value) {
                    self.function(name, argument, pieces);
                }
            }
            Value::Null | Value::Array(_) => {}
        }
    }

    fn function(&self, name: &str, argument: &Value, pieces: &mut Vec<Piece>) {
        match (name, argument) {
            ("Ref", Value::String(target)) => pieces.push(self.referred(target, pieces)),
            ("Fn::GetAtt", Value::String(target)) => pieces.push(Piece::Referred(target.clone())),
            ("Fn::GetAtt", Value::Array(parts)) => {
                let parts: Vec<String> = parts.iter().map(|part| self.text(part)).collect();
                pieces.push(Piece::Referred(parts.join(".")));
            }
            ("Fn::Sub", Value::String(text)) => self.substituted(text, &Map::new(), pieces),
            ("Fn::Sub", Value::Array(parts)) => {
                let text = parts.first().and_then(Value::as_str).unwrap_or_default();
                let none = Map::new();
                self.substituted(text, parts.get(1).and_then(Value::as_object).unwrap_or(&none), pieces);
            }
            ("Fn::Join", Value::Array(parts)) => {
                let between = parts.first().map(|between| self.text(between)).unwrap_or_default();
                let items = parts.get(1).map(|items| self.items(items, String::new())).unwrap_or_default();
                for (at, (item, _)) in items.into_iter().enumerate() {
                    if at > 0 {
                        pieces.push(Piece::Written(between.clone()));
                    }
                    self.add(item, pieces);
                }
            }
            ("Fn::If", Value::Array(_)) => {
                if let Some((chosen, _)) = self.chosen(argument) {
                    self.add(chosen, pieces);
                }
            }
            ("Fn::FindInMap", Value::Array(keys)) => match self.mapped(keys) {
                Some(found) => self.add(found, pieces),
                None => pieces.push(Piece::Referred(format!("Fn::FindInMap {argument}"))),
            },
            (name, Value::String(text)) => pieces.push(Piece::Referred(format!("{name} {text}"))),
            (name, other) => pieces.push(Piece::Referred(format!("{name} {other}"))),
        }
    }

    /// What stands for a reference, unless what there is already is long.
    fn referred(&self, name: &str, before: &[Piece]) -> Piece {
        if let Some((_, stand_in)) = PSEUDO.iter().find(|(pseudo, _)| *pseudo == name) {
            return Piece::Written((*stand_in).to_owned());
        }
        let written = |piece: &Piece| if let Piece::Written(text) = piece { text.len() } else { 0 };
        let long = before.iter().map(written).sum::<usize>() > BYTES_MAX;
        match self.default(name).filter(|_| !long) {
            Some(default) => Piece::Written(default.to_owned()),
            None => Piece::Referred(name.to_owned()),
        }
    }

    /// A parameter's default, where it stands for the value itself: not hidden, not the name of a stored one, not empty.
    pub(super) fn default(&self, name: &str) -> Option<&str> {
        let parameter = self.template.parameters.get(name)?;
        let is_itself = !parameter.no_echo && !parameter.kind.as_str().starts_with("AWS::SSM::");
        parameter.default.as_deref().filter(|default| is_itself && !default.is_empty())
    }

    fn substituted(&self, text: &str, variables: &Map<String, Value>, pieces: &mut Vec<Piece>) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            pieces.push(Piece::Written(before.to_owned()));
            let Some((name, behind)) = after.split_once('}') else {
                pieces.push(Piece::Written(format!("${{{after}")));
                return;
            };
            rest = behind;
            let name = name.trim();
            match (name.strip_prefix('!'), variables.get(name)) {
                (Some(literal), _) => pieces.push(Piece::Written(format!("${{{literal}}}"))),
                (None, Some(value)) => self.add(value, pieces),
                (None, None) => pieces.push(self.referred(name, pieces)),
            }
        }
        pieces.push(Piece::Written(rest.to_owned()));
    }

    /// What `Fn::FindInMap` finds, where its keys are written.
    fn mapped(&self, keys: &[Value]) -> Option<&Value> {
        let [map, top, second] = keys else { return None };
        let map = self.template.mappings.get(&self.text(map))?;
        map.get(&self.text(top))?.get(&self.text(second)).filter(|found| found.is_string())
    }
}
