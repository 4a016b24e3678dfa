//! From bytes to a tree of elements, within bounds of depth and number.
//!
//! Refuses document types, and with them every entity but the five of XML itself: nothing in a document can make it
//! larger than it is. Namespaces are not resolved: elements go by their local names, attributes by their full ones.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{DEPTH_MAX, VALUES_MAX};
use crate::Fault;

/// The most attributes that one element may have.
const ATTRIBUTES_MAX: usize = 32;

/// An element with everything in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// All text directly inside, in one piece.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What is not a document of the API's form.
pub(super) fn malformed() -> Fault {
    Fault::sender(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

/// The root element of a document.
pub(super) fn parse(bytes: &[u8]) -> Result<Element, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0_usize;
    loop {
        match reader.read_event().map_err(|_| malformed())? {
            Event::Start(tag) => {
                elements += 1;
                // A second root, or more than any request of ours can mean.
                if root.is_some() || open.len() >= DEPTH_MAX || elements > VALUES_MAX {
                    return Err(malformed());
                }
                open.push(start(&tag)?);
            }
            Event::Empty(tag) => {
                elements += 1;
                if root.is_some() || elements > VALUES_MAX {
                    return Err(malformed());
                }
                close(start(&tag)?, &mut open, &mut root);
            }
            Event::End(_) => {
                let done = open.pop().ok_or_else(malformed)?;
                close(done, &mut open, &mut root);
            }
            Event::Text(text) => add(&mut open, &text.xml10_content())?,
            Event::CData(text) => add(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let char = match reference.resolve_char_ref().map_err(|_| malformed())? {
                    Some(char) => char,
                    None => named(&reference).ok_or_else(malformed)?,
                };
                add(&mut open, char.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err(malformed()),
            Event::Eof => return root.filter(|_| open.is_empty()).ok_or_else(malformed),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn start(tag: &BytesStart<'_>) -> Result<Element, Fault> {
    let mut element = Element { name: local(tag.name().as_ref()).to_owned(), ..Element::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| malformed())?;
        if element.attributes.len() >= ATTRIBUTES_MAX {
            return Err(malformed());
        }
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|_| malformed())?.into_owned();
        element.attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Ok(element)
}

fn close(done: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None => *root = Some(done),
    }
}

/// Text outside the root may only be white space.
fn add(open: &mut [Element], text: &str) -> Result<(), Fault> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() => {}
        None => return Err(malformed()),
    }
    Ok(())
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn named(reference: &str) -> Option<char> {
    Some(match reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_become_trees() {
        let root = parse(b"<?xml version=\"1.0\"?>\n<a xmlns=\"n\" x:k=\"1&amp;2\"><!-- c --><x:b> t&lt;&#65;<![CDATA[<>]]></x:b><c/></a>\n")
            .unwrap();
        assert_eq!((root.name.as_str(), root.attribute("x:k"), root.children.len()), ("a", Some("1&2"), 2));
        assert_eq!((root.children[0].name.as_str(), root.children[0].text.as_str()), ("b", " t<A<>"));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = "<a>".repeat(100_000);
        let many = format!("<a {}/>", (0..40).map(|at| format!("k{at}='' ")).collect::<String>());
        for text in [
            "",
            " ",
            "x",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a>&nope;</a>",
            "<a>&#0;</a>",
            "<a k=1/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a k='&b;'/>",
            "<a k='' k=''/>",
            "<a>&</a>",
            &deep,
            &many,
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text:.80}");
        }
        assert!(parse(b"<a>\xff</a>").is_err());
    }
}
