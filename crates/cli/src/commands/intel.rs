//! `comity intel`

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use comity_node::control::{self, Question};
use comity_node::intel::foreign;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{Context, table, text};

#[derive(Subcommand)]
pub(crate) enum Intel {
    /// Bring objects in: STIX 2.1 and 2.0, events of MISP, CSV and lists of values, defanged or not. What is wrong with one is said, and the others come in.
    Import {
        /// Files; - for standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The label of TLP for what has none of its own.
        #[arg(long, default_value = "TLP:AMBER+STRICT")]
        marking: String,
        /// Put them into this collection too.
        #[arg(long)]
        collection: Option<String>,
        /// Let come back what was deleted here.
        #[arg(long)]
        again: bool,
    },
    /// Find objects: words, type:indicator, tlp:amber, value:"...", label:, by:, id:, with AND, OR, NOT and ( ).
    Search {
        /// What to look for.
        query: Vec<String>,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        limit: u64,
        /// Go on below this number, which the page before named.
        #[arg(long)]
        before: Option<u64>,
    },
    /// Show an object: its versions, where it comes from, what it is related to, what it shares with others.
    Show {
        /// Its identifier.
        id: String,
    },
    /// Delete objects, every version, and what would hint at them. They do not come back unasked.
    Delete {
        /// Their identifiers.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Put objects into a collection: its readers see them as added now, as far as their markings go.
    Share {
        /// The collection.
        collection: String,
        /// Their identifiers.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Write what a reader may see to a file.
    Export {
        /// What to look for; everything, where it is left out.
        query: Vec<String>,
        /// Up to which label of TLP the reader may see.
        #[arg(long = "for")]
        tlp: String,
        /// Which label of PAP the reader's use keeps.
        #[arg(long, default_value = "PAP:RED")]
        pap: String,
        /// What this collection has.
        #[arg(long)]
        collection: Option<String>,
        /// stix, csv, misp or misp-feed (a folder).
        #[arg(long, default_value = "stix")]
        format: String,
        /// Where to.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Make STIX of MISP, CSV or a list, or MISP of STIX, without a node.
    Convert {
        /// stix or misp.
        #[arg(long)]
        to: String,
        /// A file; - for standard input.
        file: PathBuf,
    },
    /// Collections, which tools read over TAXII.
    #[command(subcommand)]
    Collection(Collection),
    /// Keys, with which tools read and add over TAXII.
    #[command(subcommand)]
    Key(Key),
}

#[derive(Subcommand)]
pub(crate) enum Collection {
    /// Make a collection.
    Add {
        /// Its name: a-z, 0-9 and -.
        name: String,
        /// Its title.
        #[arg(long)]
        title: Option<String>,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
        /// The label of TLP for what tools add without one.
        #[arg(long, default_value = "TLP:AMBER+STRICT")]
        marking: String,
    },
    /// List collections.
    List,
}

#[derive(Subcommand)]
pub(crate) enum Key {
    /// Give a key to a tool; it is shown once.
    Add {
        /// The tool.
        name: String,
        /// Up to which label of TLP it may see.
        #[arg(long)]
        tlp: String,
        /// Which label of PAP its use keeps: a tool that blocks keeps PAP:GREEN, one that only looks PAP:RED.
        #[arg(long)]
        pap: String,
        /// A collection that it reads; once for each.
        #[arg(long)]
        read: Vec<String>,
        /// A collection that it adds to; once for each.
        #[arg(long)]
        write: Vec<String>,
        /// The address of their collection to which `taxii push` goes from here: what they push back of that is then no other
        /// source of it, and goes when it is deleted.
        #[arg(long, default_value_t)]
        remote: String,
        /// For how many days.
        #[arg(long, default_value_t = 365)]
        days: u16,
    },
    /// List keys, with what they may.
    List,
    /// Take a tool's keys back.
    Remove {
        /// The tool.
        name: String,
    },
}

impl Intel {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Import { files, marking, collection, again } => {
                import(context, &files, marking, collection, again).await
            }
            Self::Search { query, limit, before } => {
                let query = query.join(" ");
                let value = ask(context, control::Intel::Search { query, before, limit }).await?;
                Ok(context.print(&value, |value| {
                    let objects = value["objects"].as_array().map_or(&[][..], Vec::as_slice);
                    if objects.is_empty() {
                        return "Nothing here has that.".to_owned();
                    }
                    let rows = objects.iter().map(row);
                    let list = table(&["type", "name", "marking", "id"], rows);
                    match value["next"].as_u64() {
                        Some(next) => format!("{list}\nThere may be more: --before {next}"),
                        None => list,
                    }
                }))
            }
            Self::Show { id } => {
                let value = ask(context, control::Intel::Show { id }).await?;
                Ok(context.print(&value, show))
            }
            Self::Delete { ids } => {
                let value = ask(context, control::Intel::Delete { ids }).await?;
                Ok(context.print(&value, |value| {
                    format!("Deleted, with {} versions.", value["versions"])
                }))
            }
            Self::Share { collection, ids } => {
                let value = ask(context, control::Intel::Share { ids, collection }).await?;
                Ok(context.print(&value, |value| {
                    format!("{} versions are new in {}.", value["added"], text(value, "collection"))
                }))
            }
            Self::Export { query, tlp, pap, collection, format, output } => {
                let query = (!query.is_empty()).then(|| query.join(" "));
                let file = std::path::absolute(&output)
                    .map_err(|error| Failure::Wrong(format!("{}: {error}", output.display())))?;
                let question = control::Intel::Export { query, collection, tlp, pap, format, file };
                let value = ask(context, question).await?;
                Ok(context.print(&value, |value| {
                    format!("{}: {} objects", text(value, "file"), value["objects"])
                }))
            }
            Self::Convert { to, file } => convert(&to, &file),
            Self::Collection(collection) => collection.run(context).await,
            Self::Key(key) => key.run(context).await,
        }
    }
}

impl Collection {
    async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Add { name, title, description, marking } => {
                let title = title.unwrap_or_else(|| name.clone());
                let question =
                    control::Intel::AddCollection { alias: name, title, description, marking };
                let value = ask(context, question).await?;
                Ok(context.print(&value, |value| {
                    format!(
                        "Collection {}, for tools /taxii2/intelligence/collections/{}/",
                        text(value, "alias"),
                        text(value, "id")
                    )
                }))
            }
            Self::List => {
                let value = ask(context, control::Intel::Collections).await?;
                Ok(context.print(&value, |all| {
                    let rows = all.as_array().into_iter().flatten().map(|one| {
                        ["alias", "title", "marking", "id"].map(|name| text(one, name)).to_vec()
                    });
                    table(&["name", "title", "unmarked is", "id"], rows)
                }))
            }
        }
    }
}

impl Key {
    async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Add { name, tlp, pap, read, write, remote, days } => {
                if !remote.is_empty() {
                    comity_node::taxii::client::collection(&remote)?;
                }
                let question = control::Intel::AddKey { name, tlp, pap, read, write, remote, days };
                let value = ask(context, question).await?;
                Ok(context.print(&value, |value| {
                    format!(
                        "{} sees up to {} and {} with the key {}\nIt is shown only now. As Bearer, or as the password of Basic.",
                        text(value, "name"),
                        text(value, "tlp"),
                        text(value, "pap"),
                        text(value, "key")
                    )
                }))
            }
            Self::List => {
                let value = ask(context, control::Intel::Keys).await?;
                Ok(context.print(&value, |all| {
                    let rows = all.as_array().into_iter().flatten().map(|one| {
                        let columns = ["name", "tlp", "pap", "expires", "remote"];
                        columns.map(|name| text(one, name)).to_vec()
                    });
                    table(&["tool", "TLP", "PAP", "until", "is pushed to"], rows)
                }))
            }
            Self::Remove { name } => {
                let value = ask(context, control::Intel::RemoveKey { name }).await?;
                Ok(context.print(&value, |value| {
                    format!("The keys of {} are taken back.", text(value, "name"))
                }))
            }
        }
    }
}

pub(super) async fn ask(context: &Context, question: control::Intel) -> Result<Value, Failure> {
    context.ask(Question::Intel(question)).await
}

/// Prints what a file is in another format; what in it became nothing is said.
fn convert(to: &str, file: &Path) -> Result<ExitCode, Failure> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(|error| Failure::file(file, &error))?;
    let wrong = |why: String| Failure::Wrong(format!("{}: {why}", file.display()));
    let now = jiff::Timestamp::now();
    let understood = foreign::understood(&bytes, now).map_err(wrong)?;
    let objects = comity_stix::bundle::objects(&understood.bytes);
    let objects = objects.map_err(|error| wrong(error.to_string()))?;
    match to {
        "stix" => {
            let objects = objects.iter().map(|one| String::from_utf8_lossy(one));
            let objects = objects.collect::<Vec<_>>().join(",\n");
            let id = uuid::Uuid::new_v4();
            say!("{{\"type\":\"bundle\",\"id\":\"bundle--{id}\",\"objects\":[\n{objects}\n]}}");
        }
        "misp" => {
            let objects = objects.iter().map(|one| serde_json::from_slice(one));
            let objects = objects.collect::<Result<Vec<Value>, _>>();
            let objects = objects.map_err(|error| wrong(error.to_string()))?;
            let events = comity_stix::misp::events(&objects, "comity", now.as_second());
            let events: Value =
                events.into_iter().map(|event| json!({ "Event": event.value })).collect();
            say!("{}", json!({ "response": events }));
        }
        _ => return Err(Failure::Wrong(format!("no format {to:?}; there are stix and misp"))),
    }
    for one in &understood.refusals {
        eprintln!("comity: {}: {}", one.id.as_deref().unwrap_or("something"), one.why);
    }
    let code = if understood.refusals.is_empty() { 0 } else { 1 };
    Ok(ExitCode::from(code))
}

/// Brings files in, one after the other; 1 where something was refused.
async fn import(
    context: &Context,
    files: &[PathBuf],
    marking: String,
    collection: Option<String>,
    again: bool,
) -> Result<ExitCode, Failure> {
    let mut is_whole = true;
    for given in files {
        let (_spooled, path, source) = if given == Path::new("-") {
            let failed = |error: std::io::Error| Failure::Wrong(format!("standard input: {error}"));
            let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
            std::io::copy(&mut std::io::stdin().lock(), &mut file).map_err(failed)?;
            file.flush().map_err(failed)?;
            let path = file.path().to_owned();
            (Some(file), path, "standard input".to_owned())
        } else {
            let wrong =
                |error: std::io::Error| Failure::Wrong(format!("{}: {error}", given.display()));
            (None, std::path::absolute(given).map_err(wrong)?, given.display().to_string())
        };
        let (marking, collection) = (marking.clone(), collection.clone());
        let question = control::Intel::Import {
            file: path,
            source,
            marking,
            collection,
            again,
            pulled: false,
        };
        let mut value = ask(context, question).await?;
        value["file"] = given.display().to_string().into();
        is_whole &= value["refused"] == 0;
        context.print(&value, report);
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(value: &Value) -> String {
    let count = |name: &str| value[name].as_u64().unwrap_or_default();
    let mut lines = vec![format!(
        "{}: {} objects, {} new, {} here already, {} refused (batch {})",
        text(value, "file"),
        count("objects"),
        count("new"),
        count("known"),
        count("refused"),
        count("batch")
    )];
    let refusals = value["refusals"].as_array().map_or(&[][..], Vec::as_slice);
    for one in refusals.iter().take(20) {
        let id = one["id"].as_str().unwrap_or("without an id");
        lines.push(format!("  object {} ({id}): {}", one["index"], text(one, "why")));
    }
    let left = count("refused").saturating_sub(20);
    if left > 0 {
        lines.push(format!("  and {left} more; see --json"));
    }
    let harmless = value["harmless"].as_array().map_or(&[][..], Vec::as_slice);
    for one in harmless.iter().take(20) {
        let list = text(one, "list");
        lines.push(format!("  known to be harmless: {} ({list})", text(one, "value")));
    }
    if harmless.len() > 20 {
        lines.push(format!("  and {} more that are; see --json", harmless.len() - 20));
    }
    lines.join("\n")
}

fn row(one: &Value) -> Vec<String> {
    let pap = text(one, "pap");
    let marking =
        if pap.is_empty() { text(one, "tlp") } else { format!("{} {pap}", text(one, "tlp")) };
    let mut name: String = text(one, "name").chars().take(60).collect();
    if one["superseded"] == true {
        name.push_str(" (an earlier version)");
    }
    vec![text(one, "type"), name, marking, text(one, "id")]
}

fn show(value: &Value) -> String {
    let list = |name: &str| value[name].as_array().map_or(&[][..], Vec::as_slice).to_vec();
    let texts = |name: &str| {
        list(name)
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut lines = vec![
        format!("{}  {}", text(value, "type"), text(value, "name")),
        text(value, "id"),
        format!("marking      {} {}", text(value, "tlp"), text(value, "pap")),
        format!("versions     {}", texts("versions")),
        format!("collections  {}", texts("collections")),
    ];
    lines.extend(
        list("statements")
            .iter()
            .filter_map(Value::as_str)
            .map(|one| format!("             {one}")),
    );
    for batch in list("from") {
        lines.push(format!(
            "from         {} by {}, {} of {}",
            text(&batch, "at"),
            text(&batch, "who"),
            text(&batch, "through"),
            text(&batch, "source")
        ));
    }
    for one in list("refers_to") {
        let name = one["name"].as_str().unwrap_or("not here");
        lines.push(format!("{:<12} {} ({name})", text(&one, "property"), text(&one, "id")));
    }
    for one in list("referred_to_by") {
        let other = match &one["other_end"] {
            Value::Null => String::new(),
            other => format!(", with {} {}", text(other, "type"), text(other, "name")),
        };
        lines.push(format!(
            "referred by  {} {} ({}){other}",
            text(&one, "type"),
            text(&one, "name"),
            text(&one, "id")
        ));
    }
    for one in list("shares") {
        let objects = one["objects"].as_array().map_or(&[][..], Vec::as_slice);
        let names: Vec<String> = objects.iter().map(|one| text(one, "id")).collect();
        let more = if one["more"] == true { ", and more than are told" } else { "" };
        lines.push(format!("shares       {} with {}{more}", text(&one, "value"), names.join(", ")));
    }
    let object = serde_json::to_string_pretty(&value["object"]).unwrap_or_default();
    lines.push(object);
    lines.join("\n")
}
