//! Attacks, one a line: what is sent, how it is answered, and what the access stream says about it. Whatever is refused
//! changes nothing, and is one entry in which repeats are counted.
//!
//! Calls to targets have their own tables: `src/guard/tests.rs` for addresses given by literal, by name, by a name that
//! changes and by a redirect, and for answers that are too large, compressed or slow.

mod doors;
mod inbox;
mod scene;
mod texts;

use axum::body::Body;
use axum::http::Request;

use self::scene::{Denied, Scene};

/// Makes the attack's call, again and again.
type Call = Box<dyn Fn(&Scene) -> Request<Body>>;

/// One line of a table.
struct Attack {
    name: &'static str,
    call: Call,
    status: u16,
    /// What the access stream says; nothing where nobody was denied anything: the call cannot be read, or loses a race
    /// that it may lose.
    denied: Option<Denied>,
}

fn attack(
    name: &'static str,
    status: u16,
    denied: Option<Denied>,
    call: impl Fn(&Scene) -> Request<Body> + 'static,
) -> Attack {
    Attack { name, call: Box::new(call), status, denied }
}

/// Tries each of them three times against a scene of its own.
async fn try_all(attacks: Vec<Attack>) {
    for Attack { name, call, status, denied } in attacks {
        let scene = Scene::new().await;
        let before = scene.everything().await;
        for _ in 0..3 {
            assert_eq!(scene.send(call(&scene)).await.0, status, "{name}");
        }
        let mut expected: Vec<(Denied, u64)> = denied.map(|denied| (denied, 1)).into_iter().collect();
        assert_eq!(scene.denials().await, expected, "{name}");
        scene.a_minute_later().await;
        expected.extend(denied.map(|denied| (denied, 2)));
        assert_eq!(scene.denials().await, expected, "{name}: repeats are counted");
        assert_eq!(scene.everything().await, before, "{name} changed something");
    }
}
