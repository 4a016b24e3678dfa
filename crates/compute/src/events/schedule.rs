//! Which event is due next: the in-memory order of what the store holds, by turns between the accounts, and between the
//! functions of each.
//!
//! Names and times only; an event's content is read when it is delivered.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use base::{AccountId, Timestamp};

use super::QueuedEvent;
use crate::limits::{EVENT_WORKERS_ACCOUNT_MAX, EVENT_WORKERS_MAX};

/// An event's place in the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) due_at: Timestamp,
    pub(super) account: AccountId,
    /// The ARN of the function.
    pub(super) function: Arc<str>,
    pub(super) request_id: String,
}

impl Entry {
    pub(super) fn of(event: &QueuedEvent) -> Self {
        Self {
            due_at: event.due_at,
            account: event.account,
            function: event.function_arn.as_str().into(),
            request_id: event.request_id.clone(),
        }
    }

    /// Whose places it takes up.
    pub(super) fn whose(&self) -> (AccountId, Arc<str>) {
        (self.account, Arc::clone(&self.function))
    }
}

#[derive(Default)]
pub(super) struct Schedule {
    lines: HashMap<AccountId, Line>,
    /// Every account that has a line, who comes next first.
    turns: VecDeque<AccountId>,
    /// Events that were taken, of all accounts.
    taken: usize,
}

/// One account's events.
#[derive(Default)]
struct Line {
    functions: HashMap<Arc<str>, Own>,
    /// Every function that has events, which comes next first.
    turns: VecDeque<Arc<str>>,
    taken: usize,
}

/// One function's events.
#[derive(Default)]
struct Own {
    waiting: BinaryHeap<Reverse<Entry>>,
    taken: usize,
}

/// True where one more is no more than half of what others leave, so that something is always left for one more.
const fn may_go_on(own: usize, all: usize, most: usize) -> bool {
    all < most && own < most.saturating_sub(all.saturating_sub(own)).div_ceil(2)
}

impl Own {
    fn next_due(&self) -> Option<Timestamp> {
        self.waiting.peek().map(|Reverse(entry)| entry.due_at)
    }

    fn may_go_on(&self, taken_by_account: usize) -> bool {
        may_go_on(self.taken, taken_by_account, EVENT_WORKERS_ACCOUNT_MAX)
    }
}

impl Line {
    fn may_go_on(&self, taken_by_all: usize) -> bool {
        may_go_on(self.taken, taken_by_all, EVENT_WORKERS_MAX)
    }

    fn add(&mut self, entry: Entry) {
        let function = Arc::clone(&entry.function);
        let turns = &mut self.turns;
        let own = self.functions.entry(Arc::clone(&function)).or_insert_with(|| {
            turns.push_back(function);
            Own::default()
        });
        own.waiting.push(Reverse(entry));
    }

    /// Takes an event that is due, of the function whose turn it is.
    fn take_due(&mut self, now: Timestamp) -> Option<Entry> {
        for _ in 0..self.turns.len() {
            let function = self.turns.pop_front()?;
            self.turns.push_back(Arc::clone(&function));
            let Some(own) = self.functions.get_mut(&function) else { continue };
            if own.may_go_on(self.taken)
                && own.next_due().is_some_and(|due| due <= now)
                && let Some(Reverse(entry)) = own.waiting.pop()
            {
                own.taken += 1;
                self.taken += 1;
                return Some(entry);
            }
        }
        None
    }

    fn next_due(&self) -> Option<Timestamp> {
        let able = self.functions.values().filter(|own| own.may_go_on(self.taken));
        able.filter_map(Own::next_due).min()
    }

    fn finish(&mut self, function: &str) {
        let Some(own) = self.functions.get_mut(function) else { return };
        self.taken = self.taken.saturating_sub(1);
        own.taken = own.taken.saturating_sub(1);
        if own.taken == 0 && own.waiting.is_empty() {
            self.functions.remove(function);
            self.turns.retain(|other| **other != *function);
        }
    }

    fn len(&self) -> usize {
        self.functions.values().map(|own| own.waiting.len()).sum::<usize>() + self.taken
    }
}

impl Schedule {
    /// Adds a new event.
    pub(super) fn add(&mut self, entry: Entry) {
        let account = entry.account;
        let turns = &mut self.turns;
        let line = self.lines.entry(account).or_insert_with(|| {
            turns.push_back(account);
            Line::default()
        });
        line.add(entry);
    }

    /// Puts an event back that was taken.
    pub(super) fn put_back(&mut self, entry: Entry) {
        let (account, function) = entry.whose();
        self.add(entry);
        self.finish(account, &function);
    }

    /// Takes an event that is due, of the account whose turn it is.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Entry> {
        for _ in 0..self.turns.len() {
            let account = self.turns.pop_front()?;
            self.turns.push_back(account);
            let Some(line) = self.lines.get_mut(&account) else { continue };
            if line.may_go_on(self.taken)
                && let Some(entry) = line.take_due(now)
            {
                self.taken += 1;
                return Some(entry);
            }
        }
        None
    }

    /// When the next event is due, of those accounts and functions that may have one more delivered.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let able = self.lines.values().filter(|line| line.may_go_on(self.taken));
        able.filter_map(Line::next_due).min()
    }

    /// Forgets an event that was taken and is over.
    pub(super) fn finish(&mut self, account: AccountId, function: &str) {
        self.taken = self.taken.saturating_sub(1);
        let Some(line) = self.lines.get_mut(&account) else { return };
        line.finish(function);
        if line.functions.is_empty() {
            self.lines.remove(&account);
            self.turns.retain(|other| *other != account);
        }
    }

    /// Events of an account that wait or are in progress.
    pub(super) fn waiting(&self, account: AccountId) -> usize {
        self.lines.get(&account).map_or(0, Line::len)
    }

    pub(super) fn len(&self) -> usize {
        self.lines.values().map(Line::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(account: usize, number: i64) -> Entry {
        Entry {
            due_at: Timestamp::from_millis(number),
            account: format!("{account:012}").parse().unwrap(),
            function: "f".into(),
            request_id: format!("{account}/{number}"),
        }
    }

    fn of(function: &str, number: i64) -> Entry {
        Entry { function: function.into(), request_id: format!("{function}/{number}"), ..entry(1, number) }
    }

    impl Schedule {
        fn finish_of(&mut self, account: usize) {
            self.finish(entry(account, 0).account, "f");
        }
    }

    fn taken(schedule: &mut Schedule) -> Vec<String> {
        std::iter::from_fn(|| schedule.take_due(Timestamp::from_millis(1_000)))
            .map(|e| e.request_id)
            .collect()
    }

    #[test]
    fn accounts_take_turns_and_an_accounts_events_come_in_their_order() {
        let mut schedule = Schedule::default();
        for number in [3, 1, 2, 5_000] {
            schedule.add(entry(1, number));
        }
        for number in [9, 8] {
            schedule.add(entry(2, number));
        }
        assert_eq!(taken(&mut schedule), ["1/1", "2/8", "1/2", "2/9", "1/3"]);
        assert_eq!(schedule.next_due(), Some(Timestamp::from_millis(5_000)));
        assert_eq!((schedule.len(), schedule.waiting(entry(1, 0).account)), (6, 4));
        schedule.put_back(entry(2, 7));
        assert_eq!(taken(&mut schedule), ["2/7"]);
        for of in [1, 1, 1, 2, 2] {
            schedule.finish_of(of);
        }
        assert_eq!((schedule.len(), schedule.taken, schedule.turns.len()), (1, 0, 1));
    }

    #[test]
    fn an_account_takes_half_of_what_others_leave_and_never_more_than_its_own() {
        let mut schedule = Schedule::default();
        let most = EVENT_WORKERS_ACCOUNT_MAX / 2;
        for of in 1..=2 * EVENT_WORKERS_MAX / most {
            (0..100).for_each(|number| schedule.add(entry(of, number)));
            let got = taken(&mut schedule).len();
            assert!((1..=most).contains(&got) || schedule.taken > 230, "{of}: {got}");
            assert!(schedule.taken <= EVENT_WORKERS_MAX);
        }
        // What is due of those who may have no more does not keep the deliverer awake.
        let mut one = Schedule::default();
        (0..100).for_each(|number| one.add(entry(1, number)));
        assert_eq!(taken(&mut one).len(), most);
        assert_eq!(one.next_due(), None);
        one.finish_of(1);
        assert_eq!(taken(&mut one), ["1/16"]);
    }

    #[test]
    fn functions_of_an_account_take_turns_and_one_takes_half_of_what_the_others_leave() {
        let mut schedule = Schedule::default();
        (0..1_000).for_each(|number| schedule.add(of("hog", number)));
        assert_eq!(taken(&mut schedule).len(), EVENT_WORKERS_ACCOUNT_MAX / 2);
        // Due later than all of the other's, and delivered at once.
        schedule.add(of("quick", 999));
        assert_eq!(taken(&mut schedule), ["quick/999"]);
        (0..100).for_each(|number| schedule.add(of("second", number)));
        assert_eq!(taken(&mut schedule).len(), 8);
        (0..6).for_each(|_| schedule.finish(entry(1, 0).account, "hog"));
        (0..2).for_each(|_| schedule.finish(entry(1, 0).account, "second"));
        let next = taken(&mut schedule);
        assert!(
            next.iter().any(|id| id.starts_with("hog/")) && next.iter().any(|id| id.starts_with("second/"))
        );
        schedule.finish(entry(1, 0).account, "quick");
        assert_eq!((schedule.lines.len(), schedule.waiting(entry(1, 0).account)), (1, schedule.len()));
    }

    #[test]
    fn places_even_out_as_deliveries_end() {
        let mut schedule = Schedule::default();
        let accounts = EVENT_WORKERS_MAX / EVENT_WORKERS_ACCOUNT_MAX + 16;
        for of in 1..=accounts {
            (0..2_000).for_each(|number| schedule.add(entry(of, number)));
        }
        let mut held: Vec<usize> = Vec::new();
        let account_of = |id: &str| -> usize { id.split('/').next().unwrap().parse().unwrap() };
        for _ in 0..40 {
            held.extend(taken(&mut schedule).iter().map(|id| account_of(id)));
            assert!(held.len() <= EVENT_WORKERS_MAX, "{}", held.len());
            let ended: Vec<usize> = held.drain(..held.len() / 2).collect();
            ended.iter().for_each(|of| schedule.finish_of(*of));
        }
        held.extend(taken(&mut schedule).iter().map(|id| account_of(id)));
        let least = (1..=accounts).map(|of| held.iter().filter(|own| **own == of).count()).min().unwrap();
        assert!(least > 0, "an account got nothing");
    }
}
