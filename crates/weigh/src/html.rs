//! A report that stands by itself: one file, no script, nothing fetched. Every drawing has its table.

use std::fmt::Write as _;

use num_rational::BigRational;

use crate::case::LINKS;
use crate::chain::Chain;
use crate::ratio::{decibans, decimal, exact, percent, rounded};
use crate::result::{PartyResult, Question, Run};
use crate::words::{self, Matrix, word};

const STYLE: &str = ":root{color-scheme:light dark;--ink:#1b2226;--quiet:#59666d;--line:#d5dbde;--bar:#0f6b66;\
--less:#a03123;--paper:#fff}@media(prefers-color-scheme:dark){:root{--ink:#e6ebed;--quiet:#9aa7ad;--line:#374147;\
--bar:#57b8b0;--less:#e8877a;--paper:#14191c}}body{font:16px/1.5 system-ui,'Noto Sans SC','PingFang SC',\
'Microsoft YaHei',sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem;\
font-variant-numeric:tabular-nums}h1{font-size:1.7rem}h2{font-size:1.4rem;margin-top:2.5rem}h3{font-size:1.1rem}\
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:start;padding:.25rem .5rem;\
border-block-end:1px solid var(--line);overflow-wrap:anywhere}td.n,th.n{text-align:end;white-space:nowrap}\
svg{display:block;width:100%;height:auto;margin:.5rem 0}svg text{fill:var(--ink);font:13px system-ui,sans-serif}\
.bar{fill:var(--bar)}.less{fill:var(--less)}.open{fill:none;stroke:var(--quiet);stroke-dasharray:4 3}\
.axis{stroke:var(--line)}polyline{fill:none;stroke-width:1.5}.fit{stroke:var(--ink)}\
.less-line{stroke:var(--less)}.rest{fill:var(--line)}.event{stroke:var(--less);stroke-dasharray:2 3}.quiet{color:var(--quiet)}";

/// Width of every drawing, and of what stands left of its bars.
const WIDTH: f64 = 900.0;
const LABELS: f64 = 320.0;
const ROW: f64 = 26.0;

impl Run {
    /// The report.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut out = begin("Who did it: what each party believes");
        if let Some(title) = self.title() {
            let _ = write!(out, "<p><strong>{}</strong></p>", escape(title));
        }
        if let Some(record) = self.record() {
            let _ = write!(out, "<p>This is a {} attribution.</p>", record.as_str());
        }
        out.push_str(
            "<p class=\"quiet\">Each party's result stands by itself; they are not averaged, and where they \
             differ no attribution is a fact. Recompute it: <code>comity weigh run FILE</code>.</p>",
        );
        for (party, chain) in &self.chains {
            chain_part(party, chain, &mut out);
        }
        for (link, question) in self.questions() {
            if let Some(link) = link {
                let _ = write!(
                    out,
                    "<h2>Link: {}</h2><p>It claims: {}.</p>",
                    escape(link),
                    escape(&question.claims())
                );
            }
            for (party, result) in &question.parties {
                party_part(question, party, result, &mut out);
            }
            comparison_part(question, &mut out);
        }
        for (link, note) in self.notes() {
            let link = link.map_or(String::new(), |link| format!("{link}: "));
            let _ = write!(out, "<p class=\"quiet\">Note: {}.</p>", escape(&(link + &note)));
        }
        end(&mut out);
        out
    }
}

/// The beginning of a report: one file, no script, nothing fetched.
pub(crate) fn begin(title: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
    )
}

pub(crate) fn end(out: &mut String) {
    out.push_str("</body></html>\n");
}

fn party_part(question: &Question, party: &str, result: &PartyResult, out: &mut String) {
    let case = &question.case;
    let name = |index: usize| case.hypotheses[index].as_str();
    let (top, rival) = (result.one_witness.top(), result.one_witness.runner_up());
    let share = &result.one_witness.share(top);
    if !result.is_shown() {
        let _ = write!(
            out,
            "<h2>As {} sees it: not shown</h2><p>No evidence tells the hypotheses apart: what was believed before is no \
             result.</p>",
            escape(party)
        );
        return;
    }
    let ties: Vec<_> = result.ties().into_iter().map(name).collect();
    let tie = if ties.is_empty() {
        String::new()
    } else {
        format!(", and exactly as much: {}", escape(&ties.join(", ")))
    };
    let flip = result.smallest_flip().and_then(|flip| flip.roots.as_ref().map(Vec::len));
    let flip = flip.map_or("none".to_owned(), |size| size.to_string());
    let _ = write!(
        out,
        "<h2>As {} sees it: {}{tie}</h2><p>{} ({}, {}).</p><p>How sure: {} independent roots; {} of the items can be checked \
         by outsiders; Admiralty {}; roots without which it is overturned: {flip}. Believed: {}.</p>",
        escape(party),
        escape(name(top)),
        percent(share),
        word(share),
        words::SCALE,
        result.roots(),
        percent(&PartyResult::public_share(case)),
        words::credibility(&result.witnesses, top, rival),
        escape(&question.believed())
    );
    out.push_str("<h3>How probable each hypothesis is, after the evidence</h3>");
    let shares = result.one_witness.shares();
    let bars: Vec<_> = case.hypotheses.iter().zip(&shares).collect();
    draw(
        &bars.iter().map(|(h, s)| (h.as_str(), decimal(s, 6), percent(s))).collect::<Vec<_>>(),
        (0.0, 1.0),
        0.0,
        out,
    );
    let rows = bars.iter().zip(&case.priors[party]).map(|((hypothesis, share), prior)| {
        vec![
            (*hypothesis).clone(),
            percent(prior),
            percent(share),
            word(share).to_owned(),
            exact(share),
        ]
    });
    table(&["Hypothesis", "#Before", "#After", "In words", "Exactly"], rows, out);

    let _ = write!(
        out,
        "<h3>What each root says for {} against {}, in decibans</h3>",
        escape(name(top)),
        escape(name(rival))
    );
    let mut weights: Vec<_> = result
        .witnesses
        .iter()
        .map(|w| (w.root.as_str(), rounded(decibans(&w.likelihood_ratio(top, rival)), 4)))
        .collect();
    weights.push(("before the evidence", rounded(decibans(&result.prior), 4)));
    weights.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let most = weights.iter().map(|(_, w)| w.abs()).fold(1.0, f64::max);
    let bars: Vec<_> = weights.iter().map(|(r, w)| (*r, *w, format!("{w:+.1}"))).collect();
    draw(&bars, (-most, most), 0.0, out);
    let rows = weights.iter().map(|(root, weight)| {
        let items: Vec<_> =
            case.items.iter().filter(|(_, i)| i.root == *root).map(|(id, _)| id.as_str()).collect();
        vec![(*root).to_owned(), format!("{weight:+.4}"), items.join(", ")]
    });
    table(&["Root", "#Decibans", "Items"], rows, out);

    let _ = write!(out, "<h3>How probable {} is without each item</h3>", escape(name(top)));
    let base = decimal(share, 6);
    let mut left: Vec<_> = result
        .without_item
        .iter()
        .map(|(id, posterior)| (id.as_str(), posterior, decimal(&posterior.share(top), 6)))
        .collect();
    left.sort_by(|(_, _, a), (_, _, b)| (b - base).abs().total_cmp(&(a - base).abs()));
    let bars: Vec<_> =
        left.iter().map(|(id, _, p)| (*id, *p, format!("{:.2} %", p * 100.0))).collect();
    draw(&bars, (0.0, 1.0), base, out);
    let rows = left.iter().map(|(id, posterior, p)| {
        let then = if posterior.top() == top { "the same" } else { name(posterior.top()) };
        vec![(*id).to_owned(), format!("{:.2} %", p * 100.0), then.to_owned()]
    });
    table(&["Left out", "#Then", "Most probable then"], rows, out);

    let rows = result.without_root.iter().map(|(root, posterior)| {
        let then = if posterior.top() == top { "the same" } else { name(posterior.top()) };
        vec![root.clone(), percent(&posterior.share(top)), then.to_owned()]
    });
    table(&["Root left out", "#Then", "Most probable then"], rows, out);

    let mut others = vec![
        ("Public evidence alone", &result.public_only),
        ("Interested sources half believed", &result.interest[1]),
        ("Interested sources not believed", &result.interest[2]),
        ("As if all items were independent", &result.independent),
    ];
    if let Some([low, high]) = &result.unknown {
        others.push(("Unknown sources believed little", low));
        others.push(("Unknown sources believed much", high));
    }
    let rows = others.iter().map(|(what, posterior)| {
        vec![(*what).to_owned(), percent(&posterior.share(top)), name(posterior.top()).to_owned()]
    });
    table(&["Counted otherwise", "#Then", "Most probable then"], rows, out);
    let overturn = match result.smallest_flip() {
        None => "Nothing of the evidence would overturn it: the conclusion rests on the prior."
            .to_owned(),
        Some(flip) => {
            let roots = flip.roots.as_deref().unwrap_or_default();
            if roots.is_empty() {
                format!("Nothing need fall: {} is as probable.", name(flip.rival))
            } else {
                format!("Without {}, {} draws level.", roots.join(", "), name(flip.rival))
            }
        }
    };
    let _ = write!(out, "<p>{}</p>", escape(&overturn));
    matrix_part(question, party, out);
}

fn matrix_part(question: &Question, party: &str, out: &mut String) {
    let matrix = Matrix::of(&question.case, party);
    out.push_str(
        "<details><summary>Matrix of competing hypotheses: a view of the same evidence, which counts an echo \
         twice</summary>",
    );
    let mut head = vec!["Item", "#Weight"];
    head.extend(question.case.hypotheses.iter().map(String::as_str));
    let rows = matrix.rows.iter().map(|(id, weight, cells)| {
        let mut row = vec![id.clone(), format!("{weight:.2}")];
        row.extend(cells.iter().map(|cell| cell.as_str().to_owned()));
        row
    });
    let mut scores = vec!["Against each, in all".to_owned(), String::new()];
    scores.extend(matrix.scores.iter().map(|score| format!("{score:.2}")));
    table(&head, rows.chain([scores]), out);
    out.push_str("</details>");
}

fn comparison_part(question: &Question, out: &mut String) {
    for comparison in &question.comparisons {
        let [one, other] = &comparison.parties;
        let name = |index: usize| question.case.hypotheses[index].as_str();
        let _ = write!(out, "<h2>Where {} and {} part</h2>", escape(one), escape(other));
        let [a, b] = comparison.pair;
        let _ = write!(
            out,
            "<p>Over {} and {} they are {:.1} decibans apart.</p>",
            escape(name(a)),
            escape(name(b)),
            comparison.gap().abs()
        );
        let gap = |ratios: &[BigRational; 2]| rounded(decibans(&(&ratios[0] / &ratios[1])), 4);
        let mut gaps = vec![("before the evidence", &comparison.prior)];
        gaps.extend(comparison.roots.iter().map(|(root, ratios)| (root.as_str(), ratios)));
        gaps.sort_by(|(_, x), (_, y)| gap(y).abs().total_cmp(&gap(x).abs()));
        let most = gaps.iter().map(|(_, r)| gap(r).abs()).fold(1.0, f64::max);
        let bars: Vec<_> =
            gaps.iter().map(|(place, r)| (*place, gap(r), format!("{:+.1}", gap(r)))).collect();
        draw(&bars, (-most, most), 0.0, out);
        let rows = gaps.iter().map(|(place, ratios)| {
            let [x, y] =
                ratios.each_ref().map(|ratio| format!("{:+.4}", rounded(decibans(ratio), 4)));
            vec![(*place).to_owned(), x, y, format!("{:+.4}", gap(ratios))]
        });
        let (left, right) = (format!("#{one}"), format!("#{other}"));
        table(&["From", &left, &right, "#Gap"], rows, out);
        if !comparison.agree {
            for (party, whose, hypothesis, side) in [(other, one, a, 1), (one, other, b, 0)] {
                let line = match &comparison.crux[side] {
                    Some(roots) => format!(
                        "The crux: if {party} rated {} as {whose} does, it would hold {} the more probable.",
                        roots.join(", "),
                        name(hypothesis)
                    ),
                    None => {
                        format!("For {party} no rating of {whose}'s is enough: the priors decide.")
                    }
                };
                let _ = write!(out, "<p>{}</p>", escape(&line));
                if let Some(third) = comparison.then[side].filter(|then| *then != hypothesis) {
                    let beyond = question.beyond(comparison, side, third);
                    let _ = write!(out, "<p>{}</p>", escape(&beyond));
                }
            }
        }
    }
}

fn chain_part(party: &str, chain: &Chain, out: &mut String) {
    let _ = write!(
        out,
        "<h2>The chain, as {} sees it: {} of {} links shown</h2>",
        escape(party),
        chain.shown(),
        LINKS.len()
    );
    let box_width = WIDTH / 6.0;
    let _ =
        write!(out, "<svg viewBox=\"0 0 {WIDTH} 90\" role=\"img\" aria-label=\"the six links\">");
    for (index, name) in (0_u8..).zip(LINKS) {
        let link = &chain.conditional[usize::from(index)];
        let class = if usize::from(index) < chain.shown() { "bar" } else { "open" };
        let x = f64::from(index) * box_width;
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{:.0}\" y=\"8\" width=\"{:.0}\" height=\"14\" rx=\"3\"/>\
             <text x=\"{:.0}\" y=\"44\">{name}</text><text x=\"{:.0}\" y=\"64\">{}</text>",
            x + 2.0,
            box_width - 8.0,
            x + 2.0,
            x + 2.0,
            link.as_ref().map_or_else(|| "not shown".to_owned(), percent)
        );
    }
    out.push_str("</svg>");
    let prefixes = chain.prefixes();
    let rows = LINKS.iter().enumerate().map(|(index, name)| {
        let by_itself = chain.conditional[index].as_ref();
        vec![
            (*name).to_owned(),
            by_itself.map_or_else(|| chain.why_not(index).to_owned(), percent),
            prefixes.get(index).map(percent).unwrap_or_default(),
            prefixes.get(index).map(exact).unwrap_or_default(),
        ]
    });
    table(&["Link", "#By itself", "#With all before it", "Exactly"], rows, out);
    if let Some(first) = chain.first_unshown() {
        let _ = write!(out, "<p>The first link that is not shown is: {first}.</p>");
    }
}

/// Bars from `base`, between the ends, each with its label left and its value right.
fn draw(bars: &[(&str, f64, String)], (from, to): (f64, f64), base: f64, out: &mut String) {
    let rows = u32::try_from(bars.len()).unwrap_or(u32::MAX);
    let height = f64::from(rows) * ROW + 4.0;
    let room = WIDTH - LABELS - 90.0;
    let x = |value: f64| LABELS + (value - from) / (to - from) * room;
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"the table below, as bars\">"
    );
    for (index, (label, value, text)) in (0_u32..).zip(bars) {
        let y = f64::from(index) * ROW;
        let (left, right) = (x(value.min(base)), x(value.max(base)));
        let class = if *value < base { "less" } else { "bar" };
        let _ = write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.0}\" width=\"{:.1}\" height=\"14\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
            LABELS - 10.0,
            y + 17.0,
            escape(&shortened(label)),
            y + 6.0,
            (right - left).max(1.0),
            right + 6.0,
            y + 17.0,
            escape(text)
        );
    }
    let zero = x(base);
    let _ = write!(
        out,
        "<line class=\"axis\" x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"0\" y2=\"{height:.0}\"/></svg>"
    );
}

/// A head that begins with `#` is of numbers.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>, out: &mut String) {
    let class = |index: usize| if head[index].starts_with('#') { " class=\"n\"" } else { "" };
    out.push_str("<table><thead><tr>");
    for (index, name) in head.iter().enumerate() {
        let _ = write!(out, "<th{}>{}</th>", class(index), escape(name.trim_start_matches('#')));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (index, cell) in row.iter().enumerate().take(head.len()) {
            let _ = write!(out, "<td{}>{}</td>", class(index), escape(cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= 44 {
        return label.to_owned();
    }
    label.chars().take(43).chain(['…']).collect()
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
