//! Terms as data: what is shipped loads, says what the texts say, and nothing makes sense that does not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod party;

use comity_rules::agreement::{
    Agreement, CommitmentSet, Definition, Evidence, Meaning, Nature, TEMPLATES, Words,
};
use comity_rules::{Period, Terms};
use party::pair;

fn template(id: &str) -> Terms {
    let text = TEMPLATES.iter().find(|(known, _)| *known == id).unwrap().1;
    Terms::parse(text).unwrap()
}

#[test]
fn every_shipped_template_loads_and_names_itself() {
    for (id, text) in TEMPLATES {
        assert_eq!(Terms::parse(text).unwrap().id, id);
    }
}

/// What is ours is not put into an instrument's mouth: a limit stands only with a passage that somebody
/// read, reports or remembers, and every template says that nobody endorses it.
#[test]
fn no_template_of_an_instrument_gives_it_a_limit_of_ours() {
    for (id, text) in TEMPLATES {
        let terms = Terms::parse(text).unwrap();
        if terms.nature != Nature::Proposal {
            let note = terms.note.as_ref().map_or("", |note| note.in_language("en"));
            assert!(note.contains("endorsed by no state"), "{id}");
            for class in &terms.classes {
                let ours = [Evidence::Proposal, Evidence::Absent].contains(&class.evidence);
                assert!(!ours, "{id}: {}", class.id);
                let limited = class.acknowledge.is_some() || class.answer.is_some();
                assert!(!limited || class.anchor.is_some(), "{id}: {} has no place", class.id);
            }
        }
    }
}

#[test]
fn the_2015_commitments_give_no_deadline_and_say_so() {
    let terms = template("us-china-2015");
    assert_eq!(terms.nature, Nature::PoliticalCommitment);
    assert_eq!(terms.deadlines.evidence, Evidence::Absent);
    assert_eq!(terms.deadlines.word.as_deref(), Some("timely"));
    assert!(terms.classes.is_empty());
    assert!(terms.title.has("zh"));
    // What a newspaper reports and what we derive is not the instrument's word.
    let level = terms.hotline.as_ref().unwrap().level.as_ref().unwrap();
    assert_eq!((level.evidence, level.source.is_some()), (Evidence::Secondary, true));
    assert!(terms.grounds.iter().all(|ground| ground.evidence == Evidence::Proposal));
    assert!(terms.directory.iter().all(|contact| contact.reach.is_none()));
}

/// What the parties have not said a word of means nothing that we could say.
#[test]
fn the_word_of_2015_is_not_defined_and_says_so() {
    let terms = template("us-china-2015");
    let timely = terms.definitions.iter().find(|definition| definition.term == "timely").unwrap();
    assert_eq!((timely.state, timely.readings.len()), (Meaning::Missing, 0));
}

#[test]
fn the_model_is_marked_as_a_proposal_in_every_part() {
    let terms = template("comity-model");
    assert_eq!(terms.nature, Nature::Proposal);
    assert!(terms.classes.iter().all(|class| class.evidence == Evidence::Proposal));
    assert!(terms.kinds.iter().all(|kind| kind.evidence == Evidence::Proposal));
    assert!(!terms.not_carried.is_empty());
    assert!(terms.grounds.len() >= 13);
}

#[test]
fn text_that_makes_no_sense_is_refused_with_its_place() {
    let model = TEMPLATES[1].1;
    for (from, to, place) in [
        ("schema = 1", "schema = 2", "schema"),
        ("acknowledge = \"PT4H\"", "acknowledge = \"soon\"", "ISO 8601"),
        ("acknowledge = \"PT4H\"", "acknowledge = \"-PT4H\"", "ISO 8601"),
        ("nature = \"proposal\"", "nature = \"wish\"", "wish"),
        ("nature = \"proposal\"", "nature = \"proposal\"\nhidden = 1", "hidden"),
        ("id = \"U1-urgent\"", "id = \"U0-emergency\"", "twice"),
        ("after = \"P3D\"\n", "", "unresolved-for"),
        ("id = \"takedown\"", "id = \"\"", "kind: want a name that is not empty"),
        ("id = \"real-time-traffic-data\"", "id = \"interception-of-content\"", "stands twice"),
        ("step = 2", "step = 1", "escalation 1: the steps count from 1; want 2 here"),
        ("id = \"interception-of-content\"", "id = \"takedown\"", "not_carried takedown"),
        (
            "[[kind]]",
            "[[commitment]]\nid = \"c\"\nsources = [\"nope\"]\nevidence = \"proposal\"\nsummary = { en = \"x\" }\n\n[[kind]]",
            "commitment c: there is no source \"nope\"",
        ),
        (
            "[[kind]]",
            "[[directory]]\nid = \"d\"\nparty = \"p\"\nname = { en = \"x\" }\nrole = { en = \"x\" }\nhours = \"24/7\"\nevidence = \"proposal\"\n\n[[kind]]",
            "directory d: hours mean nothing without their zone",
        ),
        (
            "[[kind]]",
            "[[definition]]\nterm = \"timely\"\nstate = \"disputed\"\nevidence = \"proposal\"\n\n[[kind]]",
            "definition timely: what is disputed has a reading of each party, by name",
        ),
        (
            "[[kind]]",
            "[[definition]]\nterm = \"timely\"\nstate = \"disputed\"\nevidence = \"proposal\"\n\
             reading = [{ party = \"us\", text.en = \"a\" }, { party = \"us\", text.en = \"b\" }]\n\n[[kind]]",
            "definition timely: what is disputed has a reading of each party, by name",
        ),
        (
            "[[kind]]",
            "[[directory]]\nid = \"one\"\nparty = \"us\"\nhours = \"9 to 5\"\nzone = \"Europe/Oslo\"\n\
             evidence = \"proposal\"\nname.en = \"One\"\nrole.en = \"answers\"\n\n[[kind]]",
            "directory one: hours are 24/7, or from when to when, such as 09:00-17:00",
        ),
        (
            "evidence = \"proposal\"\n\n[title]",
            "evidence = \"proposal\"\nlanguages = [\"en\", \"zh\"]\n\n[[definition]]\nterm = \"timely\"\n\
             state = \"missing\"\nevidence = \"proposal\"\nwords.en = \"timely\"\n\n[title]",
            "definition timely: the word and each reading stand in every language of the parties; not in \"zh\"",
        ),
        (
            "evidence = \"proposal\"\n\n[title]",
            "evidence = \"proposal\"\nlanguages = [\"en\", \"zh\"]\n\n[[definition]]\nterm = \"timely\"\n\
             state = \"agreed\"\nevidence = \"proposal\"\nwords = { en = \"timely\", zh = \"及时\" }\n\
             reading = [{ text = { en = \"at once\" } }]\n\n[title]",
            "definition timely: the word and each reading stand in every language of the parties; not in \"zh\"",
        ),
        (
            "[[kind]]",
            "[release]\ntwo_persons = [\"receipt/1\"]\nevidence = \"proposal\"\n\n[[kind]]",
            "release.two_persons: \"receipt/1\" is no kind of statement that may wait",
        ),
        ("emergency = true\n", "", "escalation: emergency-overdue wants a class"),
    ] {
        assert!(model.contains(from), "{from}");
        let error = Terms::parse(&model.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
}

#[test]
fn a_limit_that_the_instrument_does_not_have_is_no_limit() {
    let text = TEMPLATES[1].1.replacen(
        "answer = \"PT8H\"\nevidence = \"proposal\"",
        "answer = \"PT8H\"\nevidence = \"absent\"",
        1,
    );
    assert!(Terms::parse(&text).unwrap_err().to_string().contains("U0-emergency"));
}

#[test]
fn periods_count_calendar_days_in_utc() {
    let period = |text: &str| Period::try_from(text.to_owned()).unwrap();
    let start: jiff::Timestamp = "2028-02-28T23:30:00Z".parse().unwrap();
    assert_eq!(period("P1D").after(start).to_string(), "2028-02-29T23:30:00Z");
    assert_eq!(period("P6M").after(start).to_string(), "2028-08-28T23:30:00Z");
    assert_eq!(period("PT36H").after(start).to_string(), "2028-03-01T11:30:00Z");
    assert_eq!(period("P9999Y").after(start), jiff::Timestamp::MAX);
}

#[test]
fn the_eleven_norms_are_a_set_that_can_be_added_to_terms() {
    let set = CommitmentSet::parse("un-gge-2015").unwrap();
    let ids: Vec<_> = set.commitments.iter().map(|commitment| commitment.id.as_str()).collect();
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    assert_eq!(ids, letters.map(|letter| format!("norm-{letter}")));
    // Our Chinese titles are no text of the instrument's, and say so.
    let draft = |set: &CommitmentSet| {
        set.commitments.iter().all(|one| one.summary.in_language("zh").contains("译文草稿"))
    };
    assert!(draft(&set));
    let model = TEMPLATES.iter().find(|(id, _)| *id == "us-china-2015").unwrap().1;
    let mut terms = Agreement::clone(&Terms::parse(model).unwrap());
    terms.commitments.extend(set.commitments);
    let text = toml::to_string(&terms).unwrap();
    assert_eq!(Terms::parse(&text).unwrap().commitments.len(), terms.commitments.len());
}

#[test]
fn a_word_is_found_in_every_language_that_the_terms_have_it_in() {
    let text = TEMPLATES.iter().find(|(id, _)| *id == "us-china-2015").unwrap().1;
    let terms = Terms::parse(text).unwrap();
    let found = |text: &str| terms.definitions_in(None, text).count();
    assert_eq!((found("A timely answer, please"), found("请及时回复")), (1, 1));
    assert_eq!((found("untimely"), found("请回复")), (0, 0), "another word is another word");
    // A class of urgency is a word of the terms, and so are those that say when it applies.
    let mut terms = Agreement::clone(&template("comity-model"));
    let class = terms.classes[0].clone();
    let defined = |term: &str| Definition {
        term: term.to_owned(),
        words: Words::default(),
        state: Meaning::Missing,
        readings: Vec::new(),
        evidence: Evidence::Proposal,
    };
    let said = class.definition.in_language("en");
    let word = said.split(' ').find(|word| word.len() > 5 && word.is_ascii()).unwrap();
    terms.definitions = vec![defined(&class.id), defined(word), defined("elsewhere")];
    assert_eq!(terms.definitions_in(Some(&class.id), "").count(), 2);
    assert_eq!(terms.definitions_in(None, "").count(), 0);
}

/// Whoever the parties are: what names the makers of an instrument stays what it is.
#[test]
fn every_template_can_be_proposed_between_two_others() {
    let [north, _] = pair();
    let between = north.terms.between.clone().unwrap();
    for (id, text) in TEMPLATES {
        let template = Terms::parse(text).unwrap();
        let proposed = Terms::propose(&template, between.clone());
        let terms = proposed.unwrap_or_else(|problem| panic!("{id}: {problem}"));
        assert_eq!(Terms::parse(terms.text()).unwrap().hash(), terms.hash(), "{id}");
    }
}

/// A refusal says why in a code that both know, whether the list of grounds is closed or not.
#[test]
fn a_ground_is_one_that_somebody_knows() {
    let open = template("us-china-2015");
    let closed = template("comity-model");
    assert!(!open.refusal.grounds_closed && closed.refusal.grounds_closed);
    for terms in [&open, &closed] {
        assert!(terms.takes_ground("not-competent"));
        assert!(!terms.takes_ground("") && !terms.takes_ground("because"));
    }
    let of_model: Vec<_> = closed.grounds.iter().map(|ground| ground.code.as_str()).collect();
    assert!(comity_rules::agreement::GROUNDS.iter().all(|code| of_model.contains(code)));
}
