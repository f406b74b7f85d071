//! The project itself: which module may use which, which crates are in the tree, the Slack manifest, the fuzz corpus, and
//! a model of the lease protocol.

mod fuzz_corpus;
mod lease_model;
#[cfg(feature = "demo")]
mod least_scopes;
mod manifest;
mod supply;
mod tidy;
