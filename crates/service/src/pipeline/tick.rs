//! When refusals across accounts are answered: at a tick of a fixed step after they arrived, which is fixed before anything
//! of the other account is read.
//!
//! What a refusal took to decide depends on what is there: a policy that is read, tags that are looked up. It refuses
//! nothing, and holds nothing but the one answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// From one moment for answers to the next.
pub(super) const STEP: Duration = Duration::from_millis(5);

/// An answer that waits, and until when.
type Held = (Instant, oneshot::Sender<()>);

/// The clock that answers wait for, from the first that does; `None` where the system has no thread for it.
// SECURITY: not the runtime's own timer. It sleeps whole milliseconds from when it falls asleep, so that the work before shows
// in the moment when it wakes.
static CLOCK: LazyLock<Option<Sender<Held>>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel();
    let clock = thread::Builder::new().name("refusals".to_owned()).stack_size(64 * 1_024);
    clock.spawn(move || run(&receiver)).ok().map(|_| sender)
});

/// What a decision may take, in times of what the caller's side took alone: that itself, and twice as much for the true one,
/// which takes it again.
const ROOM: u32 = 3;

/// When a refusal of one call across accounts is told.
#[derive(Debug)]
pub(crate) struct AnswerTime {
    arrived: Instant,
    /// Nanoseconds after that, once they are known.
    fixed: AtomicU64,
}

impl AnswerTime {
    /// For a call that arrives now.
    pub(crate) fn from_now() -> Arc<Self> {
        Arc::new(Self { arrived: Instant::now(), fixed: AtomicU64::new(0) })
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.arrived.elapsed()
    }

    /// True once it is known.
    pub(crate) fn is_fixed(&self) -> bool {
        self.fixed.load(Ordering::Relaxed) > 0
    }

    /// Fixes it, once a call, by what the caller's side took alone, which began so long after the call arrived.
    pub(crate) fn fix(&self, begun: Duration) {
        let room = self.elapsed().saturating_sub(begun).saturating_mul(ROOM);
        let at = begun.saturating_add(STEP).saturating_add(room);
        let at = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.fixed.store(at, Ordering::Relaxed);
    }

    /// Returns at the first whole step from the fixed time on that is still to come.
    // SECURITY: so long as the work stays within its room, when the answer comes tells nothing of what the work was.
    pub(super) async fn come(&self) {
        wait(self.arrived, self.whole_steps(self.elapsed())).await;
    }

    fn whole_steps(&self, elapsed: Duration) -> u32 {
        let fixed = u128::from(self.fixed.load(Ordering::Relaxed)).div_ceil(STEP.as_nanos());
        let next = elapsed.as_nanos() / STEP.as_nanos() + 1;
        u32::try_from(next.max(fixed)).unwrap_or(u32::MAX)
    }
}

/// Returns so many steps after `arrived`.
async fn wait(arrived: Instant, steps: u32) {
    let at = STEP.checked_mul(steps).and_then(|held| arrived.checked_add(held)).unwrap_or(arrived);
    let (woken, tick) = oneshot::channel();
    let is_held = CLOCK.as_ref().is_some_and(|clock| clock.send((at, woken)).is_ok());
    if !is_held || tick.await.is_err() {
        tokio::time::sleep_until(at.into()).await;
    }
}

/// Wakes each when it is its time. No more wait than calls are in progress.
fn run(receiver: &Receiver<Held>) {
    let mut waiting: VecDeque<Held> = VecDeque::new();
    loop {
        let received = match waiting.front() {
            Some((at, _)) => receiver.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(held) => {
                // Most are the last: all are held for about the same time.
                let place = waiting.iter().rposition(|(at, _)| *at <= held.0).map_or(0, |place| place + 1);
                waiting.insert(place, held);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while waiting.front().is_some_and(|(at, _)| *at <= now) {
            // Who went away in the meantime waits for nothing.
            let _ = waiting.pop_front().map(|(_, woken)| woken.send(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use identity::Principal;
    use identity::records::{RoleRecord, keys};
    use serde_json::json;

    use super::*;
    use crate::RoleTarget;
    use crate::call::Source;
    use crate::pipeline::Attempt;
    use crate::testkit::TestKit;

    /// Whether the answer to who asks for this role is held, and its words.
    fn answer(kit: &TestKit, who: &Arc<Principal>, arn: &str) -> (bool, String) {
        let operation = protocol::model("sts").and_then(|model| model.operation("AssumeRole")).unwrap();
        let attempt = Attempt {
            operation,
            principal: Arc::clone(who),
            account: who.account().unwrap(),
            source: Arc::new(Source::platform("test")),
            request_id: "r".into(),
            arrived: kit.clock.now(),
            answered: AnswerTime::from_now(),
        };
        let target =
            RoleTarget::find(kit.pipeline.store(), kit.pipeline.directory(), arn, "xx").unwrap().unwrap();
        let asked = kit.pipeline.question(attempt.caller()).ask(&target.leave("sts:AssumeRole"));
        let refused = asked.err().unwrap();
        (refused.abroad, refused.fault.message)
    }

    #[tokio::test]
    async fn what_is_another_accounts_is_refused_in_one_way_there_or_not() {
        let kit = TestKit::start(|_| Vec::new()).await;
        let nobody = json!({"Service": "ec2.amazonaws.com"});
        kit.role("own", nobody.clone(), json!([])).await;
        let caller = kit.user("ana", json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])).await;
        let other: base::AccountId = "210987654321".parse().unwrap();
        let directory = kit.pipeline.directory();
        let (_, role) = directory.role_by_arn("arn:aws:iam::123456789012:role/own").unwrap().unwrap();
        let role = RoleRecord { name: "theirs".into(), tags: vec![("team".into(), "red".into())], ..role };
        let put = kit.pipeline.store().transact(|transaction| {
            directory.edit(transaction, other).put(keys::ROLES, &keys::named(other, "theirs"), &role)
        });
        put.await.map_err(|error: identity::DirectoryError| error).unwrap();
        let of = |account: &str, name: &str| {
            let (held, words) = answer(&kit, &caller, &format!("arn:aws:iam::{account}:role/{name}"));
            (held, words.replace(name, "NAME"))
        };
        let (there, absent) = (of("210987654321", "theirs"), of("210987654321", "absent"));
        assert_eq!(there, absent);
        assert!(there.0, "held");
        for name in ["own", "absent"] {
            assert!(!of("123456789012", name).0, "what is of one's own account is refused at once: {name}");
        }
    }

    fn after(late: Duration) -> AnswerTime {
        AnswerTime { arrived: Instant::now().checked_sub(late).unwrap(), fixed: AtomicU64::new(0) }
    }

    #[tokio::test]
    async fn an_answer_is_held_until_a_whole_step_and_no_longer() {
        for late in [Duration::ZERO, STEP * 3 / 2] {
            let answered = after(late);
            answered.come().await;
            let steps = answered.elapsed().as_nanos() / STEP.as_nanos();
            assert!(steps > late.as_nanos() / STEP.as_nanos(), "{steps}");
        }
    }

    #[test]
    fn what_the_work_takes_within_its_room_has_no_part_in_when_the_answer_comes() {
        // The caller's side alone took four steps, after half of one.
        let answered = after(STEP * 9 / 2);
        answered.fix(STEP / 2);
        let least = 14;
        let fixed = answered.whole_steps(Duration::ZERO);
        assert!(fixed >= least, "the side itself, twice that and a step: {fixed}");
        for took in [STEP * 5, STEP * 8, STEP * (least - 1)] {
            assert_eq!(answered.whole_steps(took), fixed, "{took:?}");
        }
        assert_eq!(
            answered.whole_steps(STEP * (fixed + 3)),
            fixed + 4,
            "what takes longer waits for a step, too"
        );
    }

    #[test]
    fn what_came_before_the_question_counts() {
        let late = after(STEP * 100);
        late.fix(STEP * 100);
        assert!((101..104).contains(&late.whole_steps(Duration::ZERO)));
    }
}
