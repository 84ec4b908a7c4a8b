//! Values that the two databases could answer differently about: the same questions to both, and the same answers.

use crate::server::store::Store;
use crate::server::store::sql::{query, query_scalar};
use crate::tests::app::Folder;
use crate::tests::services::{Database, postgres};

/// More than one page of either database, and more than PostgreSQL keeps in a row.
const LARGE: usize = 1 << 20;

struct Both {
    stores: [Store; 2],
    _folder: Folder,
    _database: Database,
}

/// None where PostgreSQL is not installed.
async fn both() -> Option<Both> {
    let database = postgres()?.database().await;
    let folder = Folder::new();
    let stores = [Store::open(&folder.sqlite()).await.unwrap(), Store::open(&database.url).await.unwrap()];
    Some(Both { stores, _folder: folder, _database: database })
}

impl Both {
    async fn close(self) {
        for store in &self.stores {
            store.close().await;
        }
    }
}

async fn put(store: &Store, name: &str, value: &str) -> sqlx::Result<()> {
    let mut write = store.write().await?;
    query("insert into setting (name, value) values ($1, $2)").bind(name).bind(value).execute(&mut write).await?;
    write.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_in_the_order_of_their_bytes() {
    let Some(both) = both().await else { return };
    let mut answers = Vec::new();
    for store in &both.stores {
        for name in ["b", "B", "a", "_", "\u{e9}", "z", "a\u{308}", "-", "aa", "\u{1f600}", "\u{fffd}"] {
            put(store, name, "").await.unwrap();
        }
        let (mut pages, mut after) = (Vec::new(), String::new());
        let page = "select name from setting where $1 < name order by name limit 1";
        while let Some(name) = query_scalar::<String>(page).bind(&after).fetch_optional(store.read()).await.unwrap() {
            pages.push(name.clone());
            after = name;
        }
        let mut sorted = pages.clone();
        sorted.sort();
        assert_eq!(pages, sorted, "in the order that Rust has");
        assert!(11 <= pages.len(), "none is left out");
        answers.push(pages);
    }
    assert_eq!(answers[0], answers[1]);
    both.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_a_mebibyte_comes_back_as_it_was() {
    let Some(both) = both().await else { return };
    let text = "\u{1f600} \\ ' \" $1 \r\n\t\u{1}%_".repeat(LARGE / 20);
    for store in &both.stores {
        put(store, "large", &text).await.unwrap();
        let back: String =
            query_scalar("select value from setting where name = 'large'").fetch_one(store.read()).await.unwrap();
        assert!(back == text);
        let bytes: i64 = query_scalar("select octet_length(value) from setting where name = 'large'")
            .fetch_one(store.read())
            .await
            .unwrap();
        assert_eq!(bytes, i64::try_from(text.len()).unwrap());
    }
    both.close().await;
}

/// What would come in at the doors is replaced there (`server/nul`): PostgreSQL takes none, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn u0000_never_reaches_the_store() {
    let Some(both) = both().await else { return };
    let [_, postgres] = &both.stores;
    assert!(put(postgres, "nul", "a\0b").await.is_err());
    for store in &both.stores {
        put(store, "replaced", &crate::server::nul::replaced("a\0b".to_owned())).await.unwrap();
        let back: String =
            query_scalar("select value from setting where name = 'replaced'").fetch_one(store.read()).await.unwrap();
        assert_eq!(back, "a\u{fffd}b");
    }
    both.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_bytes_of_any_kind() {
    let Some(both) = both().await else { return };
    let picture: Vec<u8> = (0..=255).cycle().take(LARGE).collect();
    for store in &both.stores {
        let mut write = store.write().await.unwrap();
        query("insert into picture (hash, media_type, width, height, bytes) values ('h', 'image/png', 1, 1, $1)")
            .bind(&picture[..])
            .execute(&mut write)
            .await
            .unwrap();
        write.commit().await.unwrap();
        let back: Vec<u8> = query_scalar("select bytes from picture").fetch_one(store.read()).await.unwrap();
        assert!(back == picture);
    }
    both.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_and_counts_are_numbers_of_64_bits() {
    let Some(both) = both().await else { return };
    let large = i64::MAX / 2;
    for store in &both.stores {
        let mut write = store.write().await.unwrap();
        for model in ["a", "b"] {
            let row = query(
                "insert into usage_of_deleted (day, model, input_tokens, output_tokens, replies, estimated)
                 values ('2026-01-01', $1, $2, 3, 1, 0)",
            );
            row.bind(model).bind(large).execute(&mut write).await.unwrap();
        }
        write.commit().await.unwrap();
        let spent = store.spending_of_deleted("2026-01-01").await.unwrap();
        assert_eq!(spent.len(), 2);
        for (sql, expected) in [
            ("select cast(sum(input_tokens) as bigint) from usage_of_deleted", Some(2 * large)),
            ("select cast(sum(cost_micros) as bigint) from usage_of_deleted", None),
            ("select count(*) from usage_of_deleted", Some(2)),
            ("select 1 from usage_of_deleted limit 1", Some(1)),
            ("select (replies = 1) from usage_of_deleted limit 1", Some(1)),
        ] {
            let found: Option<i64> = query_scalar(sql).fetch_one(store.read()).await.unwrap();
            assert_eq!(found, expected, "{sql}");
        }
    }
    both.close().await;
}
