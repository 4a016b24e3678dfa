//! Work that a child of the spawner has in hand, and what becomes of it.
//!
//! The spawner waits for no child: it goes on with the next request, and comes back when the child says something.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::launch::{Launching, Refusal, refusal};
use super::{Member, Supervisor};
use crate::message::{Channel, Progress, Reply};

/// A child has no reason to take longer; a machine out of memory may be one.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a child does.
pub(super) enum Work {
    Launch(Box<Launching>),
    /// Executes the program that it was assigned; the channel ends when it does.
    Execute(Channel),
    /// Nothing any more.
    Done,
}

/// Work, and who waits for it.
pub(super) struct Pending {
    work: Work,
    answer: Channel,
    deadline: Instant,
}

/// What a look at the work found.
enum Found {
    Nothing,
    Done,
    Failed(Refusal),
}

impl Pending {
    /// What the child reports on.
    pub(super) fn child(&self) -> Option<&Channel> {
        self.work.child()
    }

    /// Whether it makes the environment with this id.
    pub(super) fn makes(&self, id: &str) -> bool {
        matches!(&self.work, Work::Launch(launching) if launching.id == id)
    }

    /// Gives up, and hands out the environment that was half made.
    pub(super) fn abandon(self) -> Option<Member> {
        self.work.abandon()
    }
}

impl Work {
    fn child(&self) -> Option<&Channel> {
        match self {
            Self::Launch(launching) => Some(&launching.channel),
            Self::Execute(channel) => Some(channel),
            Self::Done => None,
        }
    }

    fn abandon(self) -> Option<Member> {
        match self {
            Self::Launch(launching) => Some(launching.member),
            Self::Execute(_) | Self::Done => None,
        }
    }

    fn look(&mut self, deadline: Instant) -> Found {
        loop {
            let Some(child) = self.child() else { return Found::Done };
            let said = match child.receive::<Progress>(Some(Duration::ZERO)) {
                Ok(said) => said,
                Err(error) if error.kind() == io::ErrorKind::TimedOut && Instant::now() < deadline => {
                    return Found::Nothing;
                }
                Err(error) => return Found::Failed(refusal("wait for the child", &error.to_string())),
            };
            match (said, &mut *self) {
                (Some((Progress::Failed { stage, reason }, _)), _) => {
                    return Found::Failed(Refusal { stage, reason });
                }
                (Some((Progress::Ready, listeners)), Self::Launch(launching)) => {
                    if launching.listeners.is_none() {
                        launching.listeners = Some(listeners);
                    } else if launching.awaits_program {
                        return Found::Done;
                    }
                }
                // A successful exec closes the child's last end of the channel.
                (None, Self::Launch(launching)) if launching.is_executed() => return Found::Done,
                (None, Self::Execute(_)) => return Found::Done,
                (Some((Progress::Program(_) | Progress::Ready, _)) | None, _) => {
                    return Found::Failed(refusal("wait for the child", "it died"));
                }
            }
        }
    }
}

impl Supervisor {
    /// Remembers work that has begun, or answers why it has not.
    pub(super) fn undertake(&mut self, begun: Result<Work, Refusal>, answer: Vec<OwnedFd>) -> io::Result<()> {
        let answer = answer.into_iter().next().map(Channel::new).ok_or(io::ErrorKind::InvalidData)?;
        match begun {
            Ok(Work::Done) => drop(answer.send(&Reply::Assigned, &[])),
            Ok(work) => self.pending.push(Pending { work, answer, deadline: Instant::now() + PATIENCE }),
            Err(Refusal { stage, reason }) => drop(answer.send(&Reply::Refused { stage, reason }, &[])),
        }
        Ok(())
    }

    /// Looks at all work, and answers what is done.
    pub(super) fn go_on(&mut self) {
        let mut waiting = Vec::with_capacity(self.pending.len());
        for mut pending in std::mem::take(&mut self.pending) {
            match pending.work.look(pending.deadline) {
                Found::Nothing => waiting.push(pending),
                Found::Done => self.finish(pending),
                Found::Failed(Refusal { stage, reason }) => {
                    // Whoever asked may have gone.
                    drop(pending.answer.send(&Reply::Refused { stage, reason }, &[]));
                    self.bury_alive(pending.abandon());
                }
            }
        }
        self.pending = waiting;
    }

    fn finish(&mut self, pending: Pending) {
        let Work::Launch(launching) = pending.work else {
            return drop(pending.answer.send(&Reply::Assigned, &[]));
        };
        let (id, member, handed) = launching.into_parts();
        let reply = Reply::Launched { cgroup: member.cgroup.clone() };
        let mut descriptors = vec![member.pidfd.as_fd()];
        descriptors.extend(handed.iter().map(AsFd::as_fd));
        if pending.answer.send(&reply, &descriptors).is_ok() {
            self.living.insert(id, member);
        } else {
            // Nobody waits for it any more, so nobody would ever release it.
            self.bury_alive(Some(member));
        }
    }

    fn bury_alive(&mut self, member: Option<Member>) {
        if let Some(member) = member {
            member.kill();
            self.ending.push(member);
        }
    }

    /// Waits for one environment; for the probe, before there are requests.
    pub(super) fn complete(&mut self, launching: Launching) -> Result<Member, Refusal> {
        let deadline = Instant::now() + PATIENCE;
        let mut work = Work::Launch(Box::new(launching));
        let found = loop {
            match work.look(deadline) {
                Found::Nothing => std::thread::sleep(Duration::from_micros(200)),
                found => break found,
            }
        };
        match (found, work) {
            (Found::Failed(refusal), work) => {
                self.bury_alive(work.abandon());
                Err(refusal)
            }
            (_, Work::Launch(launching)) => Ok(launching.into_parts().1),
            _ => Err(refusal("wait for the child", "it does something else")),
        }
    }
}
