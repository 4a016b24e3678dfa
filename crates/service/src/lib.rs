//! The contract that every service fulfils, and the one pipeline that every call goes through.
//!
//! Reading order: [`pipeline`] (life of a call), [`access`] (what an operation asks leave for), [`registry`] (how a
//! service declares its operations), [`call`] (what a handler may do). No call reaches a handler except through
//! [`Pipeline`]: a [`Permit`] can be made nowhere else. This crate knows no service, no socket and no sandbox.

mod abroad;
pub mod access;
mod arriving;
mod asked;
mod authenticate;
mod authorize;
pub mod call;
pub mod denial;
mod digests;
pub mod error;
mod evaluation;
mod explained;
pub mod ground;
pub mod jobs;
pub mod observation;
pub mod pipeline;
pub mod receipts;
mod record;
pub mod records;
pub mod registry;
mod role_target;
mod service_role;
pub mod testkit;
mod throttle;

pub use access::{Access, AccessRequest, Check};
pub use call::{Call, Marks, Signing, Source, is_mark};
pub use error::{Internal, ServiceError};
pub use explained::{Explained, OwnerTold, RefusedRequest};
pub use ground::{Ground, View};
pub use jobs::Jobs;
pub use pipeline::{Pipeline, PipelineParts, RoleTaking, TrustingRole, WeakPipeline};
pub use registry::{Permit, Service, ServiceBuilder};
pub use role_target::RoleTarget;
pub use service_role::ServiceRole;
pub use throttle::{Rate, Throttle};
