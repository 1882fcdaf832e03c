//! C2SP tlog-tiles: where tiles and entry bundles stand, what is in them, and proofs out of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::statement::MAX_ENTRY;
use crate::tree::{self, Hash, Node};

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;

/// The largest tree that is spoken of: sizes are kept as signed 64-bit integers in SQL.
pub const MAX_SIZE: u64 = 1 << 62;

/// Which tile: level and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaf hashes; each hash of level `l + 1` is the root of a full tile of level `l`.
    pub level: u8,
    /// Its number within the level.
    pub number: u64,
}

impl TileId {
    /// The tile that holds what `node` is made of.
    #[must_use]
    pub fn of(node: Node) -> Self {
        Self { level: node.height / 8, number: (node.index << (node.height % 8)) / WIDTH }
    }

    /// How many hashes this tile has in a tree of `size` entries.
    #[must_use]
    pub fn width(self, size: u64) -> u64 {
        let hashes = size.checked_shr(u32::from(self.level) * 8).unwrap_or(0);
        hashes.saturating_sub(self.number.saturating_mul(WIDTH)).min(WIDTH)
    }
}

/// What stands at a path under a ledger's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TilePath {
    /// `tile/<L>/<N>[.p/<W>]`
    Hashes {
        /// Which tile.
        id: TileId,
        /// Hashes in it, 1 to 256.
        width: u64,
    },
    /// `tile/entries/<N>[.p/<W>]`
    Entries {
        /// Which bundle.
        number: u64,
        /// Entries in it, 1 to 256.
        width: u64,
    },
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, width) = match *self {
            Self::Hashes { id, width } => {
                write!(f, "tile/{}/", id.level)?;
                (id.number, width)
            }
            Self::Entries { number, width } => {
                f.write_str("tile/entries/")?;
                (number, width)
            }
        };
        write_number(f, number / 1000)?;
        write!(f, "{:03}", number % 1000)?;
        if width < WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        let bad = Error::Range("tile path");
        let rest = path.strip_prefix("tile/").ok_or(bad.clone())?;
        let (level, rest) = rest.split_once('/').ok_or(bad.clone())?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => {
                (number, decimal(width).filter(|w| (1..WIDTH).contains(w)).ok_or(bad.clone())?)
            }
            None => (rest, WIDTH),
        };
        let number = parse_number(number).ok_or(bad.clone())?;
        if level == "entries" {
            return Ok(Self::Entries { number, width });
        }
        let level = decimal(level).filter(|level| *level < 64).ok_or(bad.clone())?;
        Ok(Self::Hashes {
            id: TileId { level: u8::try_from(level).map_err(|_| bad)?, number },
            width,
        })
    }
}

/// Some of a ledger's tiles, in memory: enough of them for what is asked.
///
/// A tile may be wider than a tree size needs; only its prefix is used then.
#[derive(Debug, Clone, Default)]
pub struct Tiles {
    tiles: BTreeMap<TileId, Vec<Hash>>,
    changed: BTreeSet<TileId>,
}

impl Tiles {
    /// Puts in a tile as it was stored or fetched.
    ///
    /// # Errors
    /// [`Error::Range`] unless `bytes` are 1 to 256 hashes.
    pub fn insert(&mut self, id: TileId, bytes: &[u8]) -> Result<(), Error> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if hashes.is_empty() || hashes.len() as u64 > WIDTH || !rest.is_empty() {
            return Err(Error::Range("a tile is 1 to 256 hashes of 32 bytes"));
        }
        self.tiles.insert(id, hashes.iter().copied().map(Hash).collect());
        Ok(())
    }

    /// The bytes of a tile at `width`; `None` where so many hashes are not there.
    #[must_use]
    pub fn bytes(&self, id: TileId, width: u64) -> Option<Vec<u8>> {
        let hashes = self.tiles.get(&id)?.get(..usize::try_from(width).ok()?)?;
        Some(hashes.iter().flat_map(|hash| hash.0).collect())
    }

    /// The bytes of a tile as wide as it is here.
    #[must_use]
    pub fn whole(&self, id: TileId) -> Option<Vec<u8>> {
        self.bytes(id, self.tiles.get(&id)?.len() as u64)
    }

    /// Whether the tile is here at all.
    #[must_use]
    pub fn contains(&self, id: TileId) -> bool {
        self.tiles.contains_key(&id)
    }

    /// Appends a leaf hash to a tree of `size` entries whose [`edge`] is here.
    pub fn push(&mut self, size: u64, leaf: Hash) {
        let (mut level, mut index, mut hash) = (0, size, leaf);
        loop {
            let id = TileId { level, number: index / WIDTH };
            let tile = self.tiles.entry(id).or_default();
            // A stored tile may be wider than the tree it is used for; what follows replaces that.
            tile.truncate((index % WIDTH) as usize);
            tile.push(hash);
            self.changed.insert(id);
            if (tile.len() as u64) < WIDTH {
                return;
            }
            hash = tree::root(tile);
            level += 1;
            index /= WIDTH;
        }
    }

    /// The tiles that [`Tiles::push`] changed since the last call, with all their bytes.
    pub fn take_changed(&mut self) -> Vec<(TileId, Vec<u8>)> {
        std::mem::take(&mut self.changed)
            .into_iter()
            .filter_map(|id| Some((id, self.whole(id)?)))
            .collect()
    }

    /// The root of the tree of `size` entries.
    ///
    /// # Errors
    /// [`Error::MissingTile`] where a tile is not here.
    pub fn root(&self, size: u64) -> Result<Hash, Error> {
        self.range(0, size)
    }

    /// The proof of the subtree `[start, end)` in the tree of `size` entries.
    ///
    /// # Errors
    /// [`Error::Range`] or [`Error::MissingTile`].
    pub fn prove_subtree(&self, start: u64, end: u64, size: u64) -> Result<Vec<Hash>, Error> {
        tree::proof_ranges(start, end, size)?
            .into_iter()
            .map(|(start, end)| self.range(start, end))
            .collect()
    }

    /// The inclusion proof of entry `index` in the tree of `size` entries.
    ///
    /// # Errors
    /// [`Error::Range`] or [`Error::MissingTile`].
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, Error> {
        self.prove_subtree(index, index + 1, size)
    }

    /// The consistency proof from `old` to `size` entries; empty from nothing and to itself.
    ///
    /// # Errors
    /// [`Error::Range`] or [`Error::MissingTile`].
    pub fn prove_consistency(&self, old: u64, size: u64) -> Result<Vec<Hash>, Error> {
        if old == 0 || old == size {
            return Ok(Vec::new());
        }
        self.prove_subtree(0, old, size)
    }

    /// The hash of entry `index`.
    #[must_use]
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.node(Node { height: 0, index }).ok()
    }

    /// The Merkle hash of `[start, end)`.
    ///
    /// # Errors
    /// [`Error::MissingTile`] where a tile is not here.
    pub fn range(&self, start: u64, end: u64) -> Result<Hash, Error> {
        let hashes: Vec<_> = tree::nodes(start, end)
            .into_iter()
            .map(|node| self.node(node))
            .collect::<Result<_, _>>()?;
        Ok(tree::fold(&hashes))
    }

    fn node(&self, node: Node) -> Result<Hash, Error> {
        let id = TileId::of(node);
        let below = 1 << (node.height % 8);
        let first = ((node.index << (node.height % 8)) % WIDTH) as usize;
        let hashes = self.tiles.get(&id).and_then(|tile| tile.get(first..first + below));
        Ok(tree::root(hashes.ok_or_else(|| {
            Error::MissingTile(TilePath::Hashes { id, width: WIDTH }.to_string())
        })?))
    }
}

/// The tiles that the root of, and an append to, a tree of `size` entries need.
#[must_use]
pub fn edge(size: u64) -> Vec<TileId> {
    distinct(tree::nodes(0, size))
}

/// The tiles that the proof of the subtree `[start, end)` in a tree of `size` entries needs.
///
/// # Errors
/// [`Error::Range`] where there is no such subtree.
pub fn needed(start: u64, end: u64, size: u64) -> Result<Vec<TileId>, Error> {
    let ranges = tree::proof_ranges(start, end, size)?;
    Ok(distinct(ranges.into_iter().flat_map(|(start, end)| tree::nodes(start, end)).collect()))
}

/// An entry bundle: each entry behind its big-endian 16-bit length.
#[must_use]
pub fn bundle(entries: &[Vec<u8>]) -> Vec<u8> {
    entries.iter().fold(Vec::new(), |mut bundle, entry| {
        push_entry(&mut bundle, entry);
        bundle
    })
}

/// Adds one entry to a bundle. Entries are at most [`MAX_ENTRY`] bytes, so the length fits.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle of exactly `width`.
///
/// # Errors
/// [`Error::EntryTooLong`], or [`Error::Range`] where the bytes are not so many entries.
pub fn entries(bundle: &[u8], width: u64) -> Result<Vec<&[u8]>, Error> {
    let mut rest = bundle;
    let mut entries = Vec::new();
    while entries.len() as u64 != width {
        let (entry, after) = split_entry(rest)?;
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(Error::Range("bytes after the last entry")) }
}

/// The first entry of a bundle, and what follows it.
///
/// # Errors
/// [`Error::EntryTooLong`], or [`Error::Range`] where the bytes end too soon.
pub fn split_entry(bundle: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let (length, rest) = bundle.split_first_chunk::<2>().ok_or(Error::Range("entry length"))?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length > MAX_ENTRY {
        return Err(Error::EntryTooLong { max: MAX_ENTRY, found: length });
    }
    rest.split_at_checked(length).ok_or(Error::Range("entry shorter than its length"))
}

fn distinct(nodes: Vec<Node>) -> Vec<TileId> {
    let set: BTreeSet<_> = nodes.into_iter().map(TileId::of).collect();
    set.into_iter().collect()
}

/// Writes the leading `x123/` elements for a number that has been divided by 1,000.
fn write_number(f: &mut fmt::Formatter<'_>, thousands: u64) -> fmt::Result {
    if thousands == 0 {
        return Ok(());
    }
    write_number(f, thousands / 1000)?;
    write!(f, "x{:03}/", thousands % 1000)
}

fn parse_number(text: &str) -> Option<u64> {
    let mut elements = text.split('/').peekable();
    let mut number: u64 = 0;
    let mut first = true;
    while let Some(element) = elements.next() {
        let last = elements.peek().is_none();
        let digits = if last { element } else { element.strip_prefix('x')? };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // `x000/001` would be a second spelling of `001`.
        if first && !last && digits == "000" {
            return None;
        }
        first = false;
        number = number.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    (number < MAX_SIZE).then_some(number)
}

/// An ASCII decimal without leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    (canonical && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
        .filter(|number| *number <= MAX_SIZE)
}
