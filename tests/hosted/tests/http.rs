//! What the example `httpd` understands, and how it writes dates.

#[allow(dead_code, reason = "the server answers more than is asked here")]
#[path = "../../../examples/httpd/src/http.rs"]
mod http;

use http::{RESPONSE_BYTES_MAX, Response, Status};

/// The path of a request whose target is `target`.
fn path(target: &str) -> Result<Vec<u8>, Status> {
    let mut head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
    http::parse(&mut head).map(|request| request.path.to_vec())
}

#[test]
fn paths_are_decoded_once() {
    for (target, wanted) in [
        ("/", "/"),
        ("/a%20b", "/a b"),
        ("/%2541", "/%41"),
        ("/a?b=%zz", "/a"),
        ("/a%3Fb", "/a?b"),
        ("http://host:80/a", "/a"),
        ("/...", "/..."),
        ("/%c3%a9", "/\u{e9}"),
    ] {
        assert_eq!(path(target).as_deref(), Ok(wanted.as_bytes()), "{target}");
    }
}

#[test]
fn paths_that_lead_out_are_refused() {
    for target in [
        "/..",
        "/../a",
        "/a/..",
        "/%2e%2e/a",
        "/a%2f%2E.",
        "/.%2e",
        "/a%00",
        "/%",
        "/%4",
        "/%4g",
        "a",
        "*",
        "",
        "http://host",
        "/a#b",
        "/\u{e9}",
    ] {
        assert_eq!(path(target), Err(Status::BadRequest), "{target}");
    }
}

#[test]
fn heads_are_found_and_understood() {
    let all = b"HEAD /a HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.0\r\n\r\nGET";
    let end = http::head_end(all).unwrap();
    let mut first = all[..end].to_vec();
    let request = http::parse(&mut first).unwrap();
    assert!(request.is_head && request.keeps_alive && request.path == b"/a");
    let next = http::head_end(&all[end..]).unwrap();
    let mut second = all[end..][..next].to_vec();
    let request = http::parse(&mut second).unwrap();
    assert!(!request.is_head && !request.keeps_alive && request.path == b"/b");
    assert_eq!(http::head_end(&all[end + next..]), None);
    assert_eq!(
        http::too_large(b"GET /a HTTP/1.1\r\nLong: x"),
        Status::HeadTooLarge
    );
    assert_eq!(http::too_large(&[b'x'; 4096]), Status::UriTooLong);
    assert_eq!(http::media_type(b"/a.b/c.txt"), "text/plain; charset=utf-8");
    assert_eq!(http::media_type(b"/folder/"), "text/html; charset=utf-8");
    assert_eq!(http::media_type(b"/txt"), "application/octet-stream");
}

/// No head, whatever is cut off or changed, is more than refused.
#[test]
fn broken_heads_do_not_panic() {
    let whole = b"GET http://a/b%20c?d HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n";
    for end in 0..whole.len() {
        let _ = http::parse(&mut whole[..end].to_vec());
        for byte in [0, b' ', b'\r', b'\n', b'%', b'/', b':', 0xff] {
            let mut text = whole.to_vec();
            text[end] = byte;
            let _ = http::parse(&mut text);
        }
    }
}

fn at(now: u64) -> String {
    let response = Response {
        status: Status::HeadTooLarge,
        media_type: "text/plain; charset=utf-8",
        length: u64::MAX,
        keeps_alive: false,
        now,
    };
    let text = response.to_string();
    assert!(text.len() + Status::HeadTooLarge.line().len() <= RESPONSE_BYTES_MAX);
    let line = text
        .lines()
        .nth(1)
        .and_then(|line| line.strip_prefix("Date: "));
    line.unwrap().to_owned()
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (now, wanted) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ] {
        assert_eq!(at(now), wanted);
    }
}
