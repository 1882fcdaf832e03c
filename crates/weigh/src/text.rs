//! Results in words, for a person who decides and for one who checks.

use std::fmt::Write as _;

use num_rational::BigRational;

use crate::agreement::Agreement;
use crate::case::LINKS;
use crate::difference::Comparison;
use crate::posterior::{Options, Unknown, believed, discount};
use crate::ratio::{decibans, exact, percent, rounded};
use crate::result::{PartyResult, Question, Run};
use crate::words::{self, Matrix, word};

impl Run {
    /// Which hypothesis, how probable, how sure, what it rests on, what would overturn it, and where
    /// the parties differ.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut out = String::new();
        if let Some(title) = self.title() {
            let _ = writeln!(out, "{title}\n");
        }
        if let Some(record) = self.record() {
            let _ = writeln!(out, "This is a {} attribution.\n", record.as_str());
        }
        for (party, chain) in &self.chains {
            let _ = writeln!(
                out,
                "The chain, as {party} sees it: {} of {} links shown.",
                chain.shown(),
                LINKS.len()
            );
            let prefixes = chain.prefixes();
            for (index, name) in LINKS.iter().enumerate() {
                let line = match (&chain.conditional[index], prefixes.get(index)) {
                    (Some(link), Some(product)) => format!(
                        "{} by itself, {} with all before it",
                        percent(link),
                        percent(product)
                    ),
                    (Some(link), None) => {
                        format!("{} by itself; a link before it is not shown", percent(link))
                    }
                    (None, _) => chain.why_not(index).to_owned(),
                };
                let _ = writeln!(out, "  {name:<16} {line}");
            }
            if let Some(first) = chain.first_unshown() {
                let _ = writeln!(out, "  The first link not shown is: {first}.");
            }
            out.push('\n');
        }
        out.push_str(&self.each(Question::summary));
        for (link, note) in self.notes() {
            let link = link.map_or(String::new(), |link| format!("{link}: "));
            let _ = writeln!(out, "Note: {link}{note}.");
        }
        out
    }

    /// Where the parties differ, and the crux.
    #[must_use]
    pub fn comparison(&self) -> String {
        self.headed(&self.each(Question::comparison))
    }

    /// Below what the file calls the matter.
    fn headed(&self, text: &str) -> String {
        self.title().map_or(text.to_owned(), |title| format!("{title}\n\n{text}"))
    }

    /// Every step of the arithmetic, for whoever recomputes it.
    #[must_use]
    pub fn explanation(&self) -> String {
        let mut out = self.each(Question::explanation);
        for (party, chain) in &self.chains {
            let _ =
                writeln!(out, "{party}: the chain, each link by itself and with all before it\n");
            let mut prefixes = chain.prefixes().into_iter();
            for (index, (name, link)) in LINKS.iter().zip(&chain.conditional).enumerate() {
                let product = prefixes.next();
                let line = match (link, product) {
                    (None, _) => chain.why_not(index).to_owned(),
                    (Some(link), None) => exact(link),
                    (Some(link), Some(product)) => {
                        format!(
                            "{}\n{:20}{} = {}",
                            exact(link),
                            "",
                            exact(&product),
                            percent(&product)
                        )
                    }
                };
                let _ = writeln!(out, "  {name:<16}  {line}");
            }
            out.push('\n');
        }
        self.headed(&out)
    }

    fn each(&self, text: fn(&Question) -> String) -> String {
        let mut out = String::new();
        for (link, question) in self.questions() {
            if let Some(link) = link {
                let _ = writeln!(out, "Link: {link}\n  It claims      {}\n", question.claims());
            }
            out.push_str(&text(question));
        }
        out
    }
}

impl Question {
    fn summary(&self) -> String {
        let mut out = String::new();
        for (party, result) in &self.parties {
            result.summary(self, party, &mut out);
        }
        out.push_str(&self.comparison());
        out
    }

    fn comparison(&self) -> String {
        let mut out = String::new();
        for comparison in &self.comparisons {
            self.compare(comparison, &mut out);
        }
        if self.parties.len() > 1 {
            for (party, _) in self.parties.iter().filter(|(_, result)| !result.is_shown()) {
                let _ = writeln!(out, "{party} is compared with nobody: nothing is shown to it.\n");
            }
        }
        out
    }

    fn compare(&self, comparison: &Comparison, out: &mut String) {
        let name = |index: usize| self.case.hypotheses[index].as_str();
        let Comparison { parties: [one, other], pair: [a, b], .. } = comparison;
        if comparison.agree {
            let _ = writeln!(out, "{one} and {other} hold the same hypothesis: {}.", name(*a));
        } else {
            let _ = writeln!(out, "{one} holds {}; {other} holds {}.", name(*a), name(*b));
        }
        for party in [one, other] {
            let leaders = self.parties[party].one_witness.leaders();
            let own = if comparison.agree || party == one { *a } else { *b };
            let ties: Vec<_> = leaders.into_iter().filter(|held| *held != own).map(name).collect();
            if !ties.is_empty() {
                let _ = writeln!(out, "  {party} holds exactly as much: {}.", ties.join(", "));
            }
        }
        let _ = writeln!(
            out,
            "  Over these two they are {:.1} decibans apart. From where that comes:",
            comparison.gap().abs()
        );
        let mut gaps = vec![("prior", &comparison.prior)];
        gaps.extend(comparison.roots.iter().map(|(root, ratios)| (root.as_str(), ratios)));
        let gap = |ratios: &[BigRational; 2]| decibans(&(&ratios[0] / &ratios[1]));
        gaps.sort_by(|(_, x), (_, y)| gap(y).abs().total_cmp(&gap(x).abs()));
        for (place, ratios) in gaps {
            let [x, y] = ratios.each_ref().map(|ratio| rounded(decibans(ratio), 1));
            let _ = writeln!(
                out,
                "    {place:<12} {:>6.1}   ({one} {x:.1}, {other} {y:.1})",
                rounded(gap(ratios), 1)
            );
        }
        if !comparison.agree {
            let sides = [(other, one, *a, 1), (one, other, *b, 0)];
            for (party, whose, hypothesis, side) in sides {
                let line = match &comparison.crux[side] {
                    Some(roots) => format!(
                        "If {party} rated {} as {whose} does, it would hold {} the more probable of the two.",
                        roots.join(", "),
                        name(hypothesis)
                    ),
                    None => format!(
                        "Not even with all of {whose}'s ratings would {party} hold {}: the priors decide.",
                        name(hypothesis)
                    ),
                };
                let _ = writeln!(out, "  {line}");
                if let Some(third) = comparison.then[side].filter(|then| *then != hypothesis) {
                    let _ = writeln!(out, "  {}", self.beyond(comparison, side, third));
                }
            }
        }
        out.push('\n');
    }

    /// Where a third hypothesis would come out on top: what would bring agreement.
    pub(crate) fn beyond(&self, comparison: &Comparison, side: usize, third: usize) -> String {
        let name = |index: usize| self.case.hypotheses[index].as_str();
        let hypothesis = name(comparison.pair[1 - side]);
        let then = format!("Yet {} would then be the most probable of all.", name(third));
        let more = match &comparison.agreement[side] {
            Agreement::Roots(roots) => {
                format!("To hold {hypothesis} above all it takes {}.", roots.join(", "))
            }
            Agreement::Never => {
                format!("Not even with all ratings would {hypothesis} be above all: the priors decide.")
            }
            Agreement::NotFound => {
                "What it would take beyond is not known: there are too many sets of roots to look at."
                    .to_owned()
            }
        };
        format!("{then} {more}")
    }

    fn explanation(&self) -> String {
        let mut out = String::new();
        let case = &self.case;
        for (party, result) in &self.parties {
            let (top, rival) = (result.one_witness.top(), result.one_witness.runner_up());
            let _ = writeln!(out, "{party}: every step\n");
            let priors: Vec<_> = case.priors[party].iter().map(exact).collect();
            let _ = writeln!(out, "  before the evidence   {}\n", priors.join("  "));
            for (id, item) in &case.items {
                let grade = case.sources[&item.source].grade;
                let given: Vec<_> = item.rows[party].iter().map(ToString::to_string).collect();
                let _ = writeln!(out, "  {id}\n    given                {}", given.join("  "));
                if let Some(exhibit) = &item.exhibit {
                    let _ = writeln!(out, "    exhibit              SHA-256 {exhibit}");
                }
                let ends: &[Unknown] =
                    if grade == 'F' { &[Unknown::Low, Unknown::High] } else { &[Unknown::Low] };
                for unknown in ends {
                    let options = Options { unknown: *unknown, ..Options::default() };
                    let r = believed(case, &item.source, &options);
                    let after = discount(&item.rows[party], &r);
                    let _ = writeln!(
                        out,
                        "    believed {} ({}, grade {grade}): {}",
                        exact(&r),
                        item.source,
                        after.iter().map(short).collect::<Vec<_>>().join("  ")
                    );
                }
            }
            out.push('\n');
            for witness in &result.witnesses {
                let by = witness.item.as_deref().unwrap_or("the row for all of it");
                let weight = decibans(&witness.likelihood_ratio(top, rival));
                let _ = writeln!(
                    out,
                    "  root {:<12} by {by}: {:.4} decibans for {} against {}",
                    witness.root,
                    rounded(weight, 4),
                    case.hypotheses[top],
                    case.hypotheses[rival]
                );
            }
            let _ = writeln!(out, "\n  after the evidence");
            for (name, share) in case.hypotheses.iter().zip(&result.one_witness.shares()) {
                let _ = writeln!(out, "    {name:<40} {} = {}", percent(share), exact(share));
            }
            let matrix = Matrix::of(case, party);
            let _ = writeln!(
                out,
                "\n  Matrix of competing hypotheses (a view: it counts an echo twice)"
            );
            for (id, weight, cells) in &matrix.rows {
                let cells: Vec<_> =
                    cells.iter().map(|cell| format!("{:<3}", cell.as_str())).collect();
                let _ = writeln!(out, "    {id:<32} x {weight:.2}  {}", cells.join(" "));
            }
            let scores: Vec<_> = matrix.scores.iter().map(|score| format!("{score:.2}")).collect();
            let _ = writeln!(
                out,
                "    {:<32}          {}\n",
                "against each, in all",
                scores.join("  ")
            );
        }
        out
    }

    /// The hypotheses that a chain claims of this link.
    pub(crate) fn claims(&self) -> String {
        let claim = self.case.claim.iter().map(|index| self.case.hypotheses[*index].as_str());
        claim.collect::<Vec<_>>().join(", or ")
    }

    /// How far sources of each grade are believed, F at both ends where one is.
    pub(crate) fn believed(&self) -> String {
        let used = |grade: char| self.case.sources.values().any(|source| source.grade == grade);
        let grades = self.case.grades.iter().filter(|(grade, _)| used(**grade));
        let mut each: Vec<_> = grades.map(|(grade, r)| format!("{grade} {}", exact(r))).collect();
        if used('F') {
            each.push("F 1/5 and 19/20".to_owned());
        }
        format!("sources by grade: {}", each.join(", "))
    }
}

impl PartyResult {
    fn summary(&self, question: &Question, party: &str, out: &mut String) {
        let case = &question.case;
        let name = |index: usize| case.hypotheses[index].as_str();
        let (top, rival) = (self.one_witness.top(), self.one_witness.runner_up());
        let share = &self.one_witness.share(top);
        if !self.is_shown() {
            let _ = writeln!(
                out,
                "As {party} sees it: NOT SHOWN\n  No evidence tells the hypotheses apart: what was believed before is no result.\n"
            );
            return;
        }
        let as_much: Vec<_> = self.ties().into_iter().map(name).collect();
        let tie = if as_much.is_empty() {
            String::new()
        } else {
            format!(", and exactly as much: {}", as_much.join(", "))
        };
        let _ = writeln!(out, "As {party} sees it: {}{tie}", name(top));
        let _ = writeln!(
            out,
            "  How probable   {} ({}, {})",
            percent(share),
            word(share),
            words::SCALE
        );
        let public = case.items.values().filter(|item| item.public).count();
        let _ = writeln!(
            out,
            "  How sure       {} independent roots; {public} of {} items can be checked by outsiders; Admiralty {}",
            self.roots(),
            case.items.len(),
            words::credibility(&self.witnesses, top, rival),
        );
        let _ = writeln!(out, "  Believed       {}", question.believed());
        let mut weights: Vec<_> =
            self.witnesses.iter().map(|w| (decibans(&w.likelihood_ratio(top, rival)), w)).collect();
        weights.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let _ = writeln!(out, "  It rests on    (decibans for it, against {})", name(rival));
        let _ = writeln!(
            out,
            "    {:>6.1}  what was believed before",
            rounded(decibans(&self.prior), 1)
        );
        for (weight, witness) in weights {
            let items: Vec<_> = case
                .items
                .iter()
                .filter(|(_, i)| i.root == witness.root)
                .map(|(id, _)| id.as_str())
                .collect();
            let _ = writeln!(
                out,
                "    {:>6.1}  {}: {}",
                rounded(weight, 1),
                witness.root,
                items.join(", ")
            );
        }
        let overturn = match self
            .smallest_flip()
            .map(|flip| (flip.rival, flip.roots.as_deref().unwrap_or_default()))
        {
            None => "nothing of the evidence: the conclusion rests on the prior".to_owned(),
            Some((rival, [])) => format!("nothing need fall: {} is as probable", name(rival)),
            Some((rival, roots)) => {
                format!("without {}, {} draws level", roots.join(", "), name(rival))
            }
        };
        let _ = writeln!(out, "  Overturned by  {overturn}");
        let others = [
            ("public evidence alone", &self.public_only),
            ("interested sources half believed", &self.interest[1]),
            ("interested sources not believed", &self.interest[2]),
            ("as if all items were independent", &self.independent),
        ];
        for (what, posterior) in others {
            let _ = writeln!(
                out,
                "  {what:<34} {}{}",
                percent(&posterior.share(top)),
                turned(question, posterior.top(), top)
            );
        }
        if let Some(unknown) = &self.unknown {
            for (what, posterior) in
                ["unknown sources believed little", "unknown sources believed much"]
                    .iter()
                    .zip(unknown)
            {
                let _ = writeln!(
                    out,
                    "  {what:<34} {}{}",
                    percent(&posterior.share(top)),
                    turned(question, posterior.top(), top)
                );
            }
        }
        for (what, without) in [("item", &self.without_item), ("root", &self.without_root)] {
            let flips: Vec<_> = without
                .iter()
                .filter(|(_, p)| p.leaders() != self.one_witness.leaders())
                .map(|(id, _)| id.as_str())
                .collect();
            let line = if flips.is_empty() {
                format!("no single {what} that is left out changes it")
            } else {
                format!("left out, each of these changes it: {}", flips.join(", "))
            };
            let _ = writeln!(out, "  {line}");
        }
        out.push('\n');
    }
}

/// A likelihood out of 10,000, exactly: an integer where it is one.
fn short(likelihood: &BigRational) -> String {
    let text = exact(likelihood);
    text.strip_suffix("/1").map_or(text.clone(), str::to_owned)
}

fn turned(question: &Question, now: usize, top: usize) -> String {
    if now == top {
        String::new()
    } else {
        format!("; then it is {}", question.case.hypotheses[now])
    }
}
