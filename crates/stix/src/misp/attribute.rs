//! Attributes: what each type is as an observable, and as a pattern.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

/// What an attribute is in STIX.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meant {
    /// Something that was observed: objects, the first what it is, and the pattern that finds it.
    Observed(Vec<Value>, String),
    /// Only what is looked for.
    Pattern(String),
    /// A rule in another language.
    Rule(&'static str, String),
    /// Something of its own: its type and what it is called.
    Thing(&'static str, String),
}

/// What an attribute of this type and value is; none where STIX has nothing for it.
pub(super) fn meant(kind: &str, value: &str, data: Option<&str>, uuid: &str) -> Option<Meant> {
    let seen = |objects: Vec<Value>, tests: &[(&str, &str)]| {
        Some(Meant::Observed(objects, pattern(tests)))
    };
    let simple = |kind: &str| {
        let path = format!("{kind}:value");
        seen(vec![sco(kind, uuid, json!({ "value": value }))], &[(&path, value)])
    };
    let (first, second) = value.split_once('|').unwrap_or((value, ""));
    match kind {
        "domain" | "hostname" => simple("domain-name"),
        // A path alone is no URL: what it belongs to is not said.
        "url" | "uri" | "link" if !value.starts_with('/') => simple("url"),
        "email" | "whois-registrant-email" => simple("email-addr"),
        "mac-address" => simple("mac-addr"),
        "ip-src" | "ip-dst" => traffic(&kind[3..], value, None, uuid),
        "ip-src|port" | "ip-dst|port" => traffic(&kind[3..6], first, Some(second), uuid),
        "hostname|port" => {
            let port: u16 = second.trim().parse().ok()?;
            let name = sco("domain-name", uuid, json!({ "value": first }));
            let traffic = json!({ "dst_ref": name["id"], "dst_port": port, "protocols": ["tcp"] });
            let objects = vec![name, sco("network-traffic", uuid, traffic)];
            // A name and traffic are two objects: no one is both.
            let tests = [
                ("network-traffic:dst_ref.type", "domain-name"),
                ("network-traffic:dst_ref.value", first),
                ("network-traffic:dst_port", second),
            ];
            seen(objects, &tests)
        }
        "domain|ip" => {
            let address = address(second, uuid)?;
            let name = json!({ "value": first, "resolves_to_refs": [address["id"]] });
            let tests =
                [("domain-name:value", first), ("domain-name:resolves_to_refs[*].value", second)];
            seen(vec![sco("domain-name", uuid, name), address], &tests)
        }
        "AS" => {
            let number = value.trim().trim_start_matches(['A', 'S', 'a', 's']);
            let it = json!({ "number": number.parse::<u32>().ok()? });
            let tests = [("autonomous-system:number", number)];
            seen(vec![sco("autonomous-system", uuid, it)], &tests)
        }
        "mutex" => {
            seen(vec![sco("mutex", uuid, json!({ "name": value }))], &[("mutex:name", value)])
        }
        "regkey" => {
            let key = hive(value);
            let it = sco("windows-registry-key", uuid, json!({ "key": key }));
            seen(vec![it], &[("windows-registry-key:key", &key)])
        }
        "regkey|value" => {
            let key = hive(first);
            let it = json!({ "key": key, "values": [{ "data": second }] });
            let tests =
                [("windows-registry-key:key", &*key), ("windows-registry-key:values.data", second)];
            seen(vec![sco("windows-registry-key", uuid, it)], &tests)
        }
        "github-username" => {
            let it = json!({ "account_login": value, "account_type": "github" });
            let tests =
                [("user-account:account_type", "github"), ("user-account:account_login", value)];
            seen(vec![sco("user-account", uuid, it)], &tests)
        }
        "filename" => {
            seen(vec![sco("file", uuid, json!({ "name": value }))], &[("file:name", value)])
        }
        "attachment" => {
            let Some(data) = data else { return meant("filename", value, None, uuid) };
            let artifact = sco("artifact", uuid, json!({ "payload_bin": data }));
            let file = json!({ "name": value, "content_ref": artifact["id"] });
            let tests = [("file:name", value), ("file:content_ref.payload_bin", data)];
            seen(vec![sco("file", uuid, file), artifact], &tests)
        }
        "malware-sample" => {
            let mut file = json!({ "name": first, "hashes": { "MD5": second } });
            let mut tests = vec![("file:name", first), ("file:hashes.MD5", second)];
            let mut objects = Vec::new();
            if let Some(data) = data {
                let artifact = sco(
                    "artifact",
                    uuid,
                    json!({
                        "mime_type": "application/zip", "payload_bin": data,
                        "encryption_algorithm": "mime-type-indicated", "decryption_key": "infected",
                    }),
                );
                file["content_ref"] = artifact["id"].clone();
                tests.push(("file:content_ref.payload_bin", data));
                objects.push(artifact);
            }
            objects.insert(0, sco("file", uuid, file));
            seen(objects, &tests)
        }
        "port" => only(&[("network-traffic:dst_port", value)]),
        "size-in-bytes" => only(&[("file:size", value)]),
        "http-method" => {
            only(&[("network-traffic:extensions.'http-request-ext'.request_method", value)])
        }
        "user-agent" => only(&[(
            "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'",
            value,
        )]),
        "yara" => Some(Meant::Rule("yara", value.to_owned())),
        "sigma" => Some(Meant::Rule("sigma", value.to_owned())),
        "snort" => Some(Meant::Rule("snort", value.to_owned())),
        "suricata" => Some(Meant::Rule("suricata", value.to_owned())),
        "vulnerability" => Some(Meant::Thing("vulnerability", value.to_owned())),
        "campaign-name" => Some(Meant::Thing("campaign", value.to_owned())),
        "threat-actor" => Some(Meant::Thing("threat-actor", value.to_owned())),
        _ => email(kind, value, uuid).or_else(|| hashed(kind, value, uuid)),
    }
}

/// What is looked for and not observed by itself.
fn only(tests: &[(&str, &str)]) -> Option<Meant> {
    Some(Meant::Pattern(pattern(tests)))
}

fn email(kind: &str, value: &str, uuid: &str) -> Option<Meant> {
    let message = |mut it: Value, others: Vec<Value>, path: &str| {
        it["is_multipart"] = false.into();
        let mut objects = vec![sco("email-message", uuid, it)];
        objects.extend(others);
        Some(Meant::Observed(objects, pattern(&[(&format!("email-message:{path}"), value)])))
    };
    let address = || sco("email-addr", uuid, json!({ "value": value }));
    match kind {
        "email-src" => {
            message(json!({ "from_ref": address()["id"] }), vec![address()], "from_ref.value")
        }
        "email-dst" => {
            message(json!({ "to_refs": [address()["id"]] }), vec![address()], "to_refs[*].value")
        }
        "email-subject" => message(json!({ "subject": value }), vec![], "subject"),
        "email-body" => message(json!({ "body": value }), vec![], "body"),
        "email-message-id" => message(json!({ "message_id": value }), vec![], "message_id"),
        "email-header" => message(json!({ "received_lines": [value] }), vec![], "received_lines"),
        "email-reply-to" => message(
            json!({ "additional_header_fields": { "Reply-To": value } }),
            vec![],
            "additional_header_fields.reply_to",
        ),
        "email-x-mailer" => message(
            json!({ "additional_header_fields": { "X-Mailer": value } }),
            vec![],
            "additional_header_fields.x_mailer",
        ),
        "email-attachment" => {
            let file = sco("file", uuid, json!({ "name": value }));
            let it = json!({
                "is_multipart": true,
                "body_multipart": [{
                    "body_raw_ref": file["id"],
                    "content_disposition": format!("attachment; filename='{value}'"),
                }],
            });
            let path = "email-message:body_multipart[*].body_raw_ref.name";
            let objects = vec![sco("email-message", uuid, it), file];
            Some(Meant::Observed(objects, pattern(&[(path, value)])))
        }
        _ => None,
    }
}

/// A key of the registry with the name of its hive in full, as STIX wants it.
fn hive(key: &str) -> String {
    let (first, rest) =
        key.split_once('\\').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let full = match first.to_ascii_uppercase().as_str() {
        "HKLM" => "HKEY_LOCAL_MACHINE",
        "HKCU" => "HKEY_CURRENT_USER",
        "HKCR" => "HKEY_CLASSES_ROOT",
        "HKU" => "HKEY_USERS",
        "HKCC" => "HKEY_CURRENT_CONFIG",
        _ => return key.to_owned(),
    };
    rest.map_or_else(|| full.to_owned(), |rest| format!("{full}\\{rest}"))
}

/// A digest of a file or a certificate, with a name before it or not.
fn hashed(kind: &str, value: &str, uuid: &str) -> Option<Meant> {
    if let Some(algorithm) = kind.strip_prefix("x509-fingerprint-") {
        let (name, _) = algorithm_of(algorithm)?;
        let it = json!({ "hashes": { name: value } });
        let path = format!("x509-certificate:hashes.{}", key(name));
        let objects = vec![sco("x509-certificate", uuid, it)];
        return Some(Meant::Observed(objects, pattern(&[(&path, value)])));
    }
    let (named, algorithm) = match kind.split_once('|') {
        Some(("filename", algorithm)) => (true, algorithm),
        Some(_) => return None,
        None => (false, kind),
    };
    let (name, looked_for) = algorithm_of(algorithm)?;
    let (file, digest) = if named { value.split_once('|')? } else { ("", value) };
    let mut it = json!({ "hashes": { name: digest } });
    let path = format!("file:hashes.{}", key(looked_for));
    let mut tests = vec![(path.as_str(), digest)];
    if named {
        it["name"] = file.into();
        tests.insert(0, ("file:name", file));
    }
    Some(Meant::Observed(vec![sco("file", uuid, it)], pattern(&tests)))
}

/// What an algorithm is called in an object, and in a pattern.
fn algorithm_of(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "md5" => ("MD5", "MD5"),
        "sha1" => ("SHA-1", "SHA-1"),
        "sha224" | "sha512/224" => ("SHA224", "SHA-224"),
        "sha256" | "sha512/256" => ("SHA-256", "SHA-256"),
        "sha384" => ("SHA384", "SHA-384"),
        "sha512" => ("SHA-512", "SHA-512"),
        "sha3-224" => ("SHA3224", "SHA3-224"),
        "sha3-256" => ("SHA3-256", "SHA3-256"),
        "sha3-384" => ("SHA3384", "SHA3-384"),
        "sha3-512" => ("SHA3-512", "SHA3-512"),
        "ssdeep" => ("SSDEEP", "SSDEEP"),
        "tlsh" => ("TLSH", "TLSH"),
        "authentihash" => ("AUTHENTIHASH", "AUTHENTIHASH"),
        "imphash" => ("IMPHASH", "IMPHASH"),
        "pehash" => ("PEHASH", "PEHASH"),
        "vhash" => ("VHASH", "VHASH"),
        "telfhash" => ("TELFHASH", "TELFHASH"),
        _ => return None,
    })
}

/// A key of a path, in quotes where it needs them.
pub(super) fn key(name: &str) -> String {
    if name.contains('-') { format!("'{name}'") } else { name.to_owned() }
}

fn traffic(side: &str, value: &str, port: Option<&str>, uuid: &str) -> Option<Meant> {
    let address = address(value, uuid)?;
    let kind = address["type"].as_str().unwrap_or_default().to_owned();
    let mut it = Map::new();
    it.insert(format!("{side}_ref"), address["id"].clone());
    let (of_type, of_value) =
        (format!("network-traffic:{side}_ref.type"), format!("network-traffic:{side}_ref.value"));
    let of_port = format!("network-traffic:{side}_port");
    let mut tests = vec![(of_type.as_str(), kind.as_str()), (of_value.as_str(), value)];
    if let Some(port) = port {
        it.insert(format!("{side}_port"), port.trim().parse::<u16>().ok()?.into());
        tests.push((of_port.as_str(), port.trim()));
    }
    it.insert("protocols".to_owned(), json!(["tcp"]));
    Some(Meant::Observed(vec![sco("network-traffic", uuid, it.into()), address], pattern(&tests)))
}

/// An address, or a network.
pub(super) fn address(value: &str, uuid: &str) -> Option<Value> {
    let (plain, bits) = value.split_once('/').unwrap_or((value, "0"));
    let kind = match (plain.parse().ok()?, bits.parse::<u8>().ok()?) {
        (IpAddr::V4(_), 0..=32) => "ipv4-addr",
        (IpAddr::V6(_), 0..=128) => "ipv6-addr",
        _ => return None,
    };
    Some(sco(kind, uuid, json!({ "value": value })))
}

/// An observable with this UUID.
pub(super) fn sco(kind: &str, uuid: &str, properties: Value) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), kind.into());
    object.insert("spec_version".to_owned(), "2.1".into());
    object.insert("id".to_owned(), format!("{kind}--{uuid}").into());
    if let Value::Object(properties) = properties {
        object.extend(properties);
    }
    object.into()
}

/// A pattern of one observation that all these tests want.
pub(super) fn pattern(tests: &[(&str, &str)]) -> String {
    let tests = tests.iter().map(|(path, text)| format!("{path} = '{}'", quoted(text)));
    format!("[{}]", tests.collect::<Vec<_>>().join(" AND "))
}

/// A text between the quotation marks of a pattern.
pub(super) fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
