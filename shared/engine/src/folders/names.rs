//! The name of a space's folder, from its title: legal in SharePoint, stable and unique.
//!
//! Titles hold anything that people type; SharePoint's names do not.
//! <https://support.microsoft.com/office/64883a5d-228e-48f5-b3d2-eb39e07630fa>

use icu_normalizer::ComposingNormalizerBorrowed;

use domain::ids::RoomId;

/// Longest name, in UTF-16 units. A whole path has 400, and people's own files need most of it.
pub const LONGEST: usize = 120;

/// The name for a title without a usable character.
const UNTITLED: &str = "Space";

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// Returns the name of the folder for a space with this title.
///
/// If the plain name is taken, a part of the space's id follows it.
pub fn folder_name(title: &str, space: RoomId, is_taken: impl Fn(&str) -> bool) -> String {
    let plain = legal(title);
    if !is_taken(&plain) {
        return plain;
    }
    let id = space.0.simple().to_string();
    // Only as much of the id as needed: people read the name.
    let with_id = |digits: usize| {
        let suffix = format!(" ({})", &id[..digits]);
        legal(&format!("{}{suffix}", cut(&plain, LONGEST - suffix.len()).trim_end()))
    };
    [6, 12]
        .into_iter()
        .map(with_id)
        .find(|name| !is_taken(name))
        // No other space has the whole id.
        .unwrap_or_else(|| with_id(id.len()))
}

/// Returns `true` if SharePoint takes two names for the same. It ignores case.
pub fn is_same_name(one: &str, other: &str) -> bool {
    // Two folders of one name cannot exist, so the second space needs another.
    folded(one) == folded(other)
}

/// Returns a name in the form that is compared.
pub fn folded(name: &str) -> String {
    // Up and down again, because some letters have several lower forms, as the Greek sigma.
    NFC.normalize(&name.to_uppercase().to_lowercase()).into_owned()
}

/// Returns the nearest legal name to a title.
fn legal(title: &str) -> String {
    // One step can leave work for another. Each makes the name shorter or legal, so this ends.
    let mut name = title.to_owned();
    loop {
        let mended = mended(&name);
        if mended == name {
            return name;
        }
        name = mended;
    }
}

fn mended(name: &str) -> String {
    // Two forms of one letter would look like two names.
    let spelt: String = NFC.normalize(name).chars().filter_map(spelt).collect();
    let words = spelt.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = cut(&words, LONGEST);
    // A folder that begins with a tilde is refused, and `~$` marks a file that is open.
    let name = name.trim_start_matches(['~', ' ']).trim_end_matches(['.', ' ']);
    let name = without_reserved_parts(name);
    if name.is_empty() {
        return UNTITLED.into();
    }
    if is_reserved(&name) { format!("_{name}") } else { name }
}

/// Returns a character as names may have it; `None` for invisible or misleading ones.
fn spelt(c: char) -> Option<char> {
    match c {
        '/' | '\\' | '|' | ':' => Some('-'),
        '"' => Some('\''),
        '*' | '?' | '<' | '>' => None,
        _ if c.is_whitespace() => Some(' '),
        _ if c.is_control() => None,
        // Marks and overrides of direction. Right-to-left letters do not need them.
        '\u{061c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{206f}' => None,
        // Invisible, but for the joiners, which emoji and some scripts are written with.
        '\u{00ad}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' => None,
        // Unicode keeps these free for ever, so no font shows them.
        '\u{fdd0}'..='\u{fdef}' => None,
        // No characters: Unicode keeps the last two of each plane free.
        _ if u32::from(c) & 0xfffe == 0xfffe => None,
        _ => Some(c),
    }
}

/// Returns the beginning of a name, at most so many UTF-16 units, without splitting a grapheme.
fn cut(name: &str, longest: usize) -> &str {
    let mut units = 0;
    let Some((end, first)) = name.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > longest
    }) else {
        return name;
    };
    let (mut start, mut next) = (&name[..end], first);
    while continues_grapheme(next) || start.ends_with('\u{200d}') {
        let Some(last) = start.chars().next_back() else { break };
        (start, next) = (&start[..start.len() - last.len_utf8()], last);
    }
    start
}

fn continues_grapheme(c: char) -> bool {
    matches!(
        c,
        '\u{0300}'..='\u{036f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{200d}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0020}'..='\u{e007f}'
    )
}

/// `_vti_` is SharePoint's own anywhere in a name, and `_files` at the end belongs to a saved page.
fn without_reserved_parts(name: &str) -> String {
    let mut name = name.to_owned();
    // Replacing one can form another.
    while let Some(at) = name.to_ascii_lowercase().find("_vti_") {
        name.replace_range(at..at + 1, "-");
    }
    if name.to_ascii_lowercase().ends_with("_files") {
        let at = name.len() - "_files".len();
        name.replace_range(at..at + 1, "-");
    }
    name
}

/// Returns `true` for names of devices, and of SharePoint's and Windows' own files and folders.
fn is_reserved(name: &str) -> bool {
    let lower = name.to_lowercase();
    // Windows takes a name for the device's whatever its extension is.
    let stem = lower.split('.').next().unwrap_or_default().trim_end();
    let is_numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    ["con", "prn", "aux", "nul"].contains(&stem)
        || is_numbered("com")
        || is_numbered("lpt")
        || [".lock", "desktop.ini", "forms"].contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn plain(title: &str) -> String {
        folder_name(title, RoomId(Uuid::from_u128(0x1234_5678 << 96)), |_| false)
    }

    #[test]
    fn legal_titles_stay() {
        for title in [
            "Engines",
            "Größe 🚀",
            "Q3 (draft) & more #1 100%",
            "مرحبا بالعالم",
            "שלום",
            "日本語",
            "👩‍👩‍👧‍👦",
            "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
            "می‌خواهم",
            ".hidden",
        ] {
            assert_eq!(plain(title), title);
        }
    }

    #[test]
    fn illegal_titles_become_legal() {
        for (title, name) in [
            ("Q1/Q2: plans", "Q1-Q2- plans"),
            ("What?", "What"),
            ("\"Big\" <deal>", "'Big' deal"),
            ("  spaces \t and\u{a0}lines\n ", "spaces and lines"),
            ("The end...", "The end"),
            ("The end. . .", "The end"),
            ("~$open", "$open"),
            ("~ ~x", "x"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("Com7", "_Com7"),
            ("COM10", "COM10"),
            ("Console", "Console"),
            ("Forms", "_Forms"),
            ("Forms 2", "Forms 2"),
            (".LOCK", "_.LOCK"),
            ("a_vti_b", "a-vti_b"),
            ("_VTI_vti_", "-VTI-vti_"),
            ("page_files", "page-files"),
            ("", "Space"),
            ("???", "Space"),
            ("...", "Space"),
            ("\u{202e}fdp.exe", "fdp.exe"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("e\u{301}te\u{301}", "été"),
        ] {
            assert_eq!(plain(title), name, "{title:?}");
        }
    }

    #[test]
    fn long_titles_are_cut_between_graphemes() {
        assert_eq!(plain(&"x".repeat(500)), "x".repeat(LONGEST));
        let family = "👩‍👩‍👧‍👦";
        let name = plain(&format!("{}{family}", "x".repeat(LONGEST - 4)));
        assert!(name.ends_with('x') || name.ends_with('👩'), "{name}");
        assert!(!name.ends_with('\u{200d}'));
    }

    #[test]
    fn second_space_of_a_title_gets_its_id() {
        let space = RoomId("a1b2c3d4-0000-4000-8000-000000000000".parse().unwrap());
        let named = |taken: &[&str]| {
            folder_name("Engines", space, |name| taken.iter().any(|one| is_same_name(one, name)))
        };
        assert_eq!(named(&[]), "Engines");
        assert_eq!(named(&["ENGINES"]), "Engines (a1b2c3)");
        assert_eq!(named(&["engines", "Engines (a1b2c3)"]), "Engines (a1b2c3d40000)");
    }

    /// SharePoint's rules, written independently.
    fn is_legal(name: &str) -> bool {
        let upper = name.to_uppercase();
        let stem = upper.split('.').next().unwrap();
        let devices = (0..10).flat_map(|n| [format!("COM{n}"), format!("LPT{n}")]);
        let reserved: Vec<String> =
            ["CON", "PRN", "AUX", "NUL"].map(String::from).into_iter().chain(devices).collect();
        !name.is_empty()
            && name.encode_utf16().count() <= 128
            && !name.chars().any(|c| {
                "\"*:<>?/\\|".contains(c)
                    || c.is_control()
                    || "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}"
                        .contains(c)
            })
            && name.trim() == name
            && !name.ends_with('.')
            && !name.starts_with('~')
            && !upper.contains("_VTI_")
            && !reserved.iter().any(|one| one == stem)
            && ![".LOCK", "DESKTOP.INI", "FORMS"].contains(&upper.as_str())
    }

    /// Titles that people type, and worse.
    fn titles() -> impl Strategy<Value = String> {
        let nasty = prop::sample::select(vec![
            "CON",
            "com1",
            ".",
            "..",
            "~$",
            "~",
            "_vti_",
            "_VTI",
            "forms",
            ".lock",
            "desktop.ini",
            "/",
            ":",
            " ",
            "\u{a0}",
            "\u{202e}",
            "\u{200d}",
            "\u{301}",
            "👩‍👩‍👧‍👦",
            "🏽",
            "שלום",
            "ı",
            "ß",
            "İ",
            "ﬁ",
            "\u{fffe}",
            "\u{0}",
            "_files",
        ]);
        let piece = prop_oneof![
            3 => nasty.prop_map(String::from),
            1 => any::<String>(),
            1 => "[a-zA-Z ]{0,40}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 4000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_title_gives_a_stable_legal_name(title in titles()) {
            let name = plain(&title);
            prop_assert!(is_legal(&name), "{title:?} became {name:?}");
            prop_assert_eq!(plain(&name), name);
        }

        #[test]
        fn no_two_spaces_have_one_name(
            titles in prop::collection::vec(titles(), 1..6),
            same in any::<prop::sample::Index>(),
            id in any::<u128>(),
        ) {
            // Some have the same title.
            let mut titles = titles;
            titles.push(same.get(&titles).clone());
            titles.push(same.get(&titles).to_uppercase());
            let mut names: Vec<String> = vec![];
            for (n, title) in titles.iter().enumerate() {
                let space = RoomId(Uuid::from_u128(id.wrapping_add(n as u128)));
                let is_taken = |name: &str| names.iter().any(|one| is_same_name(one, name));
                let name = folder_name(title, space, is_taken);
                prop_assert!(is_legal(&name), "{title:?} became {name:?}");
                prop_assert!(!names.iter().any(|one| is_same_name(one, &name)), "{name:?} twice");
                names.push(name);
            }
        }
    }
}
