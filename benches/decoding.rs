//! What one token of a model's stream costs to read, from the network's bytes to the delta, in each format.
//!
//! A token comes as the vendors send it, with everything around it, and in a chunk of its own. Promised are at most three
//! microseconds for each.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rivulet::server::provider::ProviderLimits;
use rivulet::server::provider::{Delta, Kind, Origin};
use std::hint::black_box;
use std::sync::Arc;

/// A long reply, in tokens.
const TOKENS: usize = 2_000;

/// One token as the vendor writes it.
fn event(kind: Kind) -> &'static str {
    match kind {
        Kind::Anthropic => {
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
             {\"type\":\"text_delta\",\"text\":\" Grüße\"}}\n\n"
        }
        Kind::OpenAi => {
            "data: {\"id\":\"chatcmpl-CZ1x8sYb2V7dQ0eHnTqkGJb1\",\"object\":\"chat.completion.chunk\",\
             \"created\":1790000000,\"model\":\"gpt-5.6-sol-2026-08-21\",\"service_tier\":\"default\",\
             \"system_fingerprint\":null,\"choices\":[{\"index\":0,\"delta\":{\"content\":\" Grüße\"},\"logprobs\":null,\
             \"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"q8JxZ1\"}\n\n"
        }
        Kind::Mistral => {
            "data: {\"id\":\"a1b2c3\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\
             \"magistral-small-latest\",\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\
             \" Grüße\"}]},\"finish_reason\":null}]}\n\n"
        }
        Kind::Responses => {
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1042,\
             \"item_id\":\"msg_68f0c3a1d2e48190a7b6c5d4e3f20118\",\"output_index\":1,\"content_index\":0,\"delta\":\
             \" Grüße\",\"logprobs\":[],\"obfuscation\":\"q8JxZ1\"}\n\n"
        }
        Kind::Gemini => {
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" Grüße\"}],\"role\":\"model\"},\"index\":0}],\
             \"usageMetadata\":{\"promptTokenCount\":8,\"candidatesTokenCount\":412,\"totalTokenCount\":439,\
             \"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":8}],\"thoughtsTokenCount\":19},\
             \"modelVersion\":\"gemini-3.8-flash\",\"responseId\":\"k3gfaYb2V7dQ0eHn\"}\n\n"
        }
        Kind::Ollama => {
            "{\"model\":\"qwen3:8b\",\"created_at\":\"2026-11-22T10:00:00.312345678Z\",\"message\":\
             {\"role\":\"assistant\",\"content\":\" Grüße\"},\"done\":false}\n"
        }
    }
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decoding");
    group.throughput(Throughput::Elements(TOKENS as u64));
    let origin = Arc::new(Origin::environment("bench", "BENCH"));
    for kind in Kind::ALL {
        let event = event(kind).as_bytes();
        let reader = || kind.reader(&origin, &ProviderLimits::default());
        assert!(reader().push(event).contains(&Delta::Text(" Grüße".into())), "{} is misread", kind.name());
        group.bench_function(kind.name(), |bencher| {
            let whole = |mut reader: rivulet::server::provider::reader::Reader| {
                for _ in 0..TOKENS {
                    black_box(reader.push(black_box(event)));
                }
                reader
            };
            bencher.iter_batched(reader, whole, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, decoding);
criterion_main!(benches);
