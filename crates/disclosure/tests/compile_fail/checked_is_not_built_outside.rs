//! Only `check` makes a `Checked`, and only it a `CheckedTable`.

use sekisho_disclosure::{Checked, CheckedTable};

fn main() {
    let _ = Checked { tables: Vec::new(), findings: Vec::new(), hold: todo!(), profile: String::new(), policy: todo!() };
    let _ = CheckedTable { batch: todo!(), keys: Vec::new(), statistics: Vec::new(), withheld: Vec::new() };
}
