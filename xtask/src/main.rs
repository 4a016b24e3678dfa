//! The project's only tool: `cargo xtask <command>`.
//!
//! It changes files of this repository and runs its checks; it is no part of the platform, and nothing depends on it.

mod bench;
mod coverage;
mod failure;
mod generate;
mod host;
mod licences;
mod mutants;
mod new_service;
mod test;
mod tidy;
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
    /// Check what no compiler checks: layers, confinement, module headers, generated files
    Tidy,
    /// Write the skeleton of a service with one operation
    NewService {
        /// botocore's name of the API, for example `sqs`
        name: String,
        /// The operation to begin with; by default one that reads and requires nothing
        #[arg(long)]
        operation: Option<String>,
    },
    /// Show how much of each API is implemented, declined, or neither
    Coverage {
        /// Also list the operations that are neither
        #[arg(long)]
        missing: bool,
    },
    /// Build the release binary and print its figures
    Bench,
    /// Break the policy evaluator in every listed way, and check that its tests notice
    Mutants {
        /// Only those whose file or description contains this
        only: Option<String>,
    },
    /// Set up what is needed and run everything: format, lints, tests, end to end, probes
    Test {
        /// Only the steps whose name contains this
        only: Option<String>,
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
        Command::Bench => bench::run(),
        Command::Mutants { only } => mutants::run(only.as_deref()),
        Command::Tidy => tidy::run(),
        Command::NewService { name, operation } => new_service::run(name, operation.as_deref()),
        Command::Coverage { missing } => coverage::run(*missing),
        Command::Test { only } => test::run(only.as_deref()),
    }
}
