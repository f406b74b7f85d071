//! Simulated Marketo: the identity endpoint and the User Management API of one instance, on loopback.
//! It refuses what Marketo refuses (invalid tokens, exceeded limits, invalid fields, unknown roles), keeps users, and
//! records every call. It must not know the bot's client: it is written from Adobe's API descriptions, so that the two
//! can disagree.
//!
//! # Unverified facts
//!
//! Adobe's documentation leaves these facts open, or they differ between subscriptions. [`Setup`] selects a reading;
//! the bot must work with each of them.
//!
//! | Fact | Switch | Readings (the default first) |
//! | --- | --- | --- |
//! | An invite for an email address that exists | [`Setup::duplicate_invite`] | [`DuplicateInvite::Refuse`]: 400 with code 709; [`DuplicateInvite::SecondRecord`]: creates a second user |
//! | What `pageOffset` of `allusers.json` counts | [`Setup::paging`] | [`Paging::Records`]: users; [`Paging::Pages`]: pages of `pageSize` users |
//! | How many users a page of `allusers.json` has | [`Setup::page_limit`] | As many as requested; any other number |
//! | A `pageOffset` beyond the last user | [`Setup::beyond_end`] | [`BeyondEnd::Empty`]: an empty page; [`BeyondEnd::Refuse`]: 400 with code 1003; [`BeyondEnd::LastPage`]: the last page again |
//! | How names are shown | [`Setup::names`] | [`ShownNames::AsEntered`]; cut, decomposed, escaped, in another case, or of another subscription |
//! | When the API Only flag of a new user is shown | [`Setup::api_only_after`] | Zero: at once; any delay by the simulator's clock |
//! | The format of `expiresAt` in `update.json` | [`Setup::update_formats`] | All three of [`TimeFormat`]; any subset |
//! | An update without `apiOnly` | [`Setup::update_without_flag`] | [`UpdateWithoutFlag::Keeps`] or [`UpdateWithoutFlag::Clears`] the flag |
//! | `"expiresAt": null` in an update | [`Setup::null_expiration`] | [`NullExpiration::Ignored`], [`NullExpiration::Clears`], or [`NullExpiration::Refused`] |
//! | An end of access in the past | [`Setup::accepts_past`] | Accepted; refused with 400 and code 709 |
//! | Extending the access of a locked user | [`Setup::extending_unlocks`] | Unlocks; leaves it locked |
//! | The error for a user who does not exist | [`Setup::missing_user`] | 404 with code 610; any other |
//! | When a new user appears in the lists | [`Setup::visible_after`] | Zero: at once; any delay by the simulator's clock |
//! | What a `userid` is | [`Setup::identity`] | [`Identity::Marketo`]: the email address; [`Identity::Adobe`]: a generated GUID, and only API-only users can be managed |

mod invite;
mod manage;
mod reply;
mod route;
mod setup;
mod tokens;
mod traffic;
mod users;

#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};

use self::{
    reply::Reply,
    route::{ParsedRequest, Route},
    tokens::Tokens,
    traffic::Traffic,
};
pub use self::{
    setup::{
        BeyondEnd, CLIENT_ID, CLIENT_SECRET, DuplicateInvite, Identity, NullExpiration, Paging, Setup,
        ShownNames, SimRole, SimUser, SimWorkspace, TimeFormat, UpdateWithoutFlag,
    },
    traffic::CallRecord,
};
use super::{
    breakpoint::{Breakpoints, Moment},
    change_notifier::ChangeNotifier,
    fault::{Fault, Faults},
    server::{Cut, Server},
};
use crate::clock::Clock;

/// A running simulated Marketo; dropping it closes every connection.
#[derive(Debug)]
pub struct MarketoSim {
    shared: Arc<Shared>,
    server: Server,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    faults: Faults,
    breakpoints: Breakpoints,
    traffic: Traffic,
    is_down: AtomicBool,
    instance: Mutex<Instance>,
}

/// The data of the instance.
#[derive(Debug)]
struct Instance {
    setup: Setup,
    tokens: Tokens,
    invites: usize,
}

impl MarketoSim {
    /// Starts an instance on a free loopback port.
    ///
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start(clock: Clock, setup: Setup) -> io::Result<Arc<Self>> {
        let instance = Mutex::new(Instance { setup, tokens: Tokens::default(), invites: 0 });
        let shared = Arc::new(Shared {
            clock,
            faults: Faults::default(),
            breakpoints: Breakpoints::default(),
            traffic: Traffic::default(),
            is_down: AtomicBool::new(false),
            instance,
        });
        let handler = Arc::clone(&shared);
        let server = Server::start(move |request| handle(Arc::clone(&handler), request)).await?;
        Ok(Arc::new(Self { shared, server }))
    }

    /// The base URL, without `/rest` and without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Injects faults into future calls, by the names `token`, `allusers`, `roles`, `workspaces`, `invite`, `user`, `invited`,
    /// `user_roles`, `update`, `delete`, `invite_delete`, `roles_create` and `roles_delete`.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Pauses future calls, by the names of [`MarketoSim::faults`].
    pub fn breakpoints(&self) -> &Breakpoints {
        &self.shared.breakpoints
    }

    /// Notifies of every call.
    pub fn changes(&self) -> &ChangeNotifier {
        self.shared.traffic.changes()
    }

    /// The current roles, workspaces, users and settings.
    pub fn setup(&self) -> Setup {
        self.shared.instance().setup.clone()
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.shared.traffic.calls()
    }

    /// Every user of the instance, including those that are not visible yet.
    pub fn users(&self) -> Vec<SimUser> {
        self.shared.instance().setup.users.clone()
    }

    /// How many invites were executed, regardless of the response.
    pub fn invites(&self) -> usize {
        self.shared.instance().invites
    }

    /// The highest number of concurrent calls, without identity calls.
    pub fn peak_concurrency(&self) -> usize {
        self.shared.traffic.peak_concurrency()
    }

    /// The highest number of calls within any 20 s, without identity calls.
    pub fn peak_20s(&self) -> usize {
        self.shared.traffic.peak_20s()
    }

    /// Delays the appearance of future users in the lists, by the simulator's clock.
    pub fn set_visible_after(&self, delay: Duration) {
        self.shared.instance().setup.visible_after = delay;
    }

    /// Removes a user, as an admin does in Marketo.
    pub fn remove_user(&self, email: &str) {
        self.shared.instance().setup.users.retain(|user| user.email != email);
    }

    /// Changes a user, as an admin does in Marketo.
    pub fn change_user(&self, email: &str, change: impl FnOnce(&mut SimUser)) {
        if let Some(user) = self.shared.instance().setup.users.iter_mut().find(|user| user.email == email) {
            change(user);
        }
    }

    /// Grants or revokes the permissions of the custom service.
    pub fn set_permissions(&self, granted: bool) {
        self.shared.instance().setup.permissions = granted;
    }

    /// Replaces the client secret, as an admin does; issued tokens stay valid.
    pub fn set_client_secret(&self, secret: &str) {
        secret.clone_into(&mut self.shared.instance().setup.client_secret);
    }

    /// Replaces the roles.
    pub fn set_roles(&self, roles: Vec<SimRole>) {
        self.shared.instance().setup.roles = roles;
    }

    /// Adds a user, as an admin does in Marketo.
    pub fn add_user(&self, user: SimUser) {
        self.shared.instance().setup.users.push(user);
    }

    /// Expires every issued token: its next use is answered with 602.
    pub fn expire_tokens(&self) {
        self.shared.instance().tokens.expire_all();
    }

    /// While down, every connection is cut without a response.
    pub fn set_down(&self, down: bool) {
        self.shared.is_down.store(down, Ordering::SeqCst);
    }
}

impl Shared {
    fn instance(&self) -> MutexGuard<'_, Instance> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Executes a call and returns the normal response.
    fn serve(&self, request: &ParsedRequest, load: &traffic::Load) -> Reply {
        let now = self.clock.now();
        if request.path.contains("//") {
            return Reply::error(404, 610, "Requested resource not found");
        }
        let mut instance = self.instance();
        let instance = &mut *instance;
        match &request.route {
            Route::Unknown => Reply::error(404, 610, "Requested resource not found"),
            Route::Token => instance.tokens.issue(request, &instance.setup, now),
            _ if load.concurrent > 10 => Reply::error(429, 615, "Concurrent access limit reached"),
            _ if load.in_window > 100 => {
                Reply::error(429, 606, "Max rate limit '100' exceeded with in '20' secs")
            }
            _ => match instance.tokens.check(request, now) {
                Err(refusal) => refusal,
                Ok(()) if !instance.setup.permissions => Reply::error(403, 603, "Access denied"),
                Ok(()) => instance.manage(request, now, &self.clock),
            },
        }
    }
}

async fn handle(shared: Arc<Shared>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let request = ParsedRequest::from(request);
    let arrival = shared.traffic.arrive(&request, &shared.clock);
    if shared.is_down.load(Ordering::SeqCst) {
        return Err(Cut);
    }
    shared.breakpoints.pass(request.route.name(), Moment::Arrived).await?;
    let reply = match shared.faults.take(request.route.name()) {
        None => shared.serve(&request, &arrival.load),
        Some(Fault::Answer { status, body, retry_after }) => Reply { status, body: Some(body), retry_after },
        Some(Fault::AppliedThenAnswer { status, body }) => {
            shared.serve(&request, &arrival.load);
            Reply { status, body: Some(body), retry_after: None }
        }
        Some(Fault::Html) => Reply { status: 200, body: None, retry_after: None },
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Cut) => return Err(Cut),
        Some(Fault::AppliedThenCut) => {
            shared.serve(&request, &arrival.load);
            return Err(Cut);
        }
        Some(Fault::Slow(delay)) => {
            shared.clock.sleep(delay).await;
            shared.serve(&request, &arrival.load)
        }
    };
    shared.breakpoints.pass(request.route.name(), Moment::CarriedOut).await?;
    arrival.answered(reply.status, reply.body.as_ref());
    Ok(reply.into_response())
}
