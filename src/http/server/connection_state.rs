//! The state of a connection: what it waits for and since when, updated as bytes and requests pass. The server reads it and
//! closes connections that exceed a timeout. There are no timers here.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

use crate::{
    clock::{Clock, Stopwatch},
    config::Limits,
};

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The next request, after the first one.
    Idle = 0,
    /// The rest of a request's head.
    Head = 1,
    /// The rest of a request's body.
    Body = 2,
    /// The handler.
    Work = 3,
    /// The client, to read the response.
    Response = 4,
}

/// What the server orders a connection to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing.
    Continue = 0,
    /// Close after the response to the current request.
    Finish = 1,
    /// Close now.
    Close = 2,
}

/// The state of one connection, shared by the connection and the server that watches it.
#[derive(Debug)]
pub(super) struct ConnectionState {
    age: Stopwatch,
    /// The stage in the lowest three bits, above them the millisecond in which it started.
    stage: AtomicU64,
    /// Whether a request on it has ever been answered with 2xx.
    is_proven: AtomicBool,
    order: AtomicU8,
    ordered: Notify,
}

impl ConnectionState {
    /// The state of a new connection, which waits for its first head.
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            age: clock.stopwatch(),
            stage: AtomicU64::new(Stage::Head as u64),
            is_proven: AtomicBool::new(false),
            order: AtomicU8::new(Order::Continue as u8),
            ordered: Notify::new(),
        }
    }

    fn millis(&self) -> u64 {
        self.age.millis()
    }

    /// Enters a stage.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.store(self.millis() << 3 | stage as u64, Relaxed);
    }

    /// The stage, and the millisecond in which it began.
    fn stage(&self) -> (Stage, u64) {
        let packed = self.stage.load(Relaxed);
        let stage = match packed & 7 {
            0 => Stage::Idle,
            1 => Stage::Head,
            2 => Stage::Body,
            3 => Stage::Work,
            _ => Stage::Response,
        };
        (stage, packed >> 3)
    }

    fn is_in(&self, stage: Stage) -> bool {
        self.stage.load(Relaxed) & 7 == stage as u64
    }

    /// Records that a request was answered with 2xx.
    pub(super) fn mark_proven(&self) {
        self.is_proven.store(true, Relaxed);
    }

    /// The eviction rank: the lowest is evicted first. `None` while a handler runs. A connection without any successful
    /// request ranks below an idle one.
    pub(super) fn eviction_rank(&self) -> Option<(bool, bool)> {
        let (stage, _) = self.stage();
        let is_idle = stage == Stage::Idle;
        (stage != Stage::Work).then(|| (self.is_proven.load(Relaxed), !is_idle))
    }

    /// The name of the exceeded timeout, if any. `at_most` caps every timeout.
    pub(super) fn overdue(&self, limits: &Limits, at_most: Option<Duration>) -> Option<&'static str> {
        let (stage, since) = self.stage();
        let (limit, name) = match stage {
            Stage::Idle => (limits.idle_timeout, "idle"),
            Stage::Head => (limits.header_timeout, "head"),
            Stage::Body => (limits.body_timeout, "body"),
            Stage::Work => return None,
            Stage::Response => (limits.body_timeout, "response"),
        };
        let limit = limit.into_iter().chain(at_most).min()?;
        let waited = Duration::from_millis(self.millis().saturating_sub(since));
        (waited > limit).then_some(name)
    }

    /// Gives an order. Orders only get stricter; false if this one or a stricter one was given before.
    pub(super) fn order(&self, order: Order) -> bool {
        let before = self.order.fetch_max(order as u8, Relaxed);
        self.ordered.notify_one();
        before < order as u8
    }

    /// Waits for an order.
    pub(super) async fn ordered(&self) -> Order {
        self.ordered.notified().await;
        match self.order.load(Relaxed) {
            0 => Order::Continue,
            1 => Order::Finish,
            _ => Order::Close,
        }
    }
}

/// A TCP stream that updates the state of its connection.
#[derive(Debug)]
pub(super) struct WatchedStream {
    pub(super) stream: TcpStream,
    pub(super) state: Arc<ConnectionState>,
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before && self.state.is_in(Stage::Idle) {
            self.state.enter(Stage::Head);
        }
        read
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// A flush means that the response is written: responses are complete when they start.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() && self.state.is_in(Stage::Response) {
            self.state.enter(Stage::Idle);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A request body that updates the state of its connection.
pub(super) struct WatchedBody {
    pub(super) body: Incoming,
    pub(super) state: Arc<ConnectionState>,
}

impl Body for WatchedBody {
    type Data = hyper::body::Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || frame.is_ready() && self.body.is_end_stream() {
            self.state.enter(Stage::Work);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let limit = |millis| Some(Duration::from_millis(millis));
        Limits {
            idle_timeout: limit(3_000_000),
            header_timeout: limit(0),
            body_timeout: None,
            ..Limits::default()
        }
    }

    #[test]
    fn each_stage_has_its_own_timeout() {
        let state = ConnectionState::new(&Clock::system());
        while state.millis() < 2 {
            std::thread::yield_now();
        }
        assert_eq!(state.overdue(&limits(), None), Some("head"));
        for stage in [Stage::Idle, Stage::Body, Stage::Work, Stage::Response] {
            state.enter(stage);
            assert_eq!(state.overdue(&limits(), None), None, "{stage:?}");
            assert_eq!(state.stage().0, stage);
        }
        let entered = state.millis();
        while state.millis() < entered + 2 {
            std::thread::yield_now();
        }
        assert_eq!(state.overdue(&limits(), Some(Duration::ZERO)), Some("response"));
        state.enter(Stage::Work);
        assert_eq!(state.overdue(&limits(), Some(Duration::ZERO)), None, "a running handler has no timeout");
    }

    #[test]
    fn unproven_connections_are_evicted_first_and_running_handlers_never() {
        let [fresh, idle, answered, working] = [(); 4].map(|()| ConnectionState::new(&Clock::system()));
        idle.mark_proven();
        idle.enter(Stage::Idle);
        answered.mark_proven();
        answered.enter(Stage::Response);
        working.enter(Stage::Work);
        assert!(
            fresh.eviction_rank() < idle.eviction_rank() && idle.eviction_rank() < answered.eviction_rank()
        );
        assert_eq!(working.eviction_rank(), None);
    }

    #[tokio::test]
    async fn orders_are_never_weakened() {
        let state = ConnectionState::new(&Clock::system());
        assert!(state.order(Order::Close) && !state.order(Order::Close) && !state.order(Order::Finish));
        assert_eq!(state.ordered().await, Order::Close);
    }
}
