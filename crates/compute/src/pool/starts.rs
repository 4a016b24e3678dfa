//! Turns to start environments: a bounded number at one time, by turns between the accounts that wait, and between the
//! functions of each.
//!
//! What is scarce is the machine's work of making an environment. A function's own code that takes its time to come up holds
//! a place of its own account's, but soon none of the machine's; and never all of its account's.

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

/// One account's.
#[derive(Default)]
struct Own {
    starting: usize,
    functions: HashMap<Arc<str>, Function>,
    /// Functions for which somebody waits, which comes next first.
    order: VecDeque<Arc<str>>,
}

#[derive(Default)]
struct Function {
    starting: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// One start, until dropped.
pub(super) struct Turn {
    starts: Arc<Starts>,
    account: AccountId,
    function: Arc<str>,
    is_held: bool,
}

impl Starts {
    /// Waits for a turn; `None` never comes of it while the line exists.
    pub(super) async fn turn(self: &Arc<Self>, account: AccountId, function_arn: &str) -> Option<Turn> {
        let (caller, turn) = oneshot::channel();
        self.0.lock().wait(account, function_arn.into(), caller);
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
            let Some((account, function, caller)) = next else { return };
            // Who went away meanwhile gives his turn back by its drop, for which the line must not be locked.
            drop(caller.send(Turn { starts: Arc::clone(self), account, function, is_held: true }));
        }
    }
}

impl Line {
    fn wait(&mut self, account: AccountId, function: Arc<str>, caller: oneshot::Sender<Turn>) {
        let own = self.accounts.entry(account).or_default();
        if own.order.is_empty() {
            self.order.push_back(account);
        }
        let waiting = &mut own.functions.entry(Arc::clone(&function)).or_default().waiting;
        if waiting.is_empty() {
            own.order.push_back(function);
        }
        waiting.push_back(caller);
    }

    fn take_next(&mut self) -> Option<(AccountId, Arc<str>, oneshot::Sender<Turn>)> {
        if self.held >= STARTS_MAX {
            return None;
        }
        for _ in 0..self.order.len() {
            let account = self.order.pop_front()?;
            let Some(own) = self.accounts.get_mut(&account) else { continue };
            let next = own.take_next();
            if !own.order.is_empty() {
                self.order.push_back(account);
            }
            if let Some((function, caller)) = next {
                self.held += 1;
                return Some((account, function, caller));
            }
        }
        None
    }

    fn end(&mut self, account: AccountId, function: &str) {
        if let Some(own) = self.accounts.get_mut(&account) {
            own.end(function);
            if own.functions.is_empty() {
                self.accounts.remove(&account);
            }
        }
    }
}

impl Own {
    fn take_next(&mut self) -> Option<(Arc<str>, oneshot::Sender<Turn>)> {
        for _ in 0..self.order.len() {
            let name = self.order.pop_front()?;
            let Some(function) = self.functions.get_mut(&name) else { continue };
            // Half of what others leave, so that something is left for one more.
            let left = STARTS_ACCOUNT_MAX.saturating_sub(self.starting - function.starting);
            let may_start = self.starting < STARTS_ACCOUNT_MAX && function.starting < left.div_ceil(2);
            let caller = if may_start { function.waiting.pop_front() } else { None };
            if !function.waiting.is_empty() {
                self.order.push_back(Arc::clone(&name));
            }
            if let Some(caller) = caller {
                function.starting += 1;
                self.starting += 1;
                return Some((name, caller));
            }
        }
        None
    }

    fn end(&mut self, name: &str) {
        let Some(function) = self.functions.get_mut(name) else { return };
        self.starting = self.starting.saturating_sub(1);
        function.starting = function.starting.saturating_sub(1);
        if function.starting == 0 && function.waiting.is_empty() {
            self.functions.remove(name);
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
        self.starts.0.lock().end(self.account, &self.function);
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
        let waiting = tokio::spawn(async move { starts.turn(account(of), "f").await.unwrap() });
        tokio::task::yield_now().await;
        waiting
    }

    #[tokio::test]
    async fn accounts_take_turns_however_many_one_of_them_asks_for() {
        let starts = Arc::new(Starts::default());
        let mut held = Vec::new();
        for _ in 0..STARTS_MAX {
            held.push(starts.turn(account(0), "f").await.unwrap());
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
        for _ in 0..STARTS_ACCOUNT_MAX / 2 {
            let mut turn = starts.turn(account(0), "f").await.unwrap();
            slow.push(tokio::spawn(async move {
                turn.during(tokio::time::sleep(START_TURN_TIME_MAX * 8)).await;
            }));
        }
        let own = waiting(&starts, 0).await;
        let began = tokio::time::Instant::now();
        // Another function of the same account.
        let beside = tokio::time::timeout(START_TURN_TIME_MAX * 2, starts.turn(account(0), "g")).await;
        assert!(beside.unwrap().is_some() && !own.is_finished());
        for _ in 0..STARTS_MAX {
            // Another account's start, again and again: none waits for the slow ones.
            drop(starts.turn(account(1), "f").await);
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
            held.push(starts.turn(account(0), "f").await.unwrap());
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

    #[test]
    fn a_function_takes_half_of_what_the_others_of_its_account_leave() {
        let mut own = Own::default();
        let mut callers = Vec::new();
        let mut wait = |own: &mut Own, name: &str| {
            let (caller, turn) = oneshot::channel();
            callers.push(turn);
            own.functions.entry(name.into()).or_default().waiting.push_back(caller);
            if !own.order.iter().any(|other| **other == *name) {
                own.order.push_back(name.into());
            }
        };
        let taken =
            |own: &mut Own| std::iter::from_fn(|| own.take_next()).map(|(name, _)| name).collect::<Vec<_>>();
        (0..30).for_each(|_| wait(&mut own, "a"));
        assert_eq!(taken(&mut own).len(), STARTS_ACCOUNT_MAX / 2);
        (0..30).for_each(|_| wait(&mut own, "b"));
        assert_eq!(taken(&mut own).len(), STARTS_ACCOUNT_MAX / 4);
        wait(&mut own, "c");
        assert_eq!(taken(&mut own).iter().map(|name| &**name).collect::<Vec<_>>(), ["c"]);
        // They take turns as places come free.
        (0..STARTS_ACCOUNT_MAX / 2).for_each(|_| own.end("a"));
        let both = taken(&mut own);
        assert!(
            both.starts_with(&["a".into(), "b".into(), "a".into()])
                || both.starts_with(&["b".into(), "a".into()])
        );
        assert!(own.starting <= STARTS_ACCOUNT_MAX);
    }
}
