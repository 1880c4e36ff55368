//! What the log knows of its files, and what an append will add to it.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tlog_tiles::{EMPTY_HASH, Hash, record_hash, stored_hashes_for_record_hash, tree_hash};

use crate::checkpoint::{self, Head};
use crate::files::{CHECKPOINT, ENTRIES, LEAVES, replace, sync_folder, writable};
use crate::scan::{Nodes, Scan, Tree, scan};
use crate::{Entry, Error, LogKey, Result};

/// What the log knows of its files.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tree: Tree,
    pub(crate) root: Hash,
    pub(crate) checkpoint: String,
    pub(crate) starts: Vec<u64>,
    pub(crate) end: u64,
    /// Index by shortened SHA-256 of the id: shorter than the ids, and nobody can make two alike.
    ids: HashMap<[u8; 16], u64>,
}

impl State {
    /// Reads the folder, cuts off what is not signed, and begins a log where there is none.
    pub(crate) fn recover(folder: &Path, key: &LogKey) -> Result<Self> {
        let action = "recover the audit log";
        let Some(scan) = scan(folder, key.verifier_key())? else {
            let checkpoint = checkpoint::sign(Head { size: 0, root: EMPTY_HASH }, key)?;
            let path = folder.join(CHECKPOINT);
            replace(&path, checkpoint.as_bytes())
                .and_then(|()| sync_folder(&path))
                .map_err(Error::io(action))?;
            sync_folder(folder).map_err(Error::io(action))?;
            return Ok(Self {
                tree: Tree::default(),
                root: EMPTY_HASH,
                checkpoint,
                starts: Vec::new(),
                end: 0,
                ids: HashMap::new(),
            });
        };
        if scan.unsigned > 0 {
            tracing::warn!(bytes = scan.unsigned, "cut an unacknowledged tail off the audit log");
            let cut = |file: File| file.set_len(scan.end).and_then(|()| file.sync_all());
            writable(&folder.join(ENTRIES)).and_then(cut).map_err(Error::io(action))?;
        }
        let leaves_agree = scan.leaves_agree;
        let state = Self::from(scan);
        if !leaves_agree {
            replace(&folder.join(LEAVES), &state.leaves()).map_err(Error::io(action))?;
        }
        Ok(state)
    }

    pub(crate) fn adopt(&mut self, mut batch: Batch) {
        self.tree.nodes.append(&mut batch.nodes);
        self.tree.size = batch.size;
        self.root = batch.root;
        self.checkpoint = batch.checkpoint;
        self.starts.append(&mut batch.starts);
        self.end = batch.end;
        self.ids.extend(batch.ids);
    }

    /// The index of the entry of this id.
    pub(crate) fn position(&self, id: &str) -> Option<u64> {
        self.ids.get(&id_hash(id)).copied()
    }

    /// Where an entry starts and ends, without its newline.
    pub(crate) fn span(&self, index: u64) -> Option<(u64, u64)> {
        let at = usize::try_from(index).ok()?;
        let start = *self.starts.get(at)?;
        let next = self.starts.get(at + 1).copied().unwrap_or(self.end);
        Some((start, next.saturating_sub(1)))
    }

    /// The index of the entry in which this place of the file lies.
    pub(crate) fn entry_at(&self, place: u64) -> u64 {
        let after = self.starts.partition_point(|start| *start <= place);
        u64::try_from(after.saturating_sub(1)).unwrap_or(u64::MAX)
    }

    /// What `leaves` should hold.
    pub(crate) fn leaves(&self) -> Vec<u8> {
        (0..self.tree.size).filter_map(|index| self.tree.leaf(index)).flat_map(|hash| hash.0).collect()
    }
}

impl From<Scan> for State {
    fn from(scan: Scan) -> Self {
        let ids = scan.ids.iter().zip(0..).map(|(id, index)| (id_hash(id), index)).collect();
        Self {
            tree: scan.tree,
            root: scan.root,
            checkpoint: scan.checkpoint,
            starts: scan.starts,
            end: scan.end,
            ids,
        }
    }
}

/// What an append will add, computed before anything is written.
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaves: Vec<u8>,
    nodes: Vec<Hash>,
    pub(crate) starts: Vec<u64>,
    ids: HashMap<[u8; 16], u64>,
    pub(crate) end: u64,
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) checkpoint: String,
}

impl Batch {
    pub(crate) fn prepare(state: &State, key: &LogKey, entries: &[Entry]) -> Result<Self> {
        let failed = |_| Error::Tree { action: "compute the tree" };
        let mut batch = Self {
            bytes: Vec::new(),
            leaves: Vec::new(),
            nodes: Vec::new(),
            starts: Vec::new(),
            ids: HashMap::new(),
            end: state.end,
            size: state.tree.size,
            root: state.root,
            checkpoint: String::new(),
        };
        for entry in entries {
            let id = id_hash(&entry.id);
            if state.ids.contains_key(&id) || batch.ids.insert(id, batch.size).is_some() {
                return Err(Error::Duplicate { id: entry.id.clone() });
            }
            let mut line = entry.encode()?;
            let leaf = record_hash(&line);
            let nodes = Nodes { old: &state.tree.nodes, new: &batch.nodes };
            let mut hashes = stored_hashes_for_record_hash(batch.size, leaf, &nodes).map_err(failed)?;
            batch.nodes.append(&mut hashes);
            batch.leaves.extend(leaf.0);
            batch.starts.push(batch.end);
            line.push(b'\n');
            batch.end += u64::try_from(line.len()).unwrap_or(u64::MAX);
            batch.bytes.append(&mut line);
            batch.size += 1;
        }
        let nodes = Nodes { old: &state.tree.nodes, new: &batch.nodes };
        batch.root = tree_hash(batch.size, &nodes).map_err(failed)?;
        batch.checkpoint = checkpoint::sign(Head { size: batch.size, root: batch.root }, key)?;
        Ok(batch)
    }
}

fn id_hash(id: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    let mut short = [0; 16];
    short.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    short
}
