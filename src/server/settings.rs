//! The settings: flags, environment and `rivulet.toml`, checked before anything starts.

mod backups;
mod command;
mod database;
mod explain;
mod file;
mod oidc;
mod providers;
mod values;

pub use command::{Account, Backup, Command, Given};
pub use database::DatabaseUrl;
#[cfg(test)]
pub(crate) use explain::line;

use super::backplane::redis::RedisUrl;
use super::principal::SignUp;
use super::quota::{Everybody, MostWritten};
use crate::server::provider;
use axum::http::{HeaderName, HeaderValue};
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, ValueEnum};
use explain::explain;
use ipnet::IpNet;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use values::{address, count, host, model, positive, seconds, small, switch, token, url};

/// A self-hosted AI chat whose replies are never lost.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Settings {
    /// The command; without one, Rivulet serves.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// A file of named providers and their models. Default: rivulet.toml in the working directory, if there is one.
    #[arg(long, env = "RIVULET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The address to listen on.
    #[arg(long, env = "RIVULET_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:3000", value_parser = address)]
    pub listen: SocketAddr,

    /// The database: sqlite: and a path, which is created with its folder when it does not exist, or
    /// postgres://USER:PASSWORD@HOST/DATABASE.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        default_value = "sqlite:data/rivulet.db",
        hide_env_values = true,
        value_parser = DatabaseUrl::parse
    )]
    pub database_url: DatabaseUrl,

    /// The folder of the copies of the database that Rivulet makes by itself. Default: backups, beside the database.
    #[arg(long, env = "RIVULET_BACKUP_FOLDER", value_name = "FOLDER")]
    pub backup_folder: Option<PathBuf>,

    /// How often the database is copied, in hours. Without it, no copies are made on a schedule.
    #[arg(long, env = "RIVULET_BACKUP_HOURS", value_name = "HOURS", value_parser = values::hours)]
    pub backup_hours: Option<u32>,

    /// How many of these copies are kept.
    #[arg(long, env = "RIVULET_BACKUP_KEEP", value_name = "COUNT", default_value = "7", value_parser = count)]
    pub backup_keep: usize,

    /// Whether the database is copied before a new version changes its tables. The last three of these copies are kept.
    #[arg(
        long,
        env = "RIVULET_BACKUP_BEFORE_UPDATE",
        value_name = "on|off",
        default_value = "on",
        value_parser = values::before_update
    )]
    pub backup_before_update: Switch,

    /// The model that answers unless another is chosen, as provider/model.
    #[arg(long, env = "RIVULET_MODEL", value_name = "MODEL", value_parser = model)]
    pub model: Option<String>,

    /// The models to choose from, separated by commas, instead of the built-in list.
    #[arg(long, env = "RIVULET_MODELS", value_name = "MODELS", value_delimiter = ',', value_parser = values::models)]
    pub models: Vec<String>,

    /// The model that gives conversations their titles, a small one, as provider/model. Without it, a title is how the first
    /// message begins.
    #[arg(long, env = "RIVULET_TITLE_MODEL", value_name = "MODEL", value_parser = values::title_model)]
    pub title_model: Option<String>,

    /// Whether users without an account may chat. Default: on when listening on this machine only.
    #[arg(long, env = "RIVULET_GUESTS", value_name = "on|off", value_parser = switch)]
    pub guests: Option<Switch>,

    /// Who may sign up: everybody, users with an invitation, or nobody. Default: open when listening on this machine
    /// only and without a public URL, else invitation. An admin can change it while Rivulet runs.
    #[arg(long, env = "RIVULET_SIGN_UP", value_name = "open|invitation|closed", value_parser = values::sign_up)]
    pub sign_up: Option<SignUp>,

    /// The issuer URL of an OpenID Connect provider to sign in with, exactly as the provider states it. It needs a
    /// client id and a secret; the address to register there is the public URL followed by /sign-in/oidc/callback.
    #[arg(long, env = "RIVULET_OIDC_ISSUER", value_name = "URL", value_parser = oidc::issuer)]
    pub oidc_issuer: Option<String>,

    /// The client's id at the issuer.
    #[arg(long, env = "RIVULET_OIDC_CLIENT_ID", value_name = "ID", value_parser = oidc::client_id)]
    pub oidc_client_id: Option<String>,

    /// The client's secret at the issuer.
    #[arg(long, env = "RIVULET_OIDC_CLIENT_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub oidc_client_secret: Option<SecretString>,

    /// The issuer's name on the sign-in button. Default: its host.
    #[arg(long, env = "RIVULET_OIDC_NAME", value_name = "NAME", value_parser = oidc::name)]
    pub oidc_name: Option<String>,

    /// Proxies whose X-Forwarded-For is believed, separated by commas: addresses, or networks such as 10.0.0.0/8.
    #[arg(long, env = "RIVULET_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',', value_parser = values::network)]
    pub trusted_proxies: Vec<IpNet>,

    /// The address that users type, where it differs from the one listened on: https://chat.example.org
    #[arg(long, env = "RIVULET_PUBLIC_URL", value_name = "URL", value_parser = values::public_url)]
    pub public_url: Option<String>,

    /// Redis 6.2 or newer, or Valkey, which several nodes share: redis://USER:PASSWORD@HOST:PORT, rediss:// for TLS, or
    /// unix:///PATH. Without it, each node counts limits by itself.
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true, value_parser = RedisUrl::parse)]
    pub redis_url: Option<RedisUrl>,

    /// A file with the certificate (PEM) of the authority that vouches for Redis' own, where that is none of the web.
    #[arg(long, env = "RIVULET_REDIS_CA", value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,

    /// How Rivulet's keys and channels in Redis begin: another one for each Rivulet that uses the same Redis.
    #[arg(
        long,
        env = "RIVULET_REDIS_PREFIX",
        value_name = "PREFIX",
        default_value = "rivulet:",
        value_parser = values::redis_prefix
    )]
    pub redis_prefix: String,

    /// How long open replies may go on after SIGTERM, in seconds.
    #[arg(long, env = "RIVULET_DRAIN_SECONDS", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub drain_seconds: u64,

    /// How long a disconnected viewer can resume without loss, in seconds; later it gets the conversation anew.
    #[arg(long, env = "RIVULET_WINDOW_SECONDS", value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub window_seconds: u64,

    /// Memory for the events that such viewers may have missed, in MiB, in all. When it runs short, they get the
    /// conversation anew, and where open replies alone fill it, no other is begun until one ends.
    #[arg(long, env = "RIVULET_JOURNAL_MIB", value_name = "MIB", default_value = "1024", value_parser = count)]
    pub journal_mib: usize,

    /// Messages that an account may send per minute.
    #[arg(long, env = "RIVULET_SENDS_PER_MINUTE", value_name = "COUNT", default_value = "20", value_parser = positive)]
    pub sends_per_minute: NonZeroU32,

    /// Changes that an account may make per minute besides messages: conversations, titles, branches, shares, links,
    /// tokens.
    #[arg(long, env = "RIVULET_WRITES_PER_MINUTE", value_name = "COUNT", default_value = "60", value_parser = positive)]
    pub writes_per_minute: NonZeroU32,

    /// Conversations that an account may have.
    #[arg(long, env = "RIVULET_CONVERSATIONS", value_name = "COUNT", default_value = "10000", value_parser = small)]
    pub conversations: u32,

    /// What the system prompts and titles of an account's conversations may take together, in MiB.
    #[arg(long, env = "RIVULET_INSTRUCTIONS_MIB", value_name = "MIB", default_value = "64", value_parser = small)]
    pub instructions_mib: u32,

    /// Replies that an account may have open at a time.
    #[arg(long, env = "RIVULET_OPEN_REPLIES", value_name = "COUNT", default_value = "4", value_parser = count)]
    pub open_replies: usize,

    /// Streams (tabs, programs) that an account may have open at a time.
    #[arg(long, env = "RIVULET_STREAMS", value_name = "COUNT", default_value = "20", value_parser = small)]
    pub streams: u32,

    /// Tokens, read and written, that an account may use per day (in UTC). Default: no limit.
    #[arg(long, env = "RIVULET_TOKENS_PER_DAY", value_name = "COUNT", value_parser = values::tokens)]
    pub tokens_per_day: Option<u64>,

    /// Tokens, read and written, that an account may use per month (in UTC). Default: no limit.
    #[arg(long, env = "RIVULET_TOKENS_PER_MONTH", value_name = "COUNT", value_parser = values::tokens)]
    pub tokens_per_month: Option<u64>,

    /// Connections that one network address may have open at a time. Generous, because behind a proxy all users share
    /// one address; for a server that users reach directly, a hundredth of it is enough.
    #[arg(
        long,
        env = "RIVULET_CONNECTIONS_PER_ADDRESS",
        value_name = "COUNT",
        default_value = "12000",
        value_parser = count
    )]
    pub connections_per_address: usize,

    /// How long a provider may be silent, before its first byte and between two, in seconds.
    #[arg(long, env = "RIVULET_SILENCE_SECONDS", value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub silence_seconds: u64,

    /// How long one reply may take altogether, in seconds.
    #[arg(long, env = "RIVULET_REPLY_SECONDS", value_name = "SECONDS", default_value = "900", value_parser = seconds)]
    pub reply_seconds: u64,

    /// The bearer token for /metrics; without this setting there is no such page.
    #[arg(long, env = "RIVULET_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = token)]
    pub metrics_token: Option<SecretString>,

    /// Whether there is a page /status, which everybody may read: whether Rivulet works, and which providers it reaches.
    #[arg(
        long,
        env = "RIVULET_STATUS_PAGE",
        value_name = "on|off",
        default_value = "off",
        value_parser = values::status_page
    )]
    pub status_page: Switch,

    /// The address of an OpenTelemetry collector that takes traces by OTLP over HTTP as JSON: http://127.0.0.1:4318
    #[arg(long, env = "RIVULET_OTLP_ENDPOINT", value_name = "URL", hide_env_values = true, value_parser = values::collector)]
    pub otlp_endpoint: Option<String>,

    /// Headers for the collector, separated by commas: authorization=Bearer abc
    #[arg(long, env = "RIVULET_OTLP_HEADERS", value_name = "NAME=VALUE", hide_env_values = true, value_delimiter = ',', value_parser = values::header)]
    pub otlp_headers: Vec<SecretHeader>,

    /// Websites whose pages may connect as Pusher clients (Echo), separated by commas: https://app.example.org.
    /// Rivulet's own pages always may; programs that are not browsers need no permission.
    #[arg(long, env = "RIVULET_ALLOWED_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', value_parser = values::origin)]
    pub allowed_origins: Vec<String>,

    /// The app id for Pusher clients and their backends. Default: rivulet.
    #[arg(long, env = "RIVULET_PUSHER_APP_ID", value_name = "ID", value_parser = values::name)]
    pub pusher_app_id: Option<String>,

    /// The app key for Pusher clients. Default: generated at the first start, and shown to admins.
    #[arg(long, env = "RIVULET_PUSHER_KEY", value_name = "KEY", value_parser = values::name)]
    pub pusher_key: Option<String>,

    /// The app secret, which gives access to every conversation. Default: generated at the first start, and shown to
    /// admins.
    #[arg(long, env = "RIVULET_PUSHER_SECRET", value_name = "SECRET", hide_env_values = true, value_parser = values::secret)]
    pub pusher_secret: Option<SecretString>,

    /// The key for Claude models.
    #[arg(long, env = "ANTHROPIC_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub anthropic_api_key: Option<SecretString>,

    /// The URL of the Messages API, without /v1.
    #[arg(long, env = "ANTHROPIC_BASE_URL", value_name = "URL", value_parser = url)]
    pub anthropic_base_url: Option<String>,

    /// The key for OpenAI models, or for the compatible server at OPENAI_BASE_URL.
    #[arg(long, env = "OPENAI_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub openai_api_key: Option<SecretString>,

    /// The URL of the chat completions API, with /v1: any compatible server.
    #[arg(long, env = "OPENAI_BASE_URL", value_name = "URL", value_parser = url)]
    pub openai_base_url: Option<String>,

    /// The key for Mistral's models.
    #[arg(long, env = "MISTRAL_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub mistral_api_key: Option<SecretString>,

    /// The URL of Mistral's API, without /v1.
    #[arg(long, env = "MISTRAL_BASE_URL", value_name = "URL", value_parser = url)]
    pub mistral_base_url: Option<String>,

    /// The key for Gemini models.
    #[arg(long, env = "GEMINI_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub gemini_api_key: Option<SecretString>,

    /// The URL of Gemini's API, without /v1beta.
    #[arg(long, env = "GEMINI_BASE_URL", value_name = "URL", value_parser = url)]
    pub gemini_base_url: Option<String>,

    /// The address of Ollama: a URL, or a host with or without a port.
    #[arg(long, env = "OLLAMA_HOST", value_name = "HOST", hide_env_values = true, value_parser = host)]
    pub ollama_host: Option<String>,

    /// How the log is written: text for people, json for programs, an object in each line.
    #[arg(long, env = "RIVULET_LOG_FORMAT", value_name = "text|json", default_value = "text", value_parser = values::log_format)]
    pub log_format: LogFormat,

    /// The log filter: a level, or tracing directives.
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info", action = ArgAction::Set)]
    pub log: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

/// The log's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// A header that is sent to the collector; its value may be a key.
#[derive(Clone, Debug)]
pub struct SecretHeader {
    pub name: HeaderName,
    pub value: HeaderValue,
}

impl Settings {
    /// The usage limits of every account, unless an admin has set others for it.
    pub fn everybody(&self) -> Everybody {
        Everybody {
            sends_per_minute: self.sends_per_minute,
            open_replies: self.open_replies,
            tokens_per_day: self.tokens_per_day,
            tokens_per_month: self.tokens_per_month,
        }
    }

    /// The limits on an account's writes besides messages.
    pub fn most_written(&self) -> MostWritten {
        MostWritten {
            per_minute: self.writes_per_minute,
            conversations: u64::from(self.conversations),
            text_bytes: u64::from(self.instructions_mib) << 20,
        }
    }

    /// Reads flags and environment. After `--help`, or with a wrong setting, there is nothing to start: the message has
    /// been printed, and `main` is to return the code.
    pub fn read() -> Result<Self, ExitCode> {
        let matches = Self::without_empty(Self::command()).try_get_matches();
        matches.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| explain(&error))
    }

    /// An empty variable (in a compose file, say) counts as unset.
    fn without_empty(command: clap::Command) -> clap::Command {
        let empty = |arg: &Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        let ids: Vec<_> = command.get_arguments().filter(|arg| empty(arg)).map(|arg| arg.get_id().clone()).collect();
        ids.into_iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.env(None::<&str>)))
    }

    pub fn guests(&self) -> bool {
        self.guests.map_or(self.listen.ip().is_loopback(), |switch| switch == Switch::On)
    }

    /// Whether passwords could be read in transit: other machines reach this server, and not by HTTPS as far as it
    /// knows.
    pub fn is_exposed(&self) -> bool {
        !self.listen.ip().is_loopback() && !self.is_https()
    }

    pub fn sign_up(&self) -> SignUp {
        // Behind a proxy it listens on this machine only as well; but then a public URL is set.
        let alone = self.listen.ip().is_loopback() && self.public_url.is_none();
        self.sign_up.unwrap_or(if alone { SignUp::Open } else { SignUp::Invitation })
    }

    /// Whether users reach this server over HTTPS, so that its cookies may require it.
    pub fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    pub fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds)
    }

    pub fn journal_bytes(&self) -> usize {
        self.journal_mib.saturating_mul(1 << 20)
    }

    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    pub fn provider_limits(&self) -> provider::ProviderLimits {
        let silence = Duration::from_secs(self.silence_seconds);
        provider::ProviderLimits { first_byte: silence, silence, ..provider::ProviderLimits::default() }
    }

    pub fn whole_reply(&self) -> Duration {
        Duration::from_secs(self.reply_seconds)
    }
}
