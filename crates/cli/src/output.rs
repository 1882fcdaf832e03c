//! What every command shares: where the node is, and how results are printed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use comity_node::clock::System;
use comity_node::control::{self, Question, Reply};
use comity_node::network::Tcp;
use comity_node::{Home, Node};
use comity_rules::text::is_obeyed;
use serde_json::Value;

use crate::failure::Failure;

pub(crate) struct Context {
    pub(crate) data: PathBuf,
    pub(crate) json: bool,
}

impl Context {
    /// Asks the node that serves the folder; where none does, opens the folder for this question.
    pub(crate) async fn ask(&self, question: Question) -> Result<Value, Failure> {
        match control::ask(&self.data, &question).await? {
            Some(Reply::Is(value)) => Ok(value),
            Some(Reply::Not(problem, true)) => Err(Failure::Unreachable(problem)),
            Some(Reply::Not(problem, false)) => Err(Failure::Wrong(problem)),
            None => {
                let node = self.open().await?;
                Ok(control::answer(&node, question).await?)
            }
        }
    }

    async fn open(&self) -> Result<Arc<Node>, Failure> {
        let home = Home::open(&self.data)?;
        let db = Node::store(&home, None).await?;
        Ok(Node::open(home, db, Arc::new(System), Arc::new(Tcp)).await?)
    }

    /// All that a list has under this name, page by page; as JSON each is printed as it comes, and none is left.
    pub(crate) async fn pages(
        &self,
        name: &str,
        question: impl Fn(Option<u64>) -> Question,
    ) -> Result<Vec<Value>, Failure> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.ask(question(after)).await?;
            for line in page[name].as_array().into_iter().flatten() {
                if self.json {
                    say!("{line}");
                } else {
                    all.push(line.clone());
                }
            }
            after = page["next"].as_u64();
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Prints the value as JSON, or `text`.
    pub(crate) fn print(&self, value: &Value, text: impl FnOnce(&Value) -> String) -> ExitCode {
        if self.json {
            say!("{value}");
        } else {
            say!("{}", text(value).trim_end());
        }
        ExitCode::SUCCESS
    }
}

/// Prints a line. A reader that has seen enough (`| head`) is no error: there is nothing left to do.
pub(crate) fn line(text: std::fmt::Arguments<'_>) {
    use std::io::{IsTerminal as _, Write as _};
    let mut out = std::io::stdout().lock();
    let written = match out.is_terminal() {
        true => writeln!(out, "{}", harmless(&text.to_string())),
        false => writeln!(out, "{text}"),
    };
    if written.is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        std::process::exit(0);
    }
}

/// A text without what a terminal obeys, but for line ends and tabs.
pub(crate) fn harmless(text: &str) -> String {
    text.replace(|c: char| is_obeyed(c) && !matches!(c, '\n' | '\t'), "\u{fffd}")
}

/// A line of a story: standard output is for the result where that is JSON.
pub(crate) fn told(json: bool, text: std::fmt::Arguments<'_>) {
    if json {
        eprintln!("{text}");
    } else {
        line(text);
    }
}

/// Seconds as hours and minutes.
pub(crate) fn hours(seconds: i64) -> String {
    if seconds < 60 {
        return format!("{seconds} s");
    }
    format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60)
}

/// A table of rows.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(head.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// A value in a line: of a list its parts, one after the other.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// What a value says, name by name; what is empty is left out.
pub(crate) fn spell(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    // What goes on in a text stands behind a bar: else it could look like another name.
    let whole = |text: &str| text.trim_end().replace('\n', &format!("\n{indent}| "));
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => out.push_str(&format!("\n{indent}{name}: {}", whole(text))),
            Value::Array(list) if list.is_empty() => {}
            Value::Array(list) if list.iter().all(Value::is_string) => {
                let list: Vec<_> = list.iter().filter_map(Value::as_str).map(whole).collect();
                out.push_str(&format!("\n{indent}{name}: {}", list.join(", ")));
            }
            Value::Array(list) => {
                for (number, entry) in (1..).zip(list) {
                    out.push_str(&format!("\n{indent}{name} {number}"));
                    match entry {
                        Value::Object(_) => spell(entry, depth + 1, out),
                        other => out.push_str(&format!(": {}", whole(&plain(other)))),
                    }
                }
            }
            Value::Object(object) if object.is_empty() => {}
            Value::Object(_) => {
                out.push_str(&format!("\n{indent}{name}"));
                spell(value, depth + 1, out);
            }
            other => out.push_str(&format!("\n{indent}{name}: {other}")),
        }
    }
}

/// A text at `key`, or nothing.
pub(crate) fn text(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Bytes of a text that is read whole.
const MAX_TEXT: u64 = 64 * 1024 * 1024;

pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| Failure::file(path, &error))?;
    let read = file.take(MAX_TEXT + 1).read_to_end(&mut bytes);
    let length = read.map_err(|error| Failure::file(path, &error))?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX_TEXT) {
        // Some editors begin a file with a mark of its encoding.
        let marked = bytes.starts_with(b"\xef\xbb\xbf");
        let bytes = if marked { bytes.split_off(3) } else { bytes };
        return String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
            Failure::Wrong(format!(
                "{}: line {line} is not in UTF-8: save the file so",
                path.display()
            ))
        });
    }
    let most = MAX_TEXT / (1024 * 1024);
    Err(Failure::Wrong(format!(
        "{}: larger than {most} MiB: nothing so large is read",
        path.display()
    )))
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::file(path, &error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the other side wrote neither moves the cursor nor looks like something else that it said.
    #[test]
    fn a_text_of_the_other_side_is_a_text() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{9b}c\u{202e}d\r\te\n"), "a�[2Jb�c�d�\te\n");
        let mut out = String::new();
        spell(&json!({ "text": "the dam\nsouthland, entry 9\ntext: We pay.\n" }), 1, &mut out);
        assert_eq!(out, "\n  text: the dam\n  | southland, entry 9\n  | text: We pay.");
    }
}
