//! The `marketo-api-user` binary.

fn main() {}
