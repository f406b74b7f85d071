//! The listening side: connections are accepted up to a number, watched, and cut off when they take too long. HTTP/1.1
//! only, whatever else the libraries could speak. When all places are taken, a new connection gets that of the one that
//! matters least, so that neither a person nor a health check waits behind those who only hold on.
//!
//! It knows nothing of routes, signatures or Slack. Real time counts here, also where the clock is moved by hand.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Mutex, PoisonError},
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

use super::{
    Arc,
    pace::{Order, Pace, PacedBody, PacedStream, Stage},
};
use crate::{clock::Clock, config::Limits};

/// The longest head of a request, in bytes.
const HEAD: usize = 16 * 1024;
/// How much of a connection is buffered in either direction, in bytes.
const BUFFER: usize = 32 * 1024;
/// The longest time between two looks at the connections.
const WATCH_EVERY: Duration = Duration::from_millis(250);
/// How long a request that is half sent is waited for once the process is to end.
const HALF_SENT: Duration = Duration::from_secs(1);
/// How long nothing is accepted after the system could not.
const NOT_ACCEPTED: Duration = Duration::from_millis(200);

/// The open connections by their age.
#[derive(Debug, Default)]
struct Places(Mutex<BTreeMap<u64, Arc<Pace>>>);

impl Places {
    /// Finds a place for a connection, if need be in place of another one.
    fn take(&self, number: u64, pace: &Arc<Pace>, most: usize) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if most > 0 && open.len() >= most {
            let worth = |(number, pace): (&u64, &Arc<Pace>)| Some((pace.worth()?, *number));
            let Some((_, least)) = open.iter().filter_map(worth).min() else { return false };
            if let Some(least) = open.remove(&least) {
                least.order(Order::Cut);
                count("place");
            }
        }
        open.insert(number, Arc::clone(pace));
        true
    }

    fn leave(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    fn each(&self, look: impl Fn(&Pace)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(|pace| look(pace));
    }
}

/// Counts a connection that was not let end by itself.
fn count(why: &'static str) {
    metrics::counter!("http_connections_closed_total", "reason" => why).increment(1);
}

/// Serves `router` on `listener` until `stop`. Then nothing more is accepted, and requests in hand are answered.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let clock = Clock::system();
    let (places, connections) = (Arc::new(Places::default()), TaskTracker::new());
    let watching = tokio::spawn(watch(Arc::clone(&places), limits.clone(), clock.clone(), stop.clone()));
    let most = usize::try_from(limits.connections).unwrap_or(usize::MAX);
    let accepting = async {
        for number in 0.. {
            let stream = accepted(&listener, &clock).await;
            let pace = Arc::new(Pace::new(&clock));
            if !places.take(number, &pace, most) {
                count("full");
                continue;
            }
            let _ = stream.set_nodelay(true);
            let (places, router) = (Arc::clone(&places), TowerToHyperService::new(router.clone()));
            connections.spawn(async move {
                metrics::gauge!("http_connections").increment(1.0);
                connection(stream, &pace, router).await;
                metrics::gauge!("http_connections").decrement(1.0);
                places.leave(number);
            });
        }
    };
    stop.run_until_cancelled(accepting).await;
    drop(listener);
    places.each(|pace| {
        pace.order(Order::Finish);
    });
    connections.close();
    connections.wait().await;
    watching.abort();
}

/// The next connection.
async fn accepted(listener: &TcpListener, clock: &Clock) -> TcpStream {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                clock.sleep(NOT_ACCEPTED).await;
            }
        }
    }
}

/// Cuts off what takes too long.
async fn watch(places: Arc<Places>, limits: Limits, clock: Clock, stop: CancellationToken) {
    let shortest = limits.timeouts().min().unwrap_or(HALF_SENT);
    let every = (shortest / 4).clamp(Duration::from_millis(10), WATCH_EVERY);
    loop {
        clock.sleep(every).await;
        let at_most = stop.is_cancelled().then_some(HALF_SENT);
        places.each(|pace| {
            if let Some(why) = pace.overdue(&limits, at_most)
                && pace.order(Order::Cut)
            {
                count(why);
            }
        });
    }
}

async fn connection(stream: TcpStream, pace: &Arc<Pace>, router: TowerToHyperService<Router>) {
    let io = TokioIo::new(PacedStream { stream, pace: Arc::clone(pace) });
    let service = service_fn(|request| answer(&router, pace, request));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER).max_header_size(HEAD);
    let mut connection = pin!(builder.serve_connection(io, service));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%error, "a connection broke");
                }
                return;
            }
            order = pace.ordered() => match order {
                Order::GoOn => {}
                Order::Finish => connection.as_mut().graceful_shutdown(),
                Order::Cut => return,
            }
        }
    }
}

/// Hands a request over. A panic is answered without detail.
async fn answer(
    router: &TowerToHyperService<Router>,
    pace: &Arc<Pace>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let is_whole = request.body().is_end_stream();
    pace.enter(if is_whole { Stage::Work } else { Stage::Body });
    let request = request.map(|body| {
        if is_whole { Body::empty() } else { Body::new(PacedBody { body, pace: Arc::clone(pace) }) }
    });
    let mut calling = pin!(router.call(request));
    let called = std::future::poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| calling.as_mut().poll(context))).unwrap_or_else(|_| {
            metrics::counter!("http_panics_total").increment(1);
            tracing::error!("a request was not handled: there is a fault in this program");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            Poll::Ready(Ok(response))
        })
    });
    let response = called.await;
    if let Ok(response) = &response
        && response.status().is_success()
    {
        pace.prove();
    }
    pace.enter(Stage::Answer);
    response
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Serves a router until the answer's token is cancelled; its address, and what waits for its end.
    async fn serves(
        router: Router,
    ) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(serve(listener, router, Limits::default(), stop.clone()));
        (address, stop, serving)
    }

    async fn read(stream: &mut TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_panic_is_500_without_detail_and_the_next_request_is_answered() {
        async fn panics() -> &'static str {
            panic!("this is on purpose, and nobody's business")
        }
        let router = Router::new().route("/", get(panics)).route("/well", get(|| async { "well" }));
        let (address, stop, serving) = serves(router).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let asked =
            "GET / HTTP/1.1\r\nHost: b\r\n\r\nGET /well HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n";
        stream.write_all(asked.as_bytes()).await.unwrap();
        let answers = read(&mut stream).await;
        assert!(answers.starts_with("HTTP/1.1 500 "), "{answers}");
        assert!(answers.contains("HTTP/1.1 200 OK") && answers.ends_with("well"), "{answers}");
        assert!(!answers.contains("purpose") && !answers.to_lowercase().contains("server:"), "{answers}");
        stop.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn the_end_waits_for_the_request_in_hand_and_not_for_silence() {
        let slow = || async {
            Clock::system().sleep(Duration::from_millis(500)).await;
            "done"
        };
        let (address, stop, serving) = serves(Router::new().route("/", get(slow))).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n").await.unwrap();
        Clock::system().sleep(Duration::from_millis(100)).await;
        stop.cancel();
        assert!(read(&mut busy).await.ends_with("done"));
        let ended = tokio::time::timeout(HALF_SENT * 5, serving).await;
        ended.expect("nobody who says nothing is waited for").unwrap();
        assert_eq!(read(&mut silent).await, "");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
