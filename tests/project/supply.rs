//! What is in the tree of crates: the essential parts of `deny.toml`, held against `cargo metadata` wherever the tests
//! run, since `cargo deny` is not installed everywhere.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

fn packages() -> Vec<Value> {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let asked = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let asked = asked.expect("cargo runs");
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let metadata: Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn deny() -> toml::Table {
    include_str!("../../deny.toml").parse().expect("deny.toml is TOML")
}

fn words<'a>(table: &'a toml::Table, section: &str, key: &str) -> BTreeSet<&'a str> {
    table[section][key].as_array().expect("a list").iter().filter_map(toml::Value::as_str).collect()
}

/// Whether an expression of licences is met by the allowed ones.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    // `(A OR B) AND C` reads alike without its brackets when each part must have an allowed choice.
    expression.split(" AND ").all(|part| part.split(" OR ").any(|one| allowed.contains(one.trim())))
}

#[test]
fn license_expressions_are_evaluated() {
    let allowed = BTreeSet::from(["MIT", "ISC"]);
    for (expression, expected) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("Unlicense OR MIT", true),
        ("MIT AND ISC", true),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn licences_and_sources_are_those_that_are_allowed() {
    let (packages, deny) = (packages(), deny());
    let allowed = words(&deny, "licenses", "allow");
    let registries = words(&deny, "sources", "allow-registry");
    let mut faults = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_allowed(licence, &allowed) {
            faults.push(format!("{name}: {licence}"));
        }
        let source = package["source"].as_str();
        let is_known =
            source.is_none_or(|source| registries.iter().any(|known| source == format!("registry+{known}")));
        if !is_known || (source.is_none() && name != "marketo-api-user") {
            faults.push(format!("{name}: from {source:?}"));
        }
    }
    assert!(packages.len() > 200 && faults.is_empty(), "{faults:#?}");
}

#[test]
fn there_is_one_tls_library_with_one_crypto_provider() {
    let lock: toml::Table = include_str!("../../Cargo.lock").parse().expect("Cargo.lock is TOML");
    let names: Vec<&str> = lock["package"]
        .as_array()
        .expect("packages")
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let count = |name: &str| names.iter().filter(|own| **own == name).count();
    assert_eq!((count("rustls"), count("ring")), (1, 1));
    let denied = deny()["bans"]["deny"].as_array().expect("a list").clone();
    assert!(denied.len() > 4);
    for ban in denied {
        let name = ban["crate"].as_str().expect("a name");
        assert_eq!(count(name), 0, "{name} is in the tree");
    }
}
