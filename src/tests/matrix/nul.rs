//! U+0000, which PostgreSQL's text cannot hold: sent to every route in every text, and by every model, it is stored
//! nowhere.

use super::withdrawn::doors::{address, doors};
use super::withdrawn::place::{Place, Way};
use super::*;
use crate::server::store::sql;

/// The text with a U+0000 in it.
fn odd(text: &str) -> String {
    format!("{text}\0")
}

/// The body with a U+0000 in one of its texts, for each text. What stands for an id is none.
fn odd_bodies(body: &Value) -> Vec<Value> {
    match body {
        Value::String(text) if !text.starts_with('{') => vec![json!(odd(text))],
        Value::Object(members) => {
            let mut bodies = Vec::new();
            for (name, inner) in members {
                for inner in odd_bodies(inner) {
                    let mut body = body.clone();
                    body[name] = inner;
                    bodies.push(body);
                }
            }
            bodies
        }
        _ => Vec::new(),
    }
}

/// Every request of the matrix with a U+0000 in one of its texts, and those with the texts that the matrix leaves out.
fn requests() -> Vec<(Method, String, String, Value)> {
    let mut requests = Vec::new();
    // After a deletion nothing would be left to look through.
    for (method, path, body) in doors().into_iter().filter(|(_, path, _)| path != "/account/delete") {
        let (kind, body) = match body {
            Nothing => continue,
            Json(body) => ("json", body),
            Form(fields) => ("form", Value::from_iter(fields.iter().map(|(name, value)| (*name, json!(value))))),
        };
        requests.push((method, path, kind, body));
    }
    let settings = json!({ "title": "x", "system": "x", "model": "openai/x", "parameters": { "effort": "low" } });
    let start = json!({ "conversation": "{new}", "message": "{new}", "text": "x", "start": settings });
    let edit = json!({ "message": "{m}", "new": "{new}", "text": "x", "model": "openai/x" });
    let form = json!({ "conversation": "{c}", "title": "x", "system": "x", "model": "openai/x", "effort": "low" });
    let conversation = "/api/v1/conversations/{id}";
    requests.extend([
        (Method::POST, "/api/v1/conversations".to_owned(), "json", settings.clone()),
        (Method::PATCH, conversation.to_owned(), "json", settings),
        (Method::PATCH, "/api/v1/settings".to_owned(), "json", json!({ "instructions": "x" })),
        (Method::POST, format!("{conversation}/messages"), "json", json!({ "content": "x", "model": "openai/x" })),
        (Method::POST, "/api/chat/send".to_owned(), "json", start),
        (Method::POST, "/api/chat/edit".to_owned(), "json", edit),
        (Method::POST, "/forms/change".to_owned(), "form", form),
        (
            Method::POST,
            "/forms/send".to_owned(),
            "form",
            json!({ "message": "{new}", "text": "x", "model": "openai/x" }),
        ),
        (Method::POST, "/sign-in".to_owned(), "form", json!({ "name": "Nobody", "password": PASSWORD })),
        (Method::POST, "/sign-up".to_owned(), "form", json!({ "name": "Newton", "password": PASSWORD })),
    ]);
    let each = requests.into_iter().flat_map(|(method, path, kind, body)| {
        let bodies = odd_bodies(&body).into_iter();
        bodies.map(move |body| (method.clone(), path.clone(), kind.to_owned(), body)).collect::<Vec<_>>()
    });
    each.collect()
}

/// The columns that have this character somewhere.
async fn columns_with(app: &App, character: char) -> Vec<String> {
    let columns = sql::query(
        "select schema.name as place, columns.name from sqlite_master as schema join pragma_table_info(schema.name) as columns
         where schema.type = 'table'",
    )
    .fetch_all(app.state.store.read())
    .await
    .unwrap();
    let mut found = Vec::new();
    for row in columns {
        let (table, column): (&str, &str) = (row.try_get("place").unwrap(), row.try_get("name").unwrap());
        let sql = format!("select count(*) from {table} where typeof({column}) = 'text' and instr({column}, $1) > 0");
        let count: i64 =
            sql::query_scalar(sql).bind(character.to_string()).fetch_one(app.state.store.read()).await.unwrap();
        if 0 < count {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_stores_a_nul() {
    let mut place = Place::new().await;
    let requests = requests();
    assert!(60 < requests.len(), "{}", requests.len());
    for (method, path, kind, body) in requests {
        let (who, _) = place.let_in(Way::Session).await;
        place.app.cookie = who.split_once(": ").unwrap().1.to_owned();
        let body = place.ids.put(&body.to_string().replace("{new}", &uuid::Uuid::now_v7().to_string()));
        let body: Value = serde_json::from_str(&body).unwrap();
        let to = address(&place.ids, &path);
        let request = if kind == "json" {
            place.app.request(method.clone(), &to).json(&body)
        } else {
            let fields: Vec<_> =
                body.as_object().unwrap().iter().map(|(name, it)| (&**name, it.as_str().unwrap())).collect();
            place.app.form(&to, &fields)
        };
        let status = request.send().await.unwrap().status();
        assert!(!status.is_server_error(), "{method} {path} {body}: {status}");
    }
    assert_eq!(columns_with(&place.app, '\0').await, Vec::<String>::new());
    let replaced = columns_with(&place.app, '\u{fffd}').await;
    for column in ["conversation.title", "conversation.system", "message.text"] {
        assert!(replaced.iter().any(|it| it == column), "{column} is in {replaced:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_models_nul_is_stored_or_told() {
    let app = App::start().await;
    for model in ["anthropic/m", "openai/m", "mistral/m", "responses/m", "gemini/m", "ollama/m"] {
        let conversation = app.conversation().await;
        let sent = app.send_to(&conversation, &Script { text: Some("a\0b".into()), ..Script::default() }, model).await;
        let frames = app.rest_of(&conversation, &sent).await;
        assert!(frames.iter().all(|frame| !frame.data.to_string().contains("\\u0000")), "{model}: {frames:?}");
        assert_eq!(app.last_message(&conversation).await["text"], "a\u{fffd}b", "{model}");
    }
    assert_eq!(columns_with(&app, '\0').await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_the_name_of_a_page_is_no_page() {
    let app = App::start().await;
    for path in ["/api/v1/conversations?cursor=9999%00_x", "/api/v1/search?q=x&cursor=9999%00_x_1"] {
        problem(app.get(path).await, 422).await;
    }
}
