//! Simulated Marketo: the identity endpoint and the User Management API of one instance, on loopback.
//! It refuses what Marketo refuses (tokens, limits, fields, roles that do not exist), keeps its users, and
//! records every call. Where Adobe's pages leave something open, [`Setup`] chooses between the readings.
//!
//! It must not know our client: it is written from Adobe's descriptions, so that the two can disagree.

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
    route::{Asked, Route},
    tokens::Tokens,
    traffic::Traffic,
};
pub use self::{
    setup::{
        CLIENT_ID, CLIENT_SECRET, DuplicateInvite, Identity, Paging, Setup, SimRole, SimUser, SimWorkspace,
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
    gates: Breakpoints,
    traffic: Traffic,
    down: AtomicBool,
    instance: Mutex<Instance>,
}

/// What the instance holds.
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
            gates: Breakpoints::default(),
            traffic: Traffic::default(),
            down: AtomicBool::new(false),
            instance,
        });
        let handler = Arc::clone(&shared);
        let server = Server::start(move |request| handle(Arc::clone(&handler), request)).await?;
        Ok(Arc::new(Self { shared, server }))
    }

    /// The base URL, without `/rest` and without a slash at the end.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The faults to come, by the names `token`, `allusers`, `roles`, `workspaces`, `invite`, `user`, `invited`,
    /// `user_roles`, `update`, `delete`, `invite_delete`, `roles_create` and `roles_delete`.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The gates at which calls to come are stopped, by the names of [`MarketoSim::faults`].
    pub fn breakpoints(&self) -> &Breakpoints {
        &self.shared.gates
    }

    /// Beats with every call.
    pub fn pulse(&self) -> &ChangeNotifier {
        self.shared.traffic.pulse()
    }

    /// The roles and workspaces, and what else there is.
    pub fn setup(&self) -> Setup {
        self.shared.instance().setup.clone()
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.shared.traffic.calls()
    }

    /// Every user of the instance, those that do not show yet included.
    pub fn users(&self) -> Vec<SimUser> {
        self.shared.instance().setup.users.clone()
    }

    /// How many invites were carried out, whatever was answered.
    pub fn invites(&self) -> usize {
        self.shared.instance().invites
    }

    /// The highest number of calls in work at once; identity does not count.
    pub fn peak_concurrency(&self) -> usize {
        self.shared.traffic.peak_concurrency()
    }

    /// The highest number of calls that arrived in any 20 s; identity does not count.
    pub fn peak_20s(&self) -> usize {
        self.shared.traffic.peak_20s()
    }

    /// From now on a new user shows in the lists only after this much of the clock's time.
    pub fn set_visible_after(&self, delay: Duration) {
        self.shared.instance().setup.visible_after = delay;
    }

    /// Gives the custom service its permissions, or takes them.
    pub fn set_permissions(&self, granted: bool) {
        self.shared.instance().setup.permissions = granted;
    }

    /// Replaces the client secret, as an administrator does; tokens that are out stay good.
    pub fn set_client_secret(&self, secret: &str) {
        secret.clone_into(&mut self.shared.instance().setup.client_secret);
    }

    /// Replaces the roles.
    pub fn set_roles(&self, roles: Vec<SimRole>) {
        self.shared.instance().setup.roles = roles;
    }

    /// Adds a user, as an administrator does by hand.
    pub fn add_user(&self, user: SimUser) {
        self.shared.instance().setup.users.push(user);
    }

    /// Every token that is out has expired (602 at its next use).
    pub fn expire_tokens(&self) {
        self.shared.instance().tokens.expire_all();
    }

    /// While down, every connection is cut without an answer.
    pub fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::SeqCst);
    }
}

impl Shared {
    fn instance(&self) -> MutexGuard<'_, Instance> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ordinary answer.
    fn serve(&self, asked: &Asked, load: &traffic::Load) -> Reply {
        let now = self.clock.now();
        if asked.path.contains("//") {
            return Reply::error(404, 610, "Requested resource not found");
        }
        let mut instance = self.instance();
        let instance = &mut *instance;
        match &asked.route {
            Route::Unknown => Reply::error(404, 610, "Requested resource not found"),
            Route::Token => instance.tokens.issue(asked, &instance.setup, now),
            _ if load.at_once > 10 => Reply::error(429, 615, "Concurrent access limit reached"),
            _ if load.in_window > 100 => {
                Reply::error(429, 606, "Max rate limit '100' exceeded with in '20' secs")
            }
            _ => match instance.tokens.check(asked, now) {
                Err(refusal) => refusal,
                Ok(()) if !instance.setup.permissions => Reply::error(403, 603, "Access denied"),
                Ok(()) => instance.manage(asked, now, &self.clock),
            },
        }
    }
}

async fn handle(shared: Arc<Shared>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let asked = Asked::from(request);
    let arrival = shared.traffic.arrive(&asked, &shared.clock);
    if shared.down.load(Ordering::SeqCst) {
        return Err(Cut);
    }
    shared.gates.pass(asked.route.name(), Moment::Arrived).await?;
    let reply = match shared.faults.take(asked.route.name()) {
        None => shared.serve(&asked, &arrival.load),
        Some(Fault::Answer { status, body, retry_after }) => Reply { status, body: Some(body), retry_after },
        Some(Fault::AppliedThenAnswer { status, body }) => {
            shared.serve(&asked, &arrival.load);
            Reply { status, body: Some(body), retry_after: None }
        }
        Some(Fault::Html) => Reply { status: 200, body: None, retry_after: None },
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Cut) => return Err(Cut),
        Some(Fault::AppliedThenCut) => {
            shared.serve(&asked, &arrival.load);
            return Err(Cut);
        }
        Some(Fault::Slow(delay)) => {
            shared.clock.sleep(delay).await;
            shared.serve(&asked, &arrival.load)
        }
    };
    shared.gates.pass(asked.route.name(), Moment::CarriedOut).await?;
    arrival.answered(reply.status, reply.body.as_ref());
    Ok(reply.into_response())
}
