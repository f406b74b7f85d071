//! The reader and the rules on small examples: what they find, and what they do not.

use std::collections::BTreeSet;

use super::{circles, handed_out, source::parse};

#[test]
fn paths_are_found_wherever_they_are_written() {
    let source = parse(
        "a::b",
        "
        use crate::{c::{C, d::D as Renamed}, e};
        use super::f::F;
        pub(crate) use crate::g::G;
        use elsewhere::E;
        mod child;
        #[cfg(test)]
        mod tests { use crate::only_in_tests::T; }
        fn one(x: &crate::h::H) -> Vec<Renamed> { e::call(); child::run(); let _ = format!(\"{}\", crate::i::I); }
        fn two() { use crate::j::J; select! { x = crate::k::K => self::m::call() } }
        fn three() { other_crate::call(|| E::new().member.method()) }
        ",
    );
    let paths: Vec<String> = source.paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(
        paths,
        [
            "a::b::child::run",
            "a::b::m::call",
            "a::f::F",
            "c::C",
            "c::d::D",
            "e",
            "e::call",
            "g::G",
            "h::H",
            "i::I",
            "j::J",
            "k::K",
        ]
    );
    assert!(
        ["elsewhere", "other_crate"].iter().all(|name| source.crates.contains(*name)),
        "{:?}",
        source.crates
    );
    assert!(source.reexports.iter().eq([&["g", "G"]]));
    assert!(["member", "method"].iter().all(|name| source.members.contains(*name)), "{:?}", source.members);
}

#[test]
fn members_that_hand_out_another_module_are_found() {
    let all = [
        parse("store", "pub struct Store; pub struct Row; impl Store { async fn read(&self) -> Row { Row } }"),
        parse(
            "workflow",
            "
            use crate::store::{self, Store};
            pub struct Workflow { pub raw: Store, hidden: Store }
            impl Workflow { pub fn store(&self) -> &Store { todo!() } pub fn row(&self) -> store::Row { todo!() } fn own(&self) -> &Store { todo!() } }
            impl std::ops::Deref for Workflow { type Target = store::Store; }
            ",
        ),
    ];
    let found = handed_out(&all);
    let of =
        |name: &str| found.get(name).and_then(|owners| owners.get("workflow")).cloned().unwrap_or_default();
    assert!(["raw", "store", "deref"].iter().all(|name| of(name) == BTreeSet::from(["store"])), "{found:?}");
    assert!(["hidden", "own", "row"].iter().all(|name| of(name).is_empty()), "{found:?}");
}

#[test]
fn circles_are_found_through_reexports() {
    let all = [
        parse("a", "mod b; mod c; pub use self::b::B;"),
        parse("a::b", "use super::c::C; pub struct B;"),
        parse("a::c", "use super::B; pub struct C;"),
        parse("d", "use crate::a::B;"),
    ];
    assert_eq!(circles(&all), BTreeSet::from([vec!["a::b".to_owned(), "a::c".to_owned()]]));
}
