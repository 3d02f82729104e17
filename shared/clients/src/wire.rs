//! Reading of JSON whose form the services do not always keep.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Items of a list, each to be read on its own.
pub(crate) type RawItems = Vec<Box<RawValue>>;

/// Reads an optional field in any form. An undocumented form counts as missing, because nothing
/// depends on these fields.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    // The whole value is read first: after a failure in its middle, no other field could be read.
    Ok(serde_json::from_value(serde_json::Value::deserialize(deserializer)?).ok())
}

/// Reads a text in any form. Another form counts as empty.
pub(crate) fn lenient_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(lenient(deserializer)?.unwrap_or_default())
}

/// Reads a boolean, also as a text. Another form counts as missing.
pub(crate) fn lenient_flag<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<bool>, D::Error> {
    Ok(lenient(deserializer)?.and_then(Flag::value))
}

/// Boolean that can be a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Plain(bool),
    Text(String),
}

impl Flag {
    fn value(self) -> Option<bool> {
        match self {
            Self::Plain(value) => Some(value),
            // SCIM has booleans as texts, too.
            Self::Text(text) => text.trim().to_ascii_lowercase().parse().ok(),
        }
    }
}

/// Reads a text or a list of texts, without the parts that are no text.
pub(crate) fn lenient_texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    use serde_json::Value;
    let text = |value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(values) => values.into_iter().filter_map(text).collect(),
        value => text(value).into_iter().collect(),
    })
}

/// Returns `true` if a body can be JSON of a service: an object or a list. An empty body can be the
/// answer to a write.
pub(crate) fn can_be_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), None | Some(b'{' | b'['))
}

/// Returns the fault of a JSON text without its values, which can be names.
pub(crate) fn fault_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match (text.find('"'), text.rfind('"')) {
        // serde quotes the value, which can be a name.
        (Some(first), Some(last)) if first < last => {
            format!("{}\"...{}", &text[..first], &text[last..])
        }
        _ => text,
    }
}

/// Returns the id of an item, if it has one.
pub(crate) fn id_of(item: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Item {
        #[serde(default, deserialize_with = "lenient")]
        id: Option<String>,
    }
    serde_json::from_str::<Item>(item.get()).ok()?.id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Fields {
        #[serde(default, deserialize_with = "lenient_flag")]
        flag: Option<bool>,
        #[serde(default, deserialize_with = "lenient_texts")]
        texts: Vec<String>,
    }

    fn read(text: &str) -> Fields {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn boolean_can_be_a_text() {
        for (text, value) in [
            (r#"{"flag": true}"#, Some(true)),
            (r#"{"flag": "False"}"#, Some(false)),
            (r#"{"flag": "perhaps"}"#, None),
            (r#"{"flag": 1}"#, None),
            (r#"{"flag": null}"#, None),
            ("{}", None),
        ] {
            assert_eq!(read(text).flag, value, "{text}");
        }
    }

    #[test]
    fn texts_can_be_one_text() {
        assert_eq!(read(r#"{"texts": "a"}"#).texts, ["a"]);
        assert_eq!(read(r#"{"texts": ["a", 1, {"value": "b"}, "c"]}"#).texts, ["a", "c"]);
        assert!(read(r#"{"texts": {"value": "a"}}"#).texts.is_empty());
    }

    #[test]
    fn fault_hides_values() {
        let error = serde_json::from_str::<bool>(r#""Anna \"A\" Muster""#).unwrap_err();
        let fault = fault_of(&error);
        assert!(!fault.contains("Anna") && !fault.contains("Muster"), "{fault}");
        assert!(fault.contains("expected a boolean"), "{fault}");
        let missing = serde_json::from_str::<crate::graph::Subscription>("{}").unwrap_err();
        assert!(fault_of(&missing).contains("missing field `id`"));
    }
}
