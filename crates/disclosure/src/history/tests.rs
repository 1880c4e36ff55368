//! Releases that follow each other: what the second must not show because of the first.

mod leavers;
mod random;

use sekisho_model::Hold;

use super::*;
use crate::testing::{count, evidence, japan, people, sum, threshold_only, ungrouped};
use crate::{CellTable, Profile, Unreleased, check};

/// A dataset with its releases.
struct Enclave {
    ledger: Ledger,
    profile: Profile,
    everybody: Option<Evidence>,
}

impl Enclave {
    fn new(profile: Profile) -> Self {
        Self { ledger: Ledger::new(), profile, everybody: None }
    }

    /// Which sums of a release are shown; the page is stored and read back before the ledger takes it.
    fn ask(&mut self, sums: &[Evidence]) -> Vec<bool> {
        let statistics = sums.iter().map(|evidence| sum("s", Scale::Integer, vec![evidence.clone()]));
        self.release(vec![ungrouped(everybody(), statistics.collect())])
    }

    fn count(&mut self, group: Evidence) -> bool {
        self.release(vec![ungrouped(group.clone(), vec![count("n", vec![group])])])[0]
    }

    fn release(&mut self, tables: Vec<CellTable>) -> Vec<bool> {
        let unreleased = Unreleased::new(tables);
        let unreleased = match &self.everybody {
            Some(everybody) => unreleased.among(everybody.clone()),
            None => unreleased,
        };
        let checked = check(unreleased, &self.ledger, &self.profile, Hold::ByRule).unwrap();
        self.ledger.take(&Page::decode(&checked.page().encode().unwrap()).unwrap());
        checked.tables()[0].withheld().iter().map(|withheld| !withheld.value(0)).collect()
    }
}

fn everybody() -> Evidence {
    people(0..1000)
}

fn ten() -> Enclave {
    Enclave::new(threshold_only(10))
}

#[test]
fn two_releases_that_differ_by_three_people_are_not_both_made() {
    let mut enclave = ten();
    assert!(enclave.count(people(0..500)));
    assert!(!enclave.count(people(0..497)), "three people less");
    assert!(!enclave.count(people((3..500).chain([600]))), "three less and one more");
    assert!(enclave.count(people(0..490)), "ten less");
    assert!(enclave.count(people(500..600)), "nobody in common");
}

#[test]
fn a_tracker_over_four_releases_is_stopped_at_the_last() {
    // (a + b) − (a − b) … : the count of the target's group as a sum of allowed ones.
    let mut enclave = ten();
    assert!(enclave.count(people(0..400)));
    assert!(enclave.count(people(200..600)));
    assert!(enclave.count(people(0..200)));
    // 0..400 + 200..600 − 0..200 = twice 200..400 and 400..600.
    let mut last =
        evidence((200..400).map(|subject| (subject, 2)).chain((400..597).map(|subject| (subject, 1))));
    assert_eq!(enclave.ask(&[last]), [false], "it would leave three people");
    last = evidence((200..400).map(|subject| (subject, 2)).chain((400..580).map(|subject| (subject, 1))));
    assert_eq!(enclave.ask(&[last]), [true], "it leaves twenty");
}

#[test]
fn the_same_people_with_other_records_are_a_difference_too() {
    let records = |more: u32| evidence((0..50).map(|subject| (subject, if subject < more { 3 } else { 2 })));
    let mut enclave = ten();
    assert_eq!(enclave.ask(&[records(0)]), [true]);
    assert_eq!(enclave.ask(&[records(4)]), [false], "four people have one record more");
    assert_eq!(enclave.ask(&[records(10)]), [true]);
}

#[test]
fn a_difference_that_is_nearly_one_persons_is_not_released() {
    let bills =
        |people: std::ops::Range<u32>| {
            evidence(people.map(|subject| {
                (subject, if subject == 77 { 1_000_000 } else { 1_000 + i128::from(subject) })
            }))
        };
    // Both sums are fine, for the first thousand people share 1.5 million each; 70..90 is one person's.
    let rich = |people: std::ops::Range<u32>| {
        evidence(bills(people).contributions().iter().chain((2_000..4_000).map(|subject| (subject, 50_000))))
    };
    let mut enclave = Enclave::new(japan());
    assert_eq!(enclave.ask(&[rich(0..90)]), [true]);
    assert_eq!(enclave.ask(&[rich(0..70)]), [false], "twenty people less, of whom one has nearly all");
    assert_eq!(enclave.ask(&[rich(20..90)]), [true]);
}

#[test]
fn a_rounded_multiple_of_what_was_released_does_not_leave_one_person() {
    let bill = |person: u32| 1_000 + i128::from(person.wrapping_mul(7_919) % 5_000);
    let third = |person: u32| ((bill(person) << 60) + 1) / 3;
    let of = |people: Vec<u32>, amount: &dyn Fn(u32) -> i128| {
        evidence(people.into_iter().map(|person| (person, amount(person))))
    };
    let all_but = |few: u32| (few..1000).collect::<Vec<u32>>();
    for attack_first in [false, true] {
        let mut enclave = Enclave::new(japan());
        let (all, attack) = (of(all_but(0), &bill), of(all_but(1), &third));
        let (first, second) = if attack_first { (attack, all) } else { (all, attack) };
        assert_eq!(enclave.ask(&[first]), [true]);
        assert_eq!(enclave.ask(&[second]), [false]);
    }
    let mut enclave = Enclave::new(japan());
    assert_eq!(enclave.ask(&[of(all_but(0), &bill)]), [true]);
    assert_eq!(enclave.ask(&[of(all_but(0), &third)]), [true], "a third of everybody's");
    assert_eq!(enclave.ask(&[of(all_but(30), &third)]), [true], "thirty people less");
}

#[test]
fn how_many_people_there_are_is_known_from_the_start() {
    let mut enclave = ten();
    enclave.everybody = Some(everybody());
    assert!(!enclave.count(people(1..1000)), "all but one");
    assert!(enclave.count(people(0..1000)), "which nobody can spoil for others");
    assert!(enclave.count(people(10..1000)));
    // A person between two groups of which each is shown by itself.
    let mut enclave = ten();
    enclave.everybody = Some(everybody());
    assert!(enclave.count(people(0..400)));
    assert!(!enclave.count(people(401..1000)), "the rest but one");
    assert!(enclave.count(people(410..1000)), "the rest but ten");
}

#[test]
fn the_difference_that_an_opt_out_makes_is_not_shown() {
    // Before and after somebody leaves: the groups that they were in, and those that they were not in.
    let leaves = |without: std::ops::Range<u32>| {
        let mut enclave = ten();
        enclave.everybody = Some(everybody());
        assert!(enclave.count(people(0..400)), "a group, and how many people there are, is known");
        enclave.everybody = Some(people((0..1000).filter(|subject| !without.contains(subject))));
        enclave
    };
    let mut enclave = leaves(7..8);
    assert!(!enclave.count(people((0..400).filter(|subject| *subject != 7))), "their group");
    assert!(!enclave.count(people((0..1000).filter(|subject| *subject != 7))), "everybody who is left");
    assert!(!enclave.count(people(400..999)), "the other group, but for one");
    assert!(enclave.count(people(400..1000)), "the other group");
    assert!(enclave.count(people(0..400)), "what was told stays told");
    // Of two tables that are new, each is harmless by itself.
    let mut enclave = leaves(7..8);
    assert!(enclave.count(people((0..200).filter(|subject| *subject != 7))));
    assert!(!enclave.count(people(200..400)), "together they are their group without them");
    // Enough people who leave at once hide each other; that many are then known to be left.
    let mut enclave = leaves(5..25);
    assert!(enclave.count(people((0..400).filter(|subject| !(5..25).contains(subject)))));
    assert!(!enclave.count(people((0..999).filter(|subject| !(5..25).contains(subject)))), "all but one");
}

#[test]
fn what_was_withheld_once_does_not_follow_later() {
    // One person has nearly all of the sum over 0..40.
    let amount = |subject: u32| if subject == 7 { 1_000_000 } else { 10 };
    let secret = evidence((0..40).map(|subject| (subject, amount(subject))));
    let rest = evidence((100..4_100).map(|subject| (subject, 40_000 + i128::from(subject % 97) * 217)));
    let both = evidence(secret.contributions().iter().chain(rest.contributions().iter()));
    let mut enclave = Enclave::new(japan());
    assert_eq!(enclave.ask(std::slice::from_ref(&secret)), [false]);
    assert_eq!(enclave.ask(std::slice::from_ref(&both)), [true]);
    assert_eq!(enclave.ask(std::slice::from_ref(&rest)), [false], "the total without it is the secret");
    // Nor is it shown where a laxer project asks for it in its own right.
    enclave.profile = threshold_only(10);
    assert_eq!(enclave.ask(&[secret]), [false]);
    assert_eq!(enclave.ask(&[rest]), [false]);
}

#[test]
fn what_was_withheld_for_others_alone_is_no_secret() {
    let mut enclave = ten();
    assert_eq!(enclave.ask(&[people(0..100), people(0..97)]), [true, false]);
    assert!(!enclave.ledger.entries().iter().any(|entry| entry.status == Status::Secret));
    // Its complement does not share the small difference.
    assert!(enclave.count(people(0..80)));
}

#[test]
fn the_same_question_has_the_same_answer_at_no_cost() {
    let question = [people(0..100), people(0..97), people(50..150), people(0..30), people(30..97)];
    let mut enclave = ten();
    let answer = enclave.ask(&question);
    assert!(answer.contains(&true) && answer.contains(&false));
    let sums = enclave.ledger.sums();
    // Whatever else was released meanwhile.
    assert!(enclave.count(people(0..60)));
    assert!(enclave.count(people(10..25)));
    let pages = enclave.ledger.pages();
    assert_eq!(enclave.ask(&question), answer);
    // A page that adds nothing: that there is none would tell that two blanks are over the same people.
    assert_eq!((enclave.ledger.pages(), enclave.ledger.sums()), (pages + 1, sums + 2));
}

#[test]
fn a_stricter_profile_is_held_to_what_others_showed() {
    let mut enclave = ten();
    assert!(enclave.count(people(0..12)), "twelve are enough here");
    enclave.profile = threshold_only(20);
    assert!(!enclave.count(people(0..12 + 5)), "five more: too few for either");
    assert!(!enclave.count(people(0..15)));
    assert!(enclave.count(people(0..500)));
    enclave.profile = threshold_only(10);
    assert!(!enclave.count(people(0..495)));
    assert!(enclave.count(people(0..488)));
}

#[test]
fn a_profile_in_which_zeros_are_secret_publishes_no_relation() {
    let mut profile = threshold_only(10);
    profile.zeros = crate::profile::Zeros::Withheld;
    let mut enclave = Enclave::new(profile);
    assert_eq!(enclave.ask(&[people(0..40), Evidence::nobody()]), [true, false]);
    assert_eq!(enclave.ask(&[people(40..80)]), [true]);
    assert_eq!(enclave.ask(&[people(0..80)]), [false], "the total says that there is nobody else");
}

#[test]
fn what_is_in_the_ledger_is_not_printed() {
    let mut enclave = ten();
    enclave.count(people(4711..4741));
    let page = Page { sums: enclave.ledger.entries().to_vec(), ..Page::again(Digest::of(b"")) };
    assert_eq!(format!("{:?} {page:?}", enclave.ledger), "Ledger(1 pages) Page(..)");
}

#[test]
fn a_page_opens_in_its_own_place_only() {
    let page = Page::again(Digest::of(b""));
    let (key, other) = (LedgerKey::new([7; 32]), LedgerKey::new([8; 32]));
    let (ward, clinic) = ("ward".parse().unwrap(), "clinic".parse().unwrap());
    let sealed = page.seal(&key, &ward, 3).unwrap();
    assert!(Page::open(&sealed, &key, &ward, 3).is_ok());
    assert!(Page::open(&sealed, &key, &ward, 2).is_err());
    assert!(Page::open(&sealed, &key, &clinic, 3).is_err());
    assert!(Page::open(&sealed, &other, &ward, 3).is_err());
}
