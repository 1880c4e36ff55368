//! Condition 1: what near sums say of people whom no far sum tells apart.

use std::collections::{BTreeMap, BTreeSet};

use super::super::algebra::{Algebra, Exhausted, Vector};
use super::super::columns::Column;
use super::super::crowd::Crowd;
use super::super::echelon::Echelon;
use super::super::few::{self, Form};
use super::super::search::search;
use super::super::sweep::Sweep;
use super::said::{self, Said};
use super::{Release, at};
use crate::evidence::Evidence;
use crate::history::{Entry, Seed};

/// Most earlier sums that are near because they are over no other people.
const SUMS_INSIDE: usize = 1024;
/// Forms that are settled between two looks at what is open.
const FORMS: usize = 512;
/// People who are looked at together, of those of whom something is left, and most of those of one cell.
const PEOPLE: usize = 4096;
const PEOPLE_OF_A_CELL: usize = 64;

/// The near sums: earlier ones, then the new ones.
pub(super) struct Near<'r, 'a> {
    release: &'r Release<'a>,
    columns: Vec<Column<'a>>,
    seeds: Vec<Seed>,
    /// The number of the first new one.
    new: usize,
    /// How many of the last ones are no sums that are published, but secrets.
    secrets: usize,
}

impl<'r, 'a> Near<'r, 'a> {
    /// The new sums, and earlier ones by their places.
    pub(super) fn of(release: &'r Release<'a>, near: &BTreeSet<usize>) -> Self {
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
        Self { release, columns, seeds, new, secrets: 0 }
    }

    /// The new sums that are not withheld, what was published that is mostly over people of theirs or of some
    /// secrets, the core, and these secrets.
    pub(super) fn beside(
        release: &'r Release<'a>,
        withheld: &BTreeSet<usize>,
        secrets: &[&'a Evidence],
    ) -> Self {
        let all = release.new.iter().map(|column| column.evidence).chain(secrets.iter().copied());
        let about = about(release, &people_of(all));
        let mut near = Self::of(release, &about.union(&core(release)).copied().collect());
        let is_open =
            |number: usize| number.checked_sub(near.new).is_none_or(|place| !withheld.contains(&place));
        let open: Vec<bool> = (0..near.columns.len()).map(is_open).collect();
        let mut keep = open.iter();
        near.columns.retain(|_| keep.next().is_none_or(|open| *open));
        let mut keep = open.iter();
        near.seeds.retain(|_| keep.next().is_none_or(|open| *open));
        for (number, evidence) in secrets.iter().enumerate() {
            near.columns.push(Column { evidence, withheld: true, standing: None, members: Vec::new() });
            near.seeds.push(release.ledger.seed(evidence, (usize::MAX >> 1).wrapping_sub(number)));
        }
        near.secrets = secrets.len();
        near
    }

    /// Of which secrets people show that they are no combination of what is published: together these people
    /// contribute to a secret, and to nothing else.
    pub(super) fn underivable(&self) -> Result<Vec<bool>, Exhausted> {
        let algebra = &self.release.algebra;
        let first = self.columns.len().saturating_sub(self.secrets);
        let (near, far) = self.marks()?;
        let people = people_of(self.columns.iter().skip(self.new).map(|column| column.evidence));
        let forms = self.forms(&said::by_all(&near, &far, &people, self.minimum()))?;
        let (mut space, mut shown) = (Echelon::default(), vec![false; self.secrets]);
        for forms in forms.chunks(FORMS) {
            for (form, _) in forms {
                space.insert(form, algebra)?;
            }
            let of_secrets = space.rows().filter(|(pivot, _)| at(*pivot) >= first);
            for (number, _) in of_secrets.flat_map(|(_, row)| row) {
                let secret = at(*number).checked_sub(first).and_then(|secret| shown.get_mut(secret));
                secret.into_iter().for_each(|shown| *shown = true);
            }
            if shown.iter().all(|shown| *shown) {
                break;
            }
        }
        Ok(shown)
    }

    /// The new sums, by their place among the new ones, of which something is left undecided; `None` if nothing
    /// can be told.
    pub(super) fn undecided(&self) -> Result<Option<BTreeSet<usize>>, Exhausted> {
        let (near, far) = self.marks()?;
        let new = people_of(self.release.new.iter().map(|column| column.evidence));
        let forms = self.forms(&said::by_all(&near, &far, &new, self.minimum()))?;
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

    /// What near sums say of people, or of one of two beside the other, and of how many.
    fn forms(&self, said: &[Said]) -> Result<Vec<Form>, Exhausted> {
        let algebra = &self.release.algebra;
        let rows =
            self.rows(said.iter().flat_map(|said| std::iter::once(said.of).chain(said.beside)).collect())?;
        let none = Vector::new();
        let row = |subject: u32| rows.get(&subject).unwrap_or(&none);
        let form = |said: &Said| {
            let form = match said.beside {
                None => row(said.of).clone(),
                Some(other) => algebra.subtract(row(said.of), 1, row(other))?,
            };
            Ok((form, said.people))
        };
        let mut forms = said.iter().map(form).collect::<Result<Vec<Form>, Exhausted>>()?;
        forms.retain(|(form, _)| !form.is_empty());
        Ok(forms)
    }

    /// The near parts of some people.
    fn rows(&self, people: BTreeSet<u32>) -> Result<BTreeMap<u32, Vector>, Exhausted> {
        let numbers: Vec<u32> = (0..).take(self.columns.len()).collect();
        let mut sweep = Sweep::of(self.columns.iter().map(|column| column.evidence));
        let mut left = people.into_iter().peekable();
        let mut all = BTreeMap::new();
        while left.peek().is_some()
            && let Some(block) = sweep.next_block()
        {
            self.release.algebra.spend(block.size())?;
            let mut wanted = vec![false; block.length()];
            let mut here = Vec::new();
            let place = |subject: u32| at(subject.wrapping_sub(block.first()));
            while let Some(subject) = left.next_if(|subject| place(*subject) < wanted.len()) {
                wanted.get_mut(place(subject)).into_iter().for_each(|wanted| *wanted = true);
                here.push(subject);
            }
            all.extend(here.into_iter().zip(block.rows(&wanted, &numbers, &self.release.algebra)));
        }
        Ok(all)
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
            let mut progress = false;
            for people in windows(open, minimum) {
                let layered = few::settle_by_layers(&people, &mut settled, new, minimum, algebra)?;
                progress |= layered.progress;
                if !layered.progress {
                    for group in layered.undecided {
                        progress |= settle_by_search(&group, &mut settled, minimum, algebra)?;
                    }
                }
            }
            if !progress {
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

/// People to be looked at together, each form as often as there are people, up to the minimum: those of the same
/// least important sums stand next to each other, as the people of one cell do.
fn windows(mut open: Vec<&Form>, minimum: u64) -> Vec<Vec<Vector>> {
    open.sort_by(|(left, _), (right, _)| left.iter().rev().cmp(right.iter().rev()));
    let last = |form: &Form| form.0.last().map(|(at, _)| *at);
    let mut windows: Vec<Vec<Vector>> = Vec::new();
    for cell in open.chunk_by(|left, right| last(left) == last(right)) {
        let copies = |(form, people): &&Form| {
            let people = usize::try_from((*people).min(minimum)).unwrap_or(usize::MAX);
            std::iter::repeat_n(form.clone(), people)
        };
        let people = cell.iter().flat_map(copies).take(PEOPLE_OF_A_CELL);
        match windows.last_mut().filter(|window| window.len() < PEOPLE) {
            Some(window) => window.extend(people),
            None => windows.push(people.collect()),
        }
    }
    windows
}

/// Settles a small group of people where a search shows that no combination concerns few of them.
fn settle_by_search(
    group: &[Form],
    settled: &mut Echelon,
    minimum: u64,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    let mut more = false;
    if search(group, minimum, algebra)?.is_none() {
        for (form, _) in group {
            more |= settled.insert(form, algebra)?;
        }
    }
    Ok(more)
}

/// Choices of earlier sums that may be near enough to decide, each once: those over no other people than the new
/// ones; these and the core; and those as well that are mostly over people of the new ones, like the whole of which
/// these are a part.
pub(super) fn choices(release: &Release<'_>) -> Vec<BTreeSet<usize>> {
    let core = core(release);
    let inside = inside(release);
    let with_the_core = inside.union(&core).copied().collect();
    let new = people_of(release.new.iter().map(|column| column.evidence));
    let with_what_is_about_them = about(release, &new).union(&core).copied().collect();
    let mut choices = vec![inside, with_the_core, with_what_is_about_them];
    choices.dedup();
    choices
}

/// The earlier sums over no other people than those of the new ones; none, if there are too many of them.
fn inside(release: &Release<'_>) -> BTreeSet<usize> {
    let people = people_of(release.new.iter().map(|column| column.evidence));
    let is_inside = |entry: &Entry| entry.evidence.subjects().iter().all(|subject| is_in(&people, *subject));
    let inside = release.shown().filter(|(_, entry)| is_inside(entry)).map(|(place, _)| place);
    let inside: BTreeSet<usize> = inside.take(SUMS_INSIDE.saturating_add(1)).collect();
    if inside.len() > SUMS_INSIDE { BTreeSet::new() } else { inside }
}

/// The earlier sums of the core.
fn core(release: &Release<'_>) -> BTreeSet<usize> {
    let shown = release.shown().map(|(place, _)| place);
    shown.filter(|place| release.ledger.is_of_the_core(*place)).collect()
}

/// The earlier sums of whose people half or more are some people, as far as those tell who are drawn; the first
/// ones, if they are too many.
fn about(release: &Release<'_>, people: &[bool]) -> BTreeSet<usize> {
    let is_about = |place: usize| {
        let (mut inside, mut all) = (0_usize, 0_usize);
        for subject in release.ledger.drawn(place) {
            (inside, all) =
                (inside.saturating_add(usize::from(is_in(people, subject))), all.saturating_add(1));
        }
        inside.saturating_mul(2) >= all
    };
    release.shown().map(|(place, _)| place).filter(|place| is_about(*place)).take(SUMS_INSIDE).collect()
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
