//! C2SP tlog-policy: which ledgers, which witnesses, and how many of them make a quorum.

use std::collections::{BTreeMap, BTreeSet};

use crate::note::{Algorithm, Note, VerifierKey};
use crate::tile::decimal;
use crate::{Checkpoint, Error, cosignature};

/// Bytes of a policy file that are read.
const MAX_POLICY: usize = 256 * 1024;

/// A parsed policy.
#[derive(Debug, Clone)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: BTreeMap<String, Group>,
    quorum: String,
}

/// A ledger that the policy knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its key, named for its origin.
    pub key: VerifierKey,
    /// Where it is, if the policy says.
    pub url: Option<String>,
}

/// A witness that the policy knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its name within the policy.
    pub name: String,
    /// Its cosigner key.
    pub key: VerifierKey,
    /// Its submission prefix, if the policy says.
    pub url: Option<String>,
}

#[derive(Debug, Clone)]
struct Group {
    threshold: usize,
    members: Vec<String>,
}

/// A checkpoint that the policy accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Who cosigned, by the policy's names, and when (POSIX seconds).
    pub cosigned: Vec<(String, u64)>,
}

impl Policy {
    /// Parses a policy file.
    ///
    /// # Errors
    /// [`Error::Policy`], with the line.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut policy = Self {
            logs: Vec::new(),
            witnesses: Vec::new(),
            groups: BTreeMap::new(),
            quorum: String::new(),
        };
        if text.len() > MAX_POLICY {
            return Err(Error::Policy { line: 0, problem: "longer than 256 KiB" });
        }
        let mut members = BTreeSet::new();
        for (number, line) in text.split('\n').enumerate() {
            policy
                .parse_line(line, &mut members)
                .map_err(|problem| Error::Policy { line: number + 1, problem })?;
        }
        if policy.quorum.is_empty() {
            return Err(Error::Policy { line: 0, problem: "no quorum line" });
        }
        Ok(policy)
    }

    /// The ledgers it accepts.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses it knows.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The key of the ledger with this origin.
    ///
    /// # Errors
    /// [`Error::OtherLedger`] where the policy does not know it.
    pub fn log(&self, origin: &str) -> Result<&Log, Error> {
        self.logs.iter().find(|log| log.key.name() == origin).ok_or_else(|| Error::OtherLedger {
            expected: self.logs.iter().map(|log| log.key.name()).collect::<Vec<_>>().join(" or "),
            found: origin.to_owned(),
        })
    }

    /// The note's checkpoint and who cosigned it, whether or not that makes the quorum.
    ///
    /// # Errors
    /// What [`Checkpoint::open`] and [`cosignature::verify`] refuse.
    pub fn open(&self, note: &Note) -> Result<Witnessed, Error> {
        let origin = Checkpoint::parse(note.text())?.origin;
        let checkpoint = Checkpoint::open(note, &self.log(&origin)?.key)?;
        let mut cosigned = Vec::new();
        for witness in &self.witnesses {
            if let Some(time) = cosignature::verify(note, &witness.key)? {
                cosigned.push((witness.name.clone(), time));
            }
        }
        Ok(Witnessed { checkpoint, cosigned })
    }

    /// The note's checkpoint, where the ledger is known and the quorum made.
    ///
    /// # Errors
    /// What [`Policy::open`] refuses, and [`Error::Quorum`].
    pub fn check(&self, note: &Note) -> Result<Witnessed, Error> {
        let witnessed = self.open(note)?;
        if self.is_quorum(&witnessed) {
            Ok(witnessed)
        } else {
            Err(Error::Quorum(self.quorum.clone()))
        }
    }

    /// Whether those who cosigned make the quorum.
    #[must_use]
    pub fn is_quorum(&self, witnessed: &Witnessed) -> bool {
        self.quorum == "none" || self.satisfied(&self.quorum, witnessed)
    }

    // Groups name only what stands before them, so this ends.
    fn satisfied(&self, name: &str, witnessed: &Witnessed) -> bool {
        match self.groups.get(name) {
            Some(group) => {
                let have = group.members.iter().filter(|member| self.satisfied(member, witnessed));
                have.count() >= group.threshold
            }
            None => witnessed.cosigned.iter().any(|(cosigner, _)| cosigner == name),
        }
    }

    fn parse_line(
        &mut self,
        line: &str,
        members: &mut BTreeSet<String>,
    ) -> Result<(), &'static str> {
        if line.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            return Err("control character");
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let Some(first) = words.next() else { return Ok(()) };
        if first.starts_with('#') {
            return Ok(());
        }
        let words: Vec<_> = words.collect();
        match (first, words.as_slice()) {
            ("log", [key, url @ ..]) if url.len() < 2 => {
                let key = VerifierKey::parse(key).map_err(|_| "not a verifier key")?;
                if key.algorithm() != Algorithm::Ed25519 {
                    return Err("a ledger's key is plain Ed25519");
                }
                if self.logs.iter().any(|log| log.key.public() == key.public()) {
                    return Err("this log's key stands twice");
                }
                self.logs.push(Log { key, url: url.first().map(ToString::to_string) });
            }
            ("witness", [name, key, url @ ..]) if url.len() < 2 => {
                self.define(name)?;
                let key = VerifierKey::parse(key).map_err(|_| "not a verifier key")?;
                if key.algorithm() != Algorithm::CosignatureV1 {
                    return Err("a witness' key is a cosigner's");
                }
                if self.witnesses.iter().any(|witness| witness.key.public() == key.public()) {
                    return Err("this witness' key stands twice");
                }
                let url = url.first().map(ToString::to_string);
                self.witnesses.push(Witness { name: (*name).to_owned(), key, url });
            }
            ("group", [name, threshold, names @ ..]) if !names.is_empty() => {
                self.define(name)?;
                let threshold = match *threshold {
                    "all" => names.len(),
                    "any" => 1,
                    number => decimal(number)
                        .and_then(|number| usize::try_from(number).ok())
                        .ok_or("want all, any or a number")?,
                };
                if !(1..=names.len()).contains(&threshold) || names.len() > 64 {
                    return Err("the threshold is from 1 to the number of members, at most 64");
                }
                for member in names {
                    if !self.is_defined(member) {
                        return Err("a member is not defined before this line");
                    }
                    if !members.insert((*member).to_owned()) {
                        return Err("a name is a member only once");
                    }
                }
                let names = names.iter().map(ToString::to_string).collect();
                self.groups.insert((*name).to_owned(), Group { threshold, members: names });
            }
            ("quorum", [name]) => {
                if !self.quorum.is_empty() {
                    return Err("a second quorum line");
                }
                if *name != "none" && !self.is_defined(name) {
                    return Err("the quorum is not defined before this line");
                }
                (*name).clone_into(&mut self.quorum);
            }
            _ => return Err("want log, witness, group or quorum with its words"),
        }
        Ok(())
    }

    fn define(&self, name: &str) -> Result<(), &'static str> {
        if name == "none" || self.is_defined(name) {
            return Err("this name is taken");
        }
        Ok(())
    }

    fn is_defined(&self, name: &str) -> bool {
        self.groups.contains_key(name) || self.witnesses.iter().any(|witness| witness.name == name)
    }
}
