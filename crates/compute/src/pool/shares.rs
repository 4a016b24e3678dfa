//! Who may have how much of this machine: what is kept free for functions, a fair share of each account, and the rest for
//! whoever comes first.
//!
//! Counts only: it starts nothing and ends nothing. What a function may ask to be kept is bounded here, so that every promise
//! can be kept at once.

use std::collections::HashMap;

use base::AccountId;

/// A number of environments, and the memory that they are promised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Environments.
    pub environments: u64,
    /// Memory of all of them together, in MiB.
    pub memory_mib: u64,
}

impl Room {
    /// One environment with this much memory.
    pub fn one(memory_mib: u32) -> Self {
        Self::of(1, memory_mib)
    }

    /// So many environments with this much memory each.
    pub fn of(environments: u32, memory_mib: u32) -> Self {
        let environments = u64::from(environments);
        Self { environments, memory_mib: environments.saturating_mul(u64::from(memory_mib)) }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            environments: self.environments.saturating_add(other.environments),
            memory_mib: self.memory_mib.saturating_add(other.memory_mib),
        }
    }

    /// True where neither is more than the other's.
    pub const fn fits_in(self, other: Self) -> bool {
        self.environments <= other.environments && self.memory_mib <= other.memory_mib
    }

    const fn minus(self, other: Self) -> Self {
        Self {
            environments: self.environments.saturating_sub(other.environments),
            memory_mib: self.memory_mib.saturating_sub(other.memory_mib),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            environments: self.environments.max(other.environments),
            memory_mib: self.memory_mib.max(other.memory_mib),
        }
    }

    /// A half, rounded up.
    const fn half(self) -> Self {
        Self { environments: self.environments.div_ceil(2), memory_mib: self.memory_mib.div_ceil(2) }
    }

    fn part(self, of: u64) -> Self {
        let of = of.max(1);
        Self { environments: self.environments / of, memory_mib: self.memory_mib / of }
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Whose an environment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) account: AccountId,
    /// The function's ARN without a qualifier.
    pub(super) function: String,
}

/// The book of this machine. What no function holds was started ahead.
pub(super) struct Shares {
    limits: Room,
    used: Room,
    accounts: HashMap<AccountId, Account>,
}

#[derive(Default)]
struct Account {
    functions: HashMap<String, Function>,
    /// Sums over its functions, so that nobody has to walk over them.
    sums: Sums,
}

#[derive(Clone, Copy, Default)]
struct Function {
    exists: bool,
    kept: Room,
    /// What it asks for while that is not decided.
    asked: Room,
    used: Room,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    kept: Room,
    /// The greater of what is kept and what is asked for.
    claimed: Room,
    /// What is kept and not used.
    lacking: Room,
    /// What is used beyond what is kept.
    beyond: Room,
}

impl Function {
    fn sums(&self) -> Sums {
        Sums {
            kept: self.kept,
            claimed: self.kept.max(self.asked),
            lacking: self.kept.minus(self.used),
            beyond: self.used.minus(self.kept),
        }
    }

    fn is_over(&self) -> bool {
        !self.exists && self.used.is_nothing() && self.asked.is_nothing()
    }
}

impl Sums {
    const fn replace(&mut self, before: Self, after: Self) {
        self.kept = self.kept.minus(before.kept).plus(after.kept);
        self.claimed = self.claimed.minus(before.claimed).plus(after.claimed);
        self.lacking = self.lacking.minus(before.lacking).plus(after.lacking);
        self.beyond = self.beyond.minus(before.beyond).plus(after.beyond);
    }
}

impl Shares {
    pub(super) fn new(limits: Room) -> Self {
        Self { limits, used: Room::default(), accounts: HashMap::new() }
    }

    /// How many environments functions have at this moment; what was started ahead is none of them.
    pub(super) fn environments(&self) -> u64 {
        let of = |Sums { kept, lacking, beyond, .. }: Sums| {
            kept.environments.saturating_sub(lacking.environments).saturating_add(beyond.environments)
        };
        self.accounts.values().map(|account| of(account.sums)).sum()
    }

    /// Says that a function exists and what is kept free for it, or that it is gone. What it asked for is decided by this.
    pub(super) fn keep(&mut self, account: AccountId, function: &str, kept: Option<Room>) {
        self.alter(account, function, |function| {
            function.exists = kept.is_some();
            function.kept = kept.unwrap_or_default();
            function.asked = Room::default();
        });
    }

    /// Whether this much can be kept free for a function: an account may have at most half of what other accounts' functions leave,
    /// so that none is ever left without. What is asked for counts until `keep` says what came of it.
    pub(super) fn ask(&mut self, account: AccountId, function: &str, asked: Room) -> bool {
        let known = self.accounts.get(&account).and_then(|own| own.functions.get(function));
        let before = known.map_or_else(Room::default, |known| known.asked);
        self.alter(account, function, |function| function.asked = function.asked.max(asked));
        let all = self.accounts.values().fold(Room::default(), |all, account| all.plus(account.sums.claimed));
        let own = self.accounts.get(&account).map_or_else(Room::default, |own| own.sums.claimed);
        let may = own.fits_in(self.limits.minus(all.minus(own)).half());
        if !may {
            self.alter(account, function, |function| function.asked = before);
        }
        may
    }

    /// Counts one more environment, where there is room for it.
    pub(super) fn place(&mut self, holder: Option<&Holder>, room: Room) -> bool {
        let fits = self.lack(holder, room).is_nothing();
        if fits {
            self.add(holder, room);
        }
        fits
    }

    /// One environment less.
    pub(super) fn remove(&mut self, holder: Option<&Holder>, room: Room) {
        self.used = self.used.minus(room);
        if let Some(holder) = holder {
            self.alter(holder.account, &holder.function, |function| {
                function.used = function.used.minus(room)
            });
        }
    }

    /// True where what is used and what is due are more than there is: accounts came in, or more is to be kept.
    pub(super) fn is_overpromised(&self) -> bool {
        !self.excess().is_nothing()
    }

    /// Which of the idle ones have to end so that there is room, the first ones first; `None` where no end of theirs would do.
    pub(super) fn room_by_ending(
        &mut self,
        holder: &Holder,
        room: Room,
        idle: &[(Holder, Room)],
    ) -> Option<Vec<usize>> {
        let (ended, left) = self.ends(idle, |shares| shares.lack(Some(holder), room));
        left.is_nothing().then_some(ended)
    }

    /// Which of the idle ones have to end so that what is due is free, the first ones first.
    pub(super) fn beyond_due(&mut self, idle: &[(Holder, Room)]) -> Vec<usize> {
        self.ends(idle, |shares| shares.excess()).0
    }

    /// Which ends, in their order, make `lack` less, until there is none; and what is left of it.
    fn ends(&mut self, idle: &[(Holder, Room)], lack: impl Fn(&mut Self) -> Room) -> (Vec<usize>, Room) {
        let mut ended = Vec::new();
        let mut before = lack(self);
        for (at, (holder, room)) in idle.iter().enumerate() {
            if before.is_nothing() {
                break;
            }
            self.remove(Some(holder), *room);
            let left = lack(self);
            // The end of what is its account's due would have to be made good at once: it helps nobody.
            if left != before && left.fits_in(before) {
                before = left;
                ended.push((at, holder, *room));
            } else {
                self.add(Some(holder), *room);
            }
        }
        for (_, holder, room) in &ended {
            self.add(Some(holder), *room);
        }
        (ended.into_iter().map(|(at, ..)| at).collect(), before)
    }

    fn excess(&self) -> Room {
        self.used.plus(self.due()).minus(self.limits)
    }

    /// What is missing for one more environment. It may take what is free and nobody's due, or what is its own due and free.
    fn lack(&mut self, holder: Option<&Holder>, room: Room) -> Room {
        let before = self.used.plus(self.due());
        self.add(holder, room);
        let (used, after) = (self.used, self.used.plus(self.due()));
        self.remove(holder, room);
        // Where more was promised than there is, since accounts came in, only what is due may still begin.
        used.minus(self.limits).max(after.minus(self.limits.max(before)))
    }

    /// What must stay free: all that is kept and not used, and all of each account's share that it does not use.
    fn due(&self) -> Room {
        let share = self.share();
        self.accounts.values().fold(Room::default(), |all, account| {
            all.plus(account.sums.lacking).plus(share.minus(account.sums.beyond))
        })
    }

    /// Of what is not kept for functions, one half is shared evenly by the accounts that have functions.
    fn share(&self) -> Room {
        let kept = self.accounts.values().fold(Room::default(), |all, account| all.plus(account.sums.kept));
        let accounts = u64::try_from(self.accounts.len()).unwrap_or(u64::MAX);
        self.limits.minus(kept).part(accounts.saturating_mul(2))
    }

    fn add(&mut self, holder: Option<&Holder>, room: Room) {
        self.used = self.used.plus(room);
        if let Some(holder) = holder {
            self.alter(holder.account, &holder.function, |function| function.used = function.used.plus(room));
        }
    }

    fn alter(&mut self, account: AccountId, function: &str, change: impl FnOnce(&mut Function)) {
        let own = self.accounts.entry(account).or_default();
        let before = own.functions.get(function).copied().unwrap_or_default();
        let mut after = before;
        change(&mut after);
        own.sums.replace(before.sums(), after.sums());
        if after.is_over() {
            own.functions.remove(function);
        } else if let Some(known) = own.functions.get_mut(function) {
            *known = after;
        } else {
            own.functions.insert(function.to_owned(), after);
        }
        if own.functions.is_empty() {
            self.accounts.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: usize) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    fn holder(of: usize, function: usize) -> Holder {
        Holder { account: account(of), function: format!("{of}/{function}") }
    }

    fn shares(environments: u64) -> Shares {
        Shares::new(Room { environments, memory_mib: 1_000_000 })
    }

    /// The same random numbers each time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % sides
        }
    }

    #[test]
    fn one_account_leaves_the_others_their_share_and_takes_the_rest() {
        let mut shares = shares(8);
        for of in [0, 1] {
            shares.keep(account(of), &holder(of, 0).function, Some(Room::default()));
        }
        let (first, second) = (holder(0, 0), holder(1, 0));
        let greedy = (0..20).filter(|_| shares.place(Some(&first), Room::one(128))).count();
        assert_eq!(greedy, 6, "a share is 8 / (2 * 2)");
        let modest = (0..20).filter(|_| shares.place(Some(&second), Room::one(128))).count();
        assert_eq!(modest, 2);
        assert!(!shares.place(None, Room::one(128)), "nothing is started ahead at others' cost");
        shares.remove(Some(&first), Room::one(128));
        assert!(shares.place(Some(&second), Room::one(128)), "what is free is whoever's comes first");
        shares.keep(account(0), &first.function, None);
        shares.keep(account(1), &second.function, None);
        for (one, times) in [(&first, 5), (&second, 3)] {
            (0..times).for_each(|_| shares.remove(Some(one), Room::one(128)));
        }
        assert!(shares.accounts.is_empty() && shares.used.is_nothing());
    }

    #[test]
    fn memory_is_shared_like_environments() {
        let mut shares = Shares::new(Room { environments: 1_000, memory_mib: 4_096 });
        for of in [0, 1] {
            shares.keep(account(of), &holder(of, 0).function, Some(Room::default()));
        }
        let large = (0..20).filter(|_| shares.place(Some(&holder(0, 0)), Room::one(1_024))).count();
        assert_eq!(large, 3);
        assert!(shares.place(Some(&holder(1, 0)), Room::one(1_024)));
        assert!(!shares.place(Some(&holder(1, 0)), Room::one(1)));
    }

    #[test]
    fn what_is_kept_for_a_function_is_kept_from_its_own_account_too() {
        let mut shares = shares(10);
        let (reserved, other) = (holder(0, 0), holder(0, 1));
        assert!(shares.ask(account(0), &reserved.function, Room::of(3, 128)));
        shares.keep(account(0), &reserved.function, Some(Room::of(3, 128)));
        shares.keep(account(0), &other.function, Some(Room::default()));
        assert_eq!((0..20).filter(|_| shares.place(Some(&other), Room::one(128))).count(), 7);
        assert_eq!((0..20).filter(|_| shares.place(Some(&reserved), Room::one(128))).count(), 3);
    }

    #[test]
    fn an_account_may_keep_half_of_what_others_leave() {
        let mut shares = shares(100);
        let most = |shares: &mut Shares, of: usize| {
            let function = holder(of, 0).function;
            let most = (0..=100).rev().find(|n| shares.ask(account(of), &function, Room::of(*n, 1))).unwrap();
            // What is asked for counts while it is not decided, but only once.
            assert!(!shares.ask(account(of), &holder(of, 1).function, Room::of(1, 1)));
            shares.keep(account(of), &function, Some(Room::of(most, 1)));
            most
        };
        let all: Vec<u32> = (0..5).map(|of| most(&mut shares, of)).collect();
        assert_eq!(all, [50, 25, 13, 6, 3]);
        // A refusal leaves nothing behind.
        assert!(!shares.ask(account(9), &holder(9, 0).function, Room::of(3, 1)));
        assert!(!shares.accounts.contains_key(&account(9)));
        let memory = Room { environments: 1, memory_mib: 600_000 };
        assert!(!shares.ask(account(9), &holder(9, 0).function, memory));
    }

    #[test]
    fn an_end_that_helps_nobody_is_not_asked_for() {
        let mut shares = shares(8);
        let (first, second) = (holder(0, 0), holder(1, 0));
        for one in [&first, &second] {
            shares.keep(one.account, &one.function, Some(Room::default()));
        }
        (0..6).for_each(|_| assert!(shares.place(Some(&first), Room::one(128))));
        (0..2).for_each(|_| assert!(shares.place(Some(&second), Room::one(128))));
        let of_second = [(second.clone(), Room::one(128)), (second.clone(), Room::one(128))];
        assert_eq!(shares.room_by_ending(&first, Room::one(128), &of_second), None);
        let mixed = [of_second[0].clone(), (first.clone(), Room::one(128)), (first.clone(), Room::one(128))];
        assert_eq!(shares.room_by_ending(&first, Room::one(128), &mixed), Some(vec![1]));
        assert_eq!(shares.room_by_ending(&second, Room::one(128), &mixed[1..]), Some(vec![0]));
        assert_eq!(shares.used.environments, 8, "looking changes nothing");
    }

    #[test]
    fn what_is_kept_anew_is_freed_of_what_is_idle() {
        let mut shares = shares(8);
        let (first, second) = (holder(0, 0), holder(1, 0));
        shares.keep(first.account, &first.function, Some(Room::default()));
        (0..8).for_each(|_| assert!(shares.place(Some(&first), Room::one(128))));
        assert!(!shares.is_overpromised());
        shares.keep(second.account, &second.function, Some(Room::of(2, 128)));
        // Two are kept, and of the six left each of two accounts has a share of one.
        assert!(shares.is_overpromised());
        let idle = vec![(first.clone(), Room::one(128)); 8];
        assert_eq!(shares.beyond_due(&idle), [0, 1, 2]);
        (0..3).for_each(|_| shares.remove(Some(&first), Room::one(128)));
        assert!(!shares.is_overpromised());
        assert!(shares.beyond_due(&idle).is_empty());
    }

    /// The rule, said literally and slowly over plain lists: by account, by function, what is kept and what is used.
    fn may_begin(limit: u64, kept: &[Vec<u64>], used: &[Vec<u64>], of: usize, function: usize) -> bool {
        let all_kept: u64 = kept.iter().flatten().sum();
        let share = limit.saturating_sub(all_kept) / (2 * kept.len() as u64);
        let beyond = |of: usize| -> u64 {
            kept[of].iter().zip(&used[of]).map(|(kept, used)| used.saturating_sub(*kept)).sum()
        };
        let all_used: u64 = used.iter().flatten().sum();
        let is_its_due = used[of][function] < kept[of][function] || beyond(of) < share;
        if is_its_due {
            return all_used < limit;
        }
        let mut due = 0;
        for other in 0..kept.len() {
            due += share.saturating_sub(beyond(other));
            due += kept[other].iter().zip(&used[other]).map(|(k, u)| k.saturating_sub(*u)).sum::<u64>();
        }
        all_used + 1 + due <= limit
    }

    #[test]
    fn whatever_happens_everyone_gets_what_is_due_to_him_at_once() {
        for seed in 0..200 {
            let mut dice = Dice(seed);
            let (accounts, limit) = (1 + dice.roll(5), 1 + dice.roll(60) as u64);
            let mut shares = shares(limit);
            let mut kept = vec![vec![0_u64; 3]; accounts];
            let mut used = kept.clone();
            for (of, kept) in kept.iter_mut().enumerate() {
                for (function, kept) in kept.iter_mut().enumerate() {
                    let asked = u32::try_from(dice.roll(12)).unwrap() * u32::from(dice.roll(2) == 0);
                    let name = holder(of, function).function;
                    let room = Room::of(asked, 128);
                    let granted = if shares.ask(account(of), &name, room) { room } else { Room::default() };
                    shares.keep(account(of), &name, Some(granted));
                    *kept = granted.environments;
                }
            }
            assert!(kept.iter().flatten().sum::<u64>() <= limit, "more was promised than there is");
            for _ in 0..400 {
                let (of, function) = (dice.roll(accounts), dice.roll(3));
                let one = holder(of, function);
                if dice.roll(3) == 0 && used[of][function] > 0 {
                    shares.remove(Some(&one), Room::one(128));
                    used[of][function] -= 1;
                    continue;
                }
                let expected = may_begin(limit, &kept, &used, of, function);
                let share = (limit - kept.iter().flatten().sum::<u64>()) / (2 * accounts as u64);
                let beyond: u64 = (0..3).map(|f| used[of][f].saturating_sub(kept[of][f])).sum();
                let began = shares.place(Some(&one), Room::one(128));
                assert_eq!(began, expected, "seed {seed}");
                if used[of][function] < kept[of][function] || beyond < share {
                    assert!(began, "seed {seed}: what was due was refused");
                }
                used[of][function] += u64::from(began);
                assert_eq!(shares.environments(), used.iter().flatten().sum::<u64>());
                assert!(shares.used.environments <= limit);
            }
        }
    }
}
