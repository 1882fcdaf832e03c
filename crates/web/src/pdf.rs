//! A review as a tagged PDF (PDF/UA-1): headings, paragraphs and tables that a screen reader reads as such.
//!
//! For the same review, language and font it is the same bytes: nothing in it says when it was made.

use std::num::NonZeroU16;
use std::path::Path;

use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Configuration, Validator};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::tagging::{
    ArtifactType, ContentTag, SpanTag, TableHeaderScope, Tag, TagGroup, TagTree,
};
use krilla::text::{Font, TextDirection};
use ttf_parser::Face;

use crate::language::Language;
use crate::review::{Table, View};

/// A4, lying: tables are wide.
const PAGE: (f32, f32) = (842.0, 595.0);
const MARGIN: f32 = 48.0;
const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;

/// From line to line in a table, in sizes of its letters.
const LINE: f32 = 1.3;

/// Fonts that have Latin; shipped, see fonts/LICENSE.
const REGULAR: &[u8] = include_bytes!("../fonts/DejaVuSansCondensed.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/DejaVuSansCondensed-Bold.ttf");

/// Where systems keep fonts that have Chinese.
const CHINESE: [&str; 5] = [
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
];

/// Stands for a letter that there is no glyph for.
const MISSING: char = '?';

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No font that has the text's letters.
    #[error(
        "no font with Chinese letters was found: install fonts-noto-cjk or fonts-wqy-microhei, or name one \
         with --font"
    )]
    NoFont,
    /// The font cannot be used.
    #[error("{0}: this is no TrueType or OpenType font that can be embedded")]
    BadFont(String),
    /// The library does not write it.
    #[error("the PDF could not be written: {0}")]
    Write(String),
}

/// A face, and how wide its letters are.
struct Letters {
    font: Font,
    bytes: std::borrow::Cow<'static, [u8]>,
}

impl Letters {
    fn of(bytes: std::borrow::Cow<'static, [u8]>, name: &str) -> Result<Self, Problem> {
        let data = bytes.to_vec().into();
        let font = Font::new(data, 0).ok_or_else(|| Problem::BadFont(name.to_owned()))?;
        Face::parse(&bytes, 0).map_err(|_| Problem::BadFont(name.to_owned()))?;
        Ok(Self { font, bytes })
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        let Ok(face) = Face::parse(&self.bytes, 0) else { return 0.0 };
        let advance = |c: char| {
            face.glyph_index(c).and_then(|glyph| face.glyph_hor_advance(glyph)).unwrap_or(500)
        };
        let units: f32 = text.chars().map(|c| f32::from(advance(c))).sum();
        units * size / f32::from(face.units_per_em())
    }

    /// The text with a sign for each letter that the face does not have, and how many those are: a word of the other side's
    /// language costs nobody the whole.
    fn known(&self, text: &str) -> (String, usize) {
        let Ok(face) = Face::parse(&self.bytes, 0) else { return (text.to_owned(), 0) };
        let has = |c: char| face.glyph_index(c).is_some();
        let (mut known, mut missing) = (String::with_capacity(text.len()), 0);
        for c in text.chars() {
            match c {
                '\n' => known.push(c),
                '\t' | '\r' => known.push(' '),
                // What is no letter has nothing to be seen, and no PDF may have it.
                c if c.is_control() || is_invisible(c) => {}
                c if has(c) => known.push(c),
                _ => {
                    missing += 1;
                    known.extend(Some(MISSING).filter(|c| has(*c)));
                }
            }
        }
        (known, missing)
    }

    /// The text in lines no wider than `width`; what has no space is cut.
    fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let (text, _) = &self.known(text);
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in words(paragraph) {
                if self.width(&format!("{line}{word}"), size) <= width || line.is_empty() {
                    line.push_str(word);
                } else {
                    lines.push(std::mem::take(&mut line).trim_end().to_owned());
                    line.push_str(word);
                }
                while self.width(line.trim_end(), size) > width && line.chars().count() > 1 {
                    let mut head = String::new();
                    let mut rest = line.chars();
                    for c in rest.by_ref() {
                        if self.width(&format!("{head}{c}"), size) > width && !head.is_empty() {
                            let tail: String = std::iter::once(c).chain(rest).collect();
                            lines.push(head);
                            head = tail;
                            break;
                        }
                        head.push(c);
                    }
                    line = head;
                }
            }
            lines.push(line.trim_end().to_owned());
        }
        if lines.is_empty() { vec![String::new()] } else { lines }
    }
}

/// How high a row of these lines is.
fn height(cells: &[Vec<String>], size: f32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a cell has few lines")]
    let lines = cells.iter().map(Vec::len).max().unwrap_or_default().max(1) as f32;
    lines * size * LINE + 6.0
}

/// Marks of order, of joining and of encoding, and what Unicode sets apart as no character.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{fffb}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Words with the space behind them; a Chinese character is a word.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if c == ' ' || ('\u{2e80}'..='\u{ffef}').contains(&c) {
            words.push(&text[from..end]);
            from = end;
        }
    }
    words.push(&text[from..]);
    words.retain(|word| !word.is_empty());
    words
}

/// A line of text at its place on a page, and what group of the tree it belongs to.
struct Placed {
    x: f32,
    y: f32,
    size: f32,
    bold: bool,
    text: String,
    /// Index of the leaf; `None`: an artifact.
    leaf: Option<usize>,
}

/// What is on a page: text, and the lines of tables.
#[derive(Default)]
struct Sheet {
    texts: Vec<Placed>,
    rules: Vec<(f32, f32)>,
}

/// The tree, before the pages are drawn: leaves are numbered.
enum Node {
    Heading(Heading),
    Paragraph(Vec<usize>),
    /// Rows of cells; the first row is the head.
    Table(Vec<Vec<Vec<usize>>>),
}

/// A heading, and where it stands.
struct Heading {
    level: u16,
    text: String,
    page: usize,
    y: f32,
    leaves: Vec<usize>,
}

struct Layout<'a> {
    regular: &'a Letters,
    bold: &'a Letters,
    sheets: Vec<Sheet>,
    y: f32,
    leaves: usize,
    tree: Vec<Node>,
    band: Option<String>,
    /// Letters that there are no glyphs for.
    missing: usize,
}

/// The review as a PDF. `font` is used for every letter, where one is named; a review in Chinese takes one of the
/// system's.
///
/// # Errors
/// [`Problem`].
pub(crate) fn write(
    t: Language,
    view: &View,
    heading: &str,
    font: Option<&Path>,
) -> Result<Vec<u8>, Problem> {
    let chinese = || CHINESE.iter().map(Path::new).find(|path| path.exists());
    let named = match (font, t) {
        (Some(font), _) => Some(font),
        (None, Language::Chinese) => Some(chinese().ok_or(Problem::NoFont)?),
        (None, Language::English) => None,
    };
    let (regular, bold) = match named {
        Some(path) => {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|_| Problem::BadFont(name.clone()))?;
            let one = |bytes: Vec<u8>| Letters::of(bytes.into(), &name);
            (one(bytes.clone())?, one(bytes)?)
        }
        None => (Letters::of(REGULAR.into(), "regular")?, Letters::of(BOLD.into(), "bold")?),
    };
    let mut layout = Layout {
        regular: &regular,
        bold: &bold,
        sheets: Vec::new(),
        y: 0.0,
        leaves: 0,
        tree: Vec::new(),
        band: view.exercise.then(|| t.text("exercise")),
        missing: 0,
    };
    layout.turn();
    layout.heading(1, heading);
    layout.review(t, view);
    if layout.missing > 0 {
        layout.paragraph(&t.with("review-missing", [("letters", layout.missing.to_string())]));
    }
    layout.finish(t, heading)
}

impl Layout<'_> {
    /// A new page.
    fn turn(&mut self) {
        self.sheets.push(Sheet::default());
        self.y = MARGIN;
        if let Some(band) = self.band.clone() {
            self.put(MARGIN, 9.0, true, &band, None);
            self.y += 18.0;
        }
    }

    /// Room for so much, on this page or the next; whether it is the next.
    fn room(&mut self, height: f32) -> bool {
        let full = self.y + height > PAGE.1 - MARGIN;
        if full {
            self.turn();
        }
        full
    }

    fn put(&mut self, x: f32, size: f32, bold: bool, text: &str, leaf: Option<usize>) {
        let y = self.y + size;
        let letters = if bold { self.bold } else { self.regular };
        let (text, _) = letters.known(text);
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.texts.push(Placed { x, y, size, bold, text, leaf });
        }
    }

    fn leaf(&mut self) -> usize {
        self.leaves += 1;
        self.leaves - 1
    }

    /// Lines of a text, one below the other; their leaves.
    fn text(&mut self, size: f32, bold: bool, text: &str) -> Vec<usize> {
        let letters = if bold { self.bold } else { self.regular };
        let mut leaves = Vec::new();
        self.missing += letters.known(text).1;
        for line in letters.lines(text, size, WIDTH) {
            self.room(size * 1.4);
            if line.is_empty() {
                self.y += size * 1.4;
                continue;
            }
            let leaf = self.leaf();
            self.put(MARGIN, size, bold, &line, Some(leaf));
            self.y += size * 1.4;
            leaves.push(leaf);
        }
        leaves
    }

    fn heading(&mut self, level: u16, text: &str) {
        let size = [18.0, 13.0, 10.5][usize::from(level - 1).min(2)];
        // A heading does not stand alone at the foot of a page.
        self.room(size * 4.0);
        self.y += size * 0.5;
        let (page, y) = (self.sheets.len().saturating_sub(1), self.y);
        let leaves = self.text(size, true, text);
        self.y += size * 0.2;
        self.tree.push(Node::Heading(Heading { level, text: text.to_owned(), page, y, leaves }));
    }

    fn paragraph(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let leaves = self.text(9.5, false, text);
        self.y += 4.0;
        self.tree.push(Node::Paragraph(leaves));
    }

    fn table(&mut self, table: &Table) {
        const SIZE: f32 = 8.5;
        const GAP: f32 = 8.0;
        let count = table.heads.len().max(1);
        let widths = self.columns(table, SIZE, GAP);
        let texts: Vec<&str> = table.heads.iter().map(String::as_str).collect();
        let heads = self.cells(&texts, &widths, SIZE, true);
        let mut rows = vec![self.row(&heads, &widths, SIZE, true, true)];
        for row in &table.rows {
            let texts: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).take(count).collect();
            let mut cells = self.cells(&texts, &widths, SIZE, false);
            let mut leaves = vec![Vec::new(); cells.len()];
            loop {
                // What is taller than a page goes on on the next.
                let most = PAGE.1 - 4.0 * MARGIN;
                if self.room(height(&cells, SIZE).min(most)) {
                    // The head once more, for the eye; a reader of the tree has it already.
                    self.row(&heads, &widths, SIZE, true, false);
                }
                let room = (PAGE.1 - MARGIN - self.y - 6.0) / (SIZE * LINE);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
                let fit = room.max(1.0) as usize;
                let rest: Vec<_> =
                    cells.iter_mut().map(|lines| lines.split_off(fit.min(lines.len()))).collect();
                for (all, drawn) in
                    leaves.iter_mut().zip(self.row(&cells, &widths, SIZE, false, true))
                {
                    all.extend(drawn);
                }
                if rest.iter().all(Vec::is_empty) {
                    break;
                }
                cells = rest;
            }
            rows.push(leaves);
        }
        self.y += 8.0;
        self.tree.push(Node::Table(rows));
    }

    /// Columns as wide as what is in them wants, and together as wide as the page at most: what is too much is taken from
    /// what can be broken between words.
    fn columns(&self, table: &Table, size: f32, gap: f32) -> Vec<f32> {
        let texts = |column: usize| {
            let head = table.heads.get(column).map(String::as_str);
            let cells =
                table.rows.iter().filter_map(move |row| Some(row.get(column)?.text.as_str()));
            head.into_iter().chain(cells)
        };
        let widest = |parts: &mut dyn Iterator<Item = &str>| {
            let widths = parts.map(|part| self.bold.width(part.trim_end(), size));
            widths.fold(0.0, f32::max).min(WIDTH / 2.0) + gap
        };
        let columns = 0..table.heads.len();
        let wants: Vec<f32> = columns.clone().map(|at| widest(&mut texts(at))).collect();
        let needs: Vec<f32> = columns.map(|at| widest(&mut texts(at).flat_map(words))).collect();
        let (all, least): (f32, f32) = (wants.iter().sum(), needs.iter().sum());
        if all <= WIDTH {
            return wants;
        }
        if least >= WIDTH {
            return needs.iter().map(|need| need * WIDTH / least).collect();
        }
        let part = (WIDTH - least) / (all - least);
        wants.iter().zip(&needs).map(|(want, need)| need + (want - need) * part).collect()
    }

    /// The lines of each cell.
    fn cells(&mut self, texts: &[&str], widths: &[f32], size: f32, bold: bool) -> Vec<Vec<String>> {
        let letters = if bold { self.bold } else { self.regular };
        self.missing += texts.iter().map(|text| letters.known(text).1).sum::<usize>();
        let cells = texts.iter().zip(widths);
        cells.map(|(text, width)| letters.lines(text, size, width - 6.0)).collect()
    }

    /// A row; its cells' leaves, where it is told to the tree.
    fn row(
        &mut self,
        cells: &[Vec<String>],
        widths: &[f32],
        size: f32,
        bold: bool,
        told: bool,
    ) -> Vec<Vec<usize>> {
        let (top, mut x) = (self.y, MARGIN);
        let mut all = Vec::new();
        for (lines, width) in cells.iter().zip(widths) {
            self.y = top;
            let mut leaves = Vec::new();
            for line in lines {
                if !line.is_empty() {
                    let leaf = told.then(|| self.leaf());
                    self.put(x, size, bold, line, leaf);
                    leaves.extend(leaf);
                }
                self.y += size * LINE;
            }
            x += width;
            all.push(leaves);
        }
        self.y = top + height(cells, size) - 4.0;
        let y = self.y;
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.rules.push((y, x - MARGIN));
        }
        self.y += 4.0;
        all
    }

    fn review(&mut self, t: Language, view: &View) {
        self.heading(2, &view.title);
        self.paragraph(&view.period);
        self.paragraph(&view.heads.join("\n"));
        self.paragraph(&view.apart);
        self.paragraph(&format!("{} {}", t.text("review-same"), view.at));
        for sheet in &view.sheets {
            self.heading(2, &sheet.title);
            self.paragraph(&sheet.summary);
            let parts = [
                ("review-drawing", &sheet.shares),
                ("review-times", &sheet.times),
                ("review-results", &sheet.results),
                ("review-refusals", &sheet.refusals),
                ("review-quality", &sheet.scores),
            ];
            self.paragraph(sheet.unscored.as_deref().unwrap_or_default());
            for (key, table) in parts.into_iter().filter(|(_, table)| !table.rows.is_empty()) {
                self.heading(3, &t.text(key));
                self.table(table);
            }
        }
        if !view.suspended.is_empty() {
            self.heading(2, &t.text("topics-suspension"));
            self.paragraph(&view.suspended.join("\n"));
        }
        if !view.definitions.is_empty() {
            self.heading(2, &t.text("definitions"));
            self.paragraph(&view.definitions.join("\n"));
        }
        let parts = [
            ("hotline-ready", "review-no-calls", &view.hotline, ""),
            ("topics-commitment", "review-no-commitments", &view.commitments, &view.concerns),
            ("review-meetings", "", &view.meetings, &view.cadence),
            ("review-matters", "review-no-matters", &view.matters, ""),
            ("review-requests", "review-nothing", &view.requests, ""),
        ];
        for (key, none, table, beside) in parts {
            self.heading(2, &t.text(key));
            self.paragraph(beside);
            if !table.rows.is_empty() {
                self.table(table);
            } else if !none.is_empty() {
                self.paragraph(&t.text(none));
            }
        }
    }

    /// Draws the pages and ties their texts to the tree.
    fn finish(self, t: Language, title: &str) -> Result<Vec<u8>, Problem> {
        let settings = SerializeSettings {
            configuration: Configuration::new_with_validator(Validator::UA1),
            enable_tagging: true,
            ..SerializeSettings::default()
        };
        let mut document = Document::new_with(settings);
        let mut drawn = vec![None; self.leaves];
        let pages = self.sheets.len();
        for (number, sheet) in (1..).zip(&self.sheets) {
            let size = PageSettings::from_wh(PAGE.0, PAGE.1);
            let size = size.ok_or_else(|| Problem::Write("the page's size".to_owned()))?;
            let mut page = document.start_page_with(size);
            let mut surface = page.surface();
            rules(&mut surface, sheet);
            ink(&mut surface, 0);
            for placed in &sheet.texts {
                let tag = match placed.leaf {
                    Some(_) => ContentTag::Span(SpanTag::empty()),
                    None => ContentTag::Artifact(ArtifactType::Header),
                };
                let identifier = surface.start_tagged(tag);
                let letters = if placed.bold { self.bold } else { self.regular };
                say(&mut surface, letters, placed.x, placed.y, placed.size, &placed.text);
                surface.end_tagged();
                if let Some(slot) = placed.leaf.and_then(|leaf| drawn.get_mut(leaf)) {
                    *slot = Some(identifier);
                }
            }
            surface.start_tagged(ContentTag::Artifact(ArtifactType::Footer));
            let foot = format!("{title} · {number}/{pages}");
            say(&mut surface, self.regular, MARGIN, PAGE.1 - 24.0, 8.0, &foot);
            surface.end_tagged();
            surface.finish();
            page.finish();
        }
        let mut tree = TagTree::new().with_lang(Some(language(t)));
        let mut outline = Outline::new();
        let fill = |group: &mut TagGroup, leaves: &[usize]| {
            for identifier in leaves.iter().filter_map(|leaf| *drawn.get(*leaf)?) {
                group.push(identifier);
            }
        };
        for node in &self.tree {
            match node {
                Node::Heading(heading) => {
                    let level = NonZeroU16::new(heading.level).unwrap_or(NonZeroU16::MIN);
                    let mut group = TagGroup::new(Tag::Hn(level, Some(heading.text.clone())));
                    fill(&mut group, &heading.leaves);
                    tree.push(group);
                    if heading.level <= 2 {
                        let place = Point::from_xy(MARGIN, heading.y);
                        let place = XyzDestination::new(heading.page, place);
                        outline.push_child(OutlineNode::new(heading.text.clone(), place));
                    }
                }
                Node::Paragraph(leaves) => {
                    let mut group = TagGroup::new(Tag::P);
                    fill(&mut group, leaves);
                    tree.push(group);
                }
                Node::Table(rows) => {
                    let mut table = TagGroup::new(Tag::Table);
                    for (number, cells) in rows.iter().enumerate() {
                        let mut row = TagGroup::new(Tag::TR);
                        for leaves in cells {
                            let mut cell = if number == 0 {
                                TagGroup::new(Tag::TH(TableHeaderScope::Column))
                            } else {
                                TagGroup::new(Tag::TD)
                            };
                            fill(&mut cell, leaves);
                            row.push(cell);
                        }
                        table.push(row);
                    }
                    tree.push(table);
                }
            }
        }
        document.set_tag_tree(tree);
        document.set_outline(outline);
        let metadata = Metadata::new().title(title.to_owned()).language(language(t));
        document.set_metadata(metadata.creator("Comity".to_owned()));
        document.finish().map_err(|error| Problem::Write(format!("{error:?}")))
    }
}

fn language(t: Language) -> String {
    match t {
        Language::English => "en".to_owned(),
        Language::Chinese => "zh-Hans".to_owned(),
    }
}

fn ink(surface: &mut Surface<'_>, grey: u8) {
    surface.set_fill(Some(Fill {
        paint: rgb::Color::new(grey, grey, grey).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::default(),
    }));
}

fn say(surface: &mut Surface<'_>, letters: &Letters, x: f32, y: f32, size: f32, text: &str) {
    let at = Point::from_xy(x, y);
    surface.draw_text(at, letters.font.clone(), size, text, false, TextDirection::LeftToRight);
}

/// The lines below rows: nothing that is read.
fn rules(surface: &mut Surface<'_>, sheet: &Sheet) {
    ink(surface, 200);
    for (y, width) in &sheet.rules {
        let Some(rect) = Rect::from_xywh(MARGIN, *y, *width, 0.5) else { continue };
        let mut path = PathBuilder::new();
        path.push_rect(rect);
        let Some(path) = path.finish() else { continue };
        surface.start_tagged(ContentTag::Artifact(ArtifactType::Other));
        surface.draw_path(&path);
        surface.end_tagged();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::Cell;

    /// One word in letters that the face does not have costs nobody the whole.
    #[test]
    fn a_letter_without_a_glyph_has_a_sign() {
        let letters = Letters::of(REGULAR.into(), "regular").unwrap();
        assert_eq!(letters.known("timely (及时)\nØl"), ("timely (??)\nØl".to_owned(), 2));
        // What nobody sees is in no PDF, and no letter that is missing.
        assert_eq!(letters.known("\u{feff}a\tb\r\u{ffff}c\u{200b}\u{1}"), ("a b c".to_owned(), 0));
        assert_eq!(letters.lines("及时", 9.0, 100.0), ["??"]);
    }

    /// What is in a row stands on some page, however high the row is.
    #[test]
    fn a_row_that_is_taller_than_a_page_goes_on_on_the_next() {
        let letters = Letters::of(REGULAR.into(), "regular").unwrap();
        let mut layout = Layout {
            regular: &letters,
            bold: &letters,
            sheets: Vec::new(),
            y: 0.0,
            leaves: 0,
            tree: Vec::new(),
            band: None,
            missing: 0,
        };
        layout.turn();
        let long: Vec<String> = (0..4000).map(|n| format!("entry{n}")).collect();
        let cell = |text: &str| Cell {
            label: String::new(),
            text: text.to_owned(),
            late: false,
            link: None,
        };
        let rows = vec![vec![cell("short"), cell(&long.join(", "))], vec![cell("next"), cell("x")]];
        layout.table(&Table { heads: vec!["what".to_owned(), "stands on".to_owned()], rows });
        assert!(layout.sheets.len() > 3);
        let placed = || layout.sheets.iter().flat_map(|sheet| &sheet.texts);
        assert!(placed().all(|text| text.y <= PAGE.1 - MARGIN + 0.1));
        let all: String = placed().map(|text| text.text.clone() + " ").collect();
        assert!(long.iter().all(|one| all.contains(one.as_str())));
    }
}
