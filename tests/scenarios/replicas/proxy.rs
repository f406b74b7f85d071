//! A network between the bot and PostgreSQL that a scenario can cut, hang and restore.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use marketo_api_user::clock::Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use url::Url;

/// The state of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It carries everything.
    Up,
    /// Every connection is closed, and every new one at once.
    Cut,
    /// It drops everything silently.
    Hung,
}

/// When a connection is cut around a COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// The server never sees it.
    Before,
    /// The server commits; its answer is lost.
    After,
}

/// A TCP proxy in front of PostgreSQL.
#[derive(Clone)]
pub(crate) struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Link>,
    trap: Arc<Trap>,
}

/// Counts down to the COMMIT at which a connection is cut; 0 is off.
struct Trap {
    left: AtomicUsize,
    around: Mutex<Around>,
}

impl Proxy {
    /// A proxy to the server of `database`, and the URL through it.
    pub(crate) async fn before(database: &str) -> (Self, String) {
        let mut url = Url::parse(database).expect("an address");
        let server = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (line, _) = watch::channel(Link::Up);
        let trap = Arc::new(Trap { left: AtomicUsize::new(0), around: Mutex::new(Around::After) });
        let this = Self { address, line, trap };
        tokio::spawn(accept(listener, server, this.clone()));
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(this.address.port())).expect("a port");
        // COMMIT cannot be recognized in encrypted traffic.
        url.query_pairs_mut().append_pair("sslmode", "disable");
        (this, url.to_string())
    }

    pub(crate) fn set(&self, line: Link) {
        self.line.send_replace(line);
    }

    /// Cuts the connection that sends the `nth` COMMIT from now.
    pub(crate) fn cut_at_commit(&self, nth: usize, around: Around) {
        *self.trap.around.lock().expect("not poisoned") = around;
        self.trap.left.store(nth, Ordering::SeqCst);
    }

    /// Whether a cut is still to come.
    pub(crate) fn is_set(&self) -> bool {
        self.trap.left.load(Ordering::SeqCst) > 0
    }
}

impl Trap {
    fn springs(&self) -> Option<Around> {
        let count = |left: usize| left.checked_sub(1);
        let was = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count);
        (was == Ok(1)).then(|| *self.around.lock().expect("not poisoned"))
    }
}

async fn accept(listener: TcpListener, server: String, proxy: Proxy) {
    while let Ok((client, _)) = listener.accept().await {
        let line = proxy.line.subscribe();
        if *line.borrow() == Link::Cut {
            continue;
        }
        let Ok(server) = TcpStream::connect(&server).await else { continue };
        let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let trap = Arc::clone(&proxy.trap);
        tokio::spawn(async move {
            let (mut cut, mute) = (line.clone(), AtomicBool::new(false));
            tokio::select! {
                () = carry(from_client, to_server, line.clone(), &mute, Some(&trap)) => {}
                () = carry(from_server, to_client, line, &mute, None) => {}
                _ = cut.wait_for(|line| *line == Link::Cut) => {}
            }
        });
    }
}

/// Forwards bytes one way until the connection ends. While `mute`, the server's answers are dropped.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Link>,
    mute: &AtomicBool,
    trap: Option<&Trap>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let _ = line.wait_for(|line| *line != Link::Hung).await;
        if trap.is_none() && mute.load(Ordering::SeqCst) {
            continue;
        }
        let is_commit = buffer[..read].windows(6).any(|word| word == b"COMMIT");
        let around = if is_commit { trap.and_then(Trap::springs) } else { None };
        if around == Some(Around::Before) {
            return;
        }
        if around == Some(Around::After) {
            mute.store(true, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        if around == Some(Around::After) {
            // Give the server time to commit.
            Clock::system().sleep(Duration::from_millis(50)).await;
            return;
        }
    }
}
