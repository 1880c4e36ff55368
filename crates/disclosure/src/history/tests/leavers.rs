//! After few people left, nothing tells where they were: what comes after is the same wherever it was.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use proptest::prelude::*;
use sekisho_model::SmallChange;

use super::*;
use crate::testing::table;
use crate::unreleased::{Attribute, Frames};

/// Where somebody is: their place and their age, and how many records they have.
type Of = (u8, u8, u8);

/// What may be asked.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// By place.
    Places,
    /// By place and age.
    PlacesAndAges,
    /// By age.
    Ages,
    /// All together.
    Total,
    /// By place, of one age.
    PlacesOf(u8),
    /// By place, records beside people.
    Records,
    /// By place or age, those of one of two diagnoses.
    Diagnosed(bool, u32),
}

/// A dataset while people leave it.
struct World {
    people: BTreeMap<u32, Of>,
    absent: Vec<u32>,
    ledger: Ledger,
    profile: Profile,
}

impl World {
    fn new(people: &[Of], profile: Profile) -> Self {
        let people = (0_u32..).zip(people.iter().copied()).collect();
        Self { people, absent: Vec::new(), ledger: Ledger::new(), profile }
    }

    fn leave(&mut self, subjects: impl IntoIterator<Item = u32>) {
        self.absent.extend(subjects);
        self.absent.sort_unstable();
        self.people.retain(|subject, _| !self.absent.contains(subject));
    }

    fn table(&self, asked: Asked) -> CellTable {
        let mut groups: BTreeMap<String, Vec<(u32, Of)>> = BTreeMap::new();
        for (subject, of) in &self.people {
            let label = match asked {
                Asked::Places | Asked::Records => format!("{}", of.0),
                Asked::PlacesAndAges => format!("{} {}", of.0, of.1),
                Asked::Diagnosed(true, _) => format!("{}", of.0),
                Asked::Ages | Asked::Diagnosed(false, _) => format!("{}", of.1),
                Asked::Total => String::new(),
                Asked::PlacesOf(age) if age == of.1 => format!("{}", of.0),
                Asked::PlacesOf(_) => continue,
            };
            groups.entry(label).or_default().push((*subject, *of));
        }
        let once: Vec<Evidence> =
            groups.values().map(|group| people(group.iter().map(|(subject, _)| *subject))).collect();
        let records = groups
            .values()
            .map(|group| evidence(group.iter().map(|(subject, of)| (*subject, 1 + i128::from(of.2)))));
        let statistics = match asked {
            Asked::Records => vec![count("n", once.clone()), sum("r", Scale::Integer, records.collect())],
            Asked::Ages
            | Asked::Diagnosed(..)
            | Asked::Places
            | Asked::PlacesAndAges
            | Asked::PlacesOf(_)
            | Asked::Total => {
                vec![count("n", once.clone())]
            }
        };
        let rows = || groups.keys().map(String::as_str).zip(once.iter().cloned()).collect();
        let mut asked_for = table("of", rows(), statistics);
        if let Asked::Diagnosed(_, code) = asked {
            let has = |subject: &&u32| **subject % 2 == code;
            let cells = once.iter().map(|group| people(group.subjects().iter().filter(has).copied()));
            asked_for.statistics = vec![count("n", cells.collect())];
            let frames = Frames { keys: table("of", rows(), []).keys, sums: vec![vec![once.clone()]] };
            let name = "diagnoses.code".to_owned();
            asked_for.attributes =
                vec![Attribute { name, labels: Vec::new(), with: Some(vec![frames]), without: None }];
        }
        asked_for
    }

    fn ask(&mut self, asked: Asked) -> Result<(RecordBatch, Vec<Vec<bool>>), crate::Error> {
        let unreleased = Unreleased::new(vec![self.table(asked)])
            .among(people(self.people.keys().copied()))
            .without(self.absent.iter().copied());
        let checked = check(unreleased, &self.ledger, &self.profile, Hold::ByRule)?;
        self.ledger.take(&Page::decode(&checked.page().encode().unwrap()).unwrap());
        let [table] = checked.tables() else { panic!("one table") };
        let withheld = table.withheld().iter().map(|withheld| withheld.values().iter().collect());
        Ok((table.batch().clone(), withheld.collect()))
    }

    /// What stands in the ledger, and what became of it, without some people.
    fn decided(&self, without: u32) -> Vec<(Status, Vec<(u32, i128)>)> {
        let stay = |sum: &Evidence| sum.contributions().iter().filter(|(who, _)| *who >= without).collect();
        let entries = self.ledger.entries().iter().map(|entry| (entry.status, stay(&entry.evidence)));
        let mut decided: Vec<_> = entries.collect();
        decided.sort();
        decided
    }

    /// How many cells of an answer are shown.
    fn shown(&mut self, asked: Asked) -> usize {
        let (_, withheld) = self.ask(asked).unwrap();
        withheld.iter().flatten().filter(|withheld| !**withheld).count()
    }
}

/// Fifty people in each of three places, five ages in each, and some who leave.
fn town(leavers: &[Of]) -> Vec<Of> {
    let stay = (0_u8..150).map(|person| (person % 3, person / 30, person % 4));
    leavers.iter().copied().chain(stay).collect()
}

fn blank(mut profile: Profile) -> Profile {
    profile.on_small_change = SmallChange::Blank;
    profile
}

const AFTER: [Asked; 6] =
    [Asked::Places, Asked::PlacesAndAges, Asked::Total, Asked::PlacesOf(1), Asked::Ages, Asked::Records];

#[test]
fn after_one_person_left_no_table_tells_where_they_were() {
    let after = |profile: Profile, asked, leaver: Of| {
        let mut world = World::new(&town(&[leaver]), profile);
        assert_eq!(world.shown(Asked::Places), 3);
        world.leave([0]);
        world.ask(asked).unwrap()
    };
    let mut differ = 0;
    for asked in AFTER {
        let [one, other] = [(0, 1, 0), (2, 3, 1)].map(|leaver| after(threshold_only(10), asked, leaver));
        assert_eq!(one, other, "{asked:?}");
        let [one, other] =
            [(0, 1, 0), (2, 3, 1)].map(|leaver| after(blank(threshold_only(10)), asked, leaver));
        differ += usize::from(one != other);
    }
    assert!(differ >= 3, "blanks tell it, where the profile takes them: {differ}");
}

#[test]
fn what_completes_no_earlier_number_is_shown_after_people_left() {
    let mut world = World::new(&town(&[(0, 1, 0)]), threshold_only(10));
    assert_eq!(world.shown(Asked::Places), 3);
    world.leave([0]);
    assert_eq!(world.shown(Asked::Places), 0, "what is asked in other words than before");
    assert_eq!(world.shown(Asked::Total), 0);
    assert_eq!(world.shown(Asked::PlacesAndAges), 12, "but for the last age of each place");
    assert_eq!(world.shown(Asked::PlacesAndAges), 12, "the same again");
    assert_eq!(world.shown(Asked::PlacesOf(1)), 3, "which is known since they left");
}

#[test]
fn of_another_diagnosis_no_group_is_shown_whether_who_left_was_in_it_or_not() {
    let after = |leaver: Of| {
        let mut world = World::new(&town(&[leaver]), threshold_only(10));
        assert_eq!(world.shown(Asked::Diagnosed(true, 0)), 3);
        world.leave([0]);
        let other = world.ask(Asked::Diagnosed(true, 1)).unwrap();
        assert!(other.1.iter().flatten().all(|withheld| *withheld));
        let ages = world.ask(Asked::Diagnosed(false, 1)).unwrap();
        let again = world.ask(Asked::Diagnosed(false, 1)).unwrap();
        assert_eq!(ages, again);
        (other, ages, world.ask(Asked::Diagnosed(false, 0)).unwrap())
    };
    let one = after((0, 1, 0));
    assert_eq!(one, after((2, 3, 1)));
    assert_eq!(one.1.0.num_rows(), 4, "by age, which was not asked before: all but the last");
    // Before anybody left, another diagnosis of the same people is nothing new.
    let mut world = World::new(&town(&[(0, 1, 0)]), threshold_only(10));
    let shown = [0, 1].map(|code| world.shown(Asked::Diagnosed(true, code)));
    assert_eq!(shown, [3, 3]);
}

#[test]
fn ten_people_who_leave_hide_each_other() {
    let leavers: Vec<Of> = (0..30).map(|person| (person % 3, 1, 0)).collect();
    let mut world = World::new(&town(&leavers), threshold_only(10));
    assert_eq!(world.shown(Asked::Places), 3);
    world.leave(0..30);
    assert_eq!(world.shown(Asked::Places), 3, "ten left each of them");
    let mut world = World::new(&town(&leavers), threshold_only(10));
    assert_eq!(world.shown(Asked::Places), 3);
    world.leave(0..9);
    assert_eq!(world.shown(Asked::Places), 0);
    // Nothing was told since nine left: more may leave, until they hide each other.
    world.leave(9..30);
    assert_eq!(world.shown(Asked::Places), 3);
}

#[test]
fn whoever_leaves_later_is_hidden_as_well() {
    let after = |second: Of| {
        let mut world = World::new(&town(&[(0, 1, 0), second]), threshold_only(10));
        assert_eq!(world.shown(Asked::Places), 3);
        world.leave([0]);
        let first = world.ask(Asked::PlacesAndAges).unwrap();
        world.leave([1]);
        (first.1, AFTER.map(|asked| world.ask(asked).unwrap()))
    };
    assert_eq!(after((0, 1, 0)), after((1, 4, 2)));
}

#[test]
fn an_analysis_that_read_people_who_left_meanwhile_is_not_judged() {
    let mut world = World::new(&town(&[(0, 1, 0)]), threshold_only(10));
    world.ask(Asked::Places).unwrap();
    let before = Unreleased::new(vec![world.table(Asked::Ages)]);
    world.leave([0]);
    world.ask(Asked::PlacesAndAges).unwrap();
    let judged = check(before, &world.ledger, &world.profile, Hold::ByRule);
    assert_eq!(judged.err(), Some(crate::Error::LeftMeanwhile));
}

#[test]
fn the_earlier_answer_is_given_again_while_few_have_left() {
    let (asked, other) = (Digest::of(b"text"), Digest::of(b"another"));
    let mut world = World::new(&town(&[(0, 1, 0); 12]), threshold_only(10));
    let page = |world: &World| {
        let unreleased =
            Unreleased::new(vec![world.table(Asked::Places)]).without(world.absent.iter().copied());
        check(unreleased, &world.ledger, &world.profile, Hold::ByRule).unwrap().page().clone()
    };
    world.ledger.take(&page(&world).kept(asked, "first"));
    let place = |world: &World, asked| {
        let earlier = world.ledger.earlier(asked, world.absent.iter().copied(), &world.profile);
        earlier.map(|earlier| earlier.place)
    };
    assert_eq!(place(&world, &asked), None, "nobody left: it is judged as ever");
    world.leave(0..3);
    assert_eq!((place(&world, &asked), place(&world, &other)), (Some("first".to_owned()), None));
    // Given again, it is still the first answer.
    let again = world.ledger.earlier(&asked, 0..3, &world.profile).unwrap().page;
    world.ledger.take(&Page::decode(&again.encode().unwrap()).unwrap());
    assert_eq!(place(&world, &asked), Some("first".to_owned()));
    world.leave(3..9);
    assert_eq!(place(&world, &asked), Some("first".to_owned()));
    // Somebody who was never counted makes none of ten.
    world.leave([5_000]);
    assert_eq!(place(&world, &asked), Some("first".to_owned()));
    world.profile = blank(threshold_only(10));
    assert_eq!(place(&world, &asked), None, "the profile takes blanks");
    world.profile = threshold_only(10);
    world.leave(9..12);
    assert_eq!(place(&world, &asked), None, "enough to hide each other");
    world.ledger.take(&page(&world).kept(asked, "second"));
    assert_eq!(place(&world, &asked), None);
    assert_eq!(world.ledger.earlier(&asked, 0..3, &world.profile).map(|earlier| earlier.place), None);
    world.leave([20]);
    assert_eq!(place(&world, &asked), Some("second".to_owned()));
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        Just(Asked::Places),
        Just(Asked::PlacesAndAges),
        Just(Asked::Ages),
        Just(Asked::Total),
        (0_u8..4).prop_map(Asked::PlacesOf),
        Just(Asked::Records),
    ]
}

fn somebody() -> impl Strategy<Value = Of> {
    (0_u8..3, 0_u8..4, 0_u8..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_comes_after_is_the_same_wherever_those_who_left_were(
        stay in prop::collection::vec(somebody(), 90..200),
        leave in prop::collection::vec((somebody(), somebody()), 1..6),
        later in 0_usize..3,
        before in prop::collection::vec(asked(), 1..4),
        between in prop::collection::vec(asked(), 0..3),
        after in prop::collection::vec(asked(), 1..5),
    ) {
        let first = u32::try_from(leave.len() - later.min(leave.len() - 1)).unwrap();
        let all = u32::try_from(leave.len()).unwrap();
        let run = |leavers: Vec<Of>| {
            let people: Vec<Of> = leavers.into_iter().chain(stay.iter().copied()).collect();
            let mut world = World::new(&people, threshold_only(10));
            before.iter().for_each(|asked| drop(world.ask(*asked).unwrap()));
            let mut earlier = world.decided(all);
            world.leave(0..first);
            let mut later = between.iter().map(|asked| world.ask(*asked).unwrap()).collect::<Vec<_>>();
            if first < all {
                earlier = world.decided(all);
                later.clear();
                world.leave(first..all);
            }
            later.extend(after.iter().map(|asked| world.ask(*asked).unwrap()));
            (earlier, later)
        };
        let (one, other) = leave.iter().copied().unzip();
        let ((earlier, one), (earlier_too, other)) = (run(one), run(other));
        // What was decided before they left may differ: then it says so already, or what a rule withheld then does.
        if earlier == earlier_too {
            prop_assert_eq!(one, other);
        }
    }
}
