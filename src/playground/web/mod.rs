//! The playground as a page: Slack and Marketo in a browser, on loopback. It renders the state of the simulators and turns
//! what people do into signed requests; nothing here knows how the bot names or stores things.

mod actions;
mod assets;
mod faults;
mod fields;
mod guard;
mod live;
mod mask;
mod scenario;
mod session;
mod traffic;
mod view;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode, header},
    response::Response,
};
use tokio::net::TcpListener;

use self::{
    fields::{Fields, Viewer},
    guard::Guard,
    session::Session,
};
use super::{Options, PlayError};
use crate::sim::{server::Server, slack::SlackSim};

pub use self::scenario::SCENARIOS;

/// The maximum size of a form.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The page's server; dropping it closes the page.
#[derive(Debug)]
pub struct Web {
    state: Arc<PageState>,
    server: Server,
}

/// Shared by all requests.
#[derive(Debug)]
struct PageState {
    session: Arc<Session>,
    guard: Guard,
}

impl Web {
    /// Opens a playground and serves its page on this loopback port; 0 picks a free port.
    ///
    /// # Errors
    /// When the port is not available, or the playground cannot be opened.
    pub async fn open(options: Options, port: u16) -> Result<Self, PlayError> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let guard = Guard::of(listener.local_addr()?.port());
        let state = Arc::new(PageState { session: Session::open(options).await?, guard });
        let handler_state = Arc::clone(&state);
        let server = Server::on(listener, move |request| {
            let state = Arc::clone(&handler_state);
            async move { Ok(answer(&state, request.map(Body::new)).await) }
        })?;
        Ok(Self { state, server })
    }

    /// The page's URL.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The current simulated Slack; starting over replaces it.
    pub fn slack(&self) -> Arc<SlackSim> {
        Arc::clone(&self.state.session.active().slack)
    }

    /// Stops the page's server, and the bot gracefully.
    pub async fn stop(self) {
        drop(self.server);
        self.state.session.close().await;
    }
}

async fn answer(state: &PageState, request: Request) -> Response {
    let mut response = match state.guard.check(request.method(), request.headers()) {
        None => route(state, request).await,
        Some(refusal) => refusal,
    };
    guard::harden(response.headers_mut());
    response
}

async fn route(state: &PageState, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (path, query) = (head.uri.path().to_owned(), Fields::of(head.uri.query().unwrap_or_default()));
    let session = &state.session;
    match (head.method, path.as_str()) {
        (Method::POST, path) if path.starts_with("/act/") => {
            let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
                return text(StatusCode::PAYLOAD_TOO_LARGE, "payload too large");
            };
            let fields = Fields::of(&String::from_utf8_lossy(&body));
            let result = actions::execute(session, &path["/act/".len()..], &fields).await;
            actions::respond(session, &fields, result, &head.headers)
        }
        (Method::GET | Method::HEAD, "/") => page(session, &query, guard::is_cross_site(&head.headers)),
        (Method::GET, "/live") => live::stream(Arc::clone(session), query),
        (Method::GET, "/transcript") => text(StatusCode::OK, &view::transcript(&session.active())),
        (Method::GET, path) if path.starts_with("/traffic/") => {
            match traffic::entry(&session.active(), &path["/traffic/".len()..]) {
                Some(entry) => text(StatusCode::OK, &entry),
                None => text(StatusCode::NOT_FOUND, "not found"),
            }
        }
        (Method::GET, path) => assets::of(path).unwrap_or_else(|| text(StatusCode::NOT_FOUND, "not found")),
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
    }
}

/// The page. A scenario in the query is started first, unless another site linked here.
fn page(session: &Arc<Session>, query: &Fields, is_cross_site: bool) -> Response {
    let Some(name) = query.get("scenario").filter(|_| !is_cross_site) else {
        let active = session.active();
        let viewer = Viewer::of(query, &active.slack.setup());
        return html(view::page(&active, &viewer).into_string());
    };
    let is_quick = query.get("pace") == Some("quick");
    match scenario::start(session, name, is_quick) {
        Some(()) => redirect("/"),
        None => {
            let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            text(
                StatusCode::NOT_FOUND,
                &format!("There is no such scenario. There are: {}.", names.join(", ")),
            )
        }
    }
}

fn html(text: String) -> Response {
    with_type(StatusCode::OK, "text/html; charset=utf-8", text)
}

fn text(status: StatusCode, text: &str) -> Response {
    with_type(status, "text/plain; charset=utf-8", text.to_owned())
}

fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

fn redirect(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(to) = header::HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
