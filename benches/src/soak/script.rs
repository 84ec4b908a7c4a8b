//! The answers of the models in a soak.

use crate::rng::Dice;
use crate::upstream::script::Script;

/// An answer of a tenth of a second to a few seconds, of one-byte characters or longer ones.
pub fn healthy(dice: &mut Dice) -> Script {
    Script {
        pieces: 20 + dice.below(280) as usize,
        gap_ms: 2 + dice.below(20),
        multibyte: dice.below(3) == 0,
        thinking: dice.below(3) as usize,
        split: (dice.below(5) == 0).then(|| 1 + dice.below(40) as usize),
        ..Script::default()
    }
}

/// A healthy answer, or one in four times one that goes wrong in its own way.
pub fn any(dice: &mut Dice) -> Script {
    let script = healthy(dice);
    if dice.below(4) > 0 {
        return script;
    }
    let after = Some(dice.below(script.pieces as u64) as usize);
    match dice.below(7) {
        0 => Script { reset_after: after, ..script },
        1 => Script { cut_after: after, ..script },
        2 => Script { close_after: after, ..script },
        3 => Script { error_after: after, ..script },
        4 => Script { silence_after: after, ..script },
        5 => Script { status: Some(503), times: Some(1), ..script },
        _ => Script { status: Some(400), ..script },
    }
}

/// Whether the answer, left alone, is whole. One that is refused once is asked for again.
pub fn is_whole(script: &Script) -> bool {
    let broken = [script.reset_after, script.cut_after, script.close_after, script.error_after, script.silence_after];
    broken.iter().all(Option::is_none) && (script.status.is_none() || script.times.is_some())
}

/// The answer's unusual properties.
pub fn words(script: &Script) -> String {
    let [script, usual] = [script, &Script::default()].map(|script| serde_json::json!(script));
    let unusual = script.as_object().into_iter().flatten().filter(|(name, value)| usual[name.as_str()] != **value);
    unusual.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}
