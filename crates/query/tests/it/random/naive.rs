//! The rules, recomputed naively from the rows: what a released number must satisfy.

use std::collections::BTreeMap;

use sekisho_disclosure::Profile;

use super::statistic::{COLUMNS, Kind, Stat};
use crate::fixture::profile;

/// The rules of a profile, as its file says them.
pub(crate) struct Rules {
    pub(crate) profile: Profile,
    /// The same without the budget, which counts who could be in a cell.
    pub(crate) without_budget: Profile,
    pub(crate) minimum: usize,
    largest: usize,
    share: f64,
    p: f64,
    freedom: usize,
}

pub(crate) fn rules() -> [Rules; 2] {
    let japan = profile("japan-rwd");
    let teaching = profile("teaching");
    [
        Rules {
            profile: japan,
            without_budget: without_budget("japan-rwd"),
            minimum: 10,
            largest: 2,
            share: 0.9,
            p: 0.1,
            freedom: 10,
        },
        Rules {
            profile: teaching,
            without_budget: without_budget("teaching"),
            minimum: 3,
            largest: 1,
            share: 0.9,
            p: 0.05,
            freedom: 2,
        },
    ]
}

fn without_budget(name: &str) -> Profile {
    let path = format!("../../policies/disclosure/{name}.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| match line.starts_with("max_leverage") {
        true => "max_leverage = 1000",
        false => line,
    });
    let profile = Profile::from_toml(&lines.collect::<Vec<_>>().join("\n")).unwrap();
    assert!(!profile.has_budget());
    profile
}

/// What one person adds to one statistic of one group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share {
    pub(crate) records: f64,
    sum: f64,
    second: f64,
    squares: f64,
    second_squares: f64,
    products: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Records on both sides of each branch.
    branches: Vec<[f64; 2]>,
}

/// The people of a group, each with a share of each statistic.
pub(crate) type Group = BTreeMap<String, Vec<Share>>;

impl Share {
    /// Reads the columns of [`Stat::contributions`]; takes them from `numbers`.
    pub(crate) fn read(stat: &Stat, numbers: &mut impl Iterator<Item = f64>) -> Self {
        let mut next = || numbers.next().unwrap();
        let first: [f64; COLUMNS] = std::array::from_fn(|_| next());
        let [records, sum, second, squares, second_squares, products, low, high] = first;
        let branches = stat.branches.iter().map(|_| [next(), next()]).collect();
        Self { records, sum, second, squares, second_squares, products, low, high, branches }
    }
}

/// The rule that a released statistic breaks, if there is one.
pub(crate) fn broken(
    stat: &Stat,
    index: usize,
    group: &Group,
    by_value: &[usize],
    shown: &str,
    rules: &Rules,
) -> Option<&'static str> {
    let few = |people: usize| 0 < people && people < rules.minimum;
    let shares: Vec<&Share> = group.values().map(|shares| &shares[index]).collect();
    let with = |has: &dyn Fn(&Share) -> bool| shares.iter().filter(|share| has(share)).count();
    let counted = with(&|share| share.records > 0.0);
    if few(group.len()) || few(counted) {
        return Some("threshold");
    }
    for branch in 0..stat.branches.len() {
        if [0, 1].iter().any(|side| few(with(&|share| share.branches[branch][*side] > 0.0))) {
            return Some("branch");
        }
    }
    let of = |amount: &dyn Fn(&Share) -> f64| shares.iter().map(|share| amount(share).abs()).collect();
    let records: Vec<f64> = of(&|share| share.records);
    let sums: Vec<f64> = of(&|share| share.sum);
    match stat.kind {
        Kind::People => None,
        Kind::Records => concentrated(records, rules),
        Kind::Sum => concentrated(sums, rules),
        Kind::Mean => concentrated(records, rules).or_else(|| concentrated(sums, rules)),
        Kind::Rate => concentrated(sums, rules).or_else(|| concentrated(of(&|share| share.second), rules)),
        Kind::Model if counted == 0 => None,
        Kind::Model if counted < rules.freedom + 2 => Some("degrees of freedom"),
        Kind::Model => {
            let squares = [of(&|share| share.squares), of(&|share| share.second_squares)];
            concentrated(records, rules).or(squares.into_iter().find_map(|of| concentrated(of, rules)))
        }
        Kind::Values => by_value.iter().any(|people| few(*people)).then_some("a value of few"),
        Kind::Moment | Kind::Pair { .. } if counted == 0 => None,
        Kind::Moment | Kind::Pair { .. } => of_moment(stat.kind, &shares, counted, rules),
        Kind::Quantile(_) if counted == 0 => None,
        Kind::Quantile(fraction) => {
            #[expect(clippy::cast_precision_loss, reason = "a few dozen people")]
            let beyond = counted as f64 * fraction.min(1.0 - fraction);
            let value: f64 = shown.parse().ok()?;
            let has = |share: &Share| share.records > 0.0;
            let below = with(&|share| has(share) && share.low <= value + 1e-9);
            let above = with(&|share| has(share) && share.high >= value - 1e-9);
            #[expect(clippy::cast_precision_loss, reason = "a few dozen people")]
            let far = beyond + 1e-9 < rules.minimum as f64;
            (far || below.min(above) < rules.minimum).then_some("quantile")
        }
    }
}

fn of_moment(kind: Kind, shares: &[&Share], counted: usize, rules: &Rules) -> Option<&'static str> {
    let parameters = if kind == Kind::Moment { 1 } else { 2 };
    if counted.saturating_sub(parameters) < rules.freedom {
        return Some("degrees of freedom");
    }
    let total = |amount: fn(&Share) -> f64| shares.iter().map(|share| amount(share)).sum::<f64>();
    let n = total(|share| share.records);
    let (x, y) = (total(|share| share.sum) / n, total(|share| share.second) / n);
    let squares = |share: &&Share| share.squares - 2.0 * x * share.sum + share.records * x * x;
    let seconds = |share: &&Share| share.second_squares - 2.0 * y * share.second + share.records * y * y;
    let products = |share: &&Share| share.products - x * share.second - y * share.sum + share.records * x * y;
    let hidden = |terms: Vec<f64>| {
        let all: f64 = terms.iter().map(|term| term.abs()).sum();
        if all < 1e-6 { None } else { dominated(terms, rules) }
    };
    let each = |term: &dyn Fn(&&Share) -> f64| shares.iter().map(|share| term(share).abs()).collect();
    if kind == Kind::Moment {
        let spread: f64 = shares.iter().map(squares).sum();
        return if spread < 1e-9 { Some("no spread") } else { hidden(each(&squares)) };
    }
    let of_products = hidden(each(&products));
    if kind == (Kind::Pair { scaled: true }) {
        return of_products.or_else(|| hidden(each(&squares))).or_else(|| hidden(each(&seconds)));
    }
    of_products
}

/// Whether too few contribute, or one or two contribute too much.
fn concentrated(sizes: Vec<f64>, rules: &Rules) -> Option<&'static str> {
    let contributors = sizes.iter().filter(|size| **size > 0.0).count();
    if 0 < contributors && contributors < rules.minimum {
        return Some("contributors");
    }
    dominated(sizes, rules)
}

fn dominated(mut sizes: Vec<f64>, rules: &Rules) -> Option<&'static str> {
    sizes.sort_by(|a, b| b.total_cmp(a));
    let total: f64 = sizes.iter().sum();
    let top = |n: usize| sizes.iter().take(n).sum::<f64>();
    let slack = 1e-6 * total.max(1.0);
    if top(rules.largest) > rules.share * total + slack {
        return Some("dominance");
    }
    (total - top(2) < rules.p * top(1) - slack).then_some("p%")
}

/// A released sum as a vector: what each person adds to it.
pub(crate) struct Vector<'a> {
    pub(crate) what: String,
    /// Of what it is the sum of the released parts, if it is not released itself.
    pub(crate) parts_of: Option<String>,
    /// What it is a sum of, where its differences from others of the same are judged by dominance.
    pub(crate) measure: &'a str,
    pub(crate) amounts: BTreeMap<&'a str, f64>,
}

impl Vector<'_> {
    /// Whether their difference is judged by dominance: that of two released sums, and what the parts of a
    /// total leave of it. Combinations of more than that are only judged by their people.
    fn may_be_compared_with(&self, other: &Self) -> bool {
        match (&self.parts_of, &other.parts_of) {
            (None, None) => true,
            (Some(total), None) => *total == other.what,
            (None, Some(total)) => *total == self.what,
            (Some(_), Some(_)) => false,
        }
    }
}

/// The vectors that a released statistic makes public.
pub(crate) fn vectors<'a>(stat: &'a Stat, index: usize, group: &'a Group, what: &str) -> Vec<Vector<'a>> {
    let vector = |measure: &'a str, amount: &dyn Fn(&Share) -> f64| {
        let amounts = group.iter().map(|(who, shares)| (who.as_str(), amount(&shares[index])));
        Vector {
            what: what.to_owned(),
            parts_of: None,
            measure,
            amounts: amounts.filter(|(_, amount)| *amount != 0.0).collect(),
        }
    };
    let records = || vector("records", &|share| share.records);
    let sum = || vector(stat.measure(), &|share| share.sum);
    match stat.kind {
        Kind::People => vec![vector("records", &|share| f64::from(u8::from(share.records > 0.0)))],
        Kind::Records => vec![records()],
        Kind::Sum => vec![sum()],
        Kind::Mean | Kind::Model => vec![records(), sum()],
        Kind::Rate => vec![sum()],
        Kind::Moment | Kind::Pair { .. } => vec![sum()],
        Kind::Quantile(_) | Kind::Values => Vec::new(),
    }
}

/// What the difference of two published vectors breaks.
pub(crate) fn difference(one: &Vector<'_>, other: &Vector<'_>, rules: &Rules) -> Option<String> {
    let mut rest: BTreeMap<&str, f64> = one.amounts.clone();
    for (who, amount) in &other.amounts {
        *rest.entry(who).or_default() -= amount;
    }
    let mut rest: Vec<f64> = rest.into_values().map(f64::abs).filter(|amount| *amount > 1e-6).collect();
    rest.sort_by(|a, b| b.total_cmp(a));
    let rule = if (1..rules.minimum).contains(&rest.len()) {
        "few people"
    } else if one.measure == other.measure && one.may_be_compared_with(other) {
        dominated(rest.clone(), rules)?
    } else {
        return None;
    };
    Some(format!("the difference of {} and {} breaks {rule}: {rest:?}", one.what, other.what))
}
