//! `comity taxii`

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comity_node::control::Intel;
use comity_node::network::Tcp;
use comity_node::taxii::client::{Client, Credentials, Problem};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::intel::ask;
use crate::failure::Failure;
use crate::output::{Context, table, text};

/// Objects that are pushed at once.
const PUSHED: u64 = 500;

/// And so many bytes.
const PUSHED_BYTES: usize = 4 << 20;

/// Refusals of a pull that are told one by one: a server may send without an end.
const TOLD: usize = 1_000;

#[derive(Subcommand)]
pub(crate) enum Taxii {
    /// List the collections of a server.
    Collections {
        /// Where it is: https://HOST/taxii2/, or an API root.
        url: String,
        #[command(flatten)]
        who: Who,
    },
    /// Bring in what a collection has, from where the last pull ended. What is wrong with an object is said, and the
    /// others come in.
    Pull {
        /// The collection: https://HOST/.../collections/ID/
        url: String,
        #[command(flatten)]
        who: Who,
        /// The label of TLP for what has none of its own.
        #[arg(long, default_value = "TLP:AMBER+STRICT")]
        marking: String,
        /// Put what comes into this collection too.
        #[arg(long)]
        collection: Option<String>,
        /// Begin anew, whatever came before.
        #[arg(long)]
        anew: bool,
    },
    /// Add to a collection of another server what one here has, as far as its readers may see it, from where the last push
    /// ended; and delete there what was deleted here.
    Push {
        /// The collection there: https://HOST/.../collections/ID/
        url: String,
        #[command(flatten)]
        who: Who,
        /// The collection here.
        #[arg(long)]
        collection: String,
        /// Up to which label of TLP the other side's readers may see.
        #[arg(long = "for")]
        tlp: String,
        /// Which label of PAP their use keeps.
        #[arg(long, default_value = "PAP:RED")]
        pap: String,
        /// Begin anew, whatever was pushed before.
        #[arg(long)]
        anew: bool,
    },
}

#[derive(Args)]
pub(crate) struct Who {
    /// The name for Basic authentication.
    #[arg(long)]
    user: Option<String>,
    /// Its password, or without a name a key for Bearer; from the environment, so that no list of processes shows it.
    #[arg(long, env = "COMITY_TAXII_KEY", hide_env_values = true)]
    key: Option<String>,
}

impl Who {
    fn credentials(self) -> Result<Credentials, Failure> {
        match (self.user, self.key) {
            (Some(name), Some(key)) => Ok(Credentials::Basic(name, key)),
            (None, Some(key)) => Ok(Credentials::Bearer(key)),
            (None, None) => Ok(Credentials::None),
            (Some(_), None) => {
                Err(Failure::Wrong("a name needs a password: set COMITY_TAXII_KEY".to_owned()))
            }
        }
    }
}

impl Taxii {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Collections { url, who } => {
                let client = Client::new(&Tcp, &url, who.credentials()?)?;
                let (all, problems) = client.collections(&url).await?;
                for problem in problems {
                    eprintln!("Passed over: {problem}");
                }
                let value: Value = all
                    .iter()
                    .map(|one| {
                        json!({
                            "url": one.url, "title": one.title,
                            "can_read": one.can_read, "can_write": one.can_write,
                        })
                    })
                    .collect();
                Ok(context.print(&value, |_| {
                    let may =
                        |may: bool, what: &str| if may { what.to_owned() } else { String::new() };
                    let rows = all.iter().map(|one| {
                        let (read, add) = (may(one.can_read, "read"), may(one.can_write, "add"));
                        vec![one.title.clone(), read, add, one.url.clone()]
                    });
                    table(&["title", "", "", "address"], rows)
                }))
            }
            Self::Pull { url, who, marking, collection, anew } => {
                let client = Client::new(&Tcp, &url, who.credentials()?)?;
                pull(context, &client, &url, (marking, collection), anew).await
            }
            Self::Push { url, who, collection, tlp, pap, anew } => {
                let client = Client::new(&Tcp, &url, who.credentials()?)?;
                push(context, &client, &url, (collection, tlp, pap), anew).await
            }
        }
    }
}

async fn pull(
    context: &Context,
    client: &Client<'_>,
    url: &str,
    (marking, collection): (String, Option<String>),
    anew: bool,
) -> Result<ExitCode, Failure> {
    let remote = format!("pull {url}");
    let known = Intel::Cursor { remote: remote.clone(), set: None };
    let place = ask(context, known).await?["cursor"].as_str().map(str::to_owned);
    let mut pull = client.pull(url, place.filter(|_| !anew).as_deref())?;
    let bar = spinner();
    let mut total = json!({ "url": url, "objects": 0, "new": 0, "known": 0, "refused": 0 });
    let mut refusals = Vec::new();
    while let Some(page) = client.next(&mut pull).await? {
        if page.count > 0 {
            let failed = |error: std::io::Error| Failure::Wrong(format!("a page: {error}"));
            let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
            file.write_all(&page.bytes).and_then(|()| file.flush()).map_err(failed)?;
            let question = Intel::Import {
                file: file.path().to_owned(),
                source: url.to_owned(),
                marking: marking.clone(),
                collection: collection.clone(),
                again: false,
                pulled: true,
            };
            let report = ask(context, question).await?;
            for name in ["objects", "new", "known", "refused"] {
                let count = report[name].as_u64().unwrap_or_default();
                total[name] = (total[name].as_u64().unwrap_or_default() + count).into();
            }
            let told = report["refusals"].as_array().cloned().unwrap_or_default();
            let room = TOLD.saturating_sub(refusals.len());
            refusals.extend(told.into_iter().take(room));
        }
        // Only what is kept is behind us.
        let set = Some(pull.place());
        ask(context, Intel::Cursor { remote: remote.clone(), set }).await?;
        bar.set_position(total["objects"].as_u64().unwrap_or_default());
    }
    bar.finish_and_clear();
    let is_whole = total["refused"] == 0;
    total["refusals"] = refusals.into();
    context.print(&total, |total| {
        let mut lines = vec![format!(
            "{} objects, {} new, {} here already, {} refused",
            total["objects"], total["new"], total["known"], total["refused"]
        )];
        let refusals = total["refusals"].as_array().map_or(&[][..], Vec::as_slice);
        lines.extend(refusals.iter().take(20).map(|one| {
            format!("  {}: {}", one["id"].as_str().unwrap_or("without an id"), text(one, "why"))
        }));
        lines.join("\n")
    });
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn push(
    context: &Context,
    client: &Client<'_>,
    url: &str,
    of: (String, String, String),
    anew: bool,
) -> Result<ExitCode, Failure> {
    let there = url.trim_end_matches('/').to_owned();
    // For another reader it is another push.
    let (collection, tlp, pap) = &of;
    let remote = format!("push {collection} for {tlp} {pap} to {there}").to_ascii_lowercase();
    let known = Intel::Cursor { remote: remote.clone(), set: None };
    let place = ask(context, known).await?["cursor"].as_str().map(str::to_owned);
    let mut after: i64 = place.filter(|_| !anew).and_then(|place| place.parse().ok()).unwrap_or(0);
    let bar = spinner();
    let mut push = Push { context, client, url, there, of, done: Done::default() };
    // First: what came back since is pushed after it.
    push.delete().await?;
    let mut waiting = Vec::new();
    loop {
        let page = push.page(after).await?;
        waiting.extend(page.objects);
        after = page.last.unwrap_or(after);
        let size: usize = waiting.iter().map(String::len).sum();
        // What is sent at once is told by what leaves: a page ends by what is here.
        if page.more && size < PUSHED_BYTES && (waiting.len() as u64) < PUSHED {
            continue;
        }
        push.add(std::mem::take(&mut waiting)).await?;
        let set = Some(after.to_string());
        ask(context, Intel::Cursor { remote: remote.clone(), set }).await?;
        bar.set_position(push.done.taken);
        if !page.more {
            break;
        }
    }
    bar.finish_and_clear();
    let Done { taken, refused, told, deleted } = push.done;
    let refusals: Value = told.iter().map(|(id, why)| json!({ "id": id, "why": why })).collect();
    let value = json!({
        "url": url, "taken": taken, "refused": refused, "refusals": refusals, "deleted": deleted,
    });
    context.print(&value, |_| {
        let mut lines =
            vec![format!("{taken} objects taken, {refused} refused, {deleted} deleted there")];
        lines.extend(told.iter().take(20).map(|(id, why)| format!("  {id}: {why}")));
        lines.join("\n")
    });
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A push to a collection of another server.
struct Push<'a> {
    context: &'a Context,
    client: &'a Client<'a>,
    url: &'a str,
    /// The same address, as it is remembered.
    there: String,
    /// The collection here, and the labels of those for whom it is.
    of: (String, String, String),
    done: Done,
}

/// What became of it.
#[derive(Default)]
struct Done {
    taken: u64,
    refused: u64,
    /// What was refused, and why.
    told: Vec<(String, String)>,
    deleted: u64,
}

/// Objects to be pushed.
#[derive(Deserialize)]
struct Page {
    objects: Vec<String>,
    last: Option<i64>,
    more: bool,
}

impl Push<'_> {
    /// Deletes there what went from here. What came back since is pushed after that.
    async fn delete(&mut self) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Owed {
            id: String,
            times: u64,
        }
        let owed = ask(self.context, Intel::Owed { remote: self.there.clone() }).await?;
        let mut owed: Vec<Owed> = read(owed)?;
        loop {
            let (count, mut refused) = (owed.len(), Vec::new());
            for one in owed {
                match self.client.delete(self.url, &one.id).await {
                    Ok(was_there) => self.done.deleted += u64::from(was_there),
                    Err(problem @ Problem::Answer { .. }) => {
                        refused.push((one, problem));
                        continue;
                    }
                    Err(problem) => return Err(problem.into()),
                }
                let Owed { id, times } = one;
                ask(self.context, Intel::Paid { remote: self.there.clone(), id, times }).await?;
            }
            // What is marked with a definition may have gone after it was asked.
            let is_stuck = refused.len() == count
                || !refused.iter().any(|(one, _)| one.id.starts_with("marking-definition--"));
            if is_stuck {
                self.done.refused += refused.len() as u64;
                let told = |(one, problem): (Owed, Problem)| {
                    (one.id, format!("it is not deleted there: {problem}"))
                };
                self.done.told.extend(refused.into_iter().map(told));
                return Ok(());
            }
            owed = refused.into_iter().map(|(one, _)| one).collect();
        }
    }

    /// What comes after a time.
    async fn page(&self, after: i64) -> Result<Page, Failure> {
        let (collection, tlp, pap) = self.of.clone();
        let page = Intel::Page { collection, tlp, pap, after, limit: PUSHED };
        read(ask(self.context, page).await?)
    }

    async fn add(&mut self, objects: Vec<String>) -> Result<(), Failure> {
        if objects.is_empty() {
            return Ok(());
        }
        // Before they are there: what is deleted here must be known to be there.
        let ids = objects.iter().filter_map(|one| id_of(one)).collect();
        ask(self.context, Intel::Pushed { remote: self.there.clone(), ids }).await?;
        let added = self.client.add(self.url, &objects).await?;
        self.done.taken += added.taken;
        self.done.refused += added.refused_count;
        self.done.told.extend(added.refused);
        Ok(())
    }
}

fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| Failure::Wrong(format!("the node: {error}")))
}

fn id_of(object: &str) -> Option<String> {
    let value: Value = serde_json::from_str(object).ok()?;
    value["id"].as_str().map(str::to_owned)
}

/// How many objects there were until now: how many there are nobody says.
fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} objects, {per_sec}") {
        bar.set_style(style);
    }
    bar
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Address(_) | Problem::Elsewhere { .. } => Self::Wrong(problem.to_string()),
            _ => Self::Unreachable(problem.to_string()),
        }
    }
}
