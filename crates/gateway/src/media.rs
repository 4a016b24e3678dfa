//! Which bodies are bytes and which are text: an API's binary media types.
//!
//! It never looks into a body.

/// An API's binary media types, such as `image/png`, `image/*` and `*/*`.
#[derive(Clone, Debug, Default)]
pub(crate) struct BinaryTypes(Vec<String>);

impl BinaryTypes {
    pub(crate) fn new(types: &[String]) -> Self {
        Self(types.iter().map(|one| one.to_ascii_lowercase()).collect())
    }

    /// True where a body of this content type, or an answer to this `Accept`, is bytes. Only the first of several types
    /// counts, and its parameters do not.
    pub(crate) fn contain(&self, header: Option<&str>) -> bool {
        let Some(header) = header else { return self.0.iter().any(|one| one == "*/*") };
        let first = header.split([',', ';']).next().unwrap_or_default().trim().to_ascii_lowercase();
        self.0.iter().any(|one| {
            one == "*/*"
                || *one == first
                || one
                    .strip_suffix("/*")
                    .is_some_and(|kind| first.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/')))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_without_parameters() {
        let types = BinaryTypes::new(&["image/*".into(), "Application/ZIP".into()]);
        for (header, expected) in [
            (Some("image/png"), true),
            (Some("IMAGE/PNG; q=1"), true),
            (Some("image/png, text/html"), true),
            (Some("text/html, image/png"), false),
            (Some("application/zip;x=y"), true),
            (Some("imagex/png"), false),
            (Some("*/*"), false),
            (None, false),
        ] {
            assert_eq!(types.contain(header), expected, "{header:?}");
        }
        assert!(BinaryTypes::new(&["*/*".into()]).contain(None));
    }
}
