//! The `comity` command.

#![forbid(unsafe_code)]

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Prints a line to standard output.
macro_rules! say {
    () => { $crate::output::line(format_args!("")) };
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}

/// Tells what goes on: to standard output, or to standard error where the result is JSON.
macro_rules! tell {
    ($json:expr) => { $crate::output::told($json, format_args!("")) };
    ($json:expr, $($text:tt)*) => { $crate::output::told($json, format_args!($($text)*)) };
}

mod commands;
mod demo;
mod exercise;
mod failure;
mod output;
mod stage;

use failure::Failure;

/// Cooperation on cyber incidents between parties that do not trust one another.
#[derive(Parser)]
#[command(name = "comity", version, propagate_version = true)]
struct Arguments {
    /// The node's folder.
    #[arg(long, global = true, env = "COMITY_DATA", default_value = "comity-data")]
    data: PathBuf,
    /// Print JSON: one value, or one a line for a stream.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Noun,
}

#[derive(Subcommand)]
enum Noun {
    /// Two parties and an outside witness on this machine, and a case played through them.
    Demo(demo::Demo),
    /// A scripted drill over two real nodes, by robots or people, with an after-action report.
    #[command(subcommand)]
    Exercise(exercise::Exercise),
    /// Make a node's folder: keys, card, password.
    Init(commands::init::Init),
    /// Run the node.
    Serve(commands::serve::Serve),
    /// Look for what is wrong with the node and say what to do.
    Doctor,
    /// Make every view again from the ledgers.
    Rebuild,
    /// Write a backup of the node, while it runs or not.
    Backup(commands::backup::Backup),
    /// Make a node out of a backup.
    Restore(commands::backup::Restore),
    /// Bring the store of an earlier version up to this one.
    Migrate,
    /// Who we are.
    #[command(subcommand)]
    Card(commands::card::Card),
    /// Who they are.
    #[command(subcommand)]
    Peer(commands::peer::Peer),
    /// People: who may come in, as what.
    #[command(subcommand)]
    Account(commands::account::Account),
    /// Terms: as templates, proposed, signed.
    #[command(subcommand)]
    Agreement(commands::agreement::Agreement),
    /// Requests: the whole life of one.
    #[command(subcommand)]
    Request(commands::request::Request),
    /// The hotline: messages, tests, how ready it is.
    #[command(subcommand)]
    Hotline(commands::hotline::Hotline),
    /// Meetings of the dialogue: agenda, minutes, action items.
    #[command(subcommand)]
    Dialogue(commands::dialogue::Dialogue),
    /// Commitments: by what they are judged, and how they were kept.
    #[command(subcommand)]
    Commitment(commands::dialogue::Commitment),
    /// Concerns under a commitment.
    #[command(subcommand)]
    Concern(commands::dialogue::Concern),
    /// Information that nobody asked for.
    #[command(subcommand)]
    Notice(commands::dialogue::Notice),
    /// Everything beside requests, to list and to show.
    #[command(subcommand)]
    Matter(commands::matter::Matter),
    /// Who is on duty, how people are reached, what one shift tells the next.
    #[command(subcommand)]
    Duty(commands::duty::Duty),
    /// What people are told of, by mail and webhook.
    #[command(subcommand)]
    Alert(commands::duty::Alert),
    /// The standing review of timeliness and quality.
    #[command(subcommand)]
    Review(commands::review::Review),
    /// Ledgers: show, prove, verify, audit.
    #[command(subcommand)]
    Ledger(commands::ledger::Ledger),
    /// STIX: validate objects, check and match patterns.
    #[command(subcommand)]
    Stix(commands::stix::Stix),
    /// Intelligence: bring in, find, share, export; collections and keys of tools.
    #[command(subcommand)]
    Intel(commands::intel::Intel),
    /// Other TAXII servers: their collections, pull, push.
    #[command(subcommand)]
    Taxii(commands::taxii::Taxii),
    /// Look for indicators in logs.
    #[command(subcommand)]
    Hunt(commands::hunt::Hunt),
    /// Who did it, how sure, and what that rests on.
    #[command(subcommand)]
    Weigh(commands::weigh::Weigh),
    /// Did an agreement change anything?
    #[command(subcommand)]
    Measure(commands::measure::Measure),
    /// An outside witness.
    #[command(subcommand)]
    Witness(commands::witness::Witness),
    /// Print completions for a shell.
    Completions(commands::manual::Completions),
    /// Write manual pages.
    Man(commands::manual::Man),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A node that is stopped is part of a story that is played; elsewhere it is news.
    let plays = matches!(arguments.command, Noun::Demo(_) | Noun::Exercise(_));
    let level = if plays { "error" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Unreachable(error.to_string()).report(),
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let context = output::Context { data: arguments.data, json: arguments.json };
    match arguments.command {
        Noun::Demo(demo) => demo.run(&context).await,
        Noun::Exercise(exercise) => exercise.run(&context).await,
        Noun::Init(init) => init.run(&context).await,
        Noun::Serve(serve) => serve.run(&context).await,
        Noun::Doctor => commands::doctor::run(&context).await,
        Noun::Rebuild => commands::rebuild::run(&context).await,
        Noun::Backup(backup) => backup.run(&context).await,
        Noun::Restore(restore) => restore.run(&context).await,
        Noun::Migrate => commands::migrate::run(&context).await,
        Noun::Card(card) => card.run(&context).await,
        Noun::Peer(peer) => peer.run(&context).await,
        Noun::Account(account) => account.run(&context).await,
        Noun::Agreement(agreement) => agreement.run(&context).await,
        Noun::Request(request) => request.run(&context).await,
        Noun::Hotline(hotline) => hotline.run(&context).await,
        Noun::Dialogue(dialogue) => dialogue.run(&context).await,
        Noun::Commitment(commitment) => commitment.run(&context).await,
        Noun::Concern(concern) => concern.run(&context).await,
        Noun::Notice(notice) => notice.run(&context).await,
        Noun::Matter(matter) => matter.run(&context).await,
        Noun::Duty(duty) => duty.run(&context).await,
        Noun::Alert(alert) => alert.run(&context).await,
        Noun::Review(review) => review.run(&context).await,
        Noun::Ledger(ledger) => ledger.run(&context).await,
        Noun::Stix(stix) => stix.run(&context),
        Noun::Intel(intel) => intel.run(&context).await,
        Noun::Taxii(taxii) => taxii.run(&context).await,
        Noun::Hunt(hunt) => hunt.run(&context).await,
        Noun::Weigh(weigh) => weigh.run(&context),
        Noun::Measure(measure) => measure.run(&context),
        Noun::Witness(witness) => witness.run(&context).await,
        Noun::Completions(completions) => Ok(completions.run(Arguments::command())),
        Noun::Man(man) => man.run(Arguments::command()),
    }
}
