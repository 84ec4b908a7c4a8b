//! `DATABASE_URL` with PostgreSQL: what is accepted, and that the password is nowhere to be read.

use crate::server::settings::{Settings, line};
use crate::server::store::postgres::{OLDEST, bring_up_to_date, is_in_the_open, options, shown};
use crate::tests::services::postgres;
use clap::{CommandFactory, FromArgMatches, Parser};
use sqlx::migrate::Migrate;

const PASSWORD: &str = "correct-horse";

/// The line that a start with this URL ends with.
fn refusal(url: &str) -> String {
    let read = Settings::try_parse_from(["rivulet", &format!("--database-url={url}")]);
    line(&read.err().unwrap_or_else(|| panic!("{url} is accepted")))
}

#[test]
fn a_wrong_url_is_refused_with_what_is_expected_and_without_the_password() {
    let table = [
        ("postgres://ann:correct-horse@db", "names no database"),
        ("postgres://ann:correct-horse@db:port/chat", "expects postgres://"),
        ("postgres://ann:correct-horse@db/chat?sslmode=perhaps", "sslmode is disable"),
        ("postgres://ann:correct-horse@db/chat?passwort=correct-horse", "a parameter after the ? that is not known"),
        ("mysql://ann:correct-horse@db/chat", "DATABASE_URL expects sqlite:"),
        // Signs in the password that would have to be escaped: what follows is taken for something else.
        ("postgres://ann:12/correct-horse@db/chat", "expects postgres://"),
        ("postgres://ann:12?correct-horse@db/chat", "a parameter after the ? that is not known"),
        ("postgres://ann:12#correct-horse@db/chat", "expects postgres://"),
        // A line break, as a file with a secret ends with one.
        ("postgres://ann:correct-horse@db\n", "names no database"),
        ("mysql://ann:correct-horse@db/chat\nmore", "DATABASE_URL expects sqlite:"),
    ];
    for (url, expected) in table {
        let said = refusal(url);
        assert!(said.contains("DATABASE_URL") && said.contains(expected), "{url}: {said}");
        assert!(!said.contains(PASSWORD), "{url}: {said}");
    }
}

/// Its siblings: what is hidden in the help is hidden in an error.
#[test]
fn a_secret_that_is_refused_is_not_shown() {
    for flag in ["--metrics-token", "--pusher-secret"] {
        for value in ["short-one", "short-one\n", "\nshort-one", "a line\nshort-one"] {
            let read = Settings::try_parse_from(["rivulet", &format!("{flag}={value}")]);
            let said = line(&read.err().unwrap());
            assert!(said.contains(flag) && !said.contains("short-one"), "{said}");
        }
    }
    let read = Settings::try_parse_from(["rivulet", "move", "--to=postgres://ann:correct-horse@db\n"]);
    let said = line(&read.err().unwrap());
    assert!(said.contains("--to") && !said.contains(PASSWORD), "{said}");
    let read = Settings::try_parse_from(["rivulet", "--listen=here"]);
    assert!(line(&read.err().unwrap()).contains("'here'"), "what is no secret is shown");
}

#[test]
fn the_password_is_in_no_help_and_no_debug_output() {
    let url = format!("postgres://ann:{PASSWORD}@db:5433/chat?sslmode=require");
    let settings = Settings::try_parse_from(["rivulet", &format!("--database-url={url}")]).unwrap();
    assert!(settings.database_url.is_postgres());
    let mode = settings.mode();
    assert!(mode.contains("PostgreSQL (chat at db:5433)"), "{mode}");
    for text in [mode, format!("{settings:?}"), format!("{:#?}", settings.database_url)] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    let hidden = Settings::command().mut_arg("database_url", |arg| {
        assert!(arg.is_hide_env_values_set());
        arg
    });
    assert!(Settings::from_arg_matches(&hidden.get_matches_from(["rivulet"])).is_ok());
}

#[test]
fn what_goes_over_the_network_is_protected_only_where_the_certificate_is_checked() {
    let table = [
        ("postgres://u@db/chat", true),
        ("postgres://u@db/chat?sslmode=require", true),
        ("postgres://u@db/chat?sslmode=verify-full", false),
        ("postgres://u@localhost/chat", false),
        ("postgres://u@[::1]:5433/chat", false),
        ("postgres://u@127.0.0.1/chat", false),
        ("postgres:///chat?host=/run/postgresql", false),
    ];
    for (url, is_open) in table {
        assert_eq!(is_in_the_open(&options("DATABASE_URL", url).unwrap()), is_open, "{url}");
    }
    assert_eq!(shown(&options("X", "postgres:///chat?host=/run/postgresql").unwrap()), "chat at /run/postgresql");
}

/// What is copied as a file, or not at all, is refused where there is none.
#[test]
fn settings_that_are_for_sqlite_are_refused() {
    let url = "--database-url=postgres://u@db/chat";
    let settings = Settings::try_parse_from(["rivulet", url, "--backup-hours=24"]).unwrap();
    assert!(settings.schedule().err().unwrap().to_string().contains("RIVULET_BACKUP_HOURS"));
    assert!(settings.database().unwrap_err().to_string().contains("pg_dump"));
    assert_eq!(settings.backups_before_update().unwrap(), None);
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_refused_with_what_to_do() {
    let Some(server) = postgres() else { return };
    let start = async |url: &str| bring_up_to_date(&options("DATABASE_URL", url).unwrap()).await;
    let said = |done: anyhow::Result<()>| format!("{:#}", done.unwrap_err());

    let latin = "encoding 'LATIN1' locale 'C' locale_provider libc template template0";
    let database = server.database_by(latin).await;
    assert!(said(start(&database.url).await).contains("its encoding is LATIN1"));

    let other = server.database_by("").await;
    let mut connection = other.connect().await;
    sqlx::query("create table theirs (id bigint)").execute(&mut connection).await.unwrap();
    assert!(said(start(&other.url).await).contains("the database of another program"));

    let newer = server.database().await;
    let row = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
               values (9999, 'later', true, '', 0)";
    sqlx::query(row).execute(&mut newer.connect().await).await.unwrap();
    assert!(said(start(&newer.url).await).contains("a newer version of Rivulet: its tables are of version 9999"));

    let missing = other.url.replace("test_", "none_");
    let line = said(start(&missing).await);
    assert!(line.contains("cannot be connected to") && line.contains("does not exist"), "{line}");
    assert!(said(start("postgres:///chat?host=/nowhere").await).contains("chat at /nowhere"));
}

/// Three nodes that start at once on an empty database.
#[tokio::test]
async fn nodes_that_start_together_make_the_tables_once() {
    let Some(server) = postgres() else { return };
    let database = server.database_by("").await;
    let options = options("DATABASE_URL", &database.url).unwrap();
    let done = tokio::join!(bring_up_to_date(&options), bring_up_to_date(&options), bring_up_to_date(&options));
    assert!(matches!(done, (Ok(()), Ok(()), Ok(()))), "{done:?}");
}

/// A change of a large table takes longer than any lock is waited for otherwise.
#[tokio::test]
async fn a_node_waits_for_another_one_that_changes_the_tables() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let mut other = database.connect().await;
    other.lock().await.unwrap();
    let options = options("DATABASE_URL", &database.url).unwrap().options([("lock_timeout", "1ms")]);
    let mut start = std::pin::pin!(bring_up_to_date(&options));
    let waiting = "select exists (select 1 from pg_locks where locktype = 'advisory' and not granted
                   and waitstart < clock_timestamp() - interval '100 ms'
                   and database = (select oid from pg_database where datname = current_database()))";
    let until_waiting = async {
        while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut other).await.unwrap() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = &mut start => panic!("it has not waited: {done:?}"),
        () = until_waiting => {}
    }
    other.unlock().await.unwrap();
    start.await.unwrap();
}

#[tokio::test]
async fn only_a_user_without_the_right_is_told_to_own_the_database() {
    let Some(server) = postgres() else { return };
    let database = server.database_by("").await;
    let mut connection = database.connect().await;
    sqlx::query("create role visitor login").execute(&mut connection).await.unwrap();
    let visitor = options("DATABASE_URL", &database.url).unwrap().username("visitor");
    let said = format!("{:#}", bring_up_to_date(&visitor).await.unwrap_err());
    assert!(said.contains("has to be the owner"), "{said}");
    sqlx::query("create view conversation as select 1").execute(&mut connection).await.unwrap();
    let owner = options("DATABASE_URL", &database.url).unwrap();
    let said = format!("{:#}", bring_up_to_date(&owner).await.unwrap_err());
    assert!(said.contains("could not be brought up to date") && !said.contains("owner"), "{said}");
}

/// Each rule of the store is made for these, whatever the server's own settings are.
#[tokio::test]
async fn every_session_is_set_as_the_store_needs_it() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let change = "do $$ begin execute format('alter database %I set default_transaction_isolation = serializable', current_database()); end $$";
    sqlx::query(change).execute(&mut database.connect().await).await.unwrap();
    let mut connection = database.connect().await;
    let set = "select current_setting('transaction_isolation'), current_setting('idle_in_transaction_session_timeout'),
               current_setting('server_version_num')::bigint / 10000";
    let (isolation, idle, version): (String, String, i64) =
        sqlx::query_as(set).fetch_one(&mut connection).await.unwrap();
    assert_eq!((isolation.as_str(), idle.as_str()), ("read committed", "3s"));
    assert!(OLDEST <= version);
}
