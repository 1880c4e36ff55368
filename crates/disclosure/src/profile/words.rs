//! How a profile reads in the catalogue: each rule as a sentence.

use super::{Comparator, Dominance, Profile, Zeros};

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
    rules.push(match profile.zeros {
        Zeros::Allowed => "a number over nobody is shown".to_owned(),
        Zeros::Withheld => "a number over nobody is withheld".to_owned(),
    });
    rules.extend(profile.dominances().map(dominance));
    if profile.p_permille > 0 {
        rules.push(format!(
            "a sum is withheld where it bounds its largest contribution to within {}",
            percent(profile.p_permille)
        ));
    }
    rules.push(format!(
        "a number is withheld where the others of the same result would give a withheld one away, or a \
         combination of them that concerns fewer than {count} people"
    ));
    rules.push("a group without a number that may be shown is absent".to_owned());
    rules
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
