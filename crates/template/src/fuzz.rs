//! Bodies of the fuzz targets, callable by tests. Never part of the interface.

use base::Timestamp;
use indexmap::IndexMap;

use serde_json::Value;

use crate::{Document, Includes, Macros, Plan, Pseudo, Resources, Scope, Template, TemplateError, parameter};

/// Any text as a template: parsed, transformed, planned. Must not panic, hang or overflow the stack.
pub fn fuzz_template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(document) = Document::parse(text) else { return };
    let none = (IndexMap::new(), IndexMap::new());
    let pseudo = pseudo();
    let macros =
        Macros { includes: &Itself(text), ..Macros::new(&none.0, &none.1, &pseudo, Timestamp::default()) };
    let Ok(document) = macros.run(document) else { return };
    let Ok(template) = Template::from_document(&document) else { return };
    let Ok(values) = parameter::resolve(&template, &IndexMap::new(), &IndexMap::new()) else { return };
    if let Ok(scope) = Scope::new(&template, values, pseudo) {
        let Ok(plan) = Plan::new(&template, scope) else { return };
        for id in plan.order() {
            let _ = plan.properties(id, &Echo);
        }
        let _ = plan.outputs(&Echo);
    }
}

fn pseudo() -> Pseudo {
    Pseudo {
        account_id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        stack_id: "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1".to_owned(),
        stack_name: "s".to_owned(),
    }
}

/// Every location holds the same hostile text.
struct Itself<'a>(&'a str);

impl Includes for Itself<'_> {
    fn text(&self, _: &str) -> Result<String, TemplateError> {
        Ok(self.0.to_owned())
    }
}

/// Every reference resolves.
struct Echo;

impl Resources for Echo {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Ok(logical_id.into())
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        Ok(vec![logical_id, attribute].into())
    }
}
