//! The program as a process: started, killed, terminated.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use marketo_api_user::clock::Clock;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Timeout of a start, in seconds. Many run at once on few cores.
const STARTS_WITHIN: f64 = 30.0;
/// Timeout of an exit, in seconds: what service managers grant.
const ENDS_WITHIN: f64 = 10.0;

/// Everything that was logged, by all processes of one run.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

/// A running bot. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    address: String,
}

impl Program {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(
        environment: &BTreeMap<&str, String>,
        folder: &Path,
        log: &Log,
    ) -> Result<Self, String> {
        let begin = log.lock().unwrap().len();
        let mut child = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"))
            .arg("serve")
            .env_clear()
            .envs(environment)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        keep(child.stdout.take().unwrap(), Arc::clone(log));
        keep(child.stderr.take().unwrap(), Arc::clone(log));
        let mut this = Self { child, address: String::new() };
        let clock = Clock::system();
        let watch = clock.stopwatch();
        loop {
            let line =
                log.lock().unwrap()[begin..].iter().find(|line| line.contains("\"listening\"")).cloned();
            if let Some(line) = line {
                let line: Value = serde_json::from_str(&line).unwrap();
                line["address"].as_str().unwrap().clone_into(&mut this.address);
                return Ok(this);
            }
            if let Some(status) = this.child.try_wait().unwrap() {
                return Err(format!("it ended at its start: {status}"));
            }
            if watch.seconds() > STARTS_WITHIN {
                return Err("it does not listen".to_owned());
            }
            clock.sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn becomes_ready(&self) -> Result<(), String> {
        let clock = Clock::system();
        let watch = clock.stopwatch();
        while watch.seconds() < STARTS_WITHIN {
            if self.is_ready().await == Some(true) {
                return Ok(());
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
        Err("it does not become ready".to_owned())
    }

    async fn is_ready(&self) -> Option<bool> {
        let mut stream = TcpStream::connect(&self.address).await.ok()?;
        let request = "GET /readyz HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer.starts_with("HTTP/1.1 200 "))
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: asks it to end.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the exit after SIGTERM: code 0, within 10 s.
    pub(crate) async fn ends_well(mut self) -> Result<(), String> {
        let clock = Clock::system();
        let watch = clock.stopwatch();
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) if status.code() == Some(0) => return Ok(()),
                Some(status) => return Err(format!("SIGTERM: it ended with {status}")),
                None if watch.seconds() > ENDS_WITHIN => {
                    return Err(format!("SIGTERM: it did not end within {ENDS_WITHIN} s"));
                }
                None => clock.sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(from: impl std::io::Read + Send + 'static, log: Log) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            log.lock().unwrap().push(line);
        }
    });
}
