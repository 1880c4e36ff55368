//! Which tallies a frontier needs, and which of them each statistic is made of.

use datafusion::common::ScalarValue;

use crate::algebra::{Frontier, Scalar, Statistic, StatisticFunction, TruthValue};
use crate::disclosure::Measure;

/// One instrumented aggregate: whose records, and what is added up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TallySpec {
    /// The amount of a record; 1 where it is absent.
    pub(crate) amount: Option<Scalar>,
    /// Which records count.
    pub(crate) filter: Option<Scalar>,
}

/// The tallies of a frontier; the first is the whole group.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) tallies: Vec<TallySpec>,
    pub(crate) statistics: Vec<StatisticLayout>,
}

/// The tallies behind one statistic, as indices.
#[derive(Debug)]
pub(crate) struct StatisticLayout {
    pub(crate) parts: Vec<(Measure, usize)>,
    /// For each branch: who takes it, and who does not.
    pub(crate) branches: Vec<(usize, usize)>,
}

impl Layout {
    /// Lays out a frontier.
    pub(crate) fn of(frontier: &Frontier) -> Self {
        let mut layout = Self { tallies: Vec::new(), statistics: Vec::new() };
        layout.tally(None, None);
        for statistic in &frontier.statistics {
            let statistic = layout.statistic(statistic);
            layout.statistics.push(statistic);
        }
        layout
    }

    fn statistic(&mut self, statistic: &Statistic) -> StatisticLayout {
        let Statistic { function, arg, implied, filter, measure, branches, .. } = statistic;
        let counted = all_of(filter.iter().cloned().chain(arg.iter().map(is_present)));
        let mut parts = match function {
            StatisticFunction::Count | StatisticFunction::People => {
                vec![(Measure::Count, self.tally(None, counted))]
            }
            StatisticFunction::Mean => {
                let sum = self.tally(arg.clone(), filter.clone());
                vec![(measure.clone(), sum), (Measure::Count, self.tally(None, counted))]
            }
            StatisticFunction::Sum => vec![(measure.clone(), self.tally(arg.clone(), filter.clone()))],
        };
        if let Some(implied) = implied {
            parts.push((measure.clone(), self.tally(Some(implied.clone()), filter.clone())));
        }
        let branches = branches.iter().map(|branch| self.branch(branch, filter.as_ref())).collect();
        StatisticLayout { parts, branches }
    }

    /// A CASE inside a FILTER divides the records that pass the filter; the FILTER itself the whole group.
    fn branch(&mut self, branch: &Scalar, filter: Option<&Scalar>) -> (usize, usize) {
        let within = filter.filter(|filter| *filter != branch);
        let untaken =
            Scalar::Not(Box::new(Scalar::Truth { arg: Box::new(branch.clone()), is: TruthValue::True }));
        let inside = all_of(within.cloned().into_iter().chain([branch.clone()]));
        let outside = all_of(within.cloned().into_iter().chain([untaken]));
        (self.tally(None, inside), self.tally(None, outside))
    }

    fn tally(&mut self, amount: Option<Scalar>, filter: Option<Scalar>) -> usize {
        let amount = amount.filter(|amount| *amount != Scalar::Literal(ScalarValue::Int64(Some(1))));
        let spec = TallySpec { amount, filter };
        match self.tallies.iter().position(|known| *known == spec) {
            Some(index) => index,
            None => {
                self.tallies.push(spec);
                self.tallies.len().saturating_sub(1)
            }
        }
    }
}

fn is_present(arg: &Scalar) -> Scalar {
    Scalar::Not(Box::new(Scalar::IsNull(Box::new(arg.clone()))))
}

fn all_of(predicates: impl Iterator<Item = Scalar>) -> Option<Scalar> {
    let mut predicates: Vec<Scalar> = predicates.collect();
    if predicates.len() > 1 { Some(Scalar::And(predicates)) } else { predicates.pop() }
}
