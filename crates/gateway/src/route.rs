//! Finds the method that answers a path: exact parts before `{parameters}` before `{greedy+}`, a named method before `ANY`.
//!
//! A resource that matches the path and has no method for the request does not end the search: a less exact one may.
//! The tree has one node for each resource and each is visited at most once, so hostile paths cost nothing extra.

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::records::DeployedMethod;

/// All routes of a deployment.
#[derive(Debug, Default)]
pub(crate) struct Router {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    parameter: Option<Box<(String, Node)>>,
    greedy: Option<(String, Methods)>,
    methods: Methods,
}

/// Places in the deployment's list of methods.
type Methods = HashMap<String, usize>;

/// A found method.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// Its place in the deployment's list.
    pub(crate) method: usize,
    /// The path's parameters, decoded.
    pub(crate) parameters: Vec<(String, String)>,
}

/// A request's path behind the stage, taken apart once for routing, parameters and policy alike.
// SECURITY: what routes and what policies decide on must be the same text, or a policy could be walked around.
#[derive(Debug)]
pub(crate) struct RequestPath<'p> {
    raw: &'p str,
    segments: Vec<Cow<'p, str>>,
}

impl<'p> RequestPath<'p> {
    /// Takes a raw path apart. A trailing slash does not count.
    pub(crate) fn new(raw: &'p str) -> Self {
        let trimmed = raw.strip_prefix('/').unwrap_or(raw);
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let segments = if trimmed.is_empty() { Vec::new() } else { trimmed.split('/').map(decode).collect() };
        Self { raw, segments }
    }

    /// The path as it was sent; `/` where it is empty.
    pub(crate) fn raw(&self) -> &'p str {
        if self.raw.is_empty() { "/" } else { self.raw }
    }

    /// The path as policies see it, without its first slash.
    pub(crate) fn for_policy(&self) -> String {
        self.segments.join("/")
    }

    /// The path as a function's parameters spell it, where encoded slashes make that another text.
    // SECURITY: a policy on `admin/*` must hold for `admin%2Fx` too, which a `{proxy+}` hands on as `admin/x`.
    pub(crate) fn with_slashes(&self) -> Option<String> {
        let plain = self.for_policy();
        let slashes = value(&plain);
        (slashes != plain).then_some(slashes)
    }
}

/// A part as routes and policies see it: decoded, but for a slash, which must not make one part two.
// SECURITY: decoded as far as a function's parameters are, so that no spelling of a path slips past a policy on it.
fn decode(segment: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    if decoded.contains('/') { Cow::Owned(decoded.replace('/', "%2F")) } else { decoded }
}

/// A decoded part as a parameter's value, its slashes put back (also those that were encoded twice).
fn value(segment: &str) -> String {
    segment.replace("%2F", "/")
}

impl Router {
    /// Builds the tree.
    pub(crate) fn new(methods: &[DeployedMethod]) -> Self {
        let mut router = Self::default();
        for (place, method) in methods.iter().enumerate() {
            let mut node = &mut router.root;
            let mut found = None;
            for part in method.resource_path.split('/').filter(|part| !part.is_empty()) {
                match parameter_name(part) {
                    Some((name, true)) => {
                        let greedy = node.greedy.get_or_insert_with(|| (name.to_owned(), Methods::new()));
                        found = Some(&mut greedy.1);
                        break;
                    }
                    Some((name, false)) => {
                        let child = node
                            .parameter
                            .get_or_insert_with(|| Box::new((name.to_owned(), Node::default())));
                        node = &mut child.1;
                    }
                    None => node = node.literals.entry(part.to_owned()).or_default(),
                }
            }
            let methods = match found {
                Some(methods) => methods,
                None => &mut node.methods,
            };
            methods.insert(method.http_method.clone(), place);
        }
        router
    }

    /// The method for a path.
    pub(crate) fn find(&self, http_method: &str, path: &RequestPath<'_>) -> Option<Match> {
        let mut parameters = Vec::new();
        let method = self.root.find(http_method, &path.segments, &mut parameters)?;
        Some(Match { method, parameters })
    }
}

/// The name of a `{parameter}` or `{greedy+}` part, and whether it is greedy.
pub(crate) fn parameter_name(part: &str) -> Option<(&str, bool)> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').map_or((name, false), |name| (name, true)))
}

impl Node {
    fn find(
        &self,
        http_method: &str,
        segments: &[Cow<'_, str>],
        parameters: &mut Vec<(String, String)>,
    ) -> Option<usize> {
        let Some((first, rest)) = segments.split_first() else { return pick(&self.methods, http_method) };
        if let Some(child) = self.literals.get(&**first)
            && let Some(found) = child.find(http_method, rest, parameters)
        {
            return Some(found);
        }
        if let Some(child) = self.parameter.as_deref().filter(|_| !first.is_empty()) {
            let depth = parameters.len();
            parameters.push((child.0.clone(), value(first)));
            if let Some(found) = child.1.find(http_method, rest, parameters) {
                return Some(found);
            }
            parameters.truncate(depth);
        }
        let (name, methods) = self.greedy.as_ref()?;
        let found = pick(methods, http_method)?;
        let values: Vec<_> = segments.iter().map(|segment| value(segment)).collect();
        parameters.push((name.clone(), values.join("/")));
        Some(found)
    }
}

fn pick(methods: &Methods, http_method: &str) -> Option<usize> {
    methods.get(http_method).or_else(|| methods.get("ANY")).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{Authorization, Integration, Mock};

    fn router(routes: &[&str]) -> Router {
        let method = |route: &&str| {
            let (http_method, path) = route.split_once(' ').unwrap();
            DeployedMethod {
                resource_id: String::new(),
                resource_path: path.into(),
                http_method: http_method.into(),
                authorization: Authorization::None,
                authorizer: None,
                api_key_required: false,
                validation: None,
                integration: Integration::Mock(Mock::default()),
            }
        };
        Router::new(&routes.iter().map(method).collect::<Vec<_>>())
    }

    #[test]
    fn the_most_exact_route_answers() {
        const ROUTES: &[&str] = &[
            "GET /",
            "GET /a",
            "GET /a/{x}",
            "POST /a/{x}",
            "GET /a/b",
            "ANY /a/{rest+}",
            "ANY /{proxy+}",
            "GET /{y}/c",
        ];
        let router = router(ROUTES);
        for (request, route, parameters) in [
            ("GET /", Some("GET /"), ""),
            ("GET ", Some("GET /"), ""),
            ("POST /", None, ""),
            ("GET /a", Some("GET /a"), ""),
            ("GET /a/", Some("GET /a"), ""),
            ("DELETE /a", Some("ANY /{proxy+}"), "proxy=a"),
            ("GET /a/b", Some("GET /a/b"), ""),
            ("GET /%61/b", Some("GET /a/b"), ""),
            ("POST /a/b", Some("POST /a/{x}"), "x=b"),
            ("DELETE /a/b", Some("ANY /a/{rest+}"), "rest=b"),
            ("GET /a/c", Some("GET /a/{x}"), "x=c"),
            ("GET /a/c%20d", Some("GET /a/{x}"), "x=c d"),
            ("GET /a/b%2Fc", Some("GET /a/{x}"), "x=b/c"),
            ("GET /a/c/d", Some("ANY /a/{rest+}"), "rest=c/d"),
            ("GET /z/c", Some("GET /{y}/c"), "y=z"),
            ("GET /z/d", Some("ANY /{proxy+}"), "proxy=z/d"),
            ("GET /a//b", Some("ANY /a/{rest+}"), "rest=/b"),
            ("GET /a/../b", Some("ANY /a/{rest+}"), "rest=../b"),
            ("GET /a/%ff", Some("GET /a/{x}"), "x=\u{fffd}"),
            ("GET /a/%62", Some("GET /a/b"), ""),
            ("GET /a/%2562", Some("GET /a/{x}"), "x=%62"),
        ] {
            let (http_method, path) = request.split_once(' ').unwrap();
            let found = router.find(http_method, &RequestPath::new(path));
            let shown = found.as_ref().map(|found| ROUTES[found.method]);
            assert_eq!(shown, route, "{request}");
            let pairs = found.map(|found| found.parameters).unwrap_or_default();
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(pairs.join("&"), parameters, "{request}");
        }
    }

    #[test]
    fn an_encoded_slash_has_a_second_spelling() {
        for (raw, second) in [
            ("/a/b", None),
            ("/admin%2Fx", Some("admin/x")),
            ("/admin%2fx/y", Some("admin/x/y")),
            ("/admin%252Fx", Some("admin/x")),
        ] {
            assert_eq!(RequestPath::new(raw).with_slashes().as_deref(), second, "{raw}");
        }
    }

    #[test]
    fn policies_see_the_text_that_routes() {
        for (raw, seen) in [
            ("/a/b", "a/b"),
            ("/a/b/", "a/b"),
            ("/%61/b", "a/b"),
            ("/a%2Fb", "a%2Fb"),
            ("/%61%2fb", "a%2Fb"),
            ("/%61%ff", "a\u{fffd}"),
            ("/", ""),
            ("", ""),
            ("/a//b", "a//b"),
        ] {
            assert_eq!(RequestPath::new(raw).for_policy(), seen, "{raw}");
        }
    }
}
