//! What stands in the log's folder, read once from front to end and held against the signed checkpoint.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read as _};
use std::path::Path;

use tlog_tiles::{EMPTY_HASH, Hash, HashReader, record_hash, stored_hash_index, tree_hash};

use crate::checkpoint::{self, Head};
use crate::files::{CHECKPOINT, ENTRIES, LEAVES, read_if_there};
use crate::{Entry, Finding, MAX_ENTRY_BYTES};

/// The hashes of a tree in the order in which they come to be, some of them perhaps not yet adopted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes<'a> {
    pub(crate) old: &'a [Hash],
    pub(crate) new: &'a [Hash],
}

impl HashReader for Nodes<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let at = |index: &u64| {
            let index = usize::try_from(*index).ok()?;
            self.old.get(index).or_else(|| self.new.get(index.checked_sub(self.old.len())?)).copied()
        };
        indexes.iter().map(|index| at(index).ok_or(tlog_tiles::Error::IndexesNotInTree)).collect()
    }
}

/// The tree over some leaves.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Hashes of leaves and of complete subtrees; see [`stored_hash_index`].
    pub(crate) nodes: Vec<Hash>,
    pub(crate) size: u64,
}

impl Tree {
    pub(crate) fn push(&mut self, leaf: Hash) -> Result<(), tlog_tiles::Error> {
        let nodes = Nodes { old: &self.nodes, new: &[] };
        let mut hashes = tlog_tiles::stored_hashes_for_record_hash(self.size, leaf, &nodes)?;
        self.nodes.append(&mut hashes);
        self.size += 1;
        Ok(())
    }

    pub(crate) fn root(&self) -> Result<Hash, tlog_tiles::Error> {
        tree_hash(self.size, &Nodes { old: &self.nodes, new: &[] })
    }

    pub(crate) fn leaf(&self, index: u64) -> Option<Hash> {
        let at = usize::try_from(stored_hash_index(0, index)).ok()?;
        self.nodes.get(at).copied().filter(|_| index < self.size)
    }
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Scan {
    /// The checkpoint's text.
    pub(crate) checkpoint: String,
    pub(crate) root: Hash,
    pub(crate) tree: Tree,
    /// Where each entry starts in the file.
    pub(crate) starts: Vec<u64>,
    /// The ids of the entries, in order.
    pub(crate) ids: Vec<String>,
    /// Where the last entry ends.
    pub(crate) end: u64,
    /// How many bytes follow it.
    pub(crate) unsigned: u64,
    /// Whether `leaves` holds what it should.
    pub(crate) leaves_agree: bool,
}

/// Reads the log; `None` if there is none yet.
pub(crate) fn scan(folder: &Path, verifier_key: &str) -> Result<Option<Scan>, Finding> {
    let read = |file| move |source| Finding::Read { file, source };
    let text = read_if_there(&folder.join(CHECKPOINT)).map_err(read(CHECKPOINT))?;
    let entries = match File::open(folder.join(ENTRIES)) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(read(ENTRIES)(error)),
    };
    let length = entries.as_ref().map_or(Ok(0), |file| file.metadata().map(|found| found.len()));
    let length = length.map_err(read(ENTRIES))?;
    let Some(text) = text else {
        // The first checkpoint is written before the first entry.
        return if length == 0 { Ok(None) } else { Err(Finding::Checkpoint { reason: "is missing" }) };
    };
    let head = checkpoint::open(&text, verifier_key)?;
    let checkpoint =
        String::from_utf8(text).map_err(|_| Finding::Checkpoint { reason: "is not of its form" })?;

    let mut lines = Lines::default();
    if let Some(file) = entries {
        lines.read(BufReader::new(file), head.size).map_err(read(ENTRIES))?;
    }
    let leaves = read_if_there(&folder.join(LEAVES)).map_err(read(LEAVES))?.unwrap_or_default();
    let leaves = Leaves::read(&leaves, head);
    lines.check(head, &leaves)?;
    Ok(Some(Scan {
        checkpoint,
        root: head.root,
        leaves_agree: leaves.exact && leaves.authentic,
        unsigned: length.saturating_sub(lines.end),
        tree: lines.tree,
        starts: lines.starts,
        ids: lines.ids,
        end: lines.end,
    }))
}

/// The complete lines of `entries.jsonl`, up to the signed size.
#[derive(Default)]
struct Lines {
    tree: Tree,
    starts: Vec<u64>,
    ids: Vec<String>,
    end: u64,
    /// The first line that does not read as an entry.
    unreadable: Option<u64>,
}

impl Lines {
    fn read(&mut self, mut file: impl BufRead, size: u64) -> std::io::Result<()> {
        let limit = u64::try_from(MAX_ENTRY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let mut line = Vec::new();
        while self.tree.size < size {
            line.clear();
            let taken = file.by_ref().take(limit).read_until(b'\n', &mut line)?;
            if line.pop() != Some(b'\n') {
                break;
            }
            let index = self.tree.size;
            self.tree.push(record_hash(&line)).map_err(std::io::Error::other)?;
            self.starts.push(self.end);
            self.end += u64::try_from(taken).unwrap_or(u64::MAX);
            match Entry::decode(&line) {
                Ok(entry) => self.ids.push(entry.id),
                Err(_) => self.unreadable = self.unreadable.or(Some(index)),
            }
        }
        Ok(())
    }

    /// Holds the lines against the signed head.
    fn check(&self, head: Head, leaves: &Leaves) -> Result<(), Finding> {
        let size = head.size;
        let first_other =
            (0..self.tree.size).find(|index| leaves.tree.leaf(*index) != self.tree.leaf(*index));
        if let Some(index) = first_other.filter(|_| leaves.authentic) {
            return Err(Finding::Altered { index });
        }
        if self.tree.size < size {
            return Err(Finding::Missing { index: self.tree.size, size });
        }
        if self.tree.root().unwrap_or(EMPTY_HASH) != head.root {
            return Err(Finding::Unlocated { size });
        }
        self.unreadable.map_or(Ok(()), |index| Err(Finding::Unreadable { index }))
    }
}

/// The hashes in `leaves`: worth something only if they give the signed root.
struct Leaves {
    tree: Tree,
    authentic: bool,
    /// Whether the file has nothing else in it.
    exact: bool,
}

impl Leaves {
    fn read(bytes: &[u8], head: Head) -> Self {
        let (hashes, rest) = bytes.as_chunks::<{ tlog_tiles::HASH_SIZE }>();
        let size = usize::try_from(head.size).unwrap_or(usize::MAX);
        let mut tree = Tree::default();
        let complete = hashes.iter().take(size).all(|hash| tree.push(Hash(*hash)).is_ok());
        let authentic = complete && tree.size == head.size && tree.root().is_ok_and(|root| root == head.root);
        Self { tree, authentic, exact: hashes.len() == size && rest.is_empty() }
    }
}
