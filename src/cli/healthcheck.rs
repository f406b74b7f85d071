//! `healthcheck`: asks a running bot on this machine whether it can serve, for a container's `HEALTHCHECK`.

use std::{net::IpAddr, process::ExitCode, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::CliError;
use crate::config::{self, Environment};

/// How long the answer may take.
const WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn run(environment: &Environment) -> Result<ExitCode, CliError> {
    let mut address = config::bind(environment).map_err(|fault| CliError(vec![fault.to_string()]))?;
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() {
            IpAddr::from([127, 0, 0, 1])
        } else {
            IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
        };
        address.set_ip(loopback);
    }
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    match tokio::time::timeout(WITHIN, asked).await {
        Ok(Ok(answer)) if answer.starts_with(b"HTTP/1.1 200 ") => Ok(ExitCode::SUCCESS),
        Ok(Ok(_)) => Err(CliError(vec![format!("{address} does not answer 200 on /healthz")])),
        Ok(Err(error)) => Err(CliError(vec![format!("{address}: {error}")])),
        Err(_) => Err(CliError(vec![format!("{address} does not answer within {} s", WITHIN.as_secs())])),
    }
}
