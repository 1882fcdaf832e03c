//! The files of `comity request`: TOML or JSON, with attachments by path.
//!
//! What is wrong with a file is said by its place and by what was expected there. What stands in it
//! is not repeated: it is content, and errors end up in logs and tickets.

use std::path::{Path, PathBuf};

use comity_rules::content::{
    Answer, Ask, Attachment, Claim, Concern, DataCategory, Follows, Item, ItemAnswer, Limits,
    Notice, Response, Tlp, Translation,
};
use comity_rules::template::OPEN;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{read, text};

/// A request: [`Ask`], listed field by field, so that a misspelt one is refused and not lost.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    class: Option<String>,
    #[serde(default)]
    exercise: bool,
    title: String,
    facts: String,
    #[serde(default)]
    legal_basis: String,
    #[serde(default)]
    purpose: String,
    #[serde(default)]
    urgency_reason: String,
    marking: Tlp,
    #[serde(default)]
    contact: String,
    data_category: Option<DataCategory>,
    #[serde(default)]
    dual_criminality: String,
    #[serde(default)]
    reciprocity: String,
    follows: Option<Follows>,
    #[serde(default)]
    language: String,
    translation: Option<Translation>,
    items: Vec<Item>,
    #[serde(default)]
    attach: Vec<AttachFile>,
}

/// An answer: [`Answer`], likewise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerFile {
    #[serde(default)]
    text: String,
    #[serde(default)]
    use_limits: String,
    limits: Option<Limits>,
    items: Vec<ItemAnswer>,
    #[serde(default)]
    attach: Vec<AttachFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachFile {
    file: PathBuf,
    #[serde(default = "octets")]
    media_type: String,
    #[serde(default)]
    claims: Vec<Claim>,
}

fn octets() -> String {
    "application/octet-stream".to_owned()
}

/// A request's urgency class, whether it is an exercise, and what it says.
pub(crate) fn request(path: &Path) -> Result<(Option<String>, bool, Ask), Failure> {
    let file: RequestFile = parse(path)?;
    let ask = Ask {
        title: file.title,
        facts: file.facts,
        legal_basis: file.legal_basis,
        purpose: file.purpose,
        urgency_reason: file.urgency_reason,
        marking: file.marking,
        contact: file.contact,
        data_category: file.data_category,
        dual_criminality: file.dual_criminality,
        reciprocity: file.reciprocity,
        follows: file.follows,
        language: file.language,
        translation: file.translation,
        items: file.items,
        attachments: attachments(path, file.attach)?,
    };
    Ok((file.class, file.exercise, ask))
}

/// The file that a template makes: what is open says so, and the classes are there to choose from.
pub(crate) fn blank(made: &Value) -> Result<String, Failure> {
    let ask: Ask = serde_json::from_value(made["ask"].clone())
        .map_err(|error| Failure::No(error.to_string()))?;
    let said = |name: &str, text: &str| format!("{name} = {}\n", toml::Value::from(text));
    let mut out = String::new();
    for class in made["classes"].as_array().into_iter().flatten() {
        let (id, is) = (text(class, "id"), text(class, "is"));
        out.push_str(&format!("# class = \"{id}\"  # {is}\n"));
    }
    for kind in made["missing"].as_array().into_iter().flatten() {
        let (kind, agreement) = (kind.as_str().unwrap_or_default(), text(made, "agreement"));
        out.push_str(&format!("# {agreement} has no request of the kind {kind}: left out.\n"));
    }
    out.push_str(&said("title", &ask.title));
    if ask.facts.contains(['\\', '"']) {
        out.push_str(&said("facts", &ask.facts));
    } else {
        out.push_str(&format!("facts = \"\"\"\n{}\"\"\"\n", ask.facts));
    }
    out.push_str(&said("legal_basis", OPEN));
    out.push_str(&said("purpose", &ask.purpose));
    out.push_str(&said("urgency_reason", OPEN));
    out.push_str(&said("marking", ask.marking.label()));
    out.push_str(&said("contact", OPEN));
    for item in &ask.items {
        out.push_str("\n[[items]]\n");
        out.push_str(&said("kind", &item.kind));
        out.push_str(&said("ask", &item.ask));
        if let Some(infrastructure) = item.infrastructure {
            out.push_str(&said("infrastructure", infrastructure.as_str()));
        }
        out.push_str("identifiers = []\n");
    }
    Ok(out)
}

pub(crate) fn answer(path: &Path) -> Result<Answer, Failure> {
    let file: AnswerFile = parse(path)?;
    Ok(Answer {
        text: file.text,
        use_limits: file.use_limits,
        limits: file.limits,
        grounds: Default::default(),
        items: file.items,
        attachments: attachments(path, file.attach)?,
    })
}

/// A concern: [`Concern`], with its attachments by path.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConcernFile {
    title: String,
    commitment: String,
    facts: String,
    marking: Tlp,
    #[serde(default)]
    exercise: bool,
    #[serde(default)]
    attach: Vec<AttachFile>,
}

/// A reply to a concern: [`Response`], likewise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseFile {
    text: String,
    #[serde(default)]
    attach: Vec<AttachFile>,
}

/// Information that nobody asked for: [`Notice`], likewise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeFile {
    title: String,
    facts: String,
    marking: Tlp,
    #[serde(default)]
    use_limits: String,
    #[serde(default)]
    exercise: bool,
    #[serde(default)]
    attach: Vec<AttachFile>,
}

pub(crate) fn concern(path: &Path) -> Result<(bool, Concern), Failure> {
    let file: ConcernFile = parse(path)?;
    let ConcernFile { title, commitment, facts, marking, exercise, attach } = file;
    let attachments = attachments(path, attach)?;
    Ok((exercise, Concern { title, commitment, facts, marking, attachments }))
}

pub(crate) fn response(path: &Path) -> Result<Response, Failure> {
    let file: ResponseFile = parse(path)?;
    Ok(Response { text: file.text, attachments: attachments(path, file.attach)? })
}

pub(crate) fn notice(path: &Path) -> Result<(bool, Notice), Failure> {
    let NoticeFile { title, facts, marking, use_limits, exercise, attach } = parse(path)?;
    let attachments = attachments(path, attach)?;
    Ok((exercise, Notice { title, facts, marking, use_limits, attachments }))
}

fn attachments(beside: &Path, files: Vec<AttachFile>) -> Result<Vec<Attachment>, Failure> {
    let folder = beside.parent().unwrap_or(Path::new("."));
    let attach = |attach: AttachFile| {
        let path = folder.join(&attach.file);
        let bytes = std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Attachment {
            name: name.unwrap_or_default(),
            media_type: attach.media_type,
            bytes,
            claims: attach.claims,
        })
    };
    files.into_iter().map(attach).collect()
}

pub(crate) fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = read(path)?;
    let json = path.extension().is_some_and(|extension| extension == "json");
    let parsed = if json {
        serde_json::from_str(&text).map_err(|error| {
            (Some((error.line(), error.column())), expectation(&error.to_string()))
        })
    } else {
        toml::from_str(&text).map_err(|error| {
            let place = error.span().map(|span| line_and_column(&text, span.start));
            (place, expectation(error.message()))
        })
    };
    parsed.map_err(|(place, problem)| {
        let place = place.map(|(line, column)| format!(" line {line}, column {column}:"));
        let kind = if json { "JSON" } else { "TOML" };
        let path = path.display();
        Failure::Wrong(format!("{path}:{} {problem} ({kind})", place.unwrap_or_default()))
    })
}

/// From 1, in characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

const A_DAY: &str = "want a day, in quotation marks: \"2026-02-01\"";

/// The part of a parser's message that speaks of the form, and not of what stood there.
fn expectation(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    for known in ["missing field", "unknown field", "duplicate field"] {
        let rest = message.strip_prefix(known).unwrap_or_default();
        let name = rest.split('`').nth(1).unwrap_or_default();
        if !name.is_empty() && name.len() <= 32 && is_name(name) {
            let expected = rest.rsplit_once(", expected ").map(|(_, expected)| expected);
            let expected = expected.map(|expected| format!("; a field here is {expected}"));
            return format!("{known} {name}{}", expected.unwrap_or_default());
        }
    }
    let of_day =
        ["date string", "digit integer", "digit year", "parameter 'day'", "parameter 'month'"];
    if of_day.iter().any(|of| message.contains(of)) {
        return A_DAY.to_owned();
    }
    match message.rsplit_once("expected ") {
        Some((_, expected)) => format!("want {expected}"),
        None if message.contains(['"', '`', '\'']) => "this is not in its form".to_owned(),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a parser says of a day leads to a day, and never tells what stood there.
    #[test]
    fn a_bad_day_says_how_a_day_is_written() {
        for from in [
            "2026-01-01",
            "\"2026-13-01\"",
            "\"2026-02-30\"",
            "\"2026-01-01T25\"",
            "\"tomorrow\"",
            "\"\"",
            "5",
        ] {
            let parsed = toml::from_str::<std::collections::BTreeMap<String, jiff::civil::Date>>;
            let error = parsed(&format!("from = {from}")).unwrap_err();
            assert_eq!(expectation(error.message()), A_DAY, "{from}: {error}");
        }
        assert_eq!(expectation("invalid type: integer `5`, expected a string"), "want a string");
        assert_eq!(expectation("a `secret`"), "this is not in its form");
    }
}
