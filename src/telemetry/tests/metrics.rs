//! The table of metrics agrees with the sources and with the documentation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// Kind and labels of a metric.
type Usage = (&'static str, BTreeSet<String>);

fn tabled() -> BTreeMap<String, Usage> {
    let usage = |metric: &Metric| {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram(_) => "histogram",
        };
        (metric.name.to_owned(), (kind, metric.labels.iter().map(|&label| label.to_owned()).collect()))
    };
    METRICS.iter().map(usage).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Every call of a metrics macro in `source`: its kind, and its arguments up to the closing parenthesis.
fn macro_calls(source: &str) -> Vec<(&'static str, &str)> {
    let mut calls = Vec::new();
    for kind in ["counter", "gauge", "histogram"] {
        for (start, opening) in source.match_indices(&format!("{kind}!(")) {
            let is_whole_word = !source[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if is_whole_word {
                let arguments = &source[start + opening.len()..];
                calls.push((kind, arguments.split_once(").").expect("a method is called on it").0));
            }
        }
    }
    calls
}

/// The string literals of `arguments` with whether `=>` follows, which makes them a label's name.
fn literals(arguments: &str) -> Vec<(&str, bool)> {
    let parts: Vec<&str> = arguments.split('"').collect();
    parts.iter().skip(1).step_by(2).zip(parts.iter().skip(2).step_by(2)).fold(
        Vec::new(),
        |mut literals, (literal, after)| {
            literals.push((*literal, after.trim_start().starts_with("=>")));
            literals
        },
    )
}

#[test]
fn table_lists_exactly_the_metrics_and_labels_of_the_sources() {
    let mut used: BTreeMap<String, Usage> = BTreeMap::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in rust_files(&sources).iter().filter(|path| !path.starts_with(sources.join("telemetry"))) {
        for (kind, arguments) in macro_calls(&fs::read_to_string(path).unwrap()) {
            let place = format!("{kind}!({arguments}) in {}", path.display());
            assert!(arguments.trim_start().starts_with('"'), "the name is not a literal: {place}");
            let literals = literals(arguments);
            let labels =
                literals.iter().filter(|(_, is_label)| *is_label).map(|(name, _)| (*name).to_owned());
            let usage = (kind, labels.collect());
            let first = used.entry(literals[0].0.to_owned()).or_insert_with(|| usage.clone());
            assert_eq!(*first, usage, "it differs from another use: {place}");
        }
    }
    assert_eq!(used, tabled());
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for metric in METRICS {
        assert!(metric.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{metric:?}");
        assert_eq!(
            metric.name.ends_with("_total"),
            matches!(metric.kind, MetricKind::Counter),
            "counters end in _total: {metric:?}"
        );
        if let MetricKind::Histogram(buckets) = metric.kind {
            assert!(metric.name.ends_with("_seconds"), "{metric:?}");
            assert!(buckets.is_sorted() && !buckets.is_empty(), "{metric:?}");
        }
        assert!(!metric.help.is_empty() && !metric.help.ends_with('.'), "{metric:?}");
    }
    assert_eq!(tabled().len(), METRICS.len(), "a name is in the table twice");
}

#[test]
fn operations_page_lists_every_metric_with_its_labels() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md");
    let Ok(page) = fs::read_to_string(page) else { return };
    for metric in METRICS {
        let name = format!("`{}`", metric.name);
        let row = page.lines().find(|line| line.starts_with('|') && line.contains(&name));
        let row = row.unwrap_or_else(|| panic!("docs/OPERATIONS.md has no row for {name}"));
        for label in metric.labels {
            assert!(
                row.contains(&format!("`{label}`")),
                "docs/OPERATIONS.md: {name} lacks the label {label}"
            );
        }
    }
}
