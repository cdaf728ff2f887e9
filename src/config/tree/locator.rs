//! Turns byte offsets of a text into places of a file.

use std::path::Path;
use std::sync::Arc;

use super::Source;

/// A block of this many bytes is counted through for a place in it: short, so that a file in one line, which
/// may be MiB long, takes no longer than one in many.
const BLOCK: usize = 256;

/// The lines and characters of a text.
pub(super) struct Locator<'t> {
    path: Arc<Path>,
    blocks: Blocks<'t>,
    /// The offset at which each line begins.
    lines: Vec<usize>,
    fixed: Option<Source>,
}

impl<'t> Locator<'t> {
    /// The places of the text of a file.
    pub(super) fn new(path: &Path, text: &'t str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { path: path.into(), blocks: Blocks::new(text), lines, fixed: None }
    }

    /// Everything is at one place.
    pub(super) fn fixed(source: &Source) -> Self {
        Self { fixed: Some(source.clone()), ..Self::new(Path::new(""), "") }
    }

    /// The line of an offset, counted from 1.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// The place of an offset; its column is counted in characters from 1.
    pub(super) fn locate(&self, offset: usize) -> Source {
        if let Some(source) = &self.fixed {
            return source.clone();
        }
        let line = self.line_of(offset);
        let start = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or(0);
        let column = self.blocks.characters_before(offset) - self.blocks.characters_before(start) + 1;
        Source::File { path: Arc::clone(&self.path), line, column }
    }
}

/// How many characters of a text begin before each of its blocks.
struct Blocks<'t> {
    text: &'t [u8],
    before: Vec<usize>,
}

impl<'t> Blocks<'t> {
    fn new(text: &'t str) -> Self {
        let text = text.as_bytes();
        let sums = text.chunks(BLOCK).scan(0, |sum, block| {
            *sum += count_characters(block);
            Some(*sum)
        });
        Self { text, before: std::iter::once(0).chain(sums).collect() }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        let block = offset / BLOCK;
        let within = self.text.get(block * BLOCK..offset).map_or(0, count_characters);
        self.before.get(block).map_or(0, |before| before + within)
    }
}

/// Every byte begins a character but those of the form `10xxxxxx` (RFC 3629, section 3).
fn count_characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_right_far_into_a_line() {
        let text = format!("\n{}b", "é".repeat(BLOCK));
        let place = |offset| Locator::new(Path::new("a"), &text).locate(offset).to_string();
        assert_eq!(place(1), "a:2:1");
        assert_eq!(place(1 + 2 * BLOCK), format!("a:2:{}", BLOCK + 1));
        assert_eq!(place(text.len() + 9), format!("a:2:{}", BLOCK + 2));
    }
}
