//! Bodies of the fuzz targets, callable by tests. Never part of the interface.

use indexmap::IndexMap;

use crate::{Document, Plan, Pseudo, Scope, Template, parameter, sam};

/// Any text as a template: parsed, transformed, planned. Must not panic, hang or overflow the stack.
pub fn fuzz_template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(mut document) = Document::parse(text) else { return };
    if sam::wanted(&document.root) {
        match sam::transform(&document.root, &IndexMap::new(), "us-east-1") {
            Ok(root) => document.root = root,
            Err(_) => return,
        }
    }
    let Ok(template) = Template::from_document(&document) else { return };
    let Ok(values) = parameter::resolve(&template, &IndexMap::new(), &IndexMap::new()) else { return };
    let pseudo = Pseudo {
        account_id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        stack_id: "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1".to_owned(),
        stack_name: "s".to_owned(),
    };
    if let Ok(scope) = Scope::new(&template, values, pseudo) {
        let _ = Plan::new(&template, scope);
    }
}
