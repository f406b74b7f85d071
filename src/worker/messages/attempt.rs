//! One attempt to bring a message up to date, as a value: it says which call comes next, hears how the call ended, and
//! says at the end what is known. Pure, so that a test can play Slack.
//!
//! What makes it safe: a message whose post had no answer is searched for before it is posted again, and once more after
//! the call can no longer take effect. Whatever may still overwrite a copy is answered by sending the current version
//! again afterwards. Copies are never forgotten unless Slack says that they are gone.

use jiff::Timestamp;

use super::refusals::{Refusal, classify};
use crate::{
    slack::{
        client::Posted,
        error::{Class, Error},
    },
    store::{ClaimedMessage, LATE_EFFECT, MessageCopy, MessageRecord},
};

/// Slack's error code for a deleted message.
const MESSAGE_NOT_FOUND: &str = "message_not_found";
/// After how many attempts an unclear refusal counts as a definite one.
pub(super) const UNCLEAR_ATTEMPTS: i64 = 5;

/// The next call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Search the conversation for copies that were posted since.
    Search {
        /// When the first of them was posted.
        since: Timestamp,
    },
    /// Update this copy.
    Update(MessageCopy),
    /// Post the message.
    Post,
    /// No further call.
    End,
}

/// An attempt under way.
#[derive(Debug)]
pub(super) struct Attempt {
    wanted: i64,
    attempts: i64,
    /// Whether the message is updated when the request changes.
    is_live: bool,
    copies: Vec<KnownCopy>,
    gone: Vec<MessageCopy>,
    posting_at: Option<Timestamp>,
    unsettled_until: Option<Timestamp>,
    search: Search,
    has_tried_post: bool,
    has_posted: bool,
    /// What keeps the message from being up to date.
    failure: Option<Error>,
}

#[derive(Debug)]
struct KnownCopy {
    copy: MessageCopy,
    was_tried: bool,
    /// Whether Slack refused to update it for good.
    is_refused: bool,
    is_changed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    NotNeeded,
    Needed,
    /// Nothing more can be found.
    Complete,
    /// The history cannot be read.
    Refused,
    /// The search may succeed later.
    Failed,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What to record, apart from when the next attempt is.
    pub(super) record: MessageRecord,
    /// What keeps the message from being up to date; `None` if it is.
    pub(super) failure: Option<Error>,
    /// Whether a copy stands in Slack.
    pub(super) stands: bool,
    /// Whether it was posted although it had been posted before.
    pub(super) is_replaced: bool,
}

impl Attempt {
    /// Starts an attempt.
    pub(super) fn new(claimed: &ClaimedMessage, now: Timestamp) -> Self {
        let is_live = claimed.part.is_live();
        let is_over = claimed.unsettled_until.is_some_and(|until| until <= now);
        let mut copies: Vec<_> = claimed.copies.iter().cloned().map(KnownCopy::of).collect();
        if is_over {
            // What has overwritten them by now is not known.
            for known in copies.iter_mut().filter(|known| known.copy.is_editable) {
                known.copy.shown = 0;
                known.is_changed = true;
            }
        }
        Self {
            wanted: claimed.wanted,
            attempts: claimed.attempts,
            is_live,
            copies,
            gone: Vec::new(),
            posting_at: claimed.posting_at,
            unsettled_until: claimed.unsettled_until.filter(|_| !is_over),
            search: if claimed.posting_at.is_some() { Search::Needed } else { Search::NotNeeded },
            has_tried_post: false,
            has_posted: false,
            failure: None,
        }
    }

    /// The next call.
    pub(super) fn next(&self) -> Step {
        if let (Search::Needed, Some(since)) = (self.search, self.posting_at) {
            return Step::Search { since };
        }
        if self.is_live {
            let needs_update = |known: &&KnownCopy| !known.was_tried && known.copy.shown < self.wanted;
            // Those that could not be updated last come last: they may be editable again.
            let editable_first = |known: &&KnownCopy| !known.copy.is_editable;
            if let Some(known) = self.copies.iter().filter(needs_update).min_by_key(editable_first) {
                return Step::Update(known.copy.clone());
            }
        }
        if self.can_post() { Step::Post } else { Step::End }
    }

    /// Whether there is no copy that could be up to date, and it is known where there might be one.
    fn can_post(&self) -> bool {
        let may_heal = |known: &KnownCopy| !known.is_refused && known.copy.is_editable;
        let has_copy = if self.is_live { self.copies.iter().any(may_heal) } else { !self.copies.is_empty() };
        !self.has_tried_post && !has_copy && self.search != Search::Failed
    }

    /// The answer of [`Step::Search`].
    pub(super) fn searched(&mut self, found: Result<Vec<Posted>, Error>, now: Timestamp) {
        match found {
            Ok(found) => {
                let is_found = !found.is_empty();
                for Posted { channel, ts } in found {
                    if self.copies.iter().any(|known| known.copy.channel == channel && known.copy.ts == ts) {
                        continue;
                    }
                    let copy = MessageCopy { channel, ts, shown: 0, is_editable: true, posted_at: now };
                    self.copies.push(KnownCopy { is_changed: true, ..KnownCopy::of(copy) });
                }
                self.search = Search::Complete;
                // A post under way may still arrive. One that was only posted once, and is there, is settled.
                if self.unsettled_until.is_none() || is_found && !self.is_live {
                    self.posting_at = None;
                }
            }
            Err(error) => {
                let is_unreadable = match classify(&error) {
                    Refusal::Definite => true,
                    Refusal::Unclear => {
                        self.attempts >= UNCLEAR_ATTEMPTS || matches!(error.class, Class::MissingScope { .. })
                    }
                    Refusal::Outage => false,
                };
                self.search = if is_unreadable { Search::Refused } else { Search::Failed };
                if !is_unreadable {
                    self.failure = Some(error);
                }
            }
        }
    }

    /// Whether the history cannot be read, so that a copy may stand in it that nobody knows of.
    pub(super) fn is_unreadable(&self) -> bool {
        self.search == Search::Refused
    }

    /// The answer of [`Step::Update`].
    pub(super) fn updated(&mut self, copy: &MessageCopy, result: Result<(), Error>, now: Timestamp) {
        let is_same = |known: &KnownCopy| known.copy.channel == copy.channel && known.copy.ts == copy.ts;
        let Some(index) = self.copies.iter().position(is_same) else { return };
        let known = &mut self.copies[index];
        known.was_tried = true;
        match result {
            Ok(()) => {
                known.is_changed = true;
                known.copy.shown = self.wanted;
                known.copy.is_editable = true;
            }
            Err(error) if error.code == MESSAGE_NOT_FOUND => {
                self.gone.push(self.copies.remove(index).copy);
            }
            Err(error) => {
                if error.class == Class::Unknown {
                    self.unsettled_until = now.checked_add(LATE_EFFECT).ok();
                }
                known.is_refused = match classify(&error) {
                    Refusal::Definite => true,
                    Refusal::Unclear => self.attempts >= UNCLEAR_ATTEMPTS,
                    Refusal::Outage => false,
                };
                // One that could not be edited before is no news.
                if known.copy.is_editable {
                    self.failure = Some(error);
                }
            }
        }
    }

    /// The answer of [`Step::Post`].
    pub(super) fn posted(&mut self, result: Result<Posted, Error>, posted_at: Timestamp, now: Timestamp) {
        self.has_tried_post = true;
        match result {
            Ok(Posted { channel, ts }) => {
                self.has_posted = true;
                let copy = MessageCopy { channel, ts, shown: self.wanted, is_editable: true, posted_at };
                self.copies.push(KnownCopy { was_tried: true, is_changed: true, ..KnownCopy::of(copy) });
                for known in self.copies.iter_mut().filter(|known| known.is_refused) {
                    known.copy.is_editable = false;
                    known.is_changed = true;
                }
                self.failure = None;
            }
            Err(error) => {
                if error.class == Class::Unknown {
                    self.posting_at = self.posting_at.or(Some(posted_at));
                    self.unsettled_until = now.checked_add(LATE_EFFECT).ok();
                }
                self.failure = Some(error);
            }
        }
    }

    /// What is known at the end.
    pub(super) fn end(self) -> Ended {
        let is_current = |known: &KnownCopy| known.copy.shown >= self.wanted;
        let is_up_to_date = if self.is_live {
            let mut editable = self.copies.iter().filter(|known| known.copy.is_editable).peekable();
            editable.peek().is_some() && editable.all(is_current)
        } else {
            !self.copies.is_empty()
        };
        let failure = if is_up_to_date { None } else { self.failure };
        // What was posted once cannot be changed, so that nothing is gained by looking again.
        let is_settled = is_up_to_date && !self.is_live;
        let record = MessageRecord {
            copies: self.copies.iter().filter(|one| one.is_changed).map(|one| one.copy.clone()).collect(),
            posting_at: self.posting_at.filter(|_| !is_settled),
            unsettled_until: self.unsettled_until.filter(|_| !is_settled),
            error: failure.as_ref().map(Error::to_string),
            ..MessageRecord::default()
        };
        Ended {
            is_replaced: self.has_posted && (self.copies.len() > 1 || !self.gone.is_empty()),
            stands: !self.copies.is_empty(),
            record: MessageRecord { gone: self.gone, ..record },
            failure,
        }
    }
}

impl KnownCopy {
    fn of(copy: MessageCopy) -> Self {
        Self { copy, was_tried: false, is_refused: false, is_changed: false }
    }
}
