//! Outgoing calls: TLS is verified, redirects are not followed, and proxy variables are ignored.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::host::Host;

const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/serve/certificates");

/// A TLS server with the certificate `trusted` that forwards to `inner`. Returns its address.
async fn tls_before(inner: SocketAddr) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(format!("{CERTIFICATES}/trusted.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{CERTIFICATES}/trusted.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), bound().await);
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(stream).await else { return };
                let mut inner = TcpStream::connect(inner).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    address
}

async fn bound() -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn address_of(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap()
}

/// A server that sends `answer` to every client. Also returns the number of clients.
fn answering(answer: String) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, came) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(AtomicUsize::new(0)));
    let (address, counts) = (listener.local_addr().unwrap(), Arc::clone(&came));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counts.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, came)
}

#[tokio::test]
async fn untrusted_certificates_receive_no_data() {
    for (roots, is_trusted) in [("trusted.pem", true), ("another.pem", false)] {
        let mut host = Host::open().await;
        let slack = tls_before(address_of(&host.slack.api_url())).await;
        let marketo = tls_before(address_of(&host.marketo.url())).await;
        host.set("SLACK_API_URL", &format!("https://{slack}/api"));
        host.set("MARKETO_BASE_URL", &format!("https://{marketo}"));
        host.set("SSL_CERT_FILE", &format!("{CERTIFICATES}/{roots}"));
        let ended = host.run(&["check"]).await;
        assert_eq!(ended.code, Some(i32::from(!is_trusted)), "{roots}: {ended:#?}");
        assert_eq!(host.slack.calls().is_empty(), !is_trusted, "{roots}");
        assert_eq!(host.marketo.calls().is_empty(), !is_trusted, "{roots}");
        if !is_trusted {
            for check in ["FAILED slack token: ", "FAILED marketo credentials: "] {
                assert!(ended.stdout.contains(check), "{}", ended.stdout);
            }
            assert!(ended.stdout.contains("no connection") && ended.stdout.contains("unreachable"));
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [301, 302, 307, 308] {
        let mut host = Host::open().await;
        let (slack_url, marketo_url) = (host.slack.api_url(), host.marketo.url());
        let redirect = |to: &str| {
            format!(
                "HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        };
        let (slack, asked_slack) = answering(redirect(&format!("{slack_url}/auth.test")));
        let (marketo, asked_marketo) = answering(redirect(&format!("{marketo_url}/identity/oauth/token")));
        host.set("SLACK_API_URL", &format!("http://{slack}/api"));
        host.set("MARKETO_BASE_URL", &format!("http://{marketo}"));
        let ended = host.run(&["check"]).await;
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        assert!(asked_slack.load(Ordering::SeqCst) > 0 && asked_marketo.load(Ordering::SeqCst) > 0);
        assert!(host.slack.calls().is_empty() && host.marketo.calls().is_empty(), "{status} was followed");
        host.assert_no_secret(&format!("{}{}", ended.stdout, ended.stderr));
    }
}

#[tokio::test]
async fn proxy_variables_are_ignored() {
    let mut host = Host::open().await;
    let (proxy, calls) =
        answering("HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        host.set(name, &format!("http://{proxy}"));
    }
    host.run(&["check"]).await.is_good();
    assert_eq!(calls.load(Ordering::SeqCst), 0, "the proxy was used");
}
