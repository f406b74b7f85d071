//! What a review form contains and what it is validated against. This file must not know the kinds of change.

use jiff::{SignedDuration, Timestamp};

use crate::domain::{allowed_options::AllowedOptions, change::Change, expiration::Zone};

/// The submitted review form, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewInput {
    /// `YYYY-MM-DD`, or absent.
    pub expiration: Option<String>,
    /// The id of the role.
    pub role: Option<String>,
    /// The id of the workspace; absent if the form offered no choice.
    pub workspace: Option<String>,
    /// The approver's note.
    pub note: String,
}

/// What a review is validated against.
#[derive(Clone, Copy)]
pub struct ReviewContext<'a> {
    /// The time of the submission.
    pub now: Timestamp,
    /// The roles and workspaces that the policy offers.
    pub options: &'a AllowedOptions,
    /// The requester's time zone: days end in it.
    pub zone: &'a Zone,
    /// The longest access that the policy allows for a change.
    pub max_access: &'a dyn Fn(&Change) -> SignedDuration,
}
