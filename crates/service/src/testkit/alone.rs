//! What a call across accounts asks for, on its caller's side alone and in the end.

use std::sync::Arc;

use identity::Principal;
use serde_json::Value;

use super::TestKit;
use crate::call::Source;
use crate::pipeline::{AnswerTime, Attempt};

impl TestKit {
    /// The leave that an operation asks for without any look at the other account that it is about, and with one.
    pub fn asked(
        &self,
        who: &Arc<Principal>,
        service: &str,
        operation: &str,
        input: &Value,
    ) -> (String, String) {
        let operation = protocol::model(service).and_then(|model| model.operation(operation));
        let operation = operation.expect("an operation");
        let attempt = Attempt {
            operation,
            principal: Arc::clone(who),
            account: who.account().expect("an account"),
            source: Arc::new(Source::platform("test")),
            request_id: "r".into(),
            arrived: self.clock.now(),
            answered: AnswerTime::from_now(),
        };
        let shape = operation.input().expect("an input");
        let input = protocol::value_from_json(shape, input).expect("an input that fits its model");
        let resolved = self.pipeline.resolve(&attempt, input);
        let resolved = resolved.unwrap_or_else(|failure| panic!("{:?}", failure.fault));
        assert!(attempt.answered.is_fixed(), "nothing fixed when a refusal is told");
        let alone = resolved.alone.expect("a call that looks at what another account has");
        (format!("{:?}", alone.checks()), format!("{:?}", resolved.access.checks()))
    }

    /// On the caller's side alone, it is the same whether there is something or not; in the end it is found.
    pub fn looks_alone_first(
        &self,
        who: &Arc<Principal>,
        (service, operation): (&str, &str),
        (there, absent): (&Value, &Value),
        names: (&str, &str),
    ) {
        let (alone, found) = self.asked(who, service, operation, there);
        let (nothing, not_found) = self.asked(who, service, operation, absent);
        assert_eq!(alone.replace(names.0, names.1), nothing, "{operation} looked before");
        assert_ne!(found, alone, "{operation} finds nothing at all");
        assert_eq!(not_found, nothing, "{operation}");
    }
}
