//! Upgrades: today's program opens a database that an earlier version wrote, reads all of it, and finishes what that
//! version left unfinished. `tests/fixtures` has a folder for each version.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on fails, in its helpers too")]

mod fixture;
mod reading;
mod resuming;
#[path = "../common/schema.rs"]
mod schema;
#[path = "../stories/support.rs"]
#[expect(dead_code, reason = "the stories need more of it")]
mod support;
mod timers;
