//! Measures the optimized program from outside, and prints a table of figures with their targets: `cargo bench --bench
//! figures`. A missed target is marked, and is not a failure.
//!
//! The server runs on the first CPU, clients and simulators on the second. Comparisons with the baseline alternate
//! between both servers, and use the median. `-- --binary PATH` measures another build. `-- --under-attack` measures
//! legitimate requests during an attack instead.

#![expect(clippy::unwrap_used, reason = "a bench stops at the first error")]

mod baseline;
mod environment;
mod load;
mod process;
mod table;
mod under_attack;

use std::{path::PathBuf, sync::Arc, time::Duration};

use marketo_api_user::clock::Clock;

use self::{
    environment::{Environment, SECRET},
    load::{closed_loop, help_commands, open_loop_p99},
    process::Server,
    table::{Row, Target, comparison, median, row},
};

/// The number of rounds of each comparison.
const ROUNDS: usize = 7;
/// The number of commands in a round of the closed loop.
const CLOSED_LOOP_COMMANDS: usize = 20_000;
/// The rate of the open loop, and the number of commands in a round.
const OPEN_LOOP_PER_SECOND: f64 = 2000.0;
const OPEN_LOOP_COMMANDS: usize = 8000;
/// The number of users to create.
const USERS: usize = 20;
/// How often the program is started.
const STARTS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == baseline::ARGUMENT) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(baseline::serve(arguments[at + 1].parse().unwrap(), &arguments[at + 2]));
    }
    let path = arguments.iter().position(|argument| argument == "--binary").map(|at| &arguments[at + 1]);
    let binary = path.map_or_else(|| env!("CARGO_BIN_EXE_marketo-api-user").into(), PathBuf::from);
    let is_pinned = process::move_to_second_cpu();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rows = if arguments.iter().any(|argument| argument == "--under-attack") {
        runtime.block_on(measure_under_attack(binary, is_pinned))
    } else {
        runtime.block_on(measure(binary, is_pinned))
    };
    table::print(&rows, is_pinned);
}

async fn measure_under_attack(binary: PathBuf, is_pinned: bool) -> Vec<Row> {
    let environment = Environment::open(binary, is_pinned).await;
    let bot = environment.start_bot().await;
    let rows = under_attack::measure(&Clock::system(), &bot).await;
    bot.stop();
    rows
}

async fn measure(binary: PathBuf, is_pinned: bool) -> Vec<Row> {
    let clock = Clock::system();
    let mut rows = Vec::new();
    let size = std::fs::metadata(&binary).unwrap().len();
    let environment = Environment::open(binary, is_pinned).await;

    let startup = median(&mut environment.startup_times(STARTS).await);
    rows.push(row("start to first response", "ms", startup * 1e3, Target::Below(50.0)));
    let bot = environment.start_bot().await;
    clock.sleep(Duration::from_secs(2)).await;
    rows.push(row("memory when idle", "MiB", bot.mebibytes(), Target::Below(12.0)));

    let (mut acks, mut invites) = environment.create_users(USERS).await;
    let (ack, invite) = (median(&mut acks), median(&mut invites));
    rows.push(row("submission to ack", "ms", ack * 1e3, Target::None));
    rows.push(row("click on Approve to invite (1)", "ms", invite * 1e3, Target::Below(10.0)));

    let baseline = environment.start_baseline().await;
    rows.extend(compare(&clock, &bot, &baseline).await);
    rows.push(row("memory after the load", "MiB", bot.mebibytes(), Target::Below(24.0)));
    let size = load::as_f64(usize::try_from(size).unwrap()) / 1024.0 / 1024.0;
    rows.push(row("size of the program", "MiB", size, Target::Below(16.0)));
    bot.stop();
    rows
}

/// Compares the bot with the baseline: throughput of the closed loop, and latency of the open loop.
async fn compare(clock: &Clock, bot: &Server, baseline: &Server) -> Vec<Row> {
    let mut rows = Vec::new();
    for connections in [16, 64] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let requests = help_commands(clock, SECRET, CLOSED_LOOP_COMMANDS);
            ours.push(closed_loop(clock, bot.address, connections, Arc::clone(&requests)).await);
            theirs.push(closed_loop(clock, baseline.address, connections, requests).await);
        }
        let name = format!("help, {connections} connections");
        rows.extend(comparison(&name, "/s", (&ours, &theirs), 1.0, Target::Above(0.8)));
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let requests = help_commands(clock, SECRET, OPEN_LOOP_COMMANDS);
        ours.push(open_loop_p99(clock, bot.address, 32, OPEN_LOOP_PER_SECOND, Arc::clone(&requests)).await);
        theirs.push(open_loop_p99(clock, baseline.address, 32, OPEN_LOOP_PER_SECOND, requests).await);
    }
    rows.extend(comparison("help, p99 at 2,000/s", "ms", (&ours, &theirs), 1e3, Target::Below(1.2)));
    rows
}
