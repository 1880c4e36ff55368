//! `Unreleased` becomes no message.

fn send(unreleased: &sekisho_disclosure::Unreleased) -> String {
    serde_json::to_string(unreleased).unwrap()
}

fn main() {}
