//! How the page renders the bot's messages and user text.

use marketo_api_user::{playground::POLICY, sim::marketo::SimRole};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::page::{ADA, CARDS, OPS, Page, RAE, form, options, part};

/// Posts as the bot does.
async fn posts(page: &Page, blocks: Value) {
    let url = page.web.slack().api_url();
    let host = url.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
    let body = json!({ "channel": OPS, "text": "*hi*", "blocks": blocks }).to_string();
    let head = format!(
        "POST /api/chat.postMessage HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer \
         xoxb-simulated\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.expect("Slack is there");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.contains("\"ok\":true"), "{answer}");
}

#[tokio::test]
async fn user_text_is_never_markup() {
    let page = Page::open().await;
    let hostile = "<script>alert(1)</script>";
    page.does("post", &[("as", RAE), ("in", OPS), ("text", "/marketo-api-user svc@example.com")]).await;
    let first = page.until(RAE, OPS, ">Role</label>").await;
    let select = &first[first.find(">Role</label>").expect("a role")..];
    let role = select.split("<option").find(|option| option.contains(">API Only<")).expect("it is offered");
    let role = super::page::attribute(role, "value").expect("a value");
    let reason = format!("{hostile} \"'&amp; *bold* <@U0APPROVE> :x: <!channel>");
    let fields = [
        ("First name", hostile),
        ("Last name", "\"><img src=x>"),
        ("Reason", reason.as_str()),
        ("Role", &role),
    ];
    page.submits(&first, &fields).await;
    let card = page.until(ADA, CARDS, ">Approve</button>").await;
    let shown = part(&card, "conversation");
    assert!(!card.contains("<script>alert") && !card.contains("<img"), "{shown}");
    assert!(shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{shown}");
    assert!(shown.contains("*bold* &lt;@U0APPROVE&gt; :x: &lt;!channel&gt;"), "{shown}");
    page.does("post", &[("as", RAE), ("in", OPS), ("text", "*größer* ä`ö` 日本 _x_")]).await;
    assert!(page.sees(RAE, OPS).await.contains("<strong>größer</strong> ä<code>ö</code> 日本 <em>x</em>"));
    let long = "x".repeat(3000);
    page.does("post", &[("as", RAE), ("in", OPS), ("text", &long)]).await;
    assert!(page.sees(RAE, OPS).await.contains(&long), "long texts are shown whole");
}

#[tokio::test]
async fn known_blocks_are_rendered_and_unknown_ones_reported() {
    let page = Page::open().await;
    posts(
        &page,
        json!([
            { "type": "header", "text": { "type": "plain_text", "text": "Head :tada:", "emoji": true } },
            { "type": "section", "text": { "type": "mrkdwn", "text": "*bold* <https://a.example|link> <!date^1801468799^{date_short}|soon>" } },
            { "type": "markdown", "text": "# not shown" },
            { "type": "divider" },
            { "type": "context", "elements": [{ "type": "mrkdwn", "text": "_small_" }] },
            { "type": "actions", "elements": [
                { "type": "overflow", "action_id": "more", "options": [
                    { "text": { "type": "plain_text", "text": "A" }, "value": "a" }] },
                { "type": "button", "action_id": "go", "style": "danger", "text": { "type": "plain_text", "text": "Go" },
                  "confirm": { "title": { "type": "plain_text", "text": "Sure?" },
                               "text": { "type": "plain_text", "text": "It is far." } } }
            ] },
        ]),
    )
    .await;
    let seen = page.sees(RAE, OPS).await;
    let shown = part(&seen, "conversation");
    for text in [
        "Unsupported block: markdown",
        "# not shown",
        "Unsupported element: overflow",
        "<strong>bold</strong>",
        "href=\"https://a.example\"",
        "datetime=\"2027-02-01T07:59:59Z\" data-format=\"{date_short}\">soon</time>",
        "🎉",
        "<hr>",
        "<em>small</em>",
        "role=\"alertdialog\"",
        "It is far.",
    ] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    assert!(!shown.contains("*hi*"), "the text is only for where blocks are not shown");
}

#[tokio::test]
async fn more_than_100_roles_are_searched_through_the_bot() {
    let names: Vec<String> = (1..=130).map(|n| format!("Role {n:03}")).collect();
    let mut options = options();
    options.marketo.roles = names.iter().zip(500..).map(|(name, id)| SimRole::new(id, name)).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    options.policy = POLICY.replace("\"API Only\", \"API Only - EMEA\"", &quoted.join(", "));
    let page = Page::with(options).await;
    page.does("post", &[("as", RAE), ("in", OPS), ("text", "/marketo-api-user svc@example.com")]).await;
    let open = page.until(RAE, OPS, "role=\"combobox\"").await;
    let element =
        super::page::attribute(&open[open.find("data-combo=").expect("a search") - 1..], "data-combo");
    let element = element.expect("its name");
    let mut fields = form(&open);
    fields.extend(
        [("do", "options"), ("element", &element), ("typed", "role 12")]
            .map(|(n, v)| (n.to_owned(), v.to_owned())),
    );
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let found: Value = serde_json::from_str(&page.act("modal", &fields).await.body).expect("JSON");
    let found = found["options"].as_array().expect("options");
    assert_eq!(found.len(), 10, "{found:?}");
    let chosen = found[3].to_string();
    page.submits(&open, &[("First name", "Svc"), ("Last name", "Crm")]).await;
    let fields: Vec<(&str, &str)> =
        [("as", RAE), ("in", OPS), ("view", fields.iter().find(|(n, _)| *n == "view").expect("a view").1)]
            .to_vec();
    let mut fields = fields;
    fields.extend([("field", element.as_str()), (element.as_str(), chosen.as_str()), ("do", "submit")]);
    page.does("modal", &fields).await;
    let card = page.until(ADA, CARDS, ">Approve</button>").await;
    assert!(part(&card, "conversation").contains("Role 123"), "{}", part(&card, "conversation"));
}

#[tokio::test]
async fn traffic_is_shown_without_secrets() {
    let page = Page::open().await;
    page.does("post", &[("as", RAE), ("in", OPS), ("text", "/marketo-api-user svc@example.com")]).await;
    let seen = page.until(RAE, OPS, "views.open").await;
    let traffic = part(&seen, "traffic");
    for text in ["POST /slack/commands", "auth.test", "GET /identity/oauth/token", "200", " ms</span>"] {
        assert!(traffic.contains(text), "{text} in {traffic}");
    }
    let ids: Vec<&str> =
        traffic.split("data-src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(ids.len() > 5, "{ids:?}");
    let mut all = String::new();
    for id in &ids {
        all += &page.get(id).await;
    }
    for secret in [
        "xoxb-simulated",
        "simulated-signing-secret",
        "marketo-sim-client-secret",
        "v0=0",
        "/response/",
        ":int",
    ] {
        assert!(!all.contains(secret) && !seen.contains(secret), "{secret}");
    }
    for text in ["X-Slack-Signature", "\"access_token\": \"•••\"", "\"command\": \"/marketo-api-user\""]
    {
        assert!(all.contains(text), "{text} in {all}");
    }
}
