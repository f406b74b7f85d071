//! A small HTTP/1.1 server on loopback whose handler may cut the connection instead of answering.
//! It knows nothing of what it serves.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

/// The handler's way to say that the connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
pub struct Cut;

/// A running server; dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl Server {
    /// Serves `handler` on a free loopback port until dropped.
    ///
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start<H, F>(handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let whole = move |request: Request<Incoming>| {
            let handler = Arc::clone(&handler);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
                handler(Request::from_parts(head, body)).await
            }
        };
        Self::on(TcpListener::bind(("127.0.0.1", 0)).await?, whole)
    }

    /// Serves `handler`, which reads bodies by itself, on this listener until dropped.
    ///
    /// # Errors
    /// When the listener does not know its address.
    pub fn on<H, F>(listener: TcpListener, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::new(handler)));
        Ok(Self { address, _accepting: accepting })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn accept<H, F>(listener: TcpListener, handler: Arc<H>)
where
    H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let _ = stream.set_nodelay(true);
        let handler = Arc::clone(&handler);
        let service = service_fn(move |request| handler(request));
        connections.spawn(async move {
            // An error here is a client that went away, or a cut on purpose.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
