//! Leave that holds for what the work finds, and not only for what stood there when it was asked for.
//!
//! Every operation's access function reads through here, so that what it read is known: buckets with their policies, objects
//! with their tags. A handler has no other way to look at the state, or to change it, than a view or a transaction in which
//! all of that is the same still; where anything is another, the operation's own access function is asked again, on that very
//! state, and its refusal is the answer. It takes no decision itself.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use base::{AccountId, Region, Timestamp};
use bytes::Bytes;
use identity::Principal;
use protocol::{Fault, Operation};
use service::{Access, AccessRequest, Internal, ServiceBuilder};
use store::{Key, Range, Snapshot, StoreError, Table, Transaction};

use crate::error::Error;
use crate::records::Read;
use crate::state::S3;

/// What access functions answer.
pub(crate) type Outcome = Result<Access, Error>;

/// The leave that an operation needs, by what stands in the records that are read.
pub(crate) type Asks<I> = fn(&dyn Read, &AccessRequest<'_, I>) -> Outcome;

/// One record as it was read; `None` where there was none.
struct Seen {
    table: Table,
    key: Key,
    value: Option<Bytes>,
}

/// Remembers what is read.
struct Watched<'a> {
    from: &'a dyn Read,
    seen: RefCell<Vec<Seen>>,
}

impl Read for Watched<'_> {
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let known = |seen: &&Seen| seen.table == table && seen.key == *key;
        if let Some(seen) = self.seen.borrow().iter().find(known) {
            return Ok(seen.value.clone());
        }
        let value = self.from.read(table, key)?;
        self.seen.borrow_mut().push(Seen { table, key: key.clone(), value: value.clone() });
        Ok(value)
    }

    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.from.list(table, range)
    }
}

type Again = dyn Fn(&dyn Read, &service::Call) -> Outcome + Send + Sync;

/// What leave was asked on, and how it is asked again.
pub(crate) struct Ground {
    seen: Vec<Seen>,
    again: Box<Again>,
}

impl Ground {
    /// The leave that `asks` says, and what it read for that.
    fn of<I: Clone + Send + Sync + 'static>(
        from: &dyn Read,
        request: &AccessRequest<'_, I>,
        asks: impl Fn(&dyn Read, &AccessRequest<'_, I>) -> Outcome + Send + Sync + 'static,
    ) -> Result<(Access, Self), Error> {
        let watched = Watched { from, seen: RefCell::default() };
        let access = asks(&watched, request)?;
        let input = request.input.clone();
        let again =
            Box::new(move |from: &dyn Read, call: &service::Call| asks(from, &as_request(&input, call)));
        Ok((access, Self { seen: watched.seen.into_inner(), again }))
    }

    /// Ok where all that was read stands in `from` as it did, or where the caller has leave for what stands there instead.
    // SECURITY: what holds for the tags, the version or the bucket of before says nothing of others.
    pub(crate) fn settle(&self, from: &dyn Read, call: &Call) -> Result<(), Error> {
        for seen in &self.seen {
            if from.read(seen.table, &seen.key)? != seen.value {
                return Ok(call.call.ask(&(self.again)(from, &call.call)?)?);
            }
        }
        Ok(())
    }
}

fn as_request<'a, I>(input: &'a I, call: &'a service::Call) -> AccessRequest<'a, I> {
    AccessRequest {
        input,
        principal: call.principal(),
        account: call.account(),
        region: call.region(),
        now: call.now(),
        source: call.source(),
    }
}

/// Everything at one moment, and the call's leave holds for it.
pub(crate) struct View(Snapshot);

impl View {
    /// For runs of records.
    pub(crate) const fn snapshot(&self) -> &Snapshot {
        &self.0
    }
}

impl Read for View {
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.0.get(table, key)
    }

    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.0.scan(table, range)
    }
}

/// One call that was let through, as S3's handlers see it.
#[derive(Clone)]
pub(crate) struct Call {
    call: service::Call,
    ground: Arc<Ground>,
}

impl Call {
    pub(crate) fn principal(&self) -> &Arc<Principal> {
        self.call.principal()
    }

    pub(crate) const fn account(&self) -> AccountId {
        self.call.account()
    }

    pub(crate) fn region(&self) -> &Region {
        self.call.region()
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.call.now()
    }

    /// The `aws:` tags for what this call makes.
    pub(crate) fn marks(&self) -> Vec<(String, String)> {
        self.call.marks()
    }

    /// Asks for further leave.
    pub(crate) fn ask(&self, access: &Access) -> Result<(), Fault> {
        self.call.ask(access)
    }

    /// Asks for further leave, and answers what that was asked on, for the transaction that uses it.
    pub(crate) fn ask_on(
        &self,
        view: &View,
        asks: impl Fn(&dyn Read, &AccessRequest<'_, ()>) -> Outcome + Send + Sync + 'static,
    ) -> Result<Ground, Error> {
        let (access, ground) = Ground::of(view, &as_request(&(), &self.call), asks)?;
        self.call.ask(&access)?;
        Ok(ground)
    }

    /// What is durable now. It is not kept for long.
    pub(crate) fn view(&self) -> Result<View, Error> {
        #[cfg(test)]
        crate::tests::decisions::happens(crate::tests::decisions::Moment::View);
        let view = View(self.call.store().snapshot()?);
        self.ground.settle(&view, self)?;
        Ok(view)
    }

    /// Changes the store. The call's audit record becomes durable in the same transaction.
    pub(crate) async fn transact<T: Send>(
        &self,
        body: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        #[cfg(test)]
        crate::tests::decisions::happens(crate::tests::decisions::Moment::Transaction);
        self.call
            .transact(|transaction| {
                self.ground.settle(&*transaction, self)?;
                body(transaction)
            })
            .await
    }
}

/// Proof that a call was let through, and on what ground.
pub(crate) struct Permit<O: Operation> {
    pub(crate) input: O::Input,
    pub(crate) call: Call,
}

/// The operation table, whose handlers see the state as their leave was given for it.
pub(crate) struct Guarded(pub(crate) ServiceBuilder<S3>);

impl Guarded {
    /// An operation: the leave it needs, and the work.
    pub(crate) fn operation<O, H, F>(self, asks: Asks<O::Input>, handler: H) -> Self
    where
        O: Operation,
        O::Input: Clone + Sync,
        H: Fn(Arc<S3>, Permit<O>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<O::Output, Error>> + Send + 'static,
    {
        let access = move |s3: &S3, request: &AccessRequest<'_, O::Input>| -> Outcome {
            let (access, ground) = Ground::of(&View(s3.store.snapshot()?), request, asks)?;
            Ok(access.resting_on(ground))
        };
        let work = move |s3: Arc<S3>, permit: service::Permit<O>| {
            let handler = handler.clone();
            async move {
                let service::Permit { input, call, .. } = permit;
                let ground =
                    call.ground::<Ground>().ok_or_else(|| Internal::new("a call without a ground"))?;
                handler(s3, Permit { input, call: Call { call, ground } }).await
            }
        };
        Self(self.0.operation::<O, _, _, _, _>(access, work))
    }
}
