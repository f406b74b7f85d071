//! The demo that people play themselves: a line says who does what, and what is new on the screens is written after
//! it. Where lines come from and where the text goes is not known here.

mod grammar;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use serde_json::Value;

use self::grammar::{Act, Line};
use super::{
    Mode, Options, PlayError, Playground,
    fixtures::{self, OPS},
    screen::{self, Screen},
};
use crate::{
    clock::Clock,
    sim::{
        marketo,
        slack::{SimMessage, SimUser, SimView, SlackSim},
        user::{NotVisible, Reply, User},
    },
};

const COMMAND: &str = "/marketo-api-user";
/// How long an act and what follows from it may take before the next line is read, in real time.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another line.
    Line,
    /// Nothing.
    End,
}

/// A playground that is told what happens in it.
#[derive(Debug)]
pub struct Console<W> {
    play: Playground,
    screen: Screen,
    invites: usize,
    roles: BTreeMap<i64, String>,
    out: W,
}

impl<W: Write> Console<W> {
    /// Starts the bot and the company around it; what there is to say is written to `out`.
    ///
    /// # Errors
    /// When the playground cannot be opened.
    pub async fn open(out: W) -> Result<Self, PlayError> {
        let mut options = Options::new(Clock::system(), Mode::Live);
        options.slack = fixtures::company();
        let roles = options.marketo.roles.iter().map(|role| (role.id, role.name.clone())).collect();
        let play = Playground::open(options).await?;
        Ok(Self { play, screen: Screen::default(), invites: 0, roles, out })
    }

    /// Says who is there and what to try.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn introduces(&mut self) -> io::Result<()> {
        let setup = self.play.slack.setup();
        let approvers = setup.groups.iter().flat_map(|group| &group.users).collect::<Vec<_>>();
        let mut text = format!(
            "The bot is running in a simulated company. Nothing leaves this machine.\n\n\
             Bot       {}   (GET /healthz, /readyz, /metrics)\n\
             Channels  #marketing-ops, where people ask; #marketo-approvals, where approvers decide\n",
            self.play.url()
        );
        for (place, user) in fixtures::people(&setup).enumerate() {
            let what = match () {
                () if user.team_id.is_some() => "belongs to another company",
                () if user.is_restricted => "a guest",
                () if approvers.contains(&&user.id) => "may ask, and decides on what others ask for",
                () => "may ask",
            };
            let title = if place == 0 { "People" } else { "" };
            let (call, name) = (fixtures::call_name(user), &user.real_name);
            text.push_str(&format!("{title:<10}{call:<9} {name:<14} {what}\n"));
        }
        text.push_str(
            "\nTry       rae types /marketo-api-user svc@example.com\n\
             \x20         rae fills First name = Svc; Last name = Crm; Role = API Only\n\
             \x20         rae submits\n\
             \x20         ada clicks Approve\n\
             \x20         help\n",
        );
        self.writes(&text)
    }

    /// Does what a line says, and writes what is new.
    ///
    /// # Errors
    /// When nothing can be written; what goes wrong in the company is written.
    pub async fn hears(&mut self, line: &str) -> io::Result<Next> {
        let text = match grammar::read(line) {
            Err(advice) => advice,
            Ok(Line::Empty) => return Ok(Next::Line),
            Ok(Line::Quit) => return Ok(Next::End),
            Ok(Line::Help) => grammar::HELP.to_owned(),
            Ok(Line::ShowEverything) => screen::everything(&self.play.slack),
            Ok(Line::ShowChannel(name)) => self.shows_channel(name),
            Ok(Line::ShowPerson(name)) => self.shows_person(name),
            Ok(Line::Marketo) => self.shows_marketo(),
            Ok(Line::Restart) => self.restarts().await,
            Ok(Line::Person(name, act)) => match self.acts(name, act).await {
                Ok(()) => self.news().await,
                Err(why_not) => why_not,
            },
        };
        self.writes(&text)?;
        Ok(Next::Line)
    }

    /// Ends the bot in good order.
    pub async fn ends(mut self) {
        self.play.stop().await;
    }

    fn writes(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}\n", text.trim_end())?;
        self.out.flush()
    }

    fn shows_channel(&self, name: &str) -> String {
        match self.channel(name) {
            Ok(id) => screen::conversation(&self.play.slack, &id)
                .unwrap_or_else(|| format!("Nothing is in #{name} yet.")),
            Err(why_not) => why_not,
        }
    }

    fn shows_person(&self, name: &str) -> String {
        match self.user(name) {
            Ok(user) => screen::of_person(&self.play.slack, &user.id)
                .unwrap_or_else(|| format!("{} has no direct message and no open form yet.", user.real_name)),
            Err(why_not) => why_not,
        }
    }

    fn shows_marketo(&self) -> String {
        let line = |user: &marketo::SimUser| {
            let name = format!("{} {}", user.first_name, user.last_name);
            let kind = if user.api_only { "API only" } else { "person" };
            let roles = user.roles.iter().map(|(role, _)| self.roles.get(role).map_or("?", String::as_str));
            let roles = roles.collect::<Vec<_>>().join(", ");
            let until = user.expires_at.map(|at| format!("until {at}")).unwrap_or_default();
            let line = format!("{:<28} {name:<22} {kind:<9} {roles:<16} {until}", user.email);
            line.trim_end().to_owned()
        };
        self.play.marketo.users().iter().map(line).collect::<Vec<_>>().join("\n")
    }

    async fn restarts(&mut self) -> String {
        if let Err(error) = self.play.restart().await {
            return format!("The bot did not start: {error}");
        }
        let news = self.news().await;
        let url = self.play.url();
        format!("The bot was stopped and started on the same database. It is now at {url}\n\n{news}")
    }

    /// What is new once the bot has nothing more to do.
    async fn news(&mut self) -> String {
        let settled = tokio::time::timeout(PATIENCE, self.play.drain()).await;
        let mut news = self.screen.news(&self.play.slack);
        let calls = self.play.marketo.calls();
        let invites: Vec<_> = calls.iter().filter(|call| call.name == "invite").collect();
        for invite in invites.iter().skip(self.invites) {
            let body = invite.body.as_ref().map(|body| format!("{body:#}")).unwrap_or_default();
            news.push(format!("Marketo received {} {}\n{body}", invite.method, invite.path));
        }
        self.invites = invites.len();
        match settled {
            Ok(Ok(())) => {}
            Ok(Err(error)) => news.push(format!("The bot's database failed: {error}")),
            Err(_) => news.push("The bot is still at work; \"show\" shows how far it is.".to_owned()),
        }
        if news.is_empty() {
            return "Nothing changed on anybody's screen.".to_owned();
        }
        news.join("\n\n")
    }

    async fn acts(&self, name: &str, act: Act<'_>) -> Result<(), String> {
        let user = self.user(name)?;
        let person = self.play.person(&user.id);
        let failed = |error: NotVisible| {
            let text = error.to_string().replacen(&user.id, &user.real_name, 1);
            format!("{}.", text.trim_end_matches("; there is: "))
        };
        if !matches!(act, Act::Types(..) | Act::Clicks(_)) && person.open_view().is_none() {
            return Err(format!("{} has no form open.", user.real_name));
        }
        let replies = match act {
            Act::Types(line, channel) => vec![self.types(&user, &person, line, channel).await?],
            Act::Fills(fields) => {
                let fields = as_labelled(&person, &fields)?;
                let fields: Vec<_> = fields.iter().map(|(label, value)| (label.as_str(), *value)).collect();
                person.fills(&fields).await.map_err(failed)?
            }
            Act::Submits => vec![person.submits().await.map_err(failed)?.reply],
            Act::Closes => person.closes().await.map_err(failed)?.into_iter().collect(),
            Act::Clicks(label) => clicks(&self.play.slack, &user, &person, label).await?,
        };
        let trouble = replies.into_iter().find_map(|reply| reply.trouble);
        trouble.map_or(Ok(()), |trouble| Err(format!("Slack cannot use the bot's answer: {trouble}")))
    }

    async fn types(
        &self,
        user: &SimUser,
        person: &User,
        line: &str,
        channel: Option<&str>,
    ) -> Result<Reply, String> {
        if line.split_whitespace().next() != Some(COMMAND) {
            return Err(format!("The bot's command is {COMMAND}; Slack knows no other here."));
        }
        let channel = channel.map_or(Ok(OPS.to_owned()), |name| self.channel(name))?;
        if !is_in(&self.play.slack, user, &channel) {
            return Err(format!("{} is not in that channel.", user.real_name));
        }
        let reply = person.types(&channel, line).await;
        Ok(reply)
    }

    fn user(&self, name: &str) -> Result<SimUser, String> {
        let setup = self.play.slack.setup();
        let found = fixtures::find(&setup, name).cloned();
        found.ok_or_else(|| {
            let there: Vec<_> = fixtures::people(&setup).map(fixtures::call_name).collect();
            format!(
                "I do not know that, and nobody is called \"{name}\". There are: {}. Try help.",
                there.join(", ")
            )
        })
    }

    fn channel(&self, name: &str) -> Result<String, String> {
        let setup = self.play.slack.setup();
        let found = setup.channels.iter().find(|channel| channel.name == name);
        found.map(|channel| channel.id.clone()).ok_or_else(|| {
            let there: Vec<_> = setup.channels.iter().map(|channel| format!("#{}", channel.name)).collect();
            format!("There is no #{name}. There are: {}.", there.join(", "))
        })
    }
}

/// Presses a button of the open form, or else the newest one of a message that the person sees.
async fn clicks(slack: &SlackSim, user: &SimUser, person: &User, label: &str) -> Result<Vec<Reply>, String> {
    let is_it = |shown: &str| shown.eq_ignore_ascii_case(label);
    let failed = |error: NotVisible| error.to_string();
    let mut there = Vec::new();
    if let Some(view) = person.open_view() {
        let word = |name: &str| view.view[name]["text"].as_str().unwrap_or_default().to_owned();
        if is_it(&word("submit")) {
            return Ok(vec![person.submits().await.map_err(failed)?.reply]);
        }
        if is_it(&word("close")) {
            return Ok(person.closes().await.map_err(failed)?.into_iter().collect());
        }
        there = [word("submit"), word("close")].into_iter().filter(|word| !word.is_empty()).collect();
        for shown in view.blocks().iter().flat_map(buttons) {
            if is_it(&shown) {
                return Ok(vec![person.presses(&shown).await.map_err(failed)?]);
            }
            there.push(shown);
        }
    }
    for message in seen_by(slack, user) {
        for shown in buttons(&message.blocks) {
            if is_it(&shown) {
                return Ok(vec![person.clicks(&message, &shown).await.map_err(failed)?]);
            }
            there.push(shown);
        }
    }
    let name = &user.real_name;
    if there.is_empty() {
        return Err(format!("{name} sees no button."));
    }
    there.sort();
    there.dedup();
    Err(format!("{name} sees no button \"{label}\", but: {}.", there.join(", ")))
}

/// The messages that somebody can see, the newest first.
fn seen_by(slack: &SlackSim, user: &SimUser) -> Vec<SimMessage> {
    let channels = slack.setup().channels;
    let channels = channels.iter().filter(|channel| channel.members.contains(&user.id));
    let mut messages: Vec<_> = channels.flat_map(|channel| slack.channel(&channel.id)).collect();
    messages.extend(slack.dm(&user.id));
    messages.sort_by(|a, b| b.ts.cmp(&a.ts));
    messages
}

fn is_in(slack: &SlackSim, user: &SimUser, channel: &str) -> bool {
    slack.setup().channels.iter().any(|one| one.id == channel && one.members.contains(&user.id))
}

/// The texts of all buttons in `blocks`, from top to bottom.
fn buttons(blocks: &Value) -> Vec<String> {
    match blocks {
        Value::Array(several) => several.iter().flat_map(buttons).collect(),
        Value::Object(one) if one.get("type").is_some_and(|kind| kind == "button") => {
            blocks["text"]["text"].as_str().map(str::to_owned).into_iter().collect()
        }
        Value::Object(one) => one.values().flat_map(buttons).collect(),
        _ => Vec::new(),
    }
}

/// The fields with their labels as the open form writes them.
fn as_labelled<'a>(person: &User, fields: &[(&str, &'a str)]) -> Result<Vec<(String, &'a str)>, String> {
    let view = person.open_view();
    let labels = view.as_ref().map(SimView::labels).unwrap_or_default();
    let find = |label: &str| labels.iter().find(|shown| shown.eq_ignore_ascii_case(label));
    let found = |&(label, value): &(&str, &'a str)| match find(label) {
        Some(shown) => Ok(((*shown).to_owned(), value)),
        None => Err(format!("The form has no field \"{label}\". It has: {}.", labels.join(", "))),
    };
    fields.iter().map(found).collect()
}
