//! Indicators, logs of eight formats that hold some of them, and where they stand.
//!
//! `cargo run --release -p comity-hunt --example generate -- FOLDER INDICATORS MEGABYTES`: writes
//! `indicators.csv`, `logs/*` and `truth.ndjson`, the same ones for the same numbers. What is harmless in the logs
//! is drawn from other ranges than the indicators, so that every hit that is not in `truth.ndjson` is a false one.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, of: u64) -> u64 {
        self.next() % of
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)]
    }

    fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(digits);
        text
    }
}

const WORDS: [&str; 40] = [
    "north", "update", "mail", "cloud", "secure", "static", "cdn", "portal", "login", "media",
    "assets", "office", "account", "files", "backup", "proxy", "stream", "gate", "market", "river",
    "stone", "blue", "green", "union", "trade", "harbor", "metro", "field", "lumen", "signal",
    "vector", "orbit", "garden", "castle", "silver", "amber", "delta", "summit", "canyon",
    "meadow",
];
const TLDS: [&str; 10] = ["com", "net", "org", "cn", "info", "co.uk", "de", "io", "com.cn", "us"];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "curl/8.5.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
];

/// The indicator of this number: its type, and its value.
fn indicator(number: u64) -> (&'static str, String) {
    let mut chance = Chance(number ^ 0x1d1c_a705);
    let c = &mut chance;
    let host = |c: &mut Chance, mark: char| {
        let deep = if c.below(4) == 0 { format!("{}.", c.one(&WORDS)) } else { String::new() };
        format!("{deep}{}{}-{mark}.{}", c.one(&WORDS), c.hex(6), c.one(&TLDS))
    };
    match number % 100 {
        0..35 => {
            // Of addresses there are so many that each must have a number of its own.
            let all = (number.wrapping_mul(0x9e37_79b1) ^ 0x5bd1_e995) & 0x3fff_ffff;
            let [a, b, d, e] = u32::try_from(all).unwrap_or(0).to_be_bytes();
            ("ip", format!("{}.{b}.{d}.{e}", 64 + a))
        }
        35..60 => ("domain", host(c, 'm')),
        60..75 => {
            let of = if c.below(5) == 0 {
                format!("{}.{}.{}.{}", 130 + c.below(9), c.below(256), c.below(256), c.below(256))
            } else {
                host(c, 'u')
            };
            (
                "url",
                format!(
                    "http://{of}/{}/{}.{}",
                    c.one(&WORDS),
                    c.hex(8),
                    c.one(&["php", "exe", "html"])
                ),
            )
        }
        75..85 => ("sha256", c.hex(64)),
        85..90 => ("md5", c.hex(32)),
        90..93 => ("sha1", c.hex(40)),
        93..96 => (
            "ip",
            format!(
                "2a0{}:{:x}:{:x}::{:x}",
                1 + c.below(9),
                c.below(65536),
                c.below(65536),
                1 + c.below(65535)
            ),
        ),
        96..98 => {
            let of =
                if c.below(2) == 0 { format!("mail{}.example", c.below(20)) } else { host(c, 'e') };
            ("email", format!("{}.{}@{of}", c.one(&WORDS), c.hex(5)))
        }
        98 => (
            "filename",
            format!("{}_{}.{}", c.one(&WORDS), c.hex(7), c.one(&["exe", "dll", "docm", "js"])),
        ),
        _ => ("ja4", format!("t13d{:04}h2_{}_{}", c.below(10_000), c.hex(12), c.hex(12))),
    }
}

fn address(c: &mut Chance) -> String {
    let first =
        [10, 172, 192, 8, 13, 23, 34, 52, 203, 198][usize::try_from(c.below(10)).unwrap_or(0)];
    format!("{first}.{}.{}.{}", c.below(256), c.below(256), c.below(256))
}

fn name(c: &mut Chance) -> String {
    let deep = c.one(&["www.", "api.", "", "", "img.", "a.b."]);
    format!("{deep}{}{}.{}", c.one(&WORDS), c.one(&WORDS), c.one(&TLDS))
}

fn path(c: &mut Chance) -> String {
    match c.below(4) {
        0 => format!("/{}/{}.html", c.one(&WORDS), c.one(&WORDS)),
        1 => format!(
            "/{}/v{}/{}?id={}&t={}",
            c.one(&WORDS),
            c.below(5),
            c.one(&WORDS),
            c.below(100_000),
            c.hex(8)
        ),
        2 => format!("/static/{}.{}.js", c.one(&WORDS), c.hex(8)),
        _ => "/".to_owned(),
    }
}

/// A line under way, and where in it what was planted stands.
struct Line<'p> {
    text: String,
    plant: Option<&'p (&'static str, String)>,
    at: Option<(usize, String)>,
    host: Option<String>,
}

impl Line<'_> {
    fn put(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// A place for one of these types; otherwise something harmless.
    fn place(&mut self, types: &[&str], harmless: impl FnOnce() -> String) -> &mut Self {
        match self.plant.filter(|(kind, _)| self.at.is_none() && types.contains(kind)) {
            Some((_, value)) => {
                self.at = Some((self.text.len(), value.clone()));
                self.text.push_str(value);
            }
            None => self.text.push_str(&harmless()),
        }
        self
    }

    /// A place for the host of a URL.
    fn host(&mut self, harmless: impl FnOnce() -> String) -> &mut Self {
        match self.plant.filter(|(kind, _)| self.at.is_none() && *kind == "url") {
            Some((_, value)) => {
                let inner = value.strip_prefix("http://").unwrap_or(value);
                let (host, path) = inner.split_at(inner.find('/').unwrap_or(inner.len()));
                self.at = Some((self.text.len(), host.to_owned()));
                self.host = Some(path.to_owned());
                self.text.push_str(host);
            }
            None => return self.place(&["domain"], harmless),
        }
        self
    }

    /// And for what follows it.
    fn path(&mut self, harmless: impl FnOnce() -> String) -> &mut Self {
        let text = self.host.take().unwrap_or_else(harmless);
        self.put(&text)
    }
}

fn line(format: usize, time: u64, c: &mut Chance, line: &mut Line<'_>) {
    const IP: &[&str] = &["ip"];
    const HASH: &[&str] = &["sha256", "md5", "sha1"];
    let mut d = Chance(c.next());
    let mut e = Chance(c.next());
    let second = time / 7;
    let (hour, minute, sec) = (second / 3600 % 24, second / 60 % 60, second % 60);
    let stamp = format!("2026-03-09T{hour:02}:{minute:02}:{sec:02}.{:06}", c.below(1_000_000));
    match format {
        0 => {
            line.put(&format!("{{\"timestamp\":\"{stamp}+0000\",\"flow_id\":{},\"in_iface\":\"eth0\",\"event_type\":", c.next() >> 12));
            let inner = c.below(4);
            line.put(&format!(
                "\"{}\",\"src_ip\":\"",
                ["flow", "dns", "http", "fileinfo"][usize::try_from(inner).unwrap_or(0)]
            ));
            line.place(IP, || address(&mut d))
                .put(&format!("\",\"src_port\":{},\"dest_ip\":\"", 1024 + c.below(60_000)));
            line.put(&address(&mut e)).put("\",\"dest_port\":443,\"proto\":\"TCP\"");
            match inner {
                0 => line.put(&format!(",\"flow\":{{\"pkts_toserver\":{},\"bytes_toserver\":{},\"start\":\"{stamp}+0000\",\"state\":\"established\"}},\"tls\":{{\"ja4\":\"", c.below(99), c.below(99_999)))
                    .place(&["ja4"], || "t13d1516h2_8daaf6152771_b186095e22b6".to_owned()).put("\"}"),
                1 => line.put(",\"dns\":{\"type\":\"query\",\"id\":4660,\"rrname\":\"").place(&["domain"], || name(&mut d)).put("\",\"rrtype\":\"A\",\"tx_id\":0}"),
                2 => line.put(",\"http\":{\"hostname\":\"").host(|| name(&mut d)).put("\",\"url\":\"").path(|| path(&mut e))
                    .put("\",\"http_user_agent\":\"").put(c.one(&AGENTS)).put("\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"length\":1234}"),
                _ => line.put(",\"fileinfo\":{\"filename\":\"/").put(c.one(&WORDS)).put("/").place(&["filename"], || format!("{}.bin", e.one(&WORDS)))
                    .put("\",\"sha256\":\"").place(HASH, || d.hex(64)).put("\",\"size\":4096}"),
            };
            line.put("}");
        }
        1 => {
            line.put(&format!("{second}.{:06}\tC{}\t", c.below(1_000_000), c.hex(16)))
                .place(IP, || address(&mut d));
            line.put(&format!("\t{}\t{}\t443\ttcp\tssl\t{}.{:06}\t{}\t{}\tSF\t-\t-\t0\tShADadFf\t{}\t{}\t{}\t{}\t-",
                1024 + c.below(60_000), address(&mut e), c.below(99), c.below(1_000_000), c.below(9999), c.below(99_999), c.below(99), c.below(9999), c.below(99), c.below(99_999)));
        }
        2 => {
            line.put(&format!(
                "{second}.{:06}\tC{}\t{}\t{}\t",
                c.below(1_000_000),
                c.hex(16),
                address(&mut d),
                1024 + c.below(60_000)
            ));
            line.place(IP, || address(&mut e))
                .put("\t80\t1\tGET\t")
                .host(|| name(&mut d))
                .put("\t")
                .path(|| path(&mut e));
            line.put("\t-\t1.1\t").put(c.one(&AGENTS)).put(&format!(
                "\t-\t0\t{}\t200\tOK\t-\t-\t(empty)\t-\t-\t-\t-\t-\t-\tF{}\t-\ttext/html",
                c.below(99_999),
                c.hex(14)
            ));
        }
        3 => {
            line.put(&format!("Mar  9 {hour:02}:{minute:02}:{sec:02} gw{} ", c.below(4)));
            match c.below(3) {
                0 => line.put(&format!("kernel: [{}.{:06}] DROP IN=eth0 OUT= MAC=52:54:00:12:34:56:52:54:00:65:43:21:08:00 SRC=", c.below(999_999), c.below(1_000_000)))
                    .place(IP, || address(&mut d)).put(&format!(" DST={} LEN=60 TOS=0x00 TTL=52 ID={} PROTO=TCP SPT={} DPT=22 WINDOW=64240 SYN", address(&mut e), c.below(65_536), c.below(65_536))),
                1 => line.put(&format!("sshd[{}]: Failed password for invalid user {} from ", c.below(32_768), c.one(&WORDS))).place(IP, || address(&mut d)).put(&format!(" port {} ssh2", c.below(65_536))),
                _ => line.put(&format!("postfix/smtpd[{}]: {}: client={}[{}], from=<", c.below(32_768), c.hex(10), name(&mut d), address(&mut e)))
                    .place(&["email"], || format!("{}@{}", d.one(&WORDS), name(&mut d))).put(">, proto=ESMTP, helo=<mx.local>"),
            };
        }
        4 => {
            line.place(IP, || address(&mut d)).put(&format!(" - - [09/Mar/2026:{hour:02}:{minute:02}:{sec:02} +0000] \"GET {} HTTP/1.1\" {} {} \"", path(&mut e), c.one(&["200", "304", "404"]), c.below(99_999)));
            line.place(&["url"], || format!("https://{}{}", name(&mut d), path(&mut d)))
                .put("\" \"")
                .put(c.one(&AGENTS))
                .put("\"");
        }
        5 => {
            line.put(&format!("Mar  9 {hour:02}:{minute:02}:{sec:02} fw CEF:0|Vendor|Firewall|9.{}|{}|connection|3|rt={second}123 src=", c.below(9), c.below(999)));
            line.place(IP, || address(&mut d)).put(&format!(
                " spt={} dst={} dpt=443 dhost=",
                c.below(65_536),
                address(&mut e)
            ));
            line.host(|| name(&mut d)).put(" request=").path(|| path(&mut e)).put(&format!(
                " in={} out={} act=allowed fname=",
                c.below(9999),
                c.below(99_999)
            ));
            line.place(&["filename"], || format!("{}.pdf", e.one(&WORDS)));
        }
        6 => {
            line.put(&format!("{stamp}Z,host{},", c.below(500)))
                .place(IP, || address(&mut d))
                .put(&format!(",{},\"C:\\Users\\{}\\AppData\\", c.below(65_536), c.one(&WORDS)));
            line.place(&["filename"], || format!("{}.exe", e.one(&WORDS)))
                .put("\",")
                .place(HASH, || d.hex(32))
                .put(&format!(",{}", c.one(&["allowed", "blocked"])));
        }
        _ => {
            line.put(&format!("{{\"@timestamp\":\"{stamp}Z\",\"source\":{{\"ip\":\""))
                .place(IP, || address(&mut d))
                .put(&format!("\",\"port\":{}}},\"destination\":{{\"domain\":\"", c.below(65_536)));
            line.place(&["domain"], || name(&mut d))
                .put("\"},\"url\":{\"original\":\"")
                .place(&["url"], || format!("https://{}{}", name(&mut e), path(&mut e)));
            line.put("\"},\"user\":{\"email\":\"")
                .place(&["email"], || format!("{}@{}", d.one(&WORDS), name(&mut d)));
            line.put("\"},\"process\":{\"hash\":{\"sha256\":\"")
                .place(HASH, || e.hex(64))
                .put("\"}},\"message\":\"connection of ")
                .put(c.one(&WORDS))
                .put(" closed after 1.5 s\"}");
        }
    }
}

const LOGS: [(&str, &str, &[&str]); 8] = [
    ("eve.json", "", &["ip", "domain", "url", "sha256", "md5", "sha1", "filename", "ja4"]),
    (
        "conn.log",
        "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n",
        &["ip"],
    ),
    (
        "http.log",
        "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\ttrans_depth\tmethod\thost\turi\treferrer\tversion\tuser_agent\torigin\trequest_body_len\tresponse_body_len\tstatus_code\tstatus_msg\tinfo_code\tinfo_msg\ttags\tusername\tpassword\tproxied\torig_fuids\torig_filenames\torig_mime_types\tresp_fuids\tresp_filenames\tresp_mime_types\n",
        &["ip", "domain", "url"],
    ),
    ("syslog", "", &["ip", "email"]),
    ("access.log", "", &["ip", "url"]),
    ("cef.log", "", &["ip", "domain", "url", "filename"]),
    (
        "edr.csv",
        "time,host,remote_ip,remote_port,image,hash,verdict\n",
        &["ip", "filename", "sha256", "md5", "sha1"],
    ),
    ("ecs.ndjson", "", &["ip", "domain", "url", "email", "sha256", "md5", "sha1"]),
];

/// As the library writes it.
fn kind(kind: &str, value: &str) -> String {
    match kind {
        "ip" if value.contains(':') => "ipv6".to_owned(),
        "ip" => "ipv4".to_owned(),
        other => other.to_owned(),
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, indicators, megabytes] = arguments.as_slice() else {
        eprintln!("usage: generate FOLDER INDICATORS MEGABYTES");
        std::process::exit(2);
    };
    let (Ok(count), Ok(megabytes)) = (indicators.parse::<u64>(), megabytes.parse::<u64>()) else {
        eprintln!("generate: want two numbers");
        std::process::exit(2);
    };
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder.join("logs"))?;
    let mut list = BufWriter::with_capacity(1 << 20, File::create(folder.join("indicators.csv"))?);
    writeln!(list, "type,value")?;
    for number in 0..count {
        let (kind, value) = indicator(number);
        writeln!(list, "{kind},{value}")?;
    }
    list.flush()?;
    let mut truth = BufWriter::new(File::create(folder.join("truth.ndjson"))?);
    for (format, (file, header, types)) in LOGS.iter().enumerate() {
        let mut out =
            BufWriter::with_capacity(1 << 20, File::create(folder.join("logs").join(file))?);
        let mut c = Chance(0x10c5 + format as u64);
        out.write_all(header.as_bytes())?;
        let mut offset = header.len() as u64;
        let mut number = header.lines().count() as u64;
        while offset < megabytes * 1_000_000 / LOGS.len() as u64 {
            number += 1;
            let plant = (c.below(500) == 0).then(|| indicator(c.below(count)));
            let plant = plant.filter(|(kind, _)| types.contains(kind));
            let mut made =
                Line { text: String::new(), plant: plant.as_ref(), at: None, host: None };
            line(format, number, &mut c, &mut made);
            if let (Some((at, value)), Some((of, indicator))) = (&made.at, &plant) {
                let indicator = indicator.strip_prefix("http://").unwrap_or(indicator);
                let seen = if *of == "url" && !value.contains('/') { indicator } else { value };
                writeln!(
                    truth,
                    r#"{{"file":"{file}","line":{number},"offset":{},"length":{},"type":"{}","indicator":"{indicator}","value":"{seen}"}}"#,
                    offset + *at as u64,
                    value.len(),
                    kind(of, indicator),
                )?;
            }
            made.text.push('\n');
            out.write_all(made.text.as_bytes())?;
            offset += made.text.len() as u64;
        }
        out.flush()?;
    }
    truth.flush()
}
