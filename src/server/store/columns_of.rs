//! The columns of tables of which everything is read.
//!
//! No statement says `*`: two versions share a database during an update, and a statement that was prepared before the
//! newer one adds a column would give more columns than its reader was told of.

/// The columns of a table, each with the table's name in front.
macro_rules! columns {
    (account) => {
        "account.id, account.kind, account.created_at, account.name, account.name_key, account.password, \
             account.role, account.disabled_at, account.signed_up_at, account.sends_per_minute, \
             account.open_replies, account.streams, account.tokens_per_day, account.tokens_per_month, \
             account.leaving_at, account.name_skeleton, account.name_look"
    };
    (api_token) => {
        "api_token.token_hash, api_token.account, api_token.name, api_token.scope, api_token.created_at, \
             api_token.last_used_at"
    };
    (audit) => {
        "audit.id, audit.at, audit.actor, audit.action, audit.subject, audit.detail, audit.times"
    };
    (conversation) => {
        "conversation.id, conversation.account, conversation.title, conversation.model, \
             conversation.system, conversation.created_at, conversation.updated_at, conversation.parameters, \
             conversation.title_by, conversation.leaf, conversation.leaf_since, conversation.leaving_at, \
             conversation.site"
    };
    (identity) => {
        "identity.id, identity.account, identity.issuer, identity.subject, identity.address, \
             identity.called, identity.created_at"
    };
    (invitation) => {
        "invitation.token_hash, invitation.note, invitation.role, invitation.uses, invitation.used, \
             invitation.ends_at, invitation.made_by, invitation.created_at"
    };
    (message) => {
        "message.id, message.conversation, message.position, message.parent, message.role, message.text, \
             message.thinking, message.status, message.model, message.input_tokens, message.output_tokens, \
             message.stop_reason, message.error, message.process, message.created_at, message.first_piece_at, \
             message.finished_at, message.stop_asked, message.thinking_ms, message.thinking_since, \
             message.usage_estimated, message.left_out, message.images, message.images_left_out, \
             message.cost_micros, message.asked, message.account"
    };
    (picture) => {
        "picture.hash, picture.media_type, picture.width, picture.height, picture.bytes"
    };
    (public_link) => {
        "public_link.conversation, public_link.token_hash, public_link.names, public_link.created_at"
    };
    (share) => {
        "share.conversation, share.account, share.role, share.created_at"
    };
    (share_link) => {
        "share_link.token_hash, share_link.conversation, share_link.role, share_link.uses, \
             share_link.used, share_link.ends_at, share_link.created_at"
    };
}

pub(super) use columns;
