//! The rules, one module a subject.

pub mod circles;
pub mod docs;
pub mod documents;
pub mod history;
pub mod layers;
pub mod module_style;
pub mod sentences;
pub mod size;
pub mod words;

/// Returns `true` for an item that is compiled for tests only.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|flag| flag == "test")
    })
}
