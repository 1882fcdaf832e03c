//! `comity exercise`: a scripted drill over two real nodes and an outside witness, in accelerated or real
//! time, by robots or by people at the pages. Everything that is stated is marked as an exercise, and kept out of
//! every figure of what is real.

mod report;
mod script;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use comity_node::clock::Clock as _;
use comity_node::people::Stated;
use comity_node::review::Until;
use comity_rules::ThreadId;
use comity_rules::access::Person;
use comity_rules::agreement::TEMPLATES;
use comity_rules::calendar::Calendar;
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Letter, Message, Remark};
use comity_rules::matter::Signal;
use comity_rules::period::whole;
use comity_web::Said;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{Context, read, table, write};
use crate::stage::{Cast, Side, Stage};
use report::Came;
use script::{Act, Expect, SHIPPED, Script, Step};

#[derive(Subcommand)]
pub(crate) enum Exercise {
    /// Run an exercise: one that is shipped, by its name, or a TOML file (docs/exercises.md).
    Run {
        /// Its name or file.
        file: String,
        /// Let it take the time that it takes, and not only the time of its acts.
        #[arg(long)]
        real: bool,
        /// Let people do their steps on the pages: the exercise waits for them, and says where.
        #[arg(long)]
        people: bool,
        /// Where to write the after-action report: .json or .html.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// The report's language: en or zh.
        #[arg(long, default_value = "en", value_parser = ["en", "zh"])]
        language: String,
        /// The first of the ports for pages; free ones when left out.
        #[arg(long)]
        port: Option<u16>,
    },
    /// List the exercises that are shipped.
    List,
    /// Print one.
    Show {
        /// Its name.
        name: String,
    },
}

impl Exercise {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::List => {
                let titles = SHIPPED.iter().map(|(name, _)| {
                    Ok(json!({ "name": name, "title": Script::open(name)?.title }))
                });
                let value = Value::from(titles.collect::<Result<Vec<_>, Failure>>()?);
                Ok(context.print(&value, |all| {
                    let rows = all.as_array().into_iter().flatten().map(|one| {
                        let title = crate::output::text(&one["title"], "en");
                        vec![crate::output::text(one, "name"), title]
                    });
                    table(&["name", "title"], rows)
                }))
            }
            Self::Show { name } => {
                let found = SHIPPED.iter().find(|(known, _)| *known == name);
                let (name, text) = found.ok_or_else(|| {
                    Failure::Wrong(format!(
                        "there is no exercise {name:?}; see `comity exercise list`"
                    ))
                })?;
                Ok(context.print(&json!({ "name": name, "text": text }), |_| (*text).to_owned()))
            }
            Self::Run { file, real, people, output, language, port } => {
                let ending = output.as_ref().and_then(|path| path.extension()?.to_str());
                if let Some(path) =
                    output.as_ref().filter(|_| !matches!(ending, Some("html" | "json")))
                {
                    return Err(Failure::Wrong(format!(
                        "{}: want a name that ends in .html or .json",
                        path.display()
                    )));
                }
                let script = Script::open(&file)?;
                let pace = Pace { real, people };
                let played = play(context, &script, &pace, port).await?;
                if let Some(path) = output {
                    let html = path.extension().is_some_and(|extension| extension == "html");
                    let text = if html {
                        report::html(&script, &played, &language)
                    } else {
                        report::json(&script, &played).to_string() + "\n"
                    };
                    write(&path, text.as_bytes())?;
                    tell!(context.json, "\nWrote {}.", path.display());
                }
                let value = report::json(&script, &played);
                context.print(&value, |_| report::text(&script, &played));
                Ok(if played.is_good() { ExitCode::SUCCESS } else { ExitCode::from(1) })
            }
        }
    }
}

/// Why an act was not done.
enum Halt {
    /// The node refused it.
    Refused(comity_node::Error),
    /// Something else.
    Failed(Failure),
}

impl Halt {
    /// What the node or the script said; an error where it was something that no step is for.
    fn said(self) -> Result<(String, Said), Failure> {
        match self {
            Self::Refused(error) if error.is_unreachable() => Err(error.into()),
            Self::Refused(error) => Ok((error.to_string(), Said::Refused(error))),
            Self::Failed(Failure::No(text) | Failure::Wrong(text)) => {
                Ok((text.clone(), Said::Other(text)))
            }
            Self::Failed(failure) => Err(failure),
        }
    }
}

impl From<comity_node::Error> for Halt {
    fn from(error: comity_node::Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How fast, and by whom.
struct Pace {
    real: bool,
    people: bool,
}

/// What came of an exercise.
struct Played {
    steps: Vec<Came>,
    review: comity_rules::review::Review,
    terms: comity_rules::agreement::Agreement,
    /// Both nodes made the same review, byte for byte.
    same: bool,
    /// An outsider found nothing wrong with the ledgers.
    clean: bool,
}

impl Played {
    fn is_good(&self) -> bool {
        self.same && self.clean && self.steps.iter().all(|came| came.good)
    }
}

/// The exercise while it goes on.
struct Run<'a> {
    script: &'a Script,
    pace: &'a Pace,
    stage: Stage,
    threads: BTreeMap<String, ThreadId>,
}

async fn play(
    context: &Context,
    script: &Script,
    pace: &Pace,
    port: Option<u16>,
) -> Result<Played, Failure> {
    let temporary = tempfile::Builder::new().prefix("comity-exercise-").tempdir();
    let temporary = temporary.map_err(|error| Failure::Unreachable(error.to_string()))?;
    let stage = Stage::set(temporary.path(), port, context.json, cast(script)?).await?;
    let mut run = Run { script, pace, stage, threads: BTreeMap::new() };
    run.hire().await?;
    tell!(context.json, "EXERCISE. {}\n", script.title.in_language("en"));
    if pace.people {
        run.stage.invite();
        tell!(context.json);
    }
    let mut steps = Vec::new();
    for step in &script.steps {
        let came = run.step(step).await?;
        let time = came.at.strftime("%a %d %b %H:%M UTC");
        let mark = if came.good { "" } else { "  << not as it should be" };
        tell!(
            context.json,
            "{time}  {:<12} {}{mark}",
            step.by.as_str(),
            step.tell.in_language("en")
        );
        if let Some(said) = came.said.as_ref().filter(|_| !came.good || step.refused.is_some()) {
            tell!(context.json, "{:34}{}", "", said.in_language("en"));
        }
        steps.push(came);
    }
    let played = run.end(steps).await?;
    run.stage.strike().await;
    Ok(played)
}

fn cast(script: &Script) -> Result<Cast, Failure> {
    let shipped = TEMPLATES.iter().find(|(id, _)| *id == script.template);
    let template = match shipped {
        Some((_, text)) => (*text).to_owned(),
        None => read(script.template.as_ref())?,
    };
    let mut calendars = [None, None];
    for (slot, party) in calendars.iter_mut().zip(&script.parties) {
        let parse = |id: &String| {
            Calendar::parse(id).map_err(|error| Failure::Wrong(format!("{}: {error}", party.id)))
        };
        *slot = party.calendar.as_ref().map(parse).transpose()?;
    }
    let party = |index: usize| {
        let party = &script.parties[index];
        (party.id.to_string(), party.name.clone(), party.zone.clone())
    };
    Ok(Cast {
        start: script.start,
        parties: [party(0), party(1)],
        template,
        calendars,
        exercise: true,
    })
}

impl Run<'_> {
    fn side(&self, party: &comity_rules::PartyId) -> &Side {
        if self.stage.north.node.party() == party { &self.stage.north } else { &self.stage.south }
    }

    /// Gives everybody an account, so that people can come in and the journal says whose act it was.
    async fn hire(&self) -> Result<(), Failure> {
        for party in &self.script.parties {
            let node = &self.side(&party.id).node;
            for someone in &party.people {
                let person = Person {
                    name: someone.name.clone(),
                    role: someone.role,
                    authority: someone.authority.clone(),
                };
                let password = node.add_account(&Person::operator(), person).await?;
                if self.pace.people {
                    tell!(
                        self.stage.json,
                        "{} comes in with the password {password}",
                        someone.name
                    );
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<Came, Failure> {
        self.wait_until(step.at.after(self.script.start)).await;
        let mut came = Came {
            number: 0,
            planned: step.at.after(self.script.start),
            at: whole(self.stage.clock.now()),
            good: true,
            by_person: false,
            said: None,
        };
        if let Some(expect) = &step.expect {
            let found = self.look(step, expect).await?;
            came.good = found.is_empty();
            came.said = (!found.is_empty()).then(|| Said::Differs(found));
            return Ok(came);
        }
        let Some(act) = &step.act else { return Ok(came) };
        if let Some(within) = step.person_within.as_ref().filter(|_| self.pace.people) {
            let done = self.by_person(step, act, within).await?;
            came.by_person = done;
            came.at = whole(self.stage.clock.now());
            if done {
                self.stage.settle().await?;
                return Ok(came);
            }
            came.said = Some(Said::ByRobot(within.clone()));
        }
        let result = self.act(step, act).await;
        match (result, &step.refused) {
            (Ok(thread), None) => {
                if let (Some(name), Some(thread)) = (&step.name, thread) {
                    self.threads.insert(name.clone(), thread);
                }
            }
            (Ok(_), Some(_)) => {
                came.good = false;
                came.said = Some(Said::NotRefused);
            }
            (Err(halt), wanted) => {
                let (problem, said) = halt.said()?;
                came.good = wanted.as_ref().is_some_and(|wanted| problem.contains(wanted));
                came.said = Some(said);
            }
        }
        // A line that is down lets nothing settle.
        let sides = [&self.stage.north, &self.stage.south];
        if !sides.iter().any(|side| side.line.is_down()) {
            self.stage.settle().await?;
        }
        Ok(came)
    }

    async fn wait_until(&self, time: Timestamp) {
        let wait = time.duration_since(self.stage.clock.now());
        if !wait.is_positive() {
            return;
        }
        if self.pace.real {
            tokio::time::sleep(wait.unsigned_abs()).await;
        } else {
            self.stage.clock.advance(wait);
        }
    }

    async fn act(&self, step: &Step, act: &Act) -> Result<Option<ThreadId>, Halt> {
        let side = self.side(&step.by);
        let node = &side.node;
        let person = self.person(step)?;
        let remark = |text: &str| Remark { text: text.to_owned() };
        let thread = act.of().and_then(|name| self.threads.get(name)).copied();
        let exercise = true;
        let command = match act.clone() {
            Act::Send { class, ask } => Command::Send { class, exercise, ask: *ask },
            Act::Acknowledge { text, .. } => Command::Acknowledge(remark(&text)),
            Act::Clarify { text, .. } => Command::Clarify(remark(&text)),
            Act::Answer { answer, .. } => Command::Answer(answer),
            Act::Assess { assessment, .. } => Command::Assess(assessment),
            Act::Escalate { text, .. } => Command::Escalate(remark(&text)),
            Act::Close { text, .. } => Command::Close(remark(&text)),
            Act::Withdraw { text, .. } => Command::Withdraw(remark(&text)),
            Act::Hotline { title, text, marking, spoken, .. } => {
                let telephone = !spoken.is_empty();
                let signal = if telephone { Signal::Telephone } else { Signal::Message };
                let message = Message { title, text, marking, spoken };
                Command::Deed(Deed::Signal { signal, about: thread, exercise, message })
            }
            Act::Test { signal } => {
                let text = if signal == Signal::Ping {
                    ""
                } else {
                    "The ferry runs in any weather but fog."
                };
                let message = Message {
                    title: signal.as_str().to_owned(),
                    text: text.to_owned(),
                    marking: comity_rules::content::Tlp::Clear,
                    spoken: String::new(),
                };
                Command::Deed(Deed::Signal { signal, about: None, exercise, message })
            }
            Act::Confirm { text, read_back, .. } => {
                self.confirm(node, thread, &text, read_back).await?
            }
            Act::Say { text, .. } => {
                Command::Deed(Deed::Say { again: None, remark: remark(&text) })
            }
            Act::Suspend { text } => {
                Command::Deed(Deed::Suspend { exercise, remark: remark(&text) })
            }
            Act::Resume { text, .. } => Command::Deed(Deed::Resume(remark(&text))),
            Act::Route { authority, part, stand, note, .. } => {
                let thread = thread.ok_or_else(|| Failure::Wrong("no such thread".to_owned()))?;
                node.route(&person, thread, &authority, (&part, &stand, &note)).await?;
                return Ok(None);
            }
            Act::LineFails {} => {
                side.line.fail();
                return Ok(None);
            }
            Act::LineMended {} => {
                side.line.mend();
                return Ok(None);
            }
        };
        let about = matches!(act, Act::Hotline { .. });
        let terms = self.stage.terms.hash().to_hex();
        let stated = node.state(&person, Some(&terms), thread.filter(|_| !about), command).await?;
        match stated {
            Stated::Now(done) => Ok(Some(done.thread)),
            Stated::Waits(draft) => {
                let text = format!("it waits for a second person as draft {draft}");
                Err(Failure::No(text).into())
            }
        }
    }

    /// Acknowledges the first message of a thread that waits for this side.
    async fn confirm(
        &self,
        node: &Arc<comity_node::Node>,
        thread: Option<ThreadId>,
        text: &str,
        read_back: bool,
    ) -> Result<Command, Failure> {
        let thread = thread.ok_or_else(|| Failure::Wrong("no such thread".to_owned()))?;
        let found = node.matter(&Person::operator(), thread).await?.into_inner();
        let waits = found.line.message_for(node.party());
        let (index, _) = waits.ok_or_else(|| Failure::No("no message waits there".to_owned()))?;
        let sent = found
            .statements
            .iter()
            .find(|one| one.event.index == index && one.author != *node.party());
        let sent = sent.and_then(|one| one.kept.as_ref()).map(|kept| &kept.letter);
        let own = match sent {
            Some(Letter::Message(message)) if read_back && text.is_empty() => message.text.clone(),
            _ => text.to_owned(),
        };
        let remark = Remark { text: own };
        Ok(Command::Deed(Deed::Confirm { message: index, read_back, remark }))
    }

    fn person(&self, step: &Step) -> Result<Person, Failure> {
        let Some(name) = &step.who else { return Ok(Person::operator()) };
        let party = self.script.parties.iter().find(|party| party.id == step.by);
        let someone = party.and_then(|party| party.people.iter().find(|one| one.name == *name));
        let someone = someone.ok_or_else(|| Failure::Wrong(format!("{name} does not play")))?;
        let (name, role, authority) =
            (someone.name.clone(), someone.role, someone.authority.clone());
        Ok(Person { name, role, authority })
    }

    /// Waits until somebody does it on the pages: whether somebody did.
    async fn by_person(
        &self,
        step: &Step,
        act: &Act,
        within: &comity_rules::Period,
    ) -> Result<bool, Failure> {
        let Some(thread) = act.of().and_then(|name| self.threads.get(name)).copied() else {
            return Ok(false);
        };
        let node = &self.side(&step.by).node;
        let who = step.who.as_deref().unwrap_or("somebody");
        let (url, end) = (self.side(&step.by).url(), within.after(self.stage.clock.now()));
        tell!(
            self.stage.json,
            "  {who} of {} is to act: {} ({url})",
            step.by,
            step.tell.in_language("en")
        );
        let count = async || -> Result<usize, Failure> {
            let own = if node.is_request(thread).await? {
                let found = node.dossier(&Person::operator(), thread).await?.into_inner();
                found.statements.iter().filter(|one| one.author == *node.party()).count()
            } else {
                let found = node.matter(&Person::operator(), thread).await?.into_inner();
                found.statements.iter().filter(|one| one.author == *node.party()).count()
            };
            Ok(own)
        };
        let before = count().await?;
        while self.stage.clock.now() < end {
            let seen = node.change_count();
            if count().await? > before {
                return Ok(true);
            }
            let _ = tokio::time::timeout(Duration::from_secs(1), node.changed(seen)).await;
        }
        Ok(false)
    }

    /// What is not as it should be.
    async fn look(&self, step: &Step, expect: &Expect) -> Result<Vec<[String; 3]>, Failure> {
        let node = &self.side(&step.by).node;
        let thread = self.threads.get(&expect.of).copied();
        let thread = thread.ok_or_else(|| Failure::Wrong(format!("no {:?}", expect.of)))?;
        let mut wrong = Vec::new();
        let mut compare = |what: &str, wanted: Option<String>, found: String| {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                wrong.push([what.to_owned(), found, wanted]);
            }
        };
        if node.is_request(thread).await? {
            let line = node.dossier(&Person::operator(), thread).await?.into_inner().line;
            let late = line.clocks.answer.late.is_some() || line.clocks.acknowledge.late.is_some();
            let rung = line.rung.as_ref().map_or(0, |rung| rung.step);
            let text = |flag: Option<bool>| flag.map(|flag| flag.to_string());
            compare("status", expect.state.clone(), line.standing.status.to_string());
            compare("overdue", text(expect.overdue), line.clocks.is_overdue().to_string());
            compare("late", text(expect.late), late.to_string());
            compare("rung", expect.rung.map(|rung| rung.to_string()), rung.to_string());
            let unsettled = node.unsettled(&Person::operator(), thread).await?.len().to_string();
            compare("unsettled", expect.unsettled.map(|count| count.to_string()), unsettled);
        } else {
            let line = node.matter(&Person::operator(), thread).await?.into_inner().line;
            compare("state", expect.state.clone(), line.state().to_owned());
        }
        Ok(wrong)
    }

    /// What both nodes and an outsider make of it.
    async fn end(&self, steps: Vec<Came>) -> Result<Played, Failure> {
        for side in [&self.stage.north, &self.stage.south] {
            side.line.mend();
        }
        self.stage.settle().await?;
        let day = |time: Timestamp| time.to_zoned(jiff::tz::TimeZone::UTC).date();
        let to = self.stage.clock.now().checked_add(SignedDuration::from_hours(24));
        let scope = comity_rules::review::Scope {
            from: day(self.script.start),
            to: day(to.unwrap_or(Timestamp::MAX)),
            exercise: true,
        };
        let until = Until { time: Some(self.stage.clock.now()), ..Until::default() };
        let mut reviews = Vec::new();
        for side in [&self.stage.north, &self.stage.south] {
            let agreement = side.agreement()?;
            let review = side.node.review(&Person::operator(), &agreement, scope, &until).await?;
            reviews.push(review.into_inner());
        }
        let same = reviews[0].to_canonical() == reviews[1].to_canonical();
        let clean = crate::demo::audit(&self.stage).await?.is_clean();
        // Nothing of it counts as real.
        let real = comity_rules::review::Scope { exercise: false, ..scope };
        let agreement = self.stage.north.agreement()?;
        let real =
            self.stage.north.node.review(&Person::operator(), &agreement, real, &until).await?;
        let real = real.into_inner();
        let apart = real.requests.is_empty() && real.mechanism.matters.is_empty();
        let steps = (1..).zip(steps).map(|(number, came)| Came { number, ..came }).collect();
        let review = reviews.swap_remove(0);
        let terms = (*agreement.terms).clone();
        Ok(Played { steps, review, terms, same: same && apart, clean })
    }
}
