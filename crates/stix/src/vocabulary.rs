//! The open vocabularies of STIX 2.1 section 10, and the names that other registries give.

/// A vocabulary: values that SHOULD be used where one fits; any other is allowed.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// As the standard names it.
    pub(crate) name: &'static str,
    /// Its values.
    pub(crate) values: &'static [&'static str],
}

pub(crate) static ACCOUNT_TYPE: Vocabulary = Vocabulary {
    name: "account-type-ov",
    values: &[
        "unix",
        "windows-local",
        "windows-domain",
        "ldap",
        "tacacs",
        "radius",
        "nis",
        "openid",
        "facebook",
        "skype",
        "twitter",
        "kavi",
    ],
};
pub(crate) static ATTACK_MOTIVATION: Vocabulary = Vocabulary {
    name: "attack-motivation-ov",
    values: &[
        "accidental",
        "coercion",
        "dominance",
        "ideology",
        "notoriety",
        "organizational-gain",
        "personal-gain",
        "personal-satisfaction",
        "revenge",
        "unpredictable",
    ],
};
pub(crate) static ATTACK_RESOURCE_LEVEL: Vocabulary = Vocabulary {
    name: "attack-resource-level-ov",
    values: &["individual", "club", "contest", "team", "organization", "government"],
};
pub(crate) static GROUPING_CONTEXT: Vocabulary = Vocabulary {
    name: "grouping-context-ov",
    values: &["suspicious-activity", "malware-analysis", "unspecified"],
};
pub(crate) static IDENTITY_CLASS: Vocabulary = Vocabulary {
    name: "identity-class-ov",
    values: &["individual", "group", "system", "organization", "class", "unknown"],
};
pub(crate) static IMPLEMENTATION_LANGUAGE: Vocabulary = Vocabulary {
    name: "implementation-language-ov",
    values: &[
        "applescript",
        "bash",
        "c",
        "c++",
        "c#",
        "go",
        "java",
        "javascript",
        "lua",
        "objective-c",
        "perl",
        "php",
        "powershell",
        "python",
        "ruby",
        "scala",
        "swift",
        "typescript",
        "visual-basic",
        "x86-32",
        "x86-64",
    ],
};
pub(crate) static INDICATOR_TYPE: Vocabulary = Vocabulary {
    name: "indicator-type-ov",
    values: &[
        "anomalous-activity",
        "anonymization",
        "benign",
        "compromised",
        "malicious-activity",
        "attribution",
        "unknown",
    ],
};
pub(crate) static INDUSTRY_SECTOR: Vocabulary = Vocabulary {
    name: "industry-sector-ov",
    values: &[
        "agriculture",
        "aerospace",
        "automotive",
        "chemical",
        "commercial",
        "communications",
        "construction",
        "defense",
        "education",
        "energy",
        "entertainment",
        "financial-services",
        "government",
        "emergency-services",
        "government-local",
        "government-national",
        "government-public-services",
        "government-regional",
        "healthcare",
        "hospitality-leisure",
        "infrastructure",
        "dams",
        "nuclear",
        "water",
        "insurance",
        "manufacturing",
        "mining",
        "non-profit",
        "pharmaceuticals",
        "retail",
        "technology",
        "telecommunications",
        "transportation",
        "utilities",
    ],
};
pub(crate) static INFRASTRUCTURE_TYPE: Vocabulary = Vocabulary {
    name: "infrastructure-type-ov",
    values: &[
        "amplification",
        "anonymization",
        "botnet",
        "command-and-control",
        "control-system",
        "exfiltration",
        "firewall",
        "hosting-malware",
        "hosting-target-lists",
        "phishing",
        "reconnaissance",
        "routers-switches",
        "staging",
        "workstation",
        "unknown",
    ],
};
pub(crate) static MALWARE_RESULT: Vocabulary = Vocabulary {
    name: "malware-result-ov",
    values: &["malicious", "suspicious", "benign", "unknown"],
};
pub(crate) static MALWARE_CAPABILITIES: Vocabulary = Vocabulary {
    name: "malware-capabilities-ov",
    values: &[
        "accesses-remote-machines",
        "anti-debugging",
        "anti-disassembly",
        "anti-emulation",
        "anti-memory-forensics",
        "anti-sandbox",
        "anti-vm",
        "captures-input-peripherals",
        "captures-output-peripherals",
        "captures-system-state-data",
        "cleans-traces-of-infection",
        "commits-fraud",
        "communicates-with-c2",
        "compromises-data-availability",
        "compromises-data-integrity",
        "compromises-system-availability",
        "controls-local-machine",
        "degrades-security-software",
        "degrades-system-updates",
        "determines-c2-server",
        "emails-spam",
        "escalates-privileges",
        "evades-av",
        "exfiltrates-data",
        "fingerprints-host",
        "hides-artifacts",
        "hides-executing-code",
        "infects-files",
        "infects-remote-machines",
        "installs-other-components",
        "persists-after-system-reboot",
        "prevents-artifact-access",
        "prevents-artifact-deletion",
        "probes-network-environment",
        "self-modifies",
        "steals-authentication-credentials",
        "violates-system-operational-integrity",
    ],
};
pub(crate) static MALWARE_TYPE: Vocabulary = Vocabulary {
    name: "malware-type-ov",
    values: &[
        "adware",
        "backdoor",
        "bot",
        "bootkit",
        "ddos",
        "downloader",
        "dropper",
        "exploit-kit",
        "keylogger",
        "ransomware",
        "remote-access-trojan",
        "resource-exploitation",
        "rogue-security-software",
        "rootkit",
        "screen-capture",
        "spyware",
        "trojan",
        "unknown",
        "virus",
        "webshell",
        "wiper",
        "worm",
    ],
};
pub(crate) static PATTERN_TYPE: Vocabulary = Vocabulary {
    name: "pattern-type-ov",
    values: &["stix", "pcre", "sigma", "snort", "suricata", "yara"],
};
pub(crate) static PROCESSOR_ARCHITECTURE: Vocabulary = Vocabulary {
    name: "processor-architecture-ov",
    values: &["alpha", "arm", "ia-64", "mips", "powerpc", "sparc", "x86", "x86-64"],
};
pub(crate) static REGION: Vocabulary = Vocabulary {
    name: "region-ov",
    values: &[
        "africa",
        "eastern-africa",
        "middle-africa",
        "northern-africa",
        "southern-africa",
        "western-africa",
        "americas",
        "latin-america-caribbean",
        "south-america",
        "caribbean",
        "central-america",
        "northern-america",
        "asia",
        "central-asia",
        "eastern-asia",
        "southern-asia",
        "south-eastern-asia",
        "western-asia",
        "europe",
        "eastern-europe",
        "northern-europe",
        "southern-europe",
        "western-europe",
        "oceania",
        "australia-new-zealand",
        "melanesia",
        "micronesia",
        "polynesia",
        "antarctica",
    ],
};
pub(crate) static REPORT_TYPE: Vocabulary = Vocabulary {
    name: "report-type-ov",
    values: &[
        "threat-report",
        "attack-pattern",
        "campaign",
        "identity",
        "indicator",
        "intrusion-set",
        "malware",
        "observed-data",
        "threat-actor",
        "tool",
        "vulnerability",
    ],
};
pub(crate) static THREAT_ACTOR_TYPE: Vocabulary = Vocabulary {
    name: "threat-actor-type-ov",
    values: &[
        "activist",
        "competitor",
        "crime-syndicate",
        "criminal",
        "hacker",
        "insider-accidental",
        "insider-disgruntled",
        "nation-state",
        "sensationalist",
        "spy",
        "terrorist",
        "unknown",
    ],
};
pub(crate) static THREAT_ACTOR_ROLE: Vocabulary = Vocabulary {
    name: "threat-actor-role-ov",
    values: &[
        "agent",
        "director",
        "independent",
        "infrastructure-architect",
        "infrastructure-operator",
        "malware-author",
        "sponsor",
    ],
};
pub(crate) static THREAT_ACTOR_SOPHISTICATION: Vocabulary = Vocabulary {
    name: "threat-actor-sophistication-ov",
    values: &["none", "minimal", "intermediate", "advanced", "expert", "innovator", "strategic"],
};
pub(crate) static TOOL_TYPE: Vocabulary = Vocabulary {
    name: "tool-type-ov",
    values: &[
        "denial-of-service",
        "exploitation",
        "information-gathering",
        "network-capture",
        "credential-exploitation",
        "remote-access",
        "vulnerability-scanning",
        "unknown",
    ],
};
pub(crate) static WINDOWS_PEBINARY_TYPE: Vocabulary =
    Vocabulary { name: "windows-pebinary-type-ov", values: &["exe", "dll", "sys"] };

/// Language subtags: ISO 639-1 and 639-2, as RFC 5646 takes them.
pub(crate) const LANGUAGES: &str = "\
aa aar ab abk ace ach ada ady ae af afa afh afr ain ak aka akk alb alb ale alg alt am amh an ang \
anp apa ar ara arc arg arm arm arn arp art arw as asm ast ath aus av ava ave awa ay aym az aze \
ba bad bai bak bal bam ban baq baq bas bat be bej bel bem ben ber bg bh bho bi bih bik bin bis \
bla bm bn bnt bo bod bod bos br bra bre bs btk bua bug bul bur bur byn ca cad cai car cat cau ce \
ceb cel ces ces ch cha chb che chg chi chi chk chm chn cho chp chr chu chv chy cmc co cop cor \
cos cpe cpf cpp cr cre crh crp cs csb cu cus cv cy cym cym cze cze da dak dan dar day de del den \
deu deu dgr din div doi dra dsb dua dum dut dut dv dyu dz dzo ee efi egy eka el ell ell elx en \
eng enm eo epo es est et eu eus eus ewe ewo fa fan fao fas fas fat ff fi fij fil fin fiu fj fo \
fon fr fra fre frm fro frr frs fry ful fur fy ga gaa gay gba gd gem geo geo ger ger gez gil gl \
gla gle glg glv gmh gn goh gon gor got grb grc gre gre grn gsw gu guj gv gwi ha hai hat hau haw \
he heb her hi hil him hin hit hmn hmo ho hr hrv hsb ht hu hun hup hy hye hye hz ia iba ibo ice \
ice id ido ie ig ii iii ijo ik iku ile ilo ina inc ind ine inh io ipk ira iro is isl isl it ita \
iu ja jav jbo jpn jpr jrb jv ka kaa kab kac kal kam kan kar kas kat kat kau kaw kaz kbd kg kha \
khi khm kho ki kik kin kir kj kk kl km kmb kn ko kok kom kon kor kos kpe kr krc krl kro kru ks \
ku kua kum kur kut kv kw ky la lad lah lam lao lat lav lb lez lg li lim lin lit ln lo lol loz lt \
ltz lu lua lub lug lui lun luo lus lv mac mac mad mag mah mai mak mal man mao mao map mar mas \
may may mdf mdr men mg mga mh mi mic min mis mk mkd mkd mkh ml mlg mlt mn mnc mni mno moh mon \
mos mr mri mri ms msa msa mt mul mun mus mwl mwr my mya mya myn myv na nah nai nap nau nav nb \
nbl nd nde ndo nds ne nep new ng nia nic niu nl nld nld nn nno no nob nog non nor nqo nr ns nso \
nub nv nwc ny nya nym nyn nyo nzi oc oci oj oji om or ori orm os osa oss ota oto pa paa pag pal \
pam pan pap pau peo per per phi phn pi pl pli pol pon por pra pro ps pt pus qu que raj rap rar \
rm rn ro roa roh rom ron ru rum run rup rus rw sa sad sag sah sai sal sam san sas sat sc scn sco \
sd se sel sem sg sga sgn shn si sid sin sio sit sk sl sla slk slo slv sm sma sme smi smj smn smo \
sms sn sna snd snk so sog som son sot spa sq sqi sqi sr srd srn srp srr ss ssa ssw st su suk sun \
sus sux sv sw swa swe syc syr ta tah tai tam tat te tel tem ter tet tg tgk tgl th tha ti tib tib \
tig tir tiv tk tkl tl tlh tli tmh tn to tog ton tpi tr ts tsi tsn tso tt tuk tum tup tur tut tvl \
tw twi ty tyv udm ug uga uig uk ukr umb und ur urd uz uzb vai ve ven vi vie vo vol vot wa wak \
wal war was wel wel wen wln wo wol xal xh xho yao yap yi yid yo yor ypk za zap zbl zen zgh zh \
zha zho zho znd zu zul zun zxx zza";

/// Countries and regions of ISO 3166-1, alpha-2, reserved ones too.
pub(crate) const COUNTRIES: &str = "\
AC AD AE AF AG AI AL AM AN AO AP AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO \
BQ BR BS BT BU BV BW BX BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CP CR CS CT CU CV CW CX CY CZ \
DD DE DG DJ DK DM DO DY DZ EA EC EE EF EG EH EM EP ER ES ET EU EV EW EZ FI FJ FK FL FM FO FQ FR \
FX GA GB GC GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU HV IB IC ID IE \
IL IM IN IO IQ IR IS IT JA JE JM JO JP JT KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LF LI LK LR \
LS LT LU LV LY MA MC MD ME MF MG MH MI MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE \
NF NG NH NI NL NO NP NQ NR NT NU NZ OA OM PA PC PE PF PG PH PI PK PL PM PN PR PS PT PU PW PY PZ \
QA RA RB RC RE RH RI RL RM RN RO RP RS RU RW SA SB SC SD SE SF SG SH SI SJ SK SL SM SN SO SR SS \
ST SU SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TP TR TT TV TW TZ UA UG UK UM UN US UY UZ \
VA VC VD VE VG VI VN VU WF WG WK WL WO WS WV YD YE YT YU YV ZA ZM ZR ZW";

/// Header fields of an HTTP request.
pub(crate) const HTTP_REQUEST_HEADERS: &str = "\
Accept Accept-Charset Accept-Datetime Accept-Encoding Accept-Language Authorization Cache- \
Control Connection Content-Length Content-MD5 Content-Type Cookie DNT Date Expect Forwarded From \
Front-End-Https Host If-Match If-Modified-Since If-None-Match If-Range If-Unmodified-Since Max- \
Forwards Origin Pragma Proxy-Authorization Proxy-Connection Range Referer TE Upgrade User-Agent \
Via Warning X-ATT-DeviceId X-Correlation-ID X-Csrf-Token X-Forwarded-For X-Forwarded-Host \
X-Forwarded-Proto X-Http-Method-Override X-Request-ID X-Requested-With X-UIDH X-Wap-Profile";

/// Keys of a PDF document information dictionary.
pub(crate) const PDF_DOCUMENT_INFO: &str = "\
Author CreationDate Creator Keywords ModDate Producer Subject Title Trapped";

/// Whether a list of words has this one.
pub(crate) fn lists(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|one| one == word)
}
