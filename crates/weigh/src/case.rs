//! A case as it was read: hypotheses, sources, evidence, and what each party thinks of it.

use std::collections::BTreeMap;

use num_rational::BigRational;
use num_traits::{One as _, Zero as _};

use crate::json::{At, InputError, Json};
use crate::ratio;

/// The hypotheses of one question, the evidence, and the parties' ratings of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What the file calls the matter.
    pub title: Option<String>,
    /// What kind of record this is, where the file says.
    pub record: Option<Record>,
    /// Exclusive hypotheses, in the file's order.
    pub hypotheses: Vec<String>,
    /// Those that together are what a chain claims of this link: the first, where the file names none.
    pub claim: Vec<usize>,
    /// How far a source of each letter is believed, 0 to 1.
    pub grades: BTreeMap<char, BigRational>,
    /// Sources, by id.
    pub sources: BTreeMap<String, Source>,
    /// Evidence, by id.
    pub items: BTreeMap<String, Item>,
    /// Roots of which the file says what all their items together are worth.
    pub joint: BTreeMap<String, Joint>,
    /// What each party believed before the evidence: one share for each hypothesis, summing to 1.
    pub priors: BTreeMap<String, Vec<BigRational>>,
}

/// What kind of attribution a file is. They answer different questions by different standards, so each
/// is a record of its own, and none is made from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Which machines, tools and operators.
    Technical,
    /// Whom a government holds responsible.
    Political,
    /// What a court, or the law of state responsibility, finds.
    Legal,
}

impl Record {
    const ALL: [Self; 3] = [Self::Technical, Self::Political, Self::Legal];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Technical => "technical",
            Self::Political => "political",
            Self::Legal => "legal",
        }
    }

    fn read(file: &At<'_>) -> Result<Option<Self>, InputError> {
        let Some(at) = file.entry("record")? else { return Ok(None) };
        let name = at.text()?;
        let found = Self::ALL.into_iter().find(|record| record.as_str() == name);
        let wrong = || at.wrong("want technical, political or legal: one record is one of them");
        found.ok_or_else(wrong).map(Some)
    }
}

/// Where evidence comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Admiralty letter, `A` to `F`.
    pub grade: char,
    /// Whether it declared an interest in the result.
    pub conflict: bool,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its source.
    pub source: String,
    /// What it goes back to: items with one root are one witness.
    pub root: String,
    /// Whether an outsider can check it.
    pub public: bool,
    /// SHA-256 of the exhibit, where there is one.
    pub exhibit: Option<String>,
    /// Of each party: out of 10,000, how often it would be seen under each hypothesis.
    pub rows: BTreeMap<String, Vec<u32>>,
}

/// What all items of a root together are worth, said outright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joint {
    /// The source whose grade discounts it.
    pub source: String,
    /// As in [`Item::rows`].
    pub rows: BTreeMap<String, Vec<u32>>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One question.
    Case(Case),
    /// A chain of links, each a question of its own, with its name.
    Chain(Vec<(String, Case)>),
}

/// The links from the intrusion to who gained by it, in order.
pub const LINKS: [&str; 6] =
    ["intrusion", "infrastructure", "operator", "tasking", "beneficiary", "product or loss"];

/// How far a state answers for what was done, from the least to the most (Healey, *Beyond Attribution*,
/// 2011): the hypotheses of the tasking link.
pub const LEVELS: [&str; 10] = [
    "state-prohibited",
    "state-prohibited-but-inadequate",
    "state-ignored",
    "state-encouraged",
    "state-shaped",
    "state-coordinated",
    "state-ordered",
    "state-rogue-conducted",
    "state-executed",
    "state-integrated",
];

/// Hypotheses, and items, of one case at most: beyond any real one. A product of so many likelihoods has tens
/// of thousands of bits, and there is one for every item that is left out.
const MAX: usize = 1_000;

impl Input {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`InputError`], with the place. Nothing is guessed.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        let json = Json::parse(text)?;
        let file = json.at();
        let Some(links) = file.entry("links")? else { return Ok(Self::Case(Case::read(&file)?)) };
        file.only(&["links", "record", "results", "chain", "notes", "rule", "title"])?;
        let (record, own) = (Record::read(&file)?, title(&file)?);
        file.entry("rule")?.map(|at| at.text()).transpose()?;
        let mut chain: Vec<(String, Case)> = Vec::new();
        for link in links.list()? {
            let at = link.needed("name")?;
            let name = at.text()?;
            let order = |name: &str| LINKS.iter().position(|known| *known == name);
            let Some(place) = order(name) else {
                return Err(at.wrong(format!("want one of {}", LINKS.join(", "))));
            };
            if chain.last().and_then(|(last, _)| order(last)).is_some_and(|last| last >= place) {
                return Err(
                    at.wrong(format!("the links stand in this order: {}", LINKS.join(", ")))
                );
            }
            if let Some(own) = link.entry("record")? {
                return Err(own.wrong("all links are one record: say which beside `links`"));
            }
            let mut case = Case::read(&link)?;
            case.record = record;
            case.title = case.title.or_else(|| own.clone());
            chain.push((name.to_owned(), case));
        }
        match chain.as_slice() {
            [] => Err(links.wrong("a chain has at least one link")),
            [(_, first), rest @ ..] => {
                for (name, case) in rest {
                    if !case.priors.keys().eq(first.priors.keys()) {
                        return Err(links.wrong(format!("the parties of {name} are others")));
                    }
                }
                Ok(Self::Chain(chain))
            }
        }
    }
}

impl Case {
    fn read(file: &At<'_>) -> Result<Self, InputError> {
        let names = [
            "name",
            "title",
            "record",
            "hypotheses",
            "claim",
            "grades",
            "sources",
            "evidence",
            "joint",
            "priors",
            "rule",
        ];
        // What an earlier run wrote into the file is not input.
        let written = ["results", "chain", "notes"];
        for (name, at) in file.entries()? {
            let old = written.contains(&name)
                || name.starts_with("party_")
                || name.starts_with("crux_set_");
            if !names.contains(&name) && !old {
                return Err(
                    at.wrong(format!("not a name of a case; there are {}", names.join(", ")))
                );
            }
        }
        let hypotheses = hypotheses(&file.needed("hypotheses")?)?;
        let claim = match file.entry("claim")? {
            Some(at) => claim(&at, &hypotheses)?,
            None => vec![0],
        };
        let grades = grades(&file.needed("grades")?)?;
        let sources = sources(&file.needed("sources")?, &grades)?;
        let priors = priors(&file.needed("priors")?, hypotheses.len())?;
        let shape = Shape { hypotheses: hypotheses.len(), sources: &sources, priors: &priors };
        let items = shape.items(&file.needed("evidence")?)?;
        let joint = match file.entry("joint")? {
            Some(at) => shape.joint(&at, &items)?,
            None => BTreeMap::new(),
        };
        let record = Record::read(file)?;
        let title = title(file)?;
        file.entry("rule")?.map(|at| at.text()).transpose()?;
        Ok(Self { title, record, hypotheses, claim, grades, sources, items, joint, priors })
    }

    /// The parties, by name.
    pub fn parties(&self) -> impl Iterator<Item = &str> {
        self.priors.keys().map(String::as_str)
    }

    /// The roots, by name.
    #[must_use]
    pub fn roots(&self) -> Vec<&str> {
        let mut roots: Vec<_> = self.items.values().map(|item| item.root.as_str()).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }
}

fn title(file: &At<'_>) -> Result<Option<String>, InputError> {
    file.entry("title")?.map(|at| at.text().map(str::to_owned)).transpose()
}

fn hypotheses(at: &At<'_>) -> Result<Vec<String>, InputError> {
    let mut hypotheses: Vec<String> = Vec::new();
    for hypothesis in at.list()? {
        let name = hypothesis.text()?;
        if hypotheses.iter().any(|known| known == name) {
            return Err(hypothesis.wrong(format!("{name:?} stands twice; each stands once")));
        }
        hypotheses.push(name.to_owned());
    }
    match hypotheses.len() {
        2..=MAX => Ok(hypotheses),
        count => Err(at.wrong(format!("want two hypotheses or more, found {count}"))),
    }
}

/// The hypotheses that a link claims, by name.
fn claim(at: &At<'_>, hypotheses: &[String]) -> Result<Vec<usize>, InputError> {
    let mut claim = Vec::new();
    for named in at.list()? {
        let name = named.text()?;
        let place = hypotheses.iter().position(|known| known == name);
        let place = place.ok_or_else(|| named.wrong(format!("{name:?} is not a hypothesis")))?;
        if claim.contains(&place) {
            return Err(named.wrong(format!("{name:?} stands twice; each stands once")));
        }
        claim.push(place);
    }
    let some = (1..hypotheses.len()).contains(&claim.len());
    if some { Ok(claim) } else { Err(at.wrong("want some of the hypotheses, and not all")) }
}

fn fraction(at: &At<'_>) -> Result<BigRational, InputError> {
    let want = "want a fraction as a text, such as \"4/5\"";
    ratio::parse(at.text().map_err(|_| at.wrong(want))?).ok_or_else(|| at.wrong(want))
}

fn grades(at: &At<'_>) -> Result<BTreeMap<char, BigRational>, InputError> {
    let mut grades = BTreeMap::new();
    for (name, at) in at.entries()? {
        let letter = name.chars().next().filter(|c| ('A'..='E').contains(c) && name.len() == 1);
        let letter =
            letter.ok_or_else(|| at.wrong("want a letter A to E; F is run at both ends"))?;
        let value = fraction(&at)?;
        if value > BigRational::one() {
            return Err(at.wrong("want a fraction from 0 to 1"));
        }
        grades.insert(letter, value);
    }
    Ok(grades)
}

fn sources(
    at: &At<'_>,
    grades: &BTreeMap<char, BigRational>,
) -> Result<BTreeMap<String, Source>, InputError> {
    let mut sources = BTreeMap::new();
    for (id, at) in at.entries()? {
        if id.trim().is_empty() {
            return Err(at.wrong("a source has an id"));
        }
        at.only(&["grade", "coi", "name"])?;
        let grade = at.needed("grade")?;
        let text = grade.text()?;
        let letter = text.chars().next().filter(|_| text.len() == 1);
        let letter = letter.filter(|letter| *letter == 'F' || grades.contains_key(letter));
        let letter =
            letter.ok_or_else(|| grade.wrong("not a letter that `grades` gives, nor F"))?;
        let conflict = at.needed("coi")?.boolean()?;
        sources.insert(id.to_owned(), Source { grade: letter, conflict });
    }
    Ok(sources)
}

fn priors(
    at: &At<'_>,
    hypotheses: usize,
) -> Result<BTreeMap<String, Vec<BigRational>>, InputError> {
    let mut priors = BTreeMap::new();
    for (party, at) in at.entries()? {
        if ["src", "root", "public", "parents", "exhibit", "gap"].contains(&party) {
            return Err(at.wrong("no party has this name: it means something else here"));
        }
        let list = at.list()?;
        if list.len() != hypotheses {
            return Err(at.wrong(format!(
                "want one prior for each of the {hypotheses} hypotheses, found {}",
                list.len()
            )));
        }
        let mut shares = Vec::new();
        for share in list {
            let value = fraction(&share)?;
            if value.is_zero() {
                return Err(share.wrong("a prior of 0 can never be changed by evidence; want more"));
            }
            shares.push(value);
        }
        let sum: BigRational = shares.iter().sum();
        if !sum.is_one() {
            return Err(
                at.wrong(format!("the priors sum to {}, and must to 1", ratio::exact(&sum)))
            );
        }
        if party.trim().is_empty() {
            return Err(at.wrong("a party has a name"));
        }
        priors.insert(party.to_owned(), shares);
    }
    if priors.is_empty() {
        return Err(at.wrong("want the priors of one party or more"));
    }
    Ok(priors)
}

/// What rows must fit.
struct Shape<'a> {
    hypotheses: usize,
    sources: &'a BTreeMap<String, Source>,
    priors: &'a BTreeMap<String, Vec<BigRational>>,
}

impl Shape<'_> {
    fn items(&self, at: &At<'_>) -> Result<BTreeMap<String, Item>, InputError> {
        let entries = at.entries()?;
        if entries.len() > MAX {
            return Err(at.wrong(format!("at most {MAX} items are read")));
        }
        let mut items = BTreeMap::new();
        let mut parents = BTreeMap::new();
        for (id, at) in &entries {
            let mut names = vec!["src", "root", "public", "parents", "exhibit"];
            names.extend(self.priors.keys().map(String::as_str));
            if id.trim().is_empty() {
                return Err(at.wrong("an item has an id"));
            }
            self.parties(at, &names)?;
            at.only(&names)?;
            let source = self.source(&at.needed("src")?)?;
            let public = at.needed("public")?.boolean()?;
            let exhibit = at.entry("exhibit")?.as_ref().map(digest).transpose()?;
            let rows = self.rows(at)?;
            let root = at.entry("root")?.map(|at| at.text()).transpose()?.unwrap_or_default();
            let above = match at.entry("parents")? {
                Some(list) => list.list()?.iter().map(At::text).collect::<Result<Vec<_>, _>>()?,
                None => Vec::new(),
            };
            parents.insert(*id, above);
            let root = root.to_owned();
            items.insert((*id).to_owned(), Item { source, root, public, exhibit, rows });
        }
        for (id, at) in &entries {
            let unknown = parents[id].iter().find(|parent| !items.contains_key(**parent));
            if let Some(parent) = unknown {
                return Err(at.wrong(format!("its parent {parent:?} is not among the evidence")));
            }
            let root = root_of(id, &items, &parents, at)?;
            let above: Vec<String> = parents[id]
                .iter()
                .map(|parent| root_of(parent, &items, &parents, at))
                .collect::<Result<_, _>>()?;
            if goes_round(id, &parents) {
                return Err(at.wrong("its parents go round in a circle, back to itself"));
            }
            if let Some(other) = items.get(&root).filter(|_| root != **id) {
                let own = if other.root.is_empty() { root.as_str() } else { other.root.as_str() };
                if own != root {
                    return Err(at.wrong(format!(
                        "its root {root:?} is an item that goes back to {own:?}: give that, or make it a parent"
                    )));
                }
            }
            // Of parents with several roots it says which; with another than all of them it contradicts them.
            if !above.is_empty() && !above.contains(&root) {
                let above = above.join(", ");
                let problem = format!("its root is {root:?}, and its parents go back to {above}");
                return Err(at.wrong(problem));
            }
            if ["prior", "pair"].contains(&root.as_str()) {
                return Err(at.wrong(format!("no root is called {root:?}: results use the name")));
            }
            if let Some(item) = items.get_mut(*id) {
                item.root = root;
            }
        }
        Ok(items)
    }

    /// Whoever rates evidence has said what it believed before.
    fn parties(&self, at: &At<'_>, names: &[&str]) -> Result<(), InputError> {
        let rated = at
            .entries()?
            .into_iter()
            .find(|(name, value)| !names.contains(name) && value.list().is_ok());
        match rated {
            Some((name, at)) => Err(at.wrong(format!(
                "a rating by {name:?}, which has no priors: every party has a prior for each hypothesis in `priors`"
            ))),
            None => Ok(()),
        }
    }

    fn joint(
        &self,
        at: &At<'_>,
        items: &BTreeMap<String, Item>,
    ) -> Result<BTreeMap<String, Joint>, InputError> {
        let mut joint = BTreeMap::new();
        for (root, at) in at.entries()? {
            if items.values().all(|item| item.root != root) {
                return Err(at.wrong("no item has this root"));
            }
            let mut names = vec!["src"];
            names.extend(self.priors.keys().map(String::as_str));
            at.only(&names)?;
            let source = self.source(&at.needed("src")?)?;
            joint.insert(root.to_owned(), Joint { source, rows: self.rows(&at)? });
        }
        Ok(joint)
    }

    fn source(&self, at: &At<'_>) -> Result<String, InputError> {
        let id = at.text()?;
        if self.sources.contains_key(id) {
            return Ok(id.to_owned());
        }
        Err(at.wrong(format!("there is no source {id:?} among `sources`")))
    }

    fn rows(&self, at: &At<'_>) -> Result<BTreeMap<String, Vec<u32>>, InputError> {
        let mut rows = BTreeMap::new();
        for party in self.priors.keys() {
            let row = at.needed(party)?;
            let list = row.list()?;
            if list.len() != self.hypotheses {
                return Err(row.wrong(format!(
                    "want one likelihood for each of the {} hypotheses, found {}",
                    self.hypotheses,
                    list.len()
                )));
            }
            let likelihood = |at: &At<'_>| {
                let value = at.integer()?;
                u32::try_from(value).ok().filter(|value| (1..=9999).contains(value)).ok_or_else(
                    || {
                        at.wrong(format!(
                        "want an integer from 1 to 9999, out of 10,000, found {value}: nothing is \
                         impossible, nothing certain"
                    ))
                    },
                )
            };
            let row = list.iter().map(likelihood).collect::<Result<_, _>>()?;
            rows.insert(party.clone(), row);
        }
        Ok(rows)
    }
}

/// The SHA-256 of an exhibit.
fn digest(at: &At<'_>) -> Result<String, InputError> {
    let text = at.text()?;
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex {
        return Ok(text.to_owned());
    }
    Err(at.wrong(format!("want the SHA-256 of an exhibit, 64 hexadecimal digits, found {text:?}")))
}

/// Whether an item is among its parents, theirs, and so on.
fn goes_round(id: &str, parents: &BTreeMap<&str, Vec<&str>>) -> bool {
    let mut open: Vec<&str> = parents.get(id).cloned().unwrap_or_default();
    let mut seen = Vec::new();
    while let Some(next) = open.pop() {
        if next == id {
            return true;
        }
        if !seen.contains(&next) {
            seen.push(next);
            open.extend(parents.get(next).into_iter().flatten());
        }
    }
    false
}

/// The root that is given, else that of the parents, else the item itself.
fn root_of(
    id: &str,
    items: &BTreeMap<String, Item>,
    parents: &BTreeMap<&str, Vec<&str>>,
    at: &At<'_>,
) -> Result<String, InputError> {
    let mut roots = Vec::new();
    let mut open = vec![id];
    let mut seen = Vec::new();
    while let Some(next) = open.pop() {
        if seen.contains(&next) {
            continue;
        }
        seen.push(next);
        let item = items
            .get(next)
            .ok_or_else(|| at.wrong(format!("its parent {next:?} is not among the evidence")))?;
        let above = parents.get(next).map(Vec::as_slice).unwrap_or_default();
        match (item.root.as_str(), above) {
            ("", []) => roots.push(next),
            ("", above) => open.extend(above),
            (root, _) => roots.push(root),
        }
    }
    roots.sort_unstable();
    roots.dedup();
    match roots.as_slice() {
        [root] => Ok((*root).to_owned()),
        [] => Err(at.wrong("its parents go round in a circle")),
        roots => Err(at.wrong(format!(
            "its parents go back to several roots ({}); say which with `root`",
            roots.join(", ")
        ))),
    }
}
