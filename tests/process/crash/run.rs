//! One run: a scenario, a point at which the bot is killed, and what is wrong at the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    database::{Kind, Left},
    point::{Call, Point, Scenario},
    scenario,
    test_bot::{CARDS, OPS, RAE, TestBot},
};

/// Timeout of a run. An unanswered invite is looked up for 15 s of it.
const DEADLINE: Duration = Duration::from_secs(75);

/// What people see in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) cards: String,
    pub(crate) direct: String,
    pub(crate) announced: String,
    messages: [usize; 3],
}

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) database: Kind,
    pub(crate) scenario: Scenario,
    pub(crate) point: Point,
}

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) users: usize,
    /// Users and messages that are there too often.
    pub(crate) duplicates: usize,
    /// Users and messages that are missing.
    pub(crate) lost: usize,
    /// It did not finish.
    pub(crate) stuck: bool,
    /// The point was never reached.
    pub(crate) missed: bool,
    pub(crate) violations: Vec<String>,
    pub(crate) seconds: f64,
    pub(crate) ending: Ending,
    pub(crate) calls: Vec<Call>,
}

impl Run {
    /// By this name it can be run alone.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}/{}", self.database.name(), self.scenario.name(), self.point)
    }

    /// Plays the scenario; `expected` is how it ends without a blow.
    pub(crate) async fn play(&self, expected: Option<&Ending>) -> Played {
        let bot = TestBot::open(&self.database, self.scenario, &self.point).await;
        let watch = bot.clock.stopwatch();
        let mut played = Played::default();
        let result = match bot.opens().await {
            Ok(()) => {
                let before = bot.calls_so_far();
                let actions = self.actions(&bot, expected);
                let result = tokio::time::timeout(DEADLINE, actions).await.unwrap_or_else(|_| {
                    played.stuck = true;
                    Err("it did not come to its end".to_owned())
                });
                played.calls = bot.calls_since(before);
                result
            }
            Err(violation) => Err(violation),
        };
        played.seconds = watch.seconds();
        result.unwrap_or_else(|violation| bot.violation(violation));
        played.missed = self.point != Point::Nowhere && !bot.is_killed();
        self.check(&bot, expected, &mut played).await;
        played.violations = bot.violations();
        if !played.violations.is_empty() {
            let log = bot.log.lock().unwrap();
            let log: Vec<String> = log.iter().map(|line| format!("    {line}\n")).collect();
            let calls: Vec<String> =
                played.calls.iter().map(|call| format!("{}#{}", call.name, call.nth)).collect();
            played.violations.push(format!(
                "it saw\n{:?}\nthe calls were {}\nthe log was\n{}",
                played.ending,
                calls.join(" "),
                log.concat()
            ));
        }
        played
    }

    /// What people do, and the blow at a call, until everything has come to its end.
    async fn actions(&self, bot: &Arc<TestBot>, expected: Option<&Ending>) -> Result<(), String> {
        let scenario = async {
            scenario::play(self.scenario, bot).await?;
            self.ends(bot, expected).await;
            Ok(())
        };
        let Point::Call(call, when) = &self.point else { return scenario.await };
        let mut gate = bot.gate(call, *when);
        let is_reached = AtomicBool::new(false);
        let kills = async {
            if !gate.reached().await {
                return Err("a simulator is gone".to_owned());
            }
            is_reached.store(true, Ordering::SeqCst);
            bot.kills(gate, self.scenario, call, *when).await
        };
        tokio::pin!(scenario, kills);
        tokio::select! {
            biased;
            killed = &mut kills => {
                killed?;
                scenario.await
            }
            played = &mut scenario => {
                played?;
                if !is_reached.load(Ordering::SeqCst) {
                    return Ok(());
                }
                kills.await?;
                self.ends(bot, expected).await;
                Ok(())
            }
        }
    }

    /// Waits until people see what they ought to and nothing is left to do.
    async fn ends(&self, bot: &TestBot, expected: Option<&Ending>) {
        loop {
            let is_shown = match expected {
                Some(expected) => Ending::of(bot) == *expected,
                None => bot.card_and_message_contain(self.scenario.last_words()),
            };
            if is_shown {
                let left = bot.database.left().await;
                if left.waiting == 0 && left.queues == 0 {
                    return;
                }
            }
            bot.clock.sleep(Duration::from_millis(50)).await;
        }
    }

    /// What is wrong with what is there in the end.
    async fn check(&self, bot: &TestBot, expected: Option<&Ending>, played: &mut Played) {
        if let Err(violation) = bot.stop().await {
            bot.violation(violation);
        }
        if let Some(line) = bot.log_line("deadlock") {
            bot.violation(format!("the log tells of a deadlock: {line}"));
        }
        played.ending = Ending::of(bot);
        played.users = bot.users();
        let due = self.scenario.users();
        played.duplicates = played.users.saturating_sub(due);
        played.lost = due.saturating_sub(played.users);
        if played.users != due || bot.marketo.invites() != due {
            let invites = bot.marketo.invites();
            bot.violation(format!("{} users by {invites} invites, not {due}", played.users));
        }
        for (count, due) in played.ending.messages.iter().zip(self.scenario.messages_due()) {
            played.duplicates += count.saturating_sub(due);
            played.lost += due.saturating_sub(*count);
            if *count != due {
                bot.violation(format!("{count} messages instead of {due}"));
            }
        }
        if expected.is_some_and(|expected| played.ending != *expected) {
            bot.violation("people do not see what they ought to");
        }
        if played.ending.has_button() {
            bot.violation("a button is left");
        }
        for refused in bot.refused() {
            bot.violation(refused);
        }
        let left = bot.database.left().await;
        if left != (Left { waiting: 0, queues: 0, dead_letters: 0 }) {
            bot.violation(format!("{left:?}"));
        }
        let violations =
            bot.database.violations(self.scenario.state(), self.scenario.entries(), self.scenario.parts());
        for violation in violations.await {
            bot.violation(violation);
        }
        bot.database.remove().await;
    }
}

impl Ending {
    fn has_button(&self) -> bool {
        [&self.cards, &self.direct, &self.announced].iter().any(|shown| shown.contains("[ "))
    }

    fn of(bot: &TestBot) -> Self {
        let slack = &bot.slack;
        Self {
            cards: without_times(&slack.transcript(CARDS)),
            direct: marketo_api_user::sim::render::transcript(&slack.dm(RAE), &slack.names()),
            announced: slack.transcript(OPS),
            messages: [slack.channel(CARDS).len(), slack.dm(RAE).len(), slack.channel(OPS).len()],
        }
    }
}

/// A text without the minutes that it names, which are other ones in each run.
fn without_times(text: &str) -> String {
    let mut parts: Vec<&str> = text.split(" UTC").collect();
    let last = parts.pop().unwrap_or_default();
    let before = parts.iter().map(|part| part[..part.len() - "2026-11-24 10:00".len()].to_owned() + "then");
    before.chain([last.to_owned()]).collect()
}
