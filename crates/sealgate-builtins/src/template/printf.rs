//! The function `printf` of templates: Go's formatting of the values that templates have. Explicit argument indexes
//! (`%[1]d`) are an error. Rego's `sprintf` is the kernel's.

use std::fmt::Write as _;

use crate::registry::BuiltinError;

/// Width and precision beyond this are an error, as in Go.
const MAX_WIDTH: usize = 1_000_000;
/// Bytes of result that are given.
const MAX_RESULT: usize = 16 << 20;

/// A value as Go's formatter sees it.
#[derive(Debug)]
pub(crate) enum Arg {
    /// An integer, any size: its digits and sign.
    Int {
        digits: String,
        go_type: &'static str,
    },
    Float(f64),
    /// A string, of Go's own type or of another that is one.
    Text {
        text: String,
        go_type: &'static str,
    },
    Bool(bool),
    Nil,
    List(Vec<Arg>),
    /// Keys in order, with their values.
    Map(Vec<(Arg, Arg)>),
}

impl Arg {
    fn go_type(&self) -> &'static str {
        match self {
            Self::Int { go_type, .. } | Self::Text { go_type, .. } => go_type,
            Self::Float(_) => "float64",
            Self::Bool(_) => "bool",
            Self::Nil => "<nil>",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
        }
    }

    fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int { digits, .. } => digits.parse().ok(),
            _ => None,
        }
    }
}

/// Writes a value as Go's verb `%v` does.
pub(crate) fn write_value(out: &mut String, arg: &Arg) {
    write_arg(out, 'v', Spec::default(), arg);
}

#[derive(Default, Clone, Copy)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Go's `Sprintf`.
pub(crate) fn format_args(format: &str, values: &[Arg]) -> Result<String, BuiltinError> {
    let mut out = String::with_capacity(format.len());
    let mut rest = format.chars().peekable();
    let mut values = values.iter();
    let mut used_all = true;
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let spec = read_spec(&mut rest, &mut values)?;
        match rest.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some('[') => return Err(BuiltinError::Failed("argument indexes are not supported".to_owned())),
            Some(verb) => match values.next() {
                Some(value) => write_arg(&mut out, verb, spec, value),
                None => {
                    used_all = false;
                    let _ = write!(out, "%!{verb}(MISSING)");
                }
            },
        }
        if out.len() > MAX_RESULT {
            return Err(BuiltinError::Halt("the text is too long".to_owned()));
        }
    }
    if used_all {
        write_extra(&mut out, values);
    }
    Ok(out)
}

fn write_extra<'a>(out: &mut String, values: impl Iterator<Item = &'a Arg>) {
    let mut opened = false;
    for value in values {
        out.push_str(if opened { ", " } else { "%!(EXTRA " });
        opened = true;
        if matches!(value, Arg::Nil) {
            out.push_str("<nil>");
            continue;
        }
        let _ = write!(out, "{}=", value.go_type());
        write_value(out, value);
    }
    if opened {
        out.push(')');
    }
}

fn read_spec<'a>(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    values: &mut impl Iterator<Item = &'a Arg>,
) -> Result<Spec, BuiltinError> {
    let mut spec = Spec::default();
    while let Some(flag) = rest.next_if(|c| matches!(c, '-' | '+' | '#' | ' ' | '0')) {
        match flag {
            '-' => (spec.minus, spec.zero) = (true, false),
            '+' => spec.plus = true,
            '#' => spec.sharp = true,
            ' ' => spec.space = true,
            _ => spec.zero = !spec.minus,
        }
    }
    spec.width = read_number(rest, values)?;
    // A point at the end is a verb, and a wrong one.
    if rest.clone().nth(1).is_some() && rest.next_if_eq(&'.').is_some() {
        spec.precision = Some(read_number(rest, values)?.unwrap_or(0));
    }
    Ok(spec)
}

fn read_number<'a>(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    values: &mut impl Iterator<Item = &'a Arg>,
) -> Result<Option<usize>, BuiltinError> {
    let too_large = || BuiltinError::Failed("width or precision too large".to_owned());
    if rest.next_if_eq(&'*').is_some() {
        let number = values.next().and_then(Arg::as_i64);
        let number = number.and_then(|number| usize::try_from(number).ok()).filter(|number| *number <= MAX_WIDTH);
        return number.map(Some).ok_or_else(|| BuiltinError::Failed("bad width or precision".to_owned()));
    }
    let mut number = None;
    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
        rest.next();
        let digit = usize::try_from(digit).unwrap_or_default();
        let next = number.unwrap_or(0_usize).saturating_mul(10).saturating_add(digit);
        if next > MAX_WIDTH {
            return Err(too_large());
        }
        number = Some(next);
    }
    Ok(number)
}

fn write_arg(out: &mut String, verb: char, spec: Spec, arg: &Arg) {
    let written = match arg {
        _ if verb == 'T' => format_text('s', spec, arg.go_type()),
        Arg::Int { digits, .. } => format_int(verb, spec, digits),
        Arg::Float(value) => format_float(verb, spec, *value),
        Arg::Text { text, .. } => format_text(verb, spec, text),
        Arg::Bool(value) if matches!(verb, 't' | 'v') => Some((value.to_string(), false)),
        Arg::Nil if verb == 'v' => Some(("<nil>".to_owned(), false)),
        Arg::Bool(_) => None,
        Arg::Nil => {
            let _ = write!(out, "%!{verb}(<nil>)");
            return;
        }
        Arg::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                write_part(out, verb, spec, item);
            }
            out.push(']');
            return;
        }
        Arg::Map(entries) => {
            out.push_str("map[");
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                write_part(out, verb, spec, key);
                out.push(':');
                write_part(out, verb, spec, value);
            }
            out.push(']');
            return;
        }
    };
    match written {
        Some((text, numeric)) => pad(out, spec, &text, numeric),
        None => {
            // Flags and width stay, as in Go.
            let _ = write!(out, "%!{verb}({}=", arg.go_type());
            write_arg(out, 'v', spec, arg);
            out.push(')');
        }
    }
}

/// Writes an element of a list or map: nothing is the same with every verb there.
fn write_part(out: &mut String, verb: char, spec: Spec, arg: &Arg) {
    match arg {
        Arg::Nil => out.push_str("<nil>"),
        arg => write_arg(out, verb, spec, arg),
    }
}

/// Pads to the width; zeros go between a number's sign and its digits.
fn pad(out: &mut String, spec: Spec, text: &str, numeric: bool) {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    if missing == 0 {
        out.push_str(text);
    } else if spec.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if spec.zero {
        let digits = text.strip_prefix(['-', '+', ' ']).filter(|_| numeric).unwrap_or(text);
        out.push_str(text.strip_suffix(digits).unwrap_or_default());
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}

fn signed(spec: Spec, negative: bool, digits: &str) -> String {
    let sign = match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    format!("{sign}{digits}")
}

fn format_int(verb: char, spec: Spec, text: &str) -> Option<(String, bool)> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let small = digits.parse::<u128>().ok();
    let digits = match verb {
        'd' | 'v' => digits.to_owned(),
        'b' => format!("{:b}", small?),
        'o' if spec.sharp => format!("0{:o}", small?),
        'o' => format!("{:o}", small?),
        'O' => format!("0o{:o}", small?),
        'x' if spec.sharp => format!("0x{:x}", small?),
        'x' => format!("{:x}", small?),
        'X' if spec.sharp => format!("0X{:X}", small?),
        'X' => format!("{:X}", small?),
        'c' | 'q' | 'U' => return format_rune(verb, spec, negative, small?),
        _ => return None,
    };
    let digits = match spec.precision {
        Some(0) if digits == "0" => String::new(),
        Some(precision) => format!("{}{digits}", "0".repeat(precision.saturating_sub(digits.len()))),
        None => digits,
    };
    // A precision says how many digits there are, so zeros no longer pad.
    Some((signed(spec, negative, &digits), spec.precision.is_none()))
}

fn format_rune(verb: char, spec: Spec, negative: bool, value: u128) -> Option<(String, bool)> {
    let code = if negative { None } else { u32::try_from(value).ok() };
    let rune = code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    Some((
        match verb {
            'c' => rune.to_string(),
            'q' => quote(&rune.to_string(), '\''),
            _ if spec.sharp => format!("U+{value:04X} '{rune}'"),
            _ => format!("U+{value:04X}"),
        },
        false,
    ))
}

fn format_float(verb: char, spec: Spec, value: f64) -> Option<(String, bool)> {
    let size = value.abs();
    let digits = match verb {
        'f' | 'F' => format!("{size:.*}", spec.precision.unwrap_or(6)),
        'e' | 'E' => exponent_form(size, Some(spec.precision.unwrap_or(6))),
        'g' | 'G' | 'v' => general_form(size, spec.precision),
        _ => return None,
    };
    let digits = if matches!(verb, 'E' | 'G') { digits.to_uppercase() } else { digits };
    Some((signed(spec, value.is_sign_negative(), &digits), true))
}

/// `d.ddde±xx`, with the fewest digits that tell the value if no precision is given.
fn exponent_form(size: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{size:.precision$e}"),
        None => format!("{size:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// The exponent from which Go writes its shortest form with one.
const SHORTEST_LIMIT: i32 = 6;

/// Go's `%g`: the exponent form for small and large exponents, else plain.
fn general_form(size: f64, precision: Option<usize>) -> String {
    let significant = precision.map(|precision| precision.max(1));
    let scientific = exponent_form(size, significant.map(|digits| digits.saturating_sub(1)));
    let exponent: i32 = scientific.split_once('e').and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0);
    let limit = significant.map_or(SHORTEST_LIMIT, |digits| i32::try_from(digits).unwrap_or(i32::MAX));
    if size != 0.0 && (exponent < -4 || exponent >= limit) {
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "+00"));
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    match significant {
        None => format!("{size}"),
        Some(digits) => {
            let decimals = i32::try_from(digits).unwrap_or(i32::MAX).saturating_sub(1).saturating_sub(exponent);
            trimmed(&format!("{size:.*}", usize::try_from(decimals).unwrap_or(0))).to_owned()
        }
    }
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

fn format_text(verb: char, spec: Spec, text: &str) -> Option<(String, bool)> {
    let cut = || match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    let hex = |upper: bool| {
        let mut out = String::new();
        for byte in text.bytes().take(spec.precision.unwrap_or(usize::MAX)) {
            let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        }
        out
    };
    Some((
        match verb {
            's' | 'v' => cut(),
            'q' => quote(&cut(), '"'),
            'x' => hex(false),
            'X' => hex(true),
            _ => return None,
        },
        false,
    ))
}

/// A Go string literal.
fn quote(text: &str, mark: char) -> String {
    let mut out = String::from(mark);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if c == mark => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(mark);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    /// A value as Go has it: integers, doubles, and text.
    fn arg(value: &Value) -> Arg {
        let text = |text: String| Arg::Text { text, go_type: "string" };
        match value {
            Value::Number(number) => match (number.as_i64(), number.to_string()) {
                (Some(integer), digits) if digits == integer.to_string() => Arg::Int { digits, go_type: "int64" },
                (_, digits) if digits.contains('.') && number.as_f64().is_finite() => Arg::Float(number.as_f64()),
                (_, digits) => text(digits),
            },
            Value::String(value) => text(value.clone()),
            other => text(other.to_text()),
        }
    }

    fn check(format: &str, values: &str, expected: &str) {
        let Ok(Value::Array(values)) = Value::parse(values) else { panic!("{values}") };
        let args: Vec<Arg> = values.iter().map(arg).collect();
        assert_eq!(format_args(format, &args).unwrap(), expected, "{format} {values:?}");
    }

    #[test]
    fn verbs_are_as_in_go() {
        check("%s|%v|%d|%5d|%-5d|%05d|%+d", r#"["a", "b", 1, 2, 3, 4, 5]"#, "a|b|1|    2|3    |00004|+5");
        check("%x %X %#x %o %b %c %U", "[255, 255, 255, 8, 5, 97, 9731]", "ff FF 0xff 10 101 a U+2603");
        check(
            "%v %g %f %.2f %e",
            "[1.5, 1234567.5, 2.5, 2.375, 12345.678]",
            "1.5 1.2345675e+06 2.500000 2.38 1.234568e+04",
        );
        check("%v %v %v", "[1e400, 0.000001, 100000000000000000000.5]", "1e400 1e-06 1e+20");
        check("%q %x %.2s|%5s|%-5s|", r#"["a\"b", "hi", "hello", "é", "é"]"#, r#""a\"b" 6869 he|    é|é    |"#);
        check("%v %v %v %v", r#"[true, null, [1, "a"], {1, 2}]"#, r#"true null [1,"a"] {1,2}"#);
        check("%v %v %.3g %f", "[1.5e3, 15e-1, 12345.678, 1e2]", "1500 15e-1 1.23e+04 %!f(string=1e2)");
        check("%08d|%+05d|%x|% d|%6.2f", "[-5, 3, -255, 7, -1.5]", "-0000005|+0003|-ff| 7| -1.50");
        check("%06.2f|%*d|100%%", "[3.14159, 4, 7]", "003.14|   7|100%");
    }

    #[test]
    fn misuse_shows_in_the_text_as_in_go() {
        check("%d", r#"["a"]"#, "%!d(string=a)");
        check("%s", "[1]", "%!s(int64=1)");
        check("%d", "[1.5]", "%!d(float64=1.5)");
        check("%d %d", "[1]", "1 %!d(MISSING)");
        check("%", "[]", "%!(NOVERB)");
        check("a", "[1, \"b\"]", "a%!(EXTRA int64=1, string=b)");
    }

    #[test]
    fn huge_widths_are_errors() {
        let one = || arg(&Value::from(1));
        assert!(format_args("%9999999999d", &[one()]).is_err());
        assert!(format_args("%*d", &[arg(&Value::from(2_000_000)), one()]).is_err());
        assert!(format_args("%[1]d", &[one()]).is_err());
    }
}
