//! Templates and what fills them.

use seatgate_core::money::Totals;
use seatgate_core::time::Timestamp;

use super::*;

fn fault(phrase: Phrase, template: &str) -> WordingFault {
    let error = Wording::english().with(phrase, template).unwrap_err();
    assert_eq!(error.phrase, phrase);
    assert!(error.to_string().contains(phrase.label()), "{error}");
    error.fault
}

#[test]
fn the_english_words_are_good_templates() {
    for phrase in Phrase::ALL {
        assert!(Wording::english().with(*phrase, phrase.english()).is_ok(), "{phrase:?}");
    }
}

#[test]
fn a_template_that_would_not_do_is_named() {
    assert_eq!(fault(Phrase::Cost, "{price} im Monat"), WordingFault::UnknownSlot("price".to_owned()));
    assert_eq!(fault(Phrase::Cost, "{cost} {app}"), WordingFault::UnknownSlot("app".to_owned()));
    assert_eq!(fault(Phrase::Cost, "teuer"), WordingFault::MissingSlot("cost"));
    assert_eq!(fault(Phrase::Cost, "{cost"), WordingFault::Brace);
    assert_eq!(fault(Phrase::Cost, "cost}"), WordingFault::Brace);
    assert_eq!(fault(Phrase::ButtonKeep, " "), WordingFault::Empty);
    assert_eq!(fault(Phrase::ButtonKeep, &"x".repeat(76)), WordingFault::TooLong(75));
    assert_eq!(fault(Phrase::ConfirmNo, &"x".repeat(31)), WordingFault::TooLong(30));
}

#[test]
fn slots_are_escaped_for_where_they_go_and_literals_are_not() {
    let wording = Wording::english().with(Phrase::Verbatim, "<b> {{{text}}} {text}").unwrap();
    let line = Line::verbatim("<!channel>\n&\u{202e} {text}");
    assert_eq!(wording.say(&line, Form::Markup), "<b> {&lt;!channel&gt; &amp; {text}} &lt;!channel&gt; &amp; {text}");
    assert_eq!(wording.say(&line, Form::Plain), "<b> {<!channel> & {text}} <!channel> & {text}");
    assert_eq!(Wording::english().say(&Line::verbatim(" \u{0}"), Form::Plain), "—");
}

#[test]
fn moments_show_in_the_readers_time_where_slack_can_do_that() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let say =
        |value: Value<'_>, form| Wording::english().say(&Line::new(Phrase::AnswerBy).with(Slot::Until, value), form);
    let noon = || Value::Moment(at("2026-11-20T12:00:00Z"));
    let shown = "Please answer by <!date^1795176000^{date_short_pretty}, {time}|2026-11-20 12:00 UTC>.";
    assert_eq!(say(noon(), Form::Markup), shown);
    assert_eq!(say(noon(), Form::Text), "Please answer by 2026-11-20 12:00 UTC.");
    assert_eq!(say(Value::Moment(at("1960-01-01T00:00:00Z")), Form::Markup), "Please answer by 1960-01-01 00:00 UTC.");
    assert_eq!(say(Value::LastDay(at("2027-01-01T00:00:00Z")), Form::Markup), "Please answer by 2026-12-31.");
    assert_eq!(say(Value::Costs(Totals::default()), Form::Markup), "Please answer by 0.");
}

#[test]
fn what_is_shortened_is_cut_between_its_parts() {
    assert_eq!(shortened("Ana Ruiz", 8), "Ana Ruiz");
    assert_eq!(shortened("Ana Ruiz", 6), "Ana R…");
    assert_eq!(shortened("Ana Ruiz", 5), "Ana…");
    assert_eq!(shortened("a&amp;b", 6), "a…");
    assert_eq!(shortened("ab&amp;b", 8), "ab&amp;b");
    assert_eq!(shortened("by <!date^1^{date}|x> then", 10), "by…");
    assert_eq!(shortened("👩‍👧 x", 2), "👩…");
    assert_eq!(shortened("a < b and more", 6), "a < b…");
}
