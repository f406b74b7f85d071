//! The page under test, and helpers that read it.

use std::{net::SocketAddr, time::Duration};

use marketo_api_user::{
    clock::Clock,
    playground::{Mode, Options, fixtures, web::Web},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const RAE: &str = "U0REQ";
pub(crate) const ADA: &str = "U0APPROVE";
pub(crate) const OPS: &str = "C0OPS";
pub(crate) const CARDS: &str = "C0APPROVE";

/// The page under test.
pub(crate) struct Page {
    pub(crate) web: Web,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn options() -> Options {
    let mut options = Options::new(Clock::movable(), Mode::Apart);
    options.slack = fixtures::company();
    options
}

impl Page {
    pub(crate) async fn open() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self { web: Web::open(options, 0).await.expect("a page") }
    }

    pub(crate) fn host(&self) -> String {
        self.web.url().trim_start_matches("http://").to_owned()
    }

    /// Sends a request with these headers.
    pub(crate) async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let address: SocketAddr = self.host().parse().expect("an address");
        let mut stream = TcpStream::connect(address).await.expect("the page is served");
        let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        read.expect("an answer in time").expect("an answer");
        let text = String::from_utf8(answer).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let answer = self.send(&format!("GET {path}"), &[("Host", &self.host())], "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// The page as a person sees a conversation.
    pub(crate) async fn sees(&self, who: &str, channel: &str) -> String {
        self.get(&format!("/?as={who}&in={channel}")).await
    }

    /// Performs an action as the page's script does.
    pub(crate) async fn act(&self, what: &str, fields: &[(&str, &str)]) -> Answer {
        let (host, body) = (self.host(), serde_urlencoded::to_string(fields).expect("a form"));
        let origin = format!("http://{host}");
        let headers = [("Host", host.as_str()), ("Origin", &origin), ("Accept", "application/json")];
        self.send(&format!("POST /act/{what}"), &headers, &body).await
    }

    pub(crate) async fn does(&self, what: &str, fields: &[(&str, &str)]) {
        let answer = self.act(what, fields).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }

    /// Polls until a person sees a text, and returns the page.
    pub(crate) async fn until(&self, who: &str, channel: &str, text: &str) -> String {
        self.until_so(who, channel, text, |page| page.contains(text)).await
    }

    pub(crate) async fn until_so(
        &self,
        who: &str,
        channel: &str,
        what: &str,
        is_so: impl Fn(&str) -> bool,
    ) -> String {
        let real = Clock::system();
        let mut page = String::new();
        for _ in 0..400 {
            page = self.sees(who, channel).await;
            if is_so(&page) {
                return page;
            }
            real.sleep(Duration::from_millis(50)).await;
        }
        panic!("{who} does not see {what} in {channel}: {page}");
    }

    /// Fills in the form on the page and submits it.
    pub(crate) async fn submits(&self, page: &str, fields: &[(&str, &str)]) {
        let mut form = form(page);
        for (label, value) in fields {
            let name = name_of(page, label);
            form.retain(|(key, _)| *key != name);
            form.push((name.clone(), (*value).to_owned()));
        }
        form.push(("do".to_owned(), "submit".to_owned()));
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.does("modal", &form).await;
    }

    /// Clicks a button of a message.
    pub(crate) async fn clicks(&self, who: &str, channel: &str, label: &str) {
        let page =
            self.until_so(who, channel, label, |page| page.contains(&format!(">{label}</button>"))).await;
        let end = page.rfind(&format!(">{label}</button>")).expect("the button");
        let start = page[..end].rfind("<form").expect("its form");
        let hidden = hidden_fields(&page[start..end]);
        let form: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.does("click", &form).await;
    }
}

/// The form of the modal on the page, with what its fields hold.
pub(crate) fn form(page: &str) -> Vec<(String, String)> {
    let start = page.find("data-modal=").expect("a form is open");
    let end = start + page[start..].find("</form>").expect("its end");
    let part = &page[start..end];
    let mut fields = hidden_fields(part);
    for tag in part.split('<').filter(|tag| tag.starts_with("input") && !tag.contains("type=\"hidden\"")) {
        if let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) {
            fields.push((name, value));
        }
    }
    for tag in part.split("<select").skip(1) {
        let chosen = tag
            .split("<option")
            .find(|option| option.split('>').next().is_some_and(|o| o.ends_with(" selected")));
        if let (Some(name), Some(value)) =
            (attribute(tag, "name"), chosen.and_then(|o| attribute(o, "value")))
        {
            fields.push((name, value));
        }
    }
    fields
}

fn hidden_fields(part: &str) -> Vec<(String, String)> {
    let tags = part.split('<').filter(|tag| tag.contains("type=\"hidden\""));
    tags.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect()
}

/// The name of the field with this label.
pub(crate) fn name_of(page: &str, label: &str) -> String {
    let at = page.find(&format!("\">{label}<")).unwrap_or_else(|| panic!("no field {label} in {page}"));
    let start = page[..at].rfind("for=\"").expect("a label") + 5;
    let id = &page[start..at];
    let field = page.find(&format!(" id=\"{id}\"")).expect("its field");
    attribute(&page[field..], "name").expect("a name")
}

/// An attribute of the tag that `text` begins in.
pub(crate) fn attribute(text: &str, name: &str) -> Option<String> {
    let tag = text.split('>').next()?;
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// One part of the page, from its id to the next part's.
pub(crate) fn part<'a>(page: &'a str, id: &str) -> &'a str {
    let ids = ["top", "sidebar", "conversation", "thread", "modal", "controls", "marketo", "traffic"];
    let position = ids.iter().position(|part| *part == id).expect("a part");
    let at = |id: &str| page.find(&format!(" id=\"{id}\"")).expect("it is on the page");
    let end = ids.get(position + 1).map_or(page.len(), |next| at(next));
    &page[at(id)..end]
}
