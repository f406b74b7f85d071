//! The bot's typed Slack client and the simulated Slack understand each other.

use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use slack_morphism::prelude::*;

use super::*;

struct Fixture {
    slack: Arc<SlackSim>,
    client: SlackClient<SlackClientHyperConnector<HttpConnector>>,
    token: SlackApiToken,
}

async fn fixture() -> Fixture {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let slack = SlackSim::start(clock, Setup::default()).await.unwrap();
    let connector =
        SlackClientHyperConnector::with_connector(HttpConnector::new()).with_slack_api_url(&slack.api_url());
    let token = SlackApiToken::new("xoxb-simulated".into());
    Fixture { slack, client: SlackClient::new(connector), token }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn the_client_reads_users_groups_and_conversations() {
    let fixture = fixture().await;
    let session = fixture.client.open_session(&fixture.token);
    assert_eq!(session.auth_test().await.unwrap().team_id, "T0001".into());
    let user = session.users_info(&SlackApiUsersInfoRequest::new("U0REQ".into())).await.unwrap().user;
    assert_eq!(user.tz.as_deref(), Some("America/Los_Angeles"));
    let group: SlackApiUserGroupsUsersListRequest = read(json!({ "usergroup": "S0MOPS" }));
    assert_eq!(session.usergroups_users_list(&group).await.unwrap().users.len(), 2);
    let info = SlackApiConversationsInfoRequest::new("C0OPS".into());
    let channel = session.conversations_info(&info).await.unwrap().channel;
    assert_eq!((channel.name.as_deref(), channel.flags.is_member), (Some("marketing-ops"), Some(true)));
    let members: SlackApiConversationsMembersRequest = read(json!({ "channel": "C0OPS", "limit": 2 }));
    let page = session.conversations_members(&members).await.unwrap();
    assert_eq!((page.members.len(), page.response_metadata.unwrap().next_cursor.is_some()), (2, true));
    let open: SlackApiConversationsOpenRequest = read(json!({ "users": ["U0REQ"] }));
    assert_eq!(session.conversations_open(&open).await.unwrap().channel.id, "D0REQ".into());
    let full = session.conversations_open_full(&open).await.unwrap();
    assert_eq!((full.channel.id, full.already_open), ("D0REQ".into(), Some(true)));
}

#[tokio::test]
async fn the_client_posts_updates_and_reads_messages() {
    let fixture = fixture().await;
    let session = fixture.client.open_session(&fixture.token);
    let button = json!({ "type": "button", "action_id": "approve", "value": "1",
        "text": { "type": "plain_text", "text": "Approve" } });
    let request: SlackApiChatPostMessageRequest = read(json!({
        "channel": "C0OPS", "text": "card", "unfurl_links": false,
        "blocks": [{ "type": "actions", "elements": [button] }],
        "metadata": { "event_type": "card", "event_payload": { "request": "1" } },
    }));
    let posted = session.chat_post_message(&request).await.unwrap();
    let ts = posted.ts.clone();
    let update: SlackApiChatUpdateRequest = read(json!({ "channel": "C0OPS", "ts": ts, "text": "done" }));
    assert_eq!(session.chat_update(&update).await.unwrap().ts, ts);
    let ephemeral = json!({ "channel": "C0OPS", "user": "U0REQ", "text": "psst" });
    session.chat_post_ephemeral(&read(ephemeral)).await.unwrap();
    let history = json!({ "channel": "C0OPS", "limit": 5, "include_all_metadata": true });
    let history = session.conversations_history(&read(history)).await.unwrap();
    let found = &history.messages[0];
    assert_eq!(found.content.text.as_deref(), Some("done"));
    assert_eq!(found.content.metadata.as_ref().unwrap().event_type, "card");
    assert_eq!(fixture.slack.ephemerals().len(), 1);
    fixture.slack.rate_limit("chat.update", 7);
    let refused = session.chat_update(&update).await.unwrap_err();
    assert!(matches!(refused, slack_morphism::errors::SlackClientError::RateLimitError(_)));
    let away: SlackApiChatPostMessageRequest = read(json!({ "channel": "C0PRIVATE", "text": "a" }));
    let refused = session.chat_post_message(&away).await.unwrap_err().to_string();
    assert!(refused.contains("channel_not_found"), "{refused}");
}

#[tokio::test]
async fn the_client_opens_and_updates_modals() {
    let fixture = fixture().await;
    let session = fixture.client.open_session(&fixture.token);
    let plain = |text: &str| json!({ "type": "plain_text", "text": text });
    let option = json!({ "text": plain("API Only"), "value": "102" });
    let input = |label: &str, element: Value| json!({ "type": "input", "block_id": label, "label": plain(label), "element": element });
    let view: SlackView = read(json!({
        "type": "modal", "title": plain("Title"), "submit": plain("Send"), "private_metadata": "x",
        "blocks": [
            input("Email", json!({ "type": "email_text_input", "action_id": "v", "initial_value": "a@b" })),
            input("Until", json!({ "type": "datepicker", "action_id": "v", "initial_date": "2027-01-31" })),
            input("Role", json!({ "type": "static_select", "action_id": "v", "options": [option],
                "initial_option": option })),
            input("Roles", json!({ "type": "multi_static_select", "action_id": "v", "options": [option] })),
        ],
    }));
    let trigger = fixture.slack.change(|state| state.issue_trigger("U0REQ", false));
    let open = SlackApiViewsOpenRequest::new(trigger.into(), view.clone());
    let opened = session.views_open(&open).await.unwrap().view;
    let update = SlackApiViewsUpdateRequest::new(view)
        .with_view_id(opened.state_params.id)
        .with_hash(opened.state_params.hash);
    assert!(session.views_update(&update).await.is_ok());
    let again = session.views_update(&update).await.unwrap_err().to_string();
    assert!(again.contains("hash_conflict"), "{again}");
    assert_eq!(fixture.slack.open_view("U0REQ").unwrap().labels(), ["Email", "Until", "Role", "Roles"]);
}
