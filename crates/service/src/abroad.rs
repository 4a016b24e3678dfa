//! Calls that reach another account: the caller's side is taken alone first, before anything there is read.
//!
//! How long that takes fixes when a refusal is told, so that what is there has no part in it. Nothing is decided here.

use std::cell::Cell;

use base::AccountId;
use bytes::Bytes;
use identity::Principal;
use store::{Key, Range, Read, StoreError, Table};

use crate::access::Access;
use crate::ground::{Seen, Watched};

/// Digits of an account's id, at the beginning of the keys of what it has.
const ACCOUNT_DIGITS: usize = 12;
/// What ends a text in a key.
const END: [u8; 2] = [0x00, 0x01];

/// The account whose policies speak for this principal: other accounts' things are abroad for it. `None` for those for whom
/// no policies of their own speak, services and strangers, whose side takes no time that they could choose.
pub(crate) const fn home(principal: &Principal) -> Option<AccountId> {
    match principal {
        Principal::Service(_) | Principal::WebIdentity(_) | Principal::Anonymous => None,
        known => known.account(),
    }
}

/// The records as they look without any other account: what is another's is not there.
pub(crate) struct Alone<'a> {
    from: &'a dyn Read,
    home: AccountId,
    reached: Cell<bool>,
}

impl Alone<'_> {
    /// Whether what this account has is to be looked at; where it is not, that is remembered.
    pub(crate) fn sees(&self, account: AccountId) -> bool {
        self.sees_id(account.as_str().as_bytes())
    }

    fn sees_id(&self, account: &[u8]) -> bool {
        let is_own = self.home.as_str().as_bytes() == account;
        if !is_own {
            self.reached.set(true);
        }
        is_own
    }

    fn sees_key(&self, key: &[u8]) -> bool {
        owner(key).is_none_or(|account| self.sees_id(account))
    }
}

/// The account that a key begins with.
fn owner(key: &[u8]) -> Option<&[u8]> {
    let (account, rest) = key.split_at_checked(ACCOUNT_DIGITS)?;
    (account.iter().all(u8::is_ascii_digit) && rest.starts_with(&END)).then_some(account)
}

impl Read for Alone<'_> {
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
        if self.sees_key(key.as_ref()) { self.from.read(table, key) } else { Ok(None) }
    }

    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        if self.sees_key(&range.start) { self.from.list(table, range) } else { Ok(Vec::new()) }
    }
}

/// What an access function answered, what it read for that, and what it answered alone where another account is reached.
pub(crate) struct Told {
    pub(crate) access: Access,
    pub(crate) alone: Option<Access>,
    pub(crate) seen: Vec<Seen>,
}

/// Asks an access function. Where it reaches another account than `home`, it is asked without that first, and `first` is
/// told what it answered then, before anything of the other account is read.
// SECURITY: what `first` does takes as long whatever the other account has.
pub(crate) fn ask<E>(
    home: Option<AccountId>,
    from: &dyn Read,
    asks: impl Fn(&dyn Read, Option<&Alone<'_>>) -> Result<Access, E>,
    first: &dyn Fn(Option<&Access>),
) -> Result<Told, E> {
    let mut before = None;
    if let Some(home) = home {
        let alone = Alone { from, home, reached: Cell::new(false) };
        let watched = Watched::over(&alone);
        let answer = asks(&watched, Some(&alone));
        if !alone.reached.get() {
            let access = answer?;
            if access.checks().iter().any(|check| check.resource_account.is_some_and(|owner| owner != home)) {
                first(Some(&access));
            }
            return Ok(Told { access, alone: None, seen: watched.into_seen() });
        }
        first(answer.as_ref().ok());
        before = answer.ok();
    } else {
        first(None);
    }
    let watched = Watched::over(from);
    let access = asks(&watched, None)?;
    Ok(Told { access, alone: before, seen: watched.into_seen() })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const TABLE: Table = Table::new(0x7001, "things");

    /// Notes what is read, and has something under every key.
    struct Noted<'a>(&'a RefCell<Vec<String>>);

    impl Read for Noted<'_> {
        fn read(&self, _: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.0.borrow_mut().push(String::from_utf8_lossy(key.as_ref()).replace("\0\u{1}", "/"));
            Ok(Some(Bytes::from_static(b"there")))
        }

        fn list(&self, _: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
            self.0.borrow_mut().push(String::from_utf8_lossy(&range.start).replace("\0\u{1}", "/"));
            Ok(vec![(range.start.clone(), Bytes::from_static(b"there"))])
        }
    }

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    /// What is read, and when the caller's side was taken alone and with what answer, in order.
    fn order(home: Option<&str>, owner: &str, by_key: bool) -> Vec<String> {
        let noted = RefCell::new(Vec::new());
        let asks = |records: &dyn Read, alone: Option<&Alone<'_>>| {
            let key = Key::new().str(if by_key { owner } else { "name" }).str("x");
            let sees = by_key || alone.is_none_or(|alone| alone.sees(account(owner)));
            let found = sees && records.read(TABLE, &key)?.is_some();
            let listed = sees && !records.list(TABLE, &Range::prefix(&key))?.is_empty();
            let answer = if found && listed { "s3:There" } else { "s3:Absent" };
            Ok::<_, StoreError>(Access::to(answer, "*").owned_by(account(owner)))
        };
        let first = |access: Option<&Access>| {
            let asked = access.and_then(|access| access.checks().first()).map(|check| check.action);
            noted.borrow_mut().push(format!("alone: {asked:?}"));
        };
        let told = ask(home.map(account), &Noted(&noted), asks, &first).unwrap();
        assert_eq!(told.access.checks()[0].action, "s3:There", "in the end it is found");
        assert_eq!(told.seen.len(), 2, "what was read for the answer is its ground");
        noted.into_inner()
    }

    #[test]
    fn the_callers_side_is_taken_before_anything_of_another_account_is_read() {
        let (own, other) = ("123456789012", "210987654321");
        let read = |prefix: &str| vec![format!("{prefix}/x/"), format!("{prefix}/x/")];
        for by_key in [true, false] {
            let prefix = |account: &str| if by_key { account.to_owned() } else { "name".to_owned() };
            let alone = vec![r#"alone: Some("s3:Absent")"#.to_owned()];
            assert_eq!(order(Some(own), other, by_key), [alone, read(&prefix(other))].concat());
            assert_eq!(order(Some(own), own, by_key), read(&prefix(own)), "one's own is asked about once");
            let stranger = vec!["alone: None".to_owned()];
            assert_eq!(order(None, other, by_key), [stranger, read(&prefix(other))].concat());
        }
    }

    #[test]
    fn what_is_anothers_and_not_even_looked_at_is_taken_alone_as_well() {
        let first = Cell::new(0);
        let nothing = RefCell::new(Vec::new());
        for (owner, times) in [("123456789012", 0), ("210987654321", 1)] {
            let asks = |_: &dyn Read, _: Option<&Alone<'_>>| {
                Ok::<_, StoreError>(Access::to("ssm:GetParameter", "*").owned_by(account(owner)))
            };
            let told = ask(Some(account("123456789012")), &Noted(&nothing), asks, &|access| {
                assert!(access.is_some());
                first.set(first.get() + 1);
            });
            assert!(told.unwrap().alone.is_none());
            assert_eq!(first.get(), times);
        }
    }

    #[test]
    fn only_keys_that_begin_with_an_account_say_whose_they_are() {
        let theirs = Key::new().str("210987654321").str("x");
        assert_eq!(owner(theirs.as_ref()), Some("210987654321".as_bytes()));
        for other in ["2109876543210", "21098765432", "210987654321x", "a-bucket-name"] {
            assert_eq!(owner(Key::new().str(other).str("x").as_ref()), None, "{other}");
        }
    }
}
