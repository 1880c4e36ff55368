//! Condition 1: what near sums say of people whom no far sum tells apart.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::super::algebra::{Exhausted, Vector};
use super::super::columns::Column;
use super::super::crowd::Crowd;
use super::super::echelon::Echelon;
use super::super::few::{self, Form};
use super::super::sweep::Sweep;
use super::table::Table;
use super::{Release, at};
use crate::evidence::Evidence;
use crate::history::{Entry, Seed};

/// Most earlier sums that are near because they are over no other people.
const SUMS_INSIDE: usize = 1024;
/// Most different near parts that are looked at, those of most people.
const PARTS: usize = 1 << 16;
/// Forms that are settled between two looks at what is open.
const FORMS: usize = 512;
/// People who are looked at together, of those of whom something is left.
const PEOPLE: usize = 4096;
/// Partners are only looked for where at least one in so many people may be one.
const PARTNERS: usize = 16;

/// The near sums: earlier ones, then the new ones.
pub(super) struct Near<'r, 'a> {
    release: &'r Release<'a>,
    columns: Vec<Column<'a>>,
    seeds: Vec<Seed>,
    /// The number of the first new one.
    new: usize,
}

/// People with the same near part.
struct Alike {
    example: u32,
    people: u64,
}

impl<'r, 'a> Near<'r, 'a> {
    /// The new sums, and the earlier ones over no other people than those of the new ones, if they are not many.
    pub(super) fn inside(release: &'r Release<'a>) -> Self {
        Self::of(release, inside(release))
    }

    /// The same, and the earlier sums of the core.
    pub(super) fn with_the_core(release: &'r Release<'a>) -> Self {
        let core =
            release.shown().map(|(place, _)| place).filter(|place| release.ledger.is_of_the_core(*place));
        Self::of(release, inside(release).into_iter().chain(core).collect())
    }

    fn of(release: &'r Release<'a>, near: BTreeSet<usize>) -> Self {
        let (mut columns, mut seeds) = (Vec::new(), Vec::new());
        let mut add = |evidence: &'a Evidence, place: usize, standing: Option<u32>| {
            columns.push(Column { evidence, withheld: false, standing, members: Vec::new() });
            seeds.push(release.ledger.seed(evidence, place));
        };
        for (place, entry) in
            near.iter().filter_map(|place| Some((*place, release.ledger.entries().get(*place)?)))
        {
            add(&entry.evidence, place, Some(0));
        }
        for (number, column) in release.new.iter().enumerate() {
            add(column.evidence, usize::MAX.wrapping_sub(number), None);
        }
        let new = columns.len().saturating_sub(release.new.len());
        Self { release, columns, seeds, new }
    }

    /// The new sums, by their place among the new ones, of which something is left undecided; `None` if nothing
    /// can be told.
    pub(super) fn undecided(&self) -> Result<Option<BTreeSet<usize>>, Exhausted> {
        let forms = self.forms(&self.alike()?)?;
        if forms.is_empty() {
            return Ok(None);
        }
        let columns: Vec<&Column<'a>> = self.columns.iter().collect();
        let crowd = Crowd::of(&columns, &(0_u32..).take(columns.len()).collect(), &self.release.algebra);
        let settled = self.settled(&forms, &crowd)?;
        self.left(settled, &crowd).map(Some)
    }

    fn minimum(&self) -> u64 {
        u64::from(self.release.profile.minimum_count)
    }

    /// The people of whom a combination says their near part alone, or differs by it from what it says of a
    /// partner; ascending by example.
    fn alike(&self) -> Result<Vec<Alike>, Exhausted> {
        let (near, far) = self.marks()?;
        let marks = || near.iter().copied().zip(far.iter().copied());
        let inside = near.iter().filter(|near| **near != 0).count();
        let outside = marks().filter(|(near, far)| *near == 0 && *far != 0).count();
        let look = outside.saturating_mul(PARTNERS) >= inside;
        let mut partners = Table::with_room_for(if look { inside } else { 0 });
        if look {
            for (_, far) in marks().filter(|(near, far)| *near != 0 && *far != 0) {
                partners.entry(far, || 0_u64);
            }
            for (_, far) in marks().filter(|(near, far)| *near == 0 && *far != 0) {
                if let Some(partners) = partners.get_mut(far) {
                    *partners = partners.saturating_add(1);
                }
            }
        }
        let minimum = self.minimum();
        let mut has_a_partner = |far: u128| match partners.get_mut(far) {
            // A combination is zero for one of so many, and so for all with that mark.
            Some(partners) if *partners >= minimum => true,
            Some(partners) if *partners > 0 => {
                *partners = partners.saturating_sub(1);
                true
            }
            _ => false,
        };
        let people = (0_u32..).zip(marks()).filter(|(_, (near, _))| *near != 0);
        let people = people.filter(|(_, (_, far))| *far == 0 || has_a_partner(*far));
        let mut people: Vec<(u128, u32)> = people.map(|(subject, (near, _))| (near, subject)).collect();
        people.sort_unstable();
        let parts = people.chunk_by(|(left, _), (right, _)| left == right);
        let alike = parts.filter_map(|part| {
            let people = u64::try_from(part.len()).unwrap_or(u64::MAX);
            part.first().map(|(_, example)| Alike { example: *example, people })
        });
        let mut alike: Vec<Alike> = alike.collect();
        alike.sort_unstable_by_key(|alike| (Reverse(alike.people), alike.example));
        alike.truncate(PARTS);
        alike.sort_unstable_by_key(|alike| alike.example);
        Ok(alike)
    }

    /// The near and the far marks, by dense id.
    fn marks(&self) -> Result<(Vec<u128>, Vec<u128>), Exhausted> {
        let mut far = self.release.ledger.marks().of_people().to_vec();
        let last = self.columns.iter().filter_map(|column| column.evidence.subjects().last()).max();
        far.resize(far.len().max(last.map_or(0, |last| at(*last).saturating_add(1))), 0);
        let mut near = vec![0_u128; far.len()];
        for (number, (column, seed)) in self.columns.iter().zip(&self.seeds).enumerate() {
            self.release.algebra.spend(column.evidence.subjects().len())?;
            for (subject, amount) in column.evidence.contributions().iter() {
                let mark = seed.mark(amount);
                if let (Some(near), Some(far)) = (near.get_mut(at(subject)), far.get_mut(at(subject))) {
                    *near = near.wrapping_add(mark);
                    if number < self.new {
                        *far = far.wrapping_sub(mark);
                    }
                }
            }
        }
        Ok((near, far))
    }

    /// The near parts of some people, and how many people have each.
    fn forms(&self, alike: &[Alike]) -> Result<Vec<Form>, Exhausted> {
        let numbers: Vec<u32> = (0..).take(self.columns.len()).collect();
        let mut sweep = Sweep::of(self.columns.iter().map(|column| column.evidence));
        let (mut forms, mut left) = (Vec::new(), alike);
        while !left.is_empty()
            && let Some(block) = sweep.next_block()
        {
            self.release.algebra.spend(block.size())?;
            let mut wanted = vec![false; block.length()];
            let here = left.iter().take_while(|alike| {
                let place = wanted.get_mut(at(alike.example.wrapping_sub(block.first())));
                place.map(|wanted| *wanted = true).is_some()
            });
            let (here, rest) = left.split_at(here.count());
            left = rest;
            let rows = block.rows(&wanted, &numbers, &self.release.algebra);
            forms.extend(rows.into_iter().zip(here.iter().map(|alike| alike.people)));
        }
        forms.retain(|(form, _)| !form.is_empty());
        Ok(forms)
    }

    /// What is zero for every small combination, as far as these people show.
    fn settled(&self, forms: &[Form], crowd: &Crowd<'_>) -> Result<Echelon, Exhausted> {
        let algebra = &self.release.algebra;
        let (minimum, new) = (self.minimum(), u32::try_from(self.new).unwrap_or(u32::MAX));
        let mut settled = Echelon::default();
        loop {
            let combination = crowd.combination(&settled);
            let is_open = |(form, _): &&Form| {
                let terms = form.iter().filter_map(|(number, value)| {
                    Some(algebra.field.multiply(*combination.get(at(*number))?, *value))
                });
                terms.fold(0, |sum, term| algebra.field.add(sum, term)) != 0
            };
            algebra.spend(forms.len())?;
            let open: Vec<&Form> = forms.iter().filter(is_open).collect();
            if open.is_empty() {
                return Ok(settled);
            }
            // One of so many is not concerned.
            let certain: Vec<&&Form> = open.iter().filter(|(_, people)| *people >= minimum).collect();
            if !certain.is_empty() {
                for (form, _) in certain.into_iter().take(FORMS) {
                    settled.insert(form, algebra)?;
                }
                continue;
            }
            let copies = |(form, people): &&Form| {
                let people = usize::try_from((*people).min(minimum)).unwrap_or(usize::MAX);
                std::iter::repeat_n(form.clone(), people)
            };
            let people: Vec<Vector> = open.iter().flat_map(copies).take(PEOPLE).collect();
            if !few::settle_by_layers(&people, &mut settled, new, minimum, algebra)?.progress {
                return Ok(settled);
            }
        }
    }

    /// The new sums of which something is left; what only earlier sums say of people is nobody's concern here.
    fn left(&self, settled: Echelon, crowd: &Crowd<'_>) -> Result<BTreeSet<usize>, Exhausted> {
        let algebra = &self.release.algebra;
        let mut seen = settled;
        let mut left = BTreeSet::new();
        loop {
            let outside = crowd.outside(&seen, PEOPLE)?;
            if outside.is_empty() {
                return Ok(left);
            }
            for form in outside {
                let mut rest = seen.reduce(&form, algebra)?;
                while let Some(number) = rest.last().and_then(|(last, _)| at(*last).checked_sub(self.new)) {
                    left.insert(number);
                    let last = rest.pop().map(|(last, _)| last);
                    seen.insert(&[(last.unwrap_or(0), 1)], algebra)?;
                }
                // With these zero as well, what is left of others says just as much of new sums.
                for (earlier, _) in rest {
                    seen.insert(&[(earlier, 1)], algebra)?;
                }
            }
        }
    }
}

/// The earlier sums over no other people than those of the new ones; none, if there are too many of them.
fn inside(release: &Release<'_>) -> BTreeSet<usize> {
    let people = people_of(release.new.iter().map(|column| column.evidence));
    let is_inside = |entry: &Entry| entry.evidence.subjects().iter().all(|subject| is_in(&people, *subject));
    let inside = release.shown().filter(|(_, entry)| is_inside(entry)).map(|(place, _)| place);
    let inside: BTreeSet<usize> = inside.take(SUMS_INSIDE.saturating_add(1)).collect();
    if inside.len() > SUMS_INSIDE { BTreeSet::new() } else { inside }
}

/// Everybody in these sums, by dense id.
fn people_of<'a>(sums: impl Iterator<Item = &'a Evidence>) -> Vec<bool> {
    let mut people = Vec::new();
    for sum in sums {
        let last = sum.subjects().last().map_or(0, |last| at(*last).saturating_add(1));
        people.resize(people.len().max(last), false);
        for subject in sum.subjects() {
            if let Some(inside) = people.get_mut(at(*subject)) {
                *inside = true;
            }
        }
    }
    people
}

fn is_in(people: &[bool], subject: u32) -> bool {
    people.get(at(subject)).is_some_and(|inside| *inside)
}
