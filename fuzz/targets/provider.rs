//! A provider's answer, bytes that may be anything: both framings and every decoder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rivulet::server::provider::{Delta, Kind, Limits, Origin};
use std::sync::{Arc, LazyLock};

static ORIGIN: LazyLock<Arc<Origin>> = LazyLock::new(|| Arc::new(Origin::environment("fuzz", "FUZZ")));

// The first byte chooses where the network cuts, the rest is the answer.
fuzz_target!(|data: &[u8]| {
    let Some((&size, answer)) = data.split_first() else { return };
    for kind in Kind::ALL {
        let whole = read(kind, [answer]);
        let cut = read(kind, answer.chunks(usize::from(size).max(1)));
        assert_eq!(whole, cut, "an answer says the same however the network cuts it");
        let ends = |delta: &&Delta| matches!(delta, Delta::Finished { .. } | Delta::Failed(_));
        assert_eq!(whole.iter().filter(ends).count(), 1, "an answer ends once");
        assert!(whole.last().is_some_and(|delta| ends(&delta)), "nothing comes behind the end");
    }
});

fn read<'a>(kind: Kind, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Delta> {
    let mut reader = kind.reader(&ORIGIN, &Limits::default());
    let mut deltas: Vec<_> = chunks.into_iter().flat_map(|chunk| reader.push(chunk)).collect();
    deltas.extend(reader.end());
    deltas
}
