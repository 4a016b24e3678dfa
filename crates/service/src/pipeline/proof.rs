//! Calls that carry the proof of their caller in their input: a token of an identity provider, for example.
//!
//! Such an operation is open to nobody: a call without the proof, or with one that does not hold, ends here.

use std::sync::Arc;

use identity::Principal;
use protocol::{Value, WireRequest};

use super::refusal::Refused;
use super::{Attempt, Pipeline};
use crate::authenticate::Named;
use crate::call::Source;
use crate::registry::Proof;

impl Pipeline {
    fn proof(&self, service: &str, operation: &str) -> Option<&Proof> {
        self.0.services.get(service)?.proof(operation)
    }

    /// True for a request without any signature to an operation whose input proves its caller.
    // SECURITY: a signature that is stated is checked like any other. Functions' doors let in their own credentials alone.
    pub(super) fn comes_unsigned(
        &self,
        service: &Named<'_>,
        request: &WireRequest<'_>,
        source: &Source,
    ) -> bool {
        let Some(operation) = service.operation() else { return false };
        let (service, name) = (operation.model().service(), operation.name());
        // SECURITY: what is declined does no work, whoever asks: a stranger learns that it is not offered, which is no secret.
        let is_declined = || self.0.services.get(service).is_some_and(|found| found.declines_unsigned(name));
        source.door.is_none()
            && !identity::sigv4::is_signed(request.headers, request.query)
            && (self.proof(service, name).is_some() || is_declined())
    }

    /// The same attempt as the one whom its input proves; unchanged where the operation has no such proof.
    pub(super) async fn proven(&self, mut attempt: Attempt, input: &Value) -> Result<Attempt, Refused> {
        let operation = attempt.operation;
        let Some(proof) = self.proof(operation.model().service(), operation.name()) else {
            return Ok(attempt);
        };
        match proof(input.clone(), attempt.arrived).await {
            Ok(principal) => {
                attempt.account = principal.account().unwrap_or(self.0.home);
                attempt.principal = Arc::new(principal);
                Ok(attempt)
            }
            Err(failure) => {
                let refused = self.blame(operation, failure).into();
                let parameters = crate::record::parameters(operation, input);
                // Whoever else signed it, in this call nobody is proven.
                attempt.principal = Arc::new(Principal::Anonymous);
                self.record_refused(&attempt, parameters, &[], &refused).await;
                Err(refused)
            }
        }
    }
}
