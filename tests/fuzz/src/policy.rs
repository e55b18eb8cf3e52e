//! A policy as a TOML file says it, or as the environment does: `KEY=TEXT` lines after the byte 0xFF.

use seatgate_core::policy::{Policy, PolicyDraft};

use super::{is_a_sentence, parts};

pub(super) fn run(input: &[u8]) {
    let [file, environment] = parts(input);
    let (Ok(file), Ok(environment)) = (std::str::from_utf8(file), std::str::from_utf8(environment)) else { return };
    let Ok(mut draft) = toml::from_str::<PolicyDraft>(file) else { return };
    for (path, text) in environment.lines().filter_map(|line| line.split_once('=')) {
        draft.set(path, text);
    }
    match Policy::from_draft(&draft) {
        Ok(policy) => sound(&policy),
        Err(problems) => {
            assert!(problems.iter().next().is_some());
            for problem in problems.iter() {
                assert!(is_a_sentence(problem.key()) && is_a_sentence(problem.reason()), "{problem:?}");
            }
        }
    }
}

fn sound(policy: &Policy) {
    let stored = serde_json::to_string(policy).unwrap();
    assert_eq!(&serde_json::from_str::<Policy>(&stored).unwrap(), policy, "a stored policy is another one: {stored}");
    assert!(policy.version().len() == 16 && policy.version().bytes().all(|byte| byte.is_ascii_hexdigit()));
    for (app, terms) in policy.apps().chain([("", policy.default_terms())]) {
        assert!(terms.keep_for <= terms.keep_max && terms.retry.first <= terms.retry.max, "{app}");
        assert!(!terms.expire_after.is_zero() && terms.quorum >= 1 && terms.retry.attempts >= 1, "{app}");
        assert!(app.is_empty() || (policy.terms(app) == terms && terms != policy.default_terms()), "{app}");
    }
}
