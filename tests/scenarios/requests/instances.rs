//! Several Marketo instances: the choice in the form, its options, and an email that must be free on all of them.

use insta::assert_snapshot;
use marketo_api_user::sim::{
    fault::Fault,
    marketo::{Identity, MarketoSim, Setup, SimRole, SimUser, SimWorkspace},
    user::SignedRequest,
};
use serde_json::Value;

use crate::test_bot::{CARDS, FORM, OPS, RAE, TestBot, assert_empty_ack, options};

/// A second Marketo with its own credentials, identity system, roles and workspaces.
pub(crate) fn sandbox() -> Setup {
    Setup {
        identity: Identity::Adobe,
        client_id: "client-of-the-sandbox".to_owned(),
        client_secret: "secret-of-the-sandbox".to_owned(),
        roles: vec![SimRole::new(501, "API Only"), SimRole::new(502, "Sandbox API")],
        workspaces: vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(9, "Playground")],
        users: Vec::new(),
        ..Setup::default()
    }
}

/// A bot with two instances, `production` and `sandbox`.
pub(crate) async fn with_sandbox(sandbox: Setup) -> TestBot {
    let mut setup = options();
    setup.policy = setup.policy.replace("\"API Only - EMEA\"", "\"API Only - EMEA\", \"Sandbox API\"");
    setup.second_marketo = Some(sandbox);
    TestBot::with(setup).await
}

impl TestBot {
    pub(crate) fn sandbox(&self) -> &MarketoSim {
        self.second_marketo.as_deref().expect("a second Marketo")
    }

    /// Rae chooses an instance in the open form, and the form updates.
    pub(crate) async fn rae_chooses(&self, instance: &str) {
        for reply in self.rae.fills(&[("Marketo instance", instance)]).await.unwrap() {
            assert_empty_ack(&reply);
        }
        self.drain().await.unwrap();
    }

    /// Rae submits a form that is rejected. Returns the error of `field`.
    pub(crate) async fn rae_is_told(&self, field: &str) -> String {
        let submitted = self.rae.submits().await.unwrap();
        assert!(!submitted.closed && submitted.reply.error.is_none(), "{submitted:?}");
        let beside: Vec<&str> = submitted.errors.keys().map(String::as_str).collect();
        assert_eq!(beside, [field], "{:?}", submitted.errors);
        submitted.errors[field].clone()
    }

    /// Rae submits a form that is accepted.
    pub(crate) async fn rae_sends(&self) {
        let submitted = self.rae.submits().await.unwrap();
        assert!(submitted.closed && submitted.reply.body.is_empty(), "{:?}", submitted.errors);
        self.drain().await.unwrap();
    }
}

/// The values of Rae's form by the labels of its fields.
fn held(bot: &TestBot, label: &str) -> Value {
    let view = bot.rae.open_view().unwrap();
    let block =
        view.blocks().iter().find(|block| block["label"]["text"] == label).expect("the field").clone();
    view.values()[block["block_id"].as_str().unwrap()]["value"].clone()
}

/// What Rae's client sent, with other values, signed now.
fn forged(bot: &TestBot, sent: &SignedRequest, change: impl FnOnce(&mut Value)) -> SignedRequest {
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&sent.body).unwrap();
    let mut payload: Value = serde_json::from_str(&form[0].1).unwrap();
    change(&mut payload);
    let body = serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap();
    bot.work.signed(&sent.path, &sent.content_type, &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn choosing_an_instance_updates_options_and_keeps_the_input() {
    let bot = with_sandbox(sandbox()).await;
    bot.opens_form(&bot.rae, "/marketo-api-user svc-crm@example.com").await;
    let labels = |bot: &TestBot| bot.rae.open_view().unwrap().labels().join(", ");
    let before = "Email, First name, Last name, Reason, Access expiration, Marketo instance, Role";
    assert_eq!(labels(&bot), before);
    bot.rae.fills(&FORM[1..]).await.unwrap();
    bot.rae.fills(&[("Reason", "Sync of leads")]).await.unwrap();
    bot.rae_chooses("sandbox").await;
    assert_eq!(labels(&bot), format!("{before}, Workspace"));
    assert_snapshot!("instances_sandbox_chosen", bot.modal_text(&bot.rae));
    for (label, key, value) in [
        ("Email", "value", "svc-crm@example.com"),
        ("First name", "value", "Svc"),
        ("Last name", "value", "Crm"),
        ("Reason", "value", "Sync of leads"),
        ("Access expiration", "selected_date", "2027-01-31"),
    ] {
        assert_eq!(held(&bot, label)[key], value, "{label}");
    }
    // Both have a role of this name, but with another id.
    assert_eq!(held(&bot, "Role")["selected_option"], Value::Null);
    bot.rae.fills(&[("Role", "Sandbox API"), ("Workspace", "Playground")]).await.unwrap();
    bot.rae_chooses("production").await;
    assert_eq!(labels(&bot), before);
    assert!(bot.rae.fills(&[("Role", "Sandbox API")]).await.is_err(), "it is not offered there");
    bot.rae_chooses("sandbox").await;
    bot.rae.fills(&[("Role", "API Only"), ("Workspace", "Playground")]).await.unwrap();
    bot.rae_sends().await;
    let hashes: Vec<_> =
        bot.slack.calls_to("views.update").iter().map(|call| call.body["hash"].clone()).collect();
    assert!(hashes.len() == 3 && hashes.iter().all(Value::is_string), "{hashes:?}");
    bot.card_says(&["Marketo instance: sandbox", "Role: API Only", "Workspace: Playground"]);
    bot.clicks(&bot.ada, "Approve").await;
    let created: Vec<_> = bot.sandbox().users();
    assert_eq!((created.len(), created[0].roles.as_slice()), (1, &[(501, 9)][..]));
    assert_eq!((bot.sandbox().invites(), bot.marketo.invites()), (1, 0));
    let announced = bot.slack.transcript(OPS);
    // On Adobe Identity the id is not an email.
    assert!(announced.contains(&format!("User ID: {}", created[0].userid)), "{announced}");
    assert_snapshot!("instances_announced", announced.replace(&created[0].userid, "GUID"));
    assert!(bot.direct_messages(RAE).contains("Marketo instance: sandbox"), "{}", bot.direct_messages(RAE));
}

#[tokio::test(flavor = "multi_thread")]
async fn instance_without_allowed_roles_lets_the_requester_choose_another() {
    let bot = with_sandbox(Setup { roles: vec![SimRole::new(1, "Admin")], ..sandbox() }).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae_chooses("sandbox").await;
    assert!(
        bot.modal_text(&bot.rae).contains("sandbox has none of the roles"),
        "{}",
        bot.modal_text(&bot.rae)
    );
    assert_eq!(bot.rae_is_told("Marketo instance").await, "Choose a role.");
    bot.rae_chooses("production").await;
    bot.rae.fills(&[("Role", "API Only")]).await.unwrap();
    bot.rae_sends().await;
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_instance_choice_wins() {
    let bot = with_sandbox(sandbox()).await;
    bot.allow_slack_errors(&["hash_conflict"]);
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    let chosen = bot.rae.fills(&[("Marketo instance", "sandbox")]).await.unwrap().remove(0).sent;
    bot.drain().await.unwrap();
    assert!(bot.modal_text(&bot.rae).contains("Workspace"));
    // The second choice was sent before the form had updated for the first.
    let quick = forged(&bot, &chosen, |payload| {
        payload["actions"][0]["selected_option"]["value"] = "production".into();
        payload["actions"][0]["action_ts"] = "9999999999.000001".into();
        payload["trigger_id"] = "another".into();
    });
    assert_empty_ack(&bot.work.send(&quick).await);
    bot.drain().await.unwrap();
    assert!(!bot.modal_text(&bot.rae).contains("Workspace"), "{}", bot.modal_text(&bot.rae));
    // A late redelivery of the first changes nothing.
    let late = forged(&bot, &chosen, |payload| payload["trigger_id"] = "late".into());
    assert_empty_ack(&bot.work.send(&late).await);
    bot.drain().await.unwrap();
    assert!(!bot.modal_text(&bot.rae).contains("Workspace"), "{}", bot.modal_text(&bot.rae));
    let refused: Vec<_> =
        bot.slack.calls_to("views.update").into_iter().filter_map(|call| call.error).collect();
    assert_eq!(refused, ["hash_conflict"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_of_another_instance_is_rejected() {
    let bot = with_sandbox(sandbox()).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.slack.faults().script("views.update", Fault::Cut);
    bot.rae_chooses("sandbox").await;
    let answer = bot.rae_is_told("Role").await;
    assert!(answer.contains("These roles belong to production, not to sandbox"), "{answer}");
    bot.rae_chooses("sandbox").await;
    bot.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    bot.rae_sends().await;
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.sandbox().users()[0].roles, [(501, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_search_uses_the_chosen_instance() {
    let many = |first: i64, name: &str| -> (Vec<SimRole>, Vec<SimWorkspace>) {
        let ids = first..first + 150;
        let named = |id: i64| format!("{name} {}", id - first);
        (
            ids.clone().map(|id| SimRole::new(id, &named(id))).collect(),
            ids.map(|id| SimWorkspace::new(id, &named(id))).collect(),
        )
    };
    let (mut setup, mut second) = (options(), sandbox());
    (setup.marketo.roles, setup.marketo.workspaces) = many(1_000, "Team");
    (second.roles, second.workspaces) = many(5_000, "Trial");
    let roles: Vec<String> =
        setup.marketo.roles.iter().chain(&second.roles).map(|r| r.name.clone()).collect();
    setup.policy = setup.policy.replace("[\"API Only\", \"API Only - EMEA\"]", &format!("{roles:?}"));
    setup.second_marketo = Some(second);
    let bot = TestBot::with(setup).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM[..4]).await.unwrap();
    for (instance, name, other) in [("production", "Team", "Trial"), ("sandbox", "Trial", "Team")] {
        bot.rae_chooses(instance).await;
        for field in ["Role", "Workspace"] {
            assert_eq!(bot.rae.asks_options(field, "").await.unwrap().options.len(), 100);
            let options = bot.rae.asks_options(field, &format!("{name} 14").to_lowercase()).await.unwrap();
            assert_eq!(options.texts().len(), 11, "{:?}", options.texts());
            assert!(bot.rae.asks_options(field, other).await.unwrap().options.is_empty());
        }
    }
    bot.rae.fills(&[("Role", "Trial 149"), ("Workspace", "Trial 120")]).await.unwrap();
    bot.rae_sends().await;
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.sandbox().users()[0].roles, [(5_149, 5_120)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn form_names_the_instance_that_already_has_the_email() {
    let user = SimUser::new(1, "Svc-CRM@example.com", "Old", "Sync", true);
    let bot = with_sandbox(Setup { users: vec![user], ..sandbox() }).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    let answer = bot.rae_is_told("Email").await;
    assert!(
        answer.contains("The Marketo instance sandbox already has a user")
            && answer.contains("unique across all"),
        "{answer}"
    );
    bot.rae.fills(&[("Email", "another@example.com")]).await.unwrap();
    bot.rae_sends().await;
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!((bot.marketo.invites(), bot.sandbox().invites()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn user_created_on_another_instance_is_found_before_the_invite() {
    let bot = with_sandbox(sandbox()).await;
    bot.rae_requests(&[]).await;
    bot.sandbox().add_user(SimUser::new(1, "svc-crm@example.com", "Old", "Sync", true));
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&[
        "Failed",
        "Another Marketo instance already has a user with this email",
        "Instance that has the user: sandbox",
        "Marketo instance: production",
    ]);
    assert!(!bot.card_text().contains("[ Retry ]"));
    assert_snapshot!("instances_email_taken_elsewhere", bot.direct_messages(RAE));
    assert_eq!((bot.marketo.invites(), bot.sandbox().invites()), (0, 0));
    // From now on the form knows.
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    assert!(bot.rae_is_told("Email").await.contains("sandbox"));
}

#[tokio::test(flavor = "multi_thread")]
async fn email_pending_on_one_instance_is_pending_on_all() {
    let bot = with_sandbox(sandbox()).await;
    bot.rae_requests(&[]).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae_chooses("sandbox").await;
    bot.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    let answer = bot.rae_is_told("Email").await;
    assert!(answer.contains("already open") && answer.contains("across all Marketo instances"), "{answer}");
    bot.rae_cancels().await;
    bot.rae_sends().await;
    let cards = bot.slack.channel(CARDS);
    assert_empty_ack(&bot.ada.clicks(&cards[1], "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert_eq!((bot.marketo.invites(), bot.sandbox().invites()), (0, 1));
}
