//! `time.*`.

use sealgate_builtins::{Context, Registry, Value};

use sealgate_testkit::Draw;

use crate::{Arguments, agree, quoted};

const ZONES: [&str; 39] = [
    "UTC",
    "",
    "Local",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Caracas",
    "America/Havana",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Berlin",
    "Europe/Moscow",
    "Europe/Lisbon",
    "Europe/Volgograd",
    "Africa/Monrovia",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Pyongyang",
    "Asia/Tokyo",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Australia/Eucla",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
    "Etc/GMT+5",
    "Etc/GMT-14",
    "EST5EDT",
    "GMT",
    "US/Pacific",
    "Asia/Calcutta",
    "Nowhere/Land",
    "europe/berlin",
    "../etc/passwd",
    "/etc/localtime",
    "Zulu",
];

const ELEMENTS: [&str; 52] = [
    "2006",
    "06",
    "January",
    "Jan",
    "1",
    "01",
    "Monday",
    "Mon",
    "2",
    "_2",
    "02",
    "__2",
    "002",
    "15",
    "3",
    "03",
    "4",
    "04",
    "5",
    "05",
    "PM",
    "pm",
    "MST",
    "Z0700",
    "Z070000",
    "Z07",
    "Z07:00",
    "Z07:00:00",
    "-0700",
    "-070000",
    "-07",
    "-07:00",
    "-07:00:00",
    ".000",
    ",000000",
    ".999",
    ".999999999",
    ".0",
    " ",
    "-",
    ":",
    "/",
    "T",
    "é",
    "Month",
    "Monk",
    "of",
    "_2006",
    ".00001",
    "00",
    "20",
    "Zulu",
];

const NAMED: [&str; 10] =
    ["ANSIC", "UnixDate", "RubyDate", "RFC822", "RFC822Z", "RFC850", "RFC1123", "RFC1123Z", "RFC3339", "RFC3339Nano"];

fn nanoseconds(draw: &mut Draw) -> String {
    let bits = i64::from_ne_bytes(draw.bits().to_ne_bytes());
    match draw.below(12) {
        0 => {
            draw.of(&["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "1e18", "1.5", "1e30"]).to_owned()
        }
        1 => (bits / 1_000_000_000 * 1_000_000_000).to_string(),
        2 | 3 => bits.to_string(),
        // The last decades, where zones change.
        _ => (bits / 10 + 800_000_000_000_000_000).to_string(),
    }
}

fn layout(draw: &mut Draw) -> String {
    if draw.once_in(5) {
        return draw.of(&NAMED).to_owned();
    }
    let mut layout = String::new();
    for _ in 0..=draw.below(8) {
        layout.push_str(draw.of(&ELEMENTS));
        if draw.once_in(2) {
            layout.push_str(draw.of(&[" ", "-", ":", "T", ", "]));
        }
    }
    layout
}

/// Nanoseconds from 2000 to 2024, on which all editions of the zones' database agree.
fn settled(draw: &mut Draw) -> String {
    (946_684_800_000_000_000 + i64::try_from(draw.bits() >> 1).unwrap() % 788_000_000_000_000_000).to_string()
}

/// A time and the name of a zone, as elements of a list.
fn in_zone(draw: &mut Draw) -> String {
    let zone = draw.of(&ZONES);
    let nanos = if ZONES[..3].contains(&zone) { nanoseconds(draw) } else { settled(draw) };
    format!("{nanos}, {}", quoted(zone))
}

fn instant(draw: &mut Draw) -> String {
    match draw.below(5) {
        0 => nanoseconds(draw),
        1 if draw.once_in(4) => "[]".to_owned(),
        _ => format!("[{}]", in_zone(draw)),
    }
}

fn instant_with_layout(draw: &mut Draw) -> Vec<String> {
    if draw.once_in(6) {
        return vec![instant(draw)];
    }
    vec![format!("[{}, {}]", in_zone(draw), quoted(&layout(draw)))]
}

/// A layout and a time written with it, which may be damaged.
fn layout_and_text(draw: &mut Draw) -> Vec<String> {
    let layout = layout(draw);
    let zone = draw.of(&ZONES[..34]);
    let operand = format!("[{}, {}, {}]", nanoseconds(draw).replace("e30", "e3"), quoted(zone), quoted(&layout));
    let operand = Value::parse(&operand).unwrap();
    let written = Registry::standard().get("time.format").unwrap().call(&mut Context::new(), &[operand]);
    let mut text = match written {
        Ok(Some(Value::String(text))) => text,
        _ => "2001-02-03T04:05:06Z".to_owned(),
    };
    while draw.once_in(3) {
        text = draw.mutate(&text);
    }
    vec![quoted(&layout), quoted(&text)]
}

fn rfc3339(draw: &mut Draw) -> Vec<String> {
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}",
        draw.below(2400),
        draw.below(14),
        draw.below(33),
        draw.below(26),
        draw.below(62),
        draw.below(62),
        draw.of(&["", ".5", ".123456789", ",25", ".0000000001", "."]),
        draw.of(&["Z", "z", "+01:00", "-23:59", "+24:00", "-00:00", "+0100", ""]),
    );
    if draw.once_in(4) {
        text = draw.mutate(&text);
    }
    vec![quoted(&text)]
}

fn duration(draw: &mut Draw) -> Vec<String> {
    let mut text = draw.of(&["", "", "", "-", "+"]).to_owned();
    for _ in 0..=draw.below(4) {
        text.push_str(draw.of(&[
            "0",
            "1",
            "1.5",
            ".5",
            "5.",
            "9223372036",
            "292",
            "0.000000001",
            "123456789012",
            "00",
            "3.33333333333333333333",
        ]));
        text.push_str(draw.of(&["h", "m", "s", "ms", "us", "µs", "μs", "ns", "d", "w", "y", "", "x", "hm"]));
    }
    if draw.once_in(10) {
        text = draw
            .of(&[
                "",
                "0",
                "-",
                "+0",
                "-0",
                ".",
                "1",
                "9223372036854775807ns",
                "-9223372036854775808ns",
                "-9223372036854775809ns",
                "9223372036854775808ns",
                ".s",
                "1e3s",
            ])
            .to_owned();
    }
    vec![quoted(&text)]
}

fn add_date(draw: &mut Draw) -> Vec<String> {
    let mut arguments = vec![instant(draw)];
    for largest in [20, 40, 800] {
        // Zones are compared in the past, where they are settled.
        let earliest = if arguments[0].starts_with('[') { largest } else { largest / 2 };
        let sum = i64::try_from(draw.below(largest)).unwrap() - i64::try_from(earliest).unwrap();
        arguments.push(match draw.below(12) {
            0 => draw
                .of(&["100000", "-100000", "9223372036854775807", "-9223372036854775808", "1.0", "1.5", "1e2"])
                .to_owned(),
            _ => sum.to_string(),
        });
    }
    arguments
}

#[test]
fn times_are_as_opas() {
    let one: Arguments = |draw| vec![instant(draw)];
    agree(&[
        ("time.format", instant_with_layout),
        ("time.parse_ns", layout_and_text),
        ("time.parse_rfc3339_ns", rfc3339),
        ("time.parse_duration_ns", duration),
        ("time.date", one),
        ("time.clock", one),
        ("time.weekday", one),
        ("time.add_date", add_date),
        ("time.diff", |draw| vec![instant(draw), instant(draw)]),
    ]);
}

/// Every zone of the database; names without a place (`MET`) have other abbreviations in some editions.
#[test]
fn every_zone_is_as_opas() {
    agree(&[("time.format", |draw| {
        let names = jiff_names();
        let name = &names[draw.below(names.len())];
        vec![format!("[{}, {}, \"2006-01-02T15:04:05-07:00:00 MST\"]", settled(draw), quoted(name))]
    })]);
}

fn jiff_names() -> Vec<String> {
    jiff::tz::TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.to_string())
        .filter(|name| name.contains('/'))
        .collect()
}
