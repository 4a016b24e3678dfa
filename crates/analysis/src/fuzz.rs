//! Bodies of the fuzz targets, as ordinary functions that tests call too.
//!
//! Whatever the bytes, they are read or refused, and never a panic.

/// A document is read as `serde_json` reads it, or refused; every place in it lies in the text.
pub fn fuzz_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(node) = crate::json::parse(text) {
        assert!(node.span.end.offset <= text.len() && node.span.start.offset <= node.span.end.offset);
    }
}
