//! The administrator's guide as HTML, so that each deployment brings its own help.

use std::fmt;
use std::sync::LazyLock;

use askama::filters::HtmlSafe;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::http::page_id::Page;

const MARKDOWN: &str = include_str!("../../../../docs/ADMIN-GUIDE.md");

static HTML: LazyLock<String> = LazyLock::new(|| render(MARKDOWN));

/// The guide as HTML. It is part of the program, so a template shows it as it is.
#[derive(Clone, Copy)]
pub(crate) struct Guide(&'static str);

impl HtmlSafe for Guide {}

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Returns the guide, without its pictures.
pub(crate) fn guide() -> Guide {
    Guide(&HTML)
}

/// Returns the id of the section that explains a page.
pub(crate) fn section(page: Page) -> &'static str {
    match page {
        Page::Home => "overview",
        Page::Webex | Page::Microsoft | Page::Prerequisites => "set-it-up",
        Page::Teams => "teams",
        Page::Backfill | Page::Selection => "teams-that-existed-before",
        Page::Approvals => "removals-that-wait",
        Page::Preview => "try-it-without-changes",
        Page::People | Page::ExternalIds | Page::Names => "people",
        Page::Activity => "activity",
        Page::Folders => "folders-of-spaces",
        Page::Settings => "settings",
        Page::Disconnect | Page::Receipt => "disconnect",
        Page::Sessions => "sessions",
        Page::Help => "main",
    }
}

fn render(markdown: &str) -> String {
    let events: Vec<_> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    let mut rendered = Vec::with_capacity(events.len());
    let (mut is_skipped, mut tables) = (false, 0);
    for (n, event) in events.iter().enumerate() {
        match event {
            // The page has its own title, and pictures are for readers of the repository.
            Event::Start(Tag::Image { .. } | Tag::Heading { level: HeadingLevel::H1, .. }) => {
                is_skipped = true;
            }
            Event::End(TagEnd::Image | TagEnd::Heading(HeadingLevel::H1)) => is_skipped = false,
            _ if is_skipped => {}
            Event::Start(Tag::Heading { level, .. }) => {
                let id = slug(&heading(&events[n..]));
                rendered.push(raw(format!("<{level} id=\"{id}\">")));
            }
            // A wide table scrolls on its own, also by keyboard.
            Event::Start(Tag::Table(_)) => {
                tables += 1;
                let label = format!("aria-label=\"Table {tables}\"");
                let scroll =
                    format!("<div class=\"scroll\" role=\"region\" {label} tabindex=\"0\">");
                rendered.extend([raw(scroll), event.clone()]);
            }
            Event::End(TagEnd::Table) => rendered.extend([event.clone(), raw("</div>".into())]),
            Event::Code(path) if is_page(path) => {
                rendered.push(raw(format!("<a href=\"{path}\"><code>{path}</code></a>")));
            }
            _ => rendered.push(event.clone()),
        }
    }
    let mut html = String::new();
    html::push_html(&mut html, rendered.into_iter());
    html
}

fn raw(html: String) -> Event<'static> {
    Event::InlineHtml(html.into())
}

fn is_page(path: &str) -> bool {
    Page::ALL.into_iter().any(|page| page.path() == path)
}

/// Returns the text of the heading that begins here, without the code in it.
fn heading(events: &[Event<'_>]) -> String {
    let is_inside = |event: &&Event<'_>| !matches!(event, Event::End(TagEnd::Heading(_)));
    let text = |event: &Event<'_>| match event {
        Event::Text(text) => Some(text.to_string()),
        _ => None,
    };
    events.iter().take_while(is_inside).filter_map(text).collect()
}

/// Returns the words of a heading as an id.
fn slug(heading: &str) -> String {
    let words = heading.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_section() {
        for page in Page::ALL.into_iter().filter(|page| *page != Page::Help) {
            let id = format!("id=\"{}\"", section(page));
            assert_eq!(guide().0.matches(&id).count(), 1, "{page:?} {id}");
        }
    }

    #[test]
    fn guide_links_only_to_pages_and_sections() {
        for link in guide().0.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let is_section = |id| guide().0.matches(&format!("id=\"{id}\"")).count() == 1;
            assert!(is_page(link) || link.strip_prefix('#').is_some_and(is_section), "{link}");
        }
        assert!(guide().0.contains("<a href=\"/settings\">"));
        assert!(!guide().0.contains("<img") && !guide().0.contains("<h1"));
    }
}
