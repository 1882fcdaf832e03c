//! The stage of the demo and of exercises: two nodes, a witness, one clock. Everything is real but the hour.

mod line;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use comity_node::clock::{Adjustable, Clock};
use comity_node::network::{Network as _, Tcp};
use comity_node::node::{Agreement as Signed, Ledger};
use comity_node::serve::{self, Running};
use comity_node::witness::Witness;
use comity_node::{Config, Home, Node};
use comity_rules::Terms;
use comity_rules::agreement::{Agreement, Between, OutsideWitness, Party, Readers};
use comity_rules::calendar::Calendar;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use crate::failure::Failure;
pub(crate) use line::Line;

/// How long an act may take to be proven on both sides before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    pub(crate) clock: Arc<Adjustable>,
    pub(crate) north: Side,
    pub(crate) south: Side,
    pub(crate) terms: Terms,
    witness: JoinHandle<()>,
    /// Whether the result is JSON: then the story goes to standard error.
    pub(crate) json: bool,
}

/// Who plays, since when, under which terms.
pub(crate) struct Cast {
    /// When it begins.
    pub(crate) start: Timestamp,
    /// Each party's id, name and time zone.
    pub(crate) parties: [(String, String, String); 2],
    /// The terms, as a template.
    pub(crate) template: String,
    /// The calendars by which they work, where the terms count working time.
    pub(crate) calendars: [Option<Calendar>; 2],
    /// Whether all of it is an exercise.
    pub(crate) exercise: bool,
}

/// A party that plays.
pub(crate) struct Side {
    pub(crate) node: Arc<Node>,
    pub(crate) line: Line,
    running: Option<Running>,
    password: String,
    host: String,
}

impl Stage {
    /// Makes everything and has both sides sign the terms.
    pub(crate) async fn set(
        folder: &Path,
        port: Option<u16>,
        json: bool,
        cast: Cast,
    ) -> Result<Self, Failure> {
        let clock = Arc::new(Adjustable::new(cast.start));
        let witness = Witness::open(&folder.join("witness"), "harbour.example", clock.clone())
            .map_err(|error| Failure::Unreachable(error.to_string()))?;
        let witness = Arc::new(witness);
        let listener =
            Tcp.bind("127.0.0.1:0").await.map_err(|e| Failure::Unreachable(e.to_string()))?;
        let url = format!("http://127.0.0.1:{}", listener.port());
        let serving = tokio::spawn(serve::plain(listener, Arc::clone(&witness).router()));
        let ports = ports(port).await?;
        let [one, other] = &cast.parties;
        let (mut north, north_root) =
            Side::make(&folder.join(&one.0), one, &ports[..3], (&clock, cast.exercise)).await?;
        let (mut south, south_root) =
            Side::make(&folder.join(&other.0), other, &ports[3..], (&clock, cast.exercise)).await?;
        north.node.add_peer(south.node.home().card().to_string().as_bytes()).await?;
        south.node.add_peer(north.node.home().card().to_string().as_bytes()).await?;
        let outside =
            OutsideWitness { name: "harbour".to_owned(), key: witness.key().to_string(), url };
        let terms = propose(&north, &south, outside, clock.now(), &cast)?;
        for (side, root) in [(&north, &north_root), (&south, &south_root)] {
            let root = side.node.home().root_key(root)?;
            let agreement = side.node.sign(terms.clone(), &root).await?;
            let (policy, _) = side.node.policy(&agreement).await?;
            for line in policy.lines().filter_map(|line| line.strip_prefix("log ")) {
                let key = comity_ledger::VerifierKey::parse(line)?;
                witness.watch(&key).map_err(|error| Failure::Unreachable(error.to_string()))?;
            }
        }
        north.start().await?;
        south.start().await?;
        let stage = Self { clock, north, south, terms, witness: serving, json };
        stage.settle().await?;
        Ok(stage)
    }

    /// Puts the clock forward.
    pub(crate) fn pass(&self, minutes: i64) {
        self.clock.advance(SignedDuration::from_mins(minutes));
    }

    /// Waits until everything stated is witnessed, delivered and mirrored on both sides.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let settled = async {
            loop {
                let seen = (self.north.node.change_count(), self.south.node.change_count());
                if self.is_settled().await? {
                    return Ok::<(), Failure>(());
                }
                tokio::select! {
                    _ = self.north.node.changed(seen.0) => {}
                    _ = self.south.node.changed(seen.1) => {}
                    () = tokio::time::sleep(Duration::from_millis(200)) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.map_err(|_| {
            Failure::Unreachable("the two sides did not come to rest within 30 s".to_owned())
        })?
    }

    /// Waits until outside witnesses and the other side's mirror cover all that one side stated,
    /// whether or not the other side can answer.
    pub(crate) async fn held(&self, side: &Side) -> Result<(), Failure> {
        self.until(side, |own, mirrored| own.witnessed == own.size && mirrored == own.size).await
    }

    /// Waits until one side has had its own ledger witnessed, whatever the other does.
    pub(crate) async fn witnessed(&self, side: &Side) -> Result<(), Failure> {
        self.until(side, |own, _| own.witnessed == own.size).await
    }

    async fn until(&self, side: &Side, done: fn(&Ledger, u64) -> bool) -> Result<(), Failure> {
        let waits = async {
            loop {
                let seen = side.node.change_count();
                let own = side.ledger().await?;
                if done(&own, side.node.mirrored(&own).await?) {
                    return Ok::<(), Failure>(());
                }
                side.node.changed(seen).await;
            }
        };
        tokio::time::timeout(PATIENCE, waits).await.map_err(|_| {
            let problem = "witness and mirror did not answer within 30 s";
            Failure::Unreachable(problem.to_owned())
        })?
    }

    async fn is_settled(&self) -> Result<bool, Failure> {
        for side in [&self.north, &self.south, &self.north] {
            if !side.node.is_at_rest(&*side.agreement()?).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says where everything is.
    pub(crate) fn invite(&self) {
        tell!(self.json, "\nLook around (Ctrl-C ends it):");
        for side in [&self.north, &self.south] {
            tell!(
                self.json,
                "  {:<24} {}  password {}",
                side.node.card().name,
                side.url(),
                side.password
            );
        }
    }

    /// Stops everything.
    pub(crate) async fn strike(mut self) {
        self.north.stop().await;
        self.south.stop().await;
        self.witness.abort();
    }
}

impl Side {
    async fn make(
        folder: &Path,
        (id, name, zone): &(String, String, String),
        ports: &[u16],
        (clock, exercise): (&Arc<Adjustable>, bool),
    ) -> Result<(Self, std::path::PathBuf), Failure> {
        let at = |index: usize| format!("127.0.0.1:{}", ports.get(index).copied().unwrap_or(0));
        let config = Config {
            party: id.parse().map_err(|error| Failure::Wrong(format!("party {id:?}: {error}")))?,
            name: name.clone(),
            zone: zone.clone(),
            exchange: at(0),
            exchange_listen: None,
            web: at(1),
            admin: at(2),
            pages: None,
            hotline_tests: false,
            exercise,
            mail: None,
        };
        let made = Home::init(folder, config).await?;
        let db = Node::store(&made.home, None).await?;
        let line = Line::default();
        let node = Node::open(made.home, db, clock.clone(), Arc::new(line.clone())).await?;
        let host = format!("{id}.localhost");
        Ok((Self { node, line, running: None, password: made.password, host }, made.root_key))
    }

    pub(crate) async fn start(&mut self) -> Result<(), Failure> {
        self.running = Some(serve::start(&self.node, comity_web::router(&self.node)).await?);
        Ok(())
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    pub(crate) fn url(&self) -> String {
        let port = self.node.home().config().web.rsplit(':').next().unwrap_or_default().to_owned();
        format!("http://{}:{port}/", self.host)
    }

    /// The URL of this side's ledger.
    pub(crate) async fn ledger_url(&self) -> Result<String, Failure> {
        let web = &self.node.home().config().web;
        Ok(format!("http://{web}/ledger/{}", self.ledger().await?.id))
    }

    pub(crate) async fn ledger(&self) -> Result<Ledger, Failure> {
        Ok(self.node.own_ledger(&*self.agreement()?).await?)
    }

    pub(crate) fn agreement(&self) -> Result<Arc<Signed>, Failure> {
        let mut all = self.node.agreements();
        all.pop().ok_or_else(|| Failure::Wrong("no terms are signed".to_owned()))
    }
}

fn propose(
    north: &Side,
    south: &Side,
    witness: OutsideWitness,
    now: Timestamp,
    cast: &Cast,
) -> Result<Terms, Failure> {
    let wrong = |error: comity_rules::agreement::Problem| Failure::Wrong(error.to_string());
    let sides = [north, south].into_iter().zip(&cast.calendars);
    let parties = sides.clone().map(|(side, calendar)| {
        let card = side.node.card();
        Party {
            id: card.party.clone(),
            name: card.name.clone(),
            zone: card.zone.clone(),
            root: card.root.to_string(),
            calendar: calendar.as_ref().map(|calendar| calendar.id.clone()),
        }
    });
    let mut template = Agreement::clone(&*Terms::parse(&cast.template).map_err(wrong)?);
    for calendar in cast.calendars.iter().flatten() {
        if template.calendars.iter().all(|known| known.id != calendar.id) {
            template.calendars.push(calendar.clone());
        }
    }
    let between = Between {
        proposed: now,
        readers: Readers::Everyone,
        quorum: 1,
        closes: None,
        parties: parties.collect(),
        witnesses: vec![witness],
    };
    Terms::propose(&template, between).map_err(wrong)
}

/// Exchange, pages and health of both sides.
async fn ports(first: Option<u16>) -> Result<[u16; 6], Failure> {
    let unreachable = |error: std::io::Error| Failure::Unreachable(error.to_string());
    let mut ports = [0; 6];
    let mut held = Vec::new();
    for port in &mut ports {
        // Held until all are found, so that none is given twice.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(unreachable)?;
        *port = listener.local_addr().map_err(unreachable)?.port();
        held.push(listener);
    }
    if let Some(first) = first {
        let second = first.checked_add(1).ok_or_else(|| {
            Failure::Wrong("--port: the next port is needed too; want at most 65534".to_owned())
        })?;
        (ports[1], ports[4]) = (first, second);
    }
    Ok(ports)
}
