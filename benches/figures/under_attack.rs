//! Legitimate requests under attack: slow connections and a flood of bad signatures at the same time.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use marketo_api_user::clock::Clock;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

use super::{
    environment::SECRET,
    load::{Connection, as_f64, help_commands, open_loop_p99},
    process::Server,
    table::{Row, Target, median, row},
};

/// The number of slow connections.
const SLOW_CONNECTIONS: usize = 200;
/// The number of connections that send bad signatures, and the pause between two requests of each.
const FLOOD_CONNECTIONS: usize = 16;
const FLOOD_PAUSE: Duration = Duration::from_millis(5);
/// The rate of legitimate requests, and their number in a round.
const REQUESTS_PER_SECOND: f64 = 200.0;
const REQUESTS: usize = 1000;
const ROUNDS: usize = 5;

/// What the attackers share.
#[derive(Clone, Default)]
struct Attack {
    is_over: Arc<AtomicBool>,
    /// Requests that were answered with 401.
    rejected: Arc<AtomicUsize>,
    /// Slow connections that the bot closed.
    closed: Arc<AtomicUsize>,
}

/// Measures legitimate requests before, during and after the attack.
pub(crate) async fn measure(clock: &Clock, bot: &Server) -> Vec<Row> {
    let mut without = latencies(clock, bot.address).await;
    let memory_without = bot.mebibytes();
    let attack = Attack::default();
    let attackers = {
        let (clock, address, attack) = (clock.clone(), bot.address, attack.clone());
        // In a separate thread, so that attackers and legitimate clients do not wait for each other.
        std::thread::spawn(move || run_attack(&clock, address, &attack))
    };
    clock.sleep(Duration::from_secs(2)).await;
    let watch = clock.stopwatch();
    let rejected_before = attack.rejected.load(Relaxed);
    let mut during = latencies(clock, bot.address).await;
    let rejected_rate = as_f64(attack.rejected.load(Relaxed) - rejected_before) / watch.seconds();
    let memory_during = bot.mebibytes();
    // Lets the last slow connections reach `header_timeout`.
    clock.sleep(Duration::from_secs(10)).await;
    attack.is_over.store(true, Relaxed);
    attackers.join().unwrap();
    // The load of the machine may have changed since the first rounds.
    without.extend(latencies(clock, bot.address).await);
    let (without, during) = (median(&mut without), median(&mut during));
    let closed = as_f64(attack.closed.load(Relaxed));
    vec![
        row("help, p99 at 200/s: no attack", "ms", without * 1e3, Target::None),
        row("help, p99 at 200/s: under attack (2)", "ms", during * 1e3, Target::None),
        row("help, p99 at 200/s: ratio", "", during / without, Target::Below(3.0)),
        row("bad signatures rejected", "/s", rejected_rate, Target::None),
        row("slow connections closed", "", closed, Target::Above(as_f64(SLOW_CONNECTIONS))),
        row("memory without attack", "MiB", memory_without, Target::None),
        row("memory under attack", "MiB", memory_during, Target::Below(memory_without + 24.0)),
    ]
}

/// Attacks until the attack is over.
fn run_attack(clock: &Clock, address: SocketAddr, attack: &Attack) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut attackers = JoinSet::new();
        for number in 0..SLOW_CONNECTIONS {
            attackers.spawn(send_slowly(clock.clone(), address, number, attack.clone()));
        }
        for _ in 0..FLOOD_CONNECTIONS {
            attackers.spawn(flood(clock.clone(), address, attack.clone()));
        }
        attackers.join_all().await;
    });
}

/// The 99th percentile of the latency in each round, in seconds. Every request must get 200.
async fn latencies(clock: &Clock, address: SocketAddr) -> Vec<f64> {
    let mut p99 = Vec::new();
    for _ in 0..ROUNDS {
        let requests = help_commands(clock, SECRET, REQUESTS);
        p99.push(open_loop_p99(clock, address, 8, REQUESTS_PER_SECOND, requests).await);
    }
    p99
}

/// Sends a head or a body byte by byte, and starts over when the bot closes the connection.
async fn send_slowly(clock: Clock, address: SocketAddr, number: usize, attack: Attack) {
    let request = help_commands(&clock, SECRET, 1)[0].clone();
    let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(0) + 4;
    // Half of the connections send a slow head, the other half a slow body.
    let (first, rest) = request.split_at(if number.is_multiple_of(2) { 0 } else { head });
    while !attack.is_over.load(Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        let _ = stream.write_all(first).await;
        for byte in rest {
            clock.sleep(Duration::from_millis(500)).await;
            if attack.is_over.load(Relaxed) {
                return;
            }
            if stream.write_all(&[*byte]).await.is_err() {
                attack.closed.fetch_add(1, Relaxed);
                break;
            }
        }
    }
}

/// Sends requests with bad signatures, one after the other.
async fn flood(clock: Clock, address: SocketAddr, attack: Attack) {
    let requests = help_commands(&clock, "not the secret", 100);
    let Ok(mut connection) = Connection::open(address).await else { return };
    while !attack.is_over.load(Relaxed) {
        for request in requests.iter() {
            match connection.exchange(request).await {
                Ok(401) => attack.rejected.fetch_add(1, Relaxed),
                Ok(status) => panic!("a bad signature got {status}"),
                Err(_) => return,
            };
            clock.sleep(FLOOD_PAUSE).await;
        }
    }
}
