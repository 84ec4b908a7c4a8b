//! The measured program's own commands, which can be killed.

use anyhow::{Context, ensure};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// A command that was started.
pub struct Running(Child);

pub fn backup(database: &Path, to: &Path) -> anyhow::Result<Running> {
    run(database, &["backup", "--force", &to.display().to_string()])
}

pub fn restore(from: &Path, database: &Path) -> anyhow::Result<Running> {
    run(database, &["restore", &from.display().to_string()])
}

fn run(database: &Path, words: &[&str]) -> anyhow::Result<Running> {
    let program = std::env::var_os("RIVULET_BENCH_SERVER").unwrap_or_else(|| "target/release/rivulet".into());
    let mut command = Command::new(program);
    command.env_clear().env("DATABASE_URL", format!("sqlite:{}", database.display())).args(words);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    spawned.map(Running).context("the command cannot be started")
}

impl Running {
    /// # Errors
    /// It failed, with what it said.
    pub async fn finish(self) -> anyhow::Result<()> {
        let output = spawn_blocking(|| self.0.wait_with_output()).await??;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    /// SIGKILL, unless it has ended before.
    pub async fn kill(mut self, after: Duration) -> anyhow::Result<()> {
        sleep(after).await;
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

/// A database that is whole and sound, to be read.
pub async fn sound(database: &Path) -> anyhow::Result<SqliteConnection> {
    let shown = database.display();
    let mut connection = SqliteConnectOptions::new().filename(database).read_only(true).connect().await?;
    let found: String = sqlx::query_scalar("pragma integrity_check").fetch_one(&mut connection).await?;
    ensure!(found == "ok", "{shown} is damaged: {found}");
    let broken = sqlx::query("pragma foreign_key_check").fetch_all(&mut connection).await?;
    ensure!(broken.is_empty(), "{shown}: {} rows refer to others that are not there", broken.len());
    Ok(connection)
}
