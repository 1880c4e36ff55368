//! How a profile reads in the catalogue: each rule as a sentence.

use sekisho_model::{Rounding, SmallChange};

use super::{Areas, Comparator, Dominance, Expressions, Extremes, Profile, Zeros};

/// What a release is judged beside.
const EVERY_RESULT: &str =
    "every result that was released of the dataset, in any project over it, counts as one of the others";

pub(super) fn rules_in_words(profile: &Profile) -> Vec<String> {
    let count = profile.minimum_count;
    let mut rules = vec![
        format!("a number is withheld where fewer than {count} people stand behind it"),
        format!("a sum is withheld where fewer than {count} people contribute something other than zero"),
        format!(
            "a condition inside a statistic is withheld where fewer than {count} people meet it, or fail it"
        ),
    ];
    if profile.minimum_units > 1 {
        let units = profile.minimum_units;
        rules.push(format!("a number is withheld where fewer than {units} institutions stand behind it"));
    }
    rules.extend(of_areas(&profile.areas));
    rules.push(match profile.zeros {
        Zeros::Allowed => format!(
            "a number over nobody is shown as zero in a FILTER or CASE of a group that is shown, for a sensitive \
             value that was asked for and a code of a code table, where {count} people or more could have had \
             it; elsewhere it is withheld"
        ),
        Zeros::Withheld => "a number over nobody is withheld".to_owned(),
    });
    rules.extend(profile.dominances().map(dominance));
    if profile.p_permille > 0 {
        rules.push(format!(
            "a sum is withheld where it bounds its largest contribution to within {}",
            percent(profile.p_permille)
        ));
    }
    rules.extend(of_forms(profile));
    rules.push(format!(
        "a number about people with a value of a column marked sensitive is withheld where fewer than {count} \
         people of the same group do not have it"
    ));
    rules.push(format!(
        "a number is withheld where the others of the same result would give a withheld one away, or a \
         combination of them that concerns fewer than {count} people"
    ));
    if profile.minimum_interval > 0 {
        rules.push(format!(
            "a number is withheld where the others of the same result would leave a withheld sum open by less than \
             {} of it on either side, or a withheld count of few people by less than from 1 to {}",
            percent(profile.minimum_interval),
            count.saturating_sub(1)
        ));
    }
    rules.extend([EVERY_RESULT, small_change(profile)].map(str::to_owned));
    if profile.has_budget() {
        rules.push(format!(
            "a number is withheld where all that was released of one column of codes, or one confidential \
             column, would together come closer than {} to one person's value",
            percent(profile.max_leverage)
        ));
    }
    rules.push("a group without a number that may be shown is absent".to_owned());
    rules.extend(rounding(profile.rounding).map(str::to_owned));
    rules.extend(of_plans(profile));
    rules
}

/// Rules for places, where it is known how many people live in them.
fn of_areas(areas: &Areas) -> Vec<String> {
    let Areas { nothing_below, few_below, minimum_count } = *areas;
    let nothing = format!("a number about areas in which fewer than {nothing_below} people live is withheld");
    let few = format!(
        "a number about areas in which fewer than {few_below} people live is withheld where fewer than \
         {minimum_count} people stand behind it"
    );
    let rules = [(nothing_below, nothing), (few_below, few)];
    rules.into_iter().filter(|(limit, _)| *limit > 0).map(|(_, rule)| rule).collect()
}

/// What happens where few people left the dataset.
fn small_change(profile: &Profile) -> &'static str {
    match profile.on_small_change {
        SmallChange::Blank => {
            "after few people left the dataset, a number is withheld that would differ by them from an earlier one"
        }
        SmallChange::Earlier => {
            "after few people left the dataset, the same question has the earlier answer, and a number is withheld \
             that would complete a combination of earlier ones, wherever those who left were"
        }
    }
}

/// What rounding does to a number, if anything.
fn rounding(rounding: Rounding) -> Option<&'static str> {
    match rounding {
        Rounding::None => None,
        Rounding::Five => Some(
            "counts are rounded to multiples of 5 and sums as coarsely, totals are sums of rounded cells, means \
             are quotients of these, and other statistics have three digits",
        ),
        Rounding::Ten => Some(
            "counts are rounded to multiples of 10 and sums as coarsely, totals are sums of rounded cells, \
             means are quotients of these, and other statistics have three digits",
        ),
        Rounding::MidpointSix => Some(
            "counts are shown as the middle of steps of 6 (3, 9, 15 …) and sums as coarsely, totals are sums of \
             these, means are quotients of these, and other statistics have three digits",
        ),
        Rounding::Keyed => Some(
            "counts are rounded up or down to a multiple of 5 and sums as coarsely, the same people always \
             alike, means are quotients of these, and other statistics have three digits",
        ),
    }
}

/// Rules for statistics that are no sums.
fn of_forms(profile: &Profile) -> [String; 5] {
    let (count, freedom) = (profile.minimum_count, profile.degrees_of_freedom);
    [
        format!(
            "a variance, correlation or regression is withheld where fewer than {freedom} people are left \
             beside what it estimates, where all values are equal or on one line, and where the rules for \
             sums fail for the squared deviations"
        ),
        format!(
            "a quantile is rounded to the column's step or to two significant digits, and withheld where \
             fewer than {count} people are on one side of it, or where two people have so many of the \
             records that it is theirs"
        ),
        format!("a number of distinct values is withheld where fewer than {count} people have one of them"),
        match profile.extremes {
            Extremes::Kth => format!(
                "a minimum or maximum is that of the person who is the {} from the end, rounded",
                ordinal(count)
            ),
            Extremes::Off => "minima and maxima of records are refused".to_owned(),
        },
        match profile.expressions {
            Expressions::All => "aggregates may be of columns and expressions".to_owned(),
            Expressions::ColumnsOnly => "aggregates may be of columns alone".to_owned(),
        },
    ]
}

/// Limits of what may be asked, whatever the records.
fn of_plans(profile: &Profile) -> Vec<String> {
    let mut rules = vec![
        format!(
            "a table may group by {} keys, and dates by {} or coarser",
            profile.max_dimensions,
            profile.date_grain.name()
        ),
        format!("an IN list may have {} constants, unless it is over codes", profile.max_list),
        format!("a table may group by places of the level {} or larger", profile.geography_grain.name()),
    ];
    let crossings = profile.forbidden_crossings.iter();
    rules.extend(crossings.map(|columns| format!("no table may cross {}", columns.join(" and "))));
    rules
}

/// 1st, 2nd, 3rd, 4th …
fn ordinal(number: u32) -> String {
    let teens = matches!(number.checked_rem(100), Some(11..=13));
    let ending = match number.checked_rem(10) {
        Some(1) if !teens => "st",
        Some(2) if !teens => "nd",
        Some(3) if !teens => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn dominance(rule: &Dominance) -> String {
    let who =
        if rule.largest == 1 { "the largest contributor has" } else { "the two largest contributors have" };
    let side = match rule.comparator {
        Comparator::AtLeast => "at least",
        Comparator::MoreThan => "more than",
    };
    format!("a sum is withheld where {who} {side} {} of it", percent(rule.permille))
}

/// Per mille as per cent: 905 is `90.5 %`.
fn percent(permille: u32) -> String {
    match (permille.checked_div(10), permille.checked_rem(10)) {
        (Some(whole), Some(0)) => format!("{whole} %"),
        (Some(whole), Some(tenth)) => format!("{whole}.{tenth} %"),
        _ => format!("{permille} ‰"),
    }
}
