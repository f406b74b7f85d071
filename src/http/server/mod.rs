//! The listener: accepts connections up to a limit, and closes those that exceed a timeout. HTTP/1.1 only. At the limit, a new
//! connection evicts the least valuable one, so that neither a user nor a health check waits behind idle clients.
//!
//! It must not know of routes, signatures or Slack. It uses real time even if a test moves the clock.

mod connection_state;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    response::Response,
};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::connection_state::{ConnectionState, Order, Stage, WatchedBody, WatchedStream};
use crate::{clock::Clock, config::Limits};

/// The longest head of a request, in bytes.
const HEAD_MAX: usize = 16 * 1024;
/// The buffer of a connection in each direction, in bytes.
const BUFFER_MAX: usize = 32 * 1024;
/// The longest time between two checks of the connections.
const CHECK_EVERY: Duration = Duration::from_millis(250);
/// How long a shutdown waits for the rest of a request.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// The pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The open connections, oldest first.
#[derive(Debug, Default)]
struct Connections(Mutex<BTreeMap<u64, Arc<ConnectionState>>>);

impl Connections {
    /// Adds a connection. At the limit it evicts another one; false if all of them are running a handler.
    fn add(&self, number: u64, state: &Arc<ConnectionState>, max: usize) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if max > 0 && open.len() >= max {
            let rank =
                |(number, state): (&u64, &Arc<ConnectionState>)| Some((state.eviction_rank()?, *number));
            let Some((_, least)) = open.iter().filter_map(rank).min() else { return false };
            if let Some(least) = open.remove(&least) {
                least.order(Order::Close);
                count_closed("evicted");
            }
        }
        open.insert(number, Arc::clone(state));
        true
    }

    fn remove(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    fn for_each(&self, visit: impl Fn(&ConnectionState)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(|state| visit(state));
    }
}

/// Counts a connection that the server closed.
fn count_closed(reason: &'static str) {
    metrics::counter!("http_connections_closed_total", "reason" => reason).increment(1);
}

/// Serves `router` on `listener` until `stop`. Then accepts no more connections and finishes the requests in flight.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let clock = Clock::system();
    let (open, connections) = (Arc::new(Connections::default()), TaskTracker::new());
    let watching = tokio::spawn(watch(Arc::clone(&open), limits.clone(), clock.clone(), stop.clone()));
    let max = usize::try_from(limits.connections).unwrap_or(usize::MAX);
    let accepting = async {
        for number in 0.. {
            let stream = accept(&listener, &clock).await;
            let state = Arc::new(ConnectionState::new(&clock));
            if !open.add(number, &state, max) {
                count_closed("full");
                continue;
            }
            let _ = stream.set_nodelay(true);
            let (open, router) = (Arc::clone(&open), TowerToHyperService::new(router.clone()));
            connections.spawn(async move {
                metrics::gauge!("http_connections").increment(1.0);
                connection(stream, &state, router).await;
                metrics::gauge!("http_connections").decrement(1.0);
                open.remove(number);
            });
        }
    };
    stop.run_until_cancelled(accepting).await;
    drop(listener);
    open.for_each(|state| {
        state.order(Order::Finish);
    });
    connections.close();
    connections.wait().await;
    watching.abort();
}

/// Accepts the next connection.
async fn accept(listener: &TcpListener, clock: &Clock) -> TcpStream {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            Err(error) => {
                tracing::error!(%error, "accept failed");
                clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Closes connections that exceed a timeout.
async fn watch(open: Arc<Connections>, limits: Limits, clock: Clock, stop: CancellationToken) {
    let shortest = limits.timeouts().min().unwrap_or(SHUTDOWN_GRACE);
    let every = (shortest / 4).clamp(Duration::from_millis(10), CHECK_EVERY);
    loop {
        clock.sleep(every).await;
        let at_most = stop.is_cancelled().then_some(SHUTDOWN_GRACE);
        open.for_each(|state| {
            if let Some(reason) = state.overdue(&limits, at_most)
                && state.order(Order::Close)
            {
                count_closed(reason);
            }
        });
    }
}

async fn connection(stream: TcpStream, state: &Arc<ConnectionState>, router: TowerToHyperService<Router>) {
    let io = TokioIo::new(WatchedStream { stream, state: Arc::clone(state) });
    let service = service_fn(|request| respond(&router, state, request));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER_MAX).max_header_size(HEAD_MAX);
    let mut connection = pin!(builder.serve_connection(io, service));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%error, "connection failed");
                }
                return;
            }
            order = state.ordered() => match order {
                Order::Continue => {}
                Order::Finish => connection.as_mut().graceful_shutdown(),
                Order::Close => return,
            }
        }
    }
}

/// Passes a request to the router. A panic becomes a 500 without details.
async fn respond(
    router: &TowerToHyperService<Router>,
    state: &Arc<ConnectionState>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let is_whole = request.body().is_end_stream();
    state.enter(if is_whole { Stage::Work } else { Stage::Body });
    let request = request.map(|body| {
        if is_whole { Body::empty() } else { Body::new(WatchedBody { body, state: Arc::clone(state) }) }
    });
    let mut call = pin!(router.call(request));
    let caught = std::future::poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))).unwrap_or_else(|_| {
            metrics::counter!("http_panics_total").increment(1);
            tracing::error!("request handler panicked");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            Poll::Ready(Ok(response))
        })
    });
    let response = caught.await;
    if let Ok(response) = &response
        && response.status().is_success()
    {
        state.mark_proven();
    }
    state.enter(Stage::Response);
    response
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Serves a router until the returned token is cancelled. Also returns its address and its task.
    async fn start(router: Router) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(serve(listener, router, Limits::default(), stop.clone()));
        (address, stop, serving)
    }

    async fn read(stream: &mut TcpStream) -> String {
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn panic_is_a_500_without_details_and_the_connection_stays_usable() {
        async fn panics() -> &'static str {
            panic!("secret detail")
        }
        let router = Router::new().route("/", get(panics)).route("/well", get(|| async { "well" }));
        let (address, stop, serving) = start(router).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let requests =
            "GET / HTTP/1.1\r\nHost: b\r\n\r\nGET /well HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n";
        stream.write_all(requests.as_bytes()).await.unwrap();
        let responses = read(&mut stream).await;
        assert!(responses.starts_with("HTTP/1.1 500 "), "{responses}");
        assert!(responses.contains("HTTP/1.1 200 OK") && responses.ends_with("well"), "{responses}");
        assert!(
            !responses.contains("detail") && !responses.to_lowercase().contains("server:"),
            "{responses}"
        );
        stop.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn shutdown_waits_for_requests_in_flight_but_not_for_idle_connections() {
        let slow = || async {
            Clock::system().sleep(Duration::from_millis(500)).await;
            "done"
        };
        let (address, stop, serving) = start(Router::new().route("/", get(slow))).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n").await.unwrap();
        Clock::system().sleep(Duration::from_millis(100)).await;
        stop.cancel();
        assert!(read(&mut busy).await.ends_with("done"));
        let ended = tokio::time::timeout(SHUTDOWN_GRACE * 5, serving).await;
        ended.expect("idle connections do not delay a shutdown").unwrap();
        assert_eq!(read(&mut idle).await, "");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
