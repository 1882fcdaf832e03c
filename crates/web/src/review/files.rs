//! A review in files: for the other side, an auditor, a spreadsheet, a printer.

use std::path::Path;

use comity_rules::agreement::Agreement;
use comity_rules::content::DIMENSIONS;
use comity_rules::review::{Review, Took};

use super::{pdf, report};
use crate::pdf::Problem;

/// How a review is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Canonical: the same bytes on both nodes for the same heads.
    Json,
    /// One file that fetches nothing.
    Html,
    /// Tagged.
    Pdf,
    /// A request a line, with every score.
    Csv,
    /// Every statement whose fields it opens, for an auditor.
    Proofs,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 5] = [Self::Json, Self::Html, Self::Pdf, Self::Csv, Self::Proofs];

    /// How names of such files end.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Csv => "csv",
            Self::Proofs => "proofs",
        }
    }

    /// The form of files whose names end so.
    #[must_use]
    pub fn of(ending: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.ending() == ending)
    }

    /// A review in this form, in `en` or `zh`; see [`pdf`] for `font`.
    ///
    /// # Errors
    /// [`Problem`], for a PDF.
    pub fn write(
        self,
        review: &Review,
        terms: &Agreement,
        proofs: &[String],
        (language, font): (&str, Option<&Path>),
    ) -> Result<Vec<u8>, Problem> {
        Ok(match self {
            Self::Json => review.to_canonical().into_bytes(),
            Self::Html => report(review, terms, language).into_bytes(),
            Self::Pdf => pdf(review, terms, language, font)?,
            Self::Csv => csv(review).into_bytes(),
            Self::Proofs => proofs.join("\n").into_bytes(),
        })
    }
}

fn csv(review: &Review) -> String {
    let mut out = "request,class,asker,receiver,started,started_by,came_seconds,acknowledge_seconds,acknowledge_limit,\
                   acknowledged,acknowledge_late,answer_seconds,answer_limit,answered,answer_late,suspended,result,\
                   items,grounds,disputed,asked_entries,answered_entries,agreement,exercise"
        .to_owned();
    let scorers = ["measured", "asker", "receiver"].into_iter();
    let scores: Vec<_> = scorers.flat_map(|who| DIMENSIONS.map(|one| (who, one))).collect();
    for (who, dimension) in &scores {
        out.push_str(&format!(",{who}_{dimension}"));
    }
    out.push('\n');
    let number = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
    let took = |took: &Took| {
        [number(took.seconds), number(took.limit), took.done.to_string(), took.late.to_string()]
    };
    let entries =
        |entries: &[u64]| entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    for row in &review.requests {
        let mut cells = vec![
            row.thread.to_string(),
            row.class.clone().unwrap_or_default(),
            row.asker.to_string(),
            row.receiver.to_string(),
            row.started.map_or_else(String::new, |time| time.to_string()),
            row.started_by.clone(),
            number(row.came.first().and_then(|came| came.seconds)),
        ];
        cells.extend(took(&row.acknowledge));
        cells.extend(took(&row.answer));
        cells.extend([
            row.suspended.to_string(),
            row.result.as_str().to_owned(),
            row.items.to_string(),
            row.grounds.join(" "),
            row.disputed.join(" "),
            entries(&row.asked),
            entries(&row.answered),
            review.agreement.clone(),
            if review.scope.exercise { "EXERCISE".to_owned() } else { String::new() },
        ]);
        let score = |(who, dimension): &(&str, &str)| {
            let score = row.scores.get(*who).and_then(|scores| scores.get(*dimension));
            score.map_or_else(String::new, ToString::to_string)
        };
        cells.extend(scores.iter().map(score));
        out.push_str(&cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","));
        out.push('\n');
    }
    out
}

/// A cell: quoted where it must be, and never a formula to whoever opens it in a spreadsheet.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_cell_is_no_formula() {
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
