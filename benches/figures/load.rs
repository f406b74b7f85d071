//! A small HTTP/1.1 client with keep-alive, and two kinds of load: a closed loop (as fast as possible) and an open loop
//! (at a fixed rate).

use std::{cell::Cell, net::SocketAddr, rc::Rc, sync::Arc};

use marketo_api_user::{clock::Clock, sim::user::sign};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{JoinSet, LocalSet, yield_now},
};

/// Complete, signed requests for the command `help`, each different.
pub(crate) fn help_commands(clock: &Clock, secret: &str, count: usize) -> Arc<Vec<Vec<u8>>> {
    let stamp = clock.now().as_second().to_string();
    let run = clock.new_id();
    let request = |number: usize| {
        let body = format!(
            "token=deprecated&team_id=T0001&team_domain=example&channel_id=C0OPS&channel_name=marketing-ops\
             &user_id=U0REQ&user_name=rae&command=%2Fmarketo-api-user&text=help&api_app_id=A0001\
             &is_enterprise_install=false&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT0001%2F1%2Fabc\
             &trigger_id={run}.{number}"
        );
        let signature = sign(secret, &stamp, &body);
        format!(
            "POST /slack/commands HTTP/1.1\r\nHost: bot.example.com\r\n\
             User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\nAccept: application/json,*/*\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
             X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {signature}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    Arc::new((0..count).map(request).collect())
}

/// A keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8192) })
    }

    /// Sends a request, reads the complete response and returns its status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> std::io::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if self.buffer.len() >= end + 4 + length {
                return Ok(head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0));
            }
        }
    }
}

/// Measures a closed loop: each connection sends its next request after the response. Returns requests per second.
pub(crate) async fn closed_loop(
    clock: &Clock,
    address: SocketAddr,
    connections: usize,
    requests: Arc<Vec<Vec<u8>>>,
) -> f64 {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await.unwrap());
    }
    let next = Rc::new(Cell::new(0));
    let total = requests.len();
    let local = LocalSet::new();
    let watch = clock.stopwatch();
    for mut connection in open {
        let (next, requests) = (Rc::clone(&next), Arc::clone(&requests));
        local.spawn_local(async move {
            while let Some(request) = requests.get(next.replace(next.get() + 1)) {
                assert_eq!(connection.exchange(request).await.unwrap(), 200);
            }
        });
    }
    local.await;
    as_f64(total) / watch.seconds()
}

/// Measures an open loop at a fixed rate. Returns the 99th percentile of the latency in seconds, counted from when a
/// request was due (without coordinated omission).
pub(crate) async fn open_loop_p99(
    clock: &Clock,
    address: SocketAddr,
    connections: usize,
    per_second: f64,
    requests: Arc<Vec<Vec<u8>>>,
) -> f64 {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await.unwrap());
    }
    let mut tasks = JoinSet::new();
    let watch = clock.stopwatch();
    for (first, mut connection) in open.into_iter().enumerate() {
        let requests = Arc::clone(&requests);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            for (number, request) in requests.iter().enumerate().skip(first).step_by(connections) {
                let due = 0.01 + as_f64(number) / per_second;
                // A timer would be a millisecond late.
                while watch.seconds() < due {
                    yield_now().await;
                }
                assert_eq!(connection.exchange(request).await.unwrap(), 200);
                latencies.push(watch.seconds() - due);
            }
            latencies
        });
    }
    let mut latencies: Vec<f64> = tasks.join_all().await.concat();
    latencies.sort_by(f64::total_cmp);
    latencies[latencies.len() * 99 / 100]
}

#[expect(clippy::cast_precision_loss, reason = "all numbers are far below 2^52")]
pub(crate) fn as_f64(number: usize) -> f64 {
    number as f64
}
