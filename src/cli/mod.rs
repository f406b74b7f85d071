//! The command line: its grammar, and what each subcommand prints. It is the only room that writes to the
//! terminal. What a subcommand does beyond that belongs to the rooms that it calls.

pub mod args;
pub mod manifest;
