//! The IAM policy language: parse, match, evaluate, explain. Pure.
//!
//! Strings and maps in, a decision out. It knows no store, no service, no clock: which policies apply, which ARN a
//! resource has and which condition keys a request carries are the caller's to find. A condition that cannot be decided
//! allows nothing, denies where it stands in a deny, and says so.
//!
//! The rules are AWS's: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.
//! Where AWS leaves the answer open, ours is the stricter one:
//! - a value put in the place of a policy variable never acts as a wildcard;
//! - a key with several values under an operator that is not a set operator cannot be decided;
//! - a request that does not say who owns the resource is a cross-account request;
//! - `NotPrincipal` with `Deny` spares only callers all of whose identities are listed;
//! - a wildcard that does not end its segment of an ARN takes in no colon where that would allow, and any where it denies.

mod condition;
mod context;
mod decision;
mod error;
mod evaluate;
mod explain;
#[doc(hidden)]
pub mod fuzz;
mod gate;
mod json;
mod parse;
mod pattern;
mod policy;
mod principal;
pub mod quota;
mod request;
mod statement;
mod trace;

pub use context::Context;
pub use decision::{Allowed, Decision, Denial, DenialKind, PolicyType, StatementRef, Undecided};
pub use error::PolicyError;
pub use evaluate::{evaluate, lets_in};
pub use explain::{ConditionTrace, Explanation, PolicyTrace, StatementTrace, explain};
pub use policy::{NamedPolicy, Policy, PolicyKind, PolicySet};
pub use principal::is_session_name;
pub use request::{Lender, PrincipalKind, PrincipalView, Request};
pub use trace::{ElementTrace, VariableTrace};
