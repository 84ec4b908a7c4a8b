//! What Pusher clients and their backends need to connect.

use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::principal::Owner;
use leptos::prelude::*;

/// Where clients connect, and with which app.
pub struct Connect {
    pub id: String,
    pub key: String,
    pub secret: String,
    /// This server as users' browsers reach it: http or https, host, port.
    pub scheme: String,
    pub host: String,
    pub port: u16,
    pub origins: Vec<String>,
}

pub fn connect(owner: Owner, connect: Connect) -> Sheet {
    let Connect { id, key, secret, scheme, host, port, origins } = connect;
    let tls = scheme == "https";
    let env = format!(
        "BROADCAST_CONNECTION=reverb\nREVERB_APP_ID={id}\nREVERB_APP_KEY={key}\nREVERB_APP_SECRET={secret}\n\
         REVERB_HOST={host}\nREVERB_PORT={port}\nREVERB_SCHEME={scheme}"
    );
    let echo = format!(
        "window.Echo = new Echo({{\n    broadcaster: 'reverb',\n    key: '{key}',\n    wsHost: '{host}',\n    \
         wsPort: {port},\n    wssPort: {port},\n    forceTLS: {tls},\n    enabledTransports: ['ws', 'wss'],\n}});"
    );
    let from = match origins.is_empty() {
        true => "Only Rivulet's own pages may connect from a browser. RIVULET_ALLOWED_ORIGINS names others.".to_owned(),
        false => format!("Pages of these origins may connect from a browser: {}.", origins.join(", ")),
    };
    let body = view! {
        <p class="lead">
            "Laravel Echo, pusher-js and other Pusher clients follow conversations on the channels "
            <code>"private-conversations.{id}"</code>". How, is in docs/laravel.md."
        </p>
        <section aria-labelledby="app">
            <h2 id="app">"The app"</h2>
            <dl class="facts">
                <dt>"App id"</dt><dd><code>{id}</code></dd>
                <dt>"Key"</dt><dd><code>{key}</code></dd>
                <dt>"Secret"</dt>
                <dd><details><summary>"Show the secret"</summary><code class="token">{secret}</code></details></dd>
            </dl>
            <p class="quiet">
                "The key is public. Whoever has the secret may read every conversation: it belongs on servers only. "{from}
            </p>
        </section>
        <section aria-labelledby="laravel">
            <h2 id="laravel">"In Laravel's .env"</h2>
            <details><summary>"Show it, with the secret"</summary><pre class="listing" tabindex="0">{env}</pre></details>
        </section>
        <section aria-labelledby="echo">
            <h2 id="echo">"In the page"</h2>
            <pre class="listing" tabindex="0">{echo}</pre>
        </section>
    };
    super::sheet("/admin/connect", "Pusher clients", owner, Notice::default(), &[], body.into_any())
}
