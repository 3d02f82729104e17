//! Webex's ids on the wire: base64url of `ciscospark://<region>/<KIND>/<uuid>`, without padding.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use domain::ids::{OrgId, PersonId, RoomId, TeamId};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        // Webex writes ids without padding, but no page promises it.
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Maximum length of a region in bytes.
const LONGEST_REGION: usize = 100;

/// Region of an id, its second segment, such as `us` or `urn:TEAM:us-west-2_r`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(pub String);

impl Default for Region {
    fn default() -> Self {
        Self("us".into())
    }
}

/// Id type of a thing in Webex.
pub trait WebexKind: Copy + From<Uuid> + Into<Uuid> {
    /// Segment of the id that names the kind.
    const SEGMENT: &'static str;
}

macro_rules! kinds {
    ($($id:ty = $segment:literal),+) => {$(
        impl WebexKind for $id { const SEGMENT: &'static str = $segment; }
    )+};
}
kinds!(TeamId = "TEAM", RoomId = "ROOM", PersonId = "PEOPLE", OrgId = "ORGANIZATION");

/// Id with its region, as calls need it. Equal `id`s mean the same thing, even in different
/// regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebexId<T> {
    /// Region of the thing.
    pub region: Region,
    /// Id without the region.
    pub id: T,
}

/// Text that is no Webex id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a Webex id: {0:?}")]
pub struct InvalidWebexId(pub String);

impl<T: WebexKind> WebexId<T> {
    /// Returns an id in a region.
    pub fn new(region: Region, id: T) -> Self {
        Self { region, id }
    }
}

impl WebexId<TeamId> {
    /// Returns the id of the team's General space.
    pub fn general_space(&self) -> WebexId<RoomId> {
        WebexId::new(self.region.clone(), self.id.general_space())
    }
}

impl<T: WebexKind> fmt::Display for WebexId<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uuid: Uuid = self.id.into();
        f.write_str(&BASE64.encode(format!(
            "ciscospark://{}/{}/{}",
            self.region.0,
            T::SEGMENT,
            uuid
        )))
    }
}

/// Takes the last segment as the uuid and ignores the kind, because a room's `teamId` can have the
/// kind of a room. Accepts a plain uuid too, and its base64, which Webex's example of an event's
/// `orgId` shows.
impl<T: WebexKind> FromStr for WebexId<T> {
    type Err = InvalidWebexId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The text comes from outside and ends up in a log.
        let invalid = || InvalidWebexId(text.chars().take(200).collect());
        if let Ok(uuid) = Uuid::try_parse(text) {
            return Ok(Self::new(Region::default(), uuid.into()));
        }
        let decoded = BASE64
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(invalid)?;
        if let Ok(uuid) = Uuid::try_parse(&decoded) {
            return Ok(Self::new(Region::default(), uuid.into()));
        }
        let mut segments = decoded.strip_prefix("ciscospark://").ok_or_else(invalid)?.split('/');
        match (segments.next(), segments.next(), segments.next(), segments.next()) {
            // The kind is ignored: a `teamId` can have the kind of a room.
            // It is stored and sent on, so it must not be of any length.
            (Some(region), Some(_), Some(uuid), None)
                if (1..=LONGEST_REGION).contains(&region.len()) =>
            {
                let uuid = Uuid::try_parse(uuid).map_err(|_| invalid())?;
                Ok(Self::new(Region(region.into()), uuid.into()))
            }
            _ => Err(invalid()),
        }
    }
}

impl<T: WebexKind> Serialize for WebexId<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: WebexKind> Deserialize<'de> for WebexId<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &str) -> String {
        BASE64.encode(text)
    }

    const UUID: &str = "13e18f40-42fc-11e6-a9d8-211a0dc79769";

    #[test]
    fn id_survives_parse_and_display() {
        let published =
            "Y2lzY29zcGFyazovL3VzL1RFQU0vMTNlMThmNDAtNDJmYy0xMWU2LWE5ZDgtMjExYTBkYzc5NzY5";
        for text in
            [published.into(), encode(&format!("ciscospark://urn:TEAM:us-west-2_r/TEAM/{UUID}"))]
        {
            assert_eq!(text.parse::<WebexId<TeamId>>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn uuid_is_the_same_in_two_regions() {
        let [here, there] = ["us", "urn:TEAM:eu-central-1_k"].map(|region| {
            encode(&format!("ciscospark://{region}/ROOM/{UUID}"))
                .parse::<WebexId<RoomId>>()
                .unwrap()
        });
        assert_ne!(here, there);
        assert_eq!(here.id, there.id);
    }

    #[test]
    fn general_space_differs_only_in_kind() {
        let team: WebexId<TeamId> =
            encode(&format!("ciscospark://urn:TEAM:us-west-2_r/TEAM/{UUID}")).parse().unwrap();
        let room = encode(&format!("ciscospark://urn:TEAM:us-west-2_r/ROOM/{UUID}"));
        assert_eq!(team.general_space().to_string(), room);
    }

    #[test]
    fn team_id_can_have_the_kind_of_a_room() {
        let text = encode(&format!("ciscospark://us/ROOM/{UUID}"));
        assert_eq!(text.parse::<WebexId<TeamId>>().unwrap().id, UUID.parse().unwrap());
    }

    #[test]
    fn uuids_base64_and_padding_are_accepted() {
        let padded = base64::engine::general_purpose::URL_SAFE
            .encode(format!("ciscospark://eu/ORGANIZATION/{UUID}"));
        assert!(padded.ends_with('='));
        for text in [UUID.to_owned(), encode(UUID), padded] {
            assert_eq!(text.parse::<WebexId<OrgId>>().unwrap().id, UUID.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn text_without_final_uuid_is_no_id() {
        let cut = encode("ciscospark://us/TEAM/13e18f40");
        let long = encode(&format!("ciscospark://us/TEAM/{UUID}/more"));
        let nowhere = encode(&format!("ciscospark:///TEAM/{UUID}"));
        for text in ["", "null", "../me", &cut, &long, &nowhere] {
            assert!(text.parse::<WebexId<TeamId>>().is_err(), "{text}");
        }
    }
}
