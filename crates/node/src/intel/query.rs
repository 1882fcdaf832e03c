//! What people type to find intelligence: words, `field:value`, AND, OR, NOT, parentheses.

use comity_stix::marking::{Pap, Tlp};
use comity_stix::terms;
use comity_store::intel::search::Query;

use super::document::field;

/// Parts of one query.
const MOST: usize = 64;

/// A query, parsed: what to look for in the index, or one object by its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Something to look for.
    Find(Query),
    /// The object of this identifier.
    Id(String),
}

/// What cannot be looked for, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing is asked.
    #[error("nothing to look for: say a word, or a field and a value such as type:indicator")]
    Empty,
    /// A field that there is not.
    #[error("no field {0:?}; there are type, tlp, pap, value, label, by, id")]
    Field(String),
    /// A value that the field does not have.
    #[error("{0:?} is no label of {1}")]
    Label(String, &'static str),
    /// Parentheses or quotes that do not close.
    #[error("a {0} does not close")]
    Open(&'static str),
    /// Something stands where a word should.
    #[error("want something to look for at {0:?}")]
    Word(String),
    /// The beginning of a field's value.
    #[error("{0}: is looked for whole; the beginning of a word is found without a field: sink*")]
    Star(String),
    /// Only what is not wanted.
    #[error("say also what to look for, not only what not")]
    OnlyNot,
    /// Too much.
    #[error("too much: at most {MOST} parts")]
    Long,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    /// A word, a quoted text, or a field with either.
    Term(Option<String>, String),
}

/// Parses a query.
///
/// # Errors
/// [`Problem`].
pub fn parse(text: &str) -> Result<Parsed, Problem> {
    let tokens = tokens(text)?;
    if let [Token::Term(field, id)] = tokens.as_slice()
        && (field.as_deref() == Some("id")
            || field.is_none() && comity_stix::id::Id::parse(id).is_some())
    {
        return Ok(Parsed::Id(id.clone()));
    }
    let mut parser = Parser { tokens: &tokens, at: 0 };
    let query = parser.any()?;
    match parser.next() {
        None => Ok(Parsed::Find(query)),
        Some(_) => Err(Problem::Open("parenthesis")),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn any(&mut self) -> Result<Query, Problem> {
        let mut any = vec![self.all()?];
        while self.peek() == Some(&Token::Or) {
            self.at += 1;
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.swap_remove(0) } else { Query::Any(any) })
    }

    fn all(&mut self) -> Result<Query, Problem> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        loop {
            match self.peek() {
                Some(Token::And) if !wanted.is_empty() || !unwanted.is_empty() => {
                    self.at += 1;
                }
                Some(Token::Not) => {
                    self.at += 1;
                    unwanted.push(self.one()?);
                }
                None | Some(Token::Or | Token::Close) => break,
                Some(_) => wanted.push(self.one()?),
            }
        }
        match (wanted.len(), unwanted.is_empty()) {
            (0, true) => Err(Problem::Empty),
            (0, false) => Err(Problem::OnlyNot),
            (1, true) => Ok(wanted.swap_remove(0)),
            _ => Ok(Query::All(wanted, unwanted)),
        }
    }

    fn one(&mut self) -> Result<Query, Problem> {
        match self.next().cloned() {
            Some(Token::Open) => {
                let query = self.any()?;
                match self.next() {
                    Some(Token::Close) => Ok(query),
                    _ => Err(Problem::Open("parenthesis")),
                }
            }
            Some(Token::Term(field, text)) => term(field.as_deref(), &text),
            Some(other) => Err(Problem::Word(format!("{other:?}").to_uppercase())),
            None => Err(Problem::Empty),
        }
    }
}

fn term(name: Option<&str>, text: &str) -> Result<Query, Problem> {
    let token = |name: &str| Ok(Query::Token(field(name, text)));
    match name {
        None => words(text),
        Some(name @ ("type" | "value" | "label" | "id")) => token(name),
        Some("by") => token("by"),
        Some("tlp") => {
            let label = Tlp::parse(text).ok_or(Problem::Label(text.to_owned(), "TLP"))?;
            Ok(Query::Token(field("tlp", label.label())))
        }
        Some("pap") => {
            let label = Pap::parse(text).ok_or(Problem::Label(text.to_owned(), "PAP"))?;
            Ok(Query::Token(field("pap", label.label())))
        }
        Some(other) => Err(Problem::Field(other.chars().take(40).collect())),
    }
}

/// All words of a text; one with `*` at its end is the beginning of a word.
fn words(text: &str) -> Result<Query, Problem> {
    let open = text.ends_with('*');
    let mut found = terms::words(text);
    let alone = |word: &String| {
        let mut chars = word.chars();
        matches!((chars.next(), chars.next()), (Some(c), None) if terms::is_ideograph(c))
    };
    // The last ideograph of several is in the pair before it.
    if found.len() > 1 {
        found.retain(|word| !alone(word));
    }
    let last = found.len().saturating_sub(1);
    let mut all: Vec<Query> = found
        .into_iter()
        .enumerate()
        .map(|(at, word)| {
            let begins = alone(&word) || open && at == last;
            if begins { Query::Prefix(word) } else { Query::Token(word) }
        })
        .collect();
    match all.len() {
        0 => Err(Problem::Word(text.chars().take(40).collect())),
        1 => Ok(all.swap_remove(0)),
        _ => Ok(Query::All(all, Vec::new())),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if tokens.len() >= MOST {
            return Err(Problem::Long);
        }
        match first {
            '(' => {
                tokens.push(Token::Open);
                rest = &rest[1..];
            }
            ')' => {
                tokens.push(Token::Close);
                rest = &rest[1..];
            }
            '-' => {
                tokens.push(Token::Not);
                rest = &rest[1..];
            }
            '"' => {
                let (quoted, after) = quoted(rest)?;
                tokens.push(Token::Term(None, quoted));
                rest = after;
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                rest = after;
                let name = word.split_once(':').filter(|(name, _)| {
                    (1..=12).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic())
                });
                tokens.push(match (word, name) {
                    ("AND", _) => Token::And,
                    ("OR", _) => Token::Or,
                    ("NOT", _) => Token::Not,
                    // A URL is no field.
                    (_, Some((_, value))) if value.starts_with("//") => {
                        Token::Term(Some("value".to_owned()), word.to_owned())
                    }
                    (_, Some((name, ""))) if rest.starts_with('"') => {
                        let (quoted, after) = quoted(rest)?;
                        rest = after;
                        Token::Term(Some(name.to_ascii_lowercase()), quoted)
                    }
                    (_, Some((name, value))) if value.ends_with('*') => {
                        return Err(Problem::Star(name.to_ascii_lowercase()));
                    }
                    (_, Some((name, value))) => {
                        Token::Term(Some(name.to_ascii_lowercase()), value.to_owned())
                    }
                    _ => Token::Term(None, word.to_owned()),
                });
            }
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// A quoted text, and what comes after it.
fn quoted(text: &str) -> Result<(String, &str), Problem> {
    let mut found = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((found, &text[at + 1..])),
            '\\' => found.extend(chars.next().map(|(_, c)| c)),
            c => found.push(c),
        }
    }
    Err(Problem::Open("quotation mark"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Query {
        Query::Token(text.to_owned())
    }

    fn found(text: &str) -> Query {
        match parse(text) {
            Ok(Parsed::Find(query)) => query,
            other => Query::Token(format!("{other:?}")),
        }
    }

    #[test]
    fn words_fields_and_operators_are_read() {
        assert_eq!(found("Sinkhole"), word("sinkhole"));
        assert_eq!(found("c2 AND host"), Query::All(vec![word("c2"), word("host")], vec![]));
        assert_eq!(found("c2 host"), found("c2 AND host"));
        assert_eq!(
            found(r#"type:indicator tlp:amber value:"Evil.Example." -old"#),
            Query::All(
                vec![
                    word(&field("type", "indicator")),
                    word(&field("tlp", "TLP:AMBER")),
                    word(&field("value", "evil.example")),
                ],
                vec![word("old")]
            )
        );
        assert_eq!(
            found("(a1 OR b2) NOT c3"),
            Query::All(vec![Query::Any(vec![word("a1"), word("b2")])], vec![word("c3")])
        );
        assert_eq!(found("网络"), word("网络"));
        assert_eq!(found("网"), Query::Prefix("网".to_owned()));
        assert_eq!(found("sink*"), Query::Prefix("sink".to_owned()));
        assert_eq!(found("http://evil.example/a"), word(&field("value", "http://evil.example/a")));
        assert_eq!(found(r#"value:"a*""#), word(&field("value", "a*")));
        let id = "indicator--44298a74-ba52-4f0c-87a3-1824e67d7fad";
        assert_eq!(parse(id), Ok(Parsed::Id(id.to_owned())));
    }

    #[test]
    fn what_cannot_be_looked_for_is_said() {
        for (text, problem) in [
            ("", Problem::Empty),
            ("  ", Problem::Empty),
            ("a OR", Problem::Empty),
            ("NOT a", Problem::OnlyNot),
            ("colour:red", Problem::Field("colour".to_owned())),
            ("tlp:mauve", Problem::Label("mauve".to_owned(), "TLP")),
            ("value:evil*", Problem::Star("value".to_owned())),
            ("(a", Problem::Open("parenthesis")),
            ("a)", Problem::Open("parenthesis")),
            ("\"a", Problem::Open("quotation mark")),
            ("...", Problem::Word("...".to_owned())),
        ] {
            assert_eq!(parse(text), Err(problem), "{text}");
        }
        assert_eq!(parse(&"a ".repeat(65)), Err(Problem::Long));
        assert_eq!(parse(&"(".repeat(65)), Err(Problem::Long));
    }
}
