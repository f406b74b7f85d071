//! Lays the script out as text: numbered titles, paragraphs and indented screens. This file must not know the script.

/// A text that grows from top to bottom.
#[derive(Debug)]
pub(super) struct Page<'a> {
    out: &'a mut String,
    bold: bool,
    steps: usize,
    title: String,
}

impl<'a> Page<'a> {
    /// Goes on writing to `out`. With `bold`, titles stand out on a terminal.
    pub(super) fn new(out: &'a mut String, bold: bool) -> Self {
        Self { out, bold, steps: 0, title: "the beginning".to_owned() }
    }

    /// The last step's title.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// A title without a number.
    pub(super) fn heading(&mut self, text: &str, line: char) {
        let (on, off) = if self.bold { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        let line: String = text.chars().map(|_| line).collect();
        self.out.push_str(&format!("{on}{text}{off}\n{line}\n\n"));
    }

    /// The title of the next step.
    pub(super) fn step(&mut self, title: &str) {
        self.steps += 1;
        title.clone_into(&mut self.title);
        self.heading(&format!("{}. {title}", self.steps), '-');
    }

    /// A paragraph.
    pub(super) fn says(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str("\n\n");
    }

    /// Something that somebody sees.
    pub(super) fn shows(&mut self, text: &str) {
        for line in text.lines() {
            self.out.push_str(&format!("    {line}\n"));
        }
        self.out.push('\n');
    }

    /// Its first `top` lines, and those from the line `below` on.
    pub(super) fn shows_part(&mut self, text: &str, top: usize, below: usize) {
        let lines: Vec<&str> = text.lines().collect();
        let (above, rest) = lines.split_at(top.min(lines.len()));
        let skipped = below.saturating_sub(top).min(rest.len());
        let gap = (skipped > 0).then_some("│ ...");
        let shown: Vec<&str> = above.iter().copied().chain(gap).chain(rest[skipped..].to_vec()).collect();
        self.shows(&shown.join("\n"));
    }

    /// Its first `top` lines.
    pub(super) fn shows_top(&mut self, text: &str, top: usize) {
        self.shows_part(text, top, usize::MAX);
    }

    /// Nothing follows.
    pub(super) fn ends(&mut self) {
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_shows() {
        let shown = |top, below| {
            let mut out = String::new();
            let mut page = Page::new(&mut out, false);
            page.shows_part("a\nb\nc\nd", top, below);
            page.ends();
            out.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(1, 3), "a │ ... d");
        assert_eq!(shown(2, 2), "a b c d");
        assert_eq!(shown(2, 1), "a b c d");
        assert_eq!(shown(1, 9), "a │ ...");
        assert_eq!(shown(9, 9), "a b c d");
    }

    #[test]
    fn titles_are_bold_only_on_a_terminal() {
        for (bold, expected) in [(false, "1. One\n------\n"), (true, "\u{1b}[1m1. One\u{1b}[0m\n------\n")] {
            let mut out = String::new();
            let mut page = Page::new(&mut out, bold);
            page.step("One");
            assert_eq!(page.title(), "One");
            page.ends();
            assert_eq!(out, expected);
        }
    }
}
