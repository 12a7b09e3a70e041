//! How long things take, as it is written on the command line.

use std::collections::BTreeMap;
use std::time::Duration;

/// How long actions run: one time for all, and exceptions by command.
#[derive(Clone)]
pub struct ActionTimes {
    pub every: Duration,
    pub by_command: BTreeMap<String, Duration>,
}

impl Default for ActionTimes {
    fn default() -> Self {
        Self { every: Duration::from_millis(200), by_command: BTreeMap::new() }
    }
}

impl ActionTimes {
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut times = Self::default();
        for text in texts {
            match text.split_once('=') {
                Some((command, time)) => {
                    times.by_command.insert(command.to_owned(), duration(time)?);
                }
                None => times.every = duration(text)?,
            }
        }
        Ok(times)
    }

    /// In milliseconds.
    pub fn of(&self, command: &str) -> u64 {
        let time = self.by_command.get(command).unwrap_or(&self.every);
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Reads `5ms`, `2s` or `1m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("'{text}' is not a time such as 5ms"))?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        _ => Err(format!("'{text}' needs a unit: ms, s or m")),
    }
}
