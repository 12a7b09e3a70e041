//! Time: RFC 3339 timestamps and what is computed from them.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, ToSpan};

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::Value;

const IS_STRING: Returns = Returns::Is(Kind::String);

const fn text(name: &'static str) -> Parameter {
    Parameter::new(name, Kind::String)
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("formatdate", &[text("format"), text("time")], IS_STRING, format_date),
    Function::new("plantimestamp", &[], IS_STRING, now),
    Function::new("timeadd", &[text("timestamp"), text("duration")], IS_STRING, time_add),
    Function::new(
        "timecmp",
        &[text("timestamp_a"), text("timestamp_b")],
        Returns::Is(Kind::Number),
        |call| {
            let moment =
                |at| Moment::parse(call.text(at)).map_err(|error| Failure::argument(at, error));
            Ok(Value::from(moment(0)?.utc().cmp(&moment(1)?.utc()) as i64))
        },
    ),
    Function::new("timestamp", &[], IS_STRING, now),
];

fn now(call: &Call<'_>) -> Result<Value, Failure> {
    let now = call.scope.now().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    Ok(Value::from(Moment { local: now, offset: 0 }.to_string()))
}

/// A point in time as it was written: local time, and seconds east of UTC.
struct Moment {
    local: DateTime,
    offset: i32,
}

impl Moment {
    fn parse(text: &str) -> Result<Self, String> {
        Reader { rest: text }
            .moment()
            .map_err(|why| format!("not a valid RFC3339 timestamp: {why}"))
    }

    fn utc(&self) -> DateTime {
        self.local.saturating_sub(i64::from(self.offset).seconds())
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (date, time) = (self.local.date(), self.local.time());
        write!(f, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day())?;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        match self.offset {
            0 => f.write_str("Z"),
            offset => f.write_str(&zone(offset, ":")),
        }
    }
}

fn zone(offset: i32, between: &str) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn moment(&mut self) -> Result<Moment, String> {
        let year = self.digits(4, "year")?;
        self.exactly("-")?;
        let month = self.digits(2, "month")?;
        if !(1..=12).contains(&month) {
            return Err(format!("cannot use {:?} as month", self.rest));
        }
        self.exactly("-")?;
        let day = self.digits(2, "day of month")?;
        if !self.skip("T") {
            return Err("a `T` has to stand between date and time".into());
        }
        let hour = self.digits(2, "hour")?;
        self.exactly(":")?;
        let minute = self.digits(2, "minute")?;
        self.exactly(":")?;
        let second = self.digits(2, "second")?;
        let nanosecond = self.fraction();
        let offset = self.offset()?;
        let date = Date::new(year as i16, month as i8, day as i8);
        let date = date.map_err(|_| "day out of range")?;
        let fits = [(hour, 23, "hour"), (minute, 59, "minute"), (second, 59, "second")];
        if let Some((_, most, what)) = fits.iter().find(|(value, most, _)| value > most) {
            return Err(format!("{what} must be at most {most}"));
        }
        let time = Time::new(hour as i8, minute as i8, second as i8, nanosecond);
        let time = time.map_err(|_| "time out of range")?;
        Ok(Moment { local: date.to_datetime(time), offset })
    }

    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn digits(&mut self, count: usize, what: &str) -> Result<u32, String> {
        let digits = self.rest.get(..count).filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(value) => {
                self.rest = &self.rest[count..];
                Ok(value)
            }
            None if self.rest.is_empty() => Err(format!("it ends before the {what}")),
            None => Err(format!("cannot use {:?} as {what}", self.rest)),
        }
    }

    fn exactly(&mut self, text: &str) -> Result<(), String> {
        if self.skip(text) {
            return Ok(());
        }
        Err(if self.rest.is_empty() {
            format!("it ends where {text:?} should follow")
        } else {
            format!("there is {:?} where {text:?} should be", self.rest)
        })
    }

    fn fraction(&mut self) -> i32 {
        let Some(after) = self.rest.strip_prefix('.') else { return 0 };
        let length = after.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return 0;
        }
        let digits: String = after[..length].chars().chain("000000000".chars()).take(9).collect();
        self.rest = &after[length..];
        digits.parse().unwrap_or(0)
    }

    fn offset(&mut self) -> Result<i32, String> {
        if self.rest == "Z" {
            return Ok(0);
        }
        let failure = if self.rest.is_empty() {
            "it ends before the UTC offset".to_owned()
        } else {
            format!("cannot use {:?} as UTC offset", self.rest)
        };
        let sign = match self.rest.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => return Err(failure),
        };
        let parts = self.rest[1..].split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2);
        let part = |text: &str, most: i32| text.parse().ok().filter(|n| (0..=most).contains(n));
        match parts.and_then(|(h, m)| Some((part(h, 23)?, part(m, 59)?))) {
            Some((hours, minutes)) => Ok(sign * (hours * 3600 + minutes * 60)),
            None => Err(failure),
        }
    }
}

fn time_add(call: &Call<'_>) -> Result<Value, Failure> {
    let moment = Moment::parse(call.text(0))?;
    let added = moment.local.checked_add(parse_duration(call.text(1))?);
    let local = added.map_err(|_| "the result is out of range")?;
    Ok(Value::from(Moment { local, ..moment }.to_string()))
}

/// Reads a duration as Go does: "1h30m", "-1.5h", "300ms".
fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let length = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(length);
        let length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(length);
        let nanoseconds = match unit {
            "" if number.is_empty() => return Err(invalid()),
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => return Err(format!("time: unknown unit {other:?} in duration {text:?}")),
        };
        total =
            scaled(number, nanoseconds).and_then(|n| total.checked_add(n)).ok_or_else(invalid)?;
        rest = after;
    }
    let total = i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())?;
    Ok(SignedDuration::from_nanos(total))
}

/// Multiplies a decimal number by a unit.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() > 18 {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(18)];
    let digits: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    Some(whole * unit + digits * unit / 10_i128.pow(fraction.len() as u32))
}

fn format_date(call: &Call<'_>) -> Result<Value, Failure> {
    let moment = Moment::parse(call.text(1)).map_err(|error| Failure::argument(1, error))?;
    let mut result = String::new();
    let mut rest = call.text(0);
    while let Some(first) = rest.chars().next() {
        let length = if first == '\'' {
            let length = quoted_length(rest)
                .ok_or_else(|| Failure::argument(0, "unterminated literal '"))?;
            match &rest[1..length - 1] {
                "" => result.push('\''),
                inside => result.push_str(&inside.replace("''", "'")),
            }
            length
        } else if first.is_ascii_alphabetic() {
            let length = rest.len() - rest.trim_start_matches(first).len();
            result += &verb(&rest[..length], &moment)
                .map_err(|why| invalid_verb(&rest[..length], why))?;
            length
        } else {
            result.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    Ok(Value::from(result))
}

/// Returns the length of a quoted stretch with its quotes; quotes inside are doubled.
fn quoted_length(text: &str) -> Option<usize> {
    if text.starts_with("''") {
        return Some(2);
    }
    let mut at = 1;
    loop {
        at += text[at..].find('\'')? + 1;
        if !text[at..].starts_with('\'') {
            return Some(at);
        }
        at += 1;
    }
}

fn invalid_verb(verb: &str, why: &str) -> Failure {
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Failure::argument(0, format!("invalid date format verb {verb:?}{why}"))
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn verb(verb: &str, moment: &Moment) -> Result<String, &'static str> {
    let (date, time) = (moment.local.date(), moment.local.time());
    let month = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
    let day = DAYS[date.weekday().to_monday_zero_offset().unsigned_abs() as usize];
    let hour12 = (time.hour() + 11) % 12 + 1;
    let letter = &verb[..1];
    match (letter, verb.len()) {
        ("Y", 2) => Ok(format!("{:02}", date.year() % 100)),
        ("Y", 4) => Ok(format!("{:04}", date.year())),
        ("Y", _) => Err("a year is YY or YYYY"),
        ("M", 3) => Ok(month[..3].to_owned()),
        ("M", 4) => Ok(month.to_owned()),
        ("M", length) => padded(date.month(), length).ok_or("a month is M, MM, MMM or MMMM"),
        ("D", length) => padded(date.day(), length).ok_or("a day of the month is D or DD"),
        ("E", 3) => Ok(day[..3].to_owned()),
        ("E", 4) => Ok(day.to_owned()),
        ("E", _) => Err("a weekday is EEE or EEEE"),
        ("h", length) => padded(time.hour(), length).ok_or("an hour of 24 is h or hh"),
        ("H", length) => padded(hour12, length).ok_or("an hour of 12 is H or HH"),
        ("A", 2) => Ok(if time.hour() < 12 { "AM" } else { "PM" }.to_owned()),
        ("a", 2) => Ok(if time.hour() < 12 { "am" } else { "pm" }.to_owned()),
        ("A", _) => Err("AM or PM is AA"),
        ("a", _) => Err("am or pm is aa"),
        ("m", length) => padded(time.minute(), length).ok_or("a minute is m or mm"),
        ("s", length) => padded(time.second(), length).ok_or("a second is s or ss"),
        ("Z", 1) if moment.offset == 0 => Ok("Z".to_owned()),
        ("Z", 3) if moment.offset == 0 => Ok("UTC".to_owned()),
        ("Z", 1 | 5) => Ok(zone(moment.offset, ":")),
        ("Z", 3 | 4) => Ok(zone(moment.offset, "")),
        ("Z", _) => Err("a UTC offset is Z, ZZZ, ZZZZ or ZZZZZ"),
        _ => Err(""),
    }
}

fn padded(value: i8, length: usize) -> Option<String> {
    match length {
        1 => Some(value.to_string()),
        2 => Some(format!("{value:02}")),
        _ => None,
    }
}
