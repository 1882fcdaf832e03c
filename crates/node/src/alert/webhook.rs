//! Signed webhooks, as Standard Webhooks has them: `webhook-id`, `webhook-timestamp`, and `webhook-signature`
//! with HMAC-SHA256 over the three parts.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comity_ledger::Hash;
use comity_store::alert::{Alert, Webhook};
use hyper::Method;
use serde_json::{Value, json};

use super::Text;
use crate::http;
use crate::node::{Error, Node};

/// Bytes of an answer that are read.
const MOST: usize = 64 * 1024;

/// A new secret, as Standard Webhooks writes one.
pub(super) fn secret() -> Result<String, Error> {
    Ok(format!("whsec_{}", STANDARD.encode(comity_ledger::random::<32>()?)))
}

/// Whether an address may be called: over TLS, or on this machine.
pub(super) fn check(url: &str) -> Result<(), Error> {
    let plain = url.strip_prefix("http://");
    let local = plain.is_some_and(|rest| {
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        host == "localhost" || host == "127.0.0.1"
    });
    let secure = url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
    if (secure || local) && !url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Ok(());
    }
    let problem = "a webhook is an https:// address, or http:// on this machine";
    Err(Error::Refused(problem.to_owned()))
}

/// Calls a webhook.
pub(super) async fn call(
    node: &Node,
    webhook: &Webhook,
    alert: &Alert,
    text: &Text,
) -> Result<(), Error> {
    let detail: Value = serde_json::from_str(&alert.detail).unwrap_or_default();
    let body = json!({
        "type": format!("alert.{}", alert.what),
        "timestamp": alert.at,
        "data": {
            "party": node.party(),
            "thread": alert.thread,
            "text": text.subject,
            "link": text.link,
            "class": detail["class"],
            "peer": detail["peer"],
            "due": detail["due"],
            "exercise": detail["exercise"],
            "step": alert.step,
        },
    })
    .to_string();
    // What waits again is another call; one that is tried again is the same.
    let what = format!("{} {}", alert.at.as_second(), alert.key);
    let id = format!("msg_{}", &Hash::of(what.as_bytes()).to_hex()[..32]);
    let time = node.clock.seconds().to_string();
    let signature = sign(&webhook.secret, &id, &time, &body);
    let (mut connection, path) = http::open(&*node.network, &webhook.url).await?;
    connection.media = "application/json";
    connection.headers = vec![
        ("webhook-id", id),
        ("webhook-timestamp", time),
        ("webhook-signature", format!("v1,{signature}")),
    ];
    let reply = connection.send(Method::POST, &path, body.into_bytes(), MOST).await?;
    if (200..300).contains(&reply.status) {
        return Ok(());
    }
    Err(Error::Refused(format!("it answers {}", reply.status)))
}

/// Whether a call is from whoever has the secret.
#[must_use]
pub fn verify(secret: &str, id: &str, time: &str, body: &str, signature: &str) -> bool {
    let given = signature.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let key = key(secret);
    let content = format!("{id}.{time}.{body}");
    let tags = given.filter_map(|one| STANDARD.decode(one).ok());
    tags.into_iter().any(|tag| hmac::verify(&key, content.as_bytes(), &tag).is_ok())
}

fn sign(secret: &str, id: &str, time: &str, body: &str) -> String {
    STANDARD.encode(hmac::sign(&key(secret), format!("{id}.{time}.{body}").as_bytes()))
}

fn key(secret: &str) -> hmac::Key {
    let secret = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap_or_default();
    hmac::Key::new(hmac::HMAC_SHA256, &secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, time) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
        let signature = sign(secret, id, time, "{\"test\": 2432232314}");
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let body = "{\"test\": 2432232314}";
        assert!(verify(secret, id, time, body, &format!("v1,{signature}")));
        assert!(!verify(secret, id, time, "{}", &format!("v1,{signature}")));
    }

    #[test]
    fn only_tls_and_this_machine_are_called() {
        for good in ["https://soc.example/hook", "http://127.0.0.1:8000/", "http://localhost/x"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://soc.example/",
            "ftp://x",
            "https://",
            "http://127.0.0.1.evil.example/",
            "https://a b",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
