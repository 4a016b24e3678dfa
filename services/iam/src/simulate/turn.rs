//! Whose simulation works now: one at a time, off the threads that answer everybody.
//!
//! A place is kept until the work is done, whether its caller waits for it or left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::AccountId;
use service::Call;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::Error;

/// So many simulations of one account's work or wait; one more is refused.
const OF_ACCOUNT_MAX: usize = 4;

/// The turns of all accounts, in the order in which they asked.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Shared>);

struct Shared {
    // SECURITY: policies can be written so that each takes long. Where as many worked as there are processors, nobody else
    // would be answered.
    working: Arc<Semaphore>,
    places: Mutex<BTreeMap<AccountId, usize>>,
}

/// One of an account's places.
struct Place {
    turns: Turns,
    account: AccountId,
}

impl Default for Turns {
    fn default() -> Self {
        let working = Arc::new(Semaphore::new(1));
        Self(Arc::new(Shared { working, places: Mutex::default() }))
    }
}

impl Turns {
    /// Works when it is this account's turn.
    pub(crate) async fn take<T: Send + 'static>(
        &self,
        account: AccountId,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.place(account)?;
        let turn = Arc::clone(&self.0.working).acquire_owned().await.map_err(Call::internal::<Error>)?;
        let held = move || {
            let _held = (place, turn);
            work()
        };
        spawn_blocking(held).await.map_err(Call::internal::<Error>)?
    }

    fn place(&self, account: AccountId) -> Result<Place, Error> {
        let mut places = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(account).or_default();
        if *taken >= OF_ACCOUNT_MAX {
            return Err(Error::Throttling("Rate exceeded".to_owned()));
        }
        *taken += 1;
        Ok(Place { turns: self.clone(), account })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.turns.0.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = places.get_mut(&self.account) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn account(last: u8) -> AccountId {
        format!("00000000000{last}").parse().unwrap()
    }

    #[tokio::test]
    async fn an_account_waits_in_few_places_and_others_come_in_their_order() {
        let turns = Turns::default();
        let (go, wait) = mpsc::channel::<()>();
        let first = {
            let turns = turns.clone();
            tokio::spawn(async move { turns.take(account(1), move || Ok(wait.recv().is_ok())).await })
        };
        let mut waiting = Vec::new();
        while turns.0.working.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        for _ in 1..OF_ACCOUNT_MAX {
            let turns = turns.clone();
            waiting.push(tokio::spawn(async move { turns.take(account(1), || Ok(true)).await }));
        }
        while turns.0.places.lock().unwrap()[&account(1)] < OF_ACCOUNT_MAX {
            tokio::task::yield_now().await;
        }
        assert!(matches!(turns.take(account(1), || Ok(())).await, Err(Error::Throttling(_))));
        // Whoever leaves gives up his place; what works goes on.
        waiting.pop().unwrap().abort();
        while turns.0.places.lock().unwrap()[&account(1)] == OF_ACCOUNT_MAX {
            tokio::task::yield_now().await;
        }
        let other = {
            let turns = turns.clone();
            tokio::spawn(async move { turns.take(account(2), || Ok(true)).await })
        };
        go.send(()).unwrap();
        assert!(first.await.unwrap().unwrap() && other.await.unwrap().unwrap());
        for one in waiting {
            assert!(one.await.unwrap().unwrap());
        }
        assert!(turns.0.places.lock().unwrap().is_empty());
        first_is_held_when_its_caller_leaves(&turns).await;
    }

    async fn first_is_held_when_its_caller_leaves(turns: &Turns) {
        let (go, wait) = mpsc::channel::<()>();
        let gone = {
            let turns = turns.clone();
            tokio::spawn(async move { turns.take(account(1), move || Ok(wait.recv().is_ok())).await })
        };
        while turns.0.working.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        gone.abort();
        let _ = gone.await;
        assert_eq!(turns.0.working.available_permits(), 0, "the work goes on, and so does its turn");
        go.send(()).unwrap();
        assert!(turns.take(account(2), || Ok(true)).await.unwrap());
    }
}
