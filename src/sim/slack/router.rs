//! The HTTP side of a simulated Slack: routing, token checks, fault injection and call records. The method modules
//! implement the calls.

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

/// State shared by the HTTP server and the test API.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) breakpoints: Breakpoints,
    pub(super) is_down: AtomicBool,
    pub(super) changes: ChangeNotifier,
    state: Mutex<SlackState>,
}

type Handler = fn(&mut SlackState, &Args) -> Result<Value, Refusal>;

/// A Web API method.
struct Method {
    /// Whether it accepts arguments only as a form or in the query, not as JSON.
    is_form_only: bool,
    run: Handler,
}

fn method(name: &str) -> Option<Method> {
    let (is_form_only, run): (bool, Handler) = match name {
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
    Some(Method { is_form_only, run })
}

/// A response before serialization.
struct RecordedResponse {
    status: u16,
    /// JSON; null sends an HTML page.
    body: Value,
    retry_after: Option<u32>,
}

/// The target of a request.
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
    pub(super) fn new(clock: Clock, state: SlackState) -> Self {
        Self {
            clock,
            faults: Faults::default(),
            breakpoints: Breakpoints::default(),
            is_down: AtomicBool::new(false),
            changes: ChangeNotifier::default(),
            state: Mutex::new(state),
        }
    }

    /// Locks the state for reading; see [`Router::change`] for changes.
    pub(super) fn state(&self) -> MutexGuard<'_, SlackState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and notifies subscribers.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut SlackState) -> T) -> T {
        let changed = change(&mut self.state());
        self.changes.notify();
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
        let (args, parse_error) = Args::read(&request);
        let index = self.change(|state| {
            let at = state.clock.now();
            let (method, body) = (target.name().to_owned(), args.recorded());
            let (status, error, answer, took) = (None, None, None, None);
            state.calls.push(CallRecord { at, method, body, status, error, answer, took });
            state.calls.len() - 1
        });
        let stopwatch = self.clock.stopwatch();
        let result = self.respond(target, &args, parse_error).await;
        self.change(|state| {
            let Some(call) = state.calls.get_mut(index) else { return };
            call.took = Some(Duration::from_secs_f64(stopwatch.seconds()));
            if let Ok(answer) = &result {
                call.status = Some(answer.status);
                call.error = answer.body["error"].as_str().map(str::to_owned);
                call.answer = Some(answer.body.clone()).filter(|body| !body.is_null());
            }
        });
        result.map(|answer| self.write(&answer))
    }

    /// Executes one call, subject to faults and breakpoints.
    async fn respond(
        &self,
        target: Target<'_>,
        args: &Args,
        parse_error: Option<Refusal>,
    ) -> Result<RecordedResponse, Cut> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Cut);
        }
        self.breakpoints.pass(target.name(), Moment::Arrived).await?;
        let execute = || self.execute(target, args, parse_error.clone());
        let (status, body, retry_after) = match self.faults.take(target.name()) {
            Some(Fault::Answer { status, body, retry_after }) => (status, body, retry_after),
            Some(Fault::AppliedThenAnswer { status, body }) => {
                execute();
                (status, body, None)
            }
            Some(Fault::Html) => {
                return Ok(RecordedResponse { status: 200, body: Value::Null, retry_after: None });
            }
            Some(Fault::Hang) => return future::pending().await,
            Some(Fault::Cut) => return Err(Cut),
            Some(Fault::AppliedThenCut) => {
                execute();
                return Err(Cut);
            }
            Some(Fault::Slow(duration)) => {
                self.clock.sleep(duration).await;
                let (status, body) = execute();
                (status, body, None)
            }
            None => {
                let (status, body) = execute();
                (status, body, None)
            }
        };
        self.breakpoints.pass(target.name(), Moment::CarriedOut).await?;
        Ok(RecordedResponse { status, body, retry_after })
    }

    fn execute(&self, target: Target<'_>, args: &Args, parse_error: Option<Refusal>) -> (u16, Value) {
        let result = self.change(|state| match target {
            Target::Method(name) => call(state, name, args, parse_error),
            Target::Response(id) => {
                parse_error.map_or(Ok(()), Err).and_then(|()| chat::respond(state, id, args))
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
        if let Ok(scopes) = HeaderValue::from_str(&self.state().setup.scopes.join(",")) {
            headers.insert("x-oauth-scopes", scopes);
        }
        if let Some(seconds) = answer.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn call(
    state: &mut SlackState,
    name: &str,
    args: &Args,
    parse_error: Option<Refusal>,
) -> Result<Value, Refusal> {
    let method = method(name).ok_or_else(|| Refusal::new("unknown_method"))?;
    let token = args.token.as_ref().ok_or_else(|| Refusal::new("not_authed"))?;
    if *token != state.setup.bot_token {
        return Err(Refusal::new("invalid_auth"));
    }
    if let Some(refusal) = parse_error {
        return Err(refusal);
    }
    if method.is_form_only && args.form != Form::Fields {
        let message = "[ERROR] this method takes its arguments as a form or in the query".to_owned();
        return Err(Refusal::with_messages("invalid_arguments", &[message]));
    }
    (method.run)(state, args)
}

fn html(status: StatusCode) -> Response<Body> {
    let mut response =
        Response::new(Body::from("<!DOCTYPE html><html><body>Sign in to continue</body></html>"));
    *response.status_mut() = status;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}
