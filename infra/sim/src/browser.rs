//! Pages that a person sees: plain HTML without a script. Every form posts to its own address,
//! whose query is the application's request. Its fields are `account` (an id or an address) and,
//! from the second step, `decision` (`accept` or `decline`).

use crate::wire::Response;

const STYLE: &str = "\
:root{color-scheme:light dark;font:1rem/1.5 \
     system-ui,sans-serif;--line:light-dark(#767676,#8f8f8f);--accent:light-dark(#0b57d0,#a8c7fa);\
     --on:light-dark(#fff,#062e6f)}body{margin:0;padding:1rem;background:Canvas;color:\
     CanvasText}main{max-width:34rem;margin:0 \
     auto}h1{font-size:1.5rem;line-height:1.25}.note{border:1px dashed var(--line);padding:.5rem \
     .75rem}label{display:block;font-weight:600;margin-bottom:.25rem}select{font:inherit;width:\
     100%;border:1px solid \
     var(--line);padding:.25rem;background:Field;color:FieldText}button{font:inherit;min-height:2.\
     75rem;padding:0 1.25rem;margin:1rem .5rem 0 0;border:1px solid \
     var(--accent);border-radius:.25rem;background:var(--accent);color:var(--on);cursor:\
     pointer}button.second{background:transparent;color:inherit;border-color:var(--line)}a{color:\
     var(--accent)}:focus-visible{outline:3px solid \
     var(--accent);outline-offset:2px}li{overflow-wrap:anywhere}";

/// Service of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Brand {
    Webex,
    Microsoft,
}

impl Brand {
    fn name(self) -> &'static str {
        match self {
            Self::Webex => "Webex",
            Self::Microsoft => "Microsoft Entra ID",
        }
    }
}

/// An account to choose.
pub(crate) struct Choice {
    pub(crate) id: uuid::Uuid,
    /// Name, address and roles.
    pub(crate) label: String,
}

/// Accounts of one organization or directory.
pub(crate) struct Choices {
    pub(crate) of: String,
    pub(crate) accounts: Vec<Choice>,
}

/// A question of consent.
pub(crate) struct Question<'a> {
    pub(crate) title: &'a str,
    /// Account that is asked.
    pub(crate) account: Choice,
    /// Text above the list.
    pub(crate) lead: &'a str,
    pub(crate) items: Vec<String>,
}

/// Returns the first page: the choice of an account.
pub(crate) fn sign_in(brand: Brand, app: &str, choices: &[Choices]) -> Response {
    let groups: String = choices
        .iter()
        .map(|choices| {
            let options = choices.accounts.iter().map(|choice| {
                format!("<option value=\"{}\">{}</option>", choice.id, escaped(&choice.label))
            });
            format!(
                "<optgroup label=\"{}\">{}</optgroup>",
                escaped(&choices.of),
                options.collect::<String>()
            )
        })
        .collect();
    let body = format!(
        "<p>to continue to {}</p><form method=\"post\"><label \
         for=\"account\">Account</label><select id=\"account\" name=\"account\" size=\"12\" \
         required autofocus>{groups}</select><button>Continue</button></form>",
        escaped(app)
    );
    page(200, brand, "Sign in", &body)
}

/// Returns the second page: the question of consent.
pub(crate) fn consent(brand: Brand, question: &Question) -> Response {
    let items: String =
        question.items.iter().map(|item| format!("<li>{}</li>", escaped(item))).collect();
    let body = format!(
        "<p>Signed in as {}. <a href=\"\">Use another \
         account</a></p><p>{}</p><ul>{items}</ul><form method=\"post\"><input type=\"hidden\" \
         name=\"account\" value=\"{}\"><button name=\"decision\" \
         value=\"accept\">Accept</button><button name=\"decision\" value=\"decline\" \
         class=\"second\">Decline</button></form>",
        escaped(&question.account.label),
        escaped(question.lead),
        question.account.id
    );
    page(200, brand, question.title, &body)
}

/// Returns the page of a person who may not consent, and can only go back.
pub(crate) fn not_entitled(brand: Brand, title: &str, account: &Choice, text: &str) -> Response {
    let body = format!(
        "<p>Signed in as {}. <a href=\"\">Use another account</a></p><p>{}</p><form \
         method=\"post\"><input type=\"hidden\" name=\"account\" value=\"{}\"><button \
         name=\"decision\" value=\"decline\">Return to the application without granting \
         consent</button></form>",
        escaped(&account.label),
        escaped(text),
        account.id
    );
    page(403, brand, title, &body)
}

/// Returns a page with an error that cannot go back, since the application is not authenticated.
pub(crate) fn refusal(brand: Brand, text: &str) -> Response {
    page(400, brand, "Sorry, but signing in did not work", &format!("<p>{}</p>", escaped(text)))
}

fn page(status: u16, brand: Brand, title: &str, body: &str) -> Response {
    let (brand, title) = (brand.name(), escaped(title));
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title} – simulated \
         {brand}</title><style>{STYLE}</style></head><body><main><p class=\"note\">This is a \
         simulated {brand}: any account can be chosen, and no password is asked \
         for.</p><h1>{title}</h1>{body}</main></body></html>"
    );
    Response::page(status, html)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
