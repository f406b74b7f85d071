//! The house rules that no lint knows: which module may use which, where each vendor's crate may be used, how long a
//! file may be, and that each says what it is for. Test code is free of the first two.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What each module may use of ours. `lib.rs` says why.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "directory",
            "clock",
            "config",
            "worker",
            "workflow",
            "handlers",
            "health",
            "http",
            "marketo",
            "slack",
            "store",
        ],
    ),
    ("directory", &["clock", "domain", "marketo", "slack", "store"]),
    (
        "cli",
        &[
            "app",
            "directory",
            "clock",
            "config",
            "playground",
            "domain",
            "marketo",
            "slack",
            "store",
            "telemetry",
        ],
    ),
    ("clock", &[]),
    ("config", &["domain", "marketo"]),
    ("playground", &["app", "clock", "config", "worker", "domain", "sim", "store", "telemetry"]),
    ("worker", &["directory", "clock", "domain", "workflow", "health", "marketo", "slack", "store"]),
    ("domain", &[]),
    ("workflow", &["clock", "domain", "store"]),
    ("health", &["clock"]),
    ("handlers", &["directory", "clock", "domain", "workflow", "health", "slack"]),
    ("http", &["clock", "config", "handlers", "slack"]),
    ("marketo", &["clock"]),
    ("sim", &["clock"]),
    ("slack", &["clock", "domain"]),
    ("store", &["domain"]),
    ("telemetry", &["config"]),
];

/// The modules that may use a crate which stands for a subject.
const CRATES: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("slack_morphism", &["slack"]),
    ("reqwest", &["marketo"]),
    ("axum", &["app", "playground", "http", "sim"]),
    ("hyper", &["http", "sim", "slack"]),
    ("hyper_util", &["http", "sim", "slack"]),
    ("maud", &["playground"]),
    ("hmac", &["http", "sim"]),
    ("clap", &["cli", "handlers"]),
    ("toml", &["config"]),
    (
        "jiff",
        &[
            "app",
            "directory",
            "cli",
            "clock",
            "config",
            "playground",
            "worker",
            "domain",
            "workflow",
            "marketo",
            "sim",
            "slack",
            "store",
        ],
    ),
    (
        "tokio",
        &[
            "app",
            "directory",
            "cli",
            "clock",
            "playground",
            "worker",
            "workflow",
            "handlers",
            "http",
            "marketo",
            "sim",
            "slack",
            "store",
        ],
    ),
];

const LONGEST: usize = 400;

struct Source {
    path: PathBuf,
    room: String,
    text: String,
    is_test: bool,
}

impl Source {
    /// The code that runs outside of tests.
    fn code(&self) -> &str {
        if self.is_test {
            return "";
        }
        let inline = self.text.find("\n#[cfg(test)]\nmod tests {");
        let inline = inline.or_else(|| self.text.find("\n#[cfg(test)]\npub(crate) mod tests {"));
        &self.text[..inline.unwrap_or(self.text.len())]
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let inside = path.strip_prefix(&root).expect("inside").to_owned();
                let room = inside.iter().next().expect("a room").to_string_lossy().replace(".rs", "");
                let is_test =
                    inside.iter().any(|part| part == "tests") || path.to_string_lossy().ends_with("tests.rs");
                let text = fs::read_to_string(&path).expect("text");
                sources.push(Source { path: inside, room, text, is_test });
            }
        }
    }
    assert!(sources.len() > 80, "the sources are found");
    sources
}

/// The first name after each `crate::` in code, single or in braces.
fn used(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            None => {
                names.insert(name(part));
            }
            Some(list) => {
                let mut depth = 0;
                let mut at_start = true;
                for (place, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        c if at_start && depth == 0 && c.is_alphabetic() => {
                            names.insert(name(&list[place..]));
                            at_start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

#[test]
fn the_reader_of_uses_reads() {
    let code = "use crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::f;\nlet x = crate::g::h();";
    assert_eq!(used(code).into_iter().collect::<Vec<_>>(), ["a", "d", "e", "g"]);
}

#[test]
fn a_room_uses_only_the_rooms_that_it_may() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.room != "lib" && source.room != "main") {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else {
            faults.push(format!("{}: the room is not in the table", source.path.display()));
            continue;
        };
        for name in used(source.code()) {
            if name != source.room && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}: may not use {name}", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_line_of_the_table_is_needed() {
    let all = sources();
    let mut faults = Vec::new();
    for (room, allowed) in ROOMS {
        let used: BTreeSet<String> =
            all.iter().filter(|source| source.room == *room).flat_map(|source| used(source.code())).collect();
        faults.extend(
            allowed.iter().filter(|name| !used.contains(**name)).map(|name| format!("{room}: {name}")),
        );
    }
    assert!(faults.is_empty(), "allowed and not used: {faults:#?}");
}

#[test]
fn a_vendors_crate_stays_in_its_room() {
    let mut faults = Vec::new();
    for source in sources() {
        for (name, rooms) in CRATES {
            let is_used = [
                format!("use {name}::"),
                format!("use {name}{{"),
                format!(" {name}::"),
                format!("({name}::"),
                format!("<{name}::"),
            ]
            .iter()
            .any(|form| source.code().contains(form.as_str()));
            if is_used && source.room != "main" && !rooms.contains(&source.room.as_str()) {
                faults.push(format!("{}: {name}", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_file_is_a_room_of_one_subject() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LONGEST {
            faults.push(format!("{}: {lines} lines", source.path.display()));
        }
        if !source.text.starts_with("//! ") {
            faults.push(format!("{}: does not say what it is for", source.path.display()));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
