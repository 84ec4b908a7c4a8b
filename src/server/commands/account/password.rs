//! A password for an account: typed, or made here and printed once. It is never an argument, which every user of the
//! machine can read.

use super::{line, sentence};
use crate::server::passwords::{Password, Passwords};
use crate::server::secret;
use crate::server::settings::Given;
use std::io::{BufRead, Write};

pub(super) struct Chosen {
    text: String,
    is_ours: bool,
}

pub(super) fn chosen(given: Given, input: &mut (dyn BufRead + Send)) -> anyhow::Result<Chosen> {
    if given.password_stdin {
        return Ok(Chosen { text: line(input)?, is_ours: false });
    }
    Ok(Chosen { text: secret::short().map_err(sentence)?, is_ours: true })
}

impl Chosen {
    pub(super) async fn hash(&self) -> anyhow::Result<String> {
        let password = Password::parse(&self.text, "password").map_err(sentence)?;
        Passwords::new()?.hash(password).await.map_err(sentence)
    }

    pub(super) fn print(&self, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        if self.is_ours {
            writeln!(out, "The password, which is shown only now: {}", self.text)?;
        }
        Ok(())
    }
}
