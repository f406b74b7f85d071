//! The bot under siege: slow connections and a flood of bad signatures at once, and what becomes of good requests.

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
    load::{Connection, figure, help_commands, open_p99},
    process::Server,
    stage::SECRET,
    table::{Row, Target, median, row},
};

/// How many connections send a byte now and then.
const SLOW: usize = 200;
/// Over how many connections bad signatures come, and how long each waits between two.
const FLOOD: (usize, Duration) = (16, Duration::from_millis(5));
/// The rate of the good requests, and how many there are in a round.
const GOOD: (f64, usize) = (200.0, 1000);
const ROUNDS: usize = 5;

/// Measures good requests before the siege, during it, and after it.
pub(crate) async fn measure(clock: &Clock, bot: &Server) -> Vec<Row> {
    let mut quiet = rounds(clock, bot.address).await;
    let quiet_memory = bot.mebibytes();
    let is_over = Arc::new(AtomicBool::new(false));
    let (refused, cut) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let siege = {
        let (clock, address) = (clock.clone(), bot.address);
        let (is_over, refused, cut) = (Arc::clone(&is_over), Arc::clone(&refused), Arc::clone(&cut));
        // A thread of their own: the attackers do not make the good ones wait for each other.
        std::thread::spawn(move || attack(clock, address, is_over, refused, cut))
    };
    clock.sleep(Duration::from_secs(2)).await;
    let watch = clock.stopwatch();
    let before = refused.load(Relaxed);
    let mut under = rounds(clock, bot.address).await;
    let rate = figure(refused.load(Relaxed) - before) / watch.seconds();
    let memory = bot.mebibytes();
    // The last ones run into the time limit for heads.
    clock.sleep(Duration::from_secs(10)).await;
    is_over.store(true, Relaxed);
    siege.join().unwrap();
    // The machine may have become busier, or less so, meanwhile.
    quiet.extend(rounds(clock, bot.address).await);
    let (quiet, under) = (median(&mut quiet), median(&mut under));
    vec![
        row("help, p99 at 200/s: quiet", "ms", quiet * 1e3, Target::None),
        row("help, p99 at 200/s: under siege (2)", "ms", under * 1e3, Target::None),
        row("help, p99 at 200/s: ratio", "", under / quiet, Target::Below(3.0)),
        row("bad signatures refused meanwhile", "/s", rate, Target::None),
        row("slow connections cut off", "", figure(cut.load(Relaxed)), Target::Above(figure(SLOW))),
        row("memory when quiet", "MiB", quiet_memory, Target::None),
        row("memory under siege", "MiB", memory, Target::Below(quiet_memory + 24.0)),
    ]
}

/// Attacks until it is over.
fn attack(
    clock: Clock,
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    cut: Arc<AtomicUsize>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut siege = JoinSet::new();
        for number in 0..SLOW {
            siege.spawn(slow(clock.clone(), address, number, Arc::clone(&is_over), Arc::clone(&cut)));
        }
        for _ in 0..FLOOD.0 {
            siege.spawn(flood(clock.clone(), address, Arc::clone(&is_over), Arc::clone(&refused)));
        }
        siege.join_all().await;
    });
}

/// Every good request of these rounds is answered 200; the p99 of each round, in seconds.
async fn rounds(clock: &Clock, address: SocketAddr) -> Vec<f64> {
    let mut p99 = Vec::new();
    for _ in 0..ROUNDS {
        let requests = help_commands(clock, SECRET, GOOD.1);
        p99.push(open_p99(clock, address, 8, GOOD.0, requests).await);
    }
    p99
}

/// Sends a head or a body byte by byte, and begins anew when it is cut off.
async fn slow(
    clock: Clock,
    address: SocketAddr,
    number: usize,
    is_over: Arc<AtomicBool>,
    cut: Arc<AtomicUsize>,
) {
    let request = help_commands(&clock, SECRET, 1)[0].clone();
    let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(0) + 4;
    // Half of them are slow with the head, half with the body of a request that could be good.
    let at_once = if number.is_multiple_of(2) { 0 } else { head };
    while !is_over.load(Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        let _ = stream.write_all(&request[..at_once]).await;
        for byte in &request[at_once..] {
            clock.sleep(Duration::from_millis(500)).await;
            if is_over.load(Relaxed) {
                return;
            }
            if stream.write_all(&[*byte]).await.is_err() {
                cut.fetch_add(1, Relaxed);
                break;
            }
        }
    }
}

/// Sends requests with a bad signature, one after the other.
async fn flood(clock: Clock, address: SocketAddr, is_over: Arc<AtomicBool>, refused: Arc<AtomicUsize>) {
    let requests = help_commands(&clock, "not the secret", 100);
    let Ok(mut connection) = Connection::open(address).await else { return };
    while !is_over.load(Relaxed) {
        for request in requests.iter() {
            match connection.exchange(request).await {
                Ok(401) => refused.fetch_add(1, Relaxed),
                Ok(status) => panic!("a bad signature was answered {status}"),
                Err(_) => return,
            };
            clock.sleep(FLOOD.1).await;
        }
    }
}
