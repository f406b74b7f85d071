//! Bodies that are too large, and clients that send or read too slowly.

use std::time::Duration;

use marketo_api_user::sim::user::sign;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    bot::{Bot, COMMANDS, ROUTES, command, request, until_the_end},
    table::Table,
};

/// The limits are short, so that the attacks are over soon.
pub(crate) const LIMITS: &str = "[limits]\nheader_timeout = \"1s\"\nbody_timeout = \"1s\"\nidle_timeout = \"2s\"\nper_user_per_minute = 0\n";
const LIMIT: usize = 256 * 1024;

/// Announced, not announced, and in very small pieces.
pub(crate) async fn oversized(bot: &Bot, table: &mut Table) {
    table.group("oversized");
    let mut is_repelled = true;
    for route in ROUTES {
        let head = format!("POST {route} HTTP/1.1\r\nHost: b\r\nContent-Length: {}\r\n\r\n", LIMIT + 1);
        is_repelled &= bot.raw(head.as_bytes()).await.is_bare(413);
    }
    table.row("one byte too many is announced, none is sent", is_repelled, "413, empty, on all four routes");
    let chunked = |body: &[u8], chunk: usize| {
        let stamp = bot.stamp().to_string();
        let signature = sign(&bot.secret, &stamp, body);
        let mut bytes = format!(
            "POST {COMMANDS} HTTP/1.1\r\nHost: b\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
             X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {signature}\r\n\r\n"
        )
        .into_bytes();
        for part in body.chunks(chunk) {
            bytes.extend(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend(part);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    };
    let answer = bot.raw(&chunked(&vec![b'x'; LIMIT + 1], 65_536)).await;
    table.row("one byte too many in chunks, signed", answer.is_bare(413), answer.seen());
    let before = bot.mebibytes();
    let body = vec![b'x'; LIMIT];
    let mut streams = Vec::new();
    for _ in 0..16 {
        let mut stream = bot.connect().await.unwrap();
        let bytes = chunked(&body, 1);
        let _ = stream.write_all(&bytes[..bytes.len() - 5]).await;
        streams.push(stream);
    }
    let grown = bot.mebibytes().saturating_sub(before);
    table.row("16 bodies of 256 KiB in chunks of one byte: memory", grown < 48, format!("{grown} MiB more"));
    drop(streams);
    let unsigned = "x".repeat(5_000);
    let answer = bot.post(COMMANDS, &vec![], format!("ssl_check=1&x={unsigned}").as_bytes()).await;
    table.row("an unsigned body of 5 KB", answer.is_bare(401), answer.seen());
}

/// How long it takes until the bot hangs up on somebody who sends a byte now and then.
async fn trickles(bot: &Bot, mut stream: TcpStream, bytes: &[u8]) -> f64 {
    let watch = bot.clock.stopwatch();
    for byte in bytes {
        let mut answer = [0; 64];
        let waiting = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut answer)).await;
        if matches!(waiting, Ok(Ok(0) | Err(_))) || stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        if watch.seconds() > 10.0 {
            break;
        }
    }
    watch.seconds()
}

/// Those who send slowly, or nothing.
pub(crate) async fn senders(bot: &Bot, table: &mut Table) {
    table.group("slow");
    let body = "x".repeat(200);
    let bytes = request(COMMANDS, &bot.signed(body.as_bytes()), body.as_bytes());
    let head = bytes.len() - body.len();
    let (mut stream, watch) = (bot.connect().await.unwrap(), bot.clock.stopwatch());
    until_the_end(&mut stream, Duration::from_secs(10)).await;
    let took = watch.seconds();
    table.row("nothing is sent (limit 1 s)", took < 3.0, format!("cut off after {took:.1} s"));
    let took = trickles(bot, bot.connect().await.unwrap(), &bytes[..head]).await;
    table.row("a head, a byte in 100 ms (limit 1 s)", took < 3.0, format!("cut off after {took:.1} s"));
    let mut stream = bot.connect().await.unwrap();
    stream.write_all(&bytes[..head]).await.unwrap();
    let took = trickles(bot, stream, &bytes[head..]).await;
    table.row("a body, a byte in 100 ms (limit 1 s)", took < 3.0, format!("cut off after {took:.1} s"));
    let mut stream = bot.connect().await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: b\r\n\r\n").await.unwrap();
    let watch = bot.clock.stopwatch();
    until_the_end(&mut stream, Duration::from_secs(10)).await;
    let took = watch.seconds();
    table.row(
        "one request, then nothing (limit 2 s)",
        (1.5..5.0).contains(&took),
        format!("cut off after {took:.1} s"),
    );
    let mut stream = bot.connect().await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: b\r\n\r\nGET ").await.unwrap();
    let took = trickles(bot, stream, &[b'/'; 100]).await;
    table.row("one request, then the next by bytes", took < 4.5, format!("cut off after {took:.1} s"));
    let cut = bot.counted("http_connections_closed_total").await;
    table.row("those are counted", cut >= 5, format!("{cut} in http_connections_closed_total"));
}

/// Those who ask for much and take nothing.
pub(crate) async fn readers(bot: &Bot, table: &mut Table) {
    let before = (bot.mebibytes(), bot.counted("http_connections_closed_total").await);
    let help = command("1.2.slow", "help");
    let mut bytes = request(COMMANDS, &bot.signed(help.as_bytes()), help.as_bytes());
    let text = String::from_utf8(bytes).unwrap().replace("Connection: close\r\n", "");
    bytes = text.into_bytes();
    let mut stream = bot.connect().await.unwrap();
    let watch = bot.clock.stopwatch();
    // Sends on until the bot no longer takes anything, and then waits for its end.
    while tokio::time::timeout(Duration::from_millis(500), stream.write_all(&bytes))
        .await
        .is_ok_and(|sent| sent.is_ok())
    {
        if watch.seconds() > 20.0 {
            break;
        }
    }
    // With the last request the bot may have been at its head, its body or its answer.
    let mut cut = 0;
    for _ in 0..100 {
        bot.clock.sleep(Duration::from_millis(100)).await;
        cut = bot.counted("http_connections_closed_total").await - before.1;
        if cut > 0 {
            break;
        }
    }
    let grown = bot.mebibytes().saturating_sub(before.0);
    table.row(
        "answers are asked for and not read (limit 1 s)",
        cut == 1 && grown < 16,
        format!("{cut} cut off, {grown} MiB more"),
    );
    let refused = stream.write_all(&bytes).await.is_err() || stream.write_all(&bytes).await.is_err();
    table.row("the same, afterwards", refused, "nothing more is taken");
}
