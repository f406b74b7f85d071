//! Finds letters that can pass for others, so that whoever approves can be told. An alphabet of its own is no fault: a
//! name in Cyrillic letters is an ordinary name, one with a Cyrillic letter among Latin ones is not. What is said about
//! it, and where, is not known here.

use std::fmt;

/// A letter that can pass for a Latin one, with its alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lookalike {
    letter: char,
    alphabet: &'static str,
}

impl fmt::Display for Lookalike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}” ({}, U+{:04X})", self.letter, self.alphabet, u32::from(self.letter))
    }
}

/// Alphabets with letters that look like Latin ones.
const ALPHABETS: [(&str, &[(char, char)]); 5] = [
    ("Greek", &[('\u{370}', '\u{3FF}'), ('\u{1F00}', '\u{1FFF}')]),
    (
        "Cyrillic",
        &[
            ('\u{400}', '\u{52F}'),
            ('\u{1C80}', '\u{1C8F}'),
            ('\u{2DE0}', '\u{2DFF}'),
            ('\u{A640}', '\u{A69F}'),
        ],
    ),
    ("Armenian", &[('\u{530}', '\u{58F}')]),
    ("Cherokee", &[('\u{13A0}', '\u{13FF}'), ('\u{AB70}', '\u{ABBF}')]),
    ("Lisu", &[('\u{A4D0}', '\u{A4FF}')]),
];

/// Signs that stand for Latin letters and belong to no name.
const SIGNS: [(&str, &[(char, char)]); 4] = [
    ("phonetic", &[('\u{250}', '\u{2AF}'), ('\u{1D00}', '\u{1D7F}')]),
    ("letterlike", &[('\u{2100}', '\u{214F}'), ('\u{2160}', '\u{2188}'), ('\u{24B6}', '\u{24E9}')]),
    ("full-width", &[('\u{FF10}', '\u{FF19}'), ('\u{FF21}', '\u{FF3A}'), ('\u{FF41}', '\u{FF5A}')]),
    ("mathematical", &[('\u{1D400}', '\u{1D7FF}')]),
];

/// The letters of other alphabets that are drawn like Latin ones in common fonts.
const TWINS: &str = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανιυρϲϳ АВЕЅІЈКМНОРСТУХҮԚԜаеорсухѕіјһԁԛԝӏ ՕօսոցհՏԼ ᎪᏴᏟᎬᏀᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᏔᏃ";

/// The letters of `text` that can pass for Latin ones: those of another alphabet where it has Latin letters as well or
/// looks as if it had no others, and signs in place of letters anywhere. Each once, in order.
pub(super) fn lookalikes(text: &str) -> Vec<Lookalike> {
    let foreign: Vec<Lookalike> = text.chars().filter_map(|letter| find(&ALPHABETS, letter)).collect();
    let is_mixed = text.chars().any(is_latin);
    let is_disguised = text.chars().any(|c| TWINS.contains(c) && c != ' ')
        && text.chars().all(|c| !c.is_alphabetic() || TWINS.contains(c));
    let mut found = if is_mixed || is_disguised { foreign } else { Vec::new() };
    found.extend(text.chars().filter_map(|letter| find(&SIGNS, letter)));
    let mut once: Vec<Lookalike> = Vec::new();
    for one in found {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || (c.is_alphabetic() && matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}'))
}

fn find(table: &[(&'static str, &[(char, char)])], letter: char) -> Option<Lookalike> {
    let is_in =
        |ranges: &[(char, char)]| ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter));
    let (alphabet, _) = table.iter().find(|(_, ranges)| is_in(ranges))?;
    letter.is_alphanumeric().then_some(Lookalike { letter, alphabet })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        lookalikes(text).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ordinary_names_of_any_alphabet_are_no_fault() {
        for name in [
            "Ada Lovelace",
            "Zoë Müller-Łukasz",
            "Анна Петрова",
            "Γιώργος",
            "李小龍",
            "محمد",
            "Nguyễn Đức",
            "O'Hara 2",
        ] {
            assert_eq!(found(name), "", "{name}");
        }
    }

    #[test]
    fn letters_that_pass_for_latin_ones_are_found() {
        for (name, expected) in [
            ("\u{410}da \u{410}dmin", "“А” (Cyrillic, U+0410)"),
            ("Admin \u{3BF}f", "“ο” (Greek, U+03BF)"),
            // No Latin letter at all, and none that would give it away.
            (
                "\u{421}\u{43E}\u{441}\u{430}",
                "“С” (Cyrillic, U+0421) “о” (Cyrillic, U+043E) “с” (Cyrillic, U+0441) “а” (Cyrillic, U+0430)",
            ),
            ("\u{FF21}da", "“Ａ” (full-width, U+FF21)"),
            ("\u{1D400}da", "“𝐀” (mathematical, U+1D400)"),
        ] {
            assert_eq!(found(name), expected, "{name}");
        }
    }
}
