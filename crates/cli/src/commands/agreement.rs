//! `comity agreement`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use comity_ledger::VerifierKey;
use comity_node::control::Question;
use comity_rules::agreement::{
    self, COMMITMENTS, Change, Class, Evidence, OutsideWitness, TEMPLATES,
};
use comity_rules::calendar::CALENDARS;
use comity_rules::command::{Command, Deed};
use comity_rules::content::Remark;
use comity_rules::{PartyId, Terms};
use serde_json::{Value, json};

use super::request::{Who, state};
use crate::failure::Failure;
use crate::output::{Context, read, spell, table, text, write};

#[derive(Subcommand)]
pub(crate) enum Agreement {
    /// Templates that are shipped.
    #[command(subcommand)]
    Template(Template),
    /// Make terms out of a template, for both parties to sign.
    Propose {
        /// A shipped template's id, or a file.
        #[arg(long)]
        template: String,
        /// The other party.
        #[arg(long)]
        peer: String,
        /// An outside witness: NAME,VKEY,URL. More than once for several; more than half must cosign.
        #[arg(long = "witness", required = true)]
        witnesses: Vec<String>,
        /// Let everyone read the ledgers. Contents stay sealed.
        #[arg(long)]
        everyone: bool,
        /// The calendar by which a party works, as PARTY=CALENDAR: cn, us-federal, or a TOML file. Needed of
        /// both parties where a class counts working time.
        #[arg(long = "calendar", value_parser = calendar)]
        calendars: Vec<(PartyId, String)>,
        /// A set of commitments that is added: un-gge-2015, or a TOML file. More than once for several.
        #[arg(long = "commitments")]
        commitments: Vec<String>,
        /// Where to write the terms.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Put an end to an agreement, and go on under terms like it with new ledgers.
    ///
    /// For when the key of a ledger is lost, or nobody has a ledger whole. The terms name the last head of
    /// both ledgers; both parties sign them. Requests that are open are sent again.
    Succeed {
        /// The agreement: its id or the first digits of its hash.
        id: String,
        /// Why, for whoever reads the terms.
        #[arg(long)]
        why: Option<String>,
        /// Where to write the terms.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Change an agreement: terms that take its place once both parties have signed them.
    ///
    /// What the file says replaces the terms; parties, witnesses and readers stay. The terms name the last head of
    /// both ledgers, and new ones begin. Requests that are open are sent again.
    Amend {
        /// The agreement: its id or the first digits of its hash.
        id: String,
        /// The terms as they are to be: a file, such as what `agreement show --toml` says, edited; or
        /// template:ID.
        #[arg(long, value_name = "FILE")]
        with: String,
        /// Why, for whoever reads the terms.
        #[arg(long)]
        why: Option<String>,
        /// Where to write the terms.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Take your signature back under terms that end an agreement, before the other party has signed them.
    Withdraw {
        /// Those terms: the first digits of their hash.
        id: String,
    },
    /// Sign terms: this begins your ledger under them.
    Sign {
        /// The terms.
        file: PathBuf,
        /// The root key that `init` wrote.
        #[arg(long)]
        root_key: Option<PathBuf>,
    },
    /// Show the terms of an agreement, or of a file.
    Show {
        /// Its id, the first digits of its hash, a file, or template:ID.
        id: String,
        /// Only what it says otherwise than these, named likewise: what changes from them to it.
        #[arg(long, value_name = "OTHER")]
        diff: Option<String>,
        /// Its text, as it is signed: TOML, to be read by a program or edited for `agreement amend`.
        #[arg(long, conflicts_with_all = ["diff", "json"])]
        toml: bool,
    },
    /// List the agreements that are signed here.
    List,
    /// Stop your part of the mechanism: clocks stand still, the history stays, the hotline goes on.
    Suspend {
        /// Why: the other side reads it.
        #[arg(long)]
        why: String,
        /// It is an exercise.
        #[arg(long)]
        exercise: bool,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Go on.
    Resume {
        /// The suspension's id, or the first digits: `comity matter list suspension`.
        id: String,
        /// What you say.
        #[arg(long, default_value = "")]
        text: String,
        #[command(flatten)]
        who: Who,
    },
}

#[derive(Subcommand)]
pub(crate) enum Template {
    /// List them.
    List,
    /// Print one as TOML.
    Show {
        /// Its id.
        id: String,
    },
}

/// Terms that take the place of an agreement: like it, or as it is amended.
async fn succeed(
    context: &Context,
    id: String,
    amended: Option<Terms>,
    why: Option<String>,
    output: &Path,
) -> Result<ExitCode, Failure> {
    let amended = amended.map(|terms| terms.text().to_owned());
    let value = context.ask(Question::Succeed { id, amended, why }).await?;
    write(output, text(&value, "text").as_bytes())?;
    let unsaid = value["unsaid"].as_u64().unwrap_or_default();
    if unsaid > 0 {
        eprintln!("{unsaid} of your statements were never sent, and are left out: say them again.");
    }
    let parse = |key: &str| {
        Terms::parse(&text(&value, key)).map_err(|error| Failure::No(error.to_string()))
    };
    let (before, after) = (parse("before")?, parse("text")?);
    let changes = agreement::changes(&before, &after);
    let value =
        json!({ "terms": value["terms"], "file": output, "unsaid": unsaid, "changes": changes });
    Ok(context.print(&value, |value| {
        format!(
            "{}\nWrote {} (terms {}).\nState nothing more under the agreement that ends. Both parties read this \
             file, and each signs it: `comity agreement sign {}`.",
            describe_changes(&changes).trim_end(),
            output.display(),
            text(value, "terms"),
            output.display()
        )
    }))
}

/// Terms by a file, a template, or an agreement that is signed here.
async fn terms_of(context: &Context, id: String) -> Result<Terms, Failure> {
    let text = if let Some(id) = id.strip_prefix("template:") {
        let found = TEMPLATES.iter().find(|(known, _)| *known == id);
        let none = || Failure::Wrong(format!("there is no template {id:?}"));
        found.ok_or_else(none)?.1.to_owned()
    } else if Path::new(&id).is_file() {
        read(id.as_ref())?
    } else {
        text(&context.ask(Question::Agreement { id }).await?, "text")
    };
    Terms::parse(&text).map_err(|error| Failure::Wrong(error.to_string()))
}

fn describe_changes(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "They say the same.".to_owned();
    }
    let mut out = String::new();
    for Change { place, before, after } in changes {
        let line = match (before, after) {
            (Some(before), Some(after)) => format!("~ {place}: {before}  =>  {after}\n"),
            (Some(before), None) => format!("- {place}: {before}\n"),
            (None, after) => format!("+ {place}: {}\n", after.as_deref().unwrap_or_default()),
        };
        out.push_str(&line);
    }
    out
}

fn calendar(text: &str) -> Result<(PartyId, String), String> {
    let (party, named) = text.split_once('=').ok_or("want PARTY=CALENDAR")?;
    let party = party.parse().map_err(|error| format!("{error}"))?;
    Ok((party, named.to_owned()))
}

impl Agreement {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Template(Template::List) => Ok(templates(context)?),
            Self::Template(Template::Show { id }) => {
                let found = TEMPLATES.iter().find(|(known, _)| *known == id);
                let (id, text) = found.ok_or_else(|| {
                    Failure::Wrong(format!(
                        "there is no template {id:?}; see `agreement template list`"
                    ))
                })?;
                Ok(context.print(&json!({ "id": id, "text": text }), |_| (*text).to_owned()))
            }
            Self::Propose {
                template,
                peer,
                witnesses,
                everyone,
                calendars,
                commitments,
                output,
            } => {
                let calendar = |(party, named): (PartyId, String)| -> Result<_, Failure> {
                    let shipped = CALENDARS.iter().any(|(id, _)| *id == named);
                    Ok((party, if shipped { named } else { read(named.as_ref())? }))
                };
                let calendars = calendars.into_iter().map(calendar).collect::<Result<_, _>>()?;
                let set = |named: String| -> Result<_, Failure> {
                    let shipped = COMMITMENTS.iter().any(|(id, _)| *id == named);
                    if shipped { Ok(named) } else { read(named.as_ref()) }
                };
                let commitments = commitments.into_iter().map(set).collect::<Result<_, _>>()?;
                let shipped = TEMPLATES.iter().any(|(id, _)| *id == template);
                let template = if shipped { template } else { read(template.as_ref())? };
                let peer = peer.parse().map_err(|e| Failure::Wrong(format!("--peer: {e}")))?;
                let witnesses =
                    witnesses.iter().map(|text| witness(text)).collect::<Result<_, _>>()?;
                let question = Question::Propose {
                    template,
                    peer,
                    witnesses,
                    everyone,
                    calendars,
                    commitments,
                };
                let value = context.ask(question).await?;
                write(&output, text(&value, "text").as_bytes())?;
                let value = json!({ "terms": value["terms"], "file": output });
                Ok(context.print(&value, |value| {
                    format!(
                        "Wrote {} (terms {}).\nBoth parties read it, and each signs the same file: \
                         `comity agreement sign {}`.",
                        output.display(),
                        text(value, "terms"),
                        output.display()
                    )
                }))
            }
            Self::Succeed { id, why, output } => succeed(context, id, None, why, &output).await,
            Self::Amend { id, with, why, output } => {
                let amended = terms_of(context, with).await?;
                succeed(context, id, Some(amended), why, &output).await
            }
            Self::Withdraw { id } => {
                let value = context.ask(Question::Withdraw { id }).await?;
                Ok(context.print(&value, |value| {
                    format!("Taken back. The agreement {} goes on.", text(value, "goes_on"))
                }))
            }
            Self::Sign { file, root_key } => {
                let root_key = root_key.unwrap_or_else(|| context.data.join("root.key"));
                let root_key = std::path::absolute(&root_key).unwrap_or(root_key);
                let value = context.ask(Question::Sign { terms: read(&file)?, root_key }).await?;
                Ok(context.print(&value, |value| {
                    format!("Signed. Your ledger under terms {} has begun.", text(value, "terms"))
                }))
            }
            Self::Show { id, toml: true, .. } => {
                say!("{}", terms_of(context, id).await?.text().trim_end());
                Ok(ExitCode::SUCCESS)
            }
            Self::Show { id, diff: None, .. } => {
                let terms = terms_of(context, id).await?;
                let value = serde_json::to_value(&*terms).unwrap_or_default();
                let value = json!({ "terms": terms.hash().to_hex(), "agreement": value });
                Ok(context.print(&value, |_| describe(&terms)))
            }
            Self::Show { id, diff: Some(other), .. } => {
                let (before, after) =
                    (terms_of(context, other).await?, terms_of(context, id).await?);
                let changes = agreement::changes(&before, &after);
                let hashes = [&before, &after].map(|terms| terms.hash().to_hex());
                let value = json!({ "from": hashes[0], "to": hashes[1], "changes": changes });
                Ok(context.print(&value, |_| describe_changes(&changes)))
            }
            Self::Suspend { why, exercise, agreement, who } => {
                let deed = Deed::Suspend { exercise, remark: Remark { text: why } };
                state(context, (agreement, None), Command::Deed(deed), who, true).await
            }
            Self::Resume { id, text, who } => {
                let deed = Deed::Resume(Remark { text });
                state(context, (None, Some(id)), Command::Deed(deed), who, true).await
            }
            Self::List => {
                let value = context.ask(Question::Agreements).await?;
                Ok(context.print(&value, |all| {
                    let rows = all.as_array().into_iter().flatten().map(|agreement: &Value| {
                        vec![
                            text(agreement, "id"),
                            text(agreement, "peer"),
                            text(agreement, "nature"),
                            text(agreement, "terms").chars().take(16).collect(),
                            text(agreement, "state"),
                            text(agreement, "title"),
                        ]
                    });
                    table(&["id", "peer", "nature", "terms", "state", "title"], rows)
                }))
            }
        }
    }
}

fn templates(context: &Context) -> Result<ExitCode, Failure> {
    let mut rows = Vec::new();
    for (id, text) in TEMPLATES {
        let terms = Terms::parse(text).map_err(|error| Failure::Wrong(format!("{id}: {error}")))?;
        rows.push(json!({
            "id": id,
            "nature": terms.nature,
            "title": terms.title("en"),
            "deadlines": deadlines(&terms),
        }));
    }
    let value = Value::from(rows);
    Ok(context.print(&value, |rows| {
        let rows =
            rows.as_array().into_iter().flatten().map(|row| {
                ["id", "nature", "deadlines", "title"].map(|key| text(row, key)).to_vec()
            });
        table(&["id", "nature", "deadlines", "title"], rows)
    }))
}

/// What the agreement says of deadlines, in a few words.
fn deadlines(terms: &Terms) -> String {
    let limited = |class: &Class| class.acknowledge.is_some() || class.answer.is_some();
    match (&terms.deadlines.word, terms.classes.iter().any(limited)) {
        (_, true) => "by urgency class".to_owned(),
        (Some(word), false) => format!("no deadline given ({word:?})"),
        (None, false) if terms.deadlines.evidence == Evidence::Absent => {
            "no deadline given".to_owned()
        }
        // That our notes give none does not say that the text gives none.
        (None, false) => "none recorded here".to_owned(),
    }
}

/// Terms as a person reads them before signing: the limits first, then all that they say, each fact
/// with how sure it is.
fn describe(terms: &Terms) -> String {
    let mut out = format!(
        "{}\n{}  ({}, {})\nterms {}\ndeadlines: {}\n",
        terms.title("en"),
        terms.id,
        name(&terms.nature),
        name(&terms.evidence),
        terms.hash().to_hex(),
        deadlines(terms),
    );
    for note in [&terms.note, &terms.deadlines.note].into_iter().flatten() {
        out.push_str(&format!("{}\n", note.in_language("en")));
    }
    let limit = |limit: &Option<comity_rules::Period>| {
        limit.as_ref().map_or_else(|| "none given".to_owned(), ToString::to_string)
    };
    if !terms.classes.is_empty() {
        let rows = terms.classes.iter().map(|class| {
            vec![
                class.id.clone(),
                limit(&class.acknowledge),
                limit(&class.decide),
                limit(&class.answer),
                name(&class.evidence),
                class.definition.in_language("en").to_owned(),
            ]
        });
        let head = ["class", "acknowledge", "decide", "answer", "how sure", "when"];
        out.push_str(&format!("\n{}\n", table(&head, rows)));
    }
    out.push_str("\n\nIn full:");
    // Straight from the terms themselves: nothing that is signed can be left out here.
    spell(&serde_json::to_value(&**terms).unwrap_or_default(), 1, &mut out);
    out.push('\n');
    out
}

/// A word of the schema.
fn name(word: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(word).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn witness(text: &str) -> Result<OutsideWitness, Failure> {
    let parts: Vec<_> = text.splitn(3, ',').collect();
    let [name, key, url] = parts.as_slice() else {
        return Err(Failure::Wrong(format!("--witness {text:?}: want NAME,VKEY,URL")));
    };
    VerifierKey::parse(key)
        .map_err(|error| Failure::Wrong(format!("--witness {name}: {error}")))?;
    Ok(OutsideWitness { name: (*name).to_owned(), key: (*key).to_owned(), url: (*url).to_owned() })
}
