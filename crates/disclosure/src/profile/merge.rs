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
        geography_grain,
        rounding,
        areas_nothing_below,
        areas_few_below,
        areas_minimum_count,
        columns_only,
        max_leverage,
        minimum_interval,
        on_small_change,
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
    merged.max_leverage = at_most(profile.max_leverage, *max_leverage, "max_leverage")?;
    merged.minimum_interval = at_least(profile.minimum_interval, *minimum_interval, "minimum_interval")?;
    merged.on_small_change = at_least(profile.on_small_change, *on_small_change, "on_small_change")?;
    merged.date_grain = at_least(profile.date_grain, *date_grain, "date_grain")?;
    merged.geography_grain = at_least(profile.geography_grain, *geography_grain, "geography_grain")?;
    merged.rounding = at_least(profile.rounding, *rounding, "rounding")?;
    let areas = &profile.areas;
    merged.areas.nothing_below = at_least(areas.nothing_below, *areas_nothing_below, "areas_nothing_below")?;
    merged.areas.few_below = at_least(areas.few_below, *areas_few_below, "areas_few_below")?;
    merged.areas.minimum_count = at_least(areas.minimum_count, *areas_minimum_count, "areas_minimum_count")?;
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
