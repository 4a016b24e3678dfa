//! Figures that `SPECIFICATION.md` promises, each beside a reference measured in the same run.
//!
//! It drives the release binary from outside, over loopback, for a bounded time; only decisions of policy are measured in a
//! process of its own. Time never decides a test: this prints, and people judge.

#[cfg(feature = "cedar")]
mod cedar;
mod cold;
mod cpu;
mod decisions;
mod echo;
mod load;
mod native;
mod platform;
mod principals;
mod relay;
mod request;
mod scale;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use load::Figures;
use platform::Platform;

type Error = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: benches PATH-OF-FASTNESS [environments | cold | warm | once | reads | scale [ITEMS] | s3] | benches decisions";

const SPAN: Duration = Duration::from_secs(4);

fn main() -> Result<(), Error> {
    if let Some(api) = native::runtime_api() {
        return native::serve(&api);
    }
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("echo") => echo::serve(),
        Some("relay") => relay::serve(),
        Some("decisions") => principals::run().and_then(|()| decisions::run()),
        Some("fill") => principals::fill(Path::new(&arguments.next().ok_or(USAGE)?)),
        Some("fill-others") => principals::fill_others(Path::new(&arguments.next().ok_or(USAGE)?)),
        Some("read-others") => principals::read_others(Path::new(&arguments.next().ok_or(USAGE)?)),
        Some(binary) => match arguments.next().as_deref() {
            None => run(binary),
            Some("environments") => environments(binary),
            Some("cold") => cold(binary),
            Some("warm") => warm(binary),
            Some("once") => once(binary),
            Some("reads") => reads(binary),
            Some("scale") => {
                let items = arguments.next().map_or(Ok(1_000_000), |items| items.parse())?;
                scale::run(&Platform::start(binary)?, items)
            }
            Some("s3") => {
                let (echo, platform) = (echo::Child::start("echo")?, Platform::start(binary)?);
                head();
                objects(&echo, &platform)
            }
            Some(_) => Err(USAGE.into()),
        },
        None => Err(USAGE.into()),
    }
}

fn run(binary: &str) -> Result<(), Error> {
    println!("whole-process figures on loopback; server CPU is user + system time of the server, a call");
    let echo = echo::Child::start("echo")?;
    let platform = Platform::start(binary)?;
    println!("\nstart to ready, empty data folder: {:.0} ms", platform.ready_after.as_secs_f64() * 1e3);
    println!(
        "memory at rest: {:.1} MiB (and its sandbox spawner {:.1} MiB)",
        platform.memory_mib()?,
        platform.spawner_memory_mib()
    );

    head();
    let bare = request::plain(echo.address);
    row("bare hyper echo", 1, &load::run(echo.address, echo.pid, &bare, 1, SPAN)?);
    row("bare hyper echo", 16, &load::run(echo.address, echo.pid, &bare, 16, SPAN)?);
    let who = platform.caller_identity()?;
    row("sts GetCallerIdentity", 1, &load::run(platform.address, platform.pid, &who, 1, SPAN)?);
    row("sts GetCallerIdentity", 16, &load::run(platform.address, platform.pid, &who, 16, SPAN)?);

    platform.make_function()?;
    let invoke = platform.invoke()?;
    row("lambda Invoke, warm Python echo", 1, &load::run(platform.address, platform.pid, &invoke, 1, SPAN)?);

    platform.make_table()?;
    let (get, put) = (platform.get_item()?, platform.put_item()?);
    row("dynamodb PutItem, durable", 16, &load::run(platform.address, platform.pid, &put, 16, SPAN)?);
    row("dynamodb GetItem", 1, &load::run(platform.address, platform.pid, &get, 1, SPAN)?);
    row("dynamodb GetItem", 16, &load::run(platform.address, platform.pid, &get, 16, SPAN)?);
    platform.make_indexed_table()?;
    let (query, update) = (platform.query()?, platform.update_item()?);
    row("dynamodb Query of 100 items", 16, &load::run(platform.address, platform.pid, &query, 16, SPAN)?);
    row(
        "dynamodb UpdateItem, index, stream",
        16,
        &load::run(platform.address, platform.pid, &update, 16, SPAN)?,
    );
    platform.keep_the_past()?;
    row("dynamodb PutItem, past kept", 16, &load::run(platform.address, platform.pid, &put, 16, SPAN)?);
    objects(&echo, &platform)?;
    cold::run(&platform)?;
    drop(platform);
    // A process of its own: what it measures first is memory.
    let status = Command::new(std::env::current_exe()?).arg("decisions").status()?;
    if status.success() { Ok(()) } else { Err("decisions could not be measured".into()) }
}

/// S3's figures beside a server that takes and answers as many bytes and checks nothing.
fn objects(echo: &echo::Child, platform: &Platform) -> Result<(), Error> {
    let bare = request::plain_of(echo.address, platform::OBJECT_BYTES);
    row("bare hyper echo, 64 KiB", 16, &load::run(echo.address, echo.pid, &bare, 16, SPAN)?);
    let (put, get) = platform.make_object()?;
    row("s3 PutObject of 64 KiB, durable", 16, &load::run(platform.address, platform.pid, &put, 16, SPAN)?);
    row("s3 GetObject of 64 KiB", 1, &load::run(platform.address, platform.pid, &get, 1, SPAN)?);
    row("s3 GetObject of 64 KiB", 16, &load::run(platform.address, platform.pid, &get, 16, SPAN)?);
    Ok(())
}

/// The figures of compute alone, and the reference.
fn environments(binary: &str) -> Result<(), Error> {
    let echo = echo::Child::start("echo")?;
    let platform = Platform::start(binary)?;
    head();
    let bare = request::plain(echo.address);
    row("bare hyper echo", 1, &load::run(echo.address, echo.pid, &bare, 1, SPAN)?);
    row("bare hyper echo", 16, &load::run(echo.address, echo.pid, &bare, 16, SPAN)?);
    relayed()?;
    platform.make_function()?;
    let invoke = platform.invoke()?;
    row("lambda Invoke, warm Python echo", 1, &load::run(platform.address, platform.pid, &invoke, 1, SPAN)?);
    cold::run(&platform)
}

/// What an invocation costs where nothing is done but to hand it on.
fn relayed() -> Result<(), Error> {
    let relay = echo::Child::start("relay")?;
    let bare = request::plain(relay.address);
    for connections in [1, 16] {
        let figures = load::run(relay.address, relay.pid, &bare, connections, SPAN)?;
        row("bare relay to a native echo", connections, &figures);
    }
    Ok(())
}

/// Only invocations of environments that are up, and the references: for a profiler.
fn warm(binary: &str) -> Result<(), Error> {
    let echo = echo::Child::start("echo")?;
    let platform = Platform::start(binary)?;
    head();
    let bare = request::plain(echo.address);
    row("bare hyper echo", 1, &load::run(echo.address, echo.pid, &bare, 1, SPAN)?);
    row("bare hyper echo", 16, &load::run(echo.address, echo.pid, &bare, 16, SPAN)?);
    relayed()?;
    platform.make_function()?;
    let invoke = platform.invoke()?;
    row("lambda Invoke, warm Python echo", 1, &load::run(platform.address, platform.pid, &invoke, 1, SPAN)?);
    cold::native(&platform)
}

/// Only first invocations of Python.
fn cold(binary: &str) -> Result<(), Error> {
    let platform = Platform::start(binary)?;
    platform.make_function()?;
    cold::python(&platform)
}

/// Only environments that are used once, for a profiler.
fn once(binary: &str) -> Result<(), Error> {
    let platform = Platform::start(binary)?;
    platform.make_function()?;
    head();
    cold::once(&platform)
}

/// Only a call that reads nothing and one that reads an item, for a profiler to compare.
fn reads(binary: &str) -> Result<(), Error> {
    let (echo, platform) = (echo::Child::start("echo")?, Platform::start(binary)?);
    platform.make_table()?;
    let (bare, who, get) = (request::plain(echo.address), platform.caller_identity()?, platform.get_item()?);
    println!("platform: process {}", platform.pid);
    head();
    row("bare hyper echo", 16, &load::run(echo.address, echo.pid, &bare, 16, SPAN)?);
    row("sts GetCallerIdentity", 16, &load::run(platform.address, platform.pid, &who, 16, 2 * SPAN)?);
    row("dynamodb GetItem", 16, &load::run(platform.address, platform.pid, &get, 16, 2 * SPAN)?);
    Ok(())
}

fn head() {
    println!(
        "\n{:<34} {:>5} {:>10} {:>10} {:>10} {:>10} {:>12}",
        "", "conns", "calls/s", "p50 us", "p99 us", "min us", "server CPU us"
    );
}

fn row(name: &str, connections: usize, figures: &Figures) {
    println!(
        "{name:<34} {connections:>5} {:>10.0} {:>10.0} {:>10.0} {:>10.0} {:>12.1}",
        figures.per_second, figures.p50_us, figures.p99_us, figures.min_us, figures.server_cpu_us
    );
}
