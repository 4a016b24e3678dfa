//! Runs one sandbox to its end: what it prints is shown, what it answers is taken, what it asks of the network goes through the proxy.
//!
//! Everything is bounded: time, bytes, lines. Blocks: for threads that may.

use std::fs::File;
use std::io::{self, Read};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use base::AccountId;
use compute::{AwsDoor, EgressProxy, EnvironmentIdentity};
use sandbox::{Environment, EnvironmentSpec, Exit, Spawner};

use super::told::Told;
use crate::Error;

/// Bounds of one installation.
pub(super) const TIME_MAX: Duration = Duration::from_secs(600);
/// What it answers, zipped: a package of 250 MB with its index is not more.
pub(super) const ANSWER_BYTES_MAX: u64 = 256 * 1_024 * 1_024;

/// How an installation ended.
pub(super) struct Ended {
    pub(super) exit: Exit,
    /// It was killed, since it took longer than [`TIME_MAX`].
    pub(super) is_late: bool,
    /// What it wrote to standard output; one byte more than [`ANSWER_BYTES_MAX`] where that was too much.
    pub(super) answer: Vec<u8>,
    /// The last lines that it printed.
    pub(super) told: String,
}

/// Runs it.
pub(super) fn run(
    spawner: &Spawner,
    spec: &EnvironmentSpec,
    proxy: &EgressProxy,
    tell: &dyn Fn(&str),
) -> Result<Ended, Error> {
    let serving = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut environment = spawner.launch(spec)?;
    let incomplete = "the sandbox handed over too few descriptors";
    let door = environment.take_listeners().into_iter().next().ok_or(incomplete)?;
    let stdout = environment.take_stdout().ok_or(incomplete)?;
    let stderr = environment.take_stderr().ok_or(incomplete)?;
    door.set_nonblocking(true)?;
    serving.spawn(serve(door, proxy.door(), identity(spec)?));
    let ended = attend(&environment, stdout, stderr, tell);
    serving.shutdown_background();
    ended
}

/// Reads both pipes until every process inside is gone, and sees that this happens in time.
fn attend(
    environment: &Environment,
    stdout: OwnedFd,
    stderr: OwnedFd,
    tell: &dyn Fn(&str),
) -> Result<Ended, Error> {
    std::thread::scope(|scope| {
        let (done, awaited) = mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let is_late = awaited.recv_timeout(TIME_MAX) == Err(RecvTimeoutError::Timeout);
            if is_late {
                environment.kill();
            }
            is_late
        });
        let answer = scope.spawn(move || {
            let mut answer = Vec::new();
            let read = File::from(stdout).take(ANSWER_BYTES_MAX + 1).read_to_end(&mut answer);
            if answer.len() as u64 > ANSWER_BYTES_MAX {
                environment.kill();
            }
            read.map(|_| answer)
        });
        let told = follow(stderr, tell);
        let exit = environment.wait();
        drop(done);
        let is_late = watch.join().unwrap_or(true);
        let answer = answer.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
        Ok(Ended { exit: exit?, is_late, answer, told: told? })
    })
}

fn follow(stderr: OwnedFd, tell: &dyn Fn(&str)) -> io::Result<String> {
    let (mut file, mut told, mut part) = (File::from(stderr), Told::default(), vec![0; 8 * 1_024]);
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(told.end()),
            Ok(length) => {
                told.take(part.get(..length).unwrap_or_default(), |line| tell(&format!("  {line}")))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

async fn serve(door: TcpListener, proxy: AwsDoor, identity: Arc<EnvironmentIdentity>) {
    let Ok(door) = tokio::net::TcpListener::from_std(door) else { return };
    // The proxy itself bounds how many there are.
    while let Ok((stream, _)) = door.accept().await {
        tokio::spawn(proxy(stream, Arc::clone(&identity)));
    }
}

/// Nobody's: the proxy serves functions, and this is none.
fn identity(spec: &EnvironmentSpec) -> Result<Arc<EnvironmentIdentity>, Error> {
    Ok(Arc::new(EnvironmentIdentity {
        account: "000000000000".parse::<AccountId>()?,
        function_arn: String::new(),
        version: String::new(),
        role_arn: String::new(),
        environment_id: spec.id.clone(),
    }))
}
