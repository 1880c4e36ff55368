//! Whether estimates are those of statsmodels 0.14 and lifelines 0.30, on sixty rows that formulas make.
//!
//! In Python: `i = np.arange(60); x = (i*i) % 23 / 2; g = (i*7) % 3 == 0; y = (i**3) % 7 + x/2 - 2*g;
//! e = (i*5) % 11 < 5; c = (i*i) % 13 % 5; t = 1 + (i*37) % 29; d = (i*3) % 5 != 0`, then `sm.OLS(y, X)`, `sm.Logit(e, X)` and
//! `sm.Poisson(c, X)` over `X = sm.add_constant(np.c_[x, g])`, `sm.PHReg(t, np.c_[x, g], status=d, ties="efron")`, `logrank_test` and
//! `KaplanMeierFitter`, each to its last digits.

#![expect(clippy::indexing_slicing, reason = "tests, with helpers")]

use sekisho_estimate::{
    Family, Fourfold, Moments, Ratio, Rows, Samples, Step, Term, Unfitted, cox, glm, kaplan_meier, linear,
    log_rank,
};

fn truth(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

/// The rows by their number.
fn rows(row: impl Fn(i32) -> Vec<f64>) -> Vec<Vec<f64>> {
    (0..60).map(row).collect()
}

fn x(i: i32) -> f64 {
    f64::from(i * i % 23) / 2.0
}

fn group(i: i32) -> f64 {
    truth(i * 7 % 3 == 0)
}

fn time(i: i32) -> f64 {
    f64::from(1 + i * 37 % 29)
}

fn died(i: i32) -> f64 {
    truth(i * 3 % 5 != 0)
}

fn moments(rows: &[Vec<f64>]) -> Moments {
    let n = rows.len() as f64;
    let width = rows[0].len();
    let means: Vec<f64> =
        (0..width).map(|column| rows.iter().map(|row| row[column]).sum::<f64>() / n).collect();
    let mut products = vec![0.0; width * (width + 1) / 2];
    for right in 0..width {
        for left in 0..=right {
            products[Moments::place(left, right)] =
                rows.iter().map(|row| (row[left] - means[left]) * (row[right] - means[right])).sum();
        }
    }
    Moments { rows: n, means, products }
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-8 * expected.abs().max(1e-3), "{found} {expected}");
}

fn check(terms: &[Term], expected: &[[f64; 5]]) {
    assert_eq!(terms.len(), expected.len());
    for (term, [estimate, std_error, ci_low, ci_high, p_value]) in terms.iter().zip(expected) {
        close(term.estimate, *estimate);
        close(term.std_error, *std_error);
        close(term.ci_low, *ci_low);
        close(term.ci_high, *ci_high);
        close(term.p_value, *p_value);
    }
}

#[test]
fn least_squares_are_those_of_statsmodels() {
    let rows = rows(|i| vec![f64::from(i * i * i % 7) + 0.5 * x(i) - 2.0 * group(i), x(i), group(i)]);
    let (terms, _) = linear(&moments(&rows)).unwrap();
    let expected = [
        [2.046322035710e+00, 6.415183150035e-01, 7.617037684134e-01, 3.330940303008e+00, 2.314778703173e-03],
        [6.984390035283e-01, 1.210331128517e-01, 4.560743756122e-01, 9.408036314444e-01, 3.405528829940e-07],
        [
            -1.690468298942e+00,
            7.177146231891e-01,
            -3.127667041506e+00,
            -2.532695563773e-01,
            2.197006503689e-02,
        ],
    ];
    check(&terms, &expected);
}

#[test]
fn logistic_and_poisson_regression_are_those_of_statsmodels() {
    let logistic = Rows::new(rows(|i| vec![truth(i * 5 % 11 < 5), x(i), group(i)]));
    let expected = [
        [
            -1.429541851585e-01,
            4.922649011903e-01,
            -1.107775662345e+00,
            8.218672920276e-01,
            7.715095322351e-01,
        ],
        [
            -1.426985102741e-02,
            9.305491880138e-02,
            -1.966541404624e-01,
            1.681144384076e-01,
            8.781232960549e-01,
        ],
        [
            -4.295512555811e-03,
            5.513130243730e-01,
            -1.084849184535e+00,
            1.076258159423e+00,
            9.937834073908e-01,
        ],
    ];
    check(&glm(&logistic, Family::Logistic).unwrap().terms, &expected);
    let poisson = Rows::new(rows(|i| vec![f64::from(i * i % 13 % 5), x(i), group(i)]));
    let expected = [
        [6.469870927036e-01, 1.722349466655e-01, 3.094128003600e-01, 9.845613850471e-01, 1.723601588975e-04],
        [2.296143362935e-02, 3.157387967293e-02, -3.892223338179e-02, 8.484510064049e-02, 4.670858256442e-01],
        [6.547392029473e-03, 1.891737748960e-01, -3.642263935862e-01, 3.773211776452e-01, 9.723903578407e-01],
    ];
    check(&glm(&poisson, Family::Poisson).unwrap().terms, &expected);
    // Neither is an outcome of the other.
    assert_eq!(glm(&poisson, Family::Logistic), Err(Unfitted));
}

#[test]
fn proportional_hazards_with_ties_are_those_of_statsmodels() {
    let fit = cox(&Rows::new(rows(|i| vec![time(i), died(i), x(i), group(i)]))).unwrap();
    let expected = [
        [5.853868127278e-02, 5.449480400839e-02, -4.826917192824e-02, 1.653465344738e-01, 2.827300691364e-01],
        [
            -2.593116704577e-01,
            3.094115028467e-01,
            -8.657470724397e-01,
            3.471237315243e-01,
            4.019856328169e-01,
        ],
    ];
    check(&fit.terms, &expected);
}

#[test]
fn two_curves_are_compared_as_lifelines_does() {
    let test = log_rank(&Rows::new(rows(|i| vec![time(i), died(i), group(i)]))).unwrap().test().unwrap();
    close(test.statistic, 5.903747443531e-01);
    close(test.p_value, 4.422742439824e-01);
}

#[test]
fn a_curve_is_that_of_lifelines() {
    let at = |now: i32| {
        let there = (0..60).filter(|i| time(*i) >= f64::from(now)).count() as f64;
        let events = (0..60).filter(|i| time(*i) == f64::from(now)).map(died).sum();
        Step { events, at_risk: there }
    };
    let curve = kaplan_meier(&(1..=25).map(at).collect::<Vec<_>>()).unwrap();
    for (now, share, low, high) in [
        (5, 0.863371, 0.745218, 0.929237),
        (15, 0.548251, 0.407332, 0.668846),
        (25, 0.204615, 0.103043, 0.330316),
    ] {
        let (found, interval) = curve[now - 1];
        let (found_low, found_high) = interval.unwrap();
        for (found, expected) in [(found, share), (found_low, low), (found_high, high)] {
            assert!((found - expected).abs() < 6e-7, "{found} {expected}");
        }
    }
}

#[test]
fn ratios_and_tests_of_four_numbers_are_those_of_statsmodels() {
    let table =
        Fourfold { event_exposed: 30.0, event_unexposed: 20.0, none_exposed: 70.0, none_unexposed: 120.0 };
    let check = |found: Ratio, [estimate, low, high]: [f64; 3]| {
        close(found.estimate, estimate);
        close(found.ci_low, low);
        close(found.ci_high, high);
    };
    check(table.risk_ratio().unwrap(), [2.1, 1.2683126791411543, 3.477060564423481]);
    check(table.odds_ratio().unwrap(), [2.571428571429, 1.358643691210103, 4.866798367178854]);
    let test = table.chi_square().unwrap();
    close(test.statistic, 8.733834586466);
    close(test.p_value, 3.123588966135e-03);
    let empty = Fourfold { event_unexposed: 0.0, ..table };
    assert!(empty.risk_ratio().is_err() && empty.odds_ratio().is_err());
}

#[test]
fn a_rate_has_the_interval_of_garwood_and_a_difference_that_of_hedges() {
    let rate = Ratio::rate(17.0, 250.0).unwrap();
    close(rate.estimate, 0.068);
    close(rate.ci_low, 9.903126469607294 / 250.0);
    close(rate.ci_high, 27.218646815906613 / 250.0);
    assert!(Ratio::rate(1.5, 3.0).is_err() && Ratio::rate(1.0, 0.0).is_err());
    let samples = Samples { ones: (40.0, 3.0, 4.0), zeros: (60.0, 2.0, 2.0) };
    let difference = samples.standardised_difference().unwrap();
    close(difference.estimate, 1.0 / 3.0_f64.sqrt());
    let half = 1.959_963_984_540_054 * (100.0 / 2400.0 + 1.0 / 600.0_f64).sqrt();
    close(difference.ci_high - difference.estimate, half);
}

#[test]
fn what_cannot_be_told_apart_or_is_separated_has_no_estimate() {
    let twice = |i: i32| vec![truth(i % 2 == 0), x(i), 2.0 * x(i) + 1.0];
    assert_eq!(glm(&Rows::new(rows(twice)), Family::Logistic), Err(Unfitted));
    assert!(linear(&moments(&rows(twice))).is_err());
    let separated = |i: i32| vec![truth(i > 30), f64::from(i)];
    assert_eq!(glm(&Rows::new(rows(separated)), Family::Logistic), Err(Unfitted));
    // One level without an event: its coefficient has no end.
    let nothing = |i: i32| vec![truth(i % 2 == 0 && group(i) == 0.0), group(i)];
    assert_eq!(glm(&Rows::new(rows(nothing)), Family::Logistic), Err(Unfitted));
    let none_die = |i: i32| vec![time(i), died(i) * (1.0 - group(i)), group(i)];
    assert_eq!(cox(&Rows::new(rows(none_die))), Err(Unfitted));
    assert_eq!(cox(&Rows::new(rows(|i| vec![time(i), 0.0, x(i)]))), Err(Unfitted));
    // A constant, and an outcome that the covariates say in full.
    assert_eq!(glm(&Rows::new(rows(|i| vec![truth(i % 2 == 0), 1.0])), Family::Logistic), Err(Unfitted));
    assert!(linear(&moments(&rows(|i| vec![3.0 * x(i) - 1.0, x(i)]))).is_err());
}

#[test]
fn the_order_of_rows_decides_no_bit() {
    let made = rows(|i| vec![time(i), died(i), x(i), group(i)]);
    let mut turned = made.clone();
    turned.rotate_left(17);
    turned.swap(3, 40);
    assert_eq!(cox(&Rows::new(made.clone())), cox(&Rows::new(turned.clone())));
    let of = |rows: &[Vec<f64>]| Rows::new(rows.iter().map(|row| row[1..].to_vec()).collect());
    assert_eq!(glm(&of(&made), Family::Logistic), glm(&of(&turned), Family::Logistic));
}

#[test]
fn a_row_that_alone_has_a_property_is_all_of_its_term() {
    // The two covariates are one and the same but for one row.
    let hidden = rows(|i| vec![truth(i % 2 == 0), x(i), x(i) + truth(i == 4)]);
    let fit = glm(&Rows::new(hidden), Family::Poisson).unwrap();
    let largest = fit.weights.iter().map(|weight| weight.largest / weight.all).fold(0.0, f64::max);
    assert!(largest > 0.9, "{largest}");
    let fair =
        glm(&Rows::new(rows(|i| vec![truth(i * 5 % 11 < 5), x(i), group(i)])), Family::Logistic).unwrap();
    assert!(fair.weights.iter().all(|weight| weight.largest < 0.1 * weight.all));
}
