//! Acts that wait for a proof, in words.

use crate::http::page_id::Page;

/// Returns the text of the button that sends a form of a page again.
pub(crate) fn act(page: Page) -> &'static str {
    match page {
        Page::Disconnect => "Disconnect now",
        Page::Receipt => "Delete the groups now",
        Page::Settings => "Save the settings now",
        Page::Webex => "Replace the account now",
        Page::Preview => "Apply the changes now",
        Page::Names => "Confirm them now",
        Page::Teams => "Do it for this team now",
        _ => "Do it now",
    }
}
