//! The program with two Marketo instances: what `check` and `/readyz` say of each.

use std::sync::Arc;

use marketo_api_user::sim::marketo::{self, MarketoSim, SimRole};
use serde_json::Value;

use crate::host::{Host, POLICY};

const SECRET: &str = "secret-of-the-sandbox";

/// A host with the instances `production` and `sandbox`.
async fn two() -> (Host, Arc<MarketoSim>) {
    let mut host = Host::open().await;
    let mut setup = marketo::Setup { client_secret: SECRET.to_owned(), ..marketo::Setup::default() };
    setup.roles = vec![SimRole::new(501, "API Only")];
    let sandbox = MarketoSim::start(host.clock.clone(), setup).await.unwrap();
    let block = |name: &str, url: &str, secret: &str| {
        format!(
            "\n[[instance]]\nname = '{name}'\nbase_url = '{url}'\nclient_id_env = 'MARKETO_CLIENT_ID'\n\
             client_secret_env = '{secret}'\n"
        )
    };
    let production = block("production", &host.marketo.url(), "MARKETO_CLIENT_SECRET");
    let second = block("sandbox", &sandbox.url(), "SANDBOX_SECRET");
    host.write("bot.toml", &format!("{POLICY}{production}{second}"));
    host.set("SANDBOX_SECRET", SECRET);
    host.unset("MARKETO_BASE_URL");
    (host, sandbox)
}

#[tokio::test]
async fn check_covers_every_instance_by_name() {
    let (host, _sandbox) = two().await;
    let ended = host.run(&["check"]).await;
    ended.is_good();
    for check in ["credentials", "permissions", "roles"] {
        for instance in ["production", "sandbox"] {
            let line = format!("marketo {check} ({instance}): ");
            assert_eq!(ended.stdout.matches(&line).count(), 1, "{line} in {}", ended.stdout);
        }
    }
    let lacks = "marketo roles (sandbox): offered: API Only (501); missing: API Only - EMEA";
    assert!(ended.stdout.contains(lacks), "{}", ended.stdout);
    let report = host.run(&["check", "--json"]).await;
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let named = |check: &&Value| check["instance"] == "sandbox";
    assert_eq!(report["checks"].as_array().unwrap().iter().filter(named).count(), 3, "{report}");
}

#[tokio::test]
async fn check_names_the_failing_instance() {
    let (mut host, sandbox) = two().await;
    sandbox.set_client_secret("another");
    let lines = host.run(&["check"]).await.fails_with(&["marketo credentials (sandbox)"]);
    assert!(lines[0].contains("SANDBOX_SECRET"), "{lines:?}");
    sandbox.set_client_secret(SECRET);
    sandbox.set_permissions(false);
    host.run(&["check"]).await.fails_with(&["marketo permissions (sandbox)"]);
    sandbox.set_permissions(true);
    sandbox.set_down(true);
    let lines = host.run(&["check"]).await.fails_with(&["marketo credentials (sandbox)"]);
    assert!(lines[0].contains("instance[1].base_url"), "{lines:?}");
    sandbox.set_down(false);
    host.marketo.set_roles(vec![SimRole::new(101, "API Only")]);
    let lines = host.run(&["check"]).await.fails_with(&["marketo roles"]);
    assert!(lines[0].contains("API Only - EMEA"), "no instance has it: {lines:?}");
    host.unset("SANDBOX_SECRET");
    let lines = host.run(&["check"]).await.fails_with(&["configuration"]);
    assert!(lines[0].contains("instance[1].client_secret_env"), "{lines:?}");
}

#[tokio::test]
async fn readyz_names_an_unreachable_instance_until_it_recovers() {
    let (host, sandbox) = two().await;
    sandbox.set_down(true);
    let running = host.serve().await;
    let about =
        |body: &str, name: &str| body.lines().any(|line| line.contains(&format!("Marketo instance {name}")));
    loop {
        let (status, body) = running.get("/readyz").await;
        assert_eq!(status, 503);
        if !about(&body, "production") && body.contains("Marketo instance sandbox") {
            host.assert_no_secret(&body);
            break;
        }
        host.clock.sleep(std::time::Duration::from_millis(10)).await;
    }
    sandbox.set_down(false);
    running.becomes_ready().await;
    host.assert_no_secret(&running.stops().await.stdout);
}
