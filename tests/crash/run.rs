//! One run: a story, struck at one point, and what is wrong in the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    database::{Kind, Left},
    house::{CARDS, House, OPS, RAE},
    point::{Call, Point, Story},
    story,
};

/// How long a run may take. An invite without an answer is looked for during 15 s of it.
const DEADLINE: Duration = Duration::from_secs(75);

/// What people see in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) cards: String,
    pub(crate) direct: String,
    pub(crate) announced: String,
    messages: [usize; 3],
}

/// A run to be made.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) database: Kind,
    pub(crate) story: Story,
    pub(crate) point: Point,
}

/// What became of a run.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) users: usize,
    /// Users and messages that are there too often.
    pub(crate) duplicates: usize,
    /// Users and messages that are missing.
    pub(crate) lost: usize,
    /// It did not come to its end.
    pub(crate) stuck: bool,
    /// The point was never reached.
    pub(crate) missed: bool,
    pub(crate) faults: Vec<String>,
    pub(crate) seconds: f64,
    pub(crate) ending: Ending,
    pub(crate) calls: Vec<Call>,
}

impl Run {
    /// By this name it can be run alone.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}/{}", self.database.name(), self.story.name(), self.point)
    }

    /// Plays the story; `expected` is how it ends without a blow.
    pub(crate) async fn play(&self, expected: Option<&Ending>) -> Played {
        let house = House::open(&self.database, self.story, &self.point).await;
        let watch = house.clock.stopwatch();
        let mut played = Played::default();
        let result = match house.opens().await {
            Ok(()) => {
                let before = house.calls_so_far();
                let acts = self.acts(&house, expected);
                let result = tokio::time::timeout(DEADLINE, acts).await.unwrap_or_else(|_| {
                    played.stuck = true;
                    Err("it did not come to its end".to_owned())
                });
                played.calls = house.calls_since(before);
                result
            }
            Err(fault) => Err(fault),
        };
        played.seconds = watch.seconds();
        result.unwrap_or_else(|fault| house.fault(fault));
        played.missed = self.point != Point::Nowhere && !house.is_struck();
        self.check(&house, expected, &mut played).await;
        played.faults = house.faults();
        if !played.faults.is_empty() {
            let log = house.log.lock().unwrap();
            let log: Vec<String> = log.iter().map(|line| format!("    {line}\n")).collect();
            let calls: Vec<String> =
                played.calls.iter().map(|call| format!("{}#{}", call.name, call.nth)).collect();
            played.faults.push(format!(
                "it saw\n{:?}\nthe calls were {}\nthe log was\n{}",
                played.ending,
                calls.join(" "),
                log.concat()
            ));
        }
        played
    }

    /// What people do, and the blow at a call, until everything has come to its end.
    async fn acts(&self, house: &Arc<House>, expected: Option<&Ending>) -> Result<(), String> {
        let story = async {
            story::tell(self.story, house).await?;
            self.ends(house, expected).await;
            Ok(())
        };
        let Point::Call(call, when) = &self.point else { return story.await };
        let mut gate = house.gate(call, *when);
        let is_reached = AtomicBool::new(false);
        let strikes = async {
            if !gate.reached().await {
                return Err("a simulator is gone".to_owned());
            }
            is_reached.store(true, Ordering::SeqCst);
            house.strikes(gate, self.story, call, *when).await
        };
        tokio::pin!(story, strikes);
        tokio::select! {
            biased;
            struck = &mut strikes => {
                struck?;
                story.await
            }
            told = &mut story => {
                told?;
                if !is_reached.load(Ordering::SeqCst) {
                    return Ok(());
                }
                strikes.await?;
                self.ends(house, expected).await;
                Ok(())
            }
        }
    }

    /// Waits until people see what they ought to and nothing is left to do.
    async fn ends(&self, house: &House, expected: Option<&Ending>) {
        loop {
            let is_shown = match expected {
                Some(expected) => Ending::of(house) == *expected,
                None => house.both_say(self.story.last_words()),
            };
            if is_shown {
                let left = house.database.left().await;
                if left.waiting == 0 && left.lanes == 0 {
                    return;
                }
            }
            house.clock.sleep(Duration::from_millis(50)).await;
        }
    }

    /// What is wrong with what is there in the end.
    async fn check(&self, house: &House, expected: Option<&Ending>, played: &mut Played) {
        if let Err(fault) = house.stop().await {
            house.fault(fault);
        }
        if let Some(line) = house.says_in_its_log("deadlock") {
            house.fault(format!("the log tells of a deadlock: {line}"));
        }
        played.ending = Ending::of(house);
        played.users = house.users();
        let due = self.story.users();
        played.duplicates = played.users.saturating_sub(due);
        played.lost = due.saturating_sub(played.users);
        if played.users != due || house.marketo.invites() != due {
            let invites = house.marketo.invites();
            house.fault(format!("{} users by {invites} invites, not {due}", played.users));
        }
        for (found, due) in played.ending.messages.iter().zip(self.story.messages_due()) {
            played.duplicates += found.saturating_sub(due);
            played.lost += due.saturating_sub(*found);
            if *found != due {
                house.fault(format!("{found} messages where {due} ought to be"));
            }
        }
        if expected.is_some_and(|expected| played.ending != *expected) {
            house.fault("people do not see what they ought to");
        }
        if played.ending.has_button() {
            house.fault("a button is left");
        }
        for refused in house.refused() {
            house.fault(refused);
        }
        let left = house.database.left().await;
        if left != (Left { waiting: 0, lanes: 0, buried: 0 }) {
            house.fault(format!("{left:?}"));
        }
        let faults = house.database.faults(self.story.state(), self.story.entries(), self.story.parts());
        for fault in faults.await {
            house.fault(fault);
        }
        house.database.remove().await;
    }
}

impl Ending {
    fn has_button(&self) -> bool {
        [&self.cards, &self.direct, &self.announced].iter().any(|shown| shown.contains("[ "))
    }

    fn of(house: &House) -> Self {
        let slack = &house.slack;
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
