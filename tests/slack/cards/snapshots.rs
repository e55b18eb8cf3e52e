//! What everybody sees, word for word. After a wanted change: `INSTA_UPDATE=always cargo test --test slack`, and read the
//! difference.

use insta::assert_json_snapshot;
use seatgate_slack::card::Renderer;

use super::samples::{answers, samples};

#[test]
fn everything_looks_as_agreed() {
    let renderer = Renderer::default();
    for sample in samples(&renderer) {
        assert_json_snapshot!(sample.name, sample.body);
    }
    assert_json_snapshot!("answers", answers(&renderer));
}
