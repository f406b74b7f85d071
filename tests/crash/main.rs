//! The promise of the bot, proved by killing it: each approved request makes exactly one Marketo user, nothing is lost
//! and nothing is said twice, at whatever moment the process dies.
//!
//! Each story is played against the real program, as a process. First it is played undisturbed, and every call that
//! the bot makes in it is numbered. Then it is played again for each call and for each message to the bot, and there
//! the process is killed with SIGKILL (see [`point::When`] for the moments) and started again on the same database.
//! People press again what was not answered, and in the end they must see what they saw in the undisturbed story,
//! Marketo must have as many users, and the database must have nothing left to do and a whole ledger. A second test
//! does the same with SIGTERM, after which the process must end by itself with code 0.
//!
//! On SQLite, and on PostgreSQL where `TEST_POSTGRES_URL` names a server. By default a fixed part of the matrix is run:
//! every blow at an invite and at a message to the bot, and every third of the rest. `CRASH_MATRIX=all` runs the whole;
//! `CRASH_RUN=sqlite/approve/invite#1/applied` (the name that a failure shows, or any part of it) runs those alone.
//! To see the tables: `cargo test --test crash -- --nocapture`.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a run that cannot go on fails, in its helpers too")]
#![expect(clippy::print_stdout, reason = "the table is for whoever runs the matrix")]

mod bot;
mod database;
mod house;
mod matrix;
mod point;
mod run;
#[path = "../common/schema.rs"]
mod schema;
mod story;

use crate::{matrix::Signal, point::STORIES};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_killed_at_any_moment_makes_one_user_and_loses_nothing() {
    matrix::play(Signal::Kill, &STORIES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_asked_to_end_at_any_moment_ends_well_and_loses_nothing() {
    matrix::play(Signal::Term, &[point::Story::Approve]).await;
}
