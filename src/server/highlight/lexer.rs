//! Reads code from left to right, once. It implements what most languages share; [`Language`] states the differences.

use super::{
    Spans, class,
    languages::{Language, Quote},
};

/// Between `${` and `}`.
const MAX_NAME_BYTES: usize = 100;

/// Names what comes next, in most languages.
const BEFORE_FUNCTION: &str = "def fn fun func function";
const BEFORE_TYPE: &str = "class enum impl interface struct trait type";

pub(super) fn read(language: &'static Language, text: &str, spans: &mut Spans) {
    let mut lexer = Lexer { language, text, at: 0, last_word: "", last_sign: '\n' };
    while lexer.at < text.len() {
        let (class, length) = lexer.token();
        spans.push(class, &text[lexer.at..lexer.at + length]);
        lexer.at += length;
    }
}

struct Lexer<'a> {
    language: &'static Language,
    text: &'a str,
    at: usize,
    /// The word before this position, if only blanks are between.
    last_word: &'a str,
    /// The last character that is not blank and not in a comment.
    last_sign: char,
}

/// A class, and the length of the text that has it, at least 1.
type Token = (&'static str, usize);

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn before(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    fn token(&mut self) -> Token {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start().len();
        if blanks > 0 {
            return (class::NONE, blanks);
        }
        if let Some(length) = self.comment() {
            return (class::COMMENT, length);
        }
        let last_word = std::mem::take(&mut self.last_word);
        let token = (self.string().or_else(|| self.sign_word()).or_else(|| self.regex(last_word)))
            .or_else(|| self.number())
            .or_else(|| self.word(last_word))
            .unwrap_or_else(|| self.sign());
        self.last_sign = rest[..token.1].chars().next_back().unwrap_or_default();
        token
    }

    fn comment(&self) -> Option<usize> {
        let rest = self.rest();
        for (start, end) in self.language.block_comments {
            if let Some(inside) = rest.strip_prefix(start) {
                return Some(inside.find(end).map_or(rest.len(), |at| start.len() + at + end.len()));
            }
        }
        let start = self.language.line_comments.iter().find(|start| rest.starts_with(**start))?;
        // `$#` and `a#b` are no comments.
        let is_free = self.before().is_none_or(|c| c.is_whitespace() || ";)]},".contains(c));
        (*start != "#" || is_free).then(|| line_length(rest))
    }

    fn string(&self) -> Option<Token> {
        let rest = self.rest();
        let prefix = self.language.prefixes.split(' ').find(|prefix| {
            !prefix.is_empty() && rest.strip_prefix(*prefix).is_some_and(|text| text.starts_with(['"', '\'']))
        });
        let inside = &rest[prefix.map_or(0, str::len)..];
        let quote = self.language.quotes.iter().find(|quote| inside.starts_with(quote.open))?;
        let is_apostrophe =
            self.before().is_some_and(char::is_alphanumeric) || (self.language.has_lifetimes && is_lifetime(inside));
        if quote.open == "'" && prefix.is_none() && is_apostrophe {
            return None;
        }
        let length = rest.len() - inside.len() + string_length(inside, quote);
        let is_key = self.language.keys.contains(&"\"") && self.is_key(&rest[length..]);
        Some((if is_key { class::ATTRIBUTE } else { class::STRING }, length))
    }

    /// Words with a sign in front: `$variable`, `@decorator`, `#include`, `#[attribute]`, `'lifetime`.
    fn sign_word(&self) -> Option<Token> {
        let rest = self.rest();
        let sign = rest.chars().next()?;
        let name = &rest[sign.len_utf8()..];
        let length = name.find(|c| !self.is_word_part(c)).unwrap_or(name.len());
        let has = |sign| self.language.signs.contains(sign);
        match sign {
            '$' if has('$') => Some((class::ATTRIBUTE, 1 + variable_length(name).unwrap_or(length))),
            '@' if has('@') && length > 0 => {
                let is_rule = self.language.keys.contains(&"{");
                Some((if is_rule { class::KEYWORD } else { class::ATTRIBUTE }, 1 + length))
            }
            '#' if has('[') && name.trim_start_matches('!').starts_with('[') => {
                let line = &rest[..line_length(rest)];
                Some((class::ATTRIBUTE, line.find(']').map_or(line.len(), |at| at + 1)))
            }
            '#' if has('#') && length > 0 => Some((class::KEYWORD, 1 + length)),
            '\'' if self.language.has_lifetimes && is_lifetime(rest) => Some((class::ATTRIBUTE, 1 + length)),
            _ => None,
        }
    }

    /// `/a+/` where a value may stand: a division has one on its left.
    fn regex(&self, last_word: &str) -> Option<Token> {
        const SLASH: Quote = Quote { open: "/", close: "/", is_raw: false, is_long: false };
        let rest = self.rest();
        let is_value_next = "\n(,=:[!&|?{};+".contains(self.last_sign) || is_one_of(self.language.keywords, last_word);
        if !self.language.has_regexes || !rest.starts_with('/') || !is_value_next {
            return None;
        }
        let length = string_length(rest, &SLASH);
        let is_closed = length > 2 && rest[..length].ends_with('/');
        is_closed.then_some((class::STRING, length))
    }

    fn number(&self) -> Option<Token> {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let bytes = rest.as_bytes();
        let is_part = |at: usize| match bytes[at] {
            b'.' => bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
            byte => byte.is_ascii_alphanumeric() || byte == b'_',
        };
        let length = (0..rest.len()).find(|&at| !is_part(at)).unwrap_or(rest.len());
        Some((class::NUMBER, length))
    }

    fn word(&mut self, last_word: &str) -> Option<Token> {
        let rest = self.rest();
        let length = rest.find(|c| !self.is_word_part(c)).unwrap_or(rest.len());
        if length == 0 {
            return None;
        }
        let (word, behind) = rest.split_at(length);
        self.last_word = word;
        Some((self.word_class(word, behind, last_word), length))
    }

    fn word_class(&self, word: &str, behind: &str, last_word: &str) -> &'static str {
        let lower = word.to_ascii_lowercase();
        let known = if self.language.ignores_case { lower.as_str() } else { word };
        let is_member = self.last_sign == '.' && self.before() == Some('.');
        if !self.language.keys.contains(&"\"") && self.is_key(behind) {
            return class::ATTRIBUTE;
        }
        if !is_member && is_one_of(self.language.keywords, known) {
            return class::KEYWORD;
        }
        if !is_member && is_one_of(self.language.constants, known) {
            return class::NUMBER;
        }
        if is_one_of(self.language.types, known) || is_one_of(BEFORE_TYPE, last_word) {
            return class::TYPE;
        }
        let next = behind.trim_start_matches(' ');
        let is_macro = self.language.has_lifetimes && behind.starts_with('!') && !behind.starts_with("!=");
        if next.starts_with('(') || is_macro || is_one_of(BEFORE_FUNCTION, last_word) {
            return class::FUNCTION;
        }
        // `Type`, `CONSTANT`, and neither of them in languages that start variables like that.
        let is_capital = !self.language.ignores_case && word.starts_with(char::is_uppercase);
        match is_capital {
            true if word.len() > 1 && !word.contains(char::is_lowercase) => class::NUMBER,
            true => class::TYPE,
            false => class::NONE,
        }
    }

    fn sign(&self) -> Token {
        let Some(sign) = self.rest().chars().next() else { return (class::NONE, 0) };
        let class = match sign {
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | '.' => class::PUNCTUATION,
            '"' | '\'' | '`' => class::NONE,
            sign if sign.is_ascii_punctuation() => class::OPERATOR,
            _ => class::NONE,
        };
        (class, sign.len_utf8())
    }

    /// Whether the next sign makes a key of the word or string before it.
    fn is_key(&self, behind: &str) -> bool {
        let next = behind.trim_start_matches([' ', '\t']);
        self.language.keys.iter().any(|sign| next.starts_with(sign))
            && !next.starts_with("::")
            && !next.starts_with("==")
    }

    fn is_word_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_' || self.language.word_signs.contains(c)
    }
}

fn is_one_of(words: &str, word: &str) -> bool {
    !word.is_empty() && words.split(' ').any(|one| one == word)
}

fn line_length(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// The name after a `$` where it is not a word: `{...}`, or a sign.
fn variable_length(name: &str) -> Option<usize> {
    if let Some(inside) = name.strip_prefix('{') {
        let mut line = inside.bytes().take(MAX_NAME_BYTES).take_while(|&byte| byte != b'\n');
        return line.position(|byte| byte == b'}').map(|at| at + 2);
    }
    name.starts_with(['@', '*', '#', '?', '$', '!', '-']).then_some(1)
}

/// `'a` without a closing quote, unlike the character `'a'`.
fn is_lifetime(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.next() != Some('\'')
}

/// The length of the string that `text` starts with, including its quotes. An unclosed string ends with its line, or
/// with the text if it may span lines.
fn string_length(text: &str, quote: &Quote) -> usize {
    let mut chars = text.char_indices().skip(quote.open.chars().count());
    while let Some((at, c)) = chars.next() {
        if text[at..].starts_with(quote.close) {
            return at + quote.close.len();
        }
        if c == '\n' && !quote.is_long {
            return at;
        }
        if c == '\\' && !quote.is_raw {
            // An escaped line end belongs to the string, too.
            chars.next();
        }
    }
    text.len()
}
