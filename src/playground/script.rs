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

/// The script's fixed time, so that its text is always the same.
const NOW: &str = "2026-11-24T10:00:00Z";
/// How long Marketo takes for the invite, by the script's clock. The card is read in that time.
const INVITE_DURATION: Duration = Duration::from_secs(1);
/// How often the script's clock is advanced until Marketo has answered.
const CLOCK_STEPS: usize = 500;
/// Real time between two steps.
const CLOCK_STEP_INTERVAL: Duration = Duration::from_millis(20);

const COMMAND: &str = "/marketo-api-user";
const CRM: &str = "svc-crm-sync@example.com";
const WEBINARS: &str = "svc-webinars@example.com";

/// Rae's first input, with a wrong year.
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

/// The step that failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("the script failed at \"{title}\": {error}")]
pub struct ScriptError {
    title: String,
    error: StepError,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Play(#[from] PlayError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NotVisible(#[from] NotVisible),
    #[error("{0}")]
    Unexpected(String),
}

/// Plays the script and writes each step to `out`. With `is_bold`, titles are bold on a terminal.
///
/// # Errors
/// When a step has an unexpected result; `out` then ends with that step.
pub async fn play(out: &mut String, is_bold: bool) -> Result<(), ScriptError> {
    let failed = |title: &str, error| ScriptError { title: title.to_owned(), error };
    let opened = Script::open(out, is_bold).await;
    let mut script = opened.map_err(|error| failed("Start", error))?;
    let result = script.run().await;
    script.playground.stop().await;
    result.map_err(|error| failed(script.page.title(), error))
}

struct Script<'a> {
    playground: Playground,
    rae: User,
    ada: User,
    page: Page<'a>,
    signed_requests: usize,
}

impl<'a> Script<'a> {
    async fn open(out: &'a mut String, is_bold: bool) -> Result<Self, StepError> {
        let now = NOW.parse().map_err(|_| unexpected("the script's time is invalid"))?;
        let mut options = Options::new(Clock::manual(now), Mode::Pumped);
        options.slack = fixtures::company();
        let playground = Playground::open(options).await?;
        let (rae, ada) = (playground.person(RAE), playground.person(ADA));
        Ok(Self { playground, rae, ada, page: Page::new(out, is_bold), signed_requests: 0 })
    }

    async fn run(&mut self) -> Result<(), StepError> {
        self.introduce();
        self.rae_requests().await?;
        self.rae_enters_a_past_date().await?;
        self.rae_corrects_the_date().await?;
        self.rae_cannot_approve().await?;
        self.ada_approves().await?;
        self.the_user_is_announced()?;
        self.ada_denies_a_request().await?;
        self.finish()
    }

    fn introduce(&mut self) {
        self.page.heading("An API user for Marketo, from the request to the handover", '=');
        self.page.paragraph(
            "The bot is real. Slack and Marketo are simulated on this machine; nothing leaves it.\n\
             Lines with a bar are what Slack shows. [ Buttons ] are in brackets.",
        );
        self.page.paragraph(
            "Rae Requester   needs an API user for a new integration\n\
             Ada Approver    approves or denies; Rae may too, but never her own request\n\
             The day         24 November 2026",
        );
    }

    async fn rae_requests(&mut self) -> Result<(), StepError> {
        self.page.step("Rae requests a user");
        let line = format!("{COMMAND} {CRM}");
        self.page.paragraph("Rae types in #marketing-ops:");
        self.page.excerpt(&line);
        self.rae_types(&line).await?;
        self.page.paragraph("A form opens with the email filled in:");
        self.show_form(&self.rae.clone()).await
    }

    async fn rae_enters_a_past_date(&mut self) -> Result<(), StepError> {
        self.page.step("An error appears beside its field");
        self.rae.fills(&FIRST).await?;
        let submitted = self.rae.submits().await?;
        self.check(&submitted.reply)?;
        let is_beside_the_date = submitted.errors.keys().eq([CORRECTED.0]);
        self.must(!submitted.closed && is_beside_the_date, "a date in the past is refused beside its field")?;
        self.page.paragraph(&format!(
            "She fills in the rest and clicks Request, but picks {} instead of {}.\n\
             The form stays open and shows the error beside its field:",
            FIRST[3].1, CORRECTED.1
        ));
        let view = self.rae.sees_modal().await?;
        let form = render::view(&view, &self.playground.slack.names());
        let below = form.lines().take_while(|line| !line.contains(CORRECTED.0)).count();
        self.page.excerpt_parts(&form, 1, below);
        Ok(())
    }

    async fn rae_corrects_the_date(&mut self) -> Result<(), StepError> {
        self.page.step("The request goes to the approvers");
        self.rae.fills(&[CORRECTED]).await?;
        self.page.paragraph(
            "She corrects the year and clicks Request again. The form closes: the request is stored.",
        );
        self.submit_successfully(&self.rae.clone()).await?;
        self.page.paragraph("A card appears in #marketo-approvals:");
        let card = self.card()?;
        let buttons = ["[ Approve ]", "[ Deny ]"];
        let has_both = buttons.iter().all(|button| text_of(&self.playground, &card).contains(button));
        self.must(has_both, "the card has its buttons")?;
        self.show_message(&card);
        self.page.paragraph("Rae gets a direct message:");
        let direct = text_of(&self.playground, &self.direct()?);
        self.must(direct.contains("[ Cancel request ]"), "Rae can cancel")?;
        self.page.excerpt_parts(&direct, 3, direct.lines().count() - 1);
        Ok(())
    }

    async fn rae_cannot_approve(&mut self) -> Result<(), StepError> {
        self.page.step("Nobody approves their own request");
        let before = self.card()?;
        let reply = self.rae.clicks(&before, "Approve").await?;
        self.check(&reply)?;
        self.playground.drain().await?;
        self.must(self.card()? == before, "the card stays as it is")?;
        self.must(self.playground.marketo.invites() == 0, "Marketo gets no call")?;
        let ephemerals = self.playground.slack.ephemerals_for(RAE);
        let refusal = ephemerals.last().ok_or_else(|| unexpected("Rae is not told why"))?;
        self.must(refusal.text.contains("own request"), "Rae is told that it is her own request")?;
        self.page.paragraph("Rae clicks Approve on her card. Nothing changes, and the bot tells her why:");
        self.page.excerpt(&render::ephemeral(refusal, &self.playground.slack.names()));
        Ok(())
    }

    async fn ada_approves(&mut self) -> Result<(), StepError> {
        self.page.step("Ada approves");
        self.page.paragraph("Ada clicks Approve. The card loses its buttons at once:");
        self.playground.marketo.faults().script("invite", Fault::Slow(INVITE_DURATION));
        let reply = self.ada.clicks(&self.card()?, "Approve").await?;
        self.check(&reply)?;
        let card = card_during_invite(&self.playground).await?;
        self.page.excerpt_top(&card, 2);
        self.must(self.playground.marketo.invites() == 1, "Marketo gets one invite")?;
        let calls = self.playground.marketo.calls();
        let invite = calls.iter().find(|call| call.name == "invite");
        let invite = invite.ok_or_else(|| unexpected("Marketo got no invite"))?;
        self.page.paragraph("Marketo receives one invite:");
        let body = invite.body.as_ref().map(|body| format!("{body:#}")).unwrap_or_default();
        self.page.excerpt(&format!("{} {}\n{body}", invite.method, invite.path));
        self.page.paragraph("Marketo has created the user, and the card is updated:");
        let card = self.card()?;
        let text = text_of(&self.playground, &card);
        self.must(text.contains("created") && !text.contains("being created"), "the card says \"created\"")?;
        self.page.excerpt_top(&text, 2);
        Ok(())
    }

    fn the_user_is_announced(&mut self) -> Result<(), StepError> {
        self.page.step("The new user is handed over");
        let announced = self.playground.slack.channel(OPS);
        let [announced] = announced.as_slice() else {
            return Err(unexpected(&format!("#marketing-ops has {} messages", announced.len())));
        };
        self.page.paragraph("A message in #marketing-ops, where Rae made the request, says what to do next:");
        self.show_message(announced);
        let direct = text_of(&self.playground, &self.direct()?);
        let is_updated = direct.contains("The user is created") && !direct.contains("[ Cancel request ]");
        self.must(is_updated, "Rae's direct message says that the user is created")?;
        self.page
            .paragraph("Her direct message now says that the user is created, and has no button any more.");
        Ok(())
    }

    async fn ada_denies_a_request(&mut self) -> Result<(), StepError> {
        self.page.step("A second request is denied");
        self.rae_types(&format!("{COMMAND} {WEBINARS}")).await?;
        self.rae.fills(&SECOND).await?;
        self.submit_successfully(&self.rae.clone()).await?;
        self.page.paragraph(&format!(
            "Rae requests {WEBINARS} in the same way. Ada clicks Deny on its card and\n\
             enters a reason:"
        ));
        let reply = self.ada.clicks(&self.card()?, "Deny").await?;
        self.check(&reply)?;
        self.ada.fills(&[("Reason", DENIAL)]).await?;
        self.show_form(&self.ada.clone()).await?;
        self.submit_successfully(&self.ada.clone()).await?;
        self.page.paragraph("The card loses its buttons and shows the reason:");
        let card = self.card()?;
        let card = text_of(&self.playground, &card);
        self.must(card.contains(DENIAL) && !card.contains('['), "the card shows the reason and no button")?;
        self.page.excerpt_top(&card, 3);
        let outcome =
            self.playground.slack.dm(RAE).pop().ok_or_else(|| unexpected("Rae got no direct message"))?;
        self.must(text_of(&self.playground, &outcome).contains(DENIAL), "Rae reads the reason")?;
        self.page.paragraph("Rae gets a new direct message:");
        self.show_message(&outcome);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), StepError> {
        let created = self.playground.marketo.invites();
        self.must(created == 1, "exactly one user is created")?;
        let calls = self.playground.slack.calls();
        let refused = calls.iter().find(|call| call.error.is_some());
        if let Some(call) = refused {
            return Err(unexpected(&format!("Slack refused {} ({:?})", call.method, call.error)));
        }
        let marketo_calls = self.playground.marketo.calls();
        let refused = marketo_calls.iter().find(|call| call.status != Some(200));
        if let Some(call) = refused {
            return Err(unexpected(&format!("Marketo refused {} ({:?})", call.name, call.status)));
        }
        let posted = calls.iter().filter(|call| call.method == "chat.postMessage").count();
        self.page.heading("The end", '=');
        self.page.paragraph(&format!(
            "{created} user created, 1 request denied, {} signed requests from Slack, {posted} messages posted.\n\
             Slack and Marketo refused nothing.",
            self.signed_requests
        ));
        self.page.paragraph(
            "To try it yourself:           marketo-api-user demo\n\
             To set it up for your team:   README.md",
        );
        self.page.finish();
        Ok(())
    }

    async fn rae_types(&mut self, line: &str) -> Result<(), StepError> {
        let reply = self.rae.types(OPS, line).await;
        self.check(&reply)?;
        self.rae.sees_modal().await?;
        Ok(())
    }

    async fn submit_successfully(&mut self, person: &User) -> Result<(), StepError> {
        let submitted = person.submits().await?;
        self.check(&submitted.reply)?;
        if !submitted.closed {
            return Err(unexpected(&format!("the form is refused: {:?}", submitted.errors)));
        }
        self.playground.drain().await?;
        Ok(())
    }

    /// Counts a signed request, and checks that Slack can use the bot's response.
    fn check(&mut self, reply: &Reply) -> Result<(), StepError> {
        self.signed_requests += 1;
        match &reply.error {
            None => Ok(()),
            Some(error) => Err(unexpected(&format!("Slack cannot use the bot's response: {error}"))),
        }
    }

    fn must(&self, is_true: bool, expectation: &str) -> Result<(), StepError> {
        if is_true { Ok(()) } else { Err(unexpected(&format!("this does not hold: {expectation}"))) }
    }

    fn card(&self) -> Result<SimMessage, StepError> {
        card_in(self.playground.slack.channel(APPROVALS)).ok_or_else(|| unexpected("there is no card"))
    }

    fn direct(&self) -> Result<SimMessage, StepError> {
        self.playground
            .slack
            .dm(RAE)
            .into_iter()
            .next()
            .ok_or_else(|| unexpected("Rae got no direct message"))
    }

    fn show_message(&mut self, message: &SimMessage) {
        self.page.excerpt(&text_of(&self.playground, message));
    }

    async fn show_form(&mut self, person: &User) -> Result<(), StepError> {
        let view = person.sees_modal().await?;
        self.page.excerpt(&render::view(&view, &self.playground.slack.names()));
        Ok(())
    }
}

/// Executes what is due, and returns the card while the invite is in progress.
async fn card_during_invite(play: &Playground) -> Result<String, StepError> {
    let real = Clock::system();
    // Two workers: one updates the card while the other waits for Marketo.
    let mut work = pin!(async { tokio::try_join!(play.drain(), play.drain()) });
    let card_is_edited = play.slack.wait_for(|slack| {
        let card = card_in(slack.channel(APPROVALS));
        card.is_some_and(|card| card.edits > 0)
    });
    tokio::select! {
        result = &mut work => {
            result?;
            return Err(unexpected("the user was created before the card said that it is being created"));
        }
        _ = card_is_edited => {}
    }
    let card = card_in(play.slack.channel(APPROVALS)).map(|card| text_of(play, &card));
    let card = card.filter(|text| text.contains("being created"));
    let card = card.ok_or_else(|| unexpected("the card does not say that the user is being created"))?;
    for _ in 0..CLOCK_STEPS {
        play.clock.advance(INVITE_DURATION);
        tokio::select! {
            result = &mut work => {
                result?;
                return Ok(card);
            }
            () = real.sleep(CLOCK_STEP_INTERVAL) => {}
        }
    }
    Err(unexpected("Marketo does not answer the invite"))
}

/// The newest card.
fn card_in(messages: Vec<SimMessage>) -> Option<SimMessage> {
    messages.into_iter().rev().find(|message| message.thread_ts.is_none())
}

fn text_of(play: &Playground, message: &SimMessage) -> String {
    render::message(message, &play.slack.names())
}

fn unexpected(message: &str) -> StepError {
    StepError::Unexpected(message.to_owned())
}
