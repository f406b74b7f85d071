//! A simulated Slack workspace: a strict Web API over HTTP, and what its people see. It refuses what Slack
//! refuses (limits of Block Kit, used or late triggers, missing scopes, wrong content types) and remembers
//! what it was told. People act in it through [`crate::sim::user`]; it must not know the bot.

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
    setup::{Setup, SimChannel, SimGroup, SimUser},
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

/// How long a waiter waits for something to appear, in real time.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running simulated Slack; dropping it closes its server.
#[derive(Debug)]
pub struct SlackSim {
    core: Arc<Router>,
    server: Server,
}

impl SlackSim {
    /// Starts a workspace on a free loopback port.
    ///
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start(clock: Clock, setup: Setup) -> io::Result<Arc<Self>> {
        let core = Arc::new(Router::new(clock.clone(), SlackState::new(clock, setup)));
        let server = Server::start({
            let core = Arc::clone(&core);
            move |request| Arc::clone(&core).answer(request)
        })
        .await?;
        Ok(Arc::new(Self { core, server }))
    }

    /// The base of the Web API, without a slash at the end.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.server.url())
    }

    /// The workspace as it stands now.
    pub fn setup(&self) -> Setup {
        self.core.world().setup.clone()
    }

    /// The messages of a conversation, oldest first.
    pub fn channel(&self, id: &str) -> Vec<SimMessage> {
        let world = self.core.world();
        world.messages.iter().filter(|message| message.channel == id).cloned().collect()
    }

    /// The messages between the bot and a user, oldest first.
    pub fn dm(&self, user: &str) -> Vec<SimMessage> {
        self.channel(&direct_id(user))
    }

    /// Every message that only one person saw, oldest first.
    pub fn ephemerals(&self) -> Vec<Ephemeral> {
        self.core.world().ephemerals.clone()
    }

    /// The messages that only this person saw, oldest first.
    pub fn ephemerals_for(&self, user: &str) -> Vec<Ephemeral> {
        let world = self.core.world();
        world.ephemerals.iter().filter(|message| message.user == user).cloned().collect()
    }

    /// The modal that a person sees.
    pub fn open_view(&self, user: &str) -> Option<SimView> {
        self.core.world().top(user).cloned()
    }

    /// Every call so far, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.core.world().calls.clone()
    }

    /// The calls of one method so far, oldest first.
    pub fn calls_to(&self, method: &str) -> Vec<CallRecord> {
        let world = self.core.world();
        world.calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// The faults that calls to come will meet, by method.
    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// The gates at which calls to come are stopped, by method.
    pub fn breakpoints(&self) -> &Breakpoints {
        &self.core.gates
    }

    /// The next call of `method` is refused for being one too many.
    pub fn rate_limit(&self, method: &str, seconds: u32) {
        let body = json!({ "ok": false, "error": "ratelimited" });
        self.core.faults.script(method, Fault::Answer { status: 429, body, retry_after: Some(seconds) });
    }

    /// The next call of `method` is refused with Slack's error code, without being carried out.
    pub fn refuse(&self, method: &str, code: &str) {
        let body = json!({ "ok": false, "error": code });
        self.core.faults.script(method, Fault::Answer { status: 200, body, retry_after: None });
    }

    /// While down, every connection is cut.
    pub fn set_down(&self, down: bool) {
        self.core.down.store(down, Ordering::SeqCst);
    }

    /// Gives a user group other members; a new id is a new group.
    pub fn set_group(&self, id: &str, users: &[&str]) {
        let users: Vec<String> = users.iter().map(|&user| user.to_owned()).collect();
        self.core.change(|world| match world.setup.groups.iter_mut().find(|group| group.id == id) {
            Some(group) => group.users = users,
            None => {
                let handle = id.to_lowercase();
                world.setup.groups.push(SimGroup { id: id.to_owned(), handle, users });
            }
        });
    }

    /// Adds a user, or replaces the one with this id.
    pub fn set_user(&self, user: SimUser) {
        self.core.change(|world| {
            world.setup.users.retain(|other| other.id != user.id);
            world.setup.users.push(user);
        });
    }

    /// Adds a channel, or replaces the one with this id.
    pub fn set_channel(&self, channel: SimChannel) {
        self.core.change(|world| {
            world.setup.channels.retain(|other| other.id != channel.id);
            world.setup.channels.push(channel);
        });
    }

    /// Puts a message where it stood in an earlier run, as the bot posted it then.
    pub fn restore_message(&self, message: SimMessage) {
        self.core.change(|world| {
            let users: Vec<String> = world.setup.users.iter().map(|user| user.id.clone()).collect();
            if let Some(user) = users.iter().find(|user| direct_id(user) == message.channel) {
                world.open_direct(user);
            }
            world.messages.push(message);
        });
    }

    /// Somebody deletes a message.
    pub fn delete_message(&self, channel: &str, ts: &str) {
        self.core.change(|world| {
            world.messages.retain(|message| message.channel != channel || message.ts != ts);
        });
    }

    /// Gives the token other scopes.
    pub fn set_scopes(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.core.change(|world| world.setup.scopes = scopes);
    }

    /// Waits until `condition` holds, for at most 5 s of real time; says whether it does.
    pub async fn wait_for(&self, condition: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.core.pulse.subscribe();
        let holds = async {
            loop {
                if condition(self) || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, holds).await.is_ok()
    }

    /// Beats with every change.
    pub fn pulse(&self) -> &ChangeNotifier {
        &self.core.pulse
    }

    /// The address of a `response_url`.
    pub(in crate::sim) fn response_url(&self, id: &str) -> String {
        format!("{}/response/{id}", self.server.url())
    }

    /// Does what Slack's own side does on behalf of a person.
    pub(in crate::sim) fn change<T>(&self, change: impl FnOnce(&mut SlackState) -> T) -> T {
        self.core.change(change)
    }
}
