//! A scriptable OpenID Connect issuer: real HTTP, real signatures, and every error that they can have.

use crate::tests::oidc::{CLIENT, SECRET};
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64};
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ring::{digest, hmac};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::task::JoinHandle;

/// How an ID token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sign {
    #[default]
    Right,
    /// By a key that is not the issuer's, under its name.
    OtherKey,
    /// Not at all, and said so.
    None,
    /// With the public key as if it were a secret.
    PublicKeyAsSecret,
    /// With the client's secret, which the issuer lists as possible.
    ClientSecret,
}

/// The script of the issuer.
#[derive(Default)]
pub(crate) struct Script {
    /// Put over the ID token's claims; null takes one away.
    pub(crate) claims: Map<String, Value>,
    pub(crate) sign: Sign,
    pub(crate) userinfo: Value,
    /// Answers without any useful content.
    pub(crate) down: bool,
    /// In the place of the metadata's own members.
    pub(crate) metadata: Map<String, Value>,
    /// Put over the token endpoint's answer.
    pub(crate) tokens: Map<String, Value>,
    /// Accepts a code more than once.
    pub(crate) codes_last: bool,
}

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { id: uuid::Uuid::new_v4().to_string(), pair }
    }

    fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": x, "y": y })
    }
}

/// The authorization request that a code was given out for.
#[derive(Clone)]
struct Asked {
    nonce: String,
    challenge: String,
    redirect: String,
}

struct Shared {
    url: String,
    key: Key,
    other: Key,
    script: Script,
    codes: HashMap<String, Asked>,
    calls: Vec<&'static str>,
}

#[derive(Clone)]
pub(crate) struct Issuer {
    shared: Arc<Mutex<Shared>>,
    _served: Arc<Served>,
}

struct Served(JoinHandle<()>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Told = State<Arc<Mutex<Shared>>>;

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap()
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Shared {
            url: format!("http://{}", listener.local_addr().unwrap()),
            key: Key::new(),
            other: Key::new(),
            script: Script::default(),
            codes: HashMap::new(),
            calls: Vec::new(),
        };
        let shared = Arc::new(Mutex::new(shared));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&shared));
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, _served: Arc::new(Served(served)) }
    }

    pub(crate) fn url(&self) -> String {
        lock(&self.shared).url.clone()
    }

    pub(crate) fn told(&self, tell: impl FnOnce(&mut Script)) {
        tell(&mut lock(&self.shared).script);
    }

    /// Puts a claim over the ID token's own.
    pub(crate) fn claims(&self, claim: &str, value: Value) {
        self.told(|script| drop(script.claims.insert(claim.to_owned(), value)));
    }

    pub(crate) fn rotate(&self) {
        lock(&self.shared).key = Key::new();
    }

    pub(crate) fn calls(&self, what: &str) -> usize {
        lock(&self.shared).calls.iter().filter(|call| **call == what).count()
    }

    /// A user's sign-in at the issuer, and the redirect. Returns its target.
    pub(crate) fn sign_in(&self, to: &Url) -> Url {
        let asked: HashMap<String, String> = to.query_pairs().into_owned().collect();
        let mut shared = lock(&self.shared);
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT));
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(["openid", "email", "profile"].iter().all(|scope| asked["scope"].split(' ').any(|it| it == *scope)));
        let (nonce, challenge) = (asked["nonce"].clone(), asked["code_challenge"].clone());
        let code = uuid::Uuid::new_v4().to_string();
        let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked["state"]);
        back.query_pairs_mut().append_pair("iss", &shared.url);
        shared.codes.insert(code, Asked { nonce, challenge, redirect: asked["redirect_uri"].clone() });
        back
    }
}

async fn metadata(State(shared): Told) -> Response {
    let mut shared = lock(&shared);
    shared.calls.push("metadata");
    if shared.script.down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let url = &shared.url;
    let mut told = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        "authorization_response_iss_parameter_supported": true,
    });
    for (name, value) in &shared.script.metadata {
        told[name] = value.clone();
    }
    Json(told).into_response()
}

async fn jwks(State(shared): Told) -> Response {
    let mut shared = lock(&shared);
    shared.calls.push("jwks");
    if shared.script.down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    Json(json!({ "keys": [shared.key.public()] })).into_response()
}

async fn userinfo(State(shared): Told, headers: HeaderMap) -> Response {
    let mut shared = lock(&shared);
    shared.calls.push("userinfo");
    if shared.script.down || headers["authorization"] != "Bearer access" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut told = json!({ "sub": "subject-1" });
    if let Value::Object(members) = &shared.script.userinfo {
        members.iter().for_each(|(name, value)| told[name] = value.clone());
    }
    Json(told).into_response()
}

async fn token(State(shared): Told, headers: HeaderMap, Form(form): Form<HashMap<String, String>>) -> Response {
    let mut shared = lock(&shared);
    shared.calls.push("token");
    if shared.script.down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    if headers["authorization"] != expected {
        return refused("invalid_client");
    }
    let asked = match shared.script.codes_last {
        true => shared.codes.get(&form["code"]).cloned(),
        false => shared.codes.remove(&form["code"]),
    };
    let hashed = BASE64.encode(digest::digest(&digest::SHA256, form["code_verifier"].as_bytes()));
    let Some(asked) = asked.filter(|it| it.challenge == hashed && it.redirect == form["redirect_uri"]) else {
        return refused("invalid_grant");
    };
    let id_token = id_token(&shared, &asked.nonce);
    let mut told = json!({ "access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": id_token });
    for (name, value) in &shared.script.tokens {
        told[name] = value.clone();
    }
    Json(told).into_response()
}

fn id_token(shared: &Shared, nonce: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({
        "iss": shared.url, "sub": "subject-1", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce,
    });
    for (name, value) in &shared.script.claims {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let sign = shared.script.sign;
    let algorithm = match sign {
        Sign::Right | Sign::OtherKey => "ES256",
        Sign::None => "none",
        Sign::PublicKeyAsSecret | Sign::ClientSecret => "HS256",
    };
    let header = json!({ "alg": algorithm, "typ": "JWT", "kid": shared.key.id });
    let part = |value: &Value| BASE64.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let secret = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes()).as_ref().to_vec();
    let by = |key: &Key| key.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec();
    let signature = match sign {
        Sign::Right => by(&shared.key),
        Sign::OtherKey => by(&shared.other),
        Sign::None => Vec::new(),
        Sign::PublicKeyAsSecret => secret(shared.key.pair.public_key().as_ref()),
        Sign::ClientSecret => secret(SECRET.as_bytes()),
    };
    format!("{signed}.{}", BASE64.encode(signature))
}
