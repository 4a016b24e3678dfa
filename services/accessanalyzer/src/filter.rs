//! Filters: criteria on the properties of a finding, for archive rules and lists.
//!
//! A key that is not AWS's is refused: a rule that never fits would archive nothing, and nobody would be told.

use protocol::Entries;

use crate::records::{Criterion, Details, Filter, FindingRecord};
use crate::{Error, api};

/// Keys of every finding.
const COMMON: [&str; 5] = ["error", "findingType", "resource", "resourceOwnerAccount", "resourceType"];
/// Keys of lists alone.
const LISTED: [&str; 2] = ["id", "status"];
/// Keys of what a preview found.
const PREVIEWED: [&str; 3] = ["changeType", "existingFindingId", "existingFindingStatus"];
/// Keys of external access.
const EXTERNAL: [&str; 5] = [
    "isPublic",
    "principal.AWS",
    "principal.CanonicalUser",
    "principal.Federated",
    "resourceControlPolicyRestriction",
];
/// What stands before a condition's own key.
const CONDITION: &str = "condition.";
/// Criteria of one filter.
const CRITERIA_MAX: usize = 20;

/// What a filter is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An archive rule of an analyzer of external access, or of unused access.
    Rule { unused: bool },
    /// A list.
    List { unused: bool },
    /// A list of an access preview's findings.
    Preview,
}

fn is_key(key: &str, purpose: Purpose) -> bool {
    let (lists, unused) = match purpose {
        Purpose::Rule { unused } => (false, unused),
        Purpose::List { unused } => (true, unused),
        Purpose::Preview => (true, false),
    };
    COMMON.contains(&key)
        || (purpose == Purpose::Preview && PREVIEWED.contains(&key))
        || (lists && LISTED.contains(&key))
        || (!unused
            && (EXTERNAL.contains(&key) || key.strip_prefix(CONDITION).is_some_and(|key| key.contains(':'))))
}

/// The filter of a request.
pub(crate) fn from_api(filter: Entries<api::Criterion>, purpose: Purpose) -> Result<Filter, Error> {
    if filter.iter().len() > CRITERIA_MAX {
        return Err(Error::validation(format!("A filter has at most {CRITERIA_MAX} criteria.")));
    }
    let mut known = Filter::new();
    for (key, given) in filter {
        if !is_key(&key, purpose) {
            return Err(Error::validation(format!("{key} is not a valid filter key.")));
        }
        let api::Criterion { eq, neq, contains, exists } = given;
        let criterion = Criterion { eq, neq, contains, exists };
        if criterion == Criterion::default() {
            return Err(Error::validation(format!("The criterion of {key} has no operator.")));
        }
        known.insert(key, criterion);
    }
    Ok(known)
}

/// The filter as the API shows it.
pub(crate) fn to_api(filter: &Filter) -> Entries<api::Criterion> {
    let each = filter.iter().map(|(key, criterion)| {
        let Criterion { eq, neq, contains, exists } = criterion.clone();
        (key.clone(), api::Criterion { eq, neq, contains, exists })
    });
    each.collect()
}

/// True where the finding fits every criterion.
pub(crate) fn fits(filter: &Filter, finding: &FindingRecord) -> bool {
    fits_by(filter, |key| property(finding, key))
}

/// True where what has these properties fits every criterion.
pub(crate) fn fits_by(filter: &Filter, property: impl Fn(&str) -> Option<String>) -> bool {
    filter.iter().all(|(key, criterion)| holds(criterion, property(key).as_deref()))
}

fn holds(criterion: &Criterion, value: Option<&str>) -> bool {
    let Criterion { eq, neq, contains, exists } = criterion;
    let any = |wanted: &[String], is: &dyn Fn(&str, &str) -> bool| {
        value.is_some_and(|value| wanted.iter().any(|wanted| is(value, wanted)))
    };
    eq.as_ref().is_none_or(|wanted| any(wanted, &|value, wanted| value == wanted))
        && neq.as_ref().is_none_or(|wanted| !any(wanted, &|value, wanted| value == wanted))
        && contains.as_ref().is_none_or(|wanted| any(wanted, &|value, wanted| value.contains(wanted)))
        && exists.is_none_or(|wanted| wanted == value.is_some())
}

/// A property as text; `None` where the finding has none.
pub(crate) fn property(finding: &FindingRecord, key: &str) -> Option<String> {
    let external = finding.details.external();
    if let Some(condition) = key.strip_prefix(CONDITION) {
        let conditions = &external?.conditions;
        let found = conditions.iter().find(|(name, _)| name.eq_ignore_ascii_case(condition));
        return found.map(|(_, value)| value.clone());
    }
    if let Some(kind) = key.strip_prefix("principal.") {
        return external.filter(|external| external.kind == kind).map(|external| external.principal.clone());
    }
    match key {
        "id" => Some(finding.id.clone()),
        "status" => Some(finding.status.name().to_owned()),
        "error" => finding.error.clone(),
        "findingType" => Some(finding.details.name().to_owned()),
        "resource" => Some(finding.resource.clone()),
        "resourceOwnerAccount" => Some(finding.owner.clone()),
        "resourceType" => Some(finding.resource_type.clone()),
        "isPublic" => external.map(|external| external.public.to_string()),
        "resourceControlPolicyRestriction" => external.map(|external| external.rcp.clone()),
        "createdAt" => Some(finding.created_at.iso8601_millis()),
        "analyzedAt" => Some(finding.analyzed_at.iso8601_millis()),
        "updatedAt" => Some(finding.updated_at.iso8601_millis()),
        "accessKeyId" => match &finding.details {
            Details::AccessKey { id, .. } => Some(id.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// True for what lists may be sorted by.
pub(crate) fn sorts(key: &str) -> bool {
    COMMON.contains(&key)
        || LISTED.contains(&key)
        || matches!(
            key,
            "createdAt" | "analyzedAt" | "updatedAt" | "isPublic" | "principal.AWS" | "principal.Federated"
        )
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;
    use crate::records::{External, Status};

    fn finding() -> FindingRecord {
        let at = Timestamp::from_secs(1);
        FindingRecord {
            id: "f".into(),
            resource: "arn:aws:s3:::bucket".into(),
            resource_type: "AWS::S3::Bucket".into(),
            owner: "111111111111".into(),
            created_at: at,
            analyzed_at: at,
            updated_at: at,
            status: Status::Active,
            error: None,
            details: Details::External(External {
                kind: "AWS".into(),
                principal: "222222222222".into(),
                conditions: [("aws:SourceIp".to_owned(), "198.51.100.0/24".to_owned())].into(),
                ..External::default()
            }),
        }
    }

    fn criterion(operator: &str, value: &str) -> api::Criterion {
        let values = Some(vec!["no".to_owned(), value.to_owned()]);
        match operator {
            "eq" => api::Criterion { eq: values, ..api::Criterion::default() },
            "neq" => api::Criterion { neq: values, ..api::Criterion::default() },
            "contains" => api::Criterion { contains: values, ..api::Criterion::default() },
            _ => api::Criterion { exists: Some(value == "true"), ..api::Criterion::default() },
        }
    }

    #[test]
    fn a_finding_fits_where_every_criterion_holds() {
        for (key, operator, value, expected) in [
            ("resource", "eq", "arn:aws:s3:::bucket", true),
            ("resource", "eq", "arn:aws:s3:::b", false),
            ("resource", "contains", "buck", true),
            ("resource", "neq", "arn:aws:s3:::bucket", false),
            ("resource", "neq", "other", true),
            ("principal.AWS", "eq", "222222222222", true),
            ("principal.Federated", "eq", "222222222222", false),
            ("principal.Federated", "neq", "222222222222", true),
            ("principal.Federated", "exists", "false", true),
            ("condition.AWS:sourceip", "contains", "198.51", true),
            ("condition.aws:SourceVpc", "exists", "true", false),
            ("isPublic", "eq", "false", true),
            ("error", "exists", "false", true),
            ("findingType", "eq", "ExternalAccess", true),
            ("status", "eq", "ACTIVE", true),
        ] {
            let given = Entries(vec![(key.to_owned(), criterion(operator, value))]);
            let filter = from_api(given, Purpose::List { unused: false }).unwrap();
            assert_eq!(fits(&filter, &finding()), expected, "{key} {operator} {value}");
        }
        let both = Entries(vec![
            ("resource".to_owned(), criterion("contains", "buck")),
            ("isPublic".to_owned(), criterion("eq", "true")),
        ]);
        assert!(!fits(&from_api(both, Purpose::List { unused: false }).unwrap(), &finding()));
    }

    #[test]
    fn keys_are_those_of_the_kind_of_analyzer() {
        let refused = |key: &str, purpose: Purpose| {
            from_api(Entries(vec![(key.to_owned(), criterion("eq", "x"))]), purpose).is_err()
        };
        assert!(refused("colour", Purpose::List { unused: false }));
        assert!(refused("status", Purpose::Rule { unused: false }));
        assert!(refused("isPublic", Purpose::Rule { unused: true }));
        assert!(!refused("findingType", Purpose::Rule { unused: true }));
        let nothing = Entries(vec![("resource".to_owned(), api::Criterion::default())]);
        assert!(from_api(nothing, Purpose::List { unused: false }).is_err());
    }
}
