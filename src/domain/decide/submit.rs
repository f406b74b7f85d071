//! How a request starts: its first state, and the effects of its submission.

use jiff::Timestamp;

use crate::domain::{
    change::Change,
    effect::Effect,
    people::{ChannelId, Principal, RequestId, UserId},
    policy::{Approval, Terms},
    request::{Approved, Request, State},
    text::Reason,
};

/// A request as it is submitted.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The id of the new request.
    pub id: RequestId,
    /// The requester.
    pub requester: UserId,
    /// The groups and channels named in rules that the requester is in.
    pub memberships: Vec<Principal>,
    /// The channel in which the command was used.
    pub origin: ChannelId,
    /// The requested change.
    pub change: Change,
    /// The requester's reason.
    pub reason: Option<Reason>,
}

/// The request that a submission becomes under `terms`, and its first effects.
pub fn submit(now: Timestamp, terms: &Terms, submission: Submission) -> (Request, Vec<Effect>) {
    let Submission { id, requester, memberships, origin, change, reason } = submission;
    let (state, approval_channel, effects) = match &terms.approval {
        Approval::Required { .. } => {
            let channel = terms.approval_channel.clone().unwrap_or_else(|| origin.clone());
            let effects = vec![Effect::ShowCard, Effect::ShowRequester];
            (State::pending(), Some(channel), effects)
        }
        Approval::None { .. } => {
            let approved = Approved { by: Vec::new(), at: now };
            let apply = Effect::Apply { change: change.clone(), attempted_at: None };
            let effects = vec![apply, Effect::ShowRequester];
            (State::Applying { approved, waiting: None }, None, effects)
        }
    };
    let request = Request {
        id,
        version: 1,
        created_at: now,
        requester,
        origin,
        approval_channel,
        change,
        reason,
        memberships,
        revision: 1,
        revisions: Vec::new(),
        asked_again: None,
        state,
    };
    (request, effects)
}
