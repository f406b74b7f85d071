//! The servers as processes: their CPU, and the memory they use.

use std::{
    ffi::OsStr,
    fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
};

/// A server process, which is killed on drop.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// A free loopback address.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Moves this process, with its clients and simulators, to the second CPU. Returns false if that is not possible. Call it
/// before any thread is started.
pub(crate) fn move_to_second_cpu() -> bool {
    let id = std::process::id().to_string();
    let taskset = Command::new("taskset").args(["-pc", "1", &id]).stdout(Stdio::null()).status();
    taskset.is_ok_and(|status| status.success())
}

/// A command that runs on the first CPU if `is_pinned`.
pub(crate) fn on_first_cpu(program: impl AsRef<OsStr>, is_pinned: bool) -> Command {
    if !is_pinned {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

impl Server {
    /// Starts a server that will listen on `address`.
    pub(crate) fn start(mut command: Command, address: SocketAddr) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        Self { child, address }
    }

    /// Its resident memory, in MiB.
    pub(crate) fn mebibytes(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kibibytes.map_or(f64::NAN, |kibibytes| kibibytes / 1024.0)
    }

    /// Sends SIGTERM and waits until it has exited.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
