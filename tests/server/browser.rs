//! The inbox in a real browser, at the width of a phone and of a desktop, with scripts switched off.

use super::house::{Server, eventually};
use super::webdriver::{Browser, TAB};

/// The button with these words, on the card of this seat.
fn on_card(seat: &str, what: &str) -> String {
    format!("//article[contains(., '{seat}')]//{what}")
}

pub(crate) fn button(words: &str) -> String {
    format!("button[normalize-space()='{words}']")
}

/// What a page lacks: one heading, a title, a name for every field, whole words to go elsewhere by; and, by WCAG AA,
/// contrast: 4.5 for text, 3 for the edges of fields and buttons.
const LACKS: &str = "
    const lacks = [], light = colour => { const parts = colour.slice(0, 3).map(part => { const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]; };
    const colour = text => (text.match(/[\\d.]+/g) || []).map(Number);
    const contrast = (a, b) => { const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
        return (bright + 0.05) / (dark + 0.05); };
    const ground = at => { for (; at; at = at.parentElement) { const found = colour(getComputedStyle(at).backgroundColor);
        if (found.length === 3 || found[3] === 1) return found; } return [255, 255, 255]; };
    if (document.querySelectorAll('h1').length !== 1) lacks.push('one h1');
    if (!/^.+ · seatgate$/.test(document.title)) lacks.push('a title: ' + document.title);
    for (const at of document.querySelectorAll('body *')) {
        const style = getComputedStyle(at), own = [...at.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (own && contrast(colour(style.color), ground(at)) < 4.5) lacks.push('contrast of ' + at.outerHTML);
        if (at.matches('button, select, input:not([type=hidden])')) {
            if (at.matches('input, select') && !(at.labels && at.labels.length)) lacks.push('a label: ' + at.outerHTML);
            if (style.borderStyle !== 'none' && at.type !== 'checkbox' && contrast(colour(style.borderTopColor), ground(at.parentElement)) < 3)
                lacks.push('an edge of ' + at.outerHTML);
        }
        const text = document.createRange();
        text.selectNodeContents(at);
        if (at.matches('nav a') && text.getClientRects().length > 1) lacks.push('a whole word: ' + at.outerHTML);
        if (at.id && document.querySelectorAll('#' + CSS.escape(at.id)).length > 1) lacks.push('an id of its own: ' + at.id);
    }
    return lacks";

/// In both colours nothing sticks out at the side, is missing or hard to read; and nothing was refused or went wrong.
/// Saves a picture of each as `picture`.
pub(crate) async fn is_sound(browser: &Browser, page: &str, picture: &str) {
    for (colours, suffix) in [("dark", "-dark"), ("light", "")] {
        browser.prefer(colours).await;
        let overhang = browser.ask("return document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(overhang.as_i64().unwrap() <= 0, "{page} is {overhang} pixels too wide");
        let lacks = browser.ask(LACKS).await;
        assert_eq!(lacks, serde_json::json!([]), "{page}, {colours}");
        browser.picture(&format!("{picture}{suffix}")).await;
    }
    let said = browser.console().await;
    assert!(said.is_empty(), "{page}: {said:?}");
}

async fn is_named(browser: &Browser, name: &str) {
    browser.click(&format!("//li/button[contains(., '{name}')]")).await;
    browser.says(&format!("You are {name}")).await;
}

/// Every stop of the Tab key on this page shows where it is, and has a name.
pub(crate) async fn focus_is_visible(browser: &Browser) {
    let mut stops = 0;
    loop {
        browser.press([TAB]).await;
        let script = "const at = document.activeElement; if (!at || at === document.body) return null; \
                      const style = getComputedStyle(at); \
                      return [at.outerHTML, style.outlineStyle, parseFloat(style.outlineWidth), \
                              (at.innerText || (at.labels && at.labels.length && at.labels[0].innerText) || '').trim()]";
        let at = browser.ask(script).await;
        if at.is_null() || stops > 40 {
            break;
        }
        stops += 1;
        assert!(at[1] != "none" && at[2].as_f64().unwrap() >= 2.0, "the focus does not show on {}", at[0]);
        assert_ne!(at[3], "", "no name: {}", at[0]);
    }
    assert!(stops >= 8, "only {stops} stops");
}

/// The main job, from the first page to the end of a request, and many at once.
async fn the_main_job(width: u32, name: &str) {
    let Some(browser) = Browser::start().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[("SEATGATE_OPERATORS", "olga@example.com")]);
    browser.resize(width, 800).await;
    browser.forbid_scripts().await;
    browser.open(&server.base).await;
    browser.click(&format!("//{}", button("Send the sample sweep"))).await;
    browser.says("The sample sweep is in.").await;
    is_sound(&browser, "the choice of a person", &format!("pick-{name}")).await;
    is_named(&browser, "Mona Li").await;
    is_sound(&browser, "the inbox", &format!("inbox-{name}")).await;
    focus_is_visible(&browser).await;
    browser.open(&server.base).await;
    browser.click("//nav//a[.='Requests']").await;
    browser.says("The requests you were asked about, newest first.").await;
    is_sound(&browser, "the list of requests", &format!("list-{name}")).await;
    focus_is_visible(&browser).await;
    browser.open(&server.base).await;
    one_by_one(&browser, &server, name).await;
    many_at_once(&browser, name).await;
    as_operator(&browser, &server, name).await;
}

async fn one_by_one(browser: &Browser, server: &Server, name: &str) {
    browser.write(&on_card("Zoom: Ben Okafor", "input[@name='reason']"), "On leave until spring").await;
    browser.click(&on_card("Zoom: Ben Okafor", &button("Keep seat"))).await;
    browser.says("Your answer is recorded: keep the seat.").await;
    browser.says("On leave until spring").await;
    is_sound(browser, "a request that is kept", &format!("kept-{name}")).await;
    browser.open(&server.base).await;
    browser.click(&on_card("Figma: Ana Ruiz", &button("Approve removal"))).await;
    browser.says("Your approval is recorded.").await;
    let path = browser.ask("return location.pathname").await;
    eventually(|| async {
        browser.open(&server.url(path.as_str().unwrap())).await;
        browser.text().await.contains("The seat is reclaimed.").then_some(())
    })
    .await;
    browser.says("Chain verified").await;
    is_sound(browser, "a request that is reclaimed", &format!("request-{name}")).await;
    browser.click(&format!("//{}", button("Be somebody else"))).await;
}

async fn many_at_once(browser: &Browser, name: &str) {
    is_named(browser, "Omar Diaz").await;
    browser.click("//a[.='Select all']").await;
    browser.says("Select none").await;
    is_sound(browser, "a selection", &format!("select-{name}")).await;
    browser.click(&format!("//{}", button("Approve removal of selected"))).await;
    browser.says("Together they cost 16.00 EUR + 21.00 USD a month.").await;
    is_sound(browser, "the question whether", &format!("confirm-{name}")).await;
    browser.click(&format!("//{}", button("Approve removal of 2 seats"))).await;
    browser.says("2 of 2 removals approved").await;
    is_sound(browser, "the results", &format!("results-{name}")).await;
    browser.click(&format!("//{}", button("Be somebody else"))).await;
}

async fn as_operator(browser: &Browser, server: &Server, name: &str) {
    is_named(browser, "olga@example.com").await;
    is_sound(browser, "the inbox of an operator", &format!("others-{name}")).await;
    browser.open(&server.url("/requests")).await;
    is_sound(browser, "the list of all requests", &format!("all-{name}")).await;
    browser.open(&server.base).await;
    browser.click("//a[contains(., 'Figma: Omar Diaz')]").await;
    browser.says("You operate seatgate; others were asked.").await;
    is_sound(browser, "a request of somebody else", &format!("operator-{name}")).await;
    browser.write("//input[@id='reassign-to']", "nils@example.com").await;
    browser.write("//input[@id='reassign-reason']", "On leave").await;
    browser.click(&format!("//{}", button("Ask someone else"))).await;
    browser.says("Somebody else is asked now.").await;
    browser.says("asked nils@example.com").await;
    is_sound(browser, "a request that was handed on", &format!("reassigned-{name}")).await;
    browser.click(&format!("//{}", button("Withdraw"))).await;
    browser.says("The request is withdrawn").await;
    browser.open(&server.url("/exceptions")).await;
    browser.says("Zoom: Ben Okafor").await;
    is_sound(browser, "the exceptions", &format!("exceptions-{name}")).await;
    browser.click(&format!("//{}", button("Revoke"))).await;
    browser.says("There is no exception.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_who_is_asked_first_answers() {
    let Some(browser) = Browser::start().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let environment = [("SEATGATE_POLICY__ASK_HOLDER_FIRST", "true"), ("SEATGATE_POLICY__HOLDER_WAIT", "2d")];
    let server = Server::start(directory.path(), &environment);
    browser.resize(390, 800).await;
    browser.forbid_scripts().await;
    browser.open(&server.base).await;
    browser.click(&format!("//{}", button("Send the sample sweep"))).await;
    is_named(&browser, "Ana Ruiz").await;
    browser.click("//h2/a[contains(., 'Figma: Ana Ruiz')]").await;
    browser.says("Tells whoever decides that you do not need the seat.").await;
    is_sound(&browser, "the question to the holder", "holder-phone").await;
    browser.write("//input[@name='reason']", "For the relaunch").await;
    browser.click(&format!("//{}", button("I still need it"))).await;
    browser.says("Your answer is recorded: you still need the seat.").await;
    browser.says("Now asked in your place: Mona Li.").await;
    is_sound(&browser, "a holder who has answered", "holder-answered-phone").await;
    browser.click(&format!("//{}", button("Be somebody else"))).await;
    is_named(&browser, "Mona Li").await;
    browser.says("The holder still needs it: For the relaunch.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_a_phone() {
    the_main_job(390, "phone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_a_desktop() {
    the_main_job(1280, "desktop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_hard_to_use_is_found_out() {
    let Some(browser) = Browser::start().await else { return };
    let page = "<title>seatgate</title><body style='background:white'><h1>One</h1><h1>Two</h1><p id=a style='color:%23999'>\
                pale</p><p id=a>twice</p><input style='border:1px solid %23eee'><button style='border:1px solid'>Go</button>\
                <nav style='width:1em;overflow-wrap:anywhere'><a href=x>Inbox</a></nav>";
    browser.open(&format!("data:text/html,{page}")).await;
    let lacks = browser.ask(LACKS).await;
    let starts =
        ["one h1", "a title", "contrast of <p", "an id", "an id", "a label", "an edge of <input", "a whole word"];
    let lacks: Vec<&str> = lacks.as_array().unwrap().iter().map(|lack| lack.as_str().unwrap()).collect();
    assert!(lacks.iter().zip(starts).all(|(lack, start)| lack.starts_with(start)), "{lacks:?}");
    assert_eq!(lacks.len(), starts.len(), "{lacks:?}");
}
