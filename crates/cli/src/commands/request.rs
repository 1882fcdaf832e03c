//! `comity request`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comity_node::control::{Credentials, Mechanism, Question};
use comity_rules::Kind;
use comity_rules::command::Command;
use comity_rules::content::{Assessment, Remark, Ruling};
use serde_json::Value;

use super::request_file::{self, parse};
use crate::failure::Failure;
use crate::output::{Context, spell, table, text, write};

#[derive(Subcommand)]
pub(crate) enum Request {
    /// Send a request: a TOML or JSON file (see docs/requests.md).
    Send {
        /// The request.
        file: PathBuf,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        /// Send it though it lacks what the other side will ask back for.
        #[arg(long)]
        anyway: bool,
        #[command(flatten)]
        who: Who,
    },
    /// List the templates of requests; with the id of one, print the file that it makes, to be filled in and sent.
    Template {
        /// The template's id.
        id: Option<String>,
        /// The agreement whose kinds and classes it takes; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        /// en or zh.
        #[arg(long, default_value = "en")]
        language: String,
    },
    /// List requests.
    List {
        /// Those too that are closed or withdrawn.
        #[arg(long)]
        all: bool,
    },
    /// Show a request with its statements, clocks and proofs.
    Show {
        /// Its id, or the first digits.
        id: String,
    },
    /// Write the files that go with a request or another matter into a folder, byte for byte.
    Files {
        /// Its id, or the first digits.
        id: String,
        /// The folder; it is made.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Acknowledge: you have it in hand.
    Ack(Said),
    /// Ask back; or, as the asker, reply.
    Clarify(Said),
    /// Accept, accept with conditions, postpone or refuse the whole: a TOML or JSON file.
    Decide(Filed),
    /// Answer items: a TOML or JSON file.
    Answer(Filed),
    /// Assess the answer: a TOML or JSON file.
    Assess(Filed),
    /// Close.
    Close(Said),
    /// Withdraw.
    Withdraw(Said),
    /// Take it up the ladder.
    Escalate(Said),
    /// Which of your authorities a request goes to, and what each says. The other side does not see it.
    Route {
        /// The request's id, or the first digits.
        id: String,
        /// The authority; without one, what is known is shown.
        authority: Option<String>,
        /// lead: it answers. consult: it is heard first.
        #[arg(long, default_value = "lead")]
        part: String,
        /// asked, competent, not-competent, agrees, objects.
        #[arg(long, default_value = "asked")]
        stand: String,
        /// In words.
        #[arg(long, default_value = "")]
        text: String,
        #[command(flatten)]
        who: Who,
    },
    /// List the drafts that wait for a second person.
    Drafts,
    /// Release a draft that another person wrote: it is stated then.
    Release {
        /// The draft.
        draft: String,
        #[command(flatten)]
        who: Who,
    },
    /// Return a draft to whoever wrote it.
    Return {
        /// The draft.
        draft: String,
        /// Why.
        #[arg(long)]
        text: String,
        #[command(flatten)]
        who: Who,
    },
}

/// Whose act it is.
#[derive(Args)]
pub(crate) struct Who {
    /// The account whose act this is; without it the operator's, who has the folder.
    #[arg(long = "as", requires = "password")]
    name: Option<String>,
    /// Its password; best from the environment, so that no list of processes shows it.
    #[arg(long, env = "COMITY_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

impl Who {
    pub(crate) fn credentials(self) -> Option<Credentials> {
        let (name, password) = self.name.zip(self.password)?;
        Some(Credentials { name, password })
    }
}

#[derive(Args)]
pub(crate) struct Said {
    /// The request's id, or the first digits.
    id: String,
    /// What you say.
    #[arg(long, default_value = "")]
    text: String,
    #[command(flatten)]
    who: Who,
}

#[derive(Args)]
pub(crate) struct Filed {
    /// The request's id, or the first digits.
    id: String,
    /// What you say.
    file: PathBuf,
    #[command(flatten)]
    who: Who,
}

impl Request {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let remark = |said: Said, command: fn(Remark) -> Command| {
            (said.id, command(Remark { text: said.text }), said.who)
        };
        let (id, command, who) = match self {
            Self::Send { file, agreement, anyway, who } => {
                let (class, exercise, ask) = request_file::request(&file)?;
                let command = Command::Send { class, exercise, ask };
                return state(context, (agreement, None), command, who, anyway).await;
            }
            Self::Template { id, agreement, language } => {
                return template(context, id, agreement, language).await;
            }
            Self::List { all } => return list(context, !all).await,
            Self::Show { id } => return show(context, id).await,
            Self::Files { id, output } => return files(context, id, &output).await,
            Self::Drafts => return drafts(context).await,
            Self::Route { id, authority, part, stand, text, who } => {
                let question = match authority {
                    None => Mechanism::Routes { id },
                    Some(authority) => {
                        let who = who.credentials();
                        Mechanism::Route { id, authority, part, stand, note: text, who }
                    }
                };
                let value = context.ask(Question::Mechanism(question)).await?;
                return Ok(context.print(&value, |value| {
                    let mut out = String::new();
                    spell(value, 0, &mut out);
                    out.trim_start().to_owned()
                }));
            }
            Self::Release { draft, who } => return decide(context, draft, who, None).await,
            Self::Return { draft, text, who } => {
                return decide(context, draft, who, Some(text)).await;
            }
            Self::Ack(said) => remark(said, Command::Acknowledge),
            Self::Clarify(said) => remark(said, Command::Clarify),
            Self::Close(said) => remark(said, Command::Close),
            Self::Withdraw(said) => remark(said, Command::Withdraw),
            Self::Escalate(said) => remark(said, Command::Escalate),
            Self::Decide(filed) => {
                (filed.id, Command::Decide(parse::<Ruling>(&filed.file)?), filed.who)
            }
            Self::Answer(filed) => {
                (filed.id, Command::Answer(request_file::answer(&filed.file)?), filed.who)
            }
            Self::Assess(filed) => {
                (filed.id, Command::Assess(parse::<Assessment>(&filed.file)?), filed.who)
            }
        };
        state(context, (None, Some(id)), command, who, true).await
    }
}

/// States an act, or keeps it as a draft where the terms want a second person.
pub(crate) async fn state(
    context: &Context,
    (terms, request): (Option<String>, Option<String>),
    command: Command,
    who: Who,
    anyway: bool,
) -> Result<ExitCode, Failure> {
    let sends = request.is_none();
    let (command, who) = (Box::new(command), who.credentials());
    let value = context.ask(Question::State { terms, request, command, who, anyway }).await?;
    Ok(context.print(&value, |value| {
        if !value["draft"].is_null() {
            let draft = text(value, "draft");
            format!(
                "The terms want a second person to release this: it waits as draft {draft}.\n\
                 Another one than you: comity request release {draft} --as NAME"
            )
        } else if sends {
            format!("Sent as {}.", text(value, "request"))
        } else {
            format!("Stated as entry {} of your ledger.", text(value, "index"))
        }
    }))
}

async fn template(
    context: &Context,
    id: Option<String>,
    agreement: Option<String>,
    language: String,
) -> Result<ExitCode, Failure> {
    let Some(id) = id else {
        let value = context.ask(Question::Mechanism(Mechanism::Templates)).await?;
        return Ok(context.print(&value, |all| {
            let rows = all.as_array().into_iter().flatten();
            let rows =
                rows.map(|one| vec![text(one, "id"), text(one, "name"), text(one, "name_zh")]);
            table(&["id", "", ""], rows)
        }));
    };
    let question = Mechanism::Template { id, agreement, language };
    let value = context.ask(Question::Mechanism(question)).await?;
    let file = request_file::blank(&value)?;
    Ok(context.print(&value, |_| file.trim_end().to_owned()))
}

async fn decide(
    context: &Context,
    draft: String,
    who: Who,
    returned: Option<String>,
) -> Result<ExitCode, Failure> {
    let who = who.credentials();
    let value = context.ask(Question::Decide { draft, who, returned }).await?;
    Ok(context.print(&value, |value| {
        if value["returned"].is_null() {
            let (request, index) = (text(value, "request"), text(value, "index"));
            format!("Released: entry {index} of your ledger, of request {request}.")
        } else {
            format!("Returned: {}", text(value, "returned"))
        }
    }))
}

async fn drafts(context: &Context) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Drafts).await?;
    Ok(context.print(&value, |all| {
        let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
        if all.is_empty() {
            return "Nothing waits for a second person.".to_owned();
        }
        let mut out = String::new();
        for draft in all {
            let (id, author) = (text(draft, "id"), text(draft, "author"));
            let (made, request) = (text(draft, "made"), text(draft, "request"));
            out.push_str(&format!("{id}  by {author}, {made}, request {request}"));
            spell(&draft["command"], 1, &mut out);
            out.push('\n');
        }
        out
    }))
}

async fn list(context: &Context, open: bool) -> Result<ExitCode, Failure> {
    let question = |after| Question::Requests { open, after };
    let all = context.pages("requests", question).await?;
    if context.json {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(context.print(&Value::from(all), |lines| {
        let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default();
        if lines.is_empty() {
            return "No open requests. `comity request list --all` has those that are over; \
                    `comity request send FILE` sends one."
                .to_owned();
        }
        let rows = lines.iter().map(|line| {
            let is_answered =
                ["answered", "partly-refused", "refused"].contains(&&*text(line, "status"));
            let overdue = match (&line["overdue"], &line["stands_still"]) {
                _ if line["terms_ended"] == true => "its terms have ended",
                (Value::Bool(true), _) => "overdue",
                (_, Value::Bool(true)) if !is_answered => "clock stands still",
                _ => "",
            };
            // The asker has the last word: what is closed or withdrawn is that.
            let (status, due) = match text(line, "desired") {
                over if over == "closed" || over == "withdrawn" => (over, String::new()),
                _ => (text(line, "status"), text(line, "next_due")),
            };
            vec![
                text(line, "id").chars().take(8).collect(),
                format!("{} to {}", text(line, "asker"), text(line, "receiver")),
                text(line, "class"),
                status,
                due,
                overdue.to_owned(),
                if line["exercise"] == true { "EXERCISE" } else { "" }.to_owned(),
                text(line, "title"),
            ]
        });
        table(&["id", "between", "class", "status", "due (UTC)", "", "", "title"], rows)
    }))
}

/// Each under a name of its own: who stated it, in which entry, and as which file.
async fn files(context: &Context, id: String, folder: &Path) -> Result<ExitCode, Failure> {
    let mut value = context.ask(Question::Files { id }).await?;
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::Wrong(format!("{}: {error}", folder.display())))?;
    for file in value.as_array_mut().into_iter().flatten() {
        // A name that the other side chose leads nowhere else.
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let named: String = text(file, "name").chars().map(plain).take(100).collect();
        let place = ["by", "entry", "number"].map(|key| text(file, key)).join("-");
        let path = folder.join(format!("{place}-{named}"));
        let bytes = comity_ledger::hex::decode(&text(file, "hex")).unwrap_or_default();
        write(&path, &bytes)?;
        file["file"] = path.display().to_string().into();
        file["bytes"] = bytes.len().into();
        file.as_object_mut().and_then(|file| file.remove("hex"));
    }
    Ok(context.print(&value, |value| {
        let rows = value
            .as_array()
            .into_iter()
            .flatten()
            .map(|file| ["file", "bytes", "sha256"].map(|key| text(file, key)).to_vec());
        table(&["file", "bytes", "SHA-256"], rows)
    }))
}

async fn show(context: &Context, id: String) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Request { id }).await?;
    Ok(context.print(&value, describe))
}

fn describe(request: &Value) -> String {
    let mut out = String::new();
    if request["exercise"] == true {
        out.push_str("EXERCISE. Not a real case.\n");
    }
    out.push_str(&format!(
        "{}\n{}\n{} to {}, {}under {}\nstatus {} (the asker wants: {})\n",
        text(request, "title"),
        text(request, "id"),
        text(request, "asker"),
        text(request, "receiver"),
        match text(request, "class") {
            class if class.is_empty() => class,
            class => format!("{class}, "),
        },
        text(request, "agreement"),
        text(request, "status"),
        text(request, "desired"),
    ));
    let rung = &request["ladder"];
    if !rung.is_null() {
        out.push_str(&format!(
            "ladder       step {} of {}, to {}: {}, since {}\n",
            text(rung, "step"),
            text(rung, "of"),
            text(rung, "to"),
            text(rung, "trigger"),
            text(rung, "since")
        ));
    }
    for one in request["disputed"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "in dispute   {}: the asker gives {} of 4, the receiver {}\n",
            text(one, "dimension"),
            one["asker"],
            one["receiver"]
        ));
    }
    if request["stands_still"] == true {
        out.push_str("clocks       stand still: the agreement is suspended or over\n");
    }
    if request["calendar_known"] == false {
        out.push_str("calendar     holidays are not known so far ahead: what is due may move\n");
    }
    for one in request["definitions"].as_array().into_iter().flatten() {
        out.push_str(&format!("definition   “{}”: {}\n", text(one, "term"), text(one, "state")));
        for reading in one["readings"].as_array().into_iter().flatten() {
            let party = text(reading, "party");
            let by = if party.is_empty() { "both".to_owned() } else { party };
            for (language, said) in reading["text"].as_object().into_iter().flatten() {
                let said = said.as_str().unwrap_or_default();
                out.push_str(&format!("             {by} ({language}): {said}\n"));
            }
        }
    }
    let clocks = &request["clocks"];
    for name in ["acknowledge", "decide", "answer", "reply"] {
        let clock = &clocks[name];
        // A decision of its own and a reply are only sometimes wanted.
        if ["decide", "reply"].contains(&name) && clock["due"].is_null() && clock["done"].is_null()
        {
            continue;
        }
        let limit =
            if clock["limit"].is_null() { "none given".to_owned() } else { text(clock, "limit") };
        out.push_str(&format!("{name:<12} limit {limit}"));
        for (word, key) in [("due", "due"), ("done", "done"), ("late by", "late")] {
            let is_over = key == "due" && clocks["ended"] == true && clock["done"].is_null();
            if !clock[key].is_null() && !is_over {
                out.push_str(&format!(", {word} {}", text(clock, key)));
            }
        }
        out.push('\n');
    }
    describe_statements(request, &mut out);
    out
}

/// The statements of a thread: when, by whom, what became of them; then what they say.
pub(crate) fn describe_statements(request: &Value, out: &mut String) {
    let rows = request["statements"].as_array().into_iter().flatten().map(|statement| {
        let receipt = &statement["receipt"];
        let receipt = match receipt["code"].as_str() {
            None => "none yet".to_owned(),
            Some("") => "accepted".to_owned(),
            Some(code) => format!("refused: {code}"),
        };
        vec![
            text(statement, "author"),
            text(statement, "index"),
            text(statement, "kind"),
            if statement["witnessed"].is_null() {
                "unwitnessed".to_owned()
            } else {
                text(statement, "witnessed")
            },
            if statement["mirrored"].is_null() { "no" } else { "yes" }.to_owned(),
            receipt,
            text(statement, "refused"),
        ]
    });
    out.push('\n');
    let head =
        ["by", "entry", "statement", "witnessed (UTC)", "mirrored", "receipt", "without effect"];
    out.push_str(&table(&head, rows));
    for statement in request["statements"].as_array().into_iter().flatten() {
        let kind = text(statement, "kind");
        let letter = &statement["content"]["letter"];
        // A letter is an object of one entry, its kind; what it says stands below.
        let Some(said) = letter.as_object().and_then(|letter| letter.values().next()) else {
            continue;
        };
        let (author, index) = (text(statement, "author"), text(statement, "index"));
        out.push_str(&format!("\n\n{author}, entry {index}, {kind}"));
        if let Some(earlier) = statement["answers"].as_u64().filter(|_| kind == Kind::Say.as_str())
        {
            out.push_str(&format!(", in the place of entry {earlier}"));
        }
        out.push(':');
        // What of it is public: the day of a meeting, the number of an action item.
        if statement["mark"].is_object() {
            spell(&statement["mark"], 1, out);
        }
        spell(said, 1, out);
    }
}
