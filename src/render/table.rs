//! The table of sandboxes that `list` prints, and the same as JSON.

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use unicode_width::UnicodeWidthStr;

use crate::address::{Address, ResourceType};
use crate::object::{Object, ProviderRef, RemoteObject, Status};
use crate::render::paint::Paint;
use crate::render::words::{cut, printable, relative, rough_span};
use crate::value::Value;

/// The version of the shape of `list -json`.
pub const FORMAT_VERSION: &str = "1.0";

/// One sandbox of the list, or something else that is in no state.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub kind: ResourceType,
    pub name: String,
    /// Missing when it is in no state.
    pub address: Option<Address>,
    pub provider: ProviderRef,
    pub id: String,
    pub status: String,
    pub created_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// A region, or an address on the network.
    pub place: Option<String>,
    /// With its currency; `unknown` where nobody knows.
    pub hourly_cost: Option<String>,
}

/// How the table is drawn.
#[derive(Debug, Clone, Copy)]
pub struct TableOptions {
    pub color: bool,
    /// The terminal's width; nothing is cut where it is missing.
    pub width: Option<usize>,
    /// What ages count from.
    pub now: Timestamp,
}

impl Row {
    /// Takes what the state knows of a sandbox.
    pub fn of(object: &Object) -> Self {
        let attributes = &object.attributes;
        let name = attributes.get("name").and_then(shown);
        Self {
            kind: object.address.kind(),
            name: name.unwrap_or_else(|| object.address.block.name.to_string()),
            address: Some(object.address.clone()),
            provider: object.provider.clone(),
            id: object.remote_id.to_string(),
            // Platforms report a machine that is switched off.
            status: object.text("status").unwrap_or(object.status.as_str()).to_owned(),
            created_at: time(attributes, "created_at"),
            expires_at: time(attributes, "expires_at"),
            place: place(attributes),
            hourly_cost: attributes.get("hourly_cost").and_then(shown),
        }
    }

    /// Takes what a platform reports of an object that is in no state.
    pub fn orphan(provider: &ProviderRef, object: &RemoteObject) -> Self {
        Self {
            kind: object.kind,
            name: object.name.clone(),
            address: None,
            provider: provider.clone(),
            id: object.remote_id.to_string(),
            status: "orphan".to_owned(),
            created_at: time(&object.attributes, "created_at"),
            expires_at: object.ownership.as_ref().and_then(|owner| owner.expires_at),
            place: place(&object.attributes),
            hourly_cost: object.attributes.get("hourly_cost").and_then(shown),
        }
    }

    fn cells(&self, now: Timestamp) -> [String; 8] {
        let age = |at: Timestamp| rough_span(now.as_second() - at.as_second());
        let expires = |at: Timestamp| match at > now {
            true => relative(at, now),
            false => format!("expired {}", relative(at, now)),
        };
        let name = match self.kind {
            ResourceType::Sandbox => self.name.clone(),
            other => format!("{other} {}", self.name),
        };
        [
            name,
            self.address.as_ref().map(Address::to_string).unwrap_or_default(),
            self.provider.to_string(),
            self.status.clone(),
            self.created_at.map(age).unwrap_or_default(),
            self.expires_at.map(expires).unwrap_or_default(),
            self.place.clone().unwrap_or_default(),
            self.hourly_cost.clone().unwrap_or_default(),
        ]
    }
}

fn time(attributes: &Value, name: &str) -> Option<Timestamp> {
    shown(attributes.get(name)?)?.parse().ok()
}

/// Returns the address on the network, or else the first region.
fn place(attributes: &Value) -> Option<String> {
    let address = attributes.get("ipv4").and_then(shown);
    address.or_else(|| match attributes.get("region")? {
        Value::List(_, all) | Value::Tuple(all) => all.first().and_then(shown),
        one => shown(one),
    })
}

/// Returns a text that may be shown.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.to_string()),
        _ => None,
    }
}

const HEADER: [&str; 8] =
    ["NAME", "ADDRESS", "PROVIDER", "STATUS", "AGE", "EXPIRES", "WHERE", "PER HOUR"];
/// The place of the status in a row.
const STATUS: usize = 3;
/// The columns that a narrow terminal does without, in this order: provider,
/// address, age.
const LESSER: [usize; 3] = [2, 1, 4];
const GAP: usize = 2;

/// Draws the table; a sentence when there is nothing to list.
pub fn text(rows: &[Row], options: &TableOptions) -> String {
    if rows.is_empty() {
        return "No sandboxes.\n".to_owned();
    }
    let cells: Vec<_> = rows.iter().map(|row| row.cells(options.now).map(tidy)).collect();
    let mut widths = HEADER.map(str::len);
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let paint = Paint::new(options.color);
    let columns = columns(&widths, options.width);
    let header = line(&HEADER.map(str::to_owned), &columns, options.width);
    let mut text = format!("{}\n", paint.bold(&header));
    for row in &cells {
        let drawn = line(row, &columns, options.width);
        text.push_str(&status_painted(&drawn, row, &columns, paint));
        text.push('\n');
    }
    text
}

/// Chooses the columns that are drawn, each with its width.
fn columns(widths: &[usize; 8], width: Option<usize>) -> Vec<(usize, usize)> {
    let mut kept: Vec<(usize, usize)> = widths.iter().copied().enumerate().collect();
    let room = width.unwrap_or(usize::MAX);
    for lesser in LESSER {
        let needed: usize = kept.iter().map(|(_, width)| width + GAP).sum();
        if needed - GAP > room {
            kept.retain(|(column, _)| *column != lesser);
        }
    }
    kept
}

fn tidy(cell: String) -> String {
    if cell.is_empty() { "-".to_owned() } else { printable(&cell).into_owned() }
}

fn line(cells: &[String; 8], columns: &[(usize, usize)], width: Option<usize>) -> String {
    let padded = columns.iter().map(|(column, width)| {
        let cell = &cells[*column];
        format!("{cell}{}", " ".repeat(width - cell.width()))
    });
    let line = padded.collect::<Vec<_>>().join(&" ".repeat(GAP));
    match width {
        Some(width) => cut(line.trim_end(), width).into_owned(),
        None => line.trim_end().to_owned(),
    }
}

/// Paints the status inside a drawn line, unless it was cut away.
fn status_painted(
    line: &str,
    row: &[String; 8],
    columns: &[(usize, usize)],
    paint: Paint,
) -> String {
    let bytes = |(at, width): &(usize, usize)| row[*at].len() + width - row[*at].width() + GAP;
    let from: usize = columns.iter().take_while(|(at, _)| *at < STATUS).map(bytes).sum();
    let status = &row[STATUS];
    match line.get(from..from + status.len()) {
        Some(found) if found == status => {
            let painted = match Status::from_word(status) {
                Some(Status::Ready) => paint.added(status),
                Some(Status::Provisioning) => paint.changed(status),
                _ => paint.removed(status),
            };
            format!("{}{painted}{}", &line[..from], &line[from + status.len()..])
        }
        _ => line.to_owned(),
    }
}

/// Returns the list as JSON.
pub fn json(rows: &[Row]) -> Json {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let row = |row: &Row| {
        json!({
            "type": row.kind,
            "name": row.name,
            "address": row.address,
            "provider": row.provider,
            "id": row.id,
            "status": row.status,
            "created_at": time(row.created_at),
            "expires_at": time(row.expires_at),
            "where": row.place,
            "hourly_cost": row.hourly_cost,
        })
    };
    json!({
        "format_version": FORMAT_VERSION,
        "sandboxes": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn rows() -> Vec<Row> {
        let attributes = sample::existing()
            .with("created_at", Value::from("2026-03-01T09:00:00Z"))
            .with("expires_at", Value::from("2026-03-01T12:20:00Z"))
            .with("region", sample::strings(&["fsn1", "nbg1"]))
            .with("hourly_cost", Value::from("0.0219 EUR"));
        let row = Row::of(&sample::object("sandbox.review[\"ada\"]", attributes));
        vec![
            row.clone(),
            Row {
                name: "日本".to_owned(),
                address: None,
                status: "orphan".to_owned(),
                expires_at: Some("2026-02-27T11:00:00Z".parse().expect("a time")),
                created_at: None,
                place: None,
                hourly_cost: None,
                ..row
            },
        ]
    }

    fn options(width: Option<usize>, color: bool) -> TableOptions {
        TableOptions { color, width, now: sample::now() }
    }

    #[test]
    fn columns_are_aligned_by_display_width() {
        insta::assert_snapshot!(text(&rows(), &options(None, false)), @r#"
        NAME        ADDRESS                PROVIDER  STATUS  AGE  EXPIRES         WHERE  PER HOUR
        review-ada  sandbox.review["ada"]  local     ready   3h   in 20m          fsn1   0.0219 EUR
        日本        -                      local     orphan  -    expired 2d ago  -      -
        "#);
    }

    #[test]
    fn narrow_terminals_do_without_lesser_columns_before_lines_are_cut() {
        let drawn = |width| text(&rows(), &options(Some(width), true)).replace('\u{1b}', "ESC");
        insta::assert_snapshot!(drawn(60), @r#"
        ESC[1mNAME        STATUS  AGE  EXPIRES         WHERE  PER HOURESC[0m
        review-ada  ESC[32mreadyESC[0m   3h   in 20m          fsn1   0.0219 EUR
        日本        ESC[31morphanESC[0m  -    expired 2d ago  -      -
        "#);
        insta::assert_snapshot!(drawn(40), @r#"
        ESC[1mNAME        STATUS  EXPIRES         WHE…ESC[0m
        review-ada  ESC[32mreadyESC[0m   in 20m          fsn…
        日本        ESC[31morphanESC[0m  expired 2d ago  -  …
        "#);
        assert_eq!(super::text(&[], &options(None, false)), "No sandboxes.\n");
    }

    #[test]
    fn what_is_no_sandbox_is_named_with_its_type() {
        let orphan = Row { kind: ResourceType::SshKey, ..rows()[1].clone() };
        assert_eq!(orphan.cells(sample::now())[0], "ssh_key 日本");
    }

    #[test]
    fn the_list_as_json_has_full_times() {
        insta::assert_snapshot!(json(&rows()[1..]), @r#"{"format_version":"1.0","sandboxes":[{"type":"sandbox","name":"日本","address":null,"provider":"local","id":"sb-1","status":"orphan","created_at":null,"expires_at":"2026-02-27T11:00:00Z","where":null,"hourly_cost":null}]}"#);
    }
}
