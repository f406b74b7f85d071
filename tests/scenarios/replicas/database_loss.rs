//! A replica that loses PostgreSQL says so, promises nothing, and goes on by itself when it is back.

use marketo_api_user::{
    clock::Clock,
    domain::people::RequestId,
    playground::Mode,
    store::{NewLedgerEntry, Store},
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

use super::{
    cluster::{
        ADA, CARDS, OPS, RAE, asks, count, created, end, fills, in_time, insists, options, postgres, readyz,
        replicas, runs, says_that_nothing_is_stored, until,
    },
    proxy::{Line, Proxy},
};

async fn is_lost_and_comes_back(line: Line) {
    let Some(database) = postgres().await else { return };
    let (network, database) = Proxy::before(&database).await;
    let options = options(database, Mode::Live, "");
    let running = runs(&options.clock);
    let all = replicas(options, 0).await;
    let play = &all[0];
    until("it is ready", async || readyz(play.url()).await.0 == 200).await;
    drop(running);
    let (rae, ada) = (play.person(RAE), play.person(ADA));
    asks(&rae, "svc1@example.com").await;
    let running = runs(&play.clock);
    until("the card is there", async || play.slack.channel(CARDS).len() == 1).await;
    drop(running);
    let card = play.slack.channel(CARDS).remove(0);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fills(&rae, "svc2@example.com").await;

    network.set(line);
    says_that_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") })
        .await;
    // Again, with connections of which it is known by now that they are of no use.
    says_that_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") })
        .await;
    let (status, why) = in_time(readyz(play.url())).await;
    assert!(status == 503 && why.contains("the database takes nothing"), "{status} {why}");
    until("the approver is told", async || !play.slack.ephemerals_for(ADA).is_empty()).await;
    let told = play.slack.ephemerals_for(ADA);
    assert!(told.iter().all(|one| one.text.to_lowercase().contains("try again")), "{told:?}");
    // The command opens its form nevertheless.
    let sam = play.person("U0SECOND");
    in_time(sam.types(OPS, "/marketo-api-user")).await;
    sam.sees_modal().await.expect("the form");

    network.set(Line::Up);
    until("it is ready again", async || readyz(play.url()).await.0 == 200).await;
    let submitted = in_time(rae.submits()).await.expect("the same form");
    assert!(submitted.closed, "{:?}", submitted.errors);
    assert_eq!(in_time(ada.clicks(&card, "Approve")).await.expect("the button").status, 200);
    let running = runs(&play.clock);
    until("everything is done", async || {
        let depth = play.depth().await.expect("the database answers");
        created(play) == ["svc1@example.com"] && depth.due == 0 && play.slack.channel(CARDS).len() == 2
    })
    .await;
    drop(running);
    assert_eq!(count(play, "invite"), 1);
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_database_connections_are_reported_and_recover() {
    is_lost_and_comes_back(Line::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_database_connections_are_reported_and_recover() {
    is_lost_and_comes_back(Line::Hung).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replica_lost_in_a_transaction_leaves_no_lock() {
    let Some(database) = postgres().await else { return };
    let (network, through) = Proxy::before(&database).await;
    let store = Store::open(&database).await.expect("the database");
    let cut_off = Store::open(&through).await.expect("the database");
    let (real, id) = (Clock::system(), RequestId("none".to_owned()));
    let entry = || NewLedgerEntry { at: real.now(), request: &id, actor: "bot", name: "noted", body: "{}" };
    // It has locked the head of the ledger when the network swallows everything.
    let mut held = cut_off.begin().await.expect("a transaction");
    held.append(&entry()).await.expect("an entry");
    network.set(Line::Hung);
    let since = real.millis();
    until("the other one can write", async || {
        let mut tx = store.begin().await.expect("a transaction");
        tx.append(&entry()).await.is_ok()
    })
    .await;
    let after = real.millis() - since;
    assert!(after < 9_000, "{after} ms");
    drop(held);
    network.set(Line::Up);
    cut_off.probe(real.now()).await.expect("it comes back");
}

/// A database of its own on the server of the tests, whose sessions can be told what they may do.
struct Server {
    server: String,
    name: String,
}

impl Server {
    async fn new() -> Option<Self> {
        // Its schema is not used; it is there only where the server is.
        let server = postgres().await?.split("options=").next()?.trim_end_matches(['?', '&']).to_owned();
        let name = format!("replicas_{}", Clock::system().new_id().replace('-', ""));
        let this = Self { server, name };
        this.says(&format!("CREATE DATABASE {}", this.name)).await;
        Some(this)
    }

    fn url(&self) -> String {
        let mut url = url::Url::parse(&self.server).expect("an address");
        url.set_path(&self.name);
        url.to_string()
    }

    async fn says(&self, sql: &str) {
        let mut connection = AnyConnection::connect(&self.server).await.expect("the server");
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("done");
        connection.close().await.expect("the server takes its leave");
    }

    /// As when another server takes over: every session ends, and each new one may write or may not.
    async fn lets_write(&self, lets: bool) {
        let what = if lets { "off" } else { "on" };
        self.says(&format!("ALTER DATABASE {} SET default_transaction_read_only = {what}", self.name)).await;
        if !lets {
            let ends = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
                self.name
            );
            self.says(&ends).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_server_is_reported_and_recovers() {
    let Some(server) = Server::new().await else { return };
    let options = options(server.url(), Mode::Live, "");
    let running = runs(&options.clock);
    let all = replicas(options, 0).await;
    let play = &all[0];
    let (rae, ada) = (play.person(RAE), play.person(ADA));
    asks(&rae, "svc1@example.com").await;
    until("the card is there", async || play.slack.channel(CARDS).len() == 1).await;
    drop(running);
    let card = play.slack.channel(CARDS).remove(0);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fills(&rae, "svc2@example.com").await;
    server.lets_write(false).await;
    for _ in 0..2 {
        says_that_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") })
            .await;
    }
    until("it says so", async || readyz(play.url()).await.1.contains("the database takes nothing (25006)"))
        .await;
    server.lets_write(true).await;
    until("it goes on by itself", async || readyz(play.url()).await.0 == 200).await;
    // Each connection of the pool is opened anew when it is used next; until then it takes nothing.
    until("the form is taken", async || in_time(rae.submits()).await.expect("the same form").closed).await;
    assert_eq!(insists(&ada, &card, "Approve").await, 200);
    let running = runs(&play.clock);
    until("the user is created", async || created(play) == ["svc1@example.com"]).await;
    drop(running);
    assert_eq!(count(play, "invite"), 1);
    end(all).await;
    server.says(&format!("DROP DATABASE {} WITH (FORCE)", server.name)).await;
}
