//! What principals cost in memory: a hundred thousand that exist, a thousand that call, all that call.
//!
//! The store is filled by a process of its own, so that the memory measured is the memory of who only asks.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base::{AccountId, Clock};
use crypto::RootKey;
use identity::records::{InlinePolicy, Record, UserRecord, keys};
use identity::{Directory, DirectoryError, Principal, User};
use store::{Key, Store, StoreOptions, Table};

use crate::{Error, cpu};

const ACCOUNTS: usize = 20;
/// An account's quota.
const USERS: usize = 5_000;
const IN_USE: usize = 1_000;
/// How many call, one figure after the other.
const CALLED: [usize; 2] = [IN_USE, ACCOUNTS * USERS];
/// The longest that the engine is waited for.
const AT_REST_WITHIN: Duration = Duration::from_secs(60);
/// Where what is no principal stands.
const OTHERS: Table = Table::new(0x7f05, "others");
const OTHER_IDS: Table = Table::new(0x7f06, "ids of others");
/// About what the entry of a principal's unique id takes.
const ID_BYTES: usize = 60;

/// Prints how memory grows from a store without principals to one whose principals all call; and beside it, what a process
/// takes that reads as many records of another kind, which is the store's: its buffers are bounded, and fill with whatever is
/// read. What is left is the principals'.
pub(crate) fn run() -> Result<(), Error> {
    let (folder, others) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let empty = memory(folder.path())?;
    child("fill", folder.path())?;
    child("fill-others", others.path())?;
    let stores = child("read-others", others.path())?;
    let mut stores = stores.lines().map(str::parse::<f64>);
    let mut row = |name: String, all: f64| -> Result<(), Error> {
        let all = all - empty;
        let store = stores.next().ok_or("the other process told too little")??;
        println!("  {name:<33} {all:>8.1} {store:>11.1} {:>13.1}", all - store);
        Ok(())
    };
    println!("\nmemory of a directory in MiB: {empty:.1} where no principal exists, and more than that");
    println!("{:<35} {:>8} {:>11} {:>13}", "", "in all", "the store's", "principals'");
    let directory = open(folder.path())?;
    row(format!("{:>7} users exist, none called", ACCOUNTS * USERS), at_rest()?)?;
    for called in CALLED {
        ask(&directory, called)?;
        row(format!("{called:>7} of them called"), at_rest()?)?;
    }
    println!("policies of a caller who is in memory: {:.0} ns", again(&directory)?.as_nanos() as f64);
    Ok(())
}

/// What this program prints when it is called so.
fn child(job: &str, folder: &Path) -> Result<String, Error> {
    let done =
        Command::new(std::env::current_exe()?).arg(job).arg(folder).stderr(Stdio::inherit()).output()?;
    if !done.status.success() {
        return Err(format!("{job} failed").into());
    }
    Ok(String::from_utf8(done.stdout)?)
}

/// The memory of this process once the engine has put in order what it found: that passes, and is nobody's.
fn at_rest() -> Result<f64, Error> {
    let own = std::process::id();
    let (begin, mut spent, mut idle) = (Instant::now(), cpu::time(own)?, 0);
    while idle < 4 && begin.elapsed() < AT_REST_WITHIN {
        std::thread::sleep(Duration::from_millis(250));
        let now = cpu::time(own)?;
        idle = if now.saturating_sub(spent) < Duration::from_millis(15) { idle + 1 } else { 0 };
        spent = now;
    }
    cpu::memory_mib(own)
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

/// As many records of the same sizes that are no principals.
pub(crate) fn fill_others(folder: &Path) -> Result<(), Error> {
    let directory = open(folder)?;
    for account in (0..ACCOUNTS).map(account) {
        let account = account?;
        directory.store().transact_blocking(|transaction| -> Result<(), DirectoryError> {
            for number in 0..USERS {
                let user = record(account, number);
                transaction.put(OTHERS, keys::named(account, &user.name), user.encode()?)?;
                transaction.put(OTHER_IDS, Key::new().str(&user.user_id), vec![0; ID_BYTES])?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Prints by how much the memory of a process grew that has read none, some and all of them.
pub(crate) fn read_others(folder: &Path) -> Result<(), Error> {
    let empty = memory(tempfile::tempdir()?.path())?;
    let directory = open(folder)?;
    println!("{}", at_rest()? - empty);
    for called in CALLED {
        for number in 0..called {
            let account = account(number / USERS)?;
            let name = format!("user-{}", number % USERS);
            if directory.store().get(OTHERS, keys::named(account, &name))?.is_none() {
                return Err(format!("record {number} is not there").into());
            }
        }
        println!("{}", at_rest()? - empty);
    }
    Ok(())
}

/// The memory of this process while a store is open that nobody asked anything.
fn memory(folder: &Path) -> Result<f64, Error> {
    let _directory = open(folder)?;
    at_rest()
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
