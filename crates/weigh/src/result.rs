//! Everything that a run gives: for every party, nothing averaged; the parties compared; the chain.

use std::collections::BTreeMap;

use num_rational::BigRational;
use serde_json::{Map, Value, json};

use crate::agreement::Agreement;
use crate::case::{Case, Input, Record};
use crate::chain::Chain;
use crate::difference::{Comparison, FlipSet, flip_sets, smallest};
use crate::posterior::{Interest, Options, Posterior, Rows, Unknown, Witness};
use crate::ratio::{decibans, decimal, exact, rounded};
use crate::{notes, words};

/// What a run gives.
#[derive(Debug)]
pub struct Run {
    /// The question; none for a chain.
    pub question: Option<Question>,
    /// The links of a chain, each a question, by name; empty for a single question.
    pub links: Vec<(String, Question)>,
    /// The chain of each party; empty for a single question.
    pub chains: BTreeMap<String, Chain>,
}

/// The results of one question.
#[derive(Debug)]
pub struct Question {
    /// What was asked.
    pub case: Case,
    /// Each party's result.
    pub parties: BTreeMap<String, PartyResult>,
    /// Every two parties to whom something is shown, compared.
    pub comparisons: Vec<Comparison>,
}

/// What one party believes, and what that rests on.
#[derive(Debug)]
pub struct PartyResult {
    /// With one witness a root: the result.
    pub one_witness: Posterior,
    /// As if every item were a witness of its own.
    pub independent: Posterior,
    /// Sources with a declared interest believed as their grade says, half as far, not at all.
    pub interest: [Posterior; 3],
    /// Sources of grade F believed little, and much; none where there are none.
    pub unknown: Option<[Posterior; 2]>,
    /// From what an outsider can check alone.
    pub public_only: Posterior,
    /// Without each item.
    pub without_item: BTreeMap<String, Posterior>,
    /// Without each root.
    pub without_root: BTreeMap<String, Posterior>,
    /// What each root says.
    pub witnesses: Vec<Witness>,
    /// What would overturn it, by rival.
    pub flips: Vec<FlipSet>,
    /// Odds before the evidence, of the top to the runner-up.
    pub prior: BigRational,
}

/// Runs a file.
#[must_use]
pub fn run(input: Input) -> Run {
    match input {
        Input::Case(case) => {
            Run { question: Some(Question::of(case)), links: Vec::new(), chains: BTreeMap::new() }
        }
        Input::Chain(links) => {
            let parties: Vec<String> = links
                .first()
                .map(|(_, case)| case.priors.keys().cloned().collect())
                .unwrap_or_default();
            let chain = |party: String| {
                let chain = Chain::of(&links, &party);
                (party, chain)
            };
            let chains = parties.into_iter().map(chain).collect();
            let links = links.into_iter().map(|(name, case)| (name, Question::of(case)));
            Run { question: None, links: links.collect(), chains }
        }
    }
}

impl Question {
    /// Weighs a case.
    #[must_use]
    pub fn of(case: Case) -> Self {
        let parties: Vec<String> = case.priors.keys().cloned().collect();
        let result = |party: &String| (party.clone(), PartyResult::of(&case, party));
        let results = parties.iter().map(result).collect();
        let results: BTreeMap<String, PartyResult> = results;
        // To whom nothing is shown holds nothing that another could differ from.
        let shown: Vec<_> = parties.iter().filter(|party| results[*party].is_shown()).collect();
        let mut comparisons = Vec::new();
        for (index, one) in shown.iter().enumerate() {
            for other in &shown[index + 1..] {
                comparisons.push(Comparison::of(&case, [one, other]));
            }
        }
        Self { case, parties: results, comparisons }
    }
}

impl PartyResult {
    fn of(case: &Case, party: &str) -> Self {
        let options = Options::default();
        let with = |options: Options<'_>| Rows::of(case, party, &options).one_witness(&options);
        let rows = Rows::of(case, party, &options);
        let one_witness = rows.one_witness(&options);
        let witnesses = rows.witnesses(&options);
        let interest = [Interest::Full, Interest::Half, Interest::Zero];
        let unknown = case.sources.values().any(|source| source.grade == 'F');
        let [without_item, without_root] = rows.without_each(&witnesses);
        let prior = &case.priors[party];
        let flips = flip_sets(prior, &witnesses, &one_witness);
        let (top, rival) = (one_witness.top(), one_witness.runner_up());
        Self {
            independent: rows.independent(),
            interest: interest.map(|interest| with(Options { interest, ..options })),
            unknown: unknown.then(|| {
                [Unknown::Low, Unknown::High].map(|unknown| with(Options { unknown, ..options }))
            }),
            public_only: with(Options { public_only: true, ..options }),
            without_item,
            without_root,
            prior: &prior[top] / &prior[rival],
            flips,
            witnesses,
            one_witness,
        }
    }

    /// Whether any evidence tells the hypotheses apart. Where none does nothing is shown, and what was
    /// believed before is no result.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.witnesses.iter().any(Witness::tells_apart)
    }

    /// How many roots tell hypotheses apart: what the result rests on.
    #[must_use]
    pub fn roots(&self) -> usize {
        self.witnesses.iter().filter(|witness| witness.tells_apart()).count()
    }

    /// The other hypotheses that are exactly as probable as the top.
    #[must_use]
    pub fn ties(&self) -> Vec<usize> {
        let top = self.one_witness.top();
        self.one_witness.leaders().into_iter().filter(|other| *other != top).collect()
    }

    /// The share of the items that an outsider can check.
    #[must_use]
    pub fn public_share(case: &Case) -> BigRational {
        let public = case.items.values().filter(|item| item.public).count();
        BigRational::new(public.into(), case.items.len().max(1).into())
    }

    /// The smallest flip set over all rivals.
    #[must_use]
    pub fn smallest_flip(&self) -> Option<&FlipSet> {
        smallest(&self.flips, &self.one_witness)
    }
}

impl Run {
    /// The file with its results, as JSON: `file` is the file's own text.
    ///
    /// # Errors
    /// Where `file` is not a JSON object.
    pub fn to_json(&self, file: &str) -> Result<Value, serde_json::Error> {
        let mut out: Map<String, Value> = serde_json::from_str(file)?;
        if let Some(question) = &self.question {
            // What an earlier run wrote of the parties compared is this run's now, or nobody's.
            let ours = |name: &str| name.starts_with("party_") || name.starts_with("crux_set_");
            let had = out.keys().any(|name| ours(name));
            out.retain(|name, _| !ours(name));
            if let (true, Value::Object(compared)) = (had, question.comparison_json()) {
                out.extend(compared.into_iter().filter(|(name, _)| ours(name)));
            }
            out.insert("results".to_owned(), question.to_json());
            out.insert("notes".to_owned(), self.notes_json());
            return Ok(out.into());
        }
        let links: Map<_, _> =
            self.links.iter().map(|(name, question)| (name.clone(), question.to_json())).collect();
        out.insert("results".to_owned(), links.into());
        let chains = self.chains.iter().map(|(party, chain)| (party.clone(), chain_json(chain)));
        out.insert("chain".to_owned(), Value::Object(chains.collect()));
        out.insert("notes".to_owned(), self.notes_json());
        Ok(out.into())
    }

    fn notes_json(&self) -> Value {
        let note = |(link, note): &(Option<&str>, String)| match link {
            Some(link) => json!({ "link": link, "note": note }),
            None => json!({ "note": note }),
        };
        self.notes().iter().map(note).collect::<Vec<_>>().into()
    }
}

impl Run {
    /// The question, or every link's, each with its link's name.
    #[must_use]
    pub fn questions(&self) -> Vec<(Option<&str>, &Question)> {
        let links = self.links.iter().map(|(name, question)| (Some(name.as_str()), question));
        self.question.iter().map(|question| (None, question)).chain(links).collect()
    }

    /// What the file calls the matter, where it does.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.questions().first().and_then(|(_, question)| question.case.title.as_deref())
    }

    /// What kind of record this is, where the file says.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.questions().first().and_then(|(_, question)| question.case.record)
    }

    /// What an attentive reader would ask, each with its link where it is asked of one.
    #[must_use]
    pub fn notes(&self) -> Vec<(Option<&str>, String)> {
        let record = notes::of_record(self.record()).map(|note| (None, note));
        let each = self.questions().into_iter().flat_map(|(link, question)| {
            notes::of(link, &question.case).into_iter().map(move |note| (link, note))
        });
        record.into_iter().chain(each).collect()
    }

    /// The parties compared: of a question its comparison, of a chain each link's.
    #[must_use]
    pub fn comparison_json(&self) -> Value {
        match &self.question {
            Some(question) => question.comparison_json(),
            None => {
                self.links.iter().map(|(name, q)| (name.clone(), q.comparison_json())).collect()
            }
        }
    }
}

impl Question {
    fn to_json(&self) -> Value {
        let result = |(party, result): (&String, &PartyResult)| {
            (party.clone(), result.to_json(&self.case, party))
        };
        Value::Object(self.parties.iter().map(result).collect())
    }

    /// The parties compared: the decomposition and the crux of every two.
    #[must_use]
    pub fn comparison_json(&self) -> Value {
        let name = |index: usize| self.case.hypotheses[index].as_str();
        let mut out = Map::new();
        let mut pairs = Vec::new();
        for comparison in &self.comparisons {
            let Comparison { parties: [one, other], pair, .. } = comparison;
            let row = |ratios: &[BigRational; 2]| {
                let [a, b] = ratios.each_ref().map(decibans);
                json!({ one: rounded(a, 4), other: rounded(b, 4),
                    "gap": rounded(decibans(&(&ratios[0] / &ratios[1])), 4) })
            };
            let mut decomposition = Map::new();
            decomposition.insert("prior".to_owned(), row(&comparison.prior));
            for (root, ratios) in &comparison.roots {
                decomposition.insert(root.clone(), row(ratios));
            }
            let gap = rounded(comparison.gap(), 4);
            let [first, second] = short([name(pair[0]), name(pair[1])]);
            // The names of the worked example, where there are two parties as there.
            if self.comparisons.len() == 1 {
                let key = format!("party_decomposition_{first}_vs_{second}_decibans");
                out.insert(key, decomposition.clone().into());
                out.insert("party_gap_total_decibans".to_owned(), gap.into());
                let differ = [
                    (other, &comparison.crux[1], [first, second]),
                    (one, &comparison.crux[0], [second, first]),
                ];
                for (party, crux, [to, from]) in differ.into_iter().filter(|_| !comparison.agree) {
                    let key = format!("crux_set_{party}_to_prefer_{to}_over_{from}");
                    out.insert(key, json!(crux));
                }
            }
            pairs.push(json!({
                "parties": [one, other],
                "agree": comparison.agree,
                "pair": pair.map(name),
                "decomposition_decibans": decomposition,
                "gap_total_decibans": gap,
                "crux": { one: comparison.crux[0], other: comparison.crux[1] },
                "top_after_crux": {
                    one: comparison.then[0].map(name), other: comparison.then[1].map(name),
                },
                "agreement": {
                    one: comparison.agreement[0].to_json(), other: comparison.agreement[1].to_json(),
                },
            }));
        }
        out.insert("comparisons".to_owned(), pairs.into());
        out.into()
    }
}

impl PartyResult {
    fn to_json(&self, case: &Case, party: &str) -> Value {
        let name = |index: usize| case.hypotheses[index].as_str();
        let posterior = |posterior: &Posterior| {
            json!({
                "exact": posterior.shares().iter().map(exact).collect::<Vec<_>>(),
                "float": posterior.shares().iter().map(|s| decimal(s, 6)).collect::<Vec<_>>(),
                "top": name(posterior.top()),
            })
        };
        let (top, rival) = (self.one_witness.top(), self.one_witness.runner_up());
        let without = |without: &BTreeMap<String, Posterior>| {
            let row = |(id, posterior): (&String, &Posterior)| {
                let value = json!({
                    "P_top_claim": decimal(&posterior.share(top), 6),
                    "flips": posterior.leaders() != self.one_witness.leaders(),
                });
                (id.clone(), value)
            };
            Value::Object(without.iter().map(row).collect())
        };
        let mut weights = Map::new();
        weights.insert("pair".to_owned(), json!([name(top), name(rival)]));
        weights.insert("prior".to_owned(), rounded(decibans(&self.prior), 4).into());
        for witness in &self.witnesses {
            let weight = decibans(&witness.likelihood_ratio(top, rival));
            weights.insert(witness.root.clone(), rounded(weight, 4).into());
        }
        let flip = self.smallest_flip();
        let share = &self.one_witness.share(top);
        let matrix = words::Matrix::of(case, party);
        let mut out = json!({
            "independent": posterior(&self.independent),
            "one_witness": posterior(&self.one_witness),
            "coi_full": posterior(&self.interest[0]),
            "coi_half": posterior(&self.interest[1]),
            "coi_zero": posterior(&self.interest[2]),
            "public_only": posterior(&self.public_only),
            "leave_one_out": without(&self.without_item),
            "leave_one_root_out": without(&self.without_root),
            "min_flip_set": flip.map(|flip| json!([name(flip.rival), flip.roots])),
            "flip_sets": self.flips.iter()
                .map(|flip| (name(flip.rival).to_owned(), json!(flip.roots)))
                .collect::<Map<_, _>>(),
            "weights_decibans_top_vs_runner_up": weights,
            "verdict": if self.is_shown() {
                json!({
                    "hypothesis": name(top),
                    "as_probable": self.ties().into_iter().map(name).collect::<Vec<_>>(),
                    "probability": decimal(share, 6),
                    "word": words::word(share),
                    "scale": words::SCALE,
                })
            } else {
                Value::Null
            },
            "confidence": {
                "roots": self.roots(),
                "public_share": decimal(&PartyResult::public_share(case), 6),
                "flip_set_size": flip.and_then(|flip| flip.roots.as_ref().map(Vec::len)),
                "credibility": words::credibility(&self.witnesses, top, rival),
            },
            "believed": {
                "grades": case.grades.iter().map(|(g, r)| (g.to_string(), exact(r).into()))
                    .collect::<Map<String, Value>>(),
                "F": ["1/5", "19/20"],
            },
            "speaks_for_root": self.witnesses.iter()
                .map(|w| (w.root.clone(), json!(w.item)))
                .collect::<Map<_, _>>(),
            "ach": {
                "rows": matrix.rows.iter().map(|(id, weight, cells)| (id.clone(), json!({
                    "weight": weight,
                    "cells": cells.iter().map(|cell| cell.as_str()).collect::<Vec<_>>(),
                }))).collect::<Map<_, _>>(),
                "inconsistency": matrix.scores,
            },
        });
        if let (Some([low, high]), Some(out)) = (&self.unknown, out.as_object_mut()) {
            out.insert("f_low".to_owned(), posterior(low));
            out.insert("f_high".to_owned(), posterior(high));
        }
        out
    }
}

fn chain_json(chain: &Chain) -> Value {
    let prefixes = chain.prefixes();
    json!({
        "present": chain.present,
        "conditional": chain.conditional.iter().map(|l| l.as_ref().map(exact)).collect::<Vec<_>>(),
        "prefix_products": prefixes.iter().map(exact).collect::<Vec<_>>(),
        "prefix_float": prefixes.iter().map(|p| decimal(p, 6)).collect::<Vec<_>>(),
        "links_shown_at_0.55": chain.shown(),
        "of": chain.conditional.len(),
        "first_unshown": chain.first_unshown(),
    })
}

impl Agreement {
    fn to_json(&self) -> Value {
        match self {
            Self::Roots(roots) => json!({ "roots": roots }),
            Self::Never => json!({ "roots": null, "because": "the priors decide" }),
            Self::NotFound => json!({ "roots": null, "because": "too many sets to look at" }),
        }
    }
}

/// `H1` of `H1_unit_tasked`: how hypotheses are named within a key, where that tells them apart.
fn short(names: [&str; 2]) -> [&str; 2] {
    let [a, b] = names.map(|name| name.split('_').next().unwrap_or(name));
    if a == b { names } else { [a, b] }
}
