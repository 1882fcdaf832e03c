//! Whether terms that have the schema also make sense; each problem with its place.

use std::collections::BTreeSet;

use comity_ledger::note::VerifierKey;
use comity_ledger::{Hash, Policy};

use crate::matter::Topic;
use crate::{Kind, Period};
use jiff::Timestamp;

use super::{
    Agreement, Between, Closes, Counts, Evidence, Meaning, Party, Problem, Trigger, policy_text,
};

impl Agreement {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let sense = |place: &str, problem: &str| {
            Err(Problem::Sense { place: place.to_owned(), problem: problem.to_owned() })
        };
        if self.schema != 1 {
            return sense("schema", "this version reads schema 1");
        }
        if self.kinds.is_empty() {
            return sense("kind", "an agreement under which nothing can be asked carries nothing");
        }
        unique("kind", self.kinds.iter().map(|kind| &kind.id))?;
        unique("class", self.classes.iter().map(|class| &class.id))?;
        unique("ground", self.grounds.iter().map(|ground| &ground.code))?;
        unique("commitment", self.commitments.iter().map(|commitment| &commitment.id))?;
        unique("source", self.sources.iter().map(|source| &source.id))?;
        unique("not_carried", self.not_carried.iter().map(|not| &not.id))?;
        let named = [("id", self.id.as_str()), ("title", self.title.in_language("en"))];
        let classes = self.classes.iter().map(|class| ("class", class.id.as_str()));
        let kinds = self.kinds.iter().map(|kind| ("kind", kind.id.as_str()));
        if let Some((place, _)) =
            named.into_iter().chain(classes).chain(kinds).find(|(_, name)| name.trim().is_empty())
        {
            return sense(place, "want a name that is not empty");
        }
        if self.refusal.grounds_closed && self.grounds.is_empty() {
            return sense(
                "refusal",
                "the list of grounds is closed and empty: nothing could be refused",
            );
        }
        unique("directory", self.directory.iter().map(|contact| &contact.id))?;
        for contact in &self.directory {
            let place = format!("directory {}", contact.id);
            let zone = contact.zone.as_deref();
            if zone.is_some_and(|zone| jiff::tz::TimeZone::get(zone).is_err()) {
                return sense(&place, "zone is not an IANA time zone such as Europe/Oslo");
            }
            if contact.hours.is_some() && zone.is_none() {
                return sense(&place, "hours mean nothing without their zone");
            }
            if contact.hours.as_ref().is_some_and(|hours| !is_hours(hours)) {
                return sense(&place, "hours are 24/7, or from when to when, such as 09:00-17:00");
            }
            self.check_named(&place, &contact.party)?;
        }
        let carried = |id: &str| self.kinds.iter().any(|kind| kind.id == id);
        if let Some(both) = self.not_carried.iter().find(|not| carried(&not.id)) {
            let place = format!("not_carried {}", both.id);
            return sense(&place, "the same terms have it as a kind that may be asked");
        }
        for commitment in &self.commitments {
            let known = |id: &&String| self.sources.iter().all(|source| source.id != **id);
            if let Some(id) = commitment.sources.iter().find(known) {
                let place = format!("commitment {}", commitment.id);
                return sense(&place, &format!("there is no source {id:?}"));
            }
        }
        for (number, step) in (1..).zip(&self.ladder) {
            if step.step != number {
                let place = format!("escalation {}", step.step);
                return sense(&place, &format!("the steps count from 1; want {number} here"));
            }
        }
        for class in &self.classes {
            let limits = [&class.acknowledge, &class.decide, &class.answer];
            let some = limits.iter().any(|limit| limit.is_some());
            if some && class.evidence == Evidence::Absent {
                let place = format!("class {}", class.id);
                return sense(&place, "it has a limit and says that the instrument has none");
            }
        }
        if let Some(release) = &self.release {
            // The hotline waits for nobody.
            let may = |kind: Kind| kind.is_threaded() && kind.topic() != Some(Topic::Hotline);
            let unknown = |kind: &&String| !Kind::parse(kind).is_some_and(may);
            if let Some(kind) = release.two_persons.iter().find(unknown) {
                return sense(
                    "release.two_persons",
                    &format!("{kind:?} is no kind of statement that may wait for a second person"),
                );
            }
            let unknown = |class: &&String| self.class(class).is_none();
            if let Some(class) = release.except_classes.iter().find(unknown) {
                return sense("release.except_classes", &format!("there is no class {class:?}"));
            }
        }
        unique("definition", self.definitions.iter().map(|definition| &definition.term))?;
        for definition in &self.definitions {
            let place = format!("definition {}", definition.term);
            let parties = definition.readings.iter().filter(|reading| reading.party.is_some());
            let parties: Vec<_> = parties.map(|reading| &reading.party).collect();
            let (readings, named) = (definition.readings.len(), parties.len());
            let distinct = parties.iter().collect::<BTreeSet<_>>().len();
            match definition.state {
                Meaning::Missing if readings > 0 => {
                    return sense(&place, "it is missing, and has a reading");
                }
                Meaning::Agreed if readings != 1 || named > 0 => {
                    return sense(&place, "what is agreed has one reading, and it is nobody's own");
                }
                Meaning::Disputed if readings < 2 || distinct < readings => {
                    return sense(&place, "what is disputed has a reading of each party, by name");
                }
                _ => {}
            }
            for party in definition.readings.iter().filter_map(|one| one.party.as_ref()) {
                self.check_named(&place, party)?;
            }
            let lacks = |language: &&String| {
                let mut readings = definition.readings.iter();
                !definition.words.has(language) || readings.any(|one| !one.text.has(language))
            };
            if let Some(language) = self.languages.iter().find(lacks) {
                let problem = "the word and each reading stand in every language of the parties";
                return sense(&place, &format!("{problem}; not in {language:?}"));
            }
        }
        unique("calendar", self.calendars.iter().map(|calendar| &calendar.id))?;
        for calendar in &self.calendars {
            if let Err(error) = calendar.check() {
                return sense(&format!("calendar {}", calendar.id), &error.to_string());
            }
        }
        if let Some(hotline) = &self.hotline
            && let (Some(epoch), Some(within)) = (&hotline.epoch, &hotline.acknowledge_within)
        {
            let length = |period: &Period| period.after(Timestamp::UNIX_EPOCH);
            if length(epoch) < length(within) {
                let problem = "a key is destroyed before what it opens is to be acknowledged: want an epoch that is \
                               no shorter than acknowledge_within";
                return sense("hotline.epoch", problem);
            }
        }
        let working = self.classes.iter().filter(|class| class.counts == Counts::Working);
        for class in working.clone() {
            let limits = [&class.acknowledge, &class.decide, &class.answer];
            if limits.into_iter().flatten().any(|limit| limit.days_and_seconds().is_none()) {
                let place = format!("class {}", class.id);
                let problem =
                    "working time is counted in days, hours and minutes, such as P3D or PT8H";
                return sense(&place, problem);
            }
        }
        let names = |trigger| self.ladder.iter().any(|step| step.triggers.contains(&trigger));
        if names(Trigger::EmergencyOverdue) && !self.classes.iter().any(|class| class.emergency) {
            return sense("escalation", "emergency-overdue wants a class with `emergency = true`");
        }
        for step in &self.ladder {
            if step.triggers.contains(&Trigger::UnresolvedFor) != step.after.is_some() {
                let place = format!("escalation {}", step.step);
                return sense(
                    &place,
                    "`after` goes with the trigger unresolved-for, and only there",
                );
            }
        }
        let Some(between) = &self.between else { return Ok(()) };
        if between.parties.len() != 2 {
            return sense("between.party", "want two parties");
        }
        unique("between.party", between.parties.iter().map(|party| party.id.as_str()))?;
        unique("between.party.root", between.parties.iter().map(|party| &party.root))?;
        for party in &between.parties {
            let place = format!("between.party {}", party.id);
            if VerifierKey::parse(&party.root).is_err() {
                return sense(&place, "root is not a verifier key");
            }
            if jiff::tz::TimeZone::get(&party.zone).is_err() {
                return sense(&place, "zone is not an IANA time zone such as Europe/Oslo");
            }
        }
        for party in &between.parties {
            let place = format!("between.party {}", party.id);
            if party.calendar.is_some() && self.calendar_of(&party.id).is_none() {
                return sense(&place, "there is no calendar of that id in these terms");
            }
            if let Some(class) = working.clone().next().filter(|_| party.calendar.is_none()) {
                let id = &class.id;
                let problem = format!("class {id} counts working time: name the party's calendar");
                return sense(&place, &problem);
            }
        }
        if let Some(closes) = &between.closes {
            check_closes(closes, between)?;
        }
        if !(1..=between.witnesses.len()).contains(&between.quorum) {
            return sense(
                "between.quorum",
                "want at least one outside witness, and no more than there are",
            );
        }
        if let Err(error) = Policy::parse(&policy_text(between, &[])) {
            return sense("between.witness", &format!("no policy can be made of these: {error}"));
        }
        for witness in &between.witnesses {
            let plain =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            let key = VerifierKey::parse(&witness.key);
            if !plain(&witness.name) || !plain(&witness.url) || key.is_err() {
                let place = format!("between.witness {}", witness.name);
                return sense(&place, "want a name and a URL without spaces, and a cosigner's key");
            }
        }
        Ok(())
    }

    /// Whether somebody is a party, by id or name, or one of those whom the instrument itself was made between; in a
    /// template, which has no parties, anybody may be.
    fn check_named(&self, place: &str, named: &str) -> Result<(), Problem> {
        let Some(between) = &self.between else { return Ok(()) };
        let made = self.made_between.iter().map(String::as_str);
        let ids = between.parties.iter().map(|party| party.id.as_str());
        if ids.clone().chain(made.clone()).any(|known| known == named)
            || between.parties.iter().any(|party| party.name == named)
        {
            return Ok(());
        }
        let known = ids.chain(made).collect::<Vec<_>>().join(", ");
        let problem = format!("party {named:?} is none of {known}");
        Err(Problem::Sense { place: place.to_owned(), problem })
    }
}

/// `24/7`, or from when to when: over midnight too.
fn is_hours(text: &str) -> bool {
    let hour = |text: &str| text.len() == 5 && text.parse::<jiff::civil::Time>().is_ok();
    let span = |(from, to)| hour(from) && hour(to) && from != to;
    text == "24/7" || text.split_once('-').is_some_and(span)
}

fn unique<T: AsRef<str>>(place: &str, ids: impl Iterator<Item = T>) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id.as_ref().to_owned()) {
            let problem = format!("{:?} stands twice", id.as_ref());
            return Err(Problem::Sense { place: place.to_owned(), problem });
        }
    }
    Ok(())
}

fn check_closes(closes: &Closes, between: &Between) -> Result<(), Problem> {
    let place = "between.closes";
    let sense = |place: &str, problem: &str| {
        Err(Problem::Sense { place: place.to_owned(), problem: problem.to_owned() })
    };
    if Hash::from_hex(&closes.terms).is_none() {
        return sense(place, "want the hash of the terms that end, in hexadecimal");
    }
    let of = |party: &Party| closes.heads.iter().filter(|head| head.party == party.id).count();
    if closes.heads.len() != 2 || between.parties.iter().any(|party| of(party) != 1) {
        return sense(place, "want the last head of each party's ledger");
    }
    for head in &closes.heads {
        let place = format!("{place}.head {}", head.party);
        if head.size == 0 || head.origin.is_empty() || Hash::from_hex(&head.root).is_none() {
            return sense(&place, "want origin, size and root of a ledger that has begun");
        }
    }
    Ok(())
}
