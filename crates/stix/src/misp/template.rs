//! Templates of MISP's objects: what each of their attributes is in STIX, as MISP's own converter documents it.

/// A template.
pub(super) struct Template {
    /// Its name.
    pub(super) name: &'static str,
    /// The type of what it is in STIX; `indicator` where it is a rule.
    pub(super) kind: &'static str,
    /// Whether it is observed: else it is a thing of its own.
    pub(super) observed: bool,
    /// What it is in any case: properties and their texts.
    pub(super) fixed: &'static [(&'static str, &'static str)],
    /// Its attributes, in the order of a pattern's tests.
    pub(super) fields: &'static [Field],
}

/// What attributes of one relation are.
pub(super) struct Field {
    /// The relation.
    pub(super) relation: &'static str,
    /// The type of attributes.
    pub(super) kind: &'static str,
    /// What they become.
    pub(super) to: To,
}

/// What an attribute becomes. Steps of a path are apart by `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// A property.
    Text(&'static str),
    /// One of a list.
    Texts(&'static str),
    /// One of a list, in small letters.
    Small(&'static str),
    /// A whole number.
    Number(&'static str),
    /// A number.
    Real(&'static str),
    /// Kilometres, which STIX has in metres.
    Kilometres(&'static str),
    /// `True` or `False`, or a text that means true.
    Truth(&'static str, &'static str),
    /// A time.
    Time(&'static str),
    /// A digest.
    Hash(&'static str),
    /// An object of its own: the property that names it, its type, its property.
    Ref(&'static str, &'static str, &'static str),
    /// Several of them.
    Refs(&'static str, &'static str, &'static str),
    /// An address that a property names.
    Address(&'static str),
    /// The autonomous system of the address that a property names.
    System(&'static str),
    /// What the addresses that a property names are called.
    Called(&'static str),
    /// A file that an e-mail carries.
    Carried,
    /// A sample: name and MD5, and the packed file.
    Sample,
    /// The bytes of a picture.
    Picture,
    /// Where the picture is.
    PictureAt,
    /// The bytes themselves.
    Bytes,
    /// A part of how somebody is reached.
    Contact,
    /// A part of somebody's name.
    Name,
    /// A number in this source, with what stands before it there.
    Cited(&'static str, &'static str),
    /// A link.
    Link,
    /// A rule.
    Rule(&'static str),
    /// Of MISP's own: `x_misp_` and the relation.
    Own,
}

const fn f(relation: &'static str, kind: &'static str, to: To) -> Field {
    Field { relation, kind, to }
}

const fn seen(name: &'static str, kind: &'static str, fields: &'static [Field]) -> Template {
    Template { name, kind, observed: true, fixed: &[], fields }
}

const fn account(
    name: &'static str,
    fixed: &'static [(&'static str, &'static str)],
    fields: &'static [Field],
) -> Template {
    Template { name, kind: "user-account", observed: true, fixed, fields }
}

const fn thing(
    name: &'static str,
    kind: &'static str,
    fixed: &'static [(&'static str, &'static str)],
    fields: &'static [Field],
) -> Template {
    Template { name, kind, observed: false, fixed, fields }
}

use To::{
    Address, Bytes, Called, Carried, Cited, Contact, Hash, Kilometres, Link, Name, Number, Own,
    Picture, PictureAt, Real, Ref, Refs, Rule, Sample, Small, System, Text, Texts, Time, Truth,
};

/// Every template that has a form of its own in STIX.
const TEMPLATES: &[Template] = &[
    seen(
        "android-app",
        "software",
        &[
            f("name", "text", Text("name")),
            f("certificate", "sha1", Own),
            f("domain", "domain", Own),
        ],
    ),
    seen(
        "artifact",
        "artifact",
        &[
            f("md5", "md5", Hash("MD5")),
            f("sha1", "sha1", Hash("SHA-1")),
            f("sha256", "sha256", Hash("SHA-256")),
            f("sha512", "sha512", Hash("SHA-512")),
            f("ssdeep", "ssdeep", Hash("SSDEEP")),
            f("tlsh", "tlsh", Hash("TLSH")),
            f("mime_type", "mime-type", Text("mime_type")),
            f("payload_bin", "attachment", Bytes),
            f("encryption_algorithm", "text", Text("encryption_algorithm")),
            f("decryption_key", "text", Text("decryption_key")),
            f("url", "url", Text("url")),
        ],
    ),
    seen(
        "asn",
        "autonomous-system",
        &[
            f("asn", "AS", Number("number")),
            f("description", "text", Text("name")),
            f("subnet-announced", "ip-src", Own),
        ],
    ),
    thing(
        "attack-pattern",
        "attack-pattern",
        &[],
        &[
            f("id", "text", Cited("capec", "CAPEC-")),
            f("name", "text", Text("name")),
            f("summary", "text", Text("description")),
            f("prerequisites", "text", Own),
            f("related-weakness", "weakness", Own),
            f("solutions", "text", Own),
        ],
    ),
    thing(
        "course-of-action",
        "course-of-action",
        &[],
        &[f("name", "text", Text("name")), f("description", "text", Text("description"))],
    ),
    seen(
        "cpe-asset",
        "software",
        &[
            f("cpe", "cpe", Text("cpe")),
            f("language", "text", Texts("languages")),
            f("product", "text", Text("name")),
            f("vendor", "text", Text("vendor")),
            f("version", "text", Text("version")),
        ],
    ),
    account(
        "credential",
        &[],
        &[
            f("username", "text", Text("user_id")),
            f("password", "text", Text("credential")),
            f("text", "text", Own),
        ],
    ),
    seen(
        "directory",
        "directory",
        &[
            f("path", "text", Text("path")),
            f("path-encoding", "text", Text("path_enc")),
            f("creation-time", "datetime", Time("ctime")),
            f("modification-time", "datetime", Time("mtime")),
            f("access-time", "datetime", Time("atime")),
        ],
    ),
    seen(
        "domain-ip",
        "domain-name",
        &[
            f("domain", "domain", Text("value")),
            f("hostname", "hostname", Own),
            f("ip", "ip-dst", Address("resolves_to_refs")),
            f("port", "port", Own),
        ],
    ),
    seen(
        "email",
        "email-message",
        &[
            f("to", "email-dst", Refs("to_refs", "email-addr", "value")),
            f("cc", "email-dst", Refs("cc_refs", "email-addr", "value")),
            f("bcc", "email-dst", Refs("bcc_refs", "email-addr", "value")),
            f("from", "email-src", Ref("from_ref", "email-addr", "value")),
            f("to-display-name", "email-dst-display-name", Called("to_refs")),
            f("cc-display-name", "email-dst-display-name", Called("cc_refs")),
            f("bcc-display-name", "email-dst-display-name", Called("bcc_refs")),
            f("from-display-name", "email-src-display-name", Called("from_ref")),
            f("message-id", "email-message-id", Text("message_id")),
            f("subject", "email-subject", Text("subject")),
            f("send-date", "datetime", Time("date")),
            f("reply-to", "email-reply-to", Text("additional_header_fields/Reply-To")),
            f("x-mailer", "email-x-mailer", Text("additional_header_fields/X-Mailer")),
            f("attachment", "email-attachment", Carried),
            f("mime-boundary", "email-mime-boundary", Own),
        ],
    ),
    thing(
        "employee",
        "identity",
        &[("identity_class", "individual")],
        &[
            f("first-name", "first-name", Name),
            f("last-name", "last-name", Name),
            f("text", "text", Text("description")),
            f("employee-type", "text", Texts("roles")),
            f("email-address", "target-email", Contact),
        ],
    ),
    account(
        "facebook-account",
        &[("account_type", "facebook")],
        &[
            f("account-id", "text", Text("user_id")),
            f("account-name", "text", Text("account_login")),
            f("link", "link", Own),
            f("user-avatar", "attachment", Own),
        ],
    ),
    seen(
        "file",
        "file",
        &[
            f("md5", "md5", Hash("MD5")),
            f("sha1", "sha1", Hash("SHA-1")),
            f("sha256", "sha256", Hash("SHA-256")),
            f("sha512", "sha512", Hash("SHA-512")),
            f("ssdeep", "ssdeep", Hash("SSDEEP")),
            f("tlsh", "tlsh", Hash("TLSH")),
            f("filename", "filename", Text("name")),
            f("size-in-bytes", "size-in-bytes", Number("size")),
            f("file-encoding", "text", Text("name_enc")),
            f("mimetype", "mime-type", Text("mime_type")),
            f("creation-time", "datetime", Time("ctime")),
            f("modification-time", "datetime", Time("mtime")),
            f("access-time", "datetime", Time("atime")),
            f("path", "text", Ref("parent_directory_ref", "directory", "path")),
            f("malware-sample", "malware-sample", Sample),
            f("attachment", "attachment", Own),
            f("entropy", "float", Own),
        ],
    ),
    thing(
        "geolocation",
        "location",
        &[],
        &[
            f("latitude", "float", Real("latitude")),
            f("longitude", "float", Real("longitude")),
            f("accuracy-radius", "float", Kilometres("precision")),
            f("region", "text", Text("region")),
            f("countrycode", "text", Text("country")),
            f("city", "text", Text("city")),
            f("address", "text", Text("street_address")),
            f("zipcode", "text", Text("postal_code")),
            f("altitude", "float", Own),
            f("country", "text", Own),
        ],
    ),
    account(
        "github-user",
        &[("account_type", "github")],
        &[
            f("id", "text", Text("user_id")),
            f("username", "github-username", Text("account_login")),
            f("user-fullname", "text", Text("display_name")),
            f("organisation", "github-organisation", Own),
            f("profile-image", "attachment", Own),
        ],
    ),
    account(
        "gitlab-user",
        &[("account_type", "gitlab")],
        &[
            f("id", "text", Text("user_id")),
            f("username", "text", Text("account_login")),
            f("name", "text", Text("display_name")),
        ],
    ),
    seen(
        "hashlookup",
        "file",
        &[
            f("MD5", "md5", Hash("MD5")),
            f("SHA-1", "sha1", Hash("SHA-1")),
            f("SHA-256", "sha256", Hash("SHA-256")),
            f("SSDEEP", "ssdeep", Hash("SSDEEP")),
            f("TLSH", "tlsh", Hash("TLSH")),
            f("FileName", "filename", Text("name")),
            f("FileSize", "size-in-bytes", Number("size")),
            f("KnownMalicious", "text", Own),
            f("PackageName", "text", Own),
            f("PackageVersion", "text", Own),
            f("PackageRelease", "text", Own),
            f("PackageArch", "text", Own),
            f("PackageDescription", "text", Own),
            f("PackageMaintainer", "text", Own),
        ],
    ),
    seen(
        "http-request",
        "network-traffic",
        &[
            f("ip-src", "ip-src", Address("src_ref")),
            f("ip-dst", "ip-dst", Address("dst_ref")),
            f("host", "hostname", Ref("", "domain-name", "value")),
            f("method", "http-method", Text("extensions/http-request-ext/request_method")),
            f("uri", "uri", Text("extensions/http-request-ext/request_value")),
            f("url", "url", Own),
            f(
                "content-type",
                "text",
                Text("extensions/http-request-ext/request_header/Content-Type/0"),
            ),
            f(
                "user-agent",
                "user-agent",
                Text("extensions/http-request-ext/request_header/User-Agent/0"),
            ),
        ],
    ),
    thing(
        "identity",
        "identity",
        &[],
        &[
            f("name", "text", Text("name")),
            f("description", "text", Text("description")),
            f("roles", "text", Texts("roles")),
            f("identity_class", "text", Text("identity_class")),
            f("contact_information", "text", Text("contact_information")),
        ],
    ),
    seen(
        "image",
        "file",
        &[
            f("filename", "filename", Text("name")),
            f("attachment", "attachment", Picture),
            f("url", "url", PictureAt),
            f("image-text", "text", Own),
        ],
    ),
    thing(
        "intrusion-set",
        "intrusion-set",
        &[],
        &[
            f("name", "text", Text("name")),
            f("description", "text", Text("description")),
            f("aliases", "text", Texts("aliases")),
            f("first_seen", "datetime", Time("first_seen")),
            f("last_seen", "datetime", Time("last_seen")),
            f("goals", "text", Texts("goals")),
            f("resource_level", "text", Text("resource_level")),
            f("primary-motivation", "text", Text("primary_motivation")),
            f("secondary-motivation", "text", Texts("secondary_motivations")),
        ],
    ),
    seen(
        "ip-port",
        "network-traffic",
        &[
            f("ip", "ip-dst", Address("dst_ref")),
            f("ip-src", "ip-src", Address("src_ref")),
            f("ip-dst", "ip-dst", Address("dst_ref")),
            f("src-port", "port", Number("src_port")),
            f("dst-port", "port", Number("dst_port")),
            f("protocol", "text", Small("protocols")),
            f("first-seen", "datetime", Time("start")),
            f("last-seen", "datetime", Time("end")),
            f("domain", "domain", Own),
            f("hostname", "hostname", Own),
        ],
    ),
    thing(
        "legal-entity",
        "identity",
        &[("identity_class", "organization")],
        &[
            f("name", "text", Text("name")),
            f("text", "text", Text("description")),
            f("business", "text", Texts("sectors")),
            f("phone-number", "phone-number", Contact),
            f("website", "link", Contact),
            f("logo", "attachment", Own),
        ],
    ),
    seen(
        "lnk",
        "file",
        &[
            f("filename", "filename", Text("name")),
            f("md5", "md5", Hash("MD5")),
            f("sha1", "sha1", Hash("SHA-1")),
            f("sha256", "sha256", Hash("SHA-256")),
            f("size-in-bytes", "size-in-bytes", Number("size")),
            f("lnk-creation-time", "datetime", Time("ctime")),
            f("lnk-modification-time", "datetime", Time("mtime")),
            f("lnk-access-time", "datetime", Time("atime")),
            f("fullpath", "text", Ref("parent_directory_ref", "directory", "path")),
            f("malware-sample", "malware-sample", Sample),
        ],
    ),
    seen("mutex", "mutex", &[f("name", "text", Text("name"))]),
    seen(
        "netflow",
        "network-traffic",
        &[
            f("ip-src", "ip-src", Address("src_ref")),
            f("ip-dst", "ip-dst", Address("dst_ref")),
            f("src-as", "AS", System("src_ref")),
            f("dst-as", "AS", System("dst_ref")),
            f("src-port", "port", Number("src_port")),
            f("dst-port", "port", Number("dst_port")),
            f("protocol", "text", Small("protocols")),
            f("first-packet-seen", "datetime", Time("start")),
            f("last-packet-seen", "datetime", Time("end")),
            f("tcp-flags", "text", Text("extensions/tcp-ext/src_flags_hex")),
        ],
    ),
    seen(
        "network-connection",
        "network-traffic",
        &[
            f("ip-src", "ip-src", Address("src_ref")),
            f("ip-dst", "ip-dst", Address("dst_ref")),
            f("src-port", "port", Number("src_port")),
            f("dst-port", "port", Number("dst_port")),
            f("layer3-protocol", "text", Small("protocols")),
            f("layer4-protocol", "text", Small("protocols")),
            f("layer7-protocol", "text", Small("protocols")),
            f("hostname-dst", "hostname", Own),
            f("hostname-src", "hostname", Own),
        ],
    ),
    seen(
        "network-socket",
        "network-traffic",
        &[
            f("ip-src", "ip-src", Address("src_ref")),
            f("ip-dst", "ip-dst", Address("dst_ref")),
            f("src-port", "port", Number("src_port")),
            f("dst-port", "port", Number("dst_port")),
            f("protocol", "text", Small("protocols")),
            f("address-family", "text", Text("extensions/socket-ext/address_family")),
            f("socket-type", "text", Text("extensions/socket-ext/socket_type")),
            f("state", "text", Truth("extensions/socket-ext/is_listening", "listening")),
            f("hostname-dst", "hostname", Own),
            f("hostname-src", "hostname", Own),
        ],
    ),
    thing(
        "news-agency",
        "identity",
        &[("identity_class", "organization")],
        &[
            f("name", "text", Text("name")),
            f("address", "text", Contact),
            f("e-mail", "email-src", Contact),
            f("phone-number", "phone-number", Contact),
            f("link", "link", Contact),
            f("attachment", "attachment", Own),
        ],
    ),
    thing(
        "nova-rule",
        "indicator",
        &[],
        &[f("rule-name", "text", Text("name")), f("raw-rule", "text", Rule("nova"))],
    ),
    thing(
        "organization",
        "identity",
        &[("identity_class", "organization")],
        &[
            f("name", "text", Text("name")),
            f("description", "text", Text("description")),
            f("role", "text", Texts("roles")),
            f("address", "text", Contact),
            f("e-mail", "email-src", Contact),
            f("phone-number", "phone-number", Contact),
        ],
    ),
    thing(
        "owasp-crs-rule",
        "indicator",
        &[],
        &[f("rule-id", "text", Text("name")), f("raw-rule", "text", Rule("crs"))],
    ),
    account(
        "parler-account",
        &[("account_type", "parler")],
        &[
            f("account-id", "text", Text("user_id")),
            f("account-name", "text", Text("account_login")),
            f("human", "boolean", Own),
            f("profile-photo", "attachment", Own),
        ],
    ),
    thing(
        "person",
        "identity",
        &[("identity_class", "individual")],
        &[
            f("first-name", "first-name", Name),
            f("last-name", "last-name", Name),
            f("role", "text", Texts("roles")),
            f("phone-number", "phone-number", Contact),
            f("nationality", "nationality", Own),
            f("passport-number", "passport-number", Own),
        ],
    ),
    account(
        "reddit-account",
        &[("account_type", "reddit")],
        &[
            f("account-id", "text", Text("user_id")),
            f("account-name", "text", Text("account_login")),
            f("account-avatar", "attachment", Own),
        ],
    ),
    seen(
        "registry-key",
        "windows-registry-key",
        &[
            f("key", "regkey", Text("key")),
            f("name", "text", Text("values/0/name")),
            f("data", "text", Text("values/0/data")),
            f("data-type", "text", Text("values/0/data_type")),
            f("last-modified", "datetime", Time("modified_time")),
        ],
    ),
    seen(
        "registry-key-value",
        "windows-registry-key",
        &[
            f("name", "text", Text("values/0/name")),
            f("data", "text", Text("values/0/data")),
            f("data-type", "text", Text("values/0/data_type")),
        ],
    ),
    thing(
        "script",
        "tool",
        &[],
        &[
            f("filename", "filename", Text("name")),
            f("comment", "text", Text("description")),
            f("language", "text", Own),
            f("script", "text", Own),
            f("script-as-attachment", "attachment", Own),
            f("state", "text", Own),
        ],
    ),
    thing(
        "sigma",
        "indicator",
        &[],
        &[
            f("sigma-rule-name", "text", Text("name")),
            f("comment", "comment", Text("description")),
            f("sigma", "sigma", Rule("sigma")),
            f("reference", "link", Link),
        ],
    ),
    thing(
        "suricata",
        "indicator",
        &[],
        &[
            f("comment", "comment", Text("description")),
            f("suricata", "suricata", Rule("suricata")),
            f("version", "text", Text("pattern_version")),
            f("ref", "link", Link),
        ],
    ),
    account(
        "telegram-account",
        &[("account_type", "telegram")],
        &[
            f("id", "text", Text("user_id")),
            f("username", "text", Text("account_login")),
            f("phone", "text", Own),
        ],
    ),
    account(
        "twitter-account",
        &[("account_type", "twitter")],
        &[
            f("id", "text", Text("user_id")),
            f("name", "text", Text("account_login")),
            f("displayed-name", "text", Text("display_name")),
            f("profile-image", "attachment", Own),
        ],
    ),
    seen(
        "url",
        "url",
        &[
            f("url", "url", Text("value")),
            f("domain", "domain", Own),
            f("host", "hostname", Own),
            f("ip", "ip-dst", Own),
            f("port", "port", Own),
        ],
    ),
    account(
        "user-account",
        &[],
        &[
            f("username", "text", Text("account_login")),
            f("user-id", "text", Text("user_id")),
            f("display-name", "text", Text("display_name")),
            f("password", "text", Text("credential")),
            f("account-type", "text", Text("account_type")),
            f("password_last_changed", "datetime", Time("credential_last_changed")),
            f("group", "text", Texts("extensions/unix-account-ext/groups")),
            f("group-id", "text", Number("extensions/unix-account-ext/gid")),
            f("home_dir", "text", Text("extensions/unix-account-ext/home_dir")),
            f("user-avatar", "attachment", Own),
        ],
    ),
    thing(
        "vulnerability",
        "vulnerability",
        &[],
        &[
            f("id", "text", Text("name")),
            f("summary", "text", Text("description")),
            f("references", "link", Link),
            f("cvss-score", "float", Own),
            f("created", "datetime", Own),
            f("published", "datetime", Own),
        ],
    ),
    thing(
        "wazuh-rule",
        "indicator",
        &[],
        &[f("rule-id", "text", Text("name")), f("wazuh-rule", "text", Rule("wazuh"))],
    ),
    seen(
        "x509",
        "x509-certificate",
        &[
            f("x509-fingerprint-md5", "x509-fingerprint-md5", Hash("MD5")),
            f("x509-fingerprint-sha1", "x509-fingerprint-sha1", Hash("SHA-1")),
            f("x509-fingerprint-sha256", "x509-fingerprint-sha256", Hash("SHA-256")),
            f("issuer", "text", Text("issuer")),
            f("subject", "text", Text("subject")),
            f("version", "text", Text("version")),
            f("serial-number", "text", Text("serial_number")),
            f("signature_algorithm", "text", Text("signature_algorithm")),
            f("pubkey-info-algorithm", "text", Text("subject_public_key_algorithm")),
            f("pubkey-info-exponent", "text", Number("subject_public_key_exponent")),
            f("pubkey-info-modulus", "text", Text("subject_public_key_modulus")),
            f("validity-not-before", "datetime", Time("validity_not_before")),
            f("validity-not-after", "datetime", Time("validity_not_after")),
        ],
    ),
    thing(
        "yara",
        "indicator",
        &[],
        &[
            f("yara-rule-name", "text", Text("name")),
            f("comment", "comment", Text("description")),
            f("yara", "yara", Rule("yara")),
            f("version", "text", Text("pattern_version")),
        ],
    ),
];

/// The template of this name.
pub(super) fn named(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}
