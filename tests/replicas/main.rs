//! Several replicas on one PostgreSQL, and databases that fail. Where `TEST_POSTGRES_URL` is not set, the stories
//! that need PostgreSQL say so and are not told; CI sets it.

#![cfg(feature = "demo")]

mod at_once;
mod budget;
mod lost;
mod panel;
mod program;
mod proxy;
mod replays;
#[path = "../common/schema.rs"]
mod schema;
mod sqlite;
mod support;
mod takeover;
mod unknown;
