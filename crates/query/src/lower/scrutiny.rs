//! What a frontier may ask of its records: how its groups are cut, and what its conditions single out.
//!
//! A group key is a column, or a coarsening of one. A condition over an isolating column is a range between
//! multiples of its step. Long lists are for codes.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;

use crate::algebra::{ColumnId, Frontier, Records, Reference, Scalar};
use crate::disclosure::{Expressions, Profile, StatisticKind};
use crate::model::{Code, DateGrain, GeographyLevel, Refusal, Step};
use crate::position::Part;

use super::grain::{Grain, Line, Ratio, number};
use super::{Lowering, measure};

impl Lowering<'_> {
    /// Refuses a frontier whose groups or conditions could single people out.
    pub(super) fn scrutinise(&self, frontier: &Frontier) -> Result<(), Refusal> {
        self.dimensions(frontier)?;
        for (_, key) in &frontier.keys {
            self.key(key)?;
            self.conditions_in(key)?;
        }
        for statistic in &frontier.statistics {
            statistic.filter.iter().try_for_each(|filter| self.predicate(filter))?;
            statistic.args.iter().try_for_each(|arg| self.conditions_in(arg))?;
            let bare = statistic.filter.is_none()
                && statistic.branches.is_empty()
                && statistic.args.iter().all(|arg| matches!(arg, Scalar::Column(_)));
            if self.rules.columns_only && !bare && statistic.kind != StatisticKind::People {
                let hint = "this project allows aggregates of plain columns only: no CASE, FILTER or arithmetic in them";
                return Err(refused("an expression in an aggregate is not allowed", hint));
            }
        }
        self.records(&frontier.input)
    }

    fn records(&self, node: &Records) -> Result<(), Refusal> {
        match node {
            Records::Extend { input, columns } => {
                columns.iter().try_for_each(|(_, value)| self.conditions_in(value))?;
                self.records(input)
            }
            Records::PerSubject { input, keys, aggregates } => {
                keys.iter().try_for_each(|(_, key)| self.conditions_in(key))?;
                for (_, call) in aggregates {
                    self.conditions_in(&call.arg)?;
                    call.filter.iter().try_for_each(|filter| self.predicate(filter))?;
                }
                self.records(input)
            }
            Records::ReferenceJoin { input, reference, on, .. } => {
                on.iter().try_for_each(|predicate| self.look_up(predicate, reference))?;
                self.records(input)
            }
            Records::Restrict { input, predicate } => {
                self.predicate(predicate)?;
                self.records(input)
            }
            Records::Scan(_) => Ok(()),
            Records::SubjectJoin { left, right, on, .. } => {
                on.iter().try_for_each(|predicate| self.predicate(predicate))?;
                self.records(left)?;
                self.records(right)
            }
            Records::Union { inputs, .. } => inputs.iter().try_for_each(|(input, row)| {
                row.iter().try_for_each(|value| self.conditions_in(value))?;
                self.records(input)
            }),
            Records::Window { input, calls } => {
                for (_, call) in calls {
                    let order = call.order.iter().map(|key| &key.arg);
                    let mut read = call.args.iter().chain(&call.partition).chain(order);
                    read.try_for_each(|arg| self.conditions_in(arg))?;
                    call.filter.iter().try_for_each(|filter| self.predicate(filter))?;
                }
                self.records(input)
            }
        }
    }

    /// How many keys, and which together.
    fn dimensions(&self, frontier: &Frontier) -> Result<(), Refusal> {
        let most = usize::try_from(self.rules.max_dimensions).unwrap_or(usize::MAX);
        let all: Vec<usize> = (0..frontier.keys.len()).collect();
        let sets = frontier.sets.as_ref().map_or_else(|| vec![all], |sets| sets.sets.clone());
        // A condition cuts a table as a key does: the bins of a histogram and the levels of a summary are conditions.
        let chosen: BTreeSet<String> =
            conditions(frontier).flat_map(|condition| self.attributes(condition)).collect();
        for set in sets {
            let keys = set.iter().filter_map(|place| frontier.keys.get(*place)).map(|(_, key)| key);
            let read: Vec<BTreeSet<String>> =
                keys.map(|key| self.attributes(key)).filter(|read| !read.is_empty()).collect();
            let packed = |key: &BTreeSet<String>| key.len().saturating_sub(1);
            // What is concatenated into one label is as many dimensions.
            if read.len() > most || read.iter().map(packed).max() >= Some(most) {
                let message = format!("a table with more than {most} dimensions is not allowed");
                let hint = "group by fewer keys; GROUPING SETS give several tables at once";
                return Err(refused(&message, hint).at(self.positions.first(Part::Group)));
            }
            let origins: BTreeSet<&String> = read.iter().flatten().chain(&chosen).collect();
            let crossed = |crossing: &&Vec<String>| crossing.iter().all(|column| origins.contains(column));
            if let Some(crossing) = self.rules.forbidden_crossings.iter().find(crossed) {
                let message = format!("the crossing of {} is not allowed", crossing.join(" and "));
                let hint = "group and choose by one of them, or by something coarser";
                let refusal = refused(&message, hint);
                return Err(refusal.at(self.positions.first(Part::Group)));
            }
        }
        Ok(())
    }

    /// What a key tells of a person: stored columns, and numbers and labels that come from none.
    fn attributes(&self, key: &Scalar) -> BTreeSet<String> {
        let of = |id: ColumnId| {
            let origins = self.columns.info(id).map(|info| info.origins.clone()).unwrap_or_default();
            if origins.is_empty() { BTreeSet::from([format!("#{}", id.0)]) } else { origins }
        };
        key.columns().into_iter().flat_map(of).collect()
    }

    /// A group key is as coarse as the custodian wants it.
    fn key(&self, key: &Scalar) -> Result<(), Refusal> {
        self.text_key(key)?;
        self.place_key(key)?;
        match self.columns.grain(key) {
            Grain::Coarse => Ok(()),
            Grain::Date(grain) if grain >= self.rules.date_grain => Ok(()),
            Grain::Date(_) => {
                let grain = self.rules.date_grain.name();
                let message = format!("groups by dates finer than a {grain} are not allowed");
                let hint = format!("group by date_trunc('{grain}', {})", self.name_of(key));
                Err(refused(&message, &hint).at(self.place_of(key)))
            }
            Grain::Fine(line) => {
                let message = format!(
                    "`{}` has a value of its own for most people, so its values are no groups",
                    self.name_of(key)
                );
                Err(refused(&message, &self.band_hint(key, &line)).at(self.place_of(key)))
            }
            Grain::Mixed => {
                let message =
                    "an expression over several columns, or a root, power or logarithm, is no group key";
                let hint = "group by bands of one column: floor(x / 10) * 10, CASE, date_trunc";
                Err(refused(message, hint).at(self.place_of(key)))
            }
        }
    }

    /// Of a text, a key is a prefix at most: other parts could pack several things into one label.
    fn text_key(&self, key: &Scalar) -> Result<(), Refusal> {
        if let Scalar::Function { function, args } = key {
            let from_start = matches!(args.get(1), Some(Scalar::Literal(value)) if is_one(value));
            let allowed = match function.name() {
                "character_length" | "length" | "ltrim" | "right" | "rtrim" | "strpos" => false,
                // The same label without its dots; of a label that was put together it could be anything.
                "replace" => matches!(args.first(), Some(Scalar::Column(_))),
                "substr" => from_start,
                _ => true,
            };
            if !allowed {
                let message = format!("`{}` in a group key is not allowed", function.name());
                let hint = "take a prefix: left(x, 3), or substr(x, 1, 3)";
                return Err(refused(&message, hint).at(self.place_of(key)));
            }
        }
        key.children().into_iter().try_for_each(|child| self.text_key(child))
    }

    /// The conditions that choose a value.
    fn conditions_in(&self, value: &Scalar) -> Result<(), Refusal> {
        self.partial(value)?;
        match value {
            Scalar::Case { branches, otherwise } => {
                for (when, then) in branches {
                    self.predicate(when)?;
                    self.conditions_in(then)?;
                }
                otherwise.iter().try_for_each(|otherwise| self.conditions_in(otherwise))
            }
            Scalar::And(_)
            | Scalar::Compare { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => self.predicate(value),
            Scalar::Function { function, args } => {
                measure::disguised(function.name(), args)
                    .iter()
                    .try_for_each(|hidden| self.predicate(hidden))?;
                self.arguments(function.name(), args)?;
                args.iter().try_for_each(|arg| self.conditions_in(arg))
            }
            Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Cast { .. }
            | Scalar::Column(_)
            | Scalar::Literal(_)
            | Scalar::Negative(_) => {
                value.children().into_iter().try_for_each(|child| self.conditions_in(child))
            }
        }
    }

    fn predicate(&self, predicate: &Scalar) -> Result<(), Refusal> {
        match predicate {
            Scalar::And(args) => {
                let differs = |arg: &&Scalar| matches!(arg, Scalar::Compare { op: Operator::NotEq, .. });
                self.chain(args.iter().filter(differs))?;
                args.iter().try_for_each(|arg| self.predicate(arg))
            }
            Scalar::Or(args) => {
                self.chain(arms(args).into_iter())?;
                args.iter().try_for_each(|arg| self.predicate(arg))
            }
            Scalar::Not(arg) | Scalar::Truth { arg, .. } => self.predicate(arg),
            Scalar::Compare { op, left, right } => self.comparison(*op, left, right),
            Scalar::InList { arg, list, .. } => {
                self.list(arg, list.len())?;
                list.iter().try_for_each(|item| self.comparison(Operator::Eq, arg, item))
            }
            Scalar::Like { arg, .. } => match self.columns.grain(arg) {
                Grain::Fine(line) => Err(self.singled_out(arg, &line)),
                Grain::Mixed => Err(self.of_several(arg)),
                Grain::Coarse | Grain::Date(_) => self.conditions_in(arg),
            },
            Scalar::IsNull(arg) => self.conditions_in(arg),
            Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Column(_)
            | Scalar::Function { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_) => self.conditions_in(predicate),
        }
    }

    /// Ranges only, between multiples of the step; two columns of a person may be compared.
    fn comparison(&self, op: Operator, left: &Scalar, right: &Scalar) -> Result<(), Refusal> {
        self.conditions_in(left)?;
        self.conditions_in(right)?;
        let range = matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
        for (side, other) in [(left, right), (right, left)] {
            match (self.columns.grain(side), number(other)) {
                (Grain::Fine(line), Some(end)) if !range || !line.may_be_cut_at(end) => {
                    return Err(self.singled_out(side, &line));
                }
                (Grain::Fine(line), None) if !is_null(other) && !self.is_other_column(side, other) => {
                    return Err(self.singled_out(side, &line));
                }
                (Grain::Mixed, _) if is_null(other) => {}
                (Grain::Mixed, end) => {
                    self.mixed(side, range && end.is_none_or(Ratio::is_round), end, other)?;
                }
                (Grain::Coarse | Grain::Date(_) | Grain::Fine(_), _) => {}
            }
        }
        Ok(())
    }

    /// A condition on an expression that is as fine as a column of single people's values. Shifted, stretched
    /// or written otherwise, it could be cut between any two of them.
    fn mixed(&self, side: &Scalar, fits: bool, end: Option<Ratio>, other: &Scalar) -> Result<(), Refusal> {
        let fine: Vec<Line> = side.columns().into_iter().filter_map(|id| self.columns.line(id)).collect();
        if let ([line], 1) = (fine.as_slice(), side.columns().len()) {
            return Err(self.singled_out(side, line));
        }
        let constant = end.is_none() && (other.columns().is_empty() || self.columns.reads_reference(other));
        if !fits || constant || (!fine.is_empty() && self.shifts(side)) {
            return Err(self.of_several(side));
        }
        Ok(())
    }

    /// Whether something that an analyst can choose is added to an isolating column, or nothing is left of a part:
    /// with what was fixed elsewhere, the sum could be cut anywhere.
    fn shifts(&self, scalar: &Scalar) -> bool {
        let is_fine = |part: &Scalar| part.columns().into_iter().any(|id| self.columns.line(id).is_some());
        let here = match scalar {
            Scalar::Arithmetic { op: Operator::Plus | Operator::Minus, left, right } => {
                !is_fine(left) || !is_fine(right)
            }
            Scalar::Literal(_) => number(scalar).is_some_and(Ratio::is_zero),
            Scalar::And(_)
            | Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Column(_)
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Negative(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => false,
        };
        here || scalar.children().into_iter().any(|child| self.shifts(child))
    }

    fn of_several(&self, side: &Scalar) -> Refusal {
        let message = "a condition on an expression over several columns, or a root, power or logarithm, may only be a range";
        let hint = "compare it by <, <=, > or >= with a number that has at most two digits apart from zeros, such as 1500, 25 or 0.15, and add no number in it";
        refused(message, hint).at(self.place_of(side))
    }

    /// Whether both are columns of records, and not the same: those of a person may be compared.
    fn is_other_column(&self, side: &Scalar, other: &Scalar) -> bool {
        let bare = |scalar: &Scalar| matches!(scalar, Scalar::Column(_) | Scalar::Cast { .. });
        let stored = measure::is_own(other, &self.columns)
            && !self.columns.reads_reference(other)
            && matches!(self.columns.grain(other), Grain::Fine(_));
        bare(side) && bare(other) && stored && side.columns() != other.columns()
    }

    /// A chain of conditions on the same columns is a list in other words.
    fn chain<'s>(&self, conditions: impl Iterator<Item = &'s Scalar>) -> Result<(), Refusal> {
        let most = usize::try_from(self.rules.max_list).unwrap_or(usize::MAX);
        let mut lists: BTreeMap<BTreeSet<ColumnId>, Vec<&Scalar>> = BTreeMap::new();
        for condition in conditions {
            let list = lists.entry(condition.columns()).or_default();
            if list.len() <= most && !list.contains(&condition) {
                list.push(condition);
            }
        }
        let check = |list: Vec<&Scalar>| match list.first() {
            Some(condition) => self.list(condition, list.len()),
            None => Ok(()),
        };
        lists.into_values().try_for_each(check)
    }

    fn list(&self, arg: &Scalar, length: usize) -> Result<(), Refusal> {
        let most = usize::try_from(self.rules.max_list).unwrap_or(usize::MAX);
        let codes = |id| self.columns.info(id).is_some_and(|info| info.code);
        if length <= most || arg.columns().into_iter().all(codes) {
            return Ok(());
        }
        let message = format!(
            "a list of more than {most} values of `{}` is not allowed: it is no column of codes",
            self.name_of(arg)
        );
        Err(refused(&message, "write a range, or a shorter list").at(self.place_of(arg)))
    }

    /// A code is looked up by a column that is no isolating one. A table that the analyst brought is a list.
    fn look_up(&self, predicate: &Scalar, reference: &Reference) -> Result<(), Refusal> {
        let Scalar::Compare { left, right, .. } = predicate else {
            return self.predicate(predicate);
        };
        for side in [left, right] {
            self.conditions_in(side)?;
            match self.columns.grain(side) {
                Grain::Fine(line) => return Err(self.singled_out(side, &line)),
                Grain::Mixed if !self.columns.reads_reference(side) => return Err(self.of_several(side)),
                Grain::Date(grain)
                    if grain < self.rules.date_grain && !self.columns.reads_reference(side) =>
                {
                    let refusal = refused("a look-up of single days is not allowed", "look up months");
                    return Err(refusal.at(self.place_of(side)));
                }
                Grain::Coarse | Grain::Date(_) | Grain::Mixed => {}
            }
            if !side.columns().is_subset(&reference.columns()) {
                self.list(side, reference.constants())?;
            }
        }
        Ok(())
    }

    pub(super) fn singled_out(&self, arg: &Scalar, line: &Line) -> Refusal {
        let name = self.name_of(arg);
        let message = format!(
            "`{name}` has a value of its own for most people, so that a condition on it could single one out"
        );
        let hint = match line.step() {
            Some(step) => {
                format!("ask for ranges by <, <=, >, >= or BETWEEN whose ends are multiples of {step}")
            }
            None => "leave the condition out; the operator can declare a step for the column".to_owned(),
        };
        refused(&message, &hint).at(self.place_of(arg))
    }

    fn band_hint(&self, key: &Scalar, line: &Line) -> String {
        let name = self.name_of(key);
        match line.step() {
            Some(Step::Number { units, scale }) => {
                let step = Step::Number { units, scale };
                let by = width(key).and_then(|width| line.nearest(width)).unwrap_or(step);
                format!("group by bands: floor({name} / {by}) * {by}, or a multiple of {step}")
            }
            Some(Step::Date(grain)) => format!("group by date_trunc('{}', {name})", grain.name()),
            None => "group by something else; the operator can declare a step for the column".to_owned(),
        }
    }

    /// The column that an expression is about, as the analyst names it.
    pub(super) fn name_of(&self, scalar: &Scalar) -> String {
        let origin = self.origins(scalar).into_iter().next().unwrap_or_default();
        origin.rsplit('.').next().unwrap_or_default().to_owned()
    }

    pub(super) fn place_of(&self, scalar: &Scalar) -> Option<crate::model::Position> {
        self.positions.column_anywhere(&self.name_of(scalar))
    }
}

/// What chooses people or records of a frontier: WHERE, FILTER and the branches of CASE.
fn conditions(frontier: &Frontier) -> impl Iterator<Item = &Scalar> {
    let statistics = frontier.statistics.iter().flat_map(|statistic| {
        statistic.filter.iter().chain(statistic.branches.iter().map(|branch| &branch.predicate))
    });
    frontier.input.conditions().into_iter().chain(statistics)
}

/// What a profile says of plans.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) columns_only: bool,
    pub(crate) date_grain: DateGrain,
    pub(crate) forbidden_crossings: Vec<Vec<String>>,
    pub(crate) geography_grain: GeographyLevel,
    /// Whether there is a budget against reconstruction.
    pub(crate) has_budget: bool,
    pub(crate) max_dimensions: u32,
    pub(crate) max_list: u32,
}

impl Rules {
    /// What a profile demands of plans.
    pub(crate) fn of(profile: &Profile) -> Self {
        Self {
            columns_only: profile.expressions() == Expressions::ColumnsOnly,
            date_grain: profile.date_grain(),
            forbidden_crossings: profile.forbidden_crossings().to_vec(),
            geography_grain: profile.geography_grain(),
            has_budget: profile.has_budget(),
            max_dimensions: profile.max_dimensions(),
            max_list: profile.max_list(),
        }
    }
}

pub(super) fn refused(message: &str, hint: &str) -> Refusal {
    Refusal::new(Code::ExpressionNotAllowed, message, hint)
}

/// What an expression divides by: the width of the classes that were meant.
fn width(scalar: &Scalar) -> Option<Ratio> {
    if let Scalar::Arithmetic { op: Operator::Divide, right, .. } = scalar {
        return number(right);
    }
    scalar.children().into_iter().find_map(width)
}

/// The conditions of a disjunction, those of disjunctions in it among them.
fn arms(args: &[Scalar]) -> Vec<&Scalar> {
    let mut found = Vec::new();
    for arg in args {
        if let Scalar::Or(args) = arg { found.extend(arms(args)) } else { found.push(arg) }
    }
    found
}

fn is_null(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Literal(value) if value.is_null())
}

fn is_one(value: &ScalarValue) -> bool {
    matches!(value.cast_to(&DataType::Int64), Ok(ScalarValue::Int64(Some(1))))
}
