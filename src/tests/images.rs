//! Images: recognised by their content, stored without metadata, shown to the models that see and to no one else.

pub(crate) mod files;
mod layouts;
mod models;
mod uploads;

use super::app::{App, problem, text};
use crate::server::store::sql;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

impl App {
    async fn upload(&self, bytes: Vec<u8>) -> Response {
        self.request(Method::POST, "/api/v1/images?name=a.png").body(bytes).send().await.unwrap()
    }

    /// Uploads what is taken, and returns its id.
    pub(crate) async fn image(&self, bytes: Vec<u8>) -> String {
        let answer = self.upload(bytes).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        text(&answer.json::<Value>().await.unwrap()["id"])
    }

    async fn show(&self, id: &str) -> Response {
        self.get(&format!("/api/v1/images/{id}")).await
    }

    async fn say(&self, conversation: &str, body: Value) -> Response {
        self.post(&format!("/api/v1/conversations/{conversation}/messages"), body).await
    }

    /// Says something with images, and waits for the answer's end. Returns the reply as it is kept.
    async fn ask(&self, conversation: &str, words: &str, images: &[String]) -> Value {
        let answer = self.say(conversation, json!({ "content": words, "images": images })).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{}", answer.text().await.unwrap());
        let sent = super::app::Sent::of(&answer.json().await.unwrap());
        self.rest_of(conversation, &sent).await;
        self.last_message(conversation).await
    }

    async fn count(&self, table: &'static str) -> i64 {
        let mut query = sql::Builder::new("select count(*) from ");
        query.push(table).build_query_scalar().fetch_one(self.state.store.read()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_its_images_to_the_store_the_viewers_and_the_page() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    let images = [app.image(files::png(40, 20)).await, app.image(files::numbered(7)).await];
    app.ask(&conversation, "What is this?", &images).await;
    let told = events.until("message").await.pop().unwrap().data["message"]["images"].clone();
    let expected = json!([
        { "id": images[0], "name": "a.png", "width": 40, "height": 20 },
        { "id": images[1], "name": "a.png", "width": 8, "height": 8 },
    ]);
    assert_eq!(told, expected);
    let messages = app.snapshot(&conversation).await["messages"].clone();
    assert_eq!(messages[0]["images"], expected);
    assert_eq!(messages[1]["images"], Value::Null, "a reply has none");
    let page = app.get(&format!("/c/{conversation}")).await.text().await.unwrap();
    assert!(page.contains(&format!("src=\"../api/v1/images/{}\" alt=\"a.png\" width=\"40\"", images[0])), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_message_keeps_its_images() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let image = app.image(files::numbered(1)).await;
    let reply = app.ask(&conversation, "What is this?", std::slice::from_ref(&image)).await;
    let new = uuid::Uuid::now_v7();
    let words = json!({ "message": reply["parent"], "new": new, "text": "And this?", "model": null });
    let answer = app.post("/api/chat/edit", words).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let changed = &app.snapshot(&conversation).await["messages"][0];
    assert_eq!((&changed["id"], &changed["images"][0]["id"]), (&json!(new), &json!(image)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_images_twice_is_sending_once() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let (one, two) = (app.image(files::numbered(1)).await, app.image(files::numbered(2)).await);
    let id = uuid::Uuid::now_v7().to_string();
    let body = |images: &[&String]| json!({ "id": id, "content": "Look", "images": images });
    let first = app.say(&conversation, body(&[&one, &two])).await;
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    let first: Value = first.json().await.unwrap();
    let again = app.say(&conversation, body(&[&one, &two])).await;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    assert_eq!(again.json::<Value>().await.unwrap()["reply"]["id"], first["reply"]["id"]);
    for others in [&[][..], &[&one], &[&two, &one]] {
        problem(app.say(&conversation, body(others)).await, 409).await;
    }
    let function =
        json!({ "conversation": conversation, "message": id, "text": "Look", "images": [one, two], "start": null });
    let same = app.post("/api/chat/send", function).await;
    assert_eq!(same.json::<Value>().await.unwrap()["reply"]["id"], first["reply"]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_takes_so_many_images_each_once_and_only_ones_own() {
    let mut app = App::start().await;
    let conversation = app.conversation().await;
    let mut mine = Vec::new();
    for number in 0..20 {
        mine.push(app.image(files::numbered(number)).await);
    }
    let say = async |app: &App, images: &[&String]| {
        let told = problem(app.say(&conversation, json!({ "content": "x", "images": images })).await, 422).await;
        assert_eq!(told["field"], "images");
        told
    };
    let told = say(&app, &mine.iter().collect::<Vec<_>>()).await;
    assert!(told["detail"].as_str().unwrap().contains("at most 8"), "{told}");
    say(&app, &[&mine[0], &mine[0]]).await;
    let random = uuid::Uuid::now_v7().to_string();
    let nobodys = say(&app, &[&mine[0], &random]).await;
    let me = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    let theirs = app.image(files::png(4, 4)).await;
    app.cookie = me;
    assert_eq!(say(&app, &[&mine[0], &theirs]).await, nobodys, "whether there is one is not told");
    problem(app.say(&conversation, json!({ "content": "x", "images": ["no id"] })).await, 422).await;
    assert_eq!(app.snapshot(&conversation).await["messages"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_another_account_sees_no_image_not_even_that_there_is_one() {
    let mut app = App::start().await;
    let conversation = app.conversation().await;
    let (sent, waiting) = (app.image(files::numbered(1)).await, app.image(files::numbered(2)).await);
    app.ask(&conversation, "Look", std::slice::from_ref(&sent)).await;
    let mine = app.show(&sent).await;
    let tag = mine.headers()["etag"].clone();
    assert_eq!(mine.status(), StatusCode::OK);
    let me = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    let random = problem(app.show(&uuid::Uuid::now_v7().to_string()).await, 404).await;
    for id in [&sent, &waiting] {
        assert_eq!(problem(app.show(id).await, 404).await, random);
        let path = format!("/api/v1/images/{id}");
        let known = app.request(Method::GET, &path).header("if-none-match", &tag);
        assert_eq!(problem(known.send().await.unwrap(), 404).await, random);
        let delete = app.request(Method::DELETE, &path);
        assert_eq!(problem(delete.send().await.unwrap(), 404).await, random);
        problem(app.stranger(Method::GET, &path).send().await.unwrap(), 401).await;
    }
    // Equal bytes, uploaded by another user, reveal nothing: they get an image of their own.
    let theirs = app.image(files::numbered(1)).await;
    assert_ne!(theirs, sent);
    assert_eq!(app.count("picture").await, 2);
    app.cookie = me;
    problem(app.show(&theirs).await, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_refers_to_is_deleted_and_nothing_else() {
    let mut app = App::start().await;
    let (first, second) = (app.conversation().await, app.conversation().await);
    let (alone, shared) = (app.image(files::numbered(1)).await, app.image(files::numbered(2)).await);
    app.ask(&first, "Look", &[alone.clone(), shared.clone()]).await;
    app.ask(&second, "Look again", std::slice::from_ref(&shared)).await;
    let waiting = app.image(files::numbered(3)).await;
    let me = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    let theirs = app.image(files::numbered(1)).await;
    let them = std::mem::replace(&mut app.cookie, me);

    app.request(Method::DELETE, &format!("/api/v1/conversations/{first}")).send().await.unwrap();
    problem(app.show(&alone).await, 404).await;
    assert_eq!(app.show(&shared).await.status(), StatusCode::OK);
    assert_eq!(app.show(&waiting).await.status(), StatusCode::OK);
    assert_eq!(app.count("picture").await, 3, "another account has the same");

    let removed = app.request(Method::DELETE, &format!("/api/v1/images/{waiting}")).send().await.unwrap();
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    problem(app.show(&waiting).await, 404).await;
    let kept = app.request(Method::DELETE, &format!("/api/v1/images/{shared}")).send().await.unwrap();
    problem(kept, 409).await;
    app.request(Method::DELETE, &format!("/api/v1/conversations/{second}")).send().await.unwrap();
    assert_eq!(app.count("image").await, 1);
    assert_eq!(app.count("picture").await, 1);
    app.cookie = them;
    assert_eq!(app.show(&theirs).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_waits_a_day_for_its_message() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut images = Vec::new();
    for number in 0..3 {
        images.push(app.image(files::numbered(number)).await);
    }
    app.ask(&conversation, "Look", &images[..1]).await;
    let age = async |id: &String, hours: u64| {
        let mut write = app.state.store.write().await.unwrap();
        let then = crate::server::times::ago(std::time::Duration::from_secs(hours * 3_600));
        sql::query("update image set created_at = $2 where id = $1")
            .bind(id)
            .bind(then)
            .execute(&mut *write)
            .await
            .unwrap();
        write.commit().await.unwrap();
    };
    age(&images[0], 25).await;
    age(&images[1], 25).await;
    age(&images[2], 23).await;
    crate::server::images::sweep(&app.state).await;
    let status = async |id: &String| app.show(id).await.status().as_u16();
    assert_eq!([status(&images[0]).await, status(&images[1]).await, status(&images[2]).await], [200, 404, 200]);
    assert_eq!(app.count("picture").await, 2);
}
