//! Which processes used the machine under a load: medians of the rounds that were kept.

use crate::series::Series;
use crate::usage::Share;
use serde::Serialize;

#[derive(Serialize)]
pub struct Under {
    load: String,
    server: &'static str,
    share: Option<Share>,
    /// The server's whole processor time divided by the tokens. `None` for a burst, which has hardly any tokens.
    cpu_us_over_tokens: Option<f64>,
    /// Messages of a round that found no idle client.
    found_none: Option<f64>,
    kept: usize,
    discarded: usize,
}

pub const HEAD: [&str; 11] = [
    "load",
    "server",
    "busy",
    "server's",
    "clients'",
    "model's",
    "others'",
    "steal",
    "CPU us/token",
    "no idle client",
    "rounds",
];
/// The columns with numbers.
pub const NUMBERS: &[usize] = &[2, 3, 4, 5, 6, 7, 8, 9];

impl Under {
    pub fn of(series: &Series) -> [Self; 2] {
        let shares = series.shares();
        let found_none = series.median(|seen| seen.found_none as f64);
        let cpu = series.median(|seen| seen.usage.cpu.as_secs_f64() * 1e6 / seen.tokens);
        [("relay", 0), ("Rivulet", 1)].map(|(server, way)| Self {
            load: series.shape.name(),
            server,
            share: shares[way],
            cpu_us_over_tokens: cpu[way].filter(|cpu| cpu.is_finite()),
            found_none: found_none[way],
            kept: series.kept.len(),
            discarded: series.discarded,
        })
    }

    /// The cells of its line in the table.
    pub fn cells(&self) -> [String; 11] {
        let part = |part: fn(&Share) -> f64| self.share.as_ref().map(|share| format!("{:.1}", part(share)));
        let discarded = if self.discarded == 0 { String::new() } else { format!(", {} discarded", self.discarded) };
        [
            self.load.clone(),
            self.server.to_owned(),
            part(|share| share.busy).unwrap_or_default(),
            part(|share| share.server).unwrap_or_default(),
            part(|share| share.clients).unwrap_or_default(),
            part(|share| share.upstream).unwrap_or_default(),
            part(|share| share.others).unwrap_or_default(),
            part(|share| share.steal).unwrap_or_default(),
            self.cpu_us_over_tokens.map(|cpu| format!("{cpu:.1}")).unwrap_or_default(),
            self.found_none.map(|count| format!("{count:.0}")).unwrap_or_default(),
            format!("{}{discarded}", self.kept),
        ]
    }
}
