//! A policy file that a user brings.

use std::process::Command;

use marketo_api_user::playground::policy_fixture;

use super::page::{OPS, Page, part};

const POLICY: &str = r#"
[slack]
approval_channel = "C0CARDS"
team_ids = ["T0OWN"]

[policy]
approvers = ["U0BOSS", "S0ADMINS"]
requesters = ["S0MAKERS"]
roles = ["Web Sync"]
reason = "required"

[[instance]]
name = "live"
base_url = "https://123-ABC-456.mktorest.com"
client_id_env = "LIVE_ID"
client_secret_env = "LIVE_SECRET"

[[instance]]
name = "test"
base_url = "https://789-DEF-012.mktorest.com"
client_id_env = "TEST_ID"
client_secret_env = "TEST_SECRET"
"#;

#[tokio::test]
async fn people_named_by_a_policy_exist_and_play_the_scenarios() {
    let page = Page::with(policy_fixture::company(POLICY).expect("a good policy")).await;
    let seen = page.get("/").await;
    let top = part(&seen, "top");
    for id in ["U0BOSS", "U0ADMINS1", "U0ADMINS2", "U0MAKERS1", "U0MAKERS2", "U0GUEST", "U0OUT"] {
        assert!(top.contains(&format!("id=\"persona-{id}\"")), "{id} in {top}");
    }
    assert!(
        part(&seen, "marketo").contains("<h3>live</h3>") && part(&seen, "marketo").contains("<h3>test</h3>")
    );
    page.does("scenario", &[("name", "approve"), ("pace", "quick")]).await;
    let seen = page.until("U0MAKERS1", OPS, "Finished: Request and approve.").await;
    assert!(part(&seen, "marketo").contains("svc-crm-sync@example.com"));
}

#[test]
fn policy_errors_are_listed_one_per_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bad.toml");
    std::fs::write(&file, "[policy]\nroles = []\nreasons = 1\n").expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"));
    let output = command.args(["demo", "--config"]).arg(&file).env_clear().output().expect("it runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.lines().count() >= 3 && stderr.lines().all(|line| line.contains("policy.")), "{stderr}");
}
