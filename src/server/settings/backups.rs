//! Where copies of the database go, and when they are made.

use super::{Settings, Switch};
use crate::server::store::backup::{self, Series};
use std::path::PathBuf;
use std::time::Duration;

impl Settings {
    /// The database's file.
    ///
    /// # Errors
    /// `DATABASE_URL` names none.
    pub fn database(&self) -> anyhow::Result<PathBuf> {
        backup::file(&self.database_url)
    }

    /// The folder of automatic copies.
    ///
    /// # Errors
    /// As [`Settings::database`].
    pub fn backups(&self) -> anyhow::Result<PathBuf> {
        if let Some(folder) = &self.backup_folder {
            return Ok(folder.clone());
        }
        Ok(backup::own_folder(&self.database()?))
    }

    /// The folder for a copy before the tables change; none where that is switched off.
    ///
    /// # Errors
    /// As [`Settings::database`].
    pub fn backups_before_update(&self) -> anyhow::Result<Option<PathBuf>> {
        match self.backup_before_update {
            Switch::On => self.backups().map(Some),
            Switch::Off => Ok(None),
        }
    }

    /// The scheduled copies, and the time between two; none where there is no schedule.
    ///
    /// # Errors
    /// As [`Settings::database`].
    pub fn schedule(&self) -> anyhow::Result<Option<(Series, Duration)>> {
        let Some(hours) = self.backup_hours else { return Ok(None) };
        let series = Series::new(&self.database()?, &self.backups()?, self.backup_keep);
        Ok(Some((series, Duration::from_secs(3_600 * u64::from(hours)))))
    }
}
