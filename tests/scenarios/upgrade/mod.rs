//! Upgrades: today's program opens a database that an earlier version wrote, reads all of it, and finishes what that
//! version left unfinished. `tests/fixtures` has a folder for each version.

mod fixture;
mod reading;
mod resuming;
mod timers;
