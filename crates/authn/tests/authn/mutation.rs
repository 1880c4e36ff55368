//! Changed tokens and garbage: never accepted, never a panic.

use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::forge::{Bench, Kind, b64, header, with};

#[tokio::test]
async fn no_single_character_can_be_changed_left_out_or_added() {
    let bench = Bench::new();
    for kind in Kind::ALL {
        let good: Vec<char> = bench.keys.good(kind).chars().collect();
        for place in 0..good.len() {
            for change in ['A', 'Q', 'g', '_', '.', '=', ' ', 'é'] {
                let mut changed = good.clone();
                changed[place] = change;
                if changed != good {
                    refused(&bench, &changed).await;
                }
            }
            let mut shorter = good.clone();
            shorter.remove(place);
            refused(&bench, &shorter).await;
            let mut longer = good.clone();
            longer.insert(place, 'A');
            refused(&bench, &longer).await;
        }
        assert!(bench.authenticator.authenticate(&bench.keys.good(kind)).await.is_ok());
    }
}

async fn refused(bench: &Bench, token: &[char]) {
    let token: String = token.iter().collect();
    assert!(bench.authenticator.authenticate(&token).await.is_err(), "{token}");
}

#[test]
fn garbage_is_refused() {
    let bench = Bench::new();
    let runtime = Runtime::new().unwrap();
    let refused = |token: &str| runtime.block_on(bench.authenticator.authenticate(token)).is_err();
    proptest!(|(text in any::<String>())| prop_assert!(refused(&text)));
    proptest!(|(bytes in proptest::collection::vec(any::<u8>(), 0..400))| {
        prop_assert!(refused(&String::from_utf8_lossy(&bytes)));
    });
    proptest!(|(a in ".{0,80}", b in ".{0,80}", signature in proptest::collection::vec(any::<u8>(), 0..300))| {
        let token = [b64(&a), b64(&b), b64(&signature)].join(".");
        prop_assert!(refused(&token));
        for kind in Kind::ALL {
            let token = [b64(header(kind).to_string()), b64(&b), b64(&signature)].join(".");
            prop_assert!(refused(&token));
        }
    });
}

#[test]
fn signed_garbage_is_refused() {
    let bench = Bench::new();
    let runtime = Runtime::new().unwrap();
    proptest!(|(name in "[a-z]{1,6}", value in ".{0,40}", number in any::<f64>(), raw in ".{0,60}")| {
        // A trusted issuer's own mistakes: signed, and still no person.
        let tokens = [
            bench.keys.token_of_texts(Kind::Ed, &header(Kind::Ed).to_string(), &raw),
            bench.keys.token(Kind::Ed, &header(Kind::Ed), &json!({ name.clone(): value.clone(), "exp": number })),
            bench.keys.token(Kind::Ed, &with(header(Kind::Ed), "typ", value.into()), &json!({})),
        ];
        for token in tokens {
            prop_assert!(runtime.block_on(bench.authenticator.authenticate(&token)).is_err());
        }
    });
}
