//! An effect as the outbox stores it: tagged, versioned JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::effect::Effect;

/// The version of newly written effects. Raise it when the program before could not read them, or would do something else:
/// it then leaves them to this one.
pub(super) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Versioned {
    pub(super) v: u32,
    #[serde(flatten)]
    pub(super) effect: Effect,
}

/// The version alone, which is readable in every version.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) v: u32,
}

/// An effect in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEffect {
    /// The id.
    pub id: String,
    /// What to do.
    pub effect: Effect,
    /// What earlier attempts recorded, in the worker's format.
    pub progress: Option<String>,
    /// The number of attempts, including the current one.
    pub attempts: i64,
    /// When the decision was made that it follows from.
    pub created_at: Timestamp,
}
