use std::error::Error;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

/// A server on loopback that answers one request.
struct Server {
    address: SocketAddr,
    /// What it read, once it has answered.
    request: JoinHandle<String>,
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn answering(response: impl Into<Vec<u8>>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let response = response.into();
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        // A client that has seen enough may close first.
        let _ = stream.write_all(&response).await;
        head
    });
    Server { address, request }
}

fn client(allowed: &str) -> GuardedClient {
    GuardedClient::builder().allow_private(allowed.parse().unwrap()).build().unwrap()
}

fn get(url: &str) -> OutboundCall {
    OutboundCall::new(Method::Get, Url::parse(url).unwrap())
}

async fn kind(client: &GuardedClient, call: OutboundCall) -> OutboundErrorKind {
    client.send(call).await.unwrap_err().kind()
}

async fn reply_to(response: impl Into<Vec<u8>>) -> Result<OutboundReply, OutboundError> {
    let server = answering(response).await;
    let url = format!("http://{}/hook?token=s3cret", server.address);
    client(&server.address.to_string()).send(get(&url)).await
}

#[tokio::test]
async fn a_listed_private_target_is_called() {
    let server = answering("HTTP/1.1 202 Accepted\r\nLocation: /jobs/1\r\nContent-Length: 2\r\n\r\n{}").await;
    let url = Url::parse(&format!("http://{}/hook", server.address)).unwrap();
    let call = OutboundCall::new(Method::Delete, url).header("webhook-id", "tsk_1");
    let reply = client(&server.address.to_string()).send(call).await.unwrap();
    assert_eq!((reply.status(), reply.header("LOCATION"), reply.body()), (202, Some("/jobs/1"), &b"{}"[..]));
    assert_eq!(reply.header("nothing"), None);
    let request = server.request.await.unwrap();
    assert!(request.starts_with("DELETE /hook HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("webhook-id: tsk_1\r\n"), "{request}");
    assert!(!request.to_lowercase().contains("accept-encoding"), "{request}");
}

#[tokio::test]
async fn a_listed_name_may_resolve_to_loopback() {
    let server = answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let place = format!("localhost:{}", server.address.port());
    let reply = client(&place).send(get(&format!("http://{place}/"))).await.unwrap();
    assert_eq!(reply.status(), 204);
}

#[tokio::test]
async fn another_port_of_a_listed_host_is_refused() {
    let client = client("127.0.0.1:9,localhost:9");
    for url in ["http://127.0.0.1:10/", "https://127.0.0.1:10/", "http://localhost:10/", "https://localhost:10/"] {
        assert_eq!(kind(&client, get(url)).await, OutboundErrorKind::Refused, "{url}");
    }
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_name_of_loopback_is_refused_at_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let client = client("");
    if client.https_problem().is_none() {
        assert!(client.check(&Url::parse(&url).unwrap()).is_ok(), "a name is judged when it is resolved");
        assert_eq!(client.send(get(&url)).await.unwrap_err().to_string(), Reason::Address.to_string());
    }
}

#[tokio::test]
async fn literals_are_refused_in_every_spelling() {
    let client = client("127.0.0.1:9");
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "127.0.0.1.",
        "１２７.0.0.1",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:8.8.8.8]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[2001:db8::1]",
    ] {
        for scheme in ["http", "https"] {
            let url = Url::parse(&format!("{scheme}://{host}/")).unwrap();
            assert_eq!(client.check(&url).map_err(|e| e.kind()), Err(OutboundErrorKind::Refused), "{url}");
        }
    }
}

#[tokio::test]
async fn only_https_and_without_credentials() {
    let client = client("127.0.0.1:9");
    for url in [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "data:,x",
        "unix:/run/x",
        "ws://127.0.0.1:9/",
        "https://user@example.com/",
        "https://:word@example.com/",
        "http://user:word@127.0.0.1:9/",
    ] {
        assert_eq!(kind(&client, get(url)).await, OutboundErrorKind::Refused, "{url}");
    }
}

#[tokio::test]
async fn a_header_that_is_invalid_or_frames_the_request_is_refused() {
    let client = client("127.0.0.1:9");
    for (name, value) in [("a b", "x"), ("a", "x\r\nb: y"), ("", "x"), ("Host", "x"), ("content-length", "0")] {
        let call = get("http://127.0.0.1:9/").header(name, value);
        assert_eq!(kind(&client, call).await, OutboundErrorKind::Refused, "{name}");
    }
}

#[tokio::test]
async fn a_redirect_is_a_reply() {
    let reply = reply_to("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(reply.map(|r| r.status()).map_err(|e| e.kind()), Ok(302));
}

#[tokio::test]
async fn the_body_may_be_as_long_as_the_cap_and_no_longer() {
    for (length, expected) in [(65_536, Ok(65_536)), (65_537, Err(OutboundErrorKind::Ambiguous))] {
        let mut response = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        response.resize(response.len() + length, b'x');
        let reply = reply_to(response).await;
        assert_eq!(reply.map(|r| r.body().len()).map_err(|e| e.kind()), expected, "{length}");
    }
}

#[tokio::test]
async fn too_many_headers_are_ambiguous() {
    let response = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "a: b\r\n".repeat(64));
    assert_eq!(reply_to(response).await.unwrap_err().kind(), OutboundErrorKind::Ambiguous);
}

#[tokio::test]
async fn a_compressed_body_stays_compressed() {
    let reply = reply_to("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz").await.unwrap();
    assert_eq!(reply.body(), b"xyz");
}

#[tokio::test]
async fn a_cut_or_missing_response_is_ambiguous() {
    for response in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "nonsense\r\n\r\n"] {
        let error = reply_to(response).await.unwrap_err();
        assert_eq!(error.kind(), OutboundErrorKind::Ambiguous, "{response}");
    }
}

#[tokio::test]
async fn silence_is_ambiguous() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let call = get(&format!("http://{address}/")).timeout(Duration::from_millis(200));
    assert_eq!(kind(&client(&address.to_string()), call).await, OutboundErrorKind::Ambiguous);
}

#[tokio::test]
async fn a_refused_connection_was_certainly_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let call = get(&format!("http://{address}/"));
    assert_eq!(kind(&client(&address.to_string()), call).await, OutboundErrorKind::NotConnected);
}

#[tokio::test]
async fn an_unknown_name_was_certainly_not_sent() {
    let call = get("http://nowhere.invalid:9/");
    assert_eq!(kind(&client("nowhere.invalid:9"), call).await, OutboundErrorKind::NotConnected);
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_failed_handshake_was_certainly_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"this is no TLS server\r\n\r\n").await;
    });
    let client = client(&address.to_string());
    if client.https_problem().is_none() {
        let call = get(&format!("https://{address}/"));
        assert_eq!(kind(&client, call).await, OutboundErrorKind::NotConnected);
        server.await.unwrap();
    }
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_handshake_that_never_ends_was_certainly_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let allowed = address.to_string().parse().unwrap();
    let builder = GuardedClient::builder().allow_private(allowed).connect_timeout(Duration::from_millis(200));
    let client = builder.build().unwrap();
    if client.https_problem().is_none() {
        let call = get(&format!("https://{address}/"));
        assert_eq!(kind(&client, call).await, OutboundErrorKind::NotConnected);
    }
}

#[tokio::test]
async fn nothing_prints_what_may_be_secret() {
    let call = get("https://example.com/?token=s3cret").header("authorization", "s3cret").body(b"s3cret".to_vec());
    assert!(!format!("{call:?}").contains("s3cret"));
    let error = reply_to("").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    let mut source = error.source();
    while let Some(cause) = source {
        assert!(!cause.to_string().contains("s3cret"), "{cause}");
        source = cause.source();
    }
}

/// Runs in a process of its own, below, that finds no CA certificates and is told of a proxy.
#[tokio::test]
#[ignore = "run by `plain_http_needs_no_certificates_and_uses_no_proxy`"]
async fn child_without_certificates() {
    let server = answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let client = client(&server.address.to_string());
    assert!(client.https_problem().is_some());
    assert_eq!(kind(&client, get("https://example.com/")).await, OutboundErrorKind::Refused);
    let reply = client.send(get(&format!("http://{}/", server.address))).await.unwrap();
    assert_eq!(reply.status(), 204);
}

#[cfg(all(feature = "rustls", target_os = "linux"))]
#[test]
fn plain_http_needs_no_certificates_and_uses_no_proxy() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "guard::tests::child_without_certificates"])
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("http_proxy", "http://127.0.0.1:1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
