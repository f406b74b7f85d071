//! Invalid settings: all of them are reported at once, one per line, and nothing was started.

use std::net::TcpListener;

use crate::host::Host;

#[tokio::test]
async fn all_invalid_settings_are_reported_at_once() {
    let mut host = Host::open().await;
    host.unset("SLACK_SIGNING_SECRET");
    host.set("SLACK_BOT_TOKEN", "xoxb hidden");
    host.set("SLACK_API_URL", "http://slack.example.com/api");
    host.set("MARKETO_BASE_URL", "https://user:hidden@123-abc-456.mktorest.com");
    host.unset("MARKETO_CLIENT_ID");
    host.set("MARKETO_CLIENT_SECRET_FILE", &host.path("absent"));
    host.unset("MARKETO_CLIENT_SECRET");
    host.set("DATABASE_URL", "mysql://user:hidden@127.0.0.1/bot");
    host.set("BIND", "3000");
    host.set("LOG_FORMAT", "xml");
    host.set("RUST_LOG", "a=b=c");
    host.write(
        "bot.toml",
        "[slack]\napproval_chanel = 'C0APPROVE'\n[policy]\nmax_access = '1y'\nroles = ['API Only']\n[marketo]\ncalls_per_20s = 'many'\n",
    );
    let keys = [
        "SLACK_SIGNING_SECRET",
        "SLACK_BOT_TOKEN",
        "SLACK_API_URL",
        "MARKETO_BASE_URL",
        "MARKETO_CLIENT_ID",
        "MARKETO_CLIENT_SECRET_FILE",
        "DATABASE_URL",
        "BIND",
        "LOG_FORMAT",
        "RUST_LOG",
        "slack.approval_chanel",
        "policy.max_access",
        "policy.approvers",
        "marketo.calls_per_20s",
    ];
    let ended = host.run(&["serve"]).await;
    ended.fails_with(&keys);
    assert_eq!(ended.stdout, "");
    host.assert_no_secret(&ended.stderr);
    assert!(!std::fs::exists(host.path("bot.db")).unwrap(), "the database was opened");
}

#[tokio::test]
async fn port_and_database_are_not_touched_while_a_setting_is_invalid() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut host = Host::open().await;
    host.set("BIND", &taken.local_addr().unwrap().to_string());
    host.unset("SLACK_BOT_TOKEN");
    let ended = host.run(&["serve"]).await;
    ended.fails_with(&["SLACK_BOT_TOKEN"]);
    assert!(!std::fs::exists(host.path("bot.db")).unwrap(), "the database was opened");
}

#[tokio::test]
async fn unreadable_configuration_file_is_reported() {
    let mut host = Host::open().await;
    host.write("broken.toml", "[policy\n");
    let broken = host.path("broken.toml");
    let ended = host.run(&["serve", "--config", &broken]).await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1), "{ended:?}");
    assert!(ended.stderr.contains("broken.toml"), "{ended:?}");
    host.set("CONFIG", &host.path("absent.toml"));
    let ended = host.run(&["serve"]).await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1), "{ended:?}");
    assert!(ended.stderr.contains("absent.toml"), "{ended:?}");
}

#[tokio::test]
async fn occupied_port_is_reported() {
    let mut host = Host::open().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    host.set("BIND", &address);
    let ended = host.run(&["serve"]).await;
    let lines = ended.fails_with(&["BIND"]);
    assert!(lines[0].contains(&address) && lines[0].contains("in use"), "{lines:?}");
}

#[tokio::test]
async fn unusable_database_is_reported() {
    let mut host = Host::open().await;
    host.write("text", &"this is no database. ".repeat(100));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (url, why) in [
        (format!("sqlite:{}", host.path("absent/bot.db")), "unable to open database file"),
        (format!("sqlite:{}", host.path("")), "unable to open database file"),
        (format!("sqlite:{}", host.path("text")), "not a database"),
        ("postgres://user:hidden@127.0.0.1:1/bot".to_owned(), "Connection refused"),
        (format!("postgres://user:hidden@{}/bot", silent.local_addr().unwrap()), "no response in time"),
    ] {
        host.set("DATABASE_URL", &url);
        let ended = host.run(&["serve"]).await;
        let lines = ended.fails_with(&["DATABASE_URL"]);
        assert!(lines[0].contains(why), "{url}: {lines:?}");
        assert!(ended.seconds < 6.0, "{url}: {ended:?}");
        host.assert_no_secret(&format!("{}{}", ended.stderr, ended.stdout));
    }
}

#[tokio::test]
async fn secrets_can_be_read_from_files() {
    let mut host = Host::open().await;
    for name in ["SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "MARKETO_CLIENT_ID", "MARKETO_CLIENT_SECRET"] {
        let value = host.unset(name);
        host.write(name, &format!("{value}\n"));
        host.set(&format!("{name}_FILE"), &host.path(name));
    }
    host.run(&["check"]).await.is_good();
    let running = host.serve_ready().await;
    let reply = host.work.person("U0REQ").types("C0OPS", "/marketo-api-user help").await;
    assert_eq!(reply.status, 200);
    running.stops().await.is_good();
}
