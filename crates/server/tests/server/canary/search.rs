//! Finds many texts and numbers in one pass over many bytes.

use std::collections::HashMap;

/// What is searched for. The first eight bytes choose the candidates.
pub(super) struct Search {
    candidates: HashMap<u64, Vec<(Vec<u8>, String)>>,
    /// Whether a candidate begins with these two bytes: it spares most look-ups.
    begins: Vec<bool>,
}

impl Search {
    /// Texts of eight bytes or more, and numbers as eight little-endian bytes.
    pub(super) fn new(texts: &[String], numbers: &[u64]) -> Self {
        let mut search = Self { candidates: HashMap::new(), begins: vec![false; 1 << 16] };
        for text in texts {
            search.add(text.as_bytes().to_vec(), text.clone());
        }
        for number in numbers {
            search.add(number.to_le_bytes().to_vec(), number.to_string());
        }
        search
    }

    fn add(&mut self, bytes: Vec<u8>, name: String) {
        self.begins[usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))] = true;
        let first = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        self.candidates.entry(first).or_default().push((bytes, name));
    }

    /// The names of what is in these bytes.
    pub(super) fn found(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, window) in bytes.windows(8).enumerate() {
            if !self.begins[usize::from(window[0]) | usize::from(window[1]) << 8] {
                continue;
            }
            let first = u64::from_le_bytes(window.try_into().unwrap());
            let here = self.candidates.get(&first).into_iter().flatten();
            found.extend(
                here.filter(|(text, _)| bytes[at..].starts_with(text)).map(|(_, name)| name.as_str()),
            );
        }
        found
    }

    pub(super) fn assert_clean(&self, place: &str, bytes: &[u8]) {
        let found = self.found(bytes);
        assert!(found.is_empty(), "{found:?} in {place}");
    }
}
