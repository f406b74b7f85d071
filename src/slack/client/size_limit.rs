//! A limit on the size of Slack's responses. slack-morphism collects a whole response before its caller sees it, so the
//! limit is set where the bytes are read: on the connection, from one request to the next. It must not know what is sent.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::{
    Uri,
    rt::{Read, ReadBuf, ReadBufCursor, Write},
};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::slack::error::ResponseTooLarge;

/// The largest response, with its head. Slack's own are far smaller: a page of members or messages.
const RESPONSE_MAX: usize = 8 * 1024 * 1024;
/// How much is read at once.
const READ_SIZE: usize = 8 * 1024;

type ConnectError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections whose responses are limited.
#[derive(Clone)]
pub(super) struct LimitedConnector(pub(super) HttpsConnector<HttpConnector>);

impl Service<Uri> for LimitedConnector {
    type Response = LimitedStream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<LimitedStream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let stream = self.0.call(uri);
        Box::pin(async move { Ok(LimitedStream { stream: stream.await?, received: 0 }) })
    }
}

/// A connection that breaks when a response is too large.
pub(super) struct LimitedStream {
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    /// How many bytes were received since something was sent.
    received: usize,
}

impl Connection for LimitedStream {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for LimitedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut bytes = [0; READ_SIZE];
        let length = READ_SIZE.min(buffer.remaining());
        let mut part = ReadBuf::new(&mut bytes[..length]);
        ready!(Pin::new(&mut this.stream).poll_read(context, part.unfilled()))?;
        this.received += part.filled().len();
        if this.received > RESPONSE_MAX {
            return Poll::Ready(Err(io::Error::other(ResponseTooLarge)));
        }
        buffer.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for LimitedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.received = 0;
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.received = 0;
        Pin::new(&mut this.stream).poll_write_vectored(context, bytes)
    }
}
