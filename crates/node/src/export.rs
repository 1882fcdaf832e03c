//! A ledger as files: what `ledger audit DIR` and any static web server can read.

use std::fs;
use std::path::{Path, PathBuf};

use comity_ledger::tile::{TileId, TilePath, WIDTH};
use comity_store::evidence::Evidence;
use comity_store::ledger::Ledger;

use crate::node::{Error, Node};
use crate::public;

/// Writes checkpoint, history, tiles and entries of a ledger below `folder`.
///
/// # Errors
/// [`Error`].
pub async fn ledger(node: &Node, ledger: &Ledger, folder: &Path) -> Result<u64, Error> {
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(|error| Error::Refused(format!("{}: {error}", path.display())))
    };
    let Some(checkpoint) = public::checkpoint(node, ledger).await? else {
        return Err(Error::Refused("this ledger has no checkpoint yet".to_owned()));
    };
    write("checkpoint", checkpoint.as_bytes())?;
    let mut size = 0;
    while let Some((next, note)) = public::kept(node, ledger, size + 1).await? {
        size = next;
        write(&format!("history/{size}"), note.as_bytes())?;
    }
    let size = size.max(ledger.witnessed);
    for path in paths(size) {
        if let Some(bytes) = public::tile_bytes(node, ledger, path, size).await? {
            write(&path.to_string(), &bytes)?;
        }
    }
    Ok(size)
}

/// Writes each piece's bytes to a file below `folder`, named for its number and code; returns them.
///
/// # Errors
/// [`Error::Refused`].
pub fn evidence(kept: &[Evidence], folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed =
        |path: &Path, error: std::io::Error| Error::Refused(format!("{}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut files = Vec::new();
    for piece in kept {
        let plain = |c: char| if c.is_ascii_lowercase() || c == '-' { c } else { '_' };
        let code: String = piece.code.chars().map(plain).take(40).collect();
        let path = folder.join(format!("{:06}-{code}", piece.id));
        fs::write(&path, &piece.bytes).map_err(|error| failed(&path, error))?;
        files.push(path);
    }
    Ok(files)
}

/// Every tile and bundle of a tree of this size.
#[must_use]
pub fn paths(size: u64) -> Vec<TilePath> {
    let mut paths = Vec::new();
    for level in 0..8 {
        let mut number = 0;
        loop {
            let id = TileId { level, number };
            let width = id.width(size);
            if width == 0 {
                break;
            }
            paths.push(TilePath::Hashes { id, width });
            if level == 0 {
                paths.push(TilePath::Entries { number, width });
            }
            number += 1;
            if width < WIDTH {
                break;
            }
        }
    }
    paths
}
