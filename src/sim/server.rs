//! A small HTTP/1.1 server on loopback whose handler may cut the connection instead of answering.
//! It must not know what it serves.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

/// Returned by a handler to close the connection without a response.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut deliberately")]
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
        let buffered = move |request: Request<Incoming>| {
            let handler = Arc::clone(&handler);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
                handler(Request::from_parts(head, body)).await
            }
        };
        Self::on(TcpListener::bind(("127.0.0.1", 0)).await?, buffered)
    }

    /// Serves `handler`, which reads request bodies itself, on this listener until dropped.
    ///
    /// # Errors
    /// When the listener's address cannot be read.
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
            // An error here is a disconnected client or a deliberate cut.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
