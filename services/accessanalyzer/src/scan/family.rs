//! Resources that are looked at together: a function with its aliases and versions, a table with its streams.
//!
//! It reads names only, and what it does not know is nothing to look at.

/// What kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Role,
    Bucket,
    Function,
    Layer,
    Table,
}

/// A resource and what hangs on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Family {
    pub(crate) sort: Sort,
    /// The ARN of its head.
    pub(crate) arn: String,
    /// The head's name, without a path.
    pub(crate) name: String,
}

impl Family {
    /// The family of the resource with this ARN.
    pub(crate) fn of(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, service, _, _, resource] = parts.as_slice() else { return None };
        let head = arn.strip_suffix(resource)?;
        let first = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
        let family = |sort: Sort, kept: String, name: String| {
            let arn = format!("{head}{kept}");
            (!name.is_empty()).then_some(Self { sort, arn, name })
        };
        match *service {
            "iam" => {
                let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
                family(Sort::Role, (*resource).to_owned(), name.to_owned())
            }
            "s3" if !resource.contains(['/', ':']) => {
                family(Sort::Bucket, (*resource).to_owned(), (*resource).to_owned())
            }
            "lambda" => {
                let (kind, rest) = resource.split_once(':')?;
                let sort = match kind {
                    "function" => Sort::Function,
                    "layer" => Sort::Layer,
                    _ => return None,
                };
                family(sort, format!("{kind}:{}", first(rest)), first(rest))
            }
            "dynamodb" => {
                let name = resource.strip_prefix("table/")?.split('/').next()?;
                family(Sort::Table, format!("table/{name}"), name.to_owned())
            }
            _ => None,
        }
    }

    /// True where the resource with this ARN belongs to it.
    pub(crate) fn has(&self, arn: &str) -> bool {
        let rest = arn.strip_prefix(&self.arn);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    }
}

/// The type of the resource with this ARN.
pub(crate) fn type_of(arn: &str) -> Option<&'static str> {
    Some(match Family::of(arn)?.sort {
        Sort::Role => "AWS::IAM::Role",
        Sort::Bucket => "AWS::S3::Bucket",
        Sort::Function => "AWS::Lambda::Function",
        Sort::Layer => "AWS::Lambda::LayerVersion",
        Sort::Table if arn.contains("/stream/") => "AWS::DynamoDB::Stream",
        Sort::Table => "AWS::DynamoDB::Table",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_have_families() {
        for (arn, expected) in [
            ("arn:aws:iam::1:role/team/r", Some(("arn:aws:iam::1:role/team/r", "r"))),
            ("arn:aws:iam::1:user/u", None),
            ("arn:aws:s3:::b", Some(("arn:aws:s3:::b", "b"))),
            ("arn:aws:s3:::b/k", None),
            ("arn:aws:lambda:r:1:function:f", Some(("arn:aws:lambda:r:1:function:f", "f"))),
            ("arn:aws:lambda:r:1:function:f:live", Some(("arn:aws:lambda:r:1:function:f", "f"))),
            ("arn:aws:lambda:r:1:layer:l:3", Some(("arn:aws:lambda:r:1:layer:l", "l"))),
            ("arn:aws:lambda:r:1:event-source-mapping:u", None),
            ("arn:aws:dynamodb:r:1:table/t/stream/2026", Some(("arn:aws:dynamodb:r:1:table/t", "t"))),
            ("nonsense", None),
        ] {
            let family = Family::of(arn);
            let found = family.as_ref().map(|family| (family.arn.as_str(), family.name.as_str()));
            assert_eq!(found, expected, "{arn}");
            assert!(family.is_none_or(|family| family.has(arn)), "{arn}");
        }
        assert!(!Family::of("arn:aws:s3:::b").unwrap().has("arn:aws:s3:::bb"));
    }
}
