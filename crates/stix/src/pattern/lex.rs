//! Tokens of a pattern.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Error;
use crate::finding::shown;
use crate::time::Time;

/// A token, and where it begins: in characters, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// A keyword, in capitals.
    Word(&'static str),
    Name(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Hex(Vec<u8>),
    Binary(Vec<u8>),
    Time(Time),
    Sign(&'static str),
}

const WORDS: &[&str] = &[
    "AND",
    "OR",
    "NOT",
    "FOLLOWEDBY",
    "LIKE",
    "MATCHES",
    "ISSUPERSET",
    "ISSUBSET",
    "EXISTS",
    "LAST",
    "IN",
    "START",
    "STOP",
    "SECONDS",
    "WITHIN",
    "REPEATS",
    "TIMES",
];
/// The longer ones first.
const SIGNS: &[&str] =
    &["==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ":", ".", ",", "*"];
/// Bytes of a pattern at most.
pub(super) const MAX_LENGTH: usize = 1 << 20;

impl What {
    /// As messages name it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) | Self::Sign(word) => format!("'{word}'"),
            Self::Name(name) => format!("'{}'", shown(name)),
            Self::Text(_) => "a string".to_owned(),
            Self::Integer(_) | Self::Float(_) => "a number".to_owned(),
            Self::Bool(_) => "true or false".to_owned(),
            Self::Hex(_) => "a hexadecimal literal".to_owned(),
            Self::Binary(_) => "a base64 literal".to_owned(),
            Self::Time(_) => "a timestamp".to_owned(),
        }
    }
}

pub(super) fn tokens(pattern: &str) -> Result<Vec<Token>, Error> {
    if pattern.len() > MAX_LENGTH {
        return Err(Error::TooLarge { what: "bytes", most: MAX_LENGTH });
    }
    let mut lexer = Lexer { rest: pattern, at: 1 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'p> {
    rest: &'p str,
    at: usize,
}

impl<'p> Lexer<'p> {
    fn next(&mut self) -> Result<Option<Token>, Error> {
        self.skip()?;
        let at = self.at;
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let what = match first {
            '\'' => What::Text(self.quoted()?),
            'a'..='z' | 'A'..='Z' | '_' => self.word()?,
            '0'..='9' | '+' | '-' => self.number()?,
            '.' if self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number()?,
            _ => match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
                Some(sign) => {
                    self.take(sign.len());
                    What::Sign(sign)
                }
                None => return Err(self.error(format!("'{first}' is not expected here"))),
            },
        };
        Ok(Some(Token { at, what }))
    }

    fn error(&self, problem: String) -> Error {
        Error::Syntax { at: self.at, problem }
    }

    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) -> &'p str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.at += taken.chars().count();
        self.rest = rest;
        taken
    }

    /// White space and comments.
    fn skip(&mut self) -> Result<(), Error> {
        loop {
            let space = self.rest.len() - self.rest.trim_start().len();
            self.take(space);
            let comment = if self.rest.starts_with("//") {
                self.rest.find(['\n', '\r']).unwrap_or(self.rest.len())
            } else if self.rest.starts_with("/*") {
                let end = self.rest[2..].find("*/");
                end.ok_or_else(|| self.error("this comment has no end".to_owned()))? + 4
            } else {
                return Ok(());
            };
            self.take(comment);
        }
    }

    /// A string from its quote on: `\'` and `\\` are the two escapes.
    fn quoted(&mut self) -> Result<String, Error> {
        let unended =
            || Error::Syntax { at: self.at, problem: "this string has no end".to_owned() };
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        let end = loop {
            match chars.next().ok_or_else(unended)? {
                (at, '\'') => break at + 1,
                (_, '\\') => match chars.next().ok_or_else(unended)? {
                    (_, escaped @ ('\'' | '\\')) => text.push(escaped),
                    (at, other) => {
                        self.take(at - 1);
                        let problem = format!("'\\{other}' is no escape: there are \\' and \\\\");
                        return Err(self.error(problem));
                    }
                },
                (_, other) => text.push(other),
            }
        };
        self.take(end);
        Ok(text)
    }

    /// A name, a keyword, or a literal that begins with a letter.
    fn word(&mut self) -> Result<What, Error> {
        let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let length = self.rest.find(|c| !of_name(c)).unwrap_or(self.rest.len());
        if length == 1 && self.rest[1..].starts_with('\'') && self.rest.starts_with(['t', 'h', 'b'])
        {
            let at = self.at;
            let kind = self.take(1);
            let text = self.quoted()?;
            let literal = match kind {
                "t" => Time::parse_grammatical(&text).map(What::Time),
                "h" => hex(&text).map(What::Hex),
                _ => STANDARD.decode(&text).ok().map(What::Binary),
            };
            let wanted = match kind {
                "t" => "a timestamp: t'2017-01-20T00:00:00Z'",
                "h" => "pairs of hexadecimal digits: h'0aff'",
                _ => "base64: b'AQID'",
            };
            let problem = || format!("'{}' is not {wanted}", shown(&text));
            return literal.ok_or_else(|| Error::Syntax { at, problem: problem() });
        }
        let word = self.take(length);
        Ok(match (WORDS.iter().find(|known| **known == word), word) {
            (Some(known), _) => What::Word(known),
            (None, "true" | "TRUE") => What::Bool(true),
            (None, "false" | "FALSE") => What::Bool(false),
            (None, name) => What::Name(name.to_owned()),
        })
    }

    fn number(&mut self) -> Result<What, Error> {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let signed = usize::from(matches!(bytes[0], b'+' | b'-'));
        let whole = digits(signed);
        let point = bytes.get(signed + whole) == Some(&b'.');
        let fraction = if point { digits(signed + whole + 1) } else { 0 };
        let problem = |problem: &str| Error::Syntax { at: self.at, problem: problem.to_owned() };
        if whole + fraction == 0 {
            return Err(problem("a number has digits"));
        }
        let length = if fraction > 0 { signed + whole + 1 + fraction } else { signed + whole };
        let text = &self.rest[..length];
        if fraction == 0 && whole > 1 && bytes[signed] == b'0' {
            return Err(problem("an integer has no zero in front"));
        }
        let what = if fraction > 0 {
            text.parse().map(What::Float).map_err(|_| problem("this is no number"))?
        } else {
            text.parse().map(What::Integer).map_err(|_| problem("this integer is too large"))?
        };
        self.take(length);
        Ok(what)
    }
}

/// The bytes that pairs of hexadecimal digits stand for.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
