//! Text in Slack's markup, as long as it may be.

/// Text in which every `&`, `<` and `>` that somebody else wrote is escaped.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    text: String,
    chars: usize,
    lines: usize,
}

impl Text {
    /// Returns foreign text, escaped, cut so that it has at most `limit` characters afterwards.
    pub(super) fn escaped(text: &str, limit: usize) -> Self {
        let mut escaped = Self::default();
        escaped.push_escaped(text, limit);
        escaped
    }

    /// Adds our own words, and what is escaped already.
    pub(super) fn push(&mut self, words: &str) {
        self.text.push_str(words);
        self.chars += words.chars().count();
    }

    /// Adds a line of our own words.
    pub(super) fn push_line(&mut self, words: &str) {
        self.push("\n");
        self.push(words);
        self.lines += 1;
    }

    /// Adds foreign text, escaped, of at most `limit` characters afterwards. Characters that
    /// would begin markup are replaced by those that look like them.
    pub(super) fn push_escaped(&mut self, text: &str, limit: usize) {
        let end = self.chars + limit;
        for character in text.chars() {
            let mut buffer = [0; 4];
            let part = match character {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '`' => "'",
                '*' => "∗",
                '~' => "∼",
                unseen if is_unseen(unseen) => " ",
                other => other.encode_utf8(&mut buffer),
            };
            // One character is kept for the mark.
            if self.chars + part.chars().count() >= end {
                self.push("…");
                return;
            }
            self.push(part);
        }
    }

    /// How many characters it has.
    pub(super) fn chars(&self) -> usize {
        self.chars
    }

    /// How many lines were added.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }
}

/// Returns foreign text on one line, of at most `limit` characters; not escaped yet.
pub(super) fn plain(text: &str, limit: usize) -> String {
    let mut plain: String = text
        .chars()
        .map(|c| if is_unseen(c) { ' ' } else { c })
        .take(limit)
        .collect();
    if text.chars().nth(limit).is_some() {
        plain.pop();
        plain.push('…');
    }
    plain
}

/// Whether a character is not seen itself but changes what is: it ends the line, joins words, or
/// turns the direction of what follows, so that a name looks like another
/// (<https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>).
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}
