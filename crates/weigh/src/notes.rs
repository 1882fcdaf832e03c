//! What an attentive reader would ask about a file that is not wrong.

use crate::case::{Case, LEVELS, Record};

/// What there is to say of a case, which may be a link of a chain.
pub(crate) fn of(link: Option<&str>, case: &Case) -> Vec<String> {
    let mut notes = Vec::new();
    if !case.hypotheses.iter().any(|name| is_other(name)) {
        notes.push(
            "no hypothesis is called \"other\": an answer that is not in the list cannot be found"
                .to_owned(),
        );
    }
    if !case.hypotheses.iter().any(|name| is_posing(name)) {
        notes.push(
            "no hypothesis says that somebody else poses as the suspect: deception is one"
                .to_owned(),
        );
    }
    if link == Some("tasking") {
        let missing: Vec<_> = LEVELS
            .into_iter()
            .filter(|level| case.hypotheses.iter().all(|name| name != level))
            .collect();
        if missing.len() == LEVELS.len() {
            notes.push(format!(
                "the hypotheses of tasking are not Healey's ten levels of state responsibility: {}",
                missing.join(", ")
            ));
        } else if !missing.is_empty() {
            notes.push(format!(
                "of Healey's ten levels of state responsibility there are not: {}",
                missing.join(", ")
            ));
        }
    }
    notes
}

/// What there is to say of the kind of record.
pub(crate) fn of_record(record: Option<Record>) -> Option<String> {
    record.is_none().then(|| {
        "the file does not say with `record` whether it is technical, political or legal: these are \
         three records, and one is never made of another"
            .to_owned()
    })
}

fn is_other(name: &str) -> bool {
    words(name).any(|word| word == "other" || word == "others")
}

fn is_posing(name: &str) -> bool {
    let words: Vec<String> = words(name).collect();
    let begins =
        |word: &String| ["posing", "poses", "impersonat"].iter().any(|b| word.starts_with(b));
    words.iter().any(begins) || words.windows(2).any(|pair| pair == ["false", "flag"])
}

/// The words of a name: "brother" is not "other".
fn words(name: &str) -> impl Iterator<Item = String> {
    let apart = |c: char| !c.is_alphanumeric();
    name.split(apart).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::{is_other, is_posing};

    #[test]
    fn a_name_is_read_by_its_words() {
        assert!(is_other("H4_other") && is_other("Other") && !is_other("their brothers"));
        assert!(is_posing("H3_state_Y_posing_as_X") && is_posing("a false-flag operation"));
        assert!(is_posing("Impersonation") && !is_posing("exposing"));
    }
}
