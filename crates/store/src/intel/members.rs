//! Who sees what of a transaction's objects in which collection, and since when: nobody can count by the times what lies
//! between two additions that only others see.

use std::collections::{BTreeMap, BTreeSet};

use comity_stix::marking::Audience;

use super::intake::{AT_ONCE, Intake};
use super::{Object, audience};
use crate::db::marks;
use crate::{Error, Value};

/// How far the times of additions may lie ahead of the clock before they hide less of what lies between them, in
/// microseconds.
const AHEAD: i64 = 1_000_000;

impl Intake {
    /// Says who sees a version from now on. In collections, whoever sees more of it only now finds it as added now; to all
    /// others it stands where it stood.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn show_to(
        &mut self,
        object: &Object,
        seen: (Audience, Audience),
    ) -> Result<(), Error> {
        const MEMBERS: &str =
            "SELECT collection, added, audience FROM intel_member WHERE object = $1";
        const KEEP: &str = "UPDATE intel_member SET audience = $4
            WHERE object = $1 AND collection = $2 AND added = $3";
        const DROP: &str =
            "DELETE FROM intel_member WHERE object = $1 AND collection = $2 AND added = $3";
        self.widen(object.num, seen).await?;
        // It was taken out for some: who sees all of something now, and not there, sees it there no more than before.
        let new = seen.0.without(object.marked.audience);
        let wholly = seen.1.without(object.marked.whole);
        let more_than = |there: Audience| new.or(wholly.and(there));
        for (_, of) in self.admitted.range_mut((object.num, 0)..=(object.num, u64::MAX)) {
            *of = of.map(|of| of.and(seen.0).or(more_than(of)));
        }
        let rows = self.tx.query(MEMBERS, &[object.num.into()]).await?;
        let mut there: BTreeMap<u64, Audience> = BTreeMap::new();
        for row in &rows {
            let by = there.entry(row.count(0)?).or_insert(Audience::NOBODY);
            *by = by.or(audience(row.int(2)?)?);
        }
        for row in rows {
            let (collection, added) = (row.count(0)?, row.int(1)?);
            let more = more_than(there.get(&collection).copied().unwrap_or(Audience::NOBODY));
            let place: [Value; 3] = [object.num.into(), collection.into(), added.into()];
            let left = audience(row.int(2)?)?.and(seen.0).without(more);
            if left.is_empty() && !more.is_empty() {
                self.tx.execute(DROP, &place).await?;
            } else {
                // What nobody sees any more stays in it, until somebody does.
                let [object, collection, added] = place;
                self.tx.execute(KEEP, &[object, collection, added, left.into()]).await?;
            }
            if !more.is_empty() {
                self.admitted.entry((object.num, collection)).or_insert(Some(more));
            }
            self.unordered.insert((collection, object.id.clone()));
        }
        Ok(())
    }

    /// Says who may see a version from now on, but in no collection.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn widen(&mut self, num: u64, seen: (Audience, Audience)) -> Result<(), Error> {
        const SQL: &str = "UPDATE intel_object SET audience = $2, whole = $3 WHERE num = $1";
        self.tx.execute(SQL, &[num.into(), seen.0.into(), seen.1.into()]).await?;
        match self.fresh(num) {
            Some(fresh) => fresh.seen = seen.0,
            None => drop(self.seen.insert(num, seen.0)),
        }
        Ok(())
    }

    /// Puts a version of an object into a collection; whether it was not there.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn admit(&mut self, collection: u64, place: (u64, &str)) -> Result<bool, Error> {
        Ok(self.admit_all(collection, &[place]).await? > 0)
    }

    /// Puts versions of objects into a collection, with few questions for all of them; how many were not there.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn admit_all(
        &mut self,
        collection: u64,
        places: &[(u64, &str)],
    ) -> Result<u64, Error> {
        let (mut count, mut others) = (0, Vec::new());
        for (object, id) in places {
            if self.admitted.contains_key(&(*object, collection)) {
                continue;
            }
            let Some(fresh) = self.fresh(*object) else {
                others.push((*object, *id));
                continue;
            };
            let is_only = fresh.is_only;
            self.admitted.insert((*object, collection), None);
            count += 1;
            if !is_only {
                self.unordered.insert((collection, (*id).to_owned()));
            }
        }
        for places in others.chunks(AT_ONCE) {
            let mut params: Vec<Value> = places.iter().map(|place| place.0.into()).collect();
            let marks = marks(1, places.len());
            let versions = "SELECT COUNT(*) FROM intel_object AS other WHERE other.id = one.id";
            let sql = format!(
                "SELECT num, audience, ({versions}) FROM intel_object AS one WHERE num IN ({marks})"
            );
            let mut here = BTreeMap::new();
            for row in self.tx.query(&sql, &params).await? {
                here.insert(row.count(0)?, (audience(row.int(1)?)?, row.count(2)? == 1));
            }
            params.push(collection.into());
            // The plus has SQLite begin with the few versions, not with the collection.
            let sql = format!(
                "SELECT object, audience FROM intel_member
                    WHERE object IN ({marks}) AND +collection = ${}",
                params.len()
            );
            let mut there = BTreeMap::new();
            for row in self.tx.query(&sql, &params).await? {
                let by = there.entry(row.count(0)?).or_insert(Audience::NOBODY);
                *by = by.or(audience(row.int(1)?)?);
            }
            for (object, id) in places {
                // It was deleted since.
                let Some((seen, is_only)) = here.get(object) else { continue };
                // It was taken out but for some.
                let missing = there.get(object).map(|by| seen.without(*by));
                if missing.is_some_and(Audience::is_empty) {
                    continue;
                }
                self.seen.entry(*object).or_insert(*seen);
                self.admitted.insert((*object, collection), missing);
                count += u64::from(missing.is_none());
                if !is_only || missing.is_some() {
                    self.unordered.insert((collection, (*id).to_owned()));
                }
            }
        }
        Ok(count)
    }

    /// Lets a definition go along into a collection with an object that it marks, for whoever sees the object.
    pub fn go_along(&mut self, (definition, id): (u64, &str), collection: u64, object: u64) {
        let along = self.along.entry((definition, collection));
        along.or_insert_with(|| (id.to_owned(), BTreeSet::new())).1.insert(object);
    }

    /// Admits what goes along, for those who are missing.
    pub(super) async fn accompany(&mut self) -> Result<(), Error> {
        for ((definition, collection), (id, objects)) in std::mem::take(&mut self.along) {
            let mut readers = Audience::NOBODY;
            for object in objects {
                readers = readers.or(self.seen(object).await?.unwrap_or(Audience::NOBODY));
            }
            let Some(own) = self.seen(definition).await? else { continue };
            let there = self.shown_in(collection, definition).await?.unwrap_or(Audience::NOBODY);
            let missing = own.and(readers).without(there);
            if missing.is_empty() {
                continue;
            }
            let of = self.admitted.entry((definition, collection)).or_insert(Some(missing));
            *of = of.map(|of| of.or(missing));
            self.unordered.insert((collection, id));
        }
        Ok(())
    }

    /// Who sees something of a version; none, where it was deleted.
    async fn seen(&mut self, object: u64) -> Result<Option<Audience>, Error> {
        const SQL: &str = "SELECT audience FROM intel_object WHERE num = $1";
        let known = self.fresh(object).map(|fresh| fresh.seen);
        if let Some(known) = known.or_else(|| self.seen.get(&object).copied()) {
            return Ok(Some(known));
        }
        let row = self.tx.query_one(SQL, &[object.into()]).await?;
        row.map(|row| audience(row.int(0)?)).transpose()
    }

    /// Puts what was admitted into its collections: what the same readers see one after the other, and a step between
    /// that says nothing. So whoever sees only some of it cannot count the rest by the times.
    pub(super) async fn place(&mut self) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO intel_member
            (collection, added, object, audience, earliest, newest, kind, spec)
            SELECT $1, $2, num, $4, $4, $4, kind, spec FROM intel_object WHERE num = $3";
        const FRESH: &str = "INSERT INTO intel_member
            (collection, added, object, audience, earliest, newest, kind, spec)
            VALUES ($1, $2, $3, $4, $4, $4, $5, $6)";
        let mut placed = Vec::with_capacity(self.admitted.len());
        for ((object, collection), of) in std::mem::take(&mut self.admitted) {
            let seen = match of {
                Some(seen) => seen,
                None => match self.seen(object).await? {
                    Some(seen) => seen,
                    // It was deleted since.
                    None => continue,
                },
            };
            placed.push((collection, std::cmp::Reverse(seen.bits()), object));
        }
        placed.sort_unstable();
        // As late as can be: whoever asked before for what is added later must not miss it.
        let now = self.now();
        let (mut before, mut rows) = (None, Vec::with_capacity(placed.len()));
        for (collection, std::cmp::Reverse(bits), object) in placed {
            let goes_on = before == Some((collection, bits));
            before = Some((collection, bits));
            let added = self.tick(collection, now, goes_on).await?;
            let seen = Audience::from_bits(bits);
            let mut params = vec![collection.into(), added.into(), object.into(), seen.into()];
            let Some(fresh) = self.fresh(object) else {
                self.tx.execute(SQL, &params).await?;
                continue;
            };
            params.extend([fresh.kind.as_str().into(), fresh.spec.as_str().into()]);
            rows.push(params);
        }
        self.tx.execute_each(FRESH, rows).await
    }

    /// The next time at which something is added to a collection: no two are the same.
    async fn tick(&mut self, collection: u64, now: i64, goes_on: bool) -> Result<i64, Error> {
        const SQL: &str = "SELECT latest FROM intel_collection WHERE num = $1";
        let latest = match self.latest.get(&collection) {
            Some(latest) => *latest,
            None => {
                let row = self.tx.query_one(SQL, &[collection.into()]).await?;
                row.map_or(Ok(0), |row| row.int(0))?
            }
        };
        let next = if now > latest {
            now
        } else if goes_on {
            latest + 1
        } else {
            // Far ahead of the clock it goes in small steps.
            let [one, other] = comity_ledger::random::<2>()?;
            let step = u16::from_be_bytes([one, other]);
            let step = if latest - now > AHEAD { step % 64 } else { step };
            latest + 1 + i64::from(step)
        };
        self.latest.insert(collection, next);
        Ok(next)
    }

    /// Which of an object's versions in a collection is the first and the last that each clearance sees.
    pub(super) async fn order(&mut self, collection: u64, id: &str) -> Result<(), Error> {
        // A later STIX says more of the same. The plus has SQLite begin with the few versions, not with the collection.
        const SQL: &str = "SELECT object, intel_member.audience, earliest, newest, added
            FROM intel_object JOIN intel_member ON intel_member.object = intel_object.num
            WHERE intel_object.id = $1 AND +intel_member.collection = $2
            ORDER BY intel_object.spec, version, added";
        const LATE: &str = "UPDATE intel_collection SET late = 1 WHERE num = $1 AND late = 0";
        const SET: &str = "UPDATE intel_member SET earliest = $3, newest = $4
            WHERE object = $1 AND collection = $2 AND added = $5";
        let rows = self.tx.query(SQL, &[id.into(), collection.into()]).await?;
        let seen: Vec<Audience> =
            rows.iter().map(|row| audience(row.int(1)?)).collect::<Result<_, _>>()?;
        let added: Vec<i64> = rows.iter().map(|row| row.int(4)).collect::<Result<_, _>>()?;
        if !added.is_sorted() {
            self.tx.execute(LATE, &[collection.into()]).await?;
        }
        let rest = |all: &mut Audience, one: &Audience| {
            let own = one.without(*all);
            *all = all.or(*one);
            Some(own)
        };
        let earliest: Vec<_> = seen.iter().scan(Audience::NOBODY, rest).collect();
        let mut newest: Vec<_> = seen.iter().rev().scan(Audience::NOBODY, rest).collect();
        newest.reverse();
        for ((row, earliest), newest) in rows.iter().zip(earliest).zip(newest) {
            if (audience(row.int(2)?)?, audience(row.int(3)?)?) != (earliest, newest) {
                let object = row.value(0);
                let added = row.value(4);
                let params = [object, collection.into(), earliest.into(), newest.into(), added];
                self.tx.execute(SET, &params).await?;
            }
        }
        Ok(())
    }

    /// The collections that a version is in, or comes into.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn collections_of(&mut self, object: u64) -> Result<BTreeSet<u64>, Error> {
        const SQL: &str = "SELECT DISTINCT collection FROM intel_member WHERE object = $1";
        let rows = self.tx.query(SQL, &[object.into()]).await?;
        let mut all: BTreeSet<u64> =
            rows.iter().map(|row| row.count(0)).collect::<Result<_, _>>()?;
        let places = (object, 0)..=(object, u64::MAX);
        all.extend(self.admitted.range(places).map(|((_, collection), _)| *collection));
        Ok(all)
    }

    /// Who sees a version in a collection; none, where it is not in it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn shown_in(
        &mut self,
        collection: u64,
        object: u64,
    ) -> Result<Option<Audience>, Error> {
        const SQL: &str = "SELECT audience FROM intel_member WHERE object = $1 AND collection = $2";
        let mut all = match self.admitted.get(&(object, collection)).copied() {
            Some(None) => return self.seen(object).await,
            Some(some) => some,
            None => None,
        };
        for row in self.tx.query(SQL, &[object.into(), collection.into()]).await? {
            all = Some(all.unwrap_or(Audience::NOBODY).or(audience(row.int(0)?)?));
        }
        Ok(all)
    }
}
