//! Signatures, HTTP framing, what answers reveal, and client certificates.

use marketo_api_user::sim::user::sign;

use super::{
    bot::{Bot, COMMANDS, Headers, ROUTES, command, request},
    table::Table,
};

pub(crate) const CERTIFICATE: &str = "[http]\nclient_cert_header = \"X-SSL-Client-DN\"\n";

/// Requests without a valid signature, on every route.
pub(crate) async fn signatures(bot: &Bot, table: &mut Table) {
    table.group("signature");
    let body = command("1.2.edge", "help");
    let at = |seconds: i64| -> Headers {
        let stamp = (bot.stamp() + seconds).to_string();
        let signature = sign(&bot.secret, &stamp, &body);
        vec![("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", signature)]
    };
    let with = |at: usize, change: &dyn Fn(&str) -> String| {
        let mut headers = bot.signed(body.as_bytes());
        headers[at].1 = change(&headers[at].1);
        headers
    };
    let doubled = |at: usize| {
        let mut headers = bot.signed(body.as_bytes());
        headers.push(headers[at].clone());
        headers
    };
    let anew = |stamp: &str| -> Headers {
        vec![
            ("X-Slack-Request-Timestamp", stamp.to_owned()),
            ("X-Slack-Signature", sign(&bot.secret, stamp, &body)),
        ]
    };
    let now = bot.stamp();
    let mut basis_without_version = bot.signed(body.as_bytes());
    basis_without_version[1].1 = sign(&bot.secret, "", &body);
    let attacks: Vec<(&str, Headers)> = vec![
        ("no headers at all", vec![]),
        ("a timestamp without a signature", at(0).drain(..1).collect()),
        ("a signature without a timestamp", at(0).drain(1..).collect()),
        ("signed 310 s ago", at(-310)),
        ("signed 310 s from now", at(310)),
        ("two timestamps", doubled(0)),
        ("two signatures, both right", doubled(1)),
        ("another secret", with(1, &|_| sign("guess", &now.to_string(), &body))),
        ("an empty secret", with(1, &|_| sign("", &now.to_string(), &body))),
        (
            "both secrets as one",
            with(1, &|_| sign(&format!("older-secret,{}", bot.secret), &now.to_string(), &body)),
        ),
        ("a signature with =zzz at its end", with(1, &|own| format!("{own}=zzz"))),
        ("a signature in capitals", with(1, &|own| own.to_uppercase().replace("V0", "v0"))),
        ("a signature of version v1", with(1, &|own| own.replace("v0=", "v1="))),
        ("a signature without a version", with(1, &|own| own.replace("v0=", ""))),
        ("half a signature", with(1, &|own| own[..35].to_owned())),
        ("a signature of nothing", with(1, &|_| "v0=".to_owned())),
        ("the signature of another timestamp", basis_without_version),
        ("a timestamp with a sign, signed so", anew(&format!("+{now}"))),
        ("a timestamp with a fraction, signed so", anew(&format!("{now}.0"))),
        ("a timestamp of 13 digits, signed so", anew(&format!("000{now}"))),
        ("a timestamp in hexadecimal, signed so", anew(&format!("{now:#x}"))),
        ("a timestamp in other digits, signed so", anew("\u{661}\u{667}")),
        ("a timestamp beyond every integer, signed so", anew("99999999999999999999")),
        ("an empty timestamp, signed so", anew("")),
        ("a timestamp of words, signed so", anew("now")),
    ];
    for (attack, headers) in attacks {
        let mut seen = String::new();
        let mut is_repelled = true;
        for route in ROUTES {
            let answer = bot.post(route, &headers, body.as_bytes()).await;
            is_repelled &= answer.is_bare(401);
            seen = answer.seen();
        }
        table.row(attack, is_repelled, seen + ", on all four routes");
    }
    let changed =
        bot.post(COMMANDS, &bot.signed(body.as_bytes()), body.replace("help", "hulp").as_bytes()).await;
    table.row("a signed body with one letter changed", changed.is_bare(401), changed.seen());
    for check in ["ssl_check=0", "ssl_check=1&ssl_check=1", "ssl_check=true", "{\"ssl_check\":1}"] {
        let answer = bot.post(COMMANDS, &vec![], check.as_bytes()).await;
        table.row(&format!("unsigned: {check}"), answer.is_bare(401), answer.seen());
    }
    let answer = bot.post(COMMANDS, &vec![], format!("ssl_check=1&{body}").as_bytes()).await;
    table.row("a command smuggled into ssl_check=1: does nothing", answer.is_bare(200), answer.seen());
    let old = sign("older-secret", &now.to_string(), &body);
    let answer = bot.post(COMMANDS, &with(1, &|_| old.clone()), body.as_bytes()).await;
    table.row("(no attack) either of two secrets while rotating", answer.status == 200, answer.seen());
}

/// Malformed HTTP.
pub(crate) async fn framing(bot: &Bot, table: &mut Table) {
    table.group("framing");
    let body = command("1.2.framing", "");
    let good = String::from_utf8(request(COMMANDS, &bot.signed(body.as_bytes()), body.as_bytes())).unwrap();
    let length = format!("Content-Length: {}", body.len());
    let (head, _) = good.split_once("\r\n\r\n").unwrap();
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";
    for (attack, bytes, statuses) in [
        ("HTTP/2 without TLS, by prior knowledge", preface.to_owned(), &[0, 400][..]),
        ("two lengths that differ", good.replace(&length, &format!("{length}\r\nContent-Length: 1")), &[400]),
        ("a negative length", good.replace(&length, "Content-Length: -1"), &[400]),
        (
            "a length beyond every integer",
            good.replace(&length, "Content-Length: 99999999999999999999999"),
            &[400],
        ),
        ("a length that is a list", good.replace(&length, "Content-Length: 1, 1"), &[400]),
        (
            "chunked, and a length besides (smuggling)",
            good.replace(&length, &format!("{length}\r\nTransfer-Encoding: chunked")),
            &[400, 401],
        ),
        ("an unknown transfer encoding", good.replace(&length, "Transfer-Encoding: gzip"), &[400]),
        (
            "chunks with a size that is no number",
            format!("{}\r\n\r\nzz\r\n\r\n", head.replace(&length, "Transfer-Encoding: chunked")),
            &[400],
        ),
        ("a line break in the path", good.replace(COMMANDS, "/slack/comm\nands"), &[400]),
        ("a NUL in a header", good.replace("Host: bot", "Host: b\0t"), &[400]),
        ("a header folded over two lines", good.replace("Host: bot", "Host: bot\r\n bot"), &[400]),
        ("a space before a header's colon", good.replace("Host: bot", "Host : bot"), &[400]),
        (
            "a head of 20 KiB",
            good.replace("Host: bot", &format!("Host: bot\r\nX: {}", "x".repeat(20_000))),
            &[431],
        ),
        ("200 headers", good.replace("Host: bot", &format!("Host: bot{}", "\r\nX: x".repeat(200))), &[431]),
        (
            "a path of 70,000 letters",
            good.replace(COMMANDS, &format!("/{}", "x".repeat(70_000))),
            &[414, 431],
        ),
        ("TLS spoken to it", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\0".to_owned(), &[0, 400]),
        ("nonsense", "hello\r\n\r\n".to_owned(), &[0, 400]),
        ("HTTP/0.9", "GET /metrics\r\n\r\n".to_owned(), &[0, 400]),
        (
            "an upgrade to h2c",
            good.replace(
                "Connection: close",
                "Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk",
            ),
            &[200],
        ),
    ] {
        let answer = bot.raw(bytes.as_bytes()).await;
        table.row(attack, statuses.iter().any(|status| answer.is_bare(*status)), answer.seen());
    }
    // The valid one opens a form; its trigger is unknown, so that none is shown.
    bot.until("it has tried", async |bot| bot.slack.calls_to("views.open").len() == 1).await;
}

/// Errors and headers that could reveal the software.
pub(crate) async fn names_nothing(bot: &Bot, table: &mut Table) {
    table.group("silence");
    let name = env!("CARGO_PKG_VERSION");
    for (attack, bytes, status) in [
        (
            "404",
            "POST /slack/elsewhere HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            404,
        ),
        (
            "404 by a path that climbs",
            "GET /slack/../metrics HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n",
            404,
        ),
        ("405", "GET /slack/commands HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n", 405),
        ("405 for TRACE", "TRACE /slack/commands HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n", 405),
        (
            "401",
            "POST /slack/events HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            401,
        ),
        (
            "413",
            "POST /slack/events HTTP/1.1\r\nHost: b\r\nContent-Length: 262145\r\nConnection: close\r\n\r\n",
            413,
        ),
        ("400", "POST /slack/events HTTP/1.1\r\nHost: b\r\nContent-Length: x\r\n\r\n", 400),
    ] {
        let answer = bot.raw(bytes.as_bytes()).await;
        let says = ["server:", "x-powered-by", "hyper", "axum", "rust", name]
            .iter()
            .any(|word| answer.head.contains(word));
        table.row(attack, answer.is_bare(status) && !says, format!("{}, no name, no version", answer.seen()));
    }
}

/// A proxy that passes on the client certificate's name.
pub(crate) async fn certificates(bot: &Bot, table: &mut Table) {
    table.group("mutual TLS");
    let body = command("1.2.cert", "help");
    let dn = "X-SSL-Client-DN";
    let slack = "CN=platform-tls-client.slack.com,O=Slack Technologies\\, LLC,C=US";
    for (attack, values, status) in [
        ("a good signature, but no name", &[][..], 401),
        ("another name", &["CN=evil.example.com"], 401),
        ("the name in another field", &["OU=platform-tls-client.slack.com,CN=evil.example.com"], 401),
        ("the name within another", &["CN=platform-tls-client.slack.com.evil.example.com"], 401),
        ("two headers, one of them right", &[slack, "CN=evil.example.com"], 401),
        ("(no attack) Slack's name", &[slack], 200),
    ] {
        let mut headers = bot.signed(body.as_bytes());
        headers.extend(values.iter().map(|value| (dn, (*value).to_owned())));
        let answer = bot.post(COMMANDS, &headers, body.as_bytes()).await;
        let is_repelled = answer.status == status && (status == 200 || answer.body.is_empty());
        table.row(attack, is_repelled, answer.seen());
    }
    let answer = bot.post(COMMANDS, &vec![(dn, slack.to_owned())], body.as_bytes()).await;
    table.row("Slack's name without a signature", answer.is_bare(401), answer.seen());
    let answer = bot.get("/healthz").await;
    table.row("(no attack) health checks need no certificate", answer.status == 200, answer.seen());
}
