//! Trees, tiles and proofs: every size to 1,000 against the definitions of RFC 6962, and against
//! the published `tlog_tiles` where its forms agree with C2SP's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

use comity_ledger::tile::{self, TileId, TilePath, WIDTH};
use comity_ledger::tree::{self, Hash};
use comity_ledger::{Error, Tiles};

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}

fn grown(count: u64) -> Tiles {
    let mut tiles = Tiles::default();
    for (index, leaf) in leaves(count).into_iter().enumerate() {
        tiles.push(index as u64, leaf);
    }
    tiles
}

/// RFC 6962 section 2.1.1, word for word.
fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
    if d.len() == 1 {
        return Vec::new();
    }
    let k = d.len().next_power_of_two() / 2;
    if m < k {
        let mut proof = path(m, &d[..k]);
        proof.push(tree::root(&d[k..]));
        proof
    } else {
        let mut proof = path(m - k, &d[k..]);
        proof.push(tree::root(&d[..k]));
        proof
    }
}

/// RFC 6962 section 2.1.2, word for word.
fn subproof(m: usize, d: &[Hash], whole: bool) -> Vec<Hash> {
    if m == d.len() {
        return if whole { Vec::new() } else { vec![tree::root(d)] };
    }
    let k = d.len().next_power_of_two() / 2;
    if m <= k {
        let mut proof = subproof(m, &d[..k], whole);
        proof.push(tree::root(&d[k..]));
        proof
    } else {
        let mut proof = subproof(m - k, &d[k..], false);
        proof.push(tree::root(&d[..k]));
        proof
    }
}

#[test]
fn every_size_to_1000_has_the_root_and_proofs_of_rfc_6962() {
    let all = leaves(1000);
    let tiles = grown(1000);
    for size in 1..=1000_u64 {
        let d = &all[..size as usize];
        let root = tiles.root(size).unwrap();
        assert_eq!(root, tree::root(d), "root of {size}");
        // Every index would take minutes; these cover both edges and a spread that moves with size.
        for index in [0, size / 3, size / 2, size - 1, (size * 7919) % size, (size * 31) % size] {
            let proof = tiles.prove_inclusion(index, size).unwrap();
            assert_eq!(proof, path(index as usize, d), "inclusion of {index} in {size}");
            tree::verify_inclusion(index, &all[index as usize], size, &root, &proof).unwrap();
            let other = &all[(index as usize + 1) % 1000];
            assert!(tree::verify_inclusion(index, other, size, &root, &proof).is_err());
        }
        for old in [1, size / 3, size / 2, size.saturating_sub(1), (size * 104_729) % size, size] {
            let old_root = tiles.root(old).unwrap();
            let proof = tiles.prove_consistency(old, size).unwrap();
            if old > 0 {
                assert_eq!(proof, subproof(old as usize, d, true), "consistency {old} to {size}");
            }
            tree::verify_consistency((old, &old_root), (size, &root), &proof).unwrap();
        }
    }
}

#[test]
fn every_subtree_of_every_size_to_80_is_proven_and_nothing_else_is() {
    let all = leaves(80);
    let tiles = grown(80);
    for size in 1..=80_u64 {
        let root = tiles.root(size).unwrap();
        for start in 0..size {
            for end in start + 1..=size {
                if !tree::is_subtree(start, end) {
                    assert!(tiles.prove_subtree(start, end, size).is_err());
                    continue;
                }
                let subtree = tree::root(&all[start as usize..end as usize]);
                let proof = tiles.prove_subtree(start, end, size).unwrap();
                tree::verify_subtree((start, end), &subtree, size, &root, &proof).unwrap();
                let wrong = Hash::of(b"another");
                assert!(tree::verify_subtree((start, end), &wrong, size, &root, &proof).is_err());
                if !proof.is_empty() {
                    let short = &proof[1..];
                    assert!(
                        tree::verify_subtree((start, end), &subtree, size, &root, short).is_err()
                    );
                }
                let mut long = proof.clone();
                long.push(wrong);
                assert!(tree::verify_subtree((start, end), &subtree, size, &root, &long).is_err());
            }
        }
    }
}

#[test]
fn every_flipped_byte_of_a_proof_is_refused() {
    let tiles = grown(777);
    let root = tiles.root(777).unwrap();
    let leaf = tiles.leaf(300).unwrap();
    let inclusion = tiles.prove_inclusion(300, 777).unwrap();
    let old_root = tiles.root(300).unwrap();
    let consistency = tiles.prove_consistency(300, 777).unwrap();
    for (proof, check) in [
        (
            inclusion,
            &(|p: &[Hash]| tree::verify_inclusion(300, &leaf, 777, &root, p))
                as &dyn Fn(&[Hash]) -> _,
        ),
        (consistency, &|p: &[Hash]| tree::verify_consistency((300, &old_root), (777, &root), p)),
    ] {
        check(&proof).unwrap();
        for hash in 0..proof.len() {
            for byte in 0..32 {
                let mut changed = proof.clone();
                changed[hash].0[byte] ^= 1;
                assert!(matches!(check(&changed), Err(Error::Proof(_))));
            }
        }
    }
}

#[test]
fn forks_and_rollbacks_are_named() {
    let tiles = grown(10);
    let (five, ten) = (tiles.root(5).unwrap(), tiles.root(10).unwrap());
    let fork = tree::verify_consistency((10, &five), (10, &ten), &[]);
    assert_eq!(fork, Err(Error::Fork { size: 10 }));
    let back = tree::verify_consistency((10, &ten), (5, &five), &[]);
    assert_eq!(back, Err(Error::Rollback { known: 10, found: 5 }));
}

#[test]
fn proofs_come_out_of_the_tiles_that_are_named_and_no_others() {
    let whole = grown(70_000);
    for (start, end, size) in
        [(0, 1, 70_000), (69_999, 70_000, 70_000), (0, 65_000, 70_000), (512, 700, 66_000)]
    {
        let mut few = Tiles::default();
        for id in tile::needed(start, end, size).unwrap() {
            few.insert(id, &whole.bytes(id, id.width(70_000)).unwrap()).unwrap();
        }
        assert_eq!(few.prove_subtree(start, end, size), whole.prove_subtree(start, end, size));
    }
    let mut edge = Tiles::default();
    for id in tile::edge(70_000) {
        edge.insert(id, &whole.bytes(id, id.width(70_000)).unwrap()).unwrap();
    }
    assert_eq!(edge.root(70_000), whole.root(70_000));
    let next = Hash::leaf(b"next");
    edge.push(70_000, next);
    let mut more = whole.clone();
    more.push(70_000, next);
    assert_eq!(edge.root(70_001).unwrap(), more.root(70_001).unwrap());
}

#[test]
fn the_example_of_the_specification_has_its_tiles() {
    // tlog-tiles: 70,000 entries are 273 full level 0 tiles, one of 112, one full level 1 tile,
    // one of 17, and one level 2 tile of width 1.
    let width = |level, number| TileId { level, number }.width(70_000);
    assert_eq!((width(0, 272), width(0, 273), width(0, 274)), (256, 112, 0));
    assert_eq!((width(1, 0), width(1, 1), width(1, 2)), (256, 17, 0));
    assert_eq!((width(2, 0), width(3, 0), width(63, 0)), (1, 0, 0));
}

#[test]
fn paths_are_those_of_c2sp_and_have_one_spelling() {
    let path = TilePath::Hashes { id: TileId { level: 0, number: 1_234_067 }, width: WIDTH };
    assert_eq!(path.to_string(), "tile/0/x001/x234/067");
    let partial = TilePath::Entries { number: 5, width: 17 };
    assert_eq!(partial.to_string(), "tile/entries/005.p/17");
    for number in [0, 9, 999, 1000, 1_000_000, 999_999_999, 12_345_678_901] {
        for width in [1, 255, 256] {
            for path in [
                TilePath::Hashes { id: TileId { level: 3, number }, width },
                TilePath::Entries { number, width },
            ] {
                assert_eq!(path.to_string().parse(), Ok(path));
            }
        }
    }
    for bad in [
        "tile/0/1",
        "tile/00/001",
        "tile/64/001",
        "tile/0/x000/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/x1/001",
        "tile/0/x001",
        "tile/-1/001",
        "tile/0/001/",
        "tile/0/",
        "tile/entries/",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/٠٠١",
    ] {
        assert!(bad.parse::<TilePath>().is_err(), "{bad}");
    }
}

#[test]
fn roots_and_proofs_agree_with_the_published_tlog_tiles() {
    use tlog_tiles::{
        Error as TheirError, Hash as Theirs, HashReader, record_hash, stored_hashes, tree_hash,
    };
    struct Stored(Vec<Theirs>);
    impl HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Theirs>, TheirError> {
            Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
        }
    }
    let mut stored = Stored(Vec::new());
    let tiles = grown(600);
    for index in 0..600_u64 {
        let entry = index.to_be_bytes();
        assert_eq!(record_hash(&entry).0, tiles.leaf(index).unwrap().0);
        let new = stored_hashes(index, &entry, &stored).unwrap();
        stored.0.extend(new);
        let size = index + 1;
        assert_eq!(tree_hash(size, &stored).unwrap().0, tiles.root(size).unwrap().0);
        let at = index / 2;
        let theirs: Vec<_> =
            tlog_tiles::prove_record(size, at, &stored).unwrap().iter().map(|h| h.0).collect();
        let ours: Vec<_> = tiles.prove_inclusion(at, size).unwrap().iter().map(|h| h.0).collect();
        assert_eq!(theirs, ours);
        let old = size.div_ceil(3);
        let theirs: Vec<_> =
            tlog_tiles::prove_tree(size, old, &stored).unwrap().iter().map(|h| h.0).collect();
        let ours: Vec<_> =
            tiles.prove_consistency(old, size).unwrap().iter().map(|h| h.0).collect();
        assert_eq!(theirs, ours);
    }
}

#[test]
fn bundles_hold_what_was_put_in_and_refuse_anything_else() {
    let entries: Vec<Vec<u8>> = vec![vec![], vec![1], vec![2; 4096]];
    let bundle = tile::bundle(&entries);
    assert_eq!(tile::entries(&bundle, 3).unwrap(), entries);
    assert!(tile::entries(&bundle, 2).is_err());
    assert!(tile::entries(&bundle, 4).is_err());
    assert!(tile::entries(&bundle[..bundle.len() - 1], 3).is_err());
    let long = tile::bundle(&[vec![0; 4097]]);
    assert_eq!(tile::entries(&long, 1), Err(Error::EntryTooLong { max: 4096, found: 4097 }));
}
