//! `demo`.
use super::{Failure, args::Demo};
use crate::config::Environment;
use std::process::ExitCode;
pub(super) async fn run(_environment: &Environment, _demo: &Demo) -> Result<ExitCode, Failure> {
    Ok(ExitCode::SUCCESS)
}
