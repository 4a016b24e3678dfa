//! Systems Manager's Parameter Store: named values with versions.
//!
//! Nouns: a *parameter* has a name, which may be a path of up to 15 levels, and up to 100 *versions*, of which the latest is what is
//! read; a *label* points to one version; a value of type `SecureString` is sealed on its own and opened only for who asks for it.
//! Invariants: versions are never changed and count up from one; a name and the same name behind a slash are one ARN and so one
//! parameter; values stand in no record of the audit trail. Deliberate differences from AWS: `SecureString`s are sealed under the
//! platform's key, told as `alias/aws/ssm` (decision 0020 says how managed keys are kept), and no other key exists; parameter
//! policies, shared parameters, the data type `aws:ec2:image` and the public parameters below `/aws/` are refused by name; an
//! allowed pattern has to match the whole value, and what of Java's expressions is not known here is refused by name.

mod access;
pub mod api;
mod declined;
mod error;
mod model;
mod operations;
mod records;
mod secure;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use service::{Service, ServiceBuilder};

pub use error::Error;
use operations::{delete, describe, get, history, labels, put, tags};
use secure::Secure;

/// What the service's handlers share.
pub(crate) struct Ssm {
    pub(crate) secure: Secure,
}

/// The service's operation table; `sealer` is for values of type `SecureString`.
#[must_use]
pub fn service(sealer: crypto::Sealer) -> Service {
    let builder = ServiceBuilder::new("ssm", Arc::new(Ssm { secure: Secure::new(sealer) }))
        .operation::<api::PutParameter, _, _, _, _>(access::put_parameter, put::put)
        .operation::<api::GetParameter, _, _, _, _>(access::get_parameter, get::get)
        .operation::<api::GetParameters, _, _, _, _>(access::get_parameters, get::get_several)
        .operation::<api::GetParametersByPath, _, _, _, _>(access::get_by_path, get::get_by_path)
        .operation::<api::GetParameterHistory, _, _, _, _>(access::get_history, history::get)
        .operation::<api::DescribeParameters, _, _, _, _>(access::describe_parameters, describe::describe)
        .operation::<api::DeleteParameter, _, _, _, _>(access::delete_parameter, delete::delete)
        .operation::<api::DeleteParameters, _, _, _, _>(access::delete_parameters, delete::delete_several)
        .operation::<api::LabelParameterVersion, _, _, _, _>(access::label, labels::label)
        .operation::<api::UnlabelParameterVersion, _, _, _, _>(access::unlabel, labels::unlabel)
        .operation::<api::AddTagsToResource, _, _, _, _>(access::add_tags, tags::add)
        .operation::<api::RemoveTagsFromResource, _, _, _, _>(access::remove_tags, tags::remove)
        .operation::<api::ListTagsForResource, _, _, _, _>(access::list_tags, tags::list);
    declined::decline(builder).build()
}
