//! Which statements of a policy can concern an action at all, told by the action's first bytes in one pass over memory.
//!
//! A gate only rules out: what passes it is asked in full, and a statement about everything but some actions always passes.

use crate::statement::Statement;

/// The first bytes of a text, or of every text that a pattern can match: most patterns are ruled out by them alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head {
    bytes: u128,
    mask: u128,
}

impl Head {
    pub(crate) fn of(text: &str) -> Self {
        let mut head = Self::default();
        for (place, byte) in text.bytes().take(16).enumerate() {
            head.bytes |= u128::from(byte) << (8 * place);
            head.mask |= 0xff << (8 * place);
        }
        head
    }

    /// Whether no text that begins like `text` can fit.
    pub(crate) const fn rules_out(self, text: Self) -> bool {
        (text.bytes ^ self.bytes) & self.mask != 0
    }
}

/// The first bytes of all action patterns of one policy, in the order of its statements.
#[derive(Clone, Debug)]
pub(crate) struct Gates(Box<[Gate]>);

#[derive(Clone, Copy, Debug)]
struct Gate {
    head: Head,
    statement: usize,
}

impl Gates {
    pub(crate) fn of(statements: &[Statement]) -> Self {
        let mut gates = Vec::new();
        for (index, statement) in statements.iter().enumerate() {
            gates.extend(statement.actions.heads().map(|head| Gate { head, statement: index }));
        }
        Self(gates.into())
    }

    /// The places of the statements that may concern the action, each once, rising.
    pub(crate) fn passed(&self, action: Head) -> impl Iterator<Item = usize> {
        let mut last = None;
        let passed = self.0.iter().filter(move |gate| !gate.head.rules_out(action));
        passed
            .map(|gate| gate.statement)
            .filter(move |statement| last.replace(*statement) != Some(*statement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Policy, PolicyKind};

    #[test]
    fn only_what_cannot_concern_the_action_is_ruled_out() {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":["s3:Get*","s3:GetObject"],"Resource":"*"},
            {"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"},
            {"Effect":"Deny","NotAction":"s3:GetObject","Resource":"*"},
            {"Effect":"Allow","Action":"*","Resource":"*"},
            {"Effect":"Allow","Action":"s3:*Object","Resource":"*"},
            {"Effect":"Allow","Action":["s3:GetObject","dynamodb:GetItem","s3:?etObject"],"Resource":"*"},
            {"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]}"#;
        let policy = Policy::parse(text, PolicyKind::Identity).unwrap();
        let passed =
            |action: &str| policy.concerning(Head::of(action)).map(|(index, _)| index).collect::<Vec<_>>();
        assert_eq!(passed("s3:getobject"), [0, 2, 3, 4, 5]);
        assert_eq!(passed("dynamodb:getitem"), [1, 2, 3, 5]);
        assert_eq!(passed("dynamodb:getitemsomething"), [1, 2, 3, 5], "more is told by the pattern");
        assert_eq!(passed("s3"), [2, 3, 5], "how a pattern with a question mark begins is not known");
    }
}
