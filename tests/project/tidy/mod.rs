//! The rules of the source that no lint knows: which module may use which, where each vendor's crate may be used, that
//! files do not use each other in circles, and how long files and functions may be. Test code is free of these rules.

mod examples;
mod reader;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use self::source::{ModulePath, Source, definition, sources};

/// Which modules each module may use. `docs/ARCHITECTURE.md` says why.
const MODULES: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "clock",
            "config",
            "directory",
            "handlers",
            "health",
            "http",
            "marketo",
            "slack",
            "store",
            "worker",
            "workflow",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "clock",
            "config",
            "directory",
            "domain",
            "marketo",
            "playground",
            "slack",
            "store",
            "telemetry",
        ],
    ),
    ("clock", &[]),
    ("config", &["domain", "marketo"]),
    ("directory", &["clock", "domain", "marketo", "slack", "store"]),
    ("domain", &[]),
    ("health", &["clock"]),
    ("handlers", &["clock", "directory", "domain", "health", "slack", "workflow"]),
    ("http", &["clock", "config", "handlers", "slack"]),
    ("marketo", &["clock", "domain"]),
    ("playground", &["app", "clock", "config", "domain", "sim", "store", "telemetry", "worker"]),
    ("sim", &["clock"]),
    ("slack", &["clock", "domain"]),
    ("store", &["domain"]),
    ("telemetry", &["config"]),
    ("worker", &["clock", "directory", "domain", "health", "marketo", "slack", "store", "workflow"]),
    ("workflow", &["clock", "domain", "store"]),
];

/// Which modules may use a crate that stands for a subject.
const CRATES: &[(&str, &[&str])] = &[
    ("axum", &["app", "http", "playground", "sim"]),
    ("clap", &["cli", "handlers"]),
    ("hmac", &["http", "sim"]),
    ("hyper", &["http", "sim", "slack"]),
    ("hyper_util", &["http", "sim", "slack"]),
    (
        "jiff",
        &[
            "app",
            "cli",
            "clock",
            "config",
            "directory",
            "domain",
            "marketo",
            "playground",
            "sim",
            "slack",
            "store",
            "worker",
            "workflow",
        ],
    ),
    ("maud", &["playground"]),
    ("reqwest", &["marketo"]),
    ("slack_morphism", &["slack"]),
    ("sqlx", &["store"]),
    (
        "tokio",
        &[
            "app",
            "cli",
            "clock",
            "directory",
            "handlers",
            "http",
            "marketo",
            "playground",
            "sim",
            "slack",
            "store",
            "worker",
            "workflow",
        ],
    ),
    ("toml", &["config"]),
];

/// Longest file, in lines.
const MAX_FILE: usize = 400;
/// Longest function, in lines from its signature to its closing brace.
const MAX_FUNCTION: usize = 60;

/// The functions that are longer: six at most.
const LONG_FUNCTIONS: [&str; 0] = [];

/// The modules that use each other in a circle: blocks nest, and their rendering with them.
const CIRCLES: &[&[&str]] =
    &[&["playground::web::view::blocks", "playground::web::view::elements", "playground::web::view::text"]];

/// What modules re-export of others. The failure of a transaction is a failure of the workflow.
const REEXPORTS: &[(&str, &str)] = &[("workflow", "store::StoreError")];

fn allowed(module: &str) -> Option<&'static [&'static str]> {
    MODULES.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed)
}

/// The modules below the root that a file's paths begin with.
fn modules_used(source: &Source) -> BTreeSet<&str> {
    let tops = source.paths.iter().filter_map(|path| path.first()).map(String::as_str);
    tops.filter(|name| allowed(name).is_some() && *name != source.top()).collect()
}

fn layers(all: &[Source]) -> impl Iterator<Item = &Source> {
    all.iter().filter(|source| !["lib", "main"].contains(&source.top()))
}

#[test]
fn modules_use_only_what_they_may() {
    let all = sources();
    let mut violations = Vec::new();
    for source in layers(all) {
        let Some(allowed) = allowed(source.top()) else {
            violations.push(format!("{}: the module is not in the table", source.path.display()));
            continue;
        };
        let used = modules_used(source);
        let forbidden = used.iter().filter(|name| !allowed.contains(name));
        violations.extend(forbidden.map(|name| format!("{}: may not use {name}", source.path.display())));
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn every_allowance_is_needed() {
    let all = sources();
    let mut unused = Vec::new();
    for (module, allowed) in MODULES {
        let sources = all.iter().filter(|source| source.top() == *module);
        let used: BTreeSet<&str> = sources.flat_map(|source| modules_used(source)).collect();
        unused.extend(
            allowed.iter().filter(|name| !used.contains(*name)).map(|name| format!("{module}: {name}")),
        );
    }
    assert!(unused.is_empty(), "allowed and not used: {unused:#?}");
}

/// The members of each module whose type is a handle of another module: something that does work, not just data.
fn handed_out(all: &[Source]) -> BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> {
    let defined = |path: &ModulePath| definition(all, path).map(|(_, path)| path);
    let handles: BTreeSet<ModulePath> =
        all.iter().flat_map(|source| &source.handles).filter_map(defined).collect();
    let mut members: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for source in layers(all) {
        for (member, types) in &source.accessors {
            let owners = members.entry(member).or_default().entry(source.top()).or_default();
            let targets = types.iter().filter_map(|path| definition(all, path));
            let targets = targets.filter(|(file, path)| file.top() != source.top() && handles.contains(path));
            owners.extend(targets.map(|(file, _)| file.top()));
        }
    }
    members
}

/// A member that hands out a handle of another module counts as a use of that module. Members are known by their names
/// only, so one that could be somebody else's harmless member is not reported.
#[test]
fn members_do_not_hand_out_what_the_caller_may_not_use() {
    let all = sources();
    let handed_out = handed_out(all);
    let mut found = BTreeSet::new();
    for source in layers(all) {
        let Some(allowed) = allowed(source.top()) else { continue };
        let is_own =
            |name: &str| all.iter().any(|other| other.top() == source.top() && other.defined.contains(name));
        for (member, owners) in
            source.members.iter().filter_map(|name| handed_out.get_key_value(name.as_str()))
        {
            let is_forbidden = |target: &&&str| **target != source.top() && !allowed.contains(*target);
            let owners = owners.iter().filter(|(owner, _)| allowed.contains(owner));
            let targets: Vec<_> =
                owners.map(|(owner, targets)| (owner, targets.iter().find(is_forbidden))).collect();
            if is_own(member) || targets.iter().any(|(_, target)| target.is_none()) {
                continue;
            }
            for (owner, target) in targets {
                let target = target.expect("a target");
                found.insert(format!("{}: {owner}'s `{member}` hands out {target}", source.path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn modules_do_not_reexport_each_other() {
    let mut found = BTreeSet::new();
    for source in layers(sources()) {
        let foreign =
            source.reexports.iter().filter(|path| path.first().is_none_or(|top| top != source.top()));
        found.extend(foreign.map(|path| (source.top(), path.join("::"))));
    }
    let known = REEXPORTS.iter().map(|(module, path)| (*module, (*path).to_owned())).collect();
    assert_eq!(found, known, "found, and known");
}

#[test]
fn vendor_crates_stay_in_their_modules() {
    let mut violations = Vec::new();
    for source in sources() {
        for (name, modules) in CRATES {
            if source.crates.contains(*name) && source.top() != "main" && !modules.contains(&source.top()) {
                violations.push(format!("{}: {name}", source.path.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

/// The groups of siblings, each with all below it, that use each other in a circle. A parent may use its children and
/// they may use what it declares for all of them.
fn circles(all: &[Source]) -> BTreeSet<Vec<String>> {
    let mut reached: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
    for source in layers(all) {
        for (file, _) in source.paths.iter().filter_map(|path| definition(all, path)) {
            let is_shared = |(one, other): &(&String, &String)| one == other;
            let shared = source.module.iter().zip(&file.module).take_while(is_shared).count();
            if shared < source.module.len() && shared < file.module.len() {
                reached.entry(&source.module[..=shared]).or_default().insert(&file.module[..=shared]);
            }
        }
    }
    loop {
        let before: usize = reached.values().map(BTreeSet::len).sum();
        for module in reached.keys().copied().collect::<Vec<_>>() {
            let next = reached[module].iter().filter_map(|next| reached.get(next));
            let further: BTreeSet<&[String]> = next.flatten().copied().collect();
            reached.get_mut(module).expect("a key").extend(further);
        }
        if reached.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let in_circles = reached.iter().filter(|(module, further)| further.contains(*module));
    let is_back =
        |module: &[String], other: &[String]| reached.get(other).is_some_and(|back| back.contains(module));
    in_circles
        .map(|(module, further)| {
            let group = further.iter().filter(|other| is_back(module, other));
            group.map(|module| module.join("::")).collect()
        })
        .collect()
}

#[test]
fn files_do_not_use_each_other_in_circles() {
    let found = circles(sources());
    let known: BTreeSet<Vec<String>> =
        CIRCLES.iter().map(|circle| circle.iter().map(|file| (*file).to_owned()).collect()).collect();
    assert_eq!(found, known, "found, and known");
}

#[test]
fn files_have_one_subject_and_a_limited_length() {
    let mut violations = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > MAX_FILE {
            violations.push(format!("{}: {lines} lines", source.path.display()));
        }
        if !source.text.starts_with("//! ") {
            violations.push(format!("{}: does not say what it is for", source.path.display()));
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn functions_are_short() {
    let mut long = BTreeSet::new();
    for source in sources() {
        let functions = source.functions.iter().filter(|(_, lines)| *lines > MAX_FUNCTION);
        long.extend(functions.map(|(name, _)| format!("{}::{name}", source.module.join("::"))));
    }
    let known: BTreeSet<String> = LONG_FUNCTIONS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(long, known, "found, and known");
}
