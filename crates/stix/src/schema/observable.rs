//! Cyber-observable objects and their predefined extensions: section 6.

use super::{
    ANY_INTEGER, ANY_NUMBER, COUNT, Family, Keys, Kind, Nested, Property, Refers, Rule, TEXTS,
    Type, may, must,
};
use crate::vocabulary as ov;

const PORT: Kind = Kind::Integer { least: 0, most: 65_535 };

const fn near(types: &'static [&'static str]) -> Kind {
    Kind::Reference(Refers::Nearby(types))
}

const ADDRESS: &[&str] = &["ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"];
const MAC_ADDRESSES: Kind = Kind::List(&near(&["mac-addr"]));
const SYSTEMS: Kind = Kind::List(&near(&["autonomous-system"]));
const MAIL_ADDRESSES: Kind = Kind::List(&near(&["email-addr"]));
const ARTIFACT: Kind = near(&["artifact"]);
const USER: Kind = near(&["user-account"]);

const fn observable(
    name: &'static str,
    section: &'static str,
    properties: &'static [Property],
    rules: &'static [Rule],
) -> Type {
    Type { name, family: Family::Observable, section, properties, rules }
}

pub(super) static TYPES: &[Type] = &[
    observable(
        "artifact",
        "6.1",
        &[
            may("mime_type", Kind::MediaType { must: true }),
            may("payload_bin", Kind::Binary),
            may("url", Kind::Uri),
            may("hashes", Kind::Hashes),
            may(
                "encryption_algorithm",
                Kind::Closed(&["AES-256-GCM", "ChaCha20-Poly1305", "mime-type-indicated"]),
            ),
            may("decryption_key", Kind::Text),
        ],
        &[
            Rule::OneOf(&["payload_bin", "url"]),
            Rule::Needs("url", &["hashes"]),
            Rule::Needs("decryption_key", &["encryption_algorithm"]),
            Rule::RandomWithout(&["hashes", "payload_bin"]),
        ],
    ),
    observable(
        "autonomous-system",
        "6.2",
        &[must("number", ANY_INTEGER), may("name", Kind::Text), may("rir", Kind::Text)],
        &[],
    ),
    observable(
        "directory",
        "6.3",
        &[
            must("path", Kind::Text),
            may("path_enc", Kind::CharacterSet),
            may("ctime", Kind::Timestamp),
            may("mtime", Kind::Timestamp),
            may("atime", Kind::Timestamp),
            may("contains_refs", Kind::List(&near(&["file", "directory"]))),
        ],
        &[],
    ),
    observable(
        "domain-name",
        "6.4",
        &[
            must("value", Kind::Text),
            may("resolves_to_refs", Kind::List(&near(&["ipv4-addr", "ipv6-addr", "domain-name"]))),
        ],
        &[],
    ),
    observable(
        "email-addr",
        "6.5",
        &[
            must("value", Kind::MailAddress),
            may("display_name", Kind::Text),
            may("belongs_to_ref", USER),
        ],
        &[],
    ),
    observable(
        "email-message",
        "6.6",
        &[
            must("is_multipart", Kind::Bool),
            may("date", Kind::Timestamp),
            may("content_type", Kind::Text),
            may("from_ref", near(&["email-addr"])),
            may("sender_ref", near(&["email-addr"])),
            may("to_refs", MAIL_ADDRESSES),
            may("cc_refs", MAIL_ADDRESSES),
            may("bcc_refs", MAIL_ADDRESSES),
            may("message_id", Kind::Text),
            may("subject", Kind::Text),
            may("received_lines", Kind::List(&Kind::Text)),
            may("additional_header_fields", Kind::Dictionary(Keys::MailHeaders)),
            may("body", Kind::Text),
            may("body_multipart", Kind::List(&Kind::Within(&MIME_PART))),
            may("raw_email_ref", ARTIFACT),
        ],
        &[
            Rule::Excludes("is_multipart", true, "body"),
            Rule::Excludes("is_multipart", false, "body_multipart"),
            Rule::RandomWithout(&["from_ref", "subject", "body"]),
        ],
    ),
    observable(
        "file",
        "6.7",
        &[
            may("hashes", Kind::Hashes),
            may("size", COUNT),
            may("name", Kind::Text),
            may("name_enc", Kind::CharacterSet),
            may("magic_number_hex", Kind::Hex),
            may("mime_type", Kind::MediaType { must: false }),
            may("ctime", Kind::Timestamp),
            may("mtime", Kind::Timestamp),
            may("atime", Kind::Timestamp),
            may("parent_directory_ref", near(&["directory"])),
            may("contains_refs", Kind::List(&near(&[]))),
            may("content_ref", ARTIFACT),
        ],
        &[Rule::AnyOf(&["hashes", "name"])],
    ),
    observable(
        "ipv4-addr",
        "6.8",
        &[
            must("value", Kind::Ipv4),
            may("resolves_to_refs", MAC_ADDRESSES),
            may("belongs_to_refs", SYSTEMS),
        ],
        &[],
    ),
    observable(
        "ipv6-addr",
        "6.9",
        &[
            must("value", Kind::Ipv6),
            may("resolves_to_refs", MAC_ADDRESSES),
            may("belongs_to_refs", SYSTEMS),
        ],
        &[],
    ),
    observable("mac-addr", "6.10", &[must("value", Kind::Mac)], &[]),
    observable("mutex", "6.11", &[must("name", Kind::Text)], &[]),
    observable(
        "network-traffic",
        "6.12",
        &[
            may("start", Kind::Timestamp),
            may("end", Kind::Timestamp),
            may("is_active", Kind::Bool),
            may("src_ref", near(ADDRESS)),
            may("dst_ref", near(ADDRESS)),
            may("src_port", PORT),
            may("dst_port", PORT),
            must("protocols", Kind::List(&Kind::ServiceName)),
            may("src_byte_count", COUNT),
            may("dst_byte_count", COUNT),
            may("src_packets", COUNT),
            may("dst_packets", COUNT),
            may("ipfix", Kind::Dictionary(Keys::Ipfix)),
            may("src_payload_ref", ARTIFACT),
            may("dst_payload_ref", ARTIFACT),
            may("encapsulates_refs", Kind::List(&near(&["network-traffic"]))),
            may("encapsulated_by_ref", near(&["network-traffic"])),
        ],
        &[
            Rule::AnyOf(&["src_ref", "dst_ref"]),
            Rule::NotBefore("end", "start"),
            Rule::Excludes("is_active", true, "end"),
            Rule::Should(&["src_port", "dst_port"]),
        ],
    ),
    observable(
        "process",
        "6.13",
        &[
            may("is_hidden", Kind::Bool),
            may("pid", ANY_INTEGER),
            may("created_time", Kind::Timestamp),
            may("cwd", Kind::Text),
            may("command_line", Kind::Text),
            may("environment_variables", Kind::Dictionary(Keys::Texts)),
            may("opened_connection_refs", Kind::List(&near(&["network-traffic"]))),
            may("creator_user_ref", USER),
            may("image_ref", near(&["file"])),
            may("parent_ref", near(&["process"])),
            may("child_refs", Kind::List(&near(&["process"]))),
        ],
        &[Rule::AnyProperty, Rule::RandomWithout(&[])],
    ),
    observable(
        "software",
        "6.14",
        &[
            must("name", Kind::Text),
            may("cpe", Kind::Cpe),
            may("swid", Kind::Text),
            may("languages", Kind::List(&Kind::Language)),
            may("vendor", Kind::Text),
            may("version", Kind::Text),
        ],
        &[],
    ),
    observable("url", "6.15", &[must("value", Kind::Uri)], &[]),
    observable(
        "user-account",
        "6.16",
        &[
            may("user_id", Kind::Text),
            may("credential", Kind::Text),
            may("account_login", Kind::Text),
            may("account_type", Kind::Open(&ov::ACCOUNT_TYPE)),
            may("display_name", Kind::Text),
            may("is_service_account", Kind::Bool),
            may("is_privileged", Kind::Bool),
            may("can_escalate_privs", Kind::Bool),
            may("is_disabled", Kind::Bool),
            may("account_created", Kind::Timestamp),
            may("account_expires", Kind::Timestamp),
            may("credential_last_changed", Kind::Timestamp),
            may("account_first_login", Kind::Timestamp),
            may("account_last_login", Kind::Timestamp),
        ],
        &[Rule::AnyProperty, Rule::RandomWithout(&["account_type", "user_id", "account_login"])],
    ),
    observable(
        "windows-registry-key",
        "6.17",
        &[
            may("key", Kind::RegistryKey),
            may("values", Kind::List(&Kind::Within(&REGISTRY_VALUE))),
            may("modified_time", Kind::Timestamp),
            may("creator_user_ref", USER),
            may("number_of_subkeys", ANY_INTEGER),
        ],
        &[Rule::AnyProperty, Rule::RandomWithout(&["key", "values"])],
    ),
    observable(
        "x509-certificate",
        "6.18",
        &[
            may("is_self_signed", Kind::Bool),
            may("hashes", Kind::Hashes),
            may("version", Kind::Text),
            may("serial_number", Kind::Text),
            may("signature_algorithm", Kind::Text),
            may("issuer", Kind::Text),
            may("validity_not_before", Kind::Timestamp),
            may("validity_not_after", Kind::Timestamp),
            may("subject", Kind::Text),
            may("subject_public_key_algorithm", Kind::Text),
            may("subject_public_key_modulus", Kind::Text),
            may("subject_public_key_exponent", ANY_INTEGER),
            may("x509_v3_extensions", Kind::Within(&X509_V3)),
        ],
        &[Rule::AnyProperty, Rule::RandomWithout(&["hashes", "serial_number"])],
    ),
];

static MIME_PART: Nested = Nested {
    name: "email-mime-component",
    section: "6.6.2",
    properties: &[
        may("body", Kind::Text),
        may("body_raw_ref", near(&["artifact", "file"])),
        may("content_type", Kind::Text),
        may("content_disposition", Kind::Text),
    ],
    rules: &[Rule::OneOf(&["body", "body_raw_ref"])],
};

static REGISTRY_VALUE: Nested = Nested {
    name: "windows-registry-value-type",
    section: "6.17.2",
    properties: &[
        may("name", Kind::Text),
        may("data", Kind::Text),
        may(
            "data_type",
            Kind::Closed(&[
                "REG_NONE",
                "REG_SZ",
                "REG_EXPAND_SZ",
                "REG_BINARY",
                "REG_DWORD",
                "REG_DWORD_BIG_ENDIAN",
                "REG_DWORD_LITTLE_ENDIAN",
                "REG_LINK",
                "REG_MULTI_SZ",
                "REG_RESOURCE_LIST",
                "REG_FULL_RESOURCE_DESCRIPTION",
                "REG_RESOURCE_REQUIREMENTS_LIST",
                "REG_QWORD",
                "REG_INVALID_TYPE",
            ]),
        ),
    ],
    rules: &[Rule::AnyProperty],
};

static X509_V3: Nested = Nested {
    name: "x509-v3-extensions-type",
    section: "6.18.2",
    properties: &[
        may("basic_constraints", Kind::Text),
        may("name_constraints", Kind::Text),
        may("policy_constraints", Kind::Text),
        may("key_usage", Kind::Text),
        may("extended_key_usage", Kind::Text),
        may("subject_key_identifier", Kind::Text),
        may("authority_key_identifier", Kind::Text),
        may("subject_alternative_name", Kind::Text),
        may("issuer_alternative_name", Kind::Text),
        may("subject_directory_attributes", Kind::Text),
        may("crl_distribution_points", Kind::Text),
        may("inhibit_any_policy", Kind::Text),
        may("private_key_usage_period_not_before", Kind::Timestamp),
        may("private_key_usage_period_not_after", Kind::Timestamp),
        may("certificate_policies", Kind::Text),
        may("policy_mappings", Kind::Text),
    ],
    rules: &[Rule::AnyProperty],
};

/// The extensions that the standard itself has, and which type each is for.
pub(crate) static PREDEFINED_EXTENSIONS: &[(&str, Nested)] = &[
    (
        "file",
        Nested {
            name: "archive-ext",
            section: "6.7.2",
            properties: &[
                must("contains_refs", Kind::List(&near(&["file", "directory"]))),
                may("comment", Kind::Text),
            ],
            rules: &[],
        },
    ),
    (
        "file",
        Nested {
            name: "ntfs-ext",
            section: "6.7.3",
            properties: &[
                may("sid", Kind::Text),
                may("alternate_data_streams", Kind::List(&Kind::Within(&DATA_STREAM))),
            ],
            rules: &[Rule::AnyProperty],
        },
    ),
    (
        "file",
        Nested {
            name: "pdf-ext",
            section: "6.7.4",
            properties: &[
                may("version", Kind::Text),
                may("is_optimized", Kind::Bool),
                may("document_info_dict", Kind::Dictionary(Keys::PdfInfo)),
                may("pdfid0", Kind::Text),
                may("pdfid1", Kind::Text),
            ],
            rules: &[Rule::AnyProperty],
        },
    ),
    (
        "file",
        Nested {
            name: "raster-image-ext",
            section: "6.7.5",
            properties: &[
                may("image_height", ANY_INTEGER),
                may("image_width", ANY_INTEGER),
                may("bits_per_pixel", ANY_INTEGER),
                may("exif_tags", Kind::Dictionary(Keys::Exif)),
            ],
            rules: &[Rule::AnyProperty],
        },
    ),
    (
        "file",
        Nested {
            name: "windows-pebinary-ext",
            section: "6.7.6",
            properties: &[
                must("pe_type", Kind::Open(&ov::WINDOWS_PEBINARY_TYPE)),
                may("imphash", Kind::Text),
                may("machine_hex", Kind::Hex),
                may("number_of_sections", COUNT),
                may("time_date_stamp", Kind::WholeSeconds),
                may("pointer_to_symbol_table_hex", Kind::Hex),
                may("number_of_symbols", COUNT),
                may("size_of_optional_header", COUNT),
                may("characteristics_hex", Kind::Hex),
                may("file_header_hashes", Kind::Hashes),
                may("optional_header", Kind::Within(&OPTIONAL_HEADER)),
                may("sections", Kind::List(&Kind::Within(&SECTION))),
            ],
            rules: &[Rule::AnyProperty],
        },
    ),
    (
        "network-traffic",
        Nested {
            name: "http-request-ext",
            section: "6.12.2",
            properties: &[
                must("request_method", Kind::Text),
                must("request_value", Kind::Text),
                may("request_version", Kind::Text),
                may("request_header", Kind::Dictionary(Keys::HttpHeaders)),
                may("message_body_length", ANY_INTEGER),
                may("message_body_data_ref", ARTIFACT),
            ],
            rules: &[],
        },
    ),
    (
        "network-traffic",
        Nested {
            name: "icmp-ext",
            section: "6.12.3",
            properties: &[must("icmp_type_hex", Kind::Hex), must("icmp_code_hex", Kind::Hex)],
            rules: &[],
        },
    ),
    (
        "network-traffic",
        Nested {
            name: "socket-ext",
            section: "6.12.4",
            properties: &[
                must(
                    "address_family",
                    Kind::Closed(&[
                        "AF_UNSPEC",
                        "AF_INET",
                        "AF_IPX",
                        "AF_APPLETALK",
                        "AF_NETBIOS",
                        "AF_INET6",
                        "AF_IRDA",
                        "AF_BTH",
                    ]),
                ),
                may("is_blocking", Kind::Bool),
                may("is_listening", Kind::Bool),
                may("options", Kind::Dictionary(Keys::SocketOptions)),
                may(
                    "socket_type",
                    Kind::Closed(&[
                        "SOCK_STREAM",
                        "SOCK_DGRAM",
                        "SOCK_RAW",
                        "SOCK_RDM",
                        "SOCK_SEQPACKET",
                    ]),
                ),
                may("socket_descriptor", COUNT),
                may("socket_handle", ANY_INTEGER),
            ],
            rules: &[],
        },
    ),
    (
        "network-traffic",
        Nested {
            name: "tcp-ext",
            section: "6.12.5",
            properties: &[may("src_flags_hex", Kind::Hex), may("dst_flags_hex", Kind::Hex)],
            rules: &[Rule::AnyProperty],
        },
    ),
    (
        "process",
        Nested {
            name: "windows-process-ext",
            section: "6.13.2",
            properties: &[
                may("aslr_enabled", Kind::Bool),
                may("dep_enabled", Kind::Bool),
                may("priority", Kind::PriorityClass),
                may("owner_sid", Kind::Text),
                may("window_title", Kind::Text),
                may("startup_info", Kind::Dictionary(Keys::Any)),
                may("integrity_level", Kind::Closed(&["low", "medium", "high", "system"])),
            ],
            rules: &[Rule::AnyProperty],
        },
    ),
    (
        "process",
        Nested {
            name: "windows-service-ext",
            section: "6.13.3",
            properties: &[
                may("service_name", Kind::Text),
                may("descriptions", TEXTS),
                may("display_name", Kind::Text),
                may("group_name", Kind::Text),
                may(
                    "start_type",
                    Kind::Closed(&[
                        "SERVICE_AUTO_START",
                        "SERVICE_BOOT_START",
                        "SERVICE_DEMAND_START",
                        "SERVICE_DISABLED",
                        "SERVICE_SYSTEM_ALERT",
                    ]),
                ),
                may("service_dll_refs", Kind::List(&near(&["file"]))),
                may(
                    "service_type",
                    Kind::Closed(&[
                        "SERVICE_KERNEL_DRIVER",
                        "SERVICE_FILE_SYSTEM_DRIVER",
                        "SERVICE_WIN32_OWN_PROCESS",
                        "SERVICE_WIN32_SHARE_PROCESS",
                    ]),
                ),
                may(
                    "service_status",
                    Kind::Closed(&[
                        "SERVICE_CONTINUE_PENDING",
                        "SERVICE_PAUSE_PENDING",
                        "SERVICE_PAUSED",
                        "SERVICE_RUNNING",
                        "SERVICE_START_PENDING",
                        "SERVICE_STOP_PENDING",
                        "SERVICE_STOPPED",
                    ]),
                ),
            ],
            rules: &[Rule::AnyProperty],
        },
    ),
    (
        "user-account",
        Nested {
            name: "unix-account-ext",
            section: "6.16.2",
            properties: &[
                may("gid", ANY_INTEGER),
                may("groups", TEXTS),
                may("home_dir", Kind::Text),
                may("shell", Kind::Text),
            ],
            rules: &[Rule::AnyProperty],
        },
    ),
];

static DATA_STREAM: Nested = Nested {
    name: "alternate-data-stream-type",
    section: "6.7.3.2",
    properties: &[must("name", Kind::Text), may("hashes", Kind::Hashes), may("size", COUNT)],
    rules: &[],
};

static SECTION: Nested = Nested {
    name: "windows-pe-section-type",
    section: "6.7.6.3",
    properties: &[
        must("name", Kind::Text),
        may("size", COUNT),
        may("entropy", ANY_NUMBER),
        may("hashes", Kind::Hashes),
    ],
    rules: &[],
};

static OPTIONAL_HEADER: Nested = Nested {
    name: "windows-pe-optional-header-type",
    section: "6.7.6.2",
    properties: &[
        may("magic_hex", Kind::Hex),
        may("major_linker_version", ANY_INTEGER),
        may("minor_linker_version", ANY_INTEGER),
        may("size_of_code", COUNT),
        may("size_of_initialized_data", COUNT),
        may("size_of_uninitialized_data", COUNT),
        may("address_of_entry_point", ANY_INTEGER),
        may("base_of_code", ANY_INTEGER),
        may("base_of_data", ANY_INTEGER),
        may("image_base", ANY_INTEGER),
        may("section_alignment", ANY_INTEGER),
        may("file_alignment", ANY_INTEGER),
        may("major_os_version", ANY_INTEGER),
        may("minor_os_version", ANY_INTEGER),
        may("major_image_version", ANY_INTEGER),
        may("minor_image_version", ANY_INTEGER),
        may("major_subsystem_version", ANY_INTEGER),
        may("minor_subsystem_version", ANY_INTEGER),
        may("win32_version_value_hex", Kind::Hex),
        may("size_of_image", COUNT),
        may("size_of_headers", COUNT),
        may("checksum_hex", Kind::Hex),
        may("subsystem_hex", Kind::Hex),
        may("dll_characteristics_hex", Kind::Hex),
        may("size_of_stack_reserve", COUNT),
        may("size_of_stack_commit", COUNT),
        may("size_of_heap_reserve", COUNT),
        may("size_of_heap_commit", COUNT),
        may("loader_flags_hex", Kind::Hex),
        may("number_of_rva_and_sizes", ANY_INTEGER),
        may("hashes", Kind::Hashes),
    ],
    rules: &[Rule::AnyProperty],
};
