//! Only the checkpoint makes a `Released`.

use sekisho_disclosure::Released;

fn main() {
    let _ = Released { 0: todo!() };
}
