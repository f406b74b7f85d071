//! Lays the script out as text: numbered titles, paragraphs and indented screens. This file must not know the script.

/// A text under construction.
#[derive(Debug)]
pub(super) struct Page<'a> {
    out: &'a mut String,
    is_bold: bool,
    steps: usize,
    title: String,
}

impl<'a> Page<'a> {
    /// Appends to `out`. With `is_bold`, titles are bold on a terminal.
    pub(super) fn new(out: &'a mut String, is_bold: bool) -> Self {
        Self { out, is_bold, steps: 0, title: "Introduction".to_owned() }
    }

    /// The title of the current step.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Writes a title without a number.
    pub(super) fn heading(&mut self, text: &str, underline: char) {
        let (on, off) = if self.is_bold { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        let underline: String = text.chars().map(|_| underline).collect();
        self.out.push_str(&format!("{on}{text}{off}\n{underline}\n\n"));
    }

    /// Starts the next step.
    pub(super) fn step(&mut self, title: &str) {
        self.steps += 1;
        title.clone_into(&mut self.title);
        self.heading(&format!("{}. {title}", self.steps), '-');
    }

    /// Writes a paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str("\n\n");
    }

    /// Writes an excerpt of what a person sees.
    pub(super) fn excerpt(&mut self, text: &str) {
        for line in text.lines() {
            self.out.push_str(&format!("    {line}\n"));
        }
        self.out.push('\n');
    }

    /// Writes the first `top` lines of an excerpt, and those from line `below` on.
    pub(super) fn excerpt_parts(&mut self, text: &str, top: usize, below: usize) {
        let lines: Vec<&str> = text.lines().collect();
        let (above, rest) = lines.split_at(top.min(lines.len()));
        let skipped = below.saturating_sub(top).min(rest.len());
        let gap = (skipped > 0).then_some("│ ...");
        let shown: Vec<&str> = above.iter().copied().chain(gap).chain(rest[skipped..].to_vec()).collect();
        self.excerpt(&shown.join("\n"));
    }

    /// Writes the first `top` lines of an excerpt.
    pub(super) fn excerpt_top(&mut self, text: &str, top: usize) {
        self.excerpt_parts(text, top, usize::MAX);
    }

    /// Ends the text with one line break.
    pub(super) fn finish(&mut self) {
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omitted_lines_are_marked() {
        let shown = |top, below| {
            let mut out = String::new();
            let mut page = Page::new(&mut out, false);
            page.excerpt_parts("a\nb\nc\nd", top, below);
            page.finish();
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
        for (is_bold, expected) in [(false, "1. One\n------\n"), (true, "\u{1b}[1m1. One\u{1b}[0m\n------\n")]
        {
            let mut out = String::new();
            let mut page = Page::new(&mut out, is_bold);
            page.step("One");
            assert_eq!(page.title(), "One");
            page.finish();
            assert_eq!(out, expected);
        }
    }
}
