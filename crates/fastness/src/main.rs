//! The binary: configuration, wiring, commands.
//!
//! Nothing depends on this crate. It reads the environment and the command line once, builds the platform from its
//! parts, and holds no rule of any service.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod artifacts;
mod askers;
mod aws_file;
mod check;
mod choices;
mod client;
mod credentials;
mod deploy;
mod egress;
mod explain;
mod functions;
mod install;
mod issuers;
mod least_privilege;
mod platform;
mod runtime;
mod samconfig;
mod serve;
mod sign_code;
mod terminal;
mod trail;
mod transform;
mod up;
mod xml;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

/// Answers are made of many small allocations, freed by another thread than the one that made them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Sandboxes are made by a small process of their own; this returns at once in every other process.
    sandbox::run_if_spawner();
    let args = Args::parse();
    let result = match args.command {
        Command::Delete(options) => return stacks(deploy::delete(&options), options.remote.json),
        Command::Deploy(options) => return stacks(deploy::deploy(&options), options.remote.json),
        Command::Explain(options) => explain::run(&options),
        Command::Serve(options) => serve::run(options),
        Command::Up(options) => up::run(options),
        Command::Runtime(command) => runtime::run(&command),
        Command::SignCode(options) => sign_code::run(&options),
        Command::Transform(options) => transform::run(&options),
        Command::Check(options) => return check::run(&options),
        Command::LeastPrivilege(options) => least_privilege::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::warn(&base::Chain(error.as_ref()).to_string());
            ExitCode::FAILURE
        }
    }
}

/// Tells what came of a deployment: 0 where the stack is as asked, 1 where it is not or the call was refused.
fn stacks(outcome: Result<deploy::Outcome, Error>, json: bool) -> ExitCode {
    match outcome {
        Ok(outcome) if deploy::tell(&outcome, json) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            if json {
                terminal::println(&deploy::error_json(&error));
            }
            terminal::warn(&base::Chain(error.as_ref()).to_string());
            ExitCode::FAILURE
        }
    }
}

/// Any error that ends a command; its whole chain is printed.
type Error = Box<dyn std::error::Error + Send + Sync>;
