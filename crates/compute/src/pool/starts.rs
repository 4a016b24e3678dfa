//! Turns to start environments: a bounded number at one time, by turns between the accounts that wait.
//!
//! What is scarce is the machine's work of making an environment. A function's own code that takes its time to come up holds
//! a place of its own account's, but soon none of the machine's.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;

use base::AccountId;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::limits::{START_TURN_TIME_MAX, STARTS_ACCOUNT_MAX, STARTS_MAX};

/// Everybody who starts an environment, or waits to.
#[derive(Default)]
pub(super) struct Starts(Mutex<Line>);

#[derive(Default)]
struct Line {
    /// Turns that are held.
    held: usize,
    accounts: HashMap<AccountId, Own>,
    /// Accounts in which somebody waits, who comes next first.
    order: VecDeque<AccountId>,
}

#[derive(Default)]
struct Own {
    starting: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// One start, until dropped.
pub(super) struct Turn {
    starts: Arc<Starts>,
    account: AccountId,
    is_held: bool,
}

impl Starts {
    /// Waits for a turn; `None` never comes of it while the line exists.
    pub(super) async fn turn(self: &Arc<Self>, account: AccountId) -> Option<Turn> {
        let (caller, turn) = oneshot::channel();
        self.0.lock().wait(account, caller);
        self.serve();
        turn.await.ok()
    }

    /// True where nobody holds a turn.
    pub(super) fn is_quiet(&self) -> bool {
        self.0.lock().held == 0
    }

    /// Gives out what turns there are.
    fn serve(self: &Arc<Self>) {
        loop {
            let next = self.0.lock().take_next();
            let Some((account, caller)) = next else { return };
            // Who went away meanwhile gives his turn back by its drop, for which the line must not be locked.
            drop(caller.send(Turn { starts: Arc::clone(self), account, is_held: true }));
        }
    }
}

impl Line {
    fn wait(&mut self, account: AccountId, caller: oneshot::Sender<Turn>) {
        let own = self.accounts.entry(account).or_default();
        if own.waiting.is_empty() {
            self.order.push_back(account);
        }
        own.waiting.push_back(caller);
    }

    fn take_next(&mut self) -> Option<(AccountId, oneshot::Sender<Turn>)> {
        if self.held >= STARTS_MAX {
            return None;
        }
        for _ in 0..self.order.len() {
            let account = self.order.pop_front()?;
            let Some(own) = self.accounts.get_mut(&account) else { continue };
            let caller = if own.starting < STARTS_ACCOUNT_MAX { own.waiting.pop_front() } else { None };
            if !own.waiting.is_empty() {
                self.order.push_back(account);
            }
            if let Some(caller) = caller {
                own.starting += 1;
                self.held += 1;
                return Some((account, caller));
            }
        }
        None
    }

    fn end(&mut self, account: AccountId) {
        if let Some(own) = self.accounts.get_mut(&account) {
            own.starting = own.starting.saturating_sub(1);
            if own.starting == 0 && own.waiting.is_empty() {
                self.accounts.remove(&account);
            }
        }
    }
}

impl Turn {
    /// Does the work of a start. What takes long is the function's own: the next one's turn comes meanwhile.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        match tokio::time::timeout(START_TURN_TIME_MAX, &mut work).await {
            Ok(done) => done,
            Err(_) => {
                self.pass_on();
                work.await
            }
        }
    }

    fn pass_on(&mut self) {
        if std::mem::take(&mut self.is_held) {
            let mut line = self.starts.0.lock();
            line.held = line.held.saturating_sub(1);
            drop(line);
            self.starts.serve();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.starts.0.lock().end(self.account);
        if self.is_held {
            self.pass_on();
        } else {
            self.starts.serve();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn account(number: usize) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    /// Asks for a turn, and is told that it waits before it gets one.
    async fn waiting(starts: &Arc<Starts>, of: usize) -> tokio::task::JoinHandle<Turn> {
        let starts = Arc::clone(starts);
        let waiting = tokio::spawn(async move { starts.turn(account(of)).await.unwrap() });
        tokio::task::yield_now().await;
        waiting
    }

    #[tokio::test]
    async fn accounts_take_turns_however_many_one_of_them_asks_for() {
        let starts = Arc::new(Starts::default());
        let mut held = Vec::new();
        for _ in 0..STARTS_MAX {
            held.push(starts.turn(account(0)).await.unwrap());
        }
        assert!(!starts.is_quiet());
        let many = [waiting(&starts, 0).await, waiting(&starts, 0).await];
        let other = waiting(&starts, 1).await;
        drop(held.pop());
        drop(held.pop());
        let other = tokio::time::timeout(Duration::from_secs(5), other).await.unwrap().unwrap();
        tokio::task::yield_now().await;
        assert_eq!(
            many.iter().filter(|one| one.is_finished()).count(),
            1,
            "one of the two turns was the other account's"
        );
        drop((held, other));
        for one in many {
            one.await.unwrap();
        }
        assert!(starts.is_quiet() && starts.0.lock().accounts.is_empty());
    }

    #[tokio::test]
    async fn a_slow_start_passes_its_turn_on_but_counts_for_its_account() {
        let starts = Arc::new(Starts::default());
        let mut slow = Vec::new();
        for _ in 0..STARTS_ACCOUNT_MAX {
            let mut turn = starts.turn(account(0)).await.unwrap();
            slow.push(tokio::spawn(async move {
                turn.during(tokio::time::sleep(START_TURN_TIME_MAX * 8)).await;
            }));
        }
        let own = waiting(&starts, 0).await;
        let began = tokio::time::Instant::now();
        for _ in 0..STARTS_MAX {
            // Another account's start, again and again: none waits for the slow ones.
            drop(starts.turn(account(1)).await);
        }
        assert!(!own.is_finished());
        own.await.unwrap();
        assert!(began.elapsed() >= START_TURN_TIME_MAX * 7, "an account's starts are bounded all the while");
    }

    #[tokio::test]
    async fn who_goes_away_leaves_his_turn_to_the_next() {
        let starts = Arc::new(Starts::default());
        let mut held = Vec::new();
        for _ in 0..STARTS_MAX {
            held.push(starts.turn(account(0)).await.unwrap());
        }
        let gone = waiting(&starts, 1).await;
        gone.abort();
        let _ = gone.await;
        let next = waiting(&starts, 2).await;
        held.pop();
        let next = tokio::time::timeout(Duration::from_secs(5), next).await.unwrap().unwrap();
        drop((held, next));
        assert!(starts.is_quiet());
    }
}
