//! Cold starts, environments that are used once, and environments that wait.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::platform::{Account, Function, Platform};
use crate::{Error, SPAN, load, row};

/// Functions that are each invoked for the first time.
const STARTS: usize = 20;
/// As long as a person takes who deploys and then calls.
const PAUSE: Duration = Duration::from_millis(700);
/// The environments that wait: so many functions, so many environments of each.
const IDLE: (usize, usize) = (100, 10);
/// Functions whose environments are made side by side.
const BESIDE: usize = 4;

/// The size of `/tmp` that environments are made with ahead of their functions.
const COMMON_TMP_MIB: u32 = 512;
/// Nothing is made ahead for functions that ask for another.
const OTHER_TMP_MIB: u32 = 513;

const AHEAD: &str = "cold start, Python, started ahead";

const PYTHON: &str = "def handler(event, context):\n    return event\n";
const NODE: &str = "exports.handler = async (event) => event;\n";

/// Only Python that was started ahead.
pub(crate) fn python(platform: &Platform) -> Result<(), Error> {
    head();
    let python = crate::platform::package("app.py", PYTHON.as_bytes())?;
    cold(platform, AHEAD, &function("", "python3.12", "app.handler", &python, &json!({})))
}

fn head() {
    println!(
        "\n{:<48} {:>10} {:>10} {:>10}",
        "from signed Invoke to answer, first invocation", "min ms", "p50 ms", "max ms"
    );
}

/// What environments cost from the outside.
pub(crate) fn run(platform: &Platform) -> Result<(), Error> {
    head();
    let native = crate::platform::native_package()?;
    let python = crate::platform::package("app.py", PYTHON.as_bytes())?;
    let node = crate::platform::package("app.js", NODE.as_bytes())?;
    // Read at exec, so that only a sandbox without a program can be there already.
    let (none, own) = (json!({}), json!({"TZ": "UTC"}));
    for (what, runtime, zip, variables, tmp_mib) in [
        (AHEAD, "python3.12", &python, &none, COMMON_TMP_MIB),
        ("cold start, Python, sandbox made ahead", "python3.12", &python, &own, COMMON_TMP_MIB),
        ("cold start, Python, pools empty", "python3.12", &python, &none, OTHER_TMP_MIB),
        ("cold start, Node.js, started ahead", "nodejs20.x", &node, &none, COMMON_TMP_MIB),
        ("cold start, Node.js, sandbox made ahead", "nodejs20.x", &node, &own, COMMON_TMP_MIB),
        ("cold start, Node.js, pools empty", "nodejs20.x", &node, &none, OTHER_TMP_MIB),
        ("cold start, native, sandbox made ahead", "provided.al2023", &native, &none, COMMON_TMP_MIB),
        ("cold start, native, pools empty", "provided.al2023", &native, &none, OTHER_TMP_MIB),
    ] {
        cold(platform, what, &Function { tmp_mib, ..function("", runtime, "app.handler", zip, variables) })?;
    }
    crate::head();
    self::native(platform)?;
    once(platform)?;
    idle(platform, &native)
}

/// Invocations of a native function that is up.
pub(crate) fn native(platform: &Platform) -> Result<(), Error> {
    let native = crate::platform::native_package()?;
    platform.deploy(&function("native", "provided.al2023", "echo", &native, &json!({})))?;
    let echo = platform.invoke_of("native", br#"{"key":"value"}"#)?;
    for connections in [1, 16] {
        let figures = load::run(platform.address, platform.pid, &echo, connections, SPAN)?;
        row("lambda Invoke, warm native echo", connections, &figures);
    }
    Ok(())
}

/// Environments that are made for one invocation each.
pub(crate) fn once(platform: &Platform) -> Result<(), Error> {
    let native = crate::platform::native_package()?;
    platform.deploy(&function("once", "provided.al2023", "once", &native, &json!({})))?;
    let once = platform.invoke_of("once", b"{}")?;
    let figures = load::run(platform.address, platform.pid, &once, 8, SPAN)?;
    row("environments made, used, destroyed", 8, &figures);
    Ok(())
}

fn function<'a>(
    name: &str,
    runtime: &'a str,
    handler: &'a str,
    zip: &'a str,
    variables: &'a Value,
) -> Function<'a> {
    Function { name: name.to_owned(), runtime, handler, zip, variables, tmp_mib: COMMON_TMP_MIB }
}

fn cold(platform: &Platform, what: &str, pattern: &Function<'_>) -> Result<(), Error> {
    let mut times = Vec::new();
    for n in 0..STARTS {
        let name = format!("cold-{}-{n}", what.replace([' ', ',', '.'], "-"));
        platform.deploy(&Function { name: name.clone(), ..*pattern })?;
        std::thread::sleep(PAUSE);
        let request = platform.invoke_of(&name, b"{}")?;
        let begin = Instant::now();
        load::once(platform.address, &request)?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    let at = |index: usize| times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    println!("{what:<48} {:>10.2} {:>10.2} {:>10.2}", at(0), at(STARTS / 2), at(STARTS - 1));
    Ok(())
}

/// Makes environments that wait, half of them in another account, and asks all of them once more.
fn idle(platform: &Platform, zip: &str) -> Result<(), Error> {
    let (functions, each) = IDLE;
    let none = json!({});
    let other = platform.other_account()?;
    for n in 0..functions {
        let function = function(&format!("idle-{n}"), "provided.al2023", "echo", zip, &none);
        if n % 2 == 0 { platform.deploy(&function)? } else { platform.deploy_in(&other, &function)? }
    }
    let before = (platform.memory_mib()?, platform.spawner_memory_mib());
    let begin = Instant::now();
    everyone(platform, &other, functions, each)?;
    let took = begin.elapsed();
    let after = (platform.memory_mib()?, platform.spawner_memory_mib());
    let count = (functions * each) as f64;
    println!(
        "\n{} idle environments of {functions} functions in 2 accounts, made in {:.1} s; platform {:.3} MiB and spawner {:.3} MiB for each",
        functions * each,
        took.as_secs_f64(),
        (after.0 - before.0) / count,
        (after.1 - before.1) / count,
    );
    let begin = Instant::now();
    everyone(platform, &other, functions, each)?;
    println!("all of them answered once more in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}

/// So many invocations of every function at one time, long enough to need an environment each.
fn everyone(platform: &Platform, other: &Account, functions: usize, each: usize) -> Result<(), Error> {
    let names: Vec<usize> = (0..functions).collect();
    for beside in names.chunks(BESIDE) {
        std::thread::scope(|scope| {
            let mut calls = Vec::new();
            for n in beside {
                let name = format!("idle-{n}");
                let request = if n % 2 == 0 {
                    platform.invoke_of(&name, b"250")?
                } else {
                    platform.invoke_in(other, &name, b"250")?
                };
                for _ in 0..each {
                    let request = request.clone();
                    calls.push(scope.spawn(move || load::once(platform.address, &request)));
                }
            }
            for call in calls {
                let answer = call.join().map_err(|_| "a call's thread panicked")??;
                if !answer.ends_with("250") {
                    return Err(format!("an environment did not answer: {answer}").into());
                }
            }
            Ok::<(), Error>(())
        })?;
    }
    Ok(())
}
