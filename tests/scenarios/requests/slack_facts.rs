//! Slack as people have met it: groups that are gone, people with two ids, channels that refuse, text that clients have
//! changed on the way.

use std::time::Duration;

use marketo_api_user::{
    clock::Clock,
    domain::policy::Approval,
    playground::{Mode, Options},
    sim::{
        marketo::SimRole,
        slack::{SimChannel, SimEnterpriseUser, SimUser},
    },
};
use serde_json::json;

use crate::replicas::cluster::readyz;
use crate::test_bot::{ADA, CARDS, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, forged, options, policy};

const OLGA: &str = "U0OUT";

/// The bot runs its workers itself, without which it is not ready.
fn live(mut setup: Options) -> Options {
    setup.mode = Mode::Live;
    setup
}

/// A policy with a rule for a group that does not exist, and a list of requesters.
fn with_a_missing_group() -> Options {
    let mut setup = policy("requesters = [\"U0REQ\", \"S0GONE\"]\n");
    setup.policy.push_str("\n[[rule]]\nrequester = \"S0LOST\"\napprovers = [\"U0SECOND\"]\n");
    live(setup)
}

#[tokio::test(flavor = "multi_thread")]
async fn group_that_does_not_exist_has_no_members_and_locks_nobody_out() {
    let bot = TestBot::with(with_a_missing_group()).await;
    bot.allow_slack_errors(&["no_such_subteam", "user_not_in_channel"]);
    let (status, body) = readyz(bot.url()).await;
    assert_eq!(status, 200);
    assert!(body.contains("degraded: there is no user group S0GONE") && body.contains("S0LOST"), "{body}");
    bot.rae_requests(&[]).await;
    bot.card_says(&["Missing user group: The configuration names S0GONE, S0LOST, which doesn't exist"]);
    assert!(!bot.direct_messages(RAE).contains("S0GONE"), "the requester can do nothing about it");
    // Somebody who is not listed gets a definite answer.
    assert_empty_ack(&bot.person(OLGA).types(OPS, "/marketo-api-user").await);
    assert_empty_ack(&bot.sam.types(OPS, "/marketo-api-user").await);
    bot.drain().await.unwrap();
    assert!(bot.ephemeral_texts(SAM).contains("You're not on the list"), "{}", bot.ephemeral_texts(SAM));
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_group_is_reported_and_a_restored_one_works() {
    let bot = TestBot::with(live(policy("requesters = [\"U0REQ\", \"S0MAKERS\"]\n"))).await;
    bot.allow_slack_errors(&["no_such_subteam"]);
    bot.slack.set_group("S0MAKERS", &[SAM]);
    for _ in 0..3 {
        bot.advance(45).await;
        Clock::system().sleep(Duration::from_millis(50)).await;
    }
    assert!(bot.slack.wait_for(|slack| slack.calls_to("usergroups.users.list").len() >= 3).await);
    bot.opens_form(&bot.sam, "/marketo-api-user").await;
    assert_eq!(readyz(bot.url()).await, (200, "ready\n".to_owned()));
    bot.slack.remove_group("S0MAKERS");
    let event = json!({
        "token": "deprecated", "team_id": "T0001", "api_app_id": "A0001", "type": "event_callback",
        "event_id": "Ev1", "event": {"type": "subteam_updated", "subteam": {"id": "S0MAKERS"}},
    });
    bot.work.post_signed("/slack/events", "application/json", &event.to_string()).await;
    bot.drain().await.unwrap();
    let (status, body) = readyz(bot.url()).await;
    assert!(status == 200 && body.contains("no user group S0MAKERS"), "{body}");
}

/// How many lists of members the bot has asked for.
fn group_reads(bot: &TestBot) -> usize {
    bot.slack.calls_to("usergroups.users.list").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_named_groups_are_read_and_only_a_few_times_a_minute() {
    let bot = TestBot::with(policy("requesters = [\"U0REQ\", \"S0MOPS\"]\n")).await;
    let before = group_reads(&bot);
    for n in 0..50 {
        let event = json!({
            "token": "deprecated", "team_id": "T0001", "api_app_id": "A0001", "type": "event_callback",
            "event_id": format!("Ev{n}"), "event": {"type": "subteam_updated", "subteam": {"id": "S0OTHER"}},
        });
        bot.work.post_signed("/slack/events", "application/json", &event.to_string()).await;
    }
    bot.drain().await.unwrap();
    assert_eq!(group_reads(&bot), before, "events of groups that the policy does not name");
    // Somebody who is not listed opens the form again and again, all at once and for minutes.
    let mut forms = Vec::new();
    for minute in 0..3 {
        for n in 0..30 {
            let olga = bot.person(OLGA);
            forms.push(tokio::spawn(async move { olga.types(OPS, "/marketo-api-user").await.status }));
            if n % 10 == 9 {
                for form in forms.drain(..) {
                    form.await.unwrap();
                }
                bot.drain().await.unwrap();
                bot.advance(20).await;
            }
        }
        let reads = group_reads(&bot) - before;
        assert!(reads <= (minute + 1) * 12, "{reads} reads in {} minutes", minute + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stormy_group_does_not_exceed_the_limit() {
    let bot = TestBot::open().await;
    let before = group_reads(&bot);
    for n in 0..60 {
        let event = json!({
            "token": "deprecated", "team_id": "T0001", "api_app_id": "A0001", "type": "event_callback",
            "event_id": format!("Ev{n}"), "event": {"type": "subteam_members_changed", "subteam_id": "S0MOPS"},
        });
        bot.work.post_signed("/slack/events", "application/json", &event.to_string()).await;
        bot.drain().await.unwrap();
    }
    assert!((1..=10).contains(&(group_reads(&bot) - before)), "{}", group_reads(&bot) - before);
}

/// The workspace T0001 of the organization E0001, where Ada has a second id, and Olga has her home in another workspace.
fn organization() -> Options {
    let mut setup = options();
    setup.slack.enterprise_id = Some("E0001".to_owned());
    let member = |id: &str, teams: &[&str]| SimEnterpriseUser {
        id: id.to_owned(),
        enterprise_id: "E0001".to_owned(),
        teams: teams.iter().map(|&team| team.to_owned()).collect(),
    };
    for user in &mut setup.slack.users {
        user.enterprise = match user.id.as_str() {
            ADA => Some(member("W0ADA", &["T0001"])),
            RAE => Some(member("W0RAE", &["T0001", "T0002"])),
            OLGA => {
                user.team_id = Some("T0002".to_owned());
                Some(member(OLGA, &["T0001", "T0002"]))
            }
            SAM => Some(member(SAM, &["T0001"])),
            _ => None,
        };
    }
    for channel in &mut setup.slack.channels {
        channel.members.extend(["W0ADA".to_owned(), "W0RAE".to_owned()]);
    }
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn person_of_an_organization_is_the_same_under_both_ids() {
    // The policy and the group know Ada by one id, she clicks under the other.
    let bot = TestBot::with(organization()).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.person("W0ADA"), "Approve").await;
    bot.card_says(&["The user is created", "Approved by @Ada Approver"]);
    // Nobody approves their own request under their other id, though both ids are approvers.
    let mut setup = organization();
    setup.policy = setup.policy.replace("approvers = [", "approvers = [\"W0RAE\", \"U0REQ\", ");
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.person("W0RAE"), "Approve").await;
    assert!(bot.ephemeral_texts("W0RAE").contains("your own request"), "{}", bot.ephemeral_texts("W0RAE"));
    assert_eq!(bot.marketo.invites(), 0);
    // Under the other id she cancels it.
    let own = bot.request_message();
    let click = bot.ada.clicks(&bot.card(), "Review").await.unwrap().sent;
    bot.drain().await.unwrap();
    let cancel = forged(&bot, &click, |payload| {
        payload["user"]["id"] = json!("W0RAE");
        payload["trigger_id"] = json!("7.7.cancel");
        let button = cancel_button(&own.blocks);
        for name in ["action_id", "value"] {
            payload["actions"][0][name] = button[name].clone();
        }
    });
    assert_empty_ack(&bot.work.send(&cancel).await);
    bot.drain().await.unwrap();
    bot.card_says(&["Cancelled"]);
}

/// The button **Cancel request**.
fn cancel_button(blocks: &serde_json::Value) -> serde_json::Value {
    let buttons =
        blocks.as_array().unwrap().iter().filter_map(|block| block["elements"].as_array()).flatten();
    let mut cancel = buttons.filter(|button| button["text"]["text"] == "Cancel request");
    cancel.next().expect("a button").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ids_of_one_person_are_one_approval() {
    let mut setup = organization();
    setup.policy.push_str("approvals_needed = 2\n");
    setup.policy = setup.policy.replace("approvers = [", "approvers = [\"W0ADA\", ");
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Approvals: 1 of 2"]);
    bot.clicks(&bot.person("W0ADA"), "Approve").await;
    bot.card_says(&["Approvals: 1 of 2"]);
    assert_eq!(bot.marketo.invites(), 0);
    bot.clicks(&bot.sam, "Approve").await;
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_under_a_second_id_counts_after_a_restart() {
    let mut setup = organization();
    setup.policy.push_str("approvals_needed = 2\n");
    let mut bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.person("W0ADA"), "Approve").await;
    bot.card_says(&["Approvals: 1 of 2"]);
    bot.playground.stop().await;
    bot.playground.configure(|config| {
        let Approval::Required { needed, .. } = &mut config.policy.base.approval else {
            panic!("it is required")
        };
        *needed = 1;
    });
    bot.playground.start().await.unwrap();
    // What is stored of people is loaded when Slack has told that the workspace belongs to an organization.
    for _ in 0..60 {
        bot.advance(30).await;
        if bot.marketo.invites() == 1 {
            break;
        }
        Clock::system().sleep(Duration::from_millis(20)).await;
    }
    bot.card_says(&["The user is created", "Approved by @Ada Approver"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_told_apart_decides_nothing() {
    let bot = TestBot::with(organization()).await;
    bot.rae_requests(&[]).await;
    // Slack does not tell who W0ADA is: an approver under another id.
    bot.allow_slack_errors(&["internal_error"]);
    for _ in 0..4 {
        bot.slack.refuse("users.info", "internal_error");
    }
    bot.clicks(&bot.person("W0ADA"), "Approve").await;
    assert!(bot.ephemeral_texts("W0ADA").contains("I couldn't check"), "{}", bot.ephemeral_texts("W0ADA"));
    assert_eq!(bot.marketo.invites(), 0);
    for _ in 0..4 {
        bot.slack.faults().take("users.info");
    }
    bot.clicks(&bot.person("W0ADA"), "Approve").await;
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn member_of_another_workspace_of_the_organization_may_request_here() {
    let bot = TestBot::with(organization()).await;
    let olga = bot.person(OLGA);
    bot.opens_form(&olga, "/marketo-api-user").await;
    olga.fills(&FORM).await.unwrap();
    assert!(olga.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.marketo.invites(), 1);
    // Who is in none of the served workspaces is refused, whatever the organization.
    let mut setup = organization();
    let elsewhere = SimEnterpriseUser {
        id: "W0FAR".to_owned(),
        enterprise_id: "E0001".to_owned(),
        teams: vec!["T0002".to_owned()],
    };
    let far = SimUser::member("U0FAR", "far", "Far Away", "Europe/Paris");
    setup.slack.users.push(SimUser { team_id: Some("T0002".to_owned()), enterprise: Some(elsewhere), ..far });
    let bot = TestBot::with(setup).await;
    bot.allow_slack_errors(&["user_not_in_channel"]);
    assert_empty_ack(&bot.person("U0FAR").types(OPS, "/marketo-api-user").await);
    bot.drain().await.unwrap();
    assert!(bot.ephemeral_texts("U0FAR").contains("Only members of the workspace"));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_reaches_the_person_although_the_token_is_dead() {
    for code in [
        "token_revoked",
        "invalid_auth",
        "account_inactive",
        "missing_scope",
        "ratelimited",
        "user_not_in_channel",
    ] {
        let bot = TestBot::open().await;
        bot.allow_slack_errors(&[code]);
        bot.slack.refuse("chat.postEphemeral", code);
        bot.rae_requests(&[]).await;
        bot.clicks(&bot.rae, "Approve").await;
        assert!(
            bot.ephemeral_texts(RAE).contains("your own request"),
            "{code}: {}",
            bot.ephemeral_texts(RAE)
        );
        bot.rae_cancels().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_comes_by_direct_message_where_nothing_else_works() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["user_not_in_channel", "used_url"]);
    bot.rae_requests(&[]).await;
    bot.slack.refuse("chat.postEphemeral", "user_not_in_channel");
    bot.slack.refuse("response_url", "used_url");
    bot.slack.faults().script(
        "response_url",
        marketo_api_user::sim::fault::Fault::Answer { status: 404, body: json!({}), retry_after: None },
    );
    bot.clicks(&bot.rae, "Approve").await;
    let told = bot.direct_messages(RAE) + &bot.ephemeral_texts(RAE);
    assert!(told.contains("your own request"), "{told}");
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_that_learns_of_a_revoked_token_turns_readyz_at_once() {
    let bot = TestBot::with(live(options())).await;
    bot.allow_slack_errors(&["token_revoked"]);
    assert_eq!(readyz(bot.url()).await.0, 200);
    bot.slack.refuse("views.open", "token_revoked");
    assert_empty_ack(&bot.rae.types(OPS, "/marketo-api-user").await);
    bot.drain().await.unwrap();
    let (status, body) = readyz(bot.url()).await;
    assert!(status == 503 && body.contains("SLACK_BOT_TOKEN") && body.contains("token_revoked"), "{body}");
    // Rae is told that the form does not open.
    assert!(bot.ephemeral_texts(RAE).contains("Slack didn't open the form"), "{}", bot.ephemeral_texts(RAE));
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_text_is_decoded_before_it_is_understood() {
    let bot = TestBot::open().await;
    for (typed, email) in [
        ("<mailto:svc@example.com|svc@example.com>", "svc@example.com"),
        ("svc@<http://example.com|example.com>", "svc@example.com"),
        ("q&amp;a@example.com", "q&a@example.com"),
        ("\u{201c}svc@example.com\u{201d}", "svc@example.com"),
        ("\u{a0}svc@example.com\u{a0}", "svc@example.com"),
    ] {
        bot.opens_form(&bot.rae, &format!("/marketo-api-user {typed}")).await;
        bot.drain().await.unwrap();
        let modal = bot.modal_text(&bot.rae);
        assert!(modal.contains(email), "{typed}: {modal}");
    }
    for help in ["\u{2014}help", "\u{2013}\u{2013}help", "\u{201c}help\u{201d}"] {
        let answer = bot.rae.types(OPS, &format!("/marketo-api-user {help}")).await;
        assert!(answer.body.contains("opens the form"), "{help}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn advice_fits_why_the_card_cannot_be_posted() {
    for (code, advice) in [
        ("is_archived", "Ask someone to unarchive the approval channel"),
        ("not_in_channel", "Invite me to the approval channel"),
        ("channel_not_found", "Invite me to the approval channel"),
        ("restricted_action", "Ask a Slack admin to let me post"),
        ("restricted_action_read_only_channel", "Ask a Slack admin to let me post"),
        ("user_disabled", "is deactivated or a bot"),
    ] {
        let bot = TestBot::open().await;
        bot.allow_slack_errors(&[code]);
        bot.expect_open_requests();
        bot.opens_form(&bot.rae, "/marketo-api-user").await;
        bot.rae.fills(&FORM).await.unwrap();
        let body = json!({ "ok": false, "error": code });
        let refusal = marketo_api_user::sim::fault::Fault::Answer { status: 200, body, retry_after: None };
        bot.slack.faults().script_many("chat.postMessage", &refusal, 1);
        assert!(bot.rae.submits().await.unwrap().closed);
        let told = async || {
            for _ in 0..40 {
                bot.advance(60).await;
                let told = bot.direct_messages(RAE);
                if told.contains("What to do") {
                    return told;
                }
                bot.slack.faults().script_many("chat.postMessage", &refusal, 1);
            }
            bot.direct_messages(RAE)
        };
        let told = told().await;
        assert!(told.contains(advice), "{code}: {told}");
        bot.slack.faults().clear();
        bot.advance(1200).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn command_where_nobody_could_approve_is_refused_before_the_form() {
    let mut setup = options();
    setup.policy = setup.policy.replace("approval_channel = \"C0APPROVE\"\n", "");
    let bot = TestBot::with(setup).await;
    bot.allow_slack_errors(&["channel_not_found"]);
    assert_empty_ack(&bot.rae.types("D0REQ", "/marketo-api-user").await);
    bot.drain().await.unwrap();
    assert!(bot.rae.open_view().is_none());
    assert!(
        bot.ephemeral_texts(RAE).contains("nobody else can see this direct message"),
        "{}",
        bot.ephemeral_texts(RAE)
    );
    // In a channel it is possible, and so is a direct message where there is an approval channel.
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    let bot = TestBot::open().await;
    assert_empty_ack(&bot.rae.types("D0REQ", "/marketo-api-user").await);
    bot.rae.sees_modal().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_with_long_or_equal_names_can_be_told_apart() {
    let long = |end: &str| {
        format!("API Only for the nightly synchronization of all leads and accounts with the system {end}")
    };
    let mut setup = options();
    setup.marketo.roles.extend([
        SimRole::new(201, &long("of EMEA")),
        SimRole::new(202, &long("of APAC")),
        SimRole::new(203, &format!("{} in the middle {}", long("one"), long("two"))),
        SimRole::new(204, &format!("{} in the center {}", long("one"), long("two"))),
        SimRole::new(205, "Twin"),
        SimRole::new(206, "Twin"),
    ]);
    setup.policy =
        setup.policy.replace("roles = [", "roles = [\"201\", \"202\", \"203\", \"204\", \"205\", \"206\", ");
    let bot = TestBot::with(setup).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.drain().await.unwrap();
    let view = bot.rae.open_view().unwrap();
    let role = view.blocks().iter().find(|block| block["label"]["text"] == "Role").unwrap().clone();
    let texts: Vec<String> = role["element"]["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| option["text"]["text"].as_str().unwrap().to_owned())
        .collect();
    let mut distinct = texts.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), texts.len(), "{texts:#?}");
    assert!(
        texts.iter().any(|text| text.ends_with("of EMEA")) && texts.contains(&"Twin (205)".to_owned()),
        "{texts:#?}"
    );
    assert!(texts.iter().all(|text| text.chars().count() <= 75));
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Role", "Twin (206)")]).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users()[0].roles, [(206, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_channel_is_told_apart_from_an_outage() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["is_archived"]);
    let channel = bot.slack.setup().channels.iter().find(|channel| channel.id == CARDS).unwrap().clone();
    bot.slack.set_channel(SimChannel { archived: true, ..channel.clone() });
    bot.rae_requests(&[]).await;
    let real = Clock::system();
    for _ in 0..20 {
        bot.advance(120).await;
        real.sleep(Duration::from_millis(1)).await;
    }
    assert!(bot.direct_messages(RAE).contains("unarchive"), "{}", bot.direct_messages(RAE));
}
