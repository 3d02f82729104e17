//! Titles of teams and spaces.

use std::collections::BTreeSet;

use domain::ids::{RoomId, TeamId};
use engine::folders::names::{folder_name as named, is_same_name};
use engine::sync;
use uuid::Uuid;

fn titles(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).split('\n').map(str::to_owned).collect()
}

/// Checks that the titles of one team's spaces (one per line) become legal, stable and distinct
/// folder names.
pub fn folder_name(text: &[u8]) {
    let mut taken: Vec<String> = vec![];
    for (n, title) in (0_u128..8).zip(titles(text)) {
        let space = RoomId(Uuid::from_u128(n << 100));
        let name = named(&title, space, |name| taken.iter().any(|one| is_same_name(one, name)));
        is_legal(&name);
        assert!(!taken.iter().any(|one| is_same_name(one, &name)), "{name:?} twice");
        assert_eq!(named(&name, space, |_| false), name, "what is legal stays as it is");
        taken.push(name);
    }
}

/// <https://support.microsoft.com/office/64883a5d-228e-48f5-b3d2-eb39e07630fa>
fn is_legal(name: &str) {
    let folded = name.to_lowercase();
    let stem = folded.split('.').next().unwrap_or_default();
    let device = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    assert!((1..=128).contains(&name.encode_utf16().count()), "{name:?}");
    assert!(
        !name.contains(['"', '*', ':', '<', '>', '?', '/', '\\', '|'])
            && !name.contains(char::is_control),
        "{name:?}"
    );
    assert!(name.trim() == name && !name.ends_with('.') && !name.starts_with('~'), "{name:?}");
    assert!(!folded.contains("_vti_") && !folded.ends_with("_files"), "{name:?}");
    assert!(![".lock", "desktop.ini", "forms"].contains(&folded.as_str()), "{name:?}");
    assert!(!["con", "prn", "aux", "nul"].contains(&stem), "{name:?}");
    assert!(!(["com", "lpt"].contains(&device) && stem.len() == device.len() + 1), "{name:?}");
}

/// Checks nicknames of a team's title: at most 64 of `[a-z0-9-]`, distinct per attempt and team.
pub fn nickname(text: &[u8]) {
    for title in titles(text) {
        let teams = [0_u128, u128::MAX].map(|id| TeamId(Uuid::from_u128(id)));
        let all = teams
            .iter()
            .flat_map(|team| (0..=5).map(|attempt| sync::nickname(&title, *team, attempt)));
        let all: BTreeSet<String> = all.collect();
        assert_eq!(all.len(), 12, "{all:?}");
        for nickname in all {
            assert!((1..=64).contains(&nickname.len()), "{nickname}");
            assert!(
                nickname
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{nickname}"
            );
            assert!(
                nickname.starts_with(|c: char| c != '-') && nickname.ends_with(|c: char| c != '-'),
                "{nickname}"
            );
        }
    }
}
