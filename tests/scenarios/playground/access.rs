//! Which requests the page accepts, and the headers of its answers.

use super::page::Page;

#[tokio::test]
async fn page_accepts_only_local_hosts_and_same_origin_actions() {
    let page = Page::open().await;
    let host = page.host();
    let port = host.split(':').nth(1).expect("a port").to_owned();
    let local = format!("localhost:{port}");
    assert!(host.starts_with("127.0.0.1:"));
    for good in [host.as_str(), local.as_str()] {
        assert_eq!(page.send("GET /", &[("Host", good)], "").await.status, 200, "{good}");
    }
    for bad in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "127.0.0.1:1"] {
        let refused = page.send("GET /", &[("Host", bad)], "").await;
        assert_eq!(refused.status, 421, "{bad}");
        assert!(!refused.body.contains("Rae"), "{bad}");
    }
    let own = format!("http://{host}");
    for (origin, status) in [
        (("Origin", own.as_str()), 200),
        (("Sec-Fetch-Site", "same-origin"), 200),
        (("Origin", "http://evil.example"), 403),
        (("Origin", "null"), 403),
        (("Origin", "https://evil.example"), 403),
        (("Sec-Fetch-Site", "cross-site"), 403),
        (("X-Nothing", "said"), 403),
    ] {
        let headers = [("Host", host.as_str()), ("Accept", "application/json"), origin];
        assert_eq!(page.send("POST /act/tokens", &headers, "").await.status, status, "{origin:?}");
    }
    assert_eq!(page.act("nothing", &[]).await.status, 404);
    assert_eq!(page.send("DELETE /", &[("Host", &host), ("Origin", &own)], "").await.status, 405);
}

#[tokio::test]
async fn content_security_policy_forbids_foreign_code_and_the_page_is_small() {
    let page = Page::open().await;
    let host = page.host();
    let mut size = 0;
    for path in [
        "/",
        "/assets/page.css",
        "/assets/slack.css",
        "/assets/theme.js",
        "/assets/page.js",
        "/assets/morph.js",
        "/assets/dates.js",
        "/assets/combo.js",
        "/favicon.ico",
    ] {
        let answer = page.send(&format!("GET {path}"), &[("Host", &host)], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.head.contains("content-security-policy: default-src 'none';"), "{}", answer.head);
        assert!(!answer.head.contains("unsafe"), "{}", answer.head);
        size += answer.body.len();
    }
    assert!(size < 150_000, "{size} bytes");
    let html = page.get("/").await;
    assert!(!html.contains(" style=") && !html.contains(" onclick="));
}

#[tokio::test]
async fn changes_are_streamed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let page = Page::open().await;
    let mut stream = tokio::net::TcpStream::connect(page.host()).await.expect("the page is served");
    let line = format!("GET /live?as=U0REQ&in=C0OPS HTTP/1.1\r\nHost: {}\r\n\r\n", page.host());
    stream.write_all(line.as_bytes()).await.expect("sent");
    page.does("post", &[("as", "U0APPROVE"), ("in", "C0OPS"), ("text", "Good morning & <welcome>")]).await;
    let mut text = String::new();
    let read = async {
        let mut bytes = vec![0; 64 * 1024];
        while !text.contains("Good morning &amp; &lt;welcome&gt;") {
            let read = stream.read(&mut bytes).await.expect("more");
            assert!(read > 0, "it goes on");
            text += &String::from_utf8_lossy(&bytes[..read]);
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), read).await.expect("in time");
    assert!(text.to_lowercase().contains("content-type: text/event-stream"));
}
