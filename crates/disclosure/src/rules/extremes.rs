//! Extremes: withheld unless the profile says `kth`; then the minimum-th person's own extreme is shown,
//! snapped towards the middle, and withheld where fewer than minimum people are on either side of it.
//!
//! A maximum is one person's value. The k-th largest of people's own maxima is exceeded or reached by k of
//! them, and rounding down can only add to those. Source: ACRO (no minima and maxima); the k-th value as
//! in Aircloak and pg_diffix.

/// The value of the person who is `minimum`-th from the end, among each person's own extreme.
pub(super) fn kth(mut own: Vec<i128>, largest: bool, minimum: u32) -> Option<i128> {
    let place = usize::try_from(minimum).ok()?.checked_sub(1)?;
    if place >= own.len() {
        return None;
    }
    let compare = |left: &i128, right: &i128| if largest { right.cmp(left) } else { left.cmp(right) };
    let (_, at, _) = own.select_nth_unstable_by(place, compare);
    Some(*at)
}

#[cfg(test)]
mod tests {
    use super::kth;

    #[test]
    fn it_is_the_value_of_the_kth_person() {
        let own = || vec![3, 100, 2, 50, 1];
        assert_eq!((kth(own(), true, 1), kth(own(), true, 3)), (Some(100), Some(3)));
        assert_eq!((kth(own(), false, 1), kth(own(), false, 3)), (Some(1), Some(3)));
    }

    #[test]
    fn fewer_people_than_the_minimum_have_none() {
        assert_eq!(kth(vec![7; 9], true, 10), None);
        assert_eq!(kth(vec![7; 10], true, 10), Some(7));
        assert_eq!(kth(vec![7; 10], true, 0), None);
    }
}
