//! A `Held` neither becomes a `Released` nor shows its bytes.

use sekisho_disclosure::{Held, Released};

fn free(held: Held) -> Released {
    held.into()
}

fn unwrap(held: Held) -> Released {
    Released(held.0)
}

fn read(held: &Held) -> &[u8] {
    held.arrow_ipc()
}

fn main() {}
