//! The browser's reader of JSON reads what serde_json reads, and nothing that is cut short.

use super::wire::every_event;
use crate::contract::Changes;
use crate::error::Problem;
use crate::event::List;
use crate::json::{Unreadable, read};
use crate::model::{Image, Message, Role};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Any JSON. Its numbers have at most fifteen digits, as the reader is exact with them.
fn any_json() -> impl Strategy<Value = Value> {
    let number = (-999_999_999_999_999_i64..=999_999_999_999_999, 0..=22_i32)
        .prop_map(|(digits, places)| (digits as f64 / 10_f64.powi(places)).into());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn it_reads_what_serde_json_writes(value in any_json()) {
        for text in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert_eq!(read::<Value>(text.as_bytes()), Ok(value.clone()));
            // In what is not asked for, only the ends are looked for: they have to be the same ones.
            let around = format!(r#"{{"other": {text}, "number": 7 }}"#);
            prop_assert_eq!(read::<Numbered>(around.as_bytes()), Ok(Numbered { number: 7 }));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<Vec<u8>>(), json in r#"[\[\]{}:,"\\untrue0-9.eE+ -]{0,40}"#) {
        for text in [&text[..], json.as_bytes()] {
            let _ = read::<Value>(text);
            let _ = read::<BTreeMap<String, Option<u64>>>(text);
            let _ = read::<Numbered>(text);
            let _ = read::<Role>(text);
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Numbered {
    number: u64,
}

#[test]
fn no_part_of_a_text_is_taken_for_all_of_it() {
    let texts = every_event().into_iter().map(|event| serde_json::to_string(&event).unwrap());
    for text in texts.chain([r#"{"a":[1,2,{"b":"\ud83e\udd80 \u00e9"}],"c":null}"#.to_owned()]) {
        assert!(read::<Value>(text.as_bytes()).is_ok(), "{text}");
        for end in 0..text.len() {
            assert_eq!(
                read::<Value>(&text.as_bytes()[..end]),
                Err(Unreadable),
                "{}",
                &text.as_bytes()[..end].escape_ascii()
            );
        }
        assert_eq!(read::<Value>(format!("{text}]").as_bytes()), Err(Unreadable), "{text}");
    }
    for text in [
        "",
        "[1,]",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "\"\\x\"",
        "\"\\ud83e\"",
        "\"\\ud83e\\u0041\"",
        "nul",
        "--1",
        "1.2.3",
        ".",
    ] {
        assert_eq!(read::<Value>(text.as_bytes()), Err(Unreadable), "{text}");
    }
}

#[test]
fn types_are_read_as_serde_json_reads_them() {
    let image =
        r#"{"height":2,"more":[{"x":"}"}],"name":"a\tb","id":"01890000-0000-7000-8000-000000000001","width":1}"#;
    assert_eq!(read::<Image>(image.as_bytes()).ok(), serde_json::from_str(image).ok());
    let changes = r#"{"parameters":{"temperature":0.7,"max_output_tokens":4096}}"#;
    assert_eq!(
        read::<Changes>(changes.as_bytes()).unwrap().parameters,
        serde_json::from_str::<Changes>(changes).unwrap().parameters
    );
    let results = [Ok(Some(1)), Ok(None), Err(Problem::NotFound)];
    let text = serde_json::to_vec(&results).unwrap();
    assert_eq!(read::<Vec<Result<Option<u32>, Problem>>>(&text).unwrap(), results);
    assert!(read::<Message>(b"{}").is_err() && read::<List>(b"[]").is_err(), "a member that is missing");
    assert_eq!(read::<u16>(b"65536"), Err(Unreadable));
    assert_eq!(read::<u64>(b"18446744073709551615"), Ok(u64::MAX));
}
