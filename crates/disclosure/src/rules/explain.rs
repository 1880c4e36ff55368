//! What is said of the rules: to an output checker which rule withholds a cell and why, with the limits of the
//! profile; to an analyst what classes of rules there are, and how to ask so that less is withheld.
//!
//! An analyst is never told which rule, nor which class, withholds a cell: there is one blank. What is said to
//! analysts is the same bytes whatever the records are.

use super::Reason;
use crate::profile::{Areas, Comparator, Dominance, Extremes, Profile};

/// A class of rules, as analysts hear of it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum RuleClass {
    /// Numbers that follow from each other, and from what was released before.
    Combination,
    /// Sums that are nearly one or two people's.
    Concentration,
    /// Numbers over few people, institutions or inhabitants.
    Few,
    /// Numbers that say the same of everybody.
    Sameness,
    /// Numbers that have no exact form.
    Size,
}

impl RuleClass {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Few, Self::Concentration, Self::Sameness, Self::Combination, Self::Size];

    /// What an analyst is told: what the rules are about, and how to ask instead.
    #[must_use]
    pub fn for_analyst(self) -> &'static str {
        match self {
            Self::Few => {
                "a number, a condition in it or what a condition leaves is over too few people, institutions or \
                 inhabitants: group by fewer or coarser keys, and ask for wider ranges and nearer quantiles"
            }
            Self::Concentration => {
                "one or two people are most of a sum or of its deviations: ask for a larger group, a count, or a \
                 measure that is cut into bands"
            }
            Self::Sameness => {
                "nearly everybody of a group has the same value: ask for a larger group, or leave the key out"
            }
            Self::Combination => {
                "a number would follow from others of the result, or of an earlier one, that are withheld or over \
                 too few people: ask for the tables that matter in one job, with the same groups"
            }
            Self::Size => "a number is too large, or has too many digits, to be added up exactly",
        }
    }
}

impl Reason {
    /// All of them, by name.
    pub const ALL: [Self; 21] = [
        Self::Area,
        Self::Branch,
        Self::Budget,
        Self::Class,
        Self::Contributors,
        Self::Crowd,
        Self::DegreesOfFreedom,
        Self::Distinct,
        Self::Dominance,
        Self::Extremes,
        Self::Inexact,
        Self::Leverage,
        Self::Moments,
        Self::PPercent,
        Self::Quantile,
        Self::Secondary,
        Self::Sparse,
        Self::Spread,
        Self::Threshold,
        Self::Units,
        Self::Zero,
    ];

    /// Its name for checkers and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Area => "area",
            Self::Branch => "branch",
            Self::Budget => "budget",
            Self::Class => "class",
            Self::Contributors => "contributors",
            Self::Crowd => "crowd",
            Self::DegreesOfFreedom => "degrees of freedom",
            Self::Distinct => "distinct",
            Self::Dominance => "dominance",
            Self::Extremes => "extremes",
            Self::Inexact => "inexact",
            Self::Leverage => "leverage",
            Self::Moments => "moments",
            Self::PPercent => "p percent",
            Self::Quantile => "quantile",
            Self::Secondary => "secondary",
            Self::Sparse => "sparse",
            Self::Spread => "spread",
            Self::Threshold => "threshold",
            Self::Units => "units",
            Self::Zero => "zero",
        }
    }

    /// The class as which analysts hear of it.
    #[must_use]
    pub fn class(self) -> RuleClass {
        match self {
            Self::Area
            | Self::Branch
            | Self::Contributors
            | Self::DegreesOfFreedom
            | Self::Distinct
            | Self::Extremes
            | Self::Quantile
            | Self::Sparse
            | Self::Threshold
            | Self::Units
            | Self::Zero => RuleClass::Few,
            Self::Crowd | Self::Dominance | Self::Leverage | Self::Moments | Self::PPercent => {
                RuleClass::Concentration
            }
            Self::Class | Self::Spread => RuleClass::Sameness,
            Self::Budget | Self::Secondary => RuleClass::Combination,
            Self::Inexact => RuleClass::Size,
        }
    }

    /// What a checker is told, with the limits of the profile. It says which cells are small: for no analyst.
    #[must_use]
    pub fn for_checker(self, profile: &Profile) -> String {
        let Profile { minimum_count: count, minimum_units: units, degrees_of_freedom: freedom, .. } = profile;
        match self {
            Self::Area => of_areas(&profile.areas),
            Self::Branch => {
                format!(
                    "a FILTER or CASE branch, or what it leaves of its group, is over 1 to {} people",
                    below(*count)
                )
            }
            Self::Budget => format!(
                "with it, what was released of a column would come closer than {} per mille to one person's value",
                profile.max_leverage
            ),
            Self::Class => {
                format!(
                    "fewer than {count} people of the group are without the sensitive value that it tells"
                )
            }
            Self::Contributors => {
                format!("1 to {} people contribute something other than zero", below(*count))
            }
            Self::Crowd => format!("all but 1 to {} people {CROWD}", below(*count)),
            Self::DegreesOfFreedom => {
                format!(
                    "fewer than {freedom} people are left beside the numbers that are estimated from them"
                )
            }
            Self::Distinct => {
                format!("one of the values that are counted is that of 1 to {} people", below(*count))
            }
            Self::Dominance => profile.dominances().map(dominated).collect::<Vec<_>>().join(", or "),
            Self::Extremes => of_extremes(profile.extremes, *count),
            Self::Inexact => INEXACT.to_owned(),
            Self::Leverage => LEVERAGE.to_owned(),
            Self::Moments => MOMENTS.to_owned(),
            Self::PPercent => format!(
                "all but the two largest contributors have less than {} per mille of the largest: X - x1 - x2 < p x1",
                profile.p_permille
            ),
            Self::Quantile => format!(
                "fewer than {count} people are beyond it or on one side of what would be shown, or two people have \
                 most of the records"
            ),
            Self::Secondary => format!(
                "another withheld number, or one over 1 to {} people, would follow from it, or be bounded too closely, \
                 together with others of this result and of earlier ones",
                below(*count)
            ),
            Self::Sparse => format!("some but {SPARSE} of 1 to {} people", below(*count)),
            Self::Spread => SPREAD.to_owned(),
            Self::Threshold => format!("1 to {} people stand behind it", below(*count)),
            Self::Units => {
                format!("the records of it, or of a branch in it, are of fewer than {units} institutions")
            }
            Self::Zero => format!(
                "nobody stands behind it, and zeros are withheld or fewer than {count} people could have been there"
            ),
        }
    }
}

const CROWD: &str =
    "contribute the same, or nearly, or multiples of one number: what is left of the sum is theirs";

const INEXACT: &str = "it has no exact form, so that no rule can vouch for it";

const MOMENTS: &str =
    "one or two people are too much of its squared deviations or products, by dominance or p%";

const LEVERAGE: &str =
    "one or two people are too much of what an estimate of the model stands on, by dominance or p%";

const SPARSE: &str =
    "so few combinations of outcome and covariates, that the estimates would tell their numbers, are";

const SPREAD: &str = "all values are equal, all points lie on one line, or a model has no estimate: its terms cannot be \
                      told apart, or separate its outcomes";

fn below(minimum: u32) -> u32 {
    minimum.saturating_sub(1)
}

fn of_extremes(extremes: Extremes, count: u32) -> String {
    match extremes {
        Extremes::Kth => format!("fewer than {count} people are on one side of the {count}th from the end"),
        Extremes::Off => "it is a minimum or maximum, and so one person's value".to_owned(),
    }
}

fn of_areas(areas: &Areas) -> String {
    let Areas { nothing_below, few_below, minimum_count } = areas;
    format!(
        "in all areas of its records live fewer than {nothing_below} people, or fewer than {few_below} and it is \
         over fewer than {minimum_count} of them"
    )
}

fn dominated(rule: &Dominance) -> String {
    let (who, side) = match (rule.largest, rule.comparator) {
        (1, Comparator::AtLeast) => ("largest contributor has", "at least"),
        (1, Comparator::MoreThan) => ("largest contributor has", "more than"),
        (_, Comparator::AtLeast) => ("two largest contributors have", "at least"),
        (_, Comparator::MoreThan) => ("two largest contributors have", "more than"),
    };
    format!("the {who} {side} {} per mille of it", rule.permille)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Profiles;
    use crate::testing::japan;
    use sekisho_model::Stricter;

    /// The document for inspectors.
    const ARCHITECTURE: &str = include_str!("../../../../ARCHITECTURE.md");

    #[test]
    fn every_rule_has_a_text_of_its_own_for_checkers() {
        for profile in Profiles::built_in().unwrap().iter() {
            let texts: BTreeSet<String> =
                Reason::ALL.iter().map(|reason| reason.for_checker(profile)).collect();
            assert_eq!(texts.len(), Reason::ALL.len(), "{}", profile.name());
        }
        assert!(Reason::ALL.is_sorted());
        assert_eq!(Reason::Threshold.for_checker(&japan()), "1 to 9 people stand behind it");
        let abs = Profiles::built_in().unwrap().get("abs").unwrap().clone();
        let expected = "the largest contributor has more than 500 per mille of it, or the two largest contributors \
                        have more than 670 per mille of it";
        assert_eq!(Reason::Dominance.for_checker(&abs), expected);
    }

    #[test]
    fn a_checkers_text_follows_the_profile_and_an_analysts_does_not() {
        let strict = Stricter { minimum_count: Some(20), ..Stricter::default() };
        let strict = japan().stricter(&strict).unwrap();
        assert_eq!(
            Reason::Contributors.for_checker(&strict),
            "1 to 19 people contribute something other than zero"
        );
        for class in RuleClass::ALL {
            assert!(!class.for_analyst().contains(|c: char| c.is_ascii_digit()), "{class:?}");
            assert!(Reason::ALL.iter().any(|reason| reason.class() == class), "{class:?}");
        }
    }

    #[test]
    fn an_inspector_finds_every_rule_in_the_architecture() {
        for reason in Reason::ALL {
            let mut rows = ARCHITECTURE.lines().map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
            let row = rows.find(|row| row.get(1) == Some(&reason.name())).unwrap();
            let [_, _, file, test, source, _] = row[..] else { panic!("{row:?}") };
            let path =
                |file: &str| format!("{}/src/rules/{}", env!("CARGO_MANIFEST_DIR"), file.trim_matches('`'));
            let text = std::fs::read_to_string(path(file)).expect(file);
            let here = test.contains("::") || text.contains(&format!("fn {}()", test.trim_matches('`')));
            assert!(here && !source.is_empty(), "{row:?}");
        }
    }
}
