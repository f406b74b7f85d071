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

/// No act carries more.
const LARGEST_BODY: usize = 256 * 1024;

/// A page that is served until it is dropped.
#[derive(Debug)]
pub struct Web {
    state: Arc<PageState>,
    server: Server,
}

/// What every request is answered from.
#[derive(Debug)]
struct PageState {
    session: Arc<Session>,
    guard: Guard,
}

impl Web {
    /// Opens a playground and serves its page on this port of loopback; 0 is any that is free.
    ///
    /// # Errors
    /// When the port is not to be had, or the playground cannot be opened.
    pub async fn open(options: Options, port: u16) -> Result<Self, PlayError> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let guard = Guard::of(listener.local_addr()?.port());
        let state = Arc::new(PageState { session: Session::open(options).await?, guard });
        let shown = Arc::clone(&state);
        let server = Server::on(listener, move |request| {
            let state = Arc::clone(&shown);
            async move { Ok(answer(&state, request.map(Body::new)).await) }
        })?;
        Ok(Self { state, server })
    }

    /// Where the page is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The simulated Slack that is shown now.
    pub fn slack(&self) -> Arc<SlackSim> {
        Arc::clone(&self.state.session.scene().slack)
    }

    /// Ends the page, and the bot in good order.
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
            let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
                return text(StatusCode::PAYLOAD_TOO_LARGE, "too long");
            };
            let fields = Fields::of(&String::from_utf8_lossy(&body));
            let outcome = actions::act(session, &path["/act/".len()..], &fields).await;
            actions::answer(session, &fields, outcome, &head.headers)
        }
        (Method::GET | Method::HEAD, "/") => page(session, &query, guard::is_from_elsewhere(&head.headers)),
        (Method::GET, "/live") => live::stream(Arc::clone(session), query),
        (Method::GET, "/transcript") => text(StatusCode::OK, &view::transcript(&session.scene())),
        (Method::GET, path) if path.starts_with("/traffic/") => {
            match traffic::entry(&session.scene(), &path["/traffic/".len()..]) {
                Some(entry) => text(StatusCode::OK, &entry),
                None => text(StatusCode::NOT_FOUND, "no such message"),
            }
        }
        (Method::GET, path) => assets::of(path).unwrap_or_else(|| text(StatusCode::NOT_FOUND, "not here")),
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "not like that"),
    }
}

/// The page; with a scenario in its address that is played first, unless another site sent the reader here.
fn page(session: &Arc<Session>, query: &Fields, is_from_elsewhere: bool) -> Response {
    let Some(name) = query.get("scenario").filter(|_| !is_from_elsewhere) else {
        let scene = session.scene();
        let viewer = Viewer::of(query, &scene.slack.setup());
        return html(view::page(&scene, &viewer).into_string());
    };
    let is_quick = query.get("pace") == Some("quick");
    match scenario::begin(session, name, is_quick) {
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
