//! The table of figures.

use std::io::{Write, stdout};

/// The target of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At least this.
    Above(f64),
    /// At most this.
    Below(f64),
    /// No target.
    None,
}

/// A line of the table.
pub(crate) struct Row {
    name: String,
    value: String,
    target: String,
    verdict: &'static str,
}

/// The median. Sorts `values`.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A figure and its target.
pub(crate) fn row(name: &str, unit: &str, value: f64, target: Target) -> Row {
    let (verdict, target) = match target {
        Target::Above(min) => (value >= min, format!("≥ {min} {unit}")),
        Target::Below(max) => (value <= max, format!("≤ {max} {unit}")),
        Target::None => (true, String::new()),
    };
    let verdict = match (target.is_empty(), verdict) {
        (true, _) => "",
        (false, true) => "ok",
        (false, false) => "MISSED",
    };
    let value = if value >= 1000.0 { format!("{value:.0} {unit}") } else { format!("{value:.2} {unit}") };
    Row { name: name.to_owned(), value, target: target.trim().to_owned(), verdict }
}

/// The bot's figure, the baseline's, and the median of the ratios of the rounds, to which the target belongs: the machine
/// is busier in some rounds than in others.
pub(crate) fn comparison(
    name: &str,
    unit: &str,
    (bot, baseline): (&[f64], &[f64]),
    factor: f64,
    target: Target,
) -> [Row; 3] {
    let mut ratios: Vec<f64> = bot.iter().zip(baseline).map(|(bot, baseline)| bot / baseline).collect();
    let server_row = |server: &str, values: &[f64]| {
        row(&format!("{name}: {server}"), unit, median(&mut values.to_vec()) * factor, Target::None)
    };
    [
        server_row("bot", bot),
        server_row("baseline", baseline),
        row(&format!("{name}: ratio"), "", median(&mut ratios), target),
    ]
}

/// Prints the table.
pub(crate) fn print(rows: &[Row], is_pinned: bool) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "\n{:<46} {:>12}  {:>10}", "figure", "measured", "target");
    for Row { name, value, target, verdict } in rows {
        let _ = writeln!(out, "{name:<46} {value:>12}  {target:>10}  {verdict}");
    }
    let _ = writeln!(out, "\n(1) Includes one listing of Marketo's users, to which the simulator responds.");
    let _ = writeln!(
        out,
        "(2) 200 slow connections, and 16 connections with bad signatures, about 2,000 per second."
    );
    if !is_pinned {
        let _ = writeln!(out, "(!) taskset is not available: servers and clients shared both CPUs.");
    }
}
