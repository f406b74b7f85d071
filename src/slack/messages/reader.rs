//! For whom a message is worded.

/// Who reads the message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Everybody in the approval channel.
    Approvers,
    /// The requester.
    Requester,
}
