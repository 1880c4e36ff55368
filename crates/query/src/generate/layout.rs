//! Which tallies a frontier needs, and which of them each statistic is made of.

use datafusion::common::ScalarValue;

use crate::algebra::{Division, Frame, Frontier, Scalar, Statistic, TruthValue};
use crate::disclosure::{StatisticKind, Telling};

/// What a record adds to a tally.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Amount {
    /// One.
    One,
    /// A value.
    Of(Scalar),
    /// The product of some arguments (by number) of a statistic of moments.
    Product { args: Vec<Scalar>, factors: Vec<usize> },
}

/// One instrumented aggregate: whose records, and what is added up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TallySpec {
    pub(crate) amount: Amount,
    /// Which records count.
    pub(crate) filter: Option<Scalar>,
}

/// One gathering of single values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValuesSpec {
    pub(crate) value: Scalar,
    pub(crate) filter: Option<Scalar>,
    /// Whether only which values are equal matters, so that they may be texts.
    pub(crate) distinct: bool,
}

/// The tallies of a frontier; the first is the whole group.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) tallies: Vec<TallySpec>,
    pub(crate) values: Vec<ValuesSpec>,
    pub(crate) statistics: Vec<StatisticLayout>,
}

/// The tallies behind one statistic, as indices.
#[derive(Debug)]
pub(crate) struct StatisticLayout {
    pub(crate) parts: Vec<usize>,
    /// The single values, where it is an order statistic or counts values.
    pub(crate) values: Option<usize>,
    /// Those of them that are no constants of the analyst, where there are such.
    pub(crate) own: Option<usize>,
    /// For each branch: who takes it, who does not, and what that tells.
    pub(crate) branches: Vec<BranchLayout>,
}

/// The tallies behind one branch, as indices.
#[derive(Debug)]
pub(crate) struct BranchLayout {
    pub(crate) inside: usize,
    pub(crate) outside: usize,
    pub(crate) telling: Telling,
    /// Who fulfils what is not sensitive of it, who of them does not take it, and what the rest tells.
    pub(crate) frame: Option<(usize, usize, Telling)>,
}

impl Layout {
    /// Lays out a frontier.
    pub(crate) fn of(frontier: &Frontier) -> Self {
        let mut layout = Self { tallies: Vec::new(), values: Vec::new(), statistics: Vec::new() };
        layout.tally(Amount::One, None);
        for statistic in &frontier.statistics {
            let statistic = layout.statistic(statistic);
            layout.statistics.push(statistic);
        }
        layout
    }

    fn statistic(&mut self, statistic: &Statistic) -> StatisticLayout {
        let Statistic { kind, args, implied, own, filter, branches, .. } = statistic;
        let present = args.iter().cloned().map(Scalar::is_present);
        let counted = all_of(filter.iter().cloned().chain(present));
        let one = Scalar::Literal(ScalarValue::Int64(Some(1)));
        let sum = |scalar: &Scalar| if *scalar == one { Amount::One } else { Amount::Of(scalar.clone()) };
        let (mut parts, mut values) = (Vec::new(), None);
        match kind {
            StatisticKind::Count | StatisticKind::People => parts.push(self.tally(Amount::One, counted)),
            StatisticKind::Mean => {
                parts.extend(args.first().map(|arg| self.tally(sum(arg), filter.clone())));
                parts.push(self.tally(Amount::One, counted));
            }
            StatisticKind::Sum => {
                parts.extend(args.first().map(|arg| self.tally(sum(arg), filter.clone())));
            }
            StatisticKind::Variance { .. } => {
                parts.push(self.tally(Amount::One, counted.clone()));
                parts.extend(self.products(args, &[&[0], &[0, 0]], counted.as_ref()));
            }
            StatisticKind::Correlation | StatisticKind::Covariance { .. } | StatisticKind::Regression(_) => {
                parts.push(self.tally(Amount::One, counted.clone()));
                // x is the second argument.
                let products: [&[usize]; 5] = [&[1], &[1, 1], &[0], &[0, 0], &[0, 1]];
                parts.extend(self.products(args, &products, counted.as_ref()));
            }
            StatisticKind::Estimate(estimator) => {
                parts.push(self.tally(Amount::One, counted.clone()));
                let sums = estimator.sums();
                let sums: Vec<&[usize]> = sums.iter().map(Vec::as_slice).collect();
                parts.extend(self.products(args, &sums, counted.as_ref()));
            }
            StatisticKind::Distinct | StatisticKind::Extreme { .. } | StatisticKind::Quantile { .. } => {
                let distinct = *kind == StatisticKind::Distinct;
                parts.push(self.tally(Amount::One, counted));
                values = args.first().map(|arg| self.values(arg, filter.as_ref(), distinct));
            }
        }
        parts.extend(implied.iter().map(|term| self.tally(sum(term), filter.clone())));
        let branches = branches.iter().map(|branch| self.branch(branch, filter.as_ref())).collect();
        let own = own.as_ref().map(|own| self.values(own, filter.as_ref(), false));
        StatisticLayout { parts, values, own, branches }
    }

    fn products(&mut self, args: &[Scalar], products: &[&[usize]], filter: Option<&Scalar>) -> Vec<usize> {
        let product = |factors: &&[usize]| {
            let amount = Amount::Product { args: args.to_vec(), factors: factors.to_vec() };
            self.tally(amount, filter.cloned())
        };
        products.iter().map(product).collect()
    }

    /// A CASE inside a FILTER divides the records that pass the filter; the FILTER itself the whole group.
    fn branch(&mut self, division: &Division, filter: Option<&Scalar>) -> BranchLayout {
        let Division { predicate: branch, telling, frame } = division;
        let within = filter.filter(|filter| *filter != branch);
        let untaken =
            Scalar::Not(Box::new(Scalar::Truth { arg: Box::new(branch.clone()), is: TruthValue::True }));
        let inside = all_of(within.cloned().into_iter().chain([branch.clone()]));
        let outside = all_of(within.cloned().into_iter().chain([untaken]));
        let frame = frame.as_ref().map(|Frame { predicate, telling }| {
            let taken = Box::new(inside.clone().unwrap_or_else(Scalar::truth));
            let untaken = Scalar::Not(Box::new(Scalar::Truth { arg: taken, is: TruthValue::True }));
            let rest = Scalar::And(vec![predicate.clone(), untaken]);
            let people = self.tally(Amount::One, Some(predicate.clone()));
            (people, self.tally(Amount::One, Some(rest)), *telling)
        });
        let (inside, outside) = (self.tally(Amount::One, inside), self.tally(Amount::One, outside));
        BranchLayout { inside, outside, telling: *telling, frame }
    }

    fn tally(&mut self, amount: Amount, filter: Option<Scalar>) -> usize {
        place(&mut self.tallies, TallySpec { amount, filter })
    }

    fn values(&mut self, value: &Scalar, filter: Option<&Scalar>, distinct: bool) -> usize {
        place(&mut self.values, ValuesSpec { value: value.clone(), filter: filter.cloned(), distinct })
    }
}

/// The place of a specification, which is taken once.
fn place<T: PartialEq>(known: &mut Vec<T>, wanted: T) -> usize {
    match known.iter().position(|spec| *spec == wanted) {
        Some(index) => index,
        None => {
            known.push(wanted);
            known.len().saturating_sub(1)
        }
    }
}

fn all_of(predicates: impl Iterator<Item = Scalar>) -> Option<Scalar> {
    let mut predicates: Vec<Scalar> = predicates.collect();
    if predicates.len() > 1 { Some(Scalar::And(predicates)) } else { predicates.pop() }
}
