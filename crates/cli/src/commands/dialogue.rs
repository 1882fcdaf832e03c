//! `comity dialogue`, `commitment`, `concern`, `notice`: what the standing mechanism does beside requests.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use comity_node::control::{Mechanism, Question};
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Agenda, Judgement, Record, Remark, Response, Yardstick};
use comity_rules::matter::{Day, Position, Topic};
use jiff::civil::Date;
use serde::Deserialize;

use super::matter;
use super::request::{Who, state};
use super::request_file::{self, parse};
use crate::failure::Failure;
use crate::output::{Context, table, text};

#[derive(Subcommand)]
pub(crate) enum Dialogue {
    /// Call a meeting: a TOML or JSON file with title, day, place and points.
    Convene {
        /// The call.
        file: PathBuf,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Add points to the agenda.
    Add {
        /// The meeting's id, or the first digits.
        id: String,
        /// A point; more than once for several.
        #[arg(long = "point", required = true)]
        points: Vec<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Put minutes forward: a file with day, text and actions, each with text, party and due.
    Minutes {
        /// The meeting's id, or the first digits.
        id: String,
        /// The minutes.
        file: PathBuf,
        #[command(flatten)]
        who: Who,
    },
    /// Agree to the other side's latest minutes.
    Agree {
        /// The meeting's id, or the first digits.
        id: String,
        /// The entry of the minutes that you have read; the latest, where it is left out.
        #[arg(long, value_name = "ENTRY")]
        minutes: Option<u64>,
        /// What you say.
        #[arg(long, default_value = "")]
        text: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that an action item is done, or open again.
    Action {
        /// The meeting's id, or the first digits.
        id: String,
        /// The item's number, from 1.
        number: u32,
        /// It is open again.
        #[arg(long)]
        open: bool,
        /// What you say.
        #[arg(long, default_value = "")]
        text: String,
        #[command(flatten)]
        who: Who,
    },
    /// What earlier meetings left to be done.
    Actions,
    /// List meetings.
    List {
        /// Those too of which nothing is left to do.
        #[arg(long)]
        all: bool,
    },
    /// Show a meeting.
    Show {
        /// Its id, or the first digits.
        id: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConveneFile {
    title: String,
    day: Date,
    #[serde(default)]
    place: String,
    points: Vec<String>,
    #[serde(default)]
    exercise: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MinutesFile {
    day: Date,
    text: String,
    #[serde(default)]
    actions: Vec<comity_rules::content::ActionItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YardstickFile {
    commitment: String,
    criteria: Vec<comity_rules::content::Criterion>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    exercise: bool,
}

impl Dialogue {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let (id, deed, who) = match self {
            Self::Convene { file, agreement, who } => {
                let ConveneFile { title, day, place, points, exercise } = parse(&file)?;
                let agenda = Agenda { title, place, points };
                let deed = Deed::Convene { day: Day(day), exercise, agenda };
                return state(context, (agreement, None), Command::Deed(deed), who, true).await;
            }
            Self::Actions => return actions(context).await,
            Self::List { all } => return matter::list(context, Topic::Dialogue, !all).await,
            Self::Show { id } => return matter::show(context, id).await,
            Self::Add { id, points, who } => {
                let agenda = Agenda { title: String::new(), place: String::new(), points };
                (id, Deed::Add(agenda), who)
            }
            Self::Minutes { id, file, who } => {
                let MinutesFile { day, text, actions } = parse(&file)?;
                (id, Deed::Minutes { day: Day(day), record: Record { text, actions } }, who)
            }
            Self::Agree { id, minutes, text, who } => {
                (id, Deed::Agree { minutes, remark: Remark { text } }, who)
            }
            Self::Action { id, number, open, text, who } => {
                let remark = Remark { text };
                (id, Deed::Action { item: number, done: !open, remark }, who)
            }
        };
        state(context, (None, Some(id)), Command::Deed(deed), who, true).await
    }
}

async fn actions(context: &Context) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Mechanism(Mechanism::OpenActions)).await?;
    Ok(context.print(&value, |all| {
        let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
        if all.is_empty() {
            return "Nothing that a meeting left to be done is open.".to_owned();
        }
        let rows = all.iter().map(|action| {
            vec![
                text(action, "thread").chars().take(8).collect(),
                text(action, "number"),
                text(action, "party"),
                text(action, "due"),
                text(action, "text"),
                text(action, "meeting"),
            ]
        });
        table(&["meeting", "item", "by", "due", "what", "of"], rows)
    }))
}

#[derive(Subcommand)]
pub(crate) enum Commitment {
    /// Propose by which criteria and evidence a commitment will be judged: a file.
    Fix {
        /// The criteria.
        file: PathBuf,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Agree to what the other side proposes.
    Agree {
        /// Its id, or the first digits.
        id: String,
        /// What you say.
        #[arg(long, default_value = "")]
        text: String,
        #[command(flatten)]
        who: Who,
    },
    /// Judge how each party kept it in a period: a file with from, to, verdicts and findings.
    Judge {
        /// Its id, or the first digits.
        id: String,
        /// The judgement.
        file: PathBuf,
        #[command(flatten)]
        who: Who,
    },
    /// List them.
    List,
    /// Show one.
    Show {
        /// Its id, or the first digits.
        id: String,
    },
}

impl Commitment {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let (id, deed, who) = match self {
            Self::Fix { file, agreement, who } => {
                let YardstickFile { commitment, criteria, text, exercise } = parse(&file)?;
                let yardstick = Yardstick { commitment, criteria, text };
                let deed = Command::Deed(Deed::Fix { exercise, yardstick });
                return state(context, (agreement, None), deed, who, true).await;
            }
            Self::List => return matter::list(context, Topic::Commitment, false).await,
            Self::Show { id } => return matter::show(context, id).await,
            Self::Agree { id, text, who } => {
                (id, Deed::Agree { minutes: None, remark: Remark { text } }, who)
            }
            Self::Judge { id, file, who } => (id, Deed::Judge(parse::<Judgement>(&file)?), who),
        };
        state(context, (None, Some(id)), Command::Deed(deed), who, true).await
    }
}

#[derive(Subcommand)]
pub(crate) enum Concern {
    /// Raise a concern under a commitment: a file with title, commitment, facts, marking.
    Raise {
        /// The concern.
        file: PathBuf,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Reply, with evidence.
    Reply {
        /// Its id, or the first digits.
        id: String,
        /// What you say.
        #[arg(long, conflicts_with = "file", required_unless_present = "file")]
        text: Option<String>,
        /// A file with text and attachments.
        #[arg(long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        who: Who,
    },
    /// Say where it stands for your side: open, examining, not-accepted, settled; withdrawn by who raised it.
    Position {
        /// Its id, or the first digits.
        id: String,
        /// Where.
        position: Position,
        /// Why.
        #[arg(long, default_value = "")]
        text: String,
        #[command(flatten)]
        who: Who,
    },
    /// List concerns.
    List {
        /// Those too that are settled.
        #[arg(long)]
        all: bool,
    },
    /// Show one.
    Show {
        /// Its id, or the first digits.
        id: String,
    },
}

impl Concern {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let (id, deed, who) = match self {
            Self::Raise { file, agreement, who } => {
                let (exercise, concern) = request_file::concern(&file)?;
                let deed = Command::Deed(Deed::Raise { exercise, concern });
                return state(context, (agreement, None), deed, who, true).await;
            }
            Self::List { all } => return matter::list(context, Topic::Concern, !all).await,
            Self::Show { id } => return matter::show(context, id).await,
            Self::Reply { id, text, file, who } => {
                let response = match file {
                    Some(file) => request_file::response(&file)?,
                    None => Response { text: text.unwrap_or_default(), attachments: Vec::new() },
                };
                (id, Deed::Respond(response), who)
            }
            Self::Position { id, position, text, who } => {
                (id, Deed::Position { position, remark: Remark { text } }, who)
            }
        };
        state(context, (None, Some(id)), Command::Deed(deed), who, true).await
    }
}

#[derive(Subcommand)]
pub(crate) enum Notice {
    /// Send information that nobody asked for: a file with title, facts, marking.
    Send {
        /// The information.
        file: PathBuf,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Say what you could do with it.
    Feedback {
        /// Its id, or the first digits.
        id: String,
        /// What you say.
        #[arg(long)]
        text: String,
        #[command(flatten)]
        who: Who,
    },
    /// List them.
    List {
        /// Those too to which the other side said something.
        #[arg(long)]
        all: bool,
    },
    /// Show one.
    Show {
        /// Its id, or the first digits.
        id: String,
    },
}

impl Notice {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Send { file, agreement, who } => {
                let (exercise, notice) = request_file::notice(&file)?;
                let deed = Command::Deed(Deed::Inform { exercise, notice });
                state(context, (agreement, None), deed, who, true).await
            }
            Self::Feedback { id, text, who } => {
                let deed = Command::Deed(Deed::Feedback(Remark { text }));
                state(context, (None, Some(id)), deed, who, true).await
            }
            Self::List { all } => matter::list(context, Topic::Notice, !all).await,
            Self::Show { id } => matter::show(context, id).await,
        }
    }
}
