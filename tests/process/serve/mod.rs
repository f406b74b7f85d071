//! `serve` from its start to its end: settings, privileges, outgoing calls, and what it writes.

mod instances;
mod invalid_settings;
mod least_privilege;
pub(crate) mod lifecycle;
mod log_spans;
mod outgoing;
pub(crate) mod secrets;
