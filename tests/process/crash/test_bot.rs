//! One run's own world: simulators, database and bot, and the blows that the bot is dealt in it.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use marketo_api_user::{
    clock::Clock,
    playground::POLICY,
    sim::{
        breakpoint::{Breakpoint, Moment},
        marketo::{self, DuplicateInvite, MarketoSim},
        slack::{self, SimMessage, SlackSim},
        user::{Reply, SlackWorkspace, User},
    },
};
use tempfile::TempDir;

use super::{
    database::{Database, Held, Kind},
    point::{Call, MARKETO, Point, SLACK, Scenario, When},
    program::{Log, Program},
};

pub(crate) const RAE: &str = "U0REQ";
pub(crate) const ADA: &str = "U0APPROVE";
pub(crate) const OPS: &str = "C0OPS";
pub(crate) const CARDS: &str = "C0APPROVE";
pub(crate) const EMAIL: &str = "svc-crm@example.com";

/// How long the bot is given to try what the lock keeps it from.
const TRIES_FOR: Duration = Duration::from_millis(400);
/// How long a new user takes to show in Marketo's list, where the bot is killed at a call to Marketo.
const SHOWS_AFTER: Duration = Duration::from_secs(6);

pub(crate) struct TestBot {
    pub(crate) slack: Arc<SlackSim>,
    pub(crate) marketo: Arc<MarketoSim>,
    pub(crate) rae: User,
    pub(crate) ada: User,
    pub(crate) clock: Clock,
    pub(crate) database: Database,
    pub(crate) log: Log,
    work: SlackWorkspace,
    folder: TempDir,
    environment: BTreeMap<&'static str, String>,
    bot: Mutex<Option<Program>>,
    /// The message at which the bot is still to be killed.
    kill_at: Mutex<Option<(&'static str, When)>>,
    killed: AtomicBool,
    /// What was wrong on the way.
    violations: Mutex<Vec<String>>,
}

impl TestBot {
    pub(crate) async fn open(kind: &Kind, scenario: Scenario, point: &Point) -> Arc<Self> {
        let clock = Clock::system();
        let slack = SlackSim::start(clock.clone(), slack::Setup::default()).await.unwrap();
        let setup = marketo::Setup {
            duplicate_invite: DuplicateInvite::SecondRecord,
            visible_after: if point.is_at_marketo() { SHOWS_AFTER } else { Duration::ZERO },
            ..marketo::Setup::default()
        };
        let marketo = MarketoSim::start(clock.clone(), setup).await.unwrap();
        let work = SlackWorkspace::new(Arc::clone(&slack), "http://127.0.0.1:1", clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let database = Database::new(kind, &folder).await;
        let policy = format!("{POLICY}{}\n[replicas]\nlease = \"2s\"\n", scenario.policy());
        let file = folder.path().join("bot.toml");
        std::fs::write(&file, policy).unwrap();
        let setup = slack.setup();
        let environment = BTreeMap::from([
            ("SLACK_SIGNING_SECRET", setup.signing_secret),
            ("SLACK_BOT_TOKEN", setup.bot_token),
            ("SLACK_API_URL", slack.api_url()),
            ("MARKETO_BASE_URL", marketo.url()),
            ("MARKETO_CLIENT_ID", marketo::CLIENT_ID.to_owned()),
            ("MARKETO_CLIENT_SECRET", marketo::CLIENT_SECRET.to_owned()),
            ("DATABASE_URL", database.url.clone()),
            ("BIND", "127.0.0.1:0".to_owned()),
            ("CONFIG", file.to_str().unwrap().to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
            ("RUST_LOG", "info".to_owned()),
        ]);
        let kill_at = match point {
            Point::Message(action, when) => Some((*action, *when)),
            Point::Nowhere | Point::Call(..) => None,
        };
        let (rae, ada) = (work.person(RAE), work.person(ADA));
        Arc::new(Self {
            slack,
            marketo,
            rae,
            ada,
            clock,
            database,
            log: Log::default(),
            work,
            folder,
            environment,
            bot: Mutex::default(),
            kill_at: Mutex::new(kill_at),
            killed: AtomicBool::new(false),
            violations: Mutex::default(),
        })
    }

    /// Starts the bot. People go on at once, whether or not it is ready.
    pub(crate) async fn start(&self) -> Result<(), String> {
        let bot = Program::start(&self.environment, self.folder.path(), &self.log).await?;
        self.work.set_bot_url(&bot.url());
        *self.bot.lock().unwrap() = Some(bot);
        Ok(())
    }

    /// Starts the bot for the first time, and waits until it is ready.
    pub(crate) async fn opens(&self) -> Result<(), String> {
        let bot = Program::start(&self.environment, self.folder.path(), &self.log).await?;
        bot.becomes_ready().await?;
        self.work.set_bot_url(&bot.url());
        *self.bot.lock().unwrap() = Some(bot);
        Ok(())
    }

    /// Asks the bot to end, and waits until it has.
    pub(crate) async fn stop(&self) -> Result<(), String> {
        let bot = self.bot.lock().unwrap().take().ok_or("there is no bot")?;
        bot.terminate();
        bot.ends_well().await
    }

    fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
        if let Some(bot) = self.bot.lock().unwrap().take() {
            bot.kill();
        }
    }

    pub(crate) fn violation(&self, violation: impl Into<String>) {
        self.violations.lock().unwrap().push(violation.into());
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    /// The first line of the bot's log with this word, whatever its case.
    pub(crate) fn log_line(&self, word: &str) -> Option<String> {
        self.log.lock().unwrap().iter().find(|line| line.to_lowercase().contains(word)).cloned()
    }

    /// Whether the bot was killed where it was to be.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    /// The calls of the bot since `since`, which are counted as [`PageState::calls_so_far`] counts them.
    pub(crate) fn calls_since(&self, (slack, marketo): (usize, usize)) -> Vec<Call> {
        let slack = self.slack.calls().into_iter().skip(slack).map(|call| call.method);
        let marketo = self.marketo.calls().into_iter().skip(marketo).map(|call| call.name.to_owned());
        let mut counts = BTreeMap::<String, usize>::new();
        let names = slack.chain(marketo);
        names
            .filter(|name| SLACK.contains(&name.as_str()) || MARKETO.contains(&name.as_str()))
            .map(|name| {
                let count = counts.entry(name.clone()).or_default();
                *count += 1;
                Call { name, nth: *count }
            })
            .collect()
    }

    pub(crate) fn calls_so_far(&self) -> (usize, usize) {
        (self.slack.calls().len(), self.marketo.calls().len())
    }

    /// The gate at which a call is stopped to kill_at the bot.
    pub(crate) fn gate(&self, call: &Call, when: When) -> Breakpoint {
        let moment = match when {
            When::Before | When::Twice | When::TermBefore => Moment::Arrived,
            When::Executed
            | When::Searched
            | When::Answered
            | When::TermApplied
            | When::Uncommitted
            | When::Acknowledged => Moment::CarriedOut,
        };
        let gates = if call.is_to_marketo() { self.marketo.breakpoints() } else { self.slack.breakpoints() };
        gates.stop(&call.name, call.nth, moment)
    }

    /// Strikes the bot while `call` stands at `gate`, and starts it anew.
    pub(crate) async fn kills(
        &self,
        gate: Breakpoint,
        scenario: Scenario,
        call: &Call,
        when: When,
    ) -> Result<(), String> {
        match when {
            When::Twice => {
                self.kill();
                gate.cut();
                self.kills_at_next(&call.name).await?;
            }
            When::Searched => {
                self.kill();
                gate.cut();
                let is_reply = scenario == Scenario::Remind;
                let search = if is_reply { "conversations.replies" } else { "conversations.history" };
                self.kills_at_next(search).await?;
            }
            When::Before | When::Executed => {
                self.kill();
                gate.cut();
            }
            When::Answered => self.kills_before_commit(Held::Everything, async { gate.open() }).await,
            When::TermBefore | When::TermApplied => {
                self.killed.store(true, Ordering::SeqCst);
                let bot = self.bot.lock().unwrap().take().ok_or("there is no bot")?;
                bot.terminate();
                self.clock.sleep(Duration::from_millis(50)).await;
                gate.open();
                bot.ends_well().await?;
            }
            When::Uncommitted | When::Acknowledged => {}
        }
        self.start().await
    }

    /// Starts the bot and kills it when its first call of this name is carried out.
    async fn kills_at_next(&self, name: &str) -> Result<(), String> {
        let call = Call { name: name.to_owned(), nth: 1 };
        let mut gate = self.gate(&call, When::Executed);
        self.start().await?;
        if !gate.reached().await {
            return Err("a simulator is gone".to_owned());
        }
        self.kill();
        gate.cut();
        Ok(())
    }

    /// Nobody decides, and the request's time ends. The bot may be killed when it has begun to close the request (on
    /// PostgreSQL; on SQLite when it is about to), before that is committed.
    pub(crate) async fn expires(&self) -> Result<(), String> {
        if self.kill_at.lock().unwrap().take().is_some() {
            let due = self.database.wakes_at().await.ok_or("no end is planned")?;
            self.clock.sleep_until(due - 200).await;
            self.kills_before_commit(Held::Decisions, async {}).await;
            self.start().await?;
        }
        Ok(())
    }

    async fn kills_before_commit<T>(&self, held: Held, begins: impl Future<Output = T>) -> T {
        let lock = self.database.lock(held).await;
        let kills = async {
            self.clock.sleep(TRIES_FOR).await;
            self.kill();
            self.database.unlock(lock).await;
        };
        tokio::join!(begins, kills).0
    }

    /// Somebody sends a message to the bot, which may be killed at it. An answer of 200 without a word is a promise.
    pub(crate) async fn sends(
        &self,
        action: &str,
        send: impl Future<Output = Reply>,
    ) -> Result<bool, String> {
        let is_promise = |reply: &Reply| reply.status == 200 && reply.body.is_empty();
        let kill_at = self.kill_at.lock().unwrap().take_if(|(name, _)| *name == action);
        let reply = match kill_at {
            None => send.await,
            Some((_, When::Uncommitted)) => {
                let reply = self.kills_before_commit(Held::Everything, send).await;
                if is_promise(&reply) {
                    self.violation(format!("{action}: a promise before the commit"));
                }
                self.start().await?;
                reply
            }
            Some((action, when)) => {
                let reply = send.await;
                if !is_promise(&reply) {
                    *self.kill_at.lock().unwrap() = Some((action, when));
                    return Ok(false);
                }
                self.kill();
                self.start().await?;
                // Slack may deliver twice. Until the bot knows which workspace it serves, it takes nothing.
                loop {
                    let again = self.work.send(&reply.sent).await;
                    match again.status {
                        200 if again.body.is_empty() => break,
                        503 => self.clock.sleep(Duration::from_millis(50)).await,
                        other => {
                            self.violation(format!("{action}: the second delivery was answered {other}"));
                            break;
                        }
                    }
                }
                reply
            }
        };
        Ok(is_promise(&reply))
    }

    /// The card, if there is one.
    pub(crate) fn card(&self) -> Option<SimMessage> {
        self.slack.channel(CARDS).into_iter().next()
    }

    /// The direct message that follows the request.
    pub(crate) fn request_message(&self) -> Option<SimMessage> {
        self.slack.dm(RAE).into_iter().next()
    }

    /// Whether the card, where there is one, and the direct message contain `words`.
    pub(crate) fn card_and_message_contain(&self, words: &str) -> bool {
        let says =
            |message: Option<SimMessage>| message.is_some_and(|one| one.blocks.to_string().contains(words));
        (self.slack.channel(CARDS).is_empty() || says(self.card())) && says(self.request_message())
    }

    /// Lets the bot look at Marketo only when the messages say that the user is being created, so that the calls of
    /// a scenario come in the same order each time.
    pub(crate) fn delay_user_lists(self: &Arc<Self>) {
        let mut gate = self.marketo.breakpoints().stop("allusers", 1, Moment::Arrived);
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            if gate.reached().await
                && let Some(this) = this.upgrade()
            {
                for _ in 0..200 {
                    if this.is_killed() || this.card_and_message_contain("is being created") {
                        break;
                    }
                    this.clock.sleep(Duration::from_millis(20)).await;
                }
                gate.open();
            }
        });
    }

    /// What Slack refused. A modal may come too late for its trigger.
    pub(crate) fn refused(&self) -> Vec<String> {
        let calls = self.slack.calls().into_iter().filter(|call| call.method != "views.open");
        calls.filter_map(|call| Some(format!("Slack refused {}: {}", call.method, call.error?))).collect()
    }

    /// How many users with the e-mail there are.
    pub(crate) fn users(&self) -> usize {
        self.marketo.users().iter().filter(|user| user.email == EMAIL).count()
    }
}
