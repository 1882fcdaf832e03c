//! A pattern from its tokens.

use std::collections::BTreeSet;

use super::lex::{Token, What, tokens};
use super::{Error, Syntax};
use crate::finding::shown;
use crate::time::Time;

/// Parentheses inside each other at most.
const MAX_DEPTH: usize = 64;
/// Comparisons of a pattern at most.
const MAX_TESTS: usize = 10_000;
/// Observations that a pattern may bind at most.
const MAX_BOUND: u64 = 1_000_000;

/// A pattern.
///
/// ```
/// use comity_stix::pattern::{Pattern, Syntax};
/// assert!(Pattern::parse("[file:size = 1280] WITHIN 5 SECONDS", Syntax::V21).is_ok());
/// let error = Pattern::parse("[file:size = ]", Syntax::V21).unwrap_err();
/// assert_eq!(error.to_string(), "at character 14: ']' is not expected here: a literal was");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    pub(super) root: Node,
    /// What is between brackets, in the order of the text.
    pub(super) observations: Vec<Expression>,
    /// A qualifier that stands twice behind one observation.
    doubled: Option<&'static str>,
}

/// An observation expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// The expression of this number.
    Observation(usize),
    And(Vec<Node>),
    Or(Vec<Node>),
    FollowedBy(Vec<Node>),
    Repeats(Box<Node>, u64),
    /// In nanoseconds.
    Within(Box<Node>, i128),
    StartStop(Box<Node>, Time, Time),
}

/// A comparison expression: of one object.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Test(Test),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Test {
    /// The type of the object.
    pub(super) kind: String,
    pub(super) path: Vec<Step>,
    pub(super) negated: bool,
    pub(super) operator: Operator,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Key(String),
    Index(i64),
    Any,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operator {
    Equal(Literal),
    NotEqual(Literal),
    Less(Literal),
    LessOrEqual(Literal),
    Greater(Literal),
    GreaterOrEqual(Literal),
    In(Vec<Literal>),
    Like(String),
    Matches(String),
    Subset(String),
    Superset(String),
    Exists,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    Time(Time),
}

impl Pattern {
    /// The pattern that a text is.
    ///
    /// # Errors
    /// [`Error::Syntax`] and [`Error::TooLarge`].
    pub fn parse(text: &str, syntax: Syntax) -> Result<Self, Error> {
        let end = text.chars().count() + 1;
        let tokens = tokens(text)?;
        let mut parser = Parser {
            tokens: &tokens,
            next: 0,
            end,
            depth: 0,
            tests: 0,
            syntax,
            observations: vec![],
            doubled: None,
        };
        let root = parser.followed_by()?;
        if let Some(token) = parser.peek() {
            return Err(parser.unexpected(token, "the end"));
        }
        if root.bound() > MAX_BOUND {
            let most = usize::try_from(MAX_BOUND).unwrap_or(usize::MAX);
            return Err(Error::TooLarge { what: "observations bound", most });
        }
        Ok(Self { root, observations: parser.observations, doubled: parser.doubled })
    }

    /// Whether a text is a pattern that can be meant: also that no qualifier comes twice, that counts and
    /// durations are positive, and that hashes are as long as they are.
    ///
    /// # Errors
    /// [`Error`].
    pub fn check(text: &str, syntax: Syntax) -> Result<Self, Error> {
        let pattern = Self::parse(text, syntax)?;
        if let Some(name) = pattern.doubled {
            return Err(Error::Meaning(format!("{name} qualifies one observation twice")));
        }
        pattern.check_meaning()?;
        pattern.observations.iter().try_for_each(|one| one.check(&Test::check_hash))?;
        pattern.observations.iter().try_for_each(|one| one.kinds().map(drop))?;
        Ok(pattern)
    }

    /// What no observation could satisfy, whatever it is.
    pub(super) fn check_meaning(&self) -> Result<(), Error> {
        self.root.check()?;
        self.observations.iter().try_for_each(|one| one.check(&Test::check_set))
    }

    /// The types and the first properties that it names.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tests().filter_map(|test| Some((test.kind.as_str(), test.path.first()?.key()?)))
    }

    /// The texts that something must be equal to, or one of, and the networks that it must lie in: the type of the
    /// object, the keys on the way to the property, the text. What must *not* be so is left out.
    pub fn equal_texts(&self) -> impl Iterator<Item = (&str, Vec<&str>, &str)> {
        self.tests().flat_map(Test::equal_texts)
    }

    /// The same pattern with other texts where something must be equal to one, or must not: by the type of the object, the
    /// keys on the way to the property, and the text. None leaves it.
    #[must_use]
    pub fn with_texts(mut self, other: impl Fn(&str, &[&str], &str) -> Option<String>) -> Self {
        let mut waiting: Vec<&mut Expression> = self.observations.iter_mut().collect();
        while let Some(expression) = waiting.pop() {
            let test = match expression {
                Expression::And(all) | Expression::Or(all) => {
                    waiting.extend(all);
                    continue;
                }
                Expression::Test(test) => test,
            };
            let keys = test.path.iter().filter_map(Step::key).collect::<Vec<_>>();
            let literals = match &mut test.operator {
                Operator::Equal(literal) | Operator::NotEqual(literal) => {
                    std::slice::from_mut(literal)
                }
                Operator::In(literals) => literals,
                _ => continue,
            };
            for literal in literals {
                if let Literal::Text(text) = literal
                    && let Some(other) = other(&test.kind, &keys, text)
                {
                    *text = other;
                }
            }
        }
        self
    }

    /// Whether one observation satisfies it by itself: it has one pair of brackets and no qualifier.
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self.root, Node::Observation(_))
    }

    /// Whether one observation always satisfies it, where any do: each can be asked by itself.
    #[must_use]
    pub fn is_of_one(&self) -> bool {
        is_of_one(&self.root)
    }

    /// Whether it asks when something was observed.
    #[must_use]
    pub fn asks_when(&self) -> bool {
        fn asks(node: &Node) -> bool {
            match node {
                Node::Observation(_) => false,
                Node::And(all) | Node::Or(all) => all.iter().any(asks),
                Node::Repeats(of, _) => asks(of),
                // One observation always lies within any time.
                Node::Within(of, _) if is_of_one(of) => asks(of),
                Node::FollowedBy(_) | Node::Within(..) | Node::StartStop(..) => true,
            }
        }
        asks(&self.root)
    }

    /// Whether anything of [`equal_texts`](Self::equal_texts) is enough by itself: one pair of brackets, no
    /// qualifier, and in it nothing but texts to choose among.
    #[must_use]
    pub fn is_any_text(&self) -> bool {
        fn is_text(expression: &Expression) -> bool {
            match expression {
                Expression::Test(test) => test.equal_texts().next().is_some() && !test.has_others(),
                Expression::And(_) => false,
                Expression::Or(all) => all.iter().all(is_text),
            }
        }
        self.is_single() && self.observations.iter().all(is_text)
    }

    /// Whether all that is asked is in [`equal_texts`](Self::equal_texts).
    #[must_use]
    pub fn is_texts(&self) -> bool {
        self.tests().all(|test| test.equal_texts().next().is_some() && !test.has_others())
    }

    /// Whether each observation that could satisfy a part of it has a text, equal to one of its own, that can be
    /// looked for: then whoever looks for these texts misses no observation.
    pub fn leads(&self, can: impl Fn(&str, &[&str], &str) -> bool) -> bool {
        fn does(expression: &Expression, can: &dyn Fn(&str, &[&str], &str) -> bool) -> bool {
            match expression {
                Expression::Test(test) => {
                    let mut texts = test.equal_texts().peekable();
                    texts.peek().is_some()
                        && !test.has_others()
                        && texts.all(|(kind, keys, text)| can(kind, &keys, text))
                }
                Expression::And(all) => all.iter().any(|one| does(one, can)),
                Expression::Or(all) => all.iter().all(|one| does(one, can)),
            }
        }
        self.observations.iter().all(|one| does(one, &can))
    }

    fn tests(&self) -> impl Iterator<Item = &Test> {
        // From the last to the first, as they come off the stack: so they are put on it the other way round.
        let mut waiting: Vec<&Expression> = self.observations.iter().rev().collect();
        std::iter::from_fn(move || {
            loop {
                match waiting.pop()? {
                    Expression::And(all) | Expression::Or(all) => waiting.extend(all.iter().rev()),
                    Expression::Test(test) => return Some(test),
                }
            }
        })
    }
}

impl Step {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            _ => None,
        }
    }
}

impl Test {
    /// The texts of which one must be the property's.
    fn equal_texts(&self) -> impl Iterator<Item = (&str, Vec<&str>, &str)> {
        let keys: Vec<&str> = self.path.iter().filter_map(Step::key).collect();
        let network = match &self.operator {
            Operator::Subset(network) if !self.negated => Some(network.as_str()),
            _ => None,
        };
        let texts = self.literals().iter().filter_map(|literal| match literal {
            Literal::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.chain(network).map(move |text| (self.kind.as_str(), keys.clone(), text))
    }

    /// Whether something that is no text may be the property's too.
    fn has_others(&self) -> bool {
        self.literals().iter().any(|literal| !matches!(literal, Literal::Text(_)))
    }

    fn literals(&self) -> &[Literal] {
        match &self.operator {
            _ if self.negated => &[],
            Operator::Equal(literal) => std::slice::from_ref(literal),
            Operator::In(literals) => literals,
            _ => &[],
        }
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    next: usize,
    /// The character after the last.
    end: usize,
    depth: usize,
    tests: usize,
    syntax: Syntax,
    observations: Vec<Expression>,
    doubled: Option<&'static str>,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.next)
    }

    /// Takes the next token if it is this word or sign.
    fn takes(&mut self, wanted: &str) -> bool {
        let there = self.peek().is_some_and(|token| match token.what {
            What::Word(found) | What::Sign(found) => found == wanted,
            _ => false,
        });
        self.next += usize::from(there);
        there
    }

    fn expect(&mut self, wanted: &str) -> Result<(), Error> {
        if self.takes(wanted) { Ok(()) } else { Err(self.wanted(&format!("'{wanted}'"))) }
    }

    /// That something else was expected here.
    fn wanted(&self, wanted: &str) -> Error {
        match self.peek() {
            Some(token) => self.unexpected(token, wanted),
            None => Error::Syntax {
                at: self.end,
                problem: format!("the pattern ends where {wanted} was expected"),
            },
        }
    }

    fn unexpected(&self, token: &Token, wanted: &str) -> Error {
        let problem = format!("{} is not expected here: {wanted} was", token.what.shown());
        Error::Syntax { at: token.at, problem }
    }

    /// One or more of these with a word between.
    fn list<T>(
        &mut self,
        word: &str,
        one: fn(&mut Self) -> Result<T, Error>,
        of_many: fn(Vec<T>) -> T,
    ) -> Result<T, Error> {
        let first = one(self)?;
        let mut all = vec![first];
        while self.takes(word) {
            all.push(one(self)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { of_many(all) })
    }

    fn inside<T>(&mut self, one: fn(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::TooLarge { what: "parentheses inside each other", most: MAX_DEPTH });
        }
        self.depth += 1;
        let inner = one(self);
        self.depth -= 1;
        let inner = inner?;
        self.expect(")")?;
        Ok(inner)
    }

    fn followed_by(&mut self) -> Result<Node, Error> {
        self.list("FOLLOWEDBY", Self::or, Node::FollowedBy)
    }

    fn or(&mut self) -> Result<Node, Error> {
        self.list("OR", Self::and, Node::Or)
    }

    fn and(&mut self) -> Result<Node, Error> {
        self.list("AND", Self::qualified, Node::And)
    }

    fn qualified(&mut self) -> Result<Node, Error> {
        let (mut node, mut qualifiers) = if self.takes("(") {
            (self.inside(Self::followed_by)?, None)
        } else if self.takes("[") {
            let expression = self.comparison()?;
            self.expect("]")?;
            self.observations.push(expression);
            (Node::Observation(self.observations.len() - 1), Some(Vec::new()))
        } else {
            return Err(self.wanted("'[' or '('"));
        };
        for _ in 0..MAX_DEPTH {
            let Some(name) =
                ["REPEATS", "WITHIN", "START"].into_iter().find(|name| self.takes(name))
            else {
                return Ok(node);
            };
            let inner = Box::new(node);
            node = match name {
                "REPEATS" => Node::Repeats(inner, self.integer()?),
                "WITHIN" => Node::Within(inner, self.seconds()?),
                _ => {
                    let start = self.time()?;
                    self.expect("STOP")?;
                    Node::StartStop(inner, start, self.time()?)
                }
            };
            match name {
                "REPEATS" => self.expect("TIMES")?,
                "WITHIN" => self.expect("SECONDS")?,
                _ => {}
            }
            if let Some(before) = &mut qualifiers {
                if before.contains(&name) {
                    self.doubled = Some(name);
                }
                before.push(name);
            }
        }
        Err(Error::TooLarge { what: "qualifiers of one expression", most: MAX_DEPTH })
    }

    fn integer(&mut self) -> Result<u64, Error> {
        match self.peek().map(|token| &token.what) {
            Some(What::Integer(number)) if *number >= 0 => {
                self.next += 1;
                Ok(number.unsigned_abs())
            }
            _ => Err(self.wanted("a number of times")),
        }
    }

    fn seconds(&mut self) -> Result<i128, Error> {
        const NANOS: i128 = 1_000_000_000;
        let nanos = match self.peek().map(|token| &token.what) {
            Some(What::Integer(number)) if *number >= 0 => i128::from(*number) * NANOS,
            #[expect(clippy::cast_possible_truncation, reason = "what is too large is for ever")]
            Some(What::Float(number)) if *number >= 0.0 => (number * 1e9).round() as i128,
            _ => return Err(self.wanted("a number of seconds")),
        };
        self.next += 1;
        Ok(nanos)
    }

    fn time(&mut self) -> Result<Time, Error> {
        let time = match (self.peek().map(|token| &token.what), self.syntax) {
            (Some(What::Time(time)), Syntax::V21) => Some(*time),
            (Some(What::Text(text)), Syntax::V20) => Time::parse(text),
            (Some(What::Time(time)), Syntax::V20) => Some(*time),
            _ => None,
        };
        let time = time.ok_or_else(|| self.wanted("a timestamp: t'2017-01-20T00:00:00Z'"))?;
        self.next += 1;
        Ok(time)
    }

    fn comparison(&mut self) -> Result<Expression, Error> {
        self.list("OR", Self::all, Expression::Or)
    }

    fn all(&mut self) -> Result<Expression, Error> {
        self.list("AND", Self::test, Expression::And)
    }

    fn test(&mut self) -> Result<Expression, Error> {
        if self.takes("(") {
            return self.inside(Self::comparison);
        }
        self.tests += 1;
        if self.tests > MAX_TESTS {
            return Err(Error::TooLarge { what: "comparisons", most: MAX_TESTS });
        }
        let before = self.takes("NOT");
        if before {
            self.expect("EXISTS")?;
        }
        if before || self.takes("EXISTS") {
            let (kind, path) = self.path()?;
            let operator = Operator::Exists;
            return Ok(Expression::Test(Test { kind, path, negated: before, operator }));
        }
        let (kind, path) = self.path()?;
        let negated = self.takes("NOT");
        let operator = self.operator()?;
        Ok(Expression::Test(Test { kind, path, negated, operator }))
    }

    /// `type:name.'name'[0].name[*]`
    fn path(&mut self) -> Result<(String, Vec<Step>), Error> {
        let kind = match self.peek().map(|token| &token.what) {
            Some(What::Name(name)) => name.clone(),
            _ => return Err(self.wanted("a type of object")),
        };
        self.next += 1;
        self.expect(":")?;
        let mut path = vec![self.key()?];
        loop {
            if self.takes(".") {
                path.push(self.key()?);
            } else if self.takes("[") {
                let step = match self.peek().map(|token| &token.what) {
                    Some(What::Integer(index)) => Step::Index(*index),
                    Some(What::Sign("*")) => Step::Any,
                    _ => return Err(self.wanted("an index or *")),
                };
                self.next += 1;
                self.expect("]")?;
                path.push(step);
            } else {
                return Ok((kind, path));
            }
        }
    }

    fn key(&mut self) -> Result<Step, Error> {
        let key = match self.peek().map(|token| &token.what) {
            Some(What::Name(name)) if !name.contains('-') => name.clone(),
            Some(What::Name(_)) => {
                return Err(self.wanted("a name in quotes, since it has a hyphen,"));
            }
            Some(What::Text(name)) => name.clone(),
            _ => return Err(self.wanted("a property")),
        };
        self.next += 1;
        Ok(Step::Key(key))
    }

    fn operator(&mut self) -> Result<Operator, Error> {
        type Of = fn(Literal) -> Operator;
        const COMPARISONS: &[(&str, Of)] = &[
            ("=", Operator::Equal),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<>", Operator::NotEqual),
            ("<", Operator::Less),
            ("<=", Operator::LessOrEqual),
            (">", Operator::Greater),
            (">=", Operator::GreaterOrEqual),
        ];
        type OfText = fn(String) -> Operator;
        const WORDS: &[(&str, OfText)] = &[
            ("LIKE", Operator::Like),
            ("MATCHES", Operator::Matches),
            ("ISSUBSET", Operator::Subset),
            ("ISSUPERSET", Operator::Superset),
        ];
        for (sign, operator) in COMPARISONS {
            if self.takes(sign) {
                let at = self.next;
                let operator = operator(self.literal()?);
                let ordered = !matches!(operator, Operator::Equal(_) | Operator::NotEqual(_));
                if ordered && matches!(self.tokens[at].what, What::Bool(_)) {
                    return Err(self.unexpected(&self.tokens[at], "a literal that has an order"));
                }
                return Ok(operator);
            }
        }
        for (word, operator) in WORDS {
            if self.takes(word) {
                let Some(What::Text(text)) = self.peek().map(|token| &token.what) else {
                    return Err(self.wanted("a string"));
                };
                self.next += 1;
                return Ok(operator(text.clone()));
            }
        }
        if !self.takes("IN") {
            return Err(self.wanted("a comparison"));
        }
        self.expect("(")?;
        let mut set = Vec::new();
        if !self.takes(")") {
            set.push(self.literal()?);
            while self.takes(",") {
                set.push(self.literal()?);
            }
            self.expect(")")?;
        }
        Ok(Operator::In(set))
    }

    fn literal(&mut self) -> Result<Literal, Error> {
        let literal = match self.peek().map(|token| &token.what) {
            Some(What::Text(text)) => Literal::Text(text.clone()),
            Some(What::Integer(number)) => Literal::Integer(*number),
            Some(What::Float(number)) => Literal::Float(*number),
            Some(What::Bool(value)) => Literal::Bool(*value),
            Some(What::Hex(bytes) | What::Binary(bytes)) => Literal::Bytes(bytes.clone()),
            Some(What::Time(time)) => Literal::Time(*time),
            _ => return Err(self.wanted("a literal")),
        };
        self.next += 1;
        Ok(literal)
    }
}

impl Node {
    /// How many observations it binds at most.
    fn bound(&self) -> u64 {
        match self {
            Self::Observation(_) => 1,
            Self::And(all) | Self::Or(all) | Self::FollowedBy(all) => {
                all.iter().fold(0, |sum, node| sum.saturating_add(node.bound()))
            }
            Self::Repeats(node, count) => node.bound().saturating_mul(*count),
            Self::Within(node, _) | Self::StartStop(node, ..) => node.bound(),
        }
    }

    /// What a count or a duration says is more than nothing.
    fn check(&self) -> Result<(), Error> {
        let (name, inner, positive) = match self {
            Self::Observation(_) => return Ok(()),
            Self::And(all) | Self::Or(all) | Self::FollowedBy(all) => {
                return all.iter().try_for_each(Self::check);
            }
            Self::Repeats(inner, count) => ("REPEATS", inner, *count > 0),
            Self::Within(inner, nanos) => ("WITHIN", inner, *nanos > 0),
            Self::StartStop(inner, ..) => ("START", inner, true),
        };
        if !positive {
            return Err(Error::Meaning(format!("what {name} says must be more than zero")));
        }
        inner.check()
    }
}

/// Whether one observation always satisfies it, where any do.
fn is_of_one(node: &Node) -> bool {
    match node {
        Node::Observation(_) => true,
        Node::Or(all) => all.iter().all(is_of_one),
        Node::Within(of, _) | Node::StartStop(of, ..) => is_of_one(of),
        Node::And(_) | Node::FollowedBy(_) | Node::Repeats(..) => false,
    }
}

impl Expression {
    /// Of which types an object that satisfies it may be: section 9.5. An error where some AND leaves none.
    fn kinds(&self) -> Result<BTreeSet<&str>, Error> {
        fn each(all: &[Expression]) -> Result<Vec<BTreeSet<&str>>, Error> {
            all.iter().map(Expression::kinds).collect()
        }
        match self {
            Self::Test(test) => Ok(BTreeSet::from([test.kind.as_str()])),
            Self::Or(all) => Ok(each(all)?.into_iter().flatten().collect()),
            Self::And(all) => {
                let both = |a: BTreeSet<_>, b: BTreeSet<_>| a.intersection(&b).copied().collect();
                let kinds = each(all)?.into_iter().reduce(both).unwrap_or_default();
                if kinds.is_empty() {
                    let problem = "AND joins comparisons of different types, and no object has two: join observations \
                                   instead, [a:b = 1] AND [c:d = 2]";
                    return Err(Error::Meaning(problem.to_owned()));
                }
                Ok(kinds)
            }
        }
    }

    fn check(&self, good: &impl Fn(&Test) -> Result<(), Error>) -> Result<(), Error> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().try_for_each(|one| one.check(good)),
            Self::Test(test) => good(test),
        }
    }
}

impl Test {
    /// A set has literals of one kind; integers and floats are numbers.
    fn check_set(&self) -> Result<(), Error> {
        let kind = |literal: &Literal| match literal {
            Literal::Text(_) => 0,
            Literal::Integer(_) | Literal::Float(_) => 1,
            Literal::Bool(_) => 2,
            Literal::Bytes(_) => 3,
            Literal::Time(_) => 4,
        };
        match &self.operator {
            Operator::In(set) if set.windows(2).any(|two| kind(&two[0]) != kind(&two[1])) => {
                Err(Error::Meaning("the literals of a set must be of one kind".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// A literal that is compared with a hash is as long as that.
    fn check_hash(&self) -> Result<(), Error> {
        let of_hashes = self.path.iter().any(|step| *step == Step::Key("hashes".to_owned()));
        let (true, Some(Step::Key(algorithm))) = (of_hashes, self.path.last()) else {
            return Ok(());
        };
        let name = algorithm.to_uppercase().replace('-', "");
        let bits = match name.as_str() {
            "MD5" => 128,
            "SHA1" | "RIPEMD160" => 160,
            "SHA224" | "SHA3224" => 224,
            "SHA256" | "SHA3256" => 256,
            "SHA384" | "SHA3384" => 384,
            "SHA512" | "SHA3512" | "WHIRLPOOL" => 512,
            _ => return Ok(()),
        };
        let wrong = |literal: &&Literal| match literal {
            Literal::Text(hash) => {
                hash.len() != bits / 4 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            _ => true,
        };
        let found = match &self.operator {
            Operator::Equal(literal) | Operator::NotEqual(literal) => {
                Some(literal).filter(|literal| wrong(literal))
            }
            Operator::In(set) => set.iter().find(|literal| wrong(literal)),
            _ => None,
        };
        match found {
            None => Ok(()),
            Some(literal) => {
                let text = if let Literal::Text(text) = literal { text } else { "a literal" };
                let (shown, digits) = (shown(text), bits / 4);
                Err(Error::Meaning(format!(
                    "'{shown}' is no {algorithm}, which has {digits} hexadecimal digits"
                )))
            }
        }
    }
}
