//! A provider's answer, bytes that may be anything: the SSE parser and both decoders.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rivulet::server::provider::reader::Reader;
use rivulet::server::provider::{Decoder, Delta, Limits, anthropic, openai};

// The first byte chooses where the network cuts, the rest is the answer.
fuzz_target!(|data: &[u8]| {
    let Some((&size, answer)) = data.split_first() else { return };
    for decoder in [anthropic, openai] {
        let whole = read(decoder(), [answer]);
        let cut = read(decoder(), answer.chunks(usize::from(size).max(1)));
        assert_eq!(whole, cut, "an answer says the same however the network cuts it");
        let ends = |delta: &&Delta| matches!(delta, Delta::Finished { .. } | Delta::Failed(_));
        assert_eq!(whole.iter().filter(ends).count(), 1, "an answer ends once");
        assert!(whole.last().is_some_and(|delta| ends(&delta)), "nothing comes behind the end");
    }
});

fn anthropic() -> Box<dyn Decoder> {
    Box::new(anthropic::Decoder::default())
}

fn openai() -> Box<dyn Decoder> {
    Box::new(openai::Decoder::default())
}

fn read<'a>(decoder: Box<dyn Decoder>, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Delta> {
    let mut reader = Reader::new(decoder, &Limits::default());
    let mut deltas: Vec<_> = chunks.into_iter().flat_map(|chunk| reader.push(chunk)).collect();
    deltas.extend(reader.end());
    deltas
}
