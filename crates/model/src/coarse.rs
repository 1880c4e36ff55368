//! How coarsely numbers and places are shown, and what a small change of the records must not show, each in an order
//! in which a project may only go up.

/// How numbers are rounded before they leave.
///
/// In ascending order of how many counts are shown as the same number.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rounding {
    /// Not at all.
    #[default]
    None,
    /// To the nearest multiple of 5: five counts look alike.
    Five,
    /// To the middle of steps of 6, as OpenSAFELY has it: 1 to 6 is 3, 7 to 12 is 9, and nobody is 0.
    MidpointSix,
    /// Up or down to a multiple of 5, as a key and the people decide: nine counts look alike.
    Keyed,
    /// To the nearest multiple of 10: ten counts look alike.
    Ten,
}

impl Rounding {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::None, Self::Five, Self::MidpointSix, Self::Keyed, Self::Ten];

    /// Its name in profiles and project files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Five => "5",
            Self::MidpointSix => "midpoint-6",
            Self::Keyed => "keyed",
            Self::Ten => "10",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rounding| rounding.name() == name)
    }
}

/// A level of geography.
///
/// In ascending order of size.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum GeographyLevel {
    /// A postcode, a block, a neighbourhood.
    SmallArea,
    /// A municipality, a ward of a large city.
    Municipality,
    /// Several municipalities: a secondary medical area, a county.
    District,
    /// A prefecture, a state, a region.
    Province,
    /// A country.
    Country,
}

impl GeographyLevel {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::SmallArea, Self::Municipality, Self::District, Self::Province, Self::Country];

    /// Its name in manifests, profiles and project files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SmallArea => "small-area",
            Self::Municipality => "municipality",
            Self::District => "district",
            Self::Province => "province",
            Self::Country => "country",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// What happens to the same question, and to nearby ones, where few people left the dataset since it was answered.
///
/// In ascending order of strictness.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SmallChange {
    /// What would differ from an earlier answer by few people is withheld: which numbers these are tells where they
    /// were.
    Blank,
    /// The same question has the earlier answer, and of other numbers those are withheld that complete a combination
    /// of earlier ones, wherever those who left were.
    Earlier,
}

impl SmallChange {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::Blank, Self::Earlier];

    /// Its name in profiles and project files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Earlier => "earlier",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own_and_stands_in_order() {
        for rounding in Rounding::ALL {
            assert_eq!(Rounding::named(rounding.name()), Some(rounding));
        }
        for level in GeographyLevel::ALL {
            assert_eq!(GeographyLevel::named(level.name()), Some(level));
        }
        for change in SmallChange::ALL {
            assert_eq!(SmallChange::named(change.name()), Some(change));
        }
        assert!(Rounding::ALL.is_sorted() && GeographyLevel::ALL.is_sorted() && SmallChange::ALL.is_sorted());
        assert_eq!((Rounding::named("3"), GeographyLevel::named("")), (None, None));
    }
}
