//! The meaning of a provider's message where it has no error code for it: no credit left, or a conversation that is too
//! long. Servers word these differently, so the rules look at which things one sentence names together. Pure.

/// Sentences that suffice by themselves.
const NO_CREDIT: &[&str] = &[
    "spending limit",
    "spend limit",
    "spending cap",
    "billing hard limit",
    "check your billing",
    "budget has been exceeded",
    "budget exceeded",
    "payment required",
    "insufficient quota",
    "insufficient user quota",
    "past due",
    "overdue invoice",
    "arrearage",
    "unpaid invoice",
    "account is in good standing",
    "余额不足",
    "额度不足",
    "欠费",
];
/// An account's money ...
const MONEY: &[&str] = &["credit", "credits", "balance", "funds"];
/// ... and how servers say that it is used up.
const USED_UP: &[&str] = &[
    "too low",
    "insufficient",
    "not enough",
    "not sufficient",
    "used all",
    "used up",
    "run out",
    "ran out",
    "out of credit",
    "out of funds",
    "exhausted",
    "depleted",
    "exceeded",
    "no credit",
    "no more credit",
    "no remaining",
    "any credits",
    "requires more",
    "negative",
    "low balance",
    "zero balance",
];

/// Explicit phrases for too much input; what is too long may follow them.
const TOO_LONG: &[&str] = &[
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input too long",
    "inputs too long",
    "conversation is too long",
    "conversation too long",
    "messages are too long",
    "context is too long",
    "context too long",
    "context overflow",
    "maximum context length",
    "too many input tokens",
    "too many tokens",
    "prompt exceeds",
    "range of input length",
    "reduce the length of the messages",
    "reduce the length of your prompt",
    "reduce the length of the input",
    "inputs must have less than",
];
/// What a conversation must fit into, or what is measured ...
const WINDOW: &[&str] = &[
    "context window",
    "context length",
    "context size",
    "context limit",
    "maximum context",
    "max context",
    "model token limit",
    "models token limit",
    "maximum number of tokens",
    "prompt length",
    "input length",
    "input token",
    "inputs tokens",
    "prompt tokens",
    "prompt token count",
    "maximum sequence length",
    "max seq len",
    "max model len",
    "max input tokens",
    "max prompt tokens",
    "n ctx",
];
/// ... and how servers say that it does not.
const OVER: &[&str] = &[
    "exceed",
    "too long",
    "too large",
    "too many",
    "longer than",
    "larger than",
    "greater than",
    "more than",
    "must be less",
    "less than or equal",
    "but the request",
    "however",
    " > ",
    "<=",
    "does not fit",
    "doesnt fit",
    "reduce",
    "surpass",
    "is over ",
    "beyond",
];
/// A limit on requests in a time is not one on the length of a conversation.
const RATES: &[&str] = &["per minute", "per min", "per second", "per hour", "per day", "rate limit", "(tpm", "(rpm"];

/// The servers' names for the requested limit of the reply, as [`plain`] leaves them.
const LIMITS: &[&str] = &[
    "max tokens",
    "max completion tokens",
    "max output tokens",
    "maxoutputtokens",
    "max new tokens",
    "num predict",
    "output tokens",
    "completion tokens",
];
/// Words for the input. A sentence about the reply's limit that also has one of these is about both together.
const INPUT: &[&str] = &["input", "prompt", "messages", "context length", "context limit", "+"];
/// Words after the name of a limit: the limit alone is invalid.
const LIMIT_IS_WRONG: &[&str] =
    &["is too large", "too large", "is too high", "cannot be greater", "must be less", "must be at most", "must be <="];

/// Whether the account has no credit left.
pub(super) fn wants_credit(message: &str) -> bool {
    sentences(message).iter().any(|sentence| {
        let is_money = || sentence.split(' ').any(|word| MONEY.contains(&word.trim_matches([',', ':', '!', '?', '.'])));
        has(sentence, NO_CREDIT) || has(sentence, USED_UP) && is_money()
    })
}

/// Whether a quota is used up: one of money, unless the provider says that it is one of requests.
pub(super) fn is_quota_used_up(message: &str) -> bool {
    has(&plain(message), &["exceeded your current quota", "exceeded its current quota"])
}

/// Whether the conversation, or the conversation and the reply together, exceed the model's window.
pub(super) fn complains_of_length(message: &str) -> bool {
    let message = plain(message);
    if has(&message, RATES) || wants_a_shorter_reply(&message) {
        return false;
    }
    has(&message, TOO_LONG) || has(&message, WINDOW) && has(&message, OVER)
}

/// Whether a reply of this length cannot be requested, however short the conversation is.
fn wants_a_shorter_reply(message: &str) -> bool {
    let is_wrong = |limit: &&str| {
        let mut behind = message.split(*limit).skip(1).map(|rest| rest.trim_start_matches([' ', '=', ':']));
        behind.any(|rest| LIMIT_IS_WRONG.iter().any(|wrong| rest.trim_start_matches(is_number).starts_with(wrong)))
    };
    let is_alone = has(message, LIMITS) && !has(message, INPUT);
    is_alone || LIMITS.iter().any(is_wrong) && !is_a_sum(message)
}

fn is_number(character: char) -> bool {
    character.is_ascii_digit() || character == ' '
}

/// Whether something is refused for its size, and not because it is unknown.
pub(super) fn is_about_an_amount(message: &str) -> bool {
    const AMOUNTS: &[&str] = &[
        "too large",
        "too high",
        "too big",
        "too small",
        "too low",
        "at most",
        "at least",
        "must be less",
        "must be greater",
        "must be between",
        "must be <",
        "must be >",
        "must be positive",
        "greater than",
        "less than",
        "minimum",
        "maximum",
        "exceed",
        " > ",
        " < ",
        "<=",
        ">=",
        "range",
    ];
    has(&plain(message), AMOUNTS)
}

/// Whether input and reply are added up: `input length and max_tokens`, `inputs tokens + max_new_tokens`.
fn is_a_sum(message: &str) -> bool {
    LIMITS.iter().any(|limit| {
        let mut before = message.match_indices(limit).map(|(at, _)| message[..at].trim_end());
        before.any(|before| before.ends_with('+') || before.ends_with(" and") && has(before, INPUT))
    })
}

fn sentences(message: &str) -> Vec<String> {
    let message = plain(message);
    message.split(". ").map(str::to_owned).collect()
}

/// In small letters, without quotation marks, and names as words: `max_tokens` reads `max tokens`.
fn plain(message: &str) -> String {
    let shown = message.chars().filter(|character| !"`'\"‘’“”".contains(*character));
    let spaced: String = shown.map(|character| if character == '_' { ' ' } else { character }).collect();
    spaced.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z10_an_account_without_credit_is_told_by_its_meaning() {
        for sentence in [
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade.",
            "Your team has either used all available credits or reached its monthly spending limit.",
            "Your newly created team doesn't have any credits yet. You can purchase those on https://console.x.ai.",
            "Insufficient Balance",
            "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
            "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 9",
            "You have exceeded your monthly included credits for Inference Providers.",
            "Your prepayment credits are depleted.",
            "Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices",
            "Your account is not active, please check your billing details on our website.",
            "insufficient_user_quota",
            "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0",
            "余额不足或无可用资源包,请充值。",
        ] {
            assert!(wants_credit(sentence), "{sentence}");
        }
        for sentence in [
            "Your credentials are not valid",
            "The caller does not have permission to execute the specified operation",
            "You exceeded your current quota, please check your plan and billing details.",
            "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
            "messages: roles must alternate",
            "The load balancer has no healthy upstream",
            "You have insufficient permissions for this operation.",
            "Your token limit was exceeded",
        ] {
            assert!(!wants_credit(sentence), "{sentence}");
        }
    }

    #[test]
    fn z13_a_conversation_that_is_too_long_is_told_by_its_meaning() {
        for sentence in [
            "prompt is too long: 210000 tokens > 200000 maximum",
            "This model's maximum context length is 4097 tokens. However, you requested 5000 tokens (1000 in the messages, \
             4000 in the completion). Please reduce the length of the messages or completion.",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "the request exceeds the available context size. try increasing the context size or enable context shift",
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            "Too many input tokens. Max input tokens: 8192",
            "too many tokens: total number of tokens in the prompt cannot exceed 4081",
            "the input length exceeds the context length",
            "Range of input length should be [1, 30720]",
            "However, the model is loaded with context length of only 4096 tokens, which is not enough",
        ] {
            assert!(complains_of_length(sentence), "{sentence}");
        }
    }

    #[test]
    fn z13_a_reply_that_is_asked_to_be_too_long_is_no_conversation_that_is() {
        for sentence in [
            "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-x",
            "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided \
             100000.",
            "'max_tokens' or 'max_completion_tokens' is too large: 50000. This model's maximum context length is 4096 tokens \
             and your request has 10 input tokens (50000 > 4096 - 10).",
            "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the \
             `context_window` for this model",
            "max_tokens=50000 cannot be greater than max_model_len=4096",
            "Unable to submit request because it has a maxOutputTokens value of 100000 but the supported range is from 1 \
             (inclusive) to 8193 (exclusive). Update the value and try again.",
            "Range of max_tokens should be [1, 8192]",
            "Request too large for model m on tokens per minute (TPM): Limit 6000, Requested 10000, please reduce your \
             message size and try again.",
            "This request would exceed your organization's rate limit of 30,000 input tokens per minute.",
            "Invalid value for temperature: must be less than or equal to 2",
            "messages: roles must alternate",
        ] {
            assert!(!complains_of_length(sentence), "{sentence}");
        }
    }
}
