//! A simulated Slack workspace: a strict Web API over HTTP, and what its people see. It refuses what Slack refuses
//! (Block Kit limits, used or expired triggers, missing scopes, wrong content types) and keeps messages, views and
//! calls. People act in it through [`crate::sim::user`]; it must not know the bot.
//!
//! # Unverified facts
//!
//! Slack's documentation leaves these facts open. [`Setup`] has no switch for them: the simulator implements one
//! reading, and tests inject the other with [`SlackSim::faults`] or by changing the payload.
//!
//! | Fact | Reading | To test the other |
//! | --- | --- | --- |
//! | Retries of commands and interactions after a timeout | None | Send [`Reply::sent`](crate::sim::user::Reply::sent) again |
//! | `channel_name` in payloads of private channels | `privategroup` | Change the payload |
//! | `state.values` of untouched views in API responses | An object, never `[]` | Inject a response |
//! | The error of a fourth view on the stack | `push_limit_reached` | Inject a response |

mod args;
pub(crate) mod blocks;
pub(crate) mod chat;
mod directory;
mod history;
pub(crate) mod inputs;
mod modals;
mod router;
mod setup;
pub(crate) mod state;
mod view;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::json;

use self::{
    router::Router,
    state::{SlackState, direct_id},
};
pub use self::{
    setup::{Setup, SimChannel, SimEnterpriseUser, SimGroup, SimUser},
    state::{CallRecord, Ephemeral, SimMessage},
    view::SimView,
};
use super::{
    breakpoint::Breakpoints,
    change_notifier::ChangeNotifier,
    fault::{Fault, Faults},
    server::Server,
};
use crate::clock::Clock;

/// Timeout of [`SlackSim::wait_for`], in real time.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A running simulated Slack; dropping it closes its server.
#[derive(Debug)]
pub struct SlackSim {
    router: Arc<Router>,
    server: Server,
}

impl SlackSim {
    /// Starts a workspace on a free loopback port.
    ///
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start(clock: Clock, setup: Setup) -> io::Result<Arc<Self>> {
        let router = Arc::new(Router::new(clock.clone(), SlackState::new(clock, setup)));
        let server = Server::start({
            let router = Arc::clone(&router);
            move |request| Arc::clone(&router).answer(request)
        })
        .await?;
        Ok(Arc::new(Self { router, server }))
    }

    /// The base URL of the Web API, without a trailing slash.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.server.url())
    }

    /// The current people, channels, groups and settings.
    pub fn setup(&self) -> Setup {
        self.router.state().setup.clone()
    }

    /// The messages of a conversation, oldest first.
    pub fn channel(&self, id: &str) -> Vec<SimMessage> {
        let state = self.router.state();
        state.messages.iter().filter(|message| message.channel == id).cloned().collect()
    }

    /// The messages between the bot and a user, oldest first.
    pub fn dm(&self, user: &str) -> Vec<SimMessage> {
        self.channel(&direct_id(user))
    }

    /// All ephemeral messages, oldest first.
    pub fn ephemerals(&self) -> Vec<Ephemeral> {
        self.router.state().ephemerals.clone()
    }

    /// The ephemeral messages to a user, oldest first.
    pub fn ephemerals_for(&self, user: &str) -> Vec<Ephemeral> {
        let state = self.router.state();
        state.ephemerals.iter().filter(|message| message.user == user).cloned().collect()
    }

    /// The top modal of a user.
    pub fn open_view(&self, user: &str) -> Option<SimView> {
        self.router.state().top(user).cloned()
    }

    /// Every call so far, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.router.state().calls.clone()
    }

    /// The calls of one method so far, oldest first.
    pub fn calls_to(&self, method: &str) -> Vec<CallRecord> {
        let state = self.router.state();
        state.calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// Injects faults into future calls, by method or `response_url`.
    pub fn faults(&self) -> &Faults {
        &self.router.faults
    }

    /// Pauses future calls, by method or `response_url`.
    pub fn breakpoints(&self) -> &Breakpoints {
        &self.router.breakpoints
    }

    /// Answers the next call of `method` with 429 and this `Retry-After`.
    pub fn rate_limit(&self, method: &str, seconds: u32) {
        let body = json!({ "ok": false, "error": "ratelimited" });
        self.router.faults.script(method, Fault::Answer { status: 429, body, retry_after: Some(seconds) });
    }

    /// Answers the next call of `method` with an error code, without executing it.
    pub fn refuse(&self, method: &str, code: &str) {
        let body = json!({ "ok": false, "error": code });
        self.router.faults.script(method, Fault::Answer { status: 200, body, retry_after: None });
    }

    /// While down, every connection is cut.
    pub fn set_down(&self, down: bool) {
        self.router.is_down.store(down, Ordering::SeqCst);
    }

    /// Sets the members of a user group, and creates it if it does not exist.
    pub fn set_group(&self, id: &str, users: &[&str]) {
        let users: Vec<String> = users.iter().map(|&user| user.to_owned()).collect();
        self.router.change(|state| match state.setup.groups.iter_mut().find(|group| group.id == id) {
            Some(group) => group.users = users,
            None => {
                let handle = id.to_lowercase();
                state.setup.groups.push(SimGroup { id: id.to_owned(), handle, users });
            }
        });
    }

    /// Deletes a user group.
    pub fn remove_group(&self, id: &str) {
        self.router.change(|state| state.setup.groups.retain(|group| group.id != id));
    }

    /// Adds a user, or replaces the one with this id.
    pub fn set_user(&self, user: SimUser) {
        self.router.change(|state| {
            state.setup.users.retain(|other| other.id != user.id);
            state.setup.users.push(user);
        });
    }

    /// Adds a channel, or replaces the one with this id.
    pub fn set_channel(&self, channel: SimChannel) {
        self.router.change(|state| {
            state.setup.channels.retain(|other| other.id != channel.id);
            state.setup.channels.push(channel);
        });
    }

    /// Restores a message of the bot from an earlier run.
    pub fn restore_message(&self, message: SimMessage) {
        self.router.change(|state| {
            let users: Vec<String> = state.setup.users.iter().map(|user| user.id.clone()).collect();
            if let Some(user) = users.iter().find(|user| direct_id(user) == message.channel) {
                state.open_direct(user);
            }
            state.messages.push(message);
        });
    }

    /// Deletes a message, as a user does.
    pub fn delete_message(&self, channel: &str, ts: &str) {
        self.router.change(|state| {
            state.messages.retain(|message| message.channel != channel || message.ts != ts);
        });
    }

    /// Replaces the scopes of the token.
    pub fn set_scopes(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.router.change(|state| state.setup.scopes = scopes);
    }

    /// Waits until `condition` holds, for at most 5 s of real time; returns whether it does.
    pub async fn wait_for(&self, condition: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.router.changes.subscribe();
        let holds = async {
            loop {
                if condition(self) || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, holds).await.is_ok()
    }

    /// Notifies of every change.
    pub fn changes(&self) -> &ChangeNotifier {
        &self.router.changes
    }

    /// The full `response_url` for an id.
    pub(in crate::sim) fn response_url(&self, id: &str) -> String {
        format!("{}/response/{id}", self.server.url())
    }

    /// Changes the workspace on behalf of a person.
    pub(in crate::sim) fn change<T>(&self, change: impl FnOnce(&mut SlackState) -> T) -> T {
        self.router.change(change)
    }
}
