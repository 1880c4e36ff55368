//! Numbers that decide how an analysis looks.

/// Numbers that are read one after the other; there is always a next one.
pub(crate) struct Genes<'a> {
    genes: &'a [u32],
    next: usize,
}

impl<'a> Genes<'a> {
    pub(crate) fn new(genes: &'a [u32]) -> Self {
        Self { genes: if genes.is_empty() { &[0] } else { genes }, next: 0 }
    }

    /// A number below `most`.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        // Read again, they say something else.
        let round = self.next / self.genes.len();
        let gene = self.genes[self.next % self.genes.len()] as usize / (1 + 97 * round) + round;
        self.next += 1;
        gene % most
    }

    /// True once in `many` times.
    pub(crate) fn once_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// One of some.
    pub(crate) fn of<'b>(&mut self, choices: &[&'b str]) -> &'b str {
        choices[self.below(choices.len())]
    }
}
