//! Several Marketo instances: the choice in the form, what follows it, and an e-mail that must be free on all of them.

use insta::assert_snapshot;
use marketo_api_user::sim::{
    fault::Fault,
    marketo::{Identity, MarketoSim, Setup, SimRole, SimUser, SimWorkspace},
    user::SignedRequest,
};
use serde_json::Value;

use crate::support::{CARDS, FORM, House, OPS, RAE, assert_quiet, options};

/// A Marketo beside the usual one, with other credentials, another sign-in and other roles and workspaces.
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

/// A house with two instances, `production` and `sandbox`.
pub(crate) async fn with_sandbox(sandbox: Setup) -> House {
    let mut setup = options();
    setup.policy = setup.policy.replace("\"API Only - EMEA\"", "\"API Only - EMEA\", \"Sandbox API\"");
    setup.second_marketo = Some(sandbox);
    House::with(setup).await
}

impl House {
    pub(crate) fn sandbox(&self) -> &MarketoSim {
        self.second_marketo.as_deref().expect("a second Marketo")
    }

    /// Rae chooses an instance in the open form, which follows.
    pub(crate) async fn rae_chooses(&self, instance: &str) {
        for reply in self.rae.fills(&[("Marketo instance", instance)]).await.unwrap() {
            assert_quiet(&reply);
        }
        self.drain().await.unwrap();
    }

    /// Rae submits a form that is refused; what stands beside `field`.
    pub(crate) async fn rae_is_told(&self, field: &str) -> String {
        let submitted = self.rae.submits().await.unwrap();
        assert!(!submitted.closed && submitted.reply.error.is_none(), "{submitted:?}");
        let beside: Vec<&str> = submitted.errors.keys().map(String::as_str).collect();
        assert_eq!(beside, [field], "{:?}", submitted.errors);
        submitted.errors[field].clone()
    }

    /// Rae submits a form that is taken.
    pub(crate) async fn rae_sends(&self) {
        let submitted = self.rae.submits().await.unwrap();
        assert!(submitted.closed && submitted.reply.body.is_empty(), "{:?}", submitted.errors);
        self.drain().await.unwrap();
    }
}

/// The values of Rae's form by the labels of its fields.
fn held(house: &House, label: &str) -> Value {
    let view = house.rae.open_view().unwrap();
    let block =
        view.blocks().iter().find(|block| block["label"]["text"] == label).expect("the field").clone();
    view.values()[block["block_id"].as_str().unwrap()]["value"].clone()
}

/// What Rae's client sent, with other values, as if it had been sent now.
fn forged(house: &House, sent: &SignedRequest, change: impl FnOnce(&mut Value)) -> SignedRequest {
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&sent.body).unwrap();
    let mut payload: Value = serde_json::from_str(&form[0].1).unwrap();
    change(&mut payload);
    let body = serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap();
    house.work.signed(&sent.path, &sent.content_type, &body)
}

#[tokio::test]
async fn roles_and_workspaces_follow_the_chosen_instance_and_what_was_typed_stays() {
    let house = with_sandbox(sandbox()).await;
    house.opens_form(&house.rae, "/marketo-api-user svc-crm@example.com").await;
    let labels = |house: &House| house.rae.open_view().unwrap().labels().join(", ");
    let before = "Email, First name, Last name, Reason, Access expiration, Marketo instance, Role";
    assert_eq!(labels(&house), before);
    house.rae.fills(&FORM[1..]).await.unwrap();
    house.rae.fills(&[("Reason", "Sync of leads")]).await.unwrap();
    house.rae_chooses("sandbox").await;
    assert_eq!(labels(&house), format!("{before}, Workspace"));
    assert_snapshot!("instances_sandbox_chosen", house.modal(&house.rae));
    for (label, key, value) in [
        ("Email", "value", "svc-crm@example.com"),
        ("First name", "value", "Svc"),
        ("Last name", "value", "Crm"),
        ("Reason", "value", "Sync of leads"),
        ("Access expiration", "selected_date", "2027-01-31"),
    ] {
        assert_eq!(held(&house, label)[key], value, "{label}");
    }
    // Both have a role of this name; the one that was chosen is not the one that would be given.
    assert_eq!(held(&house, "Role")["selected_option"], Value::Null);
    house.rae.fills(&[("Role", "Sandbox API"), ("Workspace", "Playground")]).await.unwrap();
    house.rae_chooses("production").await;
    assert_eq!(labels(&house), before);
    assert!(house.rae.fills(&[("Role", "Sandbox API")]).await.is_err(), "it is not offered there");
    house.rae_chooses("sandbox").await;
    house.rae.fills(&[("Role", "API Only"), ("Workspace", "Playground")]).await.unwrap();
    house.rae_sends().await;
    let hashes: Vec<_> =
        house.slack.calls_to("views.update").iter().map(|call| call.body["hash"].clone()).collect();
    assert!(hashes.len() == 3 && hashes.iter().all(Value::is_string), "{hashes:?}");
    house.card_says(&["Marketo instance: sandbox", "Role: API Only", "Workspace: Playground"]);
    house.presses(&house.ada, "Approve").await;
    let created: Vec<_> = house.sandbox().users();
    assert_eq!((created.len(), created[0].roles.as_slice()), (1, &[(501, 9)][..]));
    assert_eq!((house.sandbox().invites(), house.marketo.invites()), (1, 0));
    let announced = house.slack.transcript(OPS);
    // On Adobe Identity the id is no e-mail.
    assert!(announced.contains(&format!("User id: {}", created[0].userid)), "{announced}");
    assert_snapshot!("instances_announced", announced.replace(&created[0].userid, "GUID"));
    assert!(house.direct(RAE).contains("Marketo instance: sandbox"), "{}", house.direct(RAE));
    house.ends().await;
}

#[tokio::test]
async fn an_instance_with_none_of_the_roles_is_no_dead_end() {
    let house = with_sandbox(Setup { roles: vec![SimRole::new(1, "Admin")], ..sandbox() }).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae_chooses("sandbox").await;
    assert!(house.modal(&house.rae).contains("sandbox has none of the roles"), "{}", house.modal(&house.rae));
    assert_eq!(house.rae_is_told("Marketo instance").await, "Choose a role.");
    house.rae_chooses("production").await;
    house.rae.fills(&[("Role", "API Only")]).await.unwrap();
    house.rae_sends().await;
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn of_two_quick_choices_the_later_one_is_shown() {
    let house = with_sandbox(sandbox()).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    let chosen = house.rae.fills(&[("Marketo instance", "sandbox")]).await.unwrap().remove(0).sent;
    house.drain().await.unwrap();
    assert!(house.modal(&house.rae).contains("Workspace"));
    // The next choice left before the form had followed the first one.
    let quick = forged(&house, &chosen, |payload| {
        payload["actions"][0]["selected_option"]["value"] = "production".into();
        payload["actions"][0]["action_ts"] = "9999999999.000001".into();
        payload["trigger_id"] = "another".into();
    });
    assert_quiet(&house.work.send(&quick).await);
    house.drain().await.unwrap();
    assert!(!house.modal(&house.rae).contains("Workspace"), "{}", house.modal(&house.rae));
    // The first one again, delivered late, changes nothing any more.
    let late = forged(&house, &chosen, |payload| payload["trigger_id"] = "late".into());
    assert_quiet(&house.work.send(&late).await);
    house.drain().await.unwrap();
    assert!(!house.modal(&house.rae).contains("Workspace"), "{}", house.modal(&house.rae));
    let refused: Vec<_> =
        house.slack.calls_to("views.update").into_iter().filter_map(|call| call.error).collect();
    assert_eq!(refused, ["hash_conflict"; 2]);
    house.ends_despite(&["hash_conflict"]).await;
}

#[tokio::test]
async fn a_form_that_did_not_follow_gives_no_role_of_another_instance() {
    let house = with_sandbox(sandbox()).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.slack.faults().script("views.update", Fault::Cut);
    house.rae_chooses("sandbox").await;
    let told = house.rae_is_told("Role").await;
    assert!(told.contains("the roles of production, not of sandbox"), "{told}");
    house.rae_chooses("sandbox").await;
    house.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    house.rae_sends().await;
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.sandbox().users()[0].roles, [(501, 1)]);
    house.ends().await;
}

#[tokio::test]
async fn more_than_a_hundred_roles_and_workspaces_are_searched_on_the_chosen_instance() {
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
    let house = House::with(setup).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM[..4]).await.unwrap();
    for (instance, name, other) in [("production", "Team", "Trial"), ("sandbox", "Trial", "Team")] {
        house.rae_chooses(instance).await;
        for field in ["Role", "Workspace"] {
            assert_eq!(house.rae.asks_options(field, "").await.unwrap().options.len(), 100);
            let found = house.rae.asks_options(field, &format!("{name} 14").to_lowercase()).await.unwrap();
            assert_eq!(found.texts().len(), 11, "{:?}", found.texts());
            assert!(house.rae.asks_options(field, other).await.unwrap().options.is_empty());
        }
    }
    house.rae.fills(&[("Role", "Trial 149"), ("Workspace", "Trial 120")]).await.unwrap();
    house.rae_sends().await;
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.sandbox().users()[0].roles, [(5_149, 5_120)]);
    house.ends().await;
}

#[tokio::test]
async fn an_email_that_another_instance_has_is_told_in_the_form_with_its_name() {
    let user = SimUser::new(1, "Svc-CRM@example.com", "Old", "Sync", true);
    let house = with_sandbox(Setup { users: vec![user], ..sandbox() }).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    let told = house.rae_is_told("Email").await;
    assert!(
        told.contains("The Marketo instance sandbox has a user") && told.contains("unique across all"),
        "{told}"
    );
    house.rae.fills(&[("Email", "another@example.com")]).await.unwrap();
    house.rae_sends().await;
    house.presses(&house.ada, "Approve").await;
    assert_eq!((house.marketo.invites(), house.sandbox().invites()), (1, 0));
    house.ends().await;
}

#[tokio::test]
async fn a_user_made_on_another_instance_meanwhile_is_found_right_before_the_invite() {
    let house = with_sandbox(sandbox()).await;
    house.rae_asks(&[]).await;
    house.sandbox().add_user(SimUser::new(1, "svc-crm@example.com", "Old", "Sync", true));
    house.presses(&house.ada, "Approve").await;
    house.card_says(&[
        "Failed",
        "Another Marketo instance has a user with this e-mail",
        "The user is on: sandbox",
        "Marketo instance: production",
    ]);
    assert!(!house.card_text().contains("[ Retry ]"));
    assert_snapshot!("instances_taken_elsewhere", house.direct(RAE));
    assert_eq!((house.marketo.invites(), house.sandbox().invites()), (0, 0));
    // From now on the form knows.
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    assert!(house.rae_is_told("Email").await.contains("sandbox"));
    house.ends().await;
}

#[tokio::test]
async fn an_email_that_waits_for_one_instance_is_pending_on_the_other() {
    let house = with_sandbox(sandbox()).await;
    house.rae_asks(&[]).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae_chooses("sandbox").await;
    house.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    let told = house.rae_is_told("Email").await;
    assert!(told.contains("open already") && told.contains("across all Marketo instances"), "{told}");
    house.cancels().await;
    house.rae_sends().await;
    let cards = house.slack.channel(CARDS);
    assert_quiet(&house.ada.clicks(&cards[1], "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert_eq!((house.marketo.invites(), house.sandbox().invites()), (0, 1));
    house.ends().await;
}
