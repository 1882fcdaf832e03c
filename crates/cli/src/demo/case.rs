//! The case. Every party, firm and address in it is invented; it is an exercise.

use comity_node::node::Done;
use comity_rules::ThreadId;
use comity_rules::access::Person;
use comity_rules::agreement::TEMPLATES;
use comity_rules::command::Command;
use comity_rules::content::{
    Answer, Ask, Assessment, Attachment, Claim, Item, ItemAnswer, Reason, Remark, Tlp,
};
use comity_rules::request::Outcome;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::failure::Failure;
use crate::stage::{Cast, Side, Stage};

/// A public threat report in STIX 2.1, attached as it is.
const APT1: &[u8] = include_bytes!("../../../../data/stix/apt1.json");

/// What the parties of the demo add to the model terms: answers that are not urgent wait for a second person.
const RELEASE: &str = "[release]\ntwo_persons = [\"request.answer/1\"]\n\
                       except_classes = [\"U0-emergency\", \"U1-urgent\"]\nevidence = \"proposal\"\n\n";

/// Who plays. A Monday morning; the case is invented, and so is its time.
pub(super) fn cast() -> Cast {
    let model = TEMPLATES.iter().find(|(id, _)| *id == "comity-model").map_or("", |(_, text)| text);
    let first = model.find("[[kind]]").unwrap_or(model.len());
    let template = format!("{}{RELEASE}{}", &model[..first], &model[first..]);
    let party = |parts: [&str; 3]| parts.map(str::to_owned).into();
    Cast {
        start: "2026-03-09T08:12:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH),
        parties: [
            party(["northland", "Northland CERT", "Europe/Oslo"]),
            party(["southland", "Southland Cyber Police", "Asia/Singapore"]),
        ],
        template,
        calendars: [None, None],
        exercise: false,
    }
}

/// Plays it.
pub(super) async fn play(stage: &mut Stage) -> Result<(), Failure> {
    tell!(
        stage.json,
        "EXERCISE. Northland and Southland are invented, and so is everything they say.\n"
    );
    design_files(stage).await?;
    defaced_ministry(stage).await?;
    silence(stage).await
}

/// A firm in Northland lost design files through servers rented in Southland.
async fn design_files(stage: &Stage) -> Result<(), Failure> {
    let done = send(stage, &stage.north, Some("U1-urgent"), lost_files()).await?;
    act(stage, &stage.north, "asks who rented three servers, to keep their logs, and who paid")
        .await?;
    stage.pass(52);
    let thread = done.thread;
    say(
        stage,
        &stage.south,
        thread,
        Command::Acknowledge(remark("In hand. Case officer Lim.")),
        "acknowledges",
    )
    .await?;
    stage.pass(335);
    let question = "Which port of 198.51.100.7, and what clock did the log use?";
    say(
        stage,
        &stage.south,
        thread,
        Command::Clarify(remark(question)),
        "asks which port: the clock stands still",
    )
    .await?;
    stage.pass(982);
    let reply = "Port 443. The log is in UTC, and the clock was checked against NTP.";
    say(stage, &stage.north, thread, Command::Clarify(remark(reply)), "replies: the clock goes on")
        .await?;
    stage.pass(1938);
    say(
        stage,
        &stage.south,
        thread,
        Command::Answer(two_of_three()),
        "answers two items and refuses the third, with its lawful ground",
    )
    .await?;
    stage.pass(1030);
    let assessment = Assessment {
        scores: [("completeness", 3), ("relevance", 3), ("reasons", 4), ("integrity", 4)]
            .map(|(dimension, score)| (dimension.to_owned(), score))
            .into(),
        text: "Usable. The account led to a second reseller.".to_owned(),
    };
    say(
        stage,
        &stage.north,
        thread,
        Command::Assess(assessment),
        "assesses: usable, complete in part",
    )
    .await?;
    Ok(())
}

/// Southland, victim of its own intrusion, asks in turn.
async fn defaced_ministry(stage: &Stage) -> Result<(), Failure> {
    tell!(stage.json);
    stage.pass(95);
    let done = send(stage, &stage.south, Some("U2-routine"), defaced()).await?;
    act(
        stage,
        &stage.south,
        "asks in turn: a ministry's site was defaced through a host in Northland",
    )
    .await?;
    stage.pass(70);
    let command = Command::Acknowledge(remark("Received. We ask the hosting firm today."));
    say(stage, &stage.north, done.thread, command, "acknowledges").await?;
    stage.pass(2700);
    let answer = Answer {
        text: "The host was a firm's forgotten test machine, itself broken into.".to_owned(),
        use_limits: "For this investigation only.".to_owned(),
        limits: None,
        grounds: Default::default(),
        items: vec![done_item(
            1,
            "Machine of a design school, compromised since January. Image kept until 8 May.",
        )],
        attachments: Vec::new(),
    };
    say(stage, &stage.north, done.thread, Command::Answer(answer), "answers").await?;
    stage.pass(400);
    let assessment = Assessment {
        scores: [("completeness", 4), ("relevance", 4)].map(|(d, s)| (d.to_owned(), s)).into(),
        text: "Complete.".to_owned(),
    };
    say(stage, &stage.south, done.thread, Command::Assess(assessment), "assesses: complete")
        .await?;
    say(stage, &stage.south, done.thread, Command::Close(remark("Thank you.")), "closes").await?;
    Ok(())
}

/// Southland's line fails and then its node stops, with a request that it holds and has not receipted
/// to anybody: the mirror's word starts the clock, it goes overdue, and the late receipt takes nothing
/// of that back.
async fn silence(stage: &mut Stage) -> Result<(), Failure> {
    tell!(stage.json);
    stage.pass(60);
    stage.south.line.fail();
    note(stage, &stage.south, "its line to the outside fails; what others send still arrives");
    let done = send(stage, &stage.north, Some("U1-urgent"), second_reseller()).await?;
    stage.held(&stage.north).await?;
    note(stage, &stage.north, "asks about the second reseller; Southland's mirror holds it");
    stage.south.stop().await;
    note(stage, &stage.south, "its node stops, and no receipt has come");
    stage.pass(330);
    let remark_text = "No acknowledgement after five and a half hours. Please look.";
    stage
        .north
        .node
        .command(
            &Person::operator(),
            None,
            Some(done.thread),
            Command::Escalate(remark(remark_text)),
        )
        .await?;
    stage.witnessed(&stage.north).await?;
    note(stage, &stage.north, "the acknowledgement is overdue: escalates");
    stage.pass(250);
    stage.south.line.mend();
    stage.south.start().await?;
    stage.settle().await?;
    note(stage, &stage.south, "its node is back: the late receipt arrives, and takes nothing back");
    stage.pass(12);
    let command = Command::Acknowledge(remark("Power was out in the data centre. In hand now."));
    say(stage, &stage.south, done.thread, command, "acknowledges, late").await?;
    Ok(())
}

async fn send(stage: &Stage, side: &Side, class: Option<&str>, ask: Ask) -> Result<Done, Failure> {
    let terms = stage.terms.hash().to_hex();
    let command = Command::Send { class: class.map(str::to_owned), exercise: true, ask };
    Ok(side.node.command(&Person::operator(), Some(&terms), None, command).await?)
}

async fn say(
    stage: &Stage,
    side: &Side,
    thread: ThreadId,
    command: Command,
    what: &str,
) -> Result<(), Failure> {
    side.node.command(&Person::operator(), None, Some(thread), command).await?;
    act(stage, side, what).await
}

/// Waits until the act is proven on both sides, and tells of it.
async fn act(stage: &Stage, side: &Side, what: &str) -> Result<(), Failure> {
    stage.settle().await?;
    note(stage, side, what);
    Ok(())
}

fn note(stage: &Stage, side: &Side, what: &str) {
    use comity_node::clock::Clock as _;
    let now = stage.clock.now().to_zoned(TimeZone::UTC);
    tell!(stage.json, "{}  {:<24} {what}", now.strftime("%a %H:%M UTC"), side.node.card().name);
}

fn remark(text: &str) -> Remark {
    Remark { text: text.to_owned() }
}

fn lost_files() -> Ask {
    Ask {
        title: "Who rented three servers used against a turbine maker?".to_owned(),
        facts: "Between 3 and 9 March a turbine maker in Northland lost 41 GB of design files to three \
                servers at an address range in Southland. The transfer logs, with times in UTC, are \
                with Northland CERT."
            .to_owned(),
        legal_basis: "Northland Criminal Code section 204; case NC-2026-118".to_owned(),
        purpose: "To identify who rented the servers.".to_owned(),
        urgency_reason: "Rental contracts end on 12 March; logs are kept for seven days.".to_owned(),
        marking: Tlp::AmberStrict,
        contact: "Duty officer, at any hour".to_owned(),
        items: vec![
            item(
                "information",
                "Who rented these addresses between 3 and 9 March?",
                &["198.51.100.7:443", "198.51.100.22:443", "203.0.113.80:8443"],
            ),
            item("preservation", "Keep the logs of the three servers for 60 days.", &[]),
            item("information", "Who paid the reseller?", &[]),
        ],
        attachments: vec![Attachment {
            name: "apt1.json".to_owned(),
            media_type: "application/stix+json;version=2.1".to_owned(),
            bytes: APT1.to_vec(),
            claims: vec![Claim {
                text: "names a unit of a state's armed forces as the actor".to_owned(),
                author: "Mandiant, in the report that the bundle reproduces".to_owned(),
                disputed: true,
            }],
        }],
        data_category: None,
        dual_criminality: String::new(),
        reciprocity: String::new(),
        follows: None,
        language: String::new(),
        translation: None,
    }
}

fn two_of_three() -> Answer {
    Answer {
        text: "See the items.".to_owned(),
        use_limits: "For case NC-2026-118 only; to be destroyed when it closes.".to_owned(),
        limits: None,
        grounds: Default::default(),
        items: vec![
            done_item(
                1,
                "One reseller account, opened on 27 February; an identity document is on file.",
            ),
            done_item(2, "Kept until 8 May; can be extended once by 30 days."),
            ItemAnswer {
                item: 3,
                outcome: Outcome::Refused,
                text: String::new(),
                reason: Some(Reason {
                    ground: "no-material-nexus".to_owned(),
                    law: "Southland Judicial Assistance Act section 14(6)".to_owned(),
                    alternative:
                        "Payment in the month of the offence alone was considered; it is not held."
                            .to_owned(),
                    consulted: Some(true),
                }),
            },
        ],
        attachments: Vec::new(),
    }
}

fn defaced() -> Ask {
    Ask {
        title: "Host in Northland used to deface a ministry's site".to_owned(),
        facts: "On 11 March the site of a ministry in Southland was defaced from 192.0.2.44."
            .to_owned(),
        legal_basis: "Southland Computer Misuse Act section 5".to_owned(),
        purpose: "To find who used the host.".to_owned(),
        urgency_reason: "Routine: the site is restored.".to_owned(),
        marking: Tlp::Amber,
        contact: "Cyber Police desk, 09:00 to 18:00".to_owned(),
        items: vec![item(
            "information",
            "Whose machine is this, and was it broken into?",
            &["192.0.2.44:22"],
        )],
        attachments: Vec::new(),
        data_category: None,
        dual_criminality: String::new(),
        reciprocity: String::new(),
        follows: None,
        language: String::new(),
        translation: None,
    }
}

fn second_reseller() -> Ask {
    Ask {
        title: "Second reseller named in the answer".to_owned(),
        facts: "The account in the earlier answer was opened through a second reseller.".to_owned(),
        legal_basis: "Northland Criminal Code section 204; case NC-2026-118".to_owned(),
        purpose: "To identify who rented the servers.".to_owned(),
        urgency_reason: "The second reseller deletes records after fourteen days.".to_owned(),
        marking: Tlp::AmberStrict,
        contact: "Duty officer, at any hour".to_owned(),
        items: vec![item(
            "information",
            "Who is the second reseller's customer?",
            &["203.0.113.91:443"],
        )],
        attachments: Vec::new(),
        data_category: None,
        dual_criminality: String::new(),
        reciprocity: String::new(),
        follows: None,
        language: String::new(),
        translation: None,
    }
}

fn item(kind: &str, ask: &str, identifiers: &[&str]) -> Item {
    Item {
        kind: kind.to_owned(),
        ask: ask.to_owned(),
        identifiers: identifiers.iter().map(|identifier| (*identifier).to_owned()).collect(),
        infrastructure: None,
    }
}

fn done_item(item: usize, text: &str) -> ItemAnswer {
    ItemAnswer { item, outcome: Outcome::Answered, text: text.to_owned(), reason: None }
}
