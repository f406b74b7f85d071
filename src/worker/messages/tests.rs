//! Whatever Slack answers, loses, repeats or does late, and wherever a worker dies: in the end every copy that Slack still
//! lets the bot change shows the wanted version. Slack is played by a model; the attempts are the real ones.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    attempt::{Attempt, Step},
    conclusion::conclude,
};
use crate::{
    domain::{
        message::Part,
        people::ChannelId,
        policy::tests::request,
        request::{Reminders, Request, State},
    },
    slack::{
        client::Posted,
        error::{Class, Error},
    },
    store::{ClaimedCard, ClaimedMessage, LATE_EFFECT, Lease, MessageCopy, MessageRecord},
};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// The request changes.
    Change,
    /// A worker makes its next call, and Slack answers so.
    Call(SlackAnswer),
    /// The worker dies; another one takes over when its lease is over.
    Death,
    /// A call of before takes effect only now.
    LateEffect,
    /// Somebody deletes the message that was posted first.
    Deletion,
    /// Time passes, in seconds.
    Wait(u8),
}

#[derive(Clone, Copy, Debug)]
enum SlackAnswer {
    Answered,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is done later, and there is no answer.
    DoneLater,
    /// It is never done, and there is no answer.
    Lost,
    RateLimited,
    Refused(&'static str),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let answer = prop_oneof![
        6 => Just(SlackAnswer::Answered),
        2 => Just(SlackAnswer::AnswerLost),
        2 => Just(SlackAnswer::DoneLater),
        1 => Just(SlackAnswer::Lost),
        1 => Just(SlackAnswer::RateLimited),
        1 => prop_oneof![
            Just("http_403"),
            Just("a_code_of_tomorrow"),
            Just("is_archived"),
            Just("cant_update_message"),
            Just("not_in_channel"),
        ].prop_map(SlackAnswer::Refused),
    ];
    let happening = prop_oneof![
        2 => Just(Happening::Change),
        8 => answer.prop_map(Happening::Call),
        1 => Just(Happening::Death),
        2 => Just(Happening::LateEffect),
        1 => Just(Happening::Deletion),
        2 => (0_u8..40).prop_map(Happening::Wait),
    ];
    prop::collection::vec(happening, 0..60)
}

/// A message in Slack.
#[derive(Clone, Debug)]
struct Standing {
    ts: String,
    shows: i64,
    is_deleted: bool,
}

/// A call that Slack does later, at the latest when [`LATE_EFFECT`] is over.
#[derive(Clone, Debug)]
struct Late {
    call: Step,
    shows: i64,
    until: Timestamp,
}

/// The stored message, the worker at it, and Slack.
struct World {
    now: Timestamp,
    request: Request,
    /// The stored row.
    wanted: i64,
    attempts: i64,
    copies: Vec<MessageCopy>,
    posting_at: Option<Timestamp>,
    unsettled_until: Option<Timestamp>,
    failing_since: Option<Timestamp>,
    due_at: Option<Timestamp>,
    worker: Option<(ClaimedMessage, Attempt)>,
    was_abandoned: bool,
    slack: Vec<Standing>,
    late: VecDeque<Late>,
    has_ended: bool,
}

impl World {
    fn new() -> Self {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let state =
            State::Pending { approvals: Vec::new(), is_escalated: false, reminders: Reminders::default() };
        Self {
            now,
            request: Request { state, ..request((1, "API Only"), "svc@example.com") },
            wanted: 1,
            attempts: 0,
            copies: Vec::new(),
            posting_at: None,
            unsettled_until: None,
            failing_since: None,
            due_at: Some(now),
            worker: None,
            was_abandoned: false,
            slack: Vec::new(),
            late: VecDeque::new(),
            has_ended: false,
        }
    }

    /// As [`crate::store::Store::claim_message`].
    fn claim(&mut self) {
        if self.worker.is_some() || self.due_at.is_none_or(|due_at| due_at > self.now) {
            return;
        }
        self.attempts += 1;
        if self.was_abandoned && (self.posting_at.is_some() || !self.copies.is_empty()) {
            self.unsettled_until = Some(self.now + LATE_EFFECT);
        }
        self.was_abandoned = false;
        let claimed = ClaimedMessage {
            lease: Lease::for_tests(),
            request: self.request.clone(),
            part: Part::Card,
            wanted: self.wanted,
            attempts: self.attempts,
            posting_at: self.posting_at,
            unsettled_until: self.unsettled_until,
            failing_since: self.failing_since,
            copies: self.copies.clone(),
            card: ClaimedCard::default(),
        };
        let attempt = Attempt::new(&claimed, self.now);
        self.worker = Some((claimed, attempt));
    }

    fn call(&mut self, answer: SlackAnswer) {
        self.claim();
        let Some((claimed, mut attempt)) = self.worker.take() else { return };
        let step = attempt.next();
        match &step {
            Step::Search { .. } => {
                let found = match error_of(answer) {
                    // A search has no effect, so that it does not matter when it is done.
                    None => Ok(self.found()),
                    Some(error) => Err(error),
                };
                attempt.searched(found, self.now);
            }
            Step::Update(copy) => {
                let exists = self.slack.iter().any(|one| one.ts == copy.ts && !one.is_deleted);
                let result = self.send(&step, claimed.wanted, answer);
                let result = match result {
                    Ok(()) if !exists => Err(refused("message_not_found")),
                    other => other,
                };
                attempt.updated(copy, result, self.now);
            }
            Step::Post => {
                self.posting_at = self.posting_at.or(Some(self.now));
                let result = self.send(&step, claimed.wanted, answer);
                let posted =
                    || Posted { channel: channel(), ts: self.slack.last().expect("a message").ts.clone() };
                attempt.posted(result.map(|()| posted()), self.now, self.now);
            }
            Step::End => {
                self.record(&claimed, attempt);
                return;
            }
        }
        self.worker = Some((claimed, attempt));
    }

    /// As [`crate::store::Tx::record_message`].
    fn record(&mut self, claimed: &ClaimedMessage, attempt: Attempt) {
        let (record, event) = conclude(claimed, attempt.end(), self.now);
        let MessageRecord { copies, gone, posting_at, unsettled_until, due_at, error, .. } = record;
        self.copies.retain(|copy| !gone.iter().any(|gone| gone.ts == copy.ts));
        for copy in copies {
            self.copies.retain(|known| known.ts != copy.ts);
            self.copies.push(copy);
        }
        (self.posting_at, self.unsettled_until) = (posting_at, unsettled_until);
        self.failing_since = error.as_ref().map(|_| self.failing_since.unwrap_or(self.now));
        if error.is_none() {
            self.attempts = 0;
        }
        self.due_at = if self.wanted == claimed.wanted { due_at } else { Some(self.now) };
        self.has_ended |= event.is_some();
        assert!(event.is_none() || self.copies.is_empty(), "a request ended although its card stands");
    }

    /// Slack's side of a call that changes something.
    fn send(&mut self, step: &Step, shows: i64, answer: SlackAnswer) -> Result<(), Error> {
        match answer {
            SlackAnswer::Answered | SlackAnswer::AnswerLost => self.take_effect(step, shows),
            SlackAnswer::DoneLater => {
                let late = Late { call: step.clone(), shows, until: self.now + LATE_EFFECT };
                self.late.push_back(late);
            }
            SlackAnswer::Lost | SlackAnswer::RateLimited | SlackAnswer::Refused(_) => {}
        }
        error_of(answer).map_or(Ok(()), Err)
    }

    fn take_effect(&mut self, step: &Step, shows: i64) {
        match step {
            Step::Update(copy) => {
                if let Some(message) = self.slack.iter_mut().find(|one| one.ts == copy.ts) {
                    message.shows = shows;
                }
            }
            Step::Post => {
                let ts = format!("{}.0", self.slack.len() + 1);
                self.slack.push(Standing { ts, shows, is_deleted: false });
            }
            Step::Search { .. } | Step::End => {}
        }
    }

    fn found(&self) -> Vec<Posted> {
        let standing = self.slack.iter().filter(|message| !message.is_deleted);
        standing.map(|message| Posted { channel: channel(), ts: message.ts.clone() }).collect()
    }

    fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        while self.late.front().is_some_and(|late| late.until <= self.now) {
            self.late_effect();
        }
    }

    fn late_effect(&mut self) {
        if let Some(Late { call, shows, .. }) = self.late.pop_front() {
            self.take_effect(&call, shows);
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Change => {
                self.wanted += 1;
                self.due_at = Some(self.now);
            }
            Happening::Call(answer) => self.call(answer),
            Happening::Death => {
                self.was_abandoned |= self.worker.take().is_some();
                // Until its lease is over.
                if self.was_abandoned {
                    self.wait(30);
                }
            }
            Happening::LateEffect => self.late_effect(),
            Happening::Deletion => {
                if let Some(first) = self.slack.iter_mut().find(|message| !message.is_deleted) {
                    first.is_deleted = true;
                }
            }
            Happening::Wait(seconds) => self.wait(i64::from(seconds)),
        }
    }

    /// From now on Slack answers everything; the request changes once more, and the bot works until nothing is due. A
    /// deleted message is noticed when it is to be updated.
    fn calms_down(&mut self) {
        self.happens(Happening::Change);
        for _ in 0..200 {
            while self.worker.is_some() || self.due_at.is_some_and(|due_at| due_at <= self.now) {
                self.call(SlackAnswer::Answered);
            }
            match self.due_at {
                Some(due_at) => self.wait((due_at.as_second() - self.now.as_second()).max(0) + 1),
                None if self.late.is_empty() => return,
                None => self.wait(31),
            }
        }
        panic!("the bot never comes to rest");
    }
}

fn channel() -> ChannelId {
    "C0APPROVE".into()
}

fn refused(code: &str) -> Error {
    Error { method: "chat.postMessage", class: Class::Refused, code: code.to_owned() }
}

fn error_of(answer: SlackAnswer) -> Option<Error> {
    let error = |class, code: &str| Error { method: "chat.postMessage", class, code: code.to_owned() };
    match answer {
        SlackAnswer::Answered => None,
        SlackAnswer::AnswerLost | SlackAnswer::DoneLater | SlackAnswer::Lost => {
            Some(error(Class::Unknown, "timeout"))
        }
        SlackAnswer::RateLimited => {
            let after = std::time::Duration::from_secs(1);
            Some(error(Class::RateLimited { after }, "ratelimited"))
        }
        SlackAnswer::Refused(code) => Some(refused(code)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
    #[test]
    fn every_card_ends_with_the_wanted_version(happenings in happenings()) {
        let mut world = World::new();
        for happening in happenings {
            world.happens(happening);
        }
        world.calms_down();
        let standing: Vec<&Standing> = world.slack.iter().filter(|message| !message.is_deleted).collect();
        if !world.has_ended {
            prop_assert!(!standing.is_empty(), "no card stands");
        }
        for message in standing {
            prop_assert!(
                message.shows == world.wanted,
                "{message:?} stands while version {} is wanted", world.wanted
            );
        }
    }
}
