//! Resources of policies as statements read them: which wildcards stay within their segment of an ARN, what is a variable, and what
//! an ARN that ends early stands for.
//!
//! It compares patterns and decides nothing: `policy` does, and what is shown here is true of it.

use crate::glob::{self, Letter};

/// How the strings of a selection are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Actions, principals, and ARNs that are no policy's: stars and question marks take in anything.
    Plain,
    /// A statement's resources.
    Resource {
        /// A wildcard that does not end its segment stays in it: what an allow names, and what a deny excepts.
        closely: bool,
        /// `${…}` is a variable: in documents of 2012.
        variables: bool,
    },
}

impl Reading {
    /// How a statement's `Resource`, or `NotResource` where `negated`, is read.
    pub(crate) const fn of(allows: bool, negated: bool, variables: bool) -> Self {
        Self::Resource { closely: allows != negated, variables }
    }

    /// True where everything that the narrow pattern takes in is shown to be in the wide one.
    pub(crate) fn covers(self, wide: &str, reading: Self, narrow: &str) -> bool {
        wide == "*" || glob::covers_letters(&self.letters(wide), &reading.letters(narrow))
    }

    /// False only where no text fits both patterns.
    pub(crate) fn overlaps(self, left: &str, reading: Self, right: &str) -> bool {
        glob::overlap_letters(&self.letters(left), &reading.letters(right))
    }

    /// True where the pattern may take in this very text, whatever a variable stands for.
    pub(crate) fn may_match(self, pattern: &str, text: &str) -> bool {
        // Most patterns name something else, and are done with here.
        let literal = pattern.split(['*', '?', '$']).next().unwrap_or_default();
        if pattern == "*" || !text.starts_with(literal) {
            return pattern == "*";
        }
        let any = |letter| if matches!(letter, Letter::Variable(_)) { Letter::Star } else { letter };
        let letters: Vec<Letter> = self.letters(pattern).into_iter().map(any).collect();
        glob::covers_letters(&letters, &text.chars().map(Letter::Char).collect::<Vec<_>>())
    }

    fn letters(self, text: &str) -> Vec<Letter> {
        let (closely, variables) = match self {
            Self::Plain => (false, false),
            Self::Resource { closely, variables } => (closely, variables),
        };
        let mut letters = read(text, variables);
        let is_colon = |letter: &Letter| *letter == Letter::Char(':');
        if self != Self::Plain && text != "*" {
            for _ in letters.iter().filter(|letter| is_colon(letter)).count()..5 {
                letters.extend([Letter::Char(':'), Letter::Star]);
            }
        }
        if closely {
            let ends_segment: Vec<bool> =
                (1..=letters.len()).map(|next| letters.get(next).is_none_or(is_colon)).collect();
            for (letter, ends_segment) in letters.iter_mut().zip(ends_segment) {
                match letter {
                    Letter::Star if !ends_segment => *letter = Letter::StarWithin,
                    Letter::Question => *letter = Letter::QuestionWithin,
                    _ => {}
                }
            }
        }
        letters
    }
}

fn read(text: &str, variables: bool) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        let variable = rest.strip_prefix("${").filter(|_| variables).and_then(|rest| rest.split_once('}'));
        rest = match (variable, character) {
            (Some((content, behind)), _) => {
                letters.push(match content {
                    "*" => Letter::Char('*'),
                    "?" => Letter::Char('?'),
                    "$" => Letter::Char('$'),
                    content => Letter::Variable(content.to_owned()),
                });
                behind
            }
            (None, '*') => {
                // Two stars in a row mean one.
                if letters.last() != Some(&Letter::Star) {
                    letters.push(Letter::Star);
                }
                after
            }
            (None, '?') => {
                letters.push(Letter::Question);
                after
            }
            (None, other) => {
                letters.push(Letter::Char(other));
                after
            }
        };
    }
    letters
}

#[cfg(test)]
mod tests {
    use policy::{
        Context, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request,
    };
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const READINGS: [(&str, &str); 4] =
        [("Allow", "Resource"), ("Allow", "NotResource"), ("Deny", "Resource"), ("Deny", "NotResource")];

    fn reading(at: usize) -> Reading {
        let (effect, element) = READINGS[at];
        Reading::of(effect == "Allow", element == "NotResource", true)
    }

    /// Whether the pattern itself takes the resource in where it stands, as the evaluator has it.
    fn decided(at: usize, pattern: &str, resource: &str) -> bool {
        let (effect, element) = READINGS[at];
        let statement = json!({ "Effect": effect, "Action": "a:b", element: pattern });
        let all = json!({ "Effect": "Allow", "Action": if effect == "Deny" { "*" } else { "a:c" }, "Resource": "*" });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement, all] }).to_string();
        let identity = [NamedPolicy::new("p", Policy::parse(&document, PolicyKind::Identity).unwrap())];
        let principal = PrincipalView {
            kind: PrincipalKind::User,
            arn: "arn:aws:iam::111111111111:user/ana",
            account: "111111111111",
            role_arn: None,
            lender: None,
            service: None,
            user_id: "AIDA",
        };
        let context = Context::new().with("k:v", "a:b").with("k:w", "b");
        let request = Request {
            principal,
            action: "a:b",
            resource,
            resource_account: "111111111111",
            context: &context,
        };
        let set = PolicySet { identity: &identity, ..PolicySet::default() };
        let applies = policy::evaluate(&request, &set).is_allowed() == (effect == "Allow");
        applies != (element == "NotResource")
    }

    #[test]
    fn statements_read_wildcards_differently() {
        let (allow, deny) = (Reading::of(true, false, true), Reading::of(false, false, true));
        let arn = |name: &str| format!("arn:aws:lambda:us-east-1:1:function:{name}");
        for (wide, narrow, closely, widely) in [
            ("app-*-prod", "app-x-prod", true, true),
            ("app-*-prod", "app-x:y-prod", false, true),
            ("app-*", "app-*-prod", true, true),
            ("app-*", "app-x:*", true, true),
            ("*-prod", "app-?-prod", true, true),
            ("b/${aws:username}/*", "b/ana/*", false, false),
            ("b/${aws:username}/*", "b/${aws:username}/x", true, true),
            ("b/*/x", "b/${aws:username}/x", false, true),
            ("b/*", "b/${aws:username}/x", true, true),
            ("b/${*}", "b/x", false, false),
            ("b/${*}", "b/${*}", true, true),
            ("b/*", "b/${*}", true, true),
        ] {
            assert_eq!(allow.covers(&arn(wide), allow, &arn(narrow)), closely, "{wide} {narrow}");
            assert_eq!(deny.covers(&arn(wide), deny, &arn(narrow)), widely, "{wide} {narrow}");
        }
        assert!(allow.covers("arn:aws:lambda", allow, &arn("f")), "an ARN that ends early is open");
        assert!(allow.overlaps("arn:aws:lambda", Reading::Plain, &arn("f")));
        assert!(!allow.covers(&arn("*"), allow, "arn:aws:lambda"));
        let old = Reading::of(true, false, false);
        assert!(!allow.covers("arn:aws:s3:::b/${*}", old, "arn:aws:s3:::b/${*}"), "in 2008 that was text");
        assert!(old.may_match("arn:aws:s3:::b/${k}", "arn:aws:s3:::b/${k}"));
        assert!(!old.may_match("arn:aws:s3:::b/${k}", "arn:aws:s3:::b/x"));
    }

    proptest! {
        /// What is shown is true of the evaluator: covered is never more, apart is never together, whatever the statements.
        #[test]
        fn what_is_shown_is_decided(
            wide in r"([ab:*?]|\$\{k:v\}|\$\{[*]\}){0,6}", narrow in r"([ab:*?]|\$\{k:v\}|\$\{[*]\}){0,6}", text in "[ab:*]{0,7}",
            one in 0..4_usize, other in 0..4_usize,
        ) {
            let arn = |text: &str| format!("arn:aws:s3:::{text}");
            let (wide, narrow, text) = (arn(&wide), arn(&narrow), arn(&text));
            let (in_wide, in_narrow) = (decided(one, &wide, &text), decided(other, &narrow, &text));
            if reading(one).covers(&wide, reading(other), &narrow) {
                prop_assert!(in_wide || !in_narrow, "{} covers {} and not {}", wide, narrow, text);
            }
            if in_wide && in_narrow {
                prop_assert!(reading(one).overlaps(&wide, reading(other), &narrow), "{} {} {}", wide, narrow, text);
            }
            prop_assert!(reading(one).may_match(&wide, &text) || !in_wide, "{} {}", wide, text);
        }
    }
}
