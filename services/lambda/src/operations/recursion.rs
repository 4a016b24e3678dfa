//! `GetFunctionRecursionConfig`, `PutFunctionRecursionConfig`, and the check that they set.

use std::sync::Arc;

use service::Permit;

use super::{shown, stored, target};
use crate::Lambda;
use crate::api;
use crate::catalog::Loaded;
use crate::error::Error;
use crate::model::trace::HOPS_MAX;

const ALLOW: &str = "Allow";
const TERMINATE: &str = "Terminate";

/// True where a function has called itself, through whomever, more often than it may.
pub(crate) fn is_loop(loaded: &Loaded, hops: u32) -> bool {
    hops > HOPS_MAX && !loaded.function.record.allows_loops
}

pub(crate) async fn get_recursion(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetFunctionRecursionConfig>,
) -> Result<api::GetFunctionRecursionConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let loaded = shown(&lambda, &call, &target(&call, &input.function_name, None)?)?;
    let mode = if loaded.function.record.allows_loops { ALLOW } else { TERMINATE };
    Ok(api::GetFunctionRecursionConfigResponse { recursive_loop: Some(mode.to_owned()) })
}

pub(crate) async fn put_recursion(
    lambda: Arc<Lambda>,
    permit: Permit<api::PutFunctionRecursionConfig>,
) -> Result<api::PutFunctionRecursionConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    lambda
        .catalog
        .change(&call, &id, |function| {
            stored(function, &id)?.record.allows_loops = input.recursive_loop == ALLOW;
            Ok(())
        })
        .await?;
    Ok(api::PutFunctionRecursionConfigResponse { recursive_loop: Some(input.recursive_loop) })
}
