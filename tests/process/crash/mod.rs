//! Kills the bot to prove that each approved request creates exactly one Marketo user, that nothing is lost and that
//! nothing is posted twice.
//!
//! Each scenario runs against the real program, as a process. First it runs undisturbed, and every call that the bot
//! makes is numbered. Then it runs again for each call and for each delivery to the bot. There the process is killed
//! with SIGKILL (see [`point::When`] for the moments) and started again on the same database. People repeat what was
//! not answered. In the end they must see what they saw in the undisturbed run, Marketo must have as many users, and
//! the database must have nothing left to do and a valid ledger. A second test does the same with SIGTERM, after which
//! the process must exit with code 0.
//!
//! On SQLite, and on PostgreSQL if `TEST_POSTGRES_URL` names a server. By default a fixed part of the matrix runs:
//! every kill at an invite and at a delivery, and every third of the rest. `CRASH_MATRIX=all` runs everything;
//! `CRASH_RUN=sqlite/approve/invite#1/applied` (the name that a failure shows, or any part of it) runs those alone.
//! To see the tables: `cargo test --test process crash -- --nocapture`.

#![expect(clippy::print_stdout, reason = "the table is for the person who runs the matrix")]

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
