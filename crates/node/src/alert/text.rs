//! What is said of an alert outside the node, in the reader's language: which matter, what is due, and where
//! to look. Never what it is about.

use std::sync::LazyLock;

use comity_rules::card::Card;
use comity_store::alert::Alert;
use fluent_bundle::FluentArgs;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use unic_langid::langid;

use crate::catalogue::Catalogue;
use crate::home::Config;

static ENGLISH: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::new(langid!("en"), include_str!("../../locales/en.ftl")));
static CHINESE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::new(langid!("zh-Hans"), include_str!("../../locales/zh.ftl")));

/// A subject and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// One line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// Where to look; `None` where the node does not know where people reach it.
    pub link: Option<String>,
}

/// What is said of an alert, in `en` or `zh`.
#[must_use]
pub fn text(alert: &Alert, language: &str, config: &Config, card: &Card) -> Text {
    let catalogue: &Catalogue = if language == "zh" { &CHINESE } else { &ENGLISH };
    let detail: Value = serde_json::from_str(&alert.detail).unwrap_or_default();
    let word = |name: &str| detail[name].as_str().unwrap_or_default().to_owned();
    let due = word("due").parse::<Timestamp>().ok();
    let zone = TimeZone::get(&card.zone).unwrap_or(TimeZone::UTC);
    let day = due.map(|due| due.to_zoned(TimeZone::UTC).date().to_string());
    let due = due.map(|due| due.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string());
    let mut arguments = FluentArgs::new();
    arguments.set("id", alert.thread.map(|thread| thread.short()).unwrap_or_default());
    arguments.set("class", word("class"));
    arguments.set("peer", word("peer"));
    arguments.set("step", detail["step"].as_u64().unwrap_or(1).to_string());
    arguments.set("zone", card.zone.clone());
    arguments.set("day", day.unwrap_or_default());
    arguments.set("due", due.clone().unwrap_or_default());
    arguments.set("party", card.name.clone());
    let say = |key: &str| catalogue.text(key, Some(&arguments));
    let what = say(&format!("alert-{}", alert.what));
    let exercise = detail["exercise"] == Value::Bool(true);
    let subject = if exercise { format!("EXERCISE · {what}") } else { what.clone() };
    let matters = ["hotline", "matter", "no-echo", "action-due"];
    let is_matter = matters.iter().any(|prefix| alert.what.starts_with(prefix));
    let folder = if is_matter { "matters" } else { "requests" };
    let link = config
        .pages
        .as_ref()
        .zip(alert.thread)
        .map(|(pages, thread)| format!("{}/{folder}/{thread}", pages.trim_end_matches('/')));
    let mut body = vec![what + "."];
    if exercise {
        body.insert(0, say("exercise"));
    }
    if due.is_some() {
        body.push(say("due"));
    }
    body.push(link.as_ref().map_or_else(|| say("look"), |link| format!("{} {link}", say("look"))));
    body.push(say("why"));
    Text { subject, body: body.join("\n\n") + "\n", link }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    fn keys(text: &str) -> BTreeSet<&str> {
        let starts = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
        text.lines().filter(starts).filter_map(|line| line.split(" =").next()).collect()
    }

    #[test]
    fn both_catalogues_have_the_same_keys() {
        let english = keys(include_str!("../../locales/en.ftl"));
        let chinese = keys(include_str!("../../locales/zh.ftl"));
        assert_eq!(english, chinese);
        assert!(english.len() > 25);
    }

    #[test]
    fn every_alert_has_a_text() {
        let english = keys(include_str!("../../locales/en.ftl"));
        let mut whats = vec![
            "arrived".to_owned(),
            "question".to_owned(),
            "answered".to_owned(),
            "disputed".to_owned(),
            "rung".to_owned(),
            "no-echo".to_owned(),
            "hotline-unanswered".to_owned(),
            "hotline-late".to_owned(),
            "hotline-lost".to_owned(),
            "hotline-unopened".to_owned(),
            "hotline-unopened-there".to_owned(),
            "hotline-test-unopened".to_owned(),
            "hotline-test-unopened-there".to_owned(),
            "action-due".to_owned(),
            "acknowledge-late-there".to_owned(),
            "decide-late-there".to_owned(),
            "answer-late-there".to_owned(),
            "reply-late-there".to_owned(),
        ];
        for name in ["acknowledge", "decide", "answer", "reply"] {
            whats.extend([format!("{name}-soon"), format!("{name}-late")]);
        }
        for signal in comity_rules::matter::Signal::ALL {
            whats.push(format!("hotline-{}", signal.as_str()));
        }
        for topic in comity_rules::matter::Topic::ALL.iter().skip(1) {
            whats.push(format!("matter-{}", topic.as_str()));
        }
        for limit in ["return", "destroy", "preserved"] {
            whats.push(format!("limit-{limit}"));
        }
        for what in whats {
            assert!(english.contains(format!("alert-{what}").as_str()), "{what}");
        }
    }
}
