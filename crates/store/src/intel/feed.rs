//! A collection as one reader sees it: what the reader may not see is not counted, and costs nothing to pass.
//!
//! Members stand by audience and then in order. So a page is made of as many short ranges as there are different
//! audiences, however much lies between that others see.

use comity_stix::marking::{Audience, Clearance};

use super::{Object, audience};
use crate::{Db, Error, Row, Value};

/// Objects that are loaded at a time.
const LOADED: usize = 100;

/// What of a collection is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Which versions of objects are wanted of those that everything else leaves: those that any of these says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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

/// A member of a collection: when its readers came to see it, and its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// When, in microseconds since 1970; no two of a collection have the same.
    pub added: i64,
    /// What.
    pub object: Object,
}

/// A page of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Its members, in order.
    pub members: Vec<Member>,
    /// Whether there are more after them.
    pub more: bool,
}

/// What of a collection a reader sees, in order; at most `limit`. Where `bytes` is given, with bodies, and no more of them
/// than that many bytes, but one.
///
/// # Errors
/// [`Error`].
pub async fn page(
    db: &Db,
    collection: u64,
    reader: Clearance,
    filter: &Filter,
    (limit, bytes): (u64, Option<usize>),
) -> Result<Page, Error> {
    let mut places = Vec::new();
    if filter.ids.is_empty() {
        for seen in audiences(db, collection).await?.into_iter().filter(|seen| seen.has(reader)) {
            if filter.kinds.is_empty() {
                places
                    .extend(range(db, collection, (seen, None), reader, filter, limit + 1).await?);
            }
            for kind in &filter.kinds {
                let of = (seen, Some(kind.as_str()));
                places.extend(range(db, collection, of, reader, filter, limit + 1).await?);
            }
        }
    } else {
        places = named(db, collection, reader, filter).await?;
    }
    places.sort_unstable();
    places.dedup();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = Page { members: Vec::with_capacity(places.len()), more: places.len() > limit };
    places.truncate(limit);
    let mut size = 0;
    for places in places.chunks(LOADED) {
        let nums: Vec<u64> = places.iter().map(|(_, object)| *object).collect();
        let found = super::load(db, &nums, bytes.is_some()).await?;
        let mut added = places.iter();
        for object in found {
            size += object.body.len();
            if bytes.is_some_and(|most| size > most) && !page.members.is_empty() {
                page.more = true;
                return Ok(page);
            }
            // Both are in one order; what was deleted meanwhile is not among the objects.
            if let Some((added, _)) = added.find(|(_, num)| *num == object.num) {
                page.members.push(Member { added: *added, object });
            }
        }
    }
    Ok(page)
}

/// The different audiences of a collection: a step in the index for each.
async fn audiences(db: &Db, collection: u64) -> Result<Vec<Audience>, Error> {
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

/// The places of one audience, and of one type.
async fn range(
    db: &Db,
    collection: u64,
    (seen, kind): (Audience, Option<&str>),
    reader: Clearance,
    filter: &Filter,
    limit: u64,
) -> Result<Vec<(i64, u64)>, Error> {
    let mut sql = Sql::new(collection, reader, filter);
    sql.text("SELECT added, object FROM intel_member AS m WHERE m.collection = ");
    sql.value(collection);
    sql.text(" AND m.audience = ");
    sql.value(seen);
    if let Some(kind) = kind {
        sql.text(" AND m.kind = ");
        sql.value(kind);
    }
    sql.text(" AND m.added > ");
    sql.value(filter.after.max(filter.cursor).unwrap_or(i64::MIN));
    sql.wanted();
    sql.text(" ORDER BY m.added LIMIT ");
    sql.value(limit);
    places(&db.query(&sql.text, &sql.params).await?)
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
        sql.text(" AND m.collection = ");
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
        found.extend(places(&db.query(&sql.text, &sql.params).await?)?);
    }
    Ok(found)
}

fn places(rows: &[Row]) -> Result<Vec<(i64, u64)>, Error> {
    rows.iter().map(|row| Ok((row.int(0)?, row.count(1)?))).collect()
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
        // Which is the first and the last of all is known; of some of them it depends.
        let is_known = specs.is_empty() && after.is_none();
        let ends = [
            (
                versions.last,
                "newest",
                "(n.spec > own.spec OR n.spec = own.spec AND n.version > own.version)",
            ),
            (
                versions.first,
                "earliest",
                "(n.spec < own.spec OR n.spec = own.spec AND n.version < own.version)",
            ),
        ];
        self.text(" AND (1 = 0");
        for (_, column, beyond) in ends.into_iter().filter(|end| end.0) {
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
                WHERE own.num = m.object AND other.collection = ",
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
