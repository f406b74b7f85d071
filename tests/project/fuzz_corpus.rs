//! The seeds of `fuzz/` and a bounded number of mutations, run on stable Rust by plain `cargo test`. The mutations are
//! the same in every run; `FUZZ_ROUNDS` makes more of them, `FUZZ_SEED` others.

use std::{fs, path::Path};

#[path = "../../fuzz/entries.rs"]
mod entries;

/// How many mutated inputs each target gets; fewer if they go through a connection.
const ROUNDS: u64 = 4_000;
const ROUNDS_CONNECTED: u64 = 250;

/// Fragments to insert, since flipping bits would not find them soon.
const WORDS: [&str; 28] = [
    "null",
    "[]",
    "{}",
    "\"\"",
    "-1",
    "1e999",
    "true",
    "{\"id\":null}",
    "[[[[[[[[",
    "{\"values\":[]}",
    "payload=",
    "%",
    "%00",
    "&",
    "=",
    "+",
    "\u{202E}",
    "\u{0}",
    "\u{1b}[2J",
    "\\u0000",
    "\\ud800",
    "\u{FEFF}",
    "<!channel>",
    "@",
    "9223372036854775808",
    "\n",
    "text=",
    "\u{1F600}",
];

/// A small generator of numbers (xorshift64*), so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits fit") % below.max(1)
    }

    /// A range within this length.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.roll(length + 1);
        from..from + self.roll((length - from).min(40) + 1)
    }

    /// A seed with one to four mutations.
    fn change(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.roll(seeds.len())].clone();
        for _ in 0..=self.roll(4) {
            let range = self.range(input.len());
            match self.roll(6) {
                0 if !input.is_empty() => {
                    let at = self.roll(input.len());
                    input[at] ^= 1 << self.roll(8);
                }
                1 => drop(input.drain(range)),
                2 => {
                    let word = WORDS[self.roll(WORDS.len())];
                    input.splice(range, word.bytes());
                }
                3 => {
                    let word = url::form_urlencoded::byte_serialize(WORDS[self.roll(WORDS.len())].as_bytes());
                    input.splice(range, word.collect::<String>().into_bytes());
                }
                4 => {
                    let other = &seeds[self.roll(seeds.len())];
                    let piece = other[self.range(other.len())].to_vec();
                    input.splice(range, piece);
                }
                _ => {
                    let piece = input[range.clone()].to_vec();
                    input.splice(range.end..range.end, piece);
                }
            }
        }
        input
    }
}

/// Prints the input if a test panics.
struct Tried<'a>(&'a str, &'a [u8]);

impl Drop for Tried<'_> {
    #[expect(clippy::print_stdout, reason = "what a failed test has to say")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} fails on b\"{}\"", self.0, self.1.escape_ascii());
        }
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("seeds").map(|entry| entry.expect("an entry").path()).collect();
    // The order of a folder is arbitrary; the mutations must be the same in every run.
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test's own setting")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn fuzz(target: &str, rounds: u64) {
    assert!(entries::TARGETS.contains(&target));
    let seeds = seeds(target);
    assert!(seeds.len() > 3, "the seeds of {target} are found");
    for seed in &seeds {
        let _tried = Tried(target, seed);
        entries::run(target, seed);
    }
    let mut dice = Dice(setting("FUZZ_SEED").unwrap_or(0x5EED).max(1));
    for _ in 0..setting("FUZZ_ROUNDS").unwrap_or(rounds) {
        let input = dice.change(&seeds);
        let _tried = Tried(target, &input);
        entries::run(target, &input);
    }
}

#[test]
fn slash_commands_never_panic() {
    fuzz("slash", ROUNDS);
}

#[test]
fn interactions_never_panic() {
    fuzz("interaction", ROUNDS);
}

#[test]
fn options_requests_never_panic() {
    fuzz("options", ROUNDS / 8);
}

#[test]
fn events_never_panic() {
    fuzz("event", ROUNDS);
}

#[test]
fn slack_responses_never_panic() {
    fuzz("slack_answer", ROUNDS_CONNECTED);
}

#[test]
fn marketo_responses_never_panic() {
    fuzz("marketo_answer", ROUNDS_CONNECTED);
}

#[test]
fn command_text_never_panics() {
    fuzz("typed", ROUNDS);
}

/// Every target of `fuzz/` has a test here, and vice versa.
#[test]
fn every_fuzz_target_has_a_test_here() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the manifest of fuzz");
    let own = include_str!("fuzz_corpus.rs");
    for target in entries::TARGETS {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is no target of cargo fuzz");
        assert!(own.contains(&format!("fuzz(\"{target}\", ")), "{target} is not run here");
        assert!(root.join(format!("fuzz_targets/{target}.rs")).is_file());
    }
}
