//! Condition keys: which there are, of what type, and which hold several values.
//!
//! A key of a service whose facts are not known here is taken as it is.
//! Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html> for `aws:` keys, the
//! authorization tables for the others.

/// What a key's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    String,
    Arn,
    Bool,
    Date,
    Numeric,
    /// A moment as a date or as seconds.
    Epoch,
    Ip,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// There is such a key.
    Key {
        kind: Type,
        /// True where a request may bring several values.
        is_many: bool,
    },
    /// A key for a tag, without the tag's key; the form up to it.
    WithoutTag(String),
    /// There is no such key, though all of its service are known.
    Missing,
    /// Nothing is known of the service.
    Elsewhere,
}

use Type::{Arn, Bool, Date, Epoch, Ip, Numeric, String as Text};

/// Global keys in lower case, their types, and whether they hold several values.
const GLOBAL: [(&str, Type, bool); 54] = [
    ("aws:assumedroot", Bool, false),
    ("aws:calledvia", Text, true),
    ("aws:calledviaawsmcp", Text, false),
    ("aws:calledviafirst", Text, false),
    ("aws:calledvialast", Text, false),
    ("aws:chatbotsourcearn", Arn, false),
    ("aws:currenttime", Date, false),
    ("aws:ec2instancesourceprivateipv4", Ip, false),
    ("aws:ec2instancesourcevpc", Text, false),
    ("aws:epochtime", Epoch, false),
    ("aws:federatedprovider", Text, false),
    ("aws:ismcpserviceaction", Bool, false),
    ("aws:multifactorauthage", Numeric, false),
    ("aws:multifactorauthpresent", Bool, false),
    ("aws:principalaccount", Text, false),
    ("aws:principalarn", Arn, false),
    ("aws:principalisawsservice", Bool, false),
    ("aws:principalorgid", Text, false),
    ("aws:principalorgpaths", Text, true),
    ("aws:principalservicename", Text, false),
    ("aws:principalservicenameslist", Text, true),
    ("aws:principaltype", Text, false),
    ("aws:referer", Text, false),
    ("aws:requestedregion", Text, false),
    ("aws:resourceaccount", Text, false),
    ("aws:resourceorgid", Text, false),
    ("aws:resourceorgpaths", Text, true),
    ("aws:securetransport", Bool, false),
    ("aws:signinsessionarn", Arn, false),
    ("aws:sourceaccount", Text, false),
    ("aws:sourcearn", Arn, false),
    ("aws:sourceidentity", Text, false),
    ("aws:sourceip", Ip, false),
    ("aws:sourceorgid", Text, false),
    ("aws:sourceorgpaths", Text, true),
    ("aws:sourceowner", Text, false),
    ("aws:sourcevpc", Text, false),
    ("aws:sourcevpcarn", Arn, false),
    ("aws:sourcevpce", Text, false),
    ("aws:tagkeys", Text, true),
    ("aws:tokenissuetime", Date, false),
    ("aws:useragent", Text, false),
    ("aws:userid", Text, false),
    ("aws:username", Text, false),
    ("aws:viaawsmcpservice", Bool, false),
    ("aws:viaawsservice", Bool, false),
    ("aws:vpceaccount", Text, false),
    ("aws:vpceorgid", Text, false),
    ("aws:vpceorgpaths", Text, true),
    ("aws:vpcsourceip", Ip, false),
    ("aws:principaltag/", Text, false),
    ("aws:requesttag/", Text, false),
    ("aws:resourcetag/", Text, false),
    ("aws:arn", Arn, false),
];

/// Tables in which keys of other services stand: some of IAM's stand with STS's actions.
const TABLES: [&str; 2] = ["iam", "sts"];

/// What is known of the key of this name.
pub(super) fn find(name: &str) -> Known {
    let folded = name.to_ascii_lowercase();
    let Some((service, _)) = folded.split_once(':') else { return Known::Elsewhere };
    if service == "aws" {
        return global(name, &folded);
    }
    let Some(own) = protocol::authorization(service) else { return Known::Elsewhere };
    let others = TABLES.iter().filter_map(|table| protocol::authorization(table));
    let tables = std::iter::once(own).chain(others);
    for (key, kind) in tables.flat_map(protocol::Authorization::conditions) {
        match same(key, &folded) {
            Same::Key => return of_table(kind),
            Same::WithoutTag(form) => return Known::WithoutTag(form),
            Same::Other => {}
        }
    }
    Known::Missing
}

fn global(name: &str, folded: &str) -> Known {
    for (key, kind, is_many) in GLOBAL {
        let is_tag = key.ends_with('/');
        if is_tag && (folded == key || Some(folded) == key.strip_suffix('/')) {
            return Known::WithoutTag(format!("{}/", name.trim_end_matches('/')));
        }
        if folded == key || is_tag && folded.starts_with(key) {
            return Known::Key { kind, is_many };
        }
    }
    Known::Missing
}

fn of_table(kind: &str) -> Known {
    let (kind, is_many) = kind.strip_prefix("ArrayOf").map_or((kind, false), |kind| (kind, true));
    let kind = match kind {
        "ARN" => Arn,
        "Bool" => Bool,
        "Date" => Date,
        "Numeric" => Numeric,
        _ => Text,
    };
    Known::Key { kind, is_many }
}

/// How a key of a table and a name in lower case go together.
pub(super) enum Same {
    Key,
    WithoutTag(String),
    Other,
}

/// Compares a key of a table, which may end in a placeholder, with a name in lower case.
pub(super) fn same(key: &str, folded: &str) -> Same {
    let Some((fixed, _)) = key.split_once(['$', '<']) else {
        return if key.eq_ignore_ascii_case(folded) { Same::Key } else { Same::Other };
    };
    let start = fixed.to_ascii_lowercase();
    if folded == start || Some(folded) == start.strip_suffix('/') {
        Same::WithoutTag(fixed.to_owned())
    } else if folded.starts_with(&start) {
        Same::Key
    } else {
        Same::Other
    }
}
