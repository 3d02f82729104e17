//! Output on a terminal: colors where it has them, plain text in a pipe or under `NO_COLOR`.

use std::collections::HashMap;
use std::io::{self, Stdout, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use domain::membership::{Role, Side};
use jiff::{SignedDuration, Timestamp};
use sim::{Call, Kind, Service, readable_path};
use uuid::Uuid;

use crate::cast::{BothSides, Company, SideState};
use crate::report::Format;

const PLAIN: Style = Style::new();
const HEADING: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();
const OWNER: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// The width of the left side.
const COLUMN: usize = 44;
/// The number of people per line of marks.
const MARKS_PER_LINE: usize = 30;
/// The maximum length of a line of text.
const TEXT: usize = 84;
/// The maximum number of people that are named; more are counted.
const MAX_NAMES: usize = 3;

/// A line of one side, in pieces of one style each.
type Cell = Vec<(Style, String)>;

/// Standard output for people; silent where data is asked for.
pub(crate) struct Terminal(Option<AutoStream<Stdout>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(bytes.len()), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |out| out.flush())
    }
}

impl Terminal {
    pub(crate) fn new(format: Format) -> Self {
        Self((format == Format::Text).then(anstream::stdout))
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self, "{text}")
    }

    fn styled(&mut self, style: Style, text: &str) -> io::Result<()> {
        writeln!(self, "{style}{text}{style:#}")
    }

    pub(crate) fn good(&mut self, text: &str) -> io::Result<()> {
        self.styled(GOOD, text)
    }

    pub(crate) fn bad(&mut self, text: &str) -> io::Result<()> {
        self.styled(BAD, text)
    }

    /// Prints a step's title and time of day, and a wrapped text.
    pub(crate) fn heading(&mut self, title: &str, at: Timestamp, text: &str) -> io::Result<()> {
        let rule = "─".repeat(72_usize.saturating_sub(title.chars().count()));
        let time = at.strftime("%H:%M:%S");
        writeln!(self, "\n{HEADING}{title}{HEADING:#} {DIM}{rule} {time}{DIM:#}")?;
        let mut width = 0;
        for word in text.split(' ') {
            let length = word.chars().count() + 1;
            let space = match width {
                0 => "",
                before if before + length > TEXT => "\n",
                _ => " ",
            };
            width = if space == "\n" { length } else { width + length };
            write!(self, "{space}{word}")?;
        }
        writeln!(self, "\n")
    }

    /// Prints both sides, the team on the left, with the changes since `before`.
    pub(crate) fn both_sides(
        &mut self,
        company: &Company,
        before: &BothSides,
        now: &BothSides,
    ) -> io::Result<()> {
        let mut columns = [Side::Team, Side::Group]
            .map(|side| cells(company, side, before[side].as_ref(), now[side].as_ref()));
        let height = columns.iter().map(Vec::len).max().unwrap_or(0);
        columns.iter_mut().for_each(|column| column.resize_with(height, Cell::new));
        let [left, right] = columns;
        for (left, right) in left.into_iter().zip(right) {
            let width: usize = left.iter().map(|(_, text)| text.chars().count()).sum();
            write!(self, "  ")?;
            self.cell(&left)?;
            write!(self, "{}", " ".repeat(COLUMN.saturating_sub(width)))?;
            self.cell(&right)?;
            writeln!(self)?;
        }
        Ok(())
    }

    fn cell(&mut self, cell: &Cell) -> io::Result<()> {
        cell.iter().try_for_each(|(style, text)| write!(self, "{style}{text}{style:#}"))
    }

    /// Prints the number of calls to each service, and every write with names.
    pub(crate) fn calls(
        &mut self,
        calls: &[Call],
        names: &HashMap<Uuid, String>,
    ) -> io::Result<()> {
        writeln!(self, "\n  {DIM}Calls:{DIM:#} {}", summary(calls))?;
        for (write, times) in collapsed(writes(calls, names)) {
            let times = if times > 1 { format!("  × {times}") } else { String::new() };
            writeln!(self, "    {DIM}{write}{times}{DIM:#}")?;
        }
        Ok(())
    }
}

fn cells(
    company: &Company,
    side: Side,
    before: Option<&SideState>,
    now: Option<&SideState>,
) -> Vec<Cell> {
    let (title, owner, place) = match side {
        Side::Team => ("Webex team", "moderator", "space "),
        Side::Group => ("Microsoft 365 group", "owner", "folder "),
    };
    let mut cells = vec![vec![(DIM, title.to_owned())]];
    let Some(state) = now else {
        cells.push(vec![(BAD, "none".into())]);
        return cells;
    };
    cells.push(vec![(PLAIN, format!("“{}”", state.name))]);
    let lines = state.roles.chunks(MARKS_PER_LINE);
    cells.extend(lines.map(|line| line.iter().map(|role| mark(*role)).collect()));
    let count = |expected: Role| state.roles.iter().filter(|role| **role == expected).count();
    let (owners, members) = (count(Role::Owner), count(Role::Member));
    cells.push(vec![(OWNER, "★ ".into()), (PLAIN, owner_names(company, state))]);
    let people = format!("{} people, {}", owners + members, counted(owners, owner));
    cells.push(vec![(PLAIN, people)]);
    let spaces = state.spaces.iter();
    cells.extend(spaces.map(|name| vec![(DIM, place.into()), (PLAIN, format!("“{name}”"))]));
    cells.extend(changes(company, before, state));
    cells
}

/// `Ada Arndt, Ben Arndt and 3 more`.
fn owner_names(company: &Company, state: &SideState) -> String {
    let owners = (0..state.roles.len()).filter(|n| state.roles[*n] == Role::Owner);
    let names: Vec<&str> = owners.map(|n| company.name(n)).collect();
    if names.len() <= MAX_NAMES {
        return names.join(", ");
    }
    let shown = MAX_NAMES - 1;
    format!("{} and {} more", names[..shown].join(", "), names.len() - shown)
}

/// The people who joined, left or changed roles.
fn changes(company: &Company, before: Option<&SideState>, now: &SideState) -> Vec<Cell> {
    let none = vec![Role::None; now.roles.len()];
    let before = before.map_or(&none, |before| &before.roles);
    let line = |sign: &str, style: Style, is_change: fn(Role, Role) -> bool| {
        let people = (0..none.len()).filter(|n| is_change(before[*n], now.roles[*n]));
        let names: Vec<&str> = people.map(|n| company.name(n)).collect();
        let text = if names.len() > MAX_NAMES {
            format!("{} people", names.len())
        } else {
            names.join(", ")
        };
        (!names.is_empty()).then(|| vec![(style, format!("{sign} {text}"))])
    };
    let lines = [
        line("+", GOOD, |was, is| was == Role::None && is != Role::None),
        line("−", BAD, |was, is| was != Role::None && is == Role::None),
        line("↑", OWNER, |was, is| was == Role::Member && is == Role::Owner),
        line("↓", OWNER, |was, is| was == Role::Owner && is == Role::Member),
    ];
    lines.into_iter().flatten().collect()
}

fn mark(role: Role) -> (Style, String) {
    match role {
        Role::Owner => (OWNER, "★".into()),
        Role::Member => (GOOD, "●".into()),
        Role::None => (DIM, "·".into()),
    }
}

/// `Webex 3 reads, 1 write · Graph 2 reads`.
pub(crate) fn summary(calls: &[Call]) -> String {
    let count = |service: Service, kind: Kind| {
        calls.iter().filter(|call| call.service == service && call.kind == kind).count()
    };
    let services =
        [(Service::Webex, "Webex"), (Service::Graph, "Graph"), (Service::Entra, "Entra")];
    let parts = services.map(|(service, name)| {
        let reads = (count(service, Kind::Read), "read");
        let writes = (count(service, Kind::Write), "write");
        let counts = [reads, writes].into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, word)| counted(count, word)).collect();
        (!counts.is_empty()).then(|| format!("{name} {}", counts.join(", ")))
    });
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "none".into() } else { parts.join(" · ") }
}

pub(crate) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Every write, and every refused call, as a line.
fn writes(calls: &[Call], names: &HashMap<Uuid, String>) -> Vec<String> {
    let mut lines = Vec::new();
    for call in calls {
        let is_refused = call.status.is_none_or(|status| status == 429 || status >= 500);
        if call.kind == Kind::Read && !is_refused {
            continue;
        }
        let service = call.service;
        if call.items.is_empty() {
            let status = call.status.map_or("no answer".into(), |status| status.to_string());
            let path = readable_path(&call.path, names);
            lines.push(format!("{service:?}  {} {path}  {status}", call.method));
        }
        for item in call.items.iter().filter(|item| item.kind == Kind::Write) {
            let path = readable_path(&item.path, names);
            lines.push(format!("{service:?}  $batch: {} {path}  {}", item.method, item.status));
        }
    }
    lines
}

fn collapsed(lines: Vec<String>) -> Vec<(String, usize)> {
    let mut collapsed: Vec<(String, usize)> = Vec::new();
    for line in lines {
        match collapsed.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => collapsed.push((line, 1)),
        }
    }
    collapsed
}

/// `1.5 s`, `2 min 10 s`.
pub(crate) fn duration(span: SignedDuration) -> String {
    match (span.as_mins(), span.as_millis()) {
        (0, milliseconds) if milliseconds % 1000 != 0 => {
            format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
        }
        (0, milliseconds) => format!("{} s", milliseconds / 1000),
        (minutes, _) if span.as_secs() % 60 == 0 => format!("{minutes} min"),
        (minutes, _) => format!("{minutes} min {} s", span.as_secs() % 60),
    }
}
