//! What the argument of a statistic says: whose quantities it adds, and which predicates hide in it.
//!
//! A CASE, a truth value used as a number, LEAST, GREATEST, NULLIF, ABS and SIGN tell people apart like
//! a FILTER does, so that each of their branches is judged as a cell of its own.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;

use crate::algebra::{ColumnId, Scalar, TruthValue};

use super::Columns;
use super::grain::{Ratio, number};

/// What counts a record.
pub(super) fn one() -> Scalar {
    Scalar::Literal(ScalarValue::Int64(Some(1)))
}

/// Functions that an amount may have: those that choose as a CASE does, and parts of a date.
const CHOOSING: [&str; 6] = ["abs", "date_part", "greatest", "least", "nullif", "signum"];

/// Whether every amount is a column, arithmetic of columns and constants, or a choice between such: a
/// function of a value could encode one person's in the digits of a sum.
pub(super) fn is_plain(arg: &Scalar, known: &Columns) -> bool {
    match arg {
        Scalar::Column(id) => known.info(*id).is_some_and(|info| !info.encoded && !info.reference),
        Scalar::Case { branches, otherwise } => branches
            .iter()
            .map(|(_, then)| then)
            .chain(otherwise.as_deref())
            .all(|then| is_plain(then, known)),
        Scalar::Function { function, args } => {
            match function.name() {
                // They are the CASE that stands behind them.
                "greatest" | "least" => args.iter().all(|arg| is_plain(arg, known)),
                name => CHOOSING.contains(&name) && args.iter().all(|arg| is_simple(arg, known)),
            }
        }
        // Integers are divided without a rest: a predicate in disguise.
        Scalar::Arithmetic { op: Operator::Divide, left, right }
            if known.is_integer(left) && known.is_integer(right) && !right.columns().is_empty() =>
        {
            false
        }
        Scalar::Arithmetic { op: Operator::Multiply, left, right } if share(left, right, known) => false,
        Scalar::Arithmetic { .. } | Scalar::Bits { .. } | Scalar::Cast { .. } | Scalar::Negative(_) => {
            arg.children().into_iter().all(|child| is_plain(child, known))
        }
        Scalar::Literal(_)
        | Scalar::And(_)
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => true,
    }
}

/// Whether an amount multiplies a column with itself: a sum of that is a moment, which has rules of its own.
pub(super) fn squares(arg: &Scalar, known: &Columns) -> bool {
    matches!(arg, Scalar::Arithmetic { op: Operator::Multiply, left, right } if share(left, right, known))
        || arg.children().into_iter().any(|child| squares(child, known))
}

/// Whether two amounts are of the same stored column.
fn share(left: &Scalar, right: &Scalar, known: &Columns) -> bool {
    let origins = |scalar: &Scalar| -> BTreeSet<String> {
        let of = |id| known.info(id).map(|info| info.origins.clone()).unwrap_or_default();
        values(scalar).into_iter().flat_map(Scalar::columns).flat_map(of).collect()
    };
    !origins(left).is_disjoint(&origins(right))
}

/// What an amount takes its value from: of a CASE what is chosen, not by what.
fn values(arg: &Scalar) -> Vec<&Scalar> {
    match arg {
        Scalar::Case { branches, otherwise } => {
            branches.iter().map(|(_, then)| then).chain(otherwise.as_deref()).flat_map(values).collect()
        }
        Scalar::Arithmetic { .. } | Scalar::Cast { .. } | Scalar::Function { .. } | Scalar::Negative(_) => {
            arg.children().into_iter().flat_map(values).collect()
        }
        Scalar::Column(_) => vec![arg],
        Scalar::And(_)
        | Scalar::Bits { .. }
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Literal(_)
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => Vec::new(),
    }
}

/// Most terms of one amount.
const MOST_TERMS: usize = 64;

/// The terms that an amount adds up, constants among them, each where its branch is taken; `None` if there are
/// too many. In the digits of a sum several terms could be read side by side, so each is judged by itself.
pub(super) fn terms(arg: &Scalar, known: &Columns) -> Option<Vec<Scalar>> {
    let whole = || Some(vec![arg.clone()]);
    let found: Vec<Scalar> = match arg {
        Scalar::Arithmetic { op: Operator::Minus, left, right }
            if known.is_date(left) && known.is_date(right) =>
        {
            return days(left, right).map_or_else(whole, |days| terms(&days, known));
        }
        Scalar::Arithmetic { op: Operator::Plus | Operator::Minus, left, right } => {
            terms(left, known)?.into_iter().chain(terms(right, known)?).collect()
        }
        Scalar::Arithmetic { op: Operator::Multiply, left, right } => {
            let (left, right) = (terms(left, known)?, terms(right, known)?);
            let pairs = left.iter().flat_map(|one| right.iter().map(move |other| (one, other)));
            let product =
                |(one, other): (&Scalar, &Scalar)| arithmetic(Operator::Multiply, one.clone(), other.clone());
            pairs.take(MOST_TERMS + 1).map(product).collect()
        }
        Scalar::Arithmetic { op: Operator::Divide, left, right } => {
            let over = |term| arithmetic(Operator::Divide, term, right.as_ref().clone());
            terms(left, known)?.into_iter().map(over).collect()
        }
        Scalar::Case { branches, otherwise } => {
            let (mut taken, mut found) = (Vec::new(), Vec::new());
            for (when, then) in branches {
                let here = first_of(&taken, when);
                taken.push(when.clone());
                found.extend(terms(then, known)?.into_iter().map(|term| taken_here(&here, term)));
            }
            let rest = first_of(&taken, &Scalar::truth());
            if let Some(otherwise) = otherwise {
                found.extend(terms(otherwise, known)?.into_iter().map(|term| taken_here(&rest, term)));
            }
            found
        }
        Scalar::Function { function, args } => {
            return chosen(function.name(), args).map_or_else(whole, |case| terms(&case, known));
        }
        Scalar::Cast { arg: inner, to } if !to.is_integer() || known.is_integer(inner) => {
            let cast = |term| Scalar::Cast { arg: Box::new(term), to: to.clone() };
            terms(inner, known)?.into_iter().map(cast).collect()
        }
        Scalar::Column(id) => return column_terms(*id, known).map_or_else(whole, Some),
        Scalar::Negative(inner) => terms(inner, known)?,
        Scalar::And(_)
        | Scalar::Arithmetic { .. }
        | Scalar::Bits { .. }
        | Scalar::Cast { .. }
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Literal(_)
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => return whole(),
    };
    (found.len() <= MOST_TERMS).then_some(found)
}

/// What is added in a column: in each arm of a UNION something else, or several numbers of a person.
fn column_terms(id: ColumnId, known: &Columns) -> Option<Vec<Scalar>> {
    let info = known.info(id)?;
    let of_arm = |arm| taken_here(arm, Scalar::Column(id));
    if info.arms.is_empty() {
        return (!info.terms.is_empty()).then(|| info.terms.clone());
    }
    Some(info.arms.iter().map(of_arm).collect())
}

/// Most values that GREATEST and LEAST choose from in an amount.
const MOST_CHOSEN: usize = 6;

/// GREATEST and LEAST as the CASE that they are: NULL is never chosen.
pub(super) fn chosen(name: &str, args: &[Scalar]) -> Option<Scalar> {
    let op = match name {
        "greatest" => Operator::GtEq,
        "least" => Operator::LtEq,
        _ => return None,
    };
    let is_first = |place: usize, arg: &Scalar| {
        let others = args.iter().enumerate().filter(|(other, _)| *other != place);
        let beats = |(_, other): (usize, &Scalar)| {
            let (left, right) = (Box::new(arg.clone()), Box::new(other.clone()));
            Scalar::Or(vec![Scalar::IsNull(right.clone()), Scalar::Compare { op, left, right }])
        };
        Scalar::And(std::iter::once(Scalar::is_present(arg.clone())).chain(others.map(beats)).collect())
    };
    let arms = args.iter().enumerate().map(|(place, arg)| (is_first(place, arg), arg.clone()));
    (args.len() <= MOST_CHOSEN).then(|| Scalar::Case { branches: arms.collect(), otherwise: None })
}

/// What the values of a choice are above a constant of it: whoever has the sum and the number of people has the
/// sum of what is above.
fn above_constants(arg: &Scalar, known: &Columns) -> Vec<Scalar> {
    match arg {
        Scalar::Function { function, args } => {
            chosen(function.name(), args).map(|case| above_constants(&case, known)).unwrap_or_default()
        }
        Scalar::Case { branches, otherwise } => {
            let values = || branches.iter().map(|(_, then)| then).chain(otherwise.as_deref());
            let constants: Vec<&Scalar> =
                values().filter(|value| number(value).is_some_and(|number| !number.is_zero())).collect();
            let mut taken = Vec::new();
            let mut arms: Vec<(Scalar, &Scalar)> = Vec::new();
            for (when, then) in branches {
                arms.push((first_of(&taken, when), then));
                taken.push(when.clone());
            }
            arms.extend(otherwise.iter().map(|then| (first_of(&taken, &Scalar::truth()), then.as_ref())));
            let mut found = Vec::new();
            for (here, then) in
                arms.into_iter().filter(|(_, then)| !is_constant(then) && known.is_number(then))
            {
                let above = constants.iter().map(|constant| {
                    taken_here(&here, arithmetic(Operator::Minus, then.clone(), (*constant).clone()))
                });
                found.extend(above.take(MOST_TERMS));
                let inner = above_constants(then, known);
                found.extend(inner.into_iter().map(|value| taken_here(&here, value)));
            }
            found
        }
        Scalar::Arithmetic { .. } | Scalar::Cast { .. } | Scalar::Negative(_) => {
            arg.children().into_iter().flat_map(|child| above_constants(child, known)).collect()
        }
        Scalar::And(_)
        | Scalar::Bits { .. }
        | Scalar::Column(_)
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Literal(_)
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => Vec::new(),
    }
}

/// The days between two dates of which one is chosen by a CASE, as a CASE of days.
fn days(left: &Scalar, right: &Scalar) -> Option<Scalar> {
    let chosen = |case: &Scalar, days: &dyn Fn(&Scalar) -> Scalar| {
        let Scalar::Case { branches, otherwise } = case else { return None };
        let branches = branches.iter().map(|(when, then)| (when.clone(), days(then))).collect();
        Some(Scalar::Case { branches, otherwise: otherwise.as_ref().map(|date| Box::new(days(date))) })
    };
    let minus = |left: &Scalar, right: &Scalar| arithmetic(Operator::Minus, left.clone(), right.clone());
    chosen(left, &|date| minus(date, right)).or_else(|| chosen(right, &|date| minus(left, date)))
}

/// Two numbers by an operator.
pub(super) fn arithmetic(op: Operator, left: Scalar, right: Scalar) -> Scalar {
    Scalar::Arithmetic { op, left: Box::new(left), right: Box::new(right) }
}

/// A term, where a branch is taken.
pub(super) fn taken_here(here: &Scalar, term: Scalar) -> Scalar {
    if is_nothing(&term) {
        return term;
    }
    Scalar::Case { branches: vec![(here.clone(), term)], otherwise: None }
}

/// Whether a term is nothing.
fn is_nothing(term: &Scalar) -> bool {
    match term {
        Scalar::Literal(value) => value.is_null() || number(term).is_some_and(Ratio::is_zero),
        Scalar::Cast { arg, .. } | Scalar::Negative(arg) => is_nothing(arg),
        Scalar::Arithmetic { op: Operator::Multiply, left, right } => is_nothing(left) || is_nothing(right),
        Scalar::Arithmetic { op: Operator::Divide, left, .. } => is_nothing(left),
        Scalar::And(_)
        | Scalar::Arithmetic { .. }
        | Scalar::Bits { .. }
        | Scalar::Case { .. }
        | Scalar::Column(_)
        | Scalar::Compare { .. }
        | Scalar::Function { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => false,
    }
}

/// The terms to judge beside the amount as a whole, and the exact sums behind them; `None` if there are too
/// many. A constant that is added counts the records.
pub(super) fn implied(arg: &Scalar, known: &Columns) -> Option<Vec<Scalar>> {
    let terms = real_terms(arg, known)?;
    let there = Scalar::is_present(arg.clone());
    let counted = |term: Scalar| if term.columns().is_empty() { taken_here(&there, term) } else { term };
    let mut behind: Vec<Scalar> = terms.iter().flat_map(|term| known.behind(term)).collect();
    behind.extend(above_constants(arg, known));
    let several = terms.len() > 1;
    let mut implied: Vec<Scalar> = terms.into_iter().filter(|_| several).map(counted).collect();
    for sum in behind {
        if sum != *arg && !implied.contains(&sum) {
            implied.push(sum);
        }
    }
    (implied.len() <= MOST_TERMS).then_some(implied)
}

/// The terms that are not nothing; `None` if there are too many.
fn real_terms(arg: &Scalar, known: &Columns) -> Option<Vec<Scalar>> {
    let mut terms = terms(arg, known)?;
    terms.retain(|term| !is_nothing(term));
    Some(terms)
}

/// An amount without the constants that the analyst put among the values of records; `None` where they cannot
/// be told apart any more.
pub(super) fn own(arg: &Scalar, known: &Columns) -> Option<Scalar> {
    match arg {
        Scalar::Literal(value) => ScalarValue::try_from(&value.data_type()).ok().map(Scalar::Literal),
        Scalar::Column(id) => known.info(*id).is_some_and(|info| !info.made).then(|| arg.clone()),
        Scalar::Case { branches, otherwise } => {
            let own_of = |(when, then): &(Scalar, Scalar)| Some((when.clone(), own(then, known)?));
            let branches = branches.iter().map(own_of).collect::<Option<_>>()?;
            let otherwise = match otherwise {
                Some(otherwise) => Some(Box::new(own(otherwise, known)?)),
                None => None,
            };
            Some(Scalar::Case { branches, otherwise })
        }
        Scalar::Cast { arg: inner, to } => {
            Some(Scalar::Cast { arg: Box::new(own(inner, known)?), to: to.clone() })
        }
        Scalar::Negative(inner) => own(inner, known).map(|inner| Scalar::Negative(Box::new(inner))),
        // A constant beside a value shifts or scales it, and one that is compared is no value.
        Scalar::Arithmetic { .. } | Scalar::Bits { .. } | Scalar::Function { .. } => {
            let plain = |child: &&Scalar| matches!(child, Scalar::Literal(_)) || is_own(child, known);
            let chooses = matches!(arg, Scalar::Function { function, args }
                if ["greatest", "least"].contains(&function.name())
                    && args.iter().any(|arg| matches!(arg, Scalar::Literal(_))));
            (!chooses && arg.children().iter().all(plain)).then(|| arg.clone())
        }
        Scalar::And(_)
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => None,
    }
}

/// Whether all that an amount takes are constants.
pub(super) fn is_constant(arg: &Scalar) -> bool {
    match arg {
        Scalar::Literal(_) => true,
        Scalar::Case { branches, otherwise } => {
            branches.iter().map(|(_, then)| then).chain(otherwise.as_deref()).all(is_constant)
        }
        Scalar::Cast { arg, .. } | Scalar::Negative(arg) => is_constant(arg),
        Scalar::And(_)
        | Scalar::Arithmetic { .. }
        | Scalar::Bits { .. }
        | Scalar::Column(_)
        | Scalar::Compare { .. }
        | Scalar::Function { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => false,
    }
}

/// Whether no constant of the analyst is among the values of an amount.
pub(super) fn is_own(arg: &Scalar, known: &Columns) -> bool {
    own(arg, known).is_some_and(|own| own == *arg)
}

/// Whether an amount is plain and has a single term: what is computed from it elsewhere holds nothing beside.
pub(super) fn is_simple(arg: &Scalar, known: &Columns) -> bool {
    is_plain(arg, known) && real_terms(arg, known).is_some_and(|terms| terms.len() <= 1)
}

/// The predicates in `arg` that decide who counts for how much.
///
/// What was decided further below, when a person's value was computed, is among them.
pub(super) fn branches(arg: &Scalar, known: &Columns) -> Vec<Scalar> {
    let mut found = Vec::new();
    collect(arg, known, &mut found);
    found.dedup();
    found
}

fn collect(scalar: &Scalar, known: &Columns, found: &mut Vec<Scalar>) {
    // Who has no value is one side of it.
    found.extend(known.without_value(scalar));
    match scalar {
        Scalar::Case { branches: cases, otherwise } => {
            let mut taken = Vec::new();
            for (when, then) in cases {
                let here = first_of(&taken, when);
                taken.push(when.clone());
                found.extend(branches_within(&here, then, known));
                found.push(here);
            }
            let rest = first_of(&taken, &Scalar::truth());
            found.extend(otherwise.iter().flat_map(|otherwise| branches_within(&rest, otherwise, known)));
        }
        Scalar::And(_)
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => found.push(scalar.clone()),
        Scalar::Function { function, args } => {
            found.extend(disguised(function.name(), args));
            args.iter().for_each(|arg| collect(arg, known, found));
        }
        Scalar::Column(id) => {
            found.extend(known.info(*id).into_iter().flat_map(|info| info.branches.iter().cloned()));
        }
        Scalar::Arithmetic { op: Operator::Multiply | Operator::Divide, left, right } => {
            // A product tells apart who takes a branch in both of its factors.
            let (left, right) = (branches(left, known), branches(right, known));
            for one in &left {
                found.extend(right.iter().map(|other| Scalar::And(vec![one.clone(), other.clone()])));
            }
            found.extend(left.into_iter().chain(right));
        }
        Scalar::Arithmetic { .. }
        | Scalar::Bits { .. }
        | Scalar::Cast { .. }
        | Scalar::Literal(_)
        | Scalar::Negative(_) => {
            scalar.children().into_iter().for_each(|child| collect(child, known, found));
        }
    }
}

/// The branches of a value that is only taken `here`.
fn branches_within(here: &Scalar, value: &Scalar, known: &Columns) -> Vec<Scalar> {
    let inner = branches(value, known).into_iter();
    inner.map(|branch| Scalar::And(vec![here.clone(), branch])).collect()
}

/// `when`, where none of `taken` was.
pub(super) fn first_of(taken: &[Scalar], when: &Scalar) -> Scalar {
    if taken.is_empty() {
        return when.clone();
    }
    let untaken = |earlier: &Scalar| {
        Scalar::Not(Box::new(Scalar::Truth { arg: Box::new(earlier.clone()), is: TruthValue::True }))
    };
    Scalar::And(taken.iter().map(untaken).chain([when.clone()]).collect())
}

/// Functions that choose between values as CASE does.
pub(super) fn disguised(name: &str, args: &[Scalar]) -> Vec<Scalar> {
    let compare = |op, left: &Scalar, right: &Scalar| Scalar::Compare {
        op,
        left: Box::new(left.clone()),
        right: Box::new(right.clone()),
    };
    // Who has neither more nor less is in neither: each side is a cell.
    let sides =
        |left: &Scalar, right: &Scalar| [Operator::Gt, Operator::Lt].map(|op| compare(op, left, right));
    match (name, args) {
        ("abs" | "signum", [arg]) => {
            let number = |arg: Scalar| Scalar::Cast { arg: Box::new(arg), to: DataType::Float64 };
            let zero = number(Scalar::Literal(ScalarValue::Int64(Some(0))));
            sides(&number(arg.clone()), &zero).to_vec()
        }
        ("nullif", [left, right]) => vec![compare(Operator::Eq, left, right)],
        ("greatest" | "least", [first, rest @ ..]) => {
            rest.iter().flat_map(|other| sides(first, other)).collect()
        }
        _ => Vec::new(),
    }
}
