//! One conversation in the list, and what opens its menu.

use super::icon;
use crate::model::Conversation;
use crate::ui::labels;
use crate::ui::live::list::News;
use crate::ui::page::PageState;
use crate::ui::route::Route;
use leptos::prelude::*;

/// For screen readers, beside the icon.
const SHARED: &str = "<span class=\"unseen\">Shared: </span>";

/// Its menu is drawn when it is opened (`panels/row_menu`). Without our code what would open it leads to a page.
#[component]
pub fn Entry(conversation: Conversation) -> impl IntoView {
    let page = PageState::here();
    let id = conversation.id;
    let place = Route::Conversation(id);
    let current = Memo::new(move |_| page.place.get() == place);
    let news = move || page.live.news_of(id).filter(|news| *news == News::Running || !current.get());
    let name = labels::name(&conversation);
    let is_shared = conversation.owner.is_some();
    view! {
        <li class="entry">
            <a class="entry__link" href=place.path() aria-current=move || current.get().then_some("page")>
                {is_shared.then(|| view! { <span class="entry__shared" inner_html=icon::html(icon::PEOPLE) + SHARED></span> })}
                <span class="entry__title" dir="auto">{name.clone()}</span>
                {move || news().map(|news| view! { <span class="entry__news" data-script data-news=attribute(news)>{words(news)}</span> })}
            </a>
            <a class="entry__more" href=format!("/c/{id}/manage") data-panel role="button" aria-haspopup="menu" aria-label=format!("Options for “{name}”")></a>
        </li>
    }
}

fn attribute(news: News) -> &'static str {
    match news {
        News::Running => "running",
        News::Unread => "unread",
    }
}

/// What a screen reader says of it.
fn words(news: News) -> &'static str {
    match news {
        News::Running => " (a reply is being written)",
        News::Unread => " (a new reply)",
    }
}
