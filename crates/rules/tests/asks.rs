//! What is wrong with a request is said before it is sent, with its place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod party;

use comity_rules::command::{Command, Flaw, Problem};
use comity_rules::content::{Ask, Translation};
use comity_rules::prompt::{self, Want};
use party::{ask, pair};

fn translated(original: &str, into: &str) -> Ask {
    let mut ask = ask(&["who?", "when?"]);
    ask.language = original.into();
    ask.translation = Some(Translation {
        language: into.into(),
        certified_by: "the court's translator".into(),
        title: "标题".into(),
        facts: "事实".into(),
        items: vec!["谁?".into(), "何时?".into()],
    });
    ask
}

/// Where it is wrong and why, or where something is missing.
fn wrong(ask: Ask) -> Option<(String, Option<Flaw>)> {
    let [mut north, _] = pair();
    let class = north.terms.classes.first().map(|class| class.id.clone());
    match north.command(None, Command::Send { class, exercise: false, ask }) {
        Ok(_) => None,
        Err(Problem::Wrong { place, flaw }) => Some((place, Some(flaw))),
        Err(Problem::Missing { place, .. }) => Some((place, None)),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_translation_is_of_the_whole_and_into_another_language() {
    assert_eq!(wrong(translated("en", "zh-Hans")), None);
    assert_eq!(wrong(translated("nb", "zh")), None);
    let at = |place: &str, flaw| Some((place.to_owned(), Some(flaw)));
    for nonsense in ["", "e", "English", "zh_CN", "zh-", "zh-verylonglong", "12"] {
        let expected = at("translation.language", Flaw::NoLanguage);
        assert_eq!(wrong(translated("en", nonsense)), expected, "{nonsense:?}");
    }
    assert_eq!(wrong(translated("中文", "en")), at("language", Flaw::NoLanguage));
    assert_eq!(wrong(translated("en", "EN")), at("translation.language", Flaw::SameLanguage));
    let missing = |place: &str| Some((place.to_owned(), None));
    assert_eq!(wrong(translated("", "en")), missing("language"));
    let change = |change: fn(&mut Translation)| {
        let mut ask = translated("en", "zh");
        change(ask.translation.as_mut().unwrap());
        wrong(ask)
    };
    assert_eq!(change(|one| one.facts = " ".into()), missing("translation.facts"));
    assert_eq!(change(|one| one.title.clear()), missing("translation.title"));
    let long = Flaw::TooLong { given: 201, most: 200 };
    assert_eq!(change(|one| one.title = "很".repeat(201)), at("translation.title", long));
    assert_eq!(change(|one| one.title = "很".repeat(200)), None);
    assert_eq!(change(|one| one.items[1].clear()), missing("translation.items[2]"));
    let short = Flaw::NotEachTranslated { given: 1, items: 2 };
    assert_eq!(change(|one| one.items.truncate(1)), at("translation.items", short));
}

/// That nobody answers for it is asked about, and stops nobody.
#[test]
fn who_certifies_a_translation_is_asked() {
    let [north, _] = pair();
    let mut ask = translated("en", "zh");
    let wants = |ask: &Ask| -> Vec<Want> {
        prompt::missing(&north.terms, None, ask).iter().map(|prompt| prompt.ask).collect()
    };
    assert!(!wants(&ask).contains(&Want::Certified));
    ask.translation.as_mut().unwrap().certified_by.clear();
    assert!(wants(&ask).contains(&Want::Certified));
    assert_eq!(wrong(ask), None);
}
