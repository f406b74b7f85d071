//! A replica that loses PostgreSQL reports it, promises nothing, and recovers by itself.

use marketo_api_user::{
    clock::Clock,
    domain::people::RequestId,
    playground::Mode,
    store::{NewLedgerEntry, Store},
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

use super::{
    cluster::{
        ADA, CARDS, OPS, RAE, assert_nothing_is_stored, click_until_accepted, created_emails, fill_form,
        marketo_calls, options, postgres, readyz, replicas, run_clock, submit_request, wait_until,
        within_slack_timeout,
    },
    proxy::{Link, Proxy},
};

async fn assert_outage_and_recovery(line: Link) {
    let Some(database) = postgres().await else { return };
    let (network, database) = Proxy::before(&database).await;
    let options = options(database, Mode::Live, "");
    let running = run_clock(&options.clock);
    let all = replicas(options, 0).await;
    let bot = &all[0];
    wait_until("it is ready", async || readyz(bot.url()).await.0 == 200).await;
    drop(running);
    let (rae, ada) = (bot.person(RAE), bot.person(ADA));
    submit_request(&rae, "svc1@example.com").await;
    let running = run_clock(&bot.clock);
    wait_until("the card is there", async || bot.slack.channel(CARDS).len() == 1).await;
    drop(running);
    let card = bot.slack.channel(CARDS).remove(0);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fill_form(&rae, "svc2@example.com").await;

    network.set(line);
    assert_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") }).await;
    // Again, with connections that are known to be broken.
    assert_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") }).await;
    let (status, why) = within_slack_timeout(readyz(bot.url())).await;
    assert!(status == 503 && why.contains("the database cannot be written"), "{status} {why}");
    wait_until("the approver is told", async || !bot.slack.ephemerals_for(ADA).is_empty()).await;
    let answer = bot.slack.ephemerals_for(ADA);
    assert!(answer.iter().all(|one| one.text.to_lowercase().contains("try again")), "{answer:?}");
    // The command still opens its form.
    let sam = bot.person("U0SECOND");
    within_slack_timeout(sam.types(OPS, "/marketo-api-user")).await;
    sam.sees_modal().await.expect("the form");

    network.set(Link::Up);
    wait_until("it is ready again", async || readyz(bot.url()).await.0 == 200).await;
    let submitted = within_slack_timeout(rae.submits()).await.expect("the same form");
    assert!(submitted.closed, "{:?}", submitted.errors);
    assert_eq!(within_slack_timeout(ada.clicks(&card, "Approve")).await.expect("the button").status, 200);
    let running = run_clock(&bot.clock);
    wait_until("everything is done", async || {
        let depth = bot.depth().await.expect("the database answers");
        created_emails(bot) == ["svc1@example.com"] && depth.due == 0 && bot.slack.channel(CARDS).len() == 2
    })
    .await;
    drop(running);
    assert_eq!(marketo_calls(bot, "invite"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_database_connections_are_reported_and_recover() {
    assert_outage_and_recovery(Link::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_database_connections_are_reported_and_recover() {
    assert_outage_and_recovery(Link::Hung).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replica_lost_in_a_transaction_leaves_no_lock() {
    let Some(database) = postgres().await else { return };
    let (network, through) = Proxy::before(&database).await;
    let store = Store::open(&database).await.expect("the database");
    let cut_off = Store::open(&through).await.expect("the database");
    let (real, id) = (Clock::system(), RequestId("none".to_owned()));
    let entry = || NewLedgerEntry { at: real.now(), request: &id, actor: "bot", name: "noted", body: "{}" };
    // It holds the lock on the ledger's head when the network hangs.
    let mut held = cut_off.begin().await.expect("a transaction");
    held.append(&entry()).await.expect("an entry");
    network.set(Link::Hung);
    let since = real.millis();
    wait_until("the other one can write", async || {
        let mut tx = store.begin().await.expect("a transaction");
        tx.append(&entry()).await.is_ok()
    })
    .await;
    let after = real.millis() - since;
    assert!(after < 9_000, "{after} ms");
    drop(held);
    network.set(Link::Up);
    cut_off.probe(real.now()).await.expect("it comes back");
}

/// A database on the test server whose sessions can be made read-only.
struct Server {
    server: String,
    name: String,
}

impl Server {
    async fn new() -> Option<Self> {
        // The schema is not used; it shows that there is a server.
        let server = postgres().await?.split("options=").next()?.trim_end_matches(['?', '&']).to_owned();
        let name = format!("replicas_{}", Clock::system().new_id().replace('-', ""));
        let this = Self { server, name };
        this.execute(&format!("CREATE DATABASE {}", this.name)).await;
        Some(this)
    }

    fn url(&self) -> String {
        let mut url = url::Url::parse(&self.server).expect("an address");
        url.set_path(&self.name);
        url.to_string()
    }

    async fn execute(&self, sql: &str) {
        let mut connection = AnyConnection::connect(&self.server).await.expect("the server");
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("done");
        connection.close().await.expect("the server takes its leave");
    }

    /// Behaves like a failover: ends every session, and makes new ones writable or read-only.
    async fn set_writable(&self, lets: bool) {
        let what = if lets { "off" } else { "on" };
        self.execute(&format!("ALTER DATABASE {} SET default_transaction_read_only = {what}", self.name))
            .await;
        if !lets {
            let ends = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
                self.name
            );
            self.execute(&ends).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_server_is_reported_and_recovers() {
    let Some(server) = Server::new().await else { return };
    let options = options(server.url(), Mode::Live, "");
    let running = run_clock(&options.clock);
    let all = replicas(options, 0).await;
    let bot = &all[0];
    let (rae, ada) = (bot.person(RAE), bot.person(ADA));
    submit_request(&rae, "svc1@example.com").await;
    wait_until("the card is there", async || bot.slack.channel(CARDS).len() == 1).await;
    drop(running);
    let card = bot.slack.channel(CARDS).remove(0);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fill_form(&rae, "svc2@example.com").await;
    server.set_writable(false).await;
    for _ in 0..2 {
        assert_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") })
            .await;
    }
    wait_until("it says so", async || {
        readyz(bot.url()).await.1.contains("the database cannot be written (25006)")
    })
    .await;
    server.set_writable(true).await;
    wait_until("it goes on by itself", async || readyz(bot.url()).await.0 == 200).await;
    // Each pooled connection is reopened on its next use; until then it accepts nothing.
    wait_until("the form is taken", async || {
        within_slack_timeout(rae.submits()).await.expect("the same form").closed
    })
    .await;
    assert_eq!(click_until_accepted(&ada, &card, "Approve").await, 200);
    let running = run_clock(&bot.clock);
    wait_until("the user is created", async || created_emails(bot) == ["svc1@example.com"]).await;
    drop(running);
    assert_eq!(marketo_calls(bot, "invite"), 1);
    drop(all);
    server.execute(&format!("DROP DATABASE {} WITH (FORCE)", server.name)).await;
}
