//! What a profile says of rounding, of places and of small changes.

use sekisho_model::Rounding;

/// What holds in areas where few people live, for data whose manifest says how many do.
///
/// Source of the default: NDB guideline on publication, municipalities.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Areas {
    /// An area of fewer inhabitants than this shows nothing; 0 switches it off.
    pub(crate) nothing_below: u64,
    /// In an area of fewer inhabitants than this, `minimum_count` holds; 0 switches it off.
    pub(crate) few_below: u64,
    /// Fewest people behind a number of such an area.
    pub(crate) minimum_count: u32,
}

impl Areas {
    /// Municipalities of the NDB guideline.
    pub(super) const NDB: Self = Self { nothing_below: 2_000, few_below: 25_000, minimum_count: 20 };

    /// Whether the second limit lies above the first, or is off.
    pub(super) fn is_sound(&self) -> bool {
        self.few_below == 0 || (self.nothing_below <= self.few_below && self.minimum_count > 0)
    }
}

/// Fewest people of a number for which a way of rounding does not show nobody.
pub(super) fn fewest_people(rounding: Rounding) -> u32 {
    match rounding {
        Rounding::None | Rounding::MidpointSix => 1,
        Rounding::Five => 3,
        Rounding::Keyed | Rounding::Ten => 5,
    }
}

/// A grain of dates by its name.
pub(super) mod grain {
    use sekisho_model::DateGrain;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DateGrain, D::Error> {
        let name = String::deserialize(deserializer)?;
        let grain = DateGrain::ALL.into_iter().find(|grain| grain.name() == name);
        grain.ok_or_else(|| {
            D::Error::custom("`date_grain` is \"day\", \"week\", \"month\", \"quarter\" or \"year\"")
        })
    }

    pub(in super::super) fn serialize<S: Serializer>(
        grain: &DateGrain,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(grain.name())
    }
}

/// A level of geography by its name.
pub(super) mod geography {
    use sekisho_model::GeographyLevel;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<GeographyLevel, D::Error> {
        GeographyLevel::named(&String::deserialize(deserializer)?).ok_or_else(|| {
            D::Error::custom(
                "`geography_grain` is \"small-area\", \"municipality\", \"district\", \"province\" or \"country\"",
            )
        })
    }

    pub(in super::super) fn serialize<S: Serializer>(
        level: &GeographyLevel,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(level.name())
    }
}

/// A way of rounding by its name.
pub(super) mod rounding {
    use sekisho_model::Rounding;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Rounding, D::Error> {
        Rounding::named(&String::deserialize(deserializer)?).ok_or_else(|| {
            D::Error::custom("`rounding` is \"none\", \"5\", \"midpoint-6\", \"keyed\" or \"10\"")
        })
    }

    pub(in super::super) fn serialize<S: Serializer>(
        rounding: &Rounding,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(rounding.name())
    }
}

/// What a small change must not show, by its name.
pub(super) mod change {
    use sekisho_model::SmallChange;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SmallChange, D::Error> {
        SmallChange::named(&String::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("`on_small_change` is \"earlier\" or \"blank\""))
    }

    pub(in super::super) fn serialize<S: Serializer>(
        change: &SmallChange,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(change.name())
    }
}
