//! How documents are taken apart.

use super::*;

async fn document(kind: &str, body: &str) -> Result<Document, Problem> {
    let request = Request::builder().header("content-type", kind).body(Body::from(body.to_owned()));
    Document::from_request(request.unwrap(), &()).await
}

#[tokio::test]
async fn a_member_named_twice_and_a_document_that_is_packed_are_refused() {
    let twice = document("application/json", r#"{"role":"viewer","role":"admin"}"#).await.unwrap_err();
    assert_eq!((twice.status, twice.code), (StatusCode::BAD_REQUEST, "invalid_json"));
    for (encoding, is_taken) in [("gzip", false), ("identity", true)] {
        let request = Request::builder().header("content-type", "application/json");
        let request = request.header("content-encoding", encoding);
        let found = Document::from_request(request.body(Body::from("{}")).unwrap(), &()).await;
        let status = found.map_err(|problem| problem.status).map(|_| ());
        let expected = if is_taken { Ok(()) } else { Err(StatusCode::UNSUPPORTED_MEDIA_TYPE) };
        assert_eq!(status, expected, "{encoding}");
    }
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let body = r#"{"tenant": 3, "email": "", "agent": "a\u0000b", "cookie": "yes", "a/b": 1}"#;
    let mut found = document("application/json; charset=utf-8", body).await.unwrap();
    let _ = (
        found.text("tenant", 9),
        found.text("email", 9),
        found.text("agent", 9),
        found.text("password", 9),
        found.flag("cookie"),
    );
    let problem = found.finish().unwrap_err();
    let faults: Vec<_> =
        problem.faults.iter().map(|it| (it.pointer.as_deref().unwrap_or_default(), it.code)).collect();
    assert_eq!(problem.status, 422);
    let expected = [
        ("/tenant", "wrong_type"),
        ("/email", "empty"),
        ("/agent", "invalid"),
        ("/password", "required"),
        ("/cookie", "wrong_type"),
        ("/a~1b", "unknown"),
    ];
    assert_eq!(faults, expected);
}

#[tokio::test]
async fn what_is_no_document_is_refused() {
    assert_eq!(document("text/plain", "{}").await.unwrap_err().status, 415);
    assert_eq!(document("application/json", "[]").await.unwrap_err().code, "invalid_json");
    assert_eq!(document("application/json", "{").await.unwrap_err().code, "invalid_json");
    let large = format!("{{\"a\": \"{}\"}}", "a".repeat(MOST));
    assert_eq!(document("application/json", &large).await.unwrap_err().status, 413);
}

#[tokio::test]
async fn what_a_list_says_keeps_its_place() {
    let mut found = document("application/json", r#"{"numbers": [true, "7", "x", "9"]}"#).await.unwrap();
    #[derive(Debug, PartialEq)]
    struct Number(u8);
    impl FromStr for Number {
        type Err = String;
        fn from_str(text: &str) -> Result<Self, String> {
            text.parse().map(Number).map_err(|_| "is no number".to_owned())
        }
    }
    assert_eq!(found.texts::<Number>("numbers", 9, 9), [(1, Number(7)), (3, Number(9))]);
    let faults = found.finish().unwrap_err().faults;
    let places: Vec<_> = faults.iter().map(|it| it.pointer.as_deref().unwrap_or_default()).collect();
    assert_eq!(places, ["/numbers/0", "/numbers/2"]);
}
