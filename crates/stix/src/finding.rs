//! What validation finds, and where.

use std::fmt;

/// How binding the rule is that was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A MUST: the object is not valid.
    Must,
    /// A SHOULD: it is valid and could be better.
    Should,
}

/// A rule that an object does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How binding it is.
    pub level: Level,
    /// The property: `external_references[0].url`; empty where it is the object itself.
    pub path: String,
    /// The rule, in a word.
    pub rule: &'static str,
    /// The section of STIX 2.1 that has it.
    pub section: &'static str,
    /// What is wrong and what was expected. Values are cut to 80 characters.
    pub message: String,
}

impl Finding {
    /// Whether STIX 2.0 does not ask for it: what is missing is a property that came with 2.1, a name was reserved by it,
    /// or values have another form since.
    #[must_use]
    pub fn is_since_2_1(&self) -> bool {
        const SINCE: [&str; 3] = ["'spec_version'", "'pattern_type'", "'is_family'"];
        const CHANGED: [&str; 2] = ["http-request-ext.request_header.", "socket-ext.options."];
        match self.rule {
            "required" => SINCE.iter().any(|name| self.message.ends_with(name)),
            "type" => CHANGED.iter().any(|place| self.path.contains(place)),
            "reserved" | "extension" | "defanged" | "mail-address" => true,
            _ => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} [{}, STIX 2.1 section {}]", self.message, self.rule, self.section)
    }
}

/// A path from the object to a value in it, made into text only when something is found there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(&shown(name)),
            Self::Member(parent, name) => write!(f, "{parent}.{}", shown(name)),
            Self::Element(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}

/// A text as messages quote it: cut, and without control characters.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 80;
    if text.len() <= MOST && text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        return text.to_owned();
    }
    let mut shown: String =
        text.chars().take(MOST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
