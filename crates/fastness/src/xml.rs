//! Reads elements out of the platform's own XML answers.
//!
//! No parser of strangers' XML: it knows the flat forms that the platform writes, and nothing else.

/// What stands in each element of this name, as it stands there.
pub(crate) fn pieces<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let pieces = xml.split(open.as_str()).skip(1);
    pieces.filter_map(|piece| piece.split_once(close.as_str())).map(|(text, _)| text).collect()
}

/// The texts of all elements of this name.
pub(crate) fn elements(xml: &str, name: &str) -> Vec<String> {
    pieces(xml, name).into_iter().map(unescaped).collect()
}

/// The text of the first element of this name.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    pieces(xml, name).first().map(|text| unescaped(text))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&#xA;", "\n")
        .replace("&#xD;", "\r")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read() {
        let xml = "<a><member>p &amp; q</member><member><b>r</b></member></a>";
        assert_eq!(elements(xml, "member"), ["p & q", "<b>r</b>"]);
        assert_eq!(element(xml, "b").as_deref(), Some("r"));
        assert_eq!(element(xml, "c"), None);
    }
}
