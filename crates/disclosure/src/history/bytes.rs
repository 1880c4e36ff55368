//! The one form of a page in bytes, for storage. Numbers are little-endian.
//!
//! | part | form |
//! |---|---|
//! | version | one byte: 1, 2 with charges, or 3 with all parts |
//! | question | 32 bytes |
//! | suppressed | their number (u32), then each (u32), ascending |
//! | sets of people | their number (u32), then each: its length in bytes (u32), a Roaring bitmap |
//! | sums | their number (u32), then each: set (u32), status (u8) and minimum (u32), scale (u8) and digits (u8), whether it overflowed (u8), whether amounts follow (u8; without them each is 1), the amounts |
//! | charges (versions 2 and 3) | their number (u32), then each: the attribute's length (u32) and name, the length of its people (u32) and their bitmap, whether amounts follow (u8), the amounts |
//! | who left (version 3) | the length of a bitmap (u32), the bitmap |
//! | where the answer is kept (version 3) | whether it is (u8); then 32 bytes, the place's length (u32) and text |
//!
//! An amount is a zigzag number in groups of seven bits, the last group without its eighth bit (LEB128).
//! Only the form that is written is read: a page that was read and written again is the same bytes.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use sekisho_model::Digest;

use super::page::Kept;
use super::{Entry, Page, Status};
use crate::budget::Charge;
use crate::evidence::{Scale, Tally};

/// The version of a page without charges.
const VERSION: u8 = 1;

/// The version of a page with charges.
const WITH_CHARGES: u8 = 2;

/// The version of a page that says who left, or where its answer is kept.
const WITH_ALL: u8 = 3;

impl Page {
    /// The page in bytes; `None` if it is too large for its form.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let version = match (self.left.is_empty() && self.kept.is_none(), self.charges.is_empty()) {
            (false, _) => WITH_ALL,
            (true, false) => WITH_CHARGES,
            (true, true) => VERSION,
        };
        let mut writer = Writer(vec![version]);
        writer.0.extend_from_slice(self.question.as_bytes());
        writer.count(self.suppressed.len())?;
        self.suppressed.iter().for_each(|number| writer.number(*number));
        let mut sums: Vec<&Entry> = self.sums.iter().collect();
        sums.sort_by(|left, right| left.evidence.contributions().cmp(&right.evidence.contributions()));
        let mut sets: BTreeMap<&[u32], u32> = BTreeMap::new();
        let mut bitmaps = Vec::new();
        for sum in &sums {
            let next = u32::try_from(sets.len()).ok()?;
            sets.entry(sum.evidence.subjects()).or_insert_with(|| {
                bitmaps.push(bitmap(sum.evidence.subjects()));
                next
            });
        }
        writer.count(bitmaps.len())?;
        for bitmap in bitmaps {
            writer.count(bitmap.serialized_size())?;
            bitmap.serialize_into(&mut writer.0).ok()?;
        }
        writer.count(sums.len())?;
        for sum in sums {
            writer.number(*sets.get(sum.evidence.subjects())?);
            writer.sum(sum);
        }
        if version != VERSION {
            writer.count(self.charges.len())?;
            self.charges.iter().try_for_each(|charge| writer.charge(charge))?;
        }
        if version == WITH_ALL {
            writer.people(&self.left)?;
            writer.kept(self.kept.as_ref())?;
        }
        Some(writer.0)
    }

    /// Reads what [`Page::encode`] wrote, and takes no other form.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let version = reader.byte().filter(|version| [VERSION, WITH_CHARGES, WITH_ALL].contains(version))?;
        let question = Digest::from_bytes(reader.taken()?);
        let suppressed = (0..reader.number()?).map(|_| reader.number()).collect::<Option<Vec<_>>>()?;
        let sets = (0..reader.number()?).map(|_| reader.people()).collect::<Option<Vec<_>>>()?;
        let sums = (0..reader.number()?).map(|_| reader.sum(&sets)).collect::<Option<Vec<_>>>()?;
        let charges = if version == VERSION { 0 } else { reader.number()? };
        let charges = (0..charges).map(|_| reader.charge()).collect::<Option<Vec<_>>>()?;
        let (left, kept) =
            if version == WITH_ALL { (reader.people()?, reader.kept()?) } else { (Vec::new(), None) };
        let page = Self { question, suppressed, sums, charges, left, kept };
        (reader.0.is_empty() && page.encode().as_deref() == Some(bytes)).then_some(page)
    }
}

/// People as a bitmap in its smallest form.
fn bitmap(subjects: &[u32]) -> RoaringBitmap {
    let mut bitmap: RoaringBitmap = subjects.iter().copied().collect();
    bitmap.optimize();
    bitmap
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) -> Option<()> {
        self.number(u32::try_from(count).ok()?);
        Some(())
    }

    fn sum(&mut self, sum: &Entry) {
        let (status, minimum) = match sum.status {
            Status::Hidden => (0, 0),
            Status::Secret => (1, 0),
            Status::Shown(minimum) => (2, minimum),
        };
        self.0.push(status);
        self.number(minimum);
        let (scale, digits) = match sum.scale {
            Scale::Integer => (0, 0),
            Scale::Decimal(digits) => (1, digits),
            Scale::Binary30 => (2, 0),
            Scale::Binary60 => (3, 0),
        };
        let evidence = &sum.evidence;
        let overflowed = evidence.total().is_none() && evidence.absolute().is_none();
        let amounts = evidence.amounts().iter().any(|amount| amount != 1);
        self.0.extend([scale, digits, u8::from(overflowed), u8::from(amounts)]);
        if amounts {
            evidence.amounts().iter().for_each(|amount| self.amount(amount));
        }
    }

    fn charge(&mut self, charge: &Charge) -> Option<()> {
        let Charge { attribute, row } = charge;
        self.text(attribute)?;
        self.people(row.subjects())?;
        let amounts = row.amounts().iter().any(|amount| amount != 1);
        self.0.push(u8::from(amounts));
        if amounts {
            row.amounts().iter().for_each(|amount| self.amount(amount));
        }
        Some(())
    }

    fn kept(&mut self, kept: Option<&Kept>) -> Option<()> {
        self.0.push(u8::from(kept.is_some()));
        kept.map_or(Some(()), |Kept { asked, place }| {
            self.0.extend_from_slice(asked.as_bytes());
            self.text(place)
        })
    }

    fn people(&mut self, subjects: &[u32]) -> Option<()> {
        let bitmap = bitmap(subjects);
        self.count(bitmap.serialized_size())?;
        bitmap.serialize_into(&mut self.0).ok()
    }

    fn text(&mut self, text: &str) -> Option<()> {
        self.count(text.len())?;
        self.0.extend_from_slice(text.as_bytes());
        Some(())
    }

    fn amount(&mut self, amount: i128) {
        let mut rest = zigzag(amount);
        loop {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                self.0.push(low & 0x7f);
                return;
            }
            self.0.push(low | 0x80);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn taken<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.taken().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u32> {
        self.taken().map(u32::from_le_bytes)
    }

    fn people(&mut self) -> Option<Vec<u32>> {
        let length = usize::try_from(self.number()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(RoaringBitmap::deserialize_from(taken).ok()?.into_iter().collect())
    }

    fn sum(&mut self, sets: &[Vec<u32>]) -> Option<Entry> {
        let people = sets.get(usize::try_from(self.number()?).ok()?)?;
        let status = match (self.byte()?, self.number()?) {
            (0, 0) => Status::Hidden,
            (1, 0) => Status::Secret,
            (2, minimum) => Status::Shown(minimum),
            _ => return None,
        };
        let scale = match (self.byte()?, self.byte()?) {
            (0, 0) => Scale::Integer,
            (1, digits) => Scale::Decimal(digits),
            (2, 0) => Scale::Binary30,
            (3, 0) => Scale::Binary60,
            _ => return None,
        };
        let (overflowed, amounts) = (self.byte()?, self.byte()?);
        let mut tally = Tally::new();
        for subject in people {
            match amounts {
                0 => tally.add_one(*subject),
                1 => {
                    let amount = self.amount()?;
                    match i64::try_from(amount) {
                        Ok(word) => tally.add_word(*subject, word),
                        Err(_) => tally.add(*subject, amount, []),
                    }
                }
                _ => return None,
            }
        }
        match (overflowed, people.last()) {
            (0, _) => {}
            (1, Some(last)) => tally.add_overflow(*last),
            _ => return None,
        }
        Some(Entry { evidence: tally.freeze(), scale, status })
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(text).ok().map(str::to_owned)
    }

    fn kept(&mut self) -> Option<Option<Kept>> {
        match self.byte()? {
            0 => Some(None),
            1 => Some(Some(Kept { asked: Digest::from_bytes(self.taken()?), place: self.text()? })),
            _ => None,
        }
    }

    fn charge(&mut self) -> Option<Charge> {
        let attribute = self.text()?;
        let people = self.people()?;
        let amounts = [false, true].get(usize::from(self.byte()?)).copied()?;
        let mut tally = Tally::new();
        for subject in people {
            tally.add_word(subject, if amounts { i64::try_from(self.amount()?).ok()? } else { 1 });
        }
        Some(Charge { attribute, row: tally.freeze() })
    }

    fn amount(&mut self) -> Option<i128> {
        let (mut value, mut shift) = (0_u128, 0_u32);
        loop {
            let byte = self.byte()?;
            let low = u128::from(byte & 0x7f);
            value |= low.checked_shl(shift).filter(|shifted| shifted >> shift == low)?;
            if byte & 0x80 == 0 {
                return Some(from_zigzag(value));
            }
            shift = shift.checked_add(7)?;
        }
    }
}

/// Small numbers of either sign as small numbers.
fn zigzag(amount: i128) -> u128 {
    let magnitude = (amount ^ (amount >> 127)).unsigned_abs();
    magnitude << 1 | u128::from(amount < 0)
}

fn from_zigzag(number: u128) -> i128 {
    let magnitude = i128::from_le_bytes((number >> 1).to_le_bytes());
    if number & 1 == 0 { magnitude } else { !magnitude }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        let of = |entry: &Self| (entry.scale, entry.status, entry.evidence.total());
        of(self) == of(other) && self.evidence.contributions() == other.evidence.contributions()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::Evidence;
    use crate::testing::{evidence, people};

    fn page(sums: Vec<(Evidence, Scale, Status)>) -> Page {
        let entry = |(evidence, scale, status)| Entry { evidence, scale, status };
        let sums = sums.into_iter().map(entry).collect();
        Page { suppressed: vec![1, 5], sums, ..Page::again(Digest::of(b"asked")) }
    }

    #[test]
    fn who_left_and_where_the_answer_is_kept_read_back() {
        let page = page(vec![(people(0..40), Scale::Integer, Status::Shown(10))]);
        let kept = page.clone().kept(Digest::of(b"text"), "projects/p/jobs/j");
        for page in [kept.clone(), Page { left: vec![3, 70_000], ..page }, Page { left: vec![1], ..kept }] {
            let bytes = page.encode().unwrap();
            let read = Page::decode(&bytes).unwrap();
            assert_eq!((&read.left, &read.kept), (&page.left, &page.kept));
            assert!(Page::decode(&bytes[..bytes.len() - 1]).is_none());
        }
    }

    #[test]
    fn charges_read_back_in_their_order() {
        let mut page = page(vec![(people(0..40), Scale::Integer, Status::Shown(10))]);
        let charge = |attribute: &str, row| Charge { attribute: attribute.into(), row };
        page.charges = vec![
            charge("diagnoses.icd10", people(5..90)),
            charge("claims.points", evidence([(3, -1), (4, 7), (90_000, 1)])),
            charge("diagnoses.icd10", people(0..40)),
        ];
        let bytes = page.encode().unwrap();
        let read = Page::decode(&bytes).unwrap();
        let of = |page: &Page| {
            let charges = page.charges.iter();
            charges
                .map(|charge| {
                    (charge.attribute.clone(), charge.row.contributions().iter().collect::<Vec<_>>())
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&read), of(&page));
        assert!(Page::decode(&bytes[..bytes.len() - 1]).is_none());
    }

    proptest! {
        #[test]
        fn a_page_reads_back(
            sums in prop::collection::vec(
                (prop::collection::btree_map(any::<u32>(), prop_oneof![Just(1_i128), any::<i128>()], 0..9), 0_u8..4, 0_u8..3),
                0..6,
            ),
        ) {
            let scale = |number| [Scale::Integer, Scale::Decimal(2), Scale::Binary30, Scale::Binary60][usize::from(number)];
            let status = |number| [Status::Hidden, Status::Secret, Status::Shown(10)][usize::from(number)];
            let sums = sums.into_iter().map(|(sum, number, of)| (evidence(sum), scale(number), status(of)));
            let written = page(sums.collect());
            let bytes = written.encode().unwrap();
            let read = Page::decode(&bytes).unwrap();
            prop_assert_eq!((read.question, &read.suppressed), (written.question, &written.suppressed));
            for sum in &written.sums {
                prop_assert!(read.sums.contains(sum));
            }
            prop_assert_eq!(read.encode().unwrap(), bytes);
        }

        #[test]
        fn amounts_of_either_sign_stay_what_they_are(amount: i128) {
            prop_assert_eq!(from_zigzag(zigzag(amount)), amount);
        }
    }

    #[test]
    fn a_sum_without_an_exact_form_stays_one() {
        let mut tally = Tally::new();
        tally.add(3, 5, []);
        tally.add_overflow(4);
        let bytes = page(vec![(tally.freeze(), Scale::Integer, Status::Secret)]).encode().unwrap();
        assert_eq!(Page::decode(&bytes).unwrap().sums[0].evidence.total(), None);
    }

    #[test]
    fn only_what_was_written_is_read() {
        let bytes = page(vec![(people(0..40), Scale::Integer, Status::Shown(10))]).encode().unwrap();
        assert!(Page::decode(&bytes).is_some());
        assert!(Page::decode(&bytes[..bytes.len() - 1]).is_none());
        assert!(Page::decode(&[bytes.as_slice(), &[0]].concat()).is_none());
        for place in (0..bytes.len()).filter(|place| !(1..33).contains(place)) {
            let mut altered = bytes.clone();
            altered[place] ^= 0x40;
            assert!(Page::decode(&altered).is_none_or(|page| page.encode().unwrap() == altered), "{place}");
        }
    }

    #[test]
    fn people_who_stand_next_to_each_other_take_little_room() {
        let sums = (0..47).map(|group: u32| people(group * 50_000..(group + 1) * 50_000));
        let sums = sums.map(|sum| (sum, Scale::Integer, Status::Shown(10))).collect();
        assert!(page(sums).encode().unwrap().len() < 4_000);
    }
}
