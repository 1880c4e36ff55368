//! What somebody can compute from published numbers: bounds of a sum by linear programming.
//!
//! The simplex method on a dense tableau, with Bland's rule, so that it ends: slow, and nothing that the checkpoint
//! itself uses.

/// Below this, a number of the tableau is zero.
const ZERO: f64 = 1e-9;

/// The places of numbers, with factors.
type Terms = Vec<(usize, f64)>;

/// Numbers that nobody knows, by place, and what is known of sums of them.
#[derive(Clone, Default)]
pub(crate) struct Attack {
    /// Between what each is; the lower end is finite.
    pub(crate) unknown: Vec<(f64, f64)>,
    /// Sums with factors, and between what each is.
    pub(crate) known: Vec<(Terms, (f64, f64))>,
}

impl Attack {
    /// Some unknown numbers of which none is below zero.
    pub(crate) fn on(unknown: usize) -> Self {
        Self { unknown: vec![(0.0, f64::INFINITY); unknown], known: Vec::new() }
    }

    /// It is known what some of them are together.
    pub(crate) fn knowing(self, places: &[usize], sum: f64) -> Self {
        self.knowing_about(places, (sum, sum))
    }

    /// It is known between what some of them are together.
    pub(crate) fn knowing_about(mut self, places: &[usize], sum: (f64, f64)) -> Self {
        self.known.push((places.iter().map(|place| (*place, 1.0)).collect(), sum));
        self
    }

    /// Between what a sum must be.
    pub(crate) fn bounds(&self, goal: &[(usize, f64)]) -> (f64, f64) {
        let negative: Vec<(usize, f64)> = goal.iter().map(|(place, factor)| (*place, -factor)).collect();
        (-self.most(&negative), self.most(goal))
    }

    fn most(&self, goal: &[(usize, f64)]) -> f64 {
        let ends = self.unknown.iter().enumerate().map(|(place, ends)| (vec![(place, 1.0)], *ends));
        let ends = ends.map(|(place, (_, most))| (place, (f64::NEG_INFINITY, most)));
        let known: Vec<_> = self.known.iter().cloned().chain(ends).collect();
        // Each is at least its lower end, and so much more.
        let from =
            |sum: &[(usize, f64)]| sum.iter().map(|(at, factor)| factor * self.unknown[*at].0).sum::<f64>();
        let mut rows: Vec<(Terms, f64)> = Vec::new();
        let mut width = self.unknown.len();
        for (sum, (least, most)) in known {
            let ends = if least.total_cmp(&most).is_eq() {
                vec![(0.0, most)]
            } else {
                vec![(1.0, most), (-1.0, least)]
            };
            for (slack, end) in ends.into_iter().filter(|(_, end)| end.is_finite()) {
                let mut row = sum.clone();
                let end = end - from(&sum);
                if slack != 0.0 {
                    row.push((width, slack));
                    width += 1;
                }
                rows.push((row, end));
            }
        }
        from(goal) + Tableau::of(&rows, width).map_or(f64::NAN, |tableau| tableau.most(goal))
    }
}

/// Rows that are solved for the numbers of a basis; the last column is what they are.
struct Tableau {
    rows: Vec<Vec<f64>>,
    basis: Vec<usize>,
    width: usize,
}

impl Tableau {
    /// A solution of the rows in which no number is below zero, if there is one.
    fn of(sums: &[(Terms, f64)], width: usize) -> Option<Self> {
        let all = width + sums.len();
        let row = |(place, (sum, end)): (usize, &(Terms, f64))| {
            let largest = sum.iter().map(|(_, factor)| factor.abs()).fold(0.0, f64::max);
            let scale = if *end < 0.0 { -largest } else { largest };
            let mut row = vec![0.0; all + 1];
            sum.iter().for_each(|(at, factor)| row[*at] += factor / scale);
            (row[width + place], row[all]) = (1.0, end / scale);
            row
        };
        let rows: Vec<Vec<f64>> =
            sums.iter().enumerate().filter(|(_, (sum, _))| !sum.is_empty()).map(row).collect();
        let mut tableau = Self { basis: (width..all).take(rows.len()).collect(), rows, width };
        let mut goal = vec![0.0; all + 1];
        for row in &tableau.rows {
            (0..width).chain([all]).for_each(|at| goal[at] += row[at]);
        }
        tableau.basis =
            tableau.rows.iter().map(|row| (width..all).find(|at| row[*at] > 0.5).unwrap()).collect();
        assert!(tableau.climb(&mut goal));
        if goal[all].abs() > 1e-6 {
            return None;
        }
        // What is still held by a number that is not one of ours is zero, or follows from the other rows.
        for row in 0..tableau.rows.len() {
            if tableau.basis[row] >= width
                && let Some(column) = (0..width).find(|at| tableau.rows[row][*at].abs() > ZERO)
            {
                tableau.pivot(row, column, &mut goal);
            }
        }
        Some(tableau)
    }

    fn most(mut self, goal: &[(usize, f64)]) -> f64 {
        let all = self.rows.first().map_or(self.width, |row| row.len() - 1);
        let mut left = vec![0.0; all + 1];
        goal.iter().for_each(|(at, factor)| left[*at] += factor);
        for (row, basis) in self.rows.iter().zip(&self.basis) {
            let factor = left[*basis];
            left.iter_mut().zip(row).for_each(|(left, value)| *left -= factor * value);
        }
        if self.climb(&mut left) { -left[all] } else { f64::INFINITY }
    }

    /// Makes the goal as large as it can be; `false` if it has no end.
    fn climb(&mut self, goal: &mut [f64]) -> bool {
        while let Some(column) = (0..self.width).find(|at| goal[*at] > ZERO) {
            let ratio = |row: usize| self.rows[row].last().unwrap() / self.rows[row][column];
            let rows = (0..self.rows.len()).filter(|row| self.rows[*row][column] > ZERO);
            let first = rows.min_by(|left, right| {
                ratio(*left).total_cmp(&ratio(*right)).then(self.basis[*left].cmp(&self.basis[*right]))
            });
            let Some(row) = first else { return false };
            self.pivot(row, column, goal);
        }
        true
    }

    fn pivot(&mut self, row: usize, column: usize, goal: &mut [f64]) {
        let value = self.rows[row][column];
        self.rows[row].iter_mut().for_each(|other| *other /= value);
        self.basis[row] = column;
        let pivot = self.rows[row].clone();
        let others = self
            .rows
            .iter_mut()
            .enumerate()
            .filter(|(other, _)| *other != row)
            .map(|(_, other)| &mut other[..]);
        for other in others.chain([goal]) {
            let factor = other[column];
            other.iter_mut().zip(&pivot).for_each(|(other, value)| *other -= factor * value);
            other[column] = 0.0;
        }
    }
}

#[test]
fn bounds_are_those_of_the_corners() {
    let two = Attack::on(2).knowing(&[0, 1], 7.0);
    assert_eq!(two.bounds(&[(0, 1.0)]), (0.0, 7.0));
    assert_eq!(two.bounds(&[(0, 1.0), (1, -1.0)]), (-7.0, 7.0));
    assert_eq!(Attack::on(1).bounds(&[(0, 1.0)]), (0.0, f64::INFINITY));
    assert_eq!(two.knowing_about(&[1], (2.0, 3.0)).bounds(&[(0, 1.0)]), (4.0, 5.0));
    let mut ends = Attack::on(2).knowing(&[0, 1], 7.0);
    ends.unknown = vec![(1.0, 3.0), (0.0, 9.0)];
    assert_eq!(ends.bounds(&[(1, 1.0)]), (4.0, 6.0));
}
