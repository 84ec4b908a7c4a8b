//! What is deleted is not in the bytes of the files any more: no word of it, and almost nothing of what the index had of it.

use super::index::{index, owner};
use super::said;
use crate::server::store::sql::query_scalar;
use crate::tests::app::{App, Folder};
use crate::tests::rng::Dice;
use reqwest::Method;

/// Bytes of the index that are looked for: fewer may be there by chance.
const LONG: usize = 24;

/// One in this number of parts may be left in gaps of pages: one in a hundred was. Without overwriting, all are.
const MOST_LEFT: usize = 20;

/// A text of this number of words that no other text has.
fn words(count: usize, dice: &mut Dice) -> String {
    let mut word = || (0..8).map(|_| char::from(b'a' + dice.below(26) as u8)).collect::<String>();
    (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
}

/// What the index has of its messages.
async fn parts(app: &App) -> Vec<Vec<u8>> {
    let all: Vec<Vec<u8>> =
        query_scalar("select grams from search_part").fetch_all(app.state.store.read()).await.unwrap();
    all.into_iter().filter(|grams| LONG <= grams.len()).collect()
}

fn files(folder: &Folder) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path());
    let data = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("rivulet.db"));
    data.map(|path| std::fs::read(path).unwrap()).collect()
}

fn are_in(files: &[Vec<u8>], bytes: &[u8]) -> bool {
    files.iter().any(|file| file.windows(bytes.len()).any(|some| some == bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_of_a_deleted_conversation_stays_in_the_files_and_hardly_a_part_of_its_index() {
    let app = App::start().await;
    let mut dice = Dice::new(7);
    let (gone, kept) = (words(2_500, &mut dice), words(2_500, &mut dice));
    let (conversation, _) = said(&app, &gone).await;
    index(&app).await;
    let indexed = parts(&app).await;
    assert!(100 < indexed.len(), "{}", indexed.len());
    said(&app, &kept).await;
    index(&app).await;
    let account = owner(&app, &conversation).await;
    let deleted = app.request(Method::DELETE, &format!("/api/v1/conversations/{conversation}")).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    index(&app).await;
    assert!(!parts(&app).await.is_empty(), "the other one of {account} is still in the index");
    // The end of the server empties the log, as each minute does.
    let (folder, ..) = app.end().await;
    let files = files(&folder);
    assert!(are_in(&files, &kept.as_bytes()[..40]), "the files are read");
    assert!(!are_in(&files, &gone.as_bytes()[..40]));
    let left = indexed.iter().filter(|part| are_in(&files, &part[..LONG])).count();
    // Of the index, SQLite keeps a copy of a row in the gap of a page that it has divided, until it fills the gap.
    assert!(left * MOST_LEFT < indexed.len(), "{left} of {} parts", indexed.len());
}
