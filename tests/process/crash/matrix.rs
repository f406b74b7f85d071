//! All runs: which there are, how they run side by side, and the table of their results.

use std::{collections::BTreeMap, sync::Arc};

use marketo_api_user::clock::Clock;
use tokio::sync::Semaphore;

use super::{
    database::Kind,
    point::{Call, Point, Scenario, When},
    run::{Ending, Played, Run},
};

/// How many runs there are at once, on both databases and in all tests. Most of a run is waiting.
static SLOTS: Semaphore = Semaphore::const_new(8);
/// How often a run that misses its point is repeated: the bot's calls may depend on the machine's load.
const TRIES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Kill,
    Term,
}

/// Which part of the matrix is run.
enum Part {
    /// The runs whose names contain this.
    Named(String),
    All,
    Some,
}

impl Part {
    #[expect(clippy::disallowed_methods, reason = "a test's own setting")]
    fn from_environment() -> Self {
        match (std::env::var("CRASH_RUN"), std::env::var("CRASH_MATRIX")) {
            (Ok(name), _) => Self::Named(name),
            (_, Ok(matrix)) if matrix == "all" => Self::All,
            _ => Self::Some,
        }
    }

    fn of(&self, runs: Vec<Run>) -> Vec<Run> {
        let is_central = |run: &Run| match &run.point {
            Point::Call(call, _) => call.name == "invite",
            Point::Message(..) => true,
            Point::Nowhere => false,
        };
        let mut position = 0;
        let mut is_in = |run: &Run| match self {
            Self::Named(name) => run.name().contains(name.as_str()),
            Self::All => true,
            Self::Some => {
                position += 1;
                is_central(run) || position % 3 == 0
            }
        };
        runs.into_iter().filter(|run| is_in(run)).collect()
    }
}

/// The points at which the bot is killed in a scenario with these calls.
fn points(scenario: Scenario, signal: Signal, calls: &[Call]) -> Vec<Point> {
    let mut points = Vec::new();
    for call in calls.iter().filter(|call| scenario.is_killed_at(call)) {
        let mut at = |when| points.push(Point::Call(call.clone(), when));
        match signal {
            Signal::Term => [When::TermBefore, When::TermApplied].into_iter().for_each(at),
            Signal::Kill => {
                at(When::Before);
                at(When::Executed);
                at(When::Twice);
                // Modals are not recorded.
                let is_recorded = call.name != "views.open";
                let is_searched = scenario.looks_for(call);
                let others = [(is_recorded, When::Answered), (is_searched, When::Searched)];
                others.into_iter().filter(|(is, _)| *is).for_each(|(_, when)| at(when));
            }
        };
    }
    if signal == Signal::Kill {
        for action in scenario.actions() {
            points.extend([When::Uncommitted, When::Acknowledged].map(|when| Point::Message(action, when)));
        }
        if scenario == Scenario::Expire {
            points.push(Point::Message("expire", When::Uncommitted));
        }
    }
    points
}

/// Runs the matrix of one signal, prints its table, and fails if anything is wrong.
pub(crate) async fn play(signal: Signal, scenarios: &[Scenario]) {
    let watch = Clock::system().stopwatch();
    let part = Part::from_environment();
    let mut runs = Vec::new();
    let mut endings = BTreeMap::new();
    for (run, played) in undisturbed(scenarios).await {
        assert!(played.violations.is_empty(), "{}: {}", run.name(), played.violations.join("\n"));
        let expected = endings.entry(run.scenario).or_insert_with(|| Arc::new(played.ending.clone()));
        assert_eq!(played.ending, **expected, "{}", run.name());
        let all = points(run.scenario, signal, &played.calls);
        let all = all.into_iter().map(|point| Run { point, ..run.clone() });
        runs.extend(part.of(all.collect()));
    }
    let playing: Vec<_> = runs
        .into_iter()
        .map(|run| {
            let expected = Arc::clone(&endings[&run.scenario]);
            let name = run.name();
            (name, run.clone(), tokio::spawn(play_one(run, expected)))
        })
        .collect();
    let mut table = Table::default();
    for (name, run, played) in playing {
        let played = played
            .await
            .unwrap_or_else(|panic| Played { violations: vec![panic.to_string()], ..Played::default() });
        table.add(&name, &run, played);
    }
    table.print(signal, watch.seconds());
    assert!(
        table.violations.is_empty(),
        "{} runs failed\n{}",
        table.violations.len(),
        table.violations.join("\n")
    );
}

/// Each scenario on each database, undisturbed.
async fn undisturbed(scenarios: &[Scenario]) -> Vec<(Run, Played)> {
    let mut playing = Vec::new();
    for database in Kind::all() {
        for &scenario in scenarios {
            let run = Run { database: database.clone(), scenario, point: Point::Nowhere };
            playing.push(tokio::spawn(async move {
                let _slot = SLOTS.acquire().await.unwrap();
                let played = run.play(None).await;
                (run, played)
            }));
        }
    }
    let mut played = Vec::new();
    for playing in playing {
        played.push(playing.await.unwrap());
    }
    played
}

async fn play_one(run: Run, expected: Arc<Ending>) -> Played {
    let _slot = SLOTS.acquire().await.unwrap();
    let mut tries = 1;
    loop {
        let played = run.play(Some(&expected)).await;
        if played.stuck || played.missed || !played.violations.is_empty() {
            let what = played.violations.first().map_or("the point was not reached", String::as_str);
            println!("{} after {:.0} s: {what}", run.name(), played.seconds);
        }
        if !played.missed || !played.violations.is_empty() || tries == TRIES {
            return played;
        }
        tries += 1;
    }
}

#[derive(Default)]
struct Row {
    runs: usize,
    due: usize,
    users: usize,
    duplicates: usize,
    lost: usize,
    stuck: usize,
    slowest: f64,
}

impl Row {
    fn add(&mut self, due: usize, played: &Played) {
        self.runs += 1;
        self.due += due;
        self.users += played.users;
        self.duplicates += played.duplicates;
        self.lost += played.lost;
        self.stuck += usize::from(played.stuck);
        self.slowest = self.slowest.max(played.seconds);
    }

    fn print(&self, names: [&str; 3]) {
        let [database, scenario, when] = names;
        println!(
            "{database:<9} {scenario:<12} {when:<13} {:>5} {:>8} {:>6} {:>11} {:>5} {:>6} {:>9.1}",
            self.runs, self.due, self.users, self.duplicates, self.lost, self.stuck, self.slowest
        );
    }
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<(&'static str, Scenario, &'static str), Row>,
    totals: BTreeMap<&'static str, Row>,
    violations: Vec<String>,
}

impl Table {
    fn add(&mut self, name: &str, run: &Run, played: Played) {
        let database = run.database.name();
        let row = self.rows.entry((database, run.scenario, run.point.when())).or_default();
        row.add(run.scenario.users(), &played);
        self.totals.entry(database).or_default().add(run.scenario.users(), &played);
        if played.missed {
            self.violations.push(format!("CRASH_RUN={name}: the point was not reached"));
        }
        if !played.violations.is_empty() {
            self.violations.push(format!("CRASH_RUN={name}: {}", played.violations.join("\n  ")));
        }
    }

    fn print(&self, signal: Signal, seconds: f64) {
        println!("\n{signal:?}, {seconds:.0} s in all");
        println!(
            "database  scenario        killed         runs  due-for  users  duplicates  lost  stuck  slowest/s"
        );
        for ((database, scenario, when), row) in &self.rows {
            row.print([database, scenario.name(), when]);
        }
        for (database, row) in &self.totals {
            row.print([database, "in all", ""]);
        }
    }
}
