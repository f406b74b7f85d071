//! The program as its own process, among the simulators of a playground.

use std::{
    net::TcpListener,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use marketo_api_user::{playground::Playground, sim::marketo::Setup};

use super::cluster::{readyz, wait_until};

/// The program, killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) url: String,
}

impl Program {
    /// Starts it in `folder` with `policy` on `database`, as another user of the machine if one is given.
    pub(crate) fn start(
        bot: &Playground,
        database: &str,
        folder: &Path,
        policy: &str,
        user: Option<u32>,
    ) -> Self {
        let config = folder.join("bot.toml");
        std::fs::write(&config, policy).expect("a file");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let (slack, marketo) = (bot.slack.setup(), Setup::default());
        let mut command = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"));
        command
            .arg("serve")
            .env_clear()
            .env("CONFIG", &config)
            .env("BIND", &address)
            .env("DATABASE_URL", database)
            .env("SLACK_API_URL", bot.slack.api_url())
            .env("SLACK_SIGNING_SECRET", &slack.signing_secret)
            .env("SLACK_BOT_TOKEN", &slack.bot_token)
            .env("MARKETO_BASE_URL", bot.marketo.url())
            .env("MARKETO_CLIENT_ID", &marketo.client_id)
            .env("MARKETO_CLIENT_SECRET", &marketo.client_secret)
            .current_dir(folder)
            .stdout(Stdio::null());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let child = command.spawn().expect("the program starts");
        Self { child, url: format!("http://{address}") }
    }

    pub(crate) async fn ready(&self) {
        wait_until("the program is ready", async || {
            let address = self.url.trim_start_matches("http://");
            tokio::net::TcpStream::connect(address).await.is_ok() && readyz(&self.url).await.0 == 200
        })
        .await;
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
