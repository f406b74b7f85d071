//! The scenario of `demo --script`: a request from start to finish, and one that is denied. It acts as the people do, shows
//! what they see, and stops where something is unexpected. This file must not know the layout of the text.

use std::{pin::pin, time::Duration};

use super::{
    Mode, Options, PlayError, Playground,
    fixtures::{self, ADA, APPROVALS, OPS, RAE},
    page::Page,
};
use crate::{
    clock::Clock,
    sim::{
        fault::Fault,
        render,
        slack::SimMessage,
        user::{NotVisible, Reply, User},
    },
    store::StoreError,
};

/// When the scenario takes place: its text is the same every time.
const NOW: &str = "2026-11-24T10:00:00Z";
/// How long Marketo takes for the invite, by the scenario's clock: there is time to look at the card.
const INVITE_TAKES: Duration = Duration::from_secs(1);
/// How often, and after which real time each, the scenario's clock is moved on until Marketo has answered.
const MOVES: usize = 500;
const BETWEEN_MOVES: Duration = Duration::from_millis(20);

const COMMAND: &str = "/marketo-api-user";
const CRM: &str = "svc-crm-sync@example.com";
const WEBINARS: &str = "svc-webinars@example.com";

/// What she fills in first, with the wrong year.
const FIRST: [(&str, &str); 5] = [
    ("First name", "Svc"),
    ("Last name", "Crm Sync"),
    ("Reason", "Nightly sync of leads from the CRM."),
    ("Access expiration", "2026-01-31"),
    ("Role", "API Only"),
];
const CORRECTED: (&str, &str) = ("Access expiration", "2027-01-31");
const SECOND: [(&str, &str); 4] = [
    ("First name", "Svc"),
    ("Last name", "Webinars"),
    ("Reason", "Attendee lists after each webinar."),
    ("Role", "API Only - EMEA"),
];
const DENIAL: &str = "The reports user can do this already. Please use that one.";

/// Where the scenario went wrong, and why.
#[derive(Debug, thiserror::Error)]
#[error("the scenario went wrong at \"{title}\": {error}")]
pub struct ScriptError {
    title: String,
    error: ScriptFailure,
}

/// Why a step is not as it should be.
#[derive(Debug, thiserror::Error)]
enum ScriptFailure {
    #[error(transparent)]
    Play(#[from] PlayError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NotThere(#[from] NotVisible),
    #[error("{0}")]
    NotSo(String),
}

/// Plays the scenario and writes it to `out` as it goes on. With `bold`, titles stand out on a terminal.
///
/// # Errors
/// When something is not as the scenario has it; `out` then ends there.
pub async fn play(out: &mut String, bold: bool) -> Result<(), ScriptError> {
    let failed = |title: &str, error| ScriptError { title: title.to_owned(), error };
    let opened = ScriptRun::open(out, bold).await;
    let mut scenario = opened.map_err(|error| failed("Before the beginning", error))?;
    let told = scenario.tell().await;
    scenario.play.stop().await;
    told.map_err(|error| failed(scenario.page.title(), error))
}

struct ScriptRun<'a> {
    play: Playground,
    rae: User,
    ada: User,
    page: Page<'a>,
    signed: usize,
}

impl<'a> ScriptRun<'a> {
    async fn open(out: &'a mut String, bold: bool) -> Result<Self, ScriptFailure> {
        let now = NOW.parse().map_err(|_| not_so("the scenario's time is no time"))?;
        let mut options = Options::new(Clock::manual(now), Mode::Pumped);
        options.slack = fixtures::company();
        let play = Playground::open(options).await?;
        let (rae, ada) = (play.person(RAE), play.person(ADA));
        Ok(Self { play, rae, ada, page: Page::new(out, bold), signed: 0 })
    }

    async fn tell(&mut self) -> Result<(), ScriptFailure> {
        self.begins();
        self.rae_asks().await?;
        self.rae_slips().await?;
        self.rae_corrects_it().await?;
        self.rae_may_not_approve().await?;
        self.ada_approves().await?;
        self.all_hear_of_it()?;
        self.ada_denies_another().await?;
        self.ends()
    }

    fn begins(&mut self) {
        self.page.heading("An API user for Marketo, from the request to the handover", '=');
        self.page.says(
            "The bot is the real one. Slack and Marketo are simulated on this machine; nothing leaves it.\n\
             A bar in front of a line means: Slack shows it. [ Buttons ] are in brackets.",
        );
        self.page.says(
            "Rae Requester   needs an API user for a new integration\n\
             Ada Approver    approves or denies; so may Rae, but never a request of her own\n\
             The day         24 November 2026",
        );
    }

    async fn rae_asks(&mut self) -> Result<(), ScriptFailure> {
        self.page.step("Rae asks");
        let line = format!("{COMMAND} {CRM}");
        self.page.says("Rae types in #marketing-ops:");
        self.page.shows(&line);
        self.types(&line).await?;
        self.page.says("A form opens, with the e-mail filled in:");
        self.shows_form(&self.rae.clone()).await
    }

    async fn rae_slips(&mut self) -> Result<(), ScriptFailure> {
        self.page.step("A slip is caught beside its field");
        self.rae.fills(&FIRST).await?;
        let submitted = self.rae.submits().await?;
        self.counts(&submitted.reply)?;
        let is_beside_the_date = submitted.errors.keys().eq([CORRECTED.0]);
        self.must(!submitted.closed && is_beside_the_date, "a date in the past is refused beside its field")?;
        self.page.says(&format!(
            "She fills in the rest and presses Request, but picks {} where she means {}.\n\
             The form stays open, and the fault is shown where it can be mended:",
            FIRST[3].1, CORRECTED.1
        ));
        let view = self.rae.sees_modal().await?;
        let form = render::view(&view, &self.play.slack.names());
        let below = form.lines().take_while(|line| !line.contains(CORRECTED.0)).count();
        self.page.shows_part(&form, 1, below);
        Ok(())
    }

    async fn rae_corrects_it(&mut self) -> Result<(), ScriptFailure> {
        self.page.step("The request goes to the approvers");
        self.rae.fills(&[CORRECTED]).await?;
        self.page
            .says("She corrects the year and presses Request again. The form closes: the request is stored.");
        self.submits_well(&self.rae.clone()).await?;
        self.page.says("A card appears in #marketo-approvals:");
        let card = self.card()?;
        let buttons = ["[ Approve ]", "[ Deny ]"];
        let has_both = buttons.iter().all(|button| text_of(&self.play, &card).contains(button));
        self.must(has_both, "the card has its buttons")?;
        self.shows_message(&card);
        self.page.says("Rae gets a direct message:");
        let direct = text_of(&self.play, &self.direct()?);
        self.must(direct.contains("[ Cancel request ]"), "Rae can cancel")?;
        self.page.shows_part(&direct, 3, direct.lines().count() - 1);
        Ok(())
    }

    async fn rae_may_not_approve(&mut self) -> Result<(), ScriptFailure> {
        self.page.step("Nobody approves their own request");
        let before = self.card()?;
        let reply = self.rae.clicks(&before, "Approve").await?;
        self.counts(&reply)?;
        self.play.drain().await?;
        self.must(self.card()? == before, "the card stays as it is")?;
        self.must(self.play.marketo.invites() == 0, "Marketo hears nothing")?;
        let told = self.play.slack.ephemerals_for(RAE);
        let told = told.last().ok_or_else(|| not_so("Rae is not told why"))?;
        self.must(told.text.contains("own request"), "Rae is told that it is her own request")?;
        self.page.says("Rae presses Approve on her card. Nothing changes, and she is told why:");
        self.page.shows(&render::ephemeral(told, &self.play.slack.names()));
        Ok(())
    }

    async fn ada_approves(&mut self) -> Result<(), ScriptFailure> {
        self.page.step("Ada approves");
        self.page.says("Ada presses Approve. At once the card loses its buttons and says so:");
        self.play.marketo.faults().script("invite", Fault::Slow(INVITE_TAKES));
        let reply = self.ada.clicks(&self.card()?, "Approve").await?;
        self.counts(&reply)?;
        let card = card_while_marketo_works(&self.play).await?;
        self.page.shows_top(&card, 2);
        self.must(self.play.marketo.invites() == 1, "Marketo gets one invite")?;
        let calls = self.play.marketo.calls();
        let invite = calls.iter().find(|call| call.name == "invite");
        let invite = invite.ok_or_else(|| not_so("Marketo got no invite"))?;
        self.page.says("Meanwhile Marketo receives one invite:");
        let body = invite.body.as_ref().map(|body| format!("{body:#}")).unwrap_or_default();
        self.page.shows(&format!("{} {}\n{body}", invite.method, invite.path));
        self.page.says("Now Marketo has the user, and the card says so:");
        let card = self.card()?;
        let text = text_of(&self.play, &card);
        self.must(text.contains("created") && !text.contains("being created"), "the card says \"created\"")?;
        self.page.shows_top(&text, 2);
        Ok(())
    }

    fn all_hear_of_it(&mut self) -> Result<(), ScriptFailure> {
        self.page.step("The new user is handed over");
        let announced = self.play.slack.channel(OPS);
        let [announced] = announced.as_slice() else {
            return Err(not_so(&format!("#marketing-ops has {} messages", announced.len())));
        };
        self.page.says("A message in #marketing-ops, where Rae asked, says what she needs next:");
        self.shows_message(announced);
        let direct = text_of(&self.play, &self.direct()?);
        let is_told = direct.contains("The user is created") && !direct.contains("[ Cancel request ]");
        self.must(is_told, "Rae's direct message says that the user is created")?;
        self.page.says("Her direct message now says that the user is created, and has lost its button.");
        Ok(())
    }

    async fn ada_denies_another(&mut self) -> Result<(), ScriptFailure> {
        self.page.step("A second request is denied");
        self.types(&format!("{COMMAND} {WEBINARS}")).await?;
        self.rae.fills(&SECOND).await?;
        self.submits_well(&self.rae.clone()).await?;
        self.page.says(&format!(
            "Rae asks for {WEBINARS} in the same way. Ada presses Deny on its card, is asked for a\n\
             reason and writes one:"
        ));
        let reply = self.ada.clicks(&self.card()?, "Deny").await?;
        self.counts(&reply)?;
        self.ada.fills(&[("Reason", DENIAL)]).await?;
        self.shows_form(&self.ada.clone()).await?;
        self.submits_well(&self.ada.clone()).await?;
        self.page.says("The card loses its buttons and keeps the answer:");
        let card = self.card()?;
        let card = text_of(&self.play, &card);
        self.must(card.contains(DENIAL) && !card.contains('['), "the card shows the reason and no button")?;
        self.page.shows_top(&card, 3);
        let outcome = self.play.slack.dm(RAE).pop().ok_or_else(|| not_so("Rae got no direct message"))?;
        self.must(text_of(&self.play, &outcome).contains(DENIAL), "Rae reads the reason")?;
        self.page.says("Rae gets a new direct message:");
        self.shows_message(&outcome);
        Ok(())
    }

    fn ends(&mut self) -> Result<(), ScriptFailure> {
        let created = self.play.marketo.invites();
        self.must(created == 1, "exactly one user is created")?;
        let calls = self.play.slack.calls();
        let refused = calls.iter().find(|call| call.error.is_some());
        if let Some(call) = refused {
            return Err(not_so(&format!("Slack refused {} ({:?})", call.method, call.error)));
        }
        let calls_of_marketo = self.play.marketo.calls();
        let refused = calls_of_marketo.iter().find(|call| call.status != Some(200));
        if let Some(call) = refused {
            return Err(not_so(&format!("Marketo refused {} ({:?})", call.name, call.status)));
        }
        let posted = calls.iter().filter(|call| call.method == "chat.postMessage").count();
        self.page.heading("The end", '=');
        self.page.says(&format!(
            "{created} user created, 1 request denied, {} signed requests from Slack, {posted} messages posted.\n\
             Slack and Marketo refused nothing.",
            self.signed
        ));
        self.page.says(
            "To play the parts yourself:   marketo-api-user demo\n\
             To set it up for your team:   README.md",
        );
        self.page.ends();
        Ok(())
    }

    async fn types(&mut self, line: &str) -> Result<(), ScriptFailure> {
        let reply = self.rae.types(OPS, line).await;
        self.counts(&reply)?;
        self.rae.sees_modal().await?;
        Ok(())
    }

    async fn submits_well(&mut self, person: &User) -> Result<(), ScriptFailure> {
        let submitted = person.submits().await?;
        self.counts(&submitted.reply)?;
        if !submitted.closed {
            return Err(not_so(&format!("the form is refused: {:?}", submitted.errors)));
        }
        self.play.drain().await?;
        Ok(())
    }

    /// Every act of a person is one signed request, which the bot has to answer as Slack expects.
    fn counts(&mut self, reply: &Reply) -> Result<(), ScriptFailure> {
        self.signed += 1;
        match &reply.error {
            None => Ok(()),
            Some(error) => Err(not_so(&format!("Slack cannot use the bot's answer: {error}"))),
        }
    }

    fn must(&self, holds: bool, what: &str) -> Result<(), ScriptFailure> {
        if holds { Ok(()) } else { Err(not_so(&format!("it is not so that {what}"))) }
    }

    fn card(&self) -> Result<SimMessage, ScriptFailure> {
        card_in(self.play.slack.channel(APPROVALS)).ok_or_else(|| not_so("there is no card"))
    }

    fn direct(&self) -> Result<SimMessage, ScriptFailure> {
        self.play.slack.dm(RAE).into_iter().next().ok_or_else(|| not_so("Rae got no direct message"))
    }

    fn shows_message(&mut self, message: &SimMessage) {
        self.page.shows(&text_of(&self.play, message));
    }

    async fn shows_form(&mut self, person: &User) -> Result<(), ScriptFailure> {
        let view = person.sees_modal().await?;
        self.page.shows(&render::view(&view, &self.play.slack.names()));
        Ok(())
    }
}

/// What is due is carried out, and the card is looked at while Marketo is still at it.
async fn card_while_marketo_works(play: &Playground) -> Result<String, ScriptFailure> {
    let real = Clock::system();
    // Two at work, so that one can show while the other waits for Marketo.
    let mut work = pin!(async { tokio::try_join!(play.drain(), play.drain()) });
    let appears = play.slack.wait_for(|slack| {
        let card = card_in(slack.channel(APPROVALS));
        card.is_some_and(|card| card.edits > 0)
    });
    tokio::select! {
        done = &mut work => {
            done?;
            return Err(not_so("the user was created before the card said that it is being created"));
        }
        _ = appears => {}
    }
    let card = card_in(play.slack.channel(APPROVALS)).map(|card| text_of(play, &card));
    let card = card.filter(|text| text.contains("being created"));
    let card = card.ok_or_else(|| not_so("the card does not say that the user is being created"))?;
    for _ in 0..MOVES {
        play.clock.advance(INVITE_TAKES);
        tokio::select! {
            done = &mut work => {
                done?;
                return Ok(card);
            }
            () = real.sleep(BETWEEN_MOVES) => {}
        }
    }
    Err(not_so("Marketo does not answer the invite"))
}

/// The newest card.
fn card_in(messages: Vec<SimMessage>) -> Option<SimMessage> {
    messages.into_iter().rev().find(|message| message.thread_ts.is_none())
}

fn text_of(play: &Playground, message: &SimMessage) -> String {
    render::message(message, &play.slack.names())
}

fn not_so(what: &str) -> ScriptFailure {
    ScriptFailure::NotSo(what.to_owned())
}
