//! A collection as one reader sees it: what the reader may not see is not counted, and costs nothing to pass.
//!
//! Members stand by audience and then in order. So a page is made of as many short ranges as there are different
//! audiences, however much lies between that others see.

use std::collections::HashMap;

use comity_stix::marking::{Audience, Clearance};

use super::{Marked, audience};
use crate::db::marks;
use crate::{Db, Error, Row, Value};

/// Objects that are loaded at a time.
pub const LOADED: usize = 100;

/// Ranges that are merged in one query.
const MERGED: usize = 64;

/// What of a collection is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// These objects; any where there are none.
    pub ids: Vec<String>,
    /// These types; any where there are none.
    pub kinds: Vec<String>,
    /// These versions of STIX; of each object the latest that there is, where there are none.
    pub specs: Vec<String>,
    /// These versions of objects.
    pub versions: Versions,
    /// Added after this time, in microseconds since 1970.
    pub after: Option<i64>,
    /// What comes after this time in the list that all of the above gives.
    pub cursor: Option<i64>,
}

impl Filter {
    /// Everything.
    #[must_use]
    pub fn of_all_versions() -> Self {
        Self {
            ids: Vec::new(),
            kinds: Vec::new(),
            specs: vec!["2.0".to_owned(), "2.1".to_owned()],
            versions: Versions { all: true, ..Versions::default() },
            after: None,
            cursor: None,
        }
    }
}

impl Filter {
    /// The same list as the rest of one that others read too, where it is one: what was added after a time decides which
    /// versions are seen only where a version came after a later one of it, or the first of them is wanted.
    #[must_use]
    pub fn as_rest(mut self, is_late: bool) -> Self {
        if !is_late && !self.versions.first {
            self.cursor = self.after.max(self.cursor);
            self.after = None;
        }
        self
    }
}

/// Which versions of objects are wanted of those that everything else leaves: those that any of these says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Versions {
    /// Every one.
    pub all: bool,
    /// The first that the reader sees.
    pub first: bool,
    /// The last.
    pub last: bool,
    /// Those of these times, in microseconds since 1970.
    pub at: Vec<i64>,
}

/// What a version of an object is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its number here.
    pub num: u64,
    /// Its identifier.
    pub id: String,
    /// Its version, in microseconds since 1970.
    pub version: i64,
    /// The version of STIX.
    pub spec: String,
}

/// A page of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its members, in order, each with the time at which its readers came to see it, in microseconds since 1970: no two
    /// of a collection have the same.
    pub members: Vec<(i64, T)>,
    /// Whether there are more after them.
    pub more: bool,
}

/// What of a collection a reader sees, in order; at most `limit`, and of bytes no more than so many, but one.
///
/// # Errors
/// [`Error`].
pub async fn bodies(
    db: &Db,
    collection: u64,
    reader: Clearance,
    filter: &Filter,
    (limit, bytes): (u64, usize),
) -> Result<Page<Marked>, Error> {
    let seen = audiences(db, collection).await?;
    let Page { members, more } = places(db, (collection, &seen), reader, filter, limit).await?;
    let mut page = Page { members: Vec::with_capacity(members.len()), more };
    let mut size = 0;
    for places in members.chunks(LOADED) {
        let nums: Vec<u64> = places.iter().map(|place| place.1).collect();
        let mut read: HashMap<u64, Marked> = marked(db, &nums).await?.into_iter().collect();
        for (added, num) in places {
            // It was deleted meanwhile.
            let Some(object) = read.remove(num) else { continue };
            size += object.body.len();
            if size > bytes && !page.members.is_empty() {
                page.more = true;
                return Ok(page);
            }
            page.members.push((*added, object));
        }
    }
    Ok(page)
}

/// The bytes of objects, and who may see them, by their numbers; at most [`LOADED`] at a time, in any order.
///
/// # Errors
/// [`Error`].
pub async fn marked(db: &Db, nums: &[u64]) -> Result<Vec<(u64, Marked)>, Error> {
    let rows = load(db, nums.iter().copied(), "num, audience, whole, body").await?;
    let read = |row: Row| {
        let num = row.count(0)?;
        let (seen, whole) = (audience(row.int(1)?)?, audience(row.int(2)?)?);
        let Some(Value::Blob(body)) = row.0.into_iter().nth(3) else {
            return Err(Error::damaged("an object's row: want its bytes"));
        };
        Ok((num, Marked { audience: seen, whole, body }))
    };
    rows.into_iter().map(read).collect()
}

/// The same, without bytes, of a collection with these audiences.
///
/// # Errors
/// [`Error`].
pub async fn heads(
    db: &Db,
    collection: (u64, &[Audience]),
    reader: Clearance,
    filter: &Filter,
    limit: u64,
) -> Result<Page<Head>, Error> {
    let Page { members, more } = places(db, collection, reader, filter, limit).await?;
    let mut page = Page { members: Vec::with_capacity(members.len()), more };
    for places in members.chunks(LOADED) {
        let nums = places.iter().map(|place| place.1);
        let rows = load(db, nums, "num, id, version, spec").await?;
        for (added, row) in in_order(places, rows)? {
            let (num, version) = (row.count(0)?, row.int(2)?);
            let (id, spec) = (row.text(1)?.to_owned(), row.text(3)?.to_owned());
            page.members.push((added, Head { num, id, version, spec }));
        }
    }
    Ok(page)
}

/// The numbers of the objects that a reader sees in a collection with these audiences, as far as a filter leaves them,
/// in order; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn places(
    db: &Db,
    (collection, audiences): (u64, &[Audience]),
    reader: Clearance,
    filter: &Filter,
    limit: u64,
) -> Result<Page<u64>, Error> {
    let mut found = if filter.ids.is_empty() {
        ranges(db, (collection, audiences), reader, filter, limit + 1).await?
    } else {
        named(db, collection, reader, filter).await?
    };
    found.sort_unstable();
    found.dedup();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(Page { members: found, more })
}

async fn load(db: &Db, nums: impl Iterator<Item = u64>, columns: &str) -> Result<Vec<Row>, Error> {
    let params: Vec<Value> = nums.map(Value::from).collect();
    let marks = marks(1, params.len());
    let sql = format!("SELECT {columns} FROM intel_object WHERE num IN ({marks})");
    db.query(&sql, &params).await
}

/// Rows in the order of their places; what was deleted meanwhile is left out.
fn in_order(places: &[(i64, u64)], rows: Vec<Row>) -> Result<Vec<(i64, Row)>, Error> {
    let mut by_num: Vec<(u64, i64)> = places.iter().map(|(added, num)| (*num, *added)).collect();
    by_num.sort_unstable();
    let mut placed = Vec::with_capacity(rows.len());
    for row in rows {
        let num = row.count(0)?;
        if let Ok(at) = by_num.binary_search_by_key(&num, |one| one.0) {
            placed.push((by_num[at].1, row));
        }
    }
    placed.sort_unstable_by_key(|one| one.0);
    Ok(placed)
}

/// The different audiences of what is in a collection: a step in the index for each.
///
/// # Errors
/// [`Error`].
pub async fn audiences(db: &Db, collection: u64) -> Result<Vec<Audience>, Error> {
    const SQL: &str =
        "SELECT MIN(audience) FROM intel_member WHERE collection = $1 AND audience > $2";
    let (mut found, mut last) = (Vec::new(), -1);
    while let Some(row) = db.query_one(SQL, &[collection.into(), last.into()]).await? {
        if row.is_null(0) {
            break;
        }
        last = row.int(0)?;
        found.push(audience(last)?);
    }
    Ok(found)
}

/// The first places that a reader sees: of each audience, and of each type that is wanted, a range that is in order
/// already; the database merges them, and reads of each no more than it takes.
async fn ranges(
    db: &Db,
    (collection, audiences): (u64, &[Audience]),
    reader: Clearance,
    filter: &Filter,
    limit: u64,
) -> Result<Vec<(i64, u64)>, Error> {
    let kinds: Vec<Option<&str>> = match &filter.kinds[..] {
        [] => vec![None],
        kinds => kinds.iter().map(|kind| Some(kind.as_str())).collect(),
    };
    let seen = audiences.iter().copied().filter(|seen| seen.has(reader));
    let arms: Vec<_> = seen.flat_map(|seen| kinds.iter().map(move |kind| (seen, *kind))).collect();
    let mut found = Vec::new();
    for arms in arms.chunks(MERGED) {
        let mut sql = Sql::new(collection, reader, filter);
        for (seen, kind) in arms {
            if !sql.text.is_empty() {
                sql.text(" UNION ALL ");
            }
            sql.text("SELECT m.added, m.object FROM intel_member AS m WHERE m.collection = ");
            sql.value(collection);
            sql.text(" AND m.audience = ");
            sql.value(*seen);
            if let Some(kind) = kind {
                sql.text(" AND m.kind = ");
                sql.value(*kind);
            }
            sql.text(" AND m.added > ");
            sql.value(filter.after.max(filter.cursor).unwrap_or(i64::MIN));
            sql.wanted();
        }
        sql.text(" ORDER BY 1 LIMIT ");
        sql.value(limit);
        found.extend(read(db, &sql).await?);
    }
    Ok(found)
}

/// The places of objects that are named.
async fn named(
    db: &Db,
    collection: u64,
    reader: Clearance,
    filter: &Filter,
) -> Result<Vec<(i64, u64)>, Error> {
    let mut found = Vec::new();
    for id in &filter.ids {
        let mut sql = Sql::new(collection, reader, filter);
        sql.text("SELECT m.added, m.object FROM intel_object AS o JOIN intel_member AS m ON m.object = o.num WHERE o.id = ");
        sql.value(id.as_str());
        // The plus has SQLite begin with the few versions, not with the collection.
        sql.text(" AND +m.collection = ");
        sql.value(collection);
        sql.text(" AND (m.audience & ");
        sql.value(Audience::only(reader));
        sql.text(") <> 0 AND m.added > ");
        sql.value(filter.after.max(filter.cursor).unwrap_or(i64::MIN));
        if !filter.kinds.is_empty() {
            sql.text(" AND m.kind IN ");
            sql.list(filter.kinds.iter().map(String::as_str));
        }
        sql.wanted();
        found.extend(read(db, &sql).await?);
    }
    Ok(found)
}

async fn read(db: &Db, sql: &Sql<'_>) -> Result<Vec<(i64, u64)>, Error> {
    let pairs = db.query_pairs(&sql.text, &sql.params).await?;
    let place = |(added, object)| Ok((added, u64::try_from(object).map_err(Error::damaged)?));
    pairs.into_iter().map(place).collect()
}

/// A query being written.
struct Sql<'f> {
    text: String,
    params: Vec<Value>,
    collection: u64,
    reader: Audience,
    filter: &'f Filter,
}

impl<'f> Sql<'f> {
    fn new(collection: u64, reader: Clearance, filter: &'f Filter) -> Self {
        let (text, params, reader) = (String::new(), Vec::new(), Audience::only(reader));
        Self { text, params, collection, reader, filter }
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn value(&mut self, value: impl Into<Value>) {
        self.params.push(value.into());
        self.text.push_str(&format!("${}", self.params.len()));
    }

    fn list<V: Into<Value>>(&mut self, values: impl Iterator<Item = V>) {
        for (at, value) in values.enumerate() {
            self.text(if at == 0 { "(" } else { ", " });
            self.value(value);
        }
        self.text(")");
    }

    /// Which of the versions are wanted.
    fn wanted(&mut self) {
        let Filter { specs, versions, after, .. } = self.filter;
        if !specs.is_empty() {
            self.text(" AND m.spec IN ");
            self.list(specs.iter().map(String::as_str));
        } else if !versions.last || versions.first || !versions.at.is_empty() {
            // By the order of versions a later STIX comes later; the last is of it anyway.
            self.text(" AND (m.spec = '2.1' OR ");
            self.none_else("n.spec > '2.0'");
            self.text(")");
        }
        if versions.all {
            return;
        }
        // Which is the first and the last of all is known; of some of them it depends, and of the latest STIX alone
        // what is the first.
        let is_known = after.is_none() && specs.is_empty();
        let earlier = if specs.is_empty() {
            "n.spec = own.spec AND n.version < own.version"
        } else {
            "(n.spec < own.spec OR n.spec = own.spec AND n.version < own.version)"
        };
        let later = "(n.spec > own.spec OR n.spec = own.spec AND n.version > own.version)";
        let ends = [
            (versions.last, "newest", is_known, later),
            (versions.first, "earliest", false, earlier),
        ];
        self.text(" AND (1 = 0");
        for (_, column, is_known, beyond) in ends.into_iter().filter(|end| end.0) {
            self.text(&format!(" OR (m.{column} & "));
            self.value(self.reader);
            self.text(") <> 0");
            if !is_known {
                self.text(" OR ");
                self.none_else(beyond);
            }
        }
        if !versions.at.is_empty() {
            self.text(
                " OR EXISTS (SELECT 1 FROM intel_object WHERE num = m.object AND version IN ",
            );
            self.list(versions.at.iter().copied());
            self.text(")");
        }
        self.text(")");
    }

    /// That the reader sees no other version of the object in the collection that the rest of the filter leaves and that
    /// is as `how` says.
    fn none_else(&mut self, how: &str) {
        self.text(
            "NOT EXISTS (SELECT 1 FROM intel_object AS own
                JOIN intel_object AS n ON n.id = own.id
                JOIN intel_member AS other ON other.object = n.num
                WHERE own.num = m.object AND +other.collection = ",
        );
        self.value(self.collection);
        self.text(" AND (other.audience & ");
        self.value(self.reader);
        self.text(&format!(") <> 0 AND {how}"));
        if let Some(after) = self.filter.after {
            self.text(" AND other.added > ");
            self.value(after);
        }
        if !self.filter.specs.is_empty() {
            self.text(" AND n.spec IN ");
            self.list(self.filter.specs.iter().map(String::as_str));
        }
        self.text(")");
    }
}
