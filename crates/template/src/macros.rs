//! All that a template's `Transform` asks for, run in the order in which it asks.
//!
//! Runs AWS's own: includes first, then `AWS::LanguageExtensions` and the serverless transform as they are listed. A
//! macro that it does not know stays named in `Transform`, for the caller to refuse.

use base::Timestamp;
use indexmap::IndexMap;
use serde_json::Value;

use crate::document::Document;
use crate::error::TemplateError;
use crate::include::{self, Includes, NoIncludes};
use crate::parameter::{self, Given, Lookup, Nothing};
use crate::scope::{Pseudo, Scope};
use crate::{language, sam, template};

/// What macros may look at.
pub struct Macros<'a> {
    /// Values for parameters.
    pub given: &'a IndexMap<String, Given>,
    /// The values of the stack's last operation.
    pub previous: &'a IndexMap<String, String>,
    /// The pseudo parameters.
    pub pseudo: &'a Pseudo,
    /// What the account holds.
    pub lookup: &'a dyn Lookup,
    /// Where included text comes from.
    pub includes: &'a dyn Includes,
    /// When they run: what is to be another thing every time is named by it.
    pub now: Timestamp,
}

impl<'a> Macros<'a> {
    /// Macros that can include nothing and know nothing of the account.
    pub fn new(
        given: &'a IndexMap<String, Given>,
        previous: &'a IndexMap<String, String>,
        pseudo: &'a Pseudo,
        now: Timestamp,
    ) -> Self {
        Self { given, previous, pseudo, lookup: &Nothing, includes: &NoIncludes, now }
    }

    /// The template as it is after its macros.
    ///
    /// # Errors
    /// What a macro refuses; [`TemplateError::causes`] has the single problems where it tells several.
    pub fn run(&self, mut document: Document) -> Result<Document, TemplateError> {
        let located = |error: TemplateError, document: &Document| error.located(document.places());
        if include::wanted(&document.root) {
            let scope = self.scope(&document)?;
            let root = include::expand(document.root.clone(), &scope, self.includes);
            document.root = root.map_err(|error| located(error, &document))?;
        }
        let mut extended = false;
        for call in calls(&document.root) {
            match call.as_str() {
                Some(language::TRANSFORM) => {
                    extended = true;
                    let scope = self.scope(&document)?;
                    let root = language::expand(document.root.clone(), &scope);
                    document.root = root.map_err(|error| located(error, &document))?;
                }
                Some(sam::TRANSFORM) => {
                    let root = sam::transform(&document.root, &self.values(), &self.pseudo.region, self.now);
                    document.root = root.map_err(|problems| problems.located(&document))?;
                }
                Some(_) => continue,
                None => {
                    let scope = self.scope(&document)?;
                    if let Some(root) = document.root.as_object_mut() {
                        include::sections(root, &call, &scope, self.includes)
                            .map_err(|error| error.under("Transform"))?;
                    }
                }
            }
            drop_call(&mut document.root, &call);
        }
        if !extended {
            language::refuse(&document.root).map_err(|error| located(error, &document))?;
        }
        Ok(document)
    }

    /// What is known before the sections are read. A parameter without a value is an error only where it is used.
    fn scope(&self, document: &Document) -> Result<Scope, TemplateError> {
        let declared = template::parameters(document)?;
        let given = self.given.iter().filter(|(name, _)| declared.contains_key(*name));
        let given = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        let (values, _) = parameter::known(&declared, &given, self.previous, self.lookup)?;
        Ok(Scope::early(values, template::mappings(document)?, self.pseudo.clone()))
    }

    /// The values that were given, as the serverless transform takes them.
    fn values(&self) -> IndexMap<String, Value> {
        let known = self.given.iter().filter_map(|(name, value)| {
            let text = match value {
                Given::Value(text) | Given::Accepted(text) | Given::Later(text) => Some(text),
                Given::Previous => self.previous.get(name),
            };
            Some((name.clone(), Value::from(text?.as_str())))
        });
        known.collect()
    }
}

fn calls(root: &Value) -> Vec<Value> {
    match root.get("Transform") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(calls)) => calls.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// A macro that ran is not named any more.
fn drop_call(root: &mut Value, call: &Value) {
    let Some(root) = root.as_object_mut() else { return };
    if let Some(Value::Array(calls)) = root.get_mut("Transform") {
        calls.retain(|other| other != call);
        if !calls.is_empty() {
            return;
        }
    } else if root.get("Transform") != Some(call) {
        return;
    }
    root.shift_remove("Transform");
}
