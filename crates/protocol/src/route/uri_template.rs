//! `/functions/{FunctionName}/invocations?Qualifier=x`: matching raw paths against a model's templates.
//!
//! Segments are split before anything is decoded, so that an encoded slash stays inside its label.

use percent_encoding::percent_decode_str;

/// One piece of a path between slashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Literal(&'static str),
    Label(&'static str),
    /// Takes one or more segments, slashes included.
    Greedy(&'static str),
}

/// A parsed `requestUri`.
#[derive(Debug)]
pub struct UriTemplate {
    text: &'static str,
    segments: Vec<Segment>,
    /// Query parameters that must be present; with this value where there is one.
    query: Vec<(&'static str, Option<&'static str>)>,
}

/// The decoded labels of a path that matched.
pub(crate) type Labels = Vec<(&'static str, String)>;

impl UriTemplate {
    pub(crate) fn parse(text: &'static str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let segments = split(path)
            .map(|segment| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(label) => match label.strip_suffix('+') {
                    Some(greedy) => Segment::Greedy(greedy),
                    None => Segment::Label(label),
                },
                None => Segment::Literal(segment),
            })
            .collect();
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value))))
            .collect();
        Self { text, segments, query }
    }

    /// The template as the model has it.
    pub const fn as_str(&self) -> &'static str {
        self.text
    }

    /// The query parameters that must be there, whatever their value.
    pub(super) fn flags(&self) -> impl Iterator<Item = &'static str> {
        self.query.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name)
    }

    /// How many literals it has: of two templates that match, the one with more is meant.
    pub(crate) fn specificity(&self) -> (usize, usize) {
        let literals = self.segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count();
        (literals, self.query.len())
    }

    /// True where the raw path and query fit. Allocates nothing.
    pub(crate) fn matches(&self, path: &str, query: &str) -> bool {
        self.walk(path, |_, _| true)
            && self.query.iter().all(|(name, value)| has_parameter(query, name, *value))
    }

    /// The labels of a path that matches; `None` where it does not, or where a label is not UTF-8.
    pub(crate) fn labels(&self, path: &str) -> Option<Labels> {
        let mut labels = Labels::new();
        let matched = self.walk(path, |name, raw| match percent_decode_str(raw).decode_utf8() {
            Ok(text) => {
                labels.push((name, text.into_owned()));
                true
            }
            Err(_) => false,
        });
        matched.then_some(labels)
    }

    fn walk<'p>(&self, path: &'p str, mut label: impl FnMut(&'static str, &'p str) -> bool) -> bool {
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        let mut remaining = self.segments.len();
        for segment in &self.segments {
            remaining -= 1;
            if let Segment::Greedy(name) = segment {
                let Some(taken) = greedy(rest, remaining) else { return false };
                if taken.is_empty() || !label(name, taken) {
                    return false;
                }
                rest = rest.get(taken.len()..).unwrap_or_default().trim_start_matches('/');
                continue;
            }
            let (raw, behind) = rest.split_once('/').unwrap_or((rest, ""));
            rest = behind;
            let fits = match segment {
                Segment::Literal(literal) => raw == *literal,
                Segment::Label(name) => !raw.is_empty() && label(name, raw),
                Segment::Greedy(_) => false,
            };
            if !fits {
                return false;
            }
        }
        rest.is_empty()
    }
}

/// All of the path but its last `behind` segments.
fn greedy(path: &str, behind: usize) -> Option<&str> {
    let mut taken = path;
    for _ in 0..behind {
        taken = taken.rsplit_once('/')?.0;
    }
    Some(taken)
}

/// The segments of a template, without the empty one that a trailing slash makes.
fn split(path: &'static str) -> impl Iterator<Item = &'static str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').filter(move |segment| !(segment.is_empty() && path.is_empty()))
}

pub(super) fn has_parameter(query: &str, name: &str, value: Option<&str>) -> bool {
    query.split('&').any(|pair| {
        let (found, given) = pair.split_once('=').unwrap_or((pair, ""));
        found == name && value.is_none_or(|value| value == given)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_raw_segments() {
        type Expected = Option<&'static [(&'static str, &'static str)]>;
        let cases: &[(&str, &str, Expected)] = &[
            ("/functions/{Name}/invocations", "/functions/a%2Fb/invocations", Some(&[("Name", "a/b")])),
            ("/functions/{Name}", "/functions/", None),
            ("/functions/", "/functions", Some(&[])),
            ("/functions", "/functions/", Some(&[])),
            ("/", "/", Some(&[])),
            ("/{Key+}", "/a/b/c", Some(&[("Key", "a/b/c")])),
            ("/{Key+}/x", "/a/b/x", Some(&[("Key", "a/b")])),
            ("/{Key+}", "/", None),
            ("/a/{B}", "/a/b/c", None),
            ("/a/{B}", "/a/%ff", None),
        ];
        for (template, path, expected) in cases {
            let labels = UriTemplate::parse(template).labels(path);
            let labels: Option<Vec<(&str, &str)>> = labels
                .as_ref()
                .map(|labels| labels.iter().map(|(name, value)| (*name, value.as_str())).collect());
            assert_eq!(labels.as_deref(), *expected, "{template} {path}");
        }
    }

    #[test]
    fn a_query_literal_must_be_present() {
        let template = UriTemplate::parse("/restapis?mode=import");
        assert!(template.matches("/restapis", "failonwarnings=true&mode=import"));
        assert!(!template.matches("/restapis", "mode=other"));
    }
}
