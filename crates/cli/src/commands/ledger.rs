//! `comity ledger`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use comity_ledger::Policy;
use comity_ledger::fork::Fork;
use comity_node::control::Question;
use comity_node::network::Tcp;
use comity_node::{audit, prove};
use comity_rules::Terms;
use comity_rules::bundle;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{Context, hours, read, table, text, write};

#[derive(Subcommand)]
pub(crate) enum Ledger {
    /// Show the ledgers that are kept here: one's own and copies of the peers'.
    Show,
    /// Print the policy by which others verify these ledgers.
    Policy {
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
    },
    /// Prove the statements of a request, or one entry (LEDGER/INDEX).
    Prove {
        /// A request's id, or LEDGER/INDEX.
        id: String,
        /// A field to open for whoever gets the proof, such as `title`; may be given several times.
        /// What is opened is no longer between the parties alone.
        #[arg(long)]
        open: Vec<String>,
        /// The file to write; standard output when left out.
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Verify a proof with a policy, of a statement or of a fork; without a proof, every ledger that is
    /// kept here.
    Verify {
        /// A proof: what `ledger prove` wrote, or a fork that `ledger evidence` wrote out.
        file: Option<PathBuf>,
        /// The policy.
        #[arg(long, requires = "file")]
        policy: Option<PathBuf>,
    },
    /// Audit the two ledgers of an agreement from nothing but their tiles and checkpoints.
    Audit {
        /// The two ledgers: https:// or http:// URLs or folders; then copies of them, such as the
        /// other side's mirror, whose proofs count too. One alone is verified, and not judged.
        #[arg(num_args = 1.., required = true)]
        ledgers: Vec<String>,
        /// The policy: log and witness keys, and the quorum.
        #[arg(long)]
        policy: PathBuf,
        /// The terms, for deadlines.
        #[arg(long)]
        terms: Option<PathBuf>,
        /// Later terms that put an end to these ledgers: what comes after the last heads that they name
        /// does not count.
        #[arg(long)]
        closed_by: Option<PathBuf>,
        /// The key that reads them, where they are not everyone's. It is one node's, and is sent to
        /// every URL: name that node's own ledger and its mirror of the other.
        #[arg(long, env = "COMITY_READER_KEY", hide_env_values = true)]
        key: Option<String>,
    },
    /// List what was refused here, and write it out: proof against whoever sent it.
    Evidence {
        /// A folder for the bytes, a file a piece.
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Who else reads this party's ledgers: auditors, by a key.
    #[command(subcommand)]
    Reader(Reader),
    /// Write a ledger as files.
    Export {
        /// The ledger's id, or the first digits.
        ledger: String,
        /// Where.
        folder: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum Reader {
    /// Give a key; it is shown once.
    Add {
        /// To whom.
        name: String,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        /// For how long.
        #[arg(long, default_value_t = 90)]
        days: u16,
    },
    /// List who has a key, and until when.
    List,
    /// Take a reader's keys back.
    Remove {
        /// Whose.
        name: String,
    },
}

impl Ledger {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Show => {
                let value = context.ask(Question::Ledgers).await?;
                Ok(context.print(&value, |all| {
                    let rows = all.as_array().into_iter().flatten().map(|ledger| {
                        vec![
                            text(ledger, "id").chars().take(16).collect(),
                            text(ledger, "party"),
                            if ledger["mine"] == true { "own" } else { "copy" }.to_owned(),
                            text(ledger, "entries"),
                            text(ledger, "witnessed"),
                            text(ledger, "delivered"),
                            text(ledger, "origin"),
                        ]
                    });
                    table(&["id", "party", "", "entries", "witnessed", "delivered", "origin"], rows)
                }))
            }
            Self::Policy { agreement } => {
                let value = context.ask(Question::Policy { agreement }).await?;
                Ok(context.print(&value, |value| text(value, "policy")))
            }
            Self::Prove { id, open, output } => {
                prove_all(context, id, open, output.as_deref()).await
            }
            Self::Verify { file: Some(file), policy } => {
                let policy =
                    policy.ok_or_else(|| Failure::Wrong("--policy FILE is needed".to_owned()))?;
                let policy = read_policy(&policy)?;
                let bytes = std::fs::read(&file).map_err(|error| Failure::file(&file, &error))?;
                let no = |error: comity_ledger::Error| {
                    Failure::No(format!("{}: {}: {error}", file.display(), error.code()))
                };
                if Fork::is_meant(&bytes) {
                    return verify_fork(context, &Fork::parse(&bytes).map_err(no)?, &policy, no);
                }
                let mut proven = Vec::new();
                for proof in bundle::split(&bytes) {
                    proven.push(prove::to_json(&bundle::verify(proof, &policy).map_err(no)?));
                }
                Ok(context.print(&json!(proven), |_| {
                    proven.iter().map(describe_proven).collect::<Vec<_>>().join("\n")
                }))
            }
            Self::Verify { file: None, .. } => verify_own(context).await,
            Self::Audit { ledgers, policy, terms, closed_by, key } => {
                let policy = read_policy(&policy)?;
                let terms = terms.as_deref().map(read_terms).transpose()?;
                let later = closed_by.as_deref().map(read_later).transpose()?;
                let (terms, key) = (terms.as_ref(), key.as_deref());
                run_audit(context, &ledgers, &policy, (terms, later.as_ref()), key).await
            }
            Self::Evidence { output } => {
                let folder = output.map(|path| std::path::absolute(&path).unwrap_or(path));
                let value = context.ask(Question::Evidence { folder }).await?;
                Ok(context.print(&value, |all| {
                    let keys = ["id", "at", "code", "detail", "bytes", "file"];
                    let rows = all.as_array().into_iter().flatten();
                    let row = |piece: &Value| keys.map(|key| text(piece, key)).to_vec();
                    if all.as_array().is_some_and(Vec::is_empty) {
                        "Nothing was refused.".to_owned()
                    } else {
                        table(&keys, rows.map(row))
                    }
                }))
            }
            Self::Reader(reader) => reader.run(context).await,
            Self::Export { ledger, folder } => {
                let folder = std::path::absolute(&folder).unwrap_or(folder);
                let value = context.ask(Question::Export { ledger, folder }).await?;
                Ok(context.print(&value, |value| {
                    format!(
                        "Wrote {} entries to {}.",
                        text(value, "entries"),
                        text(value, "folder")
                    )
                }))
            }
        }
    }
}

/// Says that a ledger's key signed two histories.
fn verify_fork(
    context: &Context,
    fork: &Fork,
    policy: &Policy,
    no: impl Fn(comity_ledger::Error) -> Failure,
) -> Result<ExitCode, Failure> {
    let origin = fork.origin().map_err(&no)?;
    let key = &policy.log(&origin).map_err(&no)?.key;
    fork.verify(key).map_err(&no)?;
    let roots = [fork.one.root.to_hex(), fork.other.root.to_hex()];
    let value = json!({ "fork": true, "ledger": origin, "size": fork.size, "roots": roots });
    Ok(context.print(&value, |_| {
        format!(
            "Proven: the key of {origin} signed two histories, which differ within the first {} entries. \
             Their roots there are\n  {}\n  {}",
            fork.size, roots[0], roots[1]
        )
    }))
}

impl Reader {
    async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Add { name, agreement, days } => {
                let value = context.ask(Question::GiveReader { name, agreement, days }).await?;
                Ok(context.print(&value, |value| {
                    eprintln!(
                        "{} reads both ledgers of these terms with this key, for {days} days:",
                        text(value, "name")
                    );
                    text(value, "key")
                }))
            }
            Self::List => {
                let value = context.ask(Question::Readers).await?;
                Ok(context.print(&value, |all| {
                    let rows = all.as_array().into_iter().flatten().map(|reader| {
                        let terms = text(reader, "terms").chars().take(16).collect();
                        vec![text(reader, "name"), terms, text(reader, "expires")]
                    });
                    table(&["name", "terms", "until"], rows)
                }))
            }
            Self::Remove { name } => {
                let value = context.ask(Question::RemoveReader { name }).await?;
                Ok(context.print(&value, |value| format!("{} reads no more.", text(value, "name"))))
            }
        }
    }
}

async fn prove_all(
    context: &Context,
    id: String,
    open: Vec<String>,
    output: Option<&Path>,
) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Prove { id, open }).await?;
    let proofs: Vec<&str> =
        value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(file) = output else {
        return Ok(context.print(&value, |_| proofs.join("\n")));
    };
    write(file, proofs.join("\n").as_bytes())?;
    let value = json!({ "file": file, "proofs": proofs.len() });
    Ok(context.print(&value, |_| format!("Wrote {} proofs to {}.", proofs.len(), file.display())))
}

fn describe_proven(value: &Value) -> String {
    let mut said = format!(
        "Verified: {} from {} to {}, entry {} of {}, witnessed {}.\nIts root key's fingerprint is {}: compare it with the one in the terms.",
        text(value, "kind"),
        text(value, "from"),
        text(value, "to"),
        text(value, "index"),
        text(value, "ledger"),
        text(value, "witnessed"),
        text(value, "fingerprint"),
    );
    for field in value["fields"].as_array().into_iter().flatten() {
        said += &format!("\n  {}: {}", text(field, "name"), text(field, "value"));
    }
    said
}

async fn verify_own(context: &Context) -> Result<ExitCode, Failure> {
    let agreements = context.ask(Question::Agreements).await?;
    let ledgers = context.ask(Question::Ledgers).await?;
    let mut code = ExitCode::SUCCESS;
    for agreement in agreements.as_array().into_iter().flatten() {
        let terms = text(agreement, "terms");
        let policy = context.ask(Question::Policy { agreement: Some(terms.clone()) }).await?;
        let policy = Policy::parse(&text(&policy, "policy"))?;
        let folder =
            tempfile::tempdir().map_err(|error| Failure::Unreachable(error.to_string()))?;
        let mut folders = Vec::new();
        let of_terms = |ledger: &&Value| text(ledger, "terms") == terms;
        for ledger in ledgers.as_array().into_iter().flatten().filter(of_terms) {
            let id = text(ledger, "id");
            let folder = folder.path().join(&id);
            let question = Question::Export { ledger: id, folder: folder.clone() };
            context.ask(question).await.map_err(|failure| match failure {
                // Nothing is wrong with the call: there is nothing to verify yet.
                Failure::Wrong(problem) => Failure::No(problem),
                other => other,
            })?;
            folders.push(folder.to_string_lossy().into_owned());
        }
        if folders.len() == 2 {
            let text = text(&context.ask(Question::Agreement { id: terms }).await?, "text");
            let terms = Terms::parse(&text).map_err(|error| Failure::No(error.to_string()))?;
            let found = run_audit(context, &folders, &policy, (Some(&terms), None), None).await?;
            if found != ExitCode::SUCCESS {
                code = found;
            }
        } else {
            eprintln!("{}: the peer has not begun its ledger yet", text(agreement, "id"));
            code = ExitCode::from(1);
        }
    }
    if agreements.as_array().is_none_or(Vec::is_empty) {
        return Err(Failure::No(
            "no agreement is signed here: there is no ledger to verify".to_owned(),
        ));
    }
    Ok(code)
}

/// Audits and prints; exit 1 where entries were refused. With the terms, and those that put an end to them.
async fn run_audit(
    context: &Context,
    ledgers: &[String],
    policy: &Policy,
    (terms, later): (Option<&Terms>, Option<&Terms>),
    key: Option<&str>,
) -> Result<ExitCode, Failure> {
    let reach = audit::Reach { network: &Tcp, key };
    let report = audit::run(&reach, ledgers, policy, terms, later).await?;
    context.print(&report.to_json(terms.map(|terms| &**terms)), describe_audit);
    if report.is_clean() { Ok(ExitCode::SUCCESS) } else { Ok(ExitCode::from(1)) }
}

/// An audit for reading.
pub(crate) fn describe_audit(report: &Value) -> String {
    let mut out = String::new();
    for ledger in report["ledgers"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "{}: {} entries, each signed and in place; last witnessed {}\n",
            text(ledger, "party"),
            text(ledger, "entries"),
            text(ledger, "last_witnessed"),
        ));
    }
    let rows = report["requests"].as_array().into_iter().flatten().map(|request| {
        let hours = |key: &str| request[key].as_i64().map_or_else(String::new, hours);
        vec![
            text(request, "thread").chars().take(8).collect(),
            format!("{} to {}", text(request, "asker"), text(request, "receiver")),
            text(request, "class"),
            if request["exercise"] == true { "EXERCISE" } else { "" }.to_owned(),
            text(request, "status"),
            hours("acknowledged_in_seconds"),
            hours("acknowledge_late_seconds"),
            hours("answered_in_seconds"),
            hours("answer_late_seconds"),
        ]
    });
    let head = [
        "id",
        "between",
        "class",
        "",
        "status",
        "acknowledged in",
        "late by",
        "answered in",
        "late by",
    ];
    out.push_str(&format!("\n{}\n", table(&head, rows)));
    if report["ledgers"].as_array().is_some_and(|ledgers| ledgers.len() == 1) {
        out.push_str("One ledger alone: what its statements amount to follows from both.\n");
    }
    for withheld in report["withheld"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "\nkept back: a copy proves that {} had {} entries by {}; its own ledger says later",
            text(withheld, "party"),
            text(withheld, "size"),
            text(withheld, "witnessed"),
        ));
    }
    for ended in report["ended"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "\nended: {}'s ledger at {} entries, as the later terms say; {} after that are left out. That both \
             parties signed those terms, the ledgers of those terms show: audit them too",
            text(ended, "party"),
            text(ended, "entries"),
            text(ended, "left_out"),
        ));
    }
    let unreceipted: Vec<_> = report["unreceipted"].as_array().into_iter().flatten().collect();
    for of_one in unreceipted.chunk_by(|one, next| one["party"] == next["party"]) {
        let since = of_one.iter().find(|entry| !entry["held"].is_null());
        out.push_str(&format!(
            "\nnot receipted: {} entries of {}, from entry {} on; {}",
            of_one.len(),
            text(of_one[0], "party"),
            text(of_one[0], "index"),
            since.map_or_else(
                || "nothing proves that the other side has them".to_owned(),
                |entry| format!(
                    "the other side's own mirror proves that it had entry {} at {}",
                    text(entry, "index"),
                    text(entry, "held"),
                ),
            ),
        ));
    }
    for waiting in report["waiting"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "\nnot judged yet: entry {} of {} and what follows refer to more of the other ledger than is witnessed",
            text(waiting, "index"),
            text(waiting, "party"),
        ));
    }
    for refused in report["refused"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "\nrefused: entry {} of {}: {} ({})",
            text(refused, "index"),
            text(refused, "party"),
            text(refused, "code"),
            text(refused, "reason")
        ));
    }
    out
}

pub(super) fn read_terms(path: &Path) -> Result<Terms, Failure> {
    Terms::parse(&read(path)?)
        .map_err(|error| Failure::Wrong(format!("{}: {error}", path.display())))
}

/// The terms of `--closed-by`.
pub(super) fn read_later(path: &Path) -> Result<Terms, Failure> {
    let terms = read_terms(path)?;
    if terms.closes().is_none() {
        return Err(Failure::Wrong(format!(
            "--closed-by {}: these terms end no agreement",
            path.display()
        )));
    }
    Ok(terms)
}

pub(super) fn read_policy(path: &Path) -> Result<Policy, Failure> {
    Policy::parse(&read(path)?)
        .map_err(|error| Failure::Wrong(format!("{}: {error}", path.display())))
}
