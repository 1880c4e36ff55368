//! A `Released` is one value: it is not copied around.

fn copy(released: &sekisho_disclosure::Released) -> sekisho_disclosure::Released {
    released.clone()
}

fn main() {}
