//! The leverages of everybody in the span of some rows, kept as rows come in.
//!
//! People whom no row tells apart are one *atom*. For a new row f, with ρ what is left of it beside the rows
//! before, the leverage of each person grows by ρ² / Σ ρ², where the sum is over people. The projection is
//! by a Cholesky factor of the rows' products, and is made twice: the second time takes away what rounding
//! left the first time.

use hashbrown::HashMap;

use crate::evidence::Evidence;

/// What is left of a row beside others, as a share of its square, where nothing is left: rounding.
const NOTHING: f64 = 1e-12;

/// What is left of a row at least, as a share of its square, to compute with: below, it is not known how much
/// it tells of whom.
const SOMETHING: f64 = 1e-10;

/// Rounding that a leverage at the very limit is forgiven.
const ROUNDING: f64 = 1e-9;

/// Most rows. A row costs time and memory by their number; past it no further direction is released.
const MOST_ROWS: usize = 6_000;

/// People whom no row tells apart. The first atom is everybody whom no row concerns.
#[derive(Clone, Copy)]
struct Atom {
    people: f64,
    leverage: f64,
    /// The last row that concerns them, as the place of its node.
    last: Option<usize>,
    /// The atom that they were of before.
    origin: usize,
}

/// A row that concerns an atom, and by how much; atoms that were one share those before they were divided.
#[derive(Clone, Copy)]
struct Node {
    row: usize,
    weight: f64,
    /// The row before it.
    before: Option<usize>,
}

/// The leverages of everybody in the span of some rows.
#[derive(Clone)]
pub(super) struct Factor {
    /// The atom of each person by dense id; those beyond its end are of the first.
    atom_of: Vec<u32>,
    atoms: Vec<Atom>,
    nodes: Vec<Node>,
    /// The Cholesky factor of the rows' products, by row.
    lower: Vec<Vec<f64>>,
}

/// What a row would do.
pub(super) struct Cost {
    /// By atom and amount, ascending: sums of doubles are taken in this order. Beside each atom, those of it
    /// whom the row does not concern.
    pieces: Vec<Piece>,
    /// The piece of each person of the row, in their order; [`NO_PIECE`] for those who count nothing.
    piece_of: Vec<u32>,
    products: Vec<f64>,
    scale: f64,
    /// Σ ρ² over people.
    left: f64,
    /// Σ f² over people.
    whole: f64,
}

/// People of one atom whom a row concerns alike.
struct Piece {
    atom: usize,
    /// What each of them counts.
    amount: i64,
    people: f64,
    left: f64,
}

/// Of somebody who counts nothing.
const NO_PIECE: u32 = u32::MAX;

/// Atoms, and amounts, of which there are mostly no others.
const USUAL_ATOMS: usize = 1024;
const USUAL_AMOUNTS: usize = 64;

/// Where the piece of an atom and an amount is, if both are usual.
fn usual_place((atom, amount): (usize, i64)) -> Option<usize> {
    let amount = usize::try_from(amount).ok()?.checked_sub(1).filter(|amount| *amount < USUAL_AMOUNTS)?;
    (atom < USUAL_ATOMS).then(|| atom.saturating_mul(USUAL_AMOUNTS).saturating_add(amount))
}

/// How far a factor had come.
pub(super) struct Mark {
    rows: usize,
    nodes: usize,
    leverages: Vec<f64>,
}

/// What is decided about a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It follows from others.
    Known,
    /// It is new, and nobody's leverage becomes too large.
    New,
    /// Somebody's leverage would be too large, or cannot be known.
    TooClose,
}

impl Factor {
    pub(super) fn new() -> Self {
        Self { atom_of: Vec::new(), atoms: vec![Atom::NEW], nodes: Vec::new(), lower: Vec::new() }
    }

    /// How many directions are known.
    pub(super) fn rank(&self) -> usize {
        self.lower.len()
    }

    /// The largest leverage of anybody.
    #[cfg(test)]
    pub(super) fn largest(&self) -> f64 {
        self.atoms.iter().fold(0.0, |largest, atom| atom.leverage.max(largest))
    }

    pub(super) fn heap_size(&self) -> usize {
        let lower = self.lower.iter().map(|row| row.capacity().saturating_mul(8));
        let atoms = self.atoms.capacity().saturating_mul(size_of::<Atom>());
        let nodes = self.nodes.capacity().saturating_mul(size_of::<Node>());
        let people = self.atom_of.capacity().saturating_mul(4);
        lower.chain([atoms, nodes]).fold(people, usize::saturating_add)
    }

    /// What a row would do: everybody with what they count.
    pub(super) fn cost(&self, row: &Evidence) -> Cost {
        let (mut pieces, piece_of) = self.pieces(row);
        let largest = pieces.iter().map(|piece| piece.amount.unsigned_abs()).max().unwrap_or(1);
        let scale = float(largest.max(1)).recip();
        for piece in &mut pieces {
            piece.left = signed(piece.amount) * scale;
        }
        let whole = pieces.iter().map(|piece| piece.people * piece.left.powi(2)).sum();
        let products = self.products(&pieces);
        self.project(&mut pieces, &products);
        let again = self.products(&pieces);
        self.project(&mut pieces, &again);
        let left = pieces.iter().map(|piece| piece.people * piece.left.powi(2)).sum();
        Cost { pieces, piece_of, products, scale, left, whole }
    }

    /// Whether a row may be released, where nobody's leverage may be above a limit.
    pub(super) fn verdict(&self, cost: &Cost, limit: f64) -> Verdict {
        if cost.is_nothing() {
            return Verdict::Known;
        }
        let leverage = |piece: &Piece| self.atoms.get(piece.atom).map_or(0.0, |atom| atom.leverage);
        let small = |piece: &Piece| leverage(piece) + piece.left.powi(2) / cost.left <= limit + ROUNDING;
        // Written so that a number that is none closes.
        let known = cost.left >= SOMETHING * cost.whole && self.rank() < MOST_ROWS;
        if known && cost.pieces.iter().all(small) { Verdict::New } else { Verdict::TooClose }
    }

    /// Takes in a row that does not follow from others.
    pub(super) fn add(&mut self, row: &Evidence, cost: &Cost) {
        let number = self.lower.len();
        let mut line = self.forward(&cost.products);
        line.push(cost.left.sqrt());
        let atoms = self.divide(row, cost);
        for (piece, at) in cost.pieces.iter().zip(atoms) {
            if let Some(atom) = self.atoms.get_mut(at) {
                atom.leverage += piece.left.powi(2) / cost.left;
                if piece.amount != 0 {
                    let weight = signed(piece.amount) * cost.scale;
                    self.nodes.push(Node { row: number, weight, before: atom.last });
                    atom.last = self.nodes.len().checked_sub(1);
                }
            }
        }
        self.lower.push(line);
    }

    /// Where it stands, to come back to.
    pub(super) fn mark(&self) -> Mark {
        let leverages = self.atoms.iter().map(|atom| atom.leverage).collect();
        Mark { rows: self.lower.len(), nodes: self.nodes.len(), leverages }
    }

    /// Forgets the rows since a mark. Atoms stay divided, which changes nobody's leverage.
    pub(super) fn back_to(&mut self, mark: &Mark) {
        self.lower.truncate(mark.rows);
        for at in 0..self.atoms.len() {
            let mut origin = at;
            while origin >= mark.leverages.len() {
                origin = self.atoms.get(origin).map_or(0, |atom| atom.origin);
            }
            if let Some(atom) = self.atoms.get_mut(at) {
                atom.leverage = mark.leverages.get(origin).copied().unwrap_or_default();
                while let Some(node) = atom.last.filter(|last| *last >= mark.nodes) {
                    atom.last = self.nodes.get(node).and_then(|node| node.before);
                }
            }
        }
        self.nodes.truncate(mark.nodes);
    }

    /// The people of a row by atom and by what they count, and the piece of each.
    fn pieces(&self, row: &Evidence) -> (Vec<Piece>, Vec<u32>) {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut known: HashMap<(usize, i64), u32> = HashMap::new();
        // Most people count a few, and are of one of some atoms: no hash is needed for them.
        let mut usual = vec![NO_PIECE; self.atoms.len().min(USUAL_ATOMS).saturating_mul(USUAL_AMOUNTS)];
        let (mut last, mut number) = ((0, 0), NO_PIECE);
        let mut piece_of = Vec::with_capacity(row.subjects().len());
        for (subject, amount) in row.contributions().iter() {
            let Some(amount) = word(amount) else {
                piece_of.push(NO_PIECE);
                continue;
            };
            let key = (self.atom(subject), amount);
            if key != last {
                let slot = match usual_place(key).and_then(|place| usual.get_mut(place)) {
                    Some(slot) => slot,
                    None => known.entry(key).or_insert(NO_PIECE),
                };
                if *slot == NO_PIECE {
                    *slot = u32::try_from(pieces.len()).unwrap_or(NO_PIECE);
                    pieces.push(Piece { atom: key.0, amount, people: 0.0, left: 0.0 });
                }
                (last, number) = (key, *slot);
            }
            pieces.get_mut(at(number)).into_iter().for_each(|piece| piece.people += 1.0);
            piece_of.push(number);
        }
        pieces.extend(self.rests(&pieces));
        in_order(pieces, piece_of)
    }

    /// Those of each atom whom a row does not concern.
    fn rests(&self, pieces: &[Piece]) -> Vec<Piece> {
        let mut concerned = vec![0.0; self.atoms.len()];
        for piece in pieces {
            concerned.get_mut(piece.atom).into_iter().for_each(|people| *people += piece.people);
        }
        let atoms = self.atoms.iter().zip(concerned).enumerate().skip(1);
        let rests = atoms.filter(|(_, (atom, concerned))| atom.people > *concerned);
        let rest = |people| move |atom| Piece { atom, amount: 0, people, left: 0.0 };
        rests.map(|(at, (atom, concerned))| rest(atom.people - concerned)(at)).collect()
    }

    /// The products of what is left with each row.
    fn products(&self, pieces: &[Piece]) -> Vec<f64> {
        let mut products = vec![0.0; self.lower.len()];
        for piece in pieces {
            for node in self.rows_of(piece.atom) {
                if let Some(product) = products.get_mut(node.row) {
                    *product += piece.people * piece.left * node.weight;
                }
            }
        }
        products
    }

    /// Takes away from what is left its projection on the rows.
    fn project(&self, pieces: &mut [Piece], products: &[f64]) {
        let shares = self.backward(self.forward(products));
        for piece in pieces {
            let share = |node: &Node| shares.get(node.row).map_or(0.0, |share| share * node.weight);
            piece.left -= self.rows_of(piece.atom).map(share).sum::<f64>();
        }
    }

    /// L⁻¹ v.
    fn forward(&self, products: &[f64]) -> Vec<f64> {
        let mut solved: Vec<f64> = Vec::with_capacity(products.len().saturating_add(1));
        for (line, product) in self.lower.iter().zip(products) {
            let sum: f64 = line.iter().zip(&solved).map(|(entry, value)| entry * value).sum();
            solved.push((product - sum) / line.last().copied().unwrap_or(f64::NAN));
        }
        solved
    }

    /// L⁻ᵀ v.
    fn backward(&self, mut values: Vec<f64>) -> Vec<f64> {
        for (at, line) in self.lower.iter().enumerate().rev() {
            let Some((before, [value, ..])) = values.split_at_mut_checked(at) else { continue };
            *value /= line.last().copied().unwrap_or(f64::NAN);
            for (other, entry) in before.iter_mut().zip(line) {
                *other -= entry * *value;
            }
        }
        values
    }

    /// Divides the atoms of a row's people by what they count; the atom of each piece.
    fn divide(&mut self, row: &Evidence, cost: &Cost) -> Vec<usize> {
        let mut kept = vec![false; self.atoms.len()];
        // Nobody of the first atom stays in it, and whom the row does not concern stays where they are.
        let mut stays =
            |atom: usize| atom > 0 && kept.get_mut(atom).is_some_and(|kept| !std::mem::replace(kept, true));
        let mut in_order: Vec<(usize, &Piece)> = cost.pieces.iter().enumerate().collect();
        in_order.sort_by_key(|(_, piece)| (piece.atom, piece.amount != 0));
        let mut to = vec![0; cost.pieces.len()];
        for (number, piece) in in_order {
            let atom = if stays(piece.atom) {
                self.atoms.get_mut(piece.atom).into_iter().for_each(|atom| atom.people = piece.people);
                piece.atom
            } else {
                let before = self.atoms.get(piece.atom).copied().unwrap_or(Atom::NEW);
                self.atoms.push(Atom { people: piece.people, origin: piece.atom, ..before });
                self.atoms.len().saturating_sub(1)
            };
            to.get_mut(number).into_iter().for_each(|to| *to = atom);
        }
        if let Some(last) =
            row.subjects().last().map(|last| at(*last)).filter(|last| *last >= self.atom_of.len())
        {
            self.atom_of.resize(last.saturating_add(1), 0);
        }
        for (subject, piece) in row.subjects().iter().zip(&cost.piece_of) {
            let new = to.get(at(*piece)).and_then(|new| u32::try_from(*new).ok());
            if let (Some(new), Some(slot)) = (new, self.atom_of.get_mut(at(*subject))) {
                *slot = new;
            }
        }
        to
    }

    fn atom(&self, subject: u32) -> usize {
        self.atom_of.get(at(subject)).map_or(0, |atom| at(*atom))
    }

    /// The rows that concern an atom, the last first.
    fn rows_of(&self, atom: usize) -> impl Iterator<Item = &Node> {
        let node = |at: usize| self.nodes.get(at);
        let last = self.atoms.get(atom).and_then(|atom| node(atom.last?));
        std::iter::successors(last, move |last| node(last.before?))
    }
}

impl Atom {
    const NEW: Self = Self { people: 0.0, leverage: 0.0, last: None, origin: 0 };
}

impl Cost {
    /// Whether the row follows from others.
    pub(super) fn is_nothing(&self) -> bool {
        self.left <= NOTHING * self.whole
    }
}

/// Pieces by atom and amount, and the piece of each person in that order.
fn in_order(pieces: Vec<Piece>, mut piece_of: Vec<u32>) -> (Vec<Piece>, Vec<u32>) {
    let mut numbered: Vec<(usize, Piece)> = pieces.into_iter().enumerate().collect();
    numbered.sort_unstable_by_key(|(_, piece)| (piece.atom, piece.amount));
    let mut places = vec![NO_PIECE; numbered.len()];
    for (place, (number, _)) in (0_u32..).zip(&numbered) {
        places.get_mut(*number).into_iter().for_each(|slot| *slot = place);
    }
    for piece in &mut piece_of {
        *piece = places.get(at(*piece)).copied().unwrap_or(NO_PIECE);
    }
    (numbered.into_iter().map(|(_, piece)| piece).collect(), piece_of)
}

/// What somebody counts; nothing for nought. A number that is too large counts as the largest: such a row is
/// not released ([`super::rows`]).
fn word(amount: i128) -> Option<i64> {
    let word = i64::try_from(amount).unwrap_or(i64::MAX);
    (word != 0).then_some(word)
}

fn float(number: u64) -> f64 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "what is rounded is rounded alike"
    )]
    let float = number as f64;
    float
}

fn signed(number: i64) -> f64 {
    let size = float(number.unsigned_abs());
    if number < 0 { -size } else { size }
}

/// A dense id or an atom as an index.
fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
