//! What a text is beside what it says.

/// Whether a terminal, a database or a page obeys this character in place of showing it: what controls, what ends lines
/// for some, what turns the direction of writing (marks that only side with one stay: Arabic and Hebrew need them). Much
/// of what is shown was written by the other side.
#[must_use]
pub fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
