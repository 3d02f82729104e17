//! How a story looks: colour where the terminal has it, plain text in a pipe or under `NO_COLOR`.

use std::collections::HashMap;
use std::io::{self, Stdout, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use domain::membership::{Side, Standing};
use jiff::{SignedDuration, Timestamp};
use sandbox::{Call, Kind, Service, spoken};
use uuid::Uuid;

use crate::cast::{Company, Face, Faces};

const PLAIN: Style = Style::new();
const HEADING: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();
const OWNER: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Width of the left side.
const COLUMN: usize = 44;
/// People in one line of marks.
const IN_A_LINE: usize = 30;
/// Longest line of a sentence.
const SENTENCE: usize = 84;
/// So many changes are named, more are counted.
const NAMED: usize = 3;

/// A line of one side, in pieces of one style each.
type Cell = Vec<(Style, String)>;

/// Standard output.
pub(crate) struct Page(AutoStream<Stdout>);

impl Page {
    pub(crate) fn new() -> Self {
        Self(anstream::stdout())
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.0, "{text}")
    }

    fn styled(&mut self, style: Style, text: &str) -> io::Result<()> {
        writeln!(self.0, "{style}{text}{style:#}")
    }

    pub(crate) fn good(&mut self, text: &str) -> io::Result<()> {
        self.styled(GOOD, text)
    }

    pub(crate) fn bad(&mut self, text: &str) -> io::Result<()> {
        self.styled(BAD, text)
    }

    /// A step's number, title and time of day, and what happens in it.
    pub(crate) fn heading(&mut self, title: &str, at: Timestamp, sentence: &str) -> io::Result<()> {
        let rule = "─".repeat(72_usize.saturating_sub(title.chars().count()));
        writeln!(self.0, "\n{HEADING}{title}{HEADING:#} {DIM}{rule} {}{DIM:#}", at.strftime("%H:%M:%S"))?;
        let mut width = 0;
        for word in sentence.split(' ') {
            let long = word.chars().count() + 1;
            let space = match width {
                0 => "",
                before if before + long > SENTENCE => "\n",
                _ => " ",
            };
            width = if space == "\n" { long } else { width + long };
            write!(self.0, "{space}{word}")?;
        }
        writeln!(self.0, "\n")
    }

    /// Both sides, the team on the left, with what became of them since `before`.
    pub(crate) fn faces(&mut self, company: &Company, before: &Faces, now: &Faces) -> io::Result<()> {
        let mut columns =
            [Side::Team, Side::Group].map(|side| cells(company, side, before[side].as_ref(), now[side].as_ref()));
        let height = columns.iter().map(Vec::len).max().unwrap_or(0);
        columns.iter_mut().for_each(|column| column.resize_with(height, Cell::new));
        let [left, right] = columns;
        for (left, right) in left.into_iter().zip(right) {
            let width: usize = left.iter().map(|(_, text)| text.chars().count()).sum();
            write!(self.0, "  ")?;
            self.cell(&left)?;
            write!(self.0, "{}", " ".repeat(COLUMN.saturating_sub(width)))?;
            self.cell(&right)?;
            writeln!(self.0)?;
        }
        Ok(())
    }

    fn cell(&mut self, cell: &Cell) -> io::Result<()> {
        cell.iter().try_for_each(|(style, text)| write!(self.0, "{style}{text}{style:#}"))
    }

    /// How many calls were made of which service, and every write by its name.
    pub(crate) fn calls(&mut self, calls: &[Call], names: &HashMap<Uuid, String>) -> io::Result<()> {
        writeln!(self.0, "\n  {DIM}Calls:{DIM:#} {}", in_numbers(calls))?;
        for (write, times) in collapsed(writes(calls, names)) {
            let times = if times > 1 { format!("  × {times}") } else { String::new() };
            writeln!(self.0, "    {DIM}{write}{times}{DIM:#}")?;
        }
        Ok(())
    }
}

fn cells(company: &Company, side: Side, before: Option<&Face>, now: Option<&Face>) -> Vec<Cell> {
    let title = match side {
        Side::Team => "Webex team",
        Side::Group => "Microsoft 365 group",
    };
    let mut cells = vec![vec![(DIM, title.to_owned())]];
    let Some(face) = now else {
        cells.push(vec![(BAD, "there is none".into())]);
        return cells;
    };
    cells.push(vec![(PLAIN, format!("“{}”", face.name))]);
    cells.extend(face.standing.chunks(IN_A_LINE).map(|line| line.iter().map(|one| mark(*one)).collect()));
    let count = |wanted: Standing| face.standing.iter().filter(|one| **one == wanted).count();
    let (owners, members) = (count(Standing::Owner), count(Standing::Member));
    let named: Vec<&str> =
        (0..face.standing.len()).filter(|n| face.standing[*n] == Standing::Owner).map(|n| company.name(n)).collect();
    let (shown, further) = match owners {
        few if few <= NAMED => (few, String::new()),
        many => (NAMED - 1, format!(" and {} more", many + 1 - NAMED)),
    };
    let named = named[..shown].join(", ");
    cells.push(vec![(OWNER, "★ ".into()), (PLAIN, format!("{named}{further}"))]);
    cells.push(vec![(PLAIN, format!("{} people, {}", owners + members, counted(owners, role(side))))]);
    cells.extend(face.spaces.iter().map(|name| vec![(DIM, place(side).into()), (PLAIN, format!("“{name}”"))]));
    let none = vec![Standing::Absent; face.standing.len()];
    let was = before.map_or(&none, |before| &before.standing);
    let changed = |sign: &str, style: Style, wanted: fn(Standing, Standing) -> bool| -> Option<Cell> {
        let who: Vec<&str> =
            (0..none.len()).filter(|n| wanted(was[*n], face.standing[*n])).map(|n| company.name(n)).collect();
        let text = if who.len() > NAMED { format!("{} people", who.len()) } else { who.join(", ") };
        (!who.is_empty()).then(|| vec![(style, format!("{sign} {text}"))])
    };
    cells.extend(changed("+", GOOD, |was, is| was == Standing::Absent && is != Standing::Absent));
    cells.extend(changed("−", BAD, |was, is| was != Standing::Absent && is == Standing::Absent));
    cells.extend(changed("↑", OWNER, |was, is| was == Standing::Member && is == Standing::Owner));
    cells.extend(changed("↓", OWNER, |was, is| was == Standing::Owner && is == Standing::Member));
    cells
}

fn role(side: Side) -> &'static str {
    match side {
        Side::Team => "moderator",
        Side::Group => "owner",
    }
}

fn place(side: Side) -> &'static str {
    match side {
        Side::Team => "space ",
        Side::Group => "folder ",
    }
}

fn mark(standing: Standing) -> (Style, String) {
    match standing {
        Standing::Owner => (OWNER, "★".into()),
        Standing::Member => (GOOD, "●".into()),
        Standing::Absent => (DIM, "·".into()),
    }
}

/// `Webex 3 reads, 1 write · Graph 2 reads`.
pub(crate) fn in_numbers(calls: &[Call]) -> String {
    let of =
        |service: Service, kind: Kind| calls.iter().filter(|call| call.service == service && call.kind == kind).count();
    let named = [(Service::Webex, "Webex"), (Service::Graph, "Graph"), (Service::Entra, "Entra")];
    let parts = named.map(|(service, name)| {
        let counts = [(of(service, Kind::Read), "read"), (of(service, Kind::Write), "write")];
        let counts = counts.map(|(count, word)| (count > 0).then(|| counted(count, word)));
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        (!counts.is_empty()).then(|| format!("{name} {}", counts.join(", ")))
    });
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "none".into() } else { parts.join(" · ") }
}

pub(crate) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Every write, and every refused call, as a line.
pub(crate) fn writes(calls: &[Call], names: &HashMap<Uuid, String>) -> Vec<String> {
    let mut lines = Vec::new();
    for call in calls {
        let is_refused = call.status.is_none_or(|status| status == 429 || status >= 500);
        if call.kind == Kind::Read && !is_refused {
            continue;
        }
        let status = call.status.map_or("no answer".into(), |status| status.to_string());
        if call.items.is_empty() {
            lines.push(format!("{:?}  {} {}  {status}", call.service, call.method, spoken(&call.path, names)));
        }
        for item in call.items.iter().filter(|item| item.kind == Kind::Write) {
            let path = spoken(&item.path, names);
            lines.push(format!("{:?}  $batch: {} {path}  {}", call.service, item.method, item.status));
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
pub(crate) fn lasting(span: SignedDuration) -> String {
    match (span.as_mins(), span.as_millis()) {
        (0, milliseconds) if milliseconds % 1000 != 0 => {
            format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
        }
        (0, milliseconds) => format!("{} s", milliseconds / 1000),
        (minutes, _) if span.as_secs() % 60 == 0 => format!("{minutes} min"),
        (minutes, _) => format!("{minutes} min {} s", span.as_secs() % 60),
    }
}
