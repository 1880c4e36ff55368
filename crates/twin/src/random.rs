//! Random numbers that follow from a seed, a table and a person, so that the same twin can be made again.

/// A generator (splitmix64: Steele, Lea & Flood 2014). It draws made-up records and protects nothing.
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of a person in a table.
    pub(crate) fn of(seed: u64, table: u64, person: u64) -> Self {
        let mut random = Self(seed);
        for part in [table, person] {
            // Neighbours must not go the same way one step apart.
            random = Self(random.next().wrapping_add(part));
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.next()).wrapping_mul(u128::from(limit)) >> 64;
        u64::try_from(wide).unwrap_or(0)
    }

    /// A number from 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / 4_294_967_296.0
    }

    /// How many records one person of a table has: one or more, `mean` of them on average.
    pub(crate) fn records(&mut self, mean: f64) -> u32 {
        /// Most records of one person in one table.
        const MOST: u32 = 1000;
        let more = 1.0 - 1.0 / mean.max(1.0);
        let mut records = 1;
        while records < MOST && self.unit() < more {
            records += 1;
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_seed_table_and_person_and_keep_their_bounds() {
        let first = |seed, table, person| Random::of(seed, table, person).next();
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
        let others = [first(2, 2, 3), first(1, 3, 3), first(1, 2, 4), first(1, 3, 2)];
        assert!(others.iter().all(|other| *other != first(1, 2, 3)));
        let mut random = Random::of(0, 0, 0);
        assert!((0..1000).all(|_| random.below(7) < 7 && (0.0..1.0).contains(&random.unit())));
        assert_eq!((random.below(0), random.records(1.0)), (0, 1));
        let records: u32 = (0..10_000).map(|_| random.records(4.0)).sum();
        assert!((38_000..42_000).contains(&records), "{records}");
    }
}
