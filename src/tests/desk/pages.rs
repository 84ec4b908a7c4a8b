//! The pages of the desk as the server draws them: what the script asks for is the same page, or a part of it.

use super::{Desk, INSTRUCTIONS, Visitor};
use crate::tests::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::json;

impl Desk {
    /// A page as the agent sees it.
    async fn inbox(&self, path: &str) -> String {
        let page = self.agent(Method::GET, path).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        page.text().await.unwrap()
    }

    /// A form on the page of the sites.
    async fn settings(&self, form: &[(&str, &str)]) -> (StatusCode, String) {
        let form: Vec<_> = std::iter::once(("site", self.site.as_str())).chain(form.iter().copied()).collect();
        let answer = self.app.form("/admin/sites/change", &form).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_is_drawn_whole_or_in_the_part_that_changed() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let script = Script { text: Some("It is **here**.".into()), ..Script::default() };
    let body = json!({ "message": { "content": crate::tests::app::directive(&script) }, "page": "/prices?secret=1", "locale": "de" });
    let begun = desk.visitor(&who, Method::POST, "/conversations").json(&body).send().await.unwrap();
    let conversation = crate::tests::app::text(&begun.json::<serde_json::Value>().await.unwrap()["conversation"]);
    desk.assign(&conversation, json!({ "to": "agent" })).await;
    desk.assign(&conversation, json!({ "to": "waiting", "number": 2 })).await;

    let whole = desk.inbox(&format!("/inbox/{conversation}?queue=waiting")).await;
    for shown in
        ["(1) Inbox", "Agatha took over", "Agatha released it", "/prices", "Take over and answer", "Next conversation"]
    {
        assert!(whole.contains(shown), "{shown}: {whole}");
    }
    assert!(!whole.contains("secret=1") && !whole.contains(INSTRUCTIONS), "{whole}");
    let list = desk.inbox("/inbox?queue=waiting&part=list").await;
    assert!(list.contains(&conversation) && !list.contains("id=\"thread\"") && !list.contains("<script"), "{list}");
    let thread = desk.inbox(&format!("/inbox/{conversation}?queue=waiting&part=thread")).await;
    assert!(thread.contains("id=\"thread\"") && thread.contains("id=\"details\""), "{thread}");
    assert!(!thread.contains("id=\"rows\""), "{thread}");
    // A queue that is none is the first one.
    let odd = desk.inbox("/inbox?queue=agent&site=x").await;
    assert!(odd.contains("data-queue=\"waiting\""), "{odd}");
    // An admin who does not answer on the site reads nothing of it.
    let admin = desk.app.request(Method::GET, &format!("/inbox/{conversation}?part=thread")).send().await.unwrap();
    assert_eq!(admin.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sets_a_site_by_its_forms() {
    let desk = Desk::start().await;
    let page = format!("/admin/sites/{}", desk.site);
    let (status, _) = desk.settings(&[("form", "site"), ("title", "The New Shop"), ("retention_days", "30")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (status, _) =
        desk.settings(&[("form", "texts"), ("texts.greeting", "Good day"), ("texts.back", "a\r\nb")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let limits = [("form", "limits"), ("limits.visitor.minute", "3"), ("limits.tokens_per_day", "")];
    assert_eq!(desk.settings(&limits).await.0, StatusCode::SEE_OTHER);
    let site = desk.app.state.store.site(desk.site.parse().unwrap()).await.unwrap().site;
    assert_eq!((site.title.as_str(), site.retention_days, site.name.as_str()), ("The New Shop", Some(30), "shop"));
    assert_eq!((site.texts.greeting.as_str(), site.texts.back.as_str()), ("Good day", "a\nb"));
    assert_eq!((site.limits.visitor.minute, site.limits.visitor.day, site.limits.tokens_per_day), (3, 60, None));
    assert_eq!(site.system, INSTRUCTIONS);
    let html = desk.app.request(Method::GET, &page).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("Used today: 0 tokens") && html.contains("Agatha") && html.contains("Good day"), "{html}");
    for (field, value) in [("limits.visitor.minute", "many"), ("limits.open", "0")] {
        let (status, html) = desk.settings(&[("form", "limits"), (field, value)]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(html.contains(&format!("id=\"limits-{field}-fault\"")), "{html}");
    }
    let (status, html) = desk.settings(&[("form", "texts"), ("texts.notice", " ")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(html.contains("texts-texts.notice-fault"), "{html}");
    let agent = desk.agent(Method::GET, &page).send().await.unwrap();
    assert_ne!(agent.status(), StatusCode::OK);
}
