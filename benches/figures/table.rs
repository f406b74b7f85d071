//! The table of figures.

use std::io::{Write, stdout};

/// What a figure ought to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At least this.
    Above(f64),
    /// At most this.
    Below(f64),
    /// It is only shown.
    None,
}

/// A line of the table.
pub(crate) struct Row {
    name: String,
    value: String,
    target: String,
    verdict: &'static str,
}

/// The one in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A figure and its target.
pub(crate) fn row(name: &str, unit: &str, value: f64, target: Target) -> Row {
    let (verdict, target) = match target {
        Target::Above(least) => (value >= least, format!("≥ {least} {unit}")),
        Target::Below(most) => (value <= most, format!("≤ {most} {unit}")),
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

/// Ours, the floor's, and the ratio, to which the target belongs: the median of the ratios of the rounds, since the
/// machine is busier in one round than in another.
pub(crate) fn compared(
    name: &str,
    unit: &str,
    (ours, theirs): (&[f64], &[f64]),
    factor: f64,
    target: Target,
) -> [Row; 3] {
    let mut ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    let line = |who: &str, values: &[f64]| {
        row(&format!("{name}: {who}"), unit, median(&mut values.to_vec()) * factor, Target::None)
    };
    [
        line("bot", ours),
        line("floor", theirs),
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
    let _ =
        writeln!(out, "\n(1) It includes one look at Marketo's list of users, which the simulator answers.");
    let _ = writeln!(
        out,
        "(2) 200 slow connections, and 16 on which bad signatures come, some 2,000 in a second."
    );
    if !is_pinned {
        let _ = writeln!(out, "(!) taskset is not to be had: server and clients were not kept apart.");
    }
}
