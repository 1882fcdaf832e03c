//! Reviews as the pages keep them. What is made in no time is made anew at each look; what takes long is made
//! beside the pages, and they show what was made last, whose heads say up to where, or that it is being made.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use comity_node::node::Agreement;
use comity_node::review::{self, Until};
use comity_node::{Error, Node};
use comity_rules::access::{Person, Right};
use comity_rules::review::Scope;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio::sync::Semaphore;

use super::View;
use crate::language::Language;

/// Reviews that are kept.
const KEPT: usize = 16;

/// Reviews that are made at once: the pages need the rest of the machine.
const MAKING: usize = 2;

/// What a page may wait for at each look.
const SHORT: Duration = Duration::from_millis(10);

/// What somebody waits for who is the first to look at these days, or who looks at what takes less to make anew.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reviewing takes at most this part of the time: one that took long stands as long as it took times this.
const SHARE: u32 = 20;

/// How often it is looked whether another hour has begun.
const LOOK: Duration = Duration::from_secs(600);

/// The reviews that were asked for lately.
pub(crate) struct Reviews {
    /// The latest at the end.
    all: Mutex<Vec<(Key, Arc<Slot>)>>,
    /// So many are made at once.
    few: Arc<Semaphore>,
}

impl Default for Reviews {
    fn default() -> Self {
        Self { all: Mutex::default(), few: Arc::new(Semaphore::new(MAKING)) }
    }
}

/// Hash of the terms, and the days.
type Key = (String, Scope);

#[derive(Default)]
struct Slot {
    made: Mutex<Option<Made>>,
    failed: Mutex<Option<Error>>,
    /// Held by whoever makes it: one at a time.
    making: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone)]
struct Made {
    at: Instant,
    took: Duration,
    /// In English and in Chinese.
    views: [Arc<View>; 2],
}

impl Made {
    fn view(&self, t: Language) -> Arc<View> {
        let [english, chinese] = &self.views;
        Arc::clone(if t == Language::Chinese { chinese } else { english })
    }

    /// From when on whoever asked gets this: of what lasts it is enough that it was made while he waited.
    fn since(&self) -> Instant {
        if self.took > SHORT { self.at + self.took } else { self.at }
    }
}

/// The days that the page reviews where nobody says which: half a year back, to the end of today.
pub(crate) fn usual(now: Timestamp) -> Scope {
    let today = now.to_zoned(TimeZone::UTC).date();
    let from = today.checked_sub(6.months()).unwrap_or(today);
    Scope { from, to: today.tomorrow().unwrap_or(today), exercise: false }
}

impl Reviews {
    /// The review of these days, as it stands or as it lately stood, and whether another is being made.
    pub(crate) async fn view(
        &self,
        node: &Arc<Node>,
        t: Language,
        by: &Person,
        agreement: &Arc<Agreement>,
        days: Scope,
    ) -> Result<(Option<Arc<View>>, bool), Error> {
        by.may(Right::Review)?;
        let slot = self.slot((agreement.terms.hash().to_hex(), days));
        let lasting = slot.made().filter(|made| made.took > SHORT);
        if let Some(made) = &lasting
            && made.at.elapsed() <= made.took * SHARE
        {
            return Ok((Some(made.view(t)), false));
        }
        let asked = Instant::now();
        // Who looks at what lasts long waits for nobody who makes it anew.
        let is_long = lasting.as_ref().is_some_and(|made| made.took > PATIENCE / 2);
        let patience = if is_long { Duration::ZERO } else { PATIENCE };
        let turn = Arc::clone(&slot.making).lock_owned();
        let Ok(turn) = tokio::time::timeout(patience, turn).await else {
            return Ok((lasting.map(|made| made.view(t)), true));
        };
        if let Some(made) = slot.made().filter(|made| made.since() >= asked) {
            return Ok((Some(made.view(t)), false));
        }
        // Nobody waited any more when it failed.
        if let Some(error) = slot.failed() {
            return Err(error);
        }
        let (node, agreement, by) = (Arc::clone(node), Arc::clone(agreement), by.clone());
        let few = Arc::clone(&self.few);
        let making = tokio::spawn(async move {
            let _few = few.acquire_owned().await;
            let made = slot.make(&node, &by, &agreement, days).await;
            drop(turn);
            match made {
                Err(error) if asked.elapsed() > patience => {
                    slot.fail(error);
                    None
                }
                made => Some(made),
            }
        });
        let left = patience.saturating_sub(asked.elapsed());
        match tokio::time::timeout(left, making).await {
            Ok(Ok(Some(made))) => Ok((Some(made?.view(t)), false)),
            Ok(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            // It lasts, or the node stops.
            _ => Ok((lasting.map(|made| made.view(t)), true)),
        }
    }

    fn slot(&self, key: Key) -> Arc<Slot> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|(known, _)| *known == key).map(|place| all.remove(place));
        let (key, slot) = known.unwrap_or_else(|| (key, Arc::default()));
        if all.len() == KEPT {
            all.remove(0);
        }
        all.push((key, Arc::clone(&slot)));
        slot
    }

    /// Makes what the page usually shows, now and whenever an hour begins, so that nobody waits for it; for as long
    /// as there is the node.
    pub(crate) async fn ahead(self: Arc<Self>, node: Weak<Node>) {
        let mut last = None;
        loop {
            let Some(node) = node.upgrade() else { return };
            let now = node.now();
            let (days, hour) = (usual(now), review::hour(now));
            if last.replace(hour) != Some(hour) {
                for agreement in node.agreements() {
                    let operator = Person::operator();
                    // Nothing may be witnessed yet; who looks is told.
                    let _made =
                        self.view(&node, Language::English, &operator, &agreement, days).await;
                }
            }
            drop(node);
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Slot {
    fn made(&self) -> Option<Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps why it could not be made, for whoever looks next.
    fn fail(&self, error: Error) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn failed(&self) -> Option<Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn make(
        &self,
        node: &Node,
        by: &Person,
        agreement: &Agreement,
        days: Scope,
    ) -> Result<Made, Error> {
        let at = Instant::now();
        let review = node.review(by, agreement, days, &Until::default()).await?.into_inner();
        let terms = &agreement.terms;
        let view = |t: Language| Arc::new(View::of(t, &review, terms, true));
        let views = [view(Language::English), view(Language::Chinese)];
        let made = Made { at, took: at.elapsed(), views };
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made)
    }
}
