//! The promise of the bot, proved by killing it: each approved request makes exactly one Marketo user, nothing is lost
//! and nothing is said twice, at whatever moment the process dies.
//!
//! Each scenario is played against the real program, as a process. First it is played undisturbed, and every call that
//! the bot makes in it is numbered. Then it is played again for each call and for each message to the bot, and there
//! the process is killed with SIGKILL (see [`point::When`] for the moments) and started again on the same database.
//! People press again what was not answered, and in the end they must see what they saw in the undisturbed scenario,
//! Marketo must have as many users, and the database must have nothing left to do and a whole ledger. A second test
//! does the same with SIGTERM, after which the process must end by itself with code 0.
//!
//! On SQLite, and on PostgreSQL where `TEST_POSTGRES_URL` names a server. By default a fixed part of the matrix is run:
//! every blow at an invite and at a message to the bot, and every third of the rest. `CRASH_MATRIX=all` runs the whole;
//! `CRASH_RUN=sqlite/approve/invite#1/applied` (the name that a failure shows, or any part of it) runs those alone.
//! To see the tables: `cargo test --test process crash -- --nocapture`.

#![expect(clippy::print_stdout, reason = "the table is for whoever runs the matrix")]

mod database;
mod matrix;
mod point;
mod program;
mod run;
mod scenario;
mod test_bot;

use self::{matrix::Signal, point::SCENARIOS};
use crate::load;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_at_any_moment_creates_one_user_and_loses_nothing() {
    let _machine = load::exclusive().await;
    matrix::play(Signal::Kill, &SCENARIOS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_at_any_moment_exits_cleanly_and_loses_nothing() {
    let _machine = load::exclusive().await;
    matrix::play(Signal::Term, &[point::Scenario::Approve]).await;
}
