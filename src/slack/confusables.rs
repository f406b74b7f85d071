//! Letters that can pass for Latin ones, so that approvers can be told. A script of its own is no fault: a name in
//! Cyrillic letters is an ordinary name, one with a Cyrillic letter among Latin ones is not. Which letters look alike is
//! Unicode's to say (<https://www.unicode.org/reports/tr39/>). Knows nothing of the texts that tell it.

use std::fmt;

use unicode_script::{Script, UnicodeScript};
use unicode_security::{GeneralSecurityProfile, skeleton};

/// A letter that can pass for a Latin one, with its script or kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confusable {
    letter: char,
    kind: &'static str,
}

impl fmt::Display for Confusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}” ({}, U+{:04X})", self.letter, self.kind, u32::from(self.letter))
    }
}

/// Scripts that are drawn like Latin. Others have a letter that resembles a Latin one, too, but are not read as Latin,
/// and names often stand in them beside Latin letters.
const LATIN_LIKE: [Script; 6] =
    [Script::Armenian, Script::Cherokee, Script::Coptic, Script::Cyrillic, Script::Greek, Script::Lisu];

/// The letters of `text` that can pass for Latin ones, each once, in order: those of a Latin-like script among Latin
/// letters or where every letter has a Latin twin, and signs in place of Latin letters anywhere.
pub(super) fn confusables(text: &str) -> Vec<Confusable> {
    let has_latin = text.chars().any(|c| c.is_alphabetic() && c.script() == Script::Latin);
    let is_disguised = text.chars().filter(|c| c.is_alphabetic()).all(looks_latin);
    let mut found: Vec<Confusable> = Vec::new();
    for letter in text.chars().filter(|c| c.is_alphanumeric()) {
        let kind = match letter.script() {
            Script::Latin | Script::Common if is_sign(letter) => sign_kind(letter),
            script if LATIN_LIKE.contains(&script) && (has_latin || is_disguised) => script.full_name(),
            _ => continue,
        };
        let confusable = Confusable { letter, kind };
        if !found.contains(&confusable) {
            found.push(confusable);
        }
    }
    found
}

/// Whether it is drawn like letters or digits of ASCII.
fn looks_latin(letter: char) -> bool {
    skeleton(letter.encode_utf8(&mut [0; 4])).all(|c| c.is_ascii_alphanumeric())
}

/// Whether it stands for a letter or digit of ASCII and belongs in no name.
fn is_sign(letter: char) -> bool {
    !letter.is_ascii() && !letter.identifier_allowed() && looks_latin(letter)
}

fn sign_kind(letter: char) -> &'static str {
    match letter {
        '\u{250}'..='\u{2AF}' | '\u{1D00}'..='\u{1DBF}' => "phonetic",
        '\u{FF00}'..='\u{FFEF}' => "full-width",
        '\u{1D400}'..='\u{1D7FF}' => "mathematical",
        _ => "letterlike",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        confusables(text).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
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
            "Əli Məmmədov",
            "Gülşen Işık",
            "אסו Ada",
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
            ("\u{251}da", "“ɑ” (phonetic, U+0251)"),
            ("\u{212A}ay", "“\u{212A}” (letterlike, U+212A)"),
            ("\u{57D}vc", "“ս” (Armenian, U+057D)"),
            ("svc\u{FF11}", "“１” (full-width, U+FF11)"),
        ] {
            assert_eq!(found(name), expected, "{name}");
        }
    }
}
