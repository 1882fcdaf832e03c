//! Intelligence out into a file: what one reader may see of it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use comity_rules::access::{Person, Right};
use comity_rules::release::Reader;
use comity_stix::json as parsed;
use comity_stix::marking::{Audience, Clearance, Pap, Tlp};
use comity_stix::{misp, terms};
use comity_store::intel::collection::Collection;
use comity_store::intel::feed::{self, Filter, Versions};
use comity_store::intel::{self, Marked, Object, search};

use serde_json::{Map, Value, json};

use super::document::Document;
use super::query::{self, Parsed};
use crate::node::{Error, Node};

/// Objects that are read at a time.
const PAGE: u64 = 200;

/// Objects of which events are made: they are in memory meanwhile.
const MOST: usize = 200_000;

/// What is exported, for whom, and how.
#[derive(Debug, Clone)]
pub struct Export {
    /// What a query finds; everything, where there is none.
    pub query: Option<String>,
    /// What this collection has.
    pub collection: Option<Collection>,
    /// What the reader may see.
    pub clearance: Clearance,
    /// In which form.
    pub format: Format,
}

/// A form of intelligence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A bundle of STIX.
    Stix,
    /// A line for each value that an object has: `type,value,id,name,marking`.
    Csv,
    /// Events of MISP, as its API answers.
    Misp,
    /// A feed of MISP: a folder with a manifest and an event in each file.
    MispFeed,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "stix" => Ok(Self::Stix),
            "csv" => Ok(Self::Csv),
            "misp" => Ok(Self::Misp),
            "misp-feed" => Ok(Self::MispFeed),
            _ => {
                let all = "stix, csv, misp and misp-feed";
                Err(Error::Refused(format!("no format {text:?}; there are {all}")))
            }
        }
    }
}

impl Node {
    /// Writes what a reader may see to a file; how many objects.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`].
    pub async fn export_intelligence(
        &self,
        person: &Person,
        export: &Export,
        file: &Path,
    ) -> Result<u64, Error> {
        person.may(Right::Export)?;
        let failed = |error: std::io::Error| Error::Refused(format!("{}: {error}", file.display()));
        let count = if export.format == Format::MispFeed {
            let (events, count) = self.events(export).await?;
            let manifest: Map<String, Value> =
                events.iter().map(|event| (event.uuid.clone(), event.manifest())).collect();
            std::fs::create_dir_all(file).map_err(failed)?;
            for event in events {
                let name = file.join(format!("{}.json", event.uuid));
                let text = json!({ "Event": event.value }).to_string();
                Part::write(&name, &text).map_err(failed)?;
            }
            // Last: what it names is there.
            let text = Value::from(manifest).to_string();
            Part::write(&file.join("manifest.json"), &text).map_err(failed)?;
            count
        } else {
            let mut part = Part::begin(file).map_err(failed)?;
            let count = self.write_out(export, &mut part.out).await?;
            part.keep().map_err(failed)?;
            count
        };
        let about = format!("{count} objects of intelligence for {}", export.clearance.tlp.label());
        self.journal_of(&person.name, "export", &about).await?;
        Ok(count)
    }

    /// What a reader may see as events of MISP, and how many objects they are made of.
    async fn events(&self, export: &Export) -> Result<(Vec<misp::Event>, u64), Error> {
        let reader = Reader::Tool(export.clearance);
        let mut pages = Pages::of(export)?;
        let (mut objects, mut along) = (Vec::new(), Along::default());
        while let Some(page) = along.next(self, &mut pages, export).await? {
            for object in page {
                let Some(released) = self.let_out(&reader, &object).await? else { continue };
                let body = released.into_inner();
                along.note(&body);
                objects.extend(serde_json::from_slice::<Value>(&body));
            }
            if objects.len() > MOST {
                let why =
                    format!("more than {MOST} objects: say which, by a query or a collection");
                return Err(Error::Refused(why));
            }
        }
        let count = objects.len() as u64;
        let org = self.card().name.clone();
        Ok((misp::events(&objects, &org, self.now().as_second()), count))
    }

    async fn write_out(
        &self,
        export: &Export,
        out: &mut (dyn std::io::Write + Send),
    ) -> Result<u64, Error> {
        let failed = |error: std::io::Error| Error::Refused(error.to_string());
        if export.format == Format::Misp {
            let (events, count) = self.events(export).await?;
            let events: Value =
                events.into_iter().map(|event| json!({ "Event": event.value })).collect();
            let text = json!({ "response": events }).to_string();
            out.write_all(text.as_bytes()).map_err(failed)?;
            return Ok(count);
        }
        let reader = Reader::Tool(export.clearance);
        let mut count = 0;
        let id = super::uuid(comity_ledger::random()?);
        let head = match export.format {
            Format::Stix => format!("{{\"type\":\"bundle\",\"id\":\"bundle--{id}\""),
            _ => "type,value,id,name,marking\n".to_owned(),
        };
        out.write_all(head.as_bytes()).map_err(failed)?;
        let mut pages = Pages::of(export)?;
        let mut along = Along::default();
        while let Some(objects) = along.next(self, &mut pages, export).await? {
            for object in objects {
                let Some(released) = self.let_out(&reader, &object).await? else { continue };
                let body = released.into_inner();
                along.note(&body);
                match export.format {
                    Format::Stix => {
                        // A bundle without objects has no list of them.
                        let comma: &[u8] = if count > 0 { b",\n" } else { b",\"objects\":[\n" };
                        out.write_all(comma).and_then(|()| out.write_all(&body)).map_err(failed)?;
                    }
                    _ => {
                        // Whoever sees a part is not told of the rest by its label.
                        let is_whole = object.whole.has(export.clearance);
                        let seen = if is_whole { object.whole } else { object.audience };
                        write_lines(&body, seen, out).map_err(failed)?;
                    }
                }
                count += 1;
            }
        }
        if export.format == Format::Stix {
            let end: &[u8] = if count > 0 { b"\n]}\n" } else { b"}\n" };
            out.write_all(end).map_err(failed)?;
        }
        Ok(count)
    }
}

/// A file that is there whole, or not at all.
struct Part {
    out: std::io::BufWriter<std::fs::File>,
    part: PathBuf,
    file: PathBuf,
}

impl Part {
    fn begin(file: &Path) -> std::io::Result<Self> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let part = file.with_file_name(format!(".{name}.part"));
        let out = std::io::BufWriter::new(std::fs::File::create(&part)?);
        Ok(Self { out, part, file: file.to_owned() })
    }

    fn write(file: &Path, text: &str) -> std::io::Result<()> {
        let mut part = Self::begin(file)?;
        part.out.write_all(text.as_bytes())?;
        part.keep()
    }

    fn keep(mut self) -> std::io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        std::fs::rename(&self.part, &self.file)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Kept, it has another name. If this fails, what is left of it lies there.
        let _ = std::fs::remove_file(&self.part);
    }
}

/// Where an export goes on.
struct Pages {
    query: Option<search::Query>,
    /// The one object that is asked for.
    id: Option<String>,
    at: i64,
    ended: bool,
}

impl Pages {
    fn of(export: &Export) -> Result<Self, Error> {
        let mut pages = Self { query: None, id: None, at: 0, ended: false };
        if let Some(text) = &export.query {
            let parsed =
                query::parse(text).map_err(|problem| Error::Refused(problem.to_string()))?;
            match parsed {
                Parsed::Find(query) => pages.query = Some(query),
                Parsed::Id(id) => pages.id = Some(id),
            }
            if export.collection.is_some() {
                let why = "say a query or a collection, not both";
                return Err(Error::Refused(why.to_owned()));
            }
        }
        Ok(pages)
    }

    async fn next(&mut self, node: &Node, export: &Export) -> Result<Option<Vec<Marked>>, Error> {
        if self.ended {
            return Ok(None);
        }
        if let Some(id) = &self.id {
            self.ended = true;
            return Ok(Some(marked(intel::versions(&node.db, id).await?)));
        }
        if let Some(query) = &self.query {
            let before = (self.at > 0).then_some(self.at.unsigned_abs());
            let nums = search::find(&node.db, query, before, PAGE).await?;
            self.at = nums.last().map_or(0, |num| i64::try_from(*num).unwrap_or(i64::MAX));
            self.ended = nums.is_empty();
            return Ok(Some(marked(intel::objects(&node.db, &nums).await?)));
        }
        if let Some(collection) = &export.collection {
            let filter = Filter {
                ids: Vec::new(),
                kinds: Vec::new(),
                specs: Vec::new(),
                versions: Versions { last: true, ..Versions::default() },
                after: None,
                cursor: (self.at > 0).then_some(self.at),
            };
            let much = (PAGE, 64 << 20);
            let page =
                feed::bodies(&node.db, collection.num, export.clearance, &filter, much).await?;
            self.at = page.members.last().map_or(self.at, |member| member.0);
            self.ended = !page.more;
            return Ok(Some(page.members.into_iter().map(|member| member.1).collect()));
        }
        let objects = intel::after(&node.db, self.at.unsigned_abs(), PAGE).await?;
        self.at = objects.last().map_or(0, |one| i64::try_from(one.num).unwrap_or(i64::MAX));
        self.ended = objects.is_empty();
        Ok(Some(marked(objects)))
    }
}

/// Definitions of markings go along with what they mark: those that were not among it come at the end.
#[derive(Default)]
struct Along {
    named: BTreeSet<String>,
    there: BTreeSet<String>,
}

impl Along {
    async fn next(
        &mut self,
        node: &Node,
        pages: &mut Pages,
        export: &Export,
    ) -> Result<Option<Vec<Marked>>, Error> {
        if let Some(page) = pages.next(node, export).await? {
            return Ok(Some(page));
        }
        // They may be marked themselves.
        let new: Vec<String> = self.named.difference(&self.there).cloned().collect();
        if new.is_empty() {
            return Ok(None);
        }
        let mut page = Vec::new();
        for id in &new {
            page.extend(marked(intel::versions(&node.db, id).await?));
        }
        self.there.extend(new);
        Ok(Some(page))
    }

    /// Notes what was let out: what was not names nothing.
    fn note(&mut self, body: &[u8]) {
        let Some(document) = Document::parsed(body) else { return };
        self.named.extend(document.definitions());
        if document.meaning.is_some() {
            self.there.insert(document.id);
        }
    }
}

fn marked(objects: Vec<Object>) -> Vec<Marked> {
    objects.into_iter().map(|object| object.marked).collect()
}

fn write_lines(
    body: &[u8],
    seen: Audience,
    out: &mut (dyn std::io::Write + Send),
) -> std::io::Result<()> {
    let Ok(json) = parsed::parse(body) else { return Ok(()) };
    let Some(members) = json.as_object() else { return Ok(()) };
    let text = |name| members.text(name).unwrap_or_default();
    let marking = marking(seen);
    for (kind, value) in terms::terms(&json).said {
        let cells = [&kind, &value, text("id"), text("name"), &marking];
        let line = cells.map(quoted).join(",");
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The labels of what these may see: the freest reader that may.
fn marking(seen: Audience) -> String {
    let reader = Clearance::all().find(|reader| seen.has(*reader));
    let Some(Clearance { tlp, pap }) = reader else { return Tlp::Red.label().to_owned() };
    match pap {
        Pap::Clear => tlp.label().to_owned(),
        _ => format!("{} {}", tlp.label(), pap.label()),
    }
}

/// A field of CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
