//! What a function may be given: values that have no digits of single people, and constants beside them.

use crate::algebra::Scalar;
use crate::functions;
use crate::model::Refusal;

use super::Lowering;
use super::grain::Grain;
use super::scrutiny::refused;

impl Lowering<'_> {
    /// Refuses a call whose arguments could single people out.
    pub(super) fn arguments(&self, function: &str, args: &[Scalar]) -> Result<(), Refusal> {
        self.text_of(function, args)?;
        self.parameters(function, args)
    }

    /// What stands in the digits of an isolating value is the value: as a text it has no ranges.
    fn text_of(&self, function: &str, args: &[Scalar]) -> Result<(), Refusal> {
        if functions::is_of_numbers(function) {
            return Ok(());
        }
        for arg in args {
            match self.columns.grain(arg) {
                Grain::Fine(line) => return Err(self.singled_out(arg, &line)),
                Grain::Mixed => {
                    let message =
                        format!("`{function}` of an expression over several columns is not allowed");
                    let hint = "use texts and codes as they are stored, and compare numbers as numbers";
                    return Err(refused(&message, hint).at(self.place_of(arg)));
                }
                Grain::Coarse | Grain::Date(_) => {}
            }
        }
        Ok(())
    }

    /// What says how a value is read is a constant: `round(1.5, x - 1216)` is 1.5 for whoever has more than 1216,
    /// and no rule of values sees that in a number of places.
    fn parameters(&self, function: &str, args: &[Scalar]) -> Result<(), Refusal> {
        let parameters = functions::parameters(function, args);
        let Some(read) = parameters.iter().find(|arg| !arg.columns().is_empty()) else {
            return Ok(());
        };
        let message = format!(
            "`{function}` takes constants beside its value, and `{}` is a column",
            self.name_of(read)
        );
        let hint = "write numbers of places, positions, lengths, bases, exponents and patterns as constants, such as round(x, 1) or left(x, 3); for different ones use CASE";
        Err(refused(&message, hint).at(self.positions.function(function)).at(self.place_of(read)))
    }
}
