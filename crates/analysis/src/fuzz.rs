//! Bodies of the fuzz targets, as ordinary functions that tests call too.
//!
//! Whatever the bytes, they are read or refused, and never a panic.

/// A template is checked, or refused; no finding stands behind the text's end.
pub fn fuzz_template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(findings) = crate::template::check(text, &|_| None) {
        let lines = text.lines().count();
        assert!(findings.iter().all(|finding| finding.line.is_none_or(|line| line <= lines.max(1))));
    }
}

/// Two documents are compared and validated, or refused; a policy grants nothing that it does not grant already.
pub fn fuzz_access(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(document) = crate::access::Document::parse(text) {
        let _ = crate::access::new_access(&document, &document);
        let _ = crate::access::granted(&document, &[crate::access::Listed::default()]);
    }
    let _ = crate::access::no_public_access(text);
    let _ = crate::access::exposures(text, &crate::access::Zone::default());
    let findings = crate::validate::validate(text, crate::validate::Kind::Resource);
    let within = |finding: &crate::validate::Finding| {
        finding.locations.iter().all(|it| it.span.end.offset <= text.len())
    };
    assert!(findings.iter().all(within));
}

/// A document is read as `serde_json` reads it, or refused; every place in it lies in the text.
pub fn fuzz_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(node) = crate::json::parse(text) {
        assert!(node.span.end.offset <= text.len() && node.span.start.offset <= node.span.end.offset);
    }
}
