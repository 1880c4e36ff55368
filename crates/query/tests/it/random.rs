//! What is released equals the plain engine's answer on the same rows, satisfies the rules when they are
//! recomputed naively, and says nothing of a single person.
//!
//! `SEKISHO_RANDOM_WORLDS` asks for more random data than the few of an ordinary run, and
//! `SEKISHO_RANDOM_SEED` for other ones; `SEKISHO_RANDOM_WORLD` judges one of them alone, by its number.

mod judge;
mod model;
mod naive;
mod planted;
mod quantile;
mod query;
mod source;
mod statistic;
mod term;
mod whole;

pub(crate) mod genes;
pub(crate) mod world;

use std::collections::BTreeMap;

use datafusion::prelude::SessionContext;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sekisho_disclosure::Profile;
use sekisho_model::{Analysis, Code, CodeList, Refusal};

use crate::fixture::{Answer, Fixture};
use genes::Genes;
use judge::Truth;
use naive::rules;
use query::bound;
use whole::Whole;
use world::{BANDS, World, worlds};

/// Random data of an ordinary run.
const WORLDS: usize = 6;
/// Cells of a world, at least, that are shown with and without the planted person: 150 in all.
const BESIDE: usize = 25;
/// The same of a run over other data, of which some have groups that nearly everybody is in.
const BESIDE_ELSEWHERE: usize = 15;

/// One in so many analyses at most, of those to which the planted person adds nothing, may have another answer
/// without them, for what the budget and the class rule count.
const BY_OTHERS_AT_MOST: usize = 20;

/// Analyses of each.
const QUERIES: usize = 30;

/// Of a hundred analyses that the grammar writes, so many are accepted.
const ACCEPTED_PERCENT: usize = 60;

/// What was seen, so that a run that proved nothing fails.
#[derive(Debug, Default)]
struct Seen {
    analyses: usize,
    refused: BTreeMap<String, usize>,
    released: usize,
    withheld: usize,
    /// Of the released ones, the numbers of models.
    models: usize,
    derived: usize,
    /// Of analyses to which the planted person adds nothing.
    untouched: usize,
    /// Of these, how many are told from those without the person by who else could be there.
    by_others: usize,
    /// Cells of groups without the planted person in other analyses.
    beside: usize,
    shapes: BTreeMap<String, usize>,
}

/// An analysis by the grammar, as the enclave gets it.
pub(crate) fn analysis(sql: &str) -> Analysis {
    let (sql, parameters, _) = bound(sql);
    let lists = if sql.contains("bands") {
        vec![CodeList { name: "bands".parse().unwrap(), csv: BANDS.to_owned() }]
    } else {
        Vec::new()
    };
    Analysis { sql, parameters, lists }
}

/// A text by the grammar.
pub(crate) fn text(genes: &mut Genes<'_>) -> String {
    Whole::new(genes).sql
}

fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn what_is_released_is_true_and_safe() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let seed = setting("SEKISHO_RANDOM_SEED").unwrap_or(0);
    let mut bytes = [7_u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = (worlds(), vec(vec(any::<u32>(), 80), QUERIES));
    let (mut seen, mut wrong) = (Seen::default(), Vec::new());
    let asked = setting("SEKISHO_RANDOM_WORLDS").unwrap_or(WORLDS);
    let only = setting("SEKISHO_RANDOM_WORLD");
    for number in 0..asked {
        let (world, genes) = strategy.new_tree(&mut runner).unwrap().current();
        if only.is_none_or(|only| only == number) {
            let found = runtime.block_on(judge(&world, &genes, &mut seen));
            wrong.extend(found.into_iter().map(|what| format!("world {number}, {what}")));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}\n{seen:?}", wrong.len(), wrong.join("\n"));
    let refused: usize = seen.refused.values().sum();
    println!("{seen:?}, {refused} refused");
    if only.is_some() {
        return;
    }
    // Otherwise nothing was proved.
    let accepted = seen.analyses - refused;
    assert!(accepted * 100 >= seen.analyses * ACCEPTED_PERCENT, "{seen:?}");
    let enough = [(seen.released, 3), (seen.withheld, 1)];
    assert!(enough.iter().all(|(seen_of, least)| *seen_of >= least * seen.analyses), "{seen:?}");
    let beside = if (asked, seed) == (WORLDS, 0) { BESIDE } else { BESIDE_ELSEWHERE };
    assert!(seen.beside >= beside * asked, "{seen:?}");
    assert!(seen.untouched * 50 >= seen.analyses && seen.derived > 0 && seen.models > 0, "{seen:?}");
    assert!(seen.by_others * BY_OTHERS_AT_MOST <= seen.untouched, "{seen:?}");
}

/// Everything that one analysis is asked of.
struct Places<'a> {
    world: &'a World,
    enclave: Fixture,
    permuted: Fixture,
    /// Without the planted person.
    without: Fixture,
    /// With other values of the planted person.
    changed: Fixture,
    plain: SessionContext,
    planted: String,
}

/// What is wrong with the answers to some analyses of a world.
async fn judge(world: &World, genes: &[Vec<u32>], seen: &mut Seen) -> Vec<String> {
    let places = Places {
        world,
        enclave: World::enclave(&world.files()).await,
        permuted: World::enclave(&world.reversed()).await,
        without: World::enclave(&world.without_planted().files()).await,
        changed: World::enclave(&world.with_other_values().files()).await,
        plain: world.plain(),
        planted: world::name(world.planted),
    };
    let mut wrong = Vec::new();
    for (number, genes) in genes.iter().enumerate() {
        let whole = Whole::new(&mut Genes::new(genes));
        if let Err(what) = places.judge(&whole, number, seen).await {
            wrong.push(format!("analysis {number}: {what}: {} (as {})", whole.sql, bound(&whole.truth).2));
        }
    }
    wrong
}

impl Places<'_> {
    async fn judge(&self, whole: &Whole, number: usize, seen: &mut Seen) -> Result<(), String> {
        let analysis = analysis(&whole.sql);
        let plans = [&self.enclave, &self.without].map(|place| place.refused(analysis.clone()));
        if plans[0] != plans[1] {
            return Err(format!("the plan tells who is there: {plans:?}"));
        }
        seen.analyses += 1;
        let shape = format!("{:?}", whole.shape);
        if let [Some(refusal), _] = &plans {
            *seen.refused.entry(format!("{} {}", refusal.code.as_str(), refusal.message)).or_default() += 1;
            let ours = refusal.code == Code::Internal;
            return if ours { Err(format!("{refusal:?}")) } else { Ok(()) };
        }
        *seen.shapes.entry(shape).or_default() += 1;
        let truth = Truth::of(&self.plain, whole).await?;
        for (place, rules) in rules().iter().enumerate() {
            let bytes = ask(&self.enclave, &analysis, &rules.profile).await?;
            let rows = Answer::read(&bytes).rows();
            let inner = match whole.is_of_all() {
                true => {
                    let first = self::analysis(&whole.first());
                    Some(Answer::read(&ask(&self.enclave, &first, &rules.profile).await?).rows())
                }
                false => None,
            };
            let under = |what: String| format!("{what} under {}", rules.profile.name());
            let shown = |what: String| format!("{} in {rows:?}", under(what));
            let counted = truth.judge(whole, &rows, inner.as_deref(), rules).map_err(shown)?;
            seen.released += counted.released;
            seen.withheld += counted.withheld;
            seen.models += counted.models;
            seen.derived += counted.derived;
            if number % 2 == place {
                if ask(&self.permuted, &analysis, &rules.profile).await? != bytes {
                    return Err(under("the order of the input shows".to_owned()));
                }
            } else {
                let without = ask(&self.without, &analysis, &rules.profile).await?;
                let both = planted::Both { whole, truth: &truth, planted: &self.planted, rules };
                seen.beside += both.judge(&bytes, &without).map_err(under)?;
                if both.is_untouched() {
                    self.untouched(&analysis, &both, [&bytes, &without], seen).await.map_err(under)?;
                }
            }
        }
        Ok(())
    }

    /// An analysis to which the planted person adds nothing that shows: it is the same without them, but for what
    /// the budget and the class rule count of who could be there, and the same, these included, whatever they have.
    async fn untouched(
        &self,
        analysis: &Analysis,
        both: &planted::Both<'_>,
        [with, without]: [&[u8]; 2],
        seen: &mut Seen,
    ) -> Result<(), String> {
        seen.untouched += 1;
        let equal = |what: &str, one: &[u8], other: &[u8]| {
            let shown = || [one, other].map(|bytes| Answer::read(bytes).show()).join(" and ");
            if one == other { Ok(()) } else { Err(format!("{what}: {}", shown())) }
        };
        if with != without {
            seen.by_others += 1;
            let profile = &both.rules.without_budget;
            let with = ask(&self.world.insensitive().await, analysis, profile).await?;
            let without = ask(&self.world.without_planted().insensitive().await, analysis, profile).await?;
            equal("somebody who does not count shows", &with, &without)?;
        }
        if both.adds_nothing() {
            let changed = ask(&self.changed, analysis, &both.rules.profile).await?;
            equal("what somebody has who does not count shows", with, &changed)?;
        }
        Ok(())
    }
}

async fn ask(place: &Fixture, analysis: &Analysis, profile: &Profile) -> Result<Vec<u8>, String> {
    let refused = |refusal: Refusal| format!("an analysis that was allowed ended with {refusal:?}");
    place.bytes_of(analysis.clone(), profile).await.map_err(refused)
}
