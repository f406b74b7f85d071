//! Which crates are in the tree: the essential parts of `deny.toml`, checked wherever the tests run, since `cargo deny` is
//! not installed everywhere. Names and sources are checked for every platform, by `Cargo.lock`; licenses for the platform
//! that runs the tests, since a fresh machine has downloaded no other crates. `cargo deny` checks the others.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

/// The crates that this platform builds, tests included.
fn packages() -> Vec<Value> {
    let arguments = "metadata --format-version 1 --locked --offline --filter-platform host-tuple";
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(arguments.split(' ')).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// Every crate of every platform.
fn locked() -> Vec<toml::Value> {
    let lock: toml::Table = include_str!("../../Cargo.lock").parse().expect("Cargo.lock is TOML");
    lock["package"].as_array().expect("packages").clone()
}

fn deny() -> toml::Table {
    include_str!("../../deny.toml").parse().expect("deny.toml is TOML")
}

fn strings<'a>(table: &'a toml::Table, section: &str, key: &str) -> BTreeSet<&'a str> {
    table[section][key].as_array().expect("a list").iter().filter_map(toml::Value::as_str).collect()
}

/// Whether the allowed licenses satisfy an expression.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    // `(A OR B) AND C` means the same without its parentheses when each part must have an allowed choice.
    expression.split(" AND ").all(|part| part.split(" OR ").any(|license| allowed.contains(license.trim())))
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
fn licenses_are_allowed() {
    let (packages, deny) = (packages(), deny());
    let allowed = strings(&deny, "licenses", "allow");
    let mut violations = Vec::new();
    for package in &packages {
        let license = package["license"].as_str().unwrap_or("none");
        if !is_allowed(license, &allowed) {
            violations.push(format!("{}: {license}", package["name"]));
        }
    }
    assert!(packages.len() > 200 && violations.is_empty(), "{violations:#?}");
}

#[test]
fn every_crate_comes_with_a_checksum_from_an_allowed_registry() {
    let deny = deny();
    let registries = strings(&deny, "sources", "allow-registry");
    let registries: BTreeSet<String> = registries.iter().map(|url| format!("registry+{url}")).collect();
    let packages = locked();
    let mut own = Vec::new();
    let mut violations = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        match package.get("source").and_then(toml::Value::as_str) {
            None => own.push(name),
            Some(source) if registries.contains(source) && package.get("checksum").is_some() => {}
            Some(source) => violations.push(format!("{name}: from {source}")),
        }
    }
    assert_eq!(own, ["marketo-api-user"]);
    assert!(packages.len() > 300 && violations.is_empty(), "{violations:#?}");
}

#[test]
fn one_tls_library_with_one_crypto_provider() {
    let packages = locked();
    let count = |name: &str| packages.iter().filter(|package| package["name"].as_str() == Some(name)).count();
    assert_eq!((count("rustls"), count("ring")), (1, 1));
    let denied = deny()["bans"]["deny"].as_array().expect("a list").clone();
    assert!(denied.len() > 4);
    for ban in denied {
        let name = ban["crate"].as_str().expect("a name");
        assert_eq!(count(name), 0, "{name} is in the tree");
    }
}
