//! The project's only tool: `cargo xtask <command>`.
//!
//! It changes files of this repository and runs its checks; it is no part of the platform, and nothing depends on it.

mod failure;
mod generate;
mod workspace;

use clap::{Parser, Subcommand};

use failure::Outcome;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's only tool")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Regenerate models/, services/*/src/api.rs and the protocol test vectors from pinned packages
    Gen {
        /// Write nothing: fail where a committed file differs from what would be generated
        #[arg(long)]
        check: bool,
    },
}

fn main() -> std::process::ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Outcome {
    match command {
        Command::Gen { check } => generate::run(*check),
    }
}
