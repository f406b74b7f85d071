//! The HTTP side of a simulated Slack: which request is which call, what the token must be, what faults
//! do to the answer, and the record of it all. What a call does is known to the methods next door.

use std::{
    future,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Request, Response, StatusCode, header},
};
use serde_json::{Value, json};

use super::{
    args::{Args, Form, Refusal},
    chat, directory, history, modals,
    state::{CallRecord, SlackState},
};
use crate::{
    clock::Clock,
    sim::{
        breakpoint::{Breakpoints, Moment},
        change_notifier::ChangeNotifier,
        fault::{Fault, Faults},
        server::Cut,
    },
};

/// What the server and the hands of the test share.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) gates: Breakpoints,
    pub(super) down: AtomicBool,
    pub(super) pulse: ChangeNotifier,
    world: Mutex<SlackState>,
}

type Run = fn(&mut SlackState, &Args) -> Result<Value, Refusal>;

/// How a method is called and what it does.
struct Method {
    /// Takes its arguments as a form or in the query only.
    reads: bool,
    run: Run,
}

fn method(name: &str) -> Option<Method> {
    let (reads, run): (bool, Run) = match name {
        "auth.test" => (false, directory::auth_test),
        "users.info" => (true, directory::users_info),
        "usergroups.users.list" => (true, directory::usergroups_users_list),
        "conversations.members" => (true, directory::conversations_members),
        "conversations.info" => (true, directory::conversations_info),
        "conversations.open" => (false, directory::conversations_open),
        "conversations.history" => (false, history::conversations_history),
        "conversations.replies" => (false, history::conversations_replies),
        "chat.getPermalink" => (true, history::get_permalink),
        "views.open" => (false, modals::open),
        "views.push" => (false, modals::push),
        "views.update" => (false, modals::update),
        "chat.postMessage" => (false, chat::post_message),
        "chat.update" => (false, chat::update),
        "chat.postEphemeral" => (false, chat::post_ephemeral),
        _ => return None,
    };
    Some(Method { reads, run })
}

/// An answer before it is written.
struct RecordedResponse {
    status: u16,
    /// The JSON; null: a page.
    body: Value,
    retry_after: Option<u32>,
}

/// Which call a request is.
#[derive(Clone, Copy)]
enum Target<'a> {
    Method(&'a str),
    Response(&'a str),
}

impl Target<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Method(name) => name,
            Self::Response(_) => "response_url",
        }
    }
}

impl Router {
    pub(super) fn new(clock: Clock, world: SlackState) -> Self {
        Self {
            clock,
            faults: Faults::default(),
            gates: Breakpoints::default(),
            down: AtomicBool::new(false),
            pulse: ChangeNotifier::default(),
            world: Mutex::new(world),
        }
    }

    /// The world, for a look.
    pub(super) fn world(&self) -> MutexGuard<'_, SlackState> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world and wakes whoever waits for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut SlackState) -> T) -> T {
        let changed = change(&mut self.world());
        self.pulse.notify();
        changed
    }

    /// Answers one request.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
        let path = request.uri().path();
        let target = match (path.strip_prefix("/api/"), path.strip_prefix("/response/")) {
            (Some(name), _) => Target::Method(name),
            (None, Some(id)) => Target::Response(id),
            _ => return Ok(html(StatusCode::NOT_FOUND)),
        };
        let (args, unreadable) = Args::read(&request);
        let place = self.change(|world| {
            let at = world.clock.now();
            let (method, body) = (target.name().to_owned(), args.recorded());
            let (status, error, answer, took) = (None, None, None, None);
            world.calls.push(CallRecord { at, method, body, status, error, answer, took });
            world.calls.len() - 1
        });
        let watch = self.clock.stopwatch();
        let answered = self.meet(target, &args, unreadable).await;
        self.change(|world| {
            let Some(call) = world.calls.get_mut(place) else { return };
            call.took = Some(Duration::from_secs_f64(watch.seconds()));
            if let Ok(answer) = &answered {
                call.status = Some(answer.status);
                call.error = answer.body["error"].as_str().map(str::to_owned);
                call.answer = Some(answer.body.clone()).filter(|body| !body.is_null());
            }
        });
        answered.map(|answer| self.write(&answer))
    }

    /// What becomes of one call.
    async fn meet(
        &self,
        target: Target<'_>,
        args: &Args,
        unreadable: Option<Refusal>,
    ) -> Result<RecordedResponse, Cut> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Cut);
        }
        self.gates.pass(target.name(), Moment::Arrived).await?;
        let act = || self.carry_out(target, args, unreadable.clone());
        let (status, body, retry_after) = match self.faults.take(target.name()) {
            Some(Fault::Answer { status, body, retry_after }) => (status, body, retry_after),
            Some(Fault::AppliedThenAnswer { status, body }) => {
                act();
                (status, body, None)
            }
            Some(Fault::Html) => {
                return Ok(RecordedResponse { status: 200, body: Value::Null, retry_after: None });
            }
            Some(Fault::Hang) => return future::pending().await,
            Some(Fault::Cut) => return Err(Cut),
            Some(Fault::AppliedThenCut) => {
                act();
                return Err(Cut);
            }
            Some(Fault::Slow(duration)) => {
                self.clock.sleep(duration).await;
                let (status, body) = act();
                (status, body, None)
            }
            None => {
                let (status, body) = act();
                (status, body, None)
            }
        };
        self.gates.pass(target.name(), Moment::CarriedOut).await?;
        Ok(RecordedResponse { status, body, retry_after })
    }

    fn carry_out(&self, target: Target<'_>, args: &Args, unreadable: Option<Refusal>) -> (u16, Value) {
        let result = self.change(|world| match target {
            Target::Method(name) => call(world, name, args, unreadable),
            Target::Response(id) => {
                unreadable.map_or(Ok(()), Err).and_then(|()| chat::respond(world, id, args))
            }
        });
        match (result, target) {
            (Ok(mut body), _) => {
                body["ok"] = json!(true);
                if args.form == (Form::Json { charset: false }) {
                    body["warning"] = json!("missing_charset");
                    body["response_metadata"]["warnings"] = json!(["missing_charset"]);
                }
                (200, body)
            }
            (Err(refusal), Target::Method(_)) => (200, refusal.body()),
            (Err(refusal), Target::Response(_)) if refusal.code.ends_with("_url") => (404, refusal.body()),
            (Err(refusal), Target::Response(_)) => (400, refusal.body()),
        }
    }

    fn write(&self, answer: &RecordedResponse) -> Response<Body> {
        if answer.body.is_null() {
            return html(StatusCode::OK);
        }
        let mut response = Response::new(Body::from(answer.body.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Ok(scopes) = HeaderValue::from_str(&self.world().setup.scopes.join(",")) {
            headers.insert("x-oauth-scopes", scopes);
        }
        if let Some(seconds) = answer.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn call(
    world: &mut SlackState,
    name: &str,
    args: &Args,
    unreadable: Option<Refusal>,
) -> Result<Value, Refusal> {
    let method = method(name).ok_or_else(|| Refusal::new("unknown_method"))?;
    let token = args.token.as_ref().ok_or_else(|| Refusal::new("not_authed"))?;
    if *token != world.setup.bot_token {
        return Err(Refusal::new("invalid_auth"));
    }
    if let Some(refusal) = unreadable {
        return Err(refusal);
    }
    if method.reads && args.form != Form::Fields {
        let message = "[ERROR] this method takes its arguments as a form or in the query".to_owned();
        return Err(Refusal::with_messages("invalid_arguments", &[message]));
    }
    (method.run)(world, args)
}

fn html(status: StatusCode) -> Response<Body> {
    let mut response =
        Response::new(Body::from("<!DOCTYPE html><html><body>Sign in to continue</body></html>"));
    *response.status_mut() = status;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}
