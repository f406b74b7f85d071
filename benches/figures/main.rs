//! Prints the figures that the bot is held to, measured from outside on the optimized program: `cargo bench --bench
//! figures`. A figure that misses its target is marked; nothing fails.
//!
//! Server and clients share one machine: the server has the first CPU, clients and simulators have the second. What
//! is compared with the floor is measured in turns with it, and the median counts. `-- --binary PATH` measures
//! another build. `-- --siege` measures something else: good requests while others attack.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on ends")]

mod floor;
mod load;
mod process;
mod siege;
mod stage;
mod table;

use std::{path::PathBuf, sync::Arc, time::Duration};

use marketo_api_user::clock::Clock;

use self::{
    load::{closed, help_commands, open_p99},
    stage::{SECRET, Stage},
    table::{Target, median},
};

/// How often each comparison is made.
const ROUNDS: usize = 7;
/// How many commands a round of the closed loop has.
const CLOSED: usize = 20_000;
/// The rate of the open loop, and how many commands a round of it has.
const OPEN: (f64, usize) = (2000.0, 8000);
/// How many requests are created to the end.
const CREATED: usize = 20;
/// How often the program is started.
const STARTS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == floor::ARGUMENT) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(floor::serve(arguments[at + 1].parse().unwrap(), &arguments[at + 2]));
    }
    let given = arguments.iter().position(|argument| argument == "--binary").map(|at| &arguments[at + 1]);
    let binary = given.map_or_else(|| env!("CARGO_BIN_EXE_marketo-api-user").into(), PathBuf::from);
    let is_pinned = process::move_to_second_cpu();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rows = if arguments.iter().any(|argument| argument == "--siege") {
        runtime.block_on(besieged(binary, is_pinned))
    } else {
        runtime.block_on(measure(binary, is_pinned))
    };
    table::print(&rows, is_pinned);
}

/// What good requests get while others attack: 200 slow connections and a flood of bad signatures at once.
async fn besieged(binary: PathBuf, is_pinned: bool) -> Vec<table::Row> {
    let stage = Stage::open(binary, is_pinned).await;
    let bot = stage.start_bot().await;
    let rows = siege::measure(&Clock::system(), &bot).await;
    bot.stop();
    rows
}

async fn measure(binary: PathBuf, is_pinned: bool) -> Vec<table::Row> {
    let clock = Clock::system();
    let mut rows = Vec::new();
    let size = std::fs::metadata(&binary).unwrap().len();
    let stage = Stage::open(binary, is_pinned).await;

    let mut first = stage.first_answers(STARTS).await;
    rows.push(table::row(
        "first answer after the start",
        "ms",
        median(&mut first) * 1e3,
        Target::Below(50.0),
    ));

    let bot = stage.start_bot().await;
    clock.sleep(Duration::from_secs(2)).await;
    rows.push(table::row("memory when idle", "MiB", bot.mebibytes(), Target::Below(12.0)));

    let (mut acks, mut invites) = stage.create(CREATED).await;
    rows.push(table::row("submission: stored and answered", "ms", median(&mut acks) * 1e3, Target::None));
    rows.push(table::row(
        "Approve pressed to invite at Marketo (1)",
        "ms",
        median(&mut invites) * 1e3,
        Target::Below(10.0),
    ));

    let floor = stage.start_floor().await;
    for connections in [16, 64] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let requests = help_commands(&clock, SECRET, CLOSED);
            ours.push(closed(&clock, bot.address, connections, Arc::clone(&requests)).await);
            theirs.push(closed(&clock, floor.address, connections, requests).await);
        }
        rows.extend(table::compared(
            &format!("help, {connections} connections"),
            "/s",
            (&ours, &theirs),
            1.0,
            Target::Above(0.8),
        ));
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let requests = help_commands(&clock, SECRET, OPEN.1);
        ours.push(open_p99(&clock, bot.address, 32, OPEN.0, Arc::clone(&requests)).await);
        theirs.push(open_p99(&clock, floor.address, 32, OPEN.0, requests).await);
    }
    rows.extend(table::compared("help, p99 at 2,000/s", "ms", (&ours, &theirs), 1e3, Target::Below(1.2)));
    rows.push(table::row("memory after the load", "MiB", bot.mebibytes(), Target::Below(24.0)));
    let size = load::figure(usize::try_from(size).unwrap()) / 1024.0 / 1024.0;
    rows.push(table::row("size of the program", "MiB", size, Target::Below(16.0)));
    bot.stop();
    rows
}
