//! The text of a page as people read it.

/// Elements that start and end a line.
const BLOCKS: [&str; 28] = [
    "button", "caption", "dd", "details", "div", "dl", "dt", "fieldset", "footer", "form", "h1",
    "h2", "h3", "h4", "header", "legend", "li", "main", "nav", "ol", "option", "p", "section",
    "summary", "table", "tr", "ul", "br",
];

/// Returns the visible text of a page, a line for each block, with the state of its form fields.
pub(crate) fn page_text(html: &str) -> String {
    let (_, body) = html.split_once("<body").expect("a body");
    let mut text = String::new();
    for piece in body.split('<').skip(1) {
        let (tag, words) = piece.split_once('>').expect("a closed tag");
        let name = tag.split_whitespace().next().unwrap_or_default();
        text.push_str(&mark(name, tag));
        text.push_str(&decoded(words));
        if matches!(name, "button") && !tag.starts_with('/') {
            text.push_str(" ]");
        }
    }
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ")
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty() && line != "-").collect();
    lines.join("\n")
}

/// Returns the text that stands for a tag.
fn mark(name: &str, tag: &str) -> String {
    let element = name.trim_start_matches('/');
    let new_line = if BLOCKS.contains(&element) { "\n" } else { "" };
    let sign = match name {
        "h1" => "# ",
        "h2" => "## ",
        "h3" | "h4" => "### ",
        "li" => "- ",
        "button" => "[ ",
        "td" | "th" => " | ",
        "input" => return field(tag),
        _ => "",
    };
    format!("{new_line}{sign}")
}

/// Returns the visible state of a form field.
fn field(tag: &str) -> String {
    let is_checked = tag.contains(" checked");
    match (attribute(tag, "type").as_str(), is_checked) {
        ("hidden", _) => String::new(),
        ("radio", true) => "\n(x) ".into(),
        ("radio", false) => "\n( ) ".into(),
        ("checkbox", true) => "\n[x] ".into(),
        ("checkbox", false) => "\n[ ] ".into(),
        _ => format!("\n[{}]\n", decoded(&attribute(tag, "value"))),
    }
}

fn attribute(tag: &str, name: &str) -> String {
    let (_, rest) = tag.split_once(&format!("{name}=\"")).unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn decoded(text: &str) -> String {
    const ENTITIES: [(&str, &str); 10] = [
        ("&#60;", "<"),
        ("&lt;", "<"),
        ("&#62;", ">"),
        ("&gt;", ">"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    let text = text.replace('\n', " ");
    ENTITIES.iter().fold(text, |text, (entity, sign)| text.replace(entity, sign))
}
