//! Attacks on the inbox: on who is looking, on its forms, and on what others were asked.

use axum::body::Body;
use axum::http::Request;
use seatgate_http::inbox::PROXY_SECRET_HEADER;

use super::scene::{DEMO, Denied, EMAIL_HEADER, FORM, OTHER, PROXY_SECRET, Scene, token};
use super::{Attack, attack, try_all};
use crate::world::{MANAGER, OPERATOR};

fn denied(who: &'static str, action: &'static str, why: &'static str) -> Option<Denied> {
    Some(Denied { who, surface: "inbox", action, why, request: false })
}

fn about(who: &'static str, action: &'static str, why: &'static str) -> Option<Denied> {
    Some(Denied { request: true, ..denied(who, action, why)? })
}

/// A look with these headers.
fn look(headers: &'static [(&'static str, &'static str)]) -> impl Fn(&Scene) -> Request<Body> {
    move |scene| {
        let call = Request::get(format!("http://seats/requests/{}", scene.anas));
        let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        call.body(Body::empty()).unwrap()
    }
}

fn identities() -> Vec<Attack> {
    const MONA: (&str, &str) = (EMAIL_HEADER, MANAGER);
    const PROXY: (&str, &str) = (PROXY_SECRET_HEADER, PROXY_SECRET);
    vec![
        attack("no proxy in between", 401, denied("-", "look", "no_proxy_secret"), look(&[MONA])),
        attack("a wrong secret", 401, denied("-", "look", "wrong_proxy_secret"), {
            look(&[MONA, (PROXY_SECRET_HEADER, "the-proxy-and-we-know-iT")])
        }),
        attack("the secret twice", 401, denied("-", "look", "no_proxy_secret"), look(&[MONA, PROXY, PROXY])),
        attack("nobody", 401, denied("-", "look", "no_person"), look(&[PROXY])),
        attack("two people at once", 401, denied("-", "look", "no_person"), {
            look(&[(EMAIL_HEADER, OPERATOR), MONA, PROXY])
        }),
        attack("two people in one header", 401, denied("-", "look", "no_person"), {
            look(&[(EMAIL_HEADER, "mona@example.com, olga@example.com"), PROXY])
        }),
        attack("a form without the proxy", 401, denied("-", "look", "no_proxy_secret"), |s| {
            let call =
                Request::post(format!("http://seats/requests/{}/decision", s.anas)).header(EMAIL_HEADER, MANAGER);
            call.header("content-type", FORM).body(Body::from("decision=approve")).unwrap()
        }),
        attack("a name that leads to this machine", 421, denied("-", "look", "foreign_host"), |_| {
            Request::get(format!("http://{DEMO}/")).header("host", "evil.example").body(Body::empty()).unwrap()
        }),
        attack("a cookie written by hand", 403, denied("-", "send_form", "forged_form"), |s| {
            let call = Request::post(format!("http://{DEMO}/requests/{}/decision", s.anas)).header("host", "localhost");
            let call = call.header("cookie", "seatgate_person=prs_0.AAAA").header("content-type", FORM);
            call.body(Body::from("decision=approve")).unwrap()
        }),
    ]
}

fn forms() -> Vec<Attack> {
    let forged = denied(MANAGER, "send_form", "forged_form");
    let foreign = denied(MANAGER, "send_form", "foreign_site");
    let decide = |body: &'static str| {
        move |scene: &Scene| scene.form(&format!("/requests/{}/decision", scene.anas), MANAGER, body)
    };
    let mut attacks = vec![
        attack("no form token", 403, forged, decide("decision=approve")),
        attack("an empty form token", 403, forged, decide("decision=approve&token=")),
        attack("a made-up form token", 403, forged, decide("decision=approve&token=AAAA")),
        attack("somebody else to ask without a token", 403, forged, |s| {
            s.form(&format!("/requests/{}/reassign", s.anas), MANAGER, "to=nils%40example.com&reason=x")
        }),
        attack("an answer to many without a token", 403, forged, |s| {
            s.form("/bulk", MANAGER, &format!("decision=approve&confirmed=yes&request={}", s.anas))
        }),
        attack("a form larger than is read", 413, None, |s| {
            let body = format!("decision=approve&reason={}", "x".repeat(64 * 1024));
            s.form(&format!("/requests/{}/decision", s.anas), MANAGER, &body)
        }),
    ];
    for site in ["cross-site", "same-site"] {
        attacks.push(attack("sent by a page of another site", 403, foreign, move |s| {
            let mut call = s.form(&format!("/requests/{}/decision", s.anas), MANAGER, "decision=approve&token=x");
            call.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
            call
        }));
    }
    attacks
}

#[tokio::test]
async fn nobody_gets_in_by_saying_who_they_are() {
    try_all(identities()).await;
}

#[tokio::test]
async fn no_other_site_can_answer() {
    try_all(forms()).await;
}

/// What somebody sends who is signed in, with a token of their own; the scene says where.
struct Form {
    who: &'static str,
    path: fn(&Scene) -> String,
    body: &'static str,
    status: u16,
    denied: Option<Denied>,
}

fn of_others() -> Vec<Form> {
    let leos = |end| match end {
        "decision" => |s: &Scene| format!("/requests/{}/decision", s.leos),
        "reassign" => |s: &Scene| format!("/requests/{}/reassign", s.leos),
        "undo" => |s: &Scene| format!("/requests/{}/undo", s.approved),
        "withdraw" => |s: &Scene| format!("/requests/{}/withdraw", s.leos),
        "stop" => |s: &Scene| format!("/requests/{}/stop", s.approved),
        _ => |s: &Scene| format!("/requests/{}/tasks/tsk_1", s.approved),
    };
    let form = |who, path, body, status, denied| Form { who, path, body, status, denied };
    let not_asked = |action| about(MANAGER, action, "not_asked");
    vec![
        form(MANAGER, leos("decision"), "decision=approve", 404, not_asked("approve")),
        form(MANAGER, leos("decision"), "decision=keep&reason=x", 404, not_asked("keep")),
        form(MANAGER, leos("reassign"), "to=mona%40example.com&reason=x", 404, not_asked("reassign")),
        form(MANAGER, leos("undo"), "", 404, not_asked("undo")),
        form(MANAGER, leos("withdraw"), "", 404, not_asked("withdraw")),
        form(MANAGER, leos("stop"), "", 404, not_asked("stop")),
        form(MANAGER, leos("task"), "pause=1&resolution=retry", 404, not_asked("resolve")),
        form(OTHER, leos("withdraw"), "", 403, about(OTHER, "withdraw", "not_operator")),
        form(OTHER, leos("stop"), "", 403, about(OTHER, "stop", "not_operator")),
        form(MANAGER, |s| format!("/requests/{}/decision", s.own), "decision=keep&reason=x", 403, {
            about(MANAGER, "keep", "own_seat")
        }),
        form(MANAGER, |s| format!("/requests/{}/decision", s.sent), "decision=approve", 403, {
            about(MANAGER, "approve", "sender")
        }),
        form(OPERATOR, leos("decision"), "decision=approve", 422, about(OPERATOR, "approve", "reason_required")),
        form(MANAGER, |s| format!("/exceptions/{}/revoke", s.exception), "", 403, {
            denied(MANAGER, "revoke_exception", "not_operator")
        }),
    ]
}

#[tokio::test]
async fn nobody_answers_for_others_or_for_themselves() {
    for Form { who, path, body, status, denied } in of_others() {
        let scene = Scene::new().await;
        let before = scene.everything().await;
        let own = if who == OTHER { scene.leos } else { scene.anas };
        let (path, token) = (path(&scene), token(&scene.page(&format!("/requests/{own}"), who).await.1));
        let (answered, page) = scene.send(scene.form(&path, who, &format!("token={token}&{body}"))).await;
        assert_eq!(answered, status, "{path} {body}: {page}");
        assert_eq!(scene.denials().await, denied.map(|denied| (denied, 1)).into_iter().collect::<Vec<_>>(), "{path}");
        assert_eq!(scene.everything().await, before, "{path} {body}");
    }
}

#[tokio::test]
async fn one_seat_of_somebody_else_spoils_a_whole_selection() {
    let scene = Scene::new().await;
    let before = scene.everything().await;
    let token = token(&scene.page("/", MANAGER).await.1);
    let both = format!("request={}&request={}&decision=approve&confirmed=yes&token={token}", scene.anas, scene.leos);
    assert_eq!(scene.send(scene.form("/bulk", MANAGER, &both)).await.0, 404);
    assert_eq!(scene.denials().await, [(about(MANAGER, "approve", "not_asked").unwrap(), 1)]);
    assert_eq!(scene.everything().await, before);
}

#[tokio::test]
async fn a_token_of_somebody_else_fits_no_form() {
    let scene = Scene::new().await;
    let of_other = token(&scene.page("/", OTHER).await.1);
    let form = scene.form(
        &format!("/requests/{}/decision", scene.anas),
        MANAGER,
        &format!("token={of_other}&decision=approve"),
    );
    assert_eq!(scene.send(form).await.0, 403);
    assert_eq!(scene.denials().await, [(denied(MANAGER, "send_form", "forged_form").unwrap(), 1)]);
}

#[tokio::test]
async fn even_a_right_token_does_not_come_from_another_site() {
    let scene = Scene::new().await;
    let before = scene.everything().await;
    let body = format!("decision=approve&token={}", token(&scene.page("/", MANAGER).await.1));
    let sent = |site: &str| {
        let mut form = scene.form(&format!("/requests/{}/decision", scene.anas), MANAGER, &body);
        form.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        scene.send(form)
    };
    assert_eq!(sent("cross-site").await.0, 403);
    assert_eq!(scene.denials().await, [(denied(MANAGER, "send_form", "foreign_site").unwrap(), 1)]);
    assert_eq!(scene.everything().await, before);
    assert_eq!(sent("same-origin").await.0, 303, "our own page may");
}

#[tokio::test]
async fn looking_at_what_others_were_asked_is_recorded() {
    let scene = Scene::new().await;
    assert_eq!(scene.page(&format!("/requests/{}", scene.leos), MANAGER).await.0, 404);
    assert_eq!(scene.denials().await, [(about(MANAGER, "look", "not_asked").unwrap(), 1)]);
    let list = scene.page("/requests", MANAGER).await.1;
    assert!(list.contains(&scene.anas.to_string()) && !list.contains(&scene.leos.to_string()), "{list}");
}
