//! What principals cost in memory: a hundred thousand that exist, a thousand that call, all that call.
//!
//! The store is filled by a process of its own, so that the memory measured is the memory of who only asks.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base::{AccountId, Clock};
use crypto::RootKey;
use identity::records::{InlinePolicy, UserRecord, keys};
use identity::{Directory, DirectoryError, Principal, User};
use store::{Store, StoreOptions};

use crate::{Error, cpu};

const ACCOUNTS: usize = 20;
/// An account's quota.
const USERS: usize = 5_000;
const IN_USE: usize = 1_000;

/// Prints how memory grows from a store without principals to one whose principals all call.
pub(crate) fn run() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let empty = memory(folder.path())?;
    let this = std::env::current_exe()?;
    if !Command::new(this).arg("fill").arg(folder.path()).status()?.success() {
        return Err("the principals could not be made".into());
    }
    println!("\nmemory of a directory in MiB (the store's own included)");
    println!("  no principal exists                {empty:>8.1}");
    let directory = open(folder.path())?;
    println!(
        "  {:>7} users exist, none called   {:>8.1}",
        ACCOUNTS * USERS,
        cpu::memory_mib(std::process::id())?
    );
    for called in [IN_USE, ACCOUNTS * USERS] {
        ask(&directory, called)?;
        println!("  {called:>7} of them called           {:>8.1}", cpu::memory_mib(std::process::id())?);
    }
    println!("policies of a caller who is in memory: {:.0} ns", again(&directory)?.as_nanos() as f64);
    Ok(())
}

/// Makes them all; for a process of its own.
pub(crate) fn fill(folder: &Path) -> Result<(), Error> {
    let directory = open(folder)?;
    for account in (0..ACCOUNTS).map(account) {
        let account = account?;
        directory.store().transact_blocking(|transaction| -> Result<(), DirectoryError> {
            let mut edit = directory.edit(transaction, account);
            for number in 0..USERS {
                let user = record(account, number);
                edit.put(keys::USERS, &keys::named(account, &user.name), &user)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The memory of this process while a store is open that nobody asked anything.
fn memory(folder: &Path) -> Result<f64, Error> {
    let _directory = open(folder)?;
    cpu::memory_mib(std::process::id())
}

fn open(folder: &Path) -> Result<Directory, Error> {
    let keys = RootKey::load_or_create(&folder.join("root.key"))?;
    let path = folder.join("store");
    let store = Store::open(StoreOptions { path, sealer: keys.derive("store"), clock: Clock::system() })?;
    Ok(Directory::new(store, keys.derive("sessions")))
}

fn account(number: usize) -> Result<AccountId, Error> {
    Ok(format!("{:012}", 100_000_000_000 + number).parse()?)
}

fn record(account: AccountId, number: usize) -> UserRecord {
    let statement = |at: usize| {
        serde_json::json!({"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": format!("arn:aws:dynamodb:us-east-1:{account}:table/app-{number}-{at}*")})
    };
    let statements: Vec<_> = (0..10).map(statement).collect();
    let document = serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    UserRecord {
        name: format!("user-{number}"),
        path: "/".to_owned(),
        user_id: format!("AIDA{account}{number:05}"),
        created_at: Clock::system().now(),
        tags: Vec::new(),
        inline: vec![InlinePolicy { name: "own".to_owned(), document }],
        attached: Vec::new(),
        groups: Vec::new(),
        boundary: None,
    }
}

fn principal(number: usize) -> Result<Principal, Error> {
    let account = account(number / USERS)?;
    let (name, user_id) = (format!("user-{}", number % USERS), format!("AIDA{account}{:05}", number % USERS));
    Ok(Principal::User(User::new(account, "/", name, user_id, "")))
}

fn ask(directory: &Directory, called: usize) -> Result<(), Error> {
    for number in 0..called {
        if directory.policies_for(&principal(number)?)?.identity().len() != 1 {
            return Err(format!("user {number} has not the policy that it was given").into());
        }
    }
    Ok(())
}

fn again(directory: &Directory) -> Result<Duration, Error> {
    let caller = principal(0)?;
    let mut times = Vec::new();
    for _ in 0..100_000 {
        let begin = Instant::now();
        std::hint::black_box(directory.policies_for(&caller)?);
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}
