//! `healthcheck`: requests `/healthz` from the bot on this machine, for a container's `HEALTHCHECK`.

use std::{net::IpAddr, process::ExitCode, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::CliError;
use crate::config::{self, Environment};

const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn run(environment: &Environment) -> Result<ExitCode, CliError> {
    let mut address = config::bind(environment).map_err(|error| CliError(vec![error.to_string()]))?;
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() {
            IpAddr::from([127, 0, 0, 1])
        } else {
            IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
        };
        address.set_ip(loopback);
    }
    let request = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut response = Vec::new();
        stream.take(4096).read_to_end(&mut response).await?;
        std::io::Result::Ok(response)
    };
    let error = match tokio::time::timeout(TIMEOUT, request).await {
        Ok(Ok(response)) if response.starts_with(b"HTTP/1.1 200 ") => return Ok(ExitCode::SUCCESS),
        Ok(Ok(_)) => format!("{address} did not respond with 200 to /healthz"),
        Ok(Err(error)) => format!("{address}: {error}"),
        Err(_) => format!("{address} did not respond within {} s", TIMEOUT.as_secs()),
    };
    Err(CliError(vec![error]))
}
