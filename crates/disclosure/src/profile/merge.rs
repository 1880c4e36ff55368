//! What a project may change of its profile: it may be stricter, never laxer.

use sekisho_model::Stricter;

use super::{Expressions, Extremes, Profile, Zeros};
use crate::Error;

/// The profile with what a project adds, not validated yet.
pub(super) fn stricter(profile: &Profile, project: &Stricter) -> Result<Profile, Error> {
    let Stricter {
        minimum_count,
        minimum_units,
        withhold_zeros,
        dominance_permille,
        p_permille,
        degrees_of_freedom,
        withhold_extremes,
        max_dimensions,
        max_list,
        date_grain,
        columns_only,
        forbidden_crossings,
    } = project;
    let mut merged = profile.clone();
    merged.minimum_count = at_least(profile.minimum_count, *minimum_count, "minimum_count")?;
    merged.minimum_units = at_least(profile.minimum_units, *minimum_units, "minimum_units")?;
    merged.p_permille = at_least(profile.p_permille, *p_permille, "p_permille")?;
    merged.dominance.permille =
        at_most(profile.dominance.permille, *dominance_permille, "dominance_permille")?;
    merged.degrees_of_freedom =
        at_least(profile.degrees_of_freedom, *degrees_of_freedom, "degrees_of_freedom")?;
    merged.max_dimensions = at_most(profile.max_dimensions, *max_dimensions, "max_dimensions")?;
    merged.max_list = at_most(profile.max_list, *max_list, "max_list")?;
    merged.date_grain = at_least(profile.date_grain, *date_grain, "date_grain")?;
    if switched_on(profile.zeros == Zeros::Withheld, *withhold_zeros, "withhold_zeros")? {
        merged.zeros = Zeros::Withheld;
    }
    if switched_on(profile.extremes == Extremes::Off, *withhold_extremes, "withhold_extremes")? {
        merged.extremes = Extremes::Off;
    }
    if switched_on(profile.expressions == Expressions::ColumnsOnly, *columns_only, "columns_only")? {
        merged.expressions = Expressions::ColumnsOnly;
    }
    merged.forbidden_crossings.extend(forbidden_crossings.iter().cloned());
    Ok(merged)
}

/// A value of which more is stricter.
fn at_least<T: Copy + Ord>(floor: T, asked: Option<T>, field: &'static str) -> Result<T, Error> {
    match asked {
        Some(value) if value < floor => Err(Error::LaxerThanProfile { field }),
        Some(value) => Ok(value),
        None => Ok(floor),
    }
}

/// A value of which less is stricter.
fn at_most<T: Copy + Ord>(ceiling: T, asked: Option<T>, field: &'static str) -> Result<T, Error> {
    match asked {
        Some(value) if value > ceiling => Err(Error::LaxerThanProfile { field }),
        Some(value) => Ok(value),
        None => Ok(ceiling),
    }
}

/// A rule that is on or off.
fn switched_on(on: bool, asked: Option<bool>, field: &'static str) -> Result<bool, Error> {
    match asked {
        Some(false) if on => Err(Error::LaxerThanProfile { field }),
        Some(asked) => Ok(on || asked),
        None => Ok(on),
    }
}
