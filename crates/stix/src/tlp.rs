//! The four markings of TLP 1 that STIX 2.1 defines (section 7.2.1.4), to the letter.

/// A marking that everyone has under one identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marking {
    /// Its identifier.
    pub id: &'static str,
    /// Its label, as it is written; labels are never translated.
    pub name: &'static str,
    /// The word in its definition.
    pub word: &'static str,
}

/// When they were created, all four.
pub const CREATED: &str = "2017-01-20T00:00:00.000Z";

const fn marking(id: &'static str, name: &'static str, word: &'static str) -> Marking {
    Marking { id, name, word }
}

/// The four, the freest first.
pub const MARKINGS: [Marking; 4] = [
    marking("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "TLP:WHITE", "white"),
    marking("marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", "TLP:GREEN", "green"),
    marking("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", "TLP:AMBER", "amber"),
    marking("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "TLP:RED", "red"),
];
